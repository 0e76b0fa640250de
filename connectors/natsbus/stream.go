package natsbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// classKey is the stream metadata that says which class a stream belongs to.
// A stream without it is none of ours, and the guard leaves it alone.
const classKey = "manoward.class"

// The classes of streams.
const (
	classLog   = "log"
	classTable = "table"
	classQueue = "queue"
)

// maxNameLen bounds the names of logs, tables and queues.
const maxNameLen = 64

// attemptTimeout bounds one request to the server. An answer that takes longer
// counts as lost, and its outcome is looked up.
const attemptTimeout = 3 * time.Second

// checkStreamName reports whether name can name a log, table or queue: letters,
// digits, '-' and '_', because it becomes part of subjects and file names.
func checkStreamName(class, name string) error {
	bad := name == "" || len(name) > maxNameLen
	for i := 0; i < len(name) && !bad; i++ {
		bad = !isWordByte(name[i])
	}
	if bad {
		return hub.E(hub.Invalid, "open "+class, fmt.Sprintf("%s name %.80q: use 1 to %d letters, digits, '-' or '_'", class, name, maxNameLen), nil)
	}
	return nil
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// openStream returns the stream that cfg describes and creates it when it does
// not exist. It never changes a stream that does.
func (a *Account) openStream(ctx context.Context, class string, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	op := "open " + class
	if err := a.guard.Damaged(); err != nil {
		return nil, err
	}
	s, err := a.lookUp(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		gone := a.guard.mayCreate(cfg.Name)
		if gone == nil {
			s, err = a.createStream(ctx, class, cfg)
		} else if s, err = a.lookUp(ctx, cfg.Name); errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, gone
		} // else: who opened it at the same time was first
	}
	if err != nil {
		return nil, a.fail(op, err)
	}
	if got := s.CachedInfo().Config.Metadata[classKey]; got != class {
		return nil, hub.E(hub.Conflict, op, fmt.Sprintf("stream %s of account %s exists and is not a %s of this hub", cfg.Name, a.name, class), nil)
	}
	if err := a.guard.opened(cfg.Name, class); err != nil {
		return nil, err
	}
	return s, nil
}

func (a *Account) createStream(ctx context.Context, class string, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	cfg.Metadata = map[string]string{classKey: class}
	cfg.Storage = jetstream.FileStorage
	cfg.Replicas = max(a.replicas, 1)
	s, err := askAnew(ctx, func(ctx context.Context) (jetstream.Stream, error) { return a.js.CreateStream(ctx, cfg) })
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return a.lookUp(ctx, cfg.Name) // another process was first
	}
	return s, err
}

func (a *Account) lookUp(ctx context.Context, name string) (jetstream.Stream, error) {
	return askAnew(ctx, func(ctx context.Context) (jetstream.Stream, error) { return a.js.Stream(ctx, name) })
}

// openTimeout bounds the opening of a stream, and the begin of reading it.
const openTimeout = 15 * time.Second

// askAnew asks until there is an answer: what a cluster is asked about a stream that
// has no leader, because it was just made or has lost a server, is never answered.
// Each question gets more time than the one before. What is asked for must be the same
// when it is asked for twice.
func askAnew[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	for attempt := time.Second; ; attempt *= 2 {
		once, cancel := context.WithTimeout(ctx, attempt)
		answer, err := ask(once)
		cancel()
		if err == nil || !isLost(err) || pause(ctx, 50*time.Millisecond) != nil {
			return answer, err
		}
	}
}

// fail turns an error of the NATS client into one of ours.
func (a *Account) fail(op string, err error) error {
	var ours *hub.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return err
	case errors.Is(err, nats.ErrMaxPayload):
		return hub.E(hub.Invalid, op, "the value is larger than the bus carries in one message; make it smaller", err)
	case isLost(err):
		return hub.E(hub.Unavailable, op, "the bus did not answer in time, so it is not known whether this took effect; read the state and try again", err)
	}
	return hub.E(hub.Unavailable, op, "the bus refused this; look at /readyz for the reason, such as a full disk, and try again", err)
}

// isLost reports whether err leaves open if the server carried the request out.
func isLost(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, jetstream.ErrInvalidJSAck) ||
		errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrConnectionClosed) ||
		errors.Is(err, nats.ErrReconnectBufExceeded) ||
		hasCode(err, codeUnavailable) || hasCode(err, codeDuplicateInProcess)
}

// JetStream API error codes. The first two mean that a compare-and-set lost; on
// a replicated stream a write that is still in flight gives the second.
const (
	codeWrongLastSequence         = 10071
	codeWrongLastSequenceConstant = 10164
	codeUnavailable               = 10008 // cluster without a leader: "temporarily unavailable"
	codeDuplicateInProcess        = 10158 // another writer's message of the same ID is on its way
)

func isWrongSequence(err error) bool {
	return hasCode(err, codeWrongLastSequence) || hasCode(err, codeWrongLastSequenceConstant)
}

func hasCode(err error, code jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == code
}

// send publishes m to a stream once and waits for the answer. The request outlives its
// caller's context, so that an answer on its way is not lost when a caller
// leaves, and ends after attemptTimeout, or earlier with errUnacknowledged when
// the stream cannot store.
func (a *Account) send(ctx context.Context, stream string, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if a.trace.Inject != nil {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		a.trace.Inject(ctx, m.Header.Set)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	if err := a.connected(ctx); err != nil {
		return nil, err
	}
	if err := a.mayWrite(); err != nil {
		return nil, err
	}
	var ack *jetstream.PubAck
	err := a.store.attempt(ctx, stream, func(ctx context.Context) (err error) {
		ack, err = a.js.PublishMsg(ctx, m, opts...)
		return err
	})
	return ack, err
}

// connected waits for the connection. What is written without one lies in the
// client's buffer and reaches the servers whenever they are there again: long after
// the fence was asked, perhaps, and after another process has begun.
func (a *Account) connected(ctx context.Context) error {
	for !a.conn.IsConnected() {
		if a.conn.IsClosed() {
			return nats.ErrConnectionClosed
		}
		if pause(ctx, 10*time.Millisecond) != nil {
			return nats.ErrDisconnected
		}
	}
	return nil
}

// lastOf returns the newest message of a subject (wildcards allowed), read at
// the leader, or nil when there is none.
func (a *Account) lastOf(ctx context.Context, s jetstream.Stream, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return m, err
}

// pause waits for d, less when ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
