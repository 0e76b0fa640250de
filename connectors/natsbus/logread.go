package natsbus

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/manoward/manoward/internal/hub"
)

// Position is a place in a log. Positions of a log are ordered and never
// change; the zero Position is before the first record.
type Position struct {
	Sequence uint64 // of the batch, from 1
	Index    int    // of the record in its batch, from 0
}

// Entry is a record and its place.
type Entry struct {
	Position
	hub.Record
}

// Read hands out the records after a position, up to the end that the log has
// when Read begins, in order. Every record whose append was acknowledged before
// is among them. An error ends the sequence; one that says that data is damaged
// means that a message is missing, changed or out of place.
func (l *Log) Read(ctx context.Context, after Position) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		newest, err := l.a.lastOf(ctx, l.stream, l.subject)
		if err != nil {
			yield(Entry{}, l.a.fail("read log", err))
			return
		}
		if newest == nil || newest.Sequence < after.Sequence {
			return
		}
		err = l.follow(ctx, after, newest.Sequence, func(e Entry) error {
			if !yield(e, nil) {
				return errStop
			}
			return nil
		})
		if err != nil {
			yield(Entry{}, l.a.fail("read log", err))
		}
	}
}

// Follow calls fn with each record after a position and then with each new one
// as it is stored, in order, without gap or repetition, over reconnects. It
// returns fn's error, or nil when ctx ends.
func (l *Log) Follow(ctx context.Context, after Position, fn func(Entry) error) error {
	var fromFn error
	err := l.follow(ctx, after, 0, func(e Entry) error {
		fromFn = fn(e)
		return fromFn
	})
	switch {
	case fromFn != nil:
		return fromFn
	case ctx.Err() != nil:
		return nil
	}
	return l.a.fail("follow log", err)
}

// Last returns the position of the newest record, the zero Position for an
// empty log.
func (l *Log) Last(ctx context.Context) (Position, error) {
	newest, err := l.a.lastOf(ctx, l.stream, l.subject)
	if err != nil || newest == nil {
		return Position{}, l.a.fail("read log", err)
	}
	recs, err := decodeBatch(newest.Data)
	if err != nil {
		return Position{}, l.damaged(newest.Sequence, err)
	}
	return Position{newest.Sequence, len(recs) - 1}, nil
}

// follow reads the entries after a position up to the batch at until, or for
// ever when that is 0.
func (l *Log) follow(ctx context.Context, after Position, until uint64, fn func(Entry) error) error {
	at := link{}
	if after.Sequence > 1 {
		var err error
		at.seq = after.Sequence - 1
		if at.chain, at.count, err = l.headersAt(ctx, at.seq); err != nil {
			return err
		}
	}
	return l.a.tail(ctx, tailing{
		stream: l.stream, filter: l.subject, from: at.seq + 1, until: until,
		each: func(m message) error {
			recs, err := at.read(m)
			if err != nil {
				return l.damaged(m.seq, err)
			}
			for i, r := range recs {
				if m.seq == after.Sequence && i <= after.Index {
					continue
				}
				if err := fn(Entry{Position{m.seq, i}, r}); err != nil {
					return err
				}
			}
			if m.seq == until {
				return errStop
			}
			return nil
		},
	})
}

// link is a place in the chain of batches.
type link struct {
	seq   uint64
	count uint64
	chain chain
}

// read moves the link over the next batch and returns its records. It refuses a
// batch that is not the next one or not what was stored.
func (k *link) read(m message) ([]hub.Record, error) {
	if m.seq != k.seq+1 {
		return nil, fmt.Errorf("messages %d to %d are missing", k.seq+1, m.seq-1)
	}
	sum, count, err := readHeaders(m.header)
	if err != nil {
		return nil, err
	}
	recs, err := decodeBatch(m.data)
	if err != nil {
		return nil, err
	}
	if count != k.count+uint64(len(recs)) || sum != k.chain.next(count, m.data) {
		return nil, errors.New("the hash chain is broken")
	}
	k.seq, k.count, k.chain = m.seq, count, sum
	return recs, nil
}
