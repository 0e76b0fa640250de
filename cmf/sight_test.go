package cmf_test

import (
	"testing"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
)

func TestSees(t *testing.T) {
	const mine = "spiffe://north/vnfm/one"
	for who, want := range map[string][2]bool{ // of mine in north, and of the hub's own VNFM's in north
		mine:                          {true, false},
		"spiffe://north/vnfm/two":     {},
		"spiffe://south/vnfm/one":     {},
		"spiffe://north/operator/one": {},
		"spiffe://hub/vnfm/hub":       {false, true},
		"spiffe://hub/operator/admin": {true, true},
		"spiffe://hub/auditor/one":    {true, true},
		"spiffe://hub/cmf/hub":        {true, true},
		"spiffe://hub/client/one":     {},
	} {
		id, err := hub.ParseIdentity(who)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{cmf.Sees(id, "north", mine), cmf.Sees(id, "north", "spiffe://hub/vnfm/hub")}; got != want {
			t.Errorf("%s: %v, want %v", who, got, want)
		}
	}
	if who := (hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: "one"}); cmf.Sees(who, "south", mine) {
		t.Error("a consumer sees what is in a trust domain that is not its own")
	}
}
