package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const testFormat = "manoward data v1"

// files are those of a small data directory; a name that ends in / is a folder.
var files = map[string]string{
	"FORMAT": testFormat + "\n", "unlock.key": "secret", "lock": "", ".FORMAT.123": "torn", "listeners.json": "{}",
	"bus/": "", "bus/bus.json": strings.Repeat("x", 3000), "bus/store/": "", "bus/store/empty/": "", "bus/store/1.blk": "\x00\xff",
	"keys/": "", "keys/a long name " + strings.Repeat("n", 120): "k",
}

// kept is what of it comes back.
func kept() map[string]string {
	want := map[string]string{}
	for name, text := range files {
		if name != "lock" && name != ".FORMAT.123" {
			want[name] = text
		}
	}
	return want
}

func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.MkdirAll(path, 0o700))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte(text), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readTree is what is below dir, and refuses what others than its owner may read.
func readTree(t testing.TB, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		name, _ := filepath.Rel(dir, path) // below it, so it has one
		if d.IsDir() {
			got[name+"/"] = ""
			return nil
		}
		raw, err := os.ReadFile(path)
		got[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func packed(t testing.TB, without ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	writeTree(t, dir, files)
	var out bytes.Buffer
	m, err := Pack(t.Context(), &out, dir, Options{Program: "test", Made: time.Unix(1e9, 5), Without: without})
	if err != nil {
		t.Fatal(err)
	}
	if m.Format != testFormat || m.Program != "test" || m.Has("lock") || !m.Has("bus/") || m.Has("unlock.key") != (len(without) == 0) {
		t.Errorf("manifest %+v", m)
	}
	return out.Bytes()
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, text := range a {
		if got, ok := b[name]; !ok || got != text {
			return false
		}
	}
	return true
}

// What was put in comes out, but for the lock and what a crash left of a write.
func TestRoundTrip(t *testing.T) {
	archive := packed(t)
	dir := t.TempDir()
	m, err := Unpack(t.Context(), bytes.NewReader(archive), dir, testFormat)
	if err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, dir); !same(got, kept()) {
		t.Errorf("restored %q\nwant %q", got, kept())
	}
	if m.Count() != 6 || m.Size() != 3000+2+1+6+2+int64(len(testFormat))+1 {
		t.Errorf("%d files of %d bytes", m.Count(), m.Size())
	}
	if _, err := Check(t.Context(), bytes.NewReader(archive), "manoward data v2", testFormat); err != nil { // of the format before
		t.Error(err)
	}
	less := t.TempDir()
	if _, err := Unpack(t.Context(), bytes.NewReader(packed(t, "unlock.key")), less, testFormat); err != nil {
		t.Fatal(err)
	}
	want := kept()
	delete(want, "unlock.key")
	if got := readTree(t, less); !same(got, want) {
		t.Errorf("restored %q", got)
	}
}

// Whatever one bit or byte of an archive is, or wherever it ends: it is refused, the
// target is as it was, and the text names a file; or all that was put in comes out.
func TestAltered(t *testing.T) {
	archive := packed(t)
	refused := 0
	try := func(what string, at int, altered []byte) {
		dir := t.TempDir()
		m, err := Unpack(t.Context(), bytes.NewReader(altered), dir, testFormat)
		got := readTree(t, dir)
		if err == nil {
			if !same(got, kept()) || m == nil {
				t.Fatalf("%s at %d was not noticed", what, at)
			}
			return
		}
		refused++
		if len(got) != 0 {
			t.Fatalf("%s at %d left %q", what, at, got)
		}
		if text := hub.SafeText(err); hub.CodeOf(err) != hub.Invalid || !strings.Contains(text, "no backup of manoward") && !strings.Contains(text, "the backup is damaged or was altered: ") {
			t.Fatalf("%s at %d: %s", what, at, text)
		}
		if _, err := Check(t.Context(), bytes.NewReader(altered), testFormat); err == nil {
			t.Fatalf("%s at %d: Check does not notice", what, at)
		}
	}
	for at := 0; at < len(archive); at += 101 {
		flipped := bytes.Clone(archive)
		flipped[at] ^= 1 << (at % 8)
		try("a bit", at, flipped)
		if at%303 == 0 {
			try("the end", at, archive[:at])
		}
	}
	if refused < len(archive)/1000 {
		t.Errorf("only %d of %d alterations were refused", refused, len(archive)/101)
	}
	one := bytes.Clone(archive)
	one[bytes.Index(one, []byte(strings.Repeat("x", 2000)))] ^= 1
	_, err := Check(t.Context(), bytes.NewReader(one), testFormat)
	if !strings.Contains(hub.SafeText(err), "altered: bus/bus.json: its content is not what was put in") {
		t.Errorf("the file is not named: %v", err)
	}
}

// crafted is an archive that somebody made with a manifest of his own.
func crafted(t testing.TB, m Manifest, entries ...*tar.Header) []byte {
	t.Helper()
	raw, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(h *tar.Header, body []byte) {
		h.Mode = 0o644
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	put(&tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Size: int64(len(raw))}, raw)
	for _, h := range entries {
		put(h, make([]byte, h.Size))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// An archive with a good manifest of a malicious maker writes nothing outside of the
// target, follows no link, and brings no lock.
func TestHostile(t *testing.T) {
	const none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
	manifest := func(paths ...string) Manifest {
		m := Manifest{Version: Version, Format: testFormat, Files: []File{{Path: FormatFile, SHA256: none}}}
		for _, p := range paths {
			f := File{Path: p}
			if !f.folder() {
				f.SHA256 = none
			}
			m.Files = append(m.Files, f)
		}
		return m
	}
	format := &tar.Header{Typeflag: tar.TypeReg, Name: "data/FORMAT"}
	reg := func(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: "data/" + name} }
	tests := map[string]struct {
		archive []byte
		says    string
	}{
		"upwards":           {crafted(t, manifest("../evil"), format, reg("../evil")), `"../evil", which is no path below a data directory`},
		"upwards inside":    {crafted(t, manifest("a/", "a/../../evil"), format), "no path below"},
		"absolute":          {crafted(t, manifest("/etc/evil"), format), "no path below"},
		"empty":             {crafted(t, manifest(""), format), "no path below"},
		"backslash":         {crafted(t, manifest(`..\evil`), format), "no path below"},
		"the lock":          {crafted(t, manifest("lock"), format), "which no backup holds"},
		"staging":           {crafted(t, manifest("RESTORING/"), format), "which no backup holds"},
		"listed twice":      {crafted(t, manifest("a", "a"), format), "a: it is listed twice"},
		"file and folder":   {crafted(t, manifest("a", "a/"), format), "a/: it is listed twice"},
		"without folder":    {crafted(t, manifest("a/b"), format), "a/b: it is listed twice, or without its folder"},
		"link":              {crafted(t, manifest("a"), format, &tar.Header{Typeflag: tar.TypeSymlink, Name: "data/a", Linkname: "/etc/passwd"}), "altered: a: "},
		"device":            {crafted(t, manifest("a"), format, &tar.Header{Typeflag: tar.TypeFifo, Name: "data/a"}), "altered: a: "},
		"other in place":    {crafted(t, manifest("a"), format, reg("b")), `a: "data/b" is in its place`},
		"missing":           {crafted(t, manifest("a"), format), "a: it is missing"},
		"one more":          {crafted(t, manifest(), format, reg("b")), "data/b: it is not in the manifest"},
		"nonsense":          {crafted(t, Manifest{Version: Version, Format: testFormat, Files: []File{{Path: "a", Size: -1, SHA256: none}}}), "makes no sense"},
		"no FORMAT":         {crafted(t, Manifest{Version: Version, Format: testFormat}), "FORMAT: it is not listed"},
		"newer archive":     {crafted(t, Manifest{Version: 2, Program: "v9", Format: testFormat}), `version 2 and this manoward reads version 1; restore it with the manoward that made it, "v9"`},
		"newer data":        {crafted(t, Manifest{Version: Version, Program: "v9", Format: "manoward data v2", Files: manifest().Files}), `"manoward data v2" and this manoward reads "manoward data v1"`},
		"no archive":        {[]byte("hello"), "altered: MANIFEST: the backup breaks off"},
		"nothing":           {nil, "this is no backup of manoward"},
		"compressed":        {bytes.Repeat([]byte("\x1f\x8b"), 600), "was it compressed"},
		"some other tar":    {otherTar(t), "it does not begin with a MANIFEST"},
		"wrong kind of sum": {crafted(t, Manifest{Version: Version, Format: testFormat, Files: []File{{Path: FormatFile, SHA256: "0"}}}), "makes no sense"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			around := t.TempDir()
			dir := filepath.Join(around, "x", "target")
			writeTree(t, around, map[string]string{"x/": "", "x/target/": ""})
			_, err := Unpack(t.Context(), bytes.NewReader(tt.archive), dir, testFormat)
			if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), tt.says) {
				t.Errorf("%v, want one that says %q", err, tt.says)
			}
			if got := readTree(t, around); !same(got, map[string]string{"x/": "", "x/target/": ""}) {
				t.Errorf("it left %q", got)
			}
		})
	}
}

func otherTar(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := errors.Join(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "thesis.txt"}), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A target that holds anything is left alone.
func TestUnpack_Target(t *testing.T) {
	archive := packed(t)
	for name, tt := range map[string]struct {
		files map[string]string
		says  string
	}{
		"a file":      {map[string]string{"thesis.txt": "mine"}, "is not empty: it holds thesis.txt"},
		"hidden":      {map[string]string{".profile": "mine"}, "it holds .profile"},
		"another hub": {files, "is not empty"},
		"cut off":     {map[string]string{"RESTORING/": "", "bus/": ""}, "a restore into "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeTree(t, dir, tt.files)
			before := readTree(t, dir)
			_, err := Unpack(t.Context(), bytes.NewReader(archive), dir, testFormat)
			if hub.CodeOf(err) != hub.Conflict || !strings.Contains(hub.SafeText(err), tt.says) {
				t.Errorf("%v, want one that says %q", err, tt.says)
			}
			if !same(readTree(t, dir), before) {
				t.Error("something was changed")
			}
		})
	}
	if _, err := Unpack(t.Context(), bytes.NewReader(archive), filepath.Join(t.TempDir(), "none"), testFormat); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a target that is not there: %v", err)
	}
	locked := t.TempDir()
	writeTree(t, locked, map[string]string{"lock": ""})
	if _, err := Unpack(t.Context(), bytes.NewReader(archive), locked, testFormat); err != nil {
		t.Errorf("a target that holds its lock only: %v", err)
	}
}

// A restore that ends before its last step leaves what no hub takes for its own.
func TestUnpack_CutOff(t *testing.T) {
	archive := packed(t)
	for at := 0; at < len(archive); at += 512 {
		dir := t.TempDir()
		looked := false
		r := io.MultiReader(bytes.NewReader(archive[:at]), readFunc(func([]byte) (int, error) {
			looked = true
			if _, err := os.Stat(filepath.Join(dir, FormatFile)); err == nil {
				t.Errorf("FORMAT is in its place after %d of %d bytes", at, len(archive))
			}
			if left := readTree(t, dir); len(left) > 0 && !CutOff(dir) {
				t.Errorf("after %d bytes there is %q, and it is not known as cut off", at, left)
			}
			return 0, io.ErrUnexpectedEOF
		}))
		if _, err := Unpack(t.Context(), r, dir, testFormat); err == nil && looked {
			t.Errorf("an archive that cannot be read after %d bytes was restored", at)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// Who breaks it off gets that as the error, and the target as it was.
func TestBrokenOff(t *testing.T) {
	archive := packed(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	r := io.MultiReader(bytes.NewReader(archive[:6000]), readFunc(func(p []byte) (int, error) { cancel(); return copy(p, archive[6000:6100]), nil }), bytes.NewReader(archive[6100:]))
	if _, err := Unpack(ctx, r, dir, testFormat); !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v", err)
	}
	if left := readTree(t, dir); len(left) != 0 {
		t.Errorf("it left %q", left)
	}
	from := t.TempDir()
	writeTree(t, from, files)
	if _, err := Pack(ctx, io.Discard, from, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("backup: %v", err)
	}
}

// What cannot be read, changes meanwhile or is no file is an error, and so is an
// archive that cannot be written.
func TestPack_Failures(t *testing.T) {
	if _, err := Pack(t.Context(), io.Discard, filepath.Join(t.TempDir(), "none"), Options{}); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Pack(t.Context(), io.Discard, t.TempDir(), Options{}); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(err.Error(), "FORMAT cannot be read") {
		t.Errorf("no data directory: %v", err)
	}
	dir := t.TempDir()
	writeTree(t, dir, files)
	grow := writeFunc(func(p []byte) (int, error) { // after the manifest is made
		err := os.WriteFile(filepath.Join(dir, "bus/bus.json"), []byte(strings.Repeat("y", 3000)), 0o600)
		return len(p), err
	})
	if _, err := Pack(t.Context(), grow, dir, Options{}); hub.CodeOf(err) != hub.Conflict || !strings.Contains(hub.SafeText(err), "bus/bus.json changed while it was read") {
		t.Errorf("changed meanwhile: %v", err)
	}
	for _, room := range []int{0, 600, 4000} {
		n := 0
		full := writeFunc(func(p []byte) (int, error) {
			if n += len(p); n > room {
				return 0, errors.New("no space left on device")
			}
			return len(p), nil
		})
		if _, err := Pack(t.Context(), full, dir, Options{}); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "see that its disk has room") {
			t.Errorf("full after %d bytes: %v", room, err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "bus", "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if _, err := Pack(t.Context(), io.Discard, dir, Options{}); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "bus/elsewhere is neither a file nor a folder") {
		t.Errorf("a link: %v", err)
	}
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// No manifest that is taken names anything outside of the directory, or its lock, and
// what is found to be whole is restored. The manifest gets its checksum here, so that more
// than that is read; without one the rest is the whole archive. Nothing is written unless
// all is well: a disk is too slow for this.
func FuzzUnpack(f *testing.F) {
	good := packed(f)
	in := tar.NewReader(bytes.NewReader(good))
	if _, err := in.Next(); err != nil {
		f.Fatal(err)
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		f.Fatal(err)
	}
	body, _, _ := bytes.Cut(raw, []byte{'\n'})
	rest := good[(512+len(raw)+511)/512*512:] // behind the manifest and its header
	f.Add(body, rest)
	f.Add(body, rest[:len(rest)/2])
	f.Add([]byte(`{"version":1,"format":"manoward data v1","files":[{"path":"a/"},{"path":"a/../../b"}]}`), rest)
	f.Add([]byte{}, good[:len(good)/2])
	f.Add([]byte{}, otherTar(f))
	f.Fuzz(func(t *testing.T, body, rest []byte) {
		archive := rest
		if len(body) > 0 {
			archive = append(sealedManifest(t, body), rest...)
		}
		m, err := Check(t.Context(), bytes.NewReader(archive), testFormat)
		if err != nil {
			if hub.CodeOf(err) != hub.Invalid {
				t.Fatal(err)
			}
			return
		}
		for _, file := range m.Files {
			if !filepath.IsLocal(file.Path) || file.Path == lockFile {
				t.Fatalf("%q was taken", file.Path)
			}
		}
		dir := t.TempDir()
		_, err = Unpack(t.Context(), bytes.NewReader(archive), dir, testFormat)
		if err != nil && hub.CodeOf(err) != hub.Unavailable { // a name can be too long for the disk
			t.Fatal(err)
		}
		if _, ok := readTree(t, dir)[FormatFile]; ok != (err == nil) {
			t.Fatalf("FORMAT is there: %t; error %v", ok, err)
		}
	})
}

// sealedManifest is the beginning of an archive with a manifest that has its checksum.
func sealedManifest(t *testing.T, body []byte) []byte {
	t.Helper()
	text := append(append(bytes.Clone(body), '\n'), sumOf(body)+"\n"...)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Size: int64(len(text)), Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Write(text)
	if err := errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
