package catalogue

import (
	"context"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// Verification is what a check of a stored package found.
type Verification struct {
	Accepted bool
	Option   csar.Option
	Signers  []csar.Signer
	Findings []csar.Finding // errors and warnings
}

// RuleAltered is the rule of the finding that a stored file is not the one that
// was on-boarded, RuleDescriptor of one that its descriptor does not fit.
const (
	RuleAltered    csar.Rule = "altered"
	RuleDescriptor csar.Rule = "descriptor"
)

// Verify checks an on-boarded package again: the file as it is stored now, under
// its domain's policy of now. It changes nothing, unless the file was altered:
// that is recorded, shown and told, as in [Service.Check]. Artifacts outside of
// the package are not fetched again. hub.Conflict before on-boarding.
func (s *Service) Verify(ctx context.Context, kind Kind, id string) (Verification, error) {
	p, err := s.Get(ctx, kind, id)
	if err != nil {
		return Verification{}, err
	}
	if p.State != Onboarded {
		return Verification{}, notOnboarded(&p)
	}
	select { // it costs as much as an on-boarding
	case s.judging <- struct{}{}:
		defer func() { <-s.judging }()
	case <-ctx.Done():
		return Verification{}, unavailable(ctx.Err())
	}
	var v Verification
	if err := v.note(RuleAltered, s.Check(ctx, kind, id)); err != nil {
		return Verification{}, err
	}
	if err := v.note(RuleDescriptor, s.verifyAgain(ctx, p, &v)); err != nil {
		return Verification{}, err
	}
	v.Accepted = true
	for _, f := range v.Findings {
		v.Accepted = v.Accepted && f.Severity != csar.Error
	}
	return v, nil
}

// note takes a refusal as a finding and returns every other error.
func (v *Verification) note(rule csar.Rule, err error) error {
	if code := hub.CodeOf(err); code != hub.Unprocessable && code != hub.Invalid {
		return err
	}
	v.Findings = append(v.Findings, csar.Finding{Rule: rule, Severity: csar.Error, Text: hub.SafeText(err)})
	return nil
}

// verifyAgain judges the stored file; p is a copy, and is not stored.
func (s *Service) verifyAgain(ctx context.Context, p Package, v *Verification) error {
	policy, err := s.Policy(ctx, p.Domain)
	if err != nil {
		return unavailable(err)
	}
	judge, err := policy.verifier(s.config.Now().UTC())
	if err != nil {
		return unavailable(err)
	}
	f, a, err := s.openArchive(&p)
	if err != nil {
		return err
	}
	defer f.Close()
	if p.Result, err = a.Verify(ctx, judge); err != nil {
		return err
	}
	v.Option, v.Signers = p.Result.Option, p.Result.Signers
	v.Findings = append(v.Findings, p.Result.Findings...)
	if !p.Result.Accepted {
		return nil
	}
	return readDescriptor(ctx, &p, a)
}
