package lifecycle

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Codes of the reasons for which a renewal is refused, besides those of a signing
// request.
const (
	RefusedRevoked      = "certificate-revoked"
	RefusedExpired      = "certificate-expired"
	RefusedEarly        = "renewal-early"
	RefusedRenewed      = "renewed-already"
	RefusedSubject      = "subject-differs"
	RefusedRegistration = "registration-ended"
	RefusedAttester     = "attester-withdrawn"
)

const maxRenewalReason = 1000 // bytes

// Renew signs a certificate that takes the place of another: for the same entity,
// asked for by the consumer that manages it still, with an attestation of its own
// that is judged as that of any request. It is not before its time (see [Rules])
// unless a reason is given, which is recorded, and not after the certificate's
// end; then the entity asks as for its first one. The same CSR again is answered
// as before. A refusal is an answer with its reasons, and recorded.
func (s *Service) Renew(ctx context.Context, who hub.Identity, id string, in certmgmt.SigningRequest) (certmgmt.Signing, error) {
	if len(in.RenewalReason) > maxRenewalReason {
		return certmgmt.Signing{}, hub.E(hub.Invalid, "renew certificate", fmt.Sprintf("the reason has %d bytes; use at most %d", len(in.RenewalReason), maxRenewalReason), nil)
	}
	e, err := s.certificate(ctx, who, id)
	if err != nil {
		return certmgmt.Signing{}, err
	}
	c := &e.Value
	refused, early, err := s.refusals(ctx, c, &in)
	if err != nil {
		return certmgmt.Signing{}, err
	}
	if len(refused) > 0 {
		return s.refuse(ctx, who, c, refused)
	}
	if early {
		data := struct {
			Renewal bool   `json:"renewal"`
			Reason  string `json:"reason"`
		}{true, in.RenewalReason}
		r, err := s.newRecord("certificate.requested", who.String(), "certificate/"+id, s.Now(), data, in.CSR)
		if err == nil {
			err = s.Records(ctx, e.Domain, r)
		}
		if err != nil {
			return certmgmt.Signing{}, err
		}
	}
	return s.Enrol.SignRenewal(ctx, who, e.Domain, in, id)
}

// refusals says why a certificate is not renewed, and whether it would be before
// its time. It fills in what the request leaves to the certificate.
func (s *Service) refusals(ctx context.Context, c *cmf.Certificate, in *certmgmt.SigningRequest) (why []certmgmt.Reason, early bool, err error) {
	no := func(code, detail, mend string) {
		why = append(why, certmgmt.Reason{Code: code, Detail: detail, Mend: mend})
	}
	if !fill(c, in) {
		no(RefusedSubject, "the request is for another entity or another type of certificate than the certificate that it renews", "leave vnfcId, fqdn and certType out, or give those of the certificate")
	}
	now := s.Now()
	switch again, err := s.repeated(ctx, c, in); {
	case err != nil:
		return nil, false, err
	case again:
		return why, false, nil
	}
	switch {
	case c.Revoked != nil:
		no(RefusedRevoked, "the certificate was revoked on "+c.Revoked.At.Format(time.RFC3339), "request a new certificate with a new key")
	case !now.Before(c.NotAfter):
		no(RefusedExpired, "the certificate ended on "+c.NotAfter.Format(time.RFC3339), "request a new certificate")
	}
	if by := s.renewedBy(c); by != "" {
		no(RefusedRenewed, "certificate "+by+" took its place", "renew that one")
	}
	from := c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 100 * time.Duration(s.renewFrom(c)))
	orphaned, err := s.issuerRevoked(ctx, c.TrustDomain, c.Issuer)
	if err != nil {
		return nil, false, err
	}
	if early = now.Before(from) && orphaned == nil; early && in.RenewalReason == "" {
		no(RefusedEarly, "the certificate can be renewed from "+from.UTC().Format(time.RFC3339)+" on", "wait until then, or say in renewalReason why it has to be now")
	}
	bound, err := s.bound(ctx, c)
	if err != nil {
		return nil, false, err
	}
	if !bound {
		no(RefusedRegistration, "the registration of the certificate has ended, or does not have its entity any more", "register the entity again, and request a new certificate")
	}
	if a := s.Store.Attesters.Kept(c.AttesterID); c.AttesterID != "" && (a == nil || a.Withdrawn != nil) {
		no(RefusedAttester, "the attester of the certificate was withdrawn", "register an attester that is in use, and request a new certificate")
	}
	return why, early, nil
}

// fill gives a request what it leaves to the certificate, and says whether the
// rest is the certificate's.
func fill(c *cmf.Certificate, in *certmgmt.SigningRequest) bool {
	at, other := &in.VnfcID, in.FQDN
	if c.CertType == certmgmt.MANOCert {
		at, other = &in.FQDN, in.VnfcID
	}
	if *at == "" {
		*at = c.SubjectID
	}
	if in.CertType == "" {
		in.CertType = c.CertType
	}
	return *at == c.SubjectID && other == "" && in.CertType == c.CertType
}

func (s *Service) renewFrom(c *cmf.Certificate) int {
	if p := s.Rules(c.TrustDomain, c.CertType).RenewFrom; p > 0 {
		return p
	}
	return 50
}

// repeated says whether the certificate was renewed with this very CSR, which
// gets the same answer again.
func (s *Service) repeated(ctx context.Context, c *cmf.Certificate, in *certmgmt.SigningRequest) (bool, error) {
	by := s.renewedBy(c)
	if by == "" {
		return false, nil
	}
	r, err := s.Store.Requests.Get(ctx, by)
	if hub.CodeOf(err) == hub.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	block, _ := pem.Decode([]byte(in.CSR))
	return block != nil && bytes.Equal(block.Bytes, r.Value.CSR), nil
}

// bound says whether the certificate's entity is still registered by its manager.
func (s *Service) bound(ctx context.Context, c *cmf.Certificate) (bool, error) {
	r, err := s.Store.Registrations.GetIn(ctx, c.TrustDomain, c.RegistrationID)
	switch {
	case hub.CodeOf(err) == hub.NotFound:
		return false, nil
	case err != nil:
		return false, err
	}
	return !r.Value.Ended && r.Value.Manager == c.Manager && r.Value.CertType == c.CertType && slices.Contains(r.Value.SubjectID, c.SubjectID), nil
}

// refuse records why a renewal is refused, and answers so.
func (s *Service) refuse(ctx context.Context, who hub.Identity, c *cmf.Certificate, why []certmgmt.Reason) (certmgmt.Signing, error) {
	now, id := s.Now().UTC(), hub.NewID()
	data := struct {
		Renewal bool              `json:"renewal"`
		Reasons []certmgmt.Reason `json:"reasons"`
	}{true, why}
	r, err := s.newRecord("certificate.refused", who.String(), "certificate/"+c.ID, now, data, id)
	if err != nil {
		return certmgmt.Signing{}, err
	}
	if err := s.Records(ctx, c.TrustDomain, r); err != nil {
		return certmgmt.Signing{}, err
	}
	return certmgmt.Signing{ID: id, State: certmgmt.RequestRefused, RegistrationID: c.RegistrationID, Reasons: why, Requested: now}, nil
}
