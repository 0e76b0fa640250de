package natsbus

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// A log that lost a block in its middle can be read up to there and is never
// appended to. Once it is closed the bus starts without accepting damage, what is
// left of it is read, and a log of another name takes its place.
func TestCloseLog(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	cfg := embeddedConfig(t)
	b := mustOpen(t, cfg)
	l := mustLog(t, mustCreate(t, b, "north"), "l")
	const records = 3 * blockRecords
	for i := range records {
		if err := l.Append(ctx, large(i)); err != nil {
			t.Fatal(err)
		}
	}
	closeBus(t, b)
	if err := os.Remove(filepath.Join(filepath.Dir(indexOf(t, cfg, "l")), "2.blk")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, cfg)
	wantError(t, err, hub.Unavailable, "the data of account north is damaged")
	cfg.AcceptDamage = true
	b = mustOpen(t, cfg)
	a := mustCreate(t, b, "north")
	if err := mustLog(t, a, "l").Append(ctx, record("next")); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("Append to a log with a hole: %v; want unavailable", err)
	}
	for range 2 {
		if err := a.CloseLog(ctx, "l"); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.CloseLog(ctx, "none"); err != nil {
		t.Errorf("closing what is not there: %v", err)
	}
	closeBus(t, b)
	cfg.AcceptDamage = false
	for range 2 {
		b = mustOpen(t, cfg)
		a = mustCreate(t, b, "north")
		left := map[uint64]bool{}
		if err := mustLog(t, a, "l").ReadBatches(ctx, 0, func(b Batch) error { left[b.Sequence] = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if !left[1] || left[blockRecords+2] || !left[records] {
			t.Errorf("messages %v are left; want the first and the last, and a hole", left)
		}
		if err := mustLog(t, a, "m").Append(ctx, record("next")); err != nil {
			t.Error(err)
		}
		closeBus(t, b)
	}
}

// The server takes nothing into a log that was whole when it was closed.
func TestCloseLog_Whole(t *testing.T) {
	ctx := testContext(t)
	b := mustOpen(t, embeddedConfig(t))
	a := mustCreate(t, b, "north")
	l := mustLog(t, a, "l")
	if err := l.Append(ctx, record("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Table(ctx, "t"); err != nil {
		t.Fatal(err)
	}
	if err := a.CloseLog(ctx, "l"); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ctx, record("b")); err == nil {
		t.Error("a closed log took a record")
	}
	if got := readIDs(t, l, Position{}); len(got) != 1 || got[0] != "a" {
		t.Errorf("the log holds %v", got)
	}
	wantError(t, a.CloseLog(ctx, "no.name"), hub.Invalid)
}
