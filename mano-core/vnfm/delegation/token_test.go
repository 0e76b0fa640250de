package delegation_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/connectors/pkcs11"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit"
	"github.com/manoward/manoward/mano-core/vnfm/delegation"
)

// soft is a PKCS#11 token as the VNFM uses it.
type soft struct{ *pkcs11.Token }

func (s soft) Properties(ctx context.Context, label string) (attester.Properties, error) {
	p, err := s.Token.Properties(ctx, label)
	return attester.Properties(p), err
}

// newToken is a generator of keys over a software token, and what counts how often
// that is opened.
func newToken(t *testing.T) (k *delegation.Token, hsm *testkit.HSM, opened *int) {
	t.Helper()
	hsm = testkit.SoftHSM(t)
	hsm.NewToken("vnfm", "4711-4711")
	pin := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(pin, []byte("4711-4711\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened = new(int)
	k = &delegation.Token{Now: time.Now, Open: func(ctx context.Context) (attester.Token, error) {
		*opened++
		is, err := pkcs11.Open(ctx, pkcs11.Config{Module: hsm.Module, TokenLabel: "vnfm", PINFile: pin})
		if err != nil {
			return nil, err
		}
		return soft{is}, nil
	}}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k, hsm, opened
}

// What it makes the CMF takes, for the nonce that was given and no other; the key of
// a name stays the same when the token is opened again, and others are others.
func TestToken(t *testing.T) {
	k, _, opened := newToken(t)
	key := func(name, nonce string) string {
		t.Helper()
		csr, err := k.Request(t.Context(), name, []byte(nonce))
		if err != nil {
			t.Fatal(err)
		}
		if v := judge(t, k, csr, []byte("another")); v.Accepted {
			t.Errorf("%s is taken for another nonce", name)
		}
		v := judge(t, k, csr, []byte(nonce))
		if !v.Accepted || v.Assurance != attestation.Protected {
			t.Errorf("%s: %+v", name, v)
		}
		return string(v.Key)
	}
	first, other := key("vnfc-1/tls", "n1"), key("vnfc-1/"+strings.Repeat("oam", 100), "n2")
	if *opened != 1 {
		t.Errorf("the token was opened %d times", *opened)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if again := key("vnfc-1/tls", "n3"); first == "" || again != first || first == other || *opened != 2 {
		t.Errorf("the key of a name changed, or another has the same; opened %d times", *opened)
	}
	if c, err := k.Endorsement(t.Context()); c != nil || err != nil {
		t.Errorf("endorsement: %+v, %v", c, err)
	}
	if _, err := k.Activate(t.Context(), nil, nil); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("activate: %v", err)
	}
}

// A token that is gone is refused, and used again when it is back.
func TestToken_Gone(t *testing.T) {
	k, hsm, _ := newToken(t)
	before, err := k.Attester(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	back := hsm.TakeAway("vnfm")
	for range 2 { // the second time it is looked for
		if _, err := k.Request(t.Context(), "vnfc-1/tls", []byte("n")); err == nil || strings.Contains(hub.SafeText(err), "4711") {
			t.Errorf("without a token: %v", err)
		}
	}
	back()
	csr, err := k.Request(t.Context(), "vnfc-1/tls", []byte("n"))
	if err != nil {
		t.Fatal(err)
	}
	if v := judge(t, k, csr, []byte("n")); !v.Accepted {
		t.Errorf("after it came back: %+v", v)
	}
	if after, err := k.Attester(t.Context()); err != nil || after.PublicKey != before.PublicKey {
		t.Errorf("the attester is %+v, was %+v: %v", after, before, err)
	}
}
