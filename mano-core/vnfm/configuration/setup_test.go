package configuration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// bench is a list over tables in memory. It is the VNF instance "v1" of north too, which
// produces vnfconfig/v1.
type bench struct {
	t   testing.TB
	bus *memstate.Bus
	now time.Time

	mu      sync.Mutex
	vnf     VNF
	gone    bool           // there is no such VNF instance
	data    map[string]any // vnfSpecificData that the VNF has
	version int            // of it, for its entity tag
	noTag   bool
	body    string   // that a GET answers with, if not empty
	status  int      // that a PATCH answers with, if not 0
	lost    bool     // the answer to a PATCH is lost, which has had its effect
	only    string   // type of content that is taken
	meddle  bool     // somebody else changes it before the PATCH
	silent  bool     // nobody answers
	calls   []string // what was asked: "GET", "PATCH {...}"
	records []hub.Record

	list *List
	end  func()
}

func newBench(t testing.TB) *bench {
	b := &bench{
		t: t, bus: &memstate.Bus{Domains: []string{"hub", "north", "south"}}, now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		vnf:  VNF{Domain: "north", Address: "https://vnf.test/api/", Wanted: map[string]any{"colour": "blue"}, Stamp: "op-1", By: "spiffe://hub/operator/admin"},
		data: map[string]any{"colour": "red", "own": "kept"},
	}
	b.open()
	t.Cleanup(func() { b.end() })
	return b
}

// open starts the function over the tables that there are, as after a crash.
func (b *bench) open() {
	b.t.Helper()
	if b.end != nil {
		b.end()
	}
	work, end := context.WithCancel(context.Background())
	b.end = end
	space := state.New(b.bus, "TEST", slog.New(slog.DiscardHandler))
	b.list = New(space, Config{
		VNF: func(_ context.Context, id string) (VNF, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if id != "v1" || b.gone {
				return VNF{}, hub.E(hub.NotFound, "find VNF", "there is none", nil)
			}
			v := b.vnf
			v.Wanted = maps.Clone(v.Wanted)
			return v, nil
		},
		Asked: func() []string { return []string{"v1"} },
		Client: func(domain string) (*http.Client, error) {
			if domain == "south" {
				return nil, hub.E(hub.NotFound, "reach VNF", "there is no credential for south", nil)
			}
			return &http.Client{Transport: b}, nil
		},
		Record: b.record, Now: func() time.Time { return b.now }, Log: slog.New(slog.DiscardHandler),
		Wait: func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() },
	})
	if err := space.Open(b.t.Context(), work, "hub", "north", "south"); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) record(_ context.Context, domain string, r hub.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if domain != "north" || r.Subject != "vnf/v1" || r.Actor == "" || strings.Contains(string(r.Data), "blue") {
		b.t.Errorf("record in %s: %+v %s", domain, r, r.Data)
	}
	if slices.ContainsFunc(b.records, func(was hub.Record) bool { return was.ID == r.ID }) {
		return hub.E(hub.Conflict, "record", "it is there already", nil)
	}
	b.records = append(b.records, r)
	return nil
}

func (b *bench) tag() string { return fmt.Sprintf("%q", fmt.Sprint("v", b.version)) }

// RoundTrip answers as the VNF does.
func (b *bench) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.URL.String() != "https://vnf.test/api/vnfconfig/v1/configuration" || r.Header.Get("Version") != Version {
		b.t.Errorf("%s %s, version %q", r.Method, r.URL, r.Header.Get("Version"))
	}
	if b.silent {
		return nil, errors.New("connection refused")
	}
	if r.Method == http.MethodGet {
		b.calls = append(b.calls, "GET")
		body := b.body
		if body == "" {
			raw, _ := json.Marshal(map[string]any{"vnfConfigurationData": map[string]any{"vnfSpecificData": b.data}})
			body = string(raw)
		}
		return b.answer(r, http.StatusOK, body), nil
	}
	raw, _ := io.ReadAll(r.Body)
	var in struct {
		VnfConfigurationData struct{ VnfSpecificData map[string]any }
	}
	if err := json.Unmarshal(raw, &in); err != nil || r.Method != http.MethodPatch {
		b.t.Errorf("%s %s", r.Method, raw)
	}
	if kind := r.Header.Get("Content-Type"); b.only != "" && kind != b.only {
		return b.answer(r, http.StatusUnsupportedMediaType, ""), nil
	}
	if len(b.records) == 0 {
		b.t.Errorf("%s is sent before it is recorded", raw)
	}
	text, _ := json.Marshal(in.VnfConfigurationData.VnfSpecificData)
	b.calls = append(b.calls, "PATCH "+string(text))
	if b.meddle {
		b.meddle = false
		b.version++
	}
	if want := r.Header.Get("If-Match"); want != b.tag() && !b.noTag || b.noTag && want != "" {
		return b.answer(r, http.StatusPreconditionFailed, `{"status":412,"detail":"it was changed"}`), nil
	}
	if b.status != 0 {
		return b.answer(r, b.status, fmt.Sprintf(`{"status":%d,"detail":"the colour is not to be had"}`, b.status)), nil
	}
	b.data, _ = merged(b.data, in.VnfConfigurationData.VnfSpecificData).(map[string]any)
	b.version++
	if b.lost {
		b.lost = false
		return nil, errors.New("connection reset")
	}
	return b.answer(r, http.StatusOK, string(raw)), nil
}

func (b *bench) answer(r *http.Request, status int, body string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	if status >= 400 {
		h.Set("Content-Type", "application/problem+json")
	}
	if !b.noTag {
		h.Set("ETag", b.tag())
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// merged is RFC 7396.
func merged(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if object, ok := target.(map[string]any); ok {
		maps.Copy(out, object)
	}
	for name, v := range changes {
		if v == nil {
			delete(out, name)
		} else {
			out[name] = merged(out[name], v)
		}
	}
	return out
}

// round looks at the VNF, an interval after the last time, and wants it to have been
// asked this.
func (b *bench) round(want ...string) {
	b.t.Helper()
	b.now = b.now.Add(DefaultInterval)
	b.list.Round(b.t.Context())
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.calls, want) {
		b.t.Errorf("the VNF was asked %q, want %q", b.calls, want)
	}
	b.calls = nil
}

// is wants the VNF to be so far.
func (b *bench) is(want State, problem string) View {
	b.t.Helper()
	v, err := b.list.Show(b.t.Context(), "v1")
	if err != nil || v.State != want || !strings.Contains(v.Problem, problem) || (problem == "") != (v.Problem == "") {
		b.t.Errorf("it is %s (%q, %v), want %s (%q)", v.State, v.Problem, err, want, problem)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = nil
	return v
}

func (b *bench) want(stamp string, values map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.vnf.Stamp, b.vnf.Wanted = stamp, values
}
