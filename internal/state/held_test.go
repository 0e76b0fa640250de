package state_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// countedTables count what is read of their tables, and lose answers when told to.
type countedTables struct {
	*memstate.Bus
	reads atomic.Int64
	lose  atomic.Bool // the write takes place, and its answer is lost
}

type countedTable struct {
	state.Table
	of *countedTables
}

func (c *countedTables) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := c.Bus.Open(ctx, domain, name)
	return countedTable{t, c}, err
}

func (c countedTable) Sole() bool { return c.of.Alone }

func (c countedTable) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	c.of.reads.Add(1)
	return c.Table.Get(ctx, key)
}

func (c countedTable) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	rev, err := c.Table.Update(ctx, key, value, revision)
	if err == nil && c.of.lose.Load() {
		return 0, hub.E(hub.Unavailable, "update", "the answer is lost", errors.New("lost"))
	}
	return rev, err
}

// Values are read in memory where this process alone writes the table, whether it made
// them or found them, and always are what was written last.
func TestHeld(t *testing.T) {
	for name, alone := range map[string]bool{"sole": true, "shared": false} {
		t.Run(name, func(t *testing.T) {
			tables := &countedTables{Bus: &memstate.Bus{Alone: alone}}
			begin := func() *state.Kind[thing] {
				s := state.New(tables, "THINGS", quiet())
				k := state.NewHeld(s, "thing", byName)
				open(t, s, "a")
				return k
			}
			k := begin()
			_, err := k.Create(within(t), "a", "1", &thing{Name: "one", Fill: strings.Repeat("x", 5000)})
			must(t, err)
			want := func(k *state.Kind[thing], count int, reads int64) {
				t.Helper()
				if !alone {
					reads = 1
				}
				before := tables.reads.Load()
				e, err := k.Get(within(t), "1")
				if err != nil || e.Value.Count != count || len(e.Value.Fill) != 5000 || e.Domain != "a" || e.Revision == 0 {
					t.Fatalf("%+v, %v; want count %d", e, err, count)
				}
				if got := tables.reads.Load() - before; got != reads {
					t.Errorf("%d reads of the table, want %d", got, reads)
				}
			}
			want(k, 0, 0)
			count := func(k *state.Kind[thing]) error {
				_, err := k.Update(within(t), "1", func(v *thing) error { v.Count++; return nil })
				return err
			}
			must(t, count(k))
			want(k, 1, 0)

			// Found by another process after this one, and changed there.
			other := begin()
			want(other, 1, 0)
			must(t, count(other))
			eventually(t, "the first one is told", func() bool { e, err := k.Get(within(t), "1"); return err == nil && e.Value.Count == 2 })

			// What became of a write is not known: the table says it.
			tables.lose.Store(true)
			wantCode(t, count(other), hub.Unavailable)
			tables.lose.Store(false)
			if e, err := other.Get(within(t), "1"); err != nil || e.Value.Count != 3 {
				t.Errorf("after a lost answer %+v, %v", e, err)
			}
			must(t, count(other))
			want(other, 4, 0)

			must(t, other.Delete(within(t), "1", nil))
			_, err = other.Get(within(t), "1")
			wantCode(t, err, hub.NotFound)
		})
	}
}

// Of many changes at once, in a table that is read in memory, none is lost.
func TestHeld_Contended(t *testing.T) {
	s := state.New(&memstate.Bus{Alone: true}, "THINGS", quiet())
	k := state.NewHeld(s, "thing", byName)
	open(t, s, "a")
	_, err := k.Create(within(t), "a", "1", &thing{Name: "one"})
	must(t, err)
	const writers, each = 8, 50
	done := make(chan error, writers)
	for range writers {
		go func() {
			for range each {
				if _, err := k.Update(within(t), "1", func(v *thing) error { v.Count++; return nil }); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		must(t, <-done)
	}
	if e, err := k.Get(within(t), "1"); err != nil || e.Value.Count != writers*each {
		t.Errorf("%+v, %v", e, err)
	}
}

// A value that is kept is shared without a read where this process alone writes the
// table, and is what was written last, whatever became of a write.
func TestShared(t *testing.T) {
	for name, alone := range map[string]bool{"sole": true, "shared": false} {
		t.Run(name, func(t *testing.T) {
			tables := &countedTables{Bus: &memstate.Bus{Alone: alone}}
			s := state.New(tables, "THINGS", quiet())
			k := state.NewKept(s, "thing", byName)
			open(t, s, "a", "b")
			want := func(count int, reads int64) {
				t.Helper()
				if !alone {
					reads = 1
				}
				before := tables.reads.Load()
				v, err := k.Shared(within(t), "a", "1")
				if err != nil || v.Count != count {
					t.Fatalf("%+v, %v; want count %d", v, err, count)
				}
				if got := tables.reads.Load() - before; got != reads {
					t.Errorf("%d reads of the table, want %d", got, reads)
				}
			}
			count := func() error {
				_, err := k.Update(within(t), "1", func(v *thing) error { v.Count++; return nil })
				return err
			}
			given := &thing{Name: "one"}
			_, err := k.Create(within(t), "a", "1", given)
			must(t, err)
			given.Count = 7 // its maker's
			want(0, 0)
			must(t, count())
			want(1, 0)
			_, err = k.Shared(within(t), "b", "1")
			wantCode(t, err, hub.NotFound)

			tables.lose.Store(true)
			wantCode(t, count(), hub.Unavailable)
			tables.lose.Store(false)
			if v, err := k.Shared(within(t), "a", "1"); err != nil || v.Count != 2 {
				t.Errorf("after a lost answer %+v, %v", v, err)
			}
			must(t, count())
			want(3, 0)
			must(t, k.Delete(within(t), "1", nil))
			_, err = k.Shared(within(t), "a", "1")
			wantCode(t, err, hub.NotFound)
		})
	}
}
