package enrol

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// kindIssued is the kind of the record by which a certificate is issued.
const kindIssued = "certificate.issued"

// issuance is what that record says. The tables can be made of it alone.
type issuance struct {
	story
	Requested     time.Time `json:"requested"`
	ChallengeID   string    `json:"challengeId,omitempty"`
	VnfInstanceID string    `json:"vnfInstanceId,omitempty"`
	Request       []byte    `json:"csr"`         // DER
	Certificate   []byte    `json:"certificate"` // DER
}

// tellCertificate is what the record of a certificate says of it, besides what it
// needs to be stored again.
func tellCertificate(r *cmf.Request, c *cmf.Certificate) story {
	t := tell(r)
	t.SerialNumber, t.Issuer, t.KeyHash, t.NotBefore, t.NotAfter = hexadecimal(c.Serial), c.Issuer, c.KeyHash, &c.NotBefore, &c.NotAfter
	t.Fingerprint = digest(c.DER)
	return t
}

// issuanceOf makes the record by which a certificate is issued. A CSR has one in its
// trust domain, whoever sent it and for whatever: its ID follows from the CSR.
func issuanceOf(r *cmf.Request, c *cmf.Certificate) (hub.Record, error) {
	rec, err := record(kindIssued, r.Started, r.By, "certificate/"+c.ID, issuance{
		story: tellCertificate(r, c), Requested: r.Requested, ChallengeID: r.ChallengeID, VnfInstanceID: c.VnfInstanceID, Request: r.CSR, Certificate: c.DER,
	})
	rec.ID = hub.DeriveID("record", kindIssued, r.TrustDomain, "csr", digest(r.CSR))
	return rec, err
}

// readIssuance makes of a record what the tables hold. ok is false for one that does not
// hold it: the certificate was stored before it.
func readIssuance(domain string, rec hub.Record) (r *cmf.Request, c *cmf.Certificate, ok bool, err error) {
	var i issuance
	if err := json.Unmarshal(rec.Data, &i); err != nil {
		return nil, nil, false, fmt.Errorf("read record %s: %w", rec.ID, err)
	}
	if len(i.Certificate) == 0 {
		return nil, nil, false, nil
	}
	serial, valid := new(big.Int).SetString(i.SerialNumber, 16)
	if !valid || i.NotBefore == nil || i.NotAfter == nil {
		return nil, nil, false, fmt.Errorf("read record %s: it lacks the serial number or the validity of its certificate", rec.ID)
	}
	r = &cmf.Request{
		Signing: certmgmt.Signing{
			ID: i.RequestID, State: certmgmt.RequestIssued, RegistrationID: i.RegistrationID, CertificateID: i.RequestID,
			Assurance: i.Assurance, Reasons: i.Reasons, Requested: i.Requested,
		},
		TrustDomain: domain, Manager: i.Manager, SubjectID: i.SubjectID, CertType: i.CertType, By: rec.Actor, CSR: i.Request, Verdict: i.Verdict,
		AttesterID: i.AttesterID, ChallengeID: i.ChallengeID, Policy: i.Policy, InForce: i.InForce, Renews: i.Renews, Attempt: i.Attempt, Started: rec.Time, Recorded: true,
	}
	c = &cmf.Certificate{
		ID: i.RequestID, TrustDomain: domain, Manager: i.Manager, CertType: i.CertType, SubjectID: i.SubjectID, VnfInstanceID: i.VnfInstanceID,
		RegistrationID: i.RegistrationID, AttesterID: i.AttesterID, Assurance: i.Assurance, Serial: serial, Issuer: i.Issuer,
		KeyHash: i.KeyHash, NotBefore: *i.NotBefore, NotAfter: *i.NotAfter, DER: i.Certificate, Renews: i.Renews,
	}
	return r, c, true, nil
}

// complete records a certificate, by which it is issued, and answers with it. It is
// stored after the answer, and found before.
func (s *Service) complete(ctx context.Context, w *work, c *cmf.Certificate) (certmgmt.Signing, error) {
	rec, err := issuanceOf(&w.req, c)
	if err != nil {
		return certmgmt.Signing{}, err
	}
	recorded := make(chan error, 1)
	go func() { recorded <- s.Ledger.Append(ctx, w.domain, rec) }()
	// Nobody sees before what is prepared while the disk is waited for.
	r := w.req
	r.State, r.CertificateID, r.Order = certmgmt.RequestIssued, c.ID, nil
	promise, err := s.prepare(ctx, &r, c)
	a, unanswered := s.answer(ctx, &r, c, w.chain)
	switch failed := <-recorded; {
	case hub.CodeOf(failed) == hub.Conflict:
		return s.second(ctx, w, c)
	case failed != nil:
		return certmgmt.Signing{}, fmt.Errorf("append record %s: %w", kindIssued, failed)
	case err != nil:
		return certmgmt.Signing{}, err
	}
	promise()
	s.keepLater(ctx, w, c)
	return a, unanswered
}

// prepare prepares to let what was issued be found. A request that is stored stays as it
// is.
func (s *Service) prepare(ctx context.Context, r *cmf.Request, c *cmf.Certificate) (promise func(), err error) {
	certificate, err := s.Store.Certificates.Prepare(ctx, r.TrustDomain, c.ID, c)
	if err != nil {
		return nil, err
	}
	request, err := s.Store.Requests.Prepare(ctx, r.TrustDomain, r.ID, r)
	if err != nil {
		return nil, err
	}
	return func() { certificate(); request() }, nil
}

// keepLater stores what was issued without the answer waiting for it: the record says
// it already, and [Service.Recover] stores it after a crash. With too many of these open
// the answer waits for its own.
func (s *Service) keepLater(ctx context.Context, w *work, c *cmf.Certificate) {
	store := func(ctx context.Context) {
		err := s.keepPromise(ctx, w.domain, c.ID)
		if err == nil && w.intent {
			_, err = s.close(ctx, *w.had, c)
		}
		if err != nil {
			s.Log.Warn("a certificate is recorded, and not stored until the next look", "trustDomain", w.domain, "request", c.ID, "err", err)
		}
	}
	select {
	case s.keeping <- struct{}{}:
	default:
		store(ctx)
		return
	}
	s.later.Go(func() {
		defer func() { <-s.keeping }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storing)
		defer cancel()
		store(ctx)
	})
}

// keepPromise stores what is promised of a request, together with those that wait for
// the disk as well.
func (s *Service) keepPromise(ctx context.Context, domain, id string) error {
	return s.Store.Space.KeepAll(ctx, domain, s.rows(id)...)
}

func (s *Service) rows(id string) []state.Row {
	return []state.Row{s.Store.Certificates.Row(id), s.Store.Requests.Row(id)}
}

// Wait waits for what goes on after answers. No request may come any more.
func (s *Service) Wait() { s.later.Wait() }

// second throws a certificate away whose CSR had one before, and answers with that, if
// it is this request's.
func (s *Service) second(ctx context.Context, w *work, c *cmf.Certificate) (certmgmt.Signing, error) {
	w.req.Order.Serial = c.Serial
	if err := s.lost(ctx, &w.req, "another attempt was recorded first; this one was thrown away"); err != nil {
		return certmgmt.Signing{}, err
	}
	if err := s.catchUp(ctx, w.domain); err != nil {
		return certmgmt.Signing{}, err
	}
	_, err := s.Store.Certificates.GetIn(ctx, w.domain, w.req.ID)
	if hub.CodeOf(err) != hub.NotFound {
		if err != nil {
			return certmgmt.Signing{}, fmt.Errorf("read certificate: %w", err)
		}
		return s.answerStored(ctx, w)
	}
	used, err := s.usedElsewhere(ctx, w)
	switch {
	case err != nil:
		return certmgmt.Signing{}, err
	case used:
		return s.refuse(ctx, w, []certmgmt.Reason{replayedElsewhere()})
	}
	return certmgmt.Signing{}, unread()
}

// begun stores, before the first certificate of a trust domain, from where on the log
// tells what was issued.
func (s *Service) begun(ctx context.Context, domain string) error {
	if s.Store.Reached.Kept(domain) != nil {
		return nil
	}
	end, err := s.Ledger.End(ctx, domain)
	if err != nil {
		return fmt.Errorf("read the end of the records: %w", err)
	}
	if _, err = s.Store.Reached.Create(ctx, domain, domain, &cmf.Reached{Sequence: end}); err != nil && hub.CodeOf(err) != hub.Conflict {
		return fmt.Errorf("mark the first certificate: %w", err)
	}
	return nil
}

// caughtTogether is how many resources that the log tells are stored at once.
const caughtTogether = 32

// restful is how many records without a certificate are passed until the mark moves on.
const restful = 1000

// catchUp stores what the log of a trust domain tells of certificates and the table does
// not hold yet: of a process that died, or of another attempt a moment ago.
func (s *Service) catchUp(ctx context.Context, domain string) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	e, err := s.Store.Reached.GetIn(ctx, domain, domain)
	if hub.CodeOf(err) == hub.NotFound {
		return nil // nothing was issued by the log
	}
	if err != nil {
		return fmt.Errorf("find what is stored of the records: %w", err)
	}
	passed, issued := 0, false
	var open []state.Row // promised, and not stored yet
	err = s.Ledger.Read(ctx, domain, e.Value.Sequence, func(at uint64, rec hub.Record) error {
		e.Value.Sequence = at
		passed++
		if rec.Kind != kindIssued {
			return nil
		}
		issued = true
		rows, err := s.found(ctx, domain, rec)
		if open = append(open, rows...); err != nil || len(open) < caughtTogether {
			return err
		}
		err = s.Store.Space.KeepAll(ctx, domain, open...)
		open = nil
		return err
	})
	if err == nil {
		err = s.Store.Space.KeepAll(ctx, domain, open...)
	}
	if err != nil {
		return fmt.Errorf("store what the records tell: %w", err)
	}
	if !issued && passed < restful {
		return nil
	}
	if _, err := s.Store.Reached.Replace(ctx, e); err != nil && hub.CodeOf(err) != hub.Precondition { // another process was quicker
		return fmt.Errorf("mark what is stored of the records: %w", err)
	}
	return nil
}

// found promises what a record tells of a certificate, and returns what of it is to be
// stored: nothing if all is.
func (s *Service) found(ctx context.Context, domain string, rec hub.Record) ([]state.Row, error) {
	id := strings.TrimPrefix(rec.Subject, "certificate/")
	_, certificate := s.Store.Certificates.Domain(id)
	_, request := s.Store.Requests.Domain(id)
	if certificate && request && !s.Store.Certificates.Promised(id) && !s.Store.Requests.Promised(id) {
		return nil, nil
	}
	r, c, ok, err := readIssuance(domain, rec)
	if !ok {
		return nil, err
	}
	promise, err := s.prepare(ctx, r, c)
	if err != nil {
		return nil, err
	}
	promise()
	return s.rows(c.ID), nil
}
