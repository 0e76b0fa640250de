package wire

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// The first process with the role nfvo makes its directory of packages the hub's;
// one on another directory is refused, also one that begins at the same time.
func TestCheckPackages(t *testing.T) {
	table, err := new(memstate.Bus).Open(t.Context(), "hub", leaseTable)
	if err != nil {
		t.Fatal(err)
	}
	process := func(dir, role string) *hubProcess {
		return &hubProcess{cfg: &config.Config{Packages: config.Packages{Dir: dir}}, roles: []string{role}}
	}
	shared, own := filepath.Join(t.TempDir(), "packages"), filepath.Join(t.TempDir(), "packages")
	var start sync.WaitGroup
	for range 8 {
		start.Go(func() {
			if err := process(shared, "nfvo").checkPackages(t.Context(), table); err != nil {
				t.Error(err)
			}
		})
	}
	start.Wait()
	err = process(own, "nfvo").checkPackages(t.Context(), table)
	if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "packages.dir") {
		t.Errorf("another directory: %v", err)
	}
	if err := process(own, "vnfm").checkPackages(t.Context(), table); err != nil {
		t.Errorf("a role without packages: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := process(file, "nfvo").checkPackages(t.Context(), table); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a directory that cannot be used: %v", err)
	}
	left, err := os.ReadDir(shared)
	if err != nil || len(left) != 1 || left[0].Name() != packagesFile {
		t.Errorf("the directory holds %v, %v", left, err)
	}
	if dir := (&hubProcess{cfg: &config.Config{}, dir: &dataDir{path: "/data"}}).packagesDir(); dir != "/data/catalogue" {
		t.Errorf("without a setting packages are in %s", dir)
	}
}
