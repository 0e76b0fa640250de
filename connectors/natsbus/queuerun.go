package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Consume handles the queue's work until ctx ends, and then returns nil after
// the handlers returned. Any number of processes may call it: one of them, the
// owner, does the work, and when it stops or dies another goes on, after the
// lease's time at the latest.
//
// The handler is called at least once for each item. When it returns an error,
// which it tells whom it concerns, the item is tried again after a back-off,
// holding up only its own key, or parked after MaxAttempts. Its context ends when
// the owner loses the lease or Consume ends.
func (q *Queue) Consume(ctx context.Context, handler func(context.Context, Item) error) error {
	for ctx.Err() == nil {
		l, err := q.acquire(ctx)
		if err != nil {
			break // acquire gives up only when ctx ends
		}
		q.a.log.Info("took over a queue", "account", q.a.name, "queue", q.name, "fence", l.fence)
		err = q.own(ctx, l, handler)
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

// own works on the queue while the lease holds.
func (q *Queue) own(ctx context.Context, l *lease, handler func(context.Context, Item) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d := &dispatcher{q: q, handler: handler, fence: l.fence, cancel: cancel, index: newIndex(q.cfg.MaxWaiting, q.perKey)}
	d.room.L = &d.mu
	d.start = func() { d.busy.Go(func() { d.work(ctx) }) }
	defer context.AfterFunc(ctx, d.end)()
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		cancel(l.keep(ctx))
	}()
	err := q.a.tail(ctx, tailing{
		stream: q.stream, filter: q.states(stateReady) + ">", headersOnly: true,
		each: func(m message) error { return d.add(ctx, m.subject, m.seq) },
	})
	cancel(err)
	d.end() // before Wait: no worker is started while it waits
	d.busy.Wait()
	<-renewing
	l.release()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// dispatcher hands out the work that its index knows of. The items themselves
// are read when their turn comes.
type dispatcher struct {
	q       *Queue
	handler func(context.Context, Item) error
	fence   uint64
	cancel  context.CancelCauseFunc
	start   func()         // starts a worker
	busy    sync.WaitGroup // workers

	mu      sync.Mutex // covers what is below
	room    sync.Cond  // a key left the index, or the work ended
	index   index
	ready   []*keyWork // keys whose first item may be tried now
	workers int        // that run; they come when there is work and go when there is none
	ended   bool
}

// end lets no worker begin any more and wakes add.
func (d *dispatcher) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.room.Broadcast()
}

// add puts an item behind the others of its key. It waits while its key finds
// no room in the index.
func (d *dispatcher) add(ctx context.Context, subject string, seq uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := subject[:strings.LastIndexByte(subject, '.')]
	for !d.index.room(key) && ctx.Err() == nil {
		d.room.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if w := d.index.add(key, seq); w != nil {
		d.line(w)
	}
	return nil
}

// line puts a key in line and sees to it that a worker comes. mu is held.
func (d *dispatcher) line(w *keyWork) {
	d.ready = append(d.ready, w)
	if d.workers < d.q.cfg.Workers && !d.ended {
		d.workers++
		d.start()
	}
}

// take returns a key whose turn it is and the sequence of its first item, 0 when
// that is still to be looked for. It returns nil when there is no work, and then
// the worker goes.
func (d *dispatcher) take() (w *keyWork, seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ready) == 0 || d.ended {
		d.workers--
		return nil, 0
	}
	w = d.ready[0]
	d.ready = d.ready[1:]
	return w, w.first()
}

// work is one worker: it tries the first item of one key after the other.
func (d *dispatcher) work(ctx context.Context) {
	for w, seq := d.take(); w != nil; w, seq = d.take() {
		if seq == 0 {
			d.readOn(ctx, w)
			continue
		}
		retry, err := d.try(ctx, seq, w.failed+1)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			d.cancel(err)
			return
		case retry:
			d.later(w)
		default:
			d.next(w, func() { d.index.done(w) })
		}
	}
}

// later puts a key that failed in line when its back-off is over.
func (d *dispatcher) later(w *keyWork) {
	w.failed++
	time.AfterFunc(d.q.cfg.Backoff(w.failed), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.line(w)
	})
}

// next goes on with a key when change was made to its place in the index: with
// its next item, or without the key when it has none.
func (d *dispatcher) next(w *keyWork, change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
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
func (d *dispatcher) readOn(ctx context.Context, w *keyWork) {
	d.mu.Lock()
	upto, last, most := w.upto, w.last, d.index.most(w)
	d.mu.Unlock()
	var found []uint64
	for len(found) < most && upto < last {
		seq, err := d.q.search(ctx, w.key+".*", upto+1, last)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			d.q.a.log.Warn("cannot read on in a queue; trying again", "account", d.q.a.name, "queue", d.q.name, "error", err)
			d.later(w)
			return
		case seq == 0: // the rest is gone: an earlier owner was late
			upto = last
		default:
			found, upto = append(found, seq), seq
		}
	}
	d.next(w, func() { d.index.extend(w, found, upto) })
}

// try handles an item once and takes it out of the queue when that went well,
// or when it failed too often. An error means that the owner cannot go on.
func (d *dispatcher) try(ctx context.Context, seq uint64, attempt int) (retry bool, err error) {
	it, err := d.q.item(ctx, seq)
	if err != nil {
		return false, fmt.Errorf("read item %d: %w", seq, err)
	}
	if it == nil {
		return false, nil // gone: an earlier owner was late
	}
	subject := d.q.subject(stateReady, *it)
	it.Attempt, it.Fence = attempt, d.fence
	failure := d.handler(ctx, *it)
	if failure == nil {
		return false, d.q.remove(ctx, subject, seq)
	}
	if ctx.Err() != nil {
		return true, nil // the handler was told to stop; the next owner tries again
	}
	parked := d.q.cfg.MaxAttempts > 0 && attempt >= d.q.cfg.MaxAttempts
	level := slog.LevelDebug // who handles the work says what is worth it
	if parked {
		level = slog.LevelWarn
	}
	d.q.a.log.Log(ctx, level, "work failed", "account", d.q.a.name, "queue", d.q.name, "id", it.ID, "key", it.Key, "attempt", attempt, "parked", parked, "error", failure)
	if !parked {
		return true, nil
	}
	return false, d.park(ctx, *it, seq)
}

// park keeps an item aside. A crash between the two steps leaves it in both
// places; the next owner then tries it again, and parks it once.
func (d *dispatcher) park(ctx context.Context, it Item, seq uint64) error {
	if err := d.q.put(ctx, "park work", stateParked, it, false); err != nil {
		return err
	}
	return d.q.remove(ctx, d.q.subject(stateReady, it), seq)
}

// errLeaseLost ends an owner's work.
var errLeaseLost = errors.New("the lease on the queue is lost")
