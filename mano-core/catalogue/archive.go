package catalogue

import (
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// archiveFS shows the files of a package as a file system, to the reader of
// descriptors. It has no folders.
type archiveFS struct{ a *csar.Archive }

func (f archiveFS) Open(name string) (fs.File, error) {
	r, size, err := f.a.Artifact(name)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, err
	}
	return archiveFile{ReadCloser: r, name: name, size: size}, nil
}

type archiveFile struct {
	io.ReadCloser
	name string
	size int64
}

func (f archiveFile) Stat() (fs.FileInfo, error) { return f, nil }

func (f archiveFile) Name() string     { return path.Base(f.name) }
func (f archiveFile) Size() int64      { return f.size }
func (archiveFile) Mode() fs.FileMode  { return 0o444 }
func (archiveFile) ModTime() time.Time { return time.Time{} }
func (archiveFile) IsDir() bool        { return false }
func (archiveFile) Sys() any           { return nil }
