// Package vault encrypts what must be secret at rest: keys of certificate
// authorities, seeds of the bus's accounts. One unlock key, kept in a file of
// its own that the operator can hold elsewhere, opens everything a hub sealed.
//
// Each secret is sealed with AES-256-GCM under a key derived from the unlock
// key by HKDF-SHA-256 for its label alone, and is bound to that label, so that a
// sealed file moved to another name or another trust domain does not open.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/manoward/manoward/internal/durable"
)

const (
	keySize = 32
	header  = "manoward unlock key v1\n"
	sealed  = "mwv1" // first bytes of everything sealed
)

// ErrSealed is returned when a secret does not open: it was sealed by another
// unlock key, under another label, or was altered.
var ErrSealed = errors.New("does not open with this unlock key, or was altered")

// Vault seals and opens secrets. It is immutable and safe for concurrent use.
type Vault struct{ key []byte }

// Open reads the unlock key at path.
//
// A file that others than its owner can read or write is refused. A missing
// file is reported as [fs.ErrNotExist]; [Create] makes one.
func Open(path string) (*Vault, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read unlock key: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("unlock key %s has mode %04o: others can read it; run: chmod 600 %s", path, perm, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read unlock key: %w", err)
	}
	body, ok := bytes.CutPrefix(raw, []byte(header))
	if !ok {
		return nil, fmt.Errorf("%s is not an unlock key of manoward", path)
	}
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(body)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("unlock key %s is damaged", path)
	}
	return &Vault{key: key}, nil
}

// Create makes a new random unlock key at path, readable by its owner only, and
// opens it. An existing file is left alone and reported as [fs.ErrExist].
func Create(path string) (*Vault, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("make unlock key %s: %w", path, fs.ErrExist)
	}
	key := make([]byte, keySize)
	rand.Read(key)
	text := header + base64.StdEncoding.EncodeToString(key) + "\n"
	if err := durable.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("make unlock key: %w", err)
	}
	return &Vault{key: key}, nil
}

// Seal encrypts plaintext so that only [Vault.Open] with the same label and
// unlock key gives it back.
func (v *Vault) Seal(label string, plaintext []byte) ([]byte, error) {
	gcm, err := v.aead(label)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", label, err)
	}
	return gcm.Seal([]byte(sealed), nil, plaintext, []byte(label)), nil
}

// Open decrypts what [Vault.Seal] made. Anything else is [ErrSealed].
func (v *Vault) Open(label string, blob []byte) ([]byte, error) {
	body, ok := bytes.CutPrefix(blob, []byte(sealed))
	if !ok {
		return nil, fmt.Errorf("open %s: %w", label, ErrSealed)
	}
	gcm, err := v.aead(label)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", label, err)
	}
	plaintext, err := gcm.Open(nil, nil, body, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", label, ErrSealed)
	}
	return plaintext, nil
}

// Key derives a key of 32 bytes from the unlock key. It is the same for the same
// label wherever the unlock key is the same, and opens nothing that is sealed.
func (v *Vault) Key(label string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, v.key, nil, "manoward key v1 "+label, keySize)
	if err != nil {
		return nil, fmt.Errorf("derive key %s: %w", label, err)
	}
	return key, nil
}

func (v *Vault) aead(label string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, v.key, nil, "manoward vault v1 "+label, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
