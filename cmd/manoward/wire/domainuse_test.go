package wire

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/vim"
)

// A trust domain that holds something is not deleted, wherever that is stored.
func TestDeleteDomain_HoldsResources(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	operator := hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindOperator, Name: "root"}
	for _, name := range []string{"north", "south"} {
		if _, err := h.registry.CreateDomain(t.Context(), operator, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, of := range []struct{ account, table, key, value, told string }{
		{"north", "NFVO", "ns/n1", `{}`, "1 network services"},
		{"north", "CATALOGUE", "vnf-package/p1", `{}`, "1 VNF packages"},
		{trust.HubDomain, vim.Table, "compute/c1", `{"id":"c1","domain":"north","trustDomain":"north"}`, "1 virtualised computes"},
	} {
		account, err := busAccount(t.Context(), h.bus, of.account)
		if err != nil {
			t.Fatal(err)
		}
		table, err := account.Table(t.Context(), of.table)
		if err != nil {
			t.Fatal(err)
		}
		revision, err := table.Create(t.Context(), of.key, []byte(of.value))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.registry.DeleteDomain(t.Context(), operator, "north"); hub.CodeOf(err) != hub.Conflict || !strings.Contains(hub.SafeText(err), of.told) {
			t.Errorf("with %s: %v", of.key, err)
		}
		if of.account == trust.HubDomain {
			if err := h.registry.DeleteDomain(t.Context(), operator, "south"); err != nil {
				t.Errorf("the other domain: %v", err)
			}
		}
		if err := table.Delete(t.Context(), of.key, revision); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.registry.DeleteDomain(t.Context(), operator, "north"); err != nil {
		t.Errorf("empty: %v", err)
	}
}
