package stepca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"

	"github.com/manoward/manoward/internal/certlint"
)

// lint judges certificates before they are signed: it signs them with a key that
// nobody trusts and that is in nobody's hands, under the issuer's name.
type lint struct {
	linter *certlint.Linter
	key    crypto.Signer
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
	return &lint{linter: linter, key: key, issuer: &stand}, nil
}

func (l *lint) check(t *x509.Certificate) error {
	der, err := x509.CreateCertificate(rand.Reader, t, l.issuer, t.PublicKey, l.key)
	if err != nil {
		return err
	}
	return l.linter.Check(der)
}
