package natsbus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// lease is the right to work on a queue. It is a key of the table "leases" that
// its owner writes anew all the time; who sees it unchanged for its whole time
// takes it over. Only durations are measured, so clocks need not agree.
type lease struct {
	q        *Queue
	key      string
	value    leaseValue
	revision uint64
	fence    uint64    // revision of the taking-over
	renewed  time.Time // before the newest successful write was sent
}

type leaseValue struct {
	Owner    string        `json:"owner"`
	Instance string        `json:"instance,omitempty"` // process that has the embedded store open
	Lease    time.Duration `json:"lease"`              // what the owner promised, in ns
}

// acquire waits for the lease. It fails only when ctx ends.
func (q *Queue) acquire(ctx context.Context) (*lease, error) {
	l := &lease{q: q, key: "queue/" + q.name, value: leaseValue{Owner: hub.NewID(), Instance: q.a.guard.instanceID(), Lease: q.cfg.Lease}}
	var seen uint64 // revision of somebody else's lease
	var since time.Time
	for {
		held, err := q.leases.Get(ctx, l.key)
		switch {
		case hub.CodeOf(err) == hub.NotFound:
			if l.take(ctx, 0) {
				return l, nil
			}
		case err != nil:
			q.a.log.Debug("cannot read a lease", "account", q.a.name, "queue", q.name, "error", err)
		case held.Revision != seen && !q.orphan(held.Value):
			seen, since = held.Revision, time.Now()
		case q.orphan(held.Value), time.Since(since) > q.promised(held.Value):
			if l.take(ctx, held.Revision) {
				return l, nil
			}
		}
		if err := pause(ctx, q.cfg.Lease/10); err != nil {
			return nil, fmt.Errorf("wait for the lease: %w", err)
		}
	}
}

// orphan reports whether a lease's owner is certainly gone: it lived in another
// process, and the embedded store is ours alone.
func (q *Queue) orphan(value []byte) bool {
	var v leaseValue
	err := json.Unmarshal(value, &v)
	return q.a.guard != nil && err == nil && v.Instance != q.a.guard.instanceID()
}

// promised returns for how long an unchanged lease must be respected.
func (q *Queue) promised(value []byte) time.Duration {
	var v leaseValue
	if err := json.Unmarshal(value, &v); err != nil {
		return q.cfg.Lease
	}
	return max(v.Lease, q.cfg.Lease)
}

// take writes the lease over the given revision, 0 for none.
func (l *lease) take(ctx context.Context, revision uint64) bool {
	if !l.write(ctx, revision) {
		return false
	}
	l.fence = l.revision
	return true
}

func (l *lease) write(ctx context.Context, revision uint64) bool {
	value, err := json.Marshal(l.value)
	if err != nil {
		return false
	}
	sent := time.Now()
	var rev uint64
	if revision == 0 {
		rev, err = l.q.leases.Create(ctx, l.key, value)
	} else {
		rev, err = l.q.leases.Update(ctx, l.key, value, revision)
	}
	if err != nil {
		l.q.a.log.Debug("a lease was not written", "account", l.q.a.name, "queue", l.q.name, "error", err)
		return false
	}
	l.revision, l.renewed = rev, sent
	return true
}

// keep renews the lease until ctx ends or the lease is lost, and returns then.
func (l *lease) keep(ctx context.Context) error {
	for {
		if err := pause(ctx, l.value.Lease/3); err != nil {
			return err
		}
		switch held := l.renew(ctx); {
		case ctx.Err() != nil:
			return ctx.Err()
		case !held:
			return errLeaseLost
		}
	}
}

// renew writes the lease anew and reports whether that succeeded. It gives up
// when somebody else has the lease, and in any case a tenth before the lease's
// end, while nobody else can have it.
func (l *lease) renew(ctx context.Context) bool {
	ctx, cancel := context.WithDeadline(ctx, l.renewed.Add(l.value.Lease*9/10))
	defer cancel()
	for !l.write(ctx, l.revision) {
		held, err := l.q.leases.Get(ctx, l.key)
		switch {
		case err != nil: // the pause and the deadline decide
		case l.mine(held.Value):
			l.revision = held.Revision // a renewal whose answer was lost
		case held.Revision != l.revision:
			return false
		}
		if pause(ctx, l.value.Lease/30) != nil {
			return false
		}
	}
	return true
}

func (l *lease) mine(value []byte) bool {
	var v leaseValue
	return json.Unmarshal(value, &v) == nil && v.Owner == l.value.Owner
}

// release lets the next owner begin at once. When it fails, the next one waits
// for the lease's end.
func (l *lease) release() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	if err := l.q.leases.Delete(ctx, l.key, l.revision); err != nil {
		l.q.a.log.Debug("a lease is left to expire", "account", l.q.a.name, "queue", l.q.name, "error", err)
	}
}
