package authority

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// PlaceRemote is where the key of an authority elsewhere is: not here. The other
// places are [hub.KeysInFile], [hub.KeysOnBus] and [hub.KeysInPKCS11].
const PlaceRemote = "remote"

// StatePublished is the state of a root that is told to those who verify, and not
// used yet. The other states are [hub.StateActive], [hub.StateRetiring] (it signs
// no certificate any more, and goes on answering for those it signed),
// [hub.StateRevoked] (likewise, and nothing that it signed is valid for who looks at
// the list of its root) and [hub.StateExpired].
const StatePublished = "PUBLISHED"

// domainCA is the authority of a trust domain, as it is stored under the domain's
// name: what there is of it, and the rotation that is under way.
type domainCA struct {
	Seq      int       `json:"seq"`           // grows with each change
	Made     int       `json:"made"`          // CA certificates that were begun; numbers the keys
	CAs      []ca      `json:"cas,omitempty"` // oldest first
	Rotation *rotation `json:"rotation,omitempty"`
}

// ca is a CA certificate.
type ca struct {
	Number      int       `json:"number"`
	Root        bool      `json:"root,omitempty"`
	Parent      int       `json:"parent,omitempty"` // number of the CA above; a root has none
	Place       string    `json:"place"`            // of its key
	Certificate []byte    `json:"certificate"`      // DER
	State       string    `json:"state"`            // never EXPIRED, which the time says
	Since       time.Time `json:"since"`            // of State
	// Revoked: by its root, of an intermediate.
	Revoked *Revocation `json:"revoked,omitempty"`
}

// label names the key in the key store.
func (c *ca) label() string { return label(c.Root, c.Number) }

func label(root bool, number int) string {
	if root {
		return fmt.Sprintf("cmf/root-%d", number)
	}
	return fmt.Sprintf("cmf/issuer-%d", number)
}

// rotation is a change of the authority that has begun. All that it makes is
// stored in it before it has an effect.
type rotation struct {
	ID    string    `json:"id"`
	What  what      `json:"what"`
	Actor string    `json:"actor"`
	Began time.Time `json:"began"`
	First int       `json:"first"`          // number of what it makes first
	Place string    `json:"place"`          // of the keys that it makes
	Made  []ca      `json:"made,omitempty"` // once all are signed
	// Maker is the process that makes the keys, since Taken: see [Authorities.claim].
	Maker string    `json:"maker,omitempty"`
	Taken time.Time `json:"taken,omitzero"`
}

// what a rotation does.
type what string

const (
	whatCreate       what = "create"       // a root and an intermediate, the first of the domain
	whatIntermediate what = "intermediate" // a new one below the root in use
	whatRoot         what = "root"         // a new one, published and not used yet
	whatUseRoot      what = "use-root"     // an intermediate below the root that was published
)

func (d *domainCA) find(root bool, st string) *ca {
	for n := range d.CAs {
		if c := &d.CAs[n]; c.Root == root && c.State == st && c.Place != PlaceRemote {
			return c
		}
	}
	return nil
}

// view is what is stored of a domain's authority, read.
type view struct {
	seq     int
	members []*member
	current *member // the issuer; nil while the first, or one in place of a revoked one, is made
	pending bool    // a rotation is under way
}

// member is a CA certificate, read.
type member struct {
	ca
	id    string // key identifier, hexadecimal
	cert  *x509.Certificate
	above *member // nil above a root
}

func (m *member) chain() (list []*member) {
	for ; !m.Root; m = m.above {
		list = append(list, m)
	}
	return list
}

func (m *member) root() *member {
	for !m.Root {
		m = m.above
	}
	return m
}

func (v *view) find(id string) *member {
	for _, m := range v.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

func keyID(c *x509.Certificate) string { return hex.EncodeToString(c.SubjectKeyId) }

// newView reads what is stored. remote says that an authority elsewhere signs.
func newView(domain string, d *domainCA, remote bool) (*view, error) {
	v := &view{seq: d.Seq, pending: d.Rotation != nil}
	for _, c := range d.CAs {
		cert, err := x509.ParseCertificate(c.Certificate)
		if err != nil {
			return nil, unreadable(domain, err)
		}
		m := &member{ca: c, id: keyID(cert), cert: cert}
		for _, above := range v.members {
			if above.Number == c.Parent {
				m.above = above
			}
		}
		if !c.Root && m.above == nil {
			return nil, unreadable(domain, fmt.Errorf("CA certificate %d has none above it", c.Number))
		}
		v.members = append(v.members, m)
		if !c.Root && c.State == hub.StateActive && c.Revoked == nil && remote == (c.Place == PlaceRemote) {
			v.current = m
		}
	}
	return v, nil
}

func unreadable(domain string, err error) error {
	return hub.E(hub.Unavailable, "read certificate authority", fmt.Sprintf("what is stored of the certificate authority of trust domain %s cannot be read; restore it from a backup", domain), err)
}

// slot is what a process has in memory of a domain's authority.
type slot struct {
	seen atomic.Pointer[view] // the newest that was read

	mu    sync.Mutex // covers what is below; held while keys are opened
	seq   int        // of what ca was made from
	ca    CA
	lost  error     // why an earlier issuer is not in ca
	again time.Time // when to look for it again
}

// lostRetry is how long an authority goes on without an earlier issuer whose key
// cannot be opened, until it is looked for again.
const lostRetry = time.Minute

func (a *Authorities) slot(domain string) *slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.slots[domain]
	if s == nil {
		s = &slot{}
		a.slots[domain] = s
	}
	return s
}

// known is the domain's authority, nil if it has none.
func (a *Authorities) known(ctx context.Context, domain string) (*view, error) {
	d := a.kind.Kept(domain)
	if d == nil {
		return a.fresh(ctx, domain)
	}
	return a.read(domain, d)
}

// fresh is known, of the table itself: another process may have written just now.
func (a *Authorities) fresh(ctx context.Context, domain string) (*view, error) {
	e, err := a.entry(ctx, domain)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, a.exists(ctx, domain)
	}
	if err != nil {
		return nil, fmt.Errorf("find the certificate authority of trust domain %s: %w", domain, err)
	}
	return a.read(domain, &e.Value)
}

// read returns the newest of what is stored and of what was seen before.
func (a *Authorities) read(domain string, d *domainCA) (*view, error) {
	s := a.slot(domain)
	if v := s.seen.Load(); v != nil && v.seq >= d.Seq {
		return v, nil
	}
	v, err := newView(domain, d, a.Remote(domain) != nil)
	if err != nil {
		return nil, err
	}
	s.seen.Store(v)
	return v, nil
}

// exists is hub.NotFound for a trust domain that there is not.
func (a *Authorities) exists(ctx context.Context, domain string) error {
	return a.Space.Add(ctx, domain)
}

// view is the domain's authority, made now if there is none.
func (a *Authorities) view(ctx context.Context, domain string) (*view, error) {
	v, err := a.known(ctx, domain)
	if err != nil || v != nil && v.current != nil {
		return v, err
	}
	if remote := a.Remote(domain); remote != nil {
		err = a.noteRemote(ctx, domain, remote)
	} else {
		err = a.create(ctx, domain)
	}
	if err != nil {
		return nil, err
	}
	if v, err = a.fresh(ctx, domain); err == nil && (v == nil || v.current == nil) {
		err = hub.E(hub.Unavailable, "make certificate authority", fmt.Sprintf("the certificate authority of trust domain %s is being made; ask again", domain), nil)
	}
	return v, err
}

// ca opens what signs with the keys of a domain.
func (a *Authorities) ca(ctx context.Context, domain string, v *view) (CA, error) {
	s := a.slot(domain)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ca != nil && s.seq >= v.seq && (s.lost == nil || a.Now().Before(s.again)) {
		return s.ca, nil
	}
	opened, lost, err := a.open(ctx, domain, v)
	if err != nil {
		return nil, err
	}
	s.ca, s.seq, s.lost, s.again = opened, v.seq, lost, a.Now().Add(lostRetry)
	return opened, nil
}

// open opens what signs, and beside it all CAs whose time is not over, for their
// lists and answers. lost says which of these have no key; the others are not held
// up by that.
func (a *Authorities) open(ctx context.Context, domain string, v *view) (opened CA, lost, err error) {
	first := v.signing()
	if first == nil {
		return nil, nil, hub.E(hub.NotFound, "open certificate authority", fmt.Sprintf("trust domain %s has no issuer of its own", domain), nil)
	}
	current, err := a.signer(ctx, domain, first)
	if err != nil {
		return nil, nil, err
	}
	var others []Signer
	for _, m := range v.members {
		if m == first || m.Place == PlaceRemote || a.Now().After(m.cert.NotAfter) {
			continue
		}
		signer, err := a.signer(ctx, domain, m)
		if err != nil {
			a.Log.Error("the key of a CA cannot be opened: there are no revocation lists and OCSP answers of it until it can", "trustDomain", domain, "issuer", m.id, "err", err)
			lost = errors.Join(lost, err)
			continue
		}
		others = append(others, signer)
	}
	opened, err = a.Open(current, others...)
	return opened, lost, err
}

// signing is the issuer that signs: the current one, or the last before an
// authority elsewhere.
func (v *view) signing() (last *member) {
	for _, m := range v.members {
		if !m.Root && m.Place != PlaceRemote {
			last = m
		}
	}
	return last
}

func (a *Authorities) signer(ctx context.Context, domain string, m *member) (Signer, error) {
	key, err := a.key(ctx, domain, &m.ca)
	if err != nil {
		return Signer{}, err
	}
	s := Signer{Root: m.root().cert, Key: key}
	for _, above := range m.chain() {
		s.Chain = append(s.Chain, above.cert)
	}
	if m.Root {
		s.Chain = []*x509.Certificate{m.cert}
	}
	return s, nil
}

// key opens the key of a CA where it is. It is hub.Unavailable when it is not there.
func (a *Authorities) key(ctx context.Context, domain string, c *ca) (crypto.Signer, error) {
	keys, err := a.Keys.Open(ctx, domain, c.Place)
	if err != nil {
		return nil, fmt.Errorf("open the key store of trust domain %s: %w", domain, err)
	}
	key, err := keys.Signer(ctx, c.label())
	if hub.CodeOf(err) == hub.NotFound {
		err = hub.E(hub.Unavailable, "open CA key", fmt.Sprintf("the key %s of trust domain %s is gone: %s; without a backup of it make a new CA with: %s", c.label(), domain, hub.SafeText(err), howToRotate(c.Root, domain)), err)
	}
	return key, err
}

// entry reads the authority of a domain from its table.
func (a *Authorities) entry(ctx context.Context, domain string) (state.Entry[domainCA], error) {
	return a.kind.GetIn(ctx, domain, domain)
}
