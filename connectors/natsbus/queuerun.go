package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Consume handles the queue's work until ctx ends, and then returns nil after
// the handlers returned. Any number of processes may call it: they divide the
// keys among them, each of which one process works on at a time. When one stops,
// the others go on with its keys at once, and when one dies, after the lease's
// time and a fifth at the latest. One that comes gets its share within three
// tenths of that time and what the handlers take that are told to stop.
//
// The handler is called at least once for each item. When it returns an error,
// which it tells whom it concerns, the item is tried again after a back-off,
// holding up only its own key, or parked after MaxAttempts. Its context ends when
// the key becomes another process's, or Consume ends.
func (q *Queue) Consume(ctx context.Context, handler func(context.Context, Item) error) error {
	for ctx.Err() == nil {
		err := q.work(ctx, handler)
		if ctx.Err() == nil {
			q.a.log.Warn("stopped working on a queue; trying to take it again", "account", q.a.name, "queue", q.name, "error", err)
			if err := q.a.guard.Damaged(); err != nil {
				return err
			}
			if pause(ctx, time.Second) != nil {
				break
			}
		}
	}
	return nil
}

// work does this process's part of the work until ctx ends or the lease is lost.
func (q *Queue) work(ctx context.Context, handler func(context.Context, Item) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d := newDispatcher(ctx, cancel, q, handler)
	defer context.AfterFunc(ctx, d.end)()
	c := q.newClaim(d)
	d.valid = c.valid
	claiming := make(chan struct{})
	go func() {
		defer close(claiming)
		cancel(c.keep(ctx))
	}()
	q.working.Store(d)
	defer q.working.Store(nil)
	cancel(d.read())
	d.end() // before Wait: no worker is started while it waits
	d.busy.Wait()
	d.saveAll()
	<-claiming
	c.leave()
	return context.Cause(ctx)
}

// dispatcher hands out the work that its index knows of. The items themselves
// are read when their turn comes.
type dispatcher struct {
	q       *Queue
	handler func(context.Context, Item) error
	ctx     context.Context // of the work
	cancel  context.CancelCauseFunc
	valid   func() bool    // whether the lease holds
	busy    sync.WaitGroup // workers
	idle    chan struct{}  // told when the last handler of a part that was given up has returned

	mu   sync.Mutex // covers what is below
	room sync.Cond  // a key left the index, parts came or went, or the work ended
	shares
	progress
	index   index
	ready   []*keyWork // keys whose first item may be tried now
	workers int        // that run; they come when there is work and go when there is none
	ended   bool
}

func newDispatcher(ctx context.Context, cancel context.CancelCauseFunc, q *Queue, handler func(context.Context, Item) error) *dispatcher {
	d := &dispatcher{
		q: q, handler: handler, ctx: ctx, cancel: cancel, idle: make(chan struct{}, 1),
		shares:   shares{have: map[int]*queuePart{}, coming: map[int]*queuePart{}},
		progress: progress{groups: map[uint64]*groupWork{}, ids: map[digest]bool{}},
		index:    newIndex(q.cfg.MaxWaiting, q.perKey),
	}
	d.room.L = &d.mu
	return d
}

// end lets no worker begin any more and wakes who waits.
func (d *dispatcher) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.room.Broadcast()
}

// wake has who waits look again.
func (d *dispatcher) wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.Broadcast()
}

// add puts an item behind the others of its key, if that is in a part of this
// process. It waits while its key finds no room in the index.
func (d *dispatcher) add(ctx context.Context, key string, at place) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.partOf(key)
	for p != nil && !p.over && at > p.from && !d.index.room(key) && ctx.Err() == nil {
		d.room.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d.at = at
	if p == nil || p.over || at <= p.from {
		return nil
	}
	if w := d.index.add(key, at); w != nil {
		w.part = p
		d.line(w)
	}
	return nil
}

// line puts a key in line and sees to it that a worker comes. mu is held.
func (d *dispatcher) line(w *keyWork) {
	d.ready = append(d.ready, w)
	if d.workers < d.q.cfg.Workers && !d.ended {
		d.workers++
		d.busy.Go(d.work)
	}
}

// take returns a key whose turn it is and the place of its first item, 0 when
// that is still to be looked for. It returns nil when there is no work, and then
// the worker goes.
func (d *dispatcher) take() (w *keyWork, at place) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ready) > 0 && !d.ended && !d.valid() {
		d.ended = true // this process was stopped for longer than its lease
		d.cancel(errLeaseLost)
	}
	if len(d.ready) == 0 || d.ended {
		d.workers--
		return nil, 0
	}
	w = d.ready[0]
	d.ready = d.ready[1:]
	w.part.running++
	return w, w.first()
}

// work is one worker: it tries the first item of one key after the other.
func (d *dispatcher) work() {
	for w, at := d.take(); w != nil; w, at = d.take() {
		if at == 0 {
			d.readOn(w)
		} else {
			d.step(w, at)
		}
		d.left(w.part)
	}
}

// step tries the first item of a key. Of a part that was given up meanwhile, who
// has it next goes on.
func (d *dispatcher) step(w *keyWork, at place) {
	wait, err := d.try(w.part, at, w.failed+1)
	switch {
	case w.part.ctx.Err() != nil:
	case err != nil:
		d.cancel(err)
	case wait > 0:
		d.later(w, wait)
	default:
		d.next(w, func() { d.index.done(w) })
	}
}

// later puts a key whose first item did not succeed in line after a time.
func (d *dispatcher) later(w *keyWork, wait time.Duration) {
	w.failed++
	time.AfterFunc(wait, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !w.part.over {
			d.line(w)
		}
	})
}

// next goes on with a key when change was made to its place in the index: with
// its next item, or without the key when it has none.
func (d *dispatcher) next(w *keyWork, change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.part.over {
		return
	}
	w.failed = 0
	change()
	if d.index.drop(w) {
		d.room.Broadcast()
		return
	}
	d.ready = append(d.ready, w) // the worker that is here takes it, or one for which it waits
}

// readOn looks in the stream for the items of a key that are not in its list.
// When that fails it holds up this key alone: an owner that cannot reach the bus
// at all loses the lease.
func (d *dispatcher) readOn(w *keyWork) {
	d.mu.Lock()
	upto, last, most := w.upto, w.last, d.index.most(w)
	d.mu.Unlock()
	var found []place
	for len(found) < most && upto < last {
		at, err := d.q.search(w.part.ctx, w.key, upto, last)
		switch {
		case w.part.ctx.Err() != nil:
			return
		case err != nil:
			d.q.a.log.Warn("cannot read on in a queue; trying again", "account", d.q.a.name, "queue", d.q.name, "error", err)
			d.later(w, d.q.cfg.Backoff(w.failed+1))
			return
		case at == 0: // the rest is gone: an earlier owner was late
			upto = last
		default:
			found, upto = append(found, at), at
		}
	}
	d.next(w, func() { d.index.extend(w, found, upto) })
}

// try handles an item once and takes it out of the queue when that went well,
// or when it failed too often. Otherwise it is to be tried again after a time. An
// error means that the owner cannot go on.
func (d *dispatcher) try(p *queuePart, at place, attempt int) (again time.Duration, err error) {
	it, err := d.item(p.ctx, at)
	if err != nil {
		return 0, fmt.Errorf("read item %d of message %d: %w", at.n(), at.seq(), err)
	}
	if it == nil {
		return 0, nil // gone: an earlier owner was late
	}
	subject := d.q.subject(stateReady, *it)
	it.Attempt, it.Fence = attempt, p.fence
	failure := d.handler(p.ctx, *it)
	if failure == nil {
		return 0, d.finish(p.ctx, p, subject, at)
	}
	if p.ctx.Err() != nil {
		return 0, nil // the handler was told to stop; the next owner tries again
	}
	if a := (*after)(nil); errors.As(failure, &a) {
		return max(a.d, 1), nil
	}
	parked := d.q.cfg.MaxAttempts > 0 && attempt >= d.q.cfg.MaxAttempts
	level := slog.LevelDebug // who handles the work says what is worth it
	if parked {
		level = slog.LevelWarn
	}
	d.q.a.log.Log(p.ctx, level, "work failed", "account", d.q.a.name, "queue", d.q.name, "id", it.ID, "key", it.Key, "attempt", attempt, "parked", parked, "error", failure)
	if parked {
		return 0, d.park(p, *it, at)
	}
	if attempt >= stalled {
		err = d.stall(p.ctx, at)
	}
	return max(d.q.cfg.Backoff(attempt), 1), err
}

// item returns an item, nil when it is done or not there any more.
func (d *dispatcher) item(ctx context.Context, at place) (*Item, error) {
	if at.n() > 0 {
		d.mu.Lock()
		g := d.groups[at.seq()]
		d.mu.Unlock()
		if d.isDone(g, at) {
			return nil, nil
		}
		if g != nil {
			if it, ok := d.q.opened.item(g.subject, at.n()-1); ok {
				return it.clone(), nil
			}
		}
	}
	return d.q.item(ctx, at)
}

// park keeps an item aside. A crash between the two steps leaves it in both
// places; the next owner then tries it again, and parks it once.
func (d *dispatcher) park(p *queuePart, it Item, at place) error {
	if err := d.q.put(p.ctx, "park work", stateParked, it, false); err != nil {
		return err
	}
	return d.finish(p.ctx, p, d.q.subject(stateReady, it), at)
}
