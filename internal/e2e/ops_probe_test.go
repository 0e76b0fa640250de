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

// Health needs no credential on the admin listener; metrics need an operator's.
func TestOpsProbesOnAdmin(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	c := h.operatorContext()
	anybody, operator := httpClient(t, adminTLS(t, c, false), false), httpClient(t, adminTLS(t, c, true), false)
	if resp, body := call(t, anybody, "GET", c.Server+"/healthz", nil, ""); resp.StatusCode != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", resp.StatusCode, body)
	}
	if code, missing := h.readyz(); code != 200 || len(missing) > 0 {
		t.Errorf("/readyz: %d, missing %v", code, missing)
	}
	for target, header := range map[string]http.Header{"/readyz?format=text": nil, "/readyz": {"Accept": {"text/plain"}}} {
		if resp, body := call(t, anybody, "GET", c.Server+target, header, ""); resp.StatusCode != 200 || body != "ready\n" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s %v: %d %q, %s", target, header, resp.StatusCode, body, resp.Header.Get("Content-Type"))
		}
	}
	resp, body := call(t, anybody, "GET", c.Server+"/metrics", nil, "")
	if head := resp.Header; resp.StatusCode != 401 || strings.Contains(body, "manoward_") || !strings.HasPrefix(head.Get("Content-Type"), "application/problem+json") || head.Get("WWW-Authenticate") == "" {
		t.Errorf("/metrics without a credential: %d %s, %q", resp.StatusCode, head, body)
	}
	if resp, body := call(t, operator, "GET", c.Server+"/metrics", nil, ""); resp.StatusCode != 200 || !strings.Contains(body, "manoward_") {
		t.Errorf("/metrics of an operator: %d\n%s", resp.StatusCode, body)
	}
	// The endpoints of Security Managers have none of this.
	for _, name := range []string{"scOr", "scVi"} {
		if resp, err := anybody.Get(h.ready.Endpoints[name] + "/healthz"); err == nil {
			resp.Body.Close()
			t.Errorf("%s answers /healthz without a credential: %s", name, resp.Status)
		}
	}
}

// --probes serves health and metrics in plain HTTP, on loopback and nowhere
// else.
func TestOpsProbesInPlainHTTP(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	h := startHub(t, "--probes", address)
	plain := &http.Client{Timeout: 10 * time.Second}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": `"ready":true`, "/readyz?format=text": "ready", "/metrics": "manoward_http_request_duration_seconds"} {
		if path == "/metrics" {
			h.do("trust-domain", "list") // so that there is a request to count
		}
		if resp, body := call(t, plain, "GET", "http://"+address+path, nil, ""); resp.StatusCode != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want %q in\n%s", path, resp.StatusCode, want, body)
		}
	}
	if resp, _ := call(t, plain, "GET", "http://"+address+"/manoward/v1/trust_domains", nil, ""); resp.StatusCode != 404 {
		t.Errorf("the API answers in plain HTTP: %d", resp.StatusCode)
	}
	elsewhere := newHub(t, "--probes", "0.0.0.0:0")
	elsewhere.refusesStart(2, "is not on loopback, and probes are served in plain HTTP")
}

// Every metric that the hub has is documented in docs/metrics.md, with the help
// that it shows, and no metric is documented that it has not.
func TestOpsMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	h := startHub(t, "--set", "journal.sealBeforeEffect=true") // some metrics are there only then
	h.do("trust-domain", "create", "north")
	h.do("sm", "register", "alpha", "--trust-domain", "north", "--out", "alpha")
	h.do("sm", "renew", "--dir", "alpha", "--force")
	c := h.operatorContext()
	_, body := call(t, httpClient(t, adminTLS(t, c, true), false), "GET", c.Server+"/metrics", nil, "")
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
	t.Parallel()
	h := startHub(t, "--set", "trust.credentialLifetime=48h")
	h.do("trust-domain", "create", "north")
	began := time.Now()
	h.do("sm", "register", "alpha", "--trust-domain", "north", "--out", "alpha")
	h.do("sm", "revoke", "alpha", "--trust-domain", "north", "--interface", "sc-vi.telem")
	c := h.operatorContext()
	_, body := call(t, httpClient(t, adminTLS(t, c, true), false), "GET", c.Server+"/metrics", nil, "")
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
