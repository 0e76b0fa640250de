package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// testTime bounds every wait of a test.
const testTime = 30 * time.Second

// memQueues are queues that survive the outbox that uses them.
type memQueues struct {
	mu      sync.Mutex
	queues  map[string]*memQueue
	backoff func(int) time.Duration
	fail    func(domain string) error // of opening and pushing; may be nil
	slow    func(id string)           // is called before an item is pushed; may be nil
}

func (m *memQueues) open(_ context.Context, domain string) (notify.Queue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(domain); err != nil {
			return nil, err
		}
	}
	if m.queues == nil {
		m.queues = map[string]*memQueue{}
	}
	q := m.queues[domain]
	if q == nil {
		q = &memQueue{all: m, domain: domain, changed: make(chan struct{}), busy: map[string]bool{}}
		m.queues[domain] = q
	}
	return q, nil
}

func (m *memQueues) len(domain string) int {
	m.mu.Lock()
	q := m.queues[domain]
	m.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

type memItem struct {
	id, key string
	data    []byte
}

type memQueue struct {
	all    *memQueues
	domain string

	mu      sync.Mutex
	items   []memItem
	busy    map[string]bool
	changed chan struct{}
	breaks  int // how often Consume fails at first
}

func (q *memQueue) Push(_ context.Context, id, key string, data []byte) error {
	if q.all.slow != nil {
		q.all.slow(id)
	}
	if q.all.fail != nil {
		if err := q.all.fail(q.domain); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.id == id {
			return nil
		}
	}
	q.items = append(q.items, memItem{id, key, data})
	close(q.changed)
	q.changed = make(chan struct{})
	return nil
}

func (q *memQueue) Consume(ctx context.Context, handler func(context.Context, string, string, int, []byte) error) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	for {
		q.mu.Lock()
		if q.breaks > 0 {
			q.breaks--
			q.mu.Unlock()
			return errBroken
		}
		for _, it := range q.items {
			if !q.busy[it.key] {
				q.busy[it.key] = true
				workers.Go(func() { q.work(ctx, it.key, handler) })
			}
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// work handles the items of one key, one after the other.
func (q *memQueue) work(ctx context.Context, key string, handler func(context.Context, string, string, int, []byte) error) {
	for attempt := 1; ; attempt++ {
		it, ok := q.first(ctx, key)
		if !ok {
			return
		}
		if err := handler(ctx, it.id, it.key, attempt, it.data); err == nil {
			q.remove(it.id)
			attempt = 0
			continue
		}
		t := time.NewTimer(q.all.backoff(attempt))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

func (q *memQueue) first(ctx context.Context, key string) (memItem, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.key == key && ctx.Err() == nil {
			return it, true
		}
	}
	q.busy[key] = false
	return memItem{}, false
}

func (q *memQueue) remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, it := range q.items {
		if it.id == id {
			q.items = append(q.items[:i:i], q.items[i+1:]...)
			return
		}
	}
}

// endpoints answer in memory: a consumer of notifications at each URI.
type endpoints struct {
	mu     sync.Mutex
	status map[string]int // by URI; 204 when it is not named, 0: hangs until the caller gives up
	got    map[string][]string
	last   *http.Request
	bodies map[string]string // by URI and ID: what came first
}

func (e *endpoints) set(uri string, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.status == nil {
		e.status = map[string]int{}
	}
	e.status[uri] = status
}

// RoundTrip implements [http.RoundTripper].
func (e *endpoints) RoundTrip(r *http.Request) (*http.Response, error) {
	uri := r.URL.String()
	e.mu.Lock()
	status, named := e.status[uri]
	e.last = r
	e.mu.Unlock()
	if !named {
		status = http.StatusNoContent
	}
	if status == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if status < 0 {
		return nil, errBroken
	}
	if r.Method == http.MethodPost && status < 300 {
		if err := e.record(uri, r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Location": {"https://elsewhere.example/"}}, Body: io.NopCloser(strings.NewReader("no")), Request: r}, nil
}

func (e *endpoints) record(uri string, body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var n note
	if err := json.Unmarshal(raw, &n); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.got == nil {
		e.got, e.bodies = map[string][]string{}, map[string]string{}
	}
	if first, ok := e.bodies[uri+n.ID]; ok && first != string(raw) {
		return fmt.Errorf("notification %s came first as %s and now as %s", n.ID, first, raw)
	}
	e.bodies[uri+n.ID] = string(raw)
	e.got[uri] = append(e.got[uri], n.Event)
	return nil
}

// took returns the events that an endpoint took, joined.
func (e *endpoints) took(uri string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.got[uri], " ")
}

// note is the notification of the tests.
type note struct {
	ID           string `json:"id"`
	Event        string `json:"event"`
	Subscription string `json:"subscriptionId"`
}

// event is one whose notifications tell its ID, for subscriptions whose filter
// lists it or nothing.
func event(domain, id string) notify.Event {
	return notify.Event{ID: id, API: "nslcm", TrustDomain: domain, Render: func(s *notify.Subscription, nid string) (any, bool) {
		var only []string
		if s.Filter != nil && json.Unmarshal(s.Filter, &only) != nil {
			return nil, false
		}
		return note{nid, id, s.ID}, notify.Matches(only, id)
	}}
}

// world is what an outbox of the tests stands on.
type world struct {
	tables    state.Tables
	queues    *memQueues
	endpoints *endpoints
	log       strings.Builder
	counts    map[string]int
	mu        sync.Mutex // covers log and counts
}

func newWorld() *world {
	return &world{
		tables: &memstate.Bus{}, endpoints: &endpoints{}, counts: map[string]int{},
		queues: &memQueues{backoff: notify.Backoff(func() float64 { return 0.5 }, 0)},
	}
}

// Write takes the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.log.String(), text)
}

func (w *world) counted(outcome string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[outcome]
}

// seal is a vault that can be looked into.
func seal(label string, plain []byte) ([]byte, error) {
	return []byte("sealed " + label + " " + string(plain)), nil
}

func unseal(label string, sealed []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), "sealed "+label+" ")
	if !ok {
		return nil, errBroken
	}
	return []byte(plain), nil
}

func (w *world) config() notify.Config {
	return notify.Config{
		MaxOwned: 1 << 20,
		Tables:   w.tables, Queues: w.queues.open, Seal: seal, Open: unseal, Now: time.Now,
		Client: func(*notify.Subscription) (*http.Client, error) { return &http.Client{Transport: w.endpoints}, nil },
		Count: func(_, outcome string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counts[outcome]++
		},
		Log: slog.New(slog.NewTextHandler(w, nil)),
	}
}

// open starts an outbox that runs until stop.
func (w *world) open(t testing.TB, c notify.Config) (o *notify.Outbox, stop func()) {
	t.Helper()
	o = notify.New(c)
	work, cancel := context.WithCancel(context.Background())
	stop = func() { cancel(); o.Wait() }
	t.Cleanup(stop)
	must(t, o.Open(within(t), work, "a", "b"))
	return o, stop
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code hub.Code) {
	t.Helper()
	if hub.CodeOf(err) != code {
		t.Fatalf("%v has code %q, want %q", err, hub.CodeOf(err), code)
	}
}

// eventually waits for what can be seen.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(testTime)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v", what, testTime)
		case <-tick.C:
		}
	}
}

// subscription is a request of a consumer of a domain, called back at uri.
func subscription(domain, uri string) notify.Subscription {
	return notify.Subscription{
		API: "nslcm", TrustDomain: domain, Owner: "spiffe://" + domain + "/oss/o", CallbackURI: uri,
		Self: "https://os-ma.example/nslcm/v2/subscriptions",
	}
}

func subscribe(t testing.TB, o *notify.Outbox, domain, uri string) notify.Subscription {
	t.Helper()
	s, created, err := o.Subscribe(within(t), subscription(domain, uri), "")
	if err != nil || !created {
		t.Fatalf("subscribe %s: created %v, %v", uri, created, err)
	}
	return s
}

var errBroken = fmt.Errorf("broken by the test")
