package smgr_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/testkit/smload"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/intake"
	"github.com/manoward/manoward/smgr/topology"
)

const name = "alpha"

// chain is a Security Manager from the notification to the recorded decision, on a
// bus in memory, that knows a world of VNFs.
type chain struct {
	t       testing.TB
	vnfs    int
	serve   map[bool]http.Handler // of telemetry, or not
	decider *decide.Decider
	waiting []smgr.Event // what was taken in and is to be judged
	decided []*smgr.Decision
	sent    int
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newChain makes one, and has it read its world.
func newChain(t testing.TB, vnfs int) *chain {
	t.Helper()
	ctx, bus, log := t.Context(), &memstate.Bus{Alone: true}, slog.New(slog.DiscardHandler)
	c := &chain{t: t, vnfs: vnfs}
	schemas, err := policies.OwnSchemas()
	check(t, err)
	peers := world{&smload.Peers{VNFs: vnfs}}
	client := func(api string) *httpapi.Client {
		return &httpapi.Client{Base: "https://peers/" + api, HTTP: &http.Client{Transport: peers}, Retries: -1}
	}
	space := state.New(bus, "SM-"+name, log)
	top := topology.New(topology.Config{
		Name: name, TrustDomain: smload.Domain, Mode: func() hub.Mode { return hub.SemiActive }, Ns: client("nslcm/v2"), Packages: client("vnfpkgm/v2"), Vi: client("sc-vi/v1"),
		Judged: func(ctx context.Context, key string, since time.Time, known []smgr.Event) ([]smgr.Event, error) {
			return c.decider.Judged(ctx, key, since, known)
		},
		Space: space, Now: time.Now, Log: log,
	})
	blobs, err := bus.Open(ctx, smload.Domain, "blobs")
	check(t, err)
	records := func(context.Context, ...hub.Record) error { return nil }
	c.decider = decide.New(decide.Config{
		Name: name, TrustDomain: smload.Domain, Space: space, Blobs: blobs, Records: records, Topology: top, Orders: noOrders{}, Inventory: top,
		Push:    func(context.Context, smgr.Event) error { return nil },
		Schemas: schemas, Deadline: time.Minute, Keys: func() []policies.VerificationKey { return nil },
		Decided: func(d *smgr.Decision) { c.decided = append(c.decided, d) }, Now: time.Now, Log: log,
	})
	check(t, space.Open(ctx, ctx, smload.Domain))
	c.activate()
	check(t, top.Rebuild(ctx))
	in, err := intake.Open(ctx, bus, smload.Domain, name, intake.Ports{
		Push: func(_ context.Context, _, _ string, raw []byte) error {
			var e smgr.Event
			err := json.Unmarshal(raw, &e)
			c.waiting = append(c.waiting, e)
			return err
		},
		Decided: func(context.Context, string) (bool, error) { return false, nil },
		Told:    c.decider.Told,
		Append:  records, Check: schemas.CheckEvent, Log: log, Now: time.Now,
	}, intake.Limits{Rate: 1e9, Burst: 1e9})
	check(t, err)
	receiver, sender := intake.NewReceiver(in, everySubscription{}), func(*http.Request) (string, bool) { return "producer", true }
	c.serve = map[bool]http.Handler{false: receiver.Handler(hub.ScOrNsLcm, sender), true: receiver.Handler(hub.ScViTelem, sender)}
	return c
}

func (c *chain) activate() {
	const who = "spiffe://hub/operator/ann"
	p := c.decider.Policies()
	r, problems, err := p.PushFiles(c.t.Context(), smload.Policies(), "bench", who)
	if err != nil {
		c.t.Fatal(err, problems)
	}
	_, err = p.Activate(c.t.Context(), r.Revision, who, "bench")
	check(c.t, err)
	for policy, values := range smload.Parameters(c.t) {
		_, err := p.SetParameters(c.t.Context(), policy, values, who, "bench")
		check(c.t, err)
	}
}

// event sends one notification and has it judged, and returns how long that took.
func (c *chain) event() time.Duration {
	e := smload.NewEvent("bench", c.sent, c.vnfs, "s", time.Now())
	c.sent++
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(e.Body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	began := time.Now()
	c.serve[e.Telemetry].ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || len(c.waiting) != 1 {
		c.t.Fatalf("answered %d %s, %d events wait", w.Code, w.Body, len(c.waiting))
	}
	check(c.t, c.decider.Handle(c.t.Context(), c.waiting[0], 1))
	took := time.Since(began)
	c.waiting = nil
	d := c.decided[len(c.decided)-1]
	if len(d.Undecided) != 0 || (len(d.Findings) != 0) != e.Bad {
		c.t.Fatalf("event %d: %+v", c.sent-1, d)
	}
	c.decided = nil
	return took
}

// noOrders is where orders would go.
type noOrders struct{}

func (noOrders) Place(context.Context, smgr.Order) (string, bool, error) {
	return hub.NewID(), false, nil
}
func (noOrders) Plan(context.Context, smgr.Order) error          { return nil }
func (noOrders) Forget(context.Context, string, time.Time) error { return nil }
func (noOrders) Get(context.Context, string) (smgr.Order, error) {
	return smgr.Order{}, hub.E(hub.NotFound, "get order", "there is none", nil)
}

// everySubscription is a Security Manager that has every subscription.
type everySubscription struct{}

func (everySubscription) Owns(context.Context, hub.Interface, string) (bool, error) { return true, nil }
func (everySubscription) Renew(hub.Interface)                                       {}

// world is the peers without a network.
type world struct{ *smload.Peers }

// RoundTrip implements [http.RoundTripper].
func (w world) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// BenchmarkInventory takes events in and judges them among 1,000 and among 100,000
// VNFs, by turns: x is the ratio of the least time of a round of each. Nothing on
// the way of an event may grow with what there is.
func BenchmarkInventory(b *testing.B) {
	few, many := newChain(b, 1000), newChain(b, 100_000)
	const rounds, each = 20, 64
	for b.Loop() {
		least := map[*chain]time.Duration{few: time.Hour, many: time.Hour}
		for range rounds {
			for _, c := range []*chain{few, many} {
				var took time.Duration
				for range each {
					took += c.event()
				}
				least[c] = min(least[c], took/each)
			}
		}
		b.ReportMetric(float64(least[few].Microseconds()), "us-of-1000")
		b.ReportMetric(float64(least[many].Microseconds()), "us-of-100000")
		b.ReportMetric(float64(least[many])/float64(least[few]), "x")
	}
}

// TestInventory holds that an event costs as many allocations, from the
// notification to the decision, among 4,000 VNFs as among 500, and that the rules
// of the load find what they should and nothing else.
func TestInventory(t *testing.T) {
	var allocs []float64
	for _, vnfs := range []int{500, 4000} {
		c := newChain(t, vnfs)
		for range 64 {
			c.event()
		}
		allocs = append(allocs, testing.AllocsPerRun(64, func() { c.event() }))
	}
	if allocs[1] > 1.1*allocs[0] {
		t.Errorf("an event takes %v allocations among 4,000 VNFs and %v among 500", allocs[1], allocs[0])
	}
	t.Logf("%.0f and %.0f allocations", allocs[0], allocs[1])
}
