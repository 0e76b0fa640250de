package natsbus

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestGuard_Witness(t *testing.T) {
	dir := t.TempDir()
	a, s, err := guarded(within(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(within(t), a); err != nil {
		t.Fatal(err)
	}
	if err := a.js.DeleteStream(within(t), "KV_t"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Table(within(t), "t"); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "KV_t is gone") {
		t.Errorf("a table that vanished is made anew: %v", err)
	}
	leave(a, s)
	if _, _, err := guarded(within(t), dir); err == nil || !strings.Contains(hub.SafeText(err), "KV_t is gone") {
		t.Errorf("started without a table: %v", err)
	}
	path := filepath.Join(dir, "test.witness")
	for what, content := range map[string]string{"is changed": "{}\n", "is missing": "", "is of another account": "other"} {
		os.Remove(path)
		switch content {
		case "":
		case "other":
			g := newGuard(dir, "other", a.log)
			g.path = path
			if err := g.save(true); err != nil {
				t.Fatal(err)
			}
		default:
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := guarded(within(t), dir); err == nil || !strings.Contains(hub.SafeText(err), path) {
			t.Errorf("witness %s: %v", what, err)
		}
	}

	s = testServer(t, filepath.Join(dir, "store"))
	b := testAccount(t, s)
	b.guard = newGuard(dir, b.name, b.log)
	if err := b.guard.check(within(t), b, true); err != nil {
		t.Fatalf("an operator accepts what is there: %v", err)
	}
	if ids := readIDs(t, mustLog(t, b, "l"), Position{}); len(ids) != filledRecords {
		t.Errorf("%d records", len(ids))
	}
	if err := b.guard.close(); err != nil {
		t.Fatal(err)
	}
	if err := newGuard(dir, b.name, b.log).check(within(t), testAccount(t, s), false); err != nil {
		t.Errorf("after acceptance: %v", err)
	}
	if err := b.guard.remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the witness of an account that is no more is there: %v", err)
	}
}

// After a crash, while a table is read in the background: what was written after the witness
// and is replaced before it is read no longer says what it had replaced itself. That is
// no damage.
func TestGuard_ReplacedTwiceWhileRead(t *testing.T) {
	a := testAccount(t, testServer(t, t.TempDir()))
	tb := mustTable(t, a, "t")
	put := func(revision uint64) uint64 {
		t.Helper()
		revision, err := tb.Update(within(t), "k", nil, revision)
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	first, err := tb.Create(within(t), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := tb.Create(within(t), "other", nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := mark("$KV.t.k", first) + mark("$KV.t.other", other) // the witness, and then
	last := put(first)
	stream, err := a.js.Stream(within(t), "KV_t")
	if err != nil {
		t.Fatal(err)
	}
	a.guard = newGuard(t.TempDir(), a.name, a.log)
	in := &inspection{guard: a.guard, account: a, name: "KV_t", stream: stream, old: witness{Class: classTable, Last: other, Sum: sum}}
	if more, err := in.first(within(t), false); err != nil || !more {
		t.Fatalf("the table is not read in the background: %v, %v", more, err)
	}
	last = put(last)
	if err := in.all(within(t)); err != nil {
		t.Errorf("false alarm: %v", err)
	}
	put(last)
	w := a.guard.streams["KV_t"]
	if want := mark("$KV.t.k", last+1) + mark("$KV.t.other", other); w.Last != last+1 || w.Sum != want {
		t.Errorf("the witness is at message %d with sum %x, want %d with %x", w.Last, w.Sum, last+1, want)
	}
}

// What is too large to be read at start is read while the account is in use.
func TestGuard_Background(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, s, err := guarded(within(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	tb := mustTable(t, a, "t")
	const keys = checkMessages + 500
	revs := make([]uint64, keys)
	g := make(chan int, keys)
	for i := range keys {
		g <- i
	}
	close(g)
	done := make(chan error)
	for range 16 {
		go func() {
			for i := range g {
				var err error
				if revs[i], err = tb.Create(within(t), fmt.Sprintf("k/%d", i), nil); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := leave(a, s); err != nil {
		t.Fatal(err)
	}

	// In use while it is read: no false alarm.
	if a, s, err = guarded(within(t), dir); err != nil {
		t.Fatal(err)
	}
	scrubbing := func() bool {
		a.guard.mu.Lock()
		defer a.guard.mu.Unlock()
		return a.guard.streams["KV_t"].scrub != nil
	}
	if !scrubbing() {
		t.Error("nothing is read in the background")
	}
	tb = mustTable(t, a, "t")
	for i := 0; scrubbing() || i < 50; i++ {
		n := keys - 1 - i // from the end, where the reading comes last
		if _, err := tb.Update(within(t), fmt.Sprintf("k/%d", n), nil, revs[n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.guard.Damaged(); err != nil {
		t.Errorf("false alarm: %v", err)
	}
	if err := leave(a, s); err != nil {
		t.Fatal(err)
	}

	// Damage in the oldest block, behind what is read at start.
	path := filepath.Join(dir, "store/jetstream/$G/streams/KV_t/msgs/1.blk")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[200] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	a, s, err = guarded(within(t), dir)
	if err != nil {
		return // noticed even earlier
	}
	defer leave(a, s)
	eventually(t, "the damage is found", func() bool { return a.guard.Damaged() != nil })
	if _, err := a.Log(within(t), "fresh"); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("opened a damaged account: %v", err)
	}
}
