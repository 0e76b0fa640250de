package state_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	for name, newKind := range map[string]func(*state.Space, string, func(*thing) []string) *state.Kind[thing]{"held": state.NewHeld[thing], "recent": state.NewRecent[thing]} {
		t.Run(name, func(t *testing.T) { contended(t, newKind) })
	}
}

func contended(t *testing.T, newKind func(*state.Space, string, func(*thing) []string) *state.Kind[thing]) {
	t.Helper()
	s := state.New(&memstate.Bus{Alone: true}, "THINGS", quiet())
	k := newKind(s, "thing", byName)
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

// Values of all lengths are read as they were written, before there is a dictionary of
// them and since; those that are alike but for their identifiers take little more than these.
func TestHeld_Dictionary(t *testing.T) {
	bus := &memstate.Bus{Alone: true}
	begin := func() *state.Kind[thing] {
		s := state.New(bus, "THINGS", quiet())
		k := state.NewHeld(s, "thing", byName)
		open(t, s, "a")
		return k
	}
	wrote := begin()
	rnd := rand.New(rand.NewPCG(1, 2))
	fill := func(n int) string {
		if n%100 == 0 { // nothing that repeats, up to more than a dictionary reaches
			long := make([]byte, rnd.IntN(n*100+1))
			for i := range long {
				long[i] = byte('a' + rnd.IntN(26))
			}
			return string(long)
		}
		const like = `{"vduId":"vdu","computeResource":{"vimId":"vim","resourceId":"%[1]s"},"storageResourceIds":["%[2]s"],"vnfcCpInfo":[{"id":"%[3]s","cpdId":"internal"}]}`
		return fmt.Sprintf(like, hub.DeriveID("1", fmt.Sprint(n)), hub.DeriveID("2", fmt.Sprint(n)), hub.DeriveID("3", fmt.Sprint(n)))
	}
	const many, long = 1000, 10
	texts, plain := map[string]string{}, 0
	for n := range many {
		id := hub.DeriveID("thing", fmt.Sprint(n))
		texts[id] = fill(n)
		if n%100 != 0 {
			plain += len(texts[id])
		}
		_, err := wrote.Create(within(t), "a", id, &thing{Name: "one", Fill: texts[id]})
		must(t, err)
	}
	found := begin()
	for _, k := range []*state.Kind[thing]{wrote, found} {
		for id, text := range texts {
			if e, err := k.Get(within(t), id); err != nil || e.Value.Fill != text {
				t.Fatalf("%s: %d bytes, %v; want %d bytes", id, len(e.Value.Fill), err, len(text))
			}
		}
		whole := 0
		for _, text := range texts {
			whole += len(text)
		}
		const ids = 3 * 17 // bytes in each that nothing makes smaller
		if most := whole - plain + (many-long)*(ids+60); k.HeldBytes() > most {
			t.Errorf("%d bytes are held, want at most %d", k.HeldBytes(), most)
		}
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

// What was written or read last is read in memory where this process alone writes the
// table, within a bound, and is what was written last, whatever became of a write.
func TestRecent(t *testing.T) {
	for name, alone := range map[string]bool{"sole": true, "shared": false} {
		t.Run(name, func(t *testing.T) {
			tables := &countedTables{Bus: &memstate.Bus{Alone: alone}}
			begin := func() *state.Kind[thing] {
				s := state.New(tables, "THINGS", quiet())
				k := state.NewRecent(s, "thing", byName)
				open(t, s, "a")
				return k
			}
			k := begin()
			add := func(id string, fill int) {
				t.Helper()
				_, err := k.Create(within(t), "a", id, &thing{Name: "one", Fill: strings.Repeat("x", fill)})
				must(t, err)
			}
			want := func(k *state.Kind[thing], id string, count int, reads int64) {
				t.Helper()
				if !alone {
					reads = 1
				}
				before := tables.reads.Load()
				e, err := k.Get(within(t), id)
				if err != nil || e.ID != id || e.Value.Count != count || e.Value.Fill == "" || e.Revision == 0 {
					t.Fatalf("%+v, %v; want count %d", e, err, count)
				}
				if got := tables.reads.Load() - before; got != reads {
					t.Errorf("%s: %d reads of the table, want %d", id, got, reads)
				}
			}
			count := func(k *state.Kind[thing], id string) error {
				_, err := k.Update(within(t), id, func(v *thing) error { v.Count++; return nil })
				return err
			}
			add("1", 5000)
			want(k, "1", 0, 0)
			must(t, count(k, "1"))
			want(k, "1", 1, 0)
			found := begin()
			want(found, "1", 1, 1)
			want(found, "1", 1, 0)

			tables.lose.Store(true)
			wantCode(t, count(k, "1"), hub.Unavailable)
			tables.lose.Store(false)
			if e, err := k.Get(within(t), "1"); err != nil || e.Value.Count != 2 {
				t.Errorf("after a lost answer %+v, %v", e, err)
			}
			eventually(t, "it is told", func() bool { e, err := found.Get(within(t), "1"); return err == nil && e.Value.Count == 2 })
			must(t, count(k, "1"))
			want(k, "1", 3, 0)

			for range 1000 { // what one value was takes no room
				must(t, count(k, "1"))
			}
			add("2", 5000)
			want(k, "1", 1003, 0)
			add("large", state.RecentLargest+1)
			want(k, "large", 0, 1)
			want(k, "large", 0, 1)
			for n := range state.RecentBytes/5000 + 1 {
				add(fmt.Sprint("more", n), 5000)
			}
			if got := k.HeldBytes(); got > state.RecentBytes || alone && got < state.RecentBytes-6000 {
				t.Errorf("%d bytes are held, want nearly %d", got, state.RecentBytes)
			}
			want(k, "2", 0, 1)
			want(k, "2", 0, 0)

			must(t, k.Delete(within(t), "2", nil))
			_, err := k.Get(within(t), "2")
			wantCode(t, err, hub.NotFound)
		})
	}
}
