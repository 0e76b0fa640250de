package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// openGate serves a gate on loopback; the handler answers with the caller.
func openGate(t *testing.T, h *testHub, rp hub.ReferencePoint) (addr string, g *Gate) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	refusals := NewRefusals(h.Refused, log)
	refusals.every = time.Millisecond
	g = NewGate(GateConfig{
		ReferencePoint: rp, Directory: h.Directory, Decider: NewDecider(), Signer: h.Registry,
		Refusals: refusals, RenewBefore: func(life time.Duration) time.Duration { return life / 3 },
		Current: func() error { return nil }, LoopbackPeers: true, Now: h.clock.Now, Log: log,
	})
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := Target{r.URL.Query().Get("domain"), r.URL.Query().Get("id")}
		caller, err := g.Authorize(r, ReadSession, "", target)
		if reason := r.URL.Query().Get("deny"); reason != "" {
			err = g.Deny(r, ReadSession, target, reason)
		}
		if err != nil {
			http.Error(w, hub.SafeText(err), map[hub.Code]int{hub.Unauthenticated: 401, hub.Denied: 403, hub.NotFound: 404}[hub.CodeOf(err)])
			return
		}
		fmt.Fprint(w, caller.Identity)
	})}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { refusals.Run(ctx) })
	running.Go(func() { server.Serve(g.Listen(inner)) })
	t.Cleanup(func() { server.Close(); cancel(); running.Wait() })
	return inner.Addr().String(), g
}

// call makes one request with a connection of its own.
func call(addr, serverName, query string, roots *x509.CertPool, certs ...tls.Certificate) (status int, body string, err error) {
	client := newClient(addr, serverName, roots, certs...)
	defer client.CloseIdleConnections()
	return get(client, query)
}

// alert connects, asks something, and returns what the server ends it with.
func alert(t *testing.T, addr, serverName string, roots *x509.CertPool, certs ...tls.Certificate) error {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: serverName, RootCAs: roots, Certificates: certs})
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: endpoint\r\n\r\n")
	_, err = io.ReadAll(conn)
	return err
}

func newClient(addr, serverName string, roots *x509.CertPool, certs ...tls.Certificate) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
		// GetClientCertificate presents the credential also to a server whose
		// hints exclude it, as an attacker would.
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: serverName, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certs) == 0 {
				return &tls.Certificate{}, nil
			}
			return &certs[0], nil
		}},
		ForceAttemptHTTP2: true,
	}}
}

func get(client *http.Client, query string) (int, string, error) {
	resp, err := client.Get("https://endpoint/?" + query)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestGate_Separation(t *testing.T) {
	h := newTestHub(t)
	addrs := map[hub.ReferencePoint]string{}
	for _, rp := range []hub.ReferencePoint{hub.ScOr, hub.ScVi} {
		addrs[rp], _ = openGate(t, h, rp)
	}
	type seat struct {
		sm   *hub.SecurityManager
		i    hub.Interface
		cert tls.Certificate
	}
	var seats []seat
	for _, who := range [][2]string{{"north", "alpha"}, {"north", "beta"}, {"south", "gamma"}} {
		sm, keys := h.register(t, who[0], who[1], hub.FullyActive)
		for _, i := range hub.Interfaces() {
			seats = append(seats, seat{sm, i, credential(t, sm, i, keys[i])})
		}
	}
	serverKeys := map[string]string{}
	for _, at := range seats {
		ep := at.sm.Endpoint(at.i)
		for _, by := range seats {
			status, body, err := call(addrs[at.i.ReferencePoint()], ep.ServerName, "domain="+at.sm.TrustDomain, rootPool(t, h, at.sm.TrustDomain), by.cert)
			own := at.sm == by.sm && at.i == by.i
			if own && (err != nil || status != 200 || body != at.sm.Identity(at.i).String()) {
				t.Errorf("%s at its own endpoint: %d %q %v", at.sm.Identity(at.i), status, body, err)
			}
			if !own && err == nil {
				t.Errorf("%s got an answer at %s: %d %q", by.sm.Identity(by.i), at.sm.Identity(at.i), status, body)
			}
		}
		key := serverKey(t, addrs[at.i.ReferencePoint()], ep.ServerName, rootPool(t, h, at.sm.TrustDomain), at.cert)
		if other := serverKeys[key]; other != "" {
			t.Errorf("%s and %s share a server key", other, ep.ServerName)
		}
		serverKeys[key] = ep.ServerName
	}
	// An Sc-Or endpoint is not to be found on the Sc-Vi listener.
	if _, _, err := call(addrs[hub.ScVi], seats[0].sm.Endpoint(hub.ScOrNsLcm).ServerName, "", rootPool(t, h, "north"), seats[0].cert); err == nil {
		t.Error("Sc-Vi listener answered for an Sc-Or endpoint")
	}
}

func serverKey(t *testing.T, addr, name string, roots *x509.CertPool, cert tls.Certificate) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, RootCAs: roots, Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return keyHash(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
}

func TestGate_HostileCredentials(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	sm, _ := h.register(t, "north", "alpha", hub.Passive)
	const i = hub.ScOrNsLcm
	name, roots := sm.Endpoint(i).ServerName, rootPool(t, h, "north")

	try := func(what string, wantReason string, cert ...tls.Certificate) {
		t.Helper()
		status, body, err := call(addr, name, "domain=north", roots, cert...)
		if err == nil {
			t.Errorf("%s: let in: %d %s", what, status, body)
		}
		if err := alert(t, addr, name, roots, cert...); err == nil || !strings.Contains(err.Error(), "remote error: tls:") {
			t.Errorf("%s: the client is not told why: %v", what, err)
		}
		waitRefusal(t, h, "north", wantReason)
	}
	try("no credential", reasonNoCert)

	// Self-signed with the right names.
	key := newKey(t)
	self, err := newRoot("north", key, h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	forged, err := newClientCert(sm.Identity(i), authority{cert: self, key: key}, key.Public(), h.clock.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	try("self-signed with the right names", reasonUntrusted, tls.Certificate{Certificate: [][]byte{forged.Raw, self.Raw}, PrivateKey: key})

	// Signed by the right client CA, as if its key were abused.
	domain, _ := h.Directory.Domain("north")
	d, err := h.Registry.open(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := h.Registry.clientCA(t.Context(), domain, d, "alpha", sm.Endpoint(i))
	if err != nil {
		t.Fatal(err)
	}
	for what, id := range map[string]hub.Identity{
		reasonIdentity: {TrustDomain: "north", Kind: hub.KindSM, Name: "beta", Interface: i},
		reasonUnknown:  sm.Identity(i),
	} {
		leaf, err := newClientCert(id, ca, key.Public(), h.clock.Now(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		try("right CA, not registered: "+what, what, tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.cert.Raw}, PrivateKey: key})
	}

	// A claim is recorded as a claim, and only who proved who he is as the actor.
	h.Records(t.Context(), "north", "", func(_ string, rec hub.Record) bool {
		var r Refusal
		if json.Unmarshal(rec.Data, &r); rec.Kind == RecordRefused && r.Presented != "" {
			proven := r.Reason != reasonUntrusted
			if r.Proven != proven || (rec.Actor == r.Presented) != proven {
				t.Errorf("%s: actor %q, presented %q, proven %v", r.Reason, rec.Actor, r.Presented, r.Proven)
			}
		}
		return true
	})
}

func TestGate_ExpiredCredential(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	const i = hub.ScOrNsLcm
	h.clock.Advance(-h.CredentialLifetime - time.Hour)
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	h.clock.Advance(h.CredentialLifetime + time.Hour)
	if _, _, err := call(addr, sm.Endpoint(i).ServerName, "", rootPool(t, h, "north"), credential(t, sm, i, keys[i])); err == nil {
		t.Error("let in with an expired credential")
	}
	waitRefusal(t, h, "north", reasonExpired)
}

// waitRefusal waits until a refusal for the reason is recorded.
func waitRefusal(t *testing.T, h *testHub, domain, reason string) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		var reasons []string
		h.Records(t.Context(), domain, "", func(_ string, rec hub.Record) bool {
			if rec.Kind == RecordRefused {
				reasons = append(reasons, string(rec.Data))
			}
			return true
		})
		if slices.ContainsFunc(reasons, func(s string) bool { return strings.Contains(s, `"reason":"`+reason+`"`) }) {
			return
		}
		select {
		case <-deadline:
			t.Errorf("no refusal for %q was recorded", reason)
			return
		case <-tick.C:
		}
	}
}

// A credential that is revoked opens nothing more, on connections that were made
// before as well.
func TestGate_RevokedWhileConnected(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	client := newClient(addr, sm.Endpoint(hub.ScOrNsLcm).ServerName, rootPool(t, h, "north"), credential(t, sm, hub.ScOrNsLcm, keys[hub.ScOrNsLcm]))
	if status, _, err := get(client, "domain=north"); err != nil || status != 200 {
		t.Fatalf("before: %d %v", status, err)
	}
	if _, err := h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{Interface: hub.ScOrNsLcm, Reason: "lost"}); err != nil {
		t.Fatal(err)
	}
	if status, _, err := get(client, "domain=north"); err != nil || status != 401 {
		t.Errorf("after, same connection: %d %v", status, err)
	}
	client.CloseIdleConnections()
	if status, _, err := get(client, "domain=north"); err == nil {
		t.Errorf("after, new connection: %d", status)
	}
}

func TestGate_ClosedWhileRegistryIsStale(t *testing.T) {
	h := newTestHub(t)
	addr, g := openGate(t, h, hub.ScOr)
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	stale := errors.New("the bus does not answer")
	g.Current = func() error { return stale }
	if _, _, err := call(addr, sm.Endpoint(hub.ScOrNsLcm).ServerName, "", rootPool(t, h, "north"), credential(t, sm, hub.ScOrNsLcm, keys[hub.ScOrNsLcm])); err == nil {
		t.Error("let in while the registry may be out of date")
	}
	waitRefusal(t, h, "north", reasonStale)
}

// One address gets so many places and no more, and they come free again.
func TestGate_TooManyFromOne(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	good := func() (int, error) {
		status, _, err := call(addr, sm.Endpoint(hub.ScOrNsLcm).ServerName, "domain=north", rootPool(t, h, "north"), credential(t, sm, hub.ScOrNsLcm, keys[hub.ScOrNsLcm]))
		return status, err
	}
	var silent []net.Conn
	for range maxFromOne {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	if status, err := good(); err == nil {
		t.Errorf("beyond the bound: %d", status)
	}
	for _, conn := range silent {
		conn.Close()
	}
	deadline, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		if status, err := good(); err == nil && status == 200 {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the places do not come free")
		case <-tick.C:
		}
	}
}

// A client that connects and says nothing holds nobody up.
func TestGate_SlowClient(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	for range 20 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if status, _, err := call(addr, sm.Endpoint(hub.ScOrNsLcm).ServerName, "domain=north", rootPool(t, h, "north"), credential(t, sm, hub.ScOrNsLcm, keys[hub.ScOrNsLcm])); err != nil || status != 200 {
		t.Errorf("beside silent clients: %d %v", status, err)
	}
}

func TestGate_ServerNameInCapitals(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	name := strings.ToUpper(sm.Endpoint(hub.ScOrNsLcm).ServerName)
	if status, _, err := call(addr, name, "domain=north", rootPool(t, h, "north"), credential(t, sm, hub.ScOrNsLcm, keys[hub.ScOrNsLcm])); err != nil || status != 200 {
		t.Errorf("%s: %d %v", name, status, err)
	}
}

// What belongs to another trust domain answers as what does not exist. The attempt
// stands in the records of both: whole in that of who tried, and in that of the owner what it has to know.
//
// Covers: Sc-Or.NsLcm.003
func TestGate_OtherDomain(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	sm, keys := h.register(t, "north", "alpha", hub.FullyActive)
	h.register(t, "south", "gamma", hub.FullyActive)
	cert := credential(t, sm, hub.ScOrNsLcm, keys[hub.ScOrNsLcm])
	for _, query := range []string{"domain=south&id=vnf-4", "domain=nowhere&id=vnf-5"} {
		if status, body, err := call(addr, sm.Endpoint(hub.ScOrNsLcm).ServerName, query, rootPool(t, h, "north"), cert); err != nil || status != 404 || body != "not found\n" {
			t.Errorf("%s: %d %q %v", query, status, body, err)
		}
	}
	who := sm.Identity(hub.ScOrNsLcm).String()
	theirs := waitRecord(t, h, "south", func(rec hub.Record, r Refusal) bool {
		return rec.Actor == who && rec.Subject == "trust-domain/south" && r.Proven && r.Operation == ReadSession && r.TargetDomain == "south" && r.Target == "vnf-4"
	})
	if theirs.ServerName+theirs.Remote+theirs.Fingerprint != "" {
		t.Errorf("the owner learns more than it needs: %+v", theirs)
	}
	ours := waitRecord(t, h, "north", func(rec hub.Record, r Refusal) bool { return r.TargetDomain == "south" && r.Target == "vnf-4" })
	if ours.Subject != "sm/alpha" || ours.Fingerprint == "" || ours.Remote == "" || ours.Presented != who {
		t.Errorf("its own domain learns less: %+v", ours)
	}
	waitRecord(t, h, "north", func(_ hub.Record, r Refusal) bool { return r.TargetDomain == "nowhere" })
	if list := refusalsOf(t, h, "south"); len(list) != 1 {
		t.Errorf("the other domain's log: %+v", list)
	}
}

// What the decision table allows and the thing does not is recorded as well.
//
// Covers: Sc-Or.NsLcm.003
func TestGate_Deny(t *testing.T) {
	h := newTestHub(t)
	addr, _ := openGate(t, h, hub.ScOr)
	sm, keys := h.register(t, "north", "alpha", hub.FullyActive)
	cert := credential(t, sm, hub.ScOrNsLcm, keys[hub.ScOrNsLcm])
	status, body, err := call(addr, sm.Endpoint(hub.ScOrNsLcm).ServerName, "domain=north&id=vnf-4&deny=unforeseen", rootPool(t, h, "north"), cert)
	if err != nil || status != 403 || !strings.Contains(body, "unforeseen") {
		t.Errorf("%d %q %v", status, body, err)
	}
	waitRecord(t, h, "north", func(rec hub.Record, r Refusal) bool {
		return rec.Actor == sm.Identity(hub.ScOrNsLcm).String() && r.Operation == ReadSession && r.Target == "vnf-4" && r.Reason == "denied: unforeseen"
	})
}
