package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/manoward/manoward/internal/hub"
)

// tileFolder reads tiles as the Go checksum database's client does, from a folder in
// the layout of C2SP tlog-tiles.
type tileFolder struct{ dir string }

func (tileFolder) Height() int { return 8 }

func (f tileFolder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var list [][]byte
	for _, t := range tiles {
		raw, err := os.ReadFile(filepath.Join(f.dir, strings.Replace(t.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	return list, nil
}

func (tileFolder) SaveTiles([]tlog.Tile, [][]byte) {}

// readTree reads a tree with nothing of this package: the checkpoint with the signer's
// key, the hashes by tiles, each of which is held against the checkpoint, and each
// entry against its hash. It returns the entries.
func readTree(t *testing.T, dir, key string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(signed.Text, "\n")
	var tree tlog.Tree
	if _, err := fmt.Sscan(lines[1], &tree.N); err != nil {
		t.Fatal(err)
	}
	if tree.Hash, err = tlog.ParseHash(lines[2]); err != nil {
		t.Fatal(err)
	}
	hashes := tlog.TileHashReader(tree, tileFolder{dir})
	var entries [][]byte
	for n := int64(0); n < tree.N; n += tileWidth {
		width := min(tileWidth, int(tree.N-n))
		bundle, err := (tileFolder{dir}).ReadTiles([]tlog.Tile{{H: 8, L: 0, N: n / tileWidth, W: width}})
		if err != nil {
			t.Fatal(err)
		}
		path := strings.Replace(tlog.Tile{H: 8, L: -1, N: n / tileWidth, W: width}.Path(), "tile/8/data/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil || len(bundle[0]) != 32*width {
			t.Fatalf("tile %d: %d bytes of hashes, %v", n, len(bundle[0]), err)
		}
		for len(data) > 0 {
			size := 2 + int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:size])
			data = data[size:]
		}
	}
	if int64(len(entries)) != tree.N {
		t.Fatalf("%d entries; want %d", len(entries), tree.N)
	}
	step := max(1, len(entries)/100)
	for n := 0; n < len(entries); n += step {
		got, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(n))})
		if err != nil || got[0] != tlog.RecordHash(entries[n]) {
			t.Fatalf("entry %d is not what the tiles have: %v", n, err)
		}
		proof, err := tlog.ProveRecord(tree.N, int64(n), hashes)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(n), got[0]); err != nil {
			t.Fatalf("entry %d is not proven: %v", n, err)
		}
	}
	if all, err := tlog.TreeHash(tree.N, hashes); err != nil || all != tree.Hash {
		t.Errorf("the tree's hash is %v, %v; want %v", all, err, tree.Hash)
	}
	return entries
}

func anyKey(string) (Trust, error) { return Trust{}, nil }

// A tree of any size is read by a program of others, at each level of tiles.
func TestTiles(t *testing.T) {
	for _, size := range []int{1, 255, 256, 257, 700, 66_000} {
		w := newWorld(t)
		kinds := slices.Repeat([]string{"k"}, 100)
		for n := 0; n < size; n += 100 {
			w.records.add(kinds[:min(100, size-n)]...)
		}
		w.sealAll(t, 500)
		dir := filepath.Join(t.TempDir(), "tiles")
		list := w.sealsAlone(t)
		if size < 1000 {
			list = w.export(t, Request{})
		}
		trees, err := WriteTiles(t.Context(), dir, filesOf(list), anyKey)
		if err != nil || len(trees) != 1 || trees[0].Size != uint64(size) || trees[0].Origin != Origin("north") {
			t.Fatalf("%d entries: %+v, %v", size, trees, err)
		}
		entries := readTree(t, dir, w.key.Public().String())
		if got := string(entries[size-1]); !strings.Contains(got, `"kind":"k"`) {
			t.Errorf("the last entry is %s", got)
		}
	}
}

// The trees of a journal that was begun anew, and of the one before it, are read by
// themselves.
func TestTiles_Epochs(t *testing.T) {
	w := filled(t, 5, 2)
	second := newWorld(t)
	private, err := NewKey(testRandom{}, EpochOrigin("north", 2))
	if err != nil {
		t.Fatal(err)
	}
	if second.key, err = OpenKey(private); err != nil {
		t.Fatal(err)
	}
	second.records.add("first")
	second.sealAll(t, 1)
	list := second.exportOf(t, 2)
	for _, f := range w.export(t, Request{}) {
		list = append(list, packFile{"epoch-1/" + f.name, f.raw})
	}
	dir := filepath.Join(t.TempDir(), "tiles")
	trees, err := WriteTiles(t.Context(), dir, filesOf(list), anyKey)
	if err != nil || len(trees) != 2 || trees[1].Folder != "epoch-1/" {
		t.Fatalf("%+v, %v", trees, err)
	}
	if n := len(readTree(t, dir, second.key.Public().String())); n != 1 {
		t.Errorf("%d entries of the newest; want 1", n)
	}
	if n := len(readTree(t, filepath.Join(dir, "epoch-1"), w.key.Public().String())); n != 10 {
		t.Errorf("%d entries of the first; want 10", n)
	}
}

// What is no whole tree, or not what was signed, is refused, and leaves nothing.
func TestTiles_Refused(t *testing.T) {
	w := filled(t, 9, 2)
	whole := w.export(t, Request{})
	at := slices.IndexFunc(whole, func(f packFile) bool { return f.name == partName(folderSeals, 1) })
	changed := func(old, now string) []packFile {
		list := slices.Clone(whole)
		list[at].raw = []byte(strings.Replace(string(list[at].raw), old, now, 1))
		return list
	}
	records, _ := w.records.snapshot()
	lines := strings.SplitAfter(string(whole[at].raw), "\n")
	other := newTestKey(t, "north").Public()
	for name, tt := range map[string]struct {
		files []packFile
		trust func(string) (Trust, error)
		says  string
	}{
		"of a time":       {w.export(t, Request{From: records[5].Stored}), nil, "export it without --from"},
		"an entry":        {changed(`"id":"r2-0"`, `"id":"r7-7"`), nil, "is not what was signed"},
		"a seal is gone":  {changed(lines[1], ""), nil, "seals are missing before entry 4"},
		"a seal is none":  {changed(lines[1], "{}\n"), nil, "a seal cannot be read"},
		"another's key":   {whole, func(string) (Trust, error) { return Trust{Key: other}, nil }, "not one that the key"},
		"another journal": {whole, func(string) (Trust, error) { return Trust{Key: newTestKey(t, "west").Public()}, nil }, "its key of"},
		"no such key":     {whole, func(string) (Trust, error) { return Trust{}, errBus }, ""},
		"no pack":         {whole[1:], nil, "its first file is not about.json"},
		"nothing":         {nil, nil, "it has no journal"},
		"bad about":       {append([]packFile{{fileAbout, []byte(`{"x":1}`)}}, whole[1:]...), nil, "about.json cannot be read"},
	} {
		if tt.trust == nil {
			tt.trust = anyKey
		}
		dir := filepath.Join(t.TempDir(), "tiles")
		_, err := WriteTiles(t.Context(), dir, filesOf(tt.files), tt.trust)
		if err == nil || !strings.Contains(hub.SafeText(err), tt.says) || tt.says == "" && !errors.Is(err, errBus) {
			t.Errorf("%s: %v; want one that says %q", name, err, tt.says)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the folder is there", name)
		}
	}
	if _, err := WriteTiles(t.Context(), t.TempDir(), filesOf(whole), anyKey); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("into a folder that is there: %v", err)
	}
}

func TestTileIndex(t *testing.T) {
	for n, want := range map[uint64]string{0: "000", 255: "255", 1000: "x001/000", 1234067: "x001/x234/067"} {
		if got := tileIndex(n); got != want || "tile/8/0/"+want != (tlog.Tile{H: 8, N: int64(n), W: 256}).Path() {
			t.Errorf("%d is %s; want %s", n, got, want)
		}
	}
}

// FuzzTiles feeds a seals file that nobody wrote: it is refused, or the tree is what the
// key signed.
func FuzzTiles(f *testing.F) {
	w := filled(f, 9, 2)
	whole := w.export(f, Request{})
	at := slices.IndexFunc(whole, func(p packFile) bool { return p.name == partName(folderSeals, 1) })
	good := string(whole[at].raw)
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, `"start":2`, `"start":4`, 1)))
	f.Add([]byte(strings.Replace(good, `"kind"`, `"kinds"`, 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list := slices.Clone(whole)
		list[at].raw = raw
		dir := filepath.Join(t.TempDir(), "tiles")
		trees, err := WriteTiles(t.Context(), dir, filesOf(list), func(string) (Trust, error) { return Trust{Key: w.key.Public()}, nil })
		if err == nil && trees[0].Size > 0 {
			readTree(t, dir, w.key.Public().String())
		}
	})
}

// sealsAlone is of a pack what tiles are made of.
func (w *world) sealsAlone(t *testing.T) []packFile {
	t.Helper()
	a, err := json.Marshal(about{Version: version, Origin: Origin("north"), TrustDomain: "north", Key: w.key.Public().String()})
	if err != nil {
		t.Fatal(err)
	}
	return []packFile{{fileAbout, a}, {partName(folderSeals, 1), append(bytes.Join(w.seals.raw, []byte{'\n'}), '\n')}}
}

// testRandom is random enough for a key that guards nothing.
type testRandom struct{}

func (testRandom) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i)
	}
	return len(b), nil
}

// exportOf exports the journal as one of an epoch.
func (w *world) exportOf(t testing.TB, epoch int) []packFile {
	t.Helper()
	var b strings.Builder
	s := Source{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now, Epoch: epoch, Contents: w.contents}
	if err := WritePack(t.Context(), &b, s, Request{TrustDomain: "north"}); err != nil {
		t.Fatal(err)
	}
	return untar(t, []byte(b.String()))
}
