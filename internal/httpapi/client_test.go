package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func newClient(server *httptest.Server) *Client {
	return &Client{Base: server.URL + "/nslcm/v2", HTTP: server.Client(), Version: "2.3.0"}
}

func TestClient_Do(t *testing.T) {
	stored := thing{ID: "a", Count: 1}
	m := thingsMux(Options{})
	g := m.groups["nslcm"][0]
	g.Handle("PATCH /thing", func(w http.ResponseWriter, r *http.Request) error {
		if err := CheckMatch(r, `"r1"`); err != nil {
			return err
		}
		p, err := DecodePatch(r)
		if err != nil {
			return err
		}
		next, err := ApplyPatch(stored, p, PatchRules{})
		if err != nil {
			return err
		}
		return Write(w, 200, next)
	})
	g.Handle("GET /thing", func(w http.ResponseWriter, r *http.Request) error { return WriteTagged(w, r, `"r1"`, stored) })
	c := newClient(startTLS(t, m))
	ctx := context.Background()

	var got thing
	answer, err := c.Do(ctx, "POST", "/things", thing{ID: "n"}, &got)
	if err != nil || answer.Status != 201 || got.ID != "n" || answer.Location != c.Base+"/things/n" || answer.RequestID == "" {
		t.Errorf("POST: %+v %+v %v", answer, got, err)
	}
	answer, err = c.Do(ctx, "GET", "/thing", nil, &got)
	if err != nil || answer.ETag != `"r1"` || got.Count != 1 {
		t.Errorf("GET: %+v %+v %v", answer, got, err)
	}
	got = thing{ID: "kept"}
	if answer, err = c.Do(ctx, "GET", "/thing", nil, &got, IfNoneMatch(`"r1"`)); err != nil || answer.Status != 304 || got.ID != "kept" {
		t.Errorf("conditional GET: %+v %+v %v", answer, got, err)
	}
	if _, err = c.Do(ctx, "PATCH", "/thing", map[string]any{"count": 5}, &got, IfMatch(`"r1"`)); err != nil || got.Count != 5 {
		t.Errorf("PATCH: %+v %v", got, err)
	}
	_, err = c.Do(ctx, "PATCH", "/thing", map[string]any{"count": 5}, nil, IfMatch(`"r0"`))
	wantCode(t, err, hub.Precondition)
	if answer, err = c.Do(ctx, "POST", "/subscriptions", thing{}, &got); err != nil || answer.Status != 303 || answer.Location != c.Base+"/subscriptions/1" {
		t.Errorf("303: %+v %v", answer, err)
	}
	if answer, err = c.Do(ctx, "DELETE", "/things/a", nil, &got, WithRequestID("mine")); err != nil || answer.Status != 204 || answer.RequestID != "mine" {
		t.Errorf("DELETE: %+v %v", answer, err)
	}
	_, err = c.Do(ctx, "GET", "/else", nil, nil)
	wantCode(t, err, hub.NotFound)
	if !strings.Contains(err.Error(), "there is no resource") {
		t.Errorf("the detail of the problem is lost: %v", err)
	}
	_, err = c.Do(ctx, "POST", "/things", make(chan int), nil)
	wantCode(t, err, hub.Internal)
	_, err = c.Do(ctx, "B AD", "/things", nil, nil)
	wantCode(t, err, hub.Invalid)
}

func TestClient_ErrorsOfAllKinds(t *testing.T) {
	status, contentType, body := 0, "", ""
	header := map[string]string{}
	server := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Request-Id", "r-77")
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	c := newClient(server)
	c.MaxAnswer = 1000
	c.Retries = -1
	for _, x := range []struct {
		status            int
		contentType, body string
		code              hub.Code
		want              string
	}{
		{400, TypeProblem, `{"status":400,"detail":"bad \u001b[31mcolour"}`, hub.Invalid, "bad  [31mcolour"},
		{401, TypeProblem, `{"detail":"who"}`, hub.Unauthenticated, "who"},
		{403, TypeProblem, `{"detail":"no"}`, hub.Denied, "no"},
		{403, TypeProblem, `{"detail":"no","code":"undecided"}`, hub.Undecided, "no"},
		{403, TypeProblem, `{"detail":"no","code":"not_found"}`, hub.Denied, "no"}, // a code that does not fit
		{404, "text/html", `<h1>lost</h1>`, hub.NotFound, "answered 404 Not Found"},
		{405, TypeProblem, `{broken`, hub.Invalid, "answered 405"},
		{409, TypeProblem, `{"detail":"state"}`, hub.Conflict, "state"},
		{410, TypeProblem, `{"detail":"gone"}`, hub.NotFound, "gone"},
		{412, TypeProblem, `{"detail":"stale"}`, hub.Precondition, "stale"},
		{422, TypeProblem, `{"detail":"x"}`, hub.Unprocessable, "x"},
		{429, TypeProblem, `{"detail":"slow"}`, hub.RateLimited, "slow"},
		{500, TypeProblem, `{"detail":"oops","code":"internal"}`, hub.Internal, "oops (request id r-77)"},
		{501, TypeProblem, `{"detail":"oops"}`, hub.Internal, "request id r-77"},
		{502, TypeProblem, `{}`, hub.Unavailable, "answered 502"},
		{503, TypeProblem, `{"detail":"` + strings.Repeat("x", 900) + `"}`, hub.Unavailable, "xxx"},
		{504, TypeProblem, `{"detail":"late"}`, hub.Unavailable, "late"},
		{302, "text/html", ``, hub.Unavailable, "302, a redirect"},
		{200, TypeJSON, ``, hub.Unavailable, "not of the expected form"},
		{200, "text/html", `<h1>portal</h1>`, hub.Unavailable, `"text/html" and not JSON`},
		{200, TypeJSON, `[`, hub.Unavailable, "not of the expected form"},
		{200, TypeJSON, `"` + strings.Repeat("x", 1000) + `"`, hub.Unavailable, "larger than the 1000 bytes"},
	} {
		status, contentType, body = x.status, x.contentType, x.body
		var out any
		_, err := c.Do(context.Background(), "GET", "/x", nil, &out)
		wantCode(t, err, x.code)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%d %s: %v, want %q", x.status, x.body, err, x.want)
		}
	}
	// Text of a peer is kept to one line of bounded length.
	if got := plain(strings.Repeat("ä", 1000)); len(got) > 1010 || !strings.HasSuffix(got, "…") {
		t.Errorf("long text: %d bytes", len(got))
	}
	status, contentType, body, header = 429, TypeProblem, `{"detail":"slow"}`, map[string]string{"Retry-After": "7"}
	_, err := c.Do(context.Background(), "GET", "/x", nil, nil)
	if _, h := problemOf(err, ""); h.Get("Retry-After") != "7" {
		t.Errorf("Retry-After of the peer is lost: %v", h)
	}
	server.Close()
	_, err = c.Do(context.Background(), "GET", "/x", nil, nil)
	wantCode(t, err, hub.Unavailable)
}

func TestClient_AnswerBreaksOff(t *testing.T) {
	server := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"id"`)
		panic(http.ErrAbortHandler)
	}))
	var out thing
	_, err := newClient(server).Do(context.Background(), "GET", "/x", nil, &out)
	wantCode(t, err, hub.Unavailable)
}

func TestClient_Retries(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		method, retryAfter string
		failures, calls    int
		waits              []time.Duration
		ok                 bool
		retries            int
	}{
		"once":             {"GET", "3", 1, 2, []time.Duration{3 * time.Second}, true, 0},
		"twice":            {"PUT", "0", 2, 3, []time.Duration{0, 0}, true, 0},
		"date":             {"DELETE", now.Add(4 * time.Second).Format(http.TimeFormat), 1, 2, []time.Duration{4 * time.Second}, true, 0},
		"date in the past": {"GET", now.Add(-time.Hour).Format(http.TimeFormat), 1, 2, []time.Duration{0}, true, 0},
		"too often":        {"GET", "1", 9, 3, []time.Duration{time.Second, time.Second}, false, 0},
		"more retries":     {"GET", "0", 5, 6, make([]time.Duration, 5), true, 5},
		"no retries":       {"GET", "1", 1, 1, nil, false, -1},
		"no Retry-After":   {"GET", "", 1, 1, nil, false, 0},
		"too long":         {"GET", "3600", 1, 1, nil, false, 0},
		"nonsense":         {"GET", "soon", 1, 1, nil, false, 0},
		"POST":             {"POST", "1", 1, 1, nil, false, 0},
		"PATCH":            {"PATCH", "1", 1, 1, nil, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if calls++; calls <= c.failures {
					w.Header().Set("Retry-After", c.retryAfter)
					WriteProblem(w, ProblemDetails{Status: 503, Detail: "busy"})
					return
				}
				if string(body) != `"in"` {
					t.Errorf("body of the last attempt: %s", body)
				}
				w.WriteHeader(204)
			}))
			var waits []time.Duration
			client := newClient(server)
			client.Retries = c.retries
			client.Now = func() time.Time { return now }
			client.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
			_, err := client.Do(context.Background(), c.method, "/x", "in", nil)
			server.Close()
			if (err == nil) != c.ok || calls != c.calls || len(waits) != len(c.waits) {
				t.Fatalf("%v after %d calls and waits %v", err, calls, waits)
			}
			for i := range waits {
				if waits[i] != c.waits[i] {
					t.Errorf("waits %v, want %v", waits, c.waits)
				}
			}
		})
	}
}

func TestClient_WaitEndsWithContext(t *testing.T) {
	server := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(503)
	}))
	c := newClient(server)
	ctx, cancel := context.WithCancel(context.Background())
	c.Wait = func(ctx context.Context, d time.Duration) error {
		cancel()
		return (&Client{}).wait(ctx, d) // the real one, with an ended context
	}
	_, err := c.Do(ctx, "GET", "/x", nil, nil)
	wantCode(t, err, hub.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := (&Client{}).wait(context.Background(), 0); err != nil {
		t.Error(err)
	}
}

func TestAll(t *testing.T) {
	s := newListServer(10)
	c := newClient(startTLS(t, s.mux))
	var got []string
	for v, err := range All[thing](context.Background(), c, "/things", url.Values{"filter": {"(gte,count,2);(neq,id,t005)"}}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v.ID)
	}
	if strings.Join(got, " ") != "t002 t003 t004 t006 t007 t008 t009" {
		t.Errorf("%v", got)
	}
	count := 0
	for range All[thing](context.Background(), c, "/things", nil) {
		if count++; count == 5 {
			break
		}
	}
	for _, err := range All[thing](context.Background(), c, "/else", nil) {
		wantCode(t, err, hub.NotFound)
	}
}

func TestAll_BadLinks(t *testing.T) {
	link := ""
	server := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", link)
		w.Header().Set("Content-Type", TypeJSON)
		_, _ = io.WriteString(w, "[]")
	}))
	c := newClient(server)
	for field, want := range map[string]string{
		`<https://evil.example/x>; rel="next"`:        "leads to another server",
		`<http://` + server.URL[8:] + `/x>; rel=next`: "leads to another server",
		`<https://h:p:q/>; rel=next`:                  "is no URI",
		`<?a>; rel=next`:                              "go round in a circle",
		`<?a>; rel=last`:                              "",
		`no link`:                                     "",
		`<?a`:                                         "",
	} {
		link = field
		var last error
		for _, err := range All[thing](context.Background(), c, "/x", nil) {
			last = err
		}
		if want == "" && last != nil || want != "" && (last == nil || !strings.Contains(last.Error(), want)) {
			t.Errorf("%s: %v, want %q", field, last, want)
		}
	}
}

func TestNextLink(t *testing.T) {
	for field, want := range map[string]string{
		`</a>; rel="prev", </b>; rel="next"`:                     "/b",
		`</a>;title="x, <y>; rel=\"next\"";rel=up,</b>;rel=NEXT`: "/b",
		`</a>; rel="up next"`:                                    "/a",
		`</a>; REL=next; rel=prev`:                               "/a",
		`</a>; rel=prev; rel=next`:                               "",
		`</a>; title=next`:                                       "",
		``:                                                       "",
	} {
		if got := nextLink([]string{field}); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}
