package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// nonceBytes is the length of a nonce: what a TPM takes in any case.
const nonceBytes = 32

// Challenge gives out a nonce for a registration, or a credential for the TPM of an
// attester (TPM 2.0 part 1, credential activation). It is good once, for who asked,
// until it expires.
func (s *Service) Challenge(ctx context.Context, who hub.Identity, domain string, in certmgmt.ChallengeRequest) (certmgmt.Challenge, error) {
	const op = "ask for challenge"
	if err := s.enter(ctx, who, op, domain); err != nil {
		return certmgmt.Challenge{}, err
	}
	if n := len(s.Store.Challenges.Find(cmf.ByConsumer(who.String()))); n >= s.Limits.Challenges {
		return certmgmt.Challenge{}, hub.E(hub.RateLimited, op, fmt.Sprintf("%d challenges are open; use them, or wait until they expire", n), nil)
	}
	c := cmf.Challenge{ID: hub.NewID(), TrustDomain: domain, For: who.String(), Expires: s.now().Add(s.Limits.Challenge)}
	var out certmgmt.Challenge
	var err error
	switch {
	case (in.RegistrationID == "") == (in.AttesterID == ""):
		return out, hub.E(hub.Invalid, op, "give the registrationId that a nonce is for, or the attesterId whose TPM is to be activated", nil)
	case in.RegistrationID != "":
		out, err = s.newNonce(ctx, who, &c, in)
	default:
		out, err = s.newCredential(ctx, who, &c, in)
	}
	if err != nil {
		return certmgmt.Challenge{}, err
	}
	if _, err := s.Store.Challenges.Create(ctx, domain, c.ID, &c); err != nil {
		return certmgmt.Challenge{}, fmt.Errorf("%s: %w", op, err)
	}
	out.ID, out.Expires = c.ID, c.Expires
	return out, nil
}

func (s *Service) newNonce(ctx context.Context, who hub.Identity, c *cmf.Challenge, in certmgmt.ChallengeRequest) (out certmgmt.Challenge, err error) {
	e, err := find(ctx, s.Store.Registrations, who, "registration", in.RegistrationID, ownerOfRegistration)
	if err != nil {
		return out, err
	}
	if e.Domain != c.TrustDomain || e.Value.Ended {
		return out, absent("ask for challenge", "registration", in.RegistrationID)
	}
	c.RegistrationID, c.Nonce = e.ID, make([]byte, nonceBytes)
	if _, err := io.ReadFull(s.Random, c.Nonce); err != nil {
		return out, hub.E(hub.Unavailable, "ask for challenge", "the source of randomness does not work; ask again", err)
	}
	out.Nonce = base64.StdEncoding.EncodeToString(c.Nonce)
	return out, nil
}

// nonceFor returns the nonce of the challenge that a request names, nil if it names
// none, or why the request is refused.
func (s *Service) nonceFor(ctx context.Context, w *work) ([]byte, []certmgmt.Reason, error) {
	if w.challenge == "" {
		return nil, nil, nil
	}
	e, err := s.Store.Challenges.GetIn(ctx, w.domain, w.challenge)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return nil, nil, fmt.Errorf("read challenge: %w", err)
	}
	if err != nil || !mine(&e.Value, w) {
		return nil, []certmgmt.Reason{because(ChallengeUnknown, "no such challenge was given out for this registration")}, nil
	}
	if why := spent(&e.Value, w); why != nil {
		return nil, why, nil
	}
	return e.Value.Nonce, nil, nil
}

// mine says whether a challenge is a nonce that was given out for the registration of
// a request, to its manager or to who sends it.
func mine(c *cmf.Challenge, w *work) bool {
	return len(c.Nonce) > 0 && c.TrustDomain == w.domain && c.RegistrationID == w.reg.ID && (c.For == w.reg.Manager || c.For == w.who.String())
}

// spent says why a challenge is not good any more for a request, nil if it is.
func spent(c *cmf.Challenge, w *work) []certmgmt.Reason {
	switch {
	case c.Used != nil && c.UsedBy != w.req.ID:
		return []certmgmt.Reason{because(ChallengeUsed, "the challenge was used at %s", c.Used.Format("15:04:05"))}
	case !w.now.Before(c.Expires):
		return []certmgmt.Reason{because(ChallengeExpired, "the challenge was good until %s", c.Expires.Format("15:04:05"))}
	}
	return nil
}

// useChallenge uses up the challenge of a request. Of two requests one has it.
func (s *Service) useChallenge(ctx context.Context, w *work) ([]certmgmt.Reason, error) {
	if w.challenge == "" {
		return nil, nil
	}
	var why []certmgmt.Reason
	_, err := s.Store.Challenges.Update(ctx, w.challenge, func(c *cmf.Challenge) error {
		if why = spent(c, w); why != nil {
			return errSpent
		}
		w.req.ChallengeID = c.ID
		c.Used, c.UsedBy = &w.now, w.req.ID
		return nil
	})
	if errors.Is(err, errSpent) {
		return why, nil
	}
	if err != nil {
		return nil, fmt.Errorf("use challenge: %w", err)
	}
	return nil, nil
}

// errSpent ends a change of a challenge that is used or expired.
var errSpent = errors.New("the challenge is spent")

// newCredential makes a credential that only the TPM opens that holds the
// endorsement key and the attester's key. The certificate of the endorsement key has
// to lead to a root that the operator trusts, or to one of the attester's own.
func (s *Service) newCredential(ctx context.Context, who hub.Identity, c *cmf.Challenge, in certmgmt.ChallengeRequest) (out certmgmt.Challenge, err error) {
	const op = "ask for challenge"
	e, err := s.attester(ctx, who, in.AttesterID)
	if err != nil {
		return out, err
	}
	if e.Domain != c.TrustDomain {
		return out, absent(op, "attester", in.AttesterID)
	}
	if e.Value.Withdrawn != nil {
		return out, hub.E(hub.Conflict, op, "the attester was withdrawn; register another one", nil)
	}
	bad := func(what string, err error) (certmgmt.Challenge, error) {
		return out, hub.E(hub.Invalid, op, fmt.Sprintf("%s cannot be used: %v; send what \"manoward attest ak\" wrote", what, err), err)
	}
	ek, err := base64.StdEncoding.DecodeString(in.EKPublic)
	if err != nil {
		return bad("ekPublic", err)
	}
	ak, err := base64.StdEncoding.DecodeString(in.AKPublic)
	if err != nil {
		return bad("akPublic", err)
	}
	chain, err := readCertificates(in.EKCertificate)
	if err != nil {
		return bad("ekCertificate", err)
	}
	by, err := readAttester(e.Value.Attester)
	if err != nil {
		return bad("the attester", err)
	}
	area, err := tpm.ReadPublic(ak)
	if err != nil {
		return bad("akPublic", err)
	}
	if !attestation.SameKey(by.Key, area.SPKI) {
		return out, hub.E(hub.Unprocessable, op, "akPublic is not the key that the attester was registered with; register the attester with the key of this TPM", nil)
	}
	if c.Vouched, err = s.checkEK(&e.Value, by.Roots, ek, chain); err != nil {
		return out, err
	}
	challenge, secret, err := tpm.NewChallenge(ek, ak)
	if err != nil {
		return bad("the keys of the TPM", err)
	}
	hash := sha256.Sum256(secret)
	c.AttesterID, c.SecretHash = e.ID, hash[:]
	out.CredentialBlob = base64.StdEncoding.EncodeToString(challenge.Credential)
	out.Secret = base64.StdEncoding.EncodeToString(challenge.Seed)
	return out, nil
}

// checkEK checks that an endorsement key is a TPM's, and says whether the operator
// vouches for the root that proves it.
func (s *Service) checkEK(a *cmf.Attester, own []*x509.Certificate, ek []byte, chain []*x509.Certificate) (vouched bool, err error) {
	const op = "ask for challenge"
	trusted := s.Roots(a.TrustDomain)
	if a.Vouched {
		trusted = slices.Concat(trusted, own)
	}
	if len(trusted) > 0 {
		if err = tpm.CheckEK(ek, chain, trusted, s.now()); err == nil {
			return true, nil
		}
	}
	if len(own) > 0 && !a.Vouched {
		if err = tpm.CheckEK(ek, chain, own, s.now()); err == nil {
			return false, nil
		}
	}
	if err == nil {
		return false, hub.E(hub.Unprocessable, op, "no root for certificates of endorsement keys is known in this trust domain; have the operator configure those of the TPM's maker", nil)
	}
	return false, hub.E(hub.Unprocessable, op, fmt.Sprintf("the endorsement key is not proven: %v; send the certificate of the TPM's maker with those above it, or have the operator configure its root", err), err)
}

// attester finds an attester that who may use: one of its own, or one that an
// operator registered for the trust domain.
func (s *Service) attester(ctx context.Context, who hub.Identity, id string) (state.Entry[cmf.Attester], error) {
	return find(ctx, s.Store.Attesters, who, "attester", id, func(a *cmf.Attester) (string, string) {
		if by, err := hub.ParseIdentity(a.By); err == nil && cmf.RunsTheHub(by) {
			return a.TrustDomain, who.String()
		}
		return a.TrustDomain, a.By
	})
}

// Activate takes the secret that a TPM got out of a credential: from then on its
// attestation key is proven to be in that TPM. The same answer again has the same
// result while the challenge lasts.
func (s *Service) Activate(ctx context.Context, who hub.Identity, id string, in certmgmt.ActivationRequest) (certmgmt.Attester, error) {
	const op = "activate attester"
	e, err := find(ctx, s.Store.Challenges, who, "challenge", id, func(c *cmf.Challenge) (string, string) { return c.TrustDomain, c.For })
	if err != nil {
		return certmgmt.Attester{}, err
	}
	c := e.Value
	secret, err := base64.StdEncoding.DecodeString(in.Secret)
	if err != nil || len(secret) > attestation.MaxNonce {
		return certmgmt.Attester{}, hub.E(hub.Invalid, op, "the secret is no base64 of a TPM's answer; send what \"manoward attest activate\" wrote", nil)
	}
	hash := sha256.Sum256(secret)
	switch {
	case len(c.SecretHash) == 0:
		return certmgmt.Attester{}, hub.E(hub.Conflict, op, "the challenge is a nonce for a certificate signing request; ask for one with the attesterId", nil)
	case !s.now().Before(c.Expires):
		return certmgmt.Attester{}, hub.E(hub.Conflict, op, "the challenge is expired; ask for a new one", nil)
	case subtle.ConstantTimeCompare(hash[:], c.SecretHash) != 1:
		return certmgmt.Attester{}, hub.E(hub.Unprocessable, op, "that is not the secret of the challenge; answer it with the TPM that holds the attester's key", nil)
	}
	return s.activated(ctx, who, e)
}

// activated stores, and then records, that an attester's key is in a TPM.
func (s *Service) activated(ctx context.Context, who hub.Identity, e state.Entry[cmf.Challenge]) (certmgmt.Attester, error) {
	const op = "activate attester"
	c := e.Value
	at := s.now()
	if c.Used != nil {
		at = *c.Used
	} else {
		e.Value.Used, e.Value.UsedBy = &at, c.AttesterID
		if _, err := s.Store.Challenges.Replace(ctx, e); err != nil {
			return certmgmt.Attester{}, fmt.Errorf("%s: %w", op, err)
		}
	}
	v := cmf.Activation{ChallengeID: c.ID, At: at, By: who.String(), Vouched: c.Vouched}
	a, err := s.Store.Attesters.Update(ctx, c.AttesterID, func(a *cmf.Attester) error {
		if a.Withdrawn != nil {
			return hub.E(hub.Conflict, op, "the attester was withdrawn meanwhile; register another one", nil)
		}
		if a.Activated == nil {
			a.Activated = &at
		}
		a.Vouched = a.Vouched || c.Vouched
		if !slices.ContainsFunc(a.Activations, v.Same) {
			a.Activations = append(a.Activations, v)
		}
		return nil
	})
	if err != nil {
		return certmgmt.Attester{}, fmt.Errorf("%s: %w", op, err)
	}
	return a.Value.Attester, s.recordAttester(ctx, &a.Value)
}
