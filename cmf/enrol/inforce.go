package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// KindInForce is the kind of the record by which the policies of a trust domain's
// certificate requests are in force: it is written before the first request that they
// judge, and again when they changed.
const KindInForce = "cmf.policies.in-force"

// inForce is what that record says. Its digest is that of a [cmf.InForce], which has
// the policies' text as well.
type inForce struct {
	Content string `json:"content"`          // SHA-256, hexadecimal
	Before  string `json:"before,omitempty"` // that of what was in force until now
	NotKept string `json:"notKept,omitempty"`
	Since   string `json:"since"`
	cmf.InForce
}

// known is what this process has recorded to be in force in a trust domain.
type known struct {
	revision string
	content  string
	since    time.Time
}

// lawOf returns what is in force in a trust domain, by the revision that judged. It is
// on record before it is returned: of a revision that was returned before, by a look.
func (s *Service) lawOf(ctx context.Context, domain, revision string) (known, error) {
	s.lawful.Lock()
	defer s.lawful.Unlock()
	if k, ok := s.laws[domain]; ok && k.revision == revision && s.Store.InForce.Kept(domain) != nil {
		return k, nil
	}
	k, err := s.enforce(ctx, domain, revision)
	if err != nil {
		return known{}, hub.E(hub.Unavailable, "record policies", "the policies that judge certificate requests cannot be recorded now; send the request again", err)
	}
	s.laws[domain] = k
	return k, nil
}

// enforce records what is in force, unless it is what was last recorded. Another
// process may do the same: each says what it judges by.
func (s *Service) enforce(ctx context.Context, domain, revision string) (known, error) {
	law, err := s.law(domain, revision)
	if err != nil {
		return known{}, err
	}
	raw, err := json.Marshal(law)
	if err != nil {
		return known{}, fmt.Errorf("write the policies in force: %w", err)
	}
	sum := sha256.Sum256(raw)
	content := hex.EncodeToString(sum[:])
	for {
		e, err := s.Store.InForce.GetIn(ctx, domain, domain)
		missing := hub.CodeOf(err) == hub.NotFound
		if err != nil && !missing {
			return known{}, fmt.Errorf("read what is in force: %w", err)
		}
		if !missing && e.Value.Content == content {
			return known{revision, content, e.Value.Since}, nil
		}
		at := cmf.InForceSince{Content: content, Since: s.now()}
		if err := s.tellLaw(ctx, domain, law, raw, at, e.Value.Content); err != nil {
			return known{}, err
		}
		e.Value = at
		if missing {
			_, err = s.Store.InForce.Create(ctx, domain, domain, &at)
		} else {
			_, err = s.Store.InForce.Replace(ctx, e)
		}
		switch hub.CodeOf(err) {
		case hub.Conflict, hub.Precondition: // another process was quicker
			continue
		}
		if err != nil {
			return known{}, fmt.Errorf("store what is in force: %w", err)
		}
		return known{revision, content, at.Since}, nil
	}
}

// tellLaw keeps what is in force from now on, and records it.
func (s *Service) tellLaw(ctx context.Context, domain string, law cmf.InForce, raw []byte, at cmf.InForceSince, before string) error {
	told := inForce{Content: at.Content, Before: before, Since: at.Since.Format(time.RFC3339), InForce: law}
	told.Bundle = nil // the text is in what is kept
	if len(raw) > cmf.MaxInForce {
		told.NotKept = fmt.Sprintf("it has %d bytes, and %d are kept", len(raw), cmf.MaxInForce)
	} else if err := s.Store.KeepInForce(ctx, domain, at.Content, raw); err != nil {
		return err
	}
	rec, err := record(KindInForce, at.Since, s.Self.String(), "certificate-policies/"+domain, told, domain, at.Content, before, told.Since)
	return s.append(ctx, domain, rec, err)
}

// law is what is in force in a trust domain now.
func (s *Service) law(domain, revision string) (cmf.InForce, error) {
	law := cmf.InForce{TrustDomain: domain, Revision: revision, Profiles: map[certmgmt.CertType]cmf.ProfileInForce{}, OutsideVerifier: s.Verifier(domain) != nil}
	for _, t := range []certmgmt.CertType{certmgmt.MANOCert, certmgmt.VNFCICert, certmgmt.VNFOAMCert} {
		law.Profiles[t] = s.Profiles(domain, t).orDefaults().inForce()
	}
	for _, root := range s.Roots(domain) {
		law.DeviceRoots = append(law.DeviceRoots, cmf.RootInForce{Subject: root.Subject.String(), Fingerprint: digest(root.Raw)})
	}
	if s.Policies == nil {
		return law, nil
	}
	var err error
	if law.Policies, law.Parameters, law.Bundle, err = s.Policies(domain); err != nil {
		return law, fmt.Errorf("read the policies of %s: %w", domain, err)
	}
	return law, nil
}

// inForce is the profile as evidence has it.
func (p Profile) inForce() cmf.ProfileInForce {
	made := cmf.ProfileInForce{
		Organization: p.Organization, Country: p.Country, State: p.State, Locality: p.Locality, DNSSuffixes: p.DNSSuffixes,
		Keys: p.Keys, MinimumRSA: p.MinimumRSA, Validity: p.Validity.String(), Backdate: p.Backdate.String(), KeyUsage: int(p.KeyUsage),
		MinimumAssurance: p.MinimumAssurance.String(), NonceRequired: p.NonceRequired, OldShapes: p.OldShapes, UnknownClaims: p.UnknownClaims,
	}
	for _, usage := range p.ExtKeyUsage {
		name, ok := map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "serverAuth", x509.ExtKeyUsageClientAuth: "clientAuth"}[usage]
		if !ok {
			name = fmt.Sprint(int(usage))
		}
		made.ExtKeyUsage = append(made.ExtKeyUsage, name)
	}
	return made
}
