package natsbus

import (
	"bytes"
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// saveDone stores which items of a group are done, together with what is stored of
// that already, or removes the group when these are all. What was done stays done,
// so that it may be called late and by several.
func (q *Queue) saveDone(ctx context.Context, group string, seq uint64, done doneMark) error {
	const op = "keep what is done"
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	subject := q.states(stateDone) + tokenOf(group)
	for {
		was, err := q.a.lastOf(ctx, q.stream, subject)
		if err != nil {
			return q.a.fail(op, err)
		}
		mark, previous := doneMark(bytes.Clone(done)), uint64(0)
		if was != nil {
			mark.merge(was.Data)
			previous = was.Sequence
		}
		switch {
		case mark.all():
			err := q.remove(ctx, group, seq)
			if err == nil && was != nil {
				err = q.remove(ctx, subject, previous)
			}
			return err
		case was != nil && bytes.Equal(mark, was.Data):
			return nil
		}
		if there, err := q.a.lastOf(ctx, q.stream, group); err != nil || there == nil {
			return q.a.fail(op, err) // somebody else did all of it
		}
		m := nats.NewMsg(subject)
		m.Data = mark
		ack, err := q.a.send(ctx, q.streamName(), m, jetstream.WithExpectLastSequencePerSubject(previous))
		if err == nil {
			q.a.guard.pushed(q.streamName(), subject, ack.Sequence)
			if was != nil {
				err = q.remove(ctx, subject, previous)
			}
			return err
		}
		if !isWrongSequence(err) {
			q.a.guard.unsure(q.streamName())
			return q.a.fail(op, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil { // somebody else stored another mark, or is about to
			return q.a.fail(op, err)
		}
	}
}

// marks returns what is stored of groups of which a part is done, by the last word
// of their subject.
func (q *Queue) marks(ctx context.Context) (map[string]doneMark, error) {
	filter := q.states(stateDone) + ">"
	newest, err := q.a.lastOf(ctx, q.stream, filter)
	if err != nil || newest == nil {
		return nil, err
	}
	found := map[string]doneMark{}
	return found, q.a.tail(ctx, tailing{
		stream: q.stream, filter: filter,
		each: func(m message) error {
			found[tokenOf(m.subject)] = bytes.Clone(m.data)
			return nil
		},
		caughtUp: func() error { return errStop },
	})
}

// removeStray removes the mark of a group that is gone: who removed the group died
// before it removed the mark.
func (q *Queue) removeStray(ctx context.Context, token string) error {
	if q.holds(ctx, q.states(stateGroup)+token) {
		return nil
	}
	subject := q.states(stateDone) + token
	mark, err := q.a.lastOf(ctx, q.stream, subject)
	if err != nil || mark == nil {
		return err
	}
	return q.remove(ctx, subject, mark.Sequence)
}
