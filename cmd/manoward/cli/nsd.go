package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/sol/sol005"
)

func (p *program) nsd() *cobra.Command {
	c := &cobra.Command{
		Use:   "nsd",
		Short: "Network service descriptors: on-board, list, disable and delete them",
		Example: `  manoward nsd onboard edge.csar --trust-domain north
  manoward nsd list`,
	}
	list := &cobra.Command{Use: "list", Short: "List the NSDs", Example: "  manoward nsd list\n  manoward nsd list --trust-domain north"}
	var domain string
	list.Flags().StringVar(&domain, "trust-domain", "", "only those of this trust domain")
	listVerb(p, list, p.nsdm, "/ns_descriptors", domainQuery(&domain), "ID\tTRUST DOMAIN\tNSD\tNAME\tVERSION\tONBOARDING\tSTATE\tUSAGE", nsdLine)
	show := &cobra.Command{Use: "show ID", Short: "Show an NSD", Example: "  manoward nsd show 6f5d2f8e-0f0c-4d6e-8f4b-5b6f0f0c8a10"}
	showVerb(p, show, p.nsdm, "/ns_descriptors/", nsdTable)
	remove := &cobra.Command{Use: "delete ID", Short: "Delete an NSD that is disabled and not in use", Example: "  manoward nsd delete 6f5d2f8e-0f0c-4d6e-8f4b-5b6f0f0c8a10"}
	deleteVerb(p, remove, p.nsdm, "/ns_descriptors/")
	c.AddCommand(p.nsdOnboard(), list, show, p.nsdState("disable", "DISABLED"), p.nsdState("enable", "ENABLED"), remove)
	return c
}

func nsdLine(i sol005.NsdInfo) string {
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", i.ID, domainColumn(i.UserDefinedData), dash(i.NsdID), dash(i.NsdName), dash(i.NsdVersion), i.NsdOnboardingState, i.NsdOperationalState, i.NsdUsageState)
}

func nsdTable(w io.Writer, i *sol005.NsdInfo) {
	fmt.Fprintf(w, "id\t%s\ntrust domain\t%s\nNSD\t%s\nname\t%s\n", i.ID, domainColumn(i.UserDefinedData), dash(i.NsdID), product(i.NsdName, i.NsdVersion, i.NsdDesigner))
	fmt.Fprintf(w, "state\t%s, %s, %s\n", i.NsdOnboardingState, i.NsdOperationalState, i.NsdUsageState)
	for _, id := range i.VnfPkgIDs {
		fmt.Fprintf(w, "package\t%s\n", id)
	}
	if i.OnboardingFailureDetails != nil {
		fmt.Fprintf(w, "failed\t%s\n", i.OnboardingFailureDetails.Detail)
	}
}

func (p *program) nsdOnboard() *cobra.Command {
	var domain string
	c := &cobra.Command{
		Use:     "onboard FILE",
		Short:   "On-board an NSD archive; the VNF packages and PNFDs that it uses come first",
		Example: "  manoward nsd onboard edge.csar --trust-domain north",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nsdm(c.Context())
			if err != nil {
				return err
			}
			var info sol005.NsdInfo
			o := onboarding{"/ns_descriptors", "nsd_content", "NSD", func() (string, *sol005.ProblemDetails) {
				return string(info.NsdOnboardingState), info.OnboardingFailureDetails
			}}
			if err := p.onboard(c.Context(), client, o, domain, args[0], &info); err != nil {
				return err
			}
			p.say("on-boarded %s %s in trust domain %s", info.NsdName, info.NsdVersion, domain)
			return p.print(&info, func(w io.Writer) { nsdTable(w, &info) })
		},
	}
	return domainFlag(c, &domain)
}

func (p *program) nsdState(verb, state string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: "Make an NSD " + state + " for new network services",
		Example: "  manoward nsd " + verb + " 6f5d2f8e-0f0c-4d6e-8f4b-5b6f0f0c8a10", Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nsdm(c.Context())
			if err != nil {
				return err
			}
			in := map[string]string{"nsdOperationalState": state}
			if _, err := client.Do(c.Context(), http.MethodPatch, "/ns_descriptors/"+url.PathEscape(args[0]), in, nil); err != nil {
				return err
			}
			p.say("%s is %s", args[0], state)
			return nil
		},
	}
}
