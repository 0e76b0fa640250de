package trust

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// sink is where a Security Manager takes notifications: a TLS server with one of
// its credentials, which lets only its endpoint in.
type sink struct {
	*httptest.Server
	caller atomic.Pointer[string] // server name in the certificate of the last notifier
}

func openSink(t *testing.T, h *testHub, sm *hub.SecurityManager, cert tls.Certificate) *sink {
	t.Helper()
	s := &sink{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.TLS.PeerCertificates[0].DNSNames[0]
		s.caller.Store(&name)
		if r.URL.Path == "/elsewhere" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs: rootPool(t, h, sm.TrustDomain), Time: h.clock.Now,
	}
	s.Config.ErrorLog = slog.NewLogLogger(slog.New(slog.NewTextHandler(t.Output(), nil)).Handler(), slog.LevelDebug)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// notify posts to a sink as the endpoint of an SM does.
func notify(t *testing.T, g *Gate, sm *hub.SecurityManager, i hub.Interface, target string) (int, error) {
	t.Helper()
	client, err := g.NotifyClient(sm, i)
	if err != nil {
		return 0, err
	}
	resp, err := client.Post(target, "application/json", strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

// A notification reaches the SM itself on the interface itself, from the endpoint
// itself, and nobody else.
//
// Covers: Security.006, Security.007
func TestNotifyClient(t *testing.T) {
	h := newTestHub(t)
	_, g := openGate(t, h, hub.ScOr)
	const i = hub.ScOrNsLcm
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	beta, betaKeys := h.register(t, "north", "beta", hub.Passive)
	gamma, gammaKeys := h.register(t, "south", "gamma", hub.Passive)
	domain, d, err := h.active(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := h.clientCA(t.Context(), domain, d, "alpha", sm.Endpoint(i))
	if err != nil {
		t.Fatal(err)
	}
	selfKey := newKey(t)
	self, err := newRoot("north", selfKey, h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	own := openSink(t, h, sm, credential(t, sm, i, keys[i]))
	if status, err := notify(t, g, sm, i, own.URL); err != nil || status != 204 {
		t.Fatalf("%d %v", status, err)
	}
	if who := *own.caller.Load(); who != sm.Endpoint(i).ServerName {
		t.Errorf("the notifier shows the certificate of %s", who)
	}
	if status, err := notify(t, g, sm, i, own.URL+"/elsewhere"); err != nil || status != 302 {
		t.Errorf("a redirect is answered %d %v, want it not to be followed", status, err)
	}

	endpointOnly, err := newServerCert(serverCert{names: []string{sm.Endpoint(i).ServerName}, client: true}, ca, selfKey.Public(), h.clock.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		cert tls.Certificate
		says string
	}{
		"another SM":               {credential(t, beta, i, betaKeys[i]), "untrusted"},
		"another domain's SM":      {credential(t, gamma, i, gammaKeys[i]), "untrusted"},
		"another interface":        {credential(t, sm, hub.ScOrSecEnforce, keys[hub.ScOrSecEnforce]), "untrusted"},
		"self-signed":              {forge(t, h, sm.Identity(i), authority{cert: self, key: selfKey}, 0, time.Hour), "untrusted"},
		"unknown, of the right CA": {forge(t, h, sm.Identity(i), ca, 0, time.Hour), "unknown"},
		"ended, of the right CA":   {forge(t, h, sm.Identity(i), ca, -2*time.Hour, time.Hour), "expired"},
		"another identity":         {forge(t, h, beta.Identity(i), ca, 0, time.Hour), "wrong identity"},
		"no identity":              {tls.Certificate{Certificate: [][]byte{endpointOnly.Raw}, PrivateKey: selfKey}, "wrong identity"},
	} {
		status, err := notify(t, g, sm, i, openSink(t, h, sm, c.cert).URL)
		if err == nil || !strings.Contains(hub.SafeText(err), c.says) || hub.CodeOf(err) != hub.Denied {
			t.Errorf("%s: %d %q (%v), want %q", what, status, hub.SafeText(err), err, c.says)
		}
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	if status, err := notify(t, g, sm, i, plain.URL); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("plain HTTP: %d %v", status, err)
	}
	for what, target := range map[string]string{
		"a closed port": "https://127.0.0.1:1/", "a server without TLS": strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		if status, err := notify(t, g, sm, i, target); err == nil || hub.CodeOf(err) == hub.Denied {
			t.Errorf("%s: %d %v", what, status, err)
		}
	}
	// Nobody is called at an address of this machine or its link, where what is no
	// peer's listens, unless peers are on this machine too.
	g.LoopbackPeers = false
	for _, target := range []string{own.URL, strings.Replace(own.URL, "127.0.0.1", "localhost", 1), "https://169.254.169.254/", "https://0.0.0.0:1/"} {
		client, err := g.NotifyClient(sm, i)
		if err != nil {
			t.Fatal(err)
		}
		client.CloseIdleConnections()
		if status, err := notify(t, g, sm, i, target); hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), "no address at which a peer can be called") {
			t.Errorf("%s: %d %v", target, status, err)
		}
	}
	g.LoopbackPeers = true
	// A connection of its own for each, when its holder says so.
	client, err := g.NotifyClient(sm, i)
	if err != nil {
		t.Fatal(err)
	}
	client.CloseIdleConnections()
	if status, err := notify(t, g, sm, i, own.URL); err != nil || status != 204 {
		t.Errorf("after the connections were closed: %d %v", status, err)
	}
	// Without a certificate of its own the endpoint notifies nobody.
	h.bus.fail = func(write string) (before, after error) {
		if write == "append" {
			before = hub.E(hub.Unavailable, "append", "the bus does not answer", nil)
		}
		return before, nil
	}
	const unused = hub.ScOrStatusInfo
	if status, err := notify(t, g, sm, unused, openSink(t, h, sm, credential(t, sm, unused, keys[unused])).URL); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("without a certificate: %d %v", status, err)
	}
}

// What ends a credential ends the connections that were made under it.
func TestNotifyClient_WhileConnected(t *testing.T) {
	h := newTestHub(t)
	_, g := openGate(t, h, hub.ScOr)
	const i = hub.ScOrNsLcm
	open := func(name string) (*hub.SecurityManager, *sink) {
		t.Helper()
		sm, keys := h.register(t, "north", name, hub.Passive)
		s := openSink(t, h, sm, credential(t, sm, i, keys[i]))
		if status, err := notify(t, g, sm, i, s.URL); err != nil || status != 204 {
			t.Fatalf("%s: %d %v", name, status, err)
		}
		return sm, s
	}
	refused := func(what, says string, sm *hub.SecurityManager, s *sink) {
		t.Helper()
		if status, err := notify(t, g, sm, i, s.URL); err == nil || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: %d %v, want %q", what, status, err, says)
		}
	}
	one, at := open("one")
	if _, err := h.Revoke(t.Context(), operator, "north", "one", hub.Revocation{Interface: i, Reason: "lost"}); err != nil {
		t.Fatal(err)
	}
	refused("a revoked credential", "revoked", one, at)

	two, at := open("two")
	if _, err := h.Revoke(t.Context(), operator, "north", "two", hub.Revocation{Reason: "gone"}); err != nil {
		t.Fatal(err)
	}
	refused("a revoked SM", "not in force", two, at)

	three, at := open("three")
	rotated := hub.Rotation{Requests: map[hub.Interface]string{i: makeCSR(t, newKey(t))}, OverlapSeconds: 3600}
	if _, err := h.Rotate(t.Context(), operator, "north", "three", rotated); err != nil {
		t.Fatal(err)
	}
	if status, err := notify(t, g, three, i, at.URL); err != nil || status != 204 {
		t.Errorf("during the overlap: %d %v", status, err)
	}
	h.clock.Advance(2 * time.Hour)
	refused("after the overlap", "retired", three, at)

	four, at := open("four")
	h.clock.Advance(h.CredentialLifetime)
	refused("an expired credential", "expired", four, at)

	five, _ := open("five")
	g.Current = func() error { return fmt.Errorf("the bus does not answer") }
	if _, err := notify(t, g, five, i, at.URL); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("while the registry is out of date: %v", err)
	}
}

func TestNotifyClient_NoSuchEndpoint(t *testing.T) {
	h := newTestHub(t)
	_, g := openGate(t, h, hub.ScOr)
	sm, _ := h.register(t, "north", "alpha", hub.Passive)
	for what, c := range map[string]struct {
		sm *hub.SecurityManager
		i  hub.Interface
	}{
		"another reference point": {sm, hub.ScViTelem},
		"not registered":          {&hub.SecurityManager{Name: "x", TrustDomain: "north"}, hub.ScOrNsLcm},
	} {
		if _, err := g.NotifyClient(c.sm, c.i); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	a, err := g.NotifyClient(sm, hub.ScOrNsLcm)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := g.NotifyClient(sm, hub.ScOrNsLcm); a != b || err != nil {
		t.Errorf("another client for the same endpoint: %v", err)
	}
}

// Security Managers that were registered with the first version have client CAs
// that allow clients only. They are notified too; only outside verifiers, which
// ask for serverAuth, want a new registration.
func TestNotifyClient_OldClientCA(t *testing.T) {
	h := newTestHub(t)
	_, g := openGate(t, h, hub.ScOr)
	const i = hub.ScOrNsLcm
	_, keys := h.register(t, "north", "alpha", hub.Passive)
	domain, d, err := h.active(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	above, err := h.issuer(t.Context(), domain, d)
	if err != nil {
		t.Fatal(err)
	}
	sm, err := h.change(t.Context(), operator, "north", "alpha", RecordSMRotated, func(sm *hub.SecurityManager) (any, error) {
		ca, err := h.clientCA(t.Context(), domain, d, "alpha", sm.Endpoint(i))
		if err != nil {
			return nil, err
		}
		old := caTemplate("old", h.clock.Now(), 0)
		old.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if ca.cert, err = sign(old, above.cert, ca.key.Public(), above.key); err != nil {
			return nil, err
		}
		leaf, err := newClientCert(sm.Identity(i), ca, keys[i].Public(), h.clock.Now(), time.Hour)
		if err != nil {
			return nil, err
		}
		sm.Endpoint(i).ClientCA = encodeCerts(ca.cert)
		sm.Endpoint(i).Credentials = []hub.Credential{newCredential(leaf, ca)}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := openSink(t, h, sm, credential(t, sm, i, keys[i]))
	if status, err := notify(t, g, sm, i, s.URL); err != nil || status != 204 {
		t.Errorf("%d %v", status, err)
	}
}

// New credentials are good for clients and servers, so that outside verifiers
// agree; the certificates of operators are for clients.
func TestCredentials_Usages(t *testing.T) {
	h := newTestHub(t)
	sm, _ := h.register(t, "north", "alpha", hub.Passive)
	for _, i := range hub.Interfaces() {
		ca, err := decodeCert(sm.Endpoint(i).ClientCA)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := decodeCert(sm.Endpoint(i).Credentials[0].Certificate)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(ca)
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: h.clock.Now(), KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
				t.Errorf("%s for usage %d: %v", i, usage, err)
			}
		}
	}
	leaf, err := x509.ParseCertificate(operatorCert(t, h, "ann").Certificate[0])
	if err != nil || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
		t.Errorf("the operator's usages are %v (%v)", leaf.ExtKeyUsage, err)
	}
}
