package wire

import (
	"context"
	"sync"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
)

// late is storage of a function in a trust domain that is made when it is first
// written to: each of the functions has a table, a table of subscriptions and a
// queue in every trust domain, most of which never hold anything, and each costs
// the embedded bus files, memory and time at the start. It is for storage that
// nobody else can make.
type late[T any] struct {
	open func(context.Context) (T, error)
	made chan struct{} // closed when it is there

	mu    sync.Mutex // held while it is made
	value T
}

// there returns the storage if it was made.
func (l *late[T]) there() (value T, ok bool) {
	select {
	case <-l.made:
		return l.value, true
	default:
		return value, false
	}
}

// make returns the storage, which is there afterwards.
func (l *late[T]) make(ctx context.Context) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v, ok := l.there(); ok {
		return v, nil
	}
	v, err := l.open(ctx)
	if err != nil {
		return v, err
	}
	l.value = v
	close(l.made)
	return v, nil
}

// wait returns the storage when somebody has made it; false when ctx ended first.
func (l *late[T]) wait(ctx context.Context) (value T, ok bool) {
	select {
	case <-l.made:
		return l.value, true
	case <-ctx.Done():
		return value, false
	}
}

// lateTable is a [state.Table] that is made by its first Create.
type lateTable struct{ late[state.Table] }

// Sole says that nobody else makes or writes it ([state.Sole]).
func (t *lateTable) Sole() bool { return true }

func (t *lateTable) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if table, ok := t.there(); ok {
		return table.Get(ctx, key)
	}
	return nil, 0, hub.E(hub.NotFound, "read key", key+" is not there", nil)
}

func (t *lateTable) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	table, err := t.make(ctx)
	if err != nil {
		return 0, err
	}
	return table.Create(ctx, key, value)
}

func (t *lateTable) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if table, ok := t.there(); ok {
		return table.Update(ctx, key, value, revision)
	}
	return 0, hub.E(hub.Precondition, "update key", key+" is not there", nil)
}

func (t *lateTable) Delete(ctx context.Context, key string, revision uint64) error {
	if table, ok := t.there(); ok {
		return table.Delete(ctx, key, revision)
	}
	return hub.E(hub.NotFound, "delete key", key+" is not there", nil)
}

// Watch tells the end of what was there at once when there was nothing, and once
// more when the table has been made and read.
func (t *lateTable) Watch(ctx context.Context, fn func(state.Change)) error {
	if table, ok := t.there(); ok {
		return table.Watch(ctx, fn)
	}
	fn(state.Change{Synced: true})
	table, ok := t.wait(ctx)
	if !ok {
		return nil
	}
	return table.Watch(ctx, fn)
}

// lateQueue is a [notify.Queue] that is made by its first Push.
type lateQueue struct{ late[notify.Queue] }

func (q *lateQueue) Push(ctx context.Context, id, key string, data []byte) error {
	queue, err := q.make(ctx)
	if err != nil {
		return err
	}
	return queue.Push(ctx, id, key, data)
}

func (q *lateQueue) Consume(ctx context.Context, handler func(ctx context.Context, id, key string, attempt int, data []byte) error) error {
	queue, ok := q.wait(ctx)
	if !ok {
		return nil
	}
	return queue.Consume(ctx, handler)
}
