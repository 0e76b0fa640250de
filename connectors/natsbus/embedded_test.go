package natsbus

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestConformance_Embedded(t *testing.T) {
	b := mustOpen(t, embeddedConfig(t))
	conformance(t, func(t *testing.T) *Account { return another(t, b, "north") })
}

func TestEmbedded_RestartKeepsDomains(t *testing.T) {
	cfg := embeddedConfig(t)
	b := mustOpen(t, cfg)
	publishN(t, b.Hub(), 3)
	publishN(t, mustCreate(t, b, "north"), 5)
	publishN(t, mustCreate(t, b, "south"), 7)
	mustCreate(t, b, "never-used")
	for range 2 {
		closeBus(t, b)
		b = mustOpen(t, cfg)
		for name, want := range map[string]uint64{"north": 5, "south": 7} {
			a, err := b.Domain(testContext(t), name)
			if err != nil {
				t.Fatal(err)
			}
			if got := stored(t, a); got != want {
				t.Errorf("%s holds %d messages after restart, want %d", name, got, want)
			}
		}
		if got := stored(t, b.Hub()); got != 3 {
			t.Errorf("hub holds %d messages after restart", got)
		}
		if _, err := b.Domain(testContext(t), "never-used"); err != nil {
			t.Error(err)
		}
	}
}

func TestEmbedded_FilesAreSealedAndPrivate(t *testing.T) {
	cfg := embeddedConfig(t)
	b := mustOpen(t, cfg)
	publishN(t, mustCreate(t, b, "north"), 1)
	closeBus(t, b)
	if info, err := os.Stat(cfg.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	for _, name := range seedNames {
		if info, err := os.Stat(filepath.Join(cfg.Dir, name+".seed")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s.seed: %v", name, err)
		}
	}
	err := filepath.WalkDir(cfg.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, plain := range []string{"SO", "SA"} { // nkeys encodes seeds so, followed by 56 letters
			if i := bytes.Index(raw, []byte(plain)); i >= 0 && looksLikeSeed(raw[i:]) {
				t.Errorf("%s holds an open seed", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func looksLikeSeed(b []byte) bool {
	return len(b) >= 58 && bytes.IndexFunc(b[:58], func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '2' || r > '7') }) < 0
}

func TestEmbedded_OpensNoPort(t *testing.T) {
	b := mustOpen(t, embeddedConfig(t))
	if addr := b.embedded.server.Addr(); addr != nil {
		t.Errorf("the embedded server listens on %v", addr)
	}
}

// damage is something done to the directory of a bus that was used.
var damages = []struct {
	name string
	do   func(dir string) error
	says []string
}{
	{"seed missing", func(dir string) error { return os.Remove(filepath.Join(dir, "hub.seed")) }, []string{"damaged", "hub.seed"}},
	{"operator seed missing", func(dir string) error { return os.Remove(filepath.Join(dir, "operator.seed")) }, []string{"damaged", "operator.seed"}},
	{"seed altered", func(dir string) error { return flipLast(filepath.Join(dir, "system.seed")) }, []string{"system.seed", "unlock key"}},
	{"marker altered", func(dir string) error { return os.WriteFile(filepath.Join(dir, markerFile), []byte("{"), 0o600) }, []string{"damaged", markerFile}},
	{"marker of a newer version", func(dir string) error {
		return os.WriteFile(filepath.Join(dir, markerFile), []byte(`{"version":99}`), 0o600)
	}, []string{markerFile, "version 99"}},
	{"marker of other keys", func(dir string) error {
		return os.WriteFile(filepath.Join(dir, markerFile), []byte(`{"version":1,"hub":"A"}`), 0o600)
	}, []string{"damaged", markerFile}},
	{"marker missing", func(dir string) error { return os.Remove(filepath.Join(dir, markerFile)) }, []string{"damaged", markerFile}},
	{"store missing", func(dir string) error { return os.RemoveAll(filepath.Join(dir, storeDir)) }, []string{"damaged", storeDir}},
	{"registry missing", func(dir string) error {
		found, err := filepath.Glob(filepath.Join(dir, storeDir, streamsDir, "*", "streams", registryName))
		if err != nil || len(found) != 1 {
			return errors.Join(err, errors.New("registry stream not found"))
		}
		return os.RemoveAll(found[0])
	}, []string{"damaged"}},
	{"seeds and marker missing", func(dir string) error {
		var errs []error
		for _, f := range []string{"operator.seed", "system.seed", "hub.seed", markerFile} {
			errs = append(errs, os.Remove(filepath.Join(dir, f)))
		}
		return errors.Join(errs...)
	}, []string{"damaged", "operator.seed"}},
}

func TestEmbedded_DamageIsRefused(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			cfg := embeddedConfig(t)
			b := mustOpen(t, cfg)
			publishN(t, b.Hub(), 1)
			publishN(t, mustCreate(t, b, "north"), 1)
			closeBus(t, b)
			if err := d.do(cfg.Dir); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a refused start must not make the next one pass
				b, err := Open(testContext(t), cfg)
				if err == nil {
					closeBus(t, b)
					t.Fatal("the bus started on damaged data")
				}
				wantError(t, err, hub.Unavailable, d.says...)
				if strings.Contains(err.Error(), "nats: ") {
					t.Errorf("the words of the NATS client: %v", err)
				}
			}
		})
	}
}

func flipLast(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	raw[len(raw)-1] ^= 1
	return os.WriteFile(path, raw, 0o600)
}

func TestEmbedded_WrongUnlockKey(t *testing.T) {
	cfg := embeddedConfig(t)
	closeBus(t, mustOpen(t, cfg))
	cfg.Vault = newVault(t)
	_, err := Open(testContext(t), cfg)
	wantError(t, err, hub.Unavailable, "operator.seed", "another unlock key")
}

func TestEmbedded_CrashInFirstStart(t *testing.T) {
	t.Run("between the seeds", func(t *testing.T) {
		cfg := embeddedConfig(t)
		if _, err := openRootKeys(mkdir(t, cfg.Dir), cfg.Vault, true); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(cfg.Dir, "hub.seed")); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, cfg)
	})
	t.Run("before the marker", func(t *testing.T) {
		cfg := embeddedConfig(t)
		closeBus(t, mustOpen(t, cfg))
		if err := os.Remove(filepath.Join(cfg.Dir, markerFile)); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, cfg)
	})
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEmbedded_DirectoryThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir  string
		free func(string) (uint64, error)
		code hub.Code
		says string
	}{
		"none":                       {"", freeSpace, hub.Invalid, "needs a data directory"},
		"below a file":               {filepath.Join(file, "bus"), freeSpace, hub.Unavailable, file},
		"in a read-only file system": {"/proc/bus", freeSpace, hub.Unavailable, "/proc/bus"},
		"disk nearly full":           {t.TempDir(), func(string) (uint64, error) { return startFree - 1, nil }, hub.Unavailable, "free some space"},
		"space unknown":              {t.TempDir(), func(string) (uint64, error) { return 0, errors.New("no") }, hub.Unavailable, "how much space"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := embeddedConfig(t)
			cfg.Dir, cfg.free = c.dir, c.free
			_, err := Open(testContext(t), cfg)
			wantError(t, err, c.code, c.says)
		})
	}
}

func TestEmbedded_FatalOfTheServerIsTheError(t *testing.T) {
	cfg := embeddedConfig(t)
	mkdir(t, filepath.Join(cfg.Dir, storeDir))
	if err := os.WriteFile(filepath.Join(cfg.Dir, storeDir, streamsDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(testContext(t), cfg)
	wantError(t, err, hub.Unavailable, storeDir)
}

func TestServerLog(t *testing.T) {
	var out bytes.Buffer
	l := &serverLog{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l.Noticef("a %d", 1)
	l.Warnf("b")
	l.Errorf("c")
	l.Debugf("d")
	l.Tracef("e")
	l.Fatalf("first %s", "reason")
	l.Fatalf("second")
	for _, want := range []string{`DEBUG msg="a 1"`, "WARN msg=b", "ERROR msg=c", "DEBUG msg=d", "DEBUG msg=e", "ERROR msg=second"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &out)
		}
	}
	if got := l.fatal.Load(); got == nil || *got != "first reason" {
		t.Errorf("reason kept: %v", got)
	}
}

func TestClose(t *testing.T) {
	b := mustOpen(t, embeddedConfig(t))
	a := mustCreate(t, b, "north")
	closeBus(t, b)
	closeBus(t, b)
	if !a.conn.IsClosed() || !b.Hub().conn.IsClosed() {
		t.Error("a connection is open after Close")
	}
	wantError(t, b.Health(testContext(t)), hub.Unavailable, "closed")
	_, err := b.CreateDomain(testContext(t), "south")
	wantError(t, err, hub.Unavailable)
	_, err = b.Domain(testContext(t), "north")
	wantError(t, err, hub.Unavailable)
}

func TestClose_EndsWithItsContext(t *testing.T) {
	b := mustOpen(t, embeddedConfig(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close with an ended context: %v", err)
	}
	b.embedded.server.WaitForShutdown()
}
