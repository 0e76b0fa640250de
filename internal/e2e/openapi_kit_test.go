package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/internal/testkit/openapi"
)

// apiHub is a hub whose exchanges with its clients and subscribers are held
// against the official OpenAPI files.
type apiHub struct {
	*nsHub
	server    *httptest.Server // of subscribers, and of packages to fetch
	files     *http.ServeMux   // of the server
	receivers map[string]*receiver
	signers   map[string]*csartest.CA // of packages, by trust domain

	osMa, vnfm, orVnfm *site
}

// site is a client of one listener whose exchanges are validated.
type site struct {
	v       *openapi.Validator
	http    *http.Client // validates
	nobody  *http.Client // validates, and shows no certificate
	point   hub.ReferencePoint
	root    string // {apiRoot}
	version map[string]string
	bearer  string // token; empty: the client has a certificate
}

// reply is an answer with its body.
type reply struct {
	*http.Response
	text []byte
}

func (r reply) json(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.text, v); err != nil {
		t.Fatalf("%v: %s", err, r.text)
	}
}

// id is the last part of the Location.
func (r reply) id() string {
	l := r.Header.Get("Location")
	return l[strings.LastIndex(l, "/")+1:]
}

// send makes a request. body is nil, a string or []byte as they are, or what is
// sent as JSON. header is pairs; an empty value takes a header away.
func (s *site) send(ctx context.Context, c *http.Client, method, path string, body any, header []string) (reply, error) {
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	case []byte:
		raw = b
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			return reply{}, err
		}
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.root+path, reader)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Accept", "application/json, application/zip, text/plain, application/octet-stream, application/problem+json")
	api, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if v := s.version[api]; v != "" {
		req.Header.Set("Version", v)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			req.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	if s.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+s.bearer)
	}
	for pair := range slices.Chunk(header, 2) {
		if pair[1] == "" {
			req.Header.Del(pair[0])
		} else {
			req.Header.Set(pair[0], pair[1])
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp, text}, err
}

// want makes a request that must have this status. What is refused was wrong on
// purpose.
func (s *site) want(t testing.TB, status int, method, path string, body any, header ...string) reply {
	t.Helper()
	ctx := t.Context()
	if status >= 400 {
		ctx = openapi.Bad(ctx)
	}
	a, err := s.send(ctx, s.http, method, path, body, header)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.StatusCode != status {
		t.Errorf("%s %s answered %s, want %d: %.600s", method, path, a.Status, status, a.text)
	}
	if status >= 400 && a.StatusCode == status {
		helpful(t, method+" "+path, a.text)
	}
	return a
}

// helpful wants an error to say something that a person can use, and nothing of
// the inside.
func helpful(t testing.TB, what string, text []byte) {
	t.Helper()
	var p struct{ Detail string }
	if err := json.Unmarshal(text, &p); err != nil || len(p.Detail) < 15 {
		t.Errorf("%s: %.300s; want a detail that helps", what, text)
	}
	for _, leak := range []string{"goroutine ", "panic", "0xc0", "nats:", "%!", ".go:"} {
		if strings.Contains(p.Detail, leak) {
			t.Errorf("%s: %q is nothing for a user", what, p.Detail)
		}
	}
}

// receiver is a subscriber that remembers what it was told.
type receiver struct {
	url string
	v   *openapi.Validator

	mu   sync.Mutex
	told []map[string]any
	gone bool // it answers that it cannot be reached now
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodPost {
		var n map[string]any
		if err := json.NewDecoder(req.Body).Decode(&n); err != nil {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		gone := r.gone
		if !gone {
			r.told = append(r.told, n)
		}
		r.mu.Unlock()
		if gone {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Version", "1.0.0")
	w.WriteHeader(http.StatusNoContent)
}

// heard counts the notifications of a type, by subscription if not empty.
func (r *receiver) heard(kind, subscription string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.told {
		if x["notificationType"] == kind && (subscription == "" || x["subscriptionId"] == subscription) {
			n++
		}
	}
	return n
}

// await waits for a notification of each type.
func (r *receiver) await(t testing.TB, kinds ...string) {
	t.Helper()
	for _, k := range kinds {
		eventually(t, k+" arrives", 15*time.Second, func() bool { return r.heard(k, "") > 0 })
	}
}

// newAPIHub starts a hub that trusts the subscribers' server, with an inventory
// and trust domains, and no packages yet.
func newAPIHub(t *testing.T, domains ...string) *apiHub {
	t.Helper()
	return newAPIHubWith(t, nil, domains...)
}

// newAPIHubWith is newAPIHub with arguments of the hub's.
func newAPIHubWith(t *testing.T, args []string, domains ...string) *apiHub {
	t.Helper()
	files := http.NewServeMux()
	server := httptest.NewTLSServer(files)
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), 0o600)
	h := &apiHub{
		nsHub:  &nsHub{hubProcess: newHub(t, append([]string{"--set", "notifications.ca=" + ca}, args...)...).start(), kits: map[string]*nskit.Kit{}},
		server: server, files: files, receivers: map[string]*receiver{}, signers: map[string]*csartest.CA{},
	}
	inventory := filepath.Join(h.home, "inventory.yaml")
	writeFile(t, inventory, nskit.Inventory(2), 0o600)
	h.do("vim", "load", inventory)
	for _, d := range domains {
		h.do("trust-domain", "create", d)
	}
	for name, api := range map[string]openapi.API{
		"nslcm": openapi.NsLcmNotification, "nsd": openapi.NsdNotification, "vnfpkgm": openapi.VnfPkgmNotification,
		"vnflcm": openapi.VnfLcmNotification, "vnfpkgm-or-vnfm": openapi.VnfPkgmOrVnfmNotification,
	} {
		r := &receiver{url: server.URL + "/" + name, v: openapi.Load(t, api)}
		h.receivers[name] = r
		files.Handle("/"+name, r.v.Handler(r))
		files.Handle("/"+name+"/second", r.v.Handler(r))
	}
	h.osMa = h.site(hub.OsMa, false, openapi.NsLcm, openapi.Nsd, openapi.VnfPkgm)
	h.vnfm = h.site(hub.VNFM, false, openapi.VnfLcm)
	h.orVnfm = h.site(hub.OrVnfm, true, openapi.Grant, openapi.VnfPkgmOrVnfm)
	h.orVnfm.bearer = h.token(h.points()[hub.OrVnfm], h.createClient("outside-vnfm", "--party", "vnfm", "--all-domains"))
	return h
}

// site is a client of a listener whose exchanges are held against some APIs: with the
// operator's certificate, or with none for one that will have a token.
func (h *apiHub) site(rp hub.ReferencePoint, token bool, apis ...openapi.API) *site {
	h.t.Helper()
	points, v := h.points(), openapi.Load(h.t, apis...)
	client := h.at(points[rp], !token)
	nobody := h.at(points[rp], false)
	for _, c := range []*http.Client{client, nobody} {
		c.Transport = v.Transport(c.Transport)
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &site{v: v, http: client, nobody: nobody, point: rp, root: points[rp].URL, version: map[string]string{
		"nslcm": "2.3.0", "nsd": "2.3.0", "vnfpkgm": "2.4.0", "vnflcm": "2.3.0", "grant": "1.7.0", "nsfm": "1.3.0", "vnffm": "1.5.0", "vnfind": "1.4.0", "nspm": "2.3.0", "vnfpm": "2.2.0",
	}}
}

// major is the version of an API in its paths.
func major(api string) string {
	if api == "nsfm" || api == "vnffm" || api == "vnfind" {
		return "v1"
	}
	return "v2"
}

// with is the hub for a subtest.
func (h *apiHub) with(t testing.TB) *apiHub {
	process := *h.hubProcess
	process.t = t
	c := *h
	c.nsHub = &nsHub{hubProcess: &process, kits: h.kits}
	return &c
}

// subscribe subscribes to everything, with all that can go wrong first; a second
// subscription, which ends at once, has the filter.
func (h *apiHub) subscribe(s *site, api string, r *receiver, filter any, wrong string) string {
	t := h.t
	t.Helper()
	path := "/" + api + "/" + major(api) + "/subscriptions"
	in := map[string]any{"callbackUri": r.url}
	s.want(t, 400, "POST", path, "{")
	s.want(t, 400, "POST", path, `{"callbackUri":"`+r.url+`","filter":`+wrong+`}`)
	s.want(t, 422, "POST", path, map[string]any{"callbackUri": "http://example.com/x"})
	s.want(t, 422, "POST", path, map[string]any{"callbackUri": h.server.URL + "/nobody"})
	s.want(t, 415, "POST", path, "x", "Content-Type", "text/plain")
	made := s.want(t, 201, "POST", path, in)
	again := s.want(t, 303, "POST", path, in)
	if again.Header.Get("Location") != made.Header.Get("Location") {
		t.Errorf("the same subscription is at %q and %q", made.Header.Get("Location"), again.Header.Get("Location"))
	}
	one := path + "/" + made.id()
	s.want(t, 200, "GET", path, nil)
	s.want(t, 200, "GET", path+"?filter=(eq,callbackUri,"+r.url+")", nil)
	s.want(t, 400, "GET", path+"?filter=nonsense", nil)
	got := s.want(t, 200, "GET", one, nil)
	if !bytes.Contains(got.text, []byte(r.url)) || bytes.Contains(got.text, []byte("authentication")) {
		t.Errorf("GET %s: %s", one, got.text)
	}
	s.want(t, 404, "GET", path+"/none", nil)
	s.want(t, 404, "DELETE", path+"/none", nil)

	// A second one with other words is made and ended.
	in["authentication"] = map[string]any{"authType": []string{"BASIC"}, "paramsBasic": map[string]string{"userName": "hub", "password": "p"}}
	in["callbackUri"] = r.url + "/second"
	if filter != nil {
		in["filter"] = filter
	}
	second := s.want(t, 201, "POST", path, in).id()
	s.want(t, 204, "DELETE", path+"/"+second, nil)
	s.want(t, 404, "GET", path+"/"+second, nil)
	return made.id()
}

// refusals asks a resource in all the ways that every resource refuses.
func (h *apiHub) refusals(t testing.TB, s *site, method, path string, body any) {
	t.Helper()
	stranger := *s
	stranger.http, stranger.bearer = s.nobody, ""
	if a := stranger.want(t, 401, method, path, body); a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s %s: 401 without WWW-Authenticate", method, path)
	}
	stranger.want(t, 401, method, path, body, "Authorization", "Bearer nonsense")
	if !strings.HasSuffix(path, "/api_versions") {
		s.want(t, 400, method, path, body, "Version", "")
		s.want(t, 406, method, path, body, "Version", "9.9.9")
	}
	if method == http.MethodGet {
		s.want(t, 406, method, path, body, "Accept", "image/png")
	} else if body != nil {
		s.want(t, 415, method, path, "x", "Content-Type", "text/csv")
	}
}

// versions asks for the versions of an API in every way.
func (h *apiHub) versions(t testing.TB, s *site, path string) {
	t.Helper()
	for _, p := range []string{path[:strings.LastIndex(path, "/")], path} {
		var info struct {
			URIPrefix   string `json:"uriPrefix"`
			APIVersions []any  `json:"apiVersions"`
		}
		s.want(t, 200, "GET", p+"/api_versions", nil).json(t, &info)
		if !strings.HasSuffix(info.URIPrefix, p+"/") || len(info.APIVersions) == 0 {
			t.Errorf("%s/api_versions: %+v", p, info)
		}
	}
	for _, m := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		s.want(t, 405, m, path+"/api_versions", nil)
	}
	h.refusals(t, s, "GET", path+"/api_versions", nil)
}

// pages reads a whole list, page by page, and returns how many pages and items it
// had.
func (s *site) pages(t testing.TB, path string) (pages int, ids []string) {
	t.Helper()
	for path != "" {
		a := s.want(t, 200, "GET", path, nil)
		var list []struct {
			ID string `json:"id"`
		}
		a.json(t, &list)
		for _, x := range list {
			ids = append(ids, x.ID)
		}
		pages++
		next := a.Header.Get("Link")
		path = ""
		if next != "" {
			uri, rest, ok := strings.Cut(strings.TrimPrefix(next, "<"), ">")
			if !ok || !strings.Contains(rest, "next") {
				t.Fatalf("Link: %s", next)
			}
			path = strings.TrimPrefix(uri, s.root)
		}
	}
	return pages, ids
}

// until waits until a resource has an attribute with one of some values, and
// returns the value.
func (s *site) until(t testing.TB, path, attribute string, values ...string) (got string) {
	t.Helper()
	var last reply
	eventually(t, fmt.Sprintf("%s has %s %v", path, attribute, values), 20*time.Second, func() bool {
		if last = s.want(t, 200, "GET", path, nil); last.StatusCode != http.StatusOK {
			t.FailNow()
		}
		var m map[string]any
		last.json(t, &m)
		got, _ = m[attribute].(string)
		return slices.Contains(values, got)
	})
	return got
}
