package vim

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// FuzzAllocate holds that no request breaks the model, whatever it says.
func FuzzAllocate(f *testing.F) {
	for _, c := range []ifa006.Compute{
		compute("c1", "small"), {ID: "c2", TrustDomain: "alpha", FlavourID: "large", Constraints: apart("g"), Ports: []ifa006.Port{{NetworkID: "net"}}},
		{ID: "c3", TrustDomain: "beta", FlavourID: "tpm", HostID: "h1", Storages: []ifa006.Storage{{SizeGiB: 1}}},
	} {
		raw, err := json.Marshal(c)
		ok(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c ifa006.Compute
		if json.Unmarshal(raw, &c) != nil {
			return
		}
		m := loaded(t, &memstate.Bus{}, newSubscribers())
		_, err := m.Allocate(t.Context(), c)
		if hub.CodeOf(err) == hub.Internal {
			t.Errorf("%v", err)
		}
		checkModel(t, m)
	})
}

// FuzzSubnet holds that an address of a subnet is in it, and is not its gateway.
func FuzzSubnet(f *testing.F) {
	f.Add("2001:db8::/64", "2001:DB8::1")
	for _, cidr := range []string{"192.0.2.0/24", "192.0.2.0/32", "192.0.2.0/31", "2001:db8::/64", "2001:db8::/128", "255.255.255.0/24", "0.0.0.0/0", "::ffff:192.0.2.0/120"} {
		f.Add(cidr, "192.0.2.1")
	}
	m := New(Config{Tables: &memstate.Bus{}})
	f.Fuzz(func(t *testing.T, cidr, gateway string) {
		s := ifa006.Subnet{CIDR: cidr, GatewayIP: gateway}
		if _, err := subnetPrefix(s); err != nil {
			return
		}
		got, err := m.free("net", s)
		if err != nil {
			return
		}
		prefix, ip := netip.MustParsePrefix(cidr), netip.MustParseAddr(got)
		if at, _ := netip.ParseAddr(gateway); !prefix.Contains(ip) || ip == at {
			t.Errorf("%s of %s with gateway %s", got, cidr, gateway)
		}
	})
}
