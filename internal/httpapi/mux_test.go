package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

type thing struct {
	ID    string         `json:"id"`
	Count int            `json:"count,omitempty"`
	Parts []part         `json:"parts,omitempty"`
	Meta  map[string]any `json:"meta,omitempty"`
}

type part struct {
	Color string `json:"color"`
	Size  int    `json:"size,omitempty"`
}

// thingsMux is an API with one resource of each kind that the tests need.
func thingsMux(o Options) *Mux {
	m := NewMux(o)
	g := m.API(nslcm)
	g.Handle("GET /things/{id}", func(w http.ResponseWriter, r *http.Request) error {
		return Write(w, http.StatusOK, thing{ID: r.PathValue("id")})
	})
	g.Handle("POST /things", func(w http.ResponseWriter, r *http.Request) error {
		var v thing
		if err := Decode(r, &v); err != nil {
			return err
		}
		return Created(w, r, "/things/"+v.ID, v)
	}, MaxBody(1000))
	g.Handle("DELETE /things/{id}", func(w http.ResponseWriter, r *http.Request) error { return NoContent(w) })
	g.Handle("POST /things/{id}/start", func(w http.ResponseWriter, r *http.Request) error {
		return Accepted(w, r, "/ops/7")
	})
	g.Handle("POST /subscriptions", func(w http.ResponseWriter, r *http.Request) error {
		return SeeOther(w, r, "/subscriptions/1")
	})
	g.Handle("GET /package", func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", "application/zip")
		_, err := io.WriteString(w, "PK")
		return err
	}, Produces("application/zip", "application/octet-stream"))
	g.Handle("PUT /package", func(w http.ResponseWriter, r *http.Request) error { return NoContent(w) }, Produces())
	return m
}

func TestMux_AnswersByRoute(t *testing.T) {
	server := startTLS(t, thingsMux(Options{MaxURI: 200}))
	for name, c := range map[string]struct {
		request
		status int
		detail string // part of it
	}{
		"good":                   {request{method: "GET", path: "/nslcm/v2/things/a%2Fb"}, 200, ""},
		"head":                   {request{method: "HEAD", path: "/nslcm/v2/things/a"}, 200, ""},
		"created":                {request{method: "POST", path: "/nslcm/v2/things", body: `{"id":"a"}`}, 201, ""},
		"accepted":               {request{method: "POST", path: "/nslcm/v2/things/a/start"}, 202, ""},
		"deleted":                {request{method: "DELETE", path: "/nslcm/v2/things/a"}, 204, ""},
		"duplicate subscription": {request{method: "POST", path: "/nslcm/v2/subscriptions"}, 303, ""},
		"unknown path":           {request{method: "GET", path: "/nslcm/v2/others"}, 404, "no resource"},
		"wrong major":            {request{method: "GET", path: "/nslcm/v1/things/a"}, 404, "no resource"},
		"wrong API":              {request{method: "GET", path: "/nsd/v2/things/a"}, 404, "no resource"},
		"path not clean":         {request{method: "GET", path: "/nslcm/v2//things/a"}, 404, "no resource"},
		"trailing slash":         {request{method: "GET", path: "/nslcm/v2/things/a/start/"}, 404, "no resource"},
		"method":                 {request{method: "PUT", path: "/nslcm/v2/things/a"}, 405, "PUT is not a method"},
		"odd method":             {request{method: "BREW", path: "/nslcm/v2/things/a"}, 405, "BREW is not a method"},
		"api_versions method":    {request{method: "POST", path: "/nslcm/api_versions"}, 405, "it has GET"},
		"long URI":               {request{method: "GET", path: "/nslcm/v2/things/" + strings.Repeat("x", 200)}, 414, "at most 200"},
		"accept text":            {request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Accept": "text/html"}}, 406, "it has application/json"},
		"accept weight 0":        {request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Accept": "*/*, application/json;q=0"}}, 406, "it has"},
		"accept unreadable":      {request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Accept": "/;;"}}, 406, "it has"},
		"accept bad weight":      {request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Accept": "application/json;q=x"}}, 406, "it has"},
		"accept all":             {request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Accept": "text/html, */*;q=0.1"}}, 200, ""},
		"accept range":           {request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Accept": "application/*"}}, 200, ""},
		"no accept":              {request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"Accept": ""}}, 200, ""},
		"produces zip":           {request{method: "GET", path: "/nslcm/v2/package", header: map[string]string{"Accept": "application/octet-stream"}}, 200, ""},
		"produces nothing":       {request{method: "PUT", path: "/nslcm/v2/package", header: map[string]string{"Accept": "application/zip"}}, 204, ""},
		"zip is no JSON":         {request{method: "GET", path: "/nslcm/v2/package"}, 406, "application/zip"},
		"body too large":         {request{method: "POST", path: "/nslcm/v2/things", body: `{"id":"` + strings.Repeat("x", 1000) + `"}`}, 413, "1000 bytes"},
		"media type":             {request{method: "POST", path: "/nslcm/v2/things", body: "<a/>", header: map[string]string{"Content-Type": "text/xml"}}, 415, "send application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, server, c.request)
			if got.status != c.status || !strings.Contains(got.problem.Detail, c.detail) {
				t.Fatalf("%d %q, want %d %q", got.status, got.problem.Detail, c.status, c.detail)
			}
			if strings.HasPrefix(c.path, "/nslcm/v2") && len(c.path) < 200 && got.header.Get("Version") != "2.3.0" {
				t.Errorf("Version is %q", got.header.Get("Version"))
			}
		})
	}
}

func TestMux_LocationsAreAbsolute(t *testing.T) {
	server := startTLS(t, thingsMux(Options{}))
	for path, want := range map[string]string{
		"/nslcm/v2/things":         "/nslcm/v2/things/a",
		"/nslcm/v2/things/a/start": "/nslcm/v2/ops/7",
		"/nslcm/v2/subscriptions":  "/nslcm/v2/subscriptions/1",
	} {
		got := call(t, server, request{method: "POST", path: path, body: `{"id":"a"}`})
		if location := got.header.Get("Location"); location != server.URL+want {
			t.Errorf("POST %s: Location %q, want %q", path, location, server.URL+want)
		}
	}
}

func TestMux_AllowListsMethods(t *testing.T) {
	server := startTLS(t, thingsMux(Options{}))
	got := call(t, server, request{method: "PATCH", path: "/nslcm/v2/things/a"})
	if allow := got.header.Get("Allow"); allow != "DELETE, GET, HEAD" {
		t.Errorf("Allow is %q", allow)
	}
}

func TestMux_ChunkedBodyIsBounded(t *testing.T) {
	server := startTLS(t, thingsMux(Options{}))
	// A reader of unknown length is sent without Content-Length.
	body := io.MultiReader(strings.NewReader(`{"id":"`), strings.NewReader(strings.Repeat("x", 2000)), strings.NewReader(`"}`))
	req, _ := http.NewRequest("POST", server.URL+"/nslcm/v2/things", body)
	req.Header.Set("Version", "2.3.0")
	req.Header.Set("Content-Type", TypeJSON)
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", resp.StatusCode)
	}
}

func TestMux_CodesBecomeStatus(t *testing.T) {
	failure := error(nil)
	m := NewMux(Options{Challenge: `Bearer realm="hub"`})
	m.API(nslcm).Handle("GET /fail", func(http.ResponseWriter, *http.Request) error { return failure })
	server := startTLS(t, m)
	for code, want := range map[hub.Code]int{
		hub.Invalid: 400, hub.Unauthenticated: 401, hub.Denied: 403, hub.NotFound: 404, hub.Conflict: 409,
		hub.Precondition: 412, hub.Unprocessable: 422, hub.RateLimited: 429, hub.Unavailable: 503,
		hub.Undecided: 403, hub.Internal: 500,
	} {
		failure = hub.E(code, "op", "safe text", errors.New("secret cause"))
		got := call(t, server, request{method: "GET", path: "/nslcm/v2/fail"})
		if got.status != want || got.problem.Code != code {
			t.Errorf("%s: status %d code %q, want %d", code, got.status, got.problem.Code, want)
		}
		if strings.Contains(got.body, "secret") {
			t.Errorf("%s: the cause is in the answer: %s", code, got.body)
		}
		if shown := strings.Contains(got.body, "safe text"); shown != (code != hub.Internal) {
			t.Errorf("%s: safe text shown: %v", code, shown)
		}
		wantHeader(t, got, "Retry-After", map[int]string{429: "5", 503: "5"}[want])
		wantHeader(t, got, "WWW-Authenticate", map[int]string{401: `Bearer realm="hub"`}[want])
	}

	failure = errors.New("no code")
	if got := call(t, server, request{method: "GET", path: "/nslcm/v2/fail"}); got.status != 500 || strings.Contains(got.body, "no code") {
		t.Errorf("an error without a code: %d %s", got.status, got.body)
	}
	failure = RetryAfter(hub.E(hub.Unavailable, "op", "busy", nil), 1500*time.Millisecond)
	wantHeader(t, call(t, server, request{method: "GET", path: "/nslcm/v2/fail"}), "Retry-After", "2")
	failure = WithChallenge(hub.E(hub.Unauthenticated, "op", "who", nil), "Basic")
	wantHeader(t, call(t, server, request{method: "GET", path: "/nslcm/v2/fail"}), "WWW-Authenticate", "Basic")
	failure = WithStatus(WithStatus(hub.E(hub.Unavailable, "op", "late", nil), 500), 504)
	if got := call(t, server, request{method: "GET", path: "/nslcm/v2/fail"}); got.status != 504 {
		t.Errorf("the outermost status is 504, got %d", got.status)
	}
}

func wantHeader(t *testing.T, r reply, name, want string) {
	t.Helper()
	if got := r.header.Get(name); got != want {
		t.Errorf("%d: %s is %q, want %q", r.status, name, got, want)
	}
}

func TestMux_PanicIs500AndOnlyLogged(t *testing.T) {
	log := &testLog{}
	recovered := ""
	m := NewMux(Options{Log: log.logger(), Recovered: func(route string, _ any) { recovered = route }})
	m.API(nslcm).Handle("GET /panic", func(http.ResponseWriter, *http.Request) error { panic("sesame") })
	got := call(t, startTLS(t, m), request{method: "GET", path: "/nslcm/v2/panic"})
	if got.status != 500 || strings.Contains(got.body, "sesame") || strings.Contains(got.body, ".go") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !strings.Contains(log.String(), "sesame") || !strings.Contains(log.String(), "mux_test.go") {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
	if recovered != "/nslcm/v2/panic" {
		t.Errorf("Recovered was called with %q", recovered)
	}
}

func TestMux_FailureAfterAnswerBeganBreaksOff(t *testing.T) {
	m := NewMux(Options{})
	g := m.API(nslcm)
	begin := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `[{"id":"a"}`)
	}
	g.Handle("GET /error", func(w http.ResponseWriter, _ *http.Request) error { begin(w); return errors.New("half") })
	g.Handle("GET /panic", func(w http.ResponseWriter, _ *http.Request) error { begin(w); panic("half") })
	g.Handle("GET /abort", func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) })
	server := startTLS(t, m)
	for _, path := range []string{"/error", "/panic", "/abort"} {
		req, _ := http.NewRequest("GET", server.URL+"/nslcm/v2"+path, nil)
		req.Header.Set("Version", "2.3.0")
		resp, err := server.Client().Do(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: half an answer was taken for a whole one", path)
		}
	}
}

func TestMux_RequestIDs(t *testing.T) {
	log := &testLog{}
	server := startTLS(t, thingsMux(Options{Log: log.logger(), NewRequestID: func() string { return "made" }}))
	for sent, want := range map[string]string{
		"abc-1_2.3:4": "abc-1_2.3:4", "": "made", "a b": "made", "ü": "made", strings.Repeat("x", 129): "made",
	} {
		got := call(t, server, request{method: "GET", path: "/nslcm/v2/things/a", header: map[string]string{"X-Request-Id": sent}})
		wantHeader(t, got, "X-Request-Id", want)
		if !strings.Contains(log.String(), `"request_id":"`+want+`"`) {
			t.Errorf("request id %q is not in the log", want)
		}
	}
}

func TestMux_WriterReachesConnection(t *testing.T) {
	m := NewMux(Options{})
	m.API(nslcm).Handle("GET /early", func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusOK) // too late: the first final status counts
		if _, err := io.WriteString(w, RequestID(r.Context())); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	})
	got := call(t, startTLS(t, m), request{method: "GET", path: "/nslcm/v2/early", header: map[string]string{"X-Request-Id": "mine"}})
	if got.status != 202 || got.body != "mine" {
		t.Errorf("%d %q", got.status, got.body)
	}
	if RequestID(t.Context()) != "" || UsedVersion(t.Context()) != "" || Caller(t.Context()) != (hub.Identity{}) {
		t.Error("a context without a request has a request id, a version or a caller")
	}
}

func TestMux_ErrorDropsHeadersOfTheAnswer(t *testing.T) {
	m := NewMux(Options{})
	m.API(nslcm).Handle("GET /bad", func(w http.ResponseWriter, r *http.Request) error {
		return WriteTagged(w, r, RevisionETag(1), make(chan int))
	})
	got := call(t, startTLS(t, m), request{method: "GET", path: "/nslcm/v2/bad"})
	if got.status != 500 || got.header.Get("ETag") != "" {
		t.Errorf("%d with ETag %q", got.status, got.header.Get("ETag"))
	}
}

func TestMux_Observes(t *testing.T) {
	clock := newClock()
	type seen struct {
		route, method string
		status        int
		took          time.Duration
	}
	var got []seen
	m := NewMux(Options{Now: clock.Now, Observe: func(route, method string, status int, d time.Duration) {
		got = append(got, seen{route, method, status, d})
	}})
	m.API(nslcm).Handle("GET /slow/{id}", func(w http.ResponseWriter, _ *http.Request) error {
		clock.advance(time.Second)
		return nil
	})
	server := startTLS(t, m)
	call(t, server, request{method: "GET", path: "/nslcm/v2/slow/1"})
	call(t, server, request{method: "GET", path: "/else"})
	server.Close() // waits for the handlers
	want := []seen{{"/nslcm/v2/slow/{id}", "GET", 200, time.Second}, {"unmatched", "GET", 404, 0}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("observed %v, want %v", got, want)
	}
}

func TestMux_Authenticates(t *testing.T) {
	north := hub.Identity{TrustDomain: "td", Kind: hub.KindVNFM, Name: "north"}
	m := NewMux(Options{Authenticate: func(r *http.Request) (hub.Identity, error) {
		switch r.Header.Get("Authorization") {
		case "good":
			return north, nil
		case "broken":
			return hub.Identity{}, errors.New("store is gone")
		}
		return hub.Identity{}, hub.E(hub.Unauthenticated, "authenticate", "no credential", nil)
	}})
	m.API(nslcm).Handle("GET /me", func(w http.ResponseWriter, r *http.Request) error {
		return Write(w, 200, Caller(r.Context()).String()+" "+UsedVersion(r.Context()))
	})
	own := API{Name: "manoward", Major: "v1", Versions: []APIVersion{{Version: "1.0.0"}}, VersionOptional: true,
		Authenticate: func(*http.Request) (hub.Identity, error) { return hub.Identity{}, nil }}
	m.API(own).Handle("GET /me", func(w http.ResponseWriter, r *http.Request) error {
		return Write(w, 200, Caller(r.Context()).String())
	})
	m.Public("GET /crl", func(w http.ResponseWriter, _ *http.Request) error { return Write(w, 200, "open") })
	server := startTLS(t, m)
	for _, c := range []struct {
		path, credential string
		status           int
		body             string
	}{
		{"/nslcm/v2/me", "good", 200, `"spiffe://td/vnfm/north 2.3.0"`},
		{"/nslcm/v2/me", "", 401, ""},
		{"/nslcm/v2/me", "broken", 500, ""},
		{"/nslcm/api_versions", "", 401, ""},
		{"/nslcm/v2/else", "", 401, ""}, // nobody learns which paths exist
		{"/nslcm/v2/else", "good", 404, ""},
		{"/else", "", 401, ""},
		{"/manoward/v1/me", "", 200, `"nobody"`},
		{"/manoward/v1/else", "", 404, ""},
		{"/crl", "", 200, `"open"`},
	} {
		header := map[string]string{"Authorization": c.credential}
		if strings.HasPrefix(c.path, "/manoward") {
			header["Version"] = ""
		}
		got := call(t, server, request{method: "GET", path: c.path, header: header})
		if got.status != c.status || c.body != "" && got.body != c.body {
			t.Errorf("%s as %q: %d %s, want %d %s", c.path, c.credential, got.status, got.body, c.status, c.body)
		}
		if c.status == 401 {
			wantHeader(t, got, "WWW-Authenticate", "Bearer")
		}
	}
}

func TestMux_WrongRegistrationsPanic(t *testing.T) {
	m := NewMux(Options{})
	g := m.API(nslcm)
	handler := func(http.ResponseWriter, *http.Request) error { return nil }
	for name, register := range map[string]func(){
		"no versions":      func() { m.API(API{Name: "a", Major: "v1"}) },
		"bad version":      func() { m.API(API{Name: "a", Major: "v1", Versions: []APIVersion{{Version: "1"}}}) },
		"no method":        func() { g.Handle("/things", handler) },
		"relative":         func() { g.Handle("GET things", handler) },
		"public no method": func() { m.Public("/crl", handler) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			register()
		})
	}
}

func TestWriteProblem_OutsideMux(t *testing.T) {
	server := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "r1")
		WriteProblem(w, ProblemDetails{Status: 503, Title: "Service Unavailable", Detail: "not ready", RequestID: "r1"})
	}))
	if got := call(t, server, request{method: "GET", path: "/"}); got.status != 503 || got.problem.Detail != "not ready" {
		t.Errorf("%d %+v", got.status, got.problem)
	}
}

func TestWrite_UnencodableIs500(t *testing.T) {
	m := NewMux(Options{})
	g := m.API(nslcm)
	g.Handle("GET /bad", func(w http.ResponseWriter, _ *http.Request) error { return Write(w, 200, make(chan int)) })
	g.Handle("POST /bad", func(w http.ResponseWriter, r *http.Request) error { return Created(w, r, "/bad/1", make(chan int)) })
	server := startTLS(t, m)
	for _, method := range []string{"GET", "POST"} {
		got := call(t, server, request{method: method, path: "/nslcm/v2/bad"})
		if got.status != 500 || got.header.Get("Location") != "" || !json.Valid([]byte(got.body)) {
			t.Errorf("%s: %d %s", method, got.status, got.body)
		}
	}
}
