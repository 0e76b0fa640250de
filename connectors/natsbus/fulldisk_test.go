package natsbus

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/manoward/manoward/internal/hub"
)

// fullDisk opens a bus on a small file system; fill takes all its room, and
// returns what gives it back.
func fullDisk(t *testing.T) (cfg Config, fill func() (makeRoom func())) {
	t.Helper()
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=100m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return Config{Name: "test-hub", Dir: filepath.Join(disk, "bus"), Vault: newVault(t)}, func() func() {
		path := filepath.Join(disk, "fill")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for size := 1 << 20; size > 0; size /= 2 { // to the last byte
			for buf := make([]byte, size); err == nil; {
				_, err = f.Write(buf)
			}
			err = nil
		}
		return func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// refusedSoon calls write until it is refused, and returns the refusal, which
// must come soon.
func refusedSoon(t *testing.T, what string, write func() error) error {
	t.Helper()
	for range 100 { // the first ones may find a place in what the disk had given already
		begun := time.Now()
		err := write()
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("%s: answered after %v: %v", what, took, err)
		}
		if err != nil {
			t.Logf("%s: %v, %s", what, time.Since(begun).Round(time.Millisecond), hub.SafeText(err))
			return err
		}
	}
	t.Fatalf("%s: a full disk took everything", what)
	return nil
}

// A full disk is named at once by every write. Nothing that was acknowledged is
// lost, and what was not may be repeated after a restart with room.
//
// "Must hold" of issue 2: a full disk.
func TestFullDisk_WritesFailFast(t *testing.T) {
	t.Parallel()
	cfg, fill := fullDisk(t)
	b := mustOpen(t, cfg)
	a := mustCreate(t, b, "north")
	l, tb, q := mustLog(t, a, "l"), mustTable(t, a, "t"), mustQueue(t, a, "q", fast())
	if err := l.Append(testContext(t), record("before")); err != nil {
		t.Fatal(err)
	}
	makeRoom := fill()
	large := strings.Repeat("x", 8000)
	var kept []string
	var last hub.Record
	writes := map[string]func() error{
		"append": func() error {
			last = record(hub.NewID())
			last.Subject = large
			err := l.Append(testContext(t), last)
			if err == nil {
				kept = append(kept, last.ID)
			}
			return err
		},
		"create": func() error { _, err := tb.Create(testContext(t), hub.NewID(), []byte(large)); return err },
		"push":   func() error { return q.Push(testContext(t), Item{ID: hub.NewID(), Data: []byte(large)}) },
	}
	for what, write := range writes {
		err := refusedSoon(t, what, write)
		wantError(t, err, hub.Unavailable, "disk full", "free some space and restart", "ask again")
		if !errors.Is(err, errUnacknowledged) {
			t.Errorf("%s: a write that was sent counts as never sent: %v", what, err)
		}
		err = refusedSoon(t, what+" again", write)
		wantError(t, err, hub.Unavailable, "disk full", "free some space and restart")
		if errors.Is(err, errUnacknowledged) {
			t.Errorf("%s: sent to a stream that is known to be unwritable: %v", what, err)
		}
	}
	makeRoom()
	wantError(t, refusedSoon(t, "append with room", writes["append"]), hub.Unavailable, "LOG_l", "restart")
	wantError(t, b.Health(testContext(t)), hub.Unavailable, "takes nothing since a write", "then restart")
	closeBus(t, b)

	b = mustOpen(t, cfg)
	a, err := b.Domain(testContext(t), "north")
	if err != nil {
		t.Fatal(err)
	}
	l = mustLog(t, a, "l")
	if err := l.Append(testContext(t), last); err != nil {
		t.Errorf("the refused record, repeated: %v", err)
	}
	ids := strings.Join(readIDs(t, l, Position{}), " ")
	for _, id := range append(kept, "before", last.ID) {
		if strings.Count(ids, id) != 1 {
			t.Errorf("record %s is there %d times", id, strings.Count(ids, id))
		}
	}
	if err := b.Health(testContext(t)); err != nil {
		t.Error(err)
	}
}

// A trust domain is refused before anything of it is stored, with the disk as
// the reason, and can be made when there is room.
func TestFullDisk_CreateDomain(t *testing.T) {
	cfg := embeddedConfig(t)
	free := uint64(1 << 40)
	cfg.free = func(string) (uint64, error) { return free, nil }
	b := mustOpen(t, cfg)
	free = 3 << 20
	_, err := b.CreateDomain(testContext(t), "north")
	wantError(t, err, hub.Unavailable, "disk full: "+cfg.Dir+" has 3 MiB free; free some space and try again")
	if names, err := b.Domains(testContext(t)); err != nil || len(names) != 0 {
		t.Errorf("a refused domain is there: %v, %v", names, err)
	}
	free = 1 << 40
	mustCreate(t, b, "north")
}

// The directory of the account JWTs cannot be written: the answer names it, or
// the full disk, and not the operator's key.
func TestCreateDomain_JWTNotWritten(t *testing.T) {
	cfg := embeddedConfig(t)
	free := uint64(1 << 40)
	cfg.free = func(string) (uint64, error) { return free, nil }
	b := mustOpen(t, cfg)
	mustCreate(t, b, "north")
	dir := filepath.Join(cfg.Dir, jwtDir)
	if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := b.CreateDomain(testContext(t), "north")
	wantError(t, err, hub.Unavailable, "cannot write to "+dir)
	free = 0
	_, err = b.CreateDomain(testContext(t), "north")
	wantError(t, err, hub.Unavailable, "disk full")
	var refused *resolverError
	if strings.Contains(err.Error(), "operator key") || !errors.As(err, &refused) {
		t.Errorf("the cause: %v", err)
	}
}
