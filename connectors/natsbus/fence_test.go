package natsbus

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/hub"
)

// A process that may have been succeeded writes to no log, table or queue, and
// removes nothing from a queue; what it reads goes on, and so does what is exempt.
// When the fence is gone it writes again.
func TestFence(t *testing.T) {
	var fenced atomic.Bool
	refusal := hub.E(hub.Unavailable, "write", "another process has the role", nil)
	cfg := embeddedConfig(t)
	cfg.Fence = func() error {
		if fenced.Load() {
			return refusal
		}
		return nil
	}
	b := mustOpen(t, cfg)
	ctx := testContext(t)
	a := mustCreate(t, b, "north")
	table, err := a.Table(ctx, "THINGS")
	if err != nil {
		t.Fatal(err)
	}
	free, err := a.Unfenced().Table(ctx, "THINGS")
	if err != nil {
		t.Fatal(err)
	}
	log, err := a.Log(ctx, "RECORDS")
	if err != nil {
		t.Fatal(err)
	}
	queue, err := a.Queue(ctx, "WORK", QueueConfig{})
	if err != nil {
		t.Fatal(err)
	}
	rev, err := table.Create(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := queue.Push(ctx, Item{ID: "first", Key: "k"}); err != nil {
		t.Fatal(err)
	}

	fenced.Store(true)
	record := hub.Record{ID: hub.NewID(), Kind: "test", Time: time.Now()}
	for what, write := range map[string]func() error{
		"create": func() error { _, err := table.Create(ctx, "b", nil); return err },
		"update": func() error { _, err := table.Update(ctx, "a", nil, rev); return err },
		"delete": func() error { return table.Delete(ctx, "a", rev) },
		"append": func() error { return log.Append(ctx, record) },
		"push":   func() error { return queue.Push(ctx, Item{ID: "second"}) },
	} {
		if err := write(); hub.CodeOf(err) != hub.Unavailable || hub.SafeText(err) != refusal.Text {
			t.Errorf("%s behind the fence: %v", what, err)
		}
	}
	if kv, err := table.Get(ctx, "a"); err != nil || string(kv.Value) != "1" {
		t.Errorf("read behind the fence: %q, %v", kv.Value, err)
	}
	if _, err := free.Create(ctx, "c", nil); err != nil {
		t.Errorf("a write that is exempt: %v", err)
	}
	if err := queue.remove(ctx, queue.subject(stateReady, Item{ID: "first", Key: "k"}), 1); hub.SafeText(err) != refusal.Text {
		t.Errorf("removal behind the fence: %v", err)
	}
	if n, err := queue.Waiting(ctx); err != nil || n != 1 {
		t.Errorf("%d items wait, %v; want the one that was pushed before", n, err)
	}

	fenced.Store(false)
	if err := log.Append(ctx, record); err != nil {
		t.Errorf("append without the fence: %v", err)
	}
	handled := make(chan string, 1)
	work, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_ = queue.Consume(work, func(_ context.Context, it Item) error { handled <- it.ID; return nil })
	}()
	select {
	case id := <-handled:
		if id != "first" {
			t.Errorf("item %q is handled, want the first", id)
		}
	case <-ctx.Done():
		t.Error("nothing is handled")
	}
}

// What is to be written while the connection is away is not left in the client's
// buffer, from where it would reach the servers after another process has begun: the
// fence is asked when the connection is there again.
func TestFence_LateWrite(t *testing.T) {
	t.Parallel()
	s := testServer(t, t.TempDir())
	var away atomic.Bool
	line := &flakyLine{dial: func() (net.Conn, error) {
		if away.Load() {
			return nil, errors.New("no way to the server")
		}
		return s.InProcessConn()
	}}
	a, err := connectTest(line.connect)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.conn.Close)
	tb := mustTable(t, a, "t")
	rev, err := tb.Create(within(t), "k", []byte("early"))
	if err != nil {
		t.Fatal(err)
	}
	refusal := hub.E(hub.Unavailable, "write", "another process has the role", nil)
	a.fence = func() error { // ends the right to write while nothing is reached
		if a.conn.IsConnected() {
			return refusal
		}
		return nil
	}
	sending := make(chan struct{})
	a.trace.Inject = func(context.Context, func(string, string)) { close(sending) }
	away.Store(true)
	line.cut()
	eventually(t, "the connection is away", func() bool { return !a.conn.IsConnected() })
	written := make(chan error, 1)
	go func() {
		_, err := tb.Update(within(t), "k", []byte("late"), rev)
		written <- err
	}()
	<-sending
	away.Store(false)
	if err := <-written; hub.SafeText(err) != refusal.Text {
		t.Errorf("a write from before: %v", err)
	}
	a.trace.Inject = nil
	if kv, err := tb.Get(within(t), "k"); err != nil || string(kv.Value) != "early" {
		t.Errorf("the table holds %q, %v", kv.Value, err)
	}
	a.conn.Close()
	if err := a.connected(within(t)); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("on a closed connection: %v", err)
	}
}
