package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

const hashSize = 32

// maxSeal is how many entries one seal holds at most: it is one message of the
// bus, which takes 512 KiB, and an entry has at most some 600 bytes.
const maxSeal = 512

var trees = compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// seal is one step of a journal: entries that were added to the tree, and the
// checkpoint with them. It stands on its own: the roots of the whole subtrees
// before it make the tree go on without anything else.
type seal struct {
	Start      uint64   `json:"start"`    // entries in the tree before it
	Frontier   [][]byte `json:"frontier"` // roots of the whole subtrees of the tree before it, from the left
	Entries    []Entry  `json:"entries"`
	Checkpoint string   `json:"checkpoint"` // with the entries, signed
}

func (s *seal) size() uint64 { return s.Start + uint64(len(s.Entries)) }
func (s *seal) id() string   { return "seal/" + strconv.FormatUint(s.Start, 10) }
func (s *seal) last() Entry  { return s.Entries[len(s.Entries)-1] }

// encode returns the text of a seal.
func (s *seal) encode() ([]byte, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode seal: %w", err)
	}
	return raw, nil
}

// decodeSeal reads a seal strictly: what no sealer writes is refused.
func decodeSeal(raw []byte) (*seal, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	s := &seal{}
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	if len(s.Entries) == 0 || len(s.Entries) > maxSeal || s.Start > 1<<62 || d.InputOffset() != int64(len(raw)) {
		return nil, errors.New("read seal: it is not of the form that a sealer writes")
	}
	for _, h := range s.Frontier {
		if len(h) != hashSize {
			return nil, errors.New("read seal: a root has the wrong length")
		}
	}
	for i := range s.Entries[1:] {
		if s.Entries[i].compare(s.Entries[i+1]) >= 0 {
			return nil, fmt.Errorf("read seal: %s is out of order", s.Entries[i+1].place())
		}
	}
	return s, nil
}

// before returns the tree that the seal begins with.
func (s *seal) before() (*compact.Range, error) {
	r, err := trees.NewRange(0, s.Start, bytesOf(s.Frontier)) // the tree changes what it is given
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	return r, nil
}

// rootOf returns the root of a tree: RFC 6962's for an empty one.
func rootOf(r *compact.Range) ([]byte, error) {
	if r.End() == 0 {
		return rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	return r.GetRootHash(nil)
}

// check holds a seal against its own checkpoint, and returns the tree with it
// and the root of the tree before it.
func (s *seal) check(key *PublicKey) (tree *compact.Range, before []byte, err error) {
	signed, err := key.open(s.Checkpoint)
	if err != nil {
		return nil, nil, err
	}
	if tree, err = s.before(); err != nil {
		return nil, nil, err
	}
	if before, err = rootOf(tree); err != nil {
		return nil, nil, fmt.Errorf("hash tree: %w", err)
	}
	for _, e := range s.Entries {
		if err := tree.Append(e.hash(), nil); err != nil {
			return nil, nil, fmt.Errorf("hash tree: %w", err)
		}
	}
	root, err := rootOf(tree)
	if err != nil {
		return nil, nil, fmt.Errorf("hash tree: %w", err)
	}
	if signed.size != s.size() || !bytes.Equal(signed.root, root) {
		return nil, nil, fmt.Errorf("the checkpoint of %d entries does not fit to the %d entries that are there", signed.size, s.size())
	}
	return tree, before, nil
}

// follows reports whether the seal goes on where a checkpoint ends.
func (s *seal) follows(c checkpoint, before []byte) error {
	if s.Start != c.size || !bytes.Equal(before, c.root) {
		return fmt.Errorf("the seal from entry %d on does not go on from the checkpoint of %d entries: two different trees were signed", s.Start, c.size)
	}
	return nil
}

// newSeal adds entries to a tree and signs it. The tree is changed.
func newSeal(key *Key, tree *compact.Range, entries []Entry) (*seal, error) {
	s := &seal{Start: tree.End(), Frontier: bytesOf(tree.Hashes()), Entries: entries}
	for _, e := range entries {
		if err := tree.Append(e.hash(), nil); err != nil {
			return nil, fmt.Errorf("hash tree: %w", err)
		}
	}
	root, err := rootOf(tree)
	if err != nil {
		return nil, fmt.Errorf("hash tree: %w", err)
	}
	s.Checkpoint, err = key.sign(tree.End(), root)
	return s, err
}

func bytesOf(hashes [][]byte) [][]byte { return append([][]byte{}, hashes...) }

// proofs are what a seal proves of its entries, to somebody who has the
// checkpoint alone (RFC 9162 clause 2.1.3 and 2.1.4).
type proofs struct {
	Size        uint64     `json:"size"`        // of the tree whose checkpoint they hold for
	Inclusion   [][][]byte `json:"inclusion"`   // of each entry
	Consistency [][]byte   `json:"consistency"` // with the checkpoint before
}

// prove makes the proofs of a seal from the seal alone.
func (s *seal) prove() (*proofs, error) {
	tree, err := s.before()
	if err != nil {
		return nil, err
	}
	nodes := map[compact.NodeID][]byte{}
	for i, id := range compact.RangeNodes(0, s.Start, nil) {
		nodes[id] = s.Frontier[i]
	}
	for i, e := range s.Entries {
		h := e.hash()
		nodes[compact.NewNodeID(0, s.Start+uint64(i))] = h
		if err := tree.Append(h, func(id compact.NodeID, hash []byte) { nodes[id] = hash }); err != nil {
			return nil, fmt.Errorf("hash tree: %w", err)
		}
	}
	p := &proofs{Size: s.size()}
	for i := range s.Entries {
		n, err := proof.Inclusion(s.Start+uint64(i), s.size())
		if err != nil {
			return nil, fmt.Errorf("prove inclusion: %w", err)
		}
		list, err := rehash(n, nodes)
		if err != nil {
			return nil, err
		}
		p.Inclusion = append(p.Inclusion, list)
	}
	if s.Start == 0 {
		return p, nil
	}
	n, err := proof.Consistency(s.Start, s.size())
	if err != nil {
		return nil, fmt.Errorf("prove consistency: %w", err)
	}
	p.Consistency, err = rehash(n, nodes)
	return p, err
}

func rehash(n proof.Nodes, nodes map[compact.NodeID][]byte) ([][]byte, error) {
	hashes := make([][]byte, 0, len(n.IDs))
	for _, id := range n.IDs {
		h, ok := nodes[id]
		if !ok {
			return nil, fmt.Errorf("make proof: node %d of level %d is not known", id.Index, id.Level)
		}
		hashes = append(hashes, h)
	}
	list, err := n.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, fmt.Errorf("make proof: %w", err)
	}
	return list, nil
}

// readSeal reads the seal of a number.
func readSeal(ctx context.Context, seals Seals, number uint64) (*seal, error) {
	raw, err := seals.At(ctx, number)
	if err != nil {
		return nil, err
	}
	s, err := decodeSeal(raw)
	if err != nil {
		return nil, fmt.Errorf("seal %d: %w", number, err)
	}
	return s, nil
}
