package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// held is a collection of resources that keeps its trust domain from deletion, or
// is lost with it, as it is stored.
type held struct {
	domain, table, prefix string // domain is whose account has the table
	noun                  string // for people, in the plural
}

// domainUse lists what a trust domain still holds. It reads the tables, and asks
// no function: those may run in other processes, or not at all now.
func domainUse(bus *natsbus.Bus) func(ctx context.Context, domain string) ([]string, error) {
	return func(ctx context.Context, domain string) ([]string, error) {
		kinds := []held{
			{domain, "NFVO", "ns/", "network services"},
			{domain, vnfm.Table, "vnf/", "VNF instances"},
			{trust.HubDomain, vim.Table, "compute/", "virtualised computes"},
			{domain, "CATALOGUE", string(catalogue.NSD) + "/", "NSDs"},
			{domain, "CATALOGUE", string(catalogue.VNF) + "/", "VNF packages"},
			{domain, "CATALOGUE", string(catalogue.PNF) + "/", "PNFDs"},
		}
		return countHeld(ctx, bus, domain, kinds)
	}
}

// domainKeeps lists what the Security Managers that ran here, and the CMF, have kept
// of a trust domain. Its account closes with the domain; what they recorded stays in the log.
func domainKeeps(bus *natsbus.Bus, directory *trust.Directory) func(ctx context.Context, domain string) ([]string, error) {
	return func(ctx context.Context, domain string) ([]string, error) {
		kinds := []held{
			{domain, cmfTable, "certificate/", "issued certificates, whose revocation lists nobody signs any more"},
			{domain, cmfTable, "registration/", "registrations of certificate subjects"},
		}
		for _, sm := range directory.SecurityManagers(domain) {
			for prefix, noun := range map[string]string{
				"decision/": "decisions", "order/": "orders", "policies/": "revisions of policies", "level/": "levels",
			} {
				kinds = append(kinds, held{domain, smTable(sm.Name), prefix, noun + " of Security Manager " + sm.Name})
			}
		}
		slices.SortFunc(kinds, func(a, b held) int { return strings.Compare(a.noun, b.noun) })
		return countHeld(ctx, bus, domain, kinds)
	}
}

// countHeld says of each kind of which there is something how much there is.
func countHeld(ctx context.Context, bus *natsbus.Bus, domain string, kinds []held) ([]string, error) {
	var found []string
	for _, k := range kinds {
		n, err := k.count(ctx, bus, domain)
		if err != nil {
			return nil, fmt.Errorf("count the %s of trust domain %s: %w", k.noun, domain, err)
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, k.noun))
		}
	}
	return found, nil
}

// count counts what is of a trust domain. Resources of the hub's own account name
// theirs.
func (k held) count(ctx context.Context, bus *natsbus.Bus, domain string) (int, error) {
	account, err := busAccount(ctx, bus, k.domain)
	if err != nil {
		return 0, err
	}
	if account.LacksTable(k.table) {
		return 0, nil // asking for it would make it
	}
	table, err := account.Table(ctx, k.table)
	if err != nil {
		return 0, err
	}
	if k.domain == domain {
		return countKeys(ctx, table, k.prefix)
	}
	entries, err := table.List(ctx, k.prefix)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		var of struct {
			TrustDomain string `json:"trustDomain"`
		}
		if err := json.Unmarshal(e.Value, &of); err != nil {
			return 0, fmt.Errorf("read %s: %w", e.Key, err)
		}
		if of.TrustDomain == domain {
			n++
		}
	}
	return n, nil
}

// countKeys counts what is there under a prefix, and of what was created together what
// has it. It keeps none of it: there may be a million decisions.
func countKeys(ctx context.Context, table *natsbus.Table, prefix string) (n int, err error) {
	for _, of := range []string{prefix, state.Groups} {
		whole, done := context.WithCancel(ctx)
		err = table.Watch(whole, of, func(c natsbus.Change) {
			switch {
			case whole.Err() != nil:
			case c.Synced:
				done()
			case of == state.Groups:
				n += state.CountGrouped(c.Value, prefix) // one that is removed has no value
			case c.Deleted:
				n--
			default:
				n++
			}
		})
		done()
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return n, err
		}
	}
	return n, nil
}
