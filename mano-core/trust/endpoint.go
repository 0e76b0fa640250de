package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// SignEndpoint signs the certificate of an SM's endpoint, or of what the CMF shows
// a trust domain on Cm-Vnfm, for a key that the producer made where it listens. It is recorded before it is returned. The
// answer is the leaf and the CA above it.
func (r *Registry) SignEndpoint(ctx context.Context, domainName, serverName string, csr []byte) ([][]byte, error) {
	t, d, err := r.active(ctx, domainName)
	if err != nil {
		return nil, err
	}
	subject := "sm/"
	sm, _, ok := r.Directory.ByServerName(serverName)
	switch {
	case ok && sm.TrustDomain == domainName:
		subject += sm.Name
	case serverName == DomainServerName(hub.CmVnfm, domainName, r.ServerNameSuffix):
		subject = "cmf/" + FunctionName
	default:
		return nil, hub.E(hub.NotFound, "sign endpoint certificate", fmt.Sprintf("trust domain %s has no endpoint %s", domainName, serverName), nil)
	}
	ca, err := r.issuer(ctx, t, d)
	if err != nil {
		return nil, err
	}
	return r.signServer(ctx, d.log, ca, serverCert{subject: subject, names: []string{serverName}, client: true}, csr)
}

// serverCert says what the certificate of a listener of the hub's holds.
type serverCert struct {
	subject string // of the record: whose listener it is
	names   []string
	ips     []net.IP
	// client makes the certificate good to call others with as well: an endpoint
	// that notifies its Security Manager, a function that asks another.
	client bool
	id     hub.Identity // if not nobody, the URI name
}

func (r *Registry) signServer(ctx context.Context, log Log, ca authority, want serverCert, der []byte) ([][]byte, error) {
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
	leaf, err := newServerCert(want, ca, csr.PublicKey, r.Now().UTC(), r.EndpointLifetime)
	if err != nil {
		return nil, err
	}
	kind := RecordEndpointSigned
	if want.id != (hub.Identity{}) {
		kind = RecordFunctionSigned
	}
	record, err := r.record(kind, hubItself(), want.subject, map[string]string{
		"serverName":  want.names[0],
		"serial":      leaf.SerialNumber.Text(16),
		"keyHash":     keyHash(leaf.RawSubjectPublicKeyInfo),
		"notAfter":    leaf.NotAfter.Format(time.RFC3339),
		"certificate": encodeCerts(leaf),
	})
	if err != nil {
		return nil, err
	}
	if err := log.Append(ctx, record); err != nil {
		return nil, fmt.Errorf("record certificate of %s: %w", want.names[0], err)
	}
	return [][]byte{leaf.Raw, ca.cert.Raw}, nil
}
