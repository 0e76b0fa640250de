package e2e_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Covers: Security.003
func TestSeparation_ExpiredCredentials(t *testing.T) {
	t.Parallel()
	h, all := sepHub(t, "--set", "trust.credentialLifetime=4s")
	for _, ep := range all {
		leaf := ep.Cert.Leaf
		// A first answer may come late on a slow machine; it is not what is tested.
		if time.Now().Before(leaf.NotAfter.Add(-time.Second)) {
			ep.mustOpen(t, &ep.Cert)
		}
	}
	last := slices.MaxFunc(all, func(a, b *endpoint) int { return a.Cert.Leaf.NotAfter.Compare(b.Cert.Leaf.NotAfter) })
	eventually(t, "credentials end", patience, func() bool { return time.Now().After(last.Cert.Leaf.NotAfter) })
	refused := map[string]string{}
	for _, ep := range all {
		ep.mustRefuse(t, "an expired credential", ep.tls(&ep.Cert))
		refused[ep.Domain+" "+ep.ServerName+" "+sepPrint(ep.Cert)] = "expired-credential"
	}
	sepRecorded(t, h, refused)
}

// Covers: Security.003
func TestSeparation_RevokedCredentials(t *testing.T) {
	t.Parallel()
	h, all := sepHub(t)
	refused := map[string]string{}
	for n, ep := range all {
		ep.mustOpen(t, &ep.Cert)
		h.do("sm", "revoke", ep.SM, "--trust-domain", ep.Domain, "--interface", string(ep.Interface), "--reason", "test")
		ep.mustRefuse(t, "a revoked credential", ep.tls(&ep.Cert))
		refused[ep.Domain+" "+ep.ServerName+" "+sepPrint(ep.Cert)] = "revoked-credential"
		if n+1 < len(all) {
			all[n+1].mustOpen(t, &all[n+1].Cert) // nobody else is touched
		}
	}
	sepRecorded(t, h, refused)
}

// sepKept asks for the session over one connection that stays open.
type sepKept struct {
	ep     *endpoint
	client *http.Client
	conns  int // connections that were made for it
}

func sepKeep(t *testing.T, ep *endpoint, http2 bool) *sepKept {
	return &sepKept{ep: ep, client: httpClient(t, ep.tls(&ep.Cert), http2)}
}

func (k *sepKept) session(t *testing.T) (hub.Session, int) {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if !i.Reused {
			k.conns++
		}
	}})
	s, status, err := k.ep.session(ctx, k.client)
	if err != nil {
		t.Fatalf("session of %s: %v", k.ep.identity(), err)
	}
	if k.conns != 1 {
		t.Fatalf("%d connections were made; want the first one to be kept", k.conns)
	}
	return s, status
}

// Covers: Security.003
func TestSeparation_ChangesReachOpenConnections(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	all := h.register("north", "alpha")
	for n, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http%d", n+1), func(t *testing.T) {
			ep := all[n]
			kept := sepKeep(t, ep, http2)
			for _, mode := range []hub.Mode{hub.Passive, hub.FullyActive, hub.SemiActive} {
				h.do("sm", "set-mode", "alpha", strings.ToLower(strings.ReplaceAll(string(mode), "_", "-")), "--trust-domain", "north")
				if s, status := kept.session(t); status != http.StatusOK || s.Mode != mode || s.Identity != ep.identity() {
					t.Errorf("status %d, mode %s, identity %s after it was set to %s", status, s.Mode, s.Identity, mode)
				}
			}
			h.do("sm", "revoke", "alpha", "--trust-domain", "north", "--interface", string(ep.Interface), "--reason", "test")
			if _, status := kept.session(t); status != http.StatusUnauthorized {
				t.Errorf("status %d on an open connection after its credential was revoked; want 401", status)
			}
		})
	}
	third := sepKeep(t, all[2], true)
	if _, status := third.session(t); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	h.do("sm", "rotate", "alpha", "--trust-domain", "north", "--out", h.home+"/north-alpha", "--interface", string(all[2].Interface), "--overlap", "0")
	if _, status := third.session(t); status != http.StatusUnauthorized {
		t.Errorf("status %d on an open connection after its credential was rotated without overlap; want 401", status)
	}
	h.do("sm", "revoke", "alpha", "--trust-domain", "north")
	for _, ep := range all {
		ep.mustRefuse(t, "a revoked Security Manager's credential", ep.tls(&ep.Cert))
	}
}

// sepCache keeps every TLS session that a server offers and gives it to every
// connection, whatever endpoint it goes to.
type sepCache struct {
	mu      sync.Mutex
	session *tls.ClientSessionState
}

func (c *sepCache) Get(string) (*tls.ClientSessionState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session, c.session != nil
}

func (c *sepCache) Put(_ string, s *tls.ClientSessionState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != nil {
		c.session = s
	}
}

// Covers: Security.006
func TestSeparation_NoSessionIsResumed(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	all := h.register("north", "alpha")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cache := &sepCache{}
		for _, ep := range append(all, all[0]) {
			conf := ep.tls(&ep.Cert)
			conf.MaxVersion, conf.ClientSessionCache = version, cache
			var resumed bool
			conf.VerifyConnection = func(cs tls.ConnectionState) error { resumed = resumed || cs.DidResume; return nil }
			if _, status, err := ep.try(t, conf); err != nil || status != http.StatusOK || resumed {
				t.Errorf("%s over %s: status %d, %v, resumed %v", ep.identity(), tls.VersionName(version), status, err, resumed)
			}
		}
		if cache.session != nil {
			t.Errorf("a session was offered over %s", tls.VersionName(version))
		}
	}
}

// sepOpenSSL runs openssl as a verifier that shares no code with the hub.
func sepOpenSSL(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Covers: Security.001
func TestSeparation_OpenSSLAgrees(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	all := h.register("north", "alpha")
	ep, other := all[0], all[1]
	if out, err := sepOpenSSL(t, "", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", ep.Files+".ca.crt", "-untrusted", ep.Files+".crt", ep.Files+".crt"); err != nil {
		t.Errorf("openssl does not accept the chain of a credential: %v\n%s", err, out)
	}
	connect := func(own *endpoint) (string, error) {
		request := "GET /manoward/v1/session HTTP/1.1\r\nHost: " + ep.ServerName + "\r\nConnection: close\r\n\r\n"
		return sepOpenSSL(t, request, "s_client", "-quiet", "-ign_eof", "-verify_return_error", "-x509_strict",
			"-connect", ep.address(), "-servername", ep.ServerName, "-verify_hostname", ep.ServerName,
			"-CAfile", ep.Files+".ca.crt", "-cert", own.Files+".crt", "-cert_chain", own.Files+".crt", "-key", own.Files+".key")
	}
	if out, err := connect(ep); err != nil || !strings.Contains(out, "HTTP/1.1 200") || !strings.Contains(out, ep.identity()) {
		t.Errorf("openssl with the endpoint's credential: %v\n%s", err, out)
	}
	if out, err := connect(other); strings.Contains(out, "HTTP/1.1") || !strings.Contains(out, "alert") {
		t.Errorf("openssl with the credential of another endpoint: %v\n%s", err, out)
	}
}
