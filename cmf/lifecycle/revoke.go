package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Reasons of revocation (RFC 5280 clause 5.3.1) that others than people give.
const (
	KeyCompromise        = 1
	caCompromise         = 2
	Superseded           = 4
	CessationOfOperation = 5
	PrivilegeWithdrawn   = 9
)

// reason is a CRLReason. One of a higher rank may take the place of another.
type reason struct {
	code int
	name string
	rank int
}

func reasons() []reason {
	return []reason{
		{0, "unspecified", 0},
		{KeyCompromise, "keyCompromise", 3},
		{caCompromise, "cACompromise", 3},
		{3, "affiliationChanged", 1},
		{Superseded, "superseded", 1},
		{CessationOfOperation, "cessationOfOperation", 1},
		{PrivilegeWithdrawn, "privilegeWithdrawn", 2},
	}
}

func reasonOf(code int) (reason, bool) {
	for _, r := range reasons() {
		if r.code == code {
			return r, true
		}
	}
	return reason{}, false
}

// parseReason reads the name of a reason.
func parseReason(name string) (reason, error) {
	var names []string
	for _, r := range reasons() {
		if r.name == name {
			return r, nil
		}
		names = append(names, r.name)
	}
	text := fmt.Sprintf("%q is no reason to revoke a certificate; use one of %s", clip(name), strings.Join(names, ", "))
	switch name {
	case "certificateHold", "removeFromCRL":
		text = name + " is not supported, because a revocation is final; revoke with another reason, and request a new certificate later"
	case "aACompromise":
		text = "aACompromise is for attribute certificates; use keyCompromise or cACompromise"
	}
	return reason{}, hub.E(hub.Invalid, "revoke certificate", text, nil)
}

// clip keeps hostile text out of texts at full length.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

const maxComment = 1000 // bytes

// Revoke ends a certificate for good. Doing it again changes nothing, unless the
// reason is a graver one. When it returns nil, the certificate is in the issuer's
// revocation list and in the records. After hub.Unavailable it may be revoked
// already; then the rest comes by itself.
func (s *Service) Revoke(ctx context.Context, who hub.Identity, id string, in certmgmt.RevokeRequest) (certmgmt.Certificate, error) {
	r, err := parseReason(in.Reason)
	if err != nil {
		return certmgmt.Certificate{}, err
	}
	if len(in.Comment) > maxComment {
		return certmgmt.Certificate{}, hub.E(hub.Invalid, "revoke certificate", fmt.Sprintf("the comment has %d bytes; use at most %d", len(in.Comment), maxComment), nil)
	}
	if _, err := s.certificate(ctx, who, id); err != nil {
		return certmgmt.Certificate{}, err
	}
	if err := s.revoke(ctx, []string{id}, order{reason: r, by: who.String(), comment: in.Comment}); err != nil {
		return certmgmt.Certificate{}, err
	}
	return s.Certificate(ctx, who, id)
}

// order is a revocation of any certificate.
type order struct {
	reason  reason
	by      string
	comment string
	living  bool            // leave out what has ended already
	except  map[string]bool // leave out those of these registrations
}

const (
	chunk    = 2000 // certificates that share a list at most
	together = 64   // writes at once, which share syncs
)

// revoke revokes certificates. What is revoked already is left as it is, and its
// revocation is brought to its end if it is open.
func (s *Service) revoke(ctx context.Context, ids []string, o order) error {
	var failed []error
	for part := range slices.Chunk(ids, chunk) {
		open, err := s.mark(ctx, part, o)
		failed = append(failed, err, s.publish(ctx, open))
	}
	return errors.Join(failed...)
}

var errUnchanged = errors.New("nothing to change")

// mark stores that certificates are revoked, and returns those whose revocation is
// open.
func (s *Service) mark(ctx context.Context, ids []string, o order) ([]*cmf.Certificate, error) {
	var (
		mu     sync.Mutex // covers what is below
		open   []*cmf.Certificate
		failed []error
		now    = s.Now().UTC().Truncate(time.Second)
	)
	each(ids, func(id string) {
		var seen cmf.Certificate
		_, err := s.Store.Certificates.Update(ctx, id, func(c *cmf.Certificate) error {
			err := o.apply(c, now, s.RecordFirst)
			seen = *c
			return err
		})
		changed := err == nil
		if errors.Is(err, errUnchanged) {
			err = nil
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil && hub.CodeOf(err) != hub.NotFound:
			failed = append(failed, fmt.Errorf("revoke certificate %s: %w", id, err))
		case err == nil && seen.Revoked != nil && seen.Revoked.Open:
			open = append(open, &seen)
			if changed && s.Metrics.Revoked != nil {
				s.Metrics.Revoked(o.reason.name)
			}
		}
	})
	return open, errors.Join(failed...)
}

// apply revokes a certificate. held says that nobody may be told yet; one of which
// somebody may know is not held again.
func (o order) apply(c *cmf.Certificate, now time.Time, held bool) error {
	at := now
	if c.Revoked != nil {
		held = c.Revoked.Held
		if was, _ := reasonOf(c.Revoked.Reason); was.rank >= o.reason.rank {
			return errUnchanged
		}
		at = c.Revoked.At
	} else if o.living && !now.Before(c.NotAfter) || o.except[c.RegistrationID] {
		return errUnchanged
	}
	c.Revoked = &cmf.Revocation{At: at, Reason: o.reason.code, By: o.by, Comment: o.comment, Open: true, Held: held}
	return nil
}

// publish puts open revocations into the lists of their issuers.
func (s *Service) publish(ctx context.Context, open []*cmf.Certificate) error {
	byIssuer := map[[2]string][]*cmf.Certificate{}
	for _, c := range open {
		k := [2]string{c.TrustDomain, c.Issuer}
		byIssuer[k] = append(byIssuer[k], c)
	}
	var failed []error
	for k, certs := range byIssuer {
		i, err := s.issuer(ctx, k[0], k[1])
		if err == nil {
			err = s.share(ctx, i, certs)
		}
		if hub.CodeOf(err) == hub.Conflict { // nobody signs that issuer's lists any more
			s.Log.Warn("certificates are revoked, and no list tells it, because the authority elsewhere replaced their issuer; take them away from those who hold them", "trustDomain", k[0], "issuer", k[1], "certificates", len(certs))
			err = s.unpublished(ctx, k[0], certs)
		}
		if err != nil {
			text := "the certificate is revoked, and OCSP says so; its revocation list or its record could not be written yet, which is tried again by itself: see /readyz"
			if s.RecordFirst {
				text = "the revocation is stored; its record is not sealed or its list not signed yet, and OCSP tells it after that, which is tried again by itself: see /readyz"
			}
			failed = append(failed, hub.E(hub.Unavailable, "publish revocation", text, err))
		}
	}
	return errors.Join(failed...)
}

// unpublished records revocations that no list will have, and ends them: they stay
// what this hub knows.
func (s *Service) unpublished(ctx context.Context, domain string, certs []*cmf.Certificate) error {
	for _, c := range certs {
		c.Revoked.Unpublished = true
	}
	if err := s.tell(ctx, domain, certs); err != nil {
		return err
	}
	s.settle(ctx, certs)
	return nil
}

// tell writes the records of revocations.
func (s *Service) tell(ctx context.Context, domain string, certs []*cmf.Certificate) error {
	records := make([]hub.Record, 0, len(certs))
	for _, c := range certs {
		r, _ := reasonOf(c.Revoked.Reason)
		data := struct {
			Reason       string `json:"reason"`
			Comment      string `json:"comment,omitempty"`
			SerialNumber string `json:"serialNumber"`
			Issuer       string `json:"issuer"`
			SubjectID    string `json:"subjectId"`
			AttesterID   string `json:"attesterId,omitempty"`
			Unpublished  bool   `json:"unpublished,omitempty"`
		}{r.name, c.Revoked.Comment, c.Serial.Text(16), c.Issuer, c.SubjectID, c.AttesterID, c.Revoked.Unpublished}
		record, err := s.newRecord("certificate.revoked", c.Revoked.By, "certificate/"+c.ID, c.Revoked.At, data, domain, strconv.Itoa(r.code))
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return nil
	}
	return s.Records(ctx, domain, records...)
}

// settle takes the marks of revocations away that are through. One that is left is
// gone through once more, without effect.
func (s *Service) settle(ctx context.Context, certs []*cmf.Certificate) {
	each(certs, func(done *cmf.Certificate) {
		_, err := s.Store.Certificates.Update(ctx, done.ID, func(c *cmf.Certificate) error {
			if c.Revoked == nil || !c.Revoked.Open || c.Revoked.Reason != done.Revoked.Reason {
				return errUnchanged
			}
			c.Revoked.Open, c.Revoked.Held, c.Revoked.Unpublished = false, false, done.Revoked.Unpublished
			return nil
		})
		if err != nil && !errors.Is(err, errUnchanged) {
			s.Log.Warn("a revocation is done and its mark stays until the next look", "trustDomain", done.TrustDomain, "certificate", done.ID, "err", err)
		}
	})
}

// each calls fn for all, several at once.
func each[T any](all []T, fn func(T)) {
	var wg sync.WaitGroup
	next := make(chan T)
	for range min(together, len(all)) {
		wg.Go(func() {
			for one := range next {
				fn(one)
			}
		})
	}
	for _, one := range all {
		next <- one
	}
	close(next)
	wg.Wait()
}
