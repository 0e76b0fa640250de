package pkix

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

// Each algorithm has the identifier that Go writes for it, and its signatures pass.
func TestAlgorithms(t *testing.T) {
	edwards := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	keys := map[x509.SignatureAlgorithm]crypto.Signer{
		x509.ECDSAWithSHA256: kit.P256(t), x509.ECDSAWithSHA384: kit.P384(t), x509.ECDSAWithSHA512: kit.P384(t), x509.PureEd25519: edwards,
		x509.SHA256WithRSA: kit.RSA(t, 0), x509.SHA384WithRSA: kit.RSA(t, 0), x509.SHA512WithRSA: kit.RSA(t, 0),
		x509.SHA256WithRSAPSS: kit.RSA(t, 0), x509.SHA384WithRSAPSS: kit.RSA(t, 0), x509.SHA512WithRSAPSS: kit.RSA(t, 0),
	}
	if len(keys) != len(algorithms) {
		t.Errorf("%d algorithms, %d tested", len(algorithms), len(keys))
	}
	for algorithm, key := range keys {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), SignatureAlgorithm: algorithm, NotAfter: kit.Now}
		raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		v, err := der.Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := v.Sequence(3) // what is signed, algorithm, signature
		if err != nil {
			t.Fatal(err)
		}
		b := block{algorithm: parts[1].Full(), signature: parts[2].Content()[1:]}
		if err := b.check(kit.SPKI(t, key), parts[0].Full()); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if err := b.check(kit.SPKI(t, key), raw); err == nil || attestation.ReasonOf(err, "").Code != attestation.StatementSignature {
			t.Errorf("%s over other data: %v", algorithm, err)
		}
	}
}
