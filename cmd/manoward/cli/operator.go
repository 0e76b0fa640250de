package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) operators() *cobra.Command {
	c := &cobra.Command{
		Use:   "operator",
		Short: "The persons who run the hub",
		Long: `The persons who run the hub. Each has a credential of its own in a context file of
its own, so that records name who did what, and so that an order that waits for a
second person can find one. All operators may do the same.`,
		Example: `  manoward operator create ben --out ben.context.json
  manoward operator list`,
	}
	c.AddCommand(p.operatorCreate(), p.operatorList(), p.operatorDelete())
	return c
}

func (p *program) operatorCreate() *cobra.Command {
	var out string
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a person an operator, with a context file of its own",
		Long: `Make a person an operator. The key is made here and is in the context file alone:
give that to the person over a safe way, or run this on the person's machine. It is
used with --context, or MANOWARD_CONTEXT.`,
		Example: "  manoward operator create ben --out ben.context.json",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out is missing; name the context file that is to be written")
			}
			if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
				return hub.E(hub.Conflict, "create operator", out+" is there already and was not touched; choose another file with --out", err)
			}
			if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
				return hub.E(hub.Invalid, "create operator", filepath.Dir(out)+" is no folder to write to; make it, or choose another file with --out", err)
			}
			own, cert, err := p.operator()
			if err != nil {
				return err
			}
			client, err := newClient(own.Server, own.ServerName, own.CA, cert)
			if err != nil {
				return err
			}
			if err := hub.CheckName("operator", args[0]); err != nil {
				return err
			}
			id := hub.Identity{TrustDomain: allDomains, Kind: hub.KindOperator, Name: args[0]}
			csr, key, err := NewRequest(id)
			if err != nil {
				return err
			}
			var made hub.Operator
			if _, err := client.Do(c.Context(), "POST", "/operators", map[string]string{"name": args[0], "request": csr}, &made); err != nil {
				return err
			}
			next := Context{Server: own.Server, ServerName: own.ServerName, CA: own.CA, Certificate: made.Certificate, Key: key}
			if err := next.Save(out); err != nil {
				return hub.E(hub.Unavailable, "create operator", fmt.Sprintf("%s cannot be written; delete operator %s and create it again", out, made.Name), err)
			}
			made.Certificate = ""
			return p.print(made, func(w io.Writer) { fmt.Fprintf(w, "operator\t%s\ncontext\t%s\n", made.Name, out) })
		},
	}
	create.Flags().StringVar(&out, "out", "", "context file to write")
	return create
}

func (p *program) operatorList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the operators",
		Example: "  manoward operator list",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			list := []hub.Operator{}
			for o, err := range httpapi.All[hub.Operator](c.Context(), client, "/operators", nil) {
				if err != nil {
					return err
				}
				list = append(list, o)
			}
			return p.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tENDS\tFINGERPRINT")
				for _, o := range list {
					fmt.Fprintf(w, "%s\t%s\t%.16s\n", o.Name, when(o.NotAfter), o.Fingerprint)
				}
			})
		},
	}
}

func (p *program) operatorDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Take an operator's credential out of force, at once",
		Example: "  manoward operator delete ben",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			_, err = client.Do(c.Context(), "DELETE", "/operators/"+url.PathEscape(args[0]), nil, nil)
			return err
		},
	}
}
