package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
)

// Recover goes on with what a crash cut off: orders to end certificates, and
// revocations without a list or a record. Call it when the space is open, before
// anybody is answered.
func (s *Service) Recover(ctx context.Context) error {
	var failed []error
	for _, domain := range s.Store.Space.Domains() {
		failed = append(failed, s.recover(ctx, domain))
	}
	return errors.Join(failed...)
}

func (s *Service) recover(ctx context.Context, domain string) error {
	err := s.resume(ctx, domain)
	var open []*cmf.Certificate
	for id := range s.Store.Certificates.FindAfter(cmf.ByOpen(domain), "") {
		e, failed := s.Store.Certificates.GetIn(ctx, domain, id)
		switch {
		case hub.CodeOf(failed) == hub.NotFound:
		case failed != nil:
			return errors.Join(err, fmt.Errorf("read revoked certificate %s: %w", id, failed))
		case e.Value.Revoked != nil && e.Value.Revoked.Open:
			open = append(open, &e.Value)
		}
	}
	return errors.Join(err, s.publish(ctx, open))
}

// Run looks after the certificates of all trust domains until ctx ends: what is
// open, alarms, attestations that are too old, and revocation lists before their
// time is over. What fails is logged, named by [Service.Check], and tried again.
func (s *Service) Run(ctx context.Context) error {
	for {
		s.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.Times.Every):
		}
	}
}

func (s *Service) look(ctx context.Context) {
	var failed []error
	for _, domain := range s.Store.Space.Domains() {
		for _, do := range []func(context.Context, string) error{s.recover, s.IssuersRevoked, s.alarm, s.alarmOrphans, s.reattest, s.refresh} {
			if err := do(ctx, domain); err != nil && ctx.Err() == nil {
				failed = append(failed, fmt.Errorf("trust domain %s: %w", domain, err))
			}
		}
	}
	trouble := errors.Join(failed...)
	if trouble != nil {
		s.Log.Error("certificates are not looked after as they should be; it is tried again", "err", trouble)
	}
	s.mu.Lock()
	s.trouble = trouble
	s.mu.Unlock()
}

// refresh signs the revocation lists of a trust domain when half of their time has
// passed. An issuer whose own time is over has revoked enough.
func (s *Service) refresh(ctx context.Context, domain string) error {
	all, err := s.issuersOf(ctx, domain)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return err
	}
	var failed []error
	for _, i := range all {
		now := s.Now()
		if now.After(i.cert.NotAfter) {
			continue
		}
		if l := i.current(s.lists.Kept(i.id)); l != nil && now.Before(l.ThisUpdate.Add(l.NextUpdate.Sub(l.ThisUpdate)/2)) {
			continue
		}
		err := s.share(ctx, i, nil)
		if hub.CodeOf(err) == hub.Conflict {
			s.Log.Warn("an earlier issuer has no revocation list any more; renew what it issued", "trustDomain", domain, "issuer", i.id, "err", err)
			continue
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// Check says what failed at the last look. It is for readiness.
func (s *Service) Check(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}
