package enforce

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// The persons of the tests.
const (
	anna = "spiffe://hub/operator/anna"
	ben  = "spiffe://hub/operator/ben" // brought the policies to act
)

// world is what outlives a process: tables, records, queue, NFVO and clock.
type world struct {
	testing.TB
	bus  memstate.Bus
	nfvo *fakeNFVO

	mu      sync.Mutex // covers what is below
	clock   time.Time
	records map[string]hub.Record
	order   []string // IDs of records as they came
	appends int      // of records, with repetitions
	items   []Item
	tries   map[string]int
	mode    hub.Mode
	authors []string
	onWait  func()
	// left is how many durable things happen before the process dies; below 0 it
	// lives.
	left   int
	limits Limits
	// The inventory as the topology shows it, beside that of the NFVO.
	profiles map[Place]Profile
	hidden   string // an NS that the topology does not know yet
	hosts    map[string][]string
}

func newWorld(t testing.TB, ours bool) *world {
	w := &world{
		TB: t, clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), records: map[string]hub.Record{}, tries: map[string]int{},
		mode: hub.FullyActive, authors: []string{ben}, left: -1, limits: Limits{Orders: 100},
		profiles: map[Place]Profile{}, hosts: map[string][]string{"host-1": {"vnf-a", "vnf-c"}},
	}
	w.nfvo = newFakeNFVO(t, ours, w.Now)
	return w
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// wait lets the clock jump.
func (w *world) wait(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	w.clock = w.clock.Add(d)
	fn := w.onWait
	w.mu.Unlock()
	if fn != nil {
		fn()
	}
	return ctx.Err()
}

var errDead = errors.New("the process is dead")

// point is passed before each durable thing; it fails once the process is dead.
func (w *world) point() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left == 0 {
		return hub.E(hub.Unavailable, "test", "the process is dead", errDead)
	}
	if w.left > 0 {
		w.left--
	}
	return nil
}

// tables has a point before and after each write: an answer may be lost.
type tables struct {
	w    *world
	deaf <-chan struct{} // until it is closed, nothing that is written is told; nil: it is told at once
}

func (b tables) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := b.w.bus.Open(ctx, domain, name)
	return table{t, b.w, b.deaf}, err
}

type table struct {
	state.Table
	w    *world
	deaf <-chan struct{}
}

func (t table) Watch(ctx context.Context, fn func(state.Change)) error {
	return t.Table.Watch(ctx, func(c state.Change) {
		if !c.Synced && t.deaf != nil {
			<-t.deaf
		}
		fn(c)
	})
}

func (t table) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := t.w.point(); err != nil {
		return 0, err
	}
	n, err := t.Table.Create(ctx, key, value)
	return n, errors.Join(err, t.w.point())
}

func (t table) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := t.w.point(); err != nil {
		return 0, err
	}
	n, err := t.Table.Update(ctx, key, value, revision)
	return n, errors.Join(err, t.w.point())
}

func (w *world) append(_ context.Context, list ...hub.Record) error {
	if err := w.point(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range list {
		w.appends++
		had, ok := w.records[r.ID]
		if !ok {
			w.order = append(w.order, r.ID)
			w.records[r.ID] = r
			continue
		}
		if had.Kind != r.Kind || !had.Time.Equal(r.Time) || had.Actor != r.Actor || string(had.Data) != string(r.Data) {
			w.Errorf("record %s (%s) came again with another content:\n%s\n%s", r.ID, r.Kind, had.Data, r.Data)
			return hub.E(hub.Conflict, "append", "another record has this ID", nil)
		}
	}
	return nil
}

func (w *world) kinds(kind string) []hub.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []hub.Record
	for _, id := range w.order {
		if w.records[id].Kind == kind {
			list = append(list, w.records[id])
		}
	}
	return list
}

// Push and Consume make the world a queue; work hands the items out.
func (w *world) Push(_ context.Context, it Item) error {
	if err := w.point(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.ContainsFunc(w.items, func(have Item) bool { return have.ID == it.ID }) {
		w.items = append(w.items, it)
	}
	return nil
}

func (w *world) Consume(ctx context.Context, _ func(context.Context, Item) error) error {
	<-ctx.Done()
	return nil
}

// transport has a point before and after each request.
type transport struct{ w *world }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.w.point(); err != nil {
		return nil, err
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && t.w.point() != nil {
		_ = a.Body.Close()
		return nil, errDead
	}
	return a, err
}

// The topology: what the NFVO has, with the profiles and hosts of the test.
func (w *world) Places(_ context.Context, vnf string) ([]Place, error) {
	w.nfvo.mu.Lock()
	defer w.nfvo.mu.Unlock()
	var list []Place
	for _, ns := range slices.Sorted(maps.Keys(w.nfvo.nss)) {
		if _, ok := w.nfvo.nss[ns][vnf]; ok && ns != w.hidden {
			list = append(list, Place{ns, "web"})
		}
	}
	return list, nil
}

func (w *world) Profile(_ context.Context, ns, profile string) (Profile, error) {
	w.mu.Lock()
	p := w.profiles[Place{ns, profile}]
	w.mu.Unlock()
	w.nfvo.mu.Lock()
	defer w.nfvo.mu.Unlock()
	p.VnfInstanceIDs = slices.Sorted(maps.Keys(w.nfvo.nss[ns]))
	return p, nil
}

func (w *world) OnHost(_ context.Context, host string) ([]string, error) {
	return slices.Clone(w.hosts[host]), nil
}

func (w *world) CoHosted(_ context.Context, vnf string) ([]string, error) {
	var list []string
	for _, on := range w.hosts {
		if slices.Contains(on, vnf) {
			list = append(list, slices.DeleteFunc(slices.Clone(on), func(id string) bool { return id == vnf })...)
		}
	}
	return list, nil
}

// process starts a process of the Security Manager.
func (w *world) process() *Enforcer {
	w.Helper()
	s, space := w.enforcer(nil)
	w.open(space)
	return s
}

// open opens a process's space; from then on it lives.
func (w *world) open(space *state.Space) {
	w.Helper()
	w.mu.Lock()
	w.left = -1
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	w.Cleanup(cancel)
	if err := space.Open(ctx, ctx, "north"); err != nil {
		w.Fatal(err)
	}
}

// enforcer makes an enforcer whose space is not open yet. Until deaf is closed it
// learns nothing of other processes.
func (w *world) enforcer(deaf <-chan struct{}) (*Enforcer, *state.Space) {
	space := state.New(tables{w, deaf}, "SM-alpha", slog.New(slog.DiscardHandler))
	client := func(api string) *httpapi.Client {
		return &httpapi.Client{Base: w.nfvo.URL + api, HTTP: &http.Client{Transport: transport{w}}, Retries: -1}
	}
	s := New(Config{
		TrustDomain: "north", Name: "alpha", Space: space, Queue: w, Records: w.append, Topology: w,
		Mode:    func(context.Context) (hub.Mode, error) { return w.mode, nil },
		Authors: func(context.Context, smgr.Order) ([]string, error) { return w.authors, nil },
		NFVO: NFVO{
			SecEnforce:      Interface{NsLcm: client("/nslcm/v2"), VnfPkgm: client("/vnfpkgm/v2"), ScOr: client("/sc-or/v1"), Session: client("/manoward/v1")},
			SecurityVnfMgmt: Interface{NsLcm: client("/nslcm/v2")},
		},
		Limits: w.limits, Now: w.Now, Wait: w.wait, Log: slog.New(slog.DiscardHandler),
	})
	return s, space
}

// step handles the first item of a key, as the queue would.
func (w *world) step(s *Enforcer, key string) error {
	w.mu.Lock()
	i := slices.IndexFunc(w.items, func(it Item) bool { return it.Key == key })
	it := w.items[i]
	w.tries[it.ID]++
	it.Attempt = w.tries[it.ID]
	w.mu.Unlock()
	err := s.handle(context.Background(), it)
	if err == nil && w.point() == nil { // the item is removed
		w.mu.Lock()
		w.items = slices.DeleteFunc(w.items, func(have Item) bool { return have.ID == it.ID })
		w.mu.Unlock()
	}
	return err
}

// work handles what is queued, with a pause after each failure, until nothing is
// left or it was tried often enough.
func (w *world) work(s *Enforcer, tries int) {
	w.Helper()
	for range tries {
		keys := w.waiting()
		if len(keys) == 0 {
			return
		}
		for _, key := range keys {
			if w.step(s, key) != nil && w.wait(context.Background(), 10*time.Second) != nil {
				w.Fatal("the clock stands still")
			}
		}
	}
}

func (w *world) waiting() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var keys []string
	for _, it := range w.items {
		if !slices.Contains(keys, it.Key) {
			keys = append(keys, it.Key)
		}
	}
	return keys
}

func newOrder(id, key string, a hub.Action, t hub.Target) smgr.Order {
	return smgr.Order{
		ID: id, DecisionID: "decision-1", Policy: "package-signer", Severity: hub.SeverityHigh, Message: "signed by somebody unknown",
		Action: a, Target: t, Key: key, Level: smgr.LevelEnforce, State: smgr.OrderPlanned,
	}
}

// terminate is an order to end a VNF of ns-1.
func terminate(id, vnf string) smgr.Order {
	return newOrder(id, "ns/ns-1", hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{NsInstanceID: "ns-1", VnfInstanceID: vnf})
}

func (w *world) plan(s *Enforcer, list ...smgr.Order) {
	w.Helper()
	for _, o := range list {
		if err := s.Plan(context.Background(), o); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) want(s *Enforcer, id string, state smgr.OrderState) smgr.Order {
	w.Helper()
	o, err := s.Get(context.Background(), id)
	if err != nil {
		w.Fatal(err)
	}
	if o.State != state {
		w.Fatalf("order %s is %s (%s), want %s; steps %+v", id, o.State, o.Reason, state, o.Steps)
	}
	return o
}

// checkRecords wants one record for each transition of an order, in order, the
// last one showing the order as it is.
func (w *world) checkRecords(s *Enforcer, id string) {
	w.Helper()
	e, err := s.get(context.Background(), id)
	if err != nil {
		w.Fatal(err)
	}
	var last smgr.Order
	n := 0
	for _, r := range w.kinds("sm.order") {
		if r.Subject == "order/"+id {
			n++
			if err := json.Unmarshal(r.Data, &last); err != nil {
				w.Fatal(err)
			}
		}
	}
	if n != e.Value.Seq || last.State != e.Value.State {
		w.Errorf("order %s has %d records of %d transitions, the last says %s of %s", id, n, e.Value.Seq, last.State, e.Value.State)
	}
}
