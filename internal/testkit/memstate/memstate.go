// Package memstate is a bus in memory for tests: the tables of internal/state
// with the same rules, and none of the durability. What a test closes and opens
// again it keeps, as a bus that survives a crash does.
package memstate

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Bus holds tables by trust domain and name. The zero Bus is empty and ready;
// it is safe for concurrent use.
type Bus struct {
	mu     sync.Mutex // covers what is below
	tables map[[2]string]*table
	gone   map[string]bool // trust domains that were deleted
	// Fail, if set before use, is asked before each write and its error is the
	// write's: for tests of what happens when the disk is full.
	Fail func(domain, table, key string) error
	// Alone, if set before use, says that nobody else writes to the tables
	// ([state.Sole]).
	Alone bool
	// Domains, if set before use, are the trust domains that there are.
	Domains []string
}

// Open returns a table and makes it when it is new.
func (b *Bus) Open(_ context.Context, domain, name string) (state.Table, error) {
	if b.Domains != nil && !slices.Contains(b.Domains, domain) {
		return nil, hub.E(hub.NotFound, "open table", "there is no such trust domain", nil)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone[domain] {
		return nil, hub.E(hub.NotFound, "open table", "there is no such trust domain", nil)
	}
	if b.tables == nil {
		b.tables = map[[2]string]*table{}
	}
	t := b.tables[[2]string{domain, name}]
	if t == nil {
		t = &table{bus: b, domain: domain, name: name, values: map[string]state.Change{}, changed: make(chan struct{})}
		b.tables[[2]string{domain, name}] = t
	}
	return t, nil
}

// Delete deletes a trust domain: its tables cannot be opened again.
func (b *Bus) Delete(domain string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone == nil {
		b.gone = map[string]bool{}
	}
	b.gone[domain] = true
}

type table struct {
	bus          *Bus
	domain, name string

	mu       sync.Mutex // covers what is below
	values   map[string]state.Change
	history  []state.Change
	revision uint64
	changed  chan struct{} // closed and replaced with each change
}

func (t *table) Get(_ context.Context, key string) ([]byte, uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.values[key]
	if !ok {
		return nil, 0, hub.E(hub.NotFound, "get", "no such key", nil)
	}
	return slices.Clone(c.Value), c.Revision, nil
}

func (t *table) Create(_ context.Context, key string, value []byte) (uint64, error) {
	return t.write(key, func(was state.Change, there bool) (state.Change, error) {
		if there {
			return was, hub.E(hub.Conflict, "create", "the key is there", nil)
		}
		return state.Change{Key: key, Value: slices.Clone(value)}, nil
	})
}

func (t *table) Update(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return t.write(key, func(was state.Change, there bool) (state.Change, error) {
		if !there || was.Revision != revision {
			return was, hub.E(hub.Precondition, "update", "another revision", nil)
		}
		return state.Change{Key: key, Value: slices.Clone(value)}, nil
	})
}

func (t *table) Delete(_ context.Context, key string, revision uint64) error {
	_, err := t.write(key, func(was state.Change, there bool) (state.Change, error) {
		switch {
		case !there:
			return was, hub.E(hub.NotFound, "delete", "no such key", nil)
		case was.Revision != revision:
			return was, hub.E(hub.Precondition, "delete", "another revision", nil)
		}
		return state.Change{Key: key, Deleted: true}, nil
	})
	return err
}

// Sole is that of the bus.
func (t *table) Sole() bool { return t.bus.Alone }

func (t *table) write(key string, fn func(was state.Change, there bool) (state.Change, error)) (uint64, error) {
	if t.bus.Fail != nil {
		if err := t.bus.Fail(t.domain, t.name, key); err != nil {
			return 0, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	was, there := t.values[key]
	next, err := fn(was, there)
	if err != nil {
		return 0, err
	}
	t.revision++
	next.Revision = t.revision
	if next.Deleted {
		delete(t.values, key)
	} else {
		t.values[key] = next
	}
	t.history = append(t.history, next)
	close(t.changed)
	t.changed = make(chan struct{})
	return next.Revision, nil
}

// Watch tells what is there by revision, then Synced, then what comes.
func (t *table) Watch(ctx context.Context, fn func(state.Change)) error {
	t.mu.Lock()
	now := slices.SortedFunc(maps.Values(t.values), func(a, b state.Change) int { return int(a.Revision) - int(b.Revision) })
	seen, position := len(t.history), t.revision
	t.mu.Unlock()
	for _, c := range now {
		fn(c)
	}
	fn(state.Change{Synced: true, Revision: position})
	for {
		t.mu.Lock()
		news, changed := t.history[seen:], t.changed
		seen = len(t.history)
		t.mu.Unlock()
		for _, c := range news {
			fn(c)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
