package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// allowanceLimits bound what is granted; nil does not bind.
type allowanceLimits struct {
	VCPUs        *int64 `json:"vcpus,omitempty"`
	MemoryMiB    *int64 `json:"memoryMiB,omitempty"`
	StorageGiB   *int64 `json:"storageGiB,omitempty"`
	VnfInstances *int64 `json:"vnfInstances,omitempty"`
}

// allowanceBody is a permitted allowance with what is used of it.
type allowanceBody struct {
	ID          string          `json:"id"`
	TrustDomain string          `json:"trustDomain"`
	Scope       string          `json:"scope"`
	Limits      allowanceLimits `json:"limits"`
	Used        struct {
		VCPUs        int64 `json:"vcpus"`
		MemoryMiB    int64 `json:"memoryMiB"`
		StorageGiB   int64 `json:"storageGiB"`
		VnfInstances int64 `json:"vnfInstances"`
	} `json:"used"`
	State     string `json:"state"`
	Uncounted bool   `json:"uncounted,omitempty"`
}

// uses are what is used, each beside its limit.
func (a *allowanceBody) uses() [4]string {
	of := func(used int64, limit *int64) string {
		if limit == nil {
			return fmt.Sprintf("%d", used)
		}
		return fmt.Sprintf("%d of %d", used, *limit)
	}
	return [4]string{
		of(a.Used.VCPUs, a.Limits.VCPUs), of(a.Used.MemoryMiB, a.Limits.MemoryMiB),
		of(a.Used.StorageGiB, a.Limits.StorageGiB), of(a.Used.VnfInstances, a.Limits.VnfInstances),
	}
}

func (a *allowanceBody) table(w io.Writer) {
	u := a.uses()
	fmt.Fprintf(w, "allowance\t%s\ntrust domain\t%s\nscope\t%s\nstate\t%s\nvCPUs\t%s\nmemory, MiB\t%s\nstorage, GiB\t%s\nVNF instances\t%s\n", a.ID, a.TrustDomain, a.Scope, a.state(), u[0], u[1], u[2], u[3])
}

func (a *allowanceBody) state() string {
	if a.Uncounted {
		return a.State + ", still being counted"
	}
	return a.State
}

// allowance is the permitted allowances of the NFVO: our own resource, for SOL 005 has
// none.
func (p *program) allowance() *cobra.Command {
	c := &cobra.Command{
		Use:   "allowance",
		Short: "Permitted allowances: how much of the infrastructure VNFs may be granted",
		Long: `An allowance bounds how much of the infrastructure the VNFs of a scope may be
granted together: of a trust domain (vnfm), of a network service (ns/NS-ID), or of
the instances of a VNFD (vnfd/VNFD-ID). The NFVO refuses a grant that would exceed
it. What is used already is never taken away.`,
		Example: "  manoward allowance set --trust-domain north --scope vnfm --vcpus 64 --vnfs 20\n  manoward allowance list",
	}
	list := &cobra.Command{Use: "list", Short: "List the allowances with what is used of them", Example: "  manoward allowance list\n  manoward allowance list --trust-domain north -o json"}
	domain := list.Flags().String("trust-domain", "", "of this trust domain alone")
	query := func() (url.Values, error) {
		if *domain == "" {
			return nil, nil
		}
		return url.Values{"filter": {"(eq,trustDomain," + quoted(*domain) + ")"}}, nil
	}
	listVerb(p, list, p.nfvoExtensions, "/allowances", query, "ID\tTRUST DOMAIN\tSCOPE\tSTATE\tVCPUS\tMEMORY MIB\tSTORAGE GIB\tVNFS", func(a allowanceBody) string {
		u := a.uses()
		return strings.Join([]string{a.ID, a.TrustDomain, a.Scope, a.state(), u[0], u[1], u[2], u[3]}, "\t")
	})
	show := &cobra.Command{Use: "show ID", Short: "Show an allowance and what is used of it", Example: "  manoward allowance show ALLOWANCE-ID\n  manoward allowance show ALLOWANCE-ID -o yaml"}
	showVerb(p, show, p.nfvoExtensions, "/allowances/", func(w io.Writer, a *allowanceBody) { a.table(w) })
	remove := &cobra.Command{Use: "delete ID", Short: "Delete an allowance: it bounds nothing any more", Example: "  manoward allowance delete ALLOWANCE-ID"}
	deleteVerb(p, remove, p.nfvoExtensions, "/allowances/")
	c.AddCommand(list, show, p.allowanceSet(), remove)
	return c
}

// limitFlag is a flag of allowance set.
type limitFlag struct{ name, text string }

// limitFlags are in the order of allowanceLimits.
var limitFlags = [4]limitFlag{
	{"vcpus", "vCPUs"}, {"memory-mib", "memory in MiB"}, {"storage-gib", "local disks and virtual storages in GiB"}, {"vnfs", "VNF instances"},
}

func (l *allowanceLimits) list() [4]**int64 {
	return [4]**int64{&l.VCPUs, &l.MemoryMiB, &l.StorageGiB, &l.VnfInstances}
}

// unbound is the value of a flag that lifts a limit.
const unbound = "none"

// set puts the limits in that were given, each a number or none.
func (l *allowanceLimits) set(c *cobra.Command, given *[4]string) error {
	for i, limit := range l.list() {
		flag := limitFlags[i].name
		switch {
		case !c.Flags().Changed(flag):
		case given[i] == unbound:
			*limit = nil
		default:
			n, err := strconv.ParseInt(given[i], 10, 64)
			if err != nil {
				return usage("--%s is a whole number, or %s", flag, unbound)
			}
			*limit = &n
		}
	}
	return nil
}

func (p *program) allowanceSet() *cobra.Command {
	var domain, scope string
	var given [4]string
	c := &cobra.Command{
		Use:   "set",
		Short: "Set limits of a scope; those that are not given stay as they are",
		Long: `Sets limits of a scope. One that is not given stays as it is, and does not bind if
there was none; "none" lifts one. Limits below what is used take nothing away;
nothing more is granted until less is used.`,
		Example: `  manoward allowance set --trust-domain north --scope vnfm --vcpus 64 --memory-mib 131072 --storage-gib 500 --vnfs 20
  manoward allowance set --trust-domain north --scope vnfd/north-web --vnfs 5 --vcpus none`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			var limits allowanceLimits
			if err := limits.set(c, &given); err != nil { // before anything is asked
				return err
			}
			if !slices.ContainsFunc(limitFlags[:], func(f limitFlag) bool { return c.Flags().Changed(f.name) }) {
				return usage("nothing is set; give a limit: --vcpus, --memory-mib, --storage-gib or --vnfs")
			}
			client, err := p.nfvoExtensions(c.Context())
			if err != nil {
				return err
			}
			there, err := list[allowanceBody](c.Context(), client, "/allowances", url.Values{"filter": {"(eq,trustDomain," + quoted(domain) + ");(eq,scope," + quoted(scope) + ")"}})
			if err != nil {
				return err
			}
			method, path, in := http.MethodPost, "/allowances", map[string]any{"trustDomain": domain, "scope": scope, "limits": limits}
			if len(there) > 0 {
				limits = there[0].Limits
				if err := limits.set(c, &given); err != nil {
					return err
				}
				method, path, in = http.MethodPut, path+"/"+url.PathEscape(there[0].ID), map[string]any{"limits": limits}
			}
			var a allowanceBody
			if _, err := client.Do(c.Context(), method, path, in, &a); err != nil {
				return err
			}
			return p.print(&a, func(w io.Writer) { a.table(w) })
		},
	}
	c.Flags().StringVar(&scope, "scope", "", "what is bounded: vnfm (all VNFs of the trust domain), ns/NS-ID or vnfd/VNFD-ID (required)")
	for i, f := range limitFlags {
		c.Flags().StringVar(&given[i], f.name, "", "most "+f.text+`, or "none"`)
	}
	domainFlag(c, &domain)
	named := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if scope == "" {
			return usage("--scope is missing; it is vnfm, ns/NS-ID or vnfd/VNFD-ID")
		}
		return named(c, args)
	}
	return c
}
