package natsbus

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestRecent(t *testing.T) {
	var r recent
	for n := range place(2 * recentItems) {
		r.keep(n, Item{ID: fmt.Sprint(n), Data: make([]byte, 100)})
	}
	if _, ok := r.take(recentItems - 1); ok {
		t.Error("more is remembered than may be")
	}
	it, ok := r.take(recentItems)
	if !ok || it.ID != fmt.Sprint(recentItems) {
		t.Errorf("took %+v, %v", it, ok)
	}
	if _, ok := r.take(recentItems); ok {
		t.Error("what was taken is remembered")
	}
	for n := range place(3) {
		r.keep(10_000+n, Item{Data: make([]byte, recentBytes/2)})
	}
	if len(r.items) != 2 || r.bytes != recentBytes {
		t.Errorf("%d items of %d bytes are remembered", len(r.items), r.bytes)
	}
	if r.keep(20_000, Item{Data: make([]byte, recentBytes+1)}); len(r.items) != 2 {
		t.Error("an item is remembered that is larger than all may be")
	}
}

// What is handled is what was pushed, whatever the caller does with its buffer, and
// at every attempt.
func TestQueue_BufferOfCaller(t *testing.T) {
	a := testAccount(t, testServer(t, t.TempDir()))
	q, err := a.Queue(within(t), "q", QueueConfig{Backoff: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("as it was")
	if err := q.Push(within(t), Item{ID: "a", Key: "k", Data: data}); err != nil {
		t.Fatal(err)
	}
	copy(data, "something")
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	var seen []string
	err = q.Consume(ctx, func(_ context.Context, it Item) error {
		seen = append(seen, fmt.Sprintf("%s/%s %s", it.Key, it.ID, it.Data))
		if it.Attempt < 3 {
			copy(it.Data, "scribbled")
			return fmt.Errorf("attempt %d fails", it.Attempt)
		}
		stop()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range seen {
		if s != "k/a as it was" {
			t.Errorf("handled %q", s)
		}
	}
	if len(seen) != 3 {
		t.Errorf("handled %d times", len(seen))
	}
}
