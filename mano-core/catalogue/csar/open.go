package csar

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

const opOpen = "open package"

// Archive is an opened package: the CSAR itself, which under security option 2
// is inside an outer ZIP. It may be used by several goroutines at once, as long
// as the reader that it was opened from may.
type Archive struct {
	limits Limits
	src    *source
	files  map[string]*zip.File
	names  []string // sorted
	outer  *outer   // nil unless there is an outer ZIP
}

// outer is the outer ZIP of security option 2.
type outer struct {
	inner      *io.SectionReader // the CSAR's bytes, which the signature covers
	name       string
	signatures []string
	certs      []string
	others     []string // neither; nothing vouches for them
	files      map[string]*zip.File
}

// Open reads the directory of a package of size bytes. It refuses, with the name
// of the entry and the cause (hub.Unprocessable), every ZIP that could be
// understood in two ways, leave its folder, or cost more than limits to read. It
// does not unpack, except the CSAR of an option-2 package that is packed in the
// outer ZIP, into memory up to Limits.MemoryBytes. A failure of r itself is
// hub.Unavailable.
//
// r must stay readable, and unchanged, as long as the Archive is used. After a
// failure of r the Archive gives no verdict any more: open the package again.
func Open(r io.ReaderAt, size int64, limits Limits) (*Archive, error) {
	a := &Archive{limits: limits.orDefault(), src: &source{r: r}}
	if err := a.open(size); err != nil {
		return nil, a.refuse(err)
	}
	return a, nil
}

// refuse makes the error that a user sees.
func (a *Archive) refuse(err error) error {
	if failed := a.src.failure(); failed != nil {
		return hub.E(hub.Unavailable, opOpen, "the package could not be read from where it is kept; try again", failed)
	}
	return hub.E(hub.Unprocessable, opOpen, "the package is refused: "+err.Error()+"; make it anew with a common ZIP tool", nil)
}

func (a *Archive) open(size int64) error {
	files, err := openZip(a.src, size, a.limits)
	if err != nil {
		return err
	}
	inner, err := innerName(files)
	if err != nil {
		return err
	}
	if inner != "" {
		if files, err = a.openInner(files, inner); err != nil {
			return fmt.Errorf("CSAR %s in the outer ZIP: %w", quote(inner), err)
		}
	}
	if len(files) == 0 {
		return errors.New("it holds no files")
	}
	a.files, a.names = files, sortedNames(files)
	return nil
}

// innerName returns the name of the CSAR of an option-2 package, or "" when the
// files are those of a CSAR.
func innerName(files map[string]*zip.File) (string, error) {
	if files[metaPath] != nil {
		return "", nil
	}
	var found []string
	for name := range files {
		if !strings.Contains(name, "/") && strings.EqualFold(path.Ext(name), ".csar") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("the outer ZIP holds more than one CSAR: %s and %s", quote(found[0]), quote(found[1]))
}

// openInner remembers the outer ZIP and opens the CSAR in it.
func (a *Archive) openInner(files map[string]*zip.File, name string) (map[string]*zip.File, error) {
	a.outer = &outer{name: name, files: files}
	for _, other := range sortedNames(files) {
		switch {
		case other == name:
		case isSignature(other):
			a.outer.signatures = append(a.outer.signatures, other)
		case isCertificate(other):
			a.outer.certs = append(a.outer.certs, other)
		default:
			a.outer.others = append(a.outer.others, other)
		}
	}
	var err error
	if a.outer.inner, err = a.section(files[name]); err != nil {
		return nil, err
	}
	inner, err := openZip(a.outer.inner, a.outer.inner.Size(), a.limits)
	if err != nil {
		return nil, err
	}
	if again, err := innerName(inner); err != nil || again != "" {
		return nil, errors.New("it is an outer ZIP again; a CSAR is signed once")
	}
	return inner, nil
}

// section gives the bytes of a stored entry where they are, and those of a
// packed one from memory.
func (a *Archive) section(f *zip.File) (*io.SectionReader, error) {
	if f.Method == zip.Store {
		at, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("find its bytes: %w", err)
		}
		return io.NewSectionReader(a.src, at, int64(f.UncompressedSize64)), nil
	}
	data, err := readSmall(f, a.limits.MemoryBytes)
	if err != nil {
		return nil, fmt.Errorf("%w; put the CSAR into the outer ZIP without compression", err)
	}
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), nil
}

// Files returns the paths of the CSAR's files, sorted. Folders are not listed.
func (a *Archive) Files() []string { return slices.Clone(a.names) }

// Artifact opens a file of the CSAR and says how many bytes it has. The reader
// fails at its end when the bytes are not those that the ZIP's checksum
// promised; it says nothing of the manifest's digest. No such file is
// hub.NotFound.
func (a *Archive) Artifact(name string) (io.ReadCloser, int64, error) {
	f := a.files[name]
	if f == nil {
		return nil, 0, hub.E(hub.NotFound, "read artifact", "the package has no file "+quote(name)+"; list its artifacts", nil)
	}
	r, err := f.Open()
	if err != nil {
		return nil, 0, hub.E(hub.Unprocessable, "read artifact", "file "+quote(name)+" cannot be unpacked; upload the package again", err)
	}
	return r, int64(f.UncompressedSize64), nil
}

// readText reads a small file of the CSAR whole.
func (a *Archive) readText(files map[string]*zip.File, name string) ([]byte, error) {
	return readSmall(files[name], a.limits.TextBytes)
}

// readSmall reads an entry of at most limit bytes.
func readSmall(f *zip.File, limit int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(limit) {
		return nil, fmt.Errorf("%s has %d bytes and %d are allowed", quote(f.Name), f.UncompressedSize64, limit)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", quote(f.Name), err)
	}
	defer func() { _ = r.Close() }() // it reads from memory or from the source; nothing is lost
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", quote(f.Name), err)
	}
	return data, nil
}

func sortedNames(files map[string]*zip.File) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
