package wire

import (
	"context"
	"crypto"
	"crypto/x509"
	"sync"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// newAuthorities makes the certificate authorities of the trust domains: in this
// process, or at a step-ca elsewhere.
func (c *cmfRole) newAuthorities() error {
	c.authorities = authority.New(authority.Config{
		Space: c.space, Keys: authorityKeys{c.keys},
		Open: func(current authority.Signer, earlier ...authority.Signer) (authority.CA, error) {
			before := make([]stepca.Issuer, 0, len(earlier))
			for _, s := range earlier {
				before = append(before, stepca.Issuer(s))
			}
			return stepca.Open(stepca.Issuer(current), before...)
		},
		Remote: func(domain string) authority.CA {
			if r := c.domains[domain].remote; r != nil {
				return r
			}
			return nil // an interface that holds nothing is not nil
		},
		Records: func(ctx context.Context, domain string, r hub.Record) error { return c.records(ctx, domain, r) },
		Self:    trust.FunctionIdentity(hub.KindCMF), Now: time.Now, Wait: wait, Log: c.log.With("part", "authority"),
	})
	return nil
}

// authorityKeys joins the key stores to the port of the authorities, whose keys are
// where those of the trust domain are, under labels of their own.
type authorityKeys struct{ *keyStores }

// Open implements [authority.KeyStores].
func (k authorityKeys) Open(ctx context.Context, domain, kind string) (authority.Keys, error) {
	return k.keyStores.Open(ctx, domain, kind)
}

// remoteCA is a step-ca elsewhere. It is connected to when it is first needed: one
// that is away at the start keeps only its own trust domain from being certified.
type remoteCA struct {
	cfg stepca.RemoteConfig

	mu   sync.Mutex // held while it is connected to, so that it is once
	open *stepca.Remote
}

// newRemoteCA reads the credential for a step-ca elsewhere; nil when there is none.
func newRemoteCA(at string, d config.CertificateDomain) (*remoteCA, error) {
	if d.RemoteURL == "" {
		return nil, nil
	}
	key, err := readSigner(at+".provisionerKey", d.ProvisionerKey)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	if d.ProvisionerChain != "" {
		if chain, err = readCertificates(at+".provisionerChain", d.ProvisionerChain); err != nil {
			return nil, err
		}
		if own, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(chain[0].PublicKey) {
			return nil, hub.E(hub.Invalid, "read "+at, at+".provisionerChain: its first certificate is not that of provisionerKey", nil)
		}
	}
	return &remoteCA{cfg: stepca.RemoteConfig{
		URL: d.RemoteURL, Roots: d.RemoteRoots, Provisioner: d.Provisioner, Key: key, Chain: chain, Now: time.Now,
	}}, nil
}

func (r *remoteCA) get(ctx context.Context) (*stepca.Remote, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		opened, err := stepca.OpenRemote(ctx, r.cfg)
		if err != nil {
			return nil, err
		}
		r.open = opened
	}
	return r.open, nil
}

// Issue implements [authority.CA].
func (r *remoteCA) Issue(ctx context.Context, o hub.CertificateOrder) (hub.IssuedCertificate, error) {
	ca, err := r.get(ctx)
	if err != nil {
		return hub.IssuedCertificate{}, err
	}
	return ca.Issue(ctx, o)
}

// Chain implements [authority.CA].
func (r *remoteCA) Chain(ctx context.Context) (issuer string, chain [][]byte, err error) {
	ca, err := r.get(ctx)
	if err != nil {
		return "", nil, err
	}
	return ca.Chain(ctx)
}

// RevocationList implements [authority.CA].
func (r *remoteCA) RevocationList(ctx context.Context, l hub.RevocationList) ([]byte, error) {
	ca, err := r.get(ctx)
	if err != nil {
		return nil, err
	}
	return ca.RevocationList(ctx, l)
}

// OCSP implements [authority.CA].
func (r *remoteCA) OCSP(ctx context.Context, s hub.CertificateStatus) ([]byte, error) {
	ca, err := r.get(ctx)
	if err != nil {
		return nil, err
	}
	return ca.OCSP(ctx, s)
}
