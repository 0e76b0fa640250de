package trust

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"sync"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// SealedKeys keeps the CA keys of one trust domain, each sealed by the vault and
// bound to its domain and label: in files (see [OpenFileKeys]) or in a table (see
// [OpenTableKeys]). It is safe for concurrent use.
type SealedKeys struct {
	place  keyPlace
	domain string
	vault  *vault.Vault

	mu     sync.Mutex // covers signer and the place while a key is made or removed
	signer map[string]crypto.Signer
}

// keyPlace keeps what is sealed, by label.
type keyPlace interface {
	name(label string) string // to a person who looks for the key
	// check reports whether a key that was opened before is still there, if that is
	// cheap to know.
	check(label string) error
	read(ctx context.Context, label string) ([]byte, error) // hub.NotFound if there is none
	create(ctx context.Context, label string, blob []byte) error
	remove(ctx context.Context, label string) error // what is not there is no error
}

func newSealedKeys(place keyPlace, domain string, v *vault.Vault) *SealedKeys {
	return &SealedKeys{place: place, domain: domain, vault: v, signer: map[string]crypto.Signer{}}
}

func (k *SealedKeys) sealLabel(label string) string { return "ca/" + k.domain + "/" + label }

// Create makes a P-256 key and keeps it sealed.
func (k *SealedKeys) Create(ctx context.Context, label string) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
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
	switch err := k.place.create(ctx, label, blob); {
	case hub.CodeOf(err) == hub.Conflict:
		return nil, hub.E(hub.Conflict, "make CA key", "a key "+label+" exists already", err)
	case err != nil:
		return nil, err
	}
	k.signer[label] = key
	return key, nil
}

// Signer opens a key the first time it is asked for.
func (k *SealedKeys) Signer(ctx context.Context, label string) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.signer[label]; key != nil {
		return key, nil
	}
	blob, err := k.place.read(ctx, label)
	if err != nil {
		return nil, err
	}
	der, err := k.vault.Open(k.sealLabel(label), blob)
	if err != nil {
		return nil, hub.E(hub.Unavailable, "open CA key", fmt.Sprintf("%s: %v; restore it, or start with the unlock key it was sealed with", k.place.name(label), vault.ErrSealed), err)
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

// Delete destroys the key.
func (k *SealedKeys) Delete(ctx context.Context, label string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.signer, label)
	if err := k.place.remove(ctx, label); err != nil {
		return fmt.Errorf("destroy CA key %s: %w", label, err)
	}
	return nil
}

// Check reports whether the keys of the domain's CA are there and open.
func (k *SealedKeys) Check(ctx context.Context) error {
	for _, label := range []string{rootLabel, intermediateLabel} {
		if err := k.place.check(label); err != nil {
			return err
		}
		if _, err := k.Signer(ctx, label); err != nil {
			return err
		}
	}
	return nil
}
