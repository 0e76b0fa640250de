// Package packaging makes packages as a vendor does: it packs a folder as a CSAR of
// ETSI GS NFV-SOL 004 (VNF packages) or SOL 007 (NSDs, PNFDs) and signs it under security
// option 1. It is for packages that are made where they are used, such as those of
// demonstrations, with keys that are made then.
package packaging

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/smallstep/pkcs7"
)

// Vendor signs packages with a key of its own, on ECDSA P-256, whose certificate a CA of
// its own signed. Nobody else has the keys, and they are kept in memory only.
type Vendor struct {
	Anchor *x509.Certificate // of the CA: what who on-boards has to trust
	Signer *x509.Certificate

	key crypto.Signer
}

// NewVendor makes the keys and certificates of a vendor. They are valid from an hour
// before the time, because clocks differ, and for a year.
func NewVendor(name string, now time.Time) (*Vendor, error) {
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the vendor's CA key: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the vendor's key: %w", err)
	}
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
			NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		}
	}
	ca := template(1, name+" CA")
	ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign
	v := &Vendor{key: key}
	if v.Anchor, err = issue(ca, ca, authority.Public(), authority); err != nil {
		return nil, err
	}
	signer := template(2, name+" release")
	signer.KeyUsage, signer.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	v.Signer, err = issue(signer, v.Anchor, key.Public(), authority)
	return v, err
}

func issue(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("certify %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(raw)
}

// AnchorPEM is the CA certificate, as "manoward package policy --anchor" reads it.
func (v *Vendor) AnchorPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.Anchor.Raw})
}

// Sign makes a detached CMS signature over content (RFC 5652, SHA-256), in DER, that
// holds the certificate of the signer and those above it.
func Sign(content []byte, signer *x509.Certificate, key crypto.Signer, above ...*x509.Certificate) ([]byte, error) {
	signed, err := pkcs7.NewSignedData(content)
	if err != nil {
		return nil, fmt.Errorf("start the CMS signature: %w", err)
	}
	signed.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := signed.AddSignerChain(signer, key, above, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	signed.Detach()
	raw, err := signed.Finish()
	if err != nil {
		return nil, fmt.Errorf("encode the CMS signature: %w", err)
	}
	return raw, nil
}
