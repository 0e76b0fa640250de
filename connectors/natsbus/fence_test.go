package natsbus

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

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
