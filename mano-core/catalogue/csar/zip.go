package csar

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// openZip reads a ZIP's directory and returns its regular files by path.
func openZip(r io.ReaderAt, size int64, limits Limits) (map[string]*zip.File, error) {
	entries, err := readDirectory(r, size, limits)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("read its directory: %w", err)
	}
	if len(z.File) != len(entries) {
		return nil, fmt.Errorf("it can be read in two ways: with %d or with %d entries", len(entries), len(z.File))
	}
	c := collector{limits: limits, files: map[string]*zip.File{}, folded: map[string]string{}, folders: map[string]bool{}}
	for i, f := range z.File {
		if f.Name != entries[i].name || f.UncompressedSize64 != entries[i].unpacked || f.CompressedSize64 != entries[i].packed {
			return nil, fmt.Errorf("entry %s can be read in two ways", quote(entries[i].name))
		}
		if err := c.add(f, entries[i].flags); err != nil {
			return nil, fmt.Errorf("entry %s %w", quote(f.Name), err)
		}
	}
	if err := c.checkFolders(); err != nil {
		return nil, err
	}
	return c.files, c.checkTotal()
}

// collector gathers the files of a ZIP and sees what only all of them show.
type collector struct {
	limits        Limits
	files         map[string]*zip.File
	folded        map[string]string // path without regard to case -> path
	folders       map[string]bool   // without regard to case
	total, packed uint64
}

// add takes one entry, or says what is wrong with it.
func (c *collector) add(f *zip.File, flags uint16) error {
	if err := checkName(f.Name); err != nil {
		return err
	}
	name, folder := strings.CutSuffix(f.Name, "/")
	if err := c.checkKind(f, flags, folder); err != nil {
		return err
	}
	if other, twice := c.folded[fold(name)]; twice {
		return fmt.Errorf("is there twice (the other is %s; case does not count)", quote(other))
	}
	c.folded[fold(name)] = name
	c.addFolders(path.Dir(name))
	if folder {
		c.addFolders(name)
		return nil
	}
	c.files[name] = f
	return c.checkSize(f)
}

// checkKind refuses what is no plain file or folder.
func (c *collector) checkKind(f *zip.File, flags uint16, folder bool) error {
	switch mode := f.Mode(); {
	case flags&(flagEncrypted|flagStrong|flagMasked) != 0:
		return errors.New("is encrypted by ZIP, which no reader here can open; encrypt artifacts with CMS")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("is packed by method %d; only stored and deflated entries are read", f.Method)
	case mode.Type() != 0 && mode.Type() != fs.ModeDir:
		return fmt.Errorf("is no regular file (mode %s); put the file itself there", mode)
	case mode.IsDir() != folder && mode.IsDir():
		return errors.New("is a folder whose name is that of a file")
	case folder && (f.UncompressedSize64 != 0 || f.CompressedSize64 > 2): // an empty deflate stream has two bytes
		return errors.New("is a folder and has content")
	}
	return nil
}

// checkSize refuses sizes that are beyond the limits, or impossible.
func (c *collector) checkSize(f *zip.File) error {
	size, packed := f.UncompressedSize64, f.CompressedSize64
	switch {
	case size > uint64(c.limits.FileBytes):
		return fmt.Errorf("has %d bytes unpacked and %d are allowed", size, c.limits.FileBytes)
	case f.Method == zip.Store && size != packed:
		return fmt.Errorf("is stored as it is, and yet has two sizes: %d and %d bytes", size, packed)
	case tooDense(size, packed, c.limits.Ratio):
		return fmt.Errorf("unpacks %d bytes to %d, more than %d times its size (ZIP bomb); store it without compression", packed, size, c.limits.Ratio)
	}
	c.total += size
	c.packed += packed
	if c.total > uint64(c.limits.TotalBytes) {
		return fmt.Errorf("brings the package to %d bytes unpacked and %d are allowed", c.total, c.limits.TotalBytes)
	}
	return nil
}

// checkTotal looks at the ratio of the whole: a bomb can be many small files.
func (c *collector) checkTotal() error {
	if tooDense(c.total, c.packed, c.limits.Ratio) {
		return fmt.Errorf("its files unpack from %d bytes to %d, more than %d times their size (ZIP bomb)", c.packed, c.total, c.limits.Ratio)
	}
	return nil
}

func tooDense(size, packed uint64, ratio int64) bool {
	return size > uint64(ratioFrom) && size/uint64(ratio) >= max(packed, 1)
}

// addFolders remembers the folder and those above it.
func (c *collector) addFolders(folder string) {
	for ; folder != "." && !c.folders[fold(folder)]; folder = path.Dir(folder) {
		c.folders[fold(folder)] = true
	}
}

// checkFolders refuses a path that is a file and a folder at once.
func (c *collector) checkFolders() error {
	for name := range c.files {
		if c.folders[fold(name)] {
			return fmt.Errorf("entry %s is a file, and a folder of other entries", quote(name))
		}
	}
	return nil
}

// checkName refuses paths that leave the folder they are unpacked in, or that
// mean another file elsewhere.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return fmt.Errorf("has a name of %d bytes; 1 to %d are allowed", len(name), maxName)
	case !utf8.ValidString(name):
		return errors.New("has a name that is not UTF-8")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }):
		return errors.New("has a control character in its name")
	case strings.Contains(name, `\`):
		return errors.New(`has a backslash in its name; use "/"`)
	case strings.HasPrefix(name, "/"):
		return errors.New("has an absolute path")
	case len(name) >= 2 && name[1] == ':' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z':
		return errors.New("has a path with a drive letter")
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("has a path with %s in it, which leads elsewhere", quote(part))
		}
	}
	return nil
}

// fold maps names that differ only in case to one.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// quote makes what a stranger named safe to print, and short.
func quote(s string) string {
	const longest = 120
	if len(s) > longest {
		return strconv.QuoteToASCII(s[:longest]) + "..."
	}
	return strconv.QuoteToGraphic(s)
}
