package performance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memnotify"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// bench is a function that measures things: "a" and "b" of north, with the parts "1" and
// "2", and "s" of south.
type bench struct {
	t      testing.TB
	bus    *memstate.Bus
	outbox *notify.Outbox

	mu     sync.Mutex
	now    time.Time
	closed error // of the outbox
	deaf   error // of what measures
	values func(t *Task) []Value
	asked  []Task
	ended  map[string]bool           // VNFs
	tried  []string                  // what a VNF tried at another's
	told   map[string]map[string]any // by ID
	order  []string

	meter *Meter
	mux   http.Handler
	end   func()
}

func newBench(t testing.TB) *bench {
	b := &bench{
		t: t, bus: &memstate.Bus{Domains: []string{"hub", "north", "south"}}, outbox: memnotify.Open(t, "north", "south"),
		now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), told: map[string]map[string]any{},
		values: func(t *Task) (list []Value) { // one of each metric and period: its number
			for _, o := range t.Objects {
				for _, m := range t.Metrics {
					for i, at := 1, t.From.Add(t.Period); !at.After(t.Until); i, at = i+1, at.Add(t.Period) {
						list = append(list, Value{Object: o, Metric: m, At: at, Value: float64(i)})
					}
				}
			}
			return list
		},
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
	b.meter = New(space, Config{
		API: "vnfpm", Path: "/vnfpm/v2", Objects: "/things/", Publish: b.publish, Callbacks: b.outbox, Gone: b.gone, Object: b.object, Measure: b.measure,
		Types: []ObjectType{
			{Name: "Thing", Group: "All", Metrics: []string{"heat", "light"}},
			{Name: "Part", Group: "Parts", Metrics: []string{"heat"}, Subs: "parts"},
		},
		Now:  func() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.now },
		Wait: func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() },
		Log:  slog.New(slog.DiscardHandler),
	})
	if err := space.Open(b.t.Context(), work, "hub", "north", "south"); err != nil {
		b.t.Fatal(err)
	}
	mux := httpapi.NewMux(httpapi.Options{})
	x := &Resource{Meter: b.meter, Authorize: b.authorize, Unbounded: func(who hub.Identity) bool { return who.Kind == hub.KindNFVO }}
	x.Routes(mux.API(httpapi.API{Name: "vnfpm", Major: "v2", Versions: []httpapi.APIVersion{{Version: "2.2.0"}}}))
	b.mux = mux
}

func (b *bench) object(_ context.Context, kind, id string) (string, []string, error) {
	domain := map[string]string{"a": "north", "b": "north", "s": "south"}[id]
	if domain == "" {
		return "", nil, hub.E(hub.NotFound, "find thing", "none", nil)
	}
	if kind == "Part" {
		return domain, []string{"1", "2"}, nil
	}
	return domain, nil, nil
}

// gone says of a VNF whether it has ended.
func (b *bench) gone(_ context.Context, who hub.Identity) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended[who.VNFInstance()], b.deaf
}

func (b *bench) measure(_ context.Context, t *Task) ([]Value, map[string]time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deaf != nil {
		return nil, nil, b.deaf
	}
	b.asked = append(b.asked, *t)
	return b.values(t), map[string]time.Time{"read": t.Until}, nil
}

func (b *bench) publish(ctx context.Context, e notify.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return b.closed
	}
	for s := range b.outbox.Subscriptions(e.API, "") {
		if s.TrustDomain != e.TrustDomain {
			continue
		}
		body, ok := e.Render(&s, notify.NotificationID(e.ID, s.ID))
		if !ok {
			continue
		}
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		n := map[string]any{}
		if err := json.Unmarshal(raw, &n); err != nil {
			return err
		}
		id := n["id"].(string)
		if b.told[id] == nil {
			b.order = append(b.order, id)
		}
		b.told[id] = n
	}
	return nil
}

// authorize takes the caller's word for who it is: the header X-Caller, kind@domain,
// of a VNF vnf@domain/vnfInstanceId.
func (b *bench) authorize(r *http.Request, operation, domain, target string) (hub.Identity, error) {
	kind, of, _ := strings.Cut(cmp.Or(r.Header.Get("X-Caller"), "oss@north"), "@")
	who := hub.Identity{TrustDomain: of, Kind: hub.Kind(kind), Name: "tester"}
	if kind == "vnf" {
		who.TrustDomain, who.Name, _ = strings.Cut(of, "/")
		of = who.TrustDomain
	}
	if strings.HasSuffix(operation, ":of-another") {
		b.tried = append(b.tried, operation+" "+target)
		return who, hub.E(hub.Denied, operation, "nobody may do this", nil)
	}
	if kind == "client" && operation != opQuery {
		return who, hub.E(hub.Denied, operation, "a client only looks", nil)
	}
	if domain != "" && domain != of && of != "hub" {
		return who, hub.E(hub.NotFound, operation, "there is no such thing", nil)
	}
	return who, nil
}

// pass lets time pass and everything happen that is due then.
func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	b.now = b.now.Add(d)
	b.mu.Unlock()
	b.meter.Round(b.t.Context())
}

func (b *bench) set(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
}

// notes are the notifications told so far.
func (b *bench) notes() (list []map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.order {
		list = append(list, b.told[id])
	}
	return list
}

func (b *bench) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://vnfm.test/vnfpm/v2"+target, bytes.NewReader([]byte(body)))
	r.Header.Set("Version", "2.2.0")
	if body != "" {
		r.Header.Set("Content-Type", map[bool]string{true: httpapi.TypeMergePatch, false: httpapi.TypeJSON}[method == "PATCH"])
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	return w
}

// want fails unless the answer has this status, and decodes it.
func want[T any](b *bench, status int, w *httptest.ResponseRecorder) (out T) {
	b.t.Helper()
	if w.Code != status {
		b.t.Fatalf("%d %s, want %d", w.Code, w.Body, status)
	}
	if w.Body.Len() > 0 && status < 300 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			b.t.Fatal(err)
		}
	}
	return out
}

// aJob is the body of a request for a PM job.
func aJob(objects, criteria string) string {
	return fmt.Sprintf(`{"objectType":"Thing","objectInstanceIds":%s,"criteria":%s,"callbackUri":"https://oss.test/n"}`, objects, criteria)
}

const criteria = `{"performanceMetric":["heat"],"collectionPeriod":10,"reportingPeriod":20}`

// aThreshold is the body of a request for a threshold.
func aThreshold(kind, object, rest, metric, details string) string {
	return fmt.Sprintf(`{"objectType":%q,"objectInstanceId":%q,%s"criteria":{"performanceMetric":%q,"thresholdType":"SIMPLE","simpleThresholdDetails":%s},"callbackUri":"https://oss.test/n"}`, kind, object, rest, metric, details)
}
