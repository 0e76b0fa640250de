package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
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
			if hub.CodeOf(q.a.guard.Damaged()) != "" {
				return q.a.guard.Damaged()
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
	d := &dispatcher{q: q, handler: handler, fence: l.fence, cancel: cancel, keys: map[string]*keyWork{}}
	d.room.L = &d.mu
	d.start = func() { d.busy.Go(func() { d.work(ctx) }) }
	defer context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ended = true // no worker is started from here on
		d.room.Broadcast()
	})()
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
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	d.busy.Wait()
	<-renewing
	l.release()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// dispatcher hands out the work in memory: for each key the sequences that
// wait, in order. The items themselves are read when their turn comes.
type dispatcher struct {
	q       *Queue
	handler func(context.Context, Item) error
	fence   uint64
	cancel  context.CancelCauseFunc
	start   func()         // starts a worker
	busy    sync.WaitGroup // workers

	mu      sync.Mutex // covers what is below
	room    sync.Cond  // total fell, or the work ended
	keys    map[string]*keyWork
	ready   []*keyWork // keys whose first item may be tried now
	total   int        // sequences in keys
	workers int        // that run; they come when there is work and go when there is none
	ended   bool
}

// keyWork is what waits of one key. It is in the ready list, with a worker, or
// waits for a timer.
type keyWork struct {
	key     string
	waiting []uint64
	failed  int // attempts at the first item
}

// add puts an item behind the others of its key. It waits while the index is
// full.
func (d *dispatcher) add(ctx context.Context, subject string, seq uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.total >= d.q.cfg.MaxWaiting && ctx.Err() == nil {
		d.room.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d.total++
	key := subject[:strings.LastIndexByte(subject, '.')]
	w := d.keys[key]
	if w == nil {
		w = &keyWork{key: key}
		d.keys[key] = w
		d.line(w)
	}
	w.waiting = append(w.waiting, seq)
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

// take returns a key whose turn it is; nil when there is none, and then the
// worker goes.
func (d *dispatcher) take() (w *keyWork, seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ready) == 0 || d.ended {
		d.workers--
		return nil, 0
	}
	w = d.ready[0]
	d.ready = d.ready[1:]
	return w, w.waiting[0]
}

// work is one worker: it tries the first item of one key after the other.
func (d *dispatcher) work(ctx context.Context) {
	for w, seq := d.take(); w != nil; w, seq = d.take() {
		retry, err := d.try(ctx, seq, w.failed+1)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			d.cancel(err)
			return
		case retry:
			w.failed++
			time.AfterFunc(d.q.cfg.Backoff(w.failed), func() { d.again(w) })
		default:
			d.done(w)
		}
	}
}

// again puts a key whose back-off is over in line.
func (d *dispatcher) again(w *keyWork) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line(w)
}

// done goes on to the next item of a key.
func (d *dispatcher) done(w *keyWork) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total--
	w.failed = 0
	if w.waiting = w.waiting[1:]; len(w.waiting) == 0 {
		delete(d.keys, w.key)
	} else {
		d.ready = append(d.ready, w) // the worker that is here takes it, or one for which it waits
	}
	d.room.Broadcast()
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
