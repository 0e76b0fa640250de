package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// startProcess starts a process of all roles, with what prepare adds to it.
func startProcess(t *testing.T, prepare func(*hubProcess)) *hubProcess {
	t.Helper()
	h := newProcess(t)
	prepare(h)
	if err := h.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// newProcess makes a process of all roles that is not started.
func newProcess(t testing.TB) *hubProcess {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	h := &hubProcess{cfg: cfg, env: cli.Env{Stdout: io.Discard, Stderr: io.Discard}, roles: cli.Roles(), lease: newRoleLease(nil), log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

// ask adds GET /ask/v1/{op} to a reference point, which answers 204 to who may.
func ask(h *hubProcess, rp hub.ReferencePoint) {
	h.addRoutes(rp, func(mux *httpapi.Mux) {
		g := mux.API(httpapi.API{Name: "ask", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}, VersionOptional: true})
		g.Handle("GET /{op}", func(w http.ResponseWriter, r *http.Request) error {
			if _, err := h.entrances[rp].Authorize(r, trust.Operation(r.PathValue("op")), "", trust.Target{TrustDomain: trust.HubDomain}); err != nil {
				return err
			}
			return httpapi.NoContent(w)
		})
	})
}

// The hub's functions ask one another over TLS and HTTP/2, each as itself, and
// are told apart.
//
// Covers: Sec.6
func TestFunctionClient(t *testing.T) {
	points := []hub.ReferencePoint{hub.OsMa, hub.OrVnfm, hub.VNFM, hub.VIM}
	h := startProcess(t, func(h *hubProcess) {
		for _, rp := range points {
			ask(h, rp)
		}
	})
	for _, c := range []struct {
		who    hub.Kind
		at     hub.ReferencePoint
		op     string
		status int
	}{
		{hub.KindNFVO, hub.VNFM, "vnf.instantiate", 204},
		{hub.KindNFVO, hub.VIM, "resource.query", 204},
		{hub.KindNFVO, hub.VIM, "event.inject", 403},
		{hub.KindNFVO, hub.OsMa, "ns.query", 403},
		{hub.KindVNFM, hub.OrVnfm, "grant.request", 204},
		{hub.KindVNFM, hub.OrVnfm, "notification.deliver", 204},
		{hub.KindVNFM, hub.VIM, "resource.manage", 204},
		{hub.KindVNFM, hub.OsMa, "ns.query", 403},
		{hub.KindVIM, hub.VNFM, "notification.deliver", 204},
		{hub.KindVIM, hub.VNFM, "vnf.query", 403},
		{hub.KindVIM, hub.OrVnfm, "grant.request", 403},
	} {
		resp, err := h.functionClient(c.who).Get(h.url(c.at) + "/ask/v1/" + c.op)
		if err != nil {
			t.Errorf("%s at %s: %v", c.who, c.at, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != c.status || resp.ProtoMajor != 2 {
			t.Errorf("%s asks %s at %s: %d over %s, want %d over HTTP/2", c.who, c.op, c.at, resp.StatusCode, resp.Proto, c.status)
		}
	}
	// Only what the roles have added is there, and it needs a credential.
	for _, rp := range points {
		resp, err := h.functionClient(hub.KindNFVO).Get(h.url(rp) + "/nothing/v1/x")
		if err != nil || resp.StatusCode != 404 || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("what nobody serves at %s: %v %v", rp, resp, err)
		}
	}
	if a, b := h.functionClient(hub.KindVIM), h.functionClient(hub.KindVIM); a != b {
		t.Error("each call makes another client")
	}
}

// Who is not certified as a function of this hub is not asked anything.
func TestFunctionClient_WrongServers(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a stranger was asked") }))
	defer stranger.Close()
	client := h.functionClient(hub.KindNFVO)
	if resp, err := client.Get(stranger.URL); err == nil {
		t.Errorf("a stranger answers %s", resp.Status)
	}
	for addr, want := range map[string]string{
		strings.TrimPrefix(h.url(hub.VIM), "https://"): "vim.hub.manoward.internal", "192.0.2.1:443": "192.0.2.1", "x": "x",
	} {
		if name, at := h.locate(addr); name != want || at != addr {
			t.Errorf("at %s: server name %q at %s, want %q", addr, name, at, want)
		}
	}
	// A process beside it, which does not know the hub's CA and has no certificate
	// for its VNFM.
	empty, err := trust.NewRegistry(t.Context(), trust.Config{Accounts: accounts{h.bus}, Now: time.Now, Log: h.log})
	if err != nil {
		t.Fatal(err)
	}
	none := &memoryCertificate{lead: h.cfg.Trust.RenewBefore.Lead, make: func(context.Context) (tls.Certificate, error) {
		return tls.Certificate{}, errors.New("no")
	}}
	beside := &hubProcess{
		cfg: h.cfg, listeners: h.listeners, addresses: h.addresses, parties: empty, log: h.log,
		functions: map[hub.Kind]*memoryCertificate{hub.KindNFVO: h.function(hub.KindNFVO), hub.KindVNFM: none},
	}
	if _, err := beside.functionClient(hub.KindNFVO).Get(h.url(hub.VIM)); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "CA is not known here yet") {
		t.Errorf("before the hub's CA is known: %v", err)
	}
	_, err = beside.functionClient(hub.KindVNFM).Get(h.url(hub.VIM))
	if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "has no certificate yet") {
		t.Errorf("without a certificate: %v", err)
	}
}

// Functions of one process reach one another whatever name others are told.
func TestFunctionClient_AdvertisedName(t *testing.T) {
	h := startProcess(t, func(h *hubProcess) {
		h.cfg.Listen.Host, h.cfg.Listen.Advertise = "0.0.0.0", "hub.example.invalid"
		ask(h, hub.VNFM)
	})
	target := h.url(hub.VNFM) + "/ask/v1/vnf.query"
	resp, err := h.functionClient(hub.KindNFVO).Get(target)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 204 || !strings.HasPrefix(target, "https://hub.example.invalid:") {
		t.Errorf("%s answers %d", target, resp.StatusCode)
	}
}

// Where the trust role runs elsewhere, the certificate comes over the bus.
func TestRemoteTrust_SignFunction(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	remote := remoteTrust{h.bus.Hub()}
	vim := trust.FunctionIdentity(hub.KindVIM)
	cert, err := trust.NewServerCertificate("vim", func(csr []byte) ([][]byte, error) {
		return remote.SignFunction(t.Context(), vim, []string{h.serverName(hub.VIM)}, h.pointIPs(hub.VIM), csr)
	})
	if err != nil || len(cert.Leaf.URIs) != 1 || cert.Leaf.URIs[0].String() != vim.String() || len(cert.Leaf.IPAddresses) != 1 {
		t.Errorf("%+v %v", cert.Leaf, err)
	}
	for what, id := range map[string]hub.Identity{"nobody": {}, "an operator": {TrustDomain: "hub", Kind: hub.KindOperator, Name: "x"}} {
		if _, err := remote.SignFunction(t.Context(), id, []string{h.serverName(hub.VIM)}, nil, nil); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A hub that cannot certify its own functions does not start.
func TestStart_FunctionWithoutCertificate(t *testing.T) {
	h := newProcess(t)
	h.functions = map[hub.Kind]*memoryCertificate{hub.KindVIM: {lead: h.cfg.Trust.RenewBefore.Lead, make: func(context.Context) (tls.Certificate, error) {
		return tls.Certificate{}, hub.E(hub.Unavailable, "sign", "the keys of the hub cannot be used", nil)
	}}}
	if err := h.start(t.Context()); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(err.Error(), "certify the vim") {
		t.Errorf("started with %v", err)
	}
}

// A client goes on over the renewal of its certificate, on new connections.
func TestFunctionClient_Renewal(t *testing.T) {
	h := startProcess(t, func(h *hubProcess) { ask(h, hub.VNFM) })
	client := h.functionClient(hub.KindNFVO)
	get := func() {
		t.Helper()
		resp, err := client.Get(h.url(hub.VNFM) + "/ask/v1/vnf.query")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 204 {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	get()
	transport := client.Transport.(*functionTransport)
	base := func() *http.Transport { // the NFVO itself uses it too
		transport.mu.Lock()
		defer transport.mu.Unlock()
		return transport.base
	}
	before := base()
	cert := h.function(hub.KindNFVO)
	cert.mu.Lock()
	cert.lead = func(life time.Duration) time.Duration { return 2 * life } // due at once
	cert.mu.Unlock()
	get()
	if base() == before {
		t.Error("the old connections are used on")
	}
}

// A certificate is made once, made anew before its end, and kept while that fails
// and it is still good.
func TestMemoryCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails error
		made := 0
		m := &memoryCertificate{
			lead: func(life time.Duration) time.Duration { return life / 3 },
			make: func(ctx context.Context) (tls.Certificate, error) {
				if made++; fails != nil {
					return tls.Certificate{}, fails
				}
				now := time.Now()
				return tls.Certificate{Leaf: &x509.Certificate{NotBefore: now, NotAfter: now.Add(3 * time.Hour)}}, ctx.Err()
			},
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		get := func(wantMade int, wantErr error) *tls.Certificate {
			t.Helper()
			cert, err := m.get(gone) // who asks has gone away; others wait for it
			if made != wantMade || !errors.Is(err, wantErr) {
				t.Fatalf("made %d times (%v), want %d (%v)", made, err, wantMade, wantErr)
			}
			return cert
		}
		refused := errors.New("the trust role does not answer")
		fails = refused
		get(1, refused)
		fails = nil
		first := get(2, nil)
		get(2, nil)
		time.Sleep(2*time.Hour + time.Second)
		fails = refused
		if get(3, nil) != first {
			t.Error("a good certificate is not used on")
		}
		get(3, nil) // not each handshake tries again
		time.Sleep(renewRetry)
		get(4, nil)
		time.Sleep(time.Hour)
		get(5, refused)
		fails = nil
		if get(6, nil) == first {
			t.Error("it was not made anew")
		}
	})
}
