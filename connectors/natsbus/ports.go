package natsbus

import (
	"context"

	"github.com/manoward/manoward/internal/state"
)

// StateTable is a [Table] that meets the port [state.Table].
type StateTable struct{ *Table }

// Get is [Table.Get], with the entry in parts.
func (t StateTable) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	kv, err := t.Table.Get(ctx, key)
	return kv.Value, kv.Revision, err
}

// Sole says whether the table is on this process's embedded bus ([state.Sole]).
func (t StateTable) Sole() bool { return t.a.alone() }

// Watch is [Table.Watch] of all keys.
func (t StateTable) Watch(ctx context.Context, fn func(state.Change)) error {
	return t.Table.Watch(ctx, "", func(c Change) {
		fn(state.Change{Key: c.Key, Value: c.Value, Revision: c.Revision, Deleted: c.Deleted, Synced: c.Synced})
	})
}

// KeyedQueue is a [Queue] that meets the port Queue of internal/notify.
type KeyedQueue struct{ *Queue }

// Push is [Queue.Push].
func (q KeyedQueue) Push(ctx context.Context, id, key string, data []byte) error {
	return q.Queue.Push(ctx, Item{ID: id, Key: key, Data: data})
}

// Consume is [Queue.Consume], with the item in parts.
func (q KeyedQueue) Consume(ctx context.Context, handler func(ctx context.Context, id, key string, attempt int, data []byte) error) error {
	return q.Queue.Consume(ctx, func(ctx context.Context, it Item) error {
		return handler(ctx, it.ID, it.Key, it.Attempt, it.Data)
	})
}
