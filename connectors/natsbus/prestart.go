package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/nkeys"
	"golang.org/x/sys/unix"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// Free space on the file system of the embedded server, in bytes: below
// startFree it does not start, below runFree a running bus says it is full.
const (
	startFree = 64 << 20
	runFree   = 16 << 20
)

// The layout of the embedded server's directory, beside the sealed seeds.
const (
	markerFile = "bus.json"  // says that the first start was completed
	storeDir   = "store"     // given to the server, which keeps streams in jetStreamDir below it
	streamsDir = "jetstream" // <account public key>/streams/<stream>
	witnessDir = "witness"   // what the streams of each account must hold, see guard
	jwtDir     = "jwt"       // account JWTs: a cache for the server, made anew at each start
)

// marker is the content of markerFile: what the directory must hold.
type marker struct {
	Version int `json:"version"`
	rootIDs
	Domains map[string]witnessed `json:"domains"` // by name
}

// rootIDs are public keys: of the operator, and of two accounts.
type rootIDs struct {
	Operator string `json:"operator"`
	System   string `json:"system"`
	Hub      string `json:"hub"`
}

// witnessed is what the registry must at least hold of a trust domain, so that
// damage to the registry's own files is found.
type witnessed struct {
	PublicKey string `json:"publicKey"`
	Revision  uint64 `json:"revision"`
}

const markerVersion = 1

// prepareDir makes dir with mode 0700 and proves that it can be written and
// has space.
func prepareDir(dir string, free func(string) (uint64, error)) error {
	const op = "open bus"
	if dir == "" {
		return hub.E(hub.Invalid, op, "the embedded bus needs a data directory", nil)
	}
	refuse := func(err error) error {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("cannot write to the data directory %s (%v); give this process's user the right to write there, or choose another directory", dir, rootCause(err)), err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return refuse(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return refuse(err)
	}
	// A full disk is looked for first: it makes the write fail as well, with a
	// less helpful reason.
	bytes, err := free(dir)
	if err != nil {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("cannot ask how much space is free for %s", dir), err)
	}
	if bytes < startFree {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the disk of %s has %d MiB free and at least %d MiB are needed; free some space", dir, bytes>>20, startFree>>20), nil)
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return refuse(err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return refuse(err)
	}
	return nil
}

// makeDir makes a directory below the bus's own, if it is not there.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot make %s (%v); see that the disk is not full and the directory writable", dir, rootCause(err)), err)
	}
	return durable.SyncDir(filepath.Dir(dir))
}

// rootCause returns the system's own word ("permission denied") without the
// path that a message has already named.
func rootCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// freeSpace returns the bytes that an unprivileged user may still write to the
// file system of dir.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// readMarker returns the marker of dir, or nil when its first start was never
// completed.
func readMarker(dir string) (*marker, error) {
	path := filepath.Join(dir, markerFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot read %s; see its owner and mode", path), err)
	}
	var m marker
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, damaged(path+" cannot be read", err)
	}
	if m.Version != markerVersion {
		return nil, hub.E(hub.Unavailable, "open bus", fmt.Sprintf("%s has version %d and this program knows version %d; use the program that wrote it, or a newer one", path, m.Version, markerVersion), nil)
	}
	if m.Domains == nil {
		m.Domains = map[string]witnessed{}
	}
	return &m, nil
}

// writeMarker records that the first start is complete: from now on missing
// keys or a missing store are damage.
func writeMarker(dir string, m marker) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", markerFile, err)
	}
	path := filepath.Join(dir, markerFile)
	if err := durable.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
		return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot write %s; see that the disk is not full", path), err)
	}
	return nil
}

// ids returns the public keys.
func (k rootKeys) ids() (rootIDs, error) {
	var ids rootIDs
	for _, f := range []struct {
		kp   nkeys.KeyPair
		into *string
	}{{k.operator, &ids.Operator}, {k.system, &ids.System}, {k.hub, &ids.Hub}} {
		pub, err := f.kp.PublicKey()
		if err != nil {
			return rootIDs{}, fmt.Errorf("public key: %w", err)
		}
		*f.into = pub
	}
	return ids, nil
}

// remember writes down that the registry holds a trust domain at a revision. On
// an outside cluster, which several processes change, it does nothing.
func (b *Bus) remember(name, key string, rev uint64) error {
	return b.updateMarker(func(m *marker) bool {
		old := m.Domains[name]
		if old.PublicKey == key && old.Revision >= rev {
			return false
		}
		m.Domains[name] = witnessed{key, rev}
		return true
	})
}

// forgetDomain writes down that a trust domain need not be there any more.
func (b *Bus) forgetDomain(name string) error {
	return b.updateMarker(func(m *marker) bool {
		_, known := m.Domains[name]
		delete(m.Domains, name)
		return known
	})
}

// updateMarker writes the marker when change says that it changed it.
func (b *Bus) updateMarker(change func(*marker) bool) error {
	if b.embedded == nil {
		return nil
	}
	e := b.embedded
	e.mu.Lock()
	defer e.mu.Unlock()
	next := e.marker
	next.Domains = maps.Clone(e.marker.Domains)
	if !change(&next) {
		return nil
	}
	if err := writeMarker(e.dir, next); err != nil {
		return err
	}
	e.marker = next
	return nil
}

// checkRegistry refuses a registry that has lost what the marker remembers.
// revisions are those of the entries that were read.
func (m *marker) checkRegistry(entries map[string]domainEntry, revisions map[string]uint64) error {
	for _, name := range slices.Sorted(maps.Keys(m.Domains)) {
		want := m.Domains[name]
		switch e, ok := entries[name]; {
		case !ok:
			return damaged("the registry of accounts has lost trust domain "+name, nil)
		case e.PublicKey != want.PublicKey || revisions[name] < want.Revision:
			return damaged("the registry of accounts holds an old entry of trust domain "+name, nil)
		}
	}
	return nil
}

// accountsOnDisk returns the public keys of the accounts that have streams in
// the store below dir.
func accountsOnDisk(dir string) ([]string, error) {
	root := filepath.Join(dir, storeDir, streamsDir)
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot read %s; see its owner and mode", root), err)
	}
	var found []string
	for _, e := range entries {
		if !nkeys.IsValidPublicAccountKey(e.Name()) {
			continue // the server's own folders
		}
		streams, err := os.ReadDir(filepath.Join(root, e.Name(), "streams"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot read %s; see its owner and mode", filepath.Join(root, e.Name())), err)
		}
		if len(streams) > 0 {
			found = append(found, e.Name())
		}
	}
	return found, nil
}
