package natsbus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// pushTogether pushes items of a grouped queue in their order, all while a write is
// on its way, so that they share the next ones.
func pushTogether(t testing.TB, q *Queue, items ...Item) {
	t.Helper()
	g := &q.gathering
	eventually(t, "no write is on its way", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		idle := !g.writing
		g.writing = true
		return idle
	})
	var all sync.WaitGroup
	for n, it := range items {
		all.Go(func() {
			if err := q.Push(within(t), it); err != nil {
				t.Errorf("push %s: %v", it.ID, err)
			}
		})
		eventually(t, "the item waits", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.waiting) == n+1 })
	}
	go q.gather()
	all.Wait()
}

func groupedQueue(t *testing.T, a *Account, cfg QueueConfig) *Queue {
	cfg.Grouped = true
	return mustQueue(t, a, "q", cfg)
}

func numbered(n int, key func(int) string) (items []Item) {
	for i := range n {
		items = append(items, Item{ID: fmt.Sprint(i), Key: key(i), Data: fmt.Append(nil, "data ", i)})
	}
	return items
}

// Items that wait for the disk together are one message, which leaves the queue
// when all of them are done.
func TestQueue_Grouped(t *testing.T) {
	q := groupedQueue(t, testAccount(t, testServer(t, t.TempDir())), fast())
	pushTogether(t, q, numbered(10, func(i int) string { return fmt.Sprint("k", i%3) })...)
	if n := itemsLeft(t, q); n != 1 {
		t.Fatalf("%d messages for ten items", n)
	}
	var mu sync.Mutex
	seen, hold := map[string][]string{}, make(chan struct{})
	stop := consume(t, q, func(_ context.Context, it Item) error {
		if it.ID == "9" {
			<-hold
		}
		mu.Lock()
		defer mu.Unlock()
		if string(it.Data) != "data "+it.ID {
			t.Errorf("item %s has %q", it.ID, it.Data)
		}
		seen[it.Key] = append(seen[it.Key], it.ID)
		return nil
	})
	defer stop()
	eventually(t, "all but one are done", func() bool {
		n, err := q.Waiting(within(t))
		return err == nil && n == 1
	})
	if err := q.Push(within(t), Item{ID: "9", Key: "k0"}); err != nil {
		t.Fatal(err)
	}
	if n := itemsLeft(t, q); n != 1 {
		t.Errorf("%d messages while one item is not done", n)
	}
	close(hold)
	eventually(t, "nothing is left", func() bool { return itemsLeft(t, q) == 0 })
	stop()
	want := map[string][]string{"k0": {"0", "3", "6", "9"}, "k1": {"1", "4", "7"}, "k2": {"2", "5", "8"}}
	if !maps.EqualFunc(seen, want, slices.Equal) {
		t.Errorf("handled %v", seen)
	}
}

// A group is bounded in items and in bytes.
func TestQueue_GroupBounds(t *testing.T) {
	q := groupedQueue(t, testAccount(t, testServer(t, t.TempDir())), fast())
	pushTogether(t, q, numbered(maxGroupItems+1, func(int) string { return "" })...)
	if n := itemsLeft(t, q); n != 2 {
		t.Errorf("%d messages for %d items", n, maxGroupItems+1)
	}
	large := func(id string) Item { return Item{ID: id, Data: make([]byte, maxGroupBytes)} }
	pushTogether(t, q, large("a"), large("b"))
	if n := itemsLeft(t, q); n != 4 {
		t.Errorf("%d messages with two large ones", n)
	}
	err := q.Push(within(t), Item{ID: "huge", Data: make([]byte, 64<<20)})
	wantError(t, err, "invalid", "smaller")
	push(t, q, "", "huge") // what failed is not taken for queued
	if n := itemsLeft(t, q); n != 5 {
		t.Errorf("%d messages", n)
	}
}

// Who pushes an ID again, at the same time or later, adds nothing.
func TestQueue_GroupKnows(t *testing.T) {
	a := testAccount(t, testServer(t, t.TempDir()))
	q := groupedQueue(t, a, fast())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { push(t, q, "k", "same") })
	}
	all.Wait()
	push(t, q, "k", "same")
	if n := itemsLeft(t, q); n != 1 {
		t.Fatalf("%d messages", n)
	}
	again := groupedQueue(t, a, fast()) // as after a restart
	begun := make(chan struct{})
	stop := consume(t, again, func(ctx context.Context, _ Item) error { close(begun); <-ctx.Done(); return ctx.Err() })
	defer stop()
	<-begun
	push(t, again, "k", "same")
	if n := itemsLeft(t, q); n != 1 {
		t.Errorf("%d messages after what waits was pushed once more", n)
	}
	left, cancel := context.WithCancel(within(t))
	cancel()
	wantError(t, again.Push(left, Item{ID: "late"}), "unavailable")
}

func TestLately(t *testing.T) {
	var l lately
	at := time.Unix(1000, 0)
	id := func(n int) digest { return digestOf(fmt.Append(nil, n)) }
	for n := range lateMost + 1 {
		l.add(id(n), at)
	}
	if !l.has(id(0), at) || !l.has(id(lateMost), at) || l.has(id(lateMost+1), at) {
		t.Error("it does not know what came lately")
	}
	for n := range lateMost {
		l.add(id(-n-1), at)
	}
	if l.has(id(0), at) || len(l.now)+len(l.before) > 2*lateMost {
		t.Error("it remembers more than it may")
	}
	l.add(id(5), at.Add(lateTime+1))
	if !l.has(id(-lateMost), at.Add(lateTime+1)) || !l.has(id(5), at.Add(2*lateTime)) {
		t.Error("it forgot too early")
	}
	if l.has(id(5), at.Add(4*lateTime)) {
		t.Error("it does not forget")
	}
	l.add(id(6), at.Add(9*lateTime))
	if l.has(id(5), at.Add(9*lateTime)) {
		t.Error("it does not forget what is old when it goes on")
	}
}

// What of a group is done does not come again where its rest fails for long and the
// process dies; what waits as single messages, of a program before groups, comes
// first; and however much waits of a key, it comes in order.
func TestQueue_GroupAfterCrash(t *testing.T) {
	a := testAccount(t, testServer(t, t.TempDir()))
	push(t, mustQueue(t, a, "q", fast()), "bad", "old")
	cfg := fast()
	cfg.MaxWaiting = 4
	cfg.Lease = 300 * time.Millisecond
	q := groupedQueue(t, a, cfg)
	q.perKey = 2
	pushTogether(t, q, numbered(30, func(i int) string { return []string{"bad", "good", "fine"}[i%3] })...)
	var mu sync.Mutex
	var good, bad []string
	dying := errors.New("no")
	handle := func(fails error) func(context.Context, Item) error {
		return func(_ context.Context, it Item) error {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case it.Key != "bad":
				good = append(good, it.ID)
			case fails != nil && it.ID != "old":
				return fails
			default:
				bad = append(bad, it.ID)
			}
			return nil
		}
	}
	ctx, die := context.WithCancelCause(t.Context())
	d := newDispatcher(ctx, die, q, handle(dying))
	c := q.newClaim(d)
	d.valid = c.valid
	claiming := make(chan struct{})
	go func() { defer close(claiming); die(c.keep(ctx)) }()
	reading := make(chan struct{})
	go func() { defer close(reading); die(d.read()) }()
	eventually(t, "what is done is stored", func() bool {
		marks, err := q.marks(within(t))
		for _, m := range marks {
			return err == nil && slices.Equal(m, doneMark("011011011011011011011011011011"))
		}
		return false
	})
	die(dying) // and nothing is saved or handed over
	d.end()
	d.busy.Wait()
	<-claiming
	<-reading
	next := groupedQueue(t, a, cfg)
	next.perKey = 2
	defer consume(t, next, handle(nil))()
	eventually(t, "nothing is left", func() bool { return itemsLeft(t, q) == 0 })
	mu.Lock()
	defer mu.Unlock()
	if len(good) != 20 {
		t.Errorf("handled of the others: %v", good)
	}
	if want := []string{"old", "0", "3", "6", "9", "12", "15", "18", "21", "24", "27"}; !slices.Equal(bad, want) {
		t.Errorf("handled of the key that failed: %v", bad)
	}
}

// An item of a group that fails too often is parked, and is retried as one message.
func TestQueue_GroupParks(t *testing.T) {
	cfg := fast()
	cfg.MaxAttempts = 2
	q := groupedQueue(t, testAccount(t, testServer(t, t.TempDir())), cfg)
	pushTogether(t, q, numbered(3, func(i int) string { return fmt.Sprint(i) })...)
	stop := consume(t, q, func(_ context.Context, it Item) error {
		if it.ID == "1" {
			return errors.New("no")
		}
		return nil
	})
	eventually(t, "one is parked", func() bool {
		parked, err := q.Parked(within(t))
		return err == nil && len(parked) == 1 && itemsLeft(t, q) == 1
	})
	stop()
	if err := q.Retry(within(t), "1"); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	defer consume(t, q, func(_ context.Context, it Item) error { got <- it.ID; return nil })()
	expect(t, got, "1")
	eventually(t, "nothing is left", func() bool { return itemsLeft(t, q) == 0 })
}

// Marks of several processes are united; the last one removes the group, and a mark
// without a group goes with the next reading.
func TestQueue_Marks(t *testing.T) {
	q := groupedQueue(t, testAccount(t, testServer(t, t.TempDir())), fast())
	pushTogether(t, q, numbered(3, func(i int) string { return fmt.Sprint(i) })...)
	m, err := q.a.lastOf(within(t), q.stream, q.states(stateGroup)+">")
	if err != nil {
		t.Fatal(err)
	}
	save := func(done string) {
		t.Helper()
		if err := q.saveDone(within(t), m.Subject, m.Sequence, doneMark(done)); err != nil {
			t.Fatal(err)
		}
	}
	save("100")
	save("010")
	save("100") // late
	marks, err := q.marks(within(t))
	if err != nil || string(marks[tokenOf(m.Subject)]) != "110" || itemsLeft(t, q) != 2 {
		t.Fatalf("marks %s, %v", marks, err)
	}
	save("001")
	save("001") // later than the removal
	if n := itemsLeft(t, q); n != 0 {
		t.Errorf("%d messages are left", n)
	}
	if _, err := q.store(within(t), "test", "", func() *nats.Msg { return nats.NewMsg(q.states(stateDone) + "stray") }); err != nil {
		t.Fatal(err)
	}
	defer consume(t, q, func(context.Context, Item) error { return nil })()
	eventually(t, "the stray mark is gone", func() bool { return itemsLeft(t, q) == 0 })
}

// A message that is no group stops the work and says so.
func TestQueue_BadGroup(t *testing.T) {
	q := groupedQueue(t, testAccount(t, testServer(t, t.TempDir())), fast())
	bad := func(names string, data []byte) (*Item, error) {
		m := nats.NewMsg(q.states(stateGroup) + fmt.Sprintf("%d-%d", len(names), len(data)))
		m.Header.Set(headerItems, names)
		m.Data = data
		seq, err := q.store(within(t), "test", "", func() *nats.Msg { return m })
		if err != nil {
			t.Fatal(err)
		}
		d := newDispatcher(t.Context(), func(error) {}, q, nil)
		d.all = 1
		readErr := d.addGroup(t.Context(), message{seq: seq, subject: m.Subject, header: m.Header}, nil)
		it, err := q.item(within(t), placeOf(seq, 1))
		return it, errors.Join(readErr, err)
	}
	good := namesHeader([]itemName{nameOf(&Item{ID: "a"})})
	for _, of := range []struct{ names, data string }{{"zz", "\x01a\x00\x00"}, {good, "\x09a"}, {good, "\x00\x00\x00"}, {good, ""}} {
		it, err := bad(of.names, []byte(of.data))
		wantError(t, err, "unavailable", "no group of items")
		if it != nil && of.names == good {
			t.Errorf("%q gave %+v", of.data, it)
		}
	}
}

func FuzzGroup(f *testing.F) {
	items := []Item{{ID: "a", Key: "k", Data: []byte("data")}, {ID: "b"}}
	f.Add(encodeGroup(items), namesHeader([]itemName{nameOf(&items[0]), nameOf(&items[1])}))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "00")
	f.Fuzz(func(t *testing.T, payload []byte, header string) {
		if items, err := decodeGroup(payload); err == nil && len(items) <= maxGroupItems {
			again, err := decodeGroup(encodeGroup(items))
			if err != nil || !slices.EqualFunc(again, items, func(a, b Item) bool { return a.ID == b.ID && a.Key == b.Key && string(a.Data) == string(b.Data) }) {
				t.Fatalf("%+v became %+v, %v", items, again, err)
			}
		}
		h := nats.Header{}
		h.Set(headerItems, header)
		if names, err := readNames(h); err == nil && (len(names) == 0 || len(names) > maxGroupItems) {
			t.Fatalf("%d names", len(names))
		}
	})
}
