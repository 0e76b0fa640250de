package journal

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"github.com/manoward/manoward/internal/hub"
)

// Origin returns the name of the journal of a trust domain: the first line of
// its checkpoints, and the name of its key.
func Origin(trustDomain string) string { return "manoward/journal/" + trustDomain }

// NewKey makes an Ed25519 key for a journal, in the text that [OpenKey] reads.
// It is secret: seal it before it is stored.
func NewKey(random io.Reader, origin string) (string, error) {
	private, _, err := note.GenerateKey(random, origin)
	if err != nil {
		return "", fmt.Errorf("make journal key: %w", err)
	}
	return private, nil
}

// Key signs checkpoints. It is safe for concurrent use.
type Key struct {
	signer note.Signer
	public *PublicKey
}

// OpenKey reads what [NewKey] made.
func OpenKey(private string) (*Key, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("read journal key: %w", err)
	}
	// NewSigner has seen PRIVATE+KEY+name+hash+key, whose last part is the
	// algorithm's byte and a seed.
	parts := strings.SplitN(private, "+", 5)
	secret, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(secret) != 1+ed25519.SeedSize {
		return nil, errors.New("read journal key: it is not an Ed25519 key")
	}
	pair := ed25519.NewKeyFromSeed(secret[1:])
	text, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.PublicKey(pair[ed25519.SeedSize:]))
	if err != nil {
		return nil, fmt.Errorf("read journal key: %w", err)
	}
	public, err := ParseKey(text)
	if err != nil {
		return nil, err
	}
	return &Key{signer, public}, nil
}

// Public returns the key that verifies.
func (k *Key) Public() *PublicKey { return k.public }

// PublicKey verifies the checkpoints of one journal.
type PublicKey struct {
	text     string
	verifier note.Verifier
}

// ParseKey reads a verifier key: <origin>+<hash>+<key> (C2SP signed-note).
func ParseKey(text string) (*PublicKey, error) {
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, hub.E(hub.Invalid, "read journal key", fmt.Sprintf("%.120q is no key of a journal; give the line that \"manoward audit key\" prints", text), err)
	}
	return &PublicKey{text, v}, nil
}

// String returns the text that [ParseKey] reads.
func (k *PublicKey) String() string { return k.text }

// Origin returns the name of the journal whose key it is.
func (k *PublicKey) Origin() string { return k.verifier.Name() }

// sign makes the checkpoint of a tree.
func (k *Key) sign(size uint64, root []byte) (string, error) {
	body := log.Checkpoint{Origin: k.signer.Name(), Size: size, Hash: root}.Marshal()
	return k.signNote(string(body))
}

func (k *Key) signNote(text string) (string, error) {
	signed, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return string(signed), nil
}

// checkpoint is what a journal signed: that its tree of this size has this root.
type checkpoint struct {
	size uint64
	root []byte
}

// open reads a checkpoint. It refuses one that the key did not sign, that is of
// another journal, or that says more than it has to.
func (k *PublicKey) open(signed string) (checkpoint, error) {
	c, rest, _, err := log.ParseCheckpoint([]byte(signed), k.verifier.Name(), k.verifier)
	switch {
	case err != nil:
		return checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	case len(rest) > 0 || len(c.Hash) != hashSize:
		return checkpoint{}, errors.New("read checkpoint: it is not of the form that this journal signs")
	}
	return checkpoint{c.Size, c.Hash}, nil
}

// openNote returns the text of a note that the key signed.
func (k *PublicKey) openNote(signed []byte) (string, error) {
	n, err := note.Open(signed, note.VerifierList(k.verifier))
	if err != nil {
		return "", fmt.Errorf("read signed note: %w", err)
	}
	return n.Text, nil
}
