package wire

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// newAuthorities makes the certificate authorities of the trust domains: in this
// process, or at a step-ca elsewhere.
func (c *cmfRole) newAuthorities() error {
	c.authorities = authority.New(authority.Config{
		Space: c.space, Keys: cmfKeys{c.keys}, Open: openCA,
		Remote: func(domain string) authority.CA {
			if r := c.domains[domain].remote; r != nil {
				return r
			}
			return nil // an interface that holds nothing is not nil
		},
		Published: func(domain, root string) (crl, certificate []string) {
			crl, _, certificate = c.published(domain, root)
			return crl, certificate
		},
		Records: func(ctx context.Context, domain string, r hub.Record) error { return c.records(ctx, domain, r) },
		Self:    trust.FunctionIdentity(hub.KindCMF), Now: time.Now, Wait: wait, Log: c.log.With("part", "authority"),
	})
	return nil
}

// cmfKeys joins the key stores of the trust domains to the port of cmf/authority.
type cmfKeys struct{ *keyStores }

// Open implements [authority.KeyStores].
func (k cmfKeys) Open(ctx context.Context, domain, kind string) (authority.Keys, error) {
	keys, err := k.keyStores.Open(ctx, domain, kind)
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// openCA opens the built-in authority of a trust domain.
func openCA(current authority.Signer, earlier ...authority.Signer) (authority.CA, error) {
	issuers := make([]stepca.Issuer, 0, len(earlier))
	for _, e := range earlier {
		issuers = append(issuers, stepca.Issuer(e))
	}
	ca, err := stepca.Open(stepca.Issuer(current), issuers...)
	if err != nil {
		return nil, err
	}
	return ca, nil
}

// remoteCA is a step-ca elsewhere, which need not be up when the hub starts: it is
// opened when it is first asked. It implements [authority.CA].
type remoteCA struct {
	cfg stepca.RemoteConfig

	mu     sync.Mutex // covers what is below; held while it is opened
	opened *stepca.Remote
	failed error
	until  time.Time // failed stands until then
}

// remoteRetry is how long a step-ca that could not be opened is left alone.
const remoteRetry = 5 * time.Second

// newRemoteCA reads the provisioner's key, and for X5C its certificate chain, from
// PEM files. A step-ca that answers and does not fit is [hub.Invalid] at once, so
// that the hub does not start; one that does not answer is tried again later.
func newRemoteCA(ctx context.Context, cfg stepca.RemoteConfig, keyFile, chainFile string) (*remoteCA, error) {
	var err error
	if cfg.Key, err = readProvisionerKey(keyFile); err != nil {
		return nil, err
	}
	if chainFile != "" {
		if cfg.Chain, err = readChain(chainFile); err != nil {
			return nil, err
		}
	}
	r := &remoteCA{cfg: cfg}
	if _, err := r.open(ctx); hub.CodeOf(err) == hub.Invalid {
		return nil, err
	}
	return r, nil
}

const opReadProvisioner = "read credential for step-ca"

func readProvisionerKey(path string) (crypto.Signer, error) {
	bad := func(err error) (crypto.Signer, error) {
		return nil, hub.E(hub.Invalid, opReadProvisioner, fmt.Sprintf("%s holds no private key in PEM (PKCS #8, or EC); write one, readable by this user alone", path), err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return bad(err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, hub.E(hub.Invalid, opReadProvisioner, fmt.Sprintf("%s has mode %04o: others can read it; run: chmod 600 %s", path, perm, path), nil)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return bad(err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return bad(nil)
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return bad(err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return bad(fmt.Errorf("%T cannot sign", key))
	}
	return signer, nil
}

func readChain(path string) ([]*x509.Certificate, error) {
	raw, err := os.ReadFile(path)
	var chain []*x509.Certificate
	for err == nil {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			chain = append(chain, c)
		}
	}
	if err != nil || len(chain) == 0 {
		return nil, hub.E(hub.Invalid, opReadProvisioner, fmt.Sprintf("%s holds no certificate chain in PEM; write the provisioner's certificate and those above it, without the root", path), err)
	}
	return chain, nil
}

// get is open for those who did not configure the step-ca, and are not to blame for
// what does not fit.
func (r *remoteCA) get(ctx context.Context) (*stepca.Remote, error) {
	ca, err := r.open(ctx)
	if hub.CodeOf(err) == hub.Invalid {
		err = hub.E(hub.Unavailable, "open step-ca", hub.SafeText(err), err)
	}
	return ca, err
}

// open returns the step-ca, opened now if need be.
func (r *remoteCA) open(ctx context.Context) (*stepca.Remote, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened != nil {
		return r.opened, nil
	}
	if r.failed != nil && time.Now().Before(r.until) {
		return nil, r.failed
	}
	opened, err := stepca.OpenRemote(ctx, r.cfg)
	if err != nil && ctx.Err() != nil {
		return nil, err // the caller gave up, which says nothing of step-ca
	}
	r.opened, r.failed, r.until = opened, err, time.Now().Add(remoteRetry)
	return opened, err
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

// Check says why it cannot be asked now. It is for readiness.
func (r *remoteCA) Check(ctx context.Context) error {
	ca, err := r.get(ctx)
	if err != nil {
		return err
	}
	return ca.Check(ctx)
}
