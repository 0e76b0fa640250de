package lifecycle

import (
	"context"
	"crypto"
	"sync"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
)

// OCSP answers without a signature (RFC 6960 clause 4.2.1, OCSPResponseStatus).
const (
	ocspMalformed    = 1
	ocspInternal     = 2
	ocspTryLater     = 3
	ocspUnauthorized = 6
)

// OCSP answers an OCSP request (RFC 6960) about one certificate of a trust domain,
// both in DER. What is wrong with a request, or with us, is said in the answer. An
// issuer that is not the domain's is "unauthorized", whether it is another
// domain's or nobody's; a certificate that was never issued is "unknown". A nonce
// comes back (RFC 9654). An answer without one is kept until its certificate, or
// another one of its issuer, is revoked, and at most for half of its time.
func (s *Service) OCSP(ctx context.Context, domain string, request []byte) (Signed, error) {
	q, err := parseOCSP(request)
	if err != nil {
		return s.unsigned(ocspMalformed, "malformed"), nil
	}
	i, err := s.issuerNamed(ctx, domain, q.certID)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return s.broken(domain, err), nil
	}
	if i == nil {
		return s.unsigned(ocspUnauthorized, "unauthorized"), nil
	}
	a, err := s.answer(ctx, i, q)
	if hub.CodeOf(err) == hub.Unprocessable { // nobody here signs for that issuer
		return s.unsigned(ocspUnauthorized, "unauthorized"), nil
	}
	if err != nil {
		return s.broken(domain, err), nil
	}
	s.answered(a.status)
	return a.Signed, nil
}

func (s *Service) answered(status string) {
	if s.Metrics.Answered != nil {
		s.Metrics.Answered(status)
	}
}

// unsigned is an answer that says no more than why there is none.
func (s *Service) unsigned(code byte, status string) Signed {
	s.answered(status)
	return Signed{DER: []byte{0x30, 3, 0x0a, 1, code}}
}

func (s *Service) broken(domain string, err error) Signed {
	s.Log.Error("an OCSP request is not answered", "trustDomain", domain, "err", err)
	if hub.CodeOf(err) == hub.Unavailable {
		return s.unsigned(ocspTryLater, "try-later")
	}
	return s.unsigned(ocspInternal, "internal-error")
}

// issuerNamed finds the issuer that a request names, nil if it is not the domain's.
func (s *Service) issuerNamed(ctx context.Context, domain string, id certID) (*issuer, error) {
	find := func() *issuer {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.named[nameKey{domain, id}]
	}
	if i := find(); i != nil {
		return i, nil
	}
	_, err := s.issuersOf(ctx, domain) // it may be new
	return find(), err
}

// answer is a signed answer.
type answer struct {
	Signed
	status string
}

// answer says what is known of a certificate. One whose issuer was revoked is revoked
// too (RFC 6960 clause 2.7): those who ask for it alone would take it for good.
func (s *Service) answer(ctx context.Context, i *issuer, q ocspQuestion) (answer, error) {
	orphaned, err := s.issuerRevoked(ctx, i.domain, i.id)
	if err != nil {
		return answer{}, err
	}
	changes := uint64(0)
	if l := s.lists.Kept(i.id); l != nil {
		changes = l.Changes // what another process revoked changes it
	}
	now := s.Now()
	kept, since := i.cache.get(q, changes, now.Add(s.Times.Answer/2))
	if kept != nil && (orphaned == nil || kept.status != "good") {
		return *kept, nil
	}
	status := hub.CertificateStatus{Issuer: i.id, Serial: q.serial, Hash: q.hash, Nonce: q.nonce, ThisUpdate: now.UTC().Truncate(time.Second)}
	status.NextUpdate = status.ThisUpdate.Add(s.Times.Answer)
	a := answer{status: "unknown", Signed: Signed{ThisUpdate: status.ThisUpdate, NextUpdate: status.NextUpdate}}
	c, err := s.issued(ctx, i, q)
	switch {
	case err != nil:
		return answer{}, err
	case c != nil && c.Revoked != nil && !c.Revoked.Held:
		status.Known, a.status = true, "revoked"
		status.Revoked = &hub.RevokedCertificate{Serial: c.Serial, Revoked: c.Revoked.At, Reason: c.Revoked.Reason}
	case c != nil && orphaned != nil:
		status.Known, a.status = true, "revoked"
		status.Revoked = &hub.RevokedCertificate{Serial: c.Serial, Revoked: orphaned.At, Reason: caCompromise}
	case c != nil:
		status.Known, a.status = true, "good"
	}
	if a.DER, err = s.Authorities.OCSP(ctx, i.domain, status); err != nil {
		return answer{}, err
	}
	if q.nonce != nil || c == nil || c.Revoked != nil && c.Revoked.Held {
		a.NextUpdate, a.ThisUpdate = time.Time{}, time.Time{} // for this request alone, or until it is issued, or its revocation recorded
		return a, nil
	}
	i.cache.put(q, since, a)
	return a, nil
}

// issued finds the certificate with that serial number, nil if there is none.
func (s *Service) issued(ctx context.Context, i *issuer, q ocspQuestion) (*cmf.Certificate, error) {
	for id := range s.Store.Certificates.FindAfter(cmf.BySerial(i.id, q.serial), "") {
		e, err := s.Store.Certificates.GetIn(ctx, i.domain, id)
		switch {
		case hub.CodeOf(err) == hub.NotFound:
		case err != nil:
			return nil, err
		default:
			return &e.Value, nil
		}
	}
	return nil, nil
}

// answers are the OCSP answers of an issuer that hold until something is revoked.
type answers struct {
	mu      sync.Mutex // covers what is below
	kept    map[answerKey]*answer
	changes uint64 // of the stored list, when they were made
	age     uint64 // grows when they are forgotten
}

type answerKey struct {
	hash   crypto.Hash
	serial string
}

const maxAnswers = 20_000 // of one issuer, some 500 bytes each

func (q ocspQuestion) cacheKey() answerKey {
	return answerKey{q.hash, string(q.serial.Bytes())}
}

// get returns the answer to a question if it holds until then. since is for put.
func (a *answers) get(q ocspQuestion, changes uint64, until time.Time) (kept *answer, since uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changes != changes {
		a.kept, a.changes = nil, changes
		a.age++
	}
	if q.nonce != nil || q.serial.Sign() < 0 {
		return nil, a.age
	}
	if kept = a.kept[q.cacheKey()]; kept != nil && kept.NextUpdate.Before(until) {
		kept = nil
	}
	return kept, a.age
}

// put keeps an answer, unless something was revoked since it was thought of.
func (a *answers) put(q ocspQuestion, since uint64, made answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.age != since {
		return
	}
	if a.kept == nil || len(a.kept) >= maxAnswers {
		a.kept = map[answerKey]*answer{}
	}
	a.kept[q.cacheKey()] = &made
}

// forget throws all answers away.
func (a *answers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept = nil
	a.age++
}
