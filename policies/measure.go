package policies

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/manoward/manoward/internal/hub"
)

// Cost is what judging one input costs on this machine, beside the engine alone
// with the same rules and parameters. Compare costs of one run only.
type Cost struct {
	Policies int     `json:"policies"` // that judged
	Findings int     `json:"findings"`
	Decision Work    `json:"decision"` // as Evaluate does it: rules named, findings checked, a deadline
	Engine   Work    `json:"engine"`   // the engine alone: one prepared query, and nothing done with its answer
	Ratio    float64 `json:"ratio"`    // time of a decision by that of the engine alone
}

// Work is what one of many equal runs costs.
type Work struct {
	Runs      int           `json:"runs"`
	Duration  time.Duration `json:"duration"`  // nanoseconds of one run, in the quickest round: what noise changes least
	PerSecond float64       `json:"perSecond"` // of one goroutine, by that duration
	Allocs    uint64        `json:"allocs"`    // of one run
	Bytes     uint64        `json:"bytes"`     // allocated by one run
}

// leastRounds is how many rounds a measurement has, however long they take.
const leastRounds = 3

// Measure judges the input again and again for about the given time, by turns
// as decisions do and with the engine alone. Nothing else should run in the
// process meanwhile. The error has code Undecided when a policy cannot judge
// the input, and Invalid when none is for its kind.
func (s *Snapshot) Measure(ctx context.Context, in *Input, span time.Duration) (*Cost, error) {
	began := s.set.now()
	bare, err := s.bare(ctx, in)
	if err != nil {
		return nil, err
	}
	first, err := s.Evaluate(ctx, in, EvalOptions{Deadline: sampleTime})
	if err != nil {
		return nil, err
	}
	for _, u := range first.Undecided {
		return nil, hub.E(hub.Undecided, "measure policies", fmt.Sprintf("the policy %s is undecided, and is not worth measuring before it is mended: %s", u.Policy, u.Reason), nil)
	}
	decide := func() error {
		_, err := s.Evaluate(ctx, in, EvalOptions{Deadline: sampleTime})
		return err
	}
	c := &Cost{Policies: first.Evaluated, Findings: len(first.Findings)}
	// Rounds are long against the grain of the clock, and so many that some of each kind meet no noise.
	each := int(max(1, min(10_000, span/(400*max(first.Duration, time.Microsecond)))))
	for round := 0; round < leastRounds || s.set.now().Sub(began) < span; round++ {
		if err := c.Decision.round(s.set.now, each, decide); err != nil {
			return nil, err
		}
		if err := c.Engine.round(s.set.now, each, bare); err != nil {
			return nil, err
		}
	}
	if c.Engine.Duration > 0 {
		c.Ratio = float64(c.Decision.Duration) / float64(c.Engine.Duration)
	}
	return c, nil
}

// sampleTime is the deadline of what is measured: longer than that of an event,
// because the machine may be busy.
const sampleTime = time.Second

// round does the work a number of times and keeps what one time costs, if that
// is less than in the rounds before.
func (w *Work) round(now func() time.Time, times int, work func() error) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := now()
	for range times {
		if err := work(); err != nil {
			return err
		}
	}
	one := now().Sub(began) / time.Duration(times)
	runtime.ReadMemStats(&after)
	allocs, size := (after.Mallocs-before.Mallocs)/uint64(times), (after.TotalAlloc-before.TotalAlloc)/uint64(times)
	if w.Runs == 0 || one < w.Duration {
		w.Duration = one
	}
	if w.Runs == 0 || allocs < w.Allocs {
		w.Allocs, w.Bytes = allocs, size
	}
	if w.Duration > 0 {
		w.PerSecond = math.Round(float64(time.Second) / float64(w.Duration))
	}
	w.Runs += times
	return nil
}

// bare returns what the engine's documentation says for many evaluations: a
// compiler without our labels and types, and one prepared query for the
// policies that are for the input's kind.
func (s *Snapshot) bare(ctx context.Context, in *Input) (func() error, error) {
	q, err := s.query(in.Kind, "")
	if err != nil {
		return nil, err
	}
	if len(q.policies) == 0 {
		return nil, hub.E(hub.Invalid, "measure policies", fmt.Sprintf("no policy of the set is for events of the kind %s; take an input of another kind", in.Kind), nil)
	}
	ps := &problems{}
	compiler := ast.NewCompiler()
	if compiler.Compile(s.set.reparse(ps)); compiler.Failed() || ps.bad() {
		return nil, fmt.Errorf("measure policies: the engine alone does not compile them: %w", compiler.Errors)
	}
	paths := make([]string, len(q.policies))
	for i, p := range q.policies {
		paths[i] = p.path
	}
	prepared, err := rego.New(rego.Query("["+strings.Join(paths, ", ")+"]"), rego.Compiler(compiler), rego.Store(s.store), rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure policies: prepare the engine alone: %w", err)
	}
	return func() error {
		if _, err := prepared.Eval(ctx, rego.EvalParsedInput(in.value), rego.EvalTime(in.Time)); err != nil {
			return hub.E(hub.Unavailable, "measure policies", "the engine alone did not evaluate the input; measure again", err)
		}
		return nil
	}, nil
}
