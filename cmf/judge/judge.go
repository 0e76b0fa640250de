// Package judge asks the Rego policies of a trust domain about a certificate signing
// request, before anything is signed.
//
// It fails closed. What cannot be evaluated is refused; so is a key that is not
// attested, unless the policy [Permit] lets it pass, by name and for this request.
// A policy can refuse, and can make an attested key count as unattested; no policy
// makes a key count for more than its verdict says.
package judge

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// Permit is the policy that alone lets a key pass that is not attested: it asks for
// downgrade-attestation of a request that is unattested already.
const Permit = "unattested-certificate"

// every stands for all policies where none could be asked.
const every = "*"

// Config is what a Judge needs.
type Config struct {
	Store *cmf.Store // what was issued before is read from it
	Log   *slog.Logger

	// Deadline is the time that one evaluation may take; 2 s when zero. It is long,
	// because a request that is refused stays refused: a busy machine is no reason.
	Deadline time.Duration
}

// Judge asks the policies of each trust domain. It is safe for concurrent use.
type Judge struct {
	store    *cmf.Store
	log      *slog.Logger
	deadline time.Duration
	schemas  *policies.Schemas
	builtIn  *policies.Set

	standard *policies.Snapshot // of trust domains that have no policies of their own
	mu       sync.RWMutex       // covers own
	own      map[string]*policies.Snapshot
}

// Judge answers the question by the policies of the request's trust domain. It may
// be repeated, and changes nothing. What is refused, for whatever reason, is no
// error; the errors are hub.Unavailable, when the caller gives up or the store does
// not answer, and the request may be judged again. Nothing is allowed then either.
func (j *Judge) Judge(ctx context.Context, q cmf.Question) (cmf.Judgement, error) {
	snapshot := j.of(q.Request.TrustDomain)
	before, err := j.history(ctx, &q)
	if err != nil {
		return cmf.Judgement{Refused: true, Revision: revisionOf(snapshot)}, err
	}
	doc := inputOf(&q, before)
	first, err := j.ask(ctx, snapshot, doc)
	if err != nil {
		return cmf.Judgement{Refused: true, Revision: revisionOf(snapshot)}, err
	}
	if first.refused() || doc.Attested && len(first.downgrades) == 0 {
		return first.judgement(), nil
	}
	if !doc.Attested {
		return first.unattested(nil), nil
	}
	doc.downgrade(first.downgrades)
	second, err := j.ask(ctx, snapshot, doc)
	if err != nil {
		return cmf.Judgement{Refused: true, Revision: revisionOf(snapshot)}, err
	}
	second.precede(first)
	return second.unattested(first.lowers), nil
}

// answer is what the policies say of one input.
type answer struct {
	cmf.Judgement
	denies     []certmgmt.Reason
	downgrades []string          // policies that ask for downgrade-attestation
	lowers     []certmgmt.Reason // why, one for each
}

// ask evaluates the policies once.
func (j *Judge) ask(ctx context.Context, s *policies.Snapshot, doc *input) (*answer, error) {
	a := &answer{Judgement: cmf.Judgement{Revision: revisionOf(s)}}
	in, err := j.schemas.ParseNew(hub.EventCertificateRequest, doc.json())
	if err != nil {
		a.Undecided = []cmf.Undecided{{Policy: every, Reason: hub.SafeText(err)}}
		return a, nil
	}
	r, err := s.Evaluate(ctx, in, policies.EvalOptions{Deadline: j.deadline})
	if ctx.Err() != nil {
		return a, hub.E(hub.Unavailable, "judge certificate request", "the request was given up; send it again", ctx.Err())
	}
	if err != nil {
		a.Undecided = []cmf.Undecided{{Policy: every, Reason: hub.SafeText(err)}}
		return a, nil
	}
	for _, u := range r.Undecided {
		a.Undecided = append(a.Undecided, cmf.Undecided{Policy: u.Policy, Reason: u.Reason})
	}
	for i := range r.Findings {
		a.take(&r.Findings[i], s.Set(), doc.Event.ID)
	}
	for _, u := range a.Undecided {
		j.log.Warn("a policy could not judge a certificate request, which is refused", "trustDomain", doc.TrustDomain, "request", doc.Event.ID, "policy", u.Policy, "err", u.Reason)
	}
	return a, nil
}

// take adds a finding. A policy that asks for what the CMF cannot do, or for it on
// another request than this, has not judged.
func (a *answer) take(f *hub.Finding, set *policies.Set, requestID string) {
	a.Findings = append(a.Findings, *f)
	said := reasonOf(f, set)
	for _, action := range f.Actions {
		switch {
		case action.Type == hub.ActionAlert:
			continue
		case action.Type != hub.ActionDenyCertificate && action.Type != hub.ActionDowngradeAttestation:
			a.undecided(f.Policy, fmt.Sprintf("it asks for %s, which a Security Manager does, and not who signs certificates", action.Type))
		case f.Target.CertificateRequestID != requestID:
			a.undecided(f.Policy, fmt.Sprintf("it asks for %s of another request than the one it was asked about", action.Type))
		case action.Type == hub.ActionDenyCertificate:
			a.denies = append(a.denies, said)
		default:
			a.downgrades, a.lowers = append(a.downgrades, f.Policy), append(a.lowers, said)
		}
	}
}

func (a *answer) undecided(policy, reason string) {
	a.Undecided = append(a.Undecided, cmf.Undecided{Policy: policy, Reason: reason})
}

// reasonOf is what the one who asks is told of a finding.
func reasonOf(f *hub.Finding, set *policies.Set) certmgmt.Reason {
	r := certmgmt.Reason{Code: f.Policy + "/" + f.Code, Detail: f.Message}
	if p, ok := set.Policy(f.Policy); ok {
		r.Mend = fmt.Sprintf("the policy %s of the trust domain says so; ask its owner: %s", p.ID, p.Owner)
	}
	return r
}

func (a *answer) refused() bool { return len(a.Undecided) > 0 || len(a.denies) > 0 }

// judgement is what follows from the answer for a key that is attested, or when
// nothing may pass.
func (a *answer) judgement() cmf.Judgement {
	a.Refused, a.Reasons = a.refused(), a.denies
	return a.Judgement
}

// precede puts what was found before the key counted as unattested before the rest,
// where it was not found again.
func (a *answer) precede(first *answer) {
	again := func(f hub.Finding) bool {
		return slices.ContainsFunc(a.Findings, func(g hub.Finding) bool { return f.Policy == g.Policy && f.Code == g.Code && f.Message == g.Message })
	}
	a.Findings = append(slices.DeleteFunc(slices.Clone(first.Findings), again), a.Findings...)
}

// unattested is what follows from the answer for a key that is not attested, or
// counts as such, and then why.
func (a *answer) unattested(why []certmgmt.Reason) cmf.Judgement {
	permit := slices.Index(a.downgrades, Permit)
	switch {
	case a.refused():
		a.Refused, a.Reasons = true, append(why, a.denies...)
	case permit < 0:
		a.Refused, a.Reasons = true, append(why, certmgmt.Reason{
			Code: "unattested", Detail: "no policy of the trust domain lets a key pass that is not attested",
			Mend: "have the key attested by a registered attester, or let the operator set the policy " + Permit,
		})
	default:
		a.Unattested, a.Reasons = true, append(why, a.lowers[permit])
	}
	return a.Judgement
}
