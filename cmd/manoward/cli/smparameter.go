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
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// policyParameters are the values of one policy.
type policyParameters struct {
	Policy string                     `json:"policy"`
	Set    map[string]json.RawMessage `json:"set"`    // what differs from the defaults
	Values map[string]json.RawMessage `json:"values"` // that the policy sees
	Known  []policies.Parameter       `json:"parameters"`
}

func (p *program) printParameters(v told[policyParameters]) error {
	return p.print(v, func(w io.Writer) {
		fmt.Fprintln(w, "PARAMETER\tVALUE\tSET\tWHAT IT IS")
		for _, q := range v.is.Known {
			set := "-"
			if _, is := v.is.Set[q.Name]; is {
				set = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", q.Name, cell(string(v.is.Values[q.Name])), set, cell(q.Description))
		}
	})
}

func (p *program) smParameter() *cobra.Command {
	c := &cobra.Command{
		Use:   "parameter",
		Short: "Parameters of the active policies: allow-lists, windows, thresholds",
		Example: `  manoward sm parameter show alpha package-signer
  manoward sm parameter set alpha package-signer terminate=true --reason "signers are known now"`,
	}
	c.AddCommand(p.smParameterShow(), p.smParameterSet(), p.smParameterUnset())
	return c
}

func parametersPath(policy string) string {
	return "/policies/" + url.PathEscape(policy) + "/parameters"
}

// readParameters reads the parameters of a policy, with their entity tag.
func readParameters(ctx context.Context, sm *remoteSM, policy string) (told[policyParameters], string, error) {
	var v told[policyParameters]
	answer, err := sm.do(ctx, http.MethodGet, parametersPath(policy), nil, nil, &v)
	if err != nil {
		return v, "", err
	}
	return v, answer.ETag, nil
}

func (p *program) smParameterShow() *cobra.Command {
	var s smChoice
	c := &cobra.Command{
		Use: "show NAME POLICY", Short: "Show the parameters of a policy, and which differ from the defaults",
		Example: "  manoward sm parameter show alpha package-signer", Args: exactly("NAME", "POLICY"),
	}
	p.smVerb(c, &s, func(c *cobra.Command, sm *remoteSM, args []string) error {
		v, _, err := readParameters(c.Context(), sm, args[0])
		if err != nil {
			return err
		}
		return p.printParameters(v)
	})
	p.completeArgs(c, p.smNames, p.policyNames(&s))
	return c
}

func (p *program) smParameterSet() *cobra.Command {
	var s smChoice
	var file, reason string
	c := &cobra.Command{
		Use:   "set NAME POLICY PARAMETER=VALUE...",
		Short: "Set parameters of a policy; it judges by them from the next event on",
		Long: `Sets the parameters that are named and leaves the others as they are. A value is YAML,
or JSON. With --file, all parameters are those of the file, and those that it does not
name have their defaults. Nothing is changed when a value does not fit.`,
		Example: `  manoward sm parameter set alpha package-signer terminate=true --reason "signers are known now"
  manoward sm parameter set alpha change-window 'weekdays=[sat, sun]' --reason "agreed with operations"
  manoward sm parameter set alpha package-signer --file signers.yaml --reason "new vendor"`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 || (len(args) == 2) == (file == "") {
				return usage("%s takes NAME POLICY, and then either PARAMETER=VALUE... or --file; see: %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
	}
	c.Flags().StringVar(&file, "file", "", "JSON or YAML file with all parameters of the policy that differ from the defaults")
	reasonFlag(c, &reason)
	p.smVerb(c, &s, func(c *cobra.Command, sm *remoteSM, args []string) error {
		wanted, err := wantedParameters(file, args[1:])
		if err != nil {
			return err
		}
		return p.changeParameters(c.Context(), sm, args[0], reason, func(set map[string]json.RawMessage) {
			if file != "" {
				clear(set)
			}
			maps.Copy(set, wanted)
		})
	})
	p.completeArgs(c, p.smNames, p.policyNames(&s))
	return c
}

// wantedParameters reads parameters from a file, or from PARAMETER=VALUE.
func wantedParameters(file string, pairs []string) (map[string]json.RawMessage, error) {
	wanted := map[string]json.RawMessage{}
	if file != "" {
		raw, err := readDocument(file)
		if err == nil && json.Unmarshal(raw, &wanted) != nil {
			err = hub.E(hub.Invalid, "read parameters", file+" is not a list of parameters by name; write: terminate: true", nil)
		}
		return wanted, err
	}
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usage("%q sets nothing; write PARAMETER=VALUE, such as terminate=true", pair)
		}
		value, err := policies.FromYAML([]byte(text))
		if err != nil {
			return nil, usage("the value of %s is neither YAML nor JSON: %s", name, strings.ReplaceAll(message(err), "\n", "; "))
		}
		wanted[name] = value
	}
	return wanted, nil
}

// changeParameters changes what is set of a policy's parameters, unless somebody
// else did so meanwhile.
func (p *program) changeParameters(ctx context.Context, sm *remoteSM, policy, reason string, change func(set map[string]json.RawMessage)) error {
	now, tag, err := readParameters(ctx, sm, policy)
	if err != nil {
		return err
	}
	set := maps.Clone(now.is.Set)
	if set == nil {
		set = map[string]json.RawMessage{}
	}
	change(set)
	var next told[policyParameters]
	if len(set) == 0 {
		_, err = sm.do(ctx, http.MethodDelete, parametersPath(policy), url.Values{"reason": {reason}}, nil, &next, httpapi.IfMatch(tag))
	} else {
		_, err = sm.do(ctx, http.MethodPut, parametersPath(policy), nil, map[string]any{"set": set, "reason": reason}, &next, httpapi.IfMatch(tag))
	}
	if err != nil {
		return err
	}
	return p.printParameters(next)
}

func (p *program) smParameterUnset() *cobra.Command {
	var s smChoice
	var reason string
	c := &cobra.Command{
		Use:   "unset NAME POLICY [PARAMETER...]",
		Short: "Give parameters of a policy their defaults again; all of them when none is named",
		Example: `  manoward sm parameter unset alpha package-signer terminate --reason "back to advice"
  manoward sm parameter unset alpha package-signer --reason "as the library has it"`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("%s takes NAME POLICY [PARAMETER...]; see: %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
	}
	reasonFlag(c, &reason)
	p.smVerb(c, &s, func(c *cobra.Command, sm *remoteSM, args []string) error {
		now, _, err := readParameters(c.Context(), sm, args[0])
		if err != nil {
			return err
		}
		for _, name := range args[1:] {
			if _, is := now.is.Set[name]; !is {
				return hub.E(hub.NotFound, "unset parameter", fmt.Sprintf("%s of policy %s is not set; set are: %s", name, args[0], dash(strings.Join(slices.Sorted(maps.Keys(now.is.Set)), ", "))), nil)
			}
		}
		return p.changeParameters(c.Context(), sm, args[0], reason, func(set map[string]json.RawMessage) {
			if len(args) == 1 {
				clear(set)
			}
			for _, name := range args[1:] {
				delete(set, name)
			}
		})
	})
	p.completeArgs(c, p.smNames, p.policyNames(&s))
	return c
}
