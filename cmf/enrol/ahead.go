package enrol

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/hub"
)

// ahead is a certificate that the authority prepares, checks and lints while the
// policies judge the request. It is signed when that is done and nothing stands against
// it, and never if not.
type ahead struct {
	assurance attestation.Assurance // at which it would be issued
	order     *hub.CertificateOrder

	once    sync.Once
	decided chan struct{}     // closed when it is decided
	allowed bool              // what was decided; not changed any more then
	signed  chan signedResult // takes what came of it
}

type signedResult struct {
	issued hub.IssuedCertificate
	err    error
}

// errNotAllowed ends what was prepared for nothing.
var errNotAllowed = errors.New("the request has no certificate like the one that was prepared")

// prepareAhead has a certificate prepared for the verdict that the policies are asked about:
// nearly always they leave that as it is. Nothing is prepared for an authority
// elsewhere, before which the order is stored, for a request that came before, and where
// nothing would be gained.
func (s *Service) prepareAhead(ctx context.Context, w *work) {
	if s.crowded() || w.verdict == nil || !w.verdict.Accepted || w.had != nil || s.Authorities.Elsewhere(w.domain) {
		return
	}
	o, err := s.order(ctx, w, w.verdict.Assurance)
	if err != nil {
		return // the same is said of it when it is ordered
	}
	a := &ahead{assurance: w.verdict.Assurance, order: o, decided: make(chan struct{}), signed: make(chan signedResult, 1)}
	w.ahead = a
	full := orderFor(w, o)
	full.Permit = func() error {
		if <-a.decided; !a.allowed {
			return errNotAllowed
		}
		return nil
	}
	ctx, domain := context.WithoutCancel(ctx), w.domain
	s.later.Add(1)
	s.beside.do(func() {
		defer s.later.Done()
		var r signedResult
		defer func() {
			if p := recover(); p != nil { // a request must not end the process
				r = signedResult{err: hub.E(hub.Internal, "issue certificate", "the certificate could not be made", fmt.Errorf("panic: %v", p))}
			}
			a.signed <- r
		}()
		r.issued, r.err = s.Authorities.Issue(ctx, domain, full)
	})
}

// decide says, once, whether what is prepared is signed. Of a second word nothing comes.
func (a *ahead) decide(allowed bool) {
	if a == nil {
		return
	}
	a.once.Do(func() {
		a.allowed = allowed
		close(a.decided)
	})
}

// sign has it signed.
func (a *ahead) sign() (hub.IssuedCertificate, error) {
	a.decide(true)
	r := <-a.signed
	return r.issued, r.err
}
