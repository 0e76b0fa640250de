package authority_test

import (
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// On a real bus what was made and rotated is there again when it is opened anew,
// and two processes agree on it.
func TestBus(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	bus := testbus.Open(t, dir, w.bus.Domains...)
	w.tables = bus.Tables()
	p, other := w.start(), w.start()
	_, before := p.issue("north")
	other.rotate("north", intermediate)
	_, after := other.issue("north")
	if err := p.answers("north", before.Issuer); err != nil {
		t.Error(err)
	}
	p.end()
	other.end()
	bus.Close()
	w.tables = testbus.Open(t, dir).Tables()
	p = w.start()
	if _, issued := p.issue("north"); issued.Issuer != after.Issuer || p.states("north") != "root 1 ACTIVE, issuer 2 RETIRING, issuer 3 ACTIVE" {
		t.Errorf("signed by %s, %s", issued.Issuer, p.states("north"))
	}
	if _, err := p.Issue(t.Context(), "nowhere", w.order()); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("issue in a trust domain that there is not: %v", err)
	}
	p.end()
}
