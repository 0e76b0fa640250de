package lifecycle_test

import (
	"crypto"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// inventory starts a process that has so many certificates, revoked or not.
func inventory(b *testing.B, certificates int, revoked bool) *process {
	b.Helper()
	p := newWorld(b).start(b, nil)
	for n := range certificates {
		p.put(b, n, func(c *cmf.Certificate) {
			if revoked {
				c.Revoked = &cmf.Revocation{At: c.NotBefore, Reason: 4}
			}
		})
	}
	p.list(b, "north")
	return p
}

// BenchmarkOCSP compares answers with 100,000 certificates in the inventory with
// those with 1,000, in turns. None is kept: each has a nonce.
func BenchmarkOCSP(b *testing.B) {
	small, large := inventory(b, 1_000, false), inventory(b, 100_000, false)
	ask := func(p *process, n int) {
		q := question{issuer: p.cas["north"].Certificate, serials: []*big.Int{big.NewInt(int64(n%1000) + 1000)}, hash: crypto.SHA256}
		q.extensions = append(q.extensions, nonce(b, 32))
		if got := p.asked(b, "north", q.der(b)); got != "good" {
			b.Fatal(got)
		}
	}
	var s, l time.Duration
	for n := 0; b.Loop(); n++ {
		begun := time.Now()
		ask(small, n)
		between := time.Now()
		ask(large, n)
		s, l = s+between.Sub(begun), l+time.Since(between)
	}
	b.ReportMetric(float64(l)/float64(s), "x")
}

// BenchmarkRevoke compares revocations with 100,000 certificates in the inventory
// with those with 1,000, in turns.
func BenchmarkRevoke(b *testing.B) {
	small, large := inventory(b, 1_000, false), inventory(b, 100_000, false)
	var s, l time.Duration
	for n := 0; b.Loop(); n++ {
		x, y := small.put(b, 1_000_000+n, nil), large.put(b, 1_000_000+n, nil)
		begun := time.Now()
		revoke(b, small, x.ID, "superseded")
		between := time.Now()
		revoke(b, large, y.ID, "superseded")
		s, l = s+between.Sub(begun), l+time.Since(between)
	}
	b.ReportMetric(float64(l)/float64(s), "x")
}

// BenchmarkList signs lists with 100,000 entries, one for each revocation.
func BenchmarkList(b *testing.B) {
	p := inventory(b, 100_000, true)
	for n := 0; b.Loop(); n++ {
		revoke(b, p, p.put(b, 1_000_000+n, nil).ID, "superseded")
	}
	got, err := p.CRL(b.Context(), "north", p.cas["north"].ID)
	if err != nil {
		b.Fatal(err)
	}
	l, err := x509.ParseRevocationList(got.DER)
	if err != nil || len(l.RevokedCertificateEntries) < 100_000 {
		b.Fatalf("%d entries, %v", len(l.RevokedCertificateEntries), err)
	}
	b.ReportMetric(float64(len(got.DER)), "bytes")
}

// BenchmarkRevokeOnTheBus revokes one by one and durably.
func BenchmarkRevokeOnTheBus(b *testing.B) {
	w := newWorld(b)
	bus := testbus.Open(b, b.TempDir(), w.domains...)
	w.tables = bus.Tables()
	p := w.start(b, nil)
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		c := p.put(b, n, nil)
		b.StartTimer()
		revoke(b, p, c.ID, "superseded")
	}
}
