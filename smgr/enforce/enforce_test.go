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
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/testbus"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/enforce"
)

// The Security Manager's view of what a mode allows is the NFVO's decision table.
func TestNeeds(t *testing.T) {
	no := false
	seen := map[enforce.Need]bool{}
	for _, a := range []hub.Action{
		{Type: hub.ActionTerminateVnf, Snapshot: true, Replace: &no, DisablePackage: true, CoHosted: true, Erase: true},
		{Type: hub.ActionStopHost, Vnfs: "migrate", Quarantine: true}, {Type: hub.ActionStopHost, Vnfs: "terminate"},
		{Type: hub.ActionInsertSecurityVnf}, {Type: hub.ActionModifySecurityVnf}, {Type: hub.ActionRemoveSecurityVnf},
	} {
		for _, n := range enforce.Needs(a) {
			seen[n] = true
			if !slices.ContainsFunc(trust.Rules(), func(r trust.Rule) bool {
				return r.Party == hub.KindSM && r.Interface == n.Interface && string(r.Operation) == n.Operation && string(r.Attribute) == n.Attribute && r.Modes == n.Modes
			}) {
				t.Errorf("the NFVO has no rule %+v", n)
			}
		}
	}
	// And every attribute of an order that the NFVO knows is asked for by an action.
	for _, r := range trust.Rules() {
		n := enforce.Need{Interface: r.Interface, Operation: string(r.Operation), Attribute: string(r.Attribute), Modes: r.Modes}
		// A package is disabled by a request of its own, before its VNFs are replaced.
		if r.Party == hub.KindSM && r.Attribute != "" && r.Attribute != trust.DisablePackage && !seen[n] {
			t.Errorf("no action asks for %+v", n)
		}
	}
	for _, a := range []hub.ActionType{hub.ActionAlert, hub.ActionDenyCertificate, hub.ActionDowngradeAttestation} {
		if n := enforce.Needs(hub.Action{Type: a}); len(n) > 0 {
			t.Errorf("%s asks the NFVO for %v", a, n)
		}
	}
}

// queue joins the bus to the port.
type queue struct{ *natsbus.Queue }

func (q queue) Push(ctx context.Context, it enforce.Item) error {
	return q.Queue.Push(ctx, natsbus.Item{ID: it.ID, Key: it.Key, Data: it.Data})
}

func (q queue) Consume(ctx context.Context, handler func(context.Context, enforce.Item) error) error {
	return q.Queue.Consume(ctx, func(ctx context.Context, it natsbus.Item) error {
		err := handler(ctx, enforce.Item{ID: it.ID, Key: it.Key, Data: it.Data, Attempt: it.Attempt})
		if errors.Is(err, enforce.ErrPaused) {
			return natsbus.After(10*time.Millisecond, err)
		}
		return err
	})
}

// inventory is a topology with one NS for each VNF: "vnf-x" is in "ns-x".
type inventory struct{}

func (inventory) Places(_ context.Context, vnf string) ([]enforce.Place, error) {
	return []enforce.Place{{NsInstanceID: "ns-" + vnf[len("vnf-"):], VnfProfileID: "web"}}, nil
}
func (inventory) Profile(context.Context, string, string) (enforce.Profile, error) {
	return enforce.Profile{}, nil
}
func (inventory) CoHosted(context.Context, string) ([]string, error) { return nil, nil }
func (inventory) OnHost(context.Context, string) ([]string, error)   { return nil, nil }

// manager is a Security Manager's enforcement over a real bus, at an NFVO whose
// operations are done at once.
type manager struct {
	*enforce.Enforcer
	log  *natsbus.Log
	mu   sync.Mutex
	seen map[string]int // requests by Idempotency-Key
	wire chan string    // the keys, as they come
	done chan struct{}  // one for each order that is completed
}

func newManager(t testing.TB, bus *testbus.Bus) *manager {
	m := &manager{seen: map[string]int{}, wire: make(chan string, 1<<16), done: make(chan struct{}, 1<<16)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /manoward/v1/session", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /nslcm/v2/ns_instances/{id}/update", func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		m.mu.Lock()
		m.seen[key]++
		m.mu.Unlock()
		w.Header().Set("Location", "/nslcm/v2/ns_lcm_op_occs/"+r.PathValue("id"))
		w.WriteHeader(http.StatusAccepted)
		m.wire <- key
	})
	mux.HandleFunc("GET /nslcm/v2/ns_lcm_op_occs/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": r.PathValue("id"), "operationState": "COMPLETED"})
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	account, err := bus.Domain(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	q, err := account.Queue(t.Context(), "SM-alpha-orders", natsbus.QueueConfig{Workers: 64})
	if err != nil {
		t.Fatal(err)
	}
	if m.log, err = account.Log(t.Context(), "records"); err != nil {
		t.Fatal(err)
	}
	space := state.New(bus.Tables(), "SM-alpha", slog.New(slog.DiscardHandler))
	client := func(api string) *httpapi.Client {
		return &httpapi.Client{Base: server.URL + api, HTTP: server.Client()}
	}
	m.Enforcer = enforce.New(enforce.Config{
		TrustDomain: "north", Name: "alpha", Space: space, Queue: queue{q}, Records: m.log.Append, Topology: inventory{},
		Mode:    func(context.Context) (hub.Mode, error) { return hub.SemiActive, nil },
		Authors: func(context.Context, smgr.Order) ([]string, error) { return nil, nil },
		NFVO:    enforce.NFVO{SecEnforce: enforce.Interface{NsLcm: client("/nslcm/v2"), Session: client("/manoward/v1")}},
		Metrics: enforce.Metrics{Order: func(_ hub.ActionType, to smgr.OrderState) {
			if to == smgr.OrderCompleted {
				m.done <- struct{}{}
			}
		}},
		Limits: enforce.Limits{Orders: 1 << 20, Window: time.Second},
		Now:    time.Now,
		Wait: func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	if err := space.Open(ctx, ctx, "north"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return m
}

func order(i int) smgr.Order {
	return smgr.Order{
		ID: hub.DeriveID("order", fmt.Sprint(i)), DecisionID: "d", Policy: "p", Severity: hub.SeverityHigh, Message: "m",
		Action: hub.Action{Type: hub.ActionTerminateVnf}, Target: hub.Target{VnfInstanceID: fmt.Sprintf("vnf-%d", i)},
		Key: smgr.KeyNs(fmt.Sprintf("ns-%d", i)), Level: smgr.LevelEnforce, State: smgr.OrderPlanned,
	}
}

// Over a real bus: two processes share the work, and every order is carried out
// once and recorded.
func TestBus(t *testing.T) {
	bus := testbus.Open(t, t.TempDir(), "north")
	one, two := newManager(t, bus), newManager(t, bus)
	const n = 40
	for i := range n {
		m := []*manager{one, two}[i%2]
		if err := m.Plan(t.Context(), order(i)); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.After(30 * time.Second)
	for i := range n {
		select {
		case <-one.done:
		case <-two.done:
		case <-deadline:
			t.Fatalf("%d of %d orders were carried out", i, n)
		}
	}
	for i := range n {
		if o, err := one.Get(t.Context(), order(i).ID); err != nil || o.State != smgr.OrderCompleted {
			t.Errorf("order %d is %s (%s), %v", i, o.State, o.Reason, err)
		}
	}
	total := 0
	for _, m := range []*manager{one, two} {
		m.mu.Lock()
		for key, times := range m.seen {
			if total++; times != 1 {
				t.Errorf("%s was sent %d times", key, times)
			}
		}
		m.mu.Unlock()
	}
	if total != n {
		t.Errorf("%d of %d orders were sent", total, n)
	}
}

// BenchmarkOrderToWire is from Plan, as decide calls it, to the request at an
// NFVO over TLS, with a durable bus: one order at a time.
func BenchmarkOrderToWire(b *testing.B) {
	m := newManager(b, testbus.Open(b, b.TempDir(), "north"))
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := m.Plan(b.Context(), order(len(took))); err != nil {
			b.Fatal(err)
		}
		<-m.wire
		took = append(took, time.Since(began))
		b.StopTimer() // what comes behind the wire is not waited for
		<-m.done
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkDurableRecord is one of the durable writes that OrderToWire waits for.
func BenchmarkDurableRecord(b *testing.B) {
	m := newManager(b, testbus.Open(b, b.TempDir(), "north"))
	i := 0
	for b.Loop() {
		if err := m.log.Append(b.Context(), hub.Record{ID: fmt.Sprint(i), Kind: "bench", Time: time.Now(), Subject: "bench", Data: json.RawMessage(`{}`)}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkOrdersToWire is the same with 32 NSs at a time.
func BenchmarkOrdersToWire(b *testing.B) {
	m := newManager(b, testbus.Open(b, b.TempDir(), "north"))
	next := make(chan int, b.N)
	for i := range b.N {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 32 {
		wg.Go(func() {
			for i := range next {
				if err := m.Plan(context.Background(), order(i)); err != nil {
					b.Error(err)
					return
				}
				<-m.wire
			}
		})
	}
	wg.Wait()
}
