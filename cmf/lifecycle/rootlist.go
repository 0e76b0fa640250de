package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// IssuerRevocation reads what revokes an intermediate. It is hub.Invalid for what is
// no reason to revoke a CA.
func (s *Service) IssuerRevocation(who hub.Identity, in certmgmt.RevokeRequest) (authority.Revocation, error) {
	const op = "revoke intermediate"
	r, err := parseReason(in.Reason)
	if err != nil {
		return authority.Revocation{}, err
	}
	if r.code == KeyCompromise {
		return authority.Revocation{}, hub.E(hub.Invalid, op, "keyCompromise is for the certificates of those who are no CA (RFC 5280 clause 5.3.1); use cACompromise", nil)
	}
	if len(in.Comment) > maxComment {
		return authority.Revocation{}, hub.E(hub.Invalid, op, fmt.Sprintf("the comment has %d bytes; use at most %d", len(in.Comment), maxComment), nil)
	}
	return authority.Revocation{At: s.Now(), Reason: r.code, By: who.String(), Comment: in.Comment}, nil
}

// ReasonName is the name of a CRLReason (RFC 5280 clause 5.3.1), empty for another number.
func ReasonName(code int) string {
	r, _ := reasonOf(code)
	return r.name
}

// IssuersRevoked records the intermediates that were revoked in a trust domain, and
// has the lists of their roots tell it. It is done again at each look, so what a crash
// cut off is finished by that.
func (s *Service) IssuersRevoked(ctx context.Context, domain string) error {
	all, err := s.Authorities.Issuers(ctx, domain)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("find the issuers of trust domain %s: %w", domain, err)
	}
	var failed []error
	for _, root := range all {
		if root.Root && len(revokedBelow(root, all)) > 0 && s.Now().Before(root.NotAfter) {
			_, err := s.rootList(ctx, domain, root, all)
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// revokedBelow lists the intermediates that a root revoked.
func revokedBelow(root authority.Issuer, all []authority.Issuer) (list []authority.Issuer) {
	for _, i := range all {
		if i.Parent == root.ID && i.Revoked != nil {
			list = append(list, i)
		}
	}
	return list
}

// rootCRL returns the revocation list of a root of a trust domain, signed now if there
// is none that is in force.
func (s *Service) rootCRL(ctx context.Context, domain, id string) (Signed, error) {
	all, err := s.Authorities.Issuers(ctx, domain)
	if err != nil {
		return Signed{}, err
	}
	at := slices.IndexFunc(all, func(i authority.Issuer) bool {
		return i.Root && i.ID == id && i.KeyPlace != authority.PlaceRemote
	})
	if at < 0 {
		return Signed{}, hub.E(hub.NotFound, "find issuer", "not found", nil)
	}
	l, err := s.rootList(ctx, domain, all[at], all)
	if kept := s.lists.Kept(id); err != nil && kept != nil && !s.over(kept) && kept.hasAll(revokedBelow(all[at], all)) {
		l, err = kept, nil // it cannot be renewed now, and is in force
	}
	if err != nil {
		return Signed{}, err
	}
	return Signed{l.DER, l.ThisUpdate, l.NextUpdate}, nil
}

// rootList returns the list of a root that has all intermediates that were revoked,
// and half of its time before it. Where there is none, they are recorded, and then a
// list is signed and stored: what the stored list has is recorded. Who has it again
// has the same, in whatever process.
func (s *Service) rootList(ctx context.Context, domain string, root authority.Issuer, all []authority.Issuer) (*list, error) {
	gone := revokedBelow(root, all)
	if l := s.lists.Kept(root.ID); l != nil && s.tells(l, gone) {
		return l, nil
	}
	for {
		at, err := s.lists.GetIn(ctx, domain, root.ID)
		fresh := hub.CodeOf(err) == hub.NotFound
		if err != nil && !fresh {
			return nil, fmt.Errorf("read revocation list of root %s: %w", root.ID, err)
		}
		if !fresh && s.tells(&at.Value, gone) {
			return &at.Value, nil
		}
		if err := s.recordRevoked(ctx, domain, gone, at.Value.Issuers); err != nil {
			return nil, err
		}
		next, err := s.composeRoot(ctx, domain, root.ID, at.Value, gone)
		if err != nil {
			return nil, err
		}
		if fresh {
			_, err = s.lists.Create(ctx, domain, root.ID, next)
		} else {
			at.Value = *next
			_, err = s.lists.Replace(ctx, at)
		}
		switch code := hub.CodeOf(err); {
		case err == nil:
			return next, nil
		case code != hub.Precondition && code != hub.Conflict: // not another process that was faster
			return nil, fmt.Errorf("store revocation list of root %s: %w", root.ID, err)
		case ctx.Err() != nil:
			return nil, hub.E(hub.Unavailable, "sign revocation list", "other processes sign it at the same time; ask again", ctx.Err())
		}
	}
}

// tells says whether a list of a root has all of these, and half of its time before it.
func (s *Service) tells(l *list, gone []authority.Issuer) bool {
	return l.hasAll(gone) && s.Now().Before(l.ThisUpdate.Add(l.NextUpdate.Sub(l.ThisUpdate)/2))
}

func (l *list) hasAll(gone []authority.Issuer) bool {
	return !slices.ContainsFunc(gone, func(i authority.Issuer) bool { return !slices.Contains(l.Issuers, i.ID) })
}

// recordRevoked records the intermediates that no list has told yet.
func (s *Service) recordRevoked(ctx context.Context, domain string, gone []authority.Issuer, told []string) error {
	var records []hub.Record
	for _, i := range gone {
		if slices.Contains(told, i.ID) {
			continue
		}
		data := struct {
			Issuer       string `json:"issuer"`
			SerialNumber string `json:"serialNumber"`
			Reason       string `json:"reason"`
			Comment      string `json:"comment,omitempty"`
		}{i.ID, i.Serial, ReasonName(i.Revoked.Reason), i.Revoked.Comment}
		r, err := s.newRecord("authority.revoked", i.Revoked.By, "authority/"+domain, i.Revoked.At, data, i.ID)
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		return nil
	}
	return s.Records(ctx, domain, records...)
}

// composeRoot signs the list of a root that follows the last one.
func (s *Service) composeRoot(ctx context.Context, domain, root string, last list, gone []authority.Issuer) (*list, error) {
	this := s.Now().UTC().Truncate(time.Second)
	if this.Before(last.ThisUpdate) { // the clock was put back
		this = last.ThisUpdate
	}
	next := &list{Number: numberAfter(last.Number, s.Now()), ThisUpdate: this, NextUpdate: this.Add(s.Times.List), Entries: len(gone)}
	order := hub.RevocationList{Issuer: root, Number: new(big.Int).SetUint64(next.Number), ThisUpdate: next.ThisUpdate, NextUpdate: next.NextUpdate}
	for _, i := range gone {
		serial, ok := new(big.Int).SetString(i.Serial, 16)
		if !ok {
			return nil, hub.E(hub.Unavailable, "sign revocation list", fmt.Sprintf("the serial number of CA certificate %s of trust domain %s cannot be read; restore it from a backup", i.ID, domain), nil)
		}
		order.Revoked = append(order.Revoked, hub.RevokedCertificate{Serial: serial, Revoked: i.Revoked.At, Reason: i.Revoked.Reason})
		next.Issuers = append(next.Issuers, i.ID)
	}
	var err error
	if next.DER, err = s.Authorities.RevocationList(ctx, domain, order); err != nil {
		return nil, fmt.Errorf("sign revocation list of root %s: %w", root, err)
	}
	return next, nil
}

// issuerRevoked says when and why an issuer of a trust domain was revoked; nil if it
// was not.
func (s *Service) issuerRevoked(ctx context.Context, domain, id string) (*authority.Revocation, error) {
	all, err := s.Authorities.Issuers(ctx, domain)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return nil, fmt.Errorf("find the issuers of trust domain %s: %w", domain, err)
	}
	for _, i := range all {
		if i.ID == id {
			return i.Revoked, nil
		}
	}
	return nil, nil
}

// alarmOrphans records the living certificates of issuers that were revoked, unless
// another one took their place: at once, and once more when nothing can be under way
// any more that the issuer signed before.
func (s *Service) alarmOrphans(ctx context.Context, domain string) error {
	all, err := s.Authorities.Issuers(ctx, domain)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("find the issuers of trust domain %s: %w", domain, err)
	}
	for _, i := range all {
		if i.Revoked == nil {
			continue
		}
		first, second := i.Revoked.At, i.Revoked.At.Add(s.Times.Settle)
		if err := s.alarmOrphansOf(ctx, domain, i, first, s.Metrics.Orphaned); err != nil {
			return err
		}
		if s.Now().After(second) {
			if err := s.alarmOrphansOf(ctx, domain, i, second, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// alarmOrphansOf does so for one issuer, unless it was done for that time.
func (s *Service) alarmOrphansOf(ctx context.Context, domain string, i authority.Issuer, at time.Time, count func()) error {
	what := "orphans " + i.ID
	if m := s.marks.Kept(domain); m != nil && !m.Days[what].Before(at) {
		return nil
	}
	certs, err := s.on(ctx, domain, cmf.ByIssuer(i.ID), func(c *cmf.Certificate) (bool, error) { return s.renewedBy(c) == "", nil })
	if err != nil {
		return err
	}
	err = s.alarmed(ctx, domain, "certificate.issuer-revoked", certs, "", func(c *cmf.Certificate) any {
		return struct {
			Issuer    string    `json:"issuer"`
			Revoked   time.Time `json:"revoked"`
			SubjectID string    `json:"subjectId"`
			Manager   string    `json:"manager"`
		}{i.ID, i.Revoked.At, c.SubjectID, c.Manager}
	}, count)
	if err != nil {
		return err
	}
	return s.moveMark(ctx, domain, what, at)
}
