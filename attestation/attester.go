package attestation

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"time"
)

// Attester is the generator of keys that was registered for a subject (IFA 033,
// 11.2.1): who signs, in which format, and what is known of it.
//
// With Key or Chain exactly that key may sign. With Roots too, a certificate of
// that key has to lead to one of them at the time of the request. With Roots alone
// any key may sign that such a certificate names and that is marked for
// attestation: then the roots' owner says who attests.
type Attester struct {
	ID        string              // names it in records
	Statement string              // OID of its statements, dotted
	Key       []byte              // SubjectPublicKeyInfo, DER; may be empty when Chain has it
	Chain     []*x509.Certificate // its certificate first; may be empty
	Roots     []*x509.Certificate // may be empty
	// Restricted: the registration proved that the key is a TPM's restricted signing
	// key, which signs only what the TPM itself states (credential activation).
	Restricted bool
}

// Signer is the key that has to have signed a statement.
type Signer struct {
	Key  crypto.PublicKey
	SPKI []byte // DER
	// Cert is the certificate of the key that was registered, or that leads to a
	// registered root; nil when there is none.
	Cert *x509.Certificate
	// Lacks says why the key is not proven to be a device's own; nil when it is.
	Lacks []Reason
}

// Signer finds the key of the attester at a time. offered are certificates that
// came with the statement: they complete a chain and are never trusted. usage is
// the extended key usage, dotted, that marks certificates for attestation; empty
// for formats that have none, where roots alone register nobody. The error is a
// [Reason].
func (a Attester) Signer(offered []*x509.Certificate, usage string, at time.Time) (Signer, error) {
	offered = bounded(offered)
	leaf, spki, err := a.leaf(offered, usage, at)
	if err != nil {
		return Signer{}, err
	}
	key, err := ParseKey(spki)
	if err != nil {
		return Signer{}, Because(AttesterWeak, "the attester's key: %v", err)
	}
	s := Signer{Key: key, SPKI: spki, Cert: leaf}
	switch {
	case len(a.Roots) > 0:
		if err := a.chain(leaf, offered, at); err != nil {
			return Signer{}, err
		}
		if usage != "" && !hasUsage(leaf, usage) && !a.Restricted {
			s.Lacks = []Reason{Because(AttesterUsage, "the attester's certificate is not marked for attestation (extended key usage %s)", usage)}
		}
	case len(a.Chain) > 0 && (at.Before(leaf.NotBefore) || at.After(leaf.NotAfter)):
		return Signer{}, Because(AttesterExpired, "the attester's certificate is good from %s to %s", day(leaf.NotBefore), day(leaf.NotAfter))
	case !a.Restricted:
		s.Lacks = []Reason{Because(AttesterUnverified, "the attester was registered without proof that its key is a device's own")}
	}
	return s, nil
}

// leaf returns the attester's key, and its certificate if there is one.
func (a Attester) leaf(offered []*x509.Certificate, usage string, at time.Time) (*x509.Certificate, []byte, error) {
	if len(a.Chain) > MaxCertificates || slices.Contains(a.Chain, nil) || slices.Contains(a.Roots, nil) {
		return nil, nil, Because(AttesterInvalid, "the certificates of the registration cannot be used")
	}
	switch {
	case len(a.Chain) > 0:
		leaf := a.Chain[0]
		if len(a.Key) > 0 && !bytes.Equal(a.Key, leaf.RawSubjectPublicKeyInfo) {
			return nil, nil, Because(AttesterInvalid, "the registered key is not that of the registered certificate")
		}
		return leaf, leaf.RawSubjectPublicKeyInfo, nil
	case len(a.Key) > 0 && len(a.Roots) == 0:
		return nil, a.Key, nil
	case len(a.Key) > 0:
		return a.certificate(offered, usage, at), a.Key, nil
	case len(a.Roots) == 0 || usage == "":
		return nil, nil, Because(AttesterInvalid, "neither a key nor a certificate of the attester is registered")
	}
	return a.candidate(offered, usage, at)
}

// certificate returns the certificate of the registered key that came with a
// statement. Of several, one that leads to a root, and of those one that is marked
// for attestation: who renews a certificate may send the old one too.
func (a Attester) certificate(offered []*x509.Certificate, usage string, at time.Time) *x509.Certificate {
	var best *x509.Certificate
	leads := func(c *x509.Certificate) bool { return a.chain(c, offered, at) == nil }
	for _, c := range offered {
		switch {
		case !bytes.Equal(c.RawSubjectPublicKeyInfo, a.Key):
		case best == nil, leads(c) && (!leads(best) || hasUsage(c, usage)):
			best = c
		}
	}
	return best
}

// bounded leaves out certificates with RSA keys that are so large that checking
// what they signed would be an attack.
func bounded(offered []*x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(offered), func(c *x509.Certificate) bool {
		key, ok := c.PublicKey.(*rsa.PublicKey)
		return ok && key.N.BitLen() > maxRSA
	})
}

// candidate returns the certificate for attestation that came with a statement,
// for a registration of roots alone. Of several, the one that leads to a root.
func (a Attester) candidate(offered []*x509.Certificate, usage string, at time.Time) (*x509.Certificate, []byte, error) {
	var found []*x509.Certificate
	for _, c := range offered {
		if !c.IsCA && hasUsage(c, usage) && !slices.ContainsFunc(found, c.Equal) {
			found = append(found, c)
		}
	}
	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(c *x509.Certificate) bool { return a.chain(c, offered, at) != nil })
	}
	if len(found) != 1 {
		return nil, nil, Because(AttesterUnknown, "the registration names roots alone, and %d certificates for attestation that lead there came with the statement", len(found))
	}
	return found[0], found[0].RawSubjectPublicKeyInfo, nil
}

// chain checks that leaf leads to a registered root.
func (a Attester) chain(leaf *x509.Certificate, offered []*x509.Certificate, at time.Time) error {
	if leaf == nil {
		return Because(AttesterChain, "no certificate of the registered key is there")
	}
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, c := range a.Roots {
		options.Roots.AddCert(c)
	}
	for _, c := range slices.Concat(a.Chain, offered) {
		options.Intermediates.AddCert(c)
	}
	// Certificates of TPMs name the TPM in a critical subjectAltName of a kind that Go
	// does not read. Nothing here relies on names, so it is no obstacle.
	bare := *leaf
	bare.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), func(oid asn1.ObjectIdentifier) bool {
		return oid.String() == "2.5.29.17"
	})
	_, err := bare.Verify(options)
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return Because(AttesterExpired, "a certificate of the attester's chain is not good at %s", day(at))
	}
	if err != nil {
		return Because(AttesterChain, "%s", inWords(err))
	}
	return nil
}

func hasUsage(c *x509.Certificate, usage string) bool {
	return slices.ContainsFunc(c.UnknownExtKeyUsage, func(oid asn1.ObjectIdentifier) bool { return oid.String() == usage })
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
