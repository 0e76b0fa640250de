package state_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// TestTable is what a Space needs of a table, on each implementation.
func TestTable(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		t.Run("values", func(t *testing.T) { testValues(t, mustTable(t, tables, "V")) })
		t.Run("watch", func(t *testing.T) { testWatch(t, mustTable(t, tables, "W")) })
		t.Run("compare and set", func(t *testing.T) { testRace(t, mustTable(t, tables, "R")) })
		t.Run("apart", func(t *testing.T) {
			_, err := mustTable(t, tables, "X").Create(within(t), "k/1", nil)
			must(t, err)
			other, err := tables.Open(within(t), "b", "X")
			must(t, err)
			_, _, err = other.Get(within(t), "k/1")
			wantCode(t, err, hub.NotFound)
		})
	})
}

func mustTable(t *testing.T, tables state.Tables, name string) state.Table {
	t.Helper()
	table, err := tables.Open(within(t), "a", name)
	must(t, err)
	return table
}

func testValues(t *testing.T, table state.Table) {
	ctx := within(t)
	_, _, err := table.Get(ctx, "k/1")
	wantCode(t, err, hub.NotFound)
	r1, err := table.Create(ctx, "k/1", []byte("one"))
	must(t, err)
	_, err = table.Create(ctx, "k/1", []byte("again"))
	wantCode(t, err, hub.Conflict)
	r2, err := table.Update(ctx, "k/1", []byte("two"), r1)
	must(t, err)
	_, err = table.Update(ctx, "k/1", []byte("late"), r1)
	wantCode(t, err, hub.Precondition)
	wantCode(t, table.Delete(ctx, "k/1", r1), hub.Precondition)
	value, revision, err := table.Get(ctx, "k/1")
	if err != nil || string(value) != "two" || revision != r2 || r2 <= r1 || r1 == 0 {
		t.Errorf("read %q at %d, %v; wrote at %d and %d", value, revision, err, r1, r2)
	}
	must(t, table.Delete(ctx, "k/1", r2))
	wantCode(t, table.Delete(ctx, "k/1", r2), hub.NotFound)
	_, err = table.Update(ctx, "k/1", nil, r2)
	wantCode(t, err, hub.Precondition)
	r3, err := table.Create(ctx, "k/1", []byte("anew"))
	if err != nil || r3 <= r2 {
		t.Errorf("created anew at %d after %d: %v", r3, r2, err)
	}
}

func testWatch(t *testing.T, table state.Table) {
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	gone, err := table.Create(ctx, "k/gone", nil)
	must(t, err)
	first, err := table.Create(ctx, "k/1", []byte("one"))
	must(t, err)
	must(t, table.Delete(ctx, "k/gone", gone))
	told := make(chan state.Change, 10)
	ended := make(chan error, 1)
	go func() { ended <- table.Watch(ctx, func(c state.Change) { told <- c }) }()
	want := func(what string, ok func(state.Change) bool) {
		t.Helper()
		if c := <-told; !ok(c) {
			t.Fatalf("told %+v, want %s", c, what)
		}
	}
	want("what is there", func(c state.Change) bool {
		return c.Key == "k/1" && string(c.Value) == "one" && c.Revision == first && !c.Deleted && !c.Synced
	})
	want("the mark", func(c state.Change) bool { return c.Synced && c.Revision > first }) // as the removal was later
	second, err := table.Update(ctx, "k/1", []byte("two"), first)
	must(t, err)
	want("the change", func(c state.Change) bool { return string(c.Value) == "two" && c.Revision == second })
	must(t, table.Delete(ctx, "k/1", second))
	want("the removal", func(c state.Change) bool { return c.Key == "k/1" && c.Deleted && c.Revision > second })
	cancel()
	must(t, <-ended)
}

// Of all writers at one revision, one wins.
func testRace(t *testing.T, table state.Table) {
	ctx := within(t)
	revision, err := table.Create(ctx, "k/1", nil)
	must(t, err)
	for round := range 10 {
		var mu sync.Mutex
		var won []uint64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				next, err := table.Update(ctx, "k/1", fmt.Append(nil, i), revision)
				mu.Lock()
				defer mu.Unlock()
				switch hub.CodeOf(err) {
				case "":
					won = append(won, next)
				case hub.Precondition:
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("round %d: %d writers won", round, len(won))
		}
		revision = slices.Max(won)
	}
}
