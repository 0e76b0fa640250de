package authority

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// CA signs for one trust domain. Its errors are hub errors: [hub.Unavailable] for
// what may work later, [hub.NotFound] for an issuer that it never was.
type CA interface {
	Issue(context.Context, hub.CertificateOrder) (hub.IssuedCertificate, error)
	// Chain returns the certificates above a leaf in DER, the root last, and the
	// key identifier of the issuer that signs now.
	Chain(context.Context) (issuer string, chain [][]byte, err error)
	RevocationList(context.Context, hub.RevocationList) ([]byte, error)
	OCSP(context.Context, hub.CertificateStatus) ([]byte, error)
}

// Signer is a CA certificate with its key.
type Signer struct {
	Chain []*x509.Certificate // its own first, the root excluded
	Root  *x509.Certificate
	Key   crypto.Signer
}

// Keys holds the CA keys of one trust domain.
type Keys interface {
	// Create makes an ECDSA P-256 key; hub.Conflict if the label is taken.
	Create(ctx context.Context, label string) (crypto.Signer, error)
	// Signer returns the key of that label; hub.NotFound if there is none.
	Signer(ctx context.Context, label string) (crypto.Signer, error)
	// Delete destroys the key; nil or hub.NotFound if there is none.
	Delete(ctx context.Context, label string) error
}

// KeyStores opens the key store of a trust domain.
type KeyStores interface {
	// Kind says where new keys go: hub.KeysInFile, hub.KeysOnBus or hub.KeysInPKCS11.
	Kind(domain string) string
	// Open returns the domain's keys in a place; hub.Unavailable when it is away.
	Open(ctx context.Context, domain, kind string) (Keys, error)
}

// Config is what authorities are made of. All but Remote and Published are needed.
type Config struct {
	Space *state.Space // of the CMF, not open yet
	Keys  KeyStores
	// Open makes an authority that signs as current, and answers about what
	// earlier issuers signed.
	Open func(current Signer, earlier ...Signer) (CA, error)
	// Remote returns the authority elsewhere that signs for a trust domain; nil
	// where there is none.
	Remote func(domain string) CA
	// Published says where the revocation list and the certificate of a domain's root
	// are, for those who check what it signed; nil if they are nowhere.
	Published func(domain, root string) (crl, certificate []string)
	// Records appends to a domain's records; what is there already stands.
	Records func(ctx context.Context, domain string, r hub.Record) error
	Self    hub.Identity // the CMF, for what it does by itself
	Times   Times
	Now     func() time.Time
	Wait    func(ctx context.Context, d time.Duration) error // returns early only with ctx's error
	Log     *slog.Logger
}

// Times are times in the life of an authority. Zero stands for the default.
type Times struct {
	Root    time.Duration // life of a root; 20 years
	Issuer  time.Duration // life of an intermediate; 5 years, and never beyond its root
	Publish time.Duration // how long a new root is published before it is used; 7 days. Below zero: not at all
	Alarm   time.Duration // how long before an end the first alarm is raised; 90 days
}

const day = 24 * time.Hour

func (l Times) orDefaults() Times {
	for _, d := range []struct {
		at    *time.Duration
		value time.Duration
	}{{&l.Root, 20 * 365 * day}, {&l.Issuer, 5 * 365 * day}, {&l.Publish, 7 * day}, {&l.Alarm, 90 * day}} {
		if *d.at == 0 {
			*d.at = d.value
		}
	}
	return l
}

// Authorities is the certificate authorities of all trust domains. It is safe for
// concurrent use, and several processes may share its space if they share the
// key stores.
type Authorities struct {
	Config
	kind    *state.Kind[domainCA]
	process string // names this process among those that share the space

	mu    sync.Mutex // covers slots
	slots map[string]*slot
}

// New adds the authorities to the CMF's space, before that is opened.
func New(c Config) *Authorities {
	c.Times = c.Times.orDefaults()
	if c.Remote == nil {
		c.Remote = func(string) CA { return nil }
	}
	if c.Published == nil {
		c.Published = func(string, string) (crl, certificate []string) { return nil, nil }
	}
	return &Authorities{Config: c, kind: state.NewKept[domainCA](c.Space, "authority", nil), process: hub.NewID(), slots: map[string]*slot{}}
}

// Issue signs what was ordered as the domain's current issuer. The authority is
// made if this is the first use of it. An order that names another issuer, because
// there was a rotation since it was made, is hub.Conflict, and nothing is signed.
func (a *Authorities) Issue(ctx context.Context, domain string, o hub.CertificateOrder) (hub.IssuedCertificate, error) {
	v, err := a.view(ctx, domain)
	if err != nil {
		return hub.IssuedCertificate{}, err
	}
	if o.Issuer != "" && o.Issuer != v.current.id {
		return hub.IssuedCertificate{}, hub.E(hub.Conflict, "issue certificate", "the certificate authority of the trust domain was rotated while the certificate was ordered; ask again", nil)
	}
	if remote := a.Remote(domain); remote != nil {
		issued, err := remote.Issue(ctx, o)
		// What is signed is given out: who verifies it gets the whole chain with it.
		if hub.CodeOf(err) == hub.Conflict || err == nil && v.find(issued.Issuer) == nil {
			a.rotatedElsewhere(ctx, domain, remote)
		}
		return issued, err
	}
	ca, err := a.ca(ctx, domain, v)
	if err != nil {
		return hub.IssuedCertificate{}, err
	}
	return ca.Issue(ctx, o)
}

// Elsewhere says whether an authority outside of this hub signs for a trust domain.
func (a *Authorities) Elsewhere(domain string) bool { return a.Remote(domain) != nil }

// rotatedElsewhere notes the new issuer of an authority elsewhere. What cannot be
// noted now is noted at the next look.
func (a *Authorities) rotatedElsewhere(ctx context.Context, domain string, remote CA) {
	if err := a.noteRemote(ctx, domain, remote); err != nil {
		a.Log.Warn("the new issuer of an authority elsewhere is not noted yet", "trustDomain", domain, "err", err)
	}
}

// Limits says from when until when the domain's current issuer is valid, which bounds
// all that it signs, and its key identifier. The authority is made if need be.
func (a *Authorities) Limits(ctx context.Context, domain string) (notBefore, notAfter time.Time, issuer string, err error) {
	v, err := a.view(ctx, domain)
	if err != nil {
		return time.Time{}, time.Time{}, "", err
	}
	return v.current.cert.NotBefore, v.current.cert.NotAfter, v.current.id, nil
}

// Chain returns the certificates above a leaf of an issuer in DER, without the
// root, and the root. The empty issuer is the current one, which is made if need
// be. It is hub.NotFound for an issuer that this domain never had.
func (a *Authorities) Chain(ctx context.Context, domain, issuer string) (chain [][]byte, root []byte, err error) {
	v, err := a.viewOf(ctx, domain, issuer)
	if err != nil {
		return nil, nil, err
	}
	m := v.current
	if issuer != "" {
		if m = v.find(issuer); m == nil || m.Root {
			return nil, nil, noIssuer("find chain", issuer)
		}
	}
	for _, above := range m.chain() {
		chain = append(chain, above.cert.Raw)
	}
	return chain, m.root().cert.Raw, nil
}

// viewOf is view for what must not make an authority: questions about an issuer.
func (a *Authorities) viewOf(ctx context.Context, domain, issuer string) (*view, error) {
	if issuer == "" {
		return a.view(ctx, domain)
	}
	v, err := a.known(ctx, domain)
	if err == nil && v == nil {
		return nil, noIssuer("find issuer", issuer)
	}
	return v, err
}

func noIssuer(op, issuer string) error {
	return hub.E(hub.NotFound, op, fmt.Sprintf("there is no issuer %q in this trust domain; manoward ca show lists those there are", clip(issuer)), nil)
}

// clip keeps hostile identifiers out of texts at full length.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// RevocationList signs a revocation list as the issuer that it names, in DER: the
// current one, an earlier one, or a root, which is the issuer of the others. It is
// hub.Conflict for an issuer elsewhere that was replaced there: nobody signs its
// lists any more.
func (a *Authorities) RevocationList(ctx context.Context, domain string, l hub.RevocationList) ([]byte, error) {
	ca, elsewhere, err := a.issuerCA(ctx, domain, l.Issuer)
	if err != nil {
		return nil, err
	}
	der, err := ca.RevocationList(ctx, l)
	if code := hub.CodeOf(err); elsewhere && (code == hub.Conflict || code == hub.NotFound) {
		a.rotatedElsewhere(ctx, domain, ca)
		err = replacedElsewhere(domain, l.Issuer, err)
	}
	return der, err
}

func replacedElsewhere(domain, issuer string, err error) error {
	return hub.E(hub.Conflict, "find issuer", fmt.Sprintf("issuer %s of trust domain %s was replaced at the authority elsewhere, and nobody signs its revocation lists any more; renew what it issued", issuer, domain), err)
}

// OCSP signs an answer about one certificate as the issuer that it names, in DER;
// see [Authorities.RevocationList].
func (a *Authorities) OCSP(ctx context.Context, domain string, s hub.CertificateStatus) ([]byte, error) {
	ca, _, err := a.issuerCA(ctx, domain, s.Issuer)
	if err != nil {
		return nil, err
	}
	return ca.OCSP(ctx, s)
}

// issuerCA is the authority that an issuer of a domain belongs to, here or
// elsewhere.
func (a *Authorities) issuerCA(ctx context.Context, domain, issuer string) (ca CA, elsewhere bool, err error) {
	const op = "find issuer"
	v, err := a.known(ctx, domain)
	if err != nil {
		return nil, false, err
	}
	if v == nil {
		return nil, false, noIssuer(op, issuer)
	}
	m := v.find(issuer)
	switch {
	case m == nil:
		return nil, false, noIssuer(op, issuer)
	case m.Place != PlaceRemote:
		ca, err = a.ca(ctx, domain, v)
		return ca, false, err
	}
	remote := a.Remote(domain)
	if remote == nil {
		return nil, true, hub.E(hub.Conflict, op, fmt.Sprintf("issuer %s is an authority elsewhere that is not configured for trust domain %s any more; ask it, or configure it again", m.id, domain), nil)
	}
	return remote, true, nil
}
