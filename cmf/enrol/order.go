package enrol

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/hub"
)

// serialBits is the length of serial numbers: 20 octets, positive, all random.
const serialBits = 159

// order says everything that the certificate of a request will hold that is issued at an
// assurance.
func (s *Service) order(ctx context.Context, w *work, at attestation.Assurance) (*hub.CertificateOrder, error) {
	const op = "order certificate"
	begin, end, issuer, err := s.Authorities.Limits(ctx, w.domain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	policy, err := s.AssurancePolicy(at)
	if err != nil {
		return nil, hub.E(hub.Internal, op, "the assurance has no policy", err)
	}
	serial, err := s.serial()
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, "the source of randomness does not work; ask again", err)
	}
	o := &hub.CertificateOrder{
		ID: w.req.ID, Issuer: issuer, Serial: serial, Subject: w.names.subject, DNSNames: w.names.dns, URIs: w.names.uris,
		KeyUsage: w.profile.KeyUsage, ExtKeyUsage: w.profile.ExtKeyUsage, Policies: []x509.OID{policy},
		NotBefore: w.now.Add(-max(w.profile.Backdate, 0)), NotAfter: w.now.Add(w.profile.Validity),
	}
	if o.NotBefore.Before(begin) {
		o.NotBefore = begin.UTC()
	}
	if o.NotAfter.After(end) {
		o.NotAfter = end.UTC()
	}
	if !o.NotAfter.After(w.now) {
		return nil, hub.E(hub.Unavailable, op, "the certificate authority of the trust domain is at its end; rotate it, and ask again", nil)
	}
	if s.Publish != nil {
		o.CRLURLs, o.OCSPURLs, o.IssuerURLs = s.Publish(w.domain, issuer)
	}
	return o, nil
}

// orderFor is an order with what the authority is given besides: the CSR, which is read
// and proven (check).
func orderFor(w *work, o *hub.CertificateOrder) hub.CertificateOrder {
	full := *o
	full.CSR, full.Proven = w.req.CSR, w.csr
	return full
}

// serial draws a serial number.
func (s *Service) serial() (*big.Int, error) {
	limit := new(big.Int).Lsh(big.NewInt(1), serialBits)
	for {
		n, err := rand.Int(s.Random, limit)
		if err != nil || n.Sign() > 0 {
			return n, err
		}
	}
}
