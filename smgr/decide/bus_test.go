package decide

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/testbus"
	"github.com/manoward/manoward/smgr"
)

// TestOnTheBus decides in two processes at once on a real bus, each event twice,
// closes the bus and reads the decisions back.
func TestOnTheBus(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	bus := testbus.Open(t, dir, domain)
	w.tables = bus.Tables()
	account, err := bus.Domain(t.Context(), domain)
	check(t, err)
	log, err := account.Log(t.Context(), "records")
	check(t, err)
	start, err := log.Last(t.Context())
	check(t, err)
	a := w.active(one())
	b := w.process()
	for _, d := range []*Decider{a, b} {
		d.c.Records = func(ctx context.Context, list ...hub.Record) error { return log.Append(ctx, list...) }
	}
	until(t, func() bool { _, ok := b.Policies().Active(); return ok })
	const events = 20
	var g sync.WaitGroup
	for n := range events {
		for _, d := range []*Decider{a, b} {
			g.Go(func() {
				if err := d.Handle(t.Context(), review(n), 1); err != nil {
					t.Error(err)
				}
			})
		}
	}
	g.Wait()
	kinds := map[string]int{}
	for e, err := range log.Read(t.Context(), start) {
		check(t, err)
		kinds[e.Kind]++
	}
	if kinds[RecordDecision] != events || kinds[RecordAlert] != events {
		t.Errorf("records %v", kinds)
	}
	for _, dec := range list(t, a, Query{}) {
		if len(dec.Orders) != 1 || w.orders[dec.Orders[0]].ID == "" {
			t.Errorf("decision %s names the orders %v, planned are %v", dec.ID, dec.Orders, w.planned)
		}
	}
	bus.Close()
	w.tables = testbus.Open(t, dir, domain).Tables()
	d := w.process()
	all := list(t, d, Query{Found: true, Key: smgr.KeyNs("n1")})
	if len(all) != events {
		t.Fatalf("%d decisions", len(all))
	}
	for i, dec := range all {
		if want := fmt.Sprintf("event-%d", events-1-i); dec.EventID != want {
			t.Errorf("decision %d is on %s, want %s", i, dec.EventID, want)
		}
		c, err := d.Reopen(t.Context(), dec.ID)
		check(t, err)
		if _, same, err := d.Again(t.Context(), c); !same || err != nil {
			t.Errorf("%s again: %t, %v", dec.EventID, same, err)
		}
	}
	_, err = d.Policies().Activate(t.Context(), all[0].PolicyRevision, "ben", "")
	check(t, err)
}
