package topology

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// TestQueries holds what orders are planned with: where a VNF is used, what is
// beside it, and how many instances a profile has.
func TestQueries(t *testing.T) {
	w := small()
	// v2 is shared: n2 has it under another profile.
	n := maps.Clone(w.nss["n2"])
	n["vnfInstance"] = append(slices.Clone(n["vnfInstance"].([]any)), w.vnfOf("n1", "v2"))
	ext := maps.Clone(n["manoward.vnfs"].(map[string]any))
	ext["v2"] = map[string]any{"vnfProfileId": "shared"}
	n["manoward.vnfs"] = ext
	w.nss["n2"] = n
	s, ctx := built(t, w), t.Context()
	check := func(what string, got any, err error, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", what, got, err, want)
		}
	}
	places, err := s.Places(ctx, "v2")
	check("places", places, err, []Place{{"n1", "amf"}, {"n2", "shared"}})
	places, err = s.Places(ctx, "v?")
	check("places of nothing", places, err, []Place(nil))
	profile, err := s.Profile(ctx, "n1", "amf")
	check("profile", profile, err, Profile{MinInstances: 1, VnfInstanceIDs: []string{"v1", "v2"}})
	profile, err = s.Profile(ctx, "n2", "shared")
	check("profile of a shared VNF", profile.VnfInstanceIDs, err, []string{"v2"})
	profile, err = s.Profile(ctx, "n?", "amf")
	check("profile of nothing", profile, err, Profile{})
	ids, err := s.CoHosted(ctx, "v1")
	check("co-hosted", ids, err, []string{"v3"})
	ids, err = s.OnHost(ctx, "h1")
	check("on host", ids, err, []string{"v1", "v3"})
	ids, err = s.NsIDs(ctx, "", 1)
	check("first page", ids, err, []string{"n1"})
	ids, err = s.NsIDs(ctx, "n1", 10)
	check("second page", ids, err, []string{"n2"})

	// An instance that ended does not count, also before it is read again.
	s.input(t, nsChange("n1", "v1", "VNF_TERMINATE", "COMPLETED", noon, nil))
	profile, err = s.Profile(ctx, "n1", "amf")
	check("profile after an end", profile.VnfInstanceIDs, err, []string{"v2"})
}

func TestNsIDsBeforeTheFirstReading(t *testing.T) {
	s := start1(t, small(), &memstate.Bus{}, nil)
	if _, err := s.NsIDs(t.Context(), "", 10); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("NSs of a model that was not read: %v", err)
	}
}
