package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/manoward/manoward/internal/backup"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// formatNumber is the version of what is stored: the layout of a data directory and
// the shape of all that is in it. A hub refuses a directory of another format rather
// than guess at it. The rule of ADR-0018 says when it grows.
//
// 2 is that items of a queue may share a message (ADR-0022), and certificates and
// requests one of a table (ADR-0025): programs of 1 would not see them. What 1 wrote
// is read as it is and stays, so that nothing is to be written anew.
const (
	formatNumber = 2
	formatPrefix = "manoward data v"
)

// format is the content of FORMAT; formatBefore is that of the one before, which is
// read too.
var (
	format       = fmt.Sprintf("%s%d\n", formatPrefix, formatNumber)
	formatBefore = fmt.Sprintf("%s%d\n", formatPrefix, formatNumber-1)
)

// isRead reports whether this program reads a directory with this content of FORMAT.
func isRead(raw string) bool { return raw == format || raw == formatBefore }

const opDataDir = "open data directory"

// dataDir is a hub's directory. While it is open no other process opens it.
//
//	FORMAT                  what the directory is
//	lock                    held by the process that runs on it
//	unlock.key              opens what is sealed, unless it is kept elsewhere
//	listeners.json          the addresses that were chosen at the first start
//	directory.json          which directory this is, to the other processes on an external bus
//	operator.context.json   the operator's credential
//	keys/DOMAIN/            CA keys of trust domains, sealed, a file each
//	bus/                    the embedded bus
type dataDir struct {
	path  string
	fresh bool // holds nothing from an earlier start
	lock  *os.File
}

// openDataDir makes the directory at the first start, and locks it.
func openDataDir(path string) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, dirError(path, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		if err != nil {
			return nil, dirError(path, err)
		}
		return nil, hub.E(hub.Invalid, opDataDir, fmt.Sprintf("data directory %s has mode %04o: others could read it; run: chmod 700 %s", path, info.Mode().Perm(), path), nil)
	}
	d := &dataDir{path: path}
	if d.lock, err = os.OpenFile(d.file("lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, dirError(path, err)
	}
	if err := takeLock(d.lock, path); err != nil {
		return nil, err
	}
	if err := d.checkFormat(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// takeLock locks a directory by its file, which it closes when it fails.
func takeLock(f *os.File, path string) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return hub.E(hub.Conflict, opDataDir, fmt.Sprintf("data directory %s is in use by another manoward; stop that one, or choose another directory with --data", path), nil)
	}
	return dirError(path, err)
}

func dirError(path string, err error) error {
	text := fmt.Sprintf("data directory %s cannot be used", path)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		text = fmt.Sprintf("data directory %s is not writable by this user; make it so, or choose another with --data", path)
	case errors.Is(err, unix.ENOSPC):
		text = fmt.Sprintf("the disk of data directory %s is full; make room and start again", path)
	case errors.Is(err, unix.ENOTDIR):
		text = fmt.Sprintf("data directory %s is not a directory; choose another with --data", path)
	}
	return hub.E(hub.Unavailable, opDataDir, text, err)
}

// checkFormat makes sure that the directory is one of manoward's and that it can
// be written. Writing the file anew at each start is the test of that, and says
// before anything else is written that no older program may. The
// directory is fresh as long as it holds nothing else: a first start that was
// cut off here is begun anew.
func (d *dataDir) checkFormat() error {
	other, err := d.content()
	if err != nil {
		return err
	}
	d.fresh = other == ""
	raw, err := os.ReadFile(d.file("FORMAT"))
	switch {
	case backup.CutOff(d.path):
		return hub.E(hub.Invalid, opDataDir, fmt.Sprintf("a restore into %s was cut off; remove that directory and run manoward restore again", d.path), nil)
	case errors.Is(err, fs.ErrNotExist) && !d.fresh:
		// Somebody else's directory, or one of ours that has lost its FORMAT.
		return hub.E(hub.Invalid, opDataDir, fmt.Sprintf("directory %s holds %s and is no data directory of manoward, or is damaged: it has no file FORMAT; choose an empty one with --data, or restore it", d.path, other), nil)
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return dirError(d.path, err)
	case !isRead(string(raw)):
		return foreignFormat(d.path, string(raw))
	}
	if err := durable.WriteFile(d.file("FORMAT"), []byte(format), 0o600); err != nil {
		return dirError(d.path, err)
	}
	return nil
}

// foreignFormat refuses what another version wrote. A number that is higher comes of
// an upgrade that was taken back, which has a mend of its own.
func foreignFormat(path, raw string) error {
	mend := "start the manoward that it was made with, or another directory"
	number, of := strings.CutPrefix(strings.TrimSuffix(raw, "\n"), formatPrefix)
	if n, err := strconv.ParseUint(number, 10, 31); of && err == nil && n > formatNumber {
		mend = "a newer manoward wrote it, and none goes back: start that one, or restore the backup that was made before the upgrade"
	}
	return hub.E(hub.Invalid, opDataDir, fmt.Sprintf("data directory %s is %q and this manoward reads %q; %s", path, clip(raw), strings.TrimSpace(format), mend), nil)
}

// content names something that the directory holds besides FORMAT and the lock;
// "" if there is nothing.
func (d *dataDir) content() (string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return "", dirError(d.path, err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "lock" && name != "FORMAT" && !strings.HasPrefix(name, ".") {
			return name, nil
		}
	}
	return "", nil
}

func (d *dataDir) file(name ...string) string {
	return filepath.Join(append([]string{d.path}, name...)...)
}

// close lets another process open the directory.
func (d *dataDir) close() { d.lock.Close() }

// openVault opens the unlock key and makes it at the first start. In a directory
// that is not new a missing key is never made anew: nothing would open.
func (d *dataDir) openVault(path string) (*vault.Vault, error) {
	if path == "" {
		path = d.file(unlockFile)
	}
	v, err := vault.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !d.fresh {
			return nil, hub.E(hub.Unavailable, "open unlock key", fmt.Sprintf("unlock key %s is missing; without it nothing in %s can be opened: restore it, or name its place with --unlock-key", path, d.path), err)
		}
		if v, err = vault.Create(path); err != nil {
			return nil, hub.E(hub.Unavailable, "make unlock key", fmt.Sprintf("unlock key %s cannot be made; see that its directory is there and writable and that the disk is not full", path), err)
		}
		return v, nil
	}
	if err != nil {
		return nil, hub.E(hub.Invalid, "open unlock key", err.Error(), nil)
	}
	return v, nil
}

// identity returns the ID of the directory, which is drawn when it is first asked
// for, and says which file it was read from: a copy of a directory, or what was
// restored of one, is another directory.
func (d *dataDir) identity() (string, error) {
	const file = "directory.json"
	var is struct {
		ID string `json:"id"`
	}
	err := d.readJSON(file, &is)
	if err == nil && is.ID == "" {
		is.ID = hub.NewID()
		err = d.writeJSON(file, is)
	}
	if err != nil {
		return "", err
	}
	var at unix.Stat_t
	if err := unix.Stat(d.file(file), &at); err != nil {
		return "", dirError(d.path, err)
	}
	return fmt.Sprintf("%s/%d", is.ID, at.Ino), nil
}

// readJSON reads a file that this hub wrote; a missing one leaves v as it is.
func (d *dataDir) readJSON(name string, v any) error {
	raw, err := os.ReadFile(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		return hub.E(hub.Invalid, opDataDir, fmt.Sprintf("%s is damaged; remove it, and what it holds is made anew", d.file(name)), err)
	}
	return nil
}

func (d *dataDir) writeJSON(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(d.file(name), append(raw, '\n'), 0o600); err != nil {
		return dirError(d.path, err)
	}
	return nil
}

func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
