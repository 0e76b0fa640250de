package stepca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"testing"

	"go.step.sm/crypto/x509util"
)

// The identifier is the one that step-ca would make itself.
func TestSubjectKeyID(t *testing.T) {
	var keys []crypto.PublicKey
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.Public())
	}
	key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range append(keys, key) {
		spki, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		want, err := x509util.GenerateSubjectKeyID(key)
		if err != nil {
			t.Fatal(err)
		}
		if is := subjectKeyID(spki); string(is) != string(want) && !fips140.Enabled() {
			t.Errorf("%T: %x; want %x", key, is, want)
		}
		if is := subjectKeyID(spki[:len(spki)-1]); is != nil {
			t.Errorf("of half a key: %x", is)
		}
	}
}
