package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// SignEndpoint signs the certificate of an SM's endpoint for a key that the
// producer made where it listens. It is recorded before it is returned. The
// answer is the leaf and the CA above it.
func (r *Registry) SignEndpoint(ctx context.Context, domainName, serverName string, csr []byte) ([][]byte, error) {
	t, d, err := r.active(ctx, domainName)
	if err != nil {
		return nil, err
	}
	sm, _, ok := r.Directory.ByServerName(serverName)
	if !ok || sm.TrustDomain != domainName {
		return nil, hub.E(hub.NotFound, "sign endpoint certificate", fmt.Sprintf("trust domain %s has no endpoint %s", domainName, serverName), nil)
	}
	ca, err := r.issuer(ctx, t, d)
	if err != nil {
		return nil, err
	}
	return r.signServer(ctx, d.log, ca, "sm/"+sm.Name, []string{serverName}, nil, csr)
}

func (r *Registry) signServer(ctx context.Context, log Log, ca authority, subject string, names []string, ips []net.IP, der []byte) ([][]byte, error) {
	const op = "sign server certificate"
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, hub.E(hub.Invalid, op, "not a PKCS#10 request", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, hub.E(hub.Invalid, op, "the signature of the request does not verify", err)
	}
	if err := checkKey(csr.PublicKey); err != nil {
		return nil, hub.E(hub.Invalid, op, err.Error(), nil)
	}
	if owner := r.Directory.KeyOwner(keyHash(csr.RawSubjectPublicKeyInfo)); owner != "" {
		return nil, hub.E(hub.Conflict, op, "the key is in use by "+owner, nil)
	}
	leaf, err := newServerCert(names, ips, ca, csr.PublicKey, r.Now().UTC(), r.EndpointLifetime)
	if err != nil {
		return nil, err
	}
	record, err := r.record(RecordEndpointSigned, hubItself(), subject, map[string]string{
		"serverName":  names[0],
		"serial":      leaf.SerialNumber.Text(16),
		"keyHash":     keyHash(leaf.RawSubjectPublicKeyInfo),
		"notAfter":    leaf.NotAfter.Format(time.RFC3339),
		"certificate": encodeCerts(leaf),
	})
	if err != nil {
		return nil, err
	}
	if err := log.Append(ctx, record); err != nil {
		return nil, fmt.Errorf("record certificate of %s: %w", names[0], err)
	}
	return [][]byte{leaf.Raw, ca.cert.Raw}, nil
}
