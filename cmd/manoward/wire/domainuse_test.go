package wire

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
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

// What Security Managers have kept is lost with a trust domain only for who has
// said so, and who asks is told how much it is.
func TestDeleteDomain_SaysWhatIsLost(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	operator := hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindOperator, Name: "root"}
	if _, err := h.registry.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	requests := map[hub.Interface]string{}
	for _, i := range hub.Interfaces() {
		csr, _, err := cli.NewRequest(hub.Identity{TrustDomain: "north", Kind: hub.KindSM, Name: "alpha", Interface: i})
		if err != nil {
			t.Fatal(err)
		}
		requests[i] = csr
	}
	if _, err := h.registry.Register(t.Context(), operator, "north", hub.Registration{Name: "alpha", Mode: hub.Passive, Requests: requests}); err != nil {
		t.Fatal(err)
	}
	account, err := busAccount(t.Context(), h.bus, "north")
	if err != nil {
		t.Fatal(err)
	}
	table, err := account.Table(t.Context(), smTable("alpha"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"decision/d1", "decision/d2", "order/o1", "policies/p1", "active/policies"} {
		if _, err := table.Create(t.Context(), key, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.Create(t.Context(), state.Groups+"g", []byte("decision/d3 {}\norder/o2 {}\ndecision/d4 {}\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.registry.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{Reason: "the end"}); err != nil {
		t.Fatal(err)
	}
	err = h.registry.DeleteDomain(t.Context(), operator, "north")
	for _, told := range []string{"4 decisions of Security Manager alpha", "2 orders", "1 revisions of policies", "--discard"} {
		if hub.CodeOf(err) != hub.Conflict || !strings.Contains(hub.SafeText(err), told) {
			t.Errorf("%q is not told: %v", told, err)
		}
	}
	if d, ok := h.directory.Domain("north"); !ok || d.State != hub.StateActive {
		t.Errorf("the domain is %+v", d)
	}
	if err := h.registry.DiscardDomain(t.Context(), operator, "north"); err != nil {
		t.Errorf("what may be lost: %v", err)
	}
}
