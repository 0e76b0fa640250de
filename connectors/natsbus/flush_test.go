package natsbus

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A witness that cannot be written is logged once, and once when it can be
// again.
func TestGuard_FlushLogsOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "witness") // not there yet
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		g := newGuard(dir, "north", slog.New(slog.NewTextHandler(&out, nil)))
		g.dirty = true
		g.finished.Go(func() { g.flush(t.Context()) })
		said := func(failed, again int) {
			t.Helper()
			time.Sleep(10 * g.every)
			synctest.Wait()
			g.mu.Lock() // orders this read before what flush logs next
			defer g.mu.Unlock()
			if strings.Count(out.String(), "cannot be written") != failed || strings.Count(out.String(), "written again") != again {
				t.Errorf("want %d failures and %d ends:\n%s", failed, again, &out)
			}
		}
		said(1, 0)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		said(1, 1)
		if _, err := os.Stat(g.path); err != nil {
			t.Error(err)
		}
	})
}
