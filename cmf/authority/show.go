package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Issuer is a CA certificate of a domain, for those who look at it.
type Issuer struct {
	ID          string    `json:"id"` // key identifier, hexadecimal, as in [hub.IssuedCertificate]
	Root        bool      `json:"root"`
	Number      int       `json:"number"` // in the order of their making
	Parent      string    `json:"parent,omitempty"`
	State       string    `json:"state"`
	Since       time.Time `json:"since"`
	Subject     string    `json:"subject"`
	Serial      string    `json:"serial"` // hexadecimal
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	KeyPlace    string    `json:"keyPlace"`
	KeyLabel    string    `json:"keyLabel,omitempty"` // in the key store; none elsewhere
	UsedFrom    time.Time `json:"usedFrom,omitzero"`  // of a root that is published only
	Alarm       string    `json:"alarm,omitempty"`    // what has to be done about it
	Certificate []byte    `json:"certificate"`        // DER
	// Revoked: of an intermediate that its root revoked; nil for the others.
	Revoked *Revocation `json:"revoked,omitempty"`
}

// Issuers returns the CA certificates of a domain, roots among them, in the order
// of their making; none if it has no authority yet.
func (a *Authorities) Issuers(ctx context.Context, domain string) ([]Issuer, error) {
	v, err := a.known(ctx, domain)
	if err != nil || v == nil {
		return nil, err
	}
	list := make([]Issuer, 0, len(v.members))
	for _, m := range v.members {
		i := Issuer{
			ID: m.id, Root: m.Root, Number: m.Number, State: a.stateOf(domain, m), Since: m.Since, Subject: m.cert.Subject.String(), Serial: fmt.Sprintf("%x", m.cert.SerialNumber),
			NotBefore: m.cert.NotBefore, NotAfter: m.cert.NotAfter, KeyPlace: m.Place, Alarm: a.alarm(domain, m), Certificate: m.cert.Raw, Revoked: m.Revoked,
		}
		if m.above != nil {
			i.Parent = m.above.id
		}
		if m.Place != PlaceRemote {
			i.KeyLabel = m.label()
		}
		if m.State == StatePublished {
			i.UsedFrom = m.Since.Add(max(a.Times.Publish, 0))
		}
		list = append(list, i)
	}
	return list, nil
}

// stateOf is the state of a CA certificate now.
func (a *Authorities) stateOf(domain string, m *member) string {
	switch {
	case m.Revoked != nil:
		return hub.StateRevoked
	case a.Now().After(m.cert.NotAfter):
		return hub.StateExpired
	case a.replaced(domain, m):
		return hub.StateRetiring
	}
	return m.State
}

// replaced reports whether another CA signs in place of this one: one that came
// after it, or the other kind of authority.
func (a *Authorities) replaced(domain string, m *member) bool {
	return m.State == hub.StateRetiring || (a.Remote(domain) != nil) != (m.Place == PlaceRemote)
}

// alarm says what has to be done about a CA certificate that was revoked or whose end
// comes near; nothing about another one that was replaced, or has ended.
func (a *Authorities) alarm(domain string, m *member) string {
	left := m.cert.NotAfter.Sub(a.Now())
	if m.Revoked != nil {
		if left <= 0 {
			return ""
		}
		return fmt.Sprintf("it was revoked at %s, and nothing that it issued is valid any more; renew what is listed by: manoward cert list --trust-domain %s --issuer %s --state VALID", m.Revoked.At.Format(time.RFC3339), domain, m.id)
	}
	if left > a.Times.Alarm || a.replaced(domain, m) {
		return ""
	}
	mend := "rotate it with: " + howToRotate(m.Root, domain)
	if m.Place == PlaceRemote {
		mend = "rotate it where it is"
	}
	if left <= 0 {
		return fmt.Sprintf("it ended at %s, and nothing that it signs is valid; %s", m.cert.NotAfter.Format(time.RFC3339), mend)
	}
	return fmt.Sprintf("it ends in %d days, and so does everything that it signs; %s", int(left/day), mend)
}

// howToRotate is the command line that replaces a CA.
func howToRotate(root bool, domain string) string {
	part := certmgmt.PartIntermediate
	if root {
		part = certmgmt.PartRoot
	}
	return fmt.Sprintf("manoward ca rotate %s --trust-domain %s", part, domain)
}

// Check says why a domain's authority cannot sign now, or is about to be unable
// to: a key that is gone, an end. It is for readiness, and nil for a domain that
// has no authority yet.
func (a *Authorities) Check(ctx context.Context, domain string) error {
	v, err := a.known(ctx, domain)
	if err != nil || v == nil || v.current == nil {
		return err
	}
	if left := v.current.cert.NotAfter.Sub(a.Now()); left <= 0 {
		return hub.E(hub.Unavailable, "check certificate authority", fmt.Sprintf("the issuer of trust domain %s: %s", domain, a.alarm(domain, v.current)), nil)
	}
	if a.Remote(domain) != nil {
		return nil // a check of its own
	}
	_, err = a.ca(ctx, domain, v)
	s := a.slot(domain)
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.lost)
}
