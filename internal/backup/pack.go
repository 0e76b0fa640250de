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
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const opPack = "make backup"

// Options say how an archive is made.
type Options struct {
	Program string    // version of this program
	Made    time.Time // now
	Without []string  // files directly in the directory that are left out
}

// Pack writes an archive of dir to w. Nothing may change in dir meanwhile: the
// caller holds its lock. What changed all the same is an error. w has no whole
// archive unless Pack returns nil.
func Pack(ctx context.Context, w io.Writer, dir string, opts Options) (*Manifest, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unreadable(dir, err)
	}
	defer root.Close()
	format, err := root.ReadFile(FormatFile)
	if err != nil {
		return nil, unreadable(FormatFile, err)
	}
	m := &Manifest{Version: Version, Program: opts.Program, Made: opts.Made.UTC(), Format: strings.TrimSpace(string(format))}
	if m.Files, err = list(ctx, root, opts.Without); err != nil {
		return nil, err
	}
	text, err := m.encode()
	if err != nil {
		return nil, err
	}
	out := tar.NewWriter(w)
	if err := entry(out, manifestName, int64(len(text)), m.Made); err != nil {
		return nil, err
	}
	if _, err := out.Write(text); err != nil {
		return nil, unwritable(err)
	}
	for _, f := range m.Files {
		if err := pack(ctx, out, root, f, m.Made); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, unwritable(err)
	}
	return m, nil
}

// list finds all files and folders and computes their checksums. Temporary files,
// whose names begin with a dot, are what a crash left of a write that never was.
func list(ctx context.Context, root *os.Root, without []string) (files []File, err error) {
	skip := map[string]bool{lockFile: true, stagingDir: true} // the latter is empty here, and was left by a crash
	for _, name := range without {
		skip[name] = true
	}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return unreadable(name, err)
		case name == ".":
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case skip[name] && d.IsDir():
			return fs.SkipDir
		case skip[name]:
			return nil
		case d.IsDir():
			files = append(files, File{Path: name + "/"})
			return nil
		case strings.HasPrefix(d.Name(), "."):
			return nil
		case !d.Type().IsRegular():
			return hub.E(hub.Invalid, opPack, fmt.Sprintf("%s is neither a file nor a folder, and a backup follows no links; put what it names in its place, or copy that directory yourself", filepath.Join(root.Name(), name)), nil)
		}
		sum := sha256.New()
		size, err := copyFile(ctx, sum, root, name)
		if err != nil {
			return err
		}
		files = append(files, File{Path: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))})
		return nil
	})
	return files, err
}

func pack(ctx context.Context, out *tar.Writer, root *os.Root, f File, made time.Time) error {
	if err := entry(out, dataPrefix+f.Path, f.Size, made); err != nil || f.folder() {
		return err
	}
	sum := sha256.New()
	_, err := copyFile(ctx, io.MultiWriter(out, sum), root, f.Path)
	switch {
	case errors.Is(err, tar.ErrWriteTooLong), err == nil && hex.EncodeToString(sum.Sum(nil)) != f.SHA256:
		return hub.E(hub.Conflict, opPack, fmt.Sprintf("%s changed while it was read; stop what writes there and begin again", filepath.Join(root.Name(), f.Path)), err)
	}
	return err
}

// entry begins an entry of the archive.
func entry(out *tar.Writer, name string, size int64, made time.Time) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: made.Truncate(time.Second)}
	if strings.HasSuffix(name, "/") {
		header.Typeflag, header.Mode = tar.TypeDir, 0o700
	}
	if err := out.WriteHeader(header); err != nil {
		return unwritable(err)
	}
	return nil
}

// copyFile copies a file of the directory until ctx ends.
func copyFile(ctx context.Context, to io.Writer, root *os.Root, name string) (int64, error) {
	f, err := root.Open(name)
	if err != nil {
		return 0, unreadable(name, err)
	}
	defer f.Close()
	n, err := io.Copy(to, interruptible{ctx, f})
	var reading *fs.PathError
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, tar.ErrWriteTooLong):
		return n, err
	case errors.As(err, &reading) && reading.Path == f.Name():
		return n, unreadable(name, err)
	}
	return n, unwritable(err)
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func unreadable(name string, err error) error {
	return hub.E(hub.Unavailable, opPack, fmt.Sprintf("%s cannot be read; see its owner and mode, and the disk", name), cause(err))
}

func unwritable(err error) error {
	return hub.E(hub.Unavailable, opPack, "the backup cannot be written; see that its disk has room", cause(err))
}
