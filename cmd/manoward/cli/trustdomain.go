package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) trustDomain() *cobra.Command {
	c := &cobra.Command{
		Use:   "trust-domain",
		Short: "Trust domains: each has a certificate authority and an account of its own",
		Example: `  manoward trust-domain create north
  manoward trust-domain list`,
	}
	c.AddCommand(p.domainCreate(), p.domainList(), p.domainShow(), p.domainDelete(), p.domainRecords(), p.domainNote())
	return c
}

func (p *program) domainCreate() *cobra.Command {
	return &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a trust domain with a root, a CA and an account on the bus",
		Example: "  manoward trust-domain create north",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := hub.CheckName("trust domain", args[0]); err != nil {
				return err
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			var t hub.TrustDomain
			if _, err := client.Do(c.Context(), "POST", "/trust_domains", map[string]string{"name": args[0]}, &t); err != nil {
				return err
			}
			return p.printDomain(&t)
		},
	}
}

func (p *program) printDomain(t *hub.TrustDomain) error {
	return p.print(t, func(w io.Writer) {
		fmt.Fprintf(w, "Name\t%s\nState\t%s\nKeys\t%s\nCreated\t%s\n", t.Name, t.State, t.KeyStore, when(t.Created))
	})
}

func (p *program) domainList() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the trust domains",
		Example: "  manoward trust-domain list\n  manoward trust-domain list --all -o json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			if !all {
				query.Set("filter", "(neq,state,"+hub.StateDeleted+")")
			}
			list := []hub.TrustDomain{}
			for t, err := range httpapi.All[hub.TrustDomain](c.Context(), client, "/trust_domains", query) {
				if err != nil {
					return err
				}
				list = append(list, t)
			}
			return p.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tSTATE\tKEYS\tCREATED")
				for _, t := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.State, t.KeyStore, when(t.Created))
				}
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also those that were deleted")
	return c
}

func (p *program) domainShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a trust domain; -o json has its certificates",
		Example: "  manoward trust-domain show north -o json",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			var t hub.TrustDomain
			if _, err := client.Do(c.Context(), "GET", domainPath(args[0]), nil, &t); err != nil {
				return err
			}
			return p.printDomain(&t)
		},
	}
}

func domainPath(name string) string { return "/trust_domains/" + url.PathEscape(name) }

func (p *program) domainDelete() *cobra.Command {
	var discard bool
	remove := &cobra.Command{
		Use:   "delete NAME",
		Short: "Destroy the keys of a trust domain that nobody uses; its records remain",
		Long: `Destroys the CA keys of a trust domain. Nothing of it opens or is signed again.
Its records remain, so its name cannot be used again. A domain with Security
Managers that are not revoked, or with network services or packages, is in use and
is not deleted. What Security Managers that ran here have kept of it (decisions,
orders, policies) is lost with it, and that has to be said with --discard.`,
		Example: "  manoward trust-domain delete north",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			path := domainPath(args[0])
			if discard {
				path += "?discard=true"
			}
			if _, err := client.Do(c.Context(), "DELETE", path, nil, nil); err != nil {
				return err
			}
			p.say("trust domain %s is deleted; its keys are destroyed, its records remain", args[0])
			return nil
		},
	}
	remove.Flags().BoolVar(&discard, "discard", false, "lose what its Security Managers have kept")
	return remove
}

// recordEntry is one record as the hub lists it.
type recordEntry struct {
	Position string `json:"position"`
	hub.Record
}

func (p *program) domainRecords() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:   "records NAME",
		Short: "List what was recorded in a trust domain, oldest first",
		Example: `  manoward trust-domain records north
  manoward trust-domain records north --kind access.refused -o json`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			if kind != "" {
				query.Set("filter", "(eq,kind,'"+strings.ReplaceAll(kind, "'", "''")+"')")
			}
			list := []recordEntry{}
			for r, err := range httpapi.All[recordEntry](c.Context(), client, domainPath(args[0])+"/records", query) {
				if err != nil {
					return err
				}
				list = append(list, r)
			}
			return p.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "TIME\tKIND\tSUBJECT\tACTOR")
				for _, r := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Time.UTC().Format("2006-01-02 15:04:05Z"), r.Kind, r.Subject, r.Actor)
				}
			})
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "only records of this kind")
	return c
}

func (p *program) domainNote() *cobra.Command {
	var id string
	c := &cobra.Command{
		Use:     "note NAME TEXT",
		Short:   "Add a remark of yours to the records of a trust domain",
		Example: `  manoward trust-domain note north "key ceremony of 22 November, witnesses A and B"`,
		Args:    exactly("NAME", "TEXT"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			if id == "" {
				id = hub.NewID() // so that a repetition adds nothing
			}
			var out struct {
				ID string `json:"id"`
			}
			err = p.patiently(c.Context(), func() error {
				_, err := client.Do(c.Context(), "POST", domainPath(args[0])+"/notes", map[string]string{"id": id, "text": args[1]}, &out)
				return err
			})
			if err != nil {
				return err
			}
			return p.print(out, func(w io.Writer) { fmt.Fprintln(w, out.ID) })
		},
	}
	c.Flags().StringVar(&id, "id", "", "id of the note, so that it can be sent again without being added twice")
	return c
}
