package stepca

import (
	"context"
	"crypto"
	"crypto/fips140"
	"crypto/sha1" // of key identifiers alone
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/cas/softcas"
	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/manoward/manoward/internal/certlint"
	"github.com/manoward/manoward/internal/hub"
)

// Issuer is a CA certificate with its key.
type Issuer struct {
	Chain []*x509.Certificate // its own first, the root excluded
	Root  *x509.Certificate
	Key   crypto.Signer // in a file or in a PKCS#11 token; it never leaves it
}

// Embedded is the certificate authority of one trust domain. It keeps nothing:
// who asks records what was ordered and what came of it. It is safe for
// concurrent use.
type Embedded struct {
	issuers map[string]Issuer // by key identifier
	current Issuer
	id      string // of current
	linter  *certlint.Linter
}

// Open makes an authority that signs with current, and that still answers about
// what earlier issuers signed: their revocation lists and OCSP.
//
// It is [hub.Invalid] when a key does not belong to its certificate or a chain
// does not lead to its root.
func Open(current Issuer, earlier ...Issuer) (*Embedded, error) {
	const op = "open certificate authority"
	e := &Embedded{issuers: map[string]Issuer{}, current: current}
	for n, i := range append([]Issuer{current}, earlier...) {
		if err := i.check(); err != nil {
			return nil, hub.E(hub.Invalid, op, fmt.Sprintf("CA certificate %d cannot be used: %v; restore it with its key from a backup, or rotate the authority", n+1, err), err)
		}
		id := keyID(i.Chain[0])
		if n == 0 {
			e.id = id
		}
		e.issuers[id] = i
	}
	var err error
	if e.linter, err = certlint.New(); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return e, nil
}

// signing is what signs, when it is permitted.
func (e *Embedded) signing(permit func() error) *softcas.SoftCAS {
	return &softcas.SoftCAS{CertificateChain: e.current.Chain, Signer: lintingKey{e.current.Key, e.linter, permit}}
}

// check proves that the key is that of the certificate, and the chain whole.
func (i Issuer) check() error {
	if len(i.Chain) == 0 || i.Root == nil || i.Key == nil {
		return fmt.Errorf("its certificate, root or key is missing")
	}
	own, ok := i.Key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !own.Equal(i.Chain[0].PublicKey) {
		return fmt.Errorf("its key is another one's")
	}
	chain := append(i.Chain[:len(i.Chain):len(i.Chain)], i.Root)
	for _, c := range chain {
		if slices.ContainsFunc(c.Extensions, func(x pkix.Extension) bool { return x.Id.Equal(oidNameConstraints) }) {
			return fmt.Errorf("%s has name constraints, which orders are not compared with", c.Subject)
		}
	}
	return checkChain(chain)
}

// checkChain proves that each certificate is a CA's and was signed by the next.
func checkChain(chain []*x509.Certificate) error {
	for n, c := range chain[:len(chain)-1] {
		parent := chain[n+1]
		if !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0 || c.KeyUsage&x509.KeyUsageCRLSign == 0 {
			return fmt.Errorf("%s may not sign certificates and revocation lists", c.Subject)
		}
		if len(c.SubjectKeyId) == 0 {
			return fmt.Errorf("%s has no key identifier", c.Subject)
		}
		if err := c.CheckSignatureFrom(parent); err != nil {
			return fmt.Errorf("%s was not signed by %s: %w", c.Subject, parent.Subject, err)
		}
	}
	return nil
}

var oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30} // RFC 5280 clause 4.2.1.10

// keyID is the name of an issuer in our records.
func keyID(c *x509.Certificate) string { return hex.EncodeToString(c.SubjectKeyId) }

// Chain returns the certificates above a leaf in DER, the root last, and the key
// identifier of the issuer that signs now.
func (e *Embedded) Chain(context.Context) (issuer string, chain [][]byte, err error) {
	for _, c := range e.current.Chain {
		chain = append(chain, c.Raw)
	}
	return e.id, append(chain, e.current.Root.Raw), nil
}

// Issue signs what was ordered for the key of the CSR, whose possession the CSR
// proves. It is [hub.Invalid] for a CSR that does not, and for an order that no
// certificate may hold; nothing is signed then. What is signed holds nothing of the
// CSR but its key.
func (e *Embedded) Issue(_ context.Context, o hub.CertificateOrder) (hub.IssuedCertificate, error) {
	const op = "issue certificate"
	issuer := e.current.Chain[0]
	csr, err := checkOrder(o, issuer)
	if err != nil {
		return hub.IssuedCertificate{}, err
	}
	to := template(o, csr.PublicKey)
	to.SubjectKeyId = subjectKeyID(csr.RawSubjectPublicKeyInfo)
	signed, err := e.signing(o.Permit).CreateCertificate(&apiv1.CreateCertificateRequest{
		Template: to, CSR: csr, Lifetime: o.NotAfter.Sub(o.NotBefore),
	})
	var style *styleError
	if errors.As(err, &style) {
		return hub.IssuedCertificate{}, badStyle(op, style.error)
	}
	var denied *notPermitted
	if errors.As(err, &denied) {
		return hub.IssuedCertificate{}, denied.error
	}
	if err != nil {
		return hub.IssuedCertificate{}, hub.E(hub.Unavailable, op, "the certificate authority of the trust domain did not sign; see /readyz for its key, and ask again", err)
	}
	// The standard library proves each signature that it makes with the signer's public
	// key, which is that of the issuer's certificate: see Issuer.check.
	leaf := signed.Certificate
	if err := compare(o, csr, leaf, issuer); err != nil {
		return hub.IssuedCertificate{}, hub.E(hub.Internal, op, "the certificate authority signed something else than was ordered; the certificate was thrown away", err)
	}
	issued := hub.IssuedCertificate{Issuer: e.id, Chain: [][]byte{leaf.Raw}, Leaf: leaf}
	for _, c := range e.current.Chain {
		issued.Chain = append(issued.Chain, c.Raw)
	}
	return issued, nil
}

// subjectKeyID is the identifier that step-ca gives a key (RFC 5280 clause 4.2.1.2,
// method 1), without writing the key anew for it; nil, so that it does that, where the
// key is not to be read, and in FIPS mode, where it takes another digest.
func subjectKeyID(spki []byte) []byte {
	in := cryptobyte.String(spki)
	var body cryptobyte.String
	var key []byte
	if fips140.Enabled() || !in.ReadASN1(&body, cryptobyteasn1.SEQUENCE) || !body.SkipASN1(cryptobyteasn1.SEQUENCE) || !body.ReadASN1BitStringAsBytes(&key) {
		return nil
	}
	id := sha1.Sum(key)
	return id[:]
}

// badStyle is the failure of an order that the lint does not let pass.
func badStyle(op string, err error) error {
	return hub.E(hub.Invalid, op, fmt.Sprintf("the certificate would break the standard: %v; mend the names, the key usage or the profile that it comes from", err), err)
}
