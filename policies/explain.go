package policies

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/manoward/manoward/internal/hub"
)

// Explanation says why a policy found what it found in an input.
type Explanation struct {
	Policy    Policy             `json:"policy"`
	Findings  []ExplainedFinding `json:"findings"`
	Undecided string             `json:"undecided,omitempty"` // why the policy could not judge
}

// ExplainedFinding is a finding with the rules that made it true: first the
// rule that gave it, then those that it depends on.
type ExplainedFinding struct {
	Finding hub.Finding `json:"finding"`
	Rules   []FiredRule `json:"rules"`
}

// FiredRule is a rule that was true, with what it read.
type FiredRule struct {
	Label
	Reads []Read `json:"reads,omitempty"`
}

// Read is a value that a rule looked at.
type Read struct {
	Path  string          `json:"path"`            // input.vnfs["v1"].provider
	Value json.RawMessage `json:"value,omitempty"` // none: there was no such value
}

// maxSteps is how many steps of the engine a trace shows.
const maxSteps = 100_000

// Explain evaluates one policy again and says which rules were true, and on
// which values of the input and of the parameters. It takes about ten times as
// long as the evaluation, and has ten deadlines of time.
func (s *Snapshot) Explain(ctx context.Context, in *Input, policyID string) (*Explanation, error) {
	q, err := s.query(in.Kind, cmp.Or(policyID, "-"))
	if err != nil {
		return nil, err
	}
	p := q.policies[0]
	e := &Explanation{Policy: p.Policy, Findings: []ExplainedFinding{}}
	w := &witness{snapshot: s, policy: p, input: in, fired: map[*ast.Rule][]firing{}}
	value, err := s.ask(ctx, q, in, alone*DefaultDeadline, func(t *topdown.Query) { t.WithQueryTracer(w) })
	if ctx.Err() != nil {
		return nil, hub.E(hub.Unavailable, "explain decision", "the evaluation was given up by its caller; ask again", ctx.Err())
	}
	r := &Result{}
	if err != nil {
		r.undecided(p, err, alone*DefaultDeadline)
	} else if r.Findings, err = decodeFindings(p, value.Get(ast.StringTerm(p.ID))); err != nil {
		r.undecided(p, err, DefaultDeadline)
	}
	if r.Undecided != nil {
		e.Undecided = r.Undecided[0].Reason
		return e, nil
	}
	for _, f := range r.Findings {
		e.Findings = append(e.Findings, ExplainedFinding{Finding: f, Rules: w.rulesOf(f)})
	}
	return e, nil
}

// Trace evaluates one policy again and writes each step of the engine, up to
// 100,000 of them.
func (s *Snapshot) Trace(ctx context.Context, in *Input, policyID string, w io.Writer) error {
	q, err := s.query(in.Kind, cmp.Or(policyID, "-"))
	if err != nil {
		return err
	}
	self, err := s.only(q.policies[0])
	if err != nil {
		return err
	}
	if q, err = self.query(in.Kind, policyID); err != nil {
		return err
	}
	steps := &recorder{buffer: topdown.NewBufferTracer(), most: maxSteps}
	_, err = self.ask(ctx, q, in, alone*DefaultDeadline, func(t *topdown.Query) { t.WithQueryTracer(steps) })
	topdown.PrettyTraceWithLocation(w, *steps.buffer)
	if steps.more {
		if _, err := fmt.Fprintf(w, "more than %d steps: the rest is left out\n", maxSteps); err != nil {
			return err
		}
	}
	if err != nil {
		_, err = fmt.Fprintf(w, "undecided: %s\n", clip(err.Error()))
	}
	return err
}

// only returns the snapshot with one of its policies, compiled by itself: what was
// compiled in groups has variables of one name that stand for several of its authors',
// and a trace shows those.
func (s *Snapshot) only(p *policy) (*Snapshot, error) {
	one := &Set{schemas: s.set.schemas, sources: map[string][]byte{}, now: s.set.now}
	owners := s.set.owners()
	for file, source := range s.set.sources {
		if other := owners[file]; path.Ext(file) == ".rego" && (other == nil || other == p) {
			one.sources[file] = source
		}
	}
	ps := &problems{}
	modules := parseAll(ps, one.sources, false)
	one.sort(ps, modules)
	if one.link(ps, one.build(ps, modules)); ps.bad() {
		return nil, hub.E(hub.Internal, "trace decision", fmt.Sprintf("the policy %s does not compile by itself; report this with the set", p.ID), errors.New(ps.sorted()[0].String()))
	}
	one.prepare()
	return one.Snapshot(map[string]json.RawMessage{p.ID: encode(s.parameters[p.ID])})
}

// recorder is a tracer that keeps the first steps. A policy that never ends
// makes more of them than memory holds.
type recorder struct {
	buffer *topdown.BufferTracer
	most   int
	more   bool // than most
}

// Enabled is part of the engine's tracer.
func (r *recorder) Enabled() bool { return true }

// Config is part of the engine's tracer.
func (r *recorder) Config() topdown.TraceConfig { return r.buffer.Config() }

// TraceEvent keeps a step.
func (r *recorder) TraceEvent(event topdown.Event) {
	if r.more = r.more || len(*r.buffer) >= r.most; !r.more {
		r.buffer.TraceEvent(event)
	}
}

// firing is one time that a rule was true.
type firing struct {
	finding *hub.Finding // of a rule of findings
	reads   []Read
}

// witness is a tracer that keeps, for each rule that was true, what it read.
type witness struct {
	snapshot *Snapshot
	policy   *policy
	input    *Input
	data     ast.Value // the parameters of all policies, once they are needed
	fired    map[*ast.Rule][]firing
	graph    *ast.Graph // once it is needed
}

// Enabled is part of the engine's tracer.
func (w *witness) Enabled() bool { return true }

// Config is part of the engine's tracer.
func (w *witness) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent looks at the rules that were true, while their variables have
// values.
func (w *witness) TraceEvent(event topdown.Event) {
	rule, ok := event.Node.(*ast.Rule)
	if !ok || event.Op != topdown.ExitOp || len(w.fired[rule]) >= MaxFindings {
		return
	}
	f := firing{reads: w.readsOf(rule, &event)}
	if w.gives(rule) {
		found := hub.Finding{Policy: w.policy.ID, Severity: w.policy.Severity}
		if err := decodeFinding(&found, event.Plug(rule.Head.Key)); err != nil {
			return
		}
		f.finding = &found
	}
	w.fired[rule] = append(w.fired[rule], f)
}

// gives reports whether the rule is one of the policy's findings.
func (w *witness) gives(rule *ast.Rule) bool {
	return rule.Head.Key != nil && rule.Module != nil && rule.Module.Package.Equal(w.policy.module.Package) &&
		rule.Head.Ref().String() == "findings"
}

// rulesOf returns the rules behind a finding.
func (w *witness) rulesOf(f hub.Finding) []FiredRule {
	var rules []FiredRule
	for _, rule := range w.inOrder() {
		for _, one := range w.fired[rule] {
			if one.finding == nil || !reflect.DeepEqual(*one.finding, f) {
				continue
			}
			rules = append(rules, FiredRule{w.label(rule), one.reads})
			for _, helper := range w.behind(rule) {
				var reads []Read
				for _, h := range w.fired[helper] {
					reads = append(reads, h.reads...)
				}
				rules = append(rules, FiredRule{w.label(helper), tidy(reads)})
			}
		}
	}
	return rules
}

// inOrder returns the rules that were true by file and line.
func (w *witness) inOrder() []*ast.Rule {
	var rules []*ast.Rule
	for r := range w.fired {
		rules = append(rules, r)
	}
	slices.SortFunc(rules, func(a, b *ast.Rule) int { return a.Location.Compare(b.Location) })
	return rules
}

// behind returns the rules that a rule depends on and that were true too.
func (w *witness) behind(rule *ast.Rule) []*ast.Rule {
	graph := w.dependencies()
	seen := map[*ast.Rule]bool{rule: true}
	var walk func(*ast.Rule)
	walk = func(r *ast.Rule) {
		for d := range graph.Dependencies(r) {
			if next, ok := d.(*ast.Rule); ok && !seen[next] {
				seen[next] = true
				walk(next)
			}
		}
	}
	walk(rule)
	return slices.DeleteFunc(w.inOrder(), func(r *ast.Rule) bool { return r == rule || !seen[r] })
}

// dependencies returns which rules of the policy, and of what policies share, refer to
// which.
func (w *witness) dependencies() *ast.Graph {
	if w.graph == nil {
		c, modules, owners := w.snapshot.set.compiler, map[string]*ast.Module{}, w.snapshot.set.owners()
		for file, module := range c.Modules {
			if p := owners[file]; p == nil || p == w.policy {
				modules[file] = module
			}
		}
		w.graph = ast.NewGraph(modules, func(r ast.Ref) []*ast.Rule { return c.GetRulesDynamicWithOpts(r, ast.RulesOptions{}) })
	}
	return w.graph
}

func (w *witness) label(rule *ast.Rule) Label {
	labels, _ := w.snapshot.set.compiler.GetAnnotationSet().MergedLabels(rule)
	if i, ok := labels[labelKey].(int); ok {
		return w.snapshot.set.labels[i]
	}
	return Label{Rule: rule.Head.Ref().String(), File: rule.Location.File, Line: rule.Location.Row}
}

// readsOf returns what a rule looked at: each reference to the input or to
// parameters in it, with its variables replaced by their values, as far as they
// have any.
func (w *witness) readsOf(rule *ast.Rule, event *topdown.Event) []Read {
	aliases := aliasesOf(rule)
	var reads []Read
	ast.WalkRefs(rule, func(r ast.Ref) bool {
		full := expand(r, aliases, 0)
		if path, value, ok := w.look(full, event); ok {
			reads = append(reads, Read{path, value})
		}
		return false
	})
	return tidy(reads)
}

// expand replaces a variable at the head of a reference by what it stands for.
func expand(r ast.Ref, aliases map[ast.Var]ast.Ref, depth int) ast.Ref {
	const deep = 16
	name, ok := r[0].Value.(ast.Var)
	base, known := aliases[name]
	if !ok || !known || depth == deep {
		return r
	}
	return append(slices.Clone(expand(base, aliases, depth+1)), r[1:]...)
}

// look returns the path and the value of a reference to input or parameters.
func (w *witness) look(r ast.Ref, event *topdown.Event) (string, json.RawMessage, bool) {
	root, skip := w.input.value, 1
	switch {
	case r[0].Equal(ast.InputRootDocument):
	case len(r) > 3 && strings.HasPrefix(ground(r)+".", "manoward.parameters."+w.policy.ID+".") && r[0].Equal(ast.DefaultRootDocument):
		if w.data == nil {
			w.data = ast.MustInterfaceToValue(w.snapshot.parameters)
		}
		root, skip = w.data, 3
	default:
		return "", nil, false
	}
	var known ast.Ref
	for _, t := range r[skip:] {
		if t = event.Plug(t); !ast.IsConstant(t.Value) {
			break
		}
		known = append(known, t)
	}
	if len(known) == 0 {
		return "", nil, false
	}
	path := append(slices.Clone(r[:skip]), known...).String()
	value, err := root.Find(known)
	if err != nil {
		return path, nil, true
	}
	plain, err := ast.JSON(value)
	if err != nil {
		return path, nil, true
	}
	return path, encode(plain), true
}

// tidy sorts the reads, keeps each once, and leaves out those that another one
// is a part of.
func tidy(reads []Read) []Read {
	slices.SortFunc(reads, func(a, b Read) int { return cmp.Compare(a.Path, b.Path) })
	reads = slices.CompactFunc(reads, func(a, b Read) bool { return a.Path == b.Path })
	return slices.DeleteFunc(slices.Clone(reads), func(r Read) bool {
		return slices.ContainsFunc(reads, func(o Read) bool {
			return len(o.Path) > len(r.Path) && strings.HasPrefix(o.Path, r.Path) && (o.Path[len(r.Path)] == '.' || o.Path[len(r.Path)] == '[')
		})
	})
}

// String returns the explanation in words, for a person.
func (e *Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Policy %s (%s)\n", e.Policy.ID, e.Policy.Title)
	if e.Undecided != "" {
		fmt.Fprintf(&b, "  is undecided: %s\n", e.Undecided)
		return b.String()
	}
	if len(e.Findings) == 0 {
		b.WriteString("  finds nothing: no rule of its findings was true\n")
	}
	for _, f := range e.Findings {
		fmt.Fprintf(&b, "  finds %s (%s): %s\n    on %s\n", f.Finding.Code, f.Finding.Severity, f.Finding.Message, f.Finding.Target)
		for i, r := range f.Rules {
			word := "and"
			if i == 0 {
				word = "because"
			}
			name := fmt.Sprintf("the rule %s", r.Rule)
			if r.Title != "" {
				name += fmt.Sprintf(" (%s)", r.Title)
			}
			fmt.Fprintf(&b, "    %s %s at %s:%d was true", word, name, r.File, r.Line)
			if len(r.Reads) == 0 {
				b.WriteString("\n")
				continue
			}
			b.WriteString(", reading\n")
			for _, read := range r.Reads {
				value := "nothing there"
				if read.Value != nil {
					value = clip(string(read.Value))
				}
				fmt.Fprintf(&b, "      %s: %s\n", read.Path, value)
			}
		}
	}
	return b.String()
}
