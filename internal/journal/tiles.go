package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/manoward/manoward/internal/hub"
)

// The layout of https://c2sp.org/tlog-tiles: tiles of 256 hashes, and bundles of as
// many entries.
const (
	tileWidth   = 256
	tileEntries = "entries" // in the place of a level
)

const opTiles = "write tiles"

// Tree is a tree that [WriteTiles] wrote.
type Tree struct {
	Origin string `json:"origin"`
	Key    string `json:"key"` // that signed the checkpoint
	Size   uint64 `json:"size"`
	Tiles  int    `json:"tiles"`  // files of hashes and entries
	Folder string `json:"folder"` // below the named one; empty: it itself
}

// WriteTiles writes the trees of a pack into a new folder as static files of a
// transparency log (C2SP tlog-tiles), for other tools: the newest journal's in the
// folder itself, those before in epoch-N. The pack has to be from the first record on.
// Each checkpoint of the pack is held against the tree as that grows, and its key is
// trustOf's, or the one that the pack names. When it fails, the folder is gone. Whether records are what was sealed,
// [Verify] says.
func WriteTiles(ctx context.Context, dir string, files Files, trustOf func(origin string) (Trust, error)) (list []Tree, err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, hub.E(hub.Conflict, opTiles, fmt.Sprintf("%s cannot be made: it is there already, or the folder above it is not, or not writable; name a new folder", dir), err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, hub.E(hub.Invalid, opTiles, dir+" cannot be opened", err)
	}
	defer func() {
		if err = errors.Join(err, root.Close()); err != nil { // half a tree is none
			list, err = nil, errors.Join(err, os.RemoveAll(dir))
		}
	}()
	t := &tiler{root: root, trustOf: trustOf}
	if err := each(ctx, files, t.file); err != nil {
		return nil, err
	}
	if err := t.finish(); err != nil {
		return nil, err
	}
	if len(t.trees) == 0 {
		return nil, damagedPack("it has no journal", nil)
	}
	return t.trees, nil
}

func damagedPack(what string, err error) error {
	return hub.E(hub.Invalid, opTiles, what+"; look at the pack with \"manoward audit verify --pack\"", err)
}

// tiler writes the trees of a pack, one after the other.
type tiler struct {
	root    *os.Root
	trustOf func(origin string) (Trust, error)
	trees   []Tree

	now        *Tree // that is being written; nil: none
	key        *PublicKey
	checkpoint string         // of the newest seal
	tree       *compact.Range // up to it
	entries    tile
	levels     []tile
}

// tile is one that is being filled.
type tile struct {
	index  uint64
	count  int
	hashes [][]byte
	data   []byte
}

// file takes one file of the pack.
func (t *tiler) file(name string, raw []byte) error {
	folder := folderOfEpoch(name)
	name = name[len(folder):]
	switch {
	case name == fileAbout:
		if err := t.finish(); err != nil {
			return err
		}
		return t.begin(folder, raw)
	case t.now == nil:
		return damagedPack("its first file is not about.json", nil)
	case folderOf(name) != folderSeals:
		return nil
	}
	for _, line := range splitLines(raw) {
		s, err := decodeSeal(line)
		if err != nil {
			return damagedPack("a seal cannot be read", err)
		}
		if err := t.seal(s); err != nil {
			return err
		}
	}
	return nil
}

func (t *tiler) begin(folder string, raw []byte) error {
	var a about
	if err := strict(raw, &a); err != nil {
		return damagedPack("about.json cannot be read", err)
	}
	trust, err := t.trustOf(a.Origin)
	if err != nil {
		return err
	}
	if t.key = trust.Key; t.key == nil {
		if t.key, err = ParseKey(a.Key); err != nil {
			return err
		}
	}
	if t.key.Origin() != a.Origin {
		return damagedPack(fmt.Sprintf("the pack is of %.80q, and its key of %.80q", a.Origin, t.key.Origin()), nil)
	}
	t.now = &Tree{Origin: a.Origin, Key: t.key.String(), Folder: folder}
	t.checkpoint, t.tree, t.entries, t.levels = "", trees.NewEmptyRange(0), tile{}, nil
	return nil
}

// seal adds the entries of a seal, whose checkpoint the tree then has to fit.
func (t *tiler) seal(s *seal) error {
	if t.tree.End() == 0 && s.Start > 0 {
		return hub.E(hub.Invalid, opTiles, fmt.Sprintf("the pack begins with entry %d of %s: tiles are of a tree from its first entry on; export it without --from", s.Start, t.now.Origin), nil)
	}
	if s.Start != t.tree.End() {
		return damagedPack(fmt.Sprintf("seals are missing before entry %d", s.Start), nil)
	}
	for _, e := range s.Entries {
		if err := t.add(e); err != nil {
			return err
		}
	}
	root, err := rootOf(t.tree)
	if err != nil {
		return fmt.Errorf("hash tree: %w", err)
	}
	c, err := t.key.open(s.Checkpoint)
	if err != nil {
		return damagedPack(fmt.Sprintf("the checkpoint of %d entries is not one that the key of %s signed", s.size(), t.now.Origin), err)
	}
	if c.size != t.tree.End() || !bytes.Equal(c.root, root) {
		return damagedPack(fmt.Sprintf("the tree of %d entries is not what was signed", t.tree.End()), nil)
	}
	t.checkpoint = s.Checkpoint
	return nil
}

func (t *tiler) add(e Entry) error {
	leaf := e.leaf()
	t.entries.data = append(binary.BigEndian.AppendUint16(t.entries.data, uint16(len(leaf))), leaf...)
	if t.entries.count++; t.entries.count == tileWidth {
		if err := t.write(tileEntries, &t.entries); err != nil {
			return err
		}
	}
	h := e.hash()
	if err := t.tree.Append(h, nil); err != nil {
		return fmt.Errorf("hash tree: %w", err)
	}
	return t.hash(0, h)
}

// hash adds a hash to a level, and of a full tile its root to the level above.
func (t *tiler) hash(level int, h []byte) error {
	if level == len(t.levels) {
		t.levels = append(t.levels, tile{})
	}
	at := &t.levels[level]
	at.data, at.hashes = append(at.data, h...), append(at.hashes, h)
	if at.count++; at.count < tileWidth {
		return nil
	}
	hashes := at.hashes
	for len(hashes) > 1 {
		above := make([][]byte, 0, len(hashes)/2)
		for i := 0; i < len(hashes); i += 2 {
			above = append(above, rfc6962.DefaultHasher.HashChildren(hashes[i], hashes[i+1]))
		}
		hashes = above
	}
	if err := t.write(fmt.Sprint(level), at); err != nil {
		return err
	}
	return t.hash(level+1, hashes[0])
}

// write writes a tile and begins the next.
func (t *tiler) write(level string, of *tile) error {
	name := "tile/" + level + "/" + tileIndex(of.index)
	if of.count < tileWidth {
		name += fmt.Sprintf(".p/%d", of.count)
	}
	if err := t.put(name, of.data); err != nil {
		return err
	}
	t.now.Tiles++
	*of = tile{index: of.index + 1}
	return nil
}

func (t *tiler) put(name string, content []byte) error {
	if err := writeIn(t.root, t.now.Folder+name, bytes.NewReader(content)); err != nil {
		return hub.E(hub.Invalid, opTiles, fmt.Sprintf("%s cannot be written; see that there is space", t.now.Folder+name), err)
	}
	return nil
}

// finish writes what of a tree is begun, and its checkpoint last: who finds that finds
// all that it covers.
func (t *tiler) finish() error {
	if t.now == nil {
		return nil
	}
	t.now.Size = t.tree.End()
	var failed error
	if t.entries.count > 0 {
		failed = t.write(tileEntries, &t.entries)
	}
	for level := range t.levels {
		if at := &t.levels[level]; at.count > 0 {
			failed = errors.Join(failed, t.write(fmt.Sprint(level), at))
		}
	}
	if failed == nil && t.checkpoint != "" {
		failed = t.put(fileCheckpoint, []byte(t.checkpoint))
	}
	t.trees = append(t.trees, *t.now)
	t.now = nil
	return failed
}

// tileIndex writes the index of a tile: three digits in each part, and an x before all
// but the last.
func tileIndex(n uint64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		text = fmt.Sprintf("x%03d/", n%1000) + text
	}
	return text
}
