package natsbus

import (
	"bytes"
	"context"
	"slices"
	"strings"
)

// groupWork is what a process knows of a group: which of its items are done. Most
// groups are all its own, so that this is in memory alone until the group is
// removed. Where others have items of it too, or one item fails for long, what is
// done is also stored, as a mark beside the group. The dispatcher's mu covers it.
type groupWork struct {
	subject string
	seq     uint64
	names   []itemName
	parts   []int // that the items are in
	done    doneMark
	saved   doneMark // what is stored of done
}

// progress is the groups that a process has items of that are not done. The
// dispatcher's mu covers it.
type progress struct {
	groups map[uint64]*groupWork // by sequence
	ids    map[digest]bool       // of the items that are not done
}

// stalled is from which failed attempt at an item on it is stored what else of its
// group is done, so that it does not come again after a crash.
const stalled = 3

// addGroup puts the items of a group behind the others of their keys, but for
// those that are done.
func (d *dispatcher) addGroup(ctx context.Context, m message, mark doneMark) error {
	names, err := readNames(m.header)
	if err != nil {
		return d.q.a.damaged("read work", d.q.streamName(), m.seq, "it is no group of items", err)
	}
	g := d.group(m, names, mark)
	for i, name := range names {
		at := placeOf(m.seq, i+1)
		if d.isDone(g, at) {
			continue
		}
		if err := d.add(ctx, d.q.keyOf(stateReady, name.key), at); err != nil {
			return err
		}
	}
	d.mu.Lock()
	next := d.rest(g)
	d.mu.Unlock()
	if next == nil {
		return nil
	}
	return next(d.ctx)
}

// group returns what is known of a group that the reading came to.
func (d *dispatcher) group(m message, names []itemName, mark doneMark) *groupWork {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.groups[m.seq]
	if g == nil {
		g = &groupWork{subject: m.subject, seq: m.seq, names: names, parts: make([]int, len(names)), done: newMark(len(names)), saved: newMark(len(names))}
		for i, name := range names {
			g.parts[i] = d.numberOf(d.q.keyOf(stateReady, name.key))
			if p := d.have[g.parts[i]]; p != nil && !p.over && placeOf(m.seq, i+1) <= p.from {
				g.done[i] = '1' // it was forgotten because nothing of this process was left of it
			}
		}
		d.groups[m.seq] = g
	}
	g.done.merge(mark)
	g.saved.merge(mark)
	for i, name := range names {
		if d.has(g.parts[i]) && !g.done.has(i) {
			d.ids[name.id] = true
		}
	}
	return g
}

// isDone reports whether an item of a group is done. mu is not held.
func (d *dispatcher) isDone(g *groupWork, at place) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return g != nil && g.done.has(at.n()-1)
}

// has reports whether a part is this process's. mu is held.
func (d *dispatcher) has(part int) bool {
	p := d.have[part]
	return p != nil && !p.over
}

// rest returns what is to be done with a group when more of it is done, or less of
// it is this process's; nil as long as this process has something left of it. mu is
// held, but not when that is called.
func (d *dispatcher) rest(g *groupWork) func(context.Context) error {
	if d.groups[g.seq] != g {
		return nil
	}
	for i, part := range g.parts {
		if !g.done.has(i) && d.has(part) {
			return nil
		}
	}
	d.forget(g)
	marked := bytes.Contains(g.saved, []byte{'1'})
	switch done := bytes.Clone(g.done); {
	case g.done.all() && !marked:
		return func(ctx context.Context) error { return d.q.remove(ctx, g.subject, g.seq) }
	case bytes.Equal(g.done, g.saved):
		return nil
	default:
		return func(ctx context.Context) error { return d.q.saveDone(ctx, g.subject, g.seq, done) }
	}
}

// forget drops what is known of a group. mu is held.
func (d *dispatcher) forget(g *groupWork) {
	delete(d.groups, g.seq)
	for _, name := range g.names {
		delete(d.ids, name.id)
	}
	d.q.opened.drop(g.subject)
}

// finish takes an item that is done out of the queue: with its message, when
// nothing else of that is left. Of a part that was given up meanwhile, who has it
// next is told.
func (d *dispatcher) finish(ctx context.Context, p *queuePart, subject string, at place) error {
	if at.n() == 0 {
		return d.q.remove(ctx, subject, at.seq())
	}
	d.mu.Lock()
	var next func(context.Context) error
	if g := d.groups[at.seq()]; g != nil {
		g.done[at.n()-1] = '1'
		delete(d.ids, g.names[at.n()-1].id)
		if next = d.rest(g); next == nil && p.over {
			next = d.save(g)
		}
	}
	d.mu.Unlock()
	if next == nil {
		return nil
	}
	return next(ctx)
}

// save returns what stores what is done of a group, nil if that is stored. mu is
// held.
func (d *dispatcher) save(g *groupWork) func(context.Context) error {
	if bytes.Equal(g.done, g.saved) {
		return nil
	}
	done := bytes.Clone(g.done)
	g.saved = bytes.Clone(g.done)
	return func(ctx context.Context) error { return d.q.saveDone(ctx, g.subject, g.seq, done) }
}

// stall stores what is done of the group of an item that fails for long.
func (d *dispatcher) stall(ctx context.Context, at place) error {
	d.mu.Lock()
	var next func(context.Context) error
	if g := d.groups[at.seq()]; g != nil {
		next = d.save(g)
	}
	d.mu.Unlock()
	if next == nil {
		return nil
	}
	return next(ctx)
}

// handOver stores what is done of the groups that have items of a part that is
// given up, so that nothing of it comes again. Until that is stored the part is as
// if a worker had a key of it. mu is held.
func (d *dispatcher) handOver(p *queuePart) {
	if d.ended {
		return
	}
	for _, g := range d.groups {
		next := d.rest(g)
		if next == nil && slices.Contains(g.parts, p.n) {
			next = d.save(g)
		}
		if next == nil {
			continue
		}
		p.running++
		d.busy.Go(func() {
			if err := next(d.ctx); err != nil {
				d.cancel(err)
			}
			d.left(p)
		})
	}
}

// saveAll stores, when the work ends, what is done of the groups that were begun:
// as far as that is possible in the time of one request. The rest comes again.
func (d *dispatcher) saveAll() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), attemptTimeout)
	defer cancel()
	d.mu.Lock()
	begun := make([]*groupWork, 0, len(d.groups))
	for _, g := range d.groups {
		if !bytes.Equal(g.done, g.saved) {
			begun = append(begun, g)
		}
	}
	d.mu.Unlock()
	for _, g := range begun {
		if err := d.q.saveDone(ctx, g.subject, g.seq, g.done); err != nil {
			d.q.a.log.Debug("what is done of a group of items is not stored; it comes again", "account", d.q.a.name, "queue", d.q.name, "error", err)
			return
		}
	}
}

// waits reports whether an item of a group waits in a part of this process.
func (d *dispatcher) waits(id digest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ids[id]
}

// waiting is how many items wait in the parts of this process.
func (d *dispatcher) waiting() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(d.index.waiting)
}

// readOnce reads what waits of the parts of this process and what comes, until ctx
// ends or an error.
func (d *dispatcher) readOnce(ctx context.Context) error {
	if !d.q.cfg.Grouped {
		return d.q.a.tail(ctx, tailing{
			stream: d.q.stream, filter: d.q.states(stateReady) + ">", headersOnly: true,
			each: func(m message) error { return d.add(ctx, keyOfSubject(m.subject), placeOf(m.seq, 0)) },
		})
	}
	marks, err := d.q.marks(ctx)
	if err != nil {
		return err
	}
	return d.q.a.tail(ctx, tailing{
		stream: d.q.stream, filter: d.q.states("*") + ">", headersOnly: true,
		each: func(m message) error {
			switch {
			case strings.HasPrefix(m.subject, d.q.states(stateReady)):
				return d.add(ctx, keyOfSubject(m.subject), placeOf(m.seq, 0))
			case strings.HasPrefix(m.subject, d.q.states(stateGroup)):
				token := tokenOf(m.subject)
				mark := marks[token]
				delete(marks, token)
				return d.addGroup(ctx, m, mark)
			}
			return nil
		},
		caughtUp: func() error {
			for token := range marks {
				if err := d.q.removeStray(ctx, token); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// keysOf returns what the subjects of the items of a message begin with, none of a
// message that is no work; grouped says that it may hold several.
func (q *Queue) keysOf(m *message) (keys []string, grouped bool, err error) {
	switch {
	case strings.HasPrefix(m.subject, q.states(stateReady)):
		return []string{keyOfSubject(m.subject)}, false, nil
	case strings.HasPrefix(m.subject, q.states(stateGroup)):
		names, err := readNames(m.header)
		for _, name := range names {
			keys = append(keys, q.keyOf(stateReady, name.key))
		}
		return keys, true, err
	}
	return nil, false, nil
}

func keyOfSubject(subject string) string { return subject[:strings.LastIndexByte(subject, '.')] }

func tokenOf(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// firstOf returns the place of the first item of a key in a message after one place
// and not after another, 0 when there is none.
func (q *Queue) firstOf(m *message, key string, after, last place) (place, error) {
	keys, grouped, err := q.keysOf(m)
	if err != nil {
		return 0, q.a.damaged("read work", q.streamName(), m.seq, "it is no group of items", err)
	}
	for n := range slices.Values(indexesOf(keys, key)) {
		at := placeOf(m.seq, n)
		if grouped {
			at = placeOf(m.seq, n+1)
		}
		if at > after && at <= last {
			return at, nil
		}
	}
	return 0, nil
}

func indexesOf(keys []string, key string) (list []int) {
	for n, k := range keys {
		if k == key {
			list = append(list, n)
		}
	}
	return list
}
