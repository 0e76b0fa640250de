package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/cmd/manoward/cli"
)

// The operators' entrance stays on loopback whatever the hub listens on, until
// it is given an address of its own.
//
// Covers: Security.004
func TestAdmin_StaysOnLoopback(t *testing.T) {
	h := bStart(t, "--listen", "0.0.0.0", "--advertise", "hub.example.net")
	if got := h.ready.Endpoints["admin"]; !strings.HasPrefix(got, "https://127.0.0.1:") {
		t.Errorf("admin is at %s", got)
	}
	seen := map[string]bool{}
	for name, url := range h.ready.Endpoints {
		if name != "admin" && !strings.HasPrefix(url, "https://hub.example.net:") {
			t.Errorf("%s is said to be at %s", name, url)
		}
		port := url[strings.LastIndex(url, ":"):]
		if seen[port] {
			t.Errorf("%s shares its listener", name)
		}
		seen[port] = true
	}
	h.cli("trust-domain", "list") // the context leads there
}

// A data directory that has lost its bus is not taken for a new one.
func TestStart_WithoutItsBus(t *testing.T) {
	h := bStart(t)
	h.cli("trust-domain", "create", "north")
	h.kill()
	if err := os.RemoveAll(filepath.Join(h.dir, "bus")); err != nil {
		t.Fatal(err)
	}
	if err := h.start(); err == nil || !strings.Contains(err.Error(), "missing; restore it from a backup") {
		t.Errorf("started without its bus: %v", err)
	}
}

// Readiness names what is missing to anybody, and says why to operators only:
// the reasons hold paths.
func TestReadiness_ReasonsAreForOperators(t *testing.T) {
	h := bStart(t)
	h.cli("trust-domain", "create", "north")
	if err := os.Remove(filepath.Join(h.dir, "keys", "north", "root.key")); err != nil {
		t.Fatal(err)
	}
	c, err := cli.ReadContext(h.ready.Context)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(c.CA))
	anybody := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: c.ServerName}}}
	defer anybody.CloseIdleConnections()
	for _, format := range []string{"json", "text"} {
		target := c.Server + "/readyz?format=" + format
		bEventually(t, "readiness names the trust domain", bPatience, func() bool {
			resp, body := apiCall(t, anybody, "GET", target, nil, "")
			if strings.Contains(body, "root.key") {
				t.Fatalf("anybody is told the path: %s", body)
			}
			return resp.StatusCode == 503 && strings.Contains(body, "trust-domain/north")
		})
		if _, body := apiCall(t, h.operator().HTTP, "GET", target, nil, ""); !strings.Contains(body, "root.key is missing") {
			t.Errorf("the operator is not told why: %s", body)
		}
	}
}
