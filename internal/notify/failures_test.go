package notify_test

import (
	"context"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

func TestOpen_Fails(t *testing.T) {
	unavailable := hub.E(hub.Unavailable, "open", "no", nil)
	for name, breakIt := range map[string]func(w *world, c *notify.Config){
		"queues": func(w *world, _ *notify.Config) { w.queues.fail = func(string) error { return unavailable } },
		"tables": func(w *world, c *notify.Config) { c.Tables = &lateTables{Tables: w.tables, openErr: unavailable} },
	} {
		w := newWorld()
		c := w.config()
		breakIt(w, &c)
		work, stop := context.WithCancel(within(t))
		o := notify.New(c)
		if err := o.Open(within(t), work, "a"); hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		stop()
		o.Wait()
	}
}

// What the bus refuses is answered so, and changes nothing.
func TestSubscriptions_BusFails(t *testing.T) {
	bus := &memstate.Bus{}
	w := newWorld()
	w.tables = bus
	late := &lateTables{Tables: bus}
	c := w.config()
	c.Tables = late
	o, _ := w.open(t, c)
	s := subscribe(t, o, "a", "https://a.example/n")
	unavailable := hub.E(hub.Unavailable, "bus", "no", nil)
	bus.Fail = func(string, string, string) error { return unavailable }
	wantCode(t, o.Unsubscribe(within(t), "nslcm", s.ID), hub.Unavailable)
	if _, err := o.Subscription(within(t), "nslcm", s.ID); err != nil {
		t.Errorf("gone, and could not be deleted: %v", err)
	}
	bus.Fail = nil
	late.setErr(unavailable)
	_, _, err := o.Subscribe(within(t), subscription("a", "https://other.example/n"), "key")
	wantCode(t, err, hub.Unavailable)
	_, _, err = o.Request(request(t, "key"), input("https://other.example/n", ""))
	wantCode(t, err, hub.Unavailable)
}

// A subscription that another process ended is no longer shown or counted.
func TestUnsubscribe_Elsewhere(t *testing.T) {
	w := newWorld()
	o1, _ := w.open(t, w.config())
	o2, _ := w.open(t, w.config())
	s := subscribe(t, o1, "a", "https://a.example/n")
	must(t, o1.Publish(within(t), event("a", "1")))
	eventually(t, "both know it", func() bool { return gauge(o1) == "nslcm ok 1" && gauge(o2) == "nslcm ok 1" })
	must(t, o2.Unsubscribe(within(t), "nslcm", s.ID))
	eventually(t, "it is gone", func() bool { return gauge(o1) == "" && len(o1.Deliveries(within(t))) == 0 })
}
