package stepca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"

	"github.com/manoward/manoward/internal/certlint"
)

// lint judges certificates before they are signed: it looks at what would be signed
// under the issuer's name, and signs nothing.
type lint struct {
	linter *certlint.Linter
	key    crypto.PublicKey // in the place of the issuer's
	issuer *x509.Certificate
}

func newLint(issuer *x509.Certificate) (*lint, error) {
	linter, err := certlint.New()
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key to lint with: %w", err)
	}
	stand := *issuer
	stand.PublicKey, stand.PublicKeyAlgorithm = key.Public(), x509.ECDSA
	return &lint{linter: linter, key: key.Public(), issuer: &stand}, nil
}

func (l *lint) check(t *x509.Certificate) error {
	j := &judging{lint: l}
	_, err := x509.CreateCertificate(rand.Reader, t, l.issuer, t.PublicKey, j)
	if j.asked {
		return j.found
	}
	return err
}

// judging is a signer that lints what it is to sign, and never signs.
type judging struct {
	*lint
	asked bool
	found error
}

var errUnsigned = errors.New("nothing is signed to be linted")

// Public implements [crypto.Signer].
func (j *judging) Public() crypto.PublicKey { return j.key }

// Sign implements [crypto.Signer]; crypto/x509 calls SignMessage instead.
func (j *judging) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errUnsigned
}

// SignMessage implements [crypto.MessageSigner]: tbs is a TBSCertificate (RFC 5280
// clause 4.1), which is linted with something in the place of the signature.
func (j *judging) SignMessage(_ io.Reader, tbs []byte, _ crypto.SignerOpts) ([]byte, error) {
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: tbs}, pkix.AlgorithmIdentifier{Algorithm: ecdsaWithSHA256}, asn1.BitString{Bytes: noSignature, BitLength: 8 * len(noSignature)},
	})
	if err == nil {
		err = j.linter.Check(der)
	}
	j.asked, j.found = true, err
	return nil, errUnsigned
}

var (
	ecdsaWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}    // RFC 5758 clause 3.2
	noSignature     = []byte{0x30, 6, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01} // Ecdsa-Sig-Value (RFC 3279 clause 2.2.3) of 1 and 1
)
