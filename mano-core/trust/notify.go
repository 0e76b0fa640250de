package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// The time limits of the client of [Gate.NotifyClient].
const (
	notifyDialTimeout = 5 * time.Second
	notifyTimeout     = 30 * time.Second // of a whole request
	notifyIdleTimeout = 15 * time.Second // of a connection on which nothing is sent
	notifyHeaderBytes = 64 << 10         // of an answer
)

// NotifyClient returns the client by which the endpoint of a Security Manager on
// an interface notifies that Security Manager (Security.006, Security.007). It
// presents the certificate of the endpoint, whose key is no other endpoint's, and
// accepts as server only who shows a credential in force of the same SM on the
// same interface: signed by the endpoint's client CA, with its identity as the
// only URI name, known and not revoked. The server's DNS names and the address
// count for nothing.
//
// That is checked at each connection. Before each request the registry is looked
// at again, and what was connected before anything of the SM changed, or under a
// credential that ended since, is not used any more.
//
// Extended key usages do not count either: the client CAs of Security Managers
// that were registered with manoward's first version allow clients only, and
// their credentials are to work here as well.
//
// The client follows no redirect, uses no proxy, and connects to no address that
// could not be a peer's ([httpapi.DialControl]). It is safe for concurrent use
// and shared by all who ask for the same endpoint. It fails with hub.NotFound for
// an SM that is not registered, and for an interface of another reference point.
func (g *Gate) NotifyClient(sm *hub.SecurityManager, i hub.Interface) (*http.Client, error) {
	ep := sm.Endpoint(i)
	if ep != nil {
		if _, _, err := g.endpoint(ep.ServerName); err != nil {
			ep = nil
		}
	}
	if ep == nil {
		return nil, hub.E(hub.NotFound, "notify Security Manager", fmt.Sprintf("Security Manager %s of trust domain %s has no endpoint %s here", sm.Name, sm.TrustDomain, i), nil)
	}
	g.notifyMu.Lock()
	defer g.notifyMu.Unlock()
	if c := g.notify[ep.ServerName]; c != nil {
		return c, nil
	}
	if g.notify == nil {
		g.notify = map[string]*http.Client{}
	}
	c := &http.Client{
		Timeout:       notifyTimeout,
		Transport:     &notifyTransport{gate: g, serverName: ep.ServerName},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	g.notify[ep.ServerName] = c
	return c, nil
}

// notifyTransport sends over connections that were made under what the registry
// says now.
type notifyTransport struct {
	gate       *Gate
	serverName string // of the endpoint

	mu   sync.Mutex // covers what is below; held for no I/O
	used *notifyConns
}

// notifyConns are the connections that were made while the SM was as it is here.
type notifyConns struct {
	*http.Transport
	sm    *hub.SecurityManager
	iface hub.Interface

	mu    sync.Mutex // covers until
	until time.Time  // when the first certificate of these connections ends; zero: there is none yet
}

// RoundTrip implements [http.RoundTripper].
func (t *notifyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	conns, err := t.current()
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper closes the body in any case
		}
		return nil, err
	}
	if r.URL.Scheme != "https" {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, hub.E(hub.Invalid, "notify Security Manager", "notifications go to https URIs only", nil)
	}
	return conns.RoundTrip(r)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] asks for.
func (t *notifyTransport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.used != nil {
		t.used.CloseIdleConnections()
	}
}

// current returns the connections that may be used now. The directory has a new
// value for an SM after each change of it, so another value means new connections.
func (t *notifyTransport) current() (*notifyConns, error) {
	sm, iface, err := t.gate.endpoint(t.serverName)
	if err == nil {
		err = t.gate.Current()
	}
	if err == nil && sm.State != hub.StateActive {
		err = &refusal{reasonRevoked, nil}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if was := t.used; was != nil && (err != nil || was.sm != sm || was.ended(t.gate.Now())) {
		was.CloseIdleConnections()
		t.used = nil
	}
	if err != nil {
		return nil, hub.E(hub.Unavailable, "notify Security Manager", "its endpoint is not in force now", err)
	}
	if t.used == nil {
		t.used = t.gate.newNotifyConns(sm, iface)
	}
	return t.used, nil
}

func (c *notifyConns) ended(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.until.IsZero() && !now.Before(c.until)
}

// endAt notes when a certificate of a connection ends.
func (c *notifyConns) endAt(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until.IsZero() || t.Before(c.until) {
		c.until = t
	}
}

func (g *Gate) newNotifyConns(sm *hub.SecurityManager, i hub.Interface) *notifyConns {
	c := &notifyConns{sm: sm, iface: i}
	c.Transport = &http.Transport{
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return g.dialManager(ctx, c, network, addr)
		},
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        notifyIdleTimeout,
		MaxResponseHeaderBytes: notifyHeaderBytes,
	}
	return c
}

// dialManager connects to where a Security Manager takes notifications.
func (g *Gate) dialManager(ctx context.Context, c *notifyConns, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	ep := c.sm.Endpoint(c.iface)
	face, err := g.faces.get(ctx, c.sm.TrustDomain, ep.ServerName, ep.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("certificate of the endpoint: %w", err)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: notifyDialTimeout, Control: httpapi.DialControl(g.LoopbackPeers)}
	raw, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, &tls.Config{
		ServerName: host,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &face.cert, nil
		},
		// What crypto/tls checks by itself is the DNS name. VerifyConnection checks
		// all that counts, also on resumed connections.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			cred, err := g.checkManager(c, face.clientCAs, cs)
			if err != nil {
				return err
			}
			c.endAt(cred.NotAfter)
			if cred.RetiresAt != nil {
				c.endAt(*cred.RetiresAt)
			}
			return nil
		},
	})
	c.endAt(face.notAfter)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, wrongManager(c, err)
	}
	return conn, nil
}

// checkManager says whether the server of a connection is the Security Manager
// itself, on its interface.
func (g *Gate) checkManager(c *notifyConns, roots *x509.CertPool, cs tls.ConnectionState) (*hub.Credential, error) {
	between := x509.NewCertPool()
	for _, cert := range cs.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: g.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		var invalid x509.CertificateInvalidError
		if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
			return nil, &refusal{reasonExpired, err}
		}
		return nil, &refusal{reasonUntrusted, err}
	}
	// As it is now, and not as it was when the connection was asked for.
	sm, iface, err := g.endpoint(c.sm.Endpoint(c.iface).ServerName)
	if err != nil {
		return nil, err
	}
	caller, err := g.holder(sm, iface, cs.PeerCertificates[0])
	if err != nil {
		return nil, err
	}
	return caller.Credential, nil
}

// wrongManager says that a server is not who it must be, without what crypto/tls
// says of it.
func wrongManager(c *notifyConns, err error) error {
	var why *refusal
	if !errors.As(err, &why) {
		return fmt.Errorf("connect to %s: %w", c.sm.Identity(c.iface), err)
	}
	text := fmt.Sprintf("the server at the notification URI is not %s: %s; let it serve with its credential for %s", c.sm.Identity(c.iface), strings.ReplaceAll(why.reason, "-", " "), c.iface)
	return hub.E(hub.Denied, "notify Security Manager", text, err)
}
