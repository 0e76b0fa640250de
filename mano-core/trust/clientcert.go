package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// maxClientCertificates is how many certificates of one client are in force: the
// one in use, and the one that takes its place.
const maxClientCertificates = 2

// clientCertificate is a certificate of a client's, as it is kept.
type clientCertificate struct {
	Fingerprint string    `json:"fingerprint"`
	KeyHash     string    `json:"keyHash"`
	NotAfter    time.Time `json:"notAfter"`
}

// CertifyClient signs a certificate with which a client shows itself where a token
// does not do: on Cm-Vnfm. The key was made by its holder; csrText is PKCS#10 in
// PEM. The CA of the client's trust domain signs. The two newest of a client are in
// force, so that one can be replaced without a gap; all of them end with the client.
// It is recorded before it is returned.
func (r *Registry) CertifyClient(ctx context.Context, actor hub.Identity, name, csrText string) (*hub.ClientCredential, error) {
	const op = "certify client"
	who, err := r.clientIdentity(name)
	if err != nil {
		return nil, err
	}
	if who.Kind == hub.KindClient {
		return nil, hub.E(hub.Unprocessable, op, fmt.Sprintf("client %q is a reader, which nothing asks for a certificate; it uses its secret", name), nil)
	}
	if who.Kind == hub.KindVNF {
		return nil, hub.E(hub.Unprocessable, op, fmt.Sprintf("client %q is a VNF, which uses its secret on vnfm; the certificates of its VNFCs come from the CMF: manoward cert --help", name), nil)
	}
	csr, err := parseCSR(csrText, who)
	if err != nil {
		return nil, err
	}
	hash := keyHash(csr.RawSubjectPublicKeyInfo)
	if owner := r.Directory.KeyOwner(hash); owner != "" || r.isOperatorKey(hash) {
		return nil, hub.E(hub.Invalid, op, "the key is in use by another party; make a new one", nil)
	}
	ca, root, err := r.partyIssuer(ctx, who.TrustDomain)
	if err != nil {
		return nil, err
	}
	leaf, err := newClientCert(who, ca, csr.PublicKey, r.Now().UTC(), r.CredentialLifetime)
	if err != nil {
		return nil, err
	}
	made := clientCertificate{Fingerprint: fingerprint(leaf), KeyHash: hash, NotAfter: leaf.NotAfter}
	err = r.changeHub(ctx, actor, RecordClientCertified, "client/"+name, made, func(state *hubState) error {
		for _, c := range state.Clients {
			if c.Name != name && slices.ContainsFunc(c.Certificates, func(x clientCertificate) bool { return x.KeyHash == hash }) {
				return hub.E(hub.Invalid, op, "the key is in use by another party; make a new one", nil)
			}
		}
		i := slices.IndexFunc(state.Clients, func(c oauthClient) bool { return c.Name == name })
		if i < 0 || state.Clients[i].public().Identity() != who {
			return noClient(op, name)
		}
		state.Clients = slices.Clone(state.Clients)
		kept := append(slices.Clone(state.Clients[i].Certificates), made)
		state.Clients[i].Certificates = kept[max(0, len(kept)-maxClientCertificates):]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &hub.ClientCredential{
		Client: name, Identity: who.String(), NotAfter: leaf.NotAfter,
		Certificate: encodeCerts(leaf, ca.cert), Root: root,
		ServerName: DomainServerName(hub.CmVnfm, who.TrustDomain, r.ServerNameSuffix),
	}, nil
}

func noClient(op, name string) error {
	return hub.E(hub.NotFound, op, fmt.Sprintf("there is no client %q; list them with: manoward client list", clipTarget(name)), nil)
}

// clientIdentity finds who a client is.
func (r *Registry) clientIdentity(name string) (hub.Identity, error) {
	state, err := r.known()
	if err != nil {
		return hub.Identity{}, err
	}
	for _, c := range state.Clients {
		if c.Name == name {
			return c.public().Identity(), nil
		}
	}
	return hub.Identity{}, noClient("certify client", name)
}

// partyIssuer returns the CA that certifies the parties of a trust domain, and the
// root above it in PEM.
func (r *Registry) partyIssuer(ctx context.Context, domainName string) (authority, string, error) {
	if domainName == HubDomain {
		state, _, ca, err := r.hubCA(ctx)
		return ca, state.Authority.Root, err
	}
	t, d, err := r.active(ctx, domainName)
	if err != nil {
		return authority{}, "", err
	}
	ca, err := r.issuer(ctx, t, d)
	return ca, t.Root, err
}

// certifiedClient tells whose certificate this is among those that are in force. It
// must have been verified under the CA of the client's trust domain.
func (r *Registry) certifiedClient(leaf *x509.Certificate) (hub.Identity, error) {
	state, err := r.known()
	if err != nil {
		return hub.Identity{}, err
	}
	print := fingerprint(leaf)
	for _, c := range state.Clients {
		for _, cert := range c.Certificates {
			if cert.Fingerprint != print {
				continue
			}
			who := c.public().Identity()
			switch id, err := certIdentity(leaf); {
			case err != nil || id != who:
				return hub.Identity{}, &refusal{reasonIdentity, err}
			case !r.Now().Before(cert.NotAfter):
				return hub.Identity{}, &refusal{reasonExpired, nil}
			case !r.Directory.keepsRecords(who.TrustDomain):
				return hub.Identity{}, &refusal{reasonRevoked, nil}
			}
			return who, nil
		}
	}
	return hub.Identity{}, &refusal{reasonUnknown, nil}
}
