package natsbus

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/hub"
)

// gathering is where items wait that are pushed to a queue whose items share
// their writes: what comes while a group is on its way to the disk goes into the
// next one. Nothing waits for others to come.
type gathering struct {
	mu      sync.Mutex // covers what is below
	waiting []*pushing // in the order they came
	under   map[digest]*pushing
	writing bool // a goroutine runs gather
	lately  lately
}

// pushing is one item on its way.
type pushing struct {
	ctx  context.Context
	it   Item
	name itemName
	done chan struct{}
	err  error // once done is closed
}

// pushGrouped is Push for a queue whose items share their writes.
func (q *Queue) pushGrouped(ctx context.Context, it Item) error {
	if err := ctx.Err(); err != nil {
		return q.a.fail("queue work", err)
	}
	name := nameOf(&it)
	if d := q.working.Load(); d != nil && d.waits(name.id) {
		return nil
	}
	g := &q.gathering
	g.mu.Lock()
	p := g.under[name.id]
	switch {
	case p != nil: // the same, by another caller
	case g.lately.has(name.id, time.Now()):
		g.mu.Unlock()
		return nil
	default:
		it.Data = bytes.Clone(it.Data) // the caller may leave before it is sent
		p = &pushing{ctx: ctx, it: it, name: name, done: make(chan struct{})}
		if g.under == nil {
			g.under = map[digest]*pushing{}
		}
		g.under[name.id] = p
		g.waiting = append(g.waiting, p)
		if !g.writing {
			g.writing = true
			go q.gather()
		}
	}
	g.mu.Unlock()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return hub.E(hub.Unavailable, "queue work", "the caller left before the item was known to be stored; push it again with the same ID", ctx.Err())
	}
}

// gather stores what waits, group after group, until nothing does.
func (q *Queue) gather() {
	g := &q.gathering
	for {
		g.mu.Lock()
		group := g.next()
		if len(group) == 0 {
			g.writing = false
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		err := q.putGroup(group)
		g.mu.Lock()
		for _, p := range group {
			delete(g.under, p.name.id)
			if err == nil {
				g.lately.add(p.name.id, time.Now())
			}
			p.err = err
			close(p.done)
		}
		g.mu.Unlock()
	}
}

// next takes the next group from the front of what waits. mu is held.
func (g *gathering) next() []*pushing {
	size, n := 0, 0
	for n < len(g.waiting) && n < maxGroupItems {
		if size += sizeInGroup(&g.waiting[n].it); n > 0 && size > maxGroupBytes {
			break
		}
		n++
	}
	group := g.waiting[:n:n]
	if g.waiting = g.waiting[n:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
	return group
}

// putGroup stores a group as one message.
func (q *Queue) putGroup(group []*pushing) error {
	const op = "queue work"
	items, names := make([]Item, len(group)), make([]itemName, len(group))
	for i, p := range group {
		items[i], names[i] = p.it, p.name
	}
	// Callers may leave; what they pushed is stored all the same, or nothing of it is.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(group[0].ctx), 3*attemptTimeout)
	defer cancel()
	token := hub.NewID()
	subject, header, payload := q.states(stateGroup)+token, namesHeader(names), encodeGroup(items)
	q.opened.keep(subject, items) // before it is stored: who reads may be told of it before this process knows
	_, err := q.store(ctx, op, token, func() *nats.Msg {
		m := nats.NewMsg(subject)
		m.Data = payload
		m.Header.Set(headerItems, header)
		return m
	})
	if err != nil {
		q.opened.drop(subject)
	}
	return err
}

// lately are the IDs of what a process pushed in the last minutes: for lateTime at
// least and twice that at most, less if they are more than lateMost.
type lately struct {
	now, before map[digest]struct{}
	since       time.Time
}

const (
	lateTime = pushWindow
	lateMost = 32_768
)

func (l *lately) has(id digest, at time.Time) bool {
	_, now := l.now[id]
	_, before := l.before[id]
	return (now || before) && at.Sub(l.since) <= 2*lateTime
}

func (l *lately) add(id digest, at time.Time) {
	if l.now == nil || len(l.now) == lateMost || at.Sub(l.since) > lateTime {
		if l.before = l.now; at.Sub(l.since) > 2*lateTime {
			l.before = nil
		}
		l.now, l.since = map[digest]struct{}{}, at
	}
	l.now[id] = struct{}{}
}
