package topology

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// The bounds of what an input says of earlier events.
const (
	Window    = time.Hour
	MaxRecent = 256
	maxText   = 512 // bytes of a source or target that are kept
)

// earlier is an event as later inputs show it.
type earlier struct {
	Kind      string    `json:"kind"`
	Time      time.Time `json:"time"`
	Operation string    `json:"operation,omitempty"`
	Phase     string    `json:"phase,omitempty"`
	Source    *source   `json:"source,omitempty"`
	NsID      string    `json:"nsInstanceId,omitempty"`
	VnfID     string    `json:"vnfInstanceId,omitempty"`
	Target    string    `json:"target,omitempty"`
	Count     int       `json:"count,omitempty"`
}

// window is the events of the last hour of one NS, or the unauthorized attempts
// of the trust domain, as they are stored: newest last, at most MaxRecent.
type window struct {
	Writer  string        `json:"writer"`  // process that added last
	Written time.Time     `json:"written"` // when
	Entries []windowEntry `json:"entries"`
}

type windowEntry struct {
	EventID string `json:"eventId"`
	earlier
}

// firstSeen is the checksum that a package had when this Security Manager first
// saw it on-boarded.
type firstSeen struct {
	PkgID    string   `json:"vnfPkgId"`
	Checksum checksum `json:"checksum"`
}

func windowOf(nsID string) string { return hub.DeriveID("recent", "ns", nsID) }

func windowOfAttempts() string { return hub.DeriveID("recent", "attempts") }

func firstID(pkgID string) string { return hub.DeriveID("package", pkgID) }

// enter adds an event to its window, once however often it is called. It returns
// the window as another process left it, or nil if this one wrote last. Of those
// that write at the same time one wins each time, so all get there: whoever lost
// tries again until ctx ends.
func (t *Topology) enter(ctx context.Context, id string, e windowEntry) (foreign *window, err error) {
	for {
		there, remembered, err := t.window(ctx, id)
		fresh := hub.CodeOf(err) == hub.NotFound
		if err != nil && !fresh {
			return nil, fmt.Errorf("read recent events: %w", err)
		}
		w := &there.Value
		if foreign == nil && !fresh && w.Writer != t.writer {
			foreign = &window{Writer: w.Writer, Written: w.Written}
		}
		if w.has(e.EventID) {
			if remembered { // it is repeated, and others may have written since
				t.written.forget(id)
				continue
			}
			return foreign, nil
		}
		w.Entries = slices.Clone(w.Entries) // of several that add to what is remembered one wins
		w.add(e)
		w.Writer, w.Written = t.writer, t.c.Now().UTC()
		if fresh {
			there, err = t.windows.Create(ctx, t.c.TrustDomain, id, w)
		} else {
			there, err = t.windows.Replace(ctx, there)
		}
		if err == nil {
			t.written.keep(there)
			return foreign, nil
		}
		t.written.forget(id)
		if c := hub.CodeOf(err); c != hub.Conflict && c != hub.Precondition && c != hub.NotFound {
			return nil, fmt.Errorf("keep recent event: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, hub.E(hub.Unavailable, "keep recent event", "too many changes at once; try again", err)
		}
	}
}

func (w *window) has(eventID string) bool {
	return slices.ContainsFunc(w.Entries, func(o windowEntry) bool { return o.EventID == eventID })
}

// window returns a window as this process wrote it last, if that is remembered, or
// as it is stored. A write compares: what another process changed since is found
// then.
func (t *Topology) window(ctx context.Context, id string) (_ state.Entry[window], remembered bool, _ error) {
	if e, ok := t.written.get(id); ok {
		return e, true, nil
	}
	e, err := t.windows.GetIn(ctx, t.c.TrustDomain, id)
	return e, false, err
}

// writtenMost is how many events a process remembers in windows, each some 400
// bytes of memory, besides those that are not stored yet.
const writtenMost = 32 * MaxRecent

// written remembers the windows that this process wrote last, those of the NSs in
// which the most happens: to read one back for each event is half of its price.
type written struct {
	mu        sync.Mutex // covers what is below
	byID      map[string]state.Entry[window]
	events    int                  // in all of them
	unwritten map[string]time.Time // by ID, of windows with events that are not stored: since when
}

// get returns a window, whose entries are shared: see [window.add].
func (r *written) get(id string) (state.Entry[window], bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.byID[id]
	return e, ok
}

// keep remembers a window that is stored, in the place of any others when there is
// too much.
func (r *written) keep(e state.Entry[window]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.unwritten, e.ID)
	r.put(e)
}

// keepUnwritten remembers a window with an event that is not stored in it yet. It
// stays until it is stored.
func (r *written) keepUnwritten(e state.Entry[window], now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unwritten == nil {
		r.unwritten = map[string]time.Time{}
	}
	if _, there := r.unwritten[e.ID]; !there {
		r.unwritten[e.ID] = now
	}
	r.put(e)
}

// due returns the windows that have events which are not stored since a time.
func (r *written) due(since time.Time) (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, at := range r.unwritten {
		if !at.After(since) {
			ids = append(ids, id)
		}
	}
	return ids
}

// put remembers a window. mu is held.
func (r *written) put(e state.Entry[window]) {
	if r.byID == nil {
		r.byID = map[string]state.Entry[window]{}
	}
	r.drop(e.ID)
	for id := range r.byID {
		if r.events+len(e.Value.Entries) <= writtenMost {
			break
		}
		if _, needed := r.unwritten[id]; !needed {
			r.drop(id)
		}
	}
	r.byID[e.ID] = e
	r.events += len(e.Value.Entries)
}

// drop forgets a window. mu is held.
func (r *written) drop(id string) {
	r.events -= len(r.byID[id].Value.Entries)
	delete(r.byID, id)
}

func (r *written) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(id)
}

// add puts an entry in its place and leaves out what is too old or too much. Who
// has the entries of before sees nothing of it; one at a time may add to them.
func (w *window) add(e windowEntry) {
	if n := len(w.Entries); n == 0 || compareEntries(w.Entries[n-1], e) < 0 {
		w.Entries = append(w.Entries, e)
	} else {
		i, _ := slices.BinarySearchFunc(w.Entries, e, compareEntries)
		w.Entries = slices.Insert(slices.Clone(w.Entries), i, e)
	}
	oldest := w.Entries[len(w.Entries)-1].Time.Add(-Window)
	from, _ := slices.BinarySearchFunc(w.Entries, oldest, func(e windowEntry, at time.Time) int { return e.Time.Compare(at) })
	w.Entries = w.Entries[max(from, len(w.Entries)-MaxRecent):]
}

func compareEntries(a, b windowEntry) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.EventID, b.EventID))
}

// before returns the events of the hour before an event: of its NS, and the
// attempts of the trust domain.
func (t *Topology) before(ctx context.Context, eventID, nsID string, at time.Time) ([]earlier, error) {
	alone, err := t.alone(ctx)
	if err != nil {
		return nil, fmt.Errorf("read recent events: %w", err)
	}
	ids := []string{windowOfAttempts()}
	var all []windowEntry
	switch {
	case nsID != "" && alone:
		w, err := t.windowAlone(ctx, nsID)
		if err != nil {
			return nil, err
		}
		all = w.Value.Entries // shared, and in order
	case nsID != "":
		ids = append(ids, windowOf(nsID))
	}
	for _, id := range ids {
		if _, there := t.windows.Domain(id); !there {
			continue // most trust domains have no attempts
		}
		// What holds the event itself was just written, or compared with what is stored.
		w, remembered, err := t.window(ctx, id)
		if remembered && !w.Value.has(eventID) {
			w, err = t.windows.GetIn(ctx, t.c.TrustDomain, id)
		}
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read recent events: %w", err)
		}
		all = slices.Concat(all, w.Value.Entries)
		slices.SortFunc(all, compareEntries)
	}
	out := make([]earlier, 0, len(all))
	for i := range all {
		if e := &all[i]; e.EventID != eventID && !e.Time.After(at) && at.Sub(e.Time) <= Window {
			out = append(out, e.earlier)
		}
	}
	return out[max(0, len(out)-MaxRecent):], nil
}

// prune deletes windows whose events are all over, and checksums of packages
// that are gone.
func (t *Topology) prune(ctx context.Context, pkgs map[string]bool) error {
	limit := t.c.Now().Add(-2 * Window) // clocks differ, and events are told late
	old := func(w *window) bool { return w.Written.Before(limit) }
	var over []string
	for e, err := range t.windows.List(ctx, t.own, "") {
		if err != nil {
			return fmt.Errorf("list recent events: %w", err)
		}
		if old(&e.Value) {
			over = append(over, e.ID)
		}
	}
	for _, id := range over {
		err := t.windows.Delete(ctx, id, func(w *window) error {
			if !old(w) {
				return hub.E(hub.Conflict, "prune recent events", "there are new ones", nil)
			}
			return nil
		})
		if err := ignore(err, hub.NotFound, hub.Conflict); err != nil {
			return fmt.Errorf("prune recent events: %w", err)
		}
	}
	if pkgs == nil {
		return nil
	}
	for id := range t.firsts.IDs("") {
		if f := t.firsts.Kept(id); f != nil && !pkgs[f.PkgID] {
			if err := ignore(t.firsts.Delete(ctx, id, nil), hub.NotFound); err != nil {
				return fmt.Errorf("forget package: %w", err)
			}
		}
	}
	return nil
}

// keepFirst stores the checksum of a package that has none stored.
func (t *Topology) keepFirst(ctx context.Context, p *pkg) error {
	if p.Checksum == nil || t.firsts.Kept(firstID(p.ID)) != nil {
		return nil
	}
	_, err := t.firsts.Create(ctx, t.c.TrustDomain, firstID(p.ID), &firstSeen{p.ID, *p.Checksum})
	if err := ignore(err, hub.Conflict); err != nil {
		return fmt.Errorf("keep checksum of package: %w", err)
	}
	return nil
}

func (t *Topology) own(domain string) bool { return domain == t.c.TrustDomain }

func ignore(err error, codes ...hub.Code) error {
	if slices.Contains(codes, hub.CodeOf(err)) {
		return nil
	}
	return err
}

// kinds adds what is stored to the Security Manager's space.
func (t *Topology) kinds(s *state.Space) {
	t.windows = state.NewKind[window](s, "recent", nil)
	t.firsts = state.NewKept[firstSeen](s, "package", nil)
}

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}
