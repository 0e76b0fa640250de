package enrol

import (
	"context"
	"fmt"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Prepare registers VNFC instances of a VNFM that enrol by themselves: direct mode,
// which a consumer cannot register (IFA 033 clause 11.2.2.2) and the CMF learns from
// the VNFM. Those that are registered already stay as they are.
// Nothing is signed for it over Cm-Vnfm: that is for delegation mode.
func (s *Service) Prepare(ctx context.Context, manager, domain string, in certmgmt.RegisterRequest) error {
	const op = "prepare VNFC instances for direct mode"
	if in.TypeOfVnfcCertHandling != certmgmt.DirectMode || in.CertType != certmgmt.VNFCICert || len(in.SubjectID) == 0 {
		return hub.E(hub.Invalid, op, "only VNFC instances in DIRECT_MODE are prepared", nil)
	}
	for _, id := range in.SubjectID {
		if why := checkVnfc(id); why != "" {
			return hub.E(hub.Invalid, op, fmt.Sprintf("%q is no identifier of a VNFC instance: %s", clip(id), why), nil)
		}
	}
	_, _, issuer, err := s.Authorities.Limits(ctx, domain)
	if err != nil {
		return fmt.Errorf("choose the certificate authority: %w", err)
	}
	r := cmf.Registration{Registration: certmgmt.Registration{
		ID: hub.NewID(), TrustDomain: domain, Manager: manager, CertType: in.CertType,
		TypeOfVnfcCertHandling: certmgmt.DirectMode, VnfInstanceID: in.VnfInstanceID, VnfdID: in.VnfdID, Issuer: issuer, Registered: s.now(),
	}}
	s.registering.Lock()
	defer s.registering.Unlock()
	for _, id := range in.SubjectID {
		had, err := s.holder(ctx, domain, cmf.BySubject(r.CertType, id))
		if err != nil {
			return err
		}
		if had == nil {
			r.SubjectID = append(r.SubjectID, id)
		}
	}
	if len(r.SubjectID) == 0 {
		return nil
	}
	r.Unrecorded = true
	if _, err := s.Store.Registrations.Create(ctx, domain, r.ID, &r); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return s.recordRegistration(ctx, &r)
}
