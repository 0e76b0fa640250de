package trust

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// The labels of a trust domain's CA keys in its key store.
const (
	rootLabel         = "root"
	intermediateLabel = "intermediate"
)

func clientCALabel(sm string, i hub.Interface) string { return "sm/" + sm + "/" + string(i) }

const (
	caLifetime = 10 * 365 * 24 * time.Hour
	// backdate lets a peer whose clock is a little behind use a new certificate.
	backdate = 2 * time.Minute
)

// authority is a CA certificate with its key and the chain above it.
type authority struct {
	cert  *x509.Certificate
	chain []*x509.Certificate // what a peer needs beside its leaf to reach the root; root excluded
	key   crypto.Signer
}

// newRoot self-signs the root of a trust domain.
func newRoot(domain string, key crypto.Signer, now time.Time) (*x509.Certificate, error) {
	t := caTemplate("manoward root of "+domain, now, 2)
	return sign(t, t, key.Public(), key)
}

// newIntermediate signs the CA below the root that issues endpoint certificates
// and client CAs. Name constraints keep it inside its domain even if its key
// were lost.
func newIntermediate(domain, suffix string, root authority, key crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	t := caTemplate("manoward CA of "+domain, now, 1)
	t.PermittedDNSDomainsCritical = true
	t.PermittedDNSDomains = []string{domain + "." + suffix}
	t.PermittedURIDomains = []string{domain}
	if domain != HubDomain { // whose admin listener is also reached by its address
		t.ExcludedIPRanges = []*net.IPNet{{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}}
	}
	return sign(t, root.cert, key, root.key)
}

// newClientCA signs the CA that issues the credentials of one endpoint and of
// no other. A Security Manager also serves with such a credential, where it takes
// its notifications. CAs that were made before manoward knew that allow clients
// only; see [Gate.NotifyClient].
func newClientCA(sm, domain string, i hub.Interface, issuer authority, key crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	t := caTemplate(fmt.Sprintf("manoward clients of %s on %s in %s", sm, i, domain), now, 0)
	t.ExtKeyUsage = usages(i != AdminInterface)
	t.PermittedDNSDomainsCritical = true
	t.PermittedURIDomains = []string{domain}
	return sign(t, issuer.cert, key, issuer.key)
}

func caTemplate(name string, now time.Time, pathLen int) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: clipCN(name)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLen:            pathLen,
		MaxPathLenZero:        pathLen == 0,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// usages are the extended key usages of a party that is a client, and of one that
// serves as well.
func usages(serves bool) []x509.ExtKeyUsage {
	if serves {
		return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	}
	return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

// newClientCert signs a credential: the identity is its only name.
func newClientCert(id hub.Identity, issuer authority, key crypto.PublicKey, now time.Time, life time.Duration) (*x509.Certificate, error) {
	return sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: clipCN(id.Name)},
		URIs:        []*url.URL{id.URI()},
		NotBefore:   now.Add(-backdate),
		NotAfter:    clampTime(now.Add(life), issuer.cert.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: usages(id.Kind == hub.KindSM),
	}, issuer.cert, key, issuer.key)
}

// newServerCert signs the certificate of a listener.
func newServerCert(want serverCert, issuer authority, key crypto.PublicKey, now time.Time, life time.Duration) (*x509.Certificate, error) {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: clipCN(want.names[0])},
		DNSNames:    want.names,
		IPAddresses: want.ips,
		NotBefore:   now.Add(-backdate),
		NotAfter:    clampTime(now.Add(life), issuer.cert.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if want.client {
		t.ExtKeyUsage = usages(true)
	}
	if want.id != (hub.Identity{}) {
		t.URIs = []*url.URL{want.id.URI()}
	}
	return sign(t, issuer.cert, key, issuer.key)
}

func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] &= 0x7f // positive, and at most 20 octets (RFC 5280 clause 4.1.2.2)
	t.SerialNumber = new(big.Int).SetBytes(serial)
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of %s: %w", t.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// clipCN keeps a common name within its upper bound (RFC 5280 appendix A.1).
// Nothing reads it but people.
func clipCN(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

func clampTime(t, most time.Time) time.Time {
	if t.After(most) {
		return most
	}
	return t
}

// caKey returns the key of that label, made now if it is not there yet: a
// registration that a crash cut off left it behind.
func caKey(ctx context.Context, keys Keys, label string) (crypto.Signer, error) {
	key, err := keys.Create(ctx, label)
	if hub.CodeOf(err) == hub.Conflict {
		return keys.Signer(ctx, label)
	}
	return key, err
}

// keyHash is the SHA-256 of a public key's SubjectPublicKeyInfo, in hexadecimal.
func keyHash(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

// fingerprint is the SHA-256 of a certificate, in hexadecimal.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// encodeCerts writes certificates as PEM, in the order given.
func encodeCerts(certs ...*x509.Certificate) string {
	var b bytes.Buffer
	for _, c := range certs {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a Buffer does not fail
	}
	return b.String()
}

// decodeCert reads the first certificate of a PEM text that this hub wrote.
func decodeCert(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("read certificate: no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func newCredential(leaf *x509.Certificate, issuer authority) hub.Credential {
	return hub.Credential{
		Serial:      hex.EncodeToString(leaf.SerialNumber.Bytes()),
		Fingerprint: fingerprint(leaf),
		KeyHash:     keyHash(leaf.RawSubjectPublicKeyInfo),
		NotBefore:   leaf.NotBefore,
		NotAfter:    leaf.NotAfter,
		State:       hub.StateActive,
		Certificate: encodeCerts(append([]*x509.Certificate{leaf, issuer.cert}, issuer.chain...)...),
	}
}
