package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// FunctionName is the name of each of the hub's own functions:
// spiffe://hub/nfvo/hub. No client can have it, so that none is taken for a
// function.
const FunctionName = "hub"

// functionPoints are the reference points on which a function of the hub listens
// under its own certificate.
var functionPoints = map[hub.Kind][]hub.ReferencePoint{
	hub.KindNFVO: {hub.OsMa, hub.OrVnfm},
	hub.KindVNFM: {hub.VNFM},
	hub.KindVIM:  {hub.VIM},
	hub.KindCMF:  {hub.CmVnfm},
}

// FunctionIdentity returns who the hub's own function of a kind is.
func FunctionIdentity(kind hub.Kind) hub.Identity {
	return hub.Identity{TrustDomain: HubDomain, Kind: kind, Name: FunctionName}
}

// ownFunction is the party of a [Rule] that holds for the hub's own function of a
// kind alone, beside the rules of its kind: "nfvo/hub".
func ownFunction(kind hub.Kind) hub.Kind { return kind + "/" + FunctionName }

// FunctionPoints lists the reference points on which the hub's own function of a
// kind listens; none for a kind that the hub does not run.
func FunctionPoints(kind hub.Kind) []hub.ReferencePoint { return slices.Clone(functionPoints[kind]) }

// PointServerName returns the server name of a reference point of the hub's, to
// be sent as SNI. Sc-Or and Sc-Vi have none: each endpoint there has its own. On
// Cm-Vnfm each trust domain has one beside it: [DomainServerName].
func PointServerName(rp hub.ReferencePoint, suffix string) string {
	return string(rp) + "." + HubDomain + "." + suffix
}

// SignFunction signs the certificate of one of the hub's own functions (NFVO,
// VNFM, VIM, CMF) for a key that the process that runs it made: one certificate with
// which it listens and with which it asks others. names are server names of the
// reference points of that function, csr is PKCS#10 in DER. It is recorded before
// it is returned. The answer is the leaf and the CA above it.
func (r *Registry) SignFunction(ctx context.Context, id hub.Identity, names []string, ips []net.IP, csr []byte) ([][]byte, error) {
	const op = "sign function certificate"
	points := functionPoints[id.Kind]
	if len(points) == 0 || id != FunctionIdentity(id.Kind) {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s is no function of this hub", id), nil)
	}
	if len(names) == 0 {
		return nil, hub.E(hub.Invalid, op, "name the server name of at least one reference point", nil)
	}
	for _, name := range names {
		if !slices.ContainsFunc(points, func(rp hub.ReferencePoint) bool { return name == PointServerName(rp, r.ServerNameSuffix) }) {
			return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%q is no server name of %s", clipTarget(name), id), nil)
		}
	}
	_, _, ca, err := r.hubCA(ctx)
	if err != nil {
		return nil, err
	}
	want := serverCert{subject: string(id.Kind) + "/" + id.Name, names: names, ips: ips, client: true, id: id}
	return r.signServer(ctx, r.hubLog, ca, want, csr)
}

// checkFunction says whether a certificate that was verified with these chains
// makes its holder the function of the hub that it names. It must come from the
// hub's CA itself: one that a CA below it signed is no function's, whatever it
// says.
func (r *Registry) checkFunction(id hub.Identity, chains [][]*x509.Certificate) error {
	state, err := r.known()
	if err != nil {
		return err
	}
	issuer, err := decodeCert(state.Authority.Intermediate)
	if err != nil {
		return fmt.Errorf("read the hub's CA: %w", err)
	}
	direct := slices.ContainsFunc(chains, func(chain []*x509.Certificate) bool { return len(chain) > 1 && chain[1].Equal(issuer) })
	switch {
	case !direct || len(functionPoints[id.Kind]) == 0 || id != FunctionIdentity(id.Kind):
		return &refusal{reasonIdentity, fmt.Errorf("%s is not certified as a function of this hub", id)}
	case r.Now().After(chains[0][0].NotAfter):
		return &refusal{reasonExpired, nil}
	}
	return nil
}

// partyCAs returns the CAs under which operators and the hub's own functions are
// certified.
func (r *Registry) partyCAs() (*x509.CertPool, error) {
	state, err := r.known()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, text := range []string{state.OperatorCA, state.Authority.Intermediate} {
		cert, err := decodeCert(text)
		if err != nil {
			return nil, fmt.Errorf("read the CAs of the hub's parties: %w", err)
		}
		pool.AddCert(cert)
	}
	return pool, nil
}
