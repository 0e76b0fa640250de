package journal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func packOf(t *testing.T, w *world) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WritePack(t.Context(), &b, Source{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now}, Request{TrustDomain: "north"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyPath(t *testing.T, w *world, path string) *Report {
	t.Helper()
	files, done, err := OpenPack(path)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	r, err := Verify(t.Context(), files, Trust{Key: w.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A pack is the same as a file and as a folder.
func TestPackOnDisk(t *testing.T) {
	w := filled(t, 700, 300)
	raw := packOf(t, w)
	dir := t.TempDir()
	file, folder := filepath.Join(dir, "e.tar"), filepath.Join(dir, "e")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := UnpackTo(folder, TarFiles(bytes.NewReader(raw))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, folder} {
		if r := verifyPath(t, w, path); len(r.Findings) > 0 || r.Records != 1400 {
			t.Errorf("%s: %d records, findings %+v; want 1400 and none", path, r.Records, r.Findings)
		}
	}
	if err := UnpackTo(folder, TarFiles(bytes.NewReader(raw))); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("to a folder that is there: %v; want conflict", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "more"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, fileUnsealed)); err != nil {
		t.Fatal(err)
	}
	r := verifyPath(t, w, folder)
	for _, name := range []string{"more", fileUnsealed} {
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.File == name }) {
			t.Errorf("findings %+v; want one of %s", r.Findings, name)
		}
	}
	if err := os.Remove(filepath.Join(folder, fileManifest)); err != nil {
		t.Fatal(err)
	}
	if r := verifyPath(t, w, folder); !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.File == fileManifest }) {
		t.Errorf("findings %+v; want a missing manifest", r.Findings)
	}
}

// What is cut off or goes on after its end is found; a name that leaves the
// folder is not written.
func TestPackCutOff(t *testing.T) {
	w := filled(t, 5, 3)
	raw := packOf(t, w)
	for name, bad := range map[string][]byte{"half": raw[:len(raw)/2], "byte after": append(bytes.Clone(raw), 'x')} {
		r, err := Verify(t.Context(), TarFiles(bytes.NewReader(bad)), Trust{Key: w.key.Public()})
		if err != nil || len(r.Findings) == 0 {
			t.Errorf("%s: %+v, %v; want findings", name, r, err)
		}
		if err := UnpackTo(filepath.Join(t.TempDir(), "e"), TarFiles(bytes.NewReader(bad))); hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("%s: unpacked: %v; want unavailable", name, err)
		}
	}
	given := false
	evil := func() (string, io.Reader, error) {
		if given {
			return "", nil, io.EOF
		}
		given = true
		return "../evil", strings.NewReader("x"), nil
	}
	if err := UnpackTo(filepath.Join(t.TempDir(), "e"), evil); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("a name outside: %v; want invalid", err)
	}
	if _, _, err := OpenPack(filepath.Join(t.TempDir(), "none")); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("OpenPack of nothing: %v; want not found", err)
	}
}

// Every byte of a tar file counts, those as well that fill a file up to a block.
func TestTar_Filling(t *testing.T) {
	w := newWorld(t)
	w.records.add("k")
	w.sealAll(t, 1)
	raw := packOf(t, w)
	key := Trust{Key: w.key.Public()}
	if r, err := Verify(t.Context(), TarFiles(bytes.NewReader(raw)), key); err != nil || len(r.Findings) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	for at := range raw {
		if at%53 > 0 && (raw[at] != 0 || at%5 > 0) && (at < 148 || at >= 156) { // some of all, and a whole checksum
			continue
		}
		bad := bytes.Clone(raw)
		bad[at] ^= 0x20
		var in io.Reader = bytes.NewReader(bad)
		if at%500 == 0 {
			in = iotest.OneByteReader(in)
		}
		if r, err := Verify(t.Context(), TarFiles(in), key); err == nil && len(r.Findings) == 0 {
			t.Fatalf("byte %d was changed and nothing is found", at)
		}
	}
}

// Of a tar file that is damaged between two files, the last good one and the place
// are named.
func TestTar_Header(t *testing.T) {
	w := newWorld(t)
	w.records.add("k")
	w.sealAll(t, 1)
	raw := packOf(t, w)
	at := bytes.Index(raw, []byte("seals/000001.jsonl"))
	raw[at] ^= 1
	r, err := Verify(t.Context(), TarFiles(bytes.NewReader(raw)), Trust{Key: w.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("at byte %d:", at+512)
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.What == BadFile && f.File == fileAbout && strings.Contains(f.Text, want)
	}) {
		t.Errorf("findings %+v; want one after %s, %s", r.Findings, fileAbout, want)
	}
}
