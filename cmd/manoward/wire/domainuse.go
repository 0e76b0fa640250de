package wire

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// held is a collection of resources that keeps its trust domain from deletion,
// as it is stored.
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
	entries, err := table.List(ctx, k.prefix)
	if err != nil || k.domain == domain {
		return len(entries), err
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
