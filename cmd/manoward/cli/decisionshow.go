package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// decisionReport is a decision with what belongs to it.
type decisionReport struct {
	Decision told[decision]       `json:"decision"`
	AsOf     map[string]time.Time `json:"asOf,omitempty"` // when each part of the input was learnt
	Orders   []told[order]        `json:"orderDetails"`
	noInput  string               // why AsOf is not known
}

func (p *program) decisionIDs(s *smChoice) namer {
	return ofSM(p, s, "/decisions", url.Values{"found": {"true"}}, func(d decision) string { return d.ID + "\t" + d.says() })
}

func (p *program) decisionShow() *cobra.Command {
	var which smChoice
	var input bool
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show a decision: findings, levels, orders, revisions, and how old the data were",
		Long: `Shows a decision with what became of it. --input prints the input instead, byte for
byte as it was judged: a file to try policies on ("policy eval --event").`,
		Example: `  manoward decision show DECISION-ID
  manoward decision show DECISION-ID --input > event.json`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			if input {
				raw, err := sm.input(c.Context(), args[0])
				if err != nil {
					return err
				}
				_, err = p.Stdout.Write(raw)
				return err
			}
			r, err := readDecision(c.Context(), sm, args[0])
			if err != nil {
				return err
			}
			return p.print(r, r.write)
		},
	}
	p.smFlags(c, &which)
	p.completeArgs(c, p.decisionIDs(&which))
	c.Flags().BoolVar(&input, "input", false, "print the input that was judged instead")
	return c
}

// input reads the input of a decision.
func (s *remoteSM) input(ctx context.Context, id string) ([]byte, error) {
	return s.text(ctx, "/decisions/"+url.PathEscape(id)+"/input", nil, "application/json", policies.MaxInput)
}

func readDecision(ctx context.Context, sm *remoteSM, id string) (*decisionReport, error) {
	r := &decisionReport{}
	if _, err := sm.do(ctx, http.MethodGet, "/decisions/"+url.PathEscape(id), nil, nil, &r.Decision); err != nil {
		return nil, err
	}
	raw, err := sm.input(ctx, id)
	switch hub.CodeOf(err) {
	case "":
		var in struct {
			AsOf map[string]time.Time `json:"asOf"`
		}
		if json.Unmarshal(raw, &in) != nil || in.AsOf == nil {
			r.noInput = "no input could be made of the event"
		}
		r.AsOf = in.AsOf
	case hub.NotFound:
		r.noInput = message(err)
	default:
		return nil, err
	}
	r.Orders, err = listOf[told[order]](ctx, sm, "/orders", url.Values{"decisionId": {r.Decision.is.ID}})
	return r, err
}

func (r *decisionReport) write(w io.Writer) {
	d := &r.Decision.is
	fmt.Fprintf(w, "decision\t%s\nevent\t%s on %s\nevent id\t%s\nhappened\t%s\ndecided\t%s, %s later; the policies took %s\n",
		d.ID, d.Kind, cell(d.Key), d.EventID, moment(d.EventTime), moment(d.Decided), age(d.EventTime, d.Decided), d.Duration.Round(time.Microsecond))
	fmt.Fprintf(w, "policies\trevision %s\nparameters\trevision %s\nengine\t%s\ninput\tSHA-256 %s\n", dash(d.PolicyRevision), dash(d.DataRevision), d.Engine, d.InputDigest)
	if r.noInput != "" {
		fmt.Fprintf(w, "data\t%s\n", r.noInput)
	}
	for _, part := range slices.Sorted(maps.Keys(r.AsOf)) {
		fmt.Fprintf(w, "data of %s\t%s old when judged\n", part, age(r.AsOf[part], d.Decided))
	}
	for _, id := range d.Off {
		fmt.Fprintf(w, "off\t%s had something to say and is off there\n", id)
	}
	if len(d.Findings) == 0 && len(d.Undecided) == 0 {
		fmt.Fprintf(w, "\nnothing found\n")
	}
	r.writeFindings(w, d)
	if len(r.Orders) > 0 {
		fmt.Fprintf(w, "\n%s\n", orderHeader)
		for _, o := range r.Orders {
			fmt.Fprintln(w, o.is.line())
		}
	}
}

func (r *decisionReport) writeFindings(w io.Writer, d *decision) {
	if len(d.Findings) > 0 {
		fmt.Fprintf(w, "\nFINDING\tSEVERITY\tLEVEL\tTARGET\tACTIONS\tMESSAGE\n")
		for i, f := range d.Findings {
			fmt.Fprintf(w, "%d %s/%s\t%s\t%s\t%s\t%s\t%s\n", i, f.Policy, f.Code, f.Severity, d.level(i), cell(f.Target.String()), actionWords(f.Actions), cell(f.Message))
		}
	}
	if len(d.Undecided) > 0 {
		fmt.Fprintf(w, "\nUNDECIDED\tWHY\n")
		for _, u := range d.Undecided {
			fmt.Fprintf(w, "%s\t%s\n", u.Policy, cell(u.Reason))
		}
	}
	if len(d.Conflicts) > 0 {
		fmt.Fprintf(w, "\nCONFLICT OF\tWHY\n")
		for _, x := range d.Conflicts {
			fmt.Fprintf(w, "findings %d and %d\t%s\n", x.Findings[0], x.Findings[1], cell(x.Reason))
		}
	}
}

// age is how long a time lies before another.
func age(from, to time.Time) string {
	d := max(0, to.Sub(from))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// explanation is why a policy said what it said, and the same in words.
type explanation struct {
	Policy struct {
		ID string `json:"id"`
	} `json:"policy"`
	Text string `json:"text"`
}

// explained is what decision explain prints for programs.
type explained struct {
	Explanations []told[explanation] `json:"explanations"`
	Traces       map[string]string   `json:"traces,omitempty"` // by policy
}

func (p *program) decisionExplain() *cobra.Command {
	var which smChoice
	var policy string
	var trace bool
	c := &cobra.Command{
		Use:   "explain ID",
		Short: "Say which rules were true on which values of the input",
		Long: `Evaluates the recorded input again with the policies and the parameters that judged
it, and says for each policy that found something, or failed, which rules were true
and what they read. --policy asks one policy alone, also one that found nothing.

--trace prints every step of that evaluation.`,
		Example: `  manoward decision explain DECISION-ID
  manoward decision explain DECISION-ID --policy host-integrity --trace`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			var r *explained
			err = p.during("evaluating the decision again", func() error {
				r, err = explain(c.Context(), sm, args[0], policy, trace)
				return err
			})
			if err != nil {
				return err
			}
			return p.print(r, r.write)
		},
	}
	p.smFlags(c, &which)
	p.completeArgs(c, p.decisionIDs(&which))
	c.Flags().StringVar(&policy, "policy", "", "id of the only policy to ask")
	c.Flags().BoolVar(&trace, "trace", false, "print every step of the evaluation")
	p.completeFlag(c, "policy", p.policyNames(&which))
	return c
}

// maxTrace bounds the trace of one policy, in bytes.
const maxTrace = 256 << 20

func explain(ctx context.Context, sm *remoteSM, id, policy string, trace bool) (*explained, error) {
	r, below, query := &explained{}, "/decisions/"+url.PathEscape(id), url.Values{}
	if policy != "" {
		query.Set("policy", policy)
	}
	if _, err := sm.do(ctx, http.MethodGet, below+"/explanations", query, nil, &r.Explanations); err != nil {
		return nil, err
	}
	if !trace {
		return r, nil
	}
	if len(r.Explanations) == 0 {
		return nil, usage("no policy found anything or failed there; name one to trace with --policy")
	}
	r.Traces = map[string]string{}
	for _, e := range r.Explanations {
		steps, err := sm.text(ctx, below+"/trace", url.Values{"policy": {e.is.Policy.ID}}, "text/plain", maxTrace)
		if err != nil {
			return nil, err
		}
		r.Traces[e.is.Policy.ID] = string(steps)
	}
	return r, nil
}

func (r *explained) write(w io.Writer) {
	if len(r.Explanations) == 0 {
		fmt.Fprintln(w, "no policy found anything or failed there; --policy ID says what one of them read")
	}
	for _, e := range r.Explanations {
		fmt.Fprintln(w, e.is.Text)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Traces)) {
		fmt.Fprintf(w, "Trace of %s\n%s\n", id, r.Traces[id])
	}
}
