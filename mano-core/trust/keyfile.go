package trust

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
	"github.com/manoward/manoward/internal/vault"
)

// keyFiles keeps the keys of a trust domain in files of one directory, which one
// process owns.
type keyFiles struct{ dir string }

// OpenFileKeys opens, and makes if need be, the key directory of a domain. It must
// belong to this process alone.
func OpenFileKeys(dir, domain string, v *vault.Vault) (*SealedKeys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, hub.E(hub.Unavailable, "make key directory of trust domain "+domain, fmt.Sprintf("key directory %s cannot be made; see that the disk is not full and that the data directory is writable", dir), err)
	}
	if err := durable.SyncDir(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	return newSealedKeys(keyFiles{dir}, domain, v), nil
}

func (k keyFiles) path(label string) string {
	// A label is made of names without "." or "_" before its last part, and "/".
	return filepath.Join(k.dir, strings.ReplaceAll(label, "/", "_")+".key")
}

func (k keyFiles) name(label string) string { return "key file " + k.path(label) }

func (k keyFiles) check(label string) error {
	if _, err := os.Stat(k.path(label)); err != nil {
		return hub.E(hub.Unavailable, "check CA keys", k.name(label)+" is missing; restore it", err)
	}
	return nil
}

func (k keyFiles) read(_ context.Context, label string) ([]byte, error) {
	blob, err := os.ReadFile(k.path(label))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.E(hub.NotFound, "open CA key", k.name(label)+" is missing; restore it", nil)
	}
	if err != nil {
		return nil, fmt.Errorf("open CA key %s: %w", label, err)
	}
	return blob, nil
}

func (k keyFiles) create(_ context.Context, label string, blob []byte) error {
	if _, err := os.Stat(k.path(label)); err == nil {
		return hub.E(hub.Conflict, "keep CA key", k.name(label)+" is there", nil)
	}
	if err := durable.WriteFile(k.path(label), blob, 0o600); err != nil {
		return hub.E(hub.Unavailable, "keep CA key "+label, fmt.Sprintf("key file %s cannot be written; see that the disk is not full and that its directory is writable", k.path(label)), err)
	}
	return nil
}

func (k keyFiles) remove(_ context.Context, label string) error { return durable.Remove(k.path(label)) }
