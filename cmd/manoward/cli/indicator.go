package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/sol/sol003"
)

// indicator is the VNF indicator interface of SOL 003.
func (p *program) indicator() *cobra.Command {
	c := &cobra.Command{
		Use:   "indicator",
		Short: "Indicators of VNFs: what they say of themselves",
		Long: `Indicators are what a VNF, or its Element Manager, says of itself, such as its load.
Which there are is in the VNFD. The VNFM asks each VNF that says where it can be asked:
vnfConfigurableProperties has that address as manoward.indicators.vnf, or
manoward.indicators.em for the Element Manager. A VNF that does not answer keeps the
values that it said last: see when each was read.`,
		Example: "  manoward indicator list\n  manoward indicator list --of VNF-ID\n  manoward indicator show VNF-ID load -o json",
	}
	c.AddCommand(p.indicatorList(), p.indicatorShow())
	return c
}

func (p *program) indicatorList() *cobra.Command {
	var of string
	c := &cobra.Command{Use: "list", Short: "List what VNFs say", Example: "  manoward indicator list\n  manoward indicator list --of VNF-ID -o yaml"}
	c.Flags().StringVar(&of, "of", "", "of this VNF instance alone")
	query := func() (url.Values, error) {
		if of == "" {
			return nil, nil
		}
		return url.Values{"filter": {"(eq,vnfInstanceId," + quoted(of) + ")"}}, nil
	}
	listVerb(p, c, p.vnfind, "/indicators", query, "VNF\tINDICATOR\tNAME\tVALUE\tCHANGED\tREAD", func(i sol003.VnfIndicator) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", i.VnfInstanceID, cell(i.ID), dash(cell(i.Name)), cell(string(i.Value)), since(i.ChangedAt), since(i.ReadAt))
	})
	return c
}

// since is a moment that may not be known.
func since(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return moment(*t)
}

func (p *program) indicatorShow() *cobra.Command {
	return &cobra.Command{
		Use: "show VNF-ID INDICATOR", Short: "Show one indicator of a VNF", Example: "  manoward indicator show VNF-ID load\n  manoward indicator show VNF-ID load -o json", Args: exactly("VNF-ID", "INDICATOR"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.vnfind(c.Context())
			if err != nil {
				return err
			}
			var i sol003.VnfIndicator
			if _, err := client.Do(c.Context(), http.MethodGet, "/indicators/"+url.PathEscape(args[0])+"/"+url.PathEscape(args[1]), nil, &i); err != nil {
				return err
			}
			return p.print(&i, func(w io.Writer) {
				fmt.Fprintf(w, "VNF\t%s\nindicator\t%s\nname\t%s\nvalue\t%s\nchanged\t%s\nread\t%s\n", i.VnfInstanceID, cell(i.ID), dash(cell(i.Name)), cell(string(i.Value)), since(i.ChangedAt), since(i.ReadAt))
			})
		},
	}
}
