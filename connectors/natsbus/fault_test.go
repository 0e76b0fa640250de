package natsbus

import (
	"context"
	"fmt"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// The server stores what it is sent, and its answers are lost.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	s := testServer(t, t.TempDir())
	a, line := flakyAccount(t, s)
	l, tb, q := mustLog(t, a, "l"), mustTable(t, a, "t"), mustQueue(t, a, "q", fast())
	if err := l.Append(within(t), record("before")); err != nil {
		t.Fatal(err)
	}
	witness := testAccount(t, s)
	line.mute()
	results := make(chan error, 3)
	go func() { results <- l.Append(within(t), record("a"), record("b")) }()
	go func() { _, err := tb.Create(within(t), "k", []byte("v")); results <- err }()
	go func() { results <- q.Push(within(t), Item{ID: "i"}) }()
	for _, stream := range []string{"LOG_l", "KV_t", "QUEUE_q"} {
		eventually(t, stream+" has the write", func() bool {
			st, err := witness.js.Stream(within(t), stream)
			want := uint64(1)
			if stream == "LOG_l" {
				want = 2
			}
			return err == nil && st.CachedInfo().State.LastSeq == want
		})
	}
	line.cut()
	for range 3 {
		if err := <-results; err != nil {
			t.Errorf("a write that took place failed: %v", err)
		}
	}
	if ids := readIDs(t, mustLog(t, witness, "l"), Position{}); fmt.Sprint(ids) != "[before a b]" {
		t.Errorf("log holds %v", ids)
	}
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	s := testServer(t, t.TempDir())
	a, line := flakyAccount(t, s)
	other := testAccount(t, s)
	l, tb := mustLog(t, other, "l"), mustTable(t, other, "t")
	rev, err := tb.Create(within(t), "gone", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	records, changes, ended := make(chan string, 1000), make(chan string, 100), make(chan error, 2)
	followed, watched := mustLog(t, a, "l"), mustTable(t, a, "t") // before the line fails
	go func() {
		ended <- followed.Follow(ctx, Position{}, func(e Entry) error { records <- e.ID; return nil })
	}()
	go func() { ended <- watched.Watch(ctx, "", func(c Change) { changes <- describe(c) }) }()
	expect(t, changes, "gone", "synced")
	line.mute()
	if err := tb.Delete(within(t), "gone", rev); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if i%10 == 0 {
			line.cut()
		}
		if err := l.Append(within(t), record(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		expect(t, records, fmt.Sprint(i))
	}
	expect(t, changes, "-gone")
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	}
}

// The answer tells that the server is gone, within the caller's time.
func TestServerGone(t *testing.T) {
	s, err := startTestServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := testAccount(t, s)
	l, tb := mustLog(t, a, "l"), mustTable(t, a, "t")
	q := mustQueue(t, a, "q", fast())
	l.patience = 1
	stopServer(s)
	ctx, cancel := context.WithTimeout(within(t), 200e6)
	defer cancel()
	_, get := tb.Get(ctx, "k")
	_, create := tb.Create(ctx, "k", nil)
	_, last := l.Last(ctx)
	_, list := tb.List(ctx, "")
	for what, err := range map[string]error{
		"append": l.Append(ctx, record("x")), "push": q.Push(ctx, Item{ID: "x"}), "get": get, "create": create, "last": last, "list": list,
	} {
		if hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
}
