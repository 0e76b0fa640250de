package e2e_test

import (
	"os"
	"strings"
	"testing"
)

// The operators' entrance stays on loopback whatever the hub listens on, until
// it is given an address of its own.
//
// Covers: Security.004
func TestAdmin_StaysOnLoopback(t *testing.T) {
	t.Parallel()
	h := startHub(t, "--listen", "0.0.0.0", "--advertise", "hub.example.net")
	if got := h.ready.Endpoints["admin"]; !strings.HasPrefix(got, "https://127.0.0.1:") {
		t.Errorf("admin is at %s", got)
	}
	seen := map[string]bool{}
	for name, url := range h.ready.Endpoints {
		scheme := "https"
		if name == "cmfStatus" { // what is signed, for who does not yet know whom to trust
			scheme = "http"
		}
		if name != "admin" && !strings.HasPrefix(url, scheme+"://hub.example.net:") {
			t.Errorf("%s is said to be at %s", name, url)
		}
		port := url[strings.LastIndex(url, ":"):]
		if seen[port] {
			t.Errorf("%s shares its listener", name)
		}
		seen[port] = true
	}
	h.do("trust-domain", "list") // the context leads there
}

// A data directory that has lost its bus is not taken for a new one.
func TestStart_WithoutItsBus(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.kill()
	if err := os.RemoveAll(h.file("bus")); err != nil {
		t.Fatal(err)
	}
	h.refusesStart(6, "bus", "is missing; restore it from a backup")
}

// Readiness names what is missing to anybody, and says why to operators only:
// the reasons hold paths.
func TestReadiness_ReasonsAreForOperators(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	if err := os.Remove(h.file("keys", "north", "root.key")); err != nil {
		t.Fatal(err)
	}
	c := h.operatorContext()
	anybody := httpClient(t, adminTLS(t, c, false), false)
	for _, format := range []string{"json", "text"} {
		target := c.Server + "/readyz?format=" + format
		eventually(t, "readiness names the trust domain", patience, func() bool {
			resp, body := call(t, anybody, "GET", target, nil, "")
			if strings.Contains(body, "root.key") {
				t.Fatalf("anybody is told the path: %s", body)
			}
			return resp.StatusCode == 503 && strings.Contains(body, "trust-domain/north")
		})
		if _, body := call(t, h.operator().HTTP, "GET", target, nil, ""); !strings.Contains(body, "root.key is missing") {
			t.Errorf("the operator is not told why: %s", body)
		}
	}
}
