package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// openCmVnfm serves the entrance of Cm-Vnfm on loopback. GET /ask/v1/ask?op=&domain=
// answers 204 to who may.
func openCmVnfm(t *testing.T, h *testHub) (addr string) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	refusals := NewRefusals(h.Refused, log)
	refusals.every = time.Millisecond
	name := PointServerName(hub.CmVnfm, h.ServerNameSuffix)
	own := functionCert(t, h, hub.KindCMF, name)
	e := NewDomainEntrance(DomainEntranceConfig{
		EntranceConfig: EntranceConfig{
			Interface: CmVnfmInterface, ServerName: name, Registry: h.Registry, Decider: NewDecider(), Refusals: refusals,
			Current: func() error { return nil }, Log: log,
		},
		ReferencePoint: hub.CmVnfm, Signer: h.Registry,
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &own, nil },
		RenewBefore: func(life time.Duration) time.Duration { return life / 3 },
	})
	mux := httpapi.NewMux(httpapi.Options{Log: log, Authenticate: e.Authenticate})
	g := mux.API(httpapi.API{Name: "ask", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}, VersionOptional: true})
	g.Handle("GET /ask", func(w http.ResponseWriter, r *http.Request) error {
		_, err := e.Authorize(r, Operation(r.URL.Query().Get("op")), "", Target{r.URL.Query().Get("domain"), "x"})
		if err != nil {
			return err
		}
		return httpapi.NoContent(w)
	})
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { refusals.Run(ctx) })
	running.Go(func() { server.Serve(e.Listen(inner)) })
	t.Cleanup(func() { server.Close(); cancel(); running.Wait() })
	return inner.Addr().String()
}

// certified gives a client a certificate.
func (h *testHub) certified(t *testing.T, name string) (tls.Certificate, *hub.ClientCredential) {
	t.Helper()
	key := newKey(t)
	made, err := h.CertifyClient(t.Context(), operator, name, makeCSR(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return tlsCertificate(t, made.Certificate, key), made
}

// askAs connects to a server name and asks; status 0 is a connection that was refused.
func askAs(t *testing.T, addr, serverName string, roots *x509.CertPool, op, domain string, certs ...tls.Certificate) int {
	t.Helper()
	c := &caller{http: newClient(addr, serverName, roots, certs...)}
	defer c.http.CloseIdleConnections()
	status, _, _, _ := c.ask(Operation(op), domain, "")
	return status
}

// Three trust domains: under each one's name only its own clients are let in, and
// see its own; the hub's parties come in under the hub's name alone.
func TestDomainEntrance_Separation(t *testing.T) {
	h := newTestHub(t)
	domains := []string{"north", "south", "west"}
	certs := map[string]tls.Certificate{}
	for _, d := range domains {
		if _, err := h.CreateDomain(t.Context(), operator, d); err != nil {
			t.Fatal(err)
		}
		h.makeClient(t, "vnfm-"+d, hub.KindVNFM, d)
		cert, made := h.certified(t, "vnfm-"+d)
		if made.ServerName != "cm-vnfm."+d+".manoward.internal" || made.Identity != "spiffe://"+d+"/vnfm/vnfm-"+d {
			t.Errorf("%+v", made)
		}
		certs[d] = cert
	}
	h.makeClient(t, "all", hub.KindAuditor, HubDomain)
	all, _ := h.certified(t, "all")
	certs[HubDomain] = all
	addr := openCmVnfm(t, h)
	for _, at := range append(domains, HubDomain) {
		roots := hubRoots(t, h)
		if at != HubDomain {
			roots = rootPool(t, h, at)
		}
		name := DomainServerName(hub.CmVnfm, at, h.ServerNameSuffix)
		for by, cert := range certs {
			want := 0
			if by == at {
				want = http.StatusNoContent
			}
			if got := askAs(t, addr, name, roots, "registration.query", at, cert); got != want {
				t.Errorf("%s at the name of %s: %d, want %d", by, at, got, want)
			}
		}
		if got := askAs(t, addr, name, roots, "registration.query", at); got != 0 {
			t.Errorf("without a certificate at the name of %s: %d", at, got)
		}
	}
	waitRecord(t, h, "north", func(_ hub.Record, r Refusal) bool {
		return r.Interface == CmVnfmInterface && r.Reason == reasonUntrusted
	})

	// What another domain owns looks as what is not there; what a party may not ask is refused.
	name, roots := DomainServerName(hub.CmVnfm, "north", h.ServerNameSuffix), rootPool(t, h, "north")
	if got := askAs(t, addr, name, roots, "registration.query", "south", certs["north"]); got != http.StatusNotFound {
		t.Errorf("a thing of south: %d", got)
	}
	if got := askAs(t, addr, name, roots, "ca.rotate", "north", certs["north"]); got != http.StatusForbidden {
		t.Errorf("a VNFM rotates a CA: %d", got)
	}
	hubName := DomainServerName(hub.CmVnfm, HubDomain, h.ServerNameSuffix)
	if got := askAs(t, addr, hubName, hubRoots(t, h), "ca.rotate", "north", operatorCert(t, h, "admin")); got != http.StatusNoContent {
		t.Errorf("an operator: %d", got)
	}
	if got := askAs(t, addr, "cm-vnfm.east.manoward.internal", roots, "registration.query", "north", certs["north"]); got != 0 {
		t.Errorf("a name of no trust domain: %d", got)
	}

	// A client that is deleted is refused, also on the connection it has.
	c := &caller{http: newClient(addr, name, roots, certs["north"])}
	defer c.http.CloseIdleConnections()
	c.wantStatus(t, "before", http.StatusNoContent, "registration.query", "north")
	if err := h.DeleteClient(t.Context(), operator, "vnfm-north"); err != nil {
		t.Fatal(err)
	}
	c.wantStatus(t, "after", http.StatusUnauthorized, "registration.query", "north")
	waitRecord(t, h, "north", func(_ hub.Record, r Refusal) bool { return r.Reason == reasonUnknown })
}

func TestCertifyClient(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	h.makeClient(t, "one", hub.KindVNFM, "north")
	h.makeClient(t, "two", hub.KindVNFM, "north")
	h.makeClient(t, "reader", hub.KindClient, "")
	vnf := hub.NewID()
	h.makeClient(t, vnf, hub.KindVNF, "north")
	key := newKey(t)
	for what, c := range map[string]struct {
		client, csr string
		code        hub.Code
	}{
		"no client":     {"nobody", makeCSR(t, key), hub.NotFound},
		"a reader":      {"reader", makeCSR(t, key), hub.Unprocessable},
		"a VNF":         {vnf, makeCSR(t, key), hub.Unprocessable},
		"no PEM":        {"one", "x", hub.Invalid},
		"for the other": {"one", makeCSR(t, key, "spiffe://north/vnfm/two"), hub.Invalid},
	} {
		_, err := h.CertifyClient(t.Context(), operator, c.client, c.csr)
		if hub.CodeOf(err) != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := h.CertifyClient(t.Context(), operator, "one", makeCSR(t, key)); err != nil {
		t.Fatal(err)
	}
	_, err := h.CertifyClient(t.Context(), operator, "two", makeCSR(t, key))
	wantCode(t, err, hub.Invalid) // the key is another's

	// The two newest are in force, after a restart as well.
	first, _ := h.certified(t, "two")
	second, _ := h.certified(t, "two")
	third, _ := h.certified(t, "two")
	h = startTestHub(t, h.bus, h.keys, h.clock)
	for i, c := range []struct {
		cert tls.Certificate
		good bool
	}{{first, false}, {second, true}, {third, true}} {
		if who, err := h.certifiedClient(leafOf(t, c.cert)); (err == nil) != c.good || c.good && who.Name != "two" {
			t.Errorf("certificate %d: %v %v", i+1, who, err)
		}
	}
	h.clock.Advance(h.CredentialLifetime)
	if _, err := h.certifiedClient(leafOf(t, third)); err == nil {
		t.Error("a certificate that ended is in force")
	}
}

func leafOf(t *testing.T, c tls.Certificate) *x509.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}
