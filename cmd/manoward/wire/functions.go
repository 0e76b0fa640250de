package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// functionKinds are the hub's own functions, by the role that runs them.
var functionKinds = map[string]hub.Kind{"nfvo": hub.KindNFVO, "vnfm": hub.KindVNFM, "vim": hub.KindVIM, "cmf": hub.KindCMF}

// functionSigner is the registry when it runs here, and a way to it when it does
// not.
type functionSigner interface {
	SignFunction(ctx context.Context, id hub.Identity, names []string, ips []net.IP, csr []byte) ([][]byte, error)
}

func (h *hubProcess) functionSigner() functionSigner {
	if h.registry != nil {
		return h.registry
	}
	return remoteTrust{h.bus.Hub()}
}

// function returns the certificate of the hub's own function of a kind, with
// which it listens and asks others. Its key is made here and lives in memory.
func (h *hubProcess) function(kind hub.Kind) *memoryCertificate {
	h.functionsMu.Lock()
	defer h.functionsMu.Unlock()
	if c := h.functions[kind]; c != nil {
		return c
	}
	c := &memoryCertificate{lead: h.cfg.Trust.RenewBefore.Lead, make: func(ctx context.Context) (tls.Certificate, error) {
		var names []string
		var ips []net.IP
		for _, rp := range trust.FunctionPoints(kind) {
			names = append(names, h.serverName(rp))
			ips = append(ips, h.pointIPs(rp)...)
		}
		return trust.NewServerCertificate(names[0], func(csr []byte) ([][]byte, error) {
			return h.functionSigner().SignFunction(ctx, trust.FunctionIdentity(kind), names, ips, csr)
		})
	}}
	if h.functions == nil {
		h.functions = map[hub.Kind]*memoryCertificate{}
	}
	h.functions[kind] = c
	return c
}

// openFunctions makes the certificates of the functions that run here. Where the
// trust role runs elsewhere and is not up yet they are made when it is; until
// then readiness names them, and their listeners refuse.
func (h *hubProcess) openFunctions(ctx, _ context.Context) error {
	for role, kind := range functionKinds {
		if !h.has(role) {
			continue
		}
		cert := h.function(kind)
		h.health.Register("certificate/"+role, func(ctx context.Context) error {
			_, err := cert.get(ctx)
			return err
		})
		if _, err := cert.get(ctx); err != nil && h.has("trust") {
			return fmt.Errorf("certify the %s: %w", role, err)
		} else if err != nil {
			h.log.Warn("the certificate of a function cannot be made yet", "function", role, "err", err)
		}
	}
	return nil
}

// serverName is the server name of a reference point that is the hub's own.
func (h *hubProcess) serverName(rp hub.ReferencePoint) string {
	return trust.PointServerName(rp, h.cfg.Trust.ServerNameSuffix)
}

// pointIPs returns the address of a listener, so that clients that cannot be told
// a server name can check its certificate as well.
func (h *hubProcess) pointIPs(rp hub.ReferencePoint) []net.IP {
	u, err := url.Parse(h.listeners.url(rp))
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		return []net.IP{ip}
	}
	return nil
}

// The time limits of a function's client. There is none on a whole request: a
// package may take its time, and every caller has a context.
const (
	functionDialTimeout   = 5 * time.Second
	functionTLSTimeout    = 10 * time.Second
	functionHeaderTimeout = 30 * time.Second // from the end of the request to the header of the answer
	functionIdleTimeout   = 90 * time.Second
	functionPingAfter     = 15 * time.Second // of silence on a connection with HTTP/2, and as long for its answer
)

// functionClient returns the client with which the hub's own function of a kind
// asks the others: it shows the function's certificate, and takes for a function
// only who is certified under the hub's CA for the reference point it is asked
// at. Where that is says [hubProcess.url]. It speaks HTTP/2 and follows no redirect.
func (h *hubProcess) functionClient(kind hub.Kind) *http.Client {
	h.functionsMu.Lock()
	defer h.functionsMu.Unlock()
	if c := h.clients[kind]; c != nil {
		return c
	}
	if h.clients == nil {
		h.clients = map[hub.Kind]*http.Client{}
	}
	c := &http.Client{
		Transport:     &functionTransport{hub: h, kind: kind},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	h.clients[kind] = c
	return c
}

// functionTransport sends over connections that were made with the present
// certificate of the function: one that ends takes no connection with it.
type functionTransport struct {
	hub  *hubProcess
	kind hub.Kind

	mu   sync.Mutex // covers what is below; held for no I/O
	cert *tls.Certificate
	base *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (t *functionTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	cert, err := t.hub.function(t.kind).get(r.Context())
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper closes the body in any case
		}
		return nil, hub.E(hub.Unavailable, "ask a function of the hub", fmt.Sprintf("the %s has no certificate yet; see that the trust role runs", t.kind), err)
	}
	return t.with(cert).RoundTrip(r)
}

// with returns the connections of a certificate; those of an earlier one end when
// what is under way on them has ended.
func (t *functionTransport) with(cert *tls.Certificate) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cert == cert {
		return t.base
	}
	if t.base != nil {
		t.base.CloseIdleConnections()
	}
	t.cert, t.base = cert, &http.Transport{
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return t.hub.dialFunction(ctx, cert, network, addr)
		},
		ForceAttemptHTTP2:     true,
		IdleConnTimeout:       functionIdleTimeout,
		ResponseHeaderTimeout: functionHeaderTimeout,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: functionPingAfter, PingTimeout: functionPingAfter},
	}
	return t.base
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] asks for.
func (t *functionTransport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base != nil {
		t.base.CloseIdleConnections()
	}
}

// dialFunction connects to a function of the hub at host:port.
func (h *hubProcess) dialFunction(ctx context.Context, cert *tls.Certificate, network, addr string) (net.Conn, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(h.parties.HubRoot())) {
		return nil, hub.E(hub.Unavailable, "ask a function of the hub", "the hub's CA is not known here yet; see that the trust role runs", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, functionDialTimeout+functionTLSTimeout)
	defer cancel()
	name, addr := h.locate(addr)
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: functionDialTimeout},
		Config: &tls.Config{
			RootCAs: roots, ServerName: name, Certificates: []tls.Certificate{*cert},
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		},
	}
	return dialer.DialContext(ctx, network, addr)
}

// locate returns whose server name is to be found at host:port, and where to
// connect to: for a reference point its own name, else the host. What is served
// in this process is reached by its listener, whatever others are told: the name
// that they use may not be known on this machine.
func (h *hubProcess) locate(addr string) (serverName, connectTo string) {
	name, _, _ := net.SplitHostPort(addr)
	for _, kind := range functionKinds {
		for _, rp := range trust.FunctionPoints(kind) {
			if name == h.serverName(rp) { // asked for by its name: wherever it is now
				u, err := url.Parse(h.url(rp))
				if err != nil || u.Host == "" {
					return name, addr
				}
				return name, h.listeners.local(rp, u.Host)
			}
			if u, err := url.Parse(h.url(rp)); err == nil && u.Host == addr {
				return h.serverName(rp), h.listeners.local(rp, addr)
			}
		}
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, addr
	}
	return host, addr
}

// memoryCertificate keeps a certificate whose key lives in memory only, and makes
// it anew, with a new key, before it ends.
type memoryCertificate struct {
	make func(ctx context.Context) (tls.Certificate, error)
	lead func(lifetime time.Duration) time.Duration // how long before its end

	mu    sync.Mutex // held while it is made, so that it is made once
	cert  *tls.Certificate
	retry time.Time // when to try again to make it anew, while the old one still works
}

// renewRetry is how often it is tried to make a certificate anew while the old
// one still works: handshakes shall not wait for it each time.
const renewRetry = 30 * time.Second

// makeTimeout bounds how long a certificate may be made, by way of the bus.
const makeTimeout = 10 * time.Second

// get returns the certificate as it is now.
func (m *memoryCertificate) get(ctx context.Context) (*tls.Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.cert != nil {
		life := m.cert.Leaf.NotAfter.Sub(m.cert.Leaf.NotBefore)
		if works := now.Before(m.cert.Leaf.NotAfter); works && (now.Before(m.cert.Leaf.NotAfter.Add(-m.lead(life))) || now.Before(m.retry)) {
			return m.cert, nil
		}
	}
	// Whoever asks first makes it for all: his going away must not stop it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeTimeout)
	defer cancel()
	cert, err := m.make(ctx)
	switch {
	case err == nil:
		m.cert = &cert
	case m.cert == nil || !now.Before(m.cert.Leaf.NotAfter):
		return nil, err
	default:
		m.retry = now.Add(renewRetry)
	}
	return m.cert, nil
}

// serve is get for a TLS server.
func (m *memoryCertificate) serve(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return m.get(hello.Context())
}
