package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// trial is an input, and the policies to judge it with.
type trial struct {
	event, parameters string // files
}

func (t *trial) flags(c *cobra.Command) {
	c.Flags().StringVar(&t.event, "event", "", "file with the input, JSON or YAML (schema "+policies.InputSchema+")")
	c.Flags().StringVar(&t.parameters, "parameters", "", "file with parameters that differ from the defaults, JSON or YAML: by policy, by name")
}

// recorded reports whether the event is one that was recorded, and no file.
func (t *trial) recorded() (bool, error) {
	if t.event == "" {
		return false, usage("--event is missing: a JSON or YAML file with the input to judge, or the ID of a decision")
	}
	_, err := os.Stat(t.event)
	return errors.Is(err, fs.ErrNotExist) && idPattern.MatchString(t.event), nil
}

var idPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// read returns the input, and the policies with their parameters. raw is the input
// if it comes from elsewhere than a file.
func (t *trial) read(ctx context.Context, f *policyFiles, raw []byte) (*policies.Snapshot, *policies.Input, error) {
	if _, err := t.recorded(); err != nil {
		return nil, nil, err
	}
	o, err := policyOptions()
	if err != nil {
		return nil, nil, err
	}
	if raw == nil {
		if raw, err = readDocument(t.event); err != nil {
			return nil, nil, err
		}
	}
	in, err := o.Schemas.ParseInput(raw)
	if err != nil {
		return nil, nil, inFile(t.event, err)
	}
	parameters, err := t.values()
	if err != nil {
		return nil, nil, err
	}
	set, err := f.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := set.Snapshot(parameters)
	if err != nil {
		return nil, nil, inFile(t.parameters, err)
	}
	return s, in, nil
}

// values reads the file of parameters.
func (t *trial) values() (map[string]json.RawMessage, error) {
	parameters := map[string]json.RawMessage{}
	if t.parameters == "" {
		return parameters, nil
	}
	raw, err := readDocument(t.parameters)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &parameters); err != nil {
		return nil, hub.E(hub.Invalid, "read parameters", fmt.Sprintf("%s is not a list of parameters by policy; write: package-signer: {terminate: true}", t.parameters), nil)
	}
	return parameters, nil
}

// readDocument reads a file of JSON or YAML, and returns JSON.
func readDocument(file string) ([]byte, error) {
	raw, err := readLimited(file, policies.MaxInput)
	if err != nil {
		return nil, err
	}
	doc, err := policies.FromYAML(raw)
	if err != nil {
		return nil, inFile(file, err)
	}
	return doc, nil
}

// inFile names the file in an error about its content.
func inFile(file string, err error) error {
	return hub.E(hub.CodeOf(err), "read "+file, file+": "+strings.ReplaceAll(message(err), "\n", "; "), nil)
}

// evalReport is the result of an evaluation with what was asked for besides.
type evalReport struct {
	*policies.Result
	Explanations []*policies.Explanation `json:"explanations,omitempty"`
	Traces       map[string]string       `json:"traces,omitempty"` // by policy
	Same         *bool                   `json:"same,omitempty"`   // as recorded: whether it says the same again
}

func (p *program) policyEval() *cobra.Command {
	e := &evaluation{p: p}
	c := &cobra.Command{
		Use:   "eval --event FILE|ID",
		Short: "Judge an event in a file, or one that was recorded, by policies, as a dry run",
		Long: `Judges an input by the policies that are for its kind, and prints what they find and
do not decide, and the rules that were true. Nothing is recorded or carried out.

--event is a file, or the ID of a decision or of its event, whose recorded input is
taken. With --policies, or for a file alone, it is judged here. Otherwise the
Security Manager (--sm) judges it by what is active there now, or by --revision;
"recorded" is what made the decision. A file for --sm holds an input, or an event
(kind, key, body), which is joined with what the Security Manager knows now.

--explain says for each finding which rules were true on which values; --trace
prints every step of the engine; both work here, and "decision explain" on what was
decided. --policy looks at one policy alone.

Exit code: 0 all policies have judged, 3 at least one is undecided.`,
		Example: `  manoward policy eval --event event.yaml
  manoward policy eval --policies . --event event.json --parameters parameters.yaml --explain
  manoward policy eval --policies . --policy banned-vendor --event event.yaml --trace
  manoward policy eval --policies . --event DECISION-ID --explain
  manoward policy eval --event DECISION-ID --revision recorded
  manoward policy eval --sm alpha --event event.yaml`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return e.run(c) },
	}
	e.from.flags(c)
	e.with.flags(c)
	p.smFlags(c, &e.which)
	c.Flags().StringVar(&e.revision, "revision", "", "set of policies at the Security Manager, or recorded (default: the active one)")
	c.Flags().StringVar(&e.only, "policy", "", "id of the only policy to ask")
	c.Flags().DurationVar(&e.deadline, "deadline", time.Second, fmt.Sprintf("time that the evaluation may take here; a decision has %s", policies.DefaultDeadline))
	c.Flags().BoolVar(&e.explain, "explain", false, "say which rules were true on which values")
	c.Flags().BoolVar(&e.trace, "trace", false, "print every step of the engine")
	p.completeFlag(c, "revision", p.revisionNames(&e.which))
	return c
}

// evaluation is what policy eval was asked for.
type evaluation struct {
	p              *program
	from           policySource
	with           trial
	which          smChoice
	revision, only string
	deadline       time.Duration
	explain, trace bool
}

func (e *evaluation) run(c *cobra.Command) error {
	recorded, err := e.with.recorded()
	if err != nil {
		return err
	}
	there := e.which != (smChoice{}) || e.revision != "" || recorded
	here := c.Flags().Changed("policies")
	switch {
	case here && e.revision != "":
		return usage("--policies judges here and --revision at the Security Manager; use one of them")
	case here && !recorded && there:
		return usage("--policies judges a file here, without a Security Manager; leave --sm out")
	case there && !here && (e.explain || e.trace):
		return usage("--explain and --trace work here, with --policies; of what was decided, use: manoward decision explain")
	}
	var r *evalReport
	if there && !here {
		r, err = e.judgeThere(c.Context(), recorded)
	} else {
		r, err = e.judgeHere(c.Context(), recorded)
	}
	if err != nil {
		return err
	}
	if err := e.p.print(r, r.write); err != nil {
		return err
	}
	if n := len(r.Undecided); n > 0 {
		return hub.E(hub.Undecided, "evaluate policies", fmt.Sprintf("%d of %d policies are undecided, the first because: %s", n, r.Evaluated, r.Undecided[0].Reason), nil)
	}
	return nil
}

// judgeHere evaluates policies of this machine.
func (e *evaluation) judgeHere(ctx context.Context, recorded bool) (*evalReport, error) {
	f, err := openPolicies([]string{e.from.path}, e.from.keys)
	if err != nil {
		return nil, err
	}
	var raw []byte
	if recorded {
		if raw, err = e.recordedInput(ctx); err != nil {
			return nil, err
		}
	}
	s, in, err := e.with.read(ctx, f, raw)
	if err != nil {
		return nil, err
	}
	if _, ok := s.Set().Policy(e.only); e.only != "" && !ok {
		return nil, noPolicy(s.Set().Policies(), e.only)
	}
	r := &evalReport{}
	if r.Result, err = s.Evaluate(ctx, in, policies.EvalOptions{Policy: e.only, Deadline: e.deadline}); err != nil {
		return nil, err
	}
	return r, r.add(ctx, s, in, e.only, e.explain, e.trace)
}

// add asks again for what is wanted besides the result.
func (r *evalReport) add(ctx context.Context, s *policies.Snapshot, in *policies.Input, only string, explain, trace bool) error {
	for _, one := range s.Set().Policies() {
		if !one.On(in.Kind) || only != "" && one.ID != only {
			continue
		}
		if explain {
			e, err := s.Explain(ctx, in, one.ID)
			if err != nil {
				return err
			}
			r.Explanations = append(r.Explanations, e)
		}
		if trace {
			var steps bytes.Buffer
			if err := s.Trace(ctx, in, one.ID, &steps); err != nil {
				return err
			}
			if r.Traces == nil {
				r.Traces = map[string]string{}
			}
			r.Traces[one.ID] = steps.String()
		}
	}
	return nil
}

func (r *evalReport) write(w io.Writer) {
	if len(r.Findings) > 0 {
		fmt.Fprintln(w, "POLICY\tCODE\tSEVERITY\tTARGET\tACTIONS\tMESSAGE")
		for _, f := range r.Findings {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Policy, f.Code, f.Severity, f.Target, actionWords(f.Actions), f.Message)
		}
		fmt.Fprintln(w)
	}
	if len(r.Undecided) > 0 {
		fmt.Fprintln(w, "UNDECIDED\tWHY")
		for _, u := range r.Undecided {
			fmt.Fprintf(w, "%s\t%s\n", u.Policy, u.Reason)
		}
		fmt.Fprintln(w)
	}
	if len(r.Labels) > 0 {
		fmt.Fprintln(w, "TRUE RULE\tAT\tTITLE")
		for _, l := range r.Labels {
			fmt.Fprintf(w, "%s\t%s:%d\t%s\n", l.Rule, l.File, l.Line, dash(l.Title))
		}
		fmt.Fprintln(w)
	}
	for _, e := range r.Explanations {
		fmt.Fprintln(w, e)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Traces)) {
		fmt.Fprintf(w, "Trace of %s\n%s\n", id, r.Traces[id])
	}
	if r.Same != nil {
		word := map[bool]string{true: "says the same again", false: "says SOMETHING ELSE than was recorded"}[*r.Same]
		fmt.Fprintf(w, "what judged it: %s\n", word)
	}
	fmt.Fprintf(w, "policies that judged: %d, findings: %d, undecided: %d\n", r.Evaluated-len(r.Undecided), len(r.Findings), len(r.Undecided))
}

// actionWords are the types of actions in one cell.
func actionWords(actions []hub.Action) string {
	var types []string
	for _, a := range actions {
		types = append(types, string(a.Type))
	}
	return dash(strings.Join(types, ", "))
}

func (p *program) policyBench() *cobra.Command {
	var keys policyKeys
	var with trial
	var span time.Duration
	c := &cobra.Command{
		Use:   "bench DIR|FILE...|BUNDLE --event FILE",
		Short: "Measure what judging an event costs, beside the engine alone",
		Long: `Judges the input again and again on one processor, by turns as a Security Manager
does and with the engine (OPA) alone, and prints what one decision costs and the
ratio of the two. Compare numbers of one run only.`,
		Example: `  manoward policy bench . --event event.yaml
  manoward policy bench library --event event.yaml --time 10s -o json`,
		Args: somePolicies,
		RunE: func(c *cobra.Command, args []string) error {
			if span <= 0 || span > time.Hour {
				return usage("--time %s is not between 0 and 1h", span)
			}
			f, err := openPolicies(args, keys)
			if err != nil {
				return err
			}
			s, in, err := with.read(c.Context(), f, nil)
			if err != nil {
				return err
			}
			cost, err := s.Measure(c.Context(), in, span)
			if err != nil {
				return err
			}
			return p.print(cost, func(w io.Writer) {
				fmt.Fprintln(w, "\tPER SECOND\tMICROSECONDS\tALLOCATIONS\tBYTES\tRUNS")
				for _, row := range []struct {
					name string
					work policies.Work
				}{{"decision", cost.Decision}, {"engine alone", cost.Engine}} {
					fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%d\t%d\t%d\n", row.name, row.work.PerSecond, float64(row.work.Duration)/1000, row.work.Allocs, row.work.Bytes, row.work.Runs)
				}
				fmt.Fprintf(w, "\nratio %.2f, policies that judged: %d, findings: %d\n", cost.Ratio, cost.Policies, cost.Findings)
			})
		},
	}
	keys.flags(c)
	with.flags(c)
	c.Flags().DurationVar(&span, "time", 2*time.Second, "time to measure")
	return c
}
