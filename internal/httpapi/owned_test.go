package httpapi

import (
	"errors"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestAuthorizeOwned(t *testing.T) {
	missing := hub.E(hub.NotFound, "find", "there is none", nil)
	absent := hub.E(hub.NotFound, "look up", "not there", nil)
	broken := hub.E(hub.Unavailable, "look up", "the bus is down", nil)
	denied := hub.E(hub.Denied, "authorize", "your mode does not allow it", nil)
	caller := hub.Identity{TrustDomain: "north", Kind: hub.KindOSS, Name: "a"}
	// may is a caller of north who may do it; mayNot one who may not do it at all.
	may := func(domain string) (hub.Identity, error) {
		if domain != "" && domain != "north" {
			return caller, hub.E(hub.NotFound, "authorize", "another's", nil)
		}
		return caller, nil
	}
	mayNot := func(domain string) (hub.Identity, error) {
		if _, err := may(domain); err != nil {
			return caller, err
		}
		return caller, denied
	}
	for name, c := range map[string]struct {
		authorize func(string) (hub.Identity, error)
		domain    string
		found     error
		want      error
	}{
		"own":                               {may, "north", nil, nil},
		"own, not allowed":                  {mayNot, "north", nil, denied},
		"another's as absent":               {may, "south", nil, missing},
		"absent":                            {may, "", absent, missing},
		"absent, whatever domain is said":   {may, "south", absent, missing},
		"another's, not allowed, as absent": {mayNot, "south", nil, denied},
		"absent, not allowed":               {mayNot, "", absent, denied},
		"cannot be looked up":               {may, "north", broken, broken},
	} {
		who, err := AuthorizeOwned(c.authorize, c.domain, c.found, missing)
		if !errors.Is(err, c.want) || err == nil && who != caller {
			t.Errorf("%s: %v, %v; want %v", name, who, err, c.want)
		}
	}
}
