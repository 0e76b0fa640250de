package cli

import (
	"fmt"
	"io"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) clientCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "client",
		Short: "OSS/BSS, VNFMs, EMs, VNFs, other NFVOs, the NFVI and programs that read, with OAuth 2.0 client credentials",
		Long: `A client gets short-lived tokens with its name and secret from /oauth2/token on the
listener where it wants to use them; a token is good for that listener alone. On
cm-vnfm it shows a certificate instead; see: manoward client certify --help. What it may ask there depends on its party; see: manoward trust matrix.

  reader   reads the operators' API, the metrics and Os-Ma-nfvo, and changes nothing
  oss      an OSS/BSS on os-ma
  vnfm     a VNF Manager on or-vnfm, vim and cm-vnfm
  em       an Element Manager on vnfm
  vnf      a VNF instance on vnfm, for itself alone; its name is its vnfInstanceId
  nfvo     an NFVO other than the hub's own on vnfm and vim
  nfvi     what reports of hosts, computes and ports to the VIM, on vim
  auditor  reads what the Security Managers that run here decided and ordered

An oss, vnfm, em, nfvo or auditor belongs to one trust domain and learns of no other, or to all.
A vnf belongs to one, and has no rights once its VNF instance is terminated. An nfvi belongs to all.`,
		Example: `  manoward client create prometheus
  manoward client create billing --party oss --trust-domain north
  manoward client list`,
	}
	c.AddCommand(p.clientCreate(), p.clientCertify(), p.clientList(), p.clientDelete())
	return c
}

func (p *program) clientCreate() *cobra.Command {
	var party, domain string
	var all bool
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Register a client and print its secret, which is shown only now",
		Example: `  manoward client create prometheus
  manoward client create billing --party oss --trust-domain north
  manoward client create vendor-vnfm --party vnfm --all-domains
  manoward client create VNF-ID --party vnf --trust-domain north`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			want, err := wantedClient(args[0], party, domain, all)
			if err != nil {
				return err
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			var made hub.OAuthClient
			if _, err := client.Do(c.Context(), "POST", "/oauth_clients", want, &made); err != nil {
				return err
			}
			return p.print(made, func(w io.Writer) { fmt.Fprintf(w, "client_id\t%s\nclient_secret\t%s\n", made.Name, made.Secret) })
		},
	}
	create.Flags().StringVar(&party, "party", readerParty, "what it is: reader, oss, vnfm, em, vnf, nfvo, nfvi or auditor")
	create.Flags().StringVar(&domain, "trust-domain", "", "the trust domain that an oss, vnfm, em, vnf, nfvo or auditor belongs to")
	create.Flags().BoolVar(&all, "all-domains", false, "it belongs to no trust domain and sees all of them")
	return create
}

// readerParty is what the command line calls the party hub.KindClient.
const readerParty = "reader"

// allDomains is the trust domain of who sees all of them.
const allDomains = "hub"

// wantedClient reads the flags of client create.
func wantedClient(name, party, domain string, all bool) (map[string]string, error) {
	kind := hub.Kind(party)
	if party == readerParty {
		kind = hub.KindClient
	}
	switch {
	case !slices.Contains(hub.ClientParties(), kind) || party == string(hub.KindClient):
		return nil, usage("--party is reader, oss, vnfm, em, vnf, nfvo, nfvi or auditor, and not %q", party)
	case kind == hub.KindClient && domain != "":
		return nil, usage("a reader belongs to no trust domain; leave --trust-domain out")
	case kind == hub.KindClient:
		domain = allDomains
	case kind == hub.KindNFVI && (domain != "" || !all):
		return nil, usage("an NFVI belongs to no trust domain; give --all-domains and no --trust-domain")
	case kind == hub.KindVNF && (domain == "" || all):
		return nil, usage("a VNF belongs to one trust domain; name it with --trust-domain, without --all-domains")
	case (domain == "") == !all:
		return nil, usage("name the trust domain of the %s with --trust-domain, or give --all-domains", party)
	case all:
		domain = allDomains
	}
	return map[string]string{"name": name, "party": string(kind), "trustDomain": domain}, nil
}

func partyName(kind hub.Kind) string {
	if kind == hub.KindClient {
		return readerParty
	}
	return string(kind)
}

func (p *program) clientList() *cobra.Command {
	return &cobra.Command{
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
				fmt.Fprintln(w, "NAME\tPARTY\tTRUST DOMAIN\tCREATED")
				for _, made := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", made.Name, partyName(made.Party), domainName(made.TrustDomain), when(made.Created))
				}
			})
		},
	}
}

func domainName(domain string) string {
	if domain == allDomains {
		return "(all)"
	}
	return domain
}

func (p *program) clientDelete() *cobra.Command {
	return &cobra.Command{
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
}
