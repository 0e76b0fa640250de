package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Revocation says when, why and by whom an intermediate was revoked.
type Revocation struct {
	At      time.Time `json:"at"`     // whole seconds
	Reason  int       `json:"reason"` // CRLReason, RFC 5280 clause 5.3.1
	By      string    `json:"by"`     // identity
	Comment string    `json:"comment,omitempty"`
}

const opRevoke = "revoke intermediate"

// RevokeIntermediate revokes an intermediate of a domain, which it names by its key
// identifier. The one that signs is replaced by a new one in the same act: from the
// moment that it is stored nothing more is signed with the old one. One that is
// revoked already stays as it is, and what a crash cut off is finished. That the root's
// list tells it is for who serves lists: see [Issuer.Revoked].
//
// It is hub.NotFound for an issuer that the domain never had, hub.Invalid for a root,
// hub.Conflict for an authority elsewhere, for an intermediate whose time is over, and
// while another rotation is under way. After hub.Unavailable it may be revoked, and
// the rest comes by itself.
func (a *Authorities) RevokeIntermediate(ctx context.Context, domain, id string, r Revocation) error {
	v, err := a.fresh(ctx, domain)
	if err != nil {
		return err
	}
	if v == nil || v.find(id) == nil {
		return noIssuer(opRevoke, id)
	}
	m := v.find(id)
	if err := a.revocable(domain, m); err != nil {
		return err
	}
	if _, err := a.finish(ctx, domain); err != nil {
		return err
	}
	if err := a.markRevoked(ctx, domain, m.Number, r); err != nil {
		return err
	}
	if _, err := a.finish(ctx, domain); err != nil {
		return err
	}
	_, err = a.fresh(ctx, domain)
	return err
}

// revocable says why a CA certificate cannot be revoked here.
func (a *Authorities) revocable(domain string, m *member) error {
	switch {
	case m.Root:
		return hub.E(hub.Invalid, opRevoke, fmt.Sprintf("%s is a root, and nobody stands above it who could revoke it; make another one with: %s, and have those who verify trust that one alone", m.id, howToRotate(true, domain)), nil)
	case m.Place == PlaceRemote:
		return hub.E(hub.Conflict, opRevoke, fmt.Sprintf("issuer %s of trust domain %s is an authority elsewhere; revoke and rotate it there, and the new issuer is seen here", m.id, domain), nil)
	case m.Revoked == nil && a.Now().After(m.cert.NotAfter):
		return hub.E(hub.Conflict, opRevoke, fmt.Sprintf("issuer %s ended at %s, and nothing that it signed is valid; there is nothing to revoke", m.id, m.cert.NotAfter.Format(time.RFC3339)), nil)
	}
	return nil
}

// markRevoked stores that an intermediate is revoked; with that, for the one that
// signs, that another one is to be made.
func (a *Authorities) markRevoked(ctx context.Context, domain string, number int, r Revocation) error {
	r.At = r.At.UTC().Truncate(time.Second)
	_, err := a.kind.Update(ctx, domain, func(d *domainCA) error {
		for n := range d.CAs {
			c := &d.CAs[n]
			if c.Number != number {
				continue
			}
			if c.Revoked != nil {
				return errDone
			}
			if c.State == hub.StateActive {
				if err := a.may(domain, d, whatIntermediate); err != nil {
					return err
				}
				d.begin(whatIntermediate, a.Keys.Kind(domain), r.By, a.Now())
			}
			c.Revoked = &r
			d.Seq++
			return nil
		}
		return noIssuer(opRevoke, fmt.Sprint(number))
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
