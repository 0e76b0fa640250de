package natsbus

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/manoward/manoward/internal/hub"
)

// guarded starts a server on dir/store and opens its account under a guard.
func guarded(ctx context.Context, dir string) (*Account, *server.Server, error) {
	s, err := startTestServer(filepath.Join(dir, "store"))
	if err != nil {
		return nil, nil, err
	}
	a, err := connectTest(dialInProcess(s))
	if err != nil {
		stopServer(s)
		return nil, nil, err
	}
	a.guard = newGuard(dir, a.name, slog.New(slog.DiscardHandler))
	a.guard.every = 5 * time.Millisecond
	if err := a.guard.check(ctx, a, false); err != nil {
		a.conn.Close()
		stopServer(s)
		return nil, nil, err
	}
	return a, s, nil
}

// leave ends a guarded account as an orderly stop does.
func leave(a *Account, s *server.Server) error {
	err := a.guard.close()
	a.conn.Close()
	stopServer(s)
	return err
}

const (
	filledRecords = 30
	filledKeys    = 20
)

// fill writes a log, a table with replaced and removed keys, and a queue.
func fill(ctx context.Context, a *Account) error {
	l, err := a.Log(ctx, "l")
	if err != nil {
		return err
	}
	tb, err := a.Table(ctx, "t")
	if err != nil {
		return err
	}
	q, err := a.Queue(ctx, "q", QueueConfig{})
	if err != nil {
		return err
	}
	for i := range filledRecords {
		if err := l.Append(ctx, record(fmt.Sprint(i))); err != nil {
			return err
		}
	}
	for i := range filledKeys {
		key := fmt.Sprintf("k/%02d", i)
		rev, err := tb.Create(ctx, key, []byte("first"))
		if err == nil && i%2 == 0 {
			rev, err = tb.Update(ctx, key, []byte("second"), rev)
		}
		if err == nil && i%5 == 0 {
			err = tb.Delete(ctx, key, rev)
		}
		if err == nil {
			err = q.Push(ctx, Item{ID: key})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// whole reports what of fill's work does not read back.
func whole(ctx context.Context, a *Account) error {
	l, err := a.Log(ctx, "l")
	if err != nil {
		return err
	}
	n := 0
	for e, err := range l.Read(ctx, Position{}) {
		if err != nil {
			return err
		}
		want, _ := json.Marshal(record(fmt.Sprint(n)))
		if got, _ := json.Marshal(e.Record); string(got) != string(want) {
			return fmt.Errorf("record %d is %s", n, got)
		}
		n++
	}
	if n != filledRecords {
		return fmt.Errorf("%d records", n)
	}
	tb, err := a.Table(ctx, "t")
	if err != nil {
		return err
	}
	for i := range filledKeys {
		kv, err := tb.Get(ctx, fmt.Sprintf("k/%02d", i))
		want := "first"
		if i%2 == 0 {
			want = "second"
		}
		switch {
		case i%5 == 0:
			if hub.CodeOf(err) != hub.NotFound {
				return fmt.Errorf("removed key %d: %q, %v", i, kv.Value, err)
			}
		case err != nil || string(kv.Value) != want:
			return fmt.Errorf("key %d: %q, %v", i, kv.Value, err)
		}
	}
	return nil
}

// TestSoak_GuardDamage harms one file of a store at a time. Property: either the
// start is refused and the reason names the account, or all is there.
func TestSoak_GuardDamage(t *testing.T) {
	t.Parallel()
	samples := 20
	if os.Getenv("MANOWARD_SOAK") != "" {
		samples = 500
	}
	for _, end := range []string{"stop", "kill"} {
		t.Run(end, func(t *testing.T) {
			dir := t.TempDir()
			if end == "kill" {
				killChild(t, "fill", dir)
			} else {
				a, s, err := guarded(within(t), dir)
				if err != nil {
					t.Fatal(err)
				}
				if err := fill(within(t), a); err != nil {
					t.Fatal(err)
				}
				if err := leave(a, s); err != nil {
					t.Fatal(err)
				}
			}
			refused := 0
			for seed := range uint64(samples) {
				copied := filepath.Join(t.TempDir(), "copy")
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				what := harmOne(t, copied, rand.New(rand.NewPCG(seed, 1)))
				a, s, err := guarded(within(t), copied)
				if err != nil {
					refused++
					if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(err.Error(), "account test") {
						t.Errorf("seed %d: %s: refused without a name: %v", seed, what, err)
					}
					continue
				}
				if err := whole(within(t), a); err != nil {
					t.Errorf("seed %d: %s: started, and %v", seed, what, err)
				}
				leave(a, s)
			}
			t.Logf("%d of %d refused", refused, samples)
			if refused == 0 {
				t.Error("no damage was noticed")
			}
			a, s, err := guarded(within(t), dir)
			if err != nil {
				t.Fatalf("the store without damage is refused: %v", err)
			}
			if err := whole(within(t), a); err != nil {
				t.Errorf("the store without damage: %v", err)
			}
			leave(a, s)
		})
	}
}

// harmOne flips a bit of, truncates or deletes one file under dir.
func harmOne(t *testing.T, dir string, r *rand.Rand) string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	path := files[r.IntN(len(files))]
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, _ := filepath.Rel(dir, path)
	kind, at := r.IntN(3), r.IntN(max(len(raw), 1))
	switch {
	case kind == 0 && len(raw) > 0:
		raw[at] ^= 1 << r.IntN(8)
		err = os.WriteFile(path, raw, 0o600)
		name = fmt.Sprintf("bit flipped in %s at %d of %d", name, at, len(raw))
	case kind == 1 && len(raw) > 0:
		err = os.Truncate(path, int64(at))
		name = fmt.Sprintf("%s cut at %d of %d", name, at, len(raw))
	default:
		err = os.Remove(path)
		name += " deleted"
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// killChild runs this test binary again in a role, waits until it has printed
// "ready", kills it with SIGKILL and returns the lines it printed before.
func killChild(t *testing.T, role, dir string) []string {
	t.Helper()
	cmd := exec.CommandContext(within(t), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "NATSBUS_CHILD="+role, "NATSBUS_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	ready := false
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if scan.Text() == "ready" {
			ready = true
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			continue
		}
		lines = append(lines, scan.Text())
	}
	if err := cmd.Wait(); err == nil || !ready {
		t.Fatalf("the child ended by itself: %v, %q", err, lines)
	}
	return lines
}

// killedChild is what killChild runs: TestKilled in a process of its own, which the
// variable tells what to do.
func killedChild(t *testing.T, role string) {
	dir := os.Getenv("NATSBUS_DIR")
	a, _, err := guarded(within(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	switch role {
	case "fill":
		if err := fill(within(t), a); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the witness has all", func() bool {
			f, err := a.guard.load()
			a.guard.mu.Lock()
			defer a.guard.mu.Unlock()
			if err != nil || a.guard.dirty {
				return false
			}
			for name, w := range a.guard.streams {
				if on := f.Streams[name]; on == nil || on.Last != w.Last || on.Sum != w.Sum || on.Chain != w.Chain {
					return false
				}
			}
			return true
		})
		fmt.Println("ready")
	case "work":
		childWork(t, a)
	}
	<-within(t).Done()
}
