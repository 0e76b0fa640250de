package stepca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"

	"github.com/manoward/manoward/internal/certlint"
)

// lint judges certificates before they are signed: it looks at what would be signed
// under the issuer's name, and signs nothing. It is for an authority elsewhere, which
// is not seen when it signs; see [lintingKey].
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

// SignMessage implements [crypto.MessageSigner]: tbs is a TBSCertificate.
func (j *judging) SignMessage(_ io.Reader, tbs []byte, _ crypto.SignerOpts) ([]byte, error) {
	der, err := unsigned(tbs)
	if err == nil {
		err = j.linter.Check(der)
	}
	j.asked, j.found = true, err
	return nil, errUnsigned
}

// lintingKey is the key of an issuer that looks at what it is asked to sign: it signs
// no CA certificate, whoever ordered it, and nothing that the lint has something
// against: [styleError]. So it is the very bytes that are signed which were looked at.
type lintingKey struct {
	crypto.Signer
	linter *certlint.Linter
}

// SignMessage implements [crypto.MessageSigner]: tbs is a TBSCertificate.
func (k lintingKey) SignMessage(random io.Reader, tbs []byte, opts crypto.SignerOpts) ([]byte, error) {
	der, err := unsigned(tbs)
	if err != nil {
		return nil, err
	}
	if err := enforce(der); err != nil {
		return nil, err
	}
	if err := k.linter.Check(der); err != nil {
		return nil, &styleError{err}
	}
	return crypto.SignMessage(k.Signer, random, tbs, opts)
}

// enforce is the last word before the signature, whatever was ordered.
func enforce(der []byte) error {
	c, err := x509.ParseCertificate(der)
	switch {
	case err != nil:
		return fmt.Errorf("read what is to be signed: %w", err)
	case c.IsCA, c.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return errors.New("a CA certificate is not for this authority to sign")
	case !c.NotAfter.After(c.NotBefore):
		return errors.New("there is no validity")
	}
	return nil
}

// Sign implements [crypto.Signer]. Of a digest nobody can tell what it is of.
func (k lintingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errUnsigned
}

// styleError says what the lint has against a certificate, which was not signed.
type styleError struct{ error }

// Unwrap returns the cause.
func (e *styleError) Unwrap() error { return e.error }

// unsigned makes a certificate of a TBSCertificate (RFC 5280 clause 4.1), with something
// in the place of the signature, by the algorithm that the TBSCertificate names.
func unsigned(tbs []byte) ([]byte, error) {
	var t struct {
		Version   asn1.RawValue
		Serial    asn1.RawValue
		Algorithm asn1.RawValue
	}
	if _, err := asn1.Unmarshal(tbs, &t); err != nil {
		return nil, fmt.Errorf("read what is to be signed: %w", err)
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, t.Algorithm, asn1.BitString{Bytes: noSignature, BitLength: 8 * len(noSignature)}})
	if err != nil {
		return nil, fmt.Errorf("write what is to be linted: %w", err)
	}
	return der, nil
}

var noSignature = []byte{0x30, 6, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01} // Ecdsa-Sig-Value (RFC 3279 clause 2.2.3) of 1 and 1
