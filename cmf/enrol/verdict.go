package enrol

import (
	"context"
	"slices"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// attest judges the attestation of the request. It returns reasons that no policy may
// pass over: an attester that was withdrawn, a challenge that is not good, an outside
// verifier that gave no verdict. Whether the verdict is good enough is not decided
// here; w.lacking says why the request has none that is.
func (s *Service) attest(ctx context.Context, w *work) ([]certmgmt.Reason, error) {
	nonce, refused, err := s.nonceFor(ctx, w)
	if refused != nil || err != nil {
		return refused, err
	}
	if len(w.reg.AttesterIDs) == 0 {
		w.lacking = []certmgmt.Reason{because(AttesterNone, "no attester is registered for the subject")}
		return nil, nil
	}
	var withdrawn int
	for _, id := range w.reg.AttesterIDs {
		a := s.Store.Attesters.Kept(id)
		if a == nil || a.TrustDomain != w.domain {
			continue
		}
		v, err := s.verdict(ctx, w, a, nonce)
		if err != nil {
			return []certmgmt.Reason{because(VerifierFailed, "the outside verifier gave no verdict")}, s.blame(ctx, w, err)
		}
		if a.Withdrawn != nil {
			withdrawn++
			if v.Accepted {
				return []certmgmt.Reason{because(AttesterWithdrawn, "the attester %s that signed the statement was withdrawn", a.ID)}, nil
			}
			continue
		}
		if w.verdict == nil || v.Accepted || nearer(v, *w.verdict) {
			w.verdict, w.attester = &v, a
		}
		if v.Accepted {
			break
		}
	}
	switch {
	case w.verdict == nil && withdrawn > 0:
		return []certmgmt.Reason{because(AttesterWithdrawn, "all attesters of the subject were withdrawn")}, nil
	case w.verdict == nil:
		w.lacking = []certmgmt.Reason{because(AttesterNone, "no attester is registered for the subject")}
	case w.verdict.Failed(attestation.AttributeNone):
		w.lacking = reasons(w.verdict.Reasons)
		w.verdict, w.attester = nil, nil // there was no attestation
	case !w.verdict.Accepted:
		w.lacking = reasons(w.verdict.Reasons)
	}
	return nil, nil
}

// blame returns the error of a request that was broken off, nil for a verifier that
// failed, which is only logged.
func (s *Service) blame(ctx context.Context, w *work, cause error) error {
	if err := ctx.Err(); err != nil {
		return hub.E(hub.Unavailable, "judge attestation", "the request was broken off; send it again", err)
	}
	s.Log.Warn("an outside verifier of attestations failed", "trustDomain", w.domain, "request", w.req.ID, "err", cause)
	return nil
}

// nearer says whether a refused verdict tells more than another one: of several
// attesters the one that signed is told about.
func nearer(v, than attestation.Verdict) bool {
	other := func(v attestation.Verdict) bool {
		return v.Failed(attestation.StatementNone) || v.Failed(attestation.StatementSignature) || v.Failed(attestation.AttesterUnknown)
	}
	return other(than) && !other(v)
}

// verdict judges the request's attestation as one attester's.
func (s *Service) verdict(ctx context.Context, w *work, a *cmf.Attester, nonce []byte) (attestation.Verdict, error) {
	by, err := s.readKept(a)
	if err != nil {
		return attestation.Verdict{
			Attester: a.ID, Statement: a.StatementOID, Reasons: []attestation.Reason{attestation.Because(attestation.AttesterInvalid, "%v", err)},
		}, nil
	}
	by.Restricted = a.Activated != nil && a.Vouched
	r := attestation.Request{
		CSR: w.req.CSR, Attester: by, Nonce: nonce, Time: w.now,
		Policy: attestation.Policy{Minimum: w.profile.MinimumAssurance, OldShapes: w.profile.OldShapes, UnknownClaims: w.profile.UnknownClaims},
	}
	var v attestation.Verdict
	if outside := s.Verifier(w.domain); outside != nil {
		ctx, cancel := context.WithTimeout(ctx, s.Limits.Verifier)
		defer cancel()
		if v, err = outside.Verify(ctx, r); err != nil {
			return v, err
		}
		v = checkOutside(v, r, w.csr.RawSubjectPublicKeyInfo)
	} else {
		v = s.Formats.VerifyParsed(w.csr, r)
	}
	if w.profile.NonceRequired && len(nonce) == 0 {
		v = refuse(v, attestation.Because(attestation.NonceMissing, "the request names no challenge, and the certificate profile asks for a statement with its nonce"))
	}
	return lower(v, a.Vouched, w.profile.MinimumAssurance), nil
}

// lower lowers the assurance of a statement whose attester nobody but its own consumer
// vouches for.
func lower(v attestation.Verdict, vouched bool, minimum attestation.Assurance) attestation.Verdict {
	if vouched || v.Assurance != attestation.Genuine {
		return v
	}
	v.Assurance = attestation.Protected
	lack := attestation.Because(attestation.AttesterUnverified, "what proves the attester was given by the consumer alone")
	v.Lacks = append(slices.Clone(v.Lacks), lack)
	if v.Assurance < minimum {
		return refuse(v, attestation.Because(attestation.AssuranceLow, "the assurance is %q, and %q is asked for", v.Assurance, minimum), lack)
	}
	return v
}

// checkOutside refuses a verdict of an outside verifier that is not about this
// request, and forgets what it says of more than its verdict.
func checkOutside(v attestation.Verdict, r attestation.Request, key []byte) attestation.Verdict {
	v = bounded(v)
	v.Attester, v.Statement = r.Attester.ID, r.Attester.Statement
	switch {
	case !v.Accepted && len(v.Reasons) == 0:
		return refuse(v, attestation.Because(VerifierFailed, "the outside verifier refused without a reason"))
	case !v.Accepted:
		return refuse(v)
	case len(v.Reasons) > 0:
		return refuse(v, attestation.Because(VerifierFailed, "the outside verifier accepted, and gave reasons against it"))
	case !attestation.SameKey(v.Key, key):
		return refuse(v, attestation.Because(attestation.KeyMismatch, "the outside verifier judged another key than the request's"))
	case v.Assurance < r.Policy.Minimum || v.Assurance > attestation.Genuine:
		return refuse(v, attestation.Because(attestation.AssuranceLow, "the assurance is %q, and %q is asked for", v.Assurance, r.Policy.Minimum))
	}
	return v
}

func refuse(v attestation.Verdict, why ...attestation.Reason) attestation.Verdict {
	v.Accepted, v.Assurance = false, attestation.None
	v.Reasons = append(slices.Clone(v.Reasons), why...)
	return v
}

// decide asks the policies, and says at which assurance the certificate is issued.
// Policies can refuse and lower, and let an unattested request pass; they never
// raise.
func (s *Service) decide(ctx context.Context, w *work) ([]certmgmt.Reason, error) {
	w.req.Verdict = w.verdict
	if w.attester != nil {
		w.req.AttesterID = w.attester.ID
	}
	j, err := s.Judge.Judge(ctx, cmf.Question{
		Request: &w.req, Registration: w.reg, Attester: w.attester, Key: w.csr.PublicKey, KeyHash: w.keyHash, At: w.now,
		Profile: cmf.Demands{MinimumAssurance: w.profile.MinimumAssurance, NonceRequired: w.profile.NonceRequired, MaxValidity: w.profile.Validity},
	})
	w.req.Policy = j.Revision
	if err == nil {
		law, err := s.lawOf(ctx, w.domain, j.Revision)
		if err != nil {
			return nil, err
		}
		w.req.InForce = &cmf.InForceSince{Content: law.content, Since: law.since}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, hub.E(hub.Unavailable, "judge request", "the request was broken off; send it again", err)
		}
		if hub.CodeOf(err) == hub.Unavailable { // what it has to know could not be read: that says nothing of the request
			return nil, hub.E(hub.Unavailable, "judge request", "what the policies judge by cannot be read now; send the request again", err)
		}
		s.Log.Error("the policies of a certificate request could not be evaluated", "trustDomain", w.domain, "request", w.req.ID, "err", err)
		return []certmgmt.Reason{because(PolicyUndecided, "the policies of the trust domain could not be evaluated")}, nil
	}
	accepted := w.verdict != nil && w.verdict.Accepted
	switch {
	case len(j.Undecided) > 0:
		for _, u := range j.Undecided {
			j.Reasons = append(j.Reasons, because(PolicyUndecided, "the policy %s could not judge: %s", u.Policy, u.Reason))
		}
		return append(w.lacking, j.Reasons...), nil
	case j.Refused && len(j.Reasons)+len(w.lacking) == 0:
		return []certmgmt.Reason{because(PolicyDenied, "the policies of the trust domain refuse it")}, nil
	case j.Refused, !accepted && !j.Unattested:
		return append(w.lacking, j.Reasons...), nil
	case j.Unattested:
		w.req.Assurance = attestation.None.String()
		w.req.Reasons = append(w.lacking, j.Reasons...)
	default:
		w.assurance = w.verdict.Assurance
		w.req.Assurance = w.assurance.String()
	}
	return nil, nil
}
