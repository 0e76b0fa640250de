package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Every refusal of the operators' API is ProblemDetails with the status that
// SOL013 gives it, names the cause, and changes nothing.
func TestAPI_Refusals(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.register("north", "alpha")
	op := h.operator()
	base := op.Base
	asJSON := http.Header{"Content-Type": {"application/json"}}
	patch := func(more ...string) http.Header {
		header := http.Header{"Content-Type": {"application/merge-patch+json"}}
		for i := 0; i+1 < len(more); i += 2 {
			header.Set(more[i], more[i+1])
		}
		return header
	}
	alpha := base + "/trust_domains/north/security_managers/alpha"
	before, _ := call(t, op.HTTP, "GET", alpha, nil, "")

	for _, c := range []struct {
		what, method, target string
		header               http.Header
		body                 string
		status               int
		says                 string
	}{
		{"unknown resource", "GET", base + "/nothing", nil, "", 404, "no resource"},
		{"unknown domain", "GET", base + "/trust_domains/south", nil, "", 404, "south"},
		{"unknown SM", "GET", base + "/trust_domains/north/security_managers/beta", nil, "", 404, "beta"},
		{"wrong method", "PUT", base + "/trust_domains", asJSON, "{}", 405, "GET"},
		{"wrong media type", "POST", base + "/trust_domains", http.Header{"Content-Type": {"text/plain"}}, "{}", 415, "json"},
		{"JSON for a merge patch", "PATCH", alpha, asJSON, `{"mode":"PASSIVE"}`, 415, "merge-patch"},
		{"no JSON", "POST", base + "/trust_domains", asJSON, "{", 400, "JSON"},
		{"empty", "POST", base + "/trust_domains", asJSON, "", 400, "empty"},
		{"unknown member", "POST", base + "/trust_domains", asJSON, `{"nmae":"x"}`, 400, "nmae"},
		{"member twice", "POST", base + "/trust_domains", asJSON, `{"name":"a","name":"b"}`, 400, "twice"},
		{"wrong type", "POST", base + "/trust_domains", asJSON, `{"name":5}`, 400, "name"},
		{"too large", "POST", base + "/trust_domains", asJSON, `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "larger"},
		{"URI too long", "GET", base + "/trust_domains?x=" + strings.Repeat("x", 9<<10), nil, "", 414, "long"},
		{"not acceptable", "GET", base + "/trust_domains", http.Header{"Accept": {"text/html"}}, "", 406, "json"},
		{"version unsupported", "GET", base + "/trust_domains", http.Header{"Version": {"9.0.0"}}, "", 406, "1.0.0"},
		{"version malformed", "GET", base + "/trust_domains", http.Header{"Version": {"x"}}, "", 400, "ersion"},
		{"bad filter", "GET", base + "/trust_domains?filter=(eq,name", nil, "", 400, "filter"},
		{"bad selector", "GET", base + "/trust_domains?all_fields&fields=name", nil, "", 400, "fields"},
		{"bad marker", "GET", base + "/trust_domains?nextpage_opaque_marker=x", nil, "", 400, "marker"},
		{"unknown query parameter", "GET", base + "/trust_domains?flter=x", nil, "", 400, "flter"},
		{"stale If-Match", "PATCH", alpha, patch("If-Match", `"other"`), `{"mode":"PASSIVE"}`, 412, "changed"},
		{"patch of what cannot be changed", "PATCH", alpha, patch(), `{"name":"x"}`, 400, "name"},
		{"unknown mode", "PATCH", alpha, patch(), `{"mode":"WILD"}`, 400, "semi-active"},
		{"mode taken away", "PATCH", alpha, patch(), `{"mode":null}`, 400, "mode"},
		{"domain exists", "POST", base + "/trust_domains", asJSON, `{"name":"north"}`, 409, "exists"},
		{"domain in use", "DELETE", base + "/trust_domains/north", nil, "", 409, "alpha"},
		{"reserved name", "POST", base + "/trust_domains", asJSON, `{"name":"hub"}`, 400, "own"},
	} {
		resp, body := call(t, op.HTTP, c.method, c.target, c.header, c.body)
		var p httpapi.ProblemDetails
		if err := json.Unmarshal([]byte(body), &p); err != nil || resp.Header.Get("Content-Type") != httpapi.TypeProblem {
			t.Errorf("%s: no ProblemDetails: %d %s", c.what, resp.StatusCode, body)
			continue
		}
		if resp.StatusCode != c.status || p.Status != c.status || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s: %d %q, want %d and %q", c.what, resp.StatusCode, p.Detail, c.status, c.says)
		}
		if c.status == 405 && !strings.Contains(resp.Header.Get("Allow"), "POST") {
			t.Errorf("%s: Allow is %q", c.what, resp.Header.Get("Allow"))
		}
		if strings.Contains(body, "goroutine") || strings.Contains(body, ".go:") {
			t.Errorf("%s shows its inside: %s", c.what, body)
		}
	}
	after, _ := call(t, op.HTTP, "GET", alpha, nil, "")
	if before.Header.Get("ETag") == "" || before.Header.Get("ETag") != after.Header.Get("ETag") {
		t.Errorf("a refused request changed something: %s, then %s", before.Header.Get("ETag"), after.Header.Get("ETag"))
	}
	if resp, _ := call(t, op.HTTP, "PATCH", alpha, patch("If-Match", after.Header.Get("ETag")), `{"mode":"FULLY_ACTIVE"}`); resp.StatusCode != 200 || resp.Header.Get("ETag") == after.Header.Get("ETag") {
		t.Errorf("a change with the right tag: %d", resp.StatusCode)
	}
}

func TestAPI_VersionsFilterAndPages(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	op := h.operator()
	const notes = 105
	for n := range notes {
		body := fmt.Sprintf(`{"id":"n%d","text":"note"}`, n)
		if resp, text := call(t, op.HTTP, "POST", op.Base+"/trust_domains/north/notes", http.Header{"Content-Type": {"application/json"}}, body); resp.StatusCode != 201 {
			t.Fatalf("note %d: %d %s", n, resp.StatusCode, text)
		}
	}
	_, versions := call(t, op.HTTP, "GET", strings.TrimSuffix(op.Base, "/v1")+"/api_versions", nil, "")
	if !strings.Contains(versions, `"1.0.0"`) {
		t.Errorf("api_versions: %s", versions)
	}
	all := h.records("north") // follows the pages
	resp, page := call(t, op.HTTP, "GET", op.Base+"/trust_domains/north/records?filter=(eq,kind,operator.note)&fields=kind", nil, "")
	var first []map[string]any
	if err := json.Unmarshal([]byte(page), &first); err != nil {
		t.Fatal(err)
	}
	if len(first) != httpapi.DefaultPageSize || !strings.Contains(resp.Header.Get("Link"), `rel="next"`) {
		t.Fatalf("first page: %d entries, Link %q", len(first), resp.Header.Get("Link"))
	}
	if first[0]["kind"] != "operator.note" || first[0]["data"] != nil {
		t.Errorf("the selector lets %v through", first[0])
	}
	seen := map[string]int{}
	for _, r := range all {
		seen[r.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("record %s is listed %d times", id, n)
		}
	}
	if len(all) != notes+1 {
		t.Errorf("%d records over all pages, want the notes and the domain's own", len(all))
	}
}

// A client with OAuth 2.0 credentials reads and changes nothing; a token of a
// client that was deleted opens nothing.
func TestAPI_OAuthClients(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	var made hub.OAuthClient
	if err := json.Unmarshal([]byte(h.do("client", "create", "prometheus", "-o", "json")), &made); err != nil {
		t.Fatal(err)
	}
	h.fails(5, "exists", "client", "create", "prometheus")
	if out := h.do("client", "list", "-o", "json"); !strings.Contains(out, "prometheus") || strings.Contains(out, made.Secret) {
		t.Errorf("client list: %s", out)
	}
	opContext := h.operatorContext()
	// By address, without the hub's name: its certificate names the address too.
	conf := adminTLS(t, opContext, false)
	conf.ServerName = ""
	plain := httpClient(t, conf, false)

	token := func(secret string) (int, string) {
		header := http.Header{
			"Content-Type":  {"application/x-www-form-urlencoded"},
			"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("prometheus:"+secret))},
		}
		resp, body := call(t, plain, "POST", opContext.Server+"/oauth2/token", header, url.Values{"grant_type": {"client_credentials"}}.Encode())
		var answer struct {
			Token string `json:"access_token"`
		}
		_ = json.Unmarshal([]byte(body), &answer) // a refusal has none
		return resp.StatusCode, answer.Token
	}
	if status, got := token("wrong"); status != 401 || got != "" {
		t.Errorf("a wrong secret: %d", status)
	}
	status, bearer := token(made.Secret)
	if status != 200 || bearer == "" {
		t.Fatalf("token endpoint: %d", status)
	}
	with := http.Header{"Authorization": {"Bearer " + bearer}, "Content-Type": {"application/json"}}
	api := opContext.Server + "/manoward/v1"
	for _, c := range []struct {
		method, target, body string
		header               http.Header
		status               int
	}{
		{"GET", opContext.Server + "/metrics", "", with, 200},
		{"GET", api + "/trust_domains", "", with, 200},
		{"GET", api + "/trust_matrix", "", with, 200},
		{"POST", api + "/trust_domains", `{"name":"south"}`, with, 403},
		{"GET", api + "/trust_domains/north/records", "", with, 403},
		{"GET", api + "/oauth_clients", "", with, 403},
		{"GET", api + "/operators", "", with, 403},
		{"POST", api + "/operators", `{"name":"ben","request":"x"}`, with, 403},
		{"DELETE", api + "/operators/admin", "", with, 403},
		{"GET", api + "/operators", "", nil, 401},
		{"GET", opContext.Server + "/metrics", "", nil, 401},
		{"GET", api + "/trust_domains", "", nil, 401},
		{"GET", api + "/trust_domains", "", http.Header{"Authorization": {"Bearer " + bearer + "x"}}, 401},
		{"GET", opContext.Server + "/healthz", "", nil, 200},
	} {
		if resp, body := call(t, plain, c.method, c.target, c.header, c.body); resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d: %.200s", c.method, c.target, resp.StatusCode, c.status, body)
		}
	}
	h.do("client", "delete", "prometheus")
	if resp, _ := call(t, plain, "GET", api+"/trust_domains", with, ""); resp.StatusCode != 401 {
		t.Errorf("a token of a deleted client: %d", resp.StatusCode)
	}
}
