package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

func (p *program) vim() *cobra.Command {
	c := &cobra.Command{
		Use:   "vim",
		Short: "The NFVI model: load an inventory, inject a change, look at hosts, images and storages",
		Long: `The built-in VIM manages a model of an infrastructure, not a real one, and says so
in every answer (nfviSource). It is there to exercise policies and enforcement
before a real VIM is attached.`,
		Example: `  manoward vim load inventory.yaml
  manoward vim event host-failed compute-1
  manoward vim hosts`,
	}
	load := &cobra.Command{
		Use: "load FILE", Short: "Load points of presence, zones, hosts and flavours from YAML", Example: "  manoward vim load inventory.yaml", Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			body, err := readBody(args[0], "inventory")
			if err != nil {
				return err
			}
			client, err := p.vimClient(c.Context())
			if err != nil {
				return err
			}
			if _, err := client.Do(c.Context(), http.MethodPost, "/inventory", body, nil); err != nil {
				return err
			}
			p.say("loaded %s", args[0])
			return nil
		},
	}
	event := &cobra.Command{
		Use:   "event KIND TARGET [VALUE]",
		Short: "Inject one change, to see what follows",
		Long: `Injects one change into the NFVI model: host-failed HOST, host-recovered HOST,
host-integrity HOST TRUSTED|UNTRUSTED|UNKNOWN, image-altered IMAGE TEXT,
compute-failed COMPUTE, packet PORT "PROTOCOL SOURCE DESTINATION" (tcp, udp and sctp with
ports, icmp without), measured COMPUTE|PORT "METRIC VALUE" (of a compute VCpuUsageMean and
the like, in percent; of a port VNetByteIncoming and the like).`,
		Example: "  manoward vim event host-failed compute-1\n  manoward vim event host-integrity compute-1 UNTRUSTED\n  manoward vim event packet PORT-ID \"udp 10.0.0.2:4444 203.0.113.9:53\"\n  manoward vim event measured COMPUTE-ID \"VCpuUsageMean 12.5\"",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 || len(args) > 3 {
				return usage("%s takes KIND TARGET [VALUE]; see: %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.vimClient(c.Context())
			if err != nil {
				return err
			}
			in := ifa006.Exercise{Kind: args[0], Target: args[1]}
			if len(args) == 3 {
				in.Value = args[2]
			}
			if _, err := client.Do(c.Context(), http.MethodPost, "/events", in, nil); err != nil {
				return err
			}
			p.say("injected %s on %s", args[0], args[1])
			return nil
		},
	}
	hosts := &cobra.Command{Use: "hosts", Short: "List the hosts with what is used of them", Example: "  manoward vim hosts"}
	p.hostList(hosts)
	images := &cobra.Command{Use: "images", Short: "List the images with their checksums", Example: "  manoward vim images"}
	listVerb(p, images, p.vimClient, "/images", noQuery, "ID\tNAME\tTRUST DOMAIN\tSTATUS\tCHECKSUM", func(i ifa006.Image) string {
		sum := "-"
		if i.Checksum != nil {
			sum = i.Checksum.Algorithm + " " + i.Checksum.Hash
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", i.ID, i.Name, i.TrustDomain, i.Status, sum)
	})
	storages := &cobra.Command{Use: "storages", Short: "List the storages, and when those that were erased and stay were erased", Example: "  manoward vim storages"}
	listVerb(p, storages, p.vimClient, "/storages", noQuery, "ID\tNAME\tTRUST DOMAIN\tGIB\tVNF\tERASED", storageRow)
	ports := &cobra.Command{Use: "ports", Short: "List the ports with their addresses, and what they are attached to", Example: "  manoward vim ports"}
	listVerb(p, ports, p.vimClient, "/ports", noQuery, "ID\tNETWORK\tTRUST DOMAIN\tADDRESSES\tATTACHED TO\tVNF", func(o ifa006.Port) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", o.ID, o.NetworkID, o.TrustDomain, dash(strings.Join(o.IPAddresses, " ")), dash(o.AttachedTo), dash(o.Metadata["vnfInstanceId"]))
	})
	alarms := &cobra.Command{Use: "alarms", Short: "List the open alarms of hosts and computes", Example: "  manoward vim alarms"}
	listVerb(p, alarms, p.vimClient, "/alarms", noQuery, "ID\tRESOURCE\tSEVERITY\tRAISED\tFAULT\tCAUSE\tHOST", func(a ifa006.Alarm) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", a.ID, a.ManagedObjectID, a.Severity, moment(a.Raised), a.FaultType, a.ProbableCause, dash(a.HostID))
	})
	c.AddCommand(load, event, hosts, images, storages, ports, alarms)
	return c
}

func storageRow(s ifa006.Storage) string {
	erased := "-"
	if s.ErasedAt != nil {
		erased = moment(*s.ErasedAt)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%d\t%s\t%s", s.ID, cell(s.Name), s.TrustDomain, s.SizeGiB, dash(s.Metadata["vnfInstanceId"]), erased)
}

func noQuery() (url.Values, error) { return nil, nil }

func (p *program) hostList(c *cobra.Command) {
	listVerb(p, c, p.vimClient, "/hosts", noQuery, "HOST\tZONE\tSTATE\tINTEGRITY\tUSE ENDED FOR\tVCPUS\tMEMORY MIB\tDISK GIB\tEQUIPMENT", func(h ifa006.Host) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d/%d\t%d/%d\t%d/%d\t%s", h.ID, h.ZoneID, h.State, h.Integrity, endedFor(&h),
			h.Allocated.VCPUs, h.Total.VCPUs, h.Allocated.MemoryMiB, h.Total.MemoryMiB, h.Allocated.DiskGiB, h.Total.DiskGiB, dash(equipment(&h)))
	})
}

// endedFor says for whom the use of a host was ended: for all, or for some trust
// domains alone while the host goes on for the others.
func endedFor(h *ifa006.Host) string {
	if h.State == "STOPPED" || h.State == "QUARANTINED" {
		return "all"
	}
	var names []string
	for _, domain := range h.StoppedFor {
		if slices.Contains(h.QuarantinedFor, domain) {
			domain += " (quarantined)"
		}
		names = append(names, domain)
	}
	return dash(strings.Join(names, ", "))
}

func (p *program) hostShow() *cobra.Command {
	c := &cobra.Command{
		Use: "show HOST", Short: "Show a host: where it is, what it has, for whom its use was ended, what is on it", Example: "  manoward host show compute-1",
	}
	showVerb(p, c, p.vimClient, "/hosts/", func(w io.Writer, h *ifa006.Host) {
		fmt.Fprintf(w, "host\t%s\nzone\t%s\nlocation\t%s\nstate\t%s, since %s\n", h.ID, h.ZoneID,
			dash(strings.Trim(strings.Join([]string{h.Location.Country, h.Location.Site, h.Location.Room, h.Location.Rack}, " "), " ")), h.State, moment(h.StateSince))
		if h.StateReason != "" {
			fmt.Fprintf(w, "because\t%s\n", cell(h.StateReason))
		}
		fmt.Fprintf(w, "use ended for\t%s\nintegrity\t%s\nfirmware\t%s\nequipment\t%s\ntakes\t%s\n", endedFor(h), h.Integrity, dash(h.Firmware), dash(equipment(h)), takes(h))
		fmt.Fprintf(w, "vCPUs\t%d of %d\nmemory\t%d of %d MiB\ndisk\t%d of %d GiB\n", h.Allocated.VCPUs, h.Total.VCPUs, h.Allocated.MemoryMiB, h.Total.MemoryMiB, h.Allocated.DiskGiB, h.Total.DiskGiB)
		for _, id := range h.ComputeIDs {
			fmt.Fprintf(w, "compute\t%s\n", id)
		}
	})
	c.Args = exactly("HOST")
	return c
}

// takes says whose computes a host may hold.
func takes(h *ifa006.Host) string {
	if len(h.TrustDomains) == 0 {
		return "computes of all trust domains"
	}
	return "computes of " + strings.Join(h.TrustDomains, ", ")
}

// equipment is the security hardware of a host and what its accelerators can do.
func equipment(h *ifa006.Host) string {
	e := h.Equipment
	var has []string
	for _, x := range []struct {
		there bool
		name  string
	}{{e.TPM, "TPM"}, {e.HSM, "HSM"}, {e.HMEE, "HMEE"}} {
		if x.there {
			has = append(has, x.name)
		}
	}
	return strings.Join(append(has, h.Acceleration...), ",")
}

// hostOrder is what became of the end of use of a host.
type hostOrder struct {
	ID         string   `json:"id"`
	HostID     string   `json:"hostId"`
	State      string   `json:"state"`
	Migrated   []string `json:"migratedVnfInstances"`
	Terminated []string `json:"terminatedVnfInstances"`
	Operations []string `json:"nsLcmOpOccIds"`
	Problems   []string `json:"problems"`
}

func (p *program) host() *cobra.Command {
	c := &cobra.Command{
		Use:     "host",
		Short:   "Hosts of the infrastructure: end their use, and take them into use again",
		Example: "  manoward host list\n  manoward host stop-use compute-1 --vnfs migrate",
	}
	list := &cobra.Command{Use: "list", Short: "List the hosts", Example: "  manoward host list"}
	p.hostList(list)
	release := &cobra.Command{
		Use: "release HOST", Short: "Take a host into use again whose use was ended", Example: "  manoward host release compute-1", Args: exactly("HOST"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nfvoExtensions(c.Context())
			if err != nil {
				return err
			}
			if _, err := client.Do(c.Context(), http.MethodPost, "/hosts/"+url.PathEscape(args[0])+"/release", nil, nil); err != nil {
				return err
			}
			p.say("%s takes VNFs again", args[0])
			return nil
		},
	}
	c.AddCommand(list, p.hostShow(), p.hostStopUse(), release)
	return c
}

func (p *program) hostStopUse() *cobra.Command {
	var vnfs, reason string
	var quarantine bool
	c := &cobra.Command{
		Use:   "stop-use HOST",
		Short: "End the use of a host: migrate or terminate its VNFs, and quarantine it",
		Long: `Ends the use of a host: it takes no more VNFs, and those on it are migrated to
others or terminated. --quarantine isolates the host with what is left on it.`,
		Example: "  manoward host stop-use compute-1 --vnfs migrate --reason 'boot measurement failed'",
		Args:    exactly("HOST"),
		RunE: func(c *cobra.Command, args []string) error {
			what := strings.ToUpper(vnfs)
			if what != "MIGRATE" && what != "TERMINATE" {
				return usage("--vnfs is migrate or terminate")
			}
			client, err := p.nfvoExtensions(c.Context())
			if err != nil {
				return err
			}
			in := map[string]any{"vnfs": what, "quarantine": quarantine, "reason": reason}
			answer, err := client.Do(c.Context(), http.MethodPost, "/hosts/"+url.PathEscape(args[0])+"/stop_use", in, nil)
			if err != nil {
				return err
			}
			var order hostOrder
			err = p.poll(c.Context(), func() string { return "ending the use of " + args[0] }, func() (bool, error) {
				_, err := client.Do(c.Context(), http.MethodGet, "/host_orders/"+lastSegment(answer.Location), nil, &order)
				return order.State != "PROCESSING", err
			})
			if err != nil {
				return err
			}
			if err := p.print(&order, func(w io.Writer) { hostOrderTable(w, &order) }); err != nil {
				return err
			}
			if len(order.Problems) > 0 {
				return hub.E(hub.Conflict, "stop use", fmt.Sprintf("the use of %s ended only in part; the problems are listed above", args[0]), nil)
			}
			return nil
		},
	}
	c.Flags().StringVar(&vnfs, "vnfs", "", "migrate or terminate (required)")
	c.Flags().BoolVar(&quarantine, "quarantine", false, "isolate the host with what is left on it")
	c.Flags().StringVar(&reason, "reason", "", "why, for the records")
	return c
}

func hostOrderTable(w io.Writer, o *hostOrder) {
	fmt.Fprintf(w, "host\t%s\norder\t%s\nstate\t%s\n", o.HostID, o.ID, o.State)
	for _, list := range []struct {
		name string
		ids  []string
	}{{"migrated", o.Migrated}, {"terminated", o.Terminated}, {"operation", o.Operations}, {"problem", o.Problems}} {
		for _, id := range list.ids {
			fmt.Fprintf(w, "%s\t%s\n", list.name, id)
		}
	}
}

// delivery is how a subscription is doing.
type delivery struct {
	ID        string `json:"id"`
	API       string `json:"api"`
	Domain    string `json:"trustDomain"`
	Owner     string `json:"owner"`
	Callback  string `json:"callbackUri"`
	Pending   int    `json:"pending"`
	Dead      bool   `json:"dead"`
	LastError string `json:"lastError,omitempty"`
}

func (p *program) subscription() *cobra.Command {
	c := &cobra.Command{
		Use:     "subscription",
		Short:   "Subscriptions to notifications: who gets what, and whether it arrives",
		Example: "  manoward subscription list",
	}
	list := &cobra.Command{Use: "list", Short: "List the subscriptions with the state of their delivery", Example: "  manoward subscription list"}
	listVerb(p, list, p.nfvoExtensions, "/subscriptions", noQuery, "ID\tAPI\tTRUST DOMAIN\tOWNER\tPENDING\tSTATE\tLAST ERROR", func(d delivery) string {
		state := "alive"
		if d.Dead {
			state = "dead"
		} else if d.LastError != "" {
			state = "failing"
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%s\t%s", d.ID, d.API, d.Domain, d.Owner, d.Pending, state, dash(d.LastError))
	})
	c.AddCommand(list)
	return c
}
