package wire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Which directory of packages is the hub's is a value beside the leases, and a file
// in that directory. Both names are part of the stored format.
const (
	packagesKey  = "packages"
	packagesFile = "PACKAGES"
)

// packagesDir is where the content of packages is.
func (h *hubProcess) packagesDir() string {
	if dir := h.cfg.Packages.Dir; dir != "" {
		return dir
	}
	return h.dir.file("catalogue")
}

// checkPackages refuses a process with the role nfvo whose directory of packages is
// not that of the hub's other processes: it would find every package's content
// missing when it takes over, and tell that they were altered. The first process
// makes its directory the hub's.
func (h *hubProcess) checkPackages(ctx context.Context, table state.Table) error {
	if !h.has("nfvo") {
		return nil
	}
	const op = "open packages"
	dir := h.packagesDir()
	here, err := identityOfPackages(dir)
	if err != nil {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the directory of packages %s cannot be used; see that it is mounted and writable", dir), err)
	}
	_, err = table.Create(ctx, packagesKey, []byte(here))
	if hub.CodeOf(err) != hub.Conflict {
		return err
	}
	known, _, err := table.Get(ctx, packagesKey)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if string(known) != here {
		return hub.E(hub.Invalid, op, fmt.Sprintf("the packages of this hub are not in %s: a process with the role nfvo was started with another directory; give all of them the same one, on a file system that they share, with packages.dir; if it is that one, restored without its file %s, write %s into that file", dir, packagesFile, known), nil)
	}
	return nil
}

// identityOfPackages returns the ID of a directory of packages, which is drawn when
// it is first asked for. Of two processes that draw one, the first to write has it.
func identityOfPackages(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, packagesFile)
	drawn := filepath.Join(dir, hub.NewID()+".part")
	if err := durable.WriteFile(drawn, []byte(hub.NewID()+"\n"), 0o600); err != nil {
		return "", err
	}
	err := os.Link(drawn, path) // fails when it is there, and is all there when it does not
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", errors.Join(err, durable.Remove(drawn))
	}
	if err := durable.Remove(drawn); err != nil { // and the directory is synced
		return "", err
	}
	raw, err := os.ReadFile(path)
	return strings.TrimSpace(string(raw)), err
}
