package natsbus

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// Many trust domains are opened at the same time at a start: all are there, and
// what is wrong with one of them is the error.
func TestEmbedded_RestoresManyDomains(t *testing.T) {
	t.Parallel()
	cfg := embeddedConfig(t)
	b := mustOpen(t, cfg)
	const domains = 3 * restoreAtOnce
	for i := range domains {
		publishN(t, mustCreate(t, b, fmt.Sprintf("d%d", i)), 1)
	}
	closeBus(t, b)
	b = mustOpen(t, cfg)
	if len(b.open) != domains {
		t.Errorf("%d of %d accounts are open", len(b.open), domains)
	}
	for name, d := range b.open {
		if got := stored(t, d.account); got != 1 {
			t.Errorf("%s holds %d messages", name, got)
		}
	}
	mustLog(t, b.open["d7"].account, "l")
	closeBus(t, b)

	if err := os.Remove(filepath.Join(cfg.Dir, witnessDir, "d7.witness")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(testContext(t), cfg)
	wantError(t, err, hub.Unavailable, "account d7", "restore the data directory from a backup")
}
