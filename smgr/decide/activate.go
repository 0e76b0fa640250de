package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/policies"
)

// Activation is a set of policies with parameters that became active, and how.
// Each names the one before it, so that they are the history of both.
type Activation struct {
	ID               string    `json:"id"`
	Number           int       `json:"number"`           // from 1
	Parent           string    `json:"parent,omitempty"` // ID of the one that it replaced
	Change           string    `json:"change"`           // "activate", "rollback" or "parameters"
	Policy           string    `json:"policy,omitempty"` // whose parameters were changed
	PolicyRevision   string    `json:"policyRevision"`
	PreviousRevision string    `json:"previousRevision,omitempty"` // what a rollback goes back to
	DataRevision     string    `json:"dataRevision"`
	Parameters       string    `json:"parameters,omitempty"` // SHA-256 of what is set; empty: nothing
	By               string    `json:"by"`                   // identity
	At               time.Time `json:"at"`
	Reason           string    `json:"reason,omitempty"`
}

// The kinds of change of an activation.
const (
	ChangeActivate   = "activate"
	ChangeRollback   = "rollback"
	ChangeParameters = "parameters"
)

// pointerID names the only entry that says what is active.
const pointerID = "policies"

// pauseOfLoading is how long a process leaves an activation that it could not load.
const pauseOfLoading = 30 * time.Second

// term finds an activation by what it judges by.
func (a *Activation) term() string { return judgedBy(a.PolicyRevision, a.DataRevision) }

func judgedBy(policyRevision, dataRevision string) string {
	return "by=" + policyRevision + "/" + dataRevision
}

// failedLoad is an activation that this process could not load.
type failedLoad struct {
	id  string
	at  time.Time
	err error
}

// Active returns what is active, and false when nothing is.
func (p *Policies) Active() (Activation, bool) {
	a := p.pointer.Kept(pointerID)
	if a == nil {
		return Activation{}, false
	}
	return *a, true
}

// History yields the activations from the active one back to the first.
func (p *Policies) History(ctx context.Context) iter.Seq2[Activation, error] {
	return func(yield func(Activation, error) bool) {
		a, ok := p.Active()
		for ok {
			if !yield(a, nil) {
				return
			}
			if ok = a.Parent != ""; !ok {
				return
			}
			e, err := p.activations.GetIn(ctx, p.c.TrustDomain, a.Parent)
			if err != nil {
				yield(Activation{}, fmt.Errorf("read the history of policies: %w", err))
				return
			}
			a = e.Value
		}
	}
}

// Parameters returns what is set in an activation, by policy. It may hold values
// for policies that the set does not have: they count again when it does.
func (p *Policies) Parameters(ctx context.Context, a Activation) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	if a.Parameters == "" {
		return values, nil
	}
	raw, err := p.blobs.get(ctx, blobParameters, a.Parameters)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, fmt.Errorf("read parameters of policies: %w", err)
	}
	return values, nil
}

// Activate makes a set that was pushed the one that judges, in all processes, with
// the parameters that are set. When it cannot be loaded, or the parameters do not
// fit it, nothing changes. Errors: hub.NotFound; hub.Unprocessable, hub.Denied or
// hub.Invalid for what is wrong with the set, its signature or the parameters;
// hub.Precondition when somebody else activated at the same time.
func (p *Policies) Activate(ctx context.Context, revision, by, reason string) (Activation, error) {
	return p.change(ctx, Activation{Change: ChangeActivate, PolicyRevision: revision, By: by, Reason: reason},
		func(now Activation, next *Activation, _ map[string]json.RawMessage) error {
			next.PreviousRevision = now.PolicyRevision
			if now.PolicyRevision == revision {
				next.PreviousRevision = now.PreviousRevision
			}
			return nil
		})
}

// Rollback goes back to the policies that were active before, with the parameters
// that they had. hub.Conflict when there are none. Each unless is asked with what
// is active and may refuse; what is activated elsewhere since then is
// hub.Precondition.
func (p *Policies) Rollback(ctx context.Context, by, reason string, unless ...func(now Activation) error) (Activation, error) {
	return p.change(ctx, Activation{Change: ChangeRollback, By: by, Reason: reason},
		func(now Activation, next *Activation, values map[string]json.RawMessage) error {
			if err := refusedBy(unless, now); err != nil {
				return err
			}
			for a, err := range p.History(ctx) {
				if err != nil {
					return err
				}
				if a.PolicyRevision != now.PreviousRevision {
					continue
				}
				before, err := p.Parameters(ctx, a)
				if err != nil {
					return err
				}
				clear(values)
				maps.Copy(values, before)
				next.PolicyRevision, next.PreviousRevision = a.PolicyRevision, now.PolicyRevision
				return nil
			}
			return hub.E(hub.Conflict, "roll policies back", "no other policies were active before; activate a revision by its name", nil)
		})
}

// SetParameters sets the parameters of one policy: a JSON object with what differs
// from the defaults, or nil for the defaults. hub.Invalid when they do not fit;
// otherwise as Activate. unless is as in Rollback.
func (p *Policies) SetParameters(ctx context.Context, policy string, values json.RawMessage, by, reason string, unless ...func(now Activation) error) (Activation, error) {
	return p.change(ctx, Activation{Change: ChangeParameters, Policy: policy, By: by, Reason: reason},
		func(now Activation, next *Activation, all map[string]json.RawMessage) error {
			if now.ID == "" {
				return hub.E(hub.Conflict, "set parameters of policies", "no policies are active; push a set and activate it first", nil)
			}
			if err := refusedBy(unless, now); err != nil {
				return err
			}
			next.PolicyRevision, next.PreviousRevision = now.PolicyRevision, now.PreviousRevision
			if all[policy] = values; len(values) == 0 {
				delete(all, policy)
			}
			return nil
		})
}

// change replaces what is active: loaded first, then kept, recorded and pointed
// at. decide completes the next activation and changes the parameters.
func (p *Policies) change(ctx context.Context, next Activation, decide func(now Activation, next *Activation, values map[string]json.RawMessage) error) (Activation, error) {
	op := next.Change + " policies"
	if next.By == "" {
		return Activation{}, hub.E(hub.Invalid, op, "it needs the identity of who wants it", nil)
	}
	there, err := p.pointer.GetIn(ctx, p.c.TrustDomain, pointerID)
	if ignore(err, hub.NotFound) != nil {
		return Activation{}, fmt.Errorf("%s: %w", op, err)
	}
	now := there.Value
	values, err := p.Parameters(ctx, now)
	if err != nil {
		return Activation{}, fmt.Errorf("%s: %w", op, err)
	}
	if err := decide(now, &next, values); err != nil {
		return Activation{}, err
	}
	set, err := p.Load(ctx, next.PolicyRevision)
	if err != nil {
		return Activation{}, err
	}
	if _, known := set.Policy(next.Policy); next.Policy != "" && !known && values[next.Policy] != nil {
		return Activation{}, hub.E(hub.NotFound, op, fmt.Sprintf("there is no policy %.80q in the active set; \"manoward policy list\" shows them", next.Policy), nil)
	}
	snapshot, err := set.Snapshot(ofSet(set, values))
	if err != nil {
		return Activation{}, err
	}
	if len(values) > 0 {
		raw, err := json.Marshal(values)
		if err != nil {
			return Activation{}, hub.E(hub.Invalid, op, "the parameters are no JSON", err)
		}
		if next.Parameters, err = p.blobs.put(ctx, blobParameters, raw); err != nil {
			return Activation{}, fmt.Errorf("%s: %w", op, err)
		}
	}
	next.Number, next.Parent, next.DataRevision, next.At = now.Number+1, now.ID, snapshot.DataRevision(), p.now()
	next.ID = hub.DeriveID("activation", p.c.TrustDomain, p.c.Name, now.ID, strconv.Itoa(next.Number), next.PolicyRevision, next.DataRevision, next.Parameters, next.By, next.At.String())
	if err := p.point(ctx, there, next); err != nil {
		return Activation{}, err
	}
	p.loaded.Store(&loaded{next.ID, snapshot})
	p.pushed.Store(nil)
	select {
	case p.changed <- struct{}{}:
	default: // Run knows already
	}
	return next, nil
}

// point keeps and records an activation, and makes it the active one if the one
// that it replaces still is.
func (p *Policies) point(ctx context.Context, now state.Entry[Activation], next Activation) error {
	op := next.Change + " policies"
	if _, err := p.activations.Create(ctx, p.c.TrustDomain, next.ID, &next); ignore(err, hub.Conflict) != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := p.record(ctx, "sm.policies."+next.Change, next.By, "policies/"+next.PolicyRevision, next.At, next); err != nil {
		return err
	}
	var err error
	if now.Revision == 0 {
		_, err = p.pointer.Create(ctx, p.c.TrustDomain, pointerID, &next)
	} else {
		now.Value = next
		_, err = p.pointer.Replace(ctx, now)
	}
	if code := hub.CodeOf(err); code == hub.Conflict || code == hub.Precondition {
		return hub.E(hub.Precondition, op, "somebody else changed the active policies at the same time; look at them and try again", err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// inForce records that an activation is the active one at a time, for who audits a
// time in which nothing was activated and nothing judged. Whoever records the same
// again, here or in another process, records it once.
func (p *Policies) inForce(ctx context.Context, a *Activation, at time.Time) error {
	return p.record(ctx, "sm.policies.in-force", p.c.actor(), "policies/"+a.PolicyRevision, at, a)
}

// ofSet returns the values of the policies that the set has.
func ofSet(set *policies.Set, values map[string]json.RawMessage) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for id, v := range values {
		if _, ok := set.Policy(id); ok {
			out[id] = v
		}
	}
	return out
}

// Current returns what judges events now: what is active, which is loaded first
// when another process activated it. When it cannot be loaded here, what was
// loaded before goes on, and [Policies.Check] says so. Errors: hub.Undecided when
// nothing is active, hub.Unavailable when the store does not answer, otherwise why
// nothing can be loaded.
func (p *Policies) Current(ctx context.Context) (*policies.Snapshot, error) {
	a := p.pointer.Kept(pointerID)
	if a == nil {
		return nil, hub.E(hub.Undecided, "evaluate policies", "no policies are active; push a set and activate it", nil)
	}
	if l := p.loaded.Load(); l != nil && l.id == a.ID {
		return l.snapshot, nil
	}
	select {
	case p.loading <- struct{}{}:
		defer func() { <-p.loading }()
	case <-ctx.Done():
		return nil, hub.E(hub.Unavailable, "load policies", "loading was given up; try again", ctx.Err())
	}
	old := p.loaded.Load()
	if old != nil && old.id == a.ID {
		return old.snapshot, nil
	}
	err := p.lately(a)
	if err == nil {
		var l *loaded
		if l, err = p.open(ctx, a); err == nil {
			p.loaded.Store(l)
			return l.snapshot, nil
		}
		if hub.CodeOf(err) == hub.Unavailable {
			return nil, err
		}
		p.failed.Store(&failedLoad{a.ID, p.now(), err})
		p.c.Log.Error("the active policies cannot be loaded", "revision", a.PolicyRevision, "goesOnWithOthers", old != nil, "err", err)
		if err := p.record(ctx, "sm.policies.not-loaded", p.c.actor(), "policies/"+a.PolicyRevision, a.At, map[string]string{"activation": a.ID, "reason": hub.SafeText(err)}); err != nil {
			return nil, err
		}
	}
	if old != nil {
		return old.snapshot, nil
	}
	return nil, hub.E(hub.Undecided, "load policies", "the active policies cannot be loaded: "+hub.SafeText(err), err)
}

// lately returns why the activation could not be loaded a moment ago.
func (p *Policies) lately(a *Activation) error {
	if f := p.failed.Load(); f != nil && f.id == a.ID && p.now().Before(f.at.Add(pauseOfLoading)) {
		return f.err
	}
	return nil
}

// open loads an activation.
func (p *Policies) open(ctx context.Context, a *Activation) (*loaded, error) {
	set, err := p.Load(ctx, a.PolicyRevision)
	if err != nil {
		return nil, err
	}
	values, err := p.Parameters(ctx, *a)
	if err != nil {
		return nil, err
	}
	s, err := set.Snapshot(ofSet(set, values))
	if err != nil {
		return nil, err
	}
	if s.DataRevision() != a.DataRevision {
		return nil, hub.E(hub.Unprocessable, "load policies", "the stored parameters are not those that were set; set them again", nil)
	}
	return &loaded{a.ID, s}, nil
}

// At returns what judged by these revisions once, hub.NotFound when it is not
// kept any more.
func (p *Policies) At(ctx context.Context, policyRevision, dataRevision string) (*policies.Snapshot, error) {
	for _, l := range []*loaded{p.loaded.Load(), p.reopened.Load()} {
		if l != nil && l.snapshot.PolicyRevision() == policyRevision && l.snapshot.DataRevision() == dataRevision {
			return l.snapshot, nil
		}
	}
	ids := p.activations.Find(judgedBy(policyRevision, dataRevision))
	if len(ids) == 0 {
		return nil, hub.E(hub.NotFound, "find policies", fmt.Sprintf("policies of revision %.80q with these parameters were never active here", policyRevision), nil)
	}
	e, err := p.activations.GetIn(ctx, p.c.TrustDomain, ids[0])
	if err != nil {
		return nil, err
	}
	return p.Of(ctx, e.Value)
}

// Of returns what an activation judges by.
func (p *Policies) Of(ctx context.Context, a Activation) (*policies.Snapshot, error) {
	for _, l := range []*loaded{p.loaded.Load(), p.reopened.Load()} {
		if l != nil && l.id == a.ID {
			return l.snapshot, nil
		}
	}
	l, err := p.open(ctx, &a)
	if err != nil {
		return nil, err
	}
	p.reopened.Store(l)
	return l.snapshot, nil
}

// Check is for readiness: an error when nothing is active, or when what is active
// cannot be loaded in this process.
func (p *Policies) Check(context.Context) error {
	a := p.pointer.Kept(pointerID)
	if a == nil {
		return hub.E(hub.Unavailable, "check policies", "no policies are active, so every event is undecided; push a set and activate it", nil)
	}
	if f := p.failed.Load(); f != nil && f.id == a.ID {
		if l := p.loaded.Load(); l == nil || l.id != a.ID {
			return hub.E(hub.Unavailable, "check policies", "the active policies cannot be loaded, and others go on or every event is undecided: "+hub.SafeText(f.err), f.err)
		}
	}
	return nil
}
