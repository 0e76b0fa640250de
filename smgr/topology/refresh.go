package topology

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const (
	firstPause = time.Second     // after a reading that failed; doubled with each that follows
	lastPause  = 5 * time.Minute //
)

// refresher reads elements in the background: one reading at a time for each,
// however often it is asked for, a few of different ones at once, and after a
// failure only when a pause is over.
type refresher struct {
	read  func(context.Context, ref) error
	limit int
	log   *slog.Logger

	mu      sync.Mutex // covers what is below
	work    context.Context
	jobs    map[ref]*job
	ready   []ref // to be read, in order
	running int
	idle    *sync.Cond // told when a reading ends
}

type job struct {
	queued  bool // in ready, or waiting for its pause
	running bool
	again   bool // asked for while it ran
	pause   time.Duration
	timer   *time.Timer // of the pause
	reading *reading    // that runs, or ran last
}

// reading is one reading of an element in the background.
type reading struct {
	ended chan struct{} // closed when it has
	err   error         // what came of it, then
}

func newRefresher(limit int, log *slog.Logger, read func(context.Context, ref) error) *refresher {
	r := &refresher{read: read, limit: limit, log: log, jobs: map[ref]*job{}}
	r.idle = sync.NewCond(&r.mu)
	return r
}

// run lets readings begin until ctx ends, and returns when the last one did.
func (r *refresher) run(ctx context.Context) {
	r.mu.Lock()
	r.work = ctx
	r.pump()
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.running > 0 {
		r.idle.Wait()
	}
	for _, j := range r.jobs {
		if j.timer != nil {
			j.timer.Stop()
		}
	}
	r.work = nil
}

// want asks for a reading that begins after now.
func (r *refresher) want(x ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[x]
	switch {
	case j == nil:
		r.jobs[x] = &job{queued: true}
		r.ready = append(r.ready, x)
	case j.running:
		j.again = true
	case !j.queued:
		j.queued = true
		r.ready = append(r.ready, x)
	}
	r.pump()
}

// now has an element read for a caller who waits, in one with the reading in the
// background that the caller may have asked for. Its error is that of the reading, which
// is tried again in the background, or of ctx.
func (r *refresher) now(ctx context.Context, x ref) error {
	r.mu.Lock()
	j := r.jobs[x]
	switch {
	case j != nil && j.running && !j.again: // it began after it was asked for
		under := j.reading
		r.mu.Unlock()
		select {
		case <-under.ended:
			return under.err
		case <-ctx.Done():
			return ctx.Err()
		}
	case j != nil && j.queued && j.pause == 0:
		r.ready = slices.DeleteFunc(r.ready, func(o ref) bool { return o == x })
		delete(r.jobs, x)
	}
	r.mu.Unlock()
	err := r.read(ctx, x)
	if err != nil {
		r.want(x)
	}
	return err
}

// failing says whether the last reading failed and its pause is not over.
func (r *refresher) failing(x ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[x]
	return j != nil && j.pause > 0
}

// waiting is how many elements are to be read, the failing ones included.
func (r *refresher) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.jobs)
}

// pump begins what may begin; the lock is held.
func (r *refresher) pump() {
	for r.work != nil && r.work.Err() == nil && r.running < r.limit && len(r.ready) > 0 {
		x := r.ready[0]
		r.ready = r.ready[1:]
		j := r.jobs[x]
		j.queued, j.running, j.reading = false, true, &reading{ended: make(chan struct{})}
		r.running++
		go r.one(r.work, x, j)
	}
}

func (r *refresher) one(ctx context.Context, x ref, j *job) {
	err := r.read(ctx, x)
	r.mu.Lock()
	defer r.mu.Unlock()
	j.reading.err = err
	close(j.reading.ended)
	defer r.idle.Broadcast()
	defer r.pump()
	r.running--
	j.running = false
	switch {
	case err != nil && ctx.Err() == nil:
		j.pause = min(max(2*j.pause, firstPause), lastPause)
		j.queued, j.again = true, false
		j.timer = time.AfterFunc(j.pause, func() { r.resume(x) })
		r.log.Warn("cannot read topology", "kind", x.kind, "id", x.id, "error", hub.SafeText(err), "again", j.pause.String())
	case j.again:
		j.again, j.queued, j.pause = false, true, 0
		r.ready = append(r.ready, x)
	default:
		delete(r.jobs, x)
	}
}

func (r *refresher) resume(x ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = append(r.ready, x)
	r.pump()
}
