package decide

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

// Case is a decision with all that it was made of, to be evaluated, explained or
// traced again.
type Case struct {
	Decision smgr.Decision
	Raw      []byte // the input as it was judged
	Input    *policies.Input
	Snapshot *policies.Snapshot // the policies and parameters that judged it
}

// Reopen returns a decision with its input and the policies that judged it.
// hub.NotFound when one of the three is not kept any more, hub.Unprocessable when
// the decision was made without an evaluation.
func (d *Decider) Reopen(ctx context.Context, id string) (*Case, error) {
	dec, err := d.Decision(ctx, id)
	if err != nil {
		return nil, err
	}
	if dec.PolicyRevision == "" {
		reason := "nothing was evaluated"
		if len(dec.Undecided) > 0 {
			reason = dec.Undecided[0].Reason
		}
		return nil, hub.E(hub.Unprocessable, "reopen decision", "no policy judged this event: "+reason, nil)
	}
	c := &Case{Decision: dec}
	if c.Raw, err = d.Input(ctx, &dec); err != nil {
		return nil, err
	}
	if c.Input, err = d.c.Schemas.ParseInput(c.Raw); err != nil {
		return nil, fmt.Errorf("reopen decision %s: %w", id, err)
	}
	c.Snapshot, err = d.policies.At(ctx, dec.PolicyRevision, dec.DataRevision)
	return c, err
}

// Again evaluates the case once more and says whether the policies say the same,
// byte for byte; what was off then is left out. It has ten times the deadline, so
// that a busy machine makes no difference.
func (d *Decider) Again(ctx context.Context, c *Case) (r *policies.Result, same bool, err error) {
	if r, err = c.Snapshot.Evaluate(ctx, c.Input, policies.EvalOptions{Deadline: 10 * d.Deadline(len(c.Raw))}); err != nil {
		return nil, false, err
	}
	before := c.Decision.Findings
	if c.Decision.Parts > 1 {
		all, err := d.findings(ctx, &c.Decision)
		if err != nil {
			return nil, false, err
		}
		before = nil
		for _, v := range all {
			before = append(before, v.Finding)
		}
		slices.SortStableFunc(before, byText)
		slices.SortStableFunc(r.Findings, byText)
	}
	skipped := slices.Clone(c.Decision.Off)
	for _, u := range c.Decision.Undecided {
		skipped = append(skipped, u.Policy)
	}
	only := func(list []hub.Finding) []hub.Finding {
		out := []hub.Finding{}
		for _, f := range list {
			if !slices.Contains(skipped, f.Policy) {
				out = append(out, f)
			}
		}
		return out
	}
	was, err := json.Marshal(only(before))
	if err != nil {
		return nil, false, fmt.Errorf("compare findings: %w", err)
	}
	is, err := json.Marshal(only(r.Findings))
	if err != nil {
		return nil, false, fmt.Errorf("compare findings: %w", err)
	}
	return r, bytes.Equal(was, is), nil
}

// byText orders findings that were ordered by what they are about.
func byText(a, b hub.Finding) int {
	return cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.Code, b.Code), strings.Compare(a.Target.String(), b.Target.String()), strings.Compare(a.Message, b.Message))
}

// maxAuthors bounds how far back the history is read for authors.
const maxAuthors = 100

// Authors lists the identities of those who brought policies to ask for an order,
// in the decision that made it and in those that it took in since: who pushed the
// set, who activated it and who set parameters of it since, up to the decision,
// and who set the levels that count now for its findings. They are no second
// person.
func (d *Decider) Authors(ctx context.Context, o smgr.Order) ([]string, error) {
	asked := append([]smgr.Taken{{DecisionID: o.DecisionID, Findings: append([]int{o.Finding}, o.Also...)}}, o.Taken...)
	var all []string
	for _, t := range asked {
		list, err := d.authors(ctx, t)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// authors lists those of the findings of one decision.
func (d *Decider) authors(ctx context.Context, t smgr.Taken) ([]string, error) {
	dec, err := d.Decision(ctx, t.DecisionID)
	if err != nil {
		return nil, err
	}
	r, err := d.policies.Revision(ctx, dec.PolicyRevision)
	if ignore(err, hub.NotFound) != nil {
		return nil, err
	}
	list := slices.Clone(r.PushedBy)
	for _, id := range d.policies.activations.Find(judgedBy(dec.PolicyRevision, dec.DataRevision)) {
		for n := 0; id != "" && n < maxAuthors; n++ {
			e, err := d.policies.activations.GetIn(ctx, d.c.TrustDomain, id)
			if err != nil {
				return nil, fmt.Errorf("find authors: %w", err)
			}
			if e.Value.PolicyRevision != dec.PolicyRevision {
				break
			}
			list, id = append(list, e.Value.By), e.Value.Parent
		}
	}
	raw, err := d.Input(ctx, &dec)
	if err != nil {
		return nil, err
	}
	k, err := readKnown(raw)
	if err != nil {
		return nil, err
	}
	for _, i := range t.Findings {
		if i < 0 || i >= len(dec.Findings) {
			return nil, hub.E(hub.Invalid, "find authors", fmt.Sprintf("the decision has %d findings; there is none with the index %d", len(dec.Findings), i), nil)
		}
		f := dec.Findings[i]
		for _, p := range k.places(&f) {
			if rule := d.levels.deciding(f.Policy, p); rule != nil {
				list = append(list, rule.By)
			}
		}
	}
	return list, nil
}
