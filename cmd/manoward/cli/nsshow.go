package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// nsInstance is a network service with what manoward says besides SOL 005.
type nsInstance struct {
	sol005.NsInstance
	TrustDomain string          `json:"manoward.trustDomain,omitempty"`
	NFPs        json.RawMessage `json:"manoward.nfpInfo,omitempty"`
}

func (p *program) nsList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the network services", Example: "  manoward ns list\n  manoward ns list -o json"}
	listVerb(p, c, p.nslcm, "/ns_instances", func() (url.Values, error) { return url.Values{"fields": {"vnfInstance"}}, nil },
		"ID\tTRUST DOMAIN\tNAME\tNSD\tSTATE\tVNFS", func(n nsInstance) string {
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d", n.ID, dash(n.TrustDomain), n.NsInstanceName, n.NsdID, n.NsState, len(n.VnfInstance))
		})
	return c
}

func (p *program) nsShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a network service with its VNFs, the hosts that they are on, PNFs and links",
		Long: `Shows a network service. The table has the host of each VNF, which the VIM is asked
for; -o json and yaml print what the NFVO says of the network service (SOL 005).`,
		Example: "  manoward ns show 0f0c4d6e-8f4b-4b6f-8f0c-8a106f5d2f8e",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nslcm(c.Context())
			if err != nil {
				return err
			}
			var n nsInstance
			if _, err := client.Do(c.Context(), http.MethodGet, "/ns_instances/"+url.PathEscape(args[0]), nil, &n); err != nil {
				return err
			}
			var hosts map[string]string
			if p.output == "table" {
				hosts = p.hostsOf(c.Context(), &n)
			}
			return p.print(&n, func(w io.Writer) { nsTable(w, &n, hosts) })
		},
	}
}

// hostsOf returns the host of each compute of a network service, as far as the
// VIM tells; that it does not is no reason to show nothing.
func (p *program) hostsOf(ctx context.Context, n *nsInstance) map[string]string {
	hosts := map[string]string{}
	client, err := p.vimClient(ctx)
	for _, v := range n.VnfInstance {
		for _, id := range computesOf(&v) {
			var compute ifa006.Compute
			if err == nil {
				_, err = client.Do(ctx, http.MethodGet, "/computes/"+url.PathEscape(id), nil, &compute)
			}
			if err != nil {
				p.say("the hosts cannot be shown: %s", message(err))
				return nil
			}
			hosts[id] = compute.HostID
		}
	}
	return hosts
}

func computesOf(v *sol005.VnfInstance) []string {
	var ids []string
	if v.InstantiatedVnfInfo != nil {
		for _, c := range v.InstantiatedVnfInfo.VnfcResourceInfo {
			ids = append(ids, c.ComputeResource.ResourceID)
		}
	}
	return ids
}

func nsTable(w io.Writer, n *nsInstance, hosts map[string]string) {
	fmt.Fprintf(w, "id\t%s\nname\t%s\ntrust domain\t%s\nNSD\t%s\nstate\t%s\n", n.ID, n.NsInstanceName, dash(n.TrustDomain), n.NsdID, n.NsState)
	if len(n.VnfInstance) > 0 {
		fmt.Fprintln(w, "\nVNF\tNAME\tPRODUCT\tVERSION\tSTATE\tHOSTS")
	}
	for _, v := range n.VnfInstance {
		state := v.InstantiationState
		if v.InstantiatedVnfInfo != nil {
			state = string(v.InstantiatedVnfInfo.VnfState)
		}
		var on []string
		for _, id := range computesOf(&v) {
			if h := hosts[id]; h != "" && !slices.Contains(on, h) {
				on = append(on, h)
			}
		}
		slices.Sort(on)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, dash(v.VnfInstanceName), v.VnfProductName, v.VnfSoftwareVersion, state, dash(strings.Join(on, ",")))
	}
	if len(n.PnfInfo)+len(n.VirtualLinkInfo)+len(n.SapInfo)+len(n.VnffgInfo) > 0 {
		fmt.Fprintln(w, "\nOTHER\tNAME\tID")
	}
	for _, x := range n.PnfInfo {
		fmt.Fprintf(w, "PNF\t%s\t%s\n", dash(x.PnfName), x.PnfID)
	}
	for _, x := range n.VirtualLinkInfo {
		fmt.Fprintf(w, "link\t%s\t%s\n", x.NsVirtualLinkDescID, x.ID)
	}
	for _, x := range n.SapInfo {
		fmt.Fprintf(w, "SAP\t%s\t%s\n", dash(x.SapName), x.ID)
	}
	for _, x := range n.VnffgInfo {
		fmt.Fprintf(w, "VNFFG\t%s\t%s\n", x.VnffgdID, x.ID)
	}
}
