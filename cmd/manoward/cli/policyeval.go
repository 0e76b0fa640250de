package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

// read returns the input, and the policies with their parameters.
func (t *trial) read(ctx context.Context, f *policyFiles) (*policies.Snapshot, *policies.Input, error) {
	if t.event == "" {
		return nil, nil, usage("--event is missing: a JSON or YAML file with the input to judge")
	}
	o, err := policyOptions()
	if err != nil {
		return nil, nil, err
	}
	raw, err := readDocument(t.event)
	if err != nil {
		return nil, nil, err
	}
	in, err := o.Schemas.ParseInput(raw)
	if err != nil {
		return nil, nil, inFile(t.event, err)
	}
	parameters := map[string]json.RawMessage{}
	if t.parameters != "" {
		if raw, err = readDocument(t.parameters); err != nil {
			return nil, nil, err
		}
		if err := json.Unmarshal(raw, &parameters); err != nil {
			return nil, nil, hub.E(hub.Invalid, "read parameters", fmt.Sprintf("%s is not a list of parameters by policy; write: package-signer: {terminate: true}", t.parameters), nil)
		}
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
}

func (p *program) policyEval() *cobra.Command {
	var from policySource
	var with trial
	var only string
	var deadline time.Duration
	var explain, trace bool
	c := &cobra.Command{
		Use:   "eval --event FILE",
		Short: "Judge an event in a file by policies, as a dry run",
		Long: `Judges the input in the file by the policies that are for its kind, and prints what
they find and do not decide, and the rules that were true. Nothing is carried out.

--explain says for each finding which rules were true on which values; --trace
prints every step of the engine. --policy looks at one policy alone.

Exit code: 0 all policies have judged, 3 at least one is undecided.`,
		Example: `  manoward policy eval --event event.yaml
  manoward policy eval --policies . --event event.json --parameters parameters.yaml --explain
  manoward policy eval --policies . --policy banned-vendor --event event.yaml --trace`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := openPolicies([]string{from.path}, from.keys)
			if err != nil {
				return err
			}
			s, in, err := with.read(c.Context(), f)
			if err != nil {
				return err
			}
			if _, ok := s.Set().Policy(only); only != "" && !ok {
				return noPolicy(s.Set(), only)
			}
			r := &evalReport{}
			if r.Result, err = s.Evaluate(c.Context(), in, policies.EvalOptions{Policy: only, Deadline: deadline}); err != nil {
				return err
			}
			if err := r.add(c.Context(), s, in, only, explain, trace); err != nil {
				return err
			}
			if err := p.print(r, r.write); err != nil {
				return err
			}
			if n := len(r.Undecided); n > 0 {
				return hub.E(hub.Undecided, "evaluate policies", fmt.Sprintf("%d of %d policies are undecided, the first because: %s", n, r.Evaluated, r.Undecided[0].Reason), nil)
			}
			return nil
		},
	}
	from.flags(c)
	with.flags(c)
	c.Flags().StringVar(&only, "policy", "", "id of the only policy to ask")
	c.Flags().DurationVar(&deadline, "deadline", time.Second, fmt.Sprintf("time that the evaluation may take; a decision has %s", policies.DefaultDeadline))
	c.Flags().BoolVar(&explain, "explain", false, "say which rules were true on which values")
	c.Flags().BoolVar(&trace, "trace", false, "print every step of the engine")
	return c
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
			s, in, err := with.read(c.Context(), f)
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
