package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// alarm is the fault management of SOL 005 and SOL 003. What an alarm of a VNF and of
// an NS have in common is all that is shown but for the root cause's component, which
// that of an NS has alone.
func (p *program) alarm() *cobra.Command {
	c := &cobra.Command{
		Use:   "alarm",
		Short: "Alarms of network services and of VNFs: list, show, acknowledge",
		Long: `Alarms say what is broken now. The VIM raises one for a host or a compute
(manoward vim alarms), the VNFM one for the VNF that has the compute, and the NFVO one
for each network service that has the VNF. They clear by themselves when the fault is
gone; a cleared alarm stays in the list for 7 days. --at vnfm asks the VNFM for those
of VNFs.`,
		Example: "  manoward alarm list\n  manoward alarm list --at vnfm --all\n  manoward alarm ack ALARM-ID",
	}
	connect := atFunction(c, "whose alarms: nfvo (of network services) or vnfm (of VNFs)", p.nsfm, p.vnffm)
	c.AddCommand(p.alarmList(connect), p.alarmShow(connect), p.alarmAck(connect))
	return c
}

type connector = func(context.Context) (*httpapi.Client, error)

// flagAt says whom a verb asks that the NFVO and the VNFM both serve.
const flagAt = "at"

// atFunction adds that flag to a command and its verbs, and connects to whom it names.
func atFunction(c *cobra.Command, use string, nfvo, vnfm connector) connector {
	at := c.PersistentFlags().String(flagAt, "nfvo", use)
	return func(ctx context.Context) (*httpapi.Client, error) {
		switch *at {
		case "nfvo":
			return nfvo(ctx)
		case "vnfm":
			return vnfm(ctx)
		}
		return nil, usage("--at is nfvo or vnfm")
	}
}

func (p *program) alarmList(connect connector) *cobra.Command {
	var all bool
	var of string
	c := &cobra.Command{Use: "list", Short: "List the alarms that are open", Example: "  manoward alarm list\n  manoward alarm list --of NS-ID --all"}
	c.Flags().BoolVar(&all, "all", false, "also those that are cleared")
	c.Flags().StringVar(&of, "of", "", "of this network service alone, or with --at vnfm of this VNF")
	query := func() (url.Values, error) {
		var terms []string
		if !all {
			terms = append(terms, "(neq,perceivedSeverity,CLEARED)")
		}
		if of != "" {
			terms = append(terms, "(eq,managedObjectId,"+quoted(of)+")")
		}
		if len(terms) == 0 {
			return nil, nil
		}
		return url.Values{"filter": {strings.Join(terms, ";")}}, nil
	}
	listVerb(p, c, connect, "/alarms", query, "ID\tOF\tSEVERITY\tACKNOWLEDGED\tRAISED\tCAUSE\tRESOURCE", func(a sol005.Alarm) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", a.ID, a.ManagedObjectID, a.PerceivedSeverity, acknowledged(&a), moment(a.AlarmRaisedTime), cell(a.ProbableCause), faulty(&a))
	})
	return c
}

func acknowledged(a *sol005.Alarm) string {
	if a.AckState == sol.Acknowledged {
		return "yes"
	}
	return "no"
}

func faulty(a *sol005.Alarm) string {
	if a.RootCauseFaultyResource == nil {
		return "-"
	}
	return string(a.RootCauseFaultyResource.FaultyResourceType) + " " + a.RootCauseFaultyResource.FaultyResource.ResourceID
}

func (p *program) alarmShow(connect connector) *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show an alarm: what is broken, since when, and what it follows from", Example: "  manoward alarm show ALARM-ID\n  manoward alarm show ALARM-ID --at vnfm -o json"}
	showVerb(p, c, connect, "/alarms/", func(w io.Writer, a *sol005.Alarm) {
		fmt.Fprintf(w, "alarm\t%s\nof\t%s\nseverity\t%s\nacknowledged\t%s\nfault\t%s\ncause\t%s\nobserved\t%s\nraised\t%s\n", a.ID, a.ManagedObjectID,
			a.PerceivedSeverity, acknowledged(a), dash(cell(a.FaultType)), cell(a.ProbableCause), moment(a.EventTime), moment(a.AlarmRaisedTime))
		if a.AlarmClearedTime != nil {
			fmt.Fprintf(w, "cleared\t%s\n", moment(*a.AlarmClearedTime))
		}
		if c := a.RootCauseFaultyComponent; c != nil {
			fmt.Fprintf(w, "VNF\t%s\n", c.FaultyVnfInstanceID)
		}
		fmt.Fprintf(w, "resource\t%s\n", faulty(a))
		for _, id := range a.CorrelatedAlarmIDs {
			fmt.Fprintf(w, "follows from alarm\t%s\n", id)
		}
		for _, d := range a.FaultDetails {
			fmt.Fprintf(w, "detail\t%s\n", cell(d))
		}
	})
	return c
}

func (p *program) alarmAck(connect connector) *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use: "ack ID", Short: "Acknowledge an alarm: somebody has taken note of it", Example: "  manoward alarm ack ALARM-ID\n  manoward alarm ack ALARM-ID --undo", Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := connect(c.Context())
			if err != nil {
				return err
			}
			in := sol.AlarmModifications{AckState: sol.Acknowledged}
			if undo {
				in.AckState = sol.Unacknowledged
			}
			if _, err := client.Do(c.Context(), http.MethodPatch, "/alarms/"+url.PathEscape(args[0]), in, nil); err != nil {
				return err
			}
			p.say("%s is %s", args[0], strings.ToLower(string(in.AckState)))
			return nil
		},
	}
	c.Flags().BoolVar(&undo, "undo", false, "take an acknowledgement back")
	return c
}
