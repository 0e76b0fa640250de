// Package csartest makes packages for tests: CSARs of ETSI GS NFV-SOL 004 and
// SOL 007 under both security options, signed by a CA of the test's own.
package csartest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/packaging"
)

// Start and End are the validity of a certificate that asks for no other. They
// are wide, so that tests judge at any time of this century.
var (
	Start = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	End   = time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)
)

// CA signs the certificates of signers.
type CA struct {
	Cert *x509.Certificate
	key  crypto.Signer
	last int64
}

// NewCA makes a CA with an ECDSA P-256 key.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	ca := &CA{key: newKey(t), last: 1}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: Start, NotAfter: End,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca.Cert = makeCertificate(t, template, template, ca.key.Public(), ca.key)
	return ca
}

// Signer is somebody who signs packages.
type Signer struct {
	Cert   *x509.Certificate
	Key    crypto.Signer
	Issuer *x509.Certificate
}

// Signer makes a signer for code signing. change, when not nil, changes the
// certificate before it is signed; its PublicKey is ignored.
func (ca *CA) Signer(t testing.TB, name string, change func(*x509.Certificate)) *Signer {
	t.Helper()
	return ca.SignerWithKey(t, name, newKey(t), change)
}

// SignerWithKey is Signer with a key of the caller's.
func (ca *CA) SignerWithKey(t testing.TB, name string, key crypto.Signer, change func(*x509.Certificate)) *Signer {
	t.Helper()
	ca.last++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(ca.last), Subject: pkix.Name{CommonName: name}, NotBefore: Start, NotAfter: End,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		SubjectKeyId: []byte(name),
	}
	if change != nil {
		change(template)
	}
	return &Signer{Cert: makeCertificate(t, template, ca.Cert, key.Public(), ca.key), Key: key, Issuer: ca.Cert}
}

// PEM is the signer's certificate.
func (s *Signer) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Cert.Raw})
}

// Sign makes a detached CMS signature over the content, in PEM armour, with the
// signer's certificate inside if embed is set.
func (s *Signer) Sign(t testing.TB, content []byte, embed bool) []byte {
	t.Helper()
	return Armour(s.SignDER(t, content, embed))
}

// SignDER is Sign in DER.
func (s *Signer) SignDER(t testing.TB, content []byte, embed bool) []byte {
	t.Helper()
	der, err := packaging.Sign(content, s.Cert, s.Key, s.Issuer)
	if err != nil {
		t.Fatalf("sign CMS: %v", err)
	}
	if !embed {
		der = withoutCertificates(t, der)
	}
	return der
}

// Armour writes DER as the CMS block of a manifest.
func Armour(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: der})
}

// withoutCertificates takes the certificates out of a SignedData. The library
// always puts them in.
func withoutCertificates(t testing.TB, der []byte) []byte {
	t.Helper()
	var info struct {
		Type    asn1.ObjectIdentifier
		Content []asn1.RawValue `asn1:"explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		t.Fatalf("read CMS: %v", err)
	}
	kept := info.Content[:0]
	for _, part := range info.Content {
		if part.Class != asn1.ClassContextSpecific || part.Tag != 0 {
			kept = append(kept, part)
		}
	}
	info.Content = kept
	der, err := asn1.Marshal(info)
	if err != nil {
		t.Fatalf("encode CMS: %v", err)
	}
	return der
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	return key
}

func makeCertificate(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("read certificate: %v", err)
	}
	return cert
}
