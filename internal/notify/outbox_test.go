package notify_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
)

// An event reaches the subscriptions of its domain and of the hub whose filter it
// matches, in order, and nobody else.
func TestOutbox_Delivers(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	const a, b, all, some = "https://a.example/n", "https://b.example/n", "https://hub.example/n", "https://some.example/n"
	sub := subscribe(t, o, "a", a)
	subscribe(t, o, "b", b)
	subscribe(t, o, "hub", all)
	filtered := subscription("a", some)
	filtered.Filter = []byte(`["2","4"]`)
	_, _, err := o.Subscribe(within(t), filtered, "")
	must(t, err)
	for i := 1; i <= 5; i++ {
		must(t, o.Publish(within(t), event("a", fmt.Sprint(i))))
	}
	must(t, o.Publish(within(t), event("b", "x")))
	must(t, o.Publish(within(t), event("hub", "h")))
	other := event("a", "y")
	other.API = "vnfpkgm"
	must(t, o.Publish(within(t), other))
	for uri, want := range map[string]string{a: "1 2 3 4 5", b: "x", all: "1 2 3 4 5 x h", some: "2 4"} {
		eventually(t, uri+" has "+want, func() bool { return sameWords(w.endpoints.took(uri), want) })
	}
	if got := w.endpoints.took(all); !strings.HasPrefix(got, "1 2 3 4 5") {
		t.Errorf("the hub's got %s", got)
	}
	nid := notify.NotificationID("3", sub.ID)
	if nid != hub.DeriveID("3", sub.ID) || w.endpoints.bodies[a+nid] != fmt.Sprintf(`{"id":%q,"event":"3","subscriptionId":%q}`, nid, sub.ID) {
		t.Errorf("sent %s", w.endpoints.bodies[a+nid])
	}
	if r := w.endpoints.last; r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s with %v", r.Method, r.Header)
	}
	eventually(t, "each is counted as delivered once", func() bool { return w.counted(notify.OutcomeDelivered) == 15 }) // when the endpoint has answered
}

// sameWords compares but for order between domains.
func sameWords(got, want string) bool {
	if len(got) != len(want) {
		return false
	}
	for _, word := range strings.Fields(want) {
		if !strings.Contains(" "+got+" ", " "+word+" ") {
			return false
		}
	}
	return true
}

// Of events of one key that are published at the same time all subscriptions get the
// same one first, however slow the queue is for one of them.
func TestOutbox_SameOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		const quick, slow = "https://a.example/n", "https://hub.example/n"
		o, stop := w.open(t, w.config())
		defer stop()
		subscribe(t, o, "a", quick)
		held := notify.NotificationID("1", subscribe(t, o, "hub", slow).ID)
		w.queues.slow = func(id string) {
			if id == held {
				time.Sleep(time.Minute)
			}
		}
		published := make(chan error, 2)
		for _, id := range []string{"1", "2"} {
			e := event("a", id)
			e.Key = "ns"
			go func() { published <- o.Publish(t.Context(), e) }()
			synctest.Wait()
		}
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		e := event("a", "3")
		e.Key = "ns"
		wantCode(t, o.Publish(gone, e), hub.Unavailable)
		other := event("a", "4")
		other.Key = "another"
		must(t, o.Publish(t.Context(), other))
		must(t, <-published)
		must(t, <-published)
		synctest.Wait()
		for _, uri := range []string{quick, slow} {
			got := strings.ReplaceAll(" "+w.endpoints.took(uri), " 4", "")
			if got != " 1 2" {
				t.Errorf("%s got%s", uri, got)
			}
		}
	})
}

// Publishing again what may not have been taken delivers it once.
func TestOutbox_PublishAgain(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	const uri, other = "https://a.example/n", "https://b.example/n"
	subscribe(t, o, "a", uri)
	subscribe(t, o, "hub", other)
	w.endpoints.set(uri, 503)
	w.endpoints.set(other, 503)
	w.queues.fail = func(domain string) error {
		if domain == "hub" {
			return hub.E(hub.Unavailable, "push", "full", nil)
		}
		return nil
	}
	wantCode(t, o.Publish(within(t), event("a", "1")), hub.Unavailable)
	w.queues.fail = nil
	must(t, o.Publish(within(t), event("a", "1")))
	must(t, o.Publish(within(t), event("a", "1")))
	if w.queues.len("a") != 1 || w.queues.len("hub") != 1 {
		t.Errorf("%d and %d queued", w.queues.len("a"), w.queues.len("hub"))
	}
}

func TestOutbox_Refused(t *testing.T) {
	w := newWorld()
	o, stop := w.open(t, w.config())
	subscribe(t, o, "a", "https://a.example/n")
	for name, e := range map[string]notify.Event{
		"no ID":                       {API: "nslcm", TrustDomain: "a", Render: event("a", "1").Render},
		"no API":                      {ID: "1", TrustDomain: "a", Render: event("a", "1").Render},
		"no domain":                   {ID: "1", API: "nslcm", Render: event("a", "1").Render},
		"no body":                     {ID: "1", API: "nslcm", TrustDomain: "a"},
		"a body that does not encode": {ID: "1", API: "nslcm", TrustDomain: "a", Render: func(*notify.Subscription, string) (any, bool) { return func() {}, true }},
	} {
		if err := o.Publish(within(t), e); hub.CodeOf(err) != hub.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.queues.fail = func(domain string) error {
		if domain == "c" {
			return hub.E(hub.NotFound, "open", "no such domain", nil)
		}
		return nil
	}
	wantCode(t, o.Publish(within(t), event("c", "1")), hub.NotFound)
	wantCode(t, o.Add(within(t), "c"), hub.NotFound)
	stop()
	wantCode(t, o.Add(within(t), "d"), hub.Unavailable)
}

// Publishing reads nothing from the bus, and asks only who may be concerned.
func TestOutbox_PublishCost(t *testing.T) {
	w := newWorld()
	counting := &lateTables{Tables: w.tables}
	c := w.config()
	c.Tables = counting
	o, _ := w.open(t, c)
	subscribe(t, o, "a", "https://a.example/n")
	subscribe(t, o, "hub", "https://hub.example/n")
	other := subscription("a", "https://a.example/n")
	other.API = "nsd"
	_, _, err := o.Subscribe(within(t), other, "")
	must(t, err)
	for i := range 100 {
		subscribe(t, o, "b", fmt.Sprintf("https://b%d.example/n", i))
	}
	before, asked := counting.asked.Load(), 0
	e := event("a", "1")
	e.Render = func(*notify.Subscription, string) (any, bool) { asked++; return nil, false }
	must(t, o.Publish(within(t), e))
	if reads := counting.asked.Load() - before; reads != 0 || asked != 2 {
		t.Errorf("%d reads, %d subscriptions asked", reads, asked)
	}
}

// A renderer gets a copy: what it changes changes no subscription.
func TestOutbox_RenderCannotChange(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	s := subscribe(t, o, "a", "https://a.example/n")
	must(t, o.Publish(within(t), notify.Event{ID: "1", API: "nslcm", TrustDomain: "a", Render: func(s *notify.Subscription, _ string) (any, bool) {
		s.CallbackURI = "https://evil.example/"
		return nil, false
	}}))
	if got, err := o.Subscription(within(t), "nslcm", s.ID); err != nil || got.CallbackURI != s.CallbackURI {
		t.Errorf("%+v, %v", got, err)
	}
}

// A queue that breaks off is taken up again.
func TestOutbox_QueueBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		q, err := w.queues.open(t.Context(), "a")
		must(t, err)
		q.(*memQueue).breaks = 3
		o, stop := w.open(t, w.config())
		defer stop()
		subscribe(t, o, "a", "https://a.example/n")
		must(t, o.Publish(t.Context(), event("a", "1")))
		eventually(t, "it is delivered", func() bool { return w.endpoints.took("https://a.example/n") == "1" })
		if n := w.logged("notifications are not delivered"); n != 3 {
			t.Errorf("logged %d times", n)
		}
	})
}

func TestOutbox_Domains(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	must(t, o.Add(within(t), "c"))
	must(t, o.Add(within(t), "c"))
	s := subscribe(t, o, "c", "https://c.example/n")
	must(t, o.Publish(within(t), event("c", "1")))
	eventually(t, "it is delivered", func() bool { return w.endpoints.took("https://c.example/n") == "1" })
	o.Remove("c")
	o.Remove("c")
	_, err := o.Subscription(within(t), "nslcm", s.ID)
	wantCode(t, err, hub.NotFound)
	must(t, o.Check(within(t)))
}

// What is for a subscription that this process has not heard of yet is delivered.
func TestOutbox_SubscribedElsewhere(t *testing.T) {
	w := newWorld()
	late := &lateTables{Tables: w.tables}
	c := w.config()
	c.Tables = late
	_, stop := w.open(t, c) // delivers, and follows nothing
	defer stop()
	elsewhere := w.config()
	elsewhere.Queues = func(ctx context.Context, domain string) (notify.Queue, error) {
		q, err := w.queues.open(ctx, domain)
		return idle{q}, err
	}
	o, _ := w.open(t, elsewhere)
	s := subscribe(t, o, "a", "https://a.example/n")
	must(t, o.Publish(within(t), event("a", "1")))
	eventually(t, "it is delivered", func() bool { return w.endpoints.took(s.CallbackURI) == "1" })
	if w.counted(notify.OutcomeDropped) != 0 {
		t.Error("it was dropped")
	}
}

// idle is a queue whose work another process does.
type idle struct{ notify.Queue }

func (idle) Consume(ctx context.Context, _ func(context.Context, string, string, int, []byte) error) error {
	<-ctx.Done()
	return nil
}

// lateTables tell what is there at first and no change.
type lateTables struct {
	state.Tables
	openErr error        // of every opening; nil: none
	getErr  atomic.Value // error of every read; nil: none
	asked   atomic.Int64
}

func (l *lateTables) setErr(err error) { l.getErr.Store(err) }

func (l *lateTables) Open(ctx context.Context, domain, name string) (state.Table, error) {
	if l.openErr != nil {
		return nil, l.openErr
	}
	t, err := l.Tables.Open(ctx, domain, name)
	return lateTable{t, l}, err
}

type lateTable struct {
	state.Table
	all *lateTables
}

func (l lateTable) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	l.all.asked.Add(1)
	if err, broken := l.all.getErr.Load().(error); broken {
		return nil, 0, err
	}
	return l.Table.Get(ctx, key)
}

func (l lateTable) Watch(ctx context.Context, fn func(state.Change)) error {
	synced := false
	return l.Table.Watch(ctx, func(c state.Change) {
		if !synced {
			fn(c)
		}
		synced = synced || c.Synced
	})
}

func TestBackoff(t *testing.T) {
	most := notify.Backoff(func() float64 { return 0.999999 }, 0)
	least := notify.Backoff(func() float64 { return 0 }, 0)
	for attempt, want := range map[int][2]time.Duration{ // at least, at most
		1: {0, time.Second}, 2: {0, 2 * time.Second}, 3: {0, 4 * time.Second}, 6: {0, 32 * time.Second},
		7: {54 * time.Second, time.Minute}, 8: {54 * time.Second, time.Minute}, 1 << 40: {54 * time.Second, time.Minute},
	} {
		for _, got := range []time.Duration{most(attempt), least(attempt)} {
			if got < want[0] || got > want[1] {
				t.Errorf("attempt %d: %v, want %v", attempt, got, want)
			}
		}
	}
	if most(1) < 900*time.Millisecond || most(7) > 55*time.Second || least(7) != time.Minute {
		t.Errorf("jitter: %v, %v, %v", most(1), most(7), least(7))
	}
	if got := notify.Backoff(func() float64 { return 0 }, 100*time.Millisecond)(1); got != 100*time.Millisecond {
		t.Errorf("short back-off %v", got)
	}
}

func TestMatches(t *testing.T) {
	if !notify.Matches(nil, "a") || !notify.Matches([]string{"b", "a"}, "a") || notify.Matches([]string{"b"}, "a") {
		t.Error("an empty list allows all, another what it lists")
	}
}
