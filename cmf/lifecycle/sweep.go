package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// sweep is an order to end all certificates of an attester, a VNF instance or a
// registration.
// It is stored before anything is done, and goes when it is done and nothing can
// come after it any more.
type sweep struct {
	TrustDomain string    `json:"trustDomain"`
	Of          string    `json:"of"` // ofAttester, ofVnf or ofRegistration
	ID          string    `json:"id"`
	Reason      int       `json:"reason"`
	By          string    `json:"by"`
	Comment     string    `json:"comment,omitempty"`
	Began       time.Time `json:"began"` // of a VNF: what was registered later stays
	Given       time.Time `json:"given"` // when the order came
}

const (
	ofAttester     = "attester"
	ofVnf          = "vnf"
	ofRegistration = "registration"
)

// key names the order: the same one given twice is one. That a VNF ended may be told
// of several times, of different ones of its VNFC instances.
func (w sweep) key() string {
	if w.Of == ofVnf {
		return hub.DeriveID("sweep", w.TrustDomain, w.Of, w.ID, strconv.Itoa(w.Reason), w.Began.Format(time.RFC3339Nano))
	}
	return hub.DeriveID("sweep", w.TrustDomain, w.Of, w.ID, strconv.Itoa(w.Reason))
}

// WithdrawAttester makes an attester attest nothing any more, and then revokes all
// certificates that it attested, with the reason privilegeWithdrawn. After
// hub.Unavailable it is done as far as it goes, and the rest comes by itself.
// Doing it again changes nothing.
func (s *Service) WithdrawAttester(ctx context.Context, who hub.Identity, id, comment string) (certmgmt.Attester, error) {
	if len(comment) > maxComment {
		return certmgmt.Attester{}, hub.E(hub.Invalid, "withdraw attester", fmt.Sprintf("the comment has %d bytes; use at most %d", len(comment), maxComment), nil)
	}
	a, err := s.Store.Attesters.Get(ctx, id)
	if err == nil && !cmf.Sees(who, a.Domain, a.Value.By) {
		err = hub.E(hub.NotFound, "find resource", "not found", nil)
	}
	if err != nil {
		return certmgmt.Attester{}, err
	}
	if a.Value.Withdrawn == nil {
		w := sweep{TrustDomain: a.Domain, Of: ofAttester, ID: id, Reason: PrivilegeWithdrawn, By: who.String(), Comment: comment, Began: s.Now().UTC()}
		if err := s.begin(ctx, w); err != nil {
			return certmgmt.Attester{}, err
		}
	}
	if a, err = s.Store.Attesters.Get(ctx, id); err != nil {
		return certmgmt.Attester{}, err
	}
	return a.Value.Attester, nil
}

// VnfEnded ends the registrations that a VNF instance had at a time, when it was
// terminated or quarantined, and then revokes the certificates of its VNFC instances
// with a reason of RFC 5280 clause 5.3.1, such as [CessationOfOperation] or
// [PrivilegeWithdrawn]. What was registered for it later stays, however often and
// late it is told. A VNF instance that has none is none of its business. After
// hub.Unavailable it is done as far as it goes, and the rest comes by itself.
func (s *Service) VnfEnded(ctx context.Context, domain, vnfInstanceID string, reason int, at time.Time, by hub.Identity) error {
	if _, ok := reasonOf(reason); !ok {
		return hub.E(hub.Invalid, "end certificates of VNF instance", fmt.Sprintf("%d is no reason to revoke a certificate", reason), nil)
	}
	if s.none(cmf.ByVnf(vnfInstanceID), domain) {
		return nil
	}
	return s.begin(ctx, sweep{TrustDomain: domain, Of: ofVnf, ID: vnfInstanceID, Reason: reason, By: by.String(), Began: at.UTC()})
}

// none says whether a term finds no registration and no certificate of a domain.
func (s *Service) none(term, domain string) bool {
	for id := range s.Store.Registrations.FindAfter(term, "") {
		if in, ok := s.Store.Registrations.Domain(id); ok && in == domain {
			return false
		}
	}
	return len(s.found(term, domain)) == 0
}

// found lists the certificates of a domain that a term finds.
func (s *Service) found(term, domain string) []string {
	var ids []string
	for id := range s.Store.Certificates.FindAfter(term, "") {
		if in, ok := s.Store.Certificates.Domain(id); ok && in == domain {
			ids = append(ids, id)
		}
	}
	return ids
}

// begin stores an order, and carries it out for the first time.
func (s *Service) begin(ctx context.Context, w sweep) error {
	w.Given = s.Now().UTC()
	_, err := s.sweeps.Create(ctx, w.TrustDomain, w.key(), &w)
	if hub.CodeOf(err) == hub.Conflict { // it was given before, and stands
		e, err := s.sweeps.GetIn(ctx, w.TrustDomain, w.key())
		if err != nil {
			return fmt.Errorf("read order to end certificates: %w", err)
		}
		return s.carry(ctx, e.Value)
	}
	if err != nil {
		return fmt.Errorf("store order to end certificates: %w", err)
	}
	return s.carry(ctx, w)
}

// carry does what an order says. It may be done again at any time.
func (s *Service) carry(ctx context.Context, w sweep) error {
	r, _ := reasonOf(w.Reason)
	o := order{reason: r, by: w.By, comment: w.Comment, living: true}
	if w.Of == ofAttester {
		if err := s.withdraw(ctx, w); err != nil {
			return err
		}
		return s.revoke(ctx, s.found(cmf.ByAttester(w.ID), w.TrustDomain), o)
	}
	if w.Of == ofRegistration {
		list, err := s.endRegistration(ctx, w)
		if err != nil {
			return err
		}
		return s.revoke(ctx, list, o)
	}
	later, err := s.endRegistrations(ctx, w)
	if err != nil {
		return err
	}
	o.except = later
	return s.revoke(ctx, s.found(cmf.ByVnf(w.ID), w.TrustDomain), o)
}

func (s *Service) withdraw(ctx context.Context, w sweep) error {
	a, err := s.Store.Attesters.GetIn(ctx, w.TrustDomain, w.ID)
	if err != nil || a.Value.Withdrawn != nil {
		return err
	}
	data := struct {
		Name    string `json:"name,omitempty"`
		Comment string `json:"comment,omitempty"`
	}{a.Value.Name, w.Comment}
	if err := s.note(ctx, w, "attester.withdrawn", "attester/"+w.ID, data); err != nil {
		return err
	}
	at := w.Began.Truncate(time.Second)
	_, err = s.Store.Attesters.Update(ctx, w.ID, func(a *cmf.Attester) error {
		if a.Withdrawn == nil {
			a.Withdrawn = &at
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("withdraw attester %s: %w", w.ID, err)
	}
	return nil
}

// endRegistrations ends those of a VNF instance. It returns the IDs of those that
// were made after the order, when the VNF instance had been healed: they stay.
func (s *Service) endRegistrations(ctx context.Context, w sweep) (later map[string]bool, err error) {
	later = map[string]bool{}
	for id := range s.Store.Registrations.FindAfter(cmf.ByVnf(w.ID), "") {
		e, err := s.Store.Registrations.GetIn(ctx, w.TrustDomain, id)
		switch {
		case hub.CodeOf(err) == hub.NotFound: // gone, or of another trust domain
			continue
		case err != nil:
			return nil, err
		case e.Value.Registered.After(w.Began):
			later[id] = true
			continue
		}
		if err := s.end(ctx, w, id, &e.Value); err != nil {
			return nil, err
		}
	}
	return later, nil
}

// end ends a registration, once, with a record.
func (s *Service) end(ctx context.Context, w sweep, id string, r *cmf.Registration) error {
	if r.Ended {
		return nil
	}
	data := struct {
		VnfInstanceID string `json:"vnfInstanceId"`
	}{r.VnfInstanceID}
	if err := s.note(ctx, w, "registration.ended", "registration/"+id, data); err != nil {
		return err
	}
	_, err := s.Store.Registrations.Update(ctx, id, func(r *cmf.Registration) error {
		r.Ended = true
		return nil
	})
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("end registration %s: %w", id, err)
	}
	return nil
}

// note records a step of an order, once.
func (s *Service) note(ctx context.Context, w sweep, kind, subject string, data any) error {
	r, err := s.newRecord(kind, w.By, subject, w.Began, data, w.key())
	if err != nil {
		return err
	}
	return s.Records(ctx, w.TrustDomain, r)
}

// resume carries the orders of a trust domain out again, and takes away those that
// are done and after which no request can be under way.
func (s *Service) resume(ctx context.Context, domain string) error {
	var failed []error
	for e, err := range s.sweeps.List(ctx, func(d string) bool { return d == domain }, "") {
		if err == nil {
			err = s.carry(ctx, e.Value)
		}
		if err == nil && s.Now().After(e.Value.Given.Add(s.Times.Settle)) {
			err = s.sweeps.Delete(ctx, e.ID, nil)
		}
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
