package natsbus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// An owner that is cut off stops handing out, and another goes on when its
// lease is over.
func TestQueue_OwnerCutOff(t *testing.T) {
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
	left, err := q.stream.Info(within(t), jetstream.WithSubjectFilter(">"))
	if err != nil || left.State.Msgs != 1 {
		t.Errorf("%d items are left: %v", left.State.Msgs, err)
	}
}

func TestQueueConfig_Defaults(t *testing.T) {
	q := mustQueue(t, testAccount(t, testServer(t, t.TempDir())), "q", QueueConfig{})
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 7: time.Minute, 100: time.Minute} {
		if got := q.cfg.Backoff(attempt); got != want {
			t.Errorf("back-off after attempt %d: %v, want %v", attempt, got, want)
		}
	}
	if q.cfg.Workers != 8 || q.cfg.Lease != 10*time.Second || q.cfg.MaxWaiting != 1_000_000 {
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
