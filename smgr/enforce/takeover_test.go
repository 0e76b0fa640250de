package enforce_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/testbus"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/enforce"
)

// remembering is an NFVO of ours: it honours the Idempotency-Key, and remembers
// what it was asked for.
type remembering struct {
	*httptest.Server
	mu    sync.Mutex        // covers what is below
	ops   map[string]string // by Idempotency-Key
	order map[string][]string
	count int
	each  func(count int) // called with each new operation
}

func newRemembering(t testing.TB) *remembering {
	n := &remembering{ops: map[string]string{}, order: map[string][]string{}, each: func(int) {}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /manoward/v1/session", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /nslcm/v2/ns_instances/{id}/update", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Remove []string `json:"removeVnfInstanceId"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		n.mu.Lock()
		key := r.Header.Get("Idempotency-Key")
		id, known := n.ops[key]
		if !known {
			n.count++
			id = fmt.Sprint("op-", n.count)
			n.ops[key] = id
			n.order[r.PathValue("id")] = append(n.order[r.PathValue("id")], body.Remove...)
		}
		count, each := n.count, n.each
		n.mu.Unlock()
		if !known {
			each(count)
		}
		w.Header().Set("Location", "/nslcm/v2/ns_lcm_op_occs/"+id)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET /nslcm/v2/ns_lcm_op_occs/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": r.PathValue("id"), "operationState": "COMPLETED"})
	})
	n.Server = httptest.NewServer(mux)
	t.Cleanup(n.Close)
	return n
}

// whole is one process of a Security Manager: it decides and enforces over the
// bus.
type whole struct {
	*enforce.Enforcer
	d     *decide.Decider
	dead  atomic.Bool
	kill  func() // ends it as a crash does: nothing that it does has an effect any more
	ended chan struct{}
}

var errDead = errors.New("the process is dead")

func (p *whole) alive() error {
	if p.dead.Load() {
		return hub.E(hub.Unavailable, "test", "the process is dead", errDead)
	}
	return nil
}

// mortal are the parts of the world that a dead process does not reach.
type mortal struct {
	*whole
	tables state.Tables
	queue  queue
	http   http.RoundTripper
}

func (m mortal) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := m.tables.Open(ctx, domain, name)
	return mortalTable{t, m.whole}, err
}

type mortalTable struct {
	state.Table
	*whole
}

func (t mortalTable) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := t.alive(); err != nil {
		return nil, 0, err
	}
	return t.Table.Get(ctx, key)
}

func (t mortalTable) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := t.alive(); err != nil {
		return 0, err
	}
	return t.Table.Create(ctx, key, value)
}

func (t mortalTable) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := t.alive(); err != nil {
		return 0, err
	}
	return t.Table.Update(ctx, key, value, revision)
}

func (m mortal) Push(ctx context.Context, it enforce.Item) error {
	if err := m.alive(); err != nil {
		return err
	}
	return m.queue.Push(ctx, it)
}

func (m mortal) Consume(ctx context.Context, handler func(context.Context, enforce.Item) error) error {
	return m.queue.Consume(ctx, func(ctx context.Context, it enforce.Item) error {
		return errors.Join(handler(ctx, it), m.alive())
	})
}

func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := m.alive(); err != nil {
		return nil, err
	}
	a, err := m.http.RoundTrip(r)
	if err == nil && m.alive() != nil { // it never sees the answer
		_ = a.Body.Close()
		return nil, errDead
	}
	return a, err
}

// known is the topology: the VNF "ns-2.vnf-1" is in the NS "ns-2".
type known struct{}

func (known) Places(_ context.Context, vnf string) ([]enforce.Place, error) {
	ns, _, _ := strings.Cut(vnf, ".")
	return []enforce.Place{{NsInstanceID: ns, VnfProfileID: "web"}}, nil
}
func (known) Profile(context.Context, string, string) (enforce.Profile, error) {
	return enforce.Profile{}, nil
}
func (known) CoHosted(context.Context, string) ([]string, error) { return nil, nil }
func (known) OnHost(context.Context, string) ([]string, error)   { return nil, nil }
func (known) Apply(context.Context, smgr.Event) error            { return nil }
func (known) Follow(smgr.Event) error                            { return nil }

// Input makes the input of an event whose sender is the VNF that it is about.
func (known) Input(_ context.Context, e smgr.Event) ([]byte, error) {
	ns, _, _ := strings.Cut(e.Sender, ".")
	return json.Marshal(map[string]any{
		"schema": policies.InputSchema, "kind": e.Kind, "time": e.Time.Format(time.RFC3339Nano), "event": e.Body,
		"sm": map[string]any{"name": "alpha", "trustDomain": "north", "mode": "SEMI_ACTIVE"}, "subject": map[string]any{"nsInstanceId": ns},
		"ns":       map[string]any{"id": ns},
		"vnfs":     map[string]any{e.Sender: map[string]any{"id": e.Sender, "nsInstanceIds": []string{ns}}},
		"packages": map[string]any{}, "computes": map[string]any{}, "hosts": map[string]any{}, "images": map[string]any{}, "recent": []any{}, "asOf": map[string]any{},
	})
}

const ends = `# METADATA
# title: Test
# description: Test.
# scope: package
# custom:
#   id: ends
#   owner: a@example.net
#   severity: high
#   events: [review]
#   samples: ends.samples.yaml
package manoward.policies.ends

findings contains {"code": "found", "message": v.id, "target": {"vnfInstanceId": v.id}, "actions": [{"type": "terminate-vnf"}]} if some v in input.vnfs
`

func newWhole(t testing.TB, bus *testbus.Bus, nfvo *remembering) *whole {
	quick := natsbus.QueueConfig{Workers: 8, Shares: 8, Lease: 2 * time.Second, Backoff: func(int) time.Duration { return 20 * time.Millisecond }}
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	account, err := bus.Domain(t.Context(), "north")
	fail(err)
	orders, err := account.Queue(t.Context(), "SM-alpha-orders", quick)
	fail(err)
	events, err := account.Queue(t.Context(), "SM-alpha-events", quick)
	fail(err)
	log, err := account.Log(t.Context(), "records")
	fail(err)
	schemas, err := policies.OwnSchemas()
	fail(err)
	p := &whole{ended: make(chan struct{})}
	m := mortal{whole: p, tables: bus.Tables(), queue: queue{orders}, http: nfvo.Client().Transport}
	space := state.New(m, "SM-alpha", slog.New(slog.DiscardHandler))
	blobs, err := m.Open(t.Context(), "north", "SM-alpha-blobs")
	fail(err)
	client := func(api string) *httpapi.Client {
		return &httpapi.Client{Base: nfvo.URL + api, HTTP: &http.Client{Transport: m}, Retries: -1}
	}
	records := func(ctx context.Context, list ...hub.Record) error {
		if err := p.alive(); err != nil {
			return err
		}
		return log.Append(ctx, list...)
	}
	p.Enforcer = enforce.New(enforce.Config{
		TrustDomain: "north", Name: "alpha", Space: space, Queue: m, Records: records, Topology: known{},
		Mode:    func(context.Context) (hub.Mode, error) { return hub.SemiActive, nil },
		Authors: func(context.Context, smgr.Order) ([]string, error) { return nil, nil },
		NFVO:    enforce.NFVO{SecEnforce: enforce.Interface{NsLcm: client("/nslcm/v2"), Session: client("/manoward/v1")}},
		Limits:  enforce.Limits{Orders: 1 << 20}, Sweep: 100 * time.Millisecond, Now: time.Now,
		Wait: func(ctx context.Context, d time.Duration) error {
			ctx, done := context.WithTimeout(ctx, d)
			defer done()
			if <-ctx.Done(); context.Cause(ctx) == context.DeadlineExceeded {
				return nil
			}
			return ctx.Err()
		},
		Log: slog.New(slog.DiscardHandler),
	})
	p.d = decide.New(decide.Config{
		Name: "alpha", TrustDomain: "north", Space: space, Blobs: blobs, Records: records, Topology: known{}, Orders: p.Enforcer,
		Schemas: schemas, Keys: func() []policies.VerificationKey { return nil }, Deadline: 10 * time.Second, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	p.kill = func() { p.dead.Store(true); cancel() }
	fail(space.Open(ctx, ctx, "north"))
	if _, active := p.d.Policies().Active(); !active { // the first process
		set := fstest.MapFS{"ends.rego": {Data: []byte(ends)}, "ends.samples.yaml": {Data: []byte(`
- {name: "yes", kind: review, input: {event: {reason: periodic}, vnfs: {v1: {id: v1}}}, findings: [{code: found}]}
- {name: "no", kind: review, input: {event: {reason: periodic}}, findings: []}
`)}}
		r, problems, err := p.d.Policies().PushFiles(t.Context(), set, "test", "spiffe://hub/operator/ben")
		if err != nil {
			t.Fatal(err, problems)
		}
		_, err = p.d.Policies().Activate(t.Context(), r.Revision, "spiffe://hub/operator/ben", "first")
		fail(err)
		_, err = p.d.Levels().Set(t.Context(), decide.Rule{Policy: decide.Every, Scope: decide.Every, Level: smgr.LevelEnforce, By: "spiffe://hub/operator/ben"})
		fail(err)
	}
	go func() {
		defer close(p.ended)
		var both sync.WaitGroup
		both.Go(func() { _ = p.Run(ctx) })
		both.Go(func() {
			_ = events.Consume(ctx, func(ctx context.Context, it natsbus.Item) error {
				var e smgr.Event
				if err := json.Unmarshal(it.Data, &e); err != nil {
					t.Error(err)
				}
				return errors.Join(p.d.Handle(ctx, e, it.Attempt), p.alive())
			})
		})
		both.Wait()
	}()
	t.Cleanup(func() { cancel(); <-p.ended })
	return p
}

// Two processes of one Security Manager share its work over the bus. In the middle
// one of them dies, or loses its leases while it works: the other one goes on, every event is
// decided and every order carried out once, and those of one NS in order.
func TestTakeover_Bus(t *testing.T) {
	for _, how := range []string{"dies", "loses its leases"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			bus := testbus.Open(t, t.TempDir(), "north")
			nfvo := newRemembering(t)
			one := newWhole(t, bus, nfvo)
			two := newWhole(t, bus, nfvo)
			account, err := bus.Domain(t.Context(), "north")
			if err != nil {
				t.Fatal(err)
			}
			events, err := account.Queue(t.Context(), "SM-alpha-events", natsbus.QueueConfig{})
			if err != nil {
				t.Fatal(err)
			}
			const nss, each = 5, 6
			reached := make(chan struct{})
			nfvo.mu.Lock()
			nfvo.each = func(count int) {
				if count == nss*each/3 {
					if how == "dies" {
						one.kill() // before it sees the answer
					}
					close(reached)
				}
			}
			nfvo.mu.Unlock()
			for n := range each {
				for ns := range nss {
					e := smgr.Event{
						ID: fmt.Sprintf("event-%d-%d", ns, n), Kind: hub.EventReview, Key: smgr.KeyNs(fmt.Sprint("ns-", ns)), Origin: smgr.OriginReview,
						Sender: fmt.Sprintf("ns-%d.vnf-%d", ns, n), Time: time.Now().UTC(), Received: time.Now().UTC(), Body: json.RawMessage(`{"reason":"periodic"}`),
					}
					raw, err := json.Marshal(e)
					if err != nil {
						t.Fatal(err)
					}
					if err := events.Push(t.Context(), natsbus.Item{ID: e.ID, Key: e.Key, Data: raw}); err != nil {
						t.Fatal(err)
					}
				}
			}
			<-reached
			if how != "dies" {
				steal(t, account)
			}
			deadline := time.Now().Add(60 * time.Second)
			for {
				done := 0
				for o, err := range two.List(t.Context(), enforce.Query{State: smgr.OrderCompleted}, "") {
					if err != nil {
						t.Fatal(err)
					}
					if done++; o.State != smgr.OrderCompleted {
						t.Errorf("order %s is %s", o.ID, o.State)
					}
				}
				if done == nss*each {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d of %d orders were carried out", done, nss*each)
				}
				if pause(t.Context(), 50*time.Millisecond) != nil {
					return
				}
			}
			decided := map[string]int{}
			for dec, err := range two.d.Decisions(t.Context(), decide.Query{}) {
				if decided[dec.EventID]++; err != nil || len(dec.Orders) != 1 || len(dec.Undecided) > 0 {
					t.Errorf("%+v, %v", dec, err)
				}
			}
			nfvo.mu.Lock()
			defer nfvo.mu.Unlock()
			if len(decided) != nss*each || nfvo.count != nss*each {
				t.Errorf("%d events are decided, %d operations were begun; want %d", len(decided), nfvo.count, nss*each)
			}
			for ns, got := range nfvo.order {
				if !slices.IsSorted(got) || len(got) != each {
					t.Errorf("in %s the VNFs ended as %v", ns, got)
				}
			}
		})
	}
}

// Two processes judge the same finding on the same VNF at once, in events of
// different keys, over the bus: one order, which all decisions name, carried out
// once.
func TestRepeated_Bus(t *testing.T) {
	t.Parallel()
	bus := testbus.Open(t, t.TempDir(), "north")
	nfvo := newRemembering(t)
	one := newWhole(t, bus, nfvo)
	two := newWhole(t, bus, nfvo)
	const anna = "spiffe://hub/operator/anna"
	if err := one.Pause(t.Context(), anna, "until all is judged"); err != nil {
		t.Fatal(err)
	}
	const vnfs, times = 10, 4
	var all sync.WaitGroup
	for n := range vnfs * times {
		p := []*whole{one, two}[n%2]
		all.Go(func() {
			e := smgr.Event{
				ID: fmt.Sprint("event-", n), Kind: hub.EventReview, Key: smgr.KeyHost(fmt.Sprint("h-", n)), Origin: smgr.OriginReview,
				Sender: fmt.Sprintf("ns-%d.vnf", n/times), Time: time.Now().UTC(), Received: time.Now().UTC(), Body: json.RawMessage(`{"reason":"periodic"}`),
			}
			if err := p.d.Handle(t.Context(), e, 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := two.Resume(t.Context(), anna, "all is judged"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(60 * time.Second)
	for done := 0; done != vnfs; {
		if done = 0; time.Now().After(deadline) {
			t.Fatal("not all orders are carried out")
		}
		for _, err := range two.List(t.Context(), enforce.Query{State: smgr.OrderCompleted}, "") {
			if done++; err != nil {
				t.Fatal(err)
			}
		}
		if pause(t.Context(), 50*time.Millisecond) != nil {
			return
		}
	}
	orders, decided := map[string]bool{}, 0
	for o, err := range two.List(t.Context(), enforce.Query{}, "") {
		if orders[o.ID] = true; err != nil || o.State != smgr.OrderCompleted {
			t.Errorf("order %s on %s is %s, %v", o.ID, o.Target, o.State, err)
		}
	}
	for dec, err := range two.d.Decisions(t.Context(), decide.Query{}) {
		if decided++; err != nil || len(dec.Orders) != 1 || !orders[dec.Orders[0]] {
			t.Errorf("the decision on %s names %v, %v", dec.EventID, dec.Orders, err)
		}
	}
	nfvo.mu.Lock()
	defer nfvo.mu.Unlock()
	if len(orders) != vnfs || decided != vnfs*times || nfvo.count != vnfs {
		t.Errorf("%d orders, %d decisions, %d operations; want %d, %d and %d", len(orders), decided, nfvo.count, vnfs, vnfs*times, vnfs)
	}
}

// steal takes the leases of both queues from whoever has them, for nobody.
func steal(t *testing.T, account *natsbus.Account) {
	leases, err := account.Table(t.Context(), "leases")
	if err != nil {
		t.Fatal(err)
	}
	for _, queue := range []string{"queue/SM-alpha-events", "queue/SM-alpha-orders"} {
		for {
			held, err := leases.Get(t.Context(), queue)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := leases.Update(t.Context(), queue, []byte(`{"owner":"nobody","lease":1000000000}`), held.Revision); err == nil {
				break
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
