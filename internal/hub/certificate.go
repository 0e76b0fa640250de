package hub

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"time"
)

// CertificateOrder says everything that a certificate is to hold. A certificate
// authority adds its own name, the key identifiers and its signature, and nothing
// that the CSR asks for.
type CertificateOrder struct {
	ID          string             `json:"id"`               // of the record that was written before the authority was asked
	Issuer      string             `json:"issuer,omitempty"` // see IssuedCertificate; whose URLs are below. Empty: whoever signs now
	CSR         []byte             `json:"csr"`
	Serial      *big.Int           `json:"serial"` // positive, 20 octets at most (RFC 5280 clause 4.1.2.2); an authority that draws its own ignores it
	Subject     pkix.Name          `json:"subject"`
	DNSNames    []string           `json:"dnsNames,omitempty"`
	IPAddresses []net.IP           `json:"ipAddresses,omitempty"`
	URIs        []*url.URL         `json:"uris,omitempty"`
	KeyUsage    x509.KeyUsage      `json:"keyUsage"`
	ExtKeyUsage []x509.ExtKeyUsage `json:"extKeyUsage,omitempty"`
	Policies    []x509.OID         `json:"policies,omitempty"` // among them the assurance at which the key was attested
	NotBefore   time.Time          `json:"notBefore"`          // whole seconds
	NotAfter    time.Time          `json:"notAfter"`           // whole seconds; not after the authority's own end
	CRLURLs     []string           `json:"crlUrls,omitempty"`
	OCSPURLs    []string           `json:"ocspUrls,omitempty"`
	IssuerURLs  []string           `json:"issuerUrls,omitempty"`

	// Proven is the CSR as it was read by who orders and has checked that it is signed
	// with its own key. nil: the authority checks that.
	Proven *x509.CertificateRequest `json:"-"`
	// Permit is asked when all is ready and checked, before anything is signed or sent;
	// it may wait. Its error, which is returned as it is, ends the order, and nothing is
	// signed. nil: it is signed at once.
	Permit func() error `json:"-"`
}

// IssuedCertificate is what an authority signed.
type IssuedCertificate struct {
	Issuer string   `json:"issuer"` // key identifier of the CA certificate that signed, hexadecimal
	Chain  [][]byte `json:"chain"`  // DER, leaf first, without the root
	// Leaf is the first of Chain where the authority has read it; nil: it has not.
	Leaf *x509.Certificate `json:"-"`
}

// RevokedCertificate is an entry of a revocation list.
type RevokedCertificate struct {
	Serial  *big.Int  `json:"serial"`
	Revoked time.Time `json:"revoked"`
	Reason  int       `json:"reason"` // CRLReason (RFC 5280 clause 5.3.1)
}

// RevocationList is the content of a CRL (RFC 5280 clause 5).
type RevocationList struct {
	Issuer     string               `json:"issuer"` // see IssuedCertificate
	Number     *big.Int             `json:"number"` // greater than that of every list before
	ThisUpdate time.Time            `json:"thisUpdate"`
	NextUpdate time.Time            `json:"nextUpdate"`
	Revoked    []RevokedCertificate `json:"revoked"`
}

// CertificateStatus is the content of an OCSP answer (RFC 6960) about one
// certificate. With neither Known nor Revoked the answer is "unknown".
type CertificateStatus struct {
	Issuer     string              `json:"issuer"` // see IssuedCertificate
	Serial     *big.Int            `json:"serial"`
	Known      bool                `json:"known"` // it was issued
	Revoked    *RevokedCertificate `json:"revoked,omitempty"`
	ThisUpdate time.Time           `json:"thisUpdate"`
	NextUpdate time.Time           `json:"nextUpdate"`
	Hash       crypto.Hash         `json:"hash,omitempty"`  // of the issuer in the answer, as it was asked: crypto.SHA1, which zero stands for too, or crypto.SHA256
	Nonce      []byte              `json:"nonce,omitempty"` // that was asked with (RFC 9654); nil: none
}
