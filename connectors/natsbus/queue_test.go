package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What is to be tried again after a time is neither parked nor held up by the
// back-off, and holds up its own key alone.
func TestQueue_After(t *testing.T) {
	cfg := fast()
	cfg.MaxAttempts, cfg.Workers = 1, 1
	cfg.Backoff = func(int) time.Duration { return time.Hour }
	q := mustQueue(t, testAccount(t, testServer(t, t.TempDir())), "q", cfg)
	push(t, q, "k", "1", "2")
	push(t, q, "other", "3")
	got := make(chan string, 10)
	tries := 0
	t.Cleanup(consume(t, q, func(_ context.Context, it Item) error {
		if it.ID == "1" {
			if tries++; tries < 5 {
				return fmt.Errorf("handle it: %w", After(50*time.Millisecond, errors.New("not yet")))
			}
		}
		got <- it.ID
		return nil
	}))
	expect(t, got, "3", "1", "2")
}

// An owner that is cut off stops handing out, and another goes on when its
// lease is over.
func TestQueue_OwnerCutOff(t *testing.T) {
	t.Parallel()
	s := testServer(t, t.TempDir())
	a, line := flakyAccount(t, s)
	first, second := mustQueue(t, a, "q", fast()), mustQueue(t, testAccount(t, s), "q", fast())
	push(t, second, "k", "1", "2")
	begun := make(chan struct{})
	told := make(chan error, 1)
	stopFirst := consume(t, first, func(ctx context.Context, it Item) error {
		if it.ID != "1" {
			t.Errorf("handed out %s", it.ID)
		}
		close(begun)
		<-ctx.Done()
		told <- context.Cause(ctx)
		return ctx.Err()
	})
	<-begun
	got := make(chan string, 10)
	stop := consume(t, second, func(_ context.Context, it Item) error {
		select {
		case err := <-told:
			if !errors.Is(err, errLeaseLost) {
				t.Errorf("told to stop because of %v", err)
			}
		default:
			if it.ID == "1" {
				t.Error("two owners at a time")
			}
		}
		got <- it.ID
		return nil
	})
	defer stop()
	line.mute()
	expect(t, got, "1", "2")
	line.cut()
	stopFirst()
}

// More keys than the index holds wait in the stream; a failing key holds up
// only itself.
func TestQueue_Bounded(t *testing.T) {
	cfg := fast()
	cfg.MaxWaiting, cfg.Workers = 3, 1
	cfg.Backoff = func(int) time.Duration { return time.Hour }
	q := mustQueue(t, testAccount(t, testServer(t, t.TempDir())), "q", cfg)
	push(t, q, "bad", "bad")
	for i := range 20 {
		push(t, q, "", fmt.Sprint(i))
	}
	var mu sync.Mutex
	done := 0
	stop := consume(t, q, func(_ context.Context, it Item) error {
		mu.Lock()
		defer mu.Unlock()
		if it.ID == "bad" {
			return errors.New("no")
		}
		done++
		return nil
	})
	defer stop()
	eventually(t, "the others are done", func() bool { mu.Lock(); defer mu.Unlock(); return done == 20 })
	stop()
	if left := itemsLeft(t, q); left != 1 {
		t.Errorf("%d items are left", left)
	}
}

// However much waits of a key whose handler fails, the others go on; when it
// recovers, everything that waited comes, in order.
func TestQueue_DeadKeyLeavesRoom(t *testing.T) {
	q := smallIndex(t)
	pushDead(t, q, 50)
	dead := consumeDead(t, q)
	push(t, q, "other", "o0", "o1", "o2", "o3", "o4")
	expect(t, dead.others, "o0", "o1", "o2", "o3", "o4")
	push(t, q, "another", "a0")
	expect(t, dead.others, "a0")
	dead.mended.Store(true)
	for i := range 50 {
		expect(t, dead.items, fmt.Sprint(i))
	}
	dead.stop()
	if left := itemsLeft(t, q); left != 0 {
		t.Errorf("%d items are left", left)
	}
}

// Items that an earlier owner took out of the stream after this one saw them are
// done.
func TestQueue_BacklogGone(t *testing.T) {
	q := smallIndex(t)
	pushDead(t, q, 20)
	dead := consumeDead(t, q)
	push(t, q, "other", "o")
	expect(t, dead.others, "o") // it was behind the others: they were seen
	for _, i := range []uint64{3, 4, 6, 18, 19, 20} {
		if err := q.stream.DeleteMsg(within(t), i); err != nil {
			t.Fatal(err)
		}
	}
	dead.mended.Store(true)
	for _, i := range []int{0, 1, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16} {
		expect(t, dead.items, fmt.Sprint(i))
	}
	push(t, q, "dead", "new")
	expect(t, dead.items, "new")
}

// A search in the stream that fails is repeated and holds up its own key alone.
func TestQueue_SearchFails(t *testing.T) {
	q := smallIndex(t)
	var fail atomic.Int32
	fail.Store(3)
	q.stream = failingSearch{q.stream, &fail}
	pushDead(t, q, 5)
	dead := consumeDead(t, q)
	push(t, q, "other", "o")
	expect(t, dead.others, "o")
	dead.mended.Store(true)
	for i := range 5 {
		expect(t, dead.items, fmt.Sprint(i))
	}
	if n := fail.Load(); n >= 0 {
		t.Errorf("%d more searches should have failed", n)
	}
}

// A leader that takes an item in between the question for it and the one for its
// last sequence still has the item handled in its turn.
func TestQueue_LeaderBehind(t *testing.T) {
	q := smallIndex(t)
	q.stream = &behind{Stream: q.stream, asked: map[uint64]bool{}}
	got := make(chan string, 10)
	t.Cleanup(consume(t, q, func(_ context.Context, it Item) error { got <- it.ID; return nil }))
	push(t, q, "k", "0", "1", "2", "3", "4") // some of them are searched for
	expect(t, got, "0", "1", "2", "3", "4")
}

// behind is a leader that does not find what it is asked for the first time.
type behind struct {
	jetstream.Stream
	mu    sync.Mutex
	asked map[uint64]bool
}

func (b *behind) GetMsg(ctx context.Context, seq uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	b.mu.Lock()
	again := b.asked[seq]
	b.asked[seq] = true
	b.mu.Unlock()
	if !again {
		return nil, jetstream.ErrMsgNotFound
	}
	return b.Stream.GetMsg(ctx, seq, opts...)
}

// A replicated stream refuses a write while an earlier one of its subject is under
// way, also when that is never committed. An item that is parked or retried
// survives it.
func TestQueue_ParkWhileInFlight(t *testing.T) {
	a := testAccount(t, testServer(t, t.TempDir()))
	js := &inFlight{JetStream: a.js}
	a.js = js
	cfg := fast()
	cfg.MaxAttempts = 1
	q := mustQueue(t, a, "q", cfg)
	push(t, q, "k", "bad")
	js.refuse.Store(1)
	stop := consume(t, q, func(context.Context, Item) error { return errors.New("no") })
	var parked []Item
	eventually(t, "it is parked", func() (ok bool) {
		var err error
		if parked, err = q.Parked(within(t)); err != nil {
			t.Fatal(err)
		}
		return len(parked) == 1 && itemsLeft(t, q) == 1
	})
	stop()
	js.refuse.Store(1)
	if err := q.Retry(within(t), "bad"); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	t.Cleanup(consume(t, q, func(_ context.Context, it Item) error { got <- it.ID; return nil }))
	expect(t, got, "bad")
}

// inFlight refuses some writes of items as if another were under way.
type inFlight struct {
	jetstream.JetStream
	refuse atomic.Int32
}

func (f *inFlight) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if strings.HasPrefix(m.Subject, "queue.") && f.refuse.Add(-1) >= 0 {
		return nil, &jetstream.APIError{Code: 400, ErrorCode: codeWrongLastSequenceConstant}
	}
	return f.JetStream.PublishMsg(ctx, m, opts...)
}

// failingSearch fails some searches by subject.
type failingSearch struct {
	jetstream.Stream
	left *atomic.Int32
}

func (f failingSearch) GetMsg(ctx context.Context, seq uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	if len(opts) > 0 && f.left.Add(-1) >= 0 {
		return nil, errors.New("no")
	}
	return f.Stream.GetMsg(ctx, seq, opts...)
}

// deadHandler handles no item of the key "dead" before it is mended.
type deadHandler struct {
	mended        atomic.Bool
	items, others chan string // what was handled, of that key and of others
	stop          func()
}

// smallIndex returns a queue whose owner has four items in its index, and two of
// one key.
func smallIndex(t *testing.T) *Queue {
	t.Helper()
	cfg := fast()
	cfg.MaxWaiting = 4
	q := mustQueue(t, testAccount(t, testServer(t, t.TempDir())), "q", cfg)
	q.perKey = 2
	return q
}

func pushDead(t *testing.T, q *Queue, items int) {
	t.Helper()
	for i := range items {
		push(t, q, "dead", fmt.Sprint(i))
	}
}

func consumeDead(t *testing.T, q *Queue) *deadHandler {
	h := &deadHandler{items: make(chan string, 100), others: make(chan string, 100)}
	h.stop = consume(t, q, func(_ context.Context, it Item) error {
		switch {
		case it.Key != "dead":
			h.others <- it.ID
		case !h.mended.Load():
			return errors.New("no")
		default:
			h.items <- it.ID
		}
		return nil
	})
	t.Cleanup(h.stop)
	return h
}

func itemsLeft(t *testing.T, q *Queue) uint64 {
	t.Helper()
	info, err := q.stream.Info(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

func TestQueueConfig_Defaults(t *testing.T) {
	q := mustQueue(t, testAccount(t, testServer(t, t.TempDir())), "q", QueueConfig{})
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 7: time.Minute, 100: time.Minute} {
		if got := q.cfg.Backoff(attempt); got != want {
			t.Errorf("back-off after attempt %d: %v, want %v", attempt, got, want)
		}
	}
	if q.cfg.Workers != 8 || q.cfg.Lease != 10*time.Second || q.cfg.MaxWaiting != 1_000_000 || q.perKey != keyIndexed {
		t.Errorf("defaults: %+v", q.cfg)
	}
}

// A trace goes with a signal and with a stored message.
func TestTrace(t *testing.T) {
	type key struct{}
	s := testServer(t, t.TempDir())
	a := testAccount(t, s)
	a.trace = Trace{
		Inject: func(ctx context.Context, set func(k, v string)) {
			if v, ok := ctx.Value(key{}).(string); ok {
				set("Traceparent", v)
			}
		},
		Extract: func(ctx context.Context, get func(string) string) context.Context {
			return context.WithValue(ctx, key{}, get("Traceparent"))
		},
	}
	ctx := context.WithValue(within(t), key{}, "trace-1")
	err := a.Serve(within(t), "s", "g", func(ctx context.Context, _ []byte) ([]byte, error) {
		return []byte(ctx.Value(key{}).(string)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Request(ctx, "s", nil); err != nil || string(got) != "trace-1" {
		t.Errorf("request carried %q, %v", got, err)
	}
	l := mustLog(t, a, "l")
	if err := l.Append(ctx, record("a")); err != nil {
		t.Fatal(err)
	}
	m, err := l.stream.GetMsg(within(t), 1)
	if err != nil || m.Header.Get("Traceparent") != "trace-1" {
		t.Errorf("record carried %v, %v", m.Header, err)
	}
}
