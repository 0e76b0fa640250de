package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) sm() *cobra.Command {
	c := &cobra.Command{
		Use:   "sm",
		Short: "Security Managers: register and steer them, renew and revoke their credentials",
		Example: `  manoward sm register alpha --trust-domain north --mode semi-active --out alpha/
  manoward sm list`,
	}
	c.AddCommand(p.smRegister(), p.smList(), p.smShow(), p.smStatus(), p.smPause(), p.smResume(), p.smLevel(), p.smParameter(), p.smLimit(), p.smSetMode(), p.smRotate(), p.smRenew(), p.smRevoke(), p.smCredentials(), p.smBusCredentials())
	for _, verb := range c.Commands() {
		if verb.ValidArgsFunction == nil && verb.Name() != "register" && strings.Contains(verb.Use, " NAME") {
			p.completeArgs(verb, p.smNames)
		}
	}
	return c
}

// domainFlag adds --trust-domain, which most verbs about an SM need.
func domainFlag(c *cobra.Command, domain *string) *cobra.Command {
	c.Flags().StringVar(domain, "trust-domain", "", "trust domain that it belongs to (required)")
	c.PreRunE = func(*cobra.Command, []string) error {
		if *domain == "" {
			return usage("--trust-domain is missing; the trust domains are listed by: manoward trust-domain list")
		}
		return nil
	}
	return c
}

func smPath(domain, name string) string {
	return domainPath(domain) + "/security_managers/" + url.PathEscape(name)
}

func (p *program) smRegister() *cobra.Command {
	var domain, mode, out string
	c := &cobra.Command{
		Use:   "register NAME",
		Short: "Register a Security Manager and write its credentials",
		Long: `Registers a Security Manager. A key is made here for each of its five logical
interfaces; only certificate signing requests are sent. --out gets, for each
interface, <interface>.key, <interface>.crt (with chain) and <interface>.ca.crt,
and endpoints.json with the URL and the server name (SNI) of each endpoint.

If the answer is lost, run the same command again: it takes the same keys and
registers nothing twice.`,
		Example: `  manoward sm register alpha --trust-domain north --mode semi-active --out alpha/

  # use one of its endpoints with curl
  curl --cert alpha/sc-or.ns-lcm.crt --key alpha/sc-or.ns-lcm.key --cacert alpha/sc-or.ns-lcm.ca.crt \
    --connect-to "::127.0.0.1:PORT" https://SERVERNAME/manoward/v1/session`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := hub.ParseMode(mode)
			if err != nil {
				return err
			}
			if err := hub.CheckName("Security Manager", args[0]); err != nil {
				return err
			}
			if out == "" {
				out = args[0]
			}
			return p.register(c, credentialDir(out), domain, hub.Registration{Name: args[0], Mode: m})
		},
	}
	c.Flags().StringVar(&mode, "mode", "passive", "passive, semi-active or fully-active")
	c.Flags().StringVar(&out, "out", "", "directory for the credentials (default: NAME)")
	return domainFlag(c, &domain)
}

func (p *program) register(c *cobra.Command, dir credentialDir, domain string, reg hub.Registration) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	t, err := activeDomain(c.Context(), client, domain)
	if err != nil {
		return err
	}
	if err := dir.prepare(); err != nil {
		return err
	}
	for _, i := range hub.Interfaces() {
		if dir.holds(i) {
			return hub.E(hub.Conflict, "register Security Manager", fmt.Sprintf("%s holds a credential for %s already; choose another --out, or use: manoward sm rotate", dir, i), nil)
		}
	}
	if reg.Requests, err = dir.requests(domain, reg.Name, hub.Interfaces()); err != nil {
		return err
	}
	var sm hub.SecurityManager
	err = p.patiently(c.Context(), func() error {
		_, err := client.Do(c.Context(), "POST", domainPath(domain)+"/security_managers", reg, &sm)
		return err
	})
	if err != nil {
		return err
	}
	if err := dir.accept(&sm, t.Root, hub.Interfaces()); err != nil {
		return err
	}
	p.say("registered %s in trust domain %s; its credentials are in %s", sm.Name, sm.TrustDomain, filepath.Clean(string(dir)))
	return p.printSM(&sm)
}

// activeDomain finds a trust domain that takes Security Managers. It is asked for
// before keys are made, so that nothing is left behind when there is none.
func activeDomain(ctx context.Context, client *httpapi.Client, name string) (*hub.TrustDomain, error) {
	var t hub.TrustDomain
	if _, err := client.Do(ctx, "GET", domainPath(name), nil, &t); err != nil {
		return nil, err
	}
	if t.State != hub.StateActive {
		return nil, hub.E(hub.NotFound, "find trust domain", fmt.Sprintf("trust domain %s is %s; list those that are not with: manoward trust-domain list", name, strings.ToLower(t.State)), nil)
	}
	return &t, nil
}

func (p *program) printSM(sm *hub.SecurityManager) error {
	return p.print(sm, func(w io.Writer) {
		fmt.Fprintf(w, "%s in %s: %s, %s\n\n", sm.Name, sm.TrustDomain, sm.Mode, sm.State)
		fmt.Fprintln(w, "INTERFACE\tSERVER NAME\tURL\tEXPIRES")
		for _, ep := range sm.Endpoints {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", ep.Interface, ep.ServerName, ep.URL, expiry(&ep))
		}
	})
}

// expiry says until when an endpoint has a credential that works.
func expiry(ep *hub.Endpoint) string {
	now := time.Now()
	var last time.Time
	for i := range ep.Credentials {
		c := &ep.Credentials[i]
		if c.Usable(now) == "" && c.NotAfter.After(last) {
			last = c.NotAfter
		}
	}
	if last.IsZero() {
		return "no credential works"
	}
	return when(last)
}

func (p *program) smList() *cobra.Command {
	var domain string
	c := &cobra.Command{
		Use:     "list",
		Short:   "List Security Managers with their mode and when the first of their credentials ends",
		Example: "  manoward sm list\n  manoward sm list --trust-domain north -o json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			if domain != "" {
				if err := hub.CheckName("trust domain", domain); err != nil {
					return err
				}
				query.Set("filter", "(eq,trustDomain,"+domain+")")
			}
			list := []hub.SecurityManager{}
			for sm, err := range httpapi.All[hub.SecurityManager](c.Context(), client, "/security_managers", query) {
				if err != nil {
					return err
				}
				list = append(list, sm)
			}
			return p.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "TRUST DOMAIN\tNAME\tMODE\tSTATE\tEXPIRES")
				for _, sm := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", sm.TrustDomain, sm.Name, sm.Mode, sm.State, firstExpiry(&sm))
				}
			})
		},
	}
	c.Flags().StringVar(&domain, "trust-domain", "", "only those of this trust domain")
	return c
}

// firstExpiry says when the first of an SM's interfaces is left without a
// credential.
func firstExpiry(sm *hub.SecurityManager) string {
	first := ""
	for i := range sm.Endpoints {
		if e := expiry(&sm.Endpoints[i]); first == "" || e < first || e[0] == 'n' {
			first = e
		}
		if first[0] == 'n' {
			return first
		}
	}
	return first
}

func (p *program) smShow() *cobra.Command {
	var domain string
	return domainFlag(&cobra.Command{
		Use:     "show NAME",
		Short:   "Show a Security Manager and its endpoints",
		Example: "  manoward sm show alpha --trust-domain north",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			sm, err := p.getSM(c, domain, args[0])
			if err != nil {
				return err
			}
			return p.printSM(sm)
		},
	}, &domain)
}

func (p *program) getSM(c *cobra.Command, domain, name string) (*hub.SecurityManager, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	var sm hub.SecurityManager
	_, err = client.Do(c.Context(), "GET", smPath(domain, name), nil, &sm)
	return &sm, err
}

func (p *program) smSetMode() *cobra.Command {
	var domain string
	return domainFlag(&cobra.Command{
		Use:     "set-mode NAME MODE",
		Short:   "Change how far a Security Manager may act; it holds from the next request on",
		Example: "  manoward sm set-mode alpha fully-active --trust-domain north",
		Args:    exactly("NAME", "MODE"),
		RunE: func(c *cobra.Command, args []string) error {
			mode, err := hub.ParseMode(args[1])
			if err != nil {
				return err
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			var sm hub.SecurityManager
			if _, err := client.Do(c.Context(), "PATCH", smPath(domain, args[0]), map[string]hub.Mode{"mode": mode}, &sm); err != nil {
				return err
			}
			return p.printSM(&sm)
		},
	}, &domain)
}

func (p *program) smCredentials() *cobra.Command {
	var domain string
	return domainFlag(&cobra.Command{
		Use:     "credentials NAME",
		Short:   "List the credentials of a Security Manager with their serial numbers and states",
		Example: "  manoward sm credentials alpha --trust-domain north",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			sm, err := p.getSM(c, domain, args[0])
			if err != nil {
				return err
			}
			type row struct {
				Interface hub.Interface `json:"interface"`
				hub.Credential
			}
			rows := []row{}
			for _, ep := range sm.Endpoints {
				for _, cred := range ep.Credentials {
					if why := cred.Usable(time.Now()); why != "" {
						cred.State = why // EXPIRED is not stored, it becomes so
					}
					rows = append(rows, row{ep.Interface, cred})
				}
			}
			return p.print(rows, func(w io.Writer) {
				fmt.Fprintln(w, "INTERFACE\tSERIAL\tSTATE\tFROM\tUNTIL\tREASON")
				for _, r := range rows {
					until := r.NotAfter
					if r.RetiresAt != nil && r.RetiresAt.Before(until) {
						until = *r.RetiresAt
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Interface, r.Serial, r.State, when(r.NotBefore), when(until), r.Reason)
				}
			})
		},
	}, &domain)
}
