package cli

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) orderApprove() *cobra.Command {
	var j judgement
	var noWait bool
	c := &cobra.Command{
		Use:   "approve ID",
		Short: "Have an order carried out that waits for a person, or is recommended",
		Long: `Shows what the order does, asks, and has it carried out, whatever its level and the
limits; the mode of the Security Manager still holds. Who brought the policy to act,
by setting its level, its parameters or its revision, cannot approve what it asks for.

Follows the order to its end; exit code 5 when it does not complete. Without a
terminal give --yes.`,
		Example: `  manoward order approve ORDER-ID --reason "seen on the host's console"
  manoward order approve ORDER-ID --reason "ticket 4711" --yes --no-wait`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			sm, o, err := p.judge(c.Context(), args[0], "approve", &j)
			if err != nil {
				return err
			}
			if !noWait {
				if o, err = p.followOrder(c.Context(), sm, o); err != nil {
					return err
				}
			}
			if err := p.printOrder(o); err != nil {
				return err
			}
			if s := o.is.State; !noWait && s != orderCompleted && s != orderSuperseded {
				return hub.E(hub.Conflict, "approve order", fmt.Sprintf("the order is %s: %s", s, dash(o.is.Reason)), nil)
			}
			return nil
		},
	}
	j.flags(p, c)
	c.Flags().BoolVar(&noWait, "no-wait", false, "do not wait for the order's end")
	return c
}

func (p *program) orderReject() *cobra.Command {
	var j judgement
	c := &cobra.Command{
		Use:     "reject ID",
		Short:   "End an order that waits for a person, or is recommended; it is not carried out",
		Example: `  manoward order reject ORDER-ID --reason "the host was in maintenance"`,
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			_, o, err := p.judge(c.Context(), args[0], "reject", &j)
			if err != nil {
				return err
			}
			return p.printOrder(o)
		},
	}
	j.flags(p, c)
	return c
}

// judgement is a person's word on an order.
type judgement struct {
	which  smChoice
	reason string
	yes    bool
}

func (j *judgement) flags(p *program, c *cobra.Command) {
	p.smFlags(c, &j.which)
	p.completeArgs(c, p.orderIDs(&j.which, orderRecommended, orderWaiting))
	reasonFlag(c, &j.reason)
	c.Flags().BoolVarP(&j.yes, "yes", "y", false, "do not ask")
}

// judge shows what an order does and, once it is confirmed, sends the word on it:
// "approve" or "reject". The hub refuses it when the order was changed since it was
// shown.
func (p *program) judge(ctx context.Context, id, word string, j *judgement) (*remoteSM, told[order], error) {
	var o told[order]
	sm, err := p.remoteSM(ctx, j.which)
	if err != nil {
		return nil, o, err
	}
	answer, err := sm.do(ctx, http.MethodGet, orderPath(id), nil, nil, &o)
	if err != nil {
		return nil, o, err
	}
	if !slices.Contains([]string{orderWaiting, orderRecommended}, o.is.State) {
		return nil, o, hub.E(hub.Conflict, word+" order", fmt.Sprintf("the order is %s; only one that is waiting or recommended can be approved or rejected", o.is.State), nil)
	}
	p.say("%s of policy %s (%s): %s", o.is.Action.Type, o.is.Policy, o.is.Severity, o.is.Message)
	for _, line := range o.is.effect() {
		if word == "reject" {
			line = "not done: " + line
		}
		p.say("  %s", line)
	}
	if err := p.confirm(word+" it?", j.yes); err != nil {
		return nil, o, err
	}
	o = told[order]{}
	_, err = sm.do(ctx, http.MethodPost, orderPath(id)+"/"+word, nil, map[string]string{"reason": j.reason}, &o, httpapi.IfMatch(answer.ETag))
	if hub.CodeOf(err) == hub.Precondition {
		err = hub.E(hub.Precondition, word+" order", "the order was changed since it was shown; look at it and decide again: manoward order show "+id, err)
	}
	return sm, o, err
}

// confirm asks the person at the terminal, unless yes was said on the command line.
func (p *program) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	unsaid := usage("nothing was done: say yes at the terminal, or give --yes")
	info, err := os.Stdin.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return unsaid
	}
	fmt.Fprintf(plain{p.Stderr}, "%s [y/N] ", question)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return unsaid // there is nobody
	}
	if !slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line))) {
		return unsaid
	}
	return nil
}

// followOrder waits until an order goes on no further.
func (p *program) followOrder(ctx context.Context, sm *remoteSM, o told[order]) (told[order], error) {
	id := o.is.ID
	err := p.poll(ctx, func() string { return "the order is " + o.is.State }, func() (bool, error) {
		o = told[order]{}
		_, err := sm.do(ctx, http.MethodGet, orderPath(id), nil, nil, &o)
		return o.is.State != orderPlanned && o.is.State != orderRunning, err
	})
	if err != nil && outOfSight(ctx, err) {
		p.say("the order was approved and goes on by itself; look at it with: manoward order show %s", id)
	}
	return o, err
}
