package trust

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// FileKeys keeps the CA keys of one trust domain in files of their own, each
// sealed by the vault and bound to its domain and label. It is safe for
// concurrent use within one process, which must own the directory.
type FileKeys struct {
	dir    string
	domain string
	vault  *vault.Vault

	mu     sync.Mutex // covers signer and the files while one is made or removed
	signer map[string]crypto.Signer
}

// OpenFileKeys opens, and makes if need be, the key directory of a domain.
func OpenFileKeys(dir, domain string, v *vault.Vault) (*FileKeys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, hub.E(hub.Unavailable, "make key directory of trust domain "+domain, fmt.Sprintf("key directory %s cannot be made; see that the disk is not full and that the data directory is writable", dir), err)
	}
	if err := durable.SyncDir(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	return &FileKeys{dir: dir, domain: domain, vault: v, signer: map[string]crypto.Signer{}}, nil
}

func (k *FileKeys) path(label string) string {
	// A label is made of names without "." or "_" before its last part, and "/".
	return filepath.Join(k.dir, strings.ReplaceAll(label, "/", "_")+".key")
}

func (k *FileKeys) sealLabel(label string) string { return "ca/" + k.domain + "/" + label }

// Create makes a P-256 key and seals it into its file.
func (k *FileKeys) Create(_ context.Context, label string) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := os.Stat(k.path(label)); err == nil {
		return nil, hub.E(hub.Conflict, "make CA key", "a key "+label+" exists already", nil)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make CA key %s: %w", label, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make CA key %s: %w", label, err)
	}
	blob, err := k.vault.Seal(k.sealLabel(label), der)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(k.path(label), blob, 0o600); err != nil {
		return nil, hub.E(hub.Unavailable, "keep CA key "+label, fmt.Sprintf("key file %s cannot be written; see that the disk is not full and that its directory is writable", k.path(label)), err)
	}
	k.signer[label] = key
	return key, nil
}

// Signer opens a key's file the first time it is asked for.
func (k *FileKeys) Signer(_ context.Context, label string) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.signer[label]; key != nil {
		return key, nil
	}
	blob, err := os.ReadFile(k.path(label))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.E(hub.NotFound, "open CA key", fmt.Sprintf("key file %s is missing; restore it", k.path(label)), nil)
	}
	if err != nil {
		return nil, fmt.Errorf("open CA key %s: %w", label, err)
	}
	der, err := k.vault.Open(k.sealLabel(label), blob)
	if err != nil {
		return nil, hub.E(hub.Unavailable, "open CA key", fmt.Sprintf("key file %s: %v; restore it, or start with the unlock key it was sealed with", k.path(label), vault.ErrSealed), err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("open CA key %s: %w", label, err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("open CA key %s: %T cannot sign", label, parsed)
	}
	k.signer[label] = key
	return key, nil
}

// Delete removes the key's file.
func (k *FileKeys) Delete(_ context.Context, label string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.signer, label)
	if err := durable.Remove(k.path(label)); err != nil {
		return fmt.Errorf("destroy CA key %s: %w", label, err)
	}
	return nil
}

// Check reports whether the keys of the domain's CA are there and open.
func (k *FileKeys) Check(ctx context.Context) error {
	for _, label := range []string{rootLabel, intermediateLabel} {
		if _, err := os.Stat(k.path(label)); err != nil {
			return hub.E(hub.Unavailable, "check CA keys", fmt.Sprintf("key file %s is missing; restore it", k.path(label)), err)
		}
		if _, err := k.Signer(ctx, label); err != nil {
			return err
		}
	}
	return nil
}
