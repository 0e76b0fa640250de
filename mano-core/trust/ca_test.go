package trust

import (
	"crypto/x509"
	"net"
	"testing"
	"time"
)

// What the CA of a domain signs for another's name or for an address is refused
// by whoever trusts the domain's root.
func TestIntermediate_NameConstraints(t *testing.T) {
	h := newTestHub(t)
	domain, err := h.CreateDomain(t.Context(), operator, "north")
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.open(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := h.issuer(t.Context(), domain, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		ips  []net.IP
		good bool
	}{
		{"sc-or-ns-lcm.alpha.north.manoward.internal", nil, true},
		{"sc-or-ns-lcm.alpha.south.manoward.internal", nil, false},
		{"www.example.org", nil, false},
		{"a.north.manoward.internal", []net.IP{net.IPv4(10, 0, 0, 1)}, false},
		{"a.north.manoward.internal", []net.IP{net.ParseIP("2001:db8::1")}, false},
	} {
		leaf, err := newServerCert(serverCert{names: []string{c.name}, ips: c.ips}, ca, newKey(t).Public(), h.clock.Now(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		between := x509.NewCertPool()
		between.AddCert(ca.cert)
		_, err = leaf.Verify(x509.VerifyOptions{Roots: rootPool(t, h, "north"), Intermediates: between, CurrentTime: h.clock.Now()})
		if (err == nil) != c.good {
			t.Errorf("%s %v: %v", c.name, c.ips, err)
		}
	}
}
