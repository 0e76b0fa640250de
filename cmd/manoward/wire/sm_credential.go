package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// smCredential is the credential of a Security Manager on one interface, as
// "manoward sm register --out" wrote it: with it the Security Manager asks the
// producer of the interface, and takes its notifications (Security.006). The
// files are read again when they change; one that cannot be read leaves the one
// before in use. It is safe for concurrent use.
type smCredential struct {
	dir   string
	iface hub.Interface
	now   func() time.Time

	mu     sync.Mutex // covers what is below; held while the files are read
	looked time.Time
	stamp  string // of the files that are in use
	is     *smEndpoint
	err    error // why there is none yet
}

// smEndpoint is one interface of a Security Manager: who it is there, and who the
// producer is.
type smEndpoint struct {
	cert       tls.Certificate
	roots      *x509.CertPool
	at         *url.URL // where the producer is
	serverName string   // which endpoint of it
	transport  *http.Transport

	mu    sync.Mutex // covers what is below
	known []byte     // the certificate of the producer that was verified last
	until time.Time  // how long that is good
}

const (
	// smLook is how often the files of a credential are looked at.
	smLook = time.Second
	// smTimeout bounds a request to the NFVO or VIM as a whole.
	smTimeout = time.Minute
	// smVerified is how long a certificate of a producer counts as verified.
	smVerified = time.Minute
)

// path returns the path of a file of the interface.
func (c *smCredential) path(suffix string) string {
	return filepath.Join(c.dir, string(c.iface)+suffix)
}

// files are what a credential consists of.
func (c *smCredential) files() []string {
	return []string{c.path(".crt"), c.path(".key"), c.path(".ca.crt"), filepath.Join(c.dir, "endpoints.json")}
}

// get returns the credential as the files have it.
func (c *smCredential) get() (*smEndpoint, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if age := now.Sub(c.looked); !c.looked.IsZero() && age >= 0 && age < smLook {
		return c.is, c.err
	}
	c.looked = now
	stamp := ""
	for _, f := range c.files() {
		if info, err := os.Stat(f); err == nil {
			stamp += fmt.Sprintf("%d/%d ", info.ModTime().UnixNano(), info.Size())
		}
	}
	if c.is != nil && stamp == c.stamp {
		return c.is, nil
	}
	next, err := c.read()
	switch {
	case err != nil && c.is == nil:
		c.err = err
		return nil, err
	case err != nil:
		return c.is, nil // a renewal may be under way: the files are read again, whatever their times say
	}
	if c.is != nil {
		c.is.transport.CloseIdleConnections()
	}
	c.is, c.err, c.stamp = next, nil, stamp
	return next, nil
}

func (c *smCredential) read() (*smEndpoint, error) {
	const op = "read credential"
	bad := func(file, mend string, err error) error {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the credential of %s: %s %s", c.iface, file, mend), err)
	}
	const register = `cannot be read; let "manoward sm register" or "manoward sm rotate" write it, and let this user read it`
	var raw [4][]byte
	for i, f := range c.files() {
		var err error
		if raw[i], err = os.ReadFile(f); err != nil {
			return nil, bad(f, register, err)
		}
	}
	e := &smEndpoint{roots: x509.NewCertPool()}
	var err error
	if e.cert, err = tls.X509KeyPair(raw[0], raw[1]); err != nil {
		return nil, bad(c.path(".crt"), "does not go with its key; let \"manoward sm rotate\" write both", err)
	}
	if !e.roots.AppendCertsFromPEM(raw[2]) {
		return nil, bad(c.path(".ca.crt"), "holds no PEM certificate; let \"manoward sm rotate\" write it", nil)
	}
	var endpoints map[hub.Interface]struct{ URL, ServerName string }
	if err := json.Unmarshal(raw[3], &endpoints); err != nil {
		return nil, bad(c.files()[3], "is no JSON; let \"manoward sm rotate\" write it", err)
	}
	own := endpoints[c.iface]
	if e.at, err = url.Parse(own.URL); err != nil || e.at.Scheme != "https" || e.at.Host == "" || own.ServerName == "" {
		return nil, bad(c.files()[3], "does not say where the interface is; write its url and serverName, or let \"manoward sm rotate\" do it when the producer runs", err)
	}
	e.serverName = own.ServerName
	e.transport = e.newTransport()
	return e, nil
}

// newTransport makes connections to where the producer is, whatever a request
// calls it: its name need not be in the DNS.
func (e *smEndpoint) newTransport() *http.Transport {
	address := e.at.Host
	if e.at.Port() == "" {
		address = net.JoinHostPort(e.at.Hostname(), "443")
	}
	dialer := &net.Dialer{Timeout: functionDialTimeout}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig:       &tls.Config{RootCAs: e.roots, ServerName: e.serverName, Certificates: []tls.Certificate{e.cert}, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   functionTLSTimeout,
		ForceAttemptHTTP2:     true,
		IdleConnTimeout:       functionIdleTimeout,
		ResponseHeaderTimeout: functionHeaderTimeout,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: functionPingAfter, PingTimeout: functionPingAfter},
	}
}

// RoundTrip implements [http.RoundTripper].
func (c *smCredential) RoundTrip(r *http.Request) (*http.Response, error) {
	e, err := c.get()
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper closes the body in any case
		}
		return nil, err
	}
	return e.transport.RoundTrip(r)
}

// client asks one API of the producer. The credential must have been read.
func (c *smCredential) client(api, version string) (*httpapi.Client, error) {
	e, err := c.get()
	if err != nil {
		return nil, err
	}
	return &httpapi.Client{
		Base: "https://" + e.serverName + strings.TrimSuffix(e.at.Path, "/") + api, Version: version,
		HTTP: &http.Client{
			Transport: c, Timeout: smTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// tlsConfig is that of a server that takes the notifications of the producer. Who
// is not the producer, or shows no certificate, is let in as far as its request, so
// that it is recorded.
func (c *smCredential) tlsConfig() *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			e, err := c.get()
			if err != nil {
				return nil, err
			}
			return &e.cert, nil
		},
		ClientAuth: tls.RequestClientCert, // verified by sender
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
	}
}

// sender implements [intake.Sender]: the producer of the interface shows the
// certificate of the endpoint that this credential opens.
func (c *smCredential) sender(r *http.Request) (string, bool) {
	e, err := c.get()
	if err != nil || r.TLS == nil || !e.produces(r.TLS.PeerCertificates, c.now()) {
		return "", false
	}
	return e.serverName, true
}

// produces reports whether a chain is the producer's. A signature is checked once
// a minute.
func (e *smEndpoint) produces(chain []*x509.Certificate, now time.Time) bool {
	if len(chain) == 0 {
		return false
	}
	e.mu.Lock()
	known := now.Before(e.until) && bytes.Equal(chain[0].Raw, e.known)
	e.mu.Unlock()
	if known {
		return true
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{
		Roots: e.roots, Intermediates: between, DNSName: e.serverName, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known, e.until = chain[0].Raw, now.Add(smVerified)
	if chain[0].NotAfter.Before(e.until) {
		e.until = chain[0].NotAfter
	}
	return true
}

// newCredentials names the credentials of a Security Manager, one for each
// interface.
func newCredentials(c config.SecurityManager, now func() time.Time) map[hub.Interface]*smCredential {
	all := map[hub.Interface]*smCredential{}
	for _, i := range hub.Interfaces() {
		all[i] = &smCredential{dir: c.Credentials, iface: i, now: now}
	}
	return all
}
