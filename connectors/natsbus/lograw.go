package natsbus

import (
	"bytes"
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/hub"
)

// Batch is one message of a log as it is stored, for those who judge the log
// itself: nothing of it is interpreted but its records.
type Batch struct {
	Sequence uint64 // from 1
	Stored   time.Time
	Header   map[string][]string
	Lines    [][]byte     // what stands between the newlines of the message
	Records  []hub.Record // one of each line, where all of them were read; nil: they were not
}

func newBatch(seq uint64, stored time.Time, header nats.Header, data []byte) Batch {
	return Batch{Sequence: seq, Stored: stored, Header: header, Lines: bytes.Split(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\n'})}
}

// FollowBatches calls fn with each message after a sequence and then with each
// new one as it is stored, as [Log.Follow] does with records. A message that is
// missing or does not fit to those before it is an error, which says so.
func (l *Log) FollowBatches(ctx context.Context, after uint64, fn func(Batch) error) error {
	at := link{seq: after}
	if after > 0 {
		var err error
		if at.chain, at.count, err = l.headersAt(ctx, after); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return l.a.fail("follow log", err)
		}
	}
	var fromFn error
	err := l.a.tail(ctx, tailing{stream: l.stream, filter: l.subject, from: after + 1, each: func(m message) error {
		recs, err := at.read(m)
		if err != nil {
			return l.damaged(m.seq, err)
		}
		b := newBatch(m.seq, m.stored, m.header, m.data)
		b.Records = recs
		fromFn = fn(b)
		return fromFn
	}})
	switch {
	case fromFn != nil:
		return fromFn
	case ctx.Err() != nil:
		return nil
	}
	return l.a.fail("follow log", err)
}

// ReadBatches calls fn with each message after a sequence up to the end that the
// log has when it begins, also when messages are missing or do not fit together.
func (l *Log) ReadBatches(ctx context.Context, after uint64, fn func(Batch) error) error {
	newest, err := l.a.lastOf(ctx, l.stream, l.subject)
	if err != nil {
		return l.a.fail("read log", err)
	}
	if newest == nil || newest.Sequence <= after {
		return nil
	}
	var fromFn error
	err = l.a.tail(ctx, tailing{stream: l.stream, filter: l.subject, from: after + 1, until: newest.Sequence, each: func(m message) error {
		if fromFn = fn(newBatch(m.seq, m.stored, m.header, m.data)); fromFn != nil {
			return fromFn
		}
		if m.seq >= newest.Sequence {
			return errStop
		}
		return nil
	}})
	if fromFn != nil {
		return fromFn
	}
	return l.a.fail("read log", err)
}

// BatchAt returns the message at a sequence. One that is not there is damage.
func (l *Log) BatchAt(ctx context.Context, seq uint64) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m, err := l.stream.GetMsg(ctx, seq)
	switch {
	case err == nil:
		return newBatch(m.Sequence, m.Time, m.Header, m.Data), nil
	case isLost(err):
		return Batch{}, l.a.fail("read log", err)
	}
	return Batch{}, l.damaged(seq, err)
}

// LastBatch returns the newest message, the zero Batch for an empty log.
func (l *Log) LastBatch(ctx context.Context) (Batch, error) {
	m, err := l.a.lastOf(ctx, l.stream, l.subject)
	if err != nil || m == nil {
		return Batch{}, l.a.fail("read log", err)
	}
	return newBatch(m.Sequence, m.Time, m.Header, m.Data), nil
}
