package testkit

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// KeyStore is a place for the private keys of one trust domain.
type KeyStore interface {
	Create(ctx context.Context, label string) (crypto.Signer, error)
	Signer(ctx context.Context, label string) (crypto.Signer, error)
	Delete(ctx context.Context, label string) error
}

// TestKeyStore proves that the key stores which open gives, each empty, do what
// every key store must.
func TestKeyStore(t *testing.T, open func(t *testing.T) KeyStore) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s KeyStore)
	}{
		{"Create", keyStoreCreate},
		{"CreateTwice", keyStoreCreateTwice},
		{"CreateAtOnce", keyStoreCreateAtOnce},
		{"BadLabel", keyStoreBadLabel},
		{"Missing", keyStoreMissing},
		{"Delete", keyStoreDelete},
		{"Digests", keyStoreDigests},
		{"SignAtOnce", keyStoreSignAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func keyStoreCreate(t *testing.T, s KeyStore) {
	ctx := t.Context()
	made := create(t, s, "root")
	if public, ok := made.Public().(*ecdsa.PublicKey); !ok || public.Curve != elliptic.P256() {
		t.Fatalf("the key is %T, want ECDSA on P-256", made.Public())
	}
	signs(t, made, made.Public())
	found, err := s.Signer(ctx, "root")
	if err != nil {
		t.Fatal(err)
	}
	signs(t, found, made.Public())
	signs(t, create(t, s, "issuing"), nil)
	if other, err := s.Signer(ctx, "issuing"); err != nil || equal(other.Public(), made.Public()) {
		t.Errorf("two labels have one key (%v)", err)
	}
}

func keyStoreCreateTwice(t *testing.T, s KeyStore) {
	made := create(t, s, "root")
	if _, err := s.Create(t.Context(), "root"); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("second Create: %v, want a conflict", err)
	}
	found, err := s.Signer(t.Context(), "root")
	if err != nil || !equal(found.Public(), made.Public()) {
		t.Errorf("the first key is not there any more: %v", err)
	}
}

func keyStoreCreateAtOnce(t *testing.T, s KeyStore) {
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Create(t.Context(), "root") })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		switch hub.CodeOf(err) {
		case "":
			made++
		case hub.Conflict:
		default:
			t.Errorf("Create beside others: %v", err)
		}
	}
	if made != 1 {
		t.Errorf("%d of %d Create with one label succeeded, want 1", made, len(errs))
	}
	if _, err := s.Signer(t.Context(), "root"); err != nil {
		t.Errorf("Signer after that: %v", err)
	}
}

func keyStoreBadLabel(t *testing.T, s KeyStore) {
	if _, err := s.Create(t.Context(), ""); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("Create without a label: %v, want invalid", err)
	}
	if _, err := s.Signer(t.Context(), ""); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("Signer without a label: %v, want invalid", err)
	}
	if err := s.Delete(t.Context(), ""); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("Delete without a label: %v, want invalid", err)
	}
}

func keyStoreMissing(t *testing.T, s KeyStore) {
	create(t, s, "root")
	if _, err := s.Signer(t.Context(), "roo"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("Signer of no key: %v, want not found", err)
	}
	if err := s.Delete(t.Context(), "roo"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("Delete of no key: %v, want not found", err)
	}
}

func keyStoreDelete(t *testing.T, s KeyStore) {
	ctx := t.Context()
	old := create(t, s, "root")
	create(t, s, "issuing")
	if err := s.Delete(ctx, "root"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Signer(ctx, "root"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("Signer after Delete: %v, want not found", err)
	}
	if _, err := s.Signer(ctx, "issuing"); err != nil {
		t.Errorf("Delete of one key took another: %v", err)
	}
	fresh := create(t, s, "root")
	if equal(fresh.Public(), old.Public()) {
		t.Error("Create after Delete gave the old key")
	}
	signs(t, fresh, fresh.Public())
}

func keyStoreDigests(t *testing.T, s KeyStore) {
	key := create(t, s, "root")
	public := key.Public().(*ecdsa.PublicKey)
	long := sha512.Sum384([]byte("a message"))
	sig, err := key.Sign(rand.Reader, long[:], crypto.SHA384)
	if err != nil || !ecdsa.VerifyASN1(public, long[:], sig) {
		t.Errorf("a SHA-384 digest is not signed: %v", err)
	}
	if _, err := key.Sign(rand.Reader, long[:5], crypto.SHA256); err == nil {
		t.Error("5 bytes were signed as a SHA-256 digest")
	}
}

func keyStoreSignAtOnce(t *testing.T, s KeyStore) {
	key := create(t, s, "root")
	public := key.Public().(*ecdsa.PublicKey)
	var wg sync.WaitGroup
	for i := range 100 { // more than a token has sessions
		wg.Go(func() {
			digest := sha256.Sum256(fmt.Append(nil, "message ", i))
			sig, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
			if err != nil || !ecdsa.VerifyASN1(public, digest[:], sig) {
				t.Errorf("signature %d beside others: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func create(t *testing.T, s KeyStore, label string) crypto.Signer {
	t.Helper()
	key, err := s.Create(t.Context(), label)
	if err != nil {
		t.Fatalf("Create %s: %v", label, err)
	}
	return key
}

// signs checks that key signs, and for public, or for its own public key if
// that is nil.
func signs(t *testing.T, key crypto.Signer, public crypto.PublicKey) {
	t.Helper()
	if public == nil {
		public = key.Public()
	}
	digest := sha256.Sum256([]byte("a message"))
	sig, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	if !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest[:], sig) {
		t.Fatal("the signature does not verify")
	}
}

func equal(a, b crypto.PublicKey) bool { return a.(*ecdsa.PublicKey).Equal(b) }
