package cli

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// completionTime bounds how long a shell waits for names.
const completionTime = 3 * time.Second

// namer asks the hub for the names that fit in a place of a command line, behind
// the arguments that are given.
type namer func(ctx context.Context, given []string) ([]string, error)

// complete offers the names. A hub that does not answer offers none, because a
// shell has no place to say so.
func complete(names namer) cobra.CompletionFunc {
	return func(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(c.Context(), completionTime)
		defer cancel()
		found, err := names(ctx, given)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeArgs offers names for the positional arguments of a verb, in order.
func (p *program) completeArgs(c *cobra.Command, args ...namer) {
	c.ValidArgsFunction = func(c *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(given) >= len(args) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(args[len(given)])(c, given, typed)
	}
}

// completeFlag offers names for a flag, which the verb has.
func (p *program) completeFlag(c *cobra.Command, flag string, names namer) {
	p.unfit = errors.Join(p.unfit, c.RegisterFlagCompletionFunc(flag, complete(names)))
}

// fixed offers the words of a closed list.
func fixed[T ~string](words ...T) namer {
	return func(context.Context, []string) ([]string, error) {
		all := make([]string, len(words))
		for i, w := range words {
			all[i] = string(w)
		}
		return all, nil
	}
}

func (p *program) smNames(ctx context.Context, _ []string) ([]string, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	all, err := list[hub.SecurityManager](ctx, client, "/security_managers", nil)
	var names []string
	for _, sm := range all {
		names = append(names, sm.Name+"\t"+sm.TrustDomain)
	}
	return names, err
}

// ofSM offers names of a list of the Security Manager that a flag or the first
// argument names.
func ofSM[T any](p *program, s *smChoice, below string, query url.Values, name func(T) string) namer {
	const most = 50
	return func(ctx context.Context, given []string) ([]string, error) {
		which := *s
		if which.name == "" && len(given) > 0 {
			which.name = given[0]
		}
		sm, err := p.remoteSM(ctx, which)
		if err != nil {
			return nil, err
		}
		var names []string
		for one, err := range pages[T](ctx, sm, below, query) {
			if err != nil {
				return nil, err
			}
			if names = append(names, name(one)); len(names) == most {
				break
			}
		}
		return names, nil
	}
}

func (p *program) policyNames(s *smChoice) namer {
	return ofSM(p, s, "/policies", nil, func(one policies.Policy) string { return one.ID + "\t" + one.Title })
}
