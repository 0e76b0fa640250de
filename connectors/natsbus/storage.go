package natsbus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/manoward/manoward/internal/hub"
)

// storage knows whether the embedded server can store in the streams of one
// account. All methods may be called on a nil storage, that of an external
// cluster: it knows nothing and lets everything pass.
//
// It is needed because a server whose disk refuses a message does not answer
// (processJetStreamMsg of nats-server 2.15 "doesn't want to respond"), and
// refuses everything for that stream from then on until it is restarted.
type storage struct {
	// trouble returns why a stream takes nothing, nil when it does.
	trouble func(stream string) error
	every   time.Duration // between two looks while an answer is waited for

	mu     sync.Mutex
	failed map[string]bool // streams that took nothing when they were last tried
}

// probeEvery is how long an answer of the embedded server is waited for before
// its store is looked at.
const probeEvery = 200 * time.Millisecond

func newStorage(trouble func(stream string) error) *storage {
	return &storage{trouble: trouble, every: probeEvery, failed: map[string]bool{}}
}

// errUnacknowledged is in the chain of an error about a write that was sent to
// a stream that cannot store: it may be on the disk all the same, and would be
// there after a restart.
var errUnacknowledged = errors.New("the write was sent and not acknowledged")

// attempt runs a request that stores in a stream, and ends it as soon as it is
// known that the server cannot store there. Without errUnacknowledged in its
// chain, an error of a stream that cannot store says that nothing was sent.
func (s *storage) attempt(ctx context.Context, stream string, do func(context.Context) error) error {
	if s == nil {
		return do(ctx)
	}
	if s.hasFailed(stream) {
		if err := s.look(stream); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	probe := time.AfterFunc(s.every, func() {
		for ctx.Err() == nil {
			if err := s.look(stream); err != nil {
				cancel(unacknowledged(err))
				return
			}
			_ = pause(ctx, s.every) // the loop sees that ctx has ended
		}
	})
	defer probe.Stop()
	err := do(ctx)
	if err == nil || !isLost(err) {
		return err
	}
	if cause := context.Cause(ctx); errors.Is(cause, errUnacknowledged) {
		return cause
	}
	if trouble := s.look(stream); trouble != nil {
		return unacknowledged(trouble)
	}
	return err
}

func unacknowledged(trouble error) error {
	return hub.E(hub.Unavailable, "store", hub.SafeText(trouble)+"; what was asked is not acknowledged, yet may be there after the restart: look, and ask again", errors.Join(errUnacknowledged, trouble))
}

// look asks the server about a stream, and remembers the answer.
func (s *storage) look(stream string) error {
	err := s.trouble(stream)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[stream] = err != nil
	return err
}

// stores asks the server whether a stream takes messages, which a stream that holds
// some in memory alone does not.
func (s *storage) stores(stream string) bool { return s == nil || s.look(stream) == nil }

func (s *storage) hasFailed(stream string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed[stream]
}

// trouble returns why a stream of an account takes nothing, nil when it does.
func (e *embedded) trouble(account, stream string) error {
	if err := e.disabled(); err != nil {
		return err
	}
	return e.lasting("stream "+stream, server.HealthzOptions{Account: account, Details: true}, func(sick server.HealthzError) bool {
		return sick.Stream == stream
	})
}

// disabled says that the server stores nothing at all any more.
func (e *embedded) disabled() error {
	if e.server.JetStreamEnabled() {
		return nil
	}
	return e.unwritable("JetStream", errors.New("JetStream is disabled after a failed write"))
}

// unwritable says why what takes nothing until a restart, and the mend.
func (e *embedded) unwritable(what string, err error) error {
	if full := e.full("and restart"); full != nil {
		return full
	}
	return hub.E(hub.Unavailable, "check bus", what+" takes nothing since a write to the disk of "+e.dir+" failed; see that the disk is sound and has room, then restart", err)
}

// full says that the disk has no room, nil when it has or that is not known.
// mend is what must be done besides making room.
func (e *embedded) full(mend string) error {
	bytes, err := e.free(e.dir)
	if err != nil || bytes >= runFree {
		return nil
	}
	return hub.E(hub.Unavailable, "check bus", fmt.Sprintf("disk full: %s has %d MiB free; free some space %s", e.dir, bytes>>20, mend), nil)
}
