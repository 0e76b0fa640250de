package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// cobraVerb shortens the signatures of the helpers that make verbs.
type cobraVerb = cobra.Command

func (p *program) packageCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "package",
		Short: "VNF packages: on-board them, see what their integrity check found, disable and delete them",
		Example: `  manoward package onboard firewall.csar --trust-domain north
  manoward package list`,
	}
	c.AddCommand(p.packageOnboard(), p.packageList(), p.packageShow(), p.packageVerify(),
		p.packageState("disable", "DISABLED", "Disable a package: no VNF is made of it until it is enabled"),
		p.packageState("enable", "ENABLED", "Enable a package that was disabled"), p.packageDelete(), p.packagePolicy())
	return c
}

func (p *program) packageOnboard() *cobra.Command {
	var domain string
	c := &cobra.Command{
		Use:   "onboard FILE",
		Short: "On-board a VNF package (CSAR, or ZIP with signature beside it)",
		Long: `On-boards a VNF package into a trust domain. Its integrity is checked as SOL 004
says: every hash, every signature, and the signer's chain to the trust anchors of
the domain. What fails is not on-boarded, and every reason is printed.`,
		Example: "  manoward package onboard firewall.csar --trust-domain north",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.vnfpkgm(c.Context())
			if err != nil {
				return err
			}
			var info sol005.VnfPkgInfo
			o := onboarding{"/vnf_packages", "package_content", "VNF package", func() (string, *sol005.ProblemDetails) {
				return string(info.OnboardingState), info.OnboardingFailureDetails
			}}
			if err := p.onboard(c.Context(), client, o, domain, args[0], &info); err != nil {
				return err
			}
			p.say("on-boarded %s %s in trust domain %s", info.VnfProductName, info.VnfdVersion, domain)
			return p.print(&info, func(w io.Writer) { packageTable(w, &info) })
		},
	}
	return domainFlag(c, &domain)
}

func packageLine(i sol005.VnfPkgInfo) string {
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", i.ID, domainColumn(i.UserDefinedData), dash(i.VnfProductName), dash(i.VnfdVersion), i.OnboardingState, i.OperationalState, i.UsageState)
}

func packageTable(w io.Writer, i *sol005.VnfPkgInfo) {
	fmt.Fprintf(w, "id\t%s\ntrust domain\t%s\nVNFD\t%s\nproduct\t%s\n", i.ID, domainColumn(i.UserDefinedData), dash(i.VnfdID), product(i.VnfProductName, i.VnfSoftwareVersion, i.VnfProvider))
	fmt.Fprintf(w, "state\t%s, %s, %s\n", i.OnboardingState, i.OperationalState, i.UsageState)
	fmt.Fprintf(w, "signed\t%s\n", dash(i.PackageSecurityOption))
	if integrity, ok := i.UserDefinedData["manoward.integrity"].(string); ok {
		fmt.Fprintf(w, "integrity\t%s\n", integrity)
	}
	if i.Checksum != nil {
		fmt.Fprintf(w, "checksum\t%s %s\n", i.Checksum.Algorithm, i.Checksum.Hash)
	}
	for _, image := range i.SoftwareImages {
		fmt.Fprintf(w, "image\t%s\t%s %s\n", image.Name, image.Checksum.Algorithm, image.Checksum.Hash)
	}
	if i.OnboardingFailureDetails != nil {
		fmt.Fprintf(w, "failed\t%s\n", i.OnboardingFailureDetails.Detail)
	}
}

func (p *program) packageList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the VNF packages", Example: "  manoward package list\n  manoward package list --trust-domain north -o json"}
	var domain string
	c.Flags().StringVar(&domain, "trust-domain", "", "only those of this trust domain")
	listVerb(p, c, p.vnfpkgm, "/vnf_packages", domainQuery(&domain), "ID\tTRUST DOMAIN\tPRODUCT\tVERSION\tONBOARDING\tSTATE\tUSAGE", packageLine)
	return c
}

// domainQuery selects what --trust-domain asks for, with what lists leave out
// by default but tables show.
func domainQuery(domain *string) func() (url.Values, error) {
	return func() (url.Values, error) {
		q := url.Values{"fields": {"userDefinedData"}}
		if *domain == "" {
			return q, nil
		}
		if err := hub.CheckName("trust domain", *domain); err != nil {
			return nil, err
		}
		q.Set("filter", "(eq,userDefinedData/"+trustDomainKey+","+*domain+")")
		return q, nil
	}
}

func (p *program) packageShow() *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show a VNF package with its checksums", Example: "  manoward package show 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77"}
	showVerb(p, c, p.vnfpkgm, "/vnf_packages/", packageTable)
	return c
}

// verification is what the check of a package's integrity found.
type verification struct {
	Verdict string `json:"verdict"` // ACCEPTED or REFUSED
	Option  string `json:"packageSecurityOption,omitempty"`
	Signers []struct {
		Signed   string    `json:"signed"`
		Check    string    `json:"check"`
		Trusted  bool      `json:"trusted"`
		Subject  string    `json:"subject"`
		Issuer   string    `json:"issuer"`
		Serial   string    `json:"serial"`
		NotAfter time.Time `json:"notAfter"`
	} `json:"signers"`
	Findings []struct {
		Rule     string `json:"rule"`
		Artifact string `json:"artifact,omitempty"`
		Severity string `json:"severity"`
		Text     string `json:"text"`
	} `json:"findings"`
}

func verificationTable(w io.Writer, v *verification) {
	fmt.Fprintf(w, "verdict\t%s\nsigned\t%s\n", v.Verdict, dash(v.Option))
	for _, s := range v.Signers {
		trust := "no way to a trust anchor"
		if s.Trusted {
			trust = "trusted"
		}
		fmt.Fprintf(w, "signer\t%s of %s, until %s, %s, signature %s\n", s.Subject, s.Signed, when(s.NotAfter), trust, s.Check)
	}
	for _, f := range v.Findings {
		where := ""
		if f.Artifact != "" {
			where = f.Artifact + ": "
		}
		fmt.Fprintf(w, "%s\t%s%s\n", f.Severity, where, f.Text)
	}
}

func (p *program) packageVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify ID",
		Short: "Check an on-boarded package again: the file as it is stored now",
		Long: `Checks every hash and signature of an on-boarded package again, on the file as it
is stored now, against the trust anchors of its domain as they are now. Exits 3
when the package is refused.`,
		Example: "  manoward package verify 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nfvoExtensions(c.Context())
			if err != nil {
				return err
			}
			var v verification
			if _, err := client.Do(c.Context(), http.MethodPost, "/vnf_packages/"+url.PathEscape(args[0])+"/verify", struct{}{}, &v); err != nil {
				return err
			}
			err = p.print(&v, func(w io.Writer) { verificationTable(w, &v) })
			if err == nil && v.Verdict != "ACCEPTED" {
				err = hub.E(hub.Denied, "verify package", "the package would be refused today; what it is refused for is listed above", nil)
			}
			return err
		},
	}
}

func (p *program) packageState(verb, state, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Example: "  manoward package " + verb + " 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77",
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.vnfpkgm(c.Context())
			if err != nil {
				return err
			}
			in := map[string]string{"operationalState": state}
			if _, err := client.Do(c.Context(), http.MethodPatch, "/vnf_packages/"+url.PathEscape(args[0]), in, nil); err != nil {
				return err
			}
			p.say("%s is %s", args[0], state)
			return nil
		},
	}
}

func (p *program) packageDelete() *cobra.Command {
	c := &cobra.Command{Use: "delete ID", Short: "Delete a package that is disabled and not in use", Example: "  manoward package delete 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77"}
	deleteVerb(p, c, p.vnfpkgm, "/vnf_packages/")
	return c
}
