package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
)

func (p *program) ca() *cobra.Command {
	m := &cmfCaller{program: p}
	c := &cobra.Command{
		Use:   "ca",
		Short: "The certificate authorities of trust domains: look at them, rotate and revoke them",
		Example: `  manoward ca show --trust-domain north
  manoward ca rotate intermediate --trust-domain north`,
	}
	m.flags(c)
	c.AddCommand(m.caShow(), m.caRotate(), m.caRevoke())
	return c
}

// path is the resource of the trust domain's authority.
func (m *cmfCaller) authorityPath() (string, error) {
	if m.domain == "" {
		return "", usage("--trust-domain is missing; name the trust domain of the certificate authority")
	}
	return "/authorities/" + url.PathEscape(m.domain), nil
}

func (m *cmfCaller) caShow() *cobra.Command {
	var root, chain bool
	c := &cobra.Command{
		Use:   "show",
		Short: "Show the CA certificates of a trust domain, also those that were replaced",
		Long: `Shows the CA certificates of a trust domain, with where their keys are and what has to
be done about them. With --root the roots that are to be trusted are printed in PEM, and
with --all every CA certificate.`,
		Example: "  manoward ca show --trust-domain north\n  manoward ca show --trust-domain north --root > roots.pem",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := m.authorityPath()
			if err != nil {
				return err
			}
			var a certmgmt.Authority
			if err := m.get(c.Context(), path, &a); err != nil {
				return err
			}
			if !root && !chain {
				return m.printAuthority(&a)
			}
			var text strings.Builder
			for _, i := range a.Issuers {
				if i.Root || chain {
					text.WriteString(i.Certificate)
				}
			}
			_, err = io.WriteString(m.Stdout, text.String())
			return err
		},
	}
	m.domainFlag(c)
	c.Flags().BoolVar(&root, "root", false, "print the roots in PEM")
	c.Flags().BoolVar(&chain, "all", false, "print every CA certificate in PEM")
	return c
}

func (m *cmfCaller) printAuthority(a *certmgmt.Authority) error {
	return m.print(a, func(w io.Writer) {
		fmt.Fprintln(w, "ISSUER\tPART\tSTATE\tENDS\tKEY\tSUBJECT")
		for _, i := range a.Issuers {
			part := certmgmt.PartIntermediate
			if i.Root {
				part = certmgmt.PartRoot
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, part, i.State, when(i.NotAfter), i.KeyPlace, i.Subject)
		}
		for _, i := range a.Issuers {
			if i.Alarm != "" {
				fmt.Fprintf(w, "alarm: %s\n", i.Alarm)
			}
		}
	})
}

func (m *cmfCaller) caRotate() *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate intermediate|root",
		Short: "Renew a part of a trust domain's certificate authority",
		Long: `Makes a new intermediate, which signs at once, or a new root, which is published first
and comes into use days later. What was issued before stays valid, and its revocation lists
and OCSP answers go on.`,
		Example:   "  manoward ca rotate intermediate --trust-domain north",
		ValidArgs: []string{certmgmt.PartIntermediate, certmgmt.PartRoot},
		Args:      exactly("intermediate|root"),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := m.authorityPath()
			if err != nil {
				return err
			}
			if args[0] != certmgmt.PartIntermediate && args[0] != certmgmt.PartRoot {
				return usage("a certificate authority has an intermediate and a root, and no %q", args[0])
			}
			client, err := m.connect(c.Context())
			if err != nil {
				return err
			}
			var a certmgmt.Authority
			seen, err := client.Do(c.Context(), http.MethodGet, path, nil, &a)
			if err != nil {
				return err
			}
			// Somebody else may rotate it at the same time: once is enough.
			if _, err := client.Do(c.Context(), http.MethodPost, path+"/rotate", certmgmt.RotateRequest{Part: args[0]}, &a, httpapi.IfMatch(seen.ETag)); err != nil {
				return err
			}
			return m.printAuthority(&a)
		},
	}
	m.domainFlag(c)
	return c
}

func (m *cmfCaller) caRevoke() *cobra.Command {
	var in certmgmt.RevokeRequest
	c := &cobra.Command{
		Use:   "revoke-intermediate ISSUER",
		Short: "Revoke an intermediate of a trust domain, and replace it if it is the one that signs",
		Long: `Has the root of a trust domain revoke an intermediate, such as one whose key somebody else
may have used. The one that signs is replaced in the same act. The root's revocation list
tells it at once, and OCSP answers say of everything that it issued that it is revoked. What
is still in use is listed by cert list --issuer ISSUER --state VALID, and has to be renewed.`,
		Example: "  manoward ca revoke-intermediate 4f2e9d0e0d6f3c1f2a775c1b7f4e6c1c4f2e9d0e --trust-domain north --reason cACompromise",
		Args:    exactly("ISSUER"),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := m.authorityPath()
			if err != nil {
				return err
			}
			client, err := m.connect(c.Context())
			if err != nil {
				return err
			}
			var a certmgmt.Authority
			if _, err := client.Do(c.Context(), http.MethodPost, path+"/issuers/"+url.PathEscape(args[0])+"/revoke", in, &a); err != nil {
				return err
			}
			return m.printAuthority(&a)
		},
	}
	m.domainFlag(c)
	c.Flags().StringVar(&in.Reason, "reason", "cACompromise", "why, as RFC 5280 names it: cACompromise, superseded, cessationOfOperation, affiliationChanged, privilegeWithdrawn, unspecified")
	c.Flags().StringVar(&in.Comment, "comment", "", "for the record")
	return c
}
