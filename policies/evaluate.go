package policies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/manoward/manoward/internal/hub"
)

// Limits of an evaluation.
const (
	DefaultDeadline = 100 * time.Millisecond // of an evaluation

	// MaxFindings is how much one policy may find in one event: a few for each VNF
	// of the largest input. More is a defect of the policy, which is then undecided.
	MaxFindings = 20_000

	// alone is how many deadlines an evaluation may take together, once policies
	// are evaluated one by one.
	alone = 10
)

// EvalOptions say how to evaluate. The zero value is what a decision uses.
type EvalOptions struct {
	Deadline time.Duration // 0: DefaultDeadline
	Policy   string        // evaluate this policy alone, which must be for the input's kind
}

// Result is what the policies say of one input.
type Result struct {
	Findings       []hub.Finding `json:"findings"`            // by policy; each has passed hub.Finding.Check
	Labels         []Label       `json:"labels,omitempty"`    // the rules that were true
	Undecided      []Undecided   `json:"undecided,omitempty"` // policies that have not judged; none of them has findings
	Evaluated      int           `json:"evaluated"`           // policies that are for the kind, undecided ones included
	PolicyRevision string        `json:"policyRevision"`
	DataRevision   string        `json:"dataRevision"`
	EngineVersion  string        `json:"engineVersion"`
	Duration       time.Duration `json:"duration"` // nanoseconds
}

// Undecided names a policy that could not judge, and why. That is no "nothing
// found": who reads it refuses or raises an alarm.
type Undecided struct {
	Policy string `json:"policy"`
	Reason string `json:"reason"` // safe to show
}

// Label names a rule that was true in an evaluation.
type Label struct {
	Policy string         `json:"policy,omitempty"` // empty: a rule that policies share
	Rule   string         `json:"rule"`
	Title  string         `json:"title,omitempty"` // of the rule's metadata
	File   string         `json:"file"`
	Line   int            `json:"line"`
	Labels map[string]any `json:"labels,omitempty"` // of the rule's metadata
}

// query is a question for the findings of policies. Its answer is an object: policy
// id -> set of findings.
type query struct {
	body     ast.Body
	policies []*policy
}

// answer is the variable of a query that holds its answer.
const answer = "answer"

// newQuery makes one question for all the policies, as the engine's compiler would make
// it of answer = {id: data...findings, ...}.
func newQuery(policies []*policy) *query {
	at := ast.NewLocation(nil, "", 1, 1)
	body := make([]*ast.Expr, 0, len(policies)+1)
	members := make([][2]*ast.Term, len(policies))
	for i, p := range policies {
		found := ast.VarTerm(fmt.Sprintf("findings%d", i))
		ref := p.module.Package.Path.Append(ast.InternedTerm("findings"))
		body = append(body, ast.Equality.Expr(found, ast.NewTerm(ref).SetLocation(at)).SetLocation(at))
		members[i] = [2]*ast.Term{ast.StringTerm(p.ID), found}
	}
	body = append(body, ast.Equality.Expr(ast.VarTerm(answer), ast.ObjectTerm(members...)).SetLocation(at))
	return &query{body: ast.NewBody(body...), policies: policies}
}

// prepare makes the questions for the policies of each kind, and for each alone.
func (s *Set) prepare() {
	s.queries = map[hub.EventKind]*query{}
	for _, kind := range s.schemas.Kinds() {
		var subscribed []*policy
		for _, p := range s.policies {
			if p.On(kind) {
				subscribed = append(subscribed, p)
			}
		}
		s.queries[kind] = newQuery(subscribed)
	}
	for _, p := range s.policies {
		p.alone = newQuery([]*policy{p})
	}
}

// Evaluate judges the input by each policy that is for its kind. It is a pure
// function of snapshot, input and engine version, except that a policy can run
// out of time on one machine and not on another; it is undecided then.
//
// The policies are asked together. When that fails they are asked one by one,
// each with the deadline of its own and all with ten of it, so that only those
// that fail are undecided. The deadline ends loops and products of collections.
// It does not bound memory: the engine has no limit for that, and the builtins
// that make much of little at once are not for policies.
//
// The error is not nil when ctx ended before the evaluation, which then says
// nothing of the policies (code Unavailable), or when o.Policy cannot be asked.
func (s *Snapshot) Evaluate(ctx context.Context, in *Input, o EvalOptions) (*Result, error) {
	began := s.set.now()
	o.Deadline = cmp.Or(o.Deadline, DefaultDeadline)
	q, err := s.query(in.Kind, o.Policy)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Evaluated: len(q.policies), PolicyRevision: s.set.revision, DataRevision: s.dataRevision, EngineVersion: EngineVersion(),
		Findings: []hub.Finding{},
	}
	if len(q.policies) > 0 {
		err := s.run(ctx, q, in, o.Deadline, r)
		switch {
		case ctx.Err() != nil:
		case err != nil && len(q.policies) == 1:
			r.undecided(q.policies[0], err, o.Deadline)
		case err != nil:
			s.oneByOne(ctx, q.policies, in, o.Deadline, r)
		}
		if ctx.Err() != nil {
			return nil, hub.E(hub.Unavailable, "evaluate policies", "the evaluation was given up by its caller; ask again", ctx.Err())
		}
	}
	slices.SortFunc(r.Labels, compareLabels)
	r.Labels = slices.CompactFunc(r.Labels, func(a, b Label) bool { return compareLabels(a, b) == 0 }) // shared rules, asked for by several
	r.Duration = s.set.now().Sub(began)
	return r, nil
}

func compareLabels(a, b Label) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule))
}

// query returns what to ask for a kind, or for one policy of it.
func (s *Snapshot) query(kind hub.EventKind, id string) (*query, error) {
	q := s.set.queries[kind]
	if q == nil {
		return nil, hub.E(hub.Undecided, "evaluate policies", fmt.Sprintf("there is no schema for events of the kind %q", clip(string(kind))), nil)
	}
	if id == "" {
		return q, nil
	}
	p := s.set.find(id)
	if p == nil {
		return nil, hub.E(hub.NotFound, "evaluate policies", fmt.Sprintf("there is no policy %q in the set; `manoward policy list` shows them", clip(id)), nil)
	}
	if !p.On(kind) {
		return nil, hub.E(hub.Invalid, "evaluate policies", fmt.Sprintf("the policy %s is not for events of the kind %s; it is for %s", id, kind, join(p.Events)), nil)
	}
	return p.alone, nil
}

// oneByOne asks each policy alone, within the time of ten deadlines for all.
func (s *Snapshot) oneByOne(ctx context.Context, policies []*policy, in *Input, deadline time.Duration, r *Result) {
	all, cancel := context.WithTimeout(ctx, alone*deadline)
	defer cancel()
	for _, p := range policies {
		if err := s.run(all, p.alone, in, deadline, r); err != nil && ctx.Err() == nil {
			r.undecided(p, err, deadline)
		}
	}
}

// undecided adds a policy with the reason, in words that may be shown.
func (r *Result) undecided(p *policy, err error, deadline time.Duration) {
	reason := clip(err.Error())
	var e *topdown.Error
	switch {
	case topdown.IsCancel(err), errors.Is(err, context.DeadlineExceeded):
		reason = fmt.Sprintf("it was not done after %s, or other policies had used the time up", deadline)
	case errors.As(err, &e):
		reason = clip(strings.Join(strings.Fields(e.Message), " "))
		if e.Location != nil && e.Location.File != "" {
			reason = fmt.Sprintf("%s:%d: %s", e.Location.File, e.Location.Row, reason)
		}
	}
	r.Undecided = append(r.Undecided, Undecided{Policy: p.ID, Reason: reason})
}

// run asks one query, and adds what it says to the result when all of it went
// well. What a single policy says wrongly makes that policy undecided here.
func (s *Snapshot) run(ctx context.Context, q *query, in *Input, deadline time.Duration, r *Result) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the engine failed: %v", p)
		}
	}()
	tracker := &topdown.EvaluatedRuleTracker{}
	value, err := s.ask(ctx, q, in, deadline, func(t *topdown.Query) { t.WithEvaluatedRuleTracker(tracker) })
	if err != nil {
		return err
	}
	for _, p := range q.policies {
		found, err := decodeFindings(p, value.Get(ast.InternedTerm(p.ID)))
		if err != nil {
			r.undecided(p, err, deadline)
			continue
		}
		r.Findings = append(r.Findings, found...)
	}
	for _, l := range tracker.Labels {
		if i, ok := l[labelKey].(int); ok && i < len(s.set.labels) {
			r.Labels = append(r.Labels, s.set.labels[i])
		}
	}
	return nil
}

// ask evaluates one query within the deadline and returns its answer.
func (s *Snapshot) ask(ctx context.Context, q *query, in *Input, deadline time.Duration, with func(*topdown.Query)) (ast.Object, error) {
	ctx, done := context.WithTimeout(ctx, deadline)
	defer done()
	cancel := topdown.NewCancel()
	stop := context.AfterFunc(ctx, cancel.Cancel)
	defer stop()
	txn, err := s.store.NewTransaction(ctx, storage.TransactionParams{})
	if err != nil {
		return nil, err
	}
	defer s.store.Abort(ctx, txn)
	t := topdown.NewQuery(q.body).WithCompiler(s.set.compiler).
		WithStore(s.store).WithTransaction(txn).WithInput(ast.NewTerm(in.value)).WithTime(in.Time).
		WithStrictBuiltinErrors(true).WithCancel(cancel).WithInterQueryBuiltinValueCache(s.values)
	with(t)
	var value ast.Object
	err = t.Iter(ctx, func(found topdown.QueryResult) error {
		if term := found[ast.Var(answer)]; term != nil {
			value, _ = term.Value.(ast.Object)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, errors.New("the engine gave no answer")
	}
	return value, nil
}
