package natsbus

import (
	"context"
	"os"
	"path/filepath"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// witnessDir holds, below the bus's directory, what each account must hold. The
// file of an account that was never opened does not exist.
const witnessDir = "witness"

// guardAccount compares an account of the embedded store with its witness and
// begins to keep it. An external cluster guards itself.
func (b *Bus) guardAccount(ctx context.Context, a *Account) error {
	if b.embedded == nil {
		return nil
	}
	dir := filepath.Join(b.cfg.Dir, witnessDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hub.E(hub.Unavailable, "open bus account", "cannot write to "+dir+"; see that the disk is not full and the directory writable", err)
	}
	if err := durable.SyncDir(b.cfg.Dir); err != nil {
		return hub.E(hub.Unavailable, "open bus account", "cannot write to "+b.cfg.Dir+"; see that the disk is not full and the directory writable", err)
	}
	a.guard = newGuard(dir, a.name, a.log)
	return a.guard.check(ctx, a, b.cfg.AcceptDamage)
}

// forgetWitness removes the witness of a trust domain that is being deleted.
func (b *Bus) forgetWitness(name string) error {
	if b.embedded == nil {
		return nil
	}
	path := newGuard(filepath.Join(b.cfg.Dir, witnessDir), name, b.log).path
	if err := durable.Remove(path); err != nil {
		return hub.E(hub.Unavailable, "delete bus account", "cannot remove "+path+"; see that the data directory is writable, then delete again", err)
	}
	return nil
}
