package state_test

import (
	"context"
	"errors"
	"fmt"
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
)

// lasting returns a space with two kinds whose promises can be stored together.
func lasting(t testing.TB, tables state.Tables, domains ...string) (s *state.Space, things, others *state.Kind[thing]) {
	t.Helper()
	s = state.New(tables, "THINGS", quiet())
	things, others = state.NewLasting(s, "thing", byName), state.NewLasting(s, "other", byName)
	open(t, s, domains...)
	return s, things, others
}

func promise(t testing.TB, k *state.Kind[thing], id string, count int) {
	t.Helper()
	must(t, k.Promise(within(t), "a", id, &thing{Name: "edge", Count: count}))
}

// keys are those that a table holds.
func keys(t testing.TB, tables state.Tables) (list []string) {
	t.Helper()
	table, err := tables.Open(within(t), "a", "THINGS")
	must(t, err)
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	must(t, table.Watch(ctx, func(c state.Change) {
		if c.Synced {
			stop()
		} else if ctx.Err() == nil {
			list = append(list, c.Key)
		}
	}))
	return list
}

// Promises of several kinds are in one message, are read and found as any other, here,
// in another process and after a restart, and are changed one by one.
func TestKeepAll(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, tables state.Tables) {
		s, things, others := lasting(t, tables, "a")
		_, theirs, _ := lasting(t, tables, "a")
		promise(t, things, "1", 1)
		promise(t, things, "2", 2)
		promise(t, others, "1", 3)
		for range 2 { // the second time nothing is promised
			must(t, s.KeepAll(within(t), "a", things.Row("1"), things.Row("2"), others.Row("1"), others.Row("unknown")))
		}
		if list := keys(t, tables); len(list) != 1 || !strings.HasPrefix(list[0], "pack/") {
			t.Errorf("the table holds %v, want one pack", list)
		}
		if things.Promised("1") || things.Promised("2") || others.Promised("1") {
			t.Error("what is stored is still promised")
		}
		eventually(t, "another process knows them", func() bool { return theirs.Len() == 2 })
		_, again, _ := lasting(t, tables, "a")
		for _, k := range []*state.Kind[thing]{things, theirs, again} {
			if e, err := k.Get(within(t), "2"); err != nil || e.Value.Count != 2 || e.Revision == 0 {
				t.Errorf("%+v %v", e, err)
			}
			if got := k.Find("name=edge"); !slices.Equal(got, []string{"1", "2"}) {
				t.Errorf("found %v", got)
			}
		}
		wantCode(t, func() error { _, err := things.Create(within(t), "a", "1", &thing{}); return err }(), hub.Conflict)
		wantCode(t, things.Delete(within(t), "1", nil), hub.Internal)
		for n, k := range []*state.Kind[thing]{things, theirs, again} { // the second and third may not know of the first
			e, err := k.Update(within(t), "1", func(v *thing) error { v.Count += 10; v.Name = "core"; return nil })
			if err != nil || e.Value.Count != 1+10*(n+1) {
				t.Errorf("changed to %+v %v", e, err)
			}
		}
		eventually(t, "all know the change", func() bool {
			return slices.Equal(things.Find("name=core"), []string{"1"}) && slices.Equal(theirs.Find("name=core"), []string{"1"}) && slices.Equal(again.Find("name=edge"), []string{"2"})
		})
		_, last, _ := lasting(t, tables, "a")
		if e, err := last.Get(within(t), "1"); err != nil || e.Value.Count != 31 || last.Len() != 2 {
			t.Errorf("%+v %v, %d there", e, err, last.Len())
		}
	})
}

// A change counts more than a pack, also one that another process writes after it, and
// however late it is told of either.
func TestKeepAll_Twice(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, tables state.Tables) {
		s, mine, _ := lasting(t, tables, "a")
		s2, theirs, _ := lasting(t, tables, "a")
		promise(t, mine, "1", 1)
		promise(t, theirs, "1", 1) // as what is read in the log is
		must(t, s.KeepAll(within(t), "a", mine.Row("1")))
		if _, err := mine.Update(within(t), "1", func(v *thing) error { v.Count, v.Name = 2, "revoked"; return nil }); err != nil {
			t.Fatal(err)
		}
		must(t, s2.KeepAll(within(t), "a", theirs.Row("1")))
		_, after, _ := lasting(t, tables, "a")
		for name, k := range map[string]*state.Kind[thing]{"mine": mine, "theirs": theirs, "after a restart": after} {
			if e, err := k.Get(within(t), "1"); err != nil || e.Value.Count != 2 {
				t.Errorf("%s: %+v %v", name, e, err)
			}
			eventually(t, name+": found as it was changed", func() bool {
				return slices.Equal(k.Find("name=revoked"), []string{"1"}) && len(k.Find("name=edge")) == 0
			})
		}
	})
}

// What many store at once is there once, in few messages.
func TestKeepAll_Many(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, tables state.Tables) {
		s, things, others := lasting(t, tables, "a")
		const many = 200
		var all sync.WaitGroup
		for n := range many {
			all.Go(func() {
				id := fmt.Sprint(n)
				for _, k := range []*state.Kind[thing]{things, others} {
					if err := k.Promise(within(t), "a", id, &thing{Name: "edge", Count: n, Fill: strings.Repeat("x", 1000)}); err != nil {
						t.Error(err)
					}
				}
				if err := s.KeepAll(within(t), "a", things.Row(id), others.Row(id)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		_, again, too := lasting(t, tables, "a")
		for n := range many {
			for _, k := range []*state.Kind[thing]{things, others, again, too} {
				if e, err := k.Get(within(t), fmt.Sprint(n)); err != nil || e.Value.Count != n {
					t.Errorf("%+v %v", e, err)
				}
			}
		}
		if again.Len() != many || too.Len() != many || len(keys(t, tables)) > many {
			t.Errorf("%d and %d there, in %d messages", again.Len(), too.Len(), len(keys(t, tables)))
		}
	})
}

// What is too long for one pack goes into several, and what is longer than any pack into
// one of its own.
func TestKeepAll_Large(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, tables state.Tables) {
		s, things, _ := lasting(t, tables, "a")
		var rows []state.Row
		for n, size := range []int{40, 40, 600, 1, 1} { // KiB
			id := fmt.Sprint(n)
			must(t, things.Promise(within(t), "a", id, &thing{Name: "edge", Count: n, Fill: strings.Repeat("x", size<<10)}))
			rows = append(rows, things.Row(id))
		}
		must(t, s.KeepAll(within(t), "a", rows...))
		if list := keys(t, tables); len(list) != 4 {
			t.Errorf("%d messages, want 4", len(list))
		}
		_, again, _ := lasting(t, tables, "a")
		for n := range rows {
			if e, err := again.Get(within(t), fmt.Sprint(n)); err != nil || e.Value.Count != n {
				t.Errorf("%d: %d %v", n, e.Value.Count, err)
			}
		}
	})
}

// What cannot be stored stays promised, and is stored the next time.
func TestKeepAll_Fails(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	var fails atomic.Bool
	fails.Store(true)
	s, things, _ := lasting(t, &memstate.Bus{Fail: func(_, _, key string) error {
		if fails.Load() && strings.HasPrefix(key, "pack/") {
			return hub.E(hub.Unavailable, "write", "no", full)
		}
		return nil
	}}, "a")
	promise(t, things, "1", 1)
	if err := s.KeepAll(within(t), "a", things.Row("1")); !errors.Is(err, full) || !things.Promised("1") {
		t.Errorf("kept: %v", err)
	}
	fails.Store(false)
	must(t, s.KeepAll(within(t), "a", things.Row("1")))
	if e, err := things.Get(within(t), "1"); err != nil || things.Promised("1") || e.Value.Count != 1 {
		t.Errorf("%+v %v", e, err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	promise(t, things, "2", 1)
	if err := s.KeepAll(gone, "a", things.Row("2")); err != nil {
		wantCode(t, err, hub.Unavailable)
	}
	eventually(t, "it is stored although the caller left", func() bool { return !things.Promised("2") })
}

// A message that is torn, holds what does not decode, or is gone makes the space say so,
// and the rest is shown.
func TestKeepAll_Torn(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":    "thing/1 {\nthing/2 {\"name\":\"edge\"}\n",
		"no newline": "thing/2 {\"name\":\"edge\"}\nthing/1 {\"na",
		"no key":     "thing/2 {\"name\":\"edge\"}\n {}\n",
		"no value":   "thing/2 {\"name\":\"edge\"}\nthing/1\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tables := &memstate.Bus{}
			table, err := tables.Open(within(t), "a", "THINGS")
			must(t, err)
			_, err = table.Create(within(t), "pack/1", []byte(text))
			must(t, err)
			s, things, _ := lasting(t, tables, "a")
			wantCode(t, s.Check(within(t)), hub.Unavailable)
			if e, err := things.Get(within(t), "2"); err != nil || e.Value.Name != "edge" {
				t.Errorf("%+v %v", e, err)
			}
		})
	}
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		tables := &memstate.Bus{}
		s, things, _ := lasting(t, tables, "a")
		promise(t, things, "1", 1)
		must(t, s.KeepAll(within(t), "a", things.Row("1")))
		table, err := tables.Open(within(t), "a", "THINGS")
		must(t, err)
		key := keys(t, tables)[0]
		_, revision, err := table.Get(within(t), key)
		must(t, err)
		must(t, table.Delete(within(t), key, revision))
		eventually(t, "the space says so", func() bool { return hub.CodeOf(s.Check(within(t))) == hub.Unavailable })
		_, err = things.Get(within(t), "1")
		wantCode(t, err, hub.Unavailable)
	})
}

// A newer program's kinds in a pack are passed over.
func TestKeepAll_UnknownKind(t *testing.T) {
	t.Parallel()
	tables := &memstate.Bus{}
	s, things, others := lasting(t, tables, "a")
	promise(t, things, "1", 1)
	promise(t, others, "1", 1)
	must(t, s.KeepAll(within(t), "a", others.Row("1"), things.Row("1")))
	older := state.New(tables, "THINGS", quiet())
	k := state.NewLasting(older, "thing", byName)
	open(t, older, "a")
	if _, err := k.Get(within(t), "1"); err != nil || older.Check(within(t)) != nil {
		t.Errorf("%v %v", err, older.Check(within(t)))
	}
}

// What may be deleted is never put into a pack.
func TestKeepAll_NotLasting(t *testing.T) {
	t.Parallel()
	s, k := opened(t, &memstate.Bus{}, "a")
	must(t, k.Promise(within(t), "a", "1", &thing{Name: "edge"}))
	must(t, s.KeepAll(within(t), "a", k.Row("1")))
	if !k.Promised("1") {
		t.Error("a kind whose resources can be deleted was packed")
	}
}

// A pack with room waits for more; one that is full does not, and neither does who
// changes what is in it.
func TestKeepAll_Pause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, things, _ := lasting(t, &memstate.Bus{}, "a")
		took := func(many int) time.Duration {
			t.Helper()
			began := time.Now()
			var rows []state.Row
			for range many {
				id := hub.NewID()
				promise(t, things, id, 0)
				rows = append(rows, things.Row(id))
			}
			var wg sync.WaitGroup
			for _, r := range rows {
				wg.Go(func() { must(t, s.KeepAll(within(t), "a", r)) })
			}
			wg.Wait()
			return time.Since(began)
		}
		if took := took(1); took != 100*time.Millisecond {
			t.Errorf("one resource is stored after %s", took)
		}
		if took := took(64); took != 0 {
			t.Errorf("a full pack is stored after %s", took)
		}
		promise(t, things, "1", 1)
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { must(t, s.KeepAll(within(t), "a", things.Row("1"))) })
		synctest.Wait()
		_, err := things.Update(within(t), "1", func(v *thing) error { v.Count++; return nil })
		must(t, err)
		wg.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("a change waits for %s", took)
		}
	})
}
