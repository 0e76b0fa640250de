package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
)

func (p *program) printActivation(a told[activation]) error {
	return p.print(a, func(w io.Writer) {
		fmt.Fprintf(w, "policies\trevision %s\nbefore\t%s\nparameters\trevision %s\nactive since\t%s, by %s: %s\n",
			a.is.PolicyRevision, dash(a.is.PreviousRevision), a.is.DataRevision, moment(a.is.At), a.is.By, cell(a.is.Reason))
	})
}

func (p *program) policyActivate() *cobra.Command {
	var which smChoice
	var reason string
	c := &cobra.Command{
		Use:   "activate REVISION",
		Short: "Have a Security Manager judge by a set of policies that was pushed",
		Long: `Makes a set the one that judges, from the next event on, and has every network service
judged anew. Parameters and levels stay. The beginning of the revision is enough.`,
		Example: `  manoward policy activate 3f0c9a1b22d4 --reason "reviewed by Ann"`,
		Args:    exactly("REVISION"),
		RunE: func(c *cobra.Command, args []string) error {
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			revision, err := sm.whole(c.Context(), args[0])
			if err != nil {
				return err
			}
			var a told[activation]
			err = p.during("the Security Manager loads the policies", func() error {
				return sm.control(c.Context(), "/revisions/"+url.PathEscape(revision)+"/activate", reason, &a)
			})
			if err != nil {
				return err
			}
			return p.printActivation(a)
		},
	}
	p.smFlags(c, &which)
	p.completeArgs(c, p.revisionNames(&which))
	reasonFlag(c, &reason)
	return c
}

func (p *program) policyRollback() *cobra.Command {
	var which smChoice
	var reason string
	c := &cobra.Command{
		Use:     "rollback",
		Short:   "Have a Security Manager judge by the policies that were active before",
		Example: `  manoward policy rollback --sm alpha --reason "too many findings"`,
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			s, err := sm.status(c.Context())
			if err != nil {
				return err
			}
			if s.is.Active == nil {
				return hub.E(hub.Conflict, "roll policies back", "no policies are active, so there is nothing to roll back", nil)
			}
			var a told[activation]
			err = p.during("the Security Manager loads the policies", func() error {
				_, err := sm.do(c.Context(), http.MethodPost, "/rollback", nil, map[string]string{"from": s.is.Active.ID, "reason": reason}, &a)
				return err
			})
			if err != nil {
				return err
			}
			return p.printActivation(a)
		},
	}
	p.smFlags(c, &which)
	reasonFlag(c, &reason)
	return c
}

func (p *program) policyHistory() *cobra.Command {
	var which smChoice
	c := &cobra.Command{
		Use:     "history",
		Short:   "List what a Security Manager has judged by, the newest first, and who changed it",
		Example: "  manoward policy history --sm alpha",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			all, err := listOf[told[activation]](c.Context(), sm, "/activations", nil)
			if err != nil {
				return err
			}
			return p.print(all, func(w io.Writer) {
				fmt.Fprintln(w, "SINCE\tNUMBER\tCHANGE\tREVISION\tPARAMETERS\tBY\tREASON")
				for _, a := range all {
					change := a.is.Change
					if a.is.Policy != "" {
						change += " of " + a.is.Policy
					}
					fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", moment(a.is.At), a.is.Number, change, short(a.is.PolicyRevision), short(a.is.DataRevision), a.is.By, cell(a.is.Reason))
				}
			})
		},
	}
	p.smFlags(c, &which)
	return c
}
