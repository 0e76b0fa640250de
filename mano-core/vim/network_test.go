package vim

import (
	"fmt"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

func port(id string, ips ...string) ifa006.Port {
	return ifa006.Port{ID: id, TrustDomain: "alpha", NetworkID: "net", IPAddresses: ips}
}

// TestAddresses takes every address of a subnet, is then refused, and gets the
// one that was given back.
func TestAddresses(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	asked, err := m.CreatePort(ctx, port("asked", "192.0.2.9"))
	ok(t, err)
	if asked.IPAddresses[0] != "192.0.2.9" {
		t.Errorf("asked: %v", asked.IPAddresses)
	}
	for i := range 12 { // 16, less the network's, the gateway's, the broadcast and the one above
		_, err := m.CreatePort(ctx, port(fmt.Sprint("p", i)))
		ok(t, err)
	}
	checkModel(t, m)
	_, err = m.CreatePort(ctx, port("late"))
	refused(t, err, hub.Conflict, "no free address", "192.0.2.0/28")
	ok(t, m.DeletePort(ctx, "alpha", "p5"))
	late, err := m.CreatePort(ctx, port("late"))
	ok(t, err)
	checkModel(t, m)
	_, err = m.CreatePort(ctx, port("twice", late.IPAddresses[0]))
	refused(t, err, hub.Conflict, late.IPAddresses[0], "in use")
	_, err = m.CreatePort(ctx, port("outside", "198.51.100.1"))
	refused(t, err, hub.Unprocessable, "198.51.100.1")
	_, err = m.CreatePort(ctx, port("gateway", "192.0.2.1"))
	refused(t, err, hub.Unprocessable, "gateway")
	_, err = m.CreatePort(ctx, port("odd", "192.0.2.009"))
	refused(t, err, hub.Invalid, "192.0.2.009")
	mac := port("mac")
	mac.MAC = "zz"
	_, err = m.CreatePort(ctx, mac)
	refused(t, err, hub.Invalid, "macAddress")
	foreign := port("foreign")
	foreign.TrustDomain = "beta"
	_, err = m.CreatePort(ctx, foreign)
	refused(t, err, hub.Unprocessable, "net", "beta")
	if m.ports.Len() != 13 {
		t.Errorf("%d ports", m.ports.Len())
	}
	refused(t, m.DeleteNetwork(ctx, All, "net"), hub.Conflict, "13 ports")
	refused(t, m.DeletePort(ctx, "beta", "late"), hub.NotFound, "late")
}

func TestPatchPort(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	on(t, m, "c1", "alpha", "h1")
	_, err := m.CreatePort(ctx, port("p1"))
	ok(t, err)
	attach := func(to string) (*ifa006.Port, error) {
		return m.PatchPort(ctx, All, "p1", func(p ifa006.Port) (ifa006.Port, error) { p.AttachedTo = to; return p, nil })
	}
	_, err = attach("pnf-7") // a PNF is no compute
	ok(t, err)
	checkModel(t, m)
	_, err = attach("c1")
	ok(t, err)
	c, err := m.Compute(ctx, All, "c1")
	ok(t, err)
	if len(c.Ports) != 1 || c.Ports[0].ID != "p1" {
		t.Errorf("ports of the compute: %+v", c.Ports)
	}
	other := compute("c2", "small")
	other.Ports = []ifa006.Port{{ID: "p1"}}
	_, err = m.Allocate(ctx, other)
	refused(t, err, hub.Conflict, "p1", "attached already")
	ok(t, m.Terminate(ctx, All, "c1", false))
	p, err := m.Port(ctx, All, "p1")
	ok(t, err)
	if p.AttachedTo != "" {
		t.Errorf("attached to %q, which is gone", p.AttachedTo)
	}
	_, err = m.PatchPort(ctx, "beta", "p1", nil)
	refused(t, err, hub.NotFound, "p1")
}

func TestNetwork_Refused(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	subnets := func(s ...ifa006.Subnet) ifa006.Network {
		return ifa006.Network{ID: "n2", TrustDomain: "alpha", Subnets: s}
	}
	for _, tt := range []struct {
		name string
		net  ifa006.Network
		code hub.Code
	}{
		{"id", ifa006.Network{ID: "..", TrustDomain: "alpha"}, hub.Invalid},
		{"domain", ifa006.Network{ID: "n2", TrustDomain: "A B"}, hub.Invalid},
		{"cidr", subnets(ifa006.Subnet{CIDR: "192.0.2.1/24"}), hub.Invalid},
		{"version", subnets(ifa006.Subnet{CIDR: "192.0.2.0/24", IPVersion: 6}), hub.Unprocessable},
		{"gateway", subnets(ifa006.Subnet{CIDR: "192.0.2.0/24", GatewayIP: "10.0.0.1"}), hub.Unprocessable},
		{"overlap", subnets(ifa006.Subnet{CIDR: "192.0.2.0/24"}, ifa006.Subnet{CIDR: "192.0.2.128/25"}), hub.Unprocessable},
		{"too many", subnets(make([]ifa006.Subnet, 17)...), hub.Invalid},
		{"other body", ifa006.Network{ID: "net", TrustDomain: "alpha", Name: "other"}, hub.Unprocessable},
	} {
		_, err := m.CreateNetwork(ctx, tt.net)
		if hub.CodeOf(err) != tt.code {
			t.Errorf("%s: %v; want %s", tt.name, err, tt.code)
		}
	}
	six, err := m.CreateNetwork(ctx, subnets(ifa006.Subnet{CIDR: "2001:db8::/64"}, ifa006.Subnet{CIDR: "198.51.100.0/30"}))
	ok(t, err)
	p := port("p6")
	p.NetworkID = six.ID
	made, err := m.CreatePort(ctx, p)
	ok(t, err)
	if len(made.IPAddresses) != 2 || made.IPAddresses[0] != "2001:db8::1" {
		t.Errorf("addresses %v", made.IPAddresses)
	}
	n, err := m.Network(ctx, "alpha", "n2")
	ok(t, err)
	if len(n.PortIDs) != 1 {
		t.Errorf("ports of the network: %v", n.PortIDs)
	}
	ok(t, m.DeletePort(ctx, All, "p6"))
	ok(t, m.DeleteNetwork(ctx, All, "n2"))
	refused(t, m.DeleteNetwork(ctx, All, "n2"), hub.NotFound)
	_, err = m.Network(ctx, "beta", "net")
	refused(t, err, hub.NotFound)
}

func TestInventory(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	on(t, m, "a1", "alpha", "h1")
	tpm := compute("t1", "tpm")
	_, err := m.Allocate(ctx, tpm)
	ok(t, err)
	_, err = m.Allocate(ctx, compute("g1", "gpu"))
	ok(t, err)
	before, err := m.Host(ctx, All, "h1")
	ok(t, err)
	ok(t, m.Load(ctx, smallInventory())) // the same again
	if after, _ := m.Host(ctx, All, "h1"); after.Allocated != before.Allocated || after.State != before.State {
		t.Errorf("loading again changed %+v to %+v", before, after)
	}
	for _, tt := range []struct {
		name   string
		change func(*ifa006.Inventory)
		code   hub.Code
		words  []string
	}{
		{"capacity below use", func(in *ifa006.Inventory) { in.Hosts[0].Total.VCPUs = 1 }, hub.Conflict, []string{"h1", "allocated"}},
		{"no capacity", func(in *ifa006.Inventory) { in.Hosts[0].Total.VCPUs = 0 }, hub.Invalid, []string{"h1"}},
		{"zone unknown", func(in *ifa006.Inventory) { in.Hosts[0].ZoneID = "z9" }, hub.Unprocessable, []string{"z9"}},
		{"zone of a used host", func(in *ifa006.Inventory) { in.Hosts[0].ZoneID = "z2" }, hub.Conflict, []string{"z1"}},
		{"domains", func(in *ifa006.Inventory) { in.Hosts[0].TrustDomains = []string{"beta"} }, hub.Conflict, []string{"a1", "alpha"}},
		{"equipment", func(in *ifa006.Inventory) { in.Hosts[0].Equipment.TPM = false }, hub.Conflict, []string{"t1"}},
		{"acceleration", func(in *ifa006.Inventory) { in.Hosts[3].Acceleration = []string{"crypto"} }, hub.Conflict, []string{"g1", "gpu"}},
		{"acceleration without a name", func(in *ifa006.Inventory) { in.Hosts[1].Acceleration = []string{"g p u"} }, hub.Invalid, []string{"accelerationCapability", "g p u"}},
		{"too much acceleration", func(in *ifa006.Inventory) { in.Hosts[1].Acceleration = make([]string, 33) }, hub.Invalid, []string{"h2", "33", "32"}},
		{"acceleration of a flavour", func(in *ifa006.Inventory) { in.Flavours[0].Acceleration = []string{""} }, hub.Invalid, []string{"accelerationCapability"}},
		{"other acceleration of a flavour", func(in *ifa006.Inventory) { in.Flavours[0].Acceleration = []string{"gpu"} }, hub.Unprocessable, []string{"small"}},
		{"pop", func(in *ifa006.Inventory) { in.Hosts[0].NfviPopID = "pop-9" }, hub.Unprocessable, []string{"pop-9"}},
		{"pop of a zone", func(in *ifa006.Inventory) { in.Zones[0].NfviPopID = "pop-9" }, hub.Unprocessable, []string{"pop-9"}},
		{"zone state", func(in *ifa006.Inventory) { in.Zones[0].State = "FOGGY" }, hub.Invalid, []string{"FOGGY"}},
		{"integrity", func(in *ifa006.Inventory) { in.Hosts[1].Integrity = "FINE" }, hub.Invalid, []string{"FINE"}},
		{"twice", func(in *ifa006.Inventory) { in.Hosts[1].ID = "h1" }, hub.Unprocessable, []string{"twice"}},
		{"host id", func(in *ifa006.Inventory) { in.Hosts[1].ID = "h 1" }, hub.Invalid, []string{"hostId"}},
		{"zone id", func(in *ifa006.Inventory) { in.Zones[1].ID = "" }, hub.Invalid, []string{"zoneId"}},
		{"pop id", func(in *ifa006.Inventory) { in.NfviPops[0].ID = "" }, hub.Invalid, []string{"nfviPopId"}},
		{"flavour", func(in *ifa006.Inventory) { in.Flavours[0].Size.VCPUs = -1 }, hub.Invalid, []string{"small"}},
		{"other flavour", func(in *ifa006.Inventory) { in.Flavours[0].Size.VCPUs = 3 }, hub.Unprocessable, []string{"small"}},
	} {
		in := smallInventory()
		tt.change(&in)
		refused(t, m.Load(ctx, in), tt.code, tt.words...)
	}
	in := smallInventory()
	in.Zones[0].State = zoneUnavailable
	in.Hosts[2].Total.VCPUs = 16
	ok(t, m.Load(ctx, in))
	c := compute("c9", "small")
	c.ZoneID = "z1"
	_, err = m.Allocate(ctx, c)
	refused(t, err, hub.Conflict, "not available")
	checkModel(t, m)
}
