package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// eachNs calls fn with the ID of every NS that the NFVO shows.
func (g *Gaps) eachNs(ctx context.Context, fn func(id string) error) error {
	type ns struct {
		ID string `json:"id"`
	}
	for n, err := range httpapi.All[ns](ctx, g.cfg.Client, "/ns_instances", nil) {
		if err != nil {
			return err
		}
		if n.ID == "" {
			continue
		}
		if err := fn(n.ID); err != nil {
			return err
		}
	}
	return nil
}

// instances compares the NSs that there are with those that intake heard of.
func (g *Gaps) instances(ctx context.Context, known bool, now time.Time) error {
	if !known { // at the beginning: those that are there are no gap
		if err := g.eachNs(ctx, func(id string) error { return g.in.setNs(ctx, id, true) }); err != nil {
			return err
		}
		return change(ctx, g.in.ledger.table, watermarkKey, func(w *watermark) bool { w.NsKnown = true; return true })
	}
	heard, err := g.heard(ctx) // before the NFVO is asked: what is made meanwhile waits for the next look
	if err != nil {
		return err
	}
	differ := map[string]string{} // NS -> type of the notification that is missing
	if err := g.eachNs(ctx, func(id string) error {
		if !heard[id] {
			differ[id] = typeCreated
		}
		delete(heard, id)
		return nil
	}); err != nil {
		return err
	}
	for id := range heard {
		differ[id] = typeDeleted
	}
	return g.lasting(ctx, differ, now)
}

// lasting makes events of the differences that lasted for the grace, and remembers
// the others for the next look.
func (g *Gaps) lasting(ctx context.Context, differ map[string]string, now time.Time) error {
	waiting := map[string]time.Time{}
	for id, kind := range differ {
		name := kind + "/" + id
		since, there := g.waiting[name]
		if !there {
			since = now
		}
		if now.Sub(since) < g.cfg.Grace {
			waiting[name] = since
			continue
		}
		if err := g.fillNs(ctx, id, kind, since); err != nil {
			return err
		}
	}
	g.waiting = waiting
	return nil
}

// fillNs makes the event that an NS was made or deleted.
func (g *Gaps) fillNs(ctx context.Context, nsID, kind string, found time.Time) error {
	what := "ns-created"
	if kind == typeDeleted {
		what = "ns-deleted"
	}
	id := hub.DeriveID("sm-gap", g.in.sm.String(), what, nsID)
	body, err := gapNs(id, kind, nsID, found)
	if err != nil {
		return err
	}
	if err := g.admit(ctx, id, hub.EventNsIdentifier, nsID, nsOccurrence(what, nsID, found), body); err != nil {
		return err
	}
	return g.in.setNs(ctx, nsID, kind == typeCreated)
}

// heard returns the NSs that intake heard of and that were not deleted.
func (g *Gaps) heard(ctx context.Context) (map[string]bool, error) {
	all := map[string]bool{}
	for i := range nsSlots {
		list, err := read[[]string](ctx, g.in.ledger.table, fmt.Sprintf("ns/%02x", i))
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			all[id] = true
		}
	}
	return all, nil
}
