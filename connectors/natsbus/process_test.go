package natsbus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// The test binary runs itself as a process that may be killed: the variable
// names what it does, the next one the directory.
const (
	childRole = "NATSBUS_TEST_CHILD"
	childDir  = "NATSBUS_TEST_DIR"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		if err := child(role, os.Getenv(childDir)); err != nil {
			fmt.Println("failed:", hub.SafeText(err), err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(role, dir string) error {
	v, err := vault.Open(filepath.Join(dir, "unlock.key"))
	if err != nil {
		return err
	}
	if role == "limited" {
		if err := limitFiles(); err != nil {
			return err
		}
	}
	ctx := context.Background()
	begun := time.Now()
	b, err := Open(ctx, Config{Name: "child", Dir: filepath.Join(dir, "bus"), Vault: v})
	if err != nil {
		return err
	}
	switch role {
	case "write":
		return childWrites(ctx, b)
	case "idle":
		return errors.Join(childIdles(time.Since(begun)), b.Close(ctx))
	case "limited", "full":
		return childFills(ctx, b)
	}
	return fmt.Errorf("unknown role %q", role)
}

// childWrites makes domains and appends to them, and tells what was
// acknowledged, until it is killed.
func childWrites(ctx context.Context, b *Bus) error {
	for i := 0; ; i++ {
		name := fmt.Sprintf("d%d", i)
		a, err := b.CreateDomain(ctx, name)
		if err != nil {
			return err
		}
		fmt.Println("domain", name)
		if i%2 == 1 { // every second one is never used
			continue
		}
		if _, err := a.js.CreateStream(ctx, jetstream.StreamConfig{Name: "DATA", Subjects: []string{"data"}}); err != nil {
			return err
		}
		for range 3 {
			if _, err := a.js.Publish(ctx, "data", []byte("x")); err != nil {
				return err
			}
			fmt.Println("append", name)
		}
		if i%5 == 4 {
			fmt.Println("deleting", name)
			if err := b.DeleteDomain(ctx, name); err != nil {
				return err
			}
			fmt.Println("deleted", name)
		}
	}
}

// childFills appends until it is refused, and reports how.
func childFills(ctx context.Context, b *Bus) error {
	a, err := b.CreateDomain(ctx, "north")
	if err != nil {
		return err
	}
	if _, err := a.js.CreateStream(ctx, jetstream.StreamConfig{Name: "DATA", Subjects: []string{"data"}}); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if _, err := a.js.Publish(ctx, "data", make([]byte, 256<<10)); err != nil {
			fmt.Println("acknowledged", n)
			fmt.Println("refused", hub.CodeOf(busError("append", err)))
			break
		}
	}
	fmt.Println("health", hub.CodeOf(b.Health(ctx)), hub.SafeText(b.Health(ctx)))
	return b.Close(ctx)
}

// limitFiles makes the kernel refuse to write files beyond a size, as a full
// disk does, without needing to be root.
func limitFiles() error {
	limit := unix.Rlimit{Cur: 4 << 20, Max: 4 << 20}
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &limit)
}

// runChild starts this test binary in a role.
func runChild(t *testing.T, role, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// What was acknowledged before kill -9 is there after it: domains, also those
// never used, and what was appended to them.
func TestCrash_KeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	for _, lines := range []int{1, 2, 7, 12, 16, 17, 18, 60} {
		t.Run(fmt.Sprint(lines), func(t *testing.T) {
			dir := t.TempDir()
			v := childDirWithKey(t, dir)
			cmd, out := runChild(t, "write", dir)
			appended := map[string]uint64{} // by domain that must be there
			leaving := ""                   // may be there or not
			read := 0
			for ; out.Scan(); read++ { // what it said until it died counts, not only what was asked for
				switch what, name, _ := strings.Cut(out.Text(), " "); what {
				case "domain":
					appended[name] = 0
				case "append":
					appended[name]++
				case "deleting":
					leaving = name
					delete(appended, name)
				case "deleted":
				default:
					t.Fatalf("the child says %q", out.Text())
				}
				if read+1 == lines {
					if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
				}
			}
			if read < lines {
				t.Fatal("the child ended by itself")
			}
			cmd.Wait() // says that it was killed
			b := mustOpen(t, Config{Name: "child", Dir: filepath.Join(dir, "bus"), Vault: v})
			for name, want := range appended {
				a, err := b.Domain(testContext(t), name)
				if err != nil {
					t.Errorf("domain %s: %v", name, err)
				} else if want > 0 && stored(t, a) < want {
					t.Errorf("domain %s holds %d messages, %d were acknowledged", name, stored(t, a), want)
				}
			}
			names, err := b.Domains(testContext(t))
			if err != nil || len(names) < len(appended) {
				t.Errorf("domains %v (%s was leaving), %v", names, leaving, err)
			}
		})
	}
}

func wantFull(t *testing.T, out *bufio.Scanner, refused, health string) {
	t.Helper()
	said := map[string]string{}
	for out.Scan() {
		what, rest, _ := strings.Cut(out.Text(), " ")
		said[what] = rest
	}
	if said["acknowledged"] == "" || said["acknowledged"] == "0" {
		t.Fatalf("nothing was stored first: %v", said)
	}
	if said["refused"] != refused || !strings.Contains(said["health"], health) {
		t.Errorf("full disk: %v", said)
	}
}

func childDirWithKey(t *testing.T, dir string) *vault.Vault {
	t.Helper()
	v, err := newVaultIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFullDisk_AppendIsRefusedAndHealthSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	childDirWithKey(t, dir)
	_, out := runChild(t, "limited", dir)
	wantFull(t, out, string(hub.Unavailable), string(hub.Unavailable))
}

// The same on a file system that is really full.
func TestFullDisk_Tmpfs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=80m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	v := childDirWithKey(t, dir)
	_, out := runChild(t, "full", dir)
	wantFull(t, out, string(hub.Unavailable), "disk full")
	_, err := Open(testContext(t), Config{Name: "child", Dir: filepath.Join(dir, "bus"), Vault: v})
	wantError(t, err, hub.Unavailable, "free some space")
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY, "size=1m"); err != nil {
		t.Skipf("mounting a read-only file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	_, err := Open(testContext(t), Config{Name: "child", Dir: dir, Vault: newVault(t)})
	wantError(t, err, hub.Unavailable, dir, "read-only")
}
