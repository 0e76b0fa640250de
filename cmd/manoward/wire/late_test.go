package wire

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// lateTables are tables that are made late, over those of a bus.
type lateTables struct {
	bus   memstate.Bus
	made  atomic.Int32
	fails atomic.Bool
}

func (l *lateTables) Open(_ context.Context, domain, name string) (state.Table, error) {
	return &lateTable{late[state.Table]{made: make(chan struct{}), open: func(ctx context.Context) (state.Table, error) {
		if l.fails.Load() {
			return nil, errors.New("the disk is full")
		}
		l.made.Add(1)
		return l.bus.Open(ctx, domain, name)
	}}}, nil
}

// A space over tables that are not there yet reads as an empty one, makes the
// table with the first resource and follows it from then on.
func TestLateTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := &lateTables{}
		work, stop := context.WithCancel(t.Context())
		defer func() { stop(); synctest.Wait() }()
		space := state.New(tables, "THINGS", slog.New(slog.DiscardHandler))
		kind := state.NewKind(space, "thing", func(s *string) []string { return []string{*s} })
		if err := space.Open(t.Context(), work, "a"); err != nil {
			t.Fatal(err)
		}
		table, err := tables.Open(t.Context(), "a", "THINGS")
		if err != nil {
			t.Fatal(err)
		}
		_, _, get := table.Get(t.Context(), "thing/1")
		_, update := table.Update(t.Context(), "thing/1", nil, 1)
		if hub.CodeOf(get) != hub.NotFound || hub.CodeOf(update) != hub.Precondition || hub.CodeOf(table.Delete(t.Context(), "thing/1", 1)) != hub.NotFound {
			t.Errorf("of a table that is not there: %v, %v", get, update)
		}
		if _, err := kind.Get(t.Context(), "1"); hub.CodeOf(err) != hub.NotFound || tables.made.Load() != 0 || space.Check(t.Context()) != nil {
			t.Errorf("reading: %v, %d tables made", err, tables.made.Load())
		}
		value := "x"
		tables.fails.Store(true)
		if _, err := kind.Create(t.Context(), "a", "1", &value); err == nil {
			t.Error("created without a table")
		}
		tables.fails.Store(false)
		if _, err := kind.Create(t.Context(), "a", "1", &value); err != nil || tables.made.Load() != 1 {
			t.Fatalf("%v, %d tables made", err, tables.made.Load())
		}
		other, err := tables.bus.Open(t.Context(), "a", "THINGS")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Create(t.Context(), "thing/2", []byte(`"y"`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(kind.Find("x")) != 1 || len(kind.Find("y")) != 1 {
			t.Error("what came after the table was made is not followed")
		}
		if _, err := kind.Update(t.Context(), "1", func(s *string) error { *s = "z"; return nil }); err != nil || len(kind.Find("z")) != 1 {
			t.Errorf("change: %v", err)
		}
		if err := kind.Delete(t.Context(), "1", nil); err != nil || kind.Len() != 1 {
			t.Errorf("removal: %v", err)
		}
	})
}

// memoryQueue hands what is pushed to its consumer.
type memoryQueue chan string

func (q memoryQueue) Push(_ context.Context, id, _ string, _ []byte) error { q <- id; return nil }

func (q memoryQueue) Consume(ctx context.Context, handler func(ctx context.Context, id, key string, attempt int, data []byte) error) error {
	for {
		select {
		case id := <-q:
			if err := handler(ctx, id, "", 1, nil); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Who consumes a queue that is not there waits for the first push, and no longer
// than wanted.
func TestLateQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		q := &lateQueue{late[notify.Queue]{made: make(chan struct{}), open: func(context.Context) (notify.Queue, error) {
			made++
			return make(memoryQueue, 1), nil
		}}}
		ctx, stop := context.WithCancel(t.Context())
		var got []string
		ended := make(chan error, 1)
		go func() {
			ended <- q.Consume(ctx, func(_ context.Context, id, _ string, _ int, _ []byte) error { got = append(got, id); return nil })
		}()
		synctest.Wait()
		if made != 0 {
			t.Error("made by who has nothing to push")
		}
		for _, id := range []string{"1", "2"} {
			if err := q.Push(t.Context(), id, "", nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if len(got) != 2 || made != 1 {
			t.Errorf("handled %v, made %d times", got, made)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		unused := &lateQueue{late[notify.Queue]{made: make(chan struct{})}}
		if err := unused.Consume(ctx, nil); err != nil {
			t.Error(err)
		}
	})
}
