package notify_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

func atOnce(int) time.Duration { return time.Millisecond }

// 500 endpoints that hang keep nobody waiting.
func TestBus_SlowEndpoints(t *testing.T) {
	const slow, events = 500, 3
	bus := testbus.Open(t, t.TempDir(), "a", "b")
	w := newWorld()
	c := w.config()
	c.Tables, c.Queues, c.Timeout = bus.Tables(), bus.Queues(slow+8, atOnce), time.Hour
	o, stop := w.open(t, c)
	defer stop()
	var all sync.WaitGroup
	for i := range slow {
		uri := fmt.Sprintf("https://slow%d.example/n", i)
		w.endpoints.set(uri, 0)
		all.Go(func() { subscribe(t, o, "a", uri) })
	}
	all.Wait()
	const fast = "https://fast.example/n"
	subscribe(t, o, "a", fast)
	begun := time.Now()
	must(t, o.Publish(within(t), event("a", "0")))
	published := time.Since(begun)
	eventually(t, "the fast one is served", func() bool { return w.endpoints.took(fast) == "0" })
	t.Logf("%d subscriptions: published in %v, the fast one served %v after the begin", slow+1, published, time.Since(begun))
	for i := 1; i < events; i++ {
		must(t, o.Publish(within(t), event("a", fmt.Sprint(i))))
	}
	begun = time.Now()
	eventually(t, "the fast one is served on", func() bool { return w.endpoints.took(fast) == "0 1 2" })
	t.Logf("and %v after the last publication", time.Since(begun))
	if n := w.counted(notify.OutcomeFailed); n != 0 {
		t.Errorf("%d attempts ended", n)
	}
}

// crashes stop the process at one step after the other.
type crashes struct {
	mu   sync.Mutex
	left int           // steps until the next crash; below 0: none
	now  chan struct{} // closed at the crash
	got  map[string][]string
}

// step is a place where the process may end. It reports whether it did: nothing
// after it has an effect.
func (c *crashes) step() (ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		select {
		case <-c.now:
		default:
			close(c.now)
		}
		return true
	}
	c.left--
	return false
}

type crashingQueue struct {
	notify.Queue
	c *crashes
}

func (q crashingQueue) Push(ctx context.Context, id, key string, data []byte) error {
	if q.c.step() {
		return errBroken
	}
	err := q.Queue.Push(ctx, id, key, data)
	if q.c.step() {
		return errBroken
	}
	return err
}

func (q crashingQueue) Consume(ctx context.Context, handler func(context.Context, string, string, int, []byte) error) error {
	return q.Queue.Consume(ctx, func(ctx context.Context, id, key string, attempt int, data []byte) error {
		if q.c.step() {
			<-ctx.Done()
			return errBroken
		}
		err := handler(ctx, id, key, attempt, data)
		if q.c.step() { // before it is removed from the queue
			<-ctx.Done()
			return errBroken
		}
		return err
	})
}

// RoundTrip is the consumer, who records the sequence.
func (c *crashes) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.step() {
		return nil, errBroken
	}
	e := &endpoints{}
	resp, err := e.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	uri := r.URL.String()
	c.mu.Lock()
	for key := range e.bodies {
		c.got[uri] = append(c.got[uri], e.got[uri][0]+" "+key[len(uri):])
	}
	c.mu.Unlock()
	if c.step() { // the answer is lost
		return nil, errBroken
	}
	return resp, nil
}

// The process ends between every two steps of publishing and delivering; the
// consumers get everything, in order, and what comes twice has the same ID.
func TestBus_Crashes(t *testing.T) {
	dir := t.TempDir()
	c := &crashes{got: map[string][]string{}, left: -1}
	const uri, hubURI = "https://a.example/n", "https://hub.example/n"
	var pending []string // the caller's stored events that Publish has not taken
	published := 0
	subs := map[string]string{}
	run := func(crashAt int) (crashed bool) {
		bus := testbus.Open(t, dir, "a", "b")
		defer bus.Close()
		w := newWorld()
		cfg := w.config()
		cfg.Tables = bus.Tables()
		queues := bus.Queues(8, atOnce)
		cfg.Queues = func(ctx context.Context, domain string) (notify.Queue, error) {
			q, err := queues(ctx, domain)
			return crashingQueue{q, c}, err
		}
		cfg.Client = func(*notify.Subscription) (*http.Client, error) { return &http.Client{Transport: c}, nil }
		c.mu.Lock()
		c.left, c.now = crashAt, make(chan struct{})
		ended := c.now
		c.mu.Unlock()
		o, stop := w.open(t, cfg)
		defer stop()
		if len(subs) == 0 {
			subs[uri], subs[hubURI] = subscribe(t, o, "a", uri).ID, subscribe(t, o, "hub", hubURI).ID
		}
		for range 2 {
			pending = append(pending, fmt.Sprintf("%03d", published))
			published++
		}
		for len(pending) > 0 {
			if err := o.Publish(within(t), event("a", pending[0])); err != nil {
				<-ended
				return true
			}
			pending = pending[1:]
		}
		last := fmt.Sprintf("%03d", published-1)
		for limit := within(t); ; {
			select {
			case <-ended:
				return true
			case <-limit.Done():
				t.Fatalf("event %s is not delivered", last)
			case <-time.After(time.Millisecond):
			}
			done := 0
			for _, d := range o.Deliveries(t.Context()) {
				if d.Delivered > 0 && d.Pending == 0 {
					done++
				}
			}
			c.mu.Lock()
			for _, u := range []string{uri, hubURI} {
				if n := len(c.got[u]); n > 0 && c.got[u][n-1][:3] == last {
					done++
				}
			}
			c.mu.Unlock()
			if done == 4 {
				return false
			}
		}
	}
	at := 0
	for run(at) {
		at++
	}
	run(-1)
	if at < 20 {
		t.Errorf("the process ended at %d steps only", at)
	}
	for _, u := range []string{uri, hubURI} {
		sequence := slices.Compact(c.got[u]) // what came twice came at once again
		t.Logf("%s: %d crashes, %d events, %d deliveries", u, at, published, len(c.got[u]))
		if len(sequence) != published {
			t.Fatalf("%s got %d of %d: %v", u, len(sequence), published, sequence)
		}
		for i, got := range sequence {
			event := fmt.Sprintf("%03d", i)
			if want := event + " " + notify.NotificationID(event, subs[u]); got != want {
				t.Errorf("%s got %s, want %s", u, got, want)
			}
		}
	}
}
