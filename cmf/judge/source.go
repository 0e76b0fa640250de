package judge

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

// Source is where the policies of a trust domain come from: files, or a bundle and
// the key that has to have signed it. With neither it is the built-in library.
type Source struct {
	Files fs.FS

	Bundle []byte
	Key    string // PEM, public
	KeyID  string

	// Parameters are by policy, a JSON object each, and only what differs from the
	// defaults.
	Parameters map[string]json.RawMessage
}

// New makes a judge who asks the built-in policies with their defaults, in every
// trust domain that is given no others.
func New(ctx context.Context, c Config) (*Judge, error) {
	schemas, err := policies.OwnSchemas()
	if err != nil {
		return nil, fmt.Errorf("set up policies for certificates: %w", err)
	}
	set, problems := policies.Load(ctx, library.Enrolment(), policies.Options{Schemas: schemas})
	if err := policies.Refusal(problems); err != nil {
		return nil, fmt.Errorf("load the built-in policies for certificates: %w", err)
	}
	j := &Judge{
		store: c.Store, log: c.Log, deadline: c.Deadline, schemas: schemas, builtIn: set, own: map[string]*policies.Snapshot{},
	}
	if j.deadline == 0 {
		j.deadline = 2 * time.Second
	}
	if j.standard, err = set.Snapshot(nil); err != nil {
		return nil, err
	}
	return j, nil
}

// Use gives a trust domain its policies, from the next request on. It checks them
// as every set of policies is checked; when it fails, what was there before goes on.
// The errors are hub.Unprocessable for policies that do not load, hub.Denied for a
// bundle that another key signed, and else hub.Invalid.
func (j *Judge) Use(ctx context.Context, domain string, s Source) error {
	set, err := j.load(ctx, s)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(set.Policies(), func(p policies.Policy) bool { return p.On(hub.EventCertificateRequest) }) {
		return hub.E(hub.Invalid, "load policies for certificates", fmt.Sprintf("none of the policies of trust domain %s is for %s; add one, or name no policies and have the built-in ones", domain, hub.EventCertificateRequest), nil)
	}
	snapshot, err := set.Snapshot(s.Parameters)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.own[domain] = snapshot
	return nil
}

func (j *Judge) load(ctx context.Context, s Source) (*policies.Set, error) {
	o := policies.Options{Schemas: j.schemas, Known: j.builtIn}
	var set *policies.Set
	var problems []policies.Problem
	switch {
	case len(s.Bundle) > 0:
		var err error
		keys := []policies.VerificationKey{{ID: s.KeyID, PEM: s.Key}}
		if set, problems, err = policies.LoadBundle(ctx, s.Bundle, keys, s.KeyID, o); err != nil {
			return nil, err
		}
	case s.Files != nil:
		set, problems = policies.Load(ctx, s.Files, o)
	default:
		return j.builtIn, nil
	}
	if err := policies.Refusal(problems); err != nil {
		return nil, err
	}
	return set, nil
}

// Forget has a trust domain, which may be gone, judged by the built-in policies.
func (j *Judge) Forget(domain string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.own, domain)
}

// Policies returns the policies of a trust domain, all their parameters, and their text
// as one file, unsigned.
func (j *Judge) Policies(domain string) ([]cmf.PolicyInForce, map[string]json.RawMessage, []byte, error) {
	s := j.of(domain)
	var list []cmf.PolicyInForce
	parameters := map[string]json.RawMessage{}
	for _, p := range s.Set().Policies() {
		list = append(list, cmf.PolicyInForce{ID: p.ID, Title: p.Title})
		parameters[p.ID] = s.Parameters(p.ID)
	}
	bundle, err := s.Set().Bundle()
	return list, parameters, bundle, err
}

// Revision is that of a trust domain's policies and, after a slash, of their
// parameters, as judgements have it.
func (j *Judge) Revision(domain string) string { return revisionOf(j.of(domain)) }

func (j *Judge) of(domain string) *policies.Snapshot {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if s := j.own[domain]; s != nil {
		return s
	}
	return j.standard
}

func revisionOf(s *policies.Snapshot) string { return s.PolicyRevision() + "/" + s.DataRevision() }
