package lifecycle_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

func (p *process) find(t testing.TB, who hub.Identity, q lifecycle.Query, after string) (found []certmgmt.Certificate) {
	t.Helper()
	for c, err := range p.Certificates(t.Context(), who, q, after) {
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		found = append(found, c)
	}
	return found
}

func TestCertificates(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	now := w.now()
	names := map[string]string{}
	put := func(n int, name string, alter func(*cmf.Certificate)) *cmf.Certificate {
		c := p.put(t, n, alter)
		names[c.ID] = name
		return c
	}
	a := put(1, "a", nil)
	put(2, "b", func(c *cmf.Certificate) { c.AttesterID, c.Assurance, c.VnfInstanceID = "", "none", "vnf-2" })
	put(3, "c", func(c *cmf.Certificate) {
		c.NotBefore, c.NotAfter = c.NotBefore.AddDate(0, -2, 0), c.NotBefore.AddDate(0, -1, 0)
	})
	put(4, "d", func(c *cmf.Certificate) { c.Manager, c.NotAfter = another.String(), c.NotBefore.AddDate(0, 3, 0) })
	put(5, "e", func(c *cmf.Certificate) { c.TrustDomain, c.Manager, c.Serial = "south", stranger.String(), a.Serial })
	put(6, "f", func(c *cmf.Certificate) { c.CertType, c.SubjectID = certmgmt.VNFOAMCert, "vnfc-1" })
	put(7, "g", func(c *cmf.Certificate) { c.KeyHash, c.Renews = a.KeyHash, a.ID })
	g := hub.DeriveID("certificate", "north", "7")
	revoke(t, p, g, "superseded")
	for _, c := range []struct {
		who  hub.Identity
		q    lifecycle.Query
		want string
	}{
		{operator, lifecycle.Query{}, "abcdefg"},
		{vnfm, lifecycle.Query{}, "abcfg"},
		{another, lifecycle.Query{}, "d"},
		{stranger, lifecycle.Query{}, "e"},
		{stranger, lifecycle.Query{TrustDomain: "north"}, ""},
		{operator, lifecycle.Query{TrustDomain: "south"}, "e"},
		{operator, lifecycle.Query{TrustDomain: "nowhere"}, ""},
		{operator, lifecycle.Query{Subject: "vnfc-1"}, "af"},
		{operator, lifecycle.Query{Subject: "vnfc-1", CertType: certmgmt.VNFOAMCert}, "f"},
		{stranger, lifecycle.Query{Subject: "vnfc-1"}, ""},
		{operator, lifecycle.Query{Serial: a.Serial.Text(16)}, "ae"},
		{operator, lifecycle.Query{Serial: "00" + a.Serial.Text(16), TrustDomain: "north"}, "a"},
		{stranger, lifecycle.Query{Serial: a.Serial.Text(16)}, "e"},
		{operator, lifecycle.Query{Attester: "att-1", TrustDomain: "north"}, "acdfg"},
		{operator, lifecycle.Query{VnfInstance: "vnf-2"}, "b"},
		{operator, lifecycle.Query{KeyHash: a.KeyHash}, "ag"},
		{operator, lifecycle.Query{Assurance: "none"}, "b"},
		{operator, lifecycle.Query{Assurance: "hardware", TrustDomain: "south"}, "e"},
		{operator, lifecycle.Query{State: "REVOKED"}, "g"},
		{operator, lifecycle.Query{State: "EXPIRED"}, "c"},
		{operator, lifecycle.Query{State: "VALID"}, "abdef"},
		{vnfm, lifecycle.Query{State: "VALID"}, "abf"},
		{operator, lifecycle.Query{EndsBefore: now.AddDate(0, 2, 0)}, "abefg"},
		{operator, lifecycle.Query{EndsAfter: now.AddDate(-1, 0, 0), EndsBefore: now.AddDate(0, 2, 0)}, "abcefg"},
		{operator, lifecycle.Query{EndsAfter: now.AddDate(0, 2, 0)}, "d"},
		{another, lifecycle.Query{EndsBefore: now.AddDate(0, 2, 0)}, ""},
		{operator, lifecycle.Query{Issuer: w.cas["south"].ID}, "e"},
	} {
		all := p.find(t, c.who, c.q, "")
		got, sorted := "", slices.IsSortedFunc(all, func(a, b certmgmt.Certificate) int {
			if a.ID < b.ID {
				return -1
			}
			return 1
		})
		for _, one := range all {
			got += names[one.ID]
		}
		if letters := []byte(got); !sorted || string(sortedBytes(letters)) != c.want {
			t.Errorf("%s, %+v: %q, want %q; in order: %t", c.who, c.q, got, c.want, sorted)
		}
		for n := range all { // pages
			if rest := p.find(t, c.who, c.q, all[n].ID); len(rest) != len(all)-n-1 {
				t.Errorf("%+v: %d after the certificate %d of %d", c.q, len(rest), n, len(all))
			}
		}
	}
	for _, bad := range []lifecycle.Query{{Serial: "xyz"}, {Serial: "-1"}, {Serial: fmt.Sprintf("%050x", 1)}, {EndsBefore: now.AddDate(100, 0, 0)}} {
		for _, err := range p.Certificates(t.Context(), operator, bad, "") {
			if hub.CodeOf(err) != hub.Invalid {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	}
	one, err := p.Certificate(t.Context(), vnfm, a.ID)
	if err != nil || one.RenewedBy != g || len(one.CertificateChain) != 1 || one.SerialNumber != a.Serial.Text(16) || one.Subject != "CN=south" ||
		len(one.Fingerprint) != 64 || one.State != "VALID" || one.Certificate == "" || one.NotAfter.Sub(one.NotBefore) != 30*24*time.Hour {
		t.Errorf("%+v, %v", one, err)
	}
}

func sortedBytes(b []byte) []byte {
	slices.Sort(b)
	return b
}
