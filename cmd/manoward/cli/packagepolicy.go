package cli

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
)

// packagePolicyBody says which packages a trust domain takes.
type packagePolicyBody struct {
	Anchors       []string `json:"anchors"` // PEM, one certificate each
	AllowUnsigned bool     `json:"allowUnsigned"`
	AllowExpired  bool     `json:"allowExpired"`
}

func (p *program) packagePolicy() *cobra.Command {
	var domain string
	var anchors []string
	var unsigned, expired bool
	c := &cobra.Command{
		Use:   "policy",
		Short: "Show or set which packages a trust domain takes: trust anchors, unsigned and expired signers",
		Long: `Without a flag but --trust-domain, shows the domain's package policy. --anchor
replaces the trust anchors, that is the CA certificates that signers of packages
chain to. By default there is none, and unsigned packages and expired signers are
refused.`,
		Example: `  manoward package policy --trust-domain north
  manoward package policy --trust-domain north --anchor vendor-ca.pem`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := p.nfvoExtensions(c.Context())
			if err != nil {
				return err
			}
			path := "/trust_domains/" + url.PathEscape(domain) + "/package_policy"
			var policy packagePolicyBody
			if _, err := client.Do(c.Context(), http.MethodGet, path, nil, &policy); err != nil {
				return err
			}
			changed := false
			if c.Flags().Changed("anchor") {
				policy.Anchors, changed = []string{}, true
				for _, file := range anchors {
					found, err := readAnchors(file)
					if err != nil {
						return err
					}
					policy.Anchors = append(policy.Anchors, found...)
				}
			}
			if c.Flags().Changed("allow-unsigned") {
				policy.AllowUnsigned, changed = unsigned, true
			}
			if c.Flags().Changed("allow-expired") {
				policy.AllowExpired, changed = expired, true
			}
			if changed {
				if _, err := client.Do(c.Context(), http.MethodPut, path, policy, &policy); err != nil {
					return err
				}
			}
			return p.print(&policy, func(w io.Writer) {
				fmt.Fprintf(w, "trust anchors\t%d\nunsigned packages\t%s\nexpired signers\t%s\n", len(policy.Anchors), taken(policy.AllowUnsigned), taken(policy.AllowExpired))
			})
		},
	}
	c.Flags().StringArrayVar(&anchors, "anchor", nil, "PEM file with a CA certificate; repeat it for several")
	c.Flags().BoolVar(&unsigned, "allow-unsigned", false, "take packages that nobody signed")
	c.Flags().BoolVar(&expired, "allow-expired", false, "take packages whose signer's certificate has ended")
	return domainFlag(c, &domain)
}

// readAnchors reads the certificates of a PEM file, each by itself.
func readAnchors(file string) ([]string, error) {
	raw, err := readFile(file, "trust anchor")
	if err != nil {
		return nil, err
	}
	var found []string
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			found = append(found, string(pem.EncodeToMemory(block)))
		}
	}
	if len(found) == 0 {
		return nil, hub.E(hub.Invalid, "read trust anchor", file+" holds no certificate in PEM (-----BEGIN CERTIFICATE-----); give the certificate of the CA that signers of packages chain to", nil)
	}
	return found, nil
}

func taken(allowed bool) string {
	if allowed {
		return "taken"
	}
	return "refused"
}
