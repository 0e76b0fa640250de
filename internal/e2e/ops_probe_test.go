package e2e_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

type opsMissing struct{ Name, Reason string }

// opsReady asks the admin listener for readiness, without a credential.
func opsReady(t *testing.T, h *opsHub) (status int, missing []opsMissing) {
	t.Helper()
	c := opsReadContext(t, h.Path)
	status, body, _ := opsGet(t, c.client(t, false), c.Server+"/readyz")
	var answer struct {
		Ready   bool
		Missing []opsMissing
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("/readyz: %v\n%s", err, body)
	}
	if answer.Ready != (status == 200) || answer.Ready != (len(answer.Missing) == 0) {
		t.Errorf("/readyz: status %d with %s", status, body)
	}
	return status, answer.Missing
}

// Health needs no credential on the admin listener; metrics need an operator's.
func TestOpsProbesOnAdmin(t *testing.T) {
	s := newOpsSite(t)
	h := s.start()
	c := opsReadContext(t, h.Path)
	anybody, operator := c.client(t, false), c.client(t, true)
	if code, body, _ := opsGet(t, anybody, c.Server+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	if code, missing := opsReady(t, h); code != 200 || len(missing) > 0 {
		t.Errorf("/readyz: %d, missing %v", code, missing)
	}
	for _, ask := range [][]string{{"/readyz?format=text"}, {"/readyz", "Accept", "text/plain"}} {
		if code, body, head := opsGet(t, anybody, c.Server+ask[0], ask[1:]...); code != 200 || body != "ready\n" || !strings.HasPrefix(head.Get("Content-Type"), "text/plain") {
			t.Errorf("%v: %d %q, %s", ask, code, body, head.Get("Content-Type"))
		}
	}
	code, body, head := opsGet(t, anybody, c.Server+"/metrics")
	if code != 401 || strings.Contains(body, "manoward_") || !strings.HasPrefix(head.Get("Content-Type"), "application/problem+json") || head.Get("WWW-Authenticate") == "" {
		t.Errorf("/metrics without a credential: %d %s, %q", code, head, body)
	}
	if code, body, _ := opsGet(t, operator, c.Server+"/metrics"); code != 200 || !strings.Contains(body, "manoward_") {
		t.Errorf("/metrics of an operator: %d\n%s", code, body)
	}
	// The endpoints of Security Managers have none of this.
	for _, name := range []string{"scOr", "scVi"} {
		if resp, err := anybody.Get(h.URL[name] + "/healthz"); err == nil {
			resp.Body.Close()
			t.Errorf("%s answers /healthz without a credential: %s", name, resp.Status)
		}
	}
}

// --probes serves health and metrics in plain HTTP, on loopback and nowhere
// else.
func TestOpsProbesInPlainHTTP(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	s := newOpsSite(t, "--probes", address)
	s.start()
	plain := &http.Client{Timeout: 10 * time.Second}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": `"ready":true`, "/readyz?format=text": "ready", "/metrics": "manoward_http_request_duration_seconds"} {
		if path == "/metrics" {
			s.do("trust-domain", "list") // so that there is a request to count
		}
		if code, body, _ := opsGet(t, plain, "http://"+address+path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want %q in\n%s", path, code, want, body)
		}
	}
	if code, _, _ := opsGet(t, plain, "http://"+address+"/manoward/v1/trust_domains"); code != 404 {
		t.Errorf("the API answers in plain HTTP: %d", code)
	}
	elsewhere := newOpsSite(t, "--probes", "0.0.0.0:0")
	elsewhere.refused(2, "is not on loopback, and probes are served in plain HTTP")
}

// Every metric that the hub has is documented in docs/metrics.md, with the help
// that it shows, and no metric is documented that it has not.
func TestOpsMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newOpsSite(t)
	h := s.start()
	s.do("trust-domain", "create", "north")
	s.do("sm", "register", "alpha", "--trust-domain", "north", "--out", "alpha")
	s.do("sm", "renew", "--dir", "alpha", "--force")
	c := opsReadContext(t, h.Path)
	_, body, _ := opsGet(t, c.client(t, true), c.Server+"/metrics")
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(manoward_[a-z_]+)` \\|").FindAllSubmatch(page, -1) {
		documented[string(m[1])] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^# HELP (manoward_\S+) (.*)$`).FindAllStringSubmatch(body, -1) {
		if !documented[m[1]] {
			t.Errorf("docs/metrics.md has no row of %s: %s", m[1], m[2])
		}
		delete(documented, m[1])
	}
	for name := range documented {
		t.Errorf("docs/metrics.md documents %s, which the hub does not have after a registration and a renewal", name)
	}
}

// The end of each credential is a metric, labelled so that an alarm names the
// Security Manager and the interface.
func TestOpsExpiryMetric(t *testing.T) {
	s := newOpsSite(t, "--set", "trust.credentialLifetime=48h")
	h := s.start()
	s.do("trust-domain", "create", "north")
	began := time.Now()
	s.do("sm", "register", "alpha", "--trust-domain", "north", "--out", "alpha")
	s.do("sm", "revoke", "alpha", "--trust-domain", "north", "--interface", "sc-vi.telem")
	c := opsReadContext(t, h.Path)
	_, body, _ := opsGet(t, c.client(t, true), c.Server+"/metrics")
	lines := regexp.MustCompile(`(?m)^manoward_trust_credential_expiry_seconds\{interface="([^"]+)",sm="alpha",trust_domain="north"\} (\S+)$`).FindAllStringSubmatch(body, -1)
	var interfaces []string
	for _, l := range lines {
		interfaces = append(interfaces, l[1])
		var end float64
		if err := json.Unmarshal([]byte(l[2]), &end); err != nil {
			t.Fatal(err)
		}
		want := float64(began.Add(48 * time.Hour).Unix())
		if l[1] == "sc-vi.telem" {
			want = 0 // revoked: none works
		}
		if end < want-1 || end > want+60 {
			t.Errorf("%s ends at %.0f, want %.0f", l[1], end, want)
		}
	}
	slices.Sort(interfaces)
	if got := strings.Join(interfaces, " "); got != "sc-or.ns-lcm sc-or.sec-enforce sc-or.security-vnf-mgmt sc-or.status-info sc-vi.telem" {
		t.Errorf("interfaces %q in\n%s", got, body)
	}
}
