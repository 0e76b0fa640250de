package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/sol/sol005"
)

func (p *program) pnfd() *cobra.Command {
	c := &cobra.Command{
		Use:   "pnfd",
		Short: "Descriptors of physical network functions: on-board, list and delete them",
		Example: `  manoward pnfd onboard router.csar --trust-domain north
  manoward pnfd list`,
	}
	list := &cobra.Command{Use: "list", Short: "List the PNFDs", Example: "  manoward pnfd list\n  manoward pnfd list --trust-domain north"}
	var domain string
	list.Flags().StringVar(&domain, "trust-domain", "", "only those of this trust domain")
	listVerb(p, list, p.nsdm, "/pnf_descriptors", domainQuery(&domain), "ID\tTRUST DOMAIN\tPNFD\tNAME\tVERSION\tONBOARDING\tUSAGE", func(i sol005.PnfdInfo) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", i.ID, domainColumn(i.UserDefinedData), dash(i.PnfdID), dash(i.PnfdName), dash(i.Pnfdersion), i.PnfdOnboardingState, i.PnfdUsageState)
	})
	show := &cobra.Command{Use: "show ID", Short: "Show a PNFD", Example: "  manoward pnfd show 2b0c4d6e-8f4b-4b6f-8f0c-8a106f5d2f8e"}
	showVerb(p, show, p.nsdm, "/pnf_descriptors/", pnfdTable)
	remove := &cobra.Command{Use: "delete ID", Short: "Delete a PNFD that is not in use", Example: "  manoward pnfd delete 2b0c4d6e-8f4b-4b6f-8f0c-8a106f5d2f8e"}
	deleteVerb(p, remove, p.nsdm, "/pnf_descriptors/")
	c.AddCommand(p.pnfdOnboard(), list, show, remove)
	return c
}

func pnfdTable(w io.Writer, i *sol005.PnfdInfo) {
	fmt.Fprintf(w, "id\t%s\ntrust domain\t%s\nPNFD\t%s\nname\t%s\n", i.ID, domainColumn(i.UserDefinedData), dash(i.PnfdID), product(i.PnfdName, i.Pnfdersion, i.PnfdProvider))
	fmt.Fprintf(w, "state\t%s, %s\n", i.PnfdOnboardingState, i.PnfdUsageState)
}

func (p *program) pnfdOnboard() *cobra.Command {
	var domain string
	c := &cobra.Command{
		Use: "onboard FILE", Short: "On-board a PNFD archive", Example: "  manoward pnfd onboard router.csar --trust-domain north", Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nsdm(c.Context())
			if err != nil {
				return err
			}
			var info sol005.PnfdInfo
			o := onboarding{"/pnf_descriptors", "pnfd_content", "PNFD", func() (string, *sol005.ProblemDetails) {
				return string(info.PnfdOnboardingState), info.OnboardingFailureDetails
			}}
			if err := p.onboard(c.Context(), client, o, domain, args[0], &info); err != nil {
				return err
			}
			p.say("on-boarded %s %s in trust domain %s", info.PnfdName, info.Pnfdersion, domain)
			return p.print(&info, func(w io.Writer) { pnfdTable(w, &info) })
		},
	}
	return domainFlag(c, &domain)
}
