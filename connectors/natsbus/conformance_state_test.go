package natsbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func mustTable(t *testing.T, a *Account, name string) *Table {
	t.Helper()
	tb, err := a.Table(within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

func conformTable(t *testing.T, open func(t *testing.T) *Account) {
	t.Run("CompareAndSet", func(t *testing.T) {
		name := unique()
		a, b := mustTable(t, open(t), name), mustTable(t, open(t), name)
		const key = "sm/north/sc-or.ns-lcm"
		if _, err := a.Get(within(t), key); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("get of nothing: %v", err)
		}
		r1, err := a.Create(within(t), key, []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Create(within(t), key, []byte("2")); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("created twice: %v", err)
		}
		r2, err := b.Update(within(t), key, []byte("2"), r1)
		if err != nil || r2 <= r1 {
			t.Fatalf("update: revision %d after %d, %v", r2, r1, err)
		}
		if kv, err := a.Get(within(t), key); err != nil || string(kv.Value) != "2" || kv.Revision != r2 || kv.Key != key {
			t.Errorf("read %v, %v", kv, err)
		}
		for _, stale := range []uint64{0, r1, r2 + 1} {
			if _, err := a.Update(within(t), key, nil, stale); hub.CodeOf(err) != hub.Precondition {
				t.Errorf("update of revision %d: %v", stale, err)
			}
			if err := a.Delete(within(t), key, stale); hub.CodeOf(err) != hub.Precondition {
				t.Errorf("delete of revision %d: %v", stale, err)
			}
		}
		if err := a.Delete(within(t), key, r2); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get(within(t), key); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("get after delete: %v", err)
		}
		if err := b.Delete(within(t), key, r2); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("deleted twice: %v", err)
		}
		if _, err := b.Update(within(t), key, nil, r2); hub.CodeOf(err) != hub.Precondition {
			t.Errorf("update after delete: %v", err)
		}
		if r, err := b.Create(within(t), key, []byte("3")); err != nil || r <= r2 {
			t.Errorf("created again: %d, %v", r, err)
		}
	})

	t.Run("OneWins", func(t *testing.T) {
		name := unique()
		tables := []*Table{mustTable(t, open(t), name), mustTable(t, open(t), name)}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for range 10 {
					addOne(t, tables[w%2], "counter")
				}
			})
		}
		wg.Wait()
		if kv, err := tables[0].Get(within(t), "counter"); err != nil || len(kv.Value) != 40 {
			t.Errorf("%d increments, want 40; %v", len(kv.Value), err)
		}
	})

	t.Run("ListAndWatch", func(t *testing.T) {
		name := unique()
		a, b := mustTable(t, open(t), name), mustTable(t, open(t), name)
		for _, key := range []string{"vnf/2", "vnf/1", "vnf/gone", "vnfc/1", "vnf/1/x"} {
			if _, err := a.Create(within(t), key, []byte(key)); err != nil {
				t.Fatal(err)
			}
		}
		gone, err := a.Get(within(t), "vnf/gone")
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Delete(within(t), "vnf/gone", gone.Revision); err != nil {
			t.Fatal(err)
		}
		for prefix, want := range map[string]string{"": "vnf/1 vnf/1/x vnf/2 vnfc/1", "vnf/": "vnf/1 vnf/1/x vnf/2", "vnf/1/": "vnf/1/x", "none/": ""} {
			kvs, err := b.List(within(t), prefix)
			var keys []string
			for _, kv := range kvs {
				keys = append(keys, kv.Key)
				if string(kv.Value) != kv.Key {
					t.Errorf("%s holds %q", kv.Key, kv.Value)
				}
			}
			if err != nil || strings.Join(keys, " ") != want {
				t.Errorf("list %q: %v, %v", prefix, keys, err)
			}
		}
		ctx, cancel := context.WithCancel(within(t))
		changes := make(chan string, 100)
		ended := make(chan error, 1)
		go func() { ended <- b.Watch(ctx, "vnf/", func(c Change) { changes <- describe(c) }) }()
		expect(t, changes, "vnf/2", "vnf/1", "vnf/1/x", "synced")
		kv, err := a.Get(within(t), "vnf/1")
		if err != nil {
			t.Fatal(err)
		}
		rev, err := a.Update(within(t), "vnf/1", []byte("new"), kv.Revision)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Delete(within(t), "vnf/1", rev); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Create(within(t), "vnfc/2", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Create(within(t), "vnf/3", nil); err != nil {
			t.Fatal(err)
		}
		if c := <-changes; c == "vnf/1" { // else its removal was faster
			expect(t, changes, "-vnf/1")
		}
		expect(t, changes, "vnf/3")
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Watch ended with %v", err)
		}
	})

	t.Run("Refused", func(t *testing.T) {
		a := open(t)
		if _, err := a.Table(within(t), ""); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("no name: %v", err)
		}
		tb := mustTable(t, a, unique())
		for _, key := range []string{"", "/", "a/", "a//b", "a b", "*", "a/>", "a=b", strings.Repeat("x", 513)} {
			if _, err := tb.Get(within(t), key); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("get %.20q: %v", key, err)
			}
			if _, err := tb.Create(within(t), key, nil); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("create %.20q: %v", key, err)
			}
			if _, err := tb.Update(within(t), key, nil, 1); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("update %.20q: %v", key, err)
			}
		}
		if _, err := tb.List(within(t), "vnf"); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("prefix without end: %v", err)
		}
		if err := tb.Watch(within(t), "*/", nil); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("watch of a wildcard: %v", err)
		}
		if _, err := tb.Create(within(t), "big", make([]byte, 9<<20)); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("value over the limit: %v", err)
		}
	})
}

// addOne lengthens a value by one byte, against others who do the same.
func addOne(t *testing.T, tb *Table, key string) {
	for {
		kv, err := tb.Get(within(t), key)
		if hub.CodeOf(err) == hub.NotFound {
			_, err = tb.Create(within(t), key, []byte("x"))
		} else if err == nil {
			_, err = tb.Update(within(t), key, append(kv.Value, 'x'), kv.Revision)
		}
		switch hub.CodeOf(err) {
		case "":
			return
		case hub.Conflict, hub.Precondition, hub.Unavailable: // the last while another's create is on its way
		default:
			t.Error(err)
			return
		}
	}
}

func describe(c Change) string {
	switch {
	case c.Synced:
		return "synced"
	case c.Deleted:
		return "-" + c.Key
	}
	return c.Key
}

func expect(t *testing.T, got <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case g := <-got:
			if g != w {
				t.Errorf("got %q, want %q", g, w)
			}
		case <-within(t).Done():
			t.Fatalf("%q did not come", w)
		}
	}
}

// fast is a queue configuration for tests.
func fast() QueueConfig {
	return QueueConfig{Backoff: func(int) time.Duration { return time.Millisecond }, Lease: 900 * time.Millisecond, Workers: 4}
}

func mustQueue(t *testing.T, a *Account, name string, cfg QueueConfig) *Queue {
	t.Helper()
	q, err := a.Queue(within(t), name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// consume runs Consume until the returned function is called.
func consume(t *testing.T, q *Queue, handler func(context.Context, Item) error) (stop func()) {
	ctx, cancel := context.WithCancel(within(t))
	ended := make(chan error, 1)
	go func() { ended <- q.Consume(ctx, handler) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Consume ended with %v", err)
		}
	})
}

func push(t *testing.T, q *Queue, key string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := q.Push(within(t), Item{ID: id, Key: key, Data: []byte(id)}); err != nil {
			t.Fatal(err)
		}
	}
}

func conformQueue(t *testing.T, open func(t *testing.T) *Account, grouped bool) {
	fast := func() QueueConfig {
		cfg := fast()
		cfg.Grouped = grouped
		return cfg
	}
	t.Run("OrderByKey", func(t *testing.T) {
		name := unique()
		in, out := mustQueue(t, open(t), name, fast()), mustQueue(t, open(t), name, fast())
		for i := range 10 {
			for _, key := range []string{"a", "b", "c"} {
				push(t, in, key, fmt.Sprintf("%s%d", key, i))
			}
		}
		push(t, in, "a", "a3") // again: adds nothing
		var mu sync.Mutex
		done := map[string][]string{}
		running := map[string]bool{}
		count := 0
		stop := consume(t, out, func(_ context.Context, it Item) error {
			mu.Lock()
			defer mu.Unlock()
			if running[it.Key] {
				t.Errorf("two of key %s at a time", it.Key)
			}
			running[it.Key] = true
			mu.Unlock()
			mu.Lock()
			running[it.Key] = false
			if it.ID == "b4" && it.Attempt < 3 {
				return errors.New("not yet")
			}
			if it.Fence == 0 || string(it.Data) != it.ID {
				t.Errorf("item %+v", it)
			}
			done[it.Key] = append(done[it.Key], it.ID)
			count++
			return nil
		})
		defer stop()
		eventually(t, "30 items are done", func() bool { mu.Lock(); defer mu.Unlock(); return count == 30 })
		stop()
		for key, ids := range done {
			if !slices.IsSorted(ids) || len(ids) != 10 {
				t.Errorf("key %s: %v", key, ids)
			}
		}
	})

	t.Run("ParkAndRetry", func(t *testing.T) {
		cfg := fast()
		cfg.MaxAttempts = 2
		q := mustQueue(t, open(t), unique(), cfg)
		push(t, q, "k", "bad", "good")
		if n, err := q.Waiting(within(t)); err != nil || n != 2 {
			t.Errorf("%d items wait, %v", n, err)
		}
		var mu sync.Mutex
		var seen []string
		mended := false
		stop := consume(t, q, func(_ context.Context, it Item) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%s%d", it.ID, it.Attempt))
			if it.ID == "bad" && !mended {
				return errors.New("no")
			}
			return nil
		})
		defer stop()
		eventually(t, "the key goes on", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == 3 })
		eventually(t, "the parked item alone is left", func() bool { n, err := q.Waiting(within(t)); return err == nil && n == 1 })
		items, err := q.Parked(within(t))
		if err != nil || len(items) != 1 || items[0].ID != "bad" || items[0].Key != "k" || string(items[0].Data) != "bad" {
			t.Errorf("parked: %v, %v", items, err)
		}
		mu.Lock()
		mended = true
		mu.Unlock()
		if err := q.Retry(within(t), "none"); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("retry of nothing: %v", err)
		}
		if err := q.Retry(within(t), "bad"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the parked item is done", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == 4 })
		mu.Lock()
		if got := strings.Join(seen, " "); got != "bad1 bad2 good1 bad1" {
			t.Errorf("attempts: %s", got)
		}
		mu.Unlock()
		if items, err := q.Parked(within(t)); err != nil || len(items) != 0 {
			t.Errorf("still parked: %v, %v", items, err)
		}
	})

	t.Run("TakeOver", func(t *testing.T) {
		name := unique()
		first, second := mustQueue(t, open(t), name, fast()), mustQueue(t, open(t), name, fast())
		push(t, first, "k", "1", "2", "3")
		hang := make(chan struct{})
		var fence uint64
		stopFirst := consume(t, first, func(ctx context.Context, it Item) error {
			if it.ID == "1" {
				fence = it.Fence
				return nil
			}
			close(hang)
			<-ctx.Done()
			return ctx.Err()
		})
		defer stopFirst()
		<-hang
		got := make(chan string, 10)
		stop := consume(t, second, func(_ context.Context, it Item) error {
			if it.Fence <= fence {
				t.Errorf("fence %d after %d", it.Fence, fence)
			}
			got <- it.ID
			return nil
		})
		defer stop()
		stopFirst()
		expect(t, got, "2", "3")
	})

	t.Run("Refused", func(t *testing.T) {
		a := open(t)
		if _, err := a.Queue(within(t), "a b", QueueConfig{}); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("bad name: %v", err)
		}
		q := mustQueue(t, a, unique(), QueueConfig{Grouped: grouped})
		for _, it := range []Item{{}, {ID: "a\nb"}, {ID: "a", Key: strings.Repeat("x", 600)}} {
			if err := q.Push(within(t), it); hub.CodeOf(err) != hub.Invalid {
				t.Errorf("push %.20v: %v", it, err)
			}
		}
	})
}
