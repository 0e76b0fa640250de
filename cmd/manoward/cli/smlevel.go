package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// levelRule is how far a policy is acted upon in a scope.
type levelRule struct {
	Policy string    `json:"policy"`
	Scope  string    `json:"scope"`
	Level  string    `json:"level"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// levelNames are the levels, from the least.
var levelNames = []string{"off", "shadow", "advise", "approve", "enforce"}

const levelHeader = "POLICY\tSCOPE\tLEVEL\tSET\tBY\tREASON"

func (l *levelRule) line() string {
	return strings.Join([]string{l.Policy, l.Scope, l.Level, moment(l.At), l.By, cell(l.Reason)}, "\t")
}

func (p *program) smLevel() *cobra.Command {
	c := &cobra.Command{
		Use:   "level",
		Short: "How far a Security Manager acts on its policies, by policy and scope",
		Long: `A policy without any level is at advise.

  off      what it finds is dropped; the decision says that it is off
  shadow   it is evaluated and recorded; nobody is told
  advise   what it finds is told; its orders are recommendations
  approve  its orders wait for a second person
  enforce  its orders are carried out

A level is for one policy or all of them ('*'), everywhere ('*') or for an NS, for the
NSs of an NSD or for the VNFs of a VNFD. The narrower one counts; of several that are
as narrow, the least.`,
		Example: `  manoward sm level list alpha
  manoward sm level set alpha host-integrity enforce --reason "a month in shadow"`,
	}
	c.AddCommand(p.smLevelList(), p.smLevelSet(), p.smLevelUnset())
	return c
}

func (p *program) smLevelList() *cobra.Command {
	var s smChoice
	return p.smVerb(&cobra.Command{
		Use: "list NAME", Short: "List the levels that are set", Example: "  manoward sm level list alpha", Args: exactly("NAME"),
	}, &s, func(c *cobra.Command, sm *remoteSM, _ []string) error {
		all, err := listOf[told[levelRule]](c.Context(), sm, "/levels", nil)
		if err != nil {
			return err
		}
		return p.print(all, func(w io.Writer) {
			fmt.Fprintln(w, levelHeader)
			for _, l := range all {
				fmt.Fprintln(w, l.is.line())
			}
			fmt.Fprintln(w, "(any other)\t*\tadvise")
		})
	})
}

// levelScope is where a level is to hold: at most one of its members is set.
type levelScope struct{ ns, nsd, vnfd string }

func (l *levelScope) flags(c *cobra.Command) {
	c.Flags().StringVar(&l.ns, "ns", "", "only in this network service")
	c.Flags().StringVar(&l.nsd, "nsd", "", "only in the network services of this NSD")
	c.Flags().StringVar(&l.vnfd, "vnfd", "", "only on the VNFs of this VNFD")
}

// path is the address of the level of a policy in the scope.
func (l *levelScope) path(policy string) (string, error) {
	scope := "*"
	for kind, id := range map[string]string{"ns/": l.ns, "nsd/": l.nsd, "vnfd/": l.vnfd} {
		switch {
		case id == "":
		case scope != "*":
			return "", usage("--ns, --nsd and --vnfd name several scopes; use one of them, and set further levels one by one")
		default:
			scope = kind + url.PathEscape(id)
		}
	}
	return "/levels/" + url.PathEscape(policy) + "/" + scope, nil
}

func (p *program) smLevelSet() *cobra.Command {
	var s smChoice
	var where levelScope
	var reason string
	c := &cobra.Command{
		Use:   "set NAME POLICY LEVEL",
		Short: "Set how far a policy is acted upon; '*' is all policies",
		Example: `  manoward sm level set alpha host-integrity shadow --reason "a first look"
  manoward sm level set alpha host-integrity enforce --ns NS-ID --reason "a month in shadow"
  manoward sm level set alpha '*' advise --reason "after the incident"`,
		Args: exactly("NAME", "POLICY", "LEVEL"),
	}
	where.flags(c)
	reasonFlag(c, &reason)
	p.smVerb(c, &s, func(c *cobra.Command, sm *remoteSM, args []string) error {
		if !slices.Contains(levelNames, args[1]) {
			return usage("there is no level %q; use one of %s", args[1], strings.Join(levelNames, ", "))
		}
		path, err := where.path(args[0])
		if err != nil {
			return err
		}
		var l told[levelRule]
		if _, err := sm.do(c.Context(), http.MethodPut, path, nil, map[string]string{"level": args[1], "reason": reason}, &l); err != nil {
			return err
		}
		if err := p.print(l, func(w io.Writer) { fmt.Fprintf(w, "%s\n%s\n", levelHeader, l.is.line()) }); err != nil {
			return err
		}
		return p.warnUnknown(c.Context(), sm, args[0])
	})
	p.completeArgs(c, p.smNames, p.policyNames(&s), fixed(levelNames...))
	return c
}

// warnUnknown says that no active policy has that id: its level counts once one
// has, which is right for a set that is about to be activated.
func (p *program) warnUnknown(ctx context.Context, sm *remoteSM, id string) error {
	if id == "*" {
		return nil
	}
	all, err := listOf[policies.Policy](ctx, sm, "/policies", nil)
	switch {
	case hub.CodeOf(err) == hub.Conflict: // no policies are active
	case err != nil:
		return err
	case slices.ContainsFunc(all, func(one policies.Policy) bool { return one.ID == id }):
		return nil
	}
	p.say("no policy %s is active now; the level counts once there is one", id)
	return nil
}

func (p *program) smLevelUnset() *cobra.Command {
	var s smChoice
	var where levelScope
	var reason string
	c := &cobra.Command{
		Use:     "unset NAME POLICY",
		Short:   "Take a level away; what is set for more counts again",
		Example: `  manoward sm level unset alpha host-integrity --ns NS-ID --reason "no exception any more"`,
		Args:    exactly("NAME", "POLICY"),
	}
	where.flags(c)
	reasonFlag(c, &reason)
	p.smVerb(c, &s, func(c *cobra.Command, sm *remoteSM, args []string) error {
		path, err := where.path(args[0])
		if err != nil {
			return err
		}
		if _, err := sm.do(c.Context(), http.MethodDelete, path, url.Values{"reason": {reason}}, nil, nil); err != nil {
			return err
		}
		p.say("the level of %s is taken away", args[0])
		return nil
	})
	p.completeArgs(c, p.smNames, p.policyNames(&s))
	return c
}
