package journal

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// TarFiles reads a pack as [WritePack] writes it.
func TarFiles(r io.Reader) Files {
	counted := &counter{Reader: r, gap: math.MaxInt64}
	t := tar.NewReader(counted)
	return func() (string, io.Reader, error) {
		h, err := t.Next()
		if h != nil {
			counted.expect(h.Size)
		}
		switch {
		case errors.Is(err, io.EOF):
			return "", nil, counted.end(nothingLeft(counted))
		case err != nil:
			return "", nil, fmt.Errorf("at byte %d: %w", counted.n, err)
		case h.Typeflag != tar.TypeReg:
			return h.Name, strings.NewReader(""), nil // no file of a pack: whatever its name, it does not have its content
		}
		return h.Name, t, nil
	}
}

// counter counts what was read: where a damaged pack is damaged. It sees what stands
// between two files too, which a reader of tar files passes over.
type counter struct {
	io.Reader
	n int64

	gap, next int64 // where the content of a file ends, and where the next one begins
	filled    int64 // where something stands between two that no export writes; 0: nowhere

	block [tarBlock]byte // that was read last
}

// tarBlock is what files of a tar file are filled up to.
const tarBlock = 512

// expect is called when the content of a file of this size is read next.
func (c *counter) expect(size int64) {
	// Every byte of a header counts in its checksum, but for how that is written.
	sum := c.block[148:156]
	if c.filled == 0 && (len(bytes.Trim(sum[:6], "01234567")) > 0 || sum[6] != 0 || sum[7] != ' ') {
		c.filled = c.n - tarBlock + 148
	}
	c.gap = c.n + size
	c.next = c.n + (size+tarBlock-1)/tarBlock*tarBlock
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	from, to := max(c.gap-c.n, 0), min(c.next-c.n, int64(n))
	for i := from; i < to && c.filled == 0; i++ {
		if b[i] != 0 {
			c.filled = c.n + i
		}
	}
	for i := max(n-tarBlock, 0); i < n; i++ {
		c.block[(c.n+int64(i))%tarBlock] = b[i]
	}
	c.n += int64(n)
	return n, err
}

// end is the end of a tar file: what there was between files is found by then.
func (c *counter) end(err error) error {
	if errors.Is(err, io.EOF) && c.filled > 0 {
		return fmt.Errorf("at byte %d something stands between two files that no export writes", c.filled)
	}
	return err
}

// nothingLeft refuses what stands after the end of a tar file, but for its padding.
func nothingLeft(r io.Reader) error {
	block := make([]byte, 4096)
	for {
		n, err := r.Read(block)
		if len(bytes.Trim(block[:n], "\x00")) > 0 {
			return errors.New("something stands after the end of the tar file")
		}
		if err != nil {
			return err
		}
	}
}

const opWritePack = "write evidence"

// UnpackTo writes a pack as files of a new folder. One that is cut off is an
// error, and its files stay: they are found not to be whole.
func UnpackTo(dir string, files Files) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return hub.E(hub.Conflict, opWritePack, fmt.Sprintf("%s cannot be made: it is there already, or the folder above it is not, or not writable; name a new folder, or a file that ends in .tar", dir), err)
	}
	root, err := os.OpenRoot(dir) // what the hub calls its files stays below it
	if err != nil {
		return hub.E(hub.Invalid, opWritePack, dir+" cannot be opened", err)
	}
	defer root.Close()
	whole := false
	for {
		name, content, err := files()
		switch {
		case errors.Is(err, io.EOF) && whole:
			return nil
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
			fallthrough
		case err != nil:
			return hub.E(hub.Unavailable, opWritePack, "the evidence was cut off; export it again to another place", err)
		}
		in := &source{Reader: content}
		switch err := writeIn(root, name, in); {
		case in.failed != nil:
			return hub.E(hub.Unavailable, opWritePack, "the evidence was cut off; export it again to another place", in.failed)
		case err != nil:
			return hub.E(hub.Invalid, opWritePack, fmt.Sprintf("%.80q cannot be written to %s; see that there is space", name, dir), err)
		}
		whole = path.Base(name) == fileManifest
	}
}

// source remembers that it could not be read, which a copy does not tell from a
// failed write.
type source struct {
	io.Reader
	failed error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

func writeIn(root *os.Root, name string, content io.Reader) error {
	path := filepath.FromSlash(name)
	if above := filepath.Dir(path); above != "." {
		if err := root.MkdirAll(above, 0o755); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// OpenPack opens a pack: the tar file, or the folder that it was written to.
// Close ends it.
func OpenPack(path string) (files Files, done func() error, err error) {
	const op = "open evidence"
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, hub.E(hub.NotFound, op, fmt.Sprintf("%s cannot be read: give the file or folder that \"manoward audit export\" wrote", path), err)
	}
	if !info.IsDir() {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, hub.E(hub.Invalid, op, path+" cannot be read", err)
		}
		return TarFiles(f), f.Close, nil
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, nil, hub.E(hub.Invalid, op, path+" cannot be read", err)
	}
	names, err := orderOf(root)
	if err != nil {
		return nil, nil, errors.Join(hub.E(hub.Invalid, op, path+" cannot be read", err), root.Close())
	}
	return dirFiles(root, names), root.Close, nil
}

// orderOf lists the files of a folder in the order that the manifest says they
// have, those that it does not have after them, and the manifest last; then those
// of the folders of earlier journals, the newest first.
func orderOf(root *os.Root) ([]string, error) {
	byFolder := map[string][]string{}
	err := fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && path.Base(name) != fileManifest {
			byFolder[folderOfEpoch(name)] = append(byFolder[folderOfEpoch(name)], name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	folders := slices.SortedFunc(maps.Keys(byFolder), func(a, b string) int {
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(b, a)) // by number, from the highest
	})
	var all []string
	for _, folder := range folders {
		names, err := inOrder(root, folder, byFolder[folder])
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	return all, nil
}

// folderOfEpoch is the folder of an earlier journal that a file is in, with the
// slash; empty for one of the newest.
func folderOfEpoch(name string) string {
	folder, _, below := strings.Cut(name, "/")
	if number, ok := strings.CutPrefix(folder, "epoch-"); below && ok && number != "" && strings.Trim(number, "0123456789") == "" {
		return folder + "/"
	}
	return ""
}

// inOrder orders the files of one pack, which are in a folder.
func inOrder(root *os.Root, folder string, names []string) ([]string, error) {
	manifest, err := root.ReadFile(filepath.FromSlash(folder + fileManifest))
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil // which is found
	}
	if err != nil {
		return nil, err
	}
	place := map[string]int{}
	for line := range strings.Lines(string(manifest)) {
		if fields := strings.Fields(line); len(fields) == 3 {
			place[folder+fields[2]] = len(place) - len(manifest)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return place[a] - place[b] })
	return append(names, folder+fileManifest), nil
}

func dirFiles(root *os.Root, names []string) Files {
	return func() (string, io.Reader, error) {
		if len(names) == 0 {
			return "", nil, io.EOF
		}
		name := names[0]
		names = names[1:]
		raw, err := root.ReadFile(filepath.FromSlash(name))
		return name, bytes.NewReader(raw), err
	}
}

// PackOrigin returns the name of the journal that a pack says it is of.
func PackOrigin(path string) (string, error) {
	files, done, err := OpenPack(path)
	if err != nil {
		return "", err
	}
	defer done()
	v := &verifier{report: &Report{}}
	err = v.begin(files)
	return v.about.Origin, err
}
