package cli

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) clientCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "client",
		Short: "Programs that read the operators' API and the metrics with OAuth 2.0 client credentials",
		Long: `A client gets short-lived tokens from /oauth2/token on the admin listener with its
name and secret, and reads there with them: trust domains, Security Managers, the
decision table, metrics. It can change nothing.`,
		Example: `  manoward client create prometheus
  manoward client list`,
	}
	create := &cobra.Command{
		Use:     "create NAME",
		Short:   "Register a client and print its secret, which is shown only now",
		Example: "  manoward client create prometheus",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			var made hub.OAuthClient
			if _, err := client.Do(c.Context(), "POST", "/oauth_clients", map[string]string{"name": args[0]}, &made); err != nil {
				return err
			}
			return p.print(made, func(w io.Writer) { fmt.Fprintf(w, "client_id\t%s\nclient_secret\t%s\n", made.Name, made.Secret) })
		},
	}
	list := &cobra.Command{
		Use:     "list",
		Short:   "List the clients",
		Example: "  manoward client list",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			list := []hub.OAuthClient{}
			for made, err := range httpapi.All[hub.OAuthClient](c.Context(), client, "/oauth_clients", nil) {
				if err != nil {
					return err
				}
				list = append(list, made)
			}
			return p.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tCREATED")
				for _, made := range list {
					fmt.Fprintf(w, "%s\t%s\n", made.Name, when(made.Created))
				}
			})
		},
	}
	remove := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Take a client away; its tokens are refused at once",
		Example: "  manoward client delete prometheus",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			_, err = client.Do(c.Context(), "DELETE", "/oauth_clients/"+url.PathEscape(args[0]), nil, nil)
			return err
		},
	}
	c.AddCommand(create, list, remove)
	return c
}
