package state_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// What other processes make is told once, also when the watch is begun anew; what
// was there at the beginning, and what changes, is not.
func TestKind_Told(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		_, other := opened(t, tables, "a")
		create(t, other, "a", "0", "before")
		f := &faulty{Tables: tables}
		s := state.New(f, "THINGS", quiet())
		k := state.NewKind(s, "thing", byName)
		var mu sync.Mutex
		var told []string
		k.Told(func(id string, v *thing) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, id+" "+v.Name)
		})
		open(t, s, "a")
		for n := 1; n <= 3; n++ {
			create(t, other, "a", fmt.Sprint(n), "new")
		}
		touch(t, other)
		eventually(t, "all are known", func() bool { return k.Len() == 4 })
		f.set(errBroken)
		create(t, other, "a", "4", "missed")
		f.set(nil)
		eventually(t, "the missed one is known", func() bool { return k.Len() == 5 })
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"1 new", "2 new", "3 new", "4 missed"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// Of two that write one after the other, the one that looks after its own write
// sees the other.
func TestKind_Reflected(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		_, one := opened(t, tables, "a")
		_, other := opened(t, tables, "a")
		for n := range 50 {
			id := fmt.Sprintf("%02d", n)
			create(t, other, "a", "x"+id, id)
			create(t, one, "a", "y"+id, id)
			e, err := one.Get(within(t), "y"+id)
			must(t, err)
			must(t, one.Reflected(within(t), e))
			if got := one.Find("name=" + id); len(got) != 2 {
				t.Fatalf("found %v", got)
			}
		}
	})
}

// When the table is not followed, it is not taken for known.
func TestKind_ReflectedNotInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{Tables: &memstate.Bus{}}
		_, k := opened(t, f, "a")
		f.set(errBroken)
		synctest.Wait()
		create(t, k, "a", "1", "x")
		e, err := k.Get(t.Context(), "1")
		must(t, err)
		wantCode(t, k.Reflected(t.Context(), e), hub.Unavailable)
		go func() { time.Sleep(time.Second); f.set(nil) }() // of the bubble
		must(t, k.Reflected(t.Context(), e))
		must(t, k.Reflected(t.Context(), e))
	})
}
