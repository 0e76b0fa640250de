package natsbus

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
)

// Change is one event of [Table.Watch]: a key's new value, its removal, or the
// mark that everything that was there has been handed out.
type Change struct {
	KeyValue      // of the write; a removal has no value
	Deleted  bool // the key was removed
	Synced   bool // the mark; of the rest only Revision is set, up to which all has been told
}

// List returns the keys under a prefix with their values, sorted by key. The
// prefix is empty, for all keys, or ends in '/'. Every write that was
// acknowledged before is in it; of those made meanwhile, any may be.
func (t *Table) List(ctx context.Context, prefix string) ([]KeyValue, error) {
	const op = "list keys"
	found := map[string]KeyValue{}
	err := t.tail(ctx, op, prefix, func(kv KeyValue, deleted bool) error {
		if deleted {
			delete(found, kv.Key)
		} else {
			found[kv.Key] = kv
		}
		return nil
	}, func(uint64) error { return errStop })
	if err != nil {
		return nil, t.a.fail(op, err)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b KeyValue) int { return strings.Compare(a.Key, b.Key) }), nil
}

// Watch calls fn with every key under a prefix, in the order of their
// revisions, then once with a Change that is Synced, and then with each change
// as it is made. It goes on over reconnects: of several writes to one key that
// fall into an interruption, the last one comes, be it a removal. Watch returns
// nil when ctx ends. fn holds up what follows.
func (t *Table) Watch(ctx context.Context, prefix string, fn func(Change)) error {
	const op = "watch keys"
	seen := map[string]bool{} // keys handed out before the mark; nil after it
	err := t.tail(ctx, op, prefix, func(kv KeyValue, deleted bool) error {
		if seen != nil {
			if deleted && !seen[kv.Key] {
				return nil // removed long ago
			}
			seen[kv.Key] = true
		}
		fn(Change{KeyValue: kv, Deleted: deleted})
		return nil
	}, func(until uint64) error {
		seen = nil
		fn(Change{KeyValue: KeyValue{Revision: until}, Synced: true})
		return nil
	})
	if ctx.Err() != nil && hub.CodeOf(err) != hub.Invalid {
		return nil
	}
	return t.a.fail(op, err)
}

// tail hands out what the table holds and what is written to it later.
// Deletions are kept as messages, so none is missed. caughtUp gets the revision up
// to which all has been handed out.
func (t *Table) tail(ctx context.Context, op, prefix string, each func(kv KeyValue, deleted bool) error, caughtUp func(until uint64) error) error {
	filter, err := t.filter(op, prefix)
	if err != nil {
		return err
	}
	newest, err := askAnew(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return t.a.lastOf(ctx, t.stream, filter) })
	if err != nil {
		return err
	}
	var until uint64
	if newest != nil {
		until = newest.Sequence
	}
	return t.a.tail(ctx, tailing{
		stream: t.stream, filter: filter, until: until, caughtUp: func() error { return caughtUp(until) },
		each: func(m message) error {
			return each(KeyValue{t.key(m.subject), m.data, m.seq}, isDelete(m.header))
		},
	})
}
