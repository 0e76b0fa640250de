package authority

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// backdate is how long before its making a CA certificate is valid: what it signs
// may be backdated a little, for those whose clocks are behind, and must not be
// older than its issuer.
const backdate = time.Hour

// above is who signs an intermediate.
type above struct {
	cert             *x509.Certificate
	key              crypto.Signer
	crl, certificate []string // where its revocation list and its certificate are
}

// newCertificate signs a CA certificate (RFC 5280): a root when parent is nil, and
// else an intermediate that signs leaves alone. The domain's name and the number
// make its name unlike that of every other.
func newCertificate(domain string, number int, key crypto.Signer, parent *above, now time.Time, life time.Duration) ([]byte, error) {
	serial := make([]byte, 16)
	rand.Read(serial) // never fails: crypto/rand ends the process instead
	serial[0] = serial[0]&0x3f | 0x40
	now = now.UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial),
		Subject:               pkix.Name{Organization: []string{domain}, CommonName: fmt.Sprintf("manoward CMF root %d", number)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(life),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLen:            1,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if parent == nil {
		parent = &above{cert: t, key: key}
	} else {
		t.CRLDistributionPoints, t.IssuingCertificateURL = parent.crl, parent.certificate
		t.Subject.CommonName = fmt.Sprintf("manoward CMF CA %d", number)
		t.MaxPathLen, t.MaxPathLenZero = 0, true
		// Without a policy of its own, the policies of what it signs, among them the
		// assurance, count for nothing (RFC 5280 clause 6.1.3).
		anyPolicy, err := x509.OIDFromInts([]uint64{2, 5, 29, 32, 0})
		if err != nil {
			return nil, fmt.Errorf("name any policy: %w", err)
		}
		t.Policies = []x509.OID{anyPolicy}
		if t.NotBefore.Before(parent.cert.NotBefore) {
			t.NotBefore = parent.cert.NotBefore
		}
		if t.NotAfter.After(parent.cert.NotAfter) {
			t.NotAfter = parent.cert.NotAfter
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent.cert, key.Public(), parent.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of %s: %w", t.Subject.CommonName, err)
	}
	return der, nil
}
