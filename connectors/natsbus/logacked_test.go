package natsbus

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// What a log shows is acknowledged, but for one whose disk refused a write, until the
// restart.
func TestAcknowledged(t *testing.T) {
	t.Parallel()
	cfg, fill := fullDisk(t)
	b := mustOpen(t, cfg)
	l := mustLog(t, mustCreate(t, b, "north"), "l")
	if err := l.Append(testContext(t), record("before")); err != nil {
		t.Fatal(err)
	}
	if err := l.Acknowledged(); err != nil {
		t.Errorf("before the disk was full: %v", err)
	}
	makeRoom := fill()
	refusedSoon(t, "append", func() error {
		large := record(hub.NewID())
		large.Data = []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
		return l.Append(testContext(t), large)
	})
	if err := l.Acknowledged(); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("after the disk refused a record: %v; want unavailable", err)
	}
	makeRoom()
	closeBus(t, b)
	b = mustOpen(t, cfg)
	a, err := b.Domain(testContext(t), "north")
	if err != nil {
		t.Fatal(err)
	}
	if err := mustLog(t, a, "l").Acknowledged(); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}
