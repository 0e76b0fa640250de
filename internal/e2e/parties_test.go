package e2e_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
)

// points asks where the reference points are.
func (h *hubProcess) points() map[hub.ReferencePoint]hub.PointAddress {
	h.t.Helper()
	var list []hub.PointAddress
	if _, err := h.operator().Do(h.t.Context(), "GET", "/reference_points", nil, &list); err != nil {
		h.t.Fatal(err)
	}
	points := map[hub.ReferencePoint]hub.PointAddress{}
	for _, p := range list {
		points[p.ReferencePoint] = p
	}
	return points
}

// at returns a client for a reference point that checks its certificate and shows
// none, or the operator's.
func (h *hubProcess) at(p hub.PointAddress, withCredential bool) *http.Client {
	h.t.Helper()
	conf := adminTLS(h.t, h.operatorContext(), withCredential)
	conf.ServerName = p.ServerName
	return httpClient(h.t, conf, true)
}

// createClient registers an OAuth client and returns it with its secret.
func (h *hubProcess) createClient(args ...string) hub.OAuthClient {
	h.t.Helper()
	var c hub.OAuthClient
	if err := json.Unmarshal([]byte(h.do(append([]string{"client", "create", "-o", "json"}, args...)...)), &c); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// token gets an access token from a reference point. Another process may hear of
// a new client a moment later; it is not asked often, because it takes only so
// many failures.
func (h *hubProcess) token(p hub.PointAddress, c hub.OAuthClient) string {
	h.t.Helper()
	source := oauth.NewSource(oauth.SourceConfig{URL: p.URL + "/oauth2/token", ID: c.Name, Secret: hub.Secret(c.Secret), HTTP: h.at(p, false)})
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for try := 1; ; try++ {
		token, err := source.Token(h.t.Context())
		if err == nil {
			return token
		}
		if try == 4 {
			h.t.Fatal(err)
		}
		<-tick.C
	}
}

// status asks for what nobody serves: 404 is for who may come in, 401 for others.
func (h *hubProcess) status(p hub.PointAddress, token string) int {
	h.t.Helper()
	resp, _ := call(h.t, h.at(p, false), "GET", p.URL+"/nothing/v1/x", http.Header{"Authorization": {"Bearer " + token}}, "")
	return resp.StatusCode
}

// doors are the reference points for other parties than Security Managers.
var doors = []hub.ReferencePoint{hub.OsMa, hub.OrVnfm, hub.VNFM, hub.VIM}

// Each reference point knows the operator by certificate and clients by tokens of
// its own, and nobody else.
//
// Covers: Sec.6, RefPoints
func TestParties_EachReferencePoint(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	points := h.points()
	if len(points) != 8 || points[hub.ScOr].ServerName != "" || points[hub.Admin].URL != h.ready.Endpoints["admin"] {
		t.Errorf("reference points: %+v", points)
	}
	oss := h.createClient("billing", "--party", "oss", "--trust-domain", "north")
	tokens := map[hub.ReferencePoint]string{}
	for _, rp := range append(slices.Clone(doors), hub.Admin) {
		tokens[rp] = h.token(points[rp], oss)
	}
	for _, rp := range doors {
		p := points[rp]
		if p.ServerName != string(rp)+".hub.manoward.internal" || p.URL != h.ready.Endpoints[rp.Key()] {
			t.Errorf("%s is said to be at %+v, and is at %s", rp, p, h.ready.Endpoints[rp.Key()])
		}
		if resp, _ := call(t, h.at(p, true), "GET", p.URL+"/nothing/v1/x", nil, ""); resp.StatusCode != 404 || resp.ProtoMajor != 2 {
			t.Errorf("%s answers the operator %s over %s", rp, resp.Status, resp.Proto)
		}
		resp, body := call(t, h.at(p, false), "GET", p.URL+"/nothing/v1/x", nil, "")
		if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != "Bearer" || !strings.Contains(body, "/oauth2/token") {
			t.Errorf("%s answers who shows nothing %s: %s", rp, resp.Status, body)
		}
		for from, token := range tokens {
			want := 401
			if from == rp {
				want = 404
			}
			if got := h.status(p, token); got != want {
				t.Errorf("%s answers a token of %s with %d, want %d", rp, from, got, want)
			}
		}
		// TLS 1.1 is not spoken.
		conf := adminTLS(t, h.operatorContext(), true)
		conf.ServerName, conf.MinVersion, conf.MaxVersion = p.ServerName, tls.VersionTLS10, tls.VersionTLS11
		if conn, err := tls.Dial("tcp", strings.TrimPrefix(p.URL, "https://"), conf); err == nil {
			conn.Close()
			t.Errorf("%s speaks TLS 1.1", rp)
		}
	}
	// The operators' entrance has no place for an OSS.
	if resp, _ := call(t, h.at(points[hub.Admin], false), "GET", points[hub.Admin].URL+"/manoward/v1/trust_domains", http.Header{"Authorization": {"Bearer " + tokens[hub.Admin]}}, ""); resp.StatusCode != 403 {
		t.Errorf("an OSS reads the operators' API: %s", resp.Status)
	}
	h.do("client", "delete", "billing")
	for _, rp := range doors {
		if got := h.status(points[rp], tokens[rp]); got != 401 {
			t.Errorf("%s answers the token of a deleted client with %d", rp, got)
		}
	}
	if out := h.do("trust-domain", "records", "hub", "--kind", "access.refused"); !strings.Contains(out, "access.refused") {
		t.Errorf("the command line shows of the hub's records:\n%s", out)
	}
	// The hub's own log says what was shown and by whom its functions are certified.
	var kinds []string
	for _, r := range h.records("hub") {
		kinds = append(kinds, r.Kind)
	}
	for _, want := range []string{"access.refused", "function.certificate-signed", "oauth-client.created"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("the hub's records have no %s: %v", want, kinds)
		}
	}
}

// Tokens work where the trust role runs in another process, end with their client,
// and the certificates of functions come over the bus.
//
// Covers: Sec.6
func TestExternal_Parties(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	// Before the trust role is there, a function waits for it and says so.
	nfvo := startHub(t, append([]string{"serve", "nfvo"}, c.flags()...)...)
	if conn, err := tls.Dial("tcp", strings.TrimPrefix(nfvo.ready.Endpoints["osMa"], "https://"), &tls.Config{InsecureSkipVerify: true}); err == nil {
		conn.Close()
		t.Error("a listener without a certificate completes a handshake")
	}
	h := startHub(t, append([]string{"serve", "trust"}, c.flags()...)...)
	h.do("trust-domain", "create", "north")
	points := h.points()
	oss := h.createClient("billing", "--party", "oss", "--trust-domain", "north")
	p := points[hub.OsMa]
	if p.URL != nfvo.ready.Endpoints["osMa"] {
		t.Fatalf("os-ma is said to be at %+v and is at %s", p, nfvo.ready.Endpoints["osMa"])
	}
	eventually(t, "the NFVO is certified and knows the operator", 5*time.Second, func() bool {
		resp, err := h.at(p, true).Get(p.URL + "/nothing/v1/x")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == 404
	})
	token := h.token(p, oss)
	if got := h.status(p, token); got != 404 {
		t.Errorf("a token of the NFVO's is answered %d", got)
	}
	h.do("client", "delete", "billing")
	took := eventually(t, "the client is gone in the other process", 2*time.Second, func() bool { return h.status(p, token) == 401 })
	t.Logf("deleted in another process after %s", took)

	// The domain goes away, and its clients with it.
	orphan := h.createClient("orphan", "--party", "oss", "--trust-domain", "north")
	token = h.token(p, orphan)
	h.do("trust-domain", "delete", "north")
	eventually(t, "the client of a deleted trust domain is refused", 2*time.Second, func() bool { return h.status(p, token) == 401 })
}

// The commands of docs/howto/connect-an-oss-or-vnfm.md do what the page says.
func TestHowto_Parties(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	script := "set -euo pipefail\n" + strings.Join(howtoBlocks(t, "../../docs/howto/connect-an-oss-or-vnfm.md", "sh"), "")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + h.home, "PATH=" + filepath.Dir(h.binary) + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, text := range []string{`"serverName": "os-ma.hub.manoward.internal"`, `"status":404`, `"status":401`} {
		if !strings.Contains(string(out), text) {
			t.Errorf("the commands of the page do not print %s:\n%s", text, out)
		}
	}
}
