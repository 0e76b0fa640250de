package topology

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// Where no other process writes to the table, the window of an NS is not written with
// each event on it: the decision on the event is durable, and says all that an entry
// does. The window is written a minute later, with all that came meanwhile. Who finds
// no window in memory takes the one that is stored, and adds what was judged since.

const (
	// unwrittenFor is how long an event is in its window in memory alone, before the
	// window is due. One that is told later than that is written at once, because
	// decisions are found by the time of their events.
	unwrittenFor  = time.Minute
	unwrittenLook = 15 * time.Second // between two looks for windows that are due
	// judgedSlack is how far back before its last writing a window may lack events:
	// unwrittenFor, and what a clock is set back.
	judgedSlack = 10 * time.Minute
)

// locks keep those apart who change one window.
type locks struct {
	of   [64]sync.Mutex
	seed maphash.Seed
}

// lock locks a window and returns what unlocks it.
func (l *locks) lock(id string) func() {
	m := &l.of[maphash.String(l.seed, id)%uint64(len(l.of))]
	m.Lock()
	return m.Unlock
}

// alone reports whether the windows of NSs need not be written with each event.
func (t *Topology) alone(ctx context.Context) (bool, error) {
	if t.c.Judged == nil {
		return false, nil
	}
	return t.windows.Sole(ctx, t.c.TrustDomain)
}

// enterAlone adds an event to the window of an NS, once however often it is called.
// It is durable when it returns, or when its decision is.
func (t *Topology) enterAlone(ctx context.Context, nsID string, e windowEntry, ofNs bool) error {
	defer t.locks.lock(windowOf(nsID))()
	there, err := t.windowAlone(ctx, nsID)
	if err != nil || there.Value.has(e.EventID) {
		return err
	}
	there.Value.add(e)
	now := t.c.Now().UTC()
	if ofNs && now.Sub(e.Time) < unwrittenFor {
		t.written.keepUnwritten(there, now)
		return nil
	}
	return t.store(ctx, there)
}

// windowAlone returns the window of an NS as this process has it in memory, or as it
// is stored, with what was judged since. One that is not there is empty, at revision
// 0. Its entries are shared.
func (t *Topology) windowAlone(ctx context.Context, nsID string) (state.Entry[window], error) {
	id := windowOf(nsID)
	if e, ok := t.written.get(id); ok {
		return e, nil
	}
	e := state.Entry[window]{ID: id, Domain: t.c.TrustDomain}
	if _, there := t.windows.Domain(id); there {
		stored, err := t.windows.GetIn(ctx, t.c.TrustDomain, id)
		if ignore(err, hub.NotFound) != nil {
			return e, fmt.Errorf("read recent events: %w", err)
		}
		if err == nil {
			e = stored
		}
	}
	since := t.c.Now().Add(-2 * Window) // as long as a window is kept
	if written := e.Value.Written.Add(-judgedSlack); written.After(since) {
		since = written
	}
	known := make([]smgr.Event, len(e.Value.Entries))
	for i := range known {
		known[i].ID, known[i].Time = e.Value.Entries[i].EventID, e.Value.Entries[i].Time
	}
	judged, err := t.c.Judged(ctx, smgr.KeyNs(nsID), since, known)
	if err != nil {
		return e, fmt.Errorf("read recent events: %w", err)
	}
	for i := range judged {
		if entry, ok := entryOf(&judged[i], nsID); ok && !e.Value.has(entry.EventID) {
			e.Value.add(entry)
		}
	}
	return e, nil
}

// entryOf is how later inputs show an event that was judged under the key of an NS;
// false for one that they do not show there.
func entryOf(e *smgr.Event, nsID string) (windowEntry, bool) {
	h, err := readEvent(e)
	if err != nil || e.Kind == hub.EventUnauthorizedAttempt || e.Kind == hub.EventReview {
		return windowEntry{}, false
	}
	entry := h.entry(e)
	entry.NsID = nsID
	return entry, true
}

// store writes a window, and remembers it as it is stored. What an earlier write
// left, of which this process did not learn, is united with it.
func (t *Topology) store(ctx context.Context, e state.Entry[window]) error {
	for {
		e.Value.Writer, e.Value.Written = t.writer, t.c.Now().UTC()
		var next state.Entry[window]
		var err error
		if e.Revision == 0 {
			next, err = t.windows.Create(ctx, t.c.TrustDomain, e.ID, &e.Value)
		} else {
			next, err = t.windows.Replace(ctx, e)
		}
		if err == nil {
			t.written.keep(next)
			return nil
		}
		if ignore(err, hub.Conflict, hub.Precondition, hub.NotFound) != nil {
			return fmt.Errorf("keep recent event: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return hub.E(hub.Unavailable, "keep recent event", "too many changes at once; try again", err)
		}
		stored, err := t.windows.GetIn(ctx, t.c.TrustDomain, e.ID)
		if ignore(err, hub.NotFound) != nil {
			return fmt.Errorf("keep recent event: %w", err)
		}
		e.Revision = stored.Revision
		for _, entry := range stored.Value.Entries {
			if !e.Value.has(entry.EventID) {
				e.Value.add(entry)
			}
		}
	}
}

// storeDue writes the windows that have events which are not stored since a minute.
func (t *Topology) storeDue(ctx context.Context) error {
	for _, id := range t.written.due(t.c.Now().Add(-unwrittenFor)) {
		if err := t.storeOne(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (t *Topology) storeOne(ctx context.Context, id string) error {
	defer t.locks.lock(id)()
	e, ok := t.written.get(id)
	if !ok {
		return nil
	}
	return t.store(ctx, e)
}

// storeLoop calls storeDue until ctx ends. What is not stored then is read back from
// the decisions.
func (t *Topology) storeLoop(ctx context.Context) {
	ticker := time.NewTicker(unwrittenLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := t.storeDue(ctx); err != nil && ctx.Err() == nil {
			t.c.Log.Warn("recent events are not stored in the windows of their NSs; trying again", "error", hub.SafeText(err))
		}
	}
}
