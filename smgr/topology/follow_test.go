package topology

import (
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// TestFollow holds that an event of a host that another process judged is in the
// next input of an NS upon it, at once, and that who follows does not keep it.
func TestFollow(t *testing.T) {
	s := built(t, small())
	err := s.Follow(change(hub.EventHostChange, "host/h1", "HOST", "h1", "STATE", noon, map[string]any{"integrityState": "UNTRUSTED"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Follow(nsChange("n1", "v1", "VNF_OPERATE", "COMPLETED", noon, map[string]any{"manoward.change": map[string]any{"vnfState": map[string]any{"before": "STARTED", "after": "STOPPED"}}})); err != nil {
		t.Fatal(err)
	}
	in := s.input(t, review("n1", noon))
	expect(t, in, map[string]string{"hosts h1 integrity": `"UNTRUSTED"`, "vnfs v1 operationalState": `"STOPPED"`})
	if asked := s.world.requests(); len(asked) > 0 {
		t.Errorf("it asked for %v", asked)
	}
	if recent := in["recent"].([]any); len(recent) != 0 {
		t.Errorf("it kept %v", recent)
	}
	if err := s.Follow(smgr.Event{ID: "x", Kind: hub.EventHostChange, Body: []byte(`{}`)}); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("an event of nothing: %v", err)
	}
}
