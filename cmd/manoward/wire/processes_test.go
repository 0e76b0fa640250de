package wire

import (
	"maps"
	"net"
	"testing"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// A process tells where its Security Managers are, and does not pass its
// operators' entrance off as that of the trust role.
func TestAddressesHere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	url, alpha := "https://"+l.Addr().String(), config.SecurityManager{TrustDomain: "north", Name: "alpha"}
	for name, c := range map[string]struct {
		roles []string
		sms   []config.SecurityManager
		want  map[string]string
	}{
		"by itself":         {[]string{"sm"}, []config.SecurityManager{alpha}, map[string]string{"sm/north/alpha": url}},
		"beside trust":      {[]string{"trust", "sm"}, []config.SecurityManager{alpha}, map[string]string{"admin": url, "sm/north/alpha": besideTrust}},
		"trust without any": {[]string{"trust", "sm"}, nil, map[string]string{"admin": url}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			cfg.SecurityManagers = c.sms
			h := &hubProcess{cfg: cfg, roles: c.roles, listeners: &listeners{open: map[hub.ReferencePoint]net.Listener{hub.Admin: l}}}
			if got := h.addressesHere(); !maps.Equal(got, c.want) {
				t.Errorf("tells %v, want %v", got, c.want)
			}
		})
	}
}

// Operators are told where a Security Manager is that is registered and reached
// elsewhere than the trust role, for as long as that is so.
func TestManagerAddresses(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	operator := hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindOperator, Name: "root"}
	if _, err := h.registry.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	reg := hub.Registration{Name: "alpha", Mode: hub.Passive, Requests: map[hub.Interface]string{}}
	for _, i := range hub.Interfaces() {
		csr, _, err := cli.NewRequest(hub.Identity{TrustDomain: "north", Kind: hub.KindSM, Name: "alpha", Interface: i})
		if err != nil {
			t.Fatal(err)
		}
		reg.Requests[i] = csr
	}
	if _, err := h.registry.Register(t.Context(), operator, "north", reg); err != nil {
		t.Fatal(err)
	}
	told := func() (list []hub.PointAddress) {
		for _, p := range h.pointAddresses() {
			if p.ReferencePoint == hub.SM {
				list = append(list, p)
			}
		}
		return list
	}
	if got := told(); len(got) != 0 {
		t.Errorf("before it runs: %+v", got)
	}
	for _, key := range []string{managerKey("north", "alpha"), managerKey("north", "nobody")} {
		h.addresses.note(trust.Change{Key: key, Value: []byte("https://10.0.3.1:8443")})
	}
	want := hub.PointAddress{ReferencePoint: hub.SM, URL: "https://10.0.3.1:8443", ServerName: h.serverName(hub.Admin), SecurityManager: "north/alpha"}
	if got := told(); len(got) != 1 || got[0] != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	h.addresses.note(trust.Change{Key: managerKey("north", "alpha"), Value: []byte(besideTrust)})
	if got := told(); len(got) != 0 {
		t.Errorf("beside the trust role: %+v", got)
	}
}
