package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/backup"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
)

const unlockFile = "unlock.key"

// Backup writes the data directory of a hub that does not run to an archive, under
// the lock of the directory.
func Backup(ctx context.Context, cfg *config.Config, opts cli.BackupOptions, to io.Writer) (cli.Backup, error) {
	unlock, err := holdStopped(cfg.DataDir)
	if err != nil {
		return cli.Backup{}, err
	}
	defer unlock()
	o := backup.Options{Program: opts.Program, Made: time.Now()}
	if opts.WithoutUnlockKey {
		// The context holds a key in the clear, and is made anew at a start.
		o.Without = []string{unlockFile, contextFile}
	}
	m, err := backup.Pack(ctx, to, cfg.DataDir, o)
	if err != nil {
		return cli.Backup{}, err
	}
	return told(m), nil
}

// holdStopped takes the lock of a used data directory, which it does not change: it
// may be a snapshot that is mounted read-only.
func holdStopped(dir string) (unlock func(), err error) {
	raw, err := os.ReadFile(filepath.Join(dir, "FORMAT"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hub.E(hub.NotFound, opDataDir, fmt.Sprintf("%s is no data directory of manoward: it has no file FORMAT; name one with --data", dir), nil)
	case err != nil:
		return nil, hub.E(hub.Unavailable, opDataDir, fmt.Sprintf("%s cannot be read; run this as the user that the hub runs as", filepath.Join(dir, "FORMAT")), err)
	case !isRead(string(raw)):
		return nil, foreignFormat(dir, string(raw))
	}
	lock, err := os.Open(filepath.Join(dir, "lock"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return func() {}, nil // a running hub has one
	case err != nil:
		return nil, hub.E(hub.Unavailable, opDataDir, fmt.Sprintf("%s cannot be read; run this as the user that the hub runs as", filepath.Join(dir, "lock")), err)
	}
	if err := takeLock(lock, dir); err != nil {
		if hub.CodeOf(err) != hub.Conflict {
			return nil, err
		}
		return nil, hub.E(hub.Conflict, opDataDir, fmt.Sprintf("a hub runs on %s, and what changes while it is read is no backup; stop it, or name a snapshot of its file system with --data", dir), nil)
	}
	return func() { lock.Close() }, nil
}

// Restore makes the data directory of an archive, which must be empty or not there.
func Restore(ctx context.Context, cfg *config.Config, from io.Reader) (cli.Backup, error) {
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return cli.Backup{}, err
	}
	made, err := makeTarget(dir)
	if err != nil {
		return cli.Backup{}, err
	}
	b, err := restoreInto(ctx, dir, from)
	if err != nil && made && !backup.CutOff(dir) {
		_ = errors.Join(os.Remove(filepath.Join(dir, "lock")), os.Remove(dir)) // as it was; an empty directory does no harm
	}
	return b, err
}

// makeTarget makes the directory unless it is there, and says whether it did.
func makeTarget(dir string) (made bool, err error) {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Mkdir(dir, 0o700); err != nil {
			return false, dirError(dir, err)
		}
		return true, nil
	case err != nil:
		return false, dirError(dir, err)
	case !info.IsDir():
		return false, hub.E(hub.Invalid, opDataDir, dir+" is not a directory; choose another with --data", nil)
	case info.Mode().Perm()&0o077 != 0:
		return false, hub.E(hub.Invalid, opDataDir, fmt.Sprintf("data directory %s has mode %04o: others could read it; run: chmod 700 %s", dir, info.Mode().Perm(), dir), nil)
	}
	return false, nil
}

// restoreInto unpacks under the lock of the directory. An archive that is refused
// leaves no lock in a directory that had none.
func restoreInto(ctx context.Context, dir string, from io.Reader) (cli.Backup, error) {
	path := filepath.Join(dir, "lock")
	_, before := os.Stat(path)
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return cli.Backup{}, dirError(dir, err)
	}
	if err := takeLock(lock, dir); err != nil {
		return cli.Backup{}, err
	}
	defer lock.Close()
	m, err := backup.Unpack(ctx, from, dir, strings.TrimSpace(format), strings.TrimSpace(formatBefore))
	if err != nil {
		if before != nil {
			_ = os.Remove(path) // left behind, it does no harm
		}
		return cli.Backup{}, err
	}
	return told(m), nil
}

// CheckBackup reads an archive to its end.
func CheckBackup(ctx context.Context, from io.Reader) (cli.Backup, error) {
	m, err := backup.Check(ctx, from, strings.TrimSpace(format), strings.TrimSpace(formatBefore))
	if err != nil {
		return cli.Backup{}, err
	}
	return told(m), nil
}

func told(m *backup.Manifest) cli.Backup {
	return cli.Backup{
		Made: m.Made, Program: m.Program, Format: m.Format, Files: m.Count(), Size: m.Size(),
		UnlockKey: m.Has(unlockFile), Records: m.Has("bus/"),
	}
}
