package enrol

import (
	"context"
	"errors"
	"fmt"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Recover ends what was cut off: certificates that are recorded are stored. Attesters and registrations that are stored,
// activated or ended have their records written. A request that has a certificate is recorded and answered
// from then on; one that has none, and whose attempt is older than
// [Limits.AfterFailure], is recorded as failed, and may be sent again. Challenges
// that are expired are removed. It is called at the start and on a timer; what
// cannot be ended now is tried at the next call, and the error names it.
func (s *Service) Recover(ctx context.Context) error {
	var problems []error
	for _, domain := range s.Store.Space.Domains() {
		if s.Store.Reached.Kept(domain) == nil {
			continue // nothing was issued by the log
		}
		if err := s.catchUp(ctx, domain); err != nil {
			problems = append(problems, fmt.Errorf("trust domain %s: %w", domain, err))
		}
	}
	problems = append(problems,
		ended(ctx, s.Store.Attesters, "attester", s.recordAttester),
		ended(ctx, s.Store.Registrations, "registration", s.recordRegistration),
	)
	for _, id := range s.Store.Requests.Find(cmf.ByState(certmgmt.RequestProcessing)) {
		if err := s.recover(ctx, id); err != nil {
			problems = append(problems, fmt.Errorf("end request %s: %w", id, err))
		}
	}
	for e, err := range s.Store.Challenges.List(ctx, func(string) bool { return true }, "") {
		if err != nil {
			problems = append(problems, err)
			break
		}
		if s.now().Before(e.Value.Expires) {
			continue
		}
		if err := s.Store.Challenges.Delete(ctx, e.ID, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			problems = append(problems, fmt.Errorf("remove challenge %s: %w", e.ID, err))
		}
	}
	return errors.Join(problems...)
}

// ended ends what has no record yet of a kind.
func ended[T any](ctx context.Context, k *state.Kind[T], what string, end func(context.Context, *T) error) error {
	var problems []error
	for _, id := range k.Find(cmf.Unrecorded) {
		e, err := k.Get(ctx, id)
		if err == nil {
			err = end(ctx, &e.Value)
		}
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			problems = append(problems, fmt.Errorf("record %s %s: %w", what, id, err))
		}
	}
	return errors.Join(problems...)
}

// recover ends one request without outcome. It waits for an attempt of this process.
func (s *Service) recover(ctx context.Context, id string) error {
	e, err := s.Store.Requests.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	end, err := s.take(ctx, turnOf(e.Domain, e.Value.CSR))
	if err != nil {
		return err
	}
	defer end()
	e, err = s.Store.Requests.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || (err == nil && e.Value.State != certmgmt.RequestProcessing) {
		return nil
	}
	if err != nil {
		return err
	}
	e, c, err := s.settle(ctx, e)
	if c != nil || err != nil {
		return err
	}
	if s.now().Before(e.Value.Started.Add(s.Limits.AfterFailure)) {
		return nil
	}
	const why = "the process ended before the certificate was stored; it was given to nobody"
	if err := s.lost(ctx, &e.Value, why); err != nil {
		return err
	}
	e.Value.State = certmgmt.RequestFailed
	e.Value.Reasons = []certmgmt.Reason{{Code: "authority-failed", Detail: why, Mend: "send the request again"}}
	if _, err := s.Store.Requests.Replace(ctx, e); err != nil && hub.CodeOf(err) != hub.Precondition {
		return err
	}
	return nil
}
