package e2e_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/hub"
)

// endpoint is one endpoint with the credential for it, as a foreign client
// finds them in the files of `sm register`.
type endpoint struct {
	Domain, SM string
	Interface  hub.Interface
	URL        string `json:"url"`
	ServerName string `json:"serverName"`
	Cert       tls.Certificate
	Roots      *x509.CertPool
	Files      string // path of the credential without .crt or .key
}

func (e *endpoint) identity() string {
	return hub.Identity{TrustDomain: e.Domain, Kind: hub.KindSM, Name: e.SM, Interface: e.Interface}.String()
}

func (e *endpoint) address() string { return strings.TrimPrefix(e.URL, "https://") }

// readEndpoints reads a directory that `sm register` wrote.
func readEndpoints(t testing.TB, dir, domain, sm string) []*endpoint {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "endpoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[hub.Interface]*endpoint{}
	if err := json.Unmarshal(raw, &found); err != nil {
		t.Fatal(err)
	}
	var list []*endpoint
	for _, i := range hub.Interfaces() {
		e := found[i]
		if e == nil {
			t.Fatalf("%s has no endpoint for %s", dir, i)
		}
		e.Domain, e.SM, e.Interface, e.Files = domain, sm, i, filepath.Join(dir, string(i))
		if e.Cert, err = tls.LoadX509KeyPair(e.Files+".crt", e.Files+".key"); err != nil {
			t.Fatal(err)
		}
		root, err := os.ReadFile(e.Files + ".ca.crt")
		if err != nil {
			t.Fatal(err)
		}
		e.Roots = x509.NewCertPool()
		if !e.Roots.AppendCertsFromPEM(root) {
			t.Fatalf("%s.ca.crt holds no certificate", e.Files)
		}
		list = append(list, e)
	}
	return list
}

// register registers an SM by the command line and reads what it wrote.
func (h *hubProcess) register(domain, sm string) []*endpoint {
	h.t.Helper()
	dir := filepath.Join(h.home, domain+"-"+sm)
	h.do("sm", "register", sm, "--trust-domain", domain, "--mode", "semi-active", "--out", dir)
	return readEndpoints(h.t, dir, domain, sm)
}

// tls returns a client configuration for the endpoint that shows cert even when
// the server's hints say that it will not be accepted; nil shows none.
func (e *endpoint) tls(cert *tls.Certificate) *tls.Config {
	conf := &tls.Config{RootCAs: e.Roots, ServerName: e.ServerName, MinVersion: tls.VersionTLS12}
	if cert != nil {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return conf
}

// session asks the endpoint who the client is there.
func (e *endpoint) session(ctx context.Context, c *http.Client) (s hub.Session, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, "GET", e.URL+"/manoward/v1/session", nil)
	if err != nil {
		return s, 0, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return s, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, err := io.Copy(io.Discard, resp.Body)
		return s, resp.StatusCode, err
	}
	return s, resp.StatusCode, json.NewDecoder(resp.Body).Decode(&s)
}

// try asks for the session over a connection of its own.
func (e *endpoint) try(t testing.TB, conf *tls.Config) (hub.Session, int, error) {
	c := httpClient(t, conf, false)
	defer c.CloseIdleConnections()
	return e.session(t.Context(), c)
}

// mustOpen wants the endpoint to open to the credential, as itself.
func (e *endpoint) mustOpen(t testing.TB, cert *tls.Certificate) {
	t.Helper()
	s, status, err := e.try(t, e.tls(cert))
	if err != nil || status != http.StatusOK || s.Identity != e.identity() {
		t.Errorf("%s with its own credential: %q, %d, %v", e.identity(), s.Identity, status, err)
	}
}

// mustRefuse wants a connection to end in its handshake: the client gets no
// HTTP answer whatever.
func (e *endpoint) mustRefuse(t testing.TB, what string, conf *tls.Config) {
	t.Helper()
	s, status, err := e.try(t, conf)
	if err == nil || status != 0 {
		t.Errorf("%s with %s: let in as %q, status %d", e.identity(), what, s.Identity, status)
		return
	}
	if strings.Contains(err.Error(), "Timeout") || strings.Contains(err.Error(), "refused by peer") {
		t.Errorf("%s with %s: %v; want an end of the handshake", e.identity(), what, err)
	}
}

// signingRequest makes a key, which nobody keeps, and a signing request for it.
func signingRequest(t testing.TB, id hub.Identity) string {
	csr, _, err := cli.NewRequest(id)
	if err != nil {
		t.Error(err)
	}
	return csr
}
