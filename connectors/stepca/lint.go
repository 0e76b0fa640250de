package stepca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
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
	der, err := certlint.Unsigned(tbs)
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
	permit func() error // see [hub.CertificateOrder]; nil: it signs at once
}

// SignMessage implements [crypto.MessageSigner]: tbs is a TBSCertificate.
func (k lintingKey) SignMessage(random io.Reader, tbs []byte, opts crypto.SignerOpts) ([]byte, error) {
	der, err := certlint.Unsigned(tbs)
	if err != nil {
		return nil, err
	}
	switch err := k.linter.CheckLeaf(der); {
	case errors.Is(err, certlint.ErrNoLeaf): // the last word before the signature, whatever was ordered
		return nil, fmt.Errorf("what is to be signed is not for this authority: %w", err)
	case err != nil:
		return nil, &styleError{err}
	}
	if k.permit != nil {
		if err := k.permit(); err != nil {
			return nil, &notPermitted{err}
		}
	}
	return crypto.SignMessage(k.Signer, random, tbs, opts)
}

// Sign implements [crypto.Signer]. Of a digest nobody can tell what it is of.
func (k lintingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errUnsigned
}

// styleError says what the lint has against a certificate, which was not signed.
type styleError struct{ error }

// Unwrap returns the cause.
func (e *styleError) Unwrap() error { return e.error }

// notPermitted is what who ordered has against the signature.
type notPermitted struct{ error }

// Unwrap returns the cause.
func (e *notPermitted) Unwrap() error { return e.error }
