package wire

import (
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/trust"
)

// What was created together is found by its own key, and what came later is not looked
// for.
func TestGrouped(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	operator := hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindOperator, Name: "root"}
	if _, err := h.registry.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	account, err := busAccount(t.Context(), h.bus, "north")
	if err != nil {
		t.Fatal(err)
	}
	name := smTable("alpha")
	table, err := account.Table(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	store := func(key, value string) {
		t.Helper()
		if _, err := table.Create(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	store("decision/d0", `{"n":0}`)
	store(state.Groups+"g1", "decision/d1 {\"n\":1}\ndecision/d2 {\"n\":2}\n")
	store(state.Groups+"g2", "decision/d3 {\"n\":3}\n")
	g := &grouped{within: map[string]map[string]string{}}
	for key, want := range map[string]string{"decision/d1": `{"n":1}`, "decision/d2": `{"n":2}`, "decision/d3": `{"n":3}`} {
		if raw, err := g.get(t.Context(), account, name, key); err != nil || string(raw) != want {
			t.Errorf("%s is %s, %v; want %s", key, raw, err, want)
		}
	}
	store(state.Groups+"g3", "decision/d4 {\"n\":4}\n")
	for _, key := range []string{"decision/d0", "decision/d4", "decision/none"} {
		if raw, err := g.get(t.Context(), account, name, key); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("%s is %s, %v; want not found", key, raw, err)
		}
	}
	store(state.Groups+"g4", "torn")
	torn := &grouped{within: map[string]map[string]string{}}
	if _, err := torn.get(t.Context(), account, name, "decision/d1"); err == nil || hub.CodeOf(err) == hub.NotFound {
		t.Errorf("with a torn message: %v", err)
	}
}
