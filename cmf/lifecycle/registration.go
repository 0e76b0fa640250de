package lifecycle

import (
	"context"
	"fmt"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
)

// RegistrationEnded ends a registration whose entities are gone, and then revokes
// the certificates that were issued for it, with a reason of RFC 5280 clause 5.3.1.
// One that is not there, or has ended, is not ended again, but its certificates are
// looked after. After hub.Unavailable it is done as far as it goes, and the rest
// comes by itself.
func (s *Service) RegistrationEnded(ctx context.Context, domain, id string, reason int, by hub.Identity) error {
	if _, ok := reasonOf(reason); !ok {
		return hub.E(hub.Invalid, "end registration", fmt.Sprintf("%d is no reason to revoke a certificate", reason), nil)
	}
	if in, there := s.Store.Registrations.Domain(id); !there || in != domain {
		return nil
	}
	return s.begin(ctx, sweep{TrustDomain: domain, Of: ofRegistration, ID: id, Reason: reason, By: by.String(), Began: s.Now().UTC()})
}

// endRegistration ends one, and returns the certificates that were issued for it.
func (s *Service) endRegistration(ctx context.Context, w sweep) (certificates []string, err error) {
	e, err := s.Store.Registrations.GetIn(ctx, w.TrustDomain, w.ID)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.end(ctx, w, w.ID, &e.Value); err != nil {
		return nil, err
	}
	for _, subject := range e.Value.SubjectID {
		for _, id := range s.found(cmf.BySubject(e.Value.CertType, subject), w.TrustDomain) {
			c, err := s.Store.Certificates.GetIn(ctx, w.TrustDomain, id)
			if err != nil {
				return nil, fmt.Errorf("read certificate %s: %w", id, err)
			}
			if c.Value.RegistrationID == w.ID {
				certificates = append(certificates, id)
			}
		}
	}
	return certificates, nil
}
