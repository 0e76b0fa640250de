package indicators

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// bench is a list over tables in memory, whose VNFs and subscribers are fakes. It is the
// producers' side of the HTTP client too.
type bench struct {
	t   testing.TB
	bus *memstate.Bus
	now time.Time

	mu      sync.Mutex
	vnfs    map[string]VNF
	vnfds   map[string][]sol001.IndicatorDesc
	read    int               // VNFDs that were read
	says    map[string]string // body by URL
	calls   []string          // URLs
	closed  error             // of the outbox
	told    map[string][]string
	ids     map[string]bool
	filters map[string]string // by subscription

	list *List
	end  func()
}

const (
	atVNF = "https://vnf.test/api"
	atEM  = "https://em.test"
)

func newBench(t testing.TB) *bench {
	b := &bench{
		t: t, bus: &memstate.Bus{Domains: []string{"hub", "north", "south"}}, now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		vnfs: map[string]VNF{}, says: map[string]string{}, told: map[string][]string{}, ids: map[string]bool{}, filters: map[string]string{"all": ""},
		vnfds: map[string][]sol001.IndicatorDesc{"web": {{ID: "load", Name: "Load", Source: sol001.SourceVNF}, {ID: "mode", Source: sol001.SourceEM}, {ID: "users", Source: sol001.SourceBoth}}},
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
		Publish: b.publish, VNF: b.vnf, Asked: b.asked, Declared: b.declared, Client: b.client,
		Concerns: func(f *sol003.VnfInstanceSubscriptionFilter, subject json.RawMessage) bool {
			return f == nil || slices.Contains(f.VnfInstanceNames, strings.Trim(string(subject), `"`))
		},
		Now: func() time.Time { return b.now }, Log: slog.New(slog.DiscardHandler),
		Wait: func(ctx context.Context, _ time.Duration) error { return context.Canceled },
	})
	if err := space.Open(b.t.Context(), work, "hub", "north", "south"); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) vnf(_ context.Context, id string) (VNF, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.vnfs[id]
	if !ok {
		return v, hub.E(hub.NotFound, "find VNF", "there is none", nil)
	}
	return v, nil
}

func (b *bench) asked() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, v := range b.vnfs {
		if len(v.Addresses) > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (b *bench) declared(_ context.Context, _, vnfd string) ([]sol001.IndicatorDesc, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read++
	if d, ok := b.vnfds[vnfd]; ok {
		return d, nil
	}
	return nil, hub.E(hub.Unavailable, "read VNFD", "the NFVO is away", nil)
}

func (b *bench) client(domain string) (*http.Client, error) {
	if domain == "south" {
		return nil, hub.E(hub.NotFound, "reach VNF", "there is no credential", nil)
	}
	return &http.Client{Transport: b}, nil
}

// RoundTrip answers as the producers do.
func (b *bench) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, r.URL.String())
	body, ok := b.says[r.URL.String()]
	if !ok {
		return nil, errors.New("connection refused")
	}
	if r.Header.Get("Version") != Version {
		b.t.Errorf("asked for version %q", r.Header.Get("Version"))
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// publish delivers an event to the subscriptions, each once.
func (b *bench) publish(_ context.Context, e notify.Event) error {
	if e.Key == "" {
		return hub.E(hub.Internal, "publish", "an event of "+e.API+" does not say what it is about", nil)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return b.closed
	}
	if e.API != API || e.TrustDomain != "north" {
		b.t.Errorf("event of %s in %s", e.API, e.TrustDomain)
	}
	for name, filter := range b.filters {
		s := &notify.Subscription{ID: name, Self: "https://vnfm.test/root/vnfind/v1/subscriptions/" + name}
		if filter != "" {
			s.Filter = json.RawMessage(filter)
		}
		body, ok := e.Render(s, "n-"+e.ID)
		if !ok || b.ids[name+e.ID] {
			continue
		}
		b.ids[name+e.ID] = true
		text := ""
		switch n := body.(type) {
		case *sol003.VnfIndicatorValueChangeNotification:
			text = fmt.Sprintf("%s %s=%s", n.VnfInstanceID, n.VnfIndicatorID, n.Value)
			if n.ID != "n-"+e.ID || n.Links.VnfInstance.Href != "https://vnfm.test/root/vnflcm/v2/vnf_instances/"+n.VnfInstanceID || n.Links.Subscription.Href != s.Self || n.NotificationType != TypeValue {
				b.t.Errorf("%+v", n)
			}
		case *sol003.SupportedIndicatorsChangeNotification:
			text = n.VnfInstanceID + " has"
			for _, x := range n.SupportedIndicators {
				text += " " + x.VnfIndicatorID
			}
		}
		b.told[name] = append(b.told[name], text)
	}
	return nil
}

// add makes a VNF instance of north that says where it is read.
func (b *bench) add(id string, sources ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := VNF{Domain: "north", VnfdID: "web", Subject: json.RawMessage(`"` + id + `"`), Addresses: map[string]string{}}
	for _, s := range sources {
		v.Addresses[s] = map[string]string{sol001.SourceVNF: atVNF, sol001.SourceEM: atEM}[s]
	}
	b.vnfs[id] = v
}

// say has a producer answer; values are pairs of an indicator and its value.
func (b *bench) say(root, id string, values ...string) {
	var items []string
	for p := range slices.Chunk(values, 2) {
		items = append(items, fmt.Sprintf(`{"id":%q,"vnfInstanceId":%q,"value":%s}`, p[0], id, p[1]))
	}
	b.answer(root, id, "["+strings.Join(items, ",")+"]")
}

func (b *bench) answer(root, id, body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.says[root+"/vnfind/v1/indicators/"+id] = body
}

// silent has a producer refuse connections.
func (b *bench) silent(root, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.says, root+"/vnfind/v1/indicators/"+id)
}

// round asks the VNFs, an interval after the last time.
func (b *bench) round() {
	b.now = b.now.Add(DefaultInterval)
	b.list.Round(b.t.Context())
}

// wantTold fails unless a subscriber was told this since it was asked last.
func (b *bench) wantTold(name string, want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.told[name], want) {
		b.t.Errorf("%s was told %q, want %q", name, b.told[name], want)
	}
	delete(b.told, name)
}

// wantValues fails unless a VNF has these values: "load={...}", sorted.
func (b *bench) wantValues(id string, want ...string) {
	b.t.Helper()
	var got []string
	if e, err := b.list.kept.Get(b.t.Context(), id); err == nil {
		for name, v := range e.Value.Values {
			got = append(got, name+"="+string(v.Value))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		b.t.Errorf("%s says %q, want %q", id, got, want)
	}
}
