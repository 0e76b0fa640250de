package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Bounds of what registers an attester, in bytes.
const (
	maxPEM  = 64 << 10
	maxName = 200
)

// AddAttester registers an attester for who in a trust domain. The same one again is
// the same: its ID follows from who registers it, its format and its key. One whose
// key was withdrawn in the trust domain is [hub.Conflict], whoever registers it.
func (s *Service) AddAttester(ctx context.Context, who hub.Identity, domain string, in certmgmt.Attester) (certmgmt.Attester, error) {
	const op = "register attester"
	if err := s.enter(ctx, who, op, domain); err != nil {
		return certmgmt.Attester{}, err
	}
	a, err := s.newAttester(who, domain, in)
	if err != nil {
		return certmgmt.Attester{}, err
	}
	stored, err := s.storeAttester(ctx, a)
	return stored.Attester, err
}

// Attester returns one that who may use: of its own, or of an operator's for its
// trust domain.
func (s *Service) Attester(ctx context.Context, who hub.Identity, id string) (certmgmt.Attester, error) {
	e, err := s.attester(ctx, who, id)
	return e.Value.Attester, err
}

// Attesters yields those that who registered, after an ID, in order; to who runs the
// hub, all.
func (s *Service) Attesters(ctx context.Context, who hub.Identity, after string) iter.Seq2[certmgmt.Attester, error] {
	return list(ctx, s.Store.Attesters, who, after, func(a *cmf.Attester) certmgmt.Attester { return a.Attester })
}

// newAttester checks what is to be registered. It is [hub.Invalid].
func (s *Service) newAttester(who hub.Identity, domain string, in certmgmt.Attester) (cmf.Attester, error) {
	const op = "register attester"
	bad := func(text string) (cmf.Attester, error) { return cmf.Attester{}, hub.E(hub.Invalid, op, text, nil) }
	if _, known := s.Formats.Names()[in.StatementOID]; !known {
		return bad(fmt.Sprintf("no format is known for statements of type %q; give keyAttestationStatementOid as one of %s", clip(in.StatementOID), strings.Join(s.formats(), ", ")))
	}
	if len(in.Name) > maxName {
		return bad(fmt.Sprintf("the name of the attester has %d bytes; %d are allowed", len(in.Name), maxName))
	}
	parsed, err := readAttester(in)
	if err != nil {
		return bad(fmt.Sprintf("the attester cannot be used: %v; give publicKey, certificateChain or roots in PEM", err))
	}
	now := s.now()
	a := cmf.Attester{
		Attester: certmgmt.Attester{
			Name: in.Name, StatementOID: in.StatementOID, PublicKey: in.PublicKey, CertificateChain: in.CertificateChain, Roots: in.Roots, Registered: &now,
		},
		TrustDomain: domain, By: who.String(), KeyHash: keyHash(parsed),
	}
	a.Vouched = cmf.RunsTheHub(who) || s.trusts(domain, parsed.Roots)
	a.ID = hub.DeriveID("attester", domain, a.By, a.StatementOID, a.KeyHash)
	return a, nil
}

// formats lists the OIDs of statements that are known.
func (s *Service) formats() []string {
	var list []string
	for oid, name := range s.Formats.Names() {
		list = append(list, fmt.Sprintf("%s (%s)", oid, name))
	}
	slices.Sort(list)
	return list
}

// trusts says whether all of some roots, and at least one, are ones that the
// operator of a trust domain trusts.
func (s *Service) trusts(domain string, roots []*x509.Certificate) bool {
	trusted := s.Roots(domain)
	return len(roots) > 0 && !slices.ContainsFunc(roots, func(c *x509.Certificate) bool { return !slices.ContainsFunc(trusted, c.Equal) })
}

// storeAttester stores and records an attester that is not there yet.
func (s *Service) storeAttester(ctx context.Context, a cmf.Attester) (cmf.Attester, error) {
	const op = "register attester"
	for _, id := range s.Store.Attesters.Find(cmf.ByAttesterKey(a.KeyHash)) {
		if other := s.Store.Attesters.Kept(id); other != nil && other.TrustDomain == a.TrustDomain && other.Withdrawn != nil {
			return cmf.Attester{}, hub.E(hub.Conflict, op, "an attester with this key was withdrawn in this trust domain; register one with another key", nil)
		}
	}
	e, err := s.Store.Attesters.GetIn(ctx, a.TrustDomain, a.ID)
	if hub.CodeOf(err) == hub.NotFound {
		a.Unrecorded = true
		e, err = s.Store.Attesters.Create(ctx, a.TrustDomain, a.ID, &a)
	}
	if hub.CodeOf(err) == hub.Conflict { // another call of the same
		e, err = s.Store.Attesters.GetIn(ctx, a.TrustDomain, a.ID)
	}
	if err != nil {
		return cmf.Attester{}, fmt.Errorf("%s: %w", op, err)
	}
	if err := s.recordAttester(ctx, &e.Value); err != nil {
		return cmf.Attester{}, err
	}
	return e.Value, nil
}

// recordAttester records that an attester that is stored was registered, and its
// activations, once.
func (s *Service) recordAttester(ctx context.Context, a *cmf.Attester) error {
	if !a.Unrecorded && len(a.Activations) == 0 {
		return nil
	}
	if a.Unrecorded {
		told := a.Attester
		told.Activated, told.Withdrawn = nil, nil // these have records of their own
		r, err := record("attester.registered", *a.Registered, a.By, "attester/"+a.ID, told)
		if err := s.append(ctx, a.TrustDomain, r, err); err != nil {
			return err
		}
	}
	done := a.Activations
	for _, v := range done {
		r, err := record("attester.activated", v.At, v.By, "attester/"+a.ID, struct {
			Vouched bool `json:"vouched"`
		}{v.Vouched}, v.ChallengeID)
		if err := s.append(ctx, a.TrustDomain, r, err); err != nil {
			return err
		}
	}
	_, err := s.Store.Attesters.Update(ctx, a.ID, func(a *cmf.Attester) error {
		a.Unrecorded = false
		a.Activations = slices.DeleteFunc(a.Activations, func(v cmf.Activation) bool { return slices.ContainsFunc(done, v.Same) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("store attester: %w", err)
	}
	return nil
}

// attesterRead is an attester that is stored, read.
type attesterRead struct {
	of *cmf.Attester // never changed: a change is another one
	is attestation.Attester
}

// readKept is readAttester of one that is kept in memory, which is read once.
func (s *Service) readKept(a *cmf.Attester) (attestation.Attester, error) {
	if r, ok := s.attesters.Load(a.ID); ok && r.(attesterRead).of == a {
		return r.(attesterRead).is, nil
	}
	is, err := readAttester(a.Attester)
	if err == nil {
		s.attesters.Store(a.ID, attesterRead{a, is})
	}
	return is, err
}

// readAttester reads what was registered. The key is always that of the chain, if
// there is one.
func readAttester(in certmgmt.Attester) (attestation.Attester, error) {
	a := attestation.Attester{ID: in.ID, Statement: in.StatementOID}
	var err error
	if in.PublicKey != "" {
		block, err := onlyBlock(in.PublicKey, "PUBLIC KEY")
		if err != nil {
			return a, fmt.Errorf("publicKey: %w", err)
		}
		if _, err := attestation.ParseKey(block); err != nil {
			return a, fmt.Errorf("publicKey: %w", err)
		}
		a.Key = block
	}
	if a.Chain, err = readCertificates(in.CertificateChain); err != nil {
		return a, fmt.Errorf("certificateChain: %w", err)
	}
	if a.Roots, err = readCertificates(in.Roots); err != nil {
		return a, fmt.Errorf("roots: %w", err)
	}
	switch {
	case len(a.Chain) > 0 && len(a.Key) > 0 && !attestation.SameKey(a.Key, a.Chain[0].RawSubjectPublicKeyInfo):
		return a, fmt.Errorf("publicKey is not the key of the first certificate of certificateChain")
	case len(a.Chain) > 0:
		a.Key = a.Chain[0].RawSubjectPublicKeyInfo
		if _, err := attestation.ParseKey(a.Key); err != nil {
			return a, fmt.Errorf("certificateChain: %w", err)
		}
	case len(a.Key) == 0 && len(a.Roots) == 0:
		return a, fmt.Errorf("nothing says whose statements are its own")
	}
	return a, nil
}

// keyHash names who attests: by the key, or by the roots alone.
func keyHash(a attestation.Attester) string {
	if len(a.Key) > 0 {
		return attestation.KeyDigest(a.Key)
	}
	h := sha256.New()
	for _, c := range a.Roots {
		digest := sha256.Sum256(c.Raw)
		h.Write(digest[:])
	}
	return "roots " + hex.EncodeToString(h.Sum(nil))
}

// onlyBlock reads the one PEM block of a type, with nothing but white space around.
func onlyBlock(text, kind string) ([]byte, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("it has %d bytes, %d are allowed", len(text), maxPEM)
	}
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, fmt.Errorf("it is no PEM")
	case block.Type != kind:
		return nil, fmt.Errorf("it is a %q, and a %q is needed", clip(block.Type), kind)
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, fmt.Errorf("something stands behind the %s", kind)
	}
	return block.Bytes, nil
}

// readCertificates reads certificates in PEM, none of an empty text.
func readCertificates(text string) ([]*x509.Certificate, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("it has %d bytes, %d are allowed", len(text), maxPEM)
	}
	var list []*x509.Certificate
	rest := []byte(text)
	for len(strings.TrimSpace(string(rest))) > 0 {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("it is no PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, fmt.Errorf("something in it is no certificate")
		}
		if list = append(list, c); len(list) > attestation.MaxCertificates {
			return nil, fmt.Errorf("it has more than %d certificates", attestation.MaxCertificates)
		}
	}
	return list, nil
}
