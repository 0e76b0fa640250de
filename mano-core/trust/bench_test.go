package trust

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// BenchmarkDecide asks the decision table; it must not allocate.
func BenchmarkDecide(b *testing.B) {
	d := NewDecider()
	q := Question{
		Caller: hub.Identity{TrustDomain: "north", Kind: hub.KindSM, Name: "alpha", Interface: hub.ScOrNsLcm},
		Mode:   hub.SemiActive, Interface: hub.ScOrNsLcm, Operation: ReadSession, TargetDomain: "north",
	}
	b.ReportAllocs()
	for b.Loop() {
		if !d.Decide(q).Allowed {
			b.Fatal("refused")
		}
	}
}

// benchDirectory holds n Security Managers in ten trust domains.
func benchDirectory(b *testing.B, n int) *Directory {
	b.Helper()
	d := NewDirectory(slog.New(slog.DiscardHandler))
	for i := range n {
		domain := fmt.Sprintf("d%d", i%10)
		sm := &hub.SecurityManager{Name: fmt.Sprintf("sm%d", i), TrustDomain: domain, Mode: hub.Passive, State: hub.StateActive}
		for _, iface := range hub.Interfaces() {
			sm.Endpoints = append(sm.Endpoints, hub.Endpoint{
				Interface: iface, ServerName: fmt.Sprintf("%s.%s.%s", iface, sm.Name, domain),
				Credentials: []hub.Credential{{KeyHash: fmt.Sprint(iface, i), State: hub.StateActive}},
			})
		}
		raw, err := json.Marshal(entry[hub.SecurityManager]{Current: sm})
		if err != nil {
			b.Fatal(err)
		}
		d.applySM(domain, Change{Key: sm.Name, Value: raw, Revision: uint64(i + 1)})
	}
	return d
}

// BenchmarkDirectory finds endpoints by server name among 10,000 Security
// Managers and reports how many times as long that takes as among 10.
func BenchmarkDirectory(b *testing.B) {
	few, many := benchDirectory(b, 10), benchDirectory(b, 10_000)
	names := func(n int) (list []string) {
		for i := range 1000 {
			list = append(list, fmt.Sprintf("%s.sm%d.d%d", hub.ScOrNsLcm, i*n/1000, (i*n/1000)%10))
		}
		return list
	}
	fewNames, manyNames := names(10), names(10_000)
	find := func(d *Directory, names []string) time.Duration {
		began := time.Now()
		for _, name := range names {
			if _, _, ok := d.ByServerName(name); !ok {
				b.Fatalf("%s is not found", name)
			}
		}
		return time.Since(began)
	}
	var tookFew, tookMany time.Duration
	for b.Loop() {
		tookFew += find(few, fewNames)
		tookMany += find(many, manyNames)
	}
	b.ReportMetric(float64(tookMany)/float64(tookFew), "x")
	b.ReportMetric(float64(tookMany.Nanoseconds())/float64(b.N)/1000, "ns/lookup")
}

// What it costs to tell a caller and decide, by certificate and by token.
func BenchmarkAuthorize(b *testing.B) {
	h := newTestHub(b)
	if _, err := h.CreateDomain(b.Context(), operator, "north"); err != nil {
		b.Fatal(err)
	}
	d := openDoor(b, h, OsMaInterface)
	shown := func(cert tls.Certificate) *http.Request {
		var chain []*x509.Certificate
		for _, der := range cert.Certificate {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				b.Fatal(err)
			}
			chain = append(chain, c)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: chain, VerifiedChains: [][]*x509.Certificate{chain}}
		return r
	}
	token := httptest.NewRequest("GET", "/", nil)
	token.TLS = &tls.ConnectionState{}
	token.Header.Set("Authorization", "Bearer "+d.signIn(b, h.makeClient(b, "billing", hub.KindOSS, "north")).token)
	for name, r := range map[string]*http.Request{"operator": shown(operatorCert(b, h, "ann")), "token": token} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Authorize(r, "ns.query", "", Target{TrustDomain: "north"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
