package vnfm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// renewer is who asks for the renewal of certificates, which the VNFM does by itself.
func renewer() Caller {
	return Caller{Identity: hub.Identity{TrustDomain: "hub", Kind: hub.KindVNFM, Name: "auto-renew"}, Automatic: true}
}

// renewAt is when a certificate is renewed: after two thirds of its life, as is the
// custom of those who hold short-lived certificates.
func renewAt(c *sol.CertificateContent) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) * 2 / 3)
}

// termRenew finds VNFs by the day on which the first of their certificates is to
// be renewed.
func termRenew(day time.Time) string { return "renew=" + day.UTC().Format(time.DateOnly) }

// termCertified finds VNFs that have certificates.
const termCertified = "certified"

// nextRenewal is when the first of a VNF's certificates is to be renewed; zero when
// it has none.
func (l *Layout) nextRenewal() (first time.Time) {
	for _, c := range l.vnfcs() {
		for _, has := range c.Certificates {
			if at := renewAt(&has.Is); first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first
}

// renewDays is how many days back a renewal is looked for that failed, or that
// nobody was there for.
const renewDays = 400

// RenewCertificates renews what is to be renewed now. One that fails is tried
// again with the next call; the others are renewed all the same.
func (s *Service) RenewCertificates(ctx context.Context) {
	if s.Certificates == nil {
		return
	}
	now := s.Now()
	due := func(c *sol.CertificateContent) bool { return !now.Before(renewAt(c)) }
	for day := range renewDays {
		for _, id := range s.vnfs.Find(termRenew(now.AddDate(0, 0, -day))) {
			if err := s.renewOf(ctx, id, due); err != nil && ctx.Err() == nil {
				s.Log.Warn("the certificates of a VNF are not renewed; trying again", "vnfInstanceId", id, "err", err)
			}
		}
	}
}

// orphansEvery is how often the CMF is asked for certificates whose issuer was
// revoked: nobody accepts them any more.
const orphansEvery = 5 * time.Second

// WatchCertificates renews certificates whose issuer was revoked, until ctx ends. It
// returns ctx's error.
func (s *Service) WatchCertificates(ctx context.Context) error {
	// The first look, and that after a failure, is at those too that were renewed: the
	// new one may not have been noted.
	renewed, failing := true, false
	for {
		var err error
		if s.hasCertificates() {
			err = s.RenewOrphaned(ctx, renewed)
			renewed = err != nil
		}
		if err != nil && !failing && ctx.Err() == nil {
			s.Log.Warn("certificates whose issuer was revoked are not renewed; trying again", "err", err)
		}
		failing = err != nil
		if err := s.Wait(ctx, orphansEvery); err != nil {
			return err
		}
	}
}

// hasCertificates says whether a VNF has any.
func (s *Service) hasCertificates() bool {
	if s.Certificates == nil {
		return false
	}
	for range s.vnfs.FindAfter(termCertified, "") {
		return true
	}
	return false
}

// RenewOrphaned renews the certificates whose issuer was revoked; renewed says
// whether it looks at those too that the CMF knows as renewed. One that fails does
// not keep the others.
func (s *Service) RenewOrphaned(ctx context.Context, renewed bool) error {
	list, err := s.Certificates.Orphaned(ctx, renewed)
	if err != nil {
		return err
	}
	var vnfs []string
	orphaned := map[string]bool{}
	for _, c := range list {
		orphaned[c.ID] = true
		if !slices.Contains(vnfs, c.VnfInstanceID) {
			vnfs = append(vnfs, c.VnfInstanceID)
		}
	}
	var failed []error
	for _, id := range vnfs {
		err := s.renewOf(ctx, id, func(c *sol.CertificateContent) bool { return orphaned[c.ID] })
		if err != nil && hub.CodeOf(err) != hub.NotFound { // of a VNF that is gone, or of another VNFM's
			failed = append(failed, fmt.Errorf("VNF %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

// renewOf renews those of one VNF that are due. A VNF that an operation holds is
// left for later.
func (s *Service) renewOf(ctx context.Context, id string, due func(*sol.CertificateContent) bool) error {
	e, err := s.vnfs.Get(ctx, id)
	if err != nil || e.Value.Deleted {
		return err
	}
	if e.Value.Running != "" {
		if err := s.checkEnded(ctx, e.Value.Running); err != nil {
			return err
		}
	}
	next, failed := map[string]VNFCCertificate{}, error(nil)
	for _, c := range e.Value.Layout.vnfcs() {
		for _, has := range c.Certificates {
			at := slices.IndexFunc(c.Wanted, func(w Wanted) bool { return w.Desc == has.Desc })
			if at < 0 || failed != nil || !due(&has.Is) {
				continue
			}
			w := c.Wanted[at]
			w.VNF, w.VNFC, w.VnfdID = id, c.ID, e.Value.Layout.VnfdID
			is, err := s.Certificates.Renew(ctx, e.Domain, w, has.Is.ID)
			if err != nil {
				failed = fmt.Errorf("renew certificate %s of VNFC %s: %w", has.Is.ID, c.ID, err)
				continue
			}
			next[has.Is.ID] = newCertificate(has.Desc, c.ID, &is)
		}
	}
	if len(next) == 0 {
		return failed
	}
	return errors.Join(failed, s.noteRenewed(ctx, id, next))
}

// noteRenewed puts new certificates in the places of others, by their IDs, in an
// operation of the VNFM's own: so those who follow the VNF are told (SOL 003 has no
// notification of an attribute that changed by itself). A VNF that another
// operation has taken meanwhile is refused; the next call gets the renewed ones
// from the CMF again.
func (s *Service) noteRenewed(ctx context.Context, id string, next map[string]VNFCCertificate) error {
	o := order{vnf: id, kind: sol003.LcmOperationModifyInfo, caller: renewer(), request: struct{}{}, instantiated: true}
	o.plan = func(_ context.Context, _ state.Entry[VNF], _ int, op *Operation) error {
		for i := range op.After.vnfcs() {
			c := &op.After.VNFCs[i]
			c.Certificates = slices.Clone(c.Certificates) // Before has the same elements
			for j, has := range c.Certificates {
				if is, ok := next[has.Is.ID]; ok {
					c.Certificates[j] = is
				}
			}
		}
		return nil
	}
	_, err := s.begin(ctx, o)
	return err
}
