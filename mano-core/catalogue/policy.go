package catalogue

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// Policy is what a trust domain takes in. The zero Policy takes nothing: it has
// no anchor, and unsigned packages are refused.
type Policy struct {
	Anchors       []string `json:"anchors"`       // PEM certificates: CAs, or signers themselves
	AllowUnsigned bool     `json:"allowUnsigned"` // accept packages without a signature
	AllowExpired  bool     `json:"allowExpired"`  // accept signers whose certificate is over
}

const maxAnchors = 256

// RecordPolicy is the kind of the record of a changed policy.
const RecordPolicy = "package-policy.changed"

// Policy returns the policy of a trust domain, hub.NotFound if there is none of
// the name.
func (s *Service) Policy(ctx context.Context, domain string) (Policy, error) {
	missing := hub.E(hub.NotFound, "find trust domain", "there is no such trust domain; list them with: manoward trust-domain list", nil)
	if domain == HubDomain {
		return Policy{}, missing
	}
	// A domain that was just made may not be open here yet.
	if err := s.space.Add(ctx, domain); hub.CodeOf(err) == hub.NotFound {
		return Policy{}, missing
	} else if err != nil {
		return Policy{}, err
	}
	e, err := s.policies.Get(ctx, domain)
	if hub.CodeOf(err) == hub.NotFound {
		return Policy{Anchors: []string{}}, nil
	}
	if err != nil {
		return Policy{}, fmt.Errorf("read package policy: %w", err)
	}
	if e.Value.Anchors == nil {
		e.Value.Anchors = []string{}
	}
	return e.Value, nil
}

// SetPolicy replaces the policy of a trust domain. Packages that are on-boarded
// already stay so; they were accepted under the policy of their time.
func (s *Service) SetPolicy(ctx context.Context, actor hub.Identity, domain string, p Policy) error {
	if _, err := s.Policy(ctx, domain); err != nil {
		return err
	}
	if _, err := p.anchors(); err != nil {
		return err
	}
	body, err := raw(p)
	if err != nil {
		return fmt.Errorf("record package policy: %w", err)
	}
	rec := hub.Record{ID: hub.NewID(), Kind: RecordPolicy, Time: s.config.Now().UTC(), Actor: actor.String(), Subject: "trust-domain/" + domain, Data: body}
	if err := s.config.Records.Append(ctx, domain, rec); err != nil {
		return fmt.Errorf("record package policy: %w", err)
	}
	_, err = s.policies.Create(ctx, domain, domain, &p)
	if hub.CodeOf(err) == hub.Conflict {
		_, err = s.policies.Update(ctx, domain, func(old *Policy) error { *old = p; return nil })
	}
	if err != nil {
		return fmt.Errorf("store package policy: %w", err)
	}
	return nil
}

// anchors parses the certificates.
func (p Policy) anchors() ([]*x509.Certificate, error) {
	if len(p.Anchors) > maxAnchors {
		return nil, hub.E(hub.Unprocessable, "read package policy", fmt.Sprintf("there are more than %d anchors; keep fewer", maxAnchors), nil)
	}
	out := make([]*x509.Certificate, 0, len(p.Anchors))
	for i, text := range p.Anchors {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, hub.E(hub.Unprocessable, "read package policy", fmt.Sprintf("anchor %d is no certificate in PEM", i+1), nil)
		}
		if more, _ := pem.Decode(rest); more != nil {
			return nil, hub.E(hub.Unprocessable, "read package policy", fmt.Sprintf("anchor %d holds more than one certificate; make each an entry of its own", i+1), nil)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, hub.E(hub.Unprocessable, "read package policy", fmt.Sprintf("anchor %d is no valid certificate", i+1), err)
		}
		out = append(out, c)
	}
	return out, nil
}

// verifier returns the policy as the CSAR's judge reads it.
func (p Policy) verifier(at time.Time) (csar.Policy, error) {
	anchors, err := p.anchors()
	if err != nil {
		return csar.Policy{}, err
	}
	return csar.Policy{Anchors: anchors, At: at, AllowUnsigned: p.AllowUnsigned, AllowExpired: p.AllowExpired}, nil
}
