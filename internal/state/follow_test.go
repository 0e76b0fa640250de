package state_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// faulty are tables whose watches and reads a test can break.
type faulty struct {
	state.Tables
	mu       sync.Mutex
	stop     context.CancelCauseFunc // ends the running watch
	deaf     error                   // what a new watch answers
	getFails atomic.Bool
	watches  int
	deleted  func(c state.Change) // before a removal is told
	wrote    func()               // after a write, before its writer learns of it
}

func (f *faulty) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := f.Tables.Open(ctx, domain, name)
	return &faultyTable{t, f}, err
}

// set changes what new watches do and ends the running one.
func (f *faulty) set(deaf error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = deaf
	if f.stop != nil {
		f.stop(errBroken)
	}
}

type faultyTable struct {
	state.Table
	f *faulty
}

func (t *faultyTable) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if t.f.getFails.Load() {
		return nil, 0, hub.E(hub.Unavailable, "get", "no", nil)
	}
	return t.Table.Get(ctx, key)
}

func (t *faultyTable) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	defer t.f.written()
	return t.Table.Create(ctx, key, value)
}

func (t *faultyTable) Delete(ctx context.Context, key string, revision uint64) error {
	defer t.f.written()
	return t.Table.Delete(ctx, key, revision)
}

func (f *faulty) written() {
	if f.wrote != nil {
		f.wrote()
	}
}

func (t *faultyTable) Watch(ctx context.Context, fn func(state.Change)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t.f.mu.Lock()
	t.f.watches++
	deaf, deleted := t.f.deaf, t.f.deleted
	t.f.stop = stop
	t.f.mu.Unlock()
	if deaf != nil {
		return deaf
	}
	err := t.Table.Watch(ctx, func(c state.Change) {
		if c.Deleted && deleted != nil {
			deleted(c)
		}
		fn(c)
	})
	if context.Cause(ctx) == errBroken {
		return errBroken
	}
	return err
}

// What changed while nobody watched is found when the watch is back, and until
// then the space says that it does not follow.
func TestSpace_WatchRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &memstate.Bus{}
		f := &faulty{Tables: bus}
		s, k := opened(t, f, "a")
		_, other := opened(t, bus, "a")
		for _, id := range []string{"changed", "deleted", "same"} {
			create(t, k, "a", id, "x")
		}
		synctest.Wait()
		f.set(errBroken)
		synctest.Wait()
		if err := s.Check(t.Context()); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(err.Error(), "cannot be followed") {
			t.Errorf("check while nobody watches: %v", err)
		}
		_, err := other.Update(t.Context(), "changed", func(v *thing) error { v.Name = "y"; return nil })
		must(t, err)
		must(t, other.Delete(t.Context(), "deleted", nil))
		create(t, other, "a", "new", "x")
		create(t, k, "a", "own", "x") // goes on without the watch
		if got := k.Find("name=x"); !slices.Equal(got, []string{"changed", "deleted", "own", "same"}) {
			t.Errorf("found %v while nobody watches", got)
		}
		f.set(nil)
		eventually(t, "the watch is back", func() bool { return s.Check(t.Context()) == nil })
		if x, y := k.Find("name=x"), k.Find("name=y"); !slices.Equal(x, []string{"new", "own", "same"}) || !slices.Equal(y, []string{"changed"}) {
			t.Errorf("found %v and %v", x, y)
		}
		if k.Remembered() != 4 || k.Len() != 4 {
			t.Errorf("%d remembered, %d there", k.Remembered(), k.Len())
		}
	})
}

// When what was missed cannot be looked after, the watch is not taken for whole.
func TestSpace_RestartNeedsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &memstate.Bus{}
		f := &faulty{Tables: bus}
		s, k := opened(t, f, "a")
		_, other := opened(t, bus, "a")
		create(t, k, "a", "1", "x")
		synctest.Wait()
		f.set(errBroken)
		must(t, other.Delete(t.Context(), "1", nil))
		f.getFails.Store(true)
		f.set(nil)
		eventually(t, "several watches were begun", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.watches > 5 })
		if s.Check(t.Context()) == nil {
			t.Error("well, with a removal unseen")
		}
		f.getFails.Store(false)
		eventually(t, "all is well", func() bool { return s.Check(t.Context()) == nil })
		if k.Len() != 0 {
			t.Error("the removed resource is still shown")
		}
	})
}

// A table that cannot be read at first: asking waits, and no longer than wanted.
func TestSpace_NotReadYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Tables: &memstate.Bus{}, deaf: errBroken}
		s := state.New(f, "THINGS", quiet())
		k := state.NewKind(s, "thing", byName)
		work, stop := context.WithCancel(t.Context())
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), testTime)
		defer cancel()
		wantCode(t, s.Open(ctx, work, "a"), hub.Unavailable)
		_, err := k.Create(ctx, "a", "1", &thing{})
		wantCode(t, err, hub.Unavailable)
		wantCode(t, s.Check(t.Context()), hub.Unavailable)
		f.set(nil)
		must(t, s.Add(within(t), "a"))
		must(t, s.Check(t.Context()))
	})
}

// Who waits for a table when the hub stops is told.
func TestSpace_StoppedBeforeRead(t *testing.T) {
	f := &faulty{Tables: &memstate.Bus{}, deaf: errBroken}
	s := state.New(f, "THINGS", quiet())
	work, stop := context.WithCancel(within(t))
	opened := make(chan error)
	go func() { opened <- s.Open(context.Background(), work, "a") }()
	eventually(t, "it is being read", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.watches > 0 })
	stop()
	wantCode(t, <-opened, hub.Unavailable)
}

// A value that does not decode hides no other, and has a name.
func TestSpace_BrokenValue(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		s, k := opened(t, tables, "a", "b")
		create(t, k, "a", "1", "x")
		create(t, k, "a", "3", "x")
		table, err := tables.Open(within(t), "a", "THINGS")
		must(t, err)
		revision, err := table.Create(within(t), "thing/2", []byte(`{"name":7}`))
		must(t, err)
		_, err = table.Create(within(t), "future/1", []byte(`?`))
		must(t, err)
		eventually(t, "the broken value is noticed", func() bool { return s.Check(within(t)) != nil })
		if err := s.Check(within(t)); !strings.Contains(err.Error(), "thing/2") || strings.Contains(err.Error(), "future") {
			t.Errorf("check: %v", err)
		}
		if got := listed(t, k, everything, ""); got != "1 3" || k.Len() != 2 {
			t.Errorf("listed %q", got)
		}
		_, err = k.Get(within(t), "2")
		wantCode(t, err, hub.Unavailable)
		_, err = k.Create(within(t), "b", "2", &thing{})
		wantCode(t, err, hub.Conflict)
		_, again := opened(t, tables, "a") // and at start
		if got := listed(t, again, everything, ""); got != "1 3" {
			t.Errorf("listed %q after a start", got)
		}
		_, err = table.Update(within(t), "thing/2", []byte(`{"name":"x"}`), revision)
		must(t, err)
		eventually(t, "the mended value is shown", func() bool { return s.Check(within(t)) == nil && k.Len() == 3 })
	})
}

// A broken value that somebody removes while nobody watches is not named for
// ever, and one that stays is.
func TestSpace_BrokenValueRemovedUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &memstate.Bus{}
		f := &faulty{Tables: bus}
		s, _ := opened(t, f, "a")
		table, err := bus.Open(t.Context(), "a", "THINGS")
		must(t, err)
		revisions := map[string]uint64{}
		for _, key := range []string{"thing/1", "thing/2"} {
			revisions[key], err = table.Create(t.Context(), key, []byte(`?`))
			must(t, err)
		}
		synctest.Wait()
		f.set(errBroken)
		synctest.Wait()
		must(t, table.Delete(t.Context(), "thing/1", revisions["thing/1"]))
		f.set(nil)
		eventually(t, "the other is named", func() bool {
			err := s.Check(t.Context())
			return err != nil && strings.Contains(err.Error(), "1 stored resources") && strings.Contains(err.Error(), "thing/2")
		})
		must(t, table.Delete(t.Context(), "thing/2", revisions["thing/2"]))
		eventually(t, "all is well", func() bool { return s.Check(t.Context()) == nil })
	})
}

func TestSpace_IDInTwoDomains(t *testing.T) {
	bus := &memstate.Bus{}
	s, k := opened(t, bus, "a", "b")
	create(t, k, "a", "1", "x")
	table, err := bus.Open(within(t), "b", "THINGS")
	must(t, err)
	_, err = table.Create(within(t), "thing/1", []byte(`{"name":"y"}`))
	must(t, err)
	eventually(t, "the second one is noticed", func() bool { return s.Check(within(t)) != nil })
	if d, _ := k.Domain("1"); d != "a" || len(k.Find("name=y")) != 0 {
		t.Errorf("1 belongs to %s", d)
	}
}

func TestSpace_Remove(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		s, k := opened(t, tables, "a")
		must(t, s.Add(within(t), "b"))
		create(t, k, "a", "1", "x")
		create(t, k, "b", "2", "x")
		s.Remove("b")
		s.Remove("b")
		if got := listed(t, k, everything, ""); got != "1" || k.Remembered() != 1 || !slices.Equal(s.Domains(), []string{"a"}) {
			t.Errorf("listed %q, %d remembered, domains %v", got, k.Remembered(), s.Domains())
		}
		must(t, s.Add(within(t), "b"))
		if got := listed(t, k, everything, ""); got != "1 2" {
			t.Errorf("listed %q after it was added again", got)
		}
	})
}

// A write whose answer is late does not enter the index of a removed domain.
func TestSpace_RemoveWithLateWrites(t *testing.T) {
	_, k := opened(t, &memstate.Bus{}, "a")
	bus := &memstate.Bus{}
	s, k2 := opened(t, bus, "a")
	bus.Fail = func(string, string, string) error { s.Remove("a"); return nil }
	create(t, k2, "a", "1", "x")
	if k2.Remembered() != 0 || k.Remembered() != 0 {
		t.Errorf("%d remembered", k2.Remembered())
	}
}

// Two processes change the same few resources at random; in the end both indexes
// are what the table holds, and nothing else is remembered.
func TestSpace_TwoWriters(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		f := &faulty{Tables: tables}
		_, k1 := opened(t, f, "a")
		_, k2 := opened(t, tables, "a")
		kinds := []*state.Kind[thing]{k1, k2}
		var writers sync.WaitGroup
		for w := range 6 {
			writers.Go(func() {
				random := rand.New(rand.NewPCG(uint64(w), 1))
				for i := range 60 {
					k, id := kinds[random.IntN(2)], fmt.Sprint(random.IntN(5))
					var err error
					switch random.IntN(3) {
					case 0:
						_, err = k.Create(within(t), "a", id, &thing{Name: fmt.Sprint(random.IntN(3))})
					case 1:
						_, err = k.Update(within(t), id, func(v *thing) error { v.Name = fmt.Sprint(random.IntN(3)); return nil })
					default:
						err = k.Delete(within(t), id, nil)
					}
					if c := hub.CodeOf(err); c != "" && c != hub.NotFound && c != hub.Conflict {
						t.Error(err)
					}
					if w == 0 && i%20 == 10 {
						f.set(nil) // and one watch is begun anew now and then
					}
				}
			})
		}
		writers.Wait()
		for _, k := range kinds {
			eventually(t, "the index is what the table holds", func() bool { return agrees(t, tables, k) })
		}
	})
}

// Who learns of its own write or deletion after a new watch has told everything
// leaves nothing behind: of neither will anything be told.
func TestSpace_LearntAfterEverythingWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Tables: &memstate.Bus{}}
		_, k := opened(t, f, "a")
		_, other := opened(t, f.Tables, "a")
		pass := func() { time.Sleep(time.Minute) } // of the bubble: the longest pause before a new watch
		f.set(errBroken)
		pass()
		create(t, k, "a", "1", "x")
		f.wrote = func() { f.set(nil); pass() }
		must(t, k.Delete(t.Context(), "1", nil))
		if k.Remembered() != 0 {
			t.Error("the mark of a deletion is left over")
		}
		f.set(errBroken)
		f.wrote = func() { pass(); must(t, other.Delete(t.Context(), "2", nil)); f.set(nil); pass() }
		create(t, k, "a", "2", "x")
		f.wrote = nil
		if k.Len() != 0 || k.Remembered() != 0 {
			t.Errorf("%d there, %d remembered", k.Len(), k.Remembered())
		}
	})
}

// agrees compares an index with the table's content.
func agrees(t *testing.T, tables state.Tables, k *state.Kind[thing]) bool {
	_, fresh := opened(t, tables, "a")
	want, n := "", 0
	for name := range 3 {
		found := fresh.Find(fmt.Sprintf("name=%d", name))
		n += len(found)
		want += fmt.Sprint(found)
	}
	got := ""
	for name := range 3 {
		got += fmt.Sprint(k.Find(fmt.Sprintf("name=%d", name)))
	}
	return got == want && k.Len() == n && k.Remembered() == n && k.Places() == 3*n
}

// A deletion that is told late meets the resource that was made anew.
func TestSpace_CreatedAnewBeforeDeletionIsTold(t *testing.T) {
	release := make(chan struct{})
	f := &faulty{Tables: &memstate.Bus{}, deleted: func(state.Change) { <-release }}
	_, k := opened(t, f, "a")
	create(t, k, "a", "1", "x")
	must(t, k.Delete(within(t), "1", nil))
	create(t, k, "a", "1", "y")
	close(release)
	create(t, k, "a", "2", "y")
	eventually(t, "everything is told", func() bool { return len(k.Find("name=y")) == 2 })
	if e, err := k.Get(within(t), "1"); err != nil || e.Value.Name != "y" || k.Remembered() != 2 {
		t.Errorf("%+v, %v, %d remembered", e, err, k.Remembered())
	}
}

func TestKind_GetIn(t *testing.T) {
	f := &faulty{Tables: &memstate.Bus{}}
	_, k := opened(t, f, "a")
	f.set(errBroken)
	_, other := opened(t, f.Tables, "a")
	create(t, other, "a", "1", "x")
	if e, err := k.GetIn(within(t), "a", "1"); err != nil || e.Value.Name != "x" {
		t.Errorf("%+v, %v", e, err)
	}
	_, err := k.GetIn(within(t), "a", "2")
	wantCode(t, err, hub.NotFound)
}

// A list ends with the error of the bus.
func TestKind_ReadsFail(t *testing.T) {
	f := &faulty{Tables: &memstate.Bus{}}
	s, k := opened(t, f, "a")
	create(t, k, "a", "1", "x")
	f.getFails.Store(true)
	n := 0
	for _, err := range k.List(within(t), everything, "") {
		wantCode(t, err, hub.Unavailable)
		n++
	}
	if n != 1 {
		t.Errorf("told %d times", n)
	}
	wantCode(t, k.Delete(within(t), "1", nil), hub.Unavailable)
	must(t, s.Check(within(t)))
}

// A change of a resource whose trust domain is removed meanwhile finds nothing.
func TestKind_RemovedMeanwhile(t *testing.T) {
	bus := testbus.Open(t, t.TempDir(), "a")
	s, k := opened(t, bus.Tables(), "a")
	create(t, k, "a", "1", "x")
	e, err := k.Get(within(t), "1")
	must(t, err)
	must(t, bus.DeleteDomain(within(t), "a"))
	s.Remove("a")
	_, err = k.Replace(within(t), e)
	wantCode(t, err, hub.NotFound)
	wantCode(t, k.Delete(within(t), "1", nil), hub.NotFound)
}
