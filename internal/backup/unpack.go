package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

const opUnpack = "restore backup"

const (
	// stagingDir is the folder of the target that an archive is unpacked into. A
	// directory that holds it and no FormatFile is one whose restoring was cut off.
	stagingDir = "RESTORING"
	lockFile   = "lock" // of a data directory
)

// CutOff reports whether a directory is what a restore that was cut off left.
func CutOff(dir string) bool {
	_, staging := os.Stat(filepath.Join(dir, stagingDir))
	_, format := os.Stat(filepath.Join(dir, FormatFile))
	return staging == nil && errors.Is(format, fs.ErrNotExist)
}

// Check reads an archive to its end and compares all of it with its manifest.
// formats are what a data directory may be, as of [Manifest.Format], the newest first.
func Check(ctx context.Context, r io.Reader, formats ...string) (*Manifest, error) {
	in, m, err := open(ctx, r, formats)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if err := unpack(ctx, in, f, nil); err != nil {
			return nil, err
		}
	}
	return m, finish(in)
}

// Unpack takes an archive apart into dir, which exists and holds nothing but the
// lock that the caller holds. When it returns nil all of it is in its place and on
// stable storage. When it fails, dir is as it was; when it is cut off, or cannot put
// what it has unpacked in its place, dir is [CutOff] until somebody removes it.
// formats are those of [Check].
func Unpack(ctx context.Context, r io.Reader, dir string, formats ...string) (*Manifest, error) {
	if err := vacant(dir); err != nil {
		return nil, err
	}
	in, m, err := open(ctx, r, formats)
	if err != nil {
		return nil, err
	}
	if err := stage(ctx, in, m, dir); err != nil {
		return nil, err
	}
	return m, publish(dir)
}

// vacant refuses a directory that holds anything.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return targetError(dir, err)
	}
	if CutOff(dir) {
		return hub.E(hub.Conflict, opUnpack, fmt.Sprintf("a restore into %s was cut off; remove that directory and restore again", dir), nil)
	}
	for _, e := range entries {
		if name := e.Name(); name != lockFile {
			return hub.E(hub.Conflict, opUnpack, fmt.Sprintf("%s is not empty: it holds %s; name an empty directory, or one that is not there, with --data", dir, name), nil)
		}
	}
	return nil
}

// stage unpacks everything into the staging folder. What fails is removed, so that
// a damaged archive leaves the target as it was.
func stage(ctx context.Context, in *tar.Reader, m *Manifest, dir string) (err error) {
	staging := filepath.Join(dir, stagingDir)
	if err := os.Mkdir(staging, 0o700); err != nil {
		return targetError(staging, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(staging))
		}
	}()
	if err := durable.SyncDir(dir); err != nil {
		return targetError(dir, err)
	}
	root, err := os.OpenRoot(staging)
	if err != nil {
		return targetError(staging, err)
	}
	defer root.Close()
	for _, f := range m.Files {
		if err := unpack(ctx, in, f, root); err != nil {
			return err
		}
	}
	if err := finish(in); err != nil {
		return err
	}
	for _, f := range m.Files { // names are durable when their folder is
		if f.folder() {
			if err := durable.SyncDir(filepath.Join(staging, f.Path)); err != nil {
				return targetError(f.Path, err)
			}
		}
	}
	if err := durable.SyncDir(staging); err != nil {
		return targetError(staging, err)
	}
	return nil
}

// publish moves what was unpacked to its place, FormatFile last.
func publish(dir string) error {
	staging := filepath.Join(dir, stagingDir)
	entries, err := os.ReadDir(staging)
	if err != nil {
		return targetError(staging, err)
	}
	move := func(name string) error {
		return os.Rename(filepath.Join(staging, name), filepath.Join(dir, name))
	}
	for _, e := range entries {
		if e.Name() == FormatFile {
			continue
		}
		if err := move(e.Name()); err != nil {
			return targetError(dir, err)
		}
	}
	if err := durable.SyncDir(dir); err != nil {
		return targetError(dir, err)
	}
	if err := errors.Join(move(FormatFile), durable.SyncDir(dir)); err != nil {
		return targetError(dir, err)
	}
	if err := errors.Join(os.Remove(staging), durable.SyncDir(dir)); err != nil {
		return targetError(staging, err)
	}
	return nil
}

// open reads the manifest of an archive.
func open(ctx context.Context, r io.Reader, formats []string) (*tar.Reader, *Manifest, error) {
	in := tar.NewReader(interruptible{ctx, r})
	header, err := in.Next()
	if err == nil && (header.Name != manifestName || header.Typeflag != tar.TypeReg) || errors.Is(err, tar.ErrHeader) || errors.Is(err, io.EOF) {
		return nil, nil, hub.E(hub.Invalid, opRead, "this is no backup of manoward: it does not begin with a MANIFEST; was it compressed or encrypted after it was made?", err)
	}
	if err != nil {
		return nil, nil, readError(ctx, manifestName, err)
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxManifest+1))
	if err != nil {
		return nil, nil, readError(ctx, manifestName, err)
	}
	if len(raw) > maxManifest {
		return nil, nil, damaged(manifestName, "it is too long", nil)
	}
	m, err := decodeManifest(raw)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(formats, m.Format) {
		return nil, nil, hub.E(hub.Invalid, opRead, fmt.Sprintf("the backup is of a data directory %.80q and this manoward reads %q; restore it with the manoward that made it, %.80q", m.Format, strings.Join(formats, " and "), m.Program), nil)
	}
	return in, m, nil
}

// unpack takes the next entry, which must be f, and writes it below root if there
// is one.
func unpack(ctx context.Context, in *tar.Reader, f File, root *os.Root) error {
	header, err := in.Next()
	if errors.Is(err, io.EOF) {
		return damaged(f.Path, "it is missing; the backup ends before it", nil)
	}
	if err != nil {
		return readError(ctx, f.Path, err)
	}
	kind := byte(tar.TypeReg)
	if f.folder() {
		kind = tar.TypeDir
	}
	if header.Name != dataPrefix+f.Path || header.Typeflag != kind || header.Size != f.Size {
		return damaged(f.Path, fmt.Sprintf("%.200q is in its place", header.Name), nil)
	}
	if f.folder() {
		if root == nil {
			return nil
		}
		if err := root.Mkdir(strings.TrimSuffix(f.Path, "/"), 0o700); err != nil {
			return targetError(f.Path, err)
		}
		return nil
	}
	return unpackFile(ctx, in, f, root)
}

func unpackFile(ctx context.Context, in io.Reader, f File, root *os.Root) (err error) {
	sum := sha256.New()
	to := &target{Writer: sum}
	if root != nil {
		file, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return targetError(f.Path, err)
		}
		defer file.Close()
		to.Writer = io.MultiWriter(sum, file)
		to.sync = file.Sync
	}
	if _, err := io.Copy(to, in); err != nil {
		if to.err != nil {
			return targetError(f.Path, err)
		}
		return readError(ctx, f.Path, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return damaged(f.Path, "its content is not what was put in", nil)
	}
	if to.sync != nil {
		if err := to.sync(); err != nil {
			return targetError(f.Path, err)
		}
	}
	return nil
}

// target remembers that it was writing that failed.
type target struct {
	io.Writer
	sync func() error
	err  error
}

func (t *target) Write(p []byte) (int, error) {
	n, err := t.Writer.Write(p)
	t.err = err
	return n, err
}

// finish makes sure that nothing follows the last file.
func finish(in *tar.Reader) error {
	header, err := in.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return damaged("the end", "it cannot be read", err)
	}
	return damaged(header.Name, "it is not in the manifest", nil)
}

func readError(ctx context.Context, file string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, tar.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return damaged(file, "the backup breaks off or cannot be read there", err)
	}
	return hub.E(hub.Unavailable, opRead, fmt.Sprintf("the backup cannot be read at %.200s; see its disk", file), cause(err))
}

func targetError(name string, err error) error {
	return hub.E(hub.Unavailable, opUnpack, fmt.Sprintf("%.200s cannot be written; see that its disk has room and its directory is writable, and restore again", name), cause(err))
}
