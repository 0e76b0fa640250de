package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// startTLS serves h as production does, over TLS and HTTP/2.
func startTLS(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config = NewServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// testLog keeps what is logged.
type testLog struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *testLog) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

var nslcm = API{Name: "nslcm", Major: "v2", Versions: []APIVersion{
	{Version: "2.2.0", Deprecated: true, Retirement: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
	{Version: "2.3.0"},
}}

// request is one call of a test, made without the typed client.
type request struct {
	method, path string
	header       map[string]string // "" as value removes the field
	body         string
}

type reply struct {
	status  int
	header  http.Header
	body    string
	problem ProblemDetails
}

// call sends r with the header fields that every good request has.
func call(t testing.TB, server *httptest.Server, r request) reply {
	t.Helper()
	req, err := http.NewRequest(r.method, server.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Version", "2.3.0")
	req.Header.Set("Accept", TypeJSON)
	if r.body != "" {
		req.Header.Set("Content-Type", TypeJSON)
	}
	for k, v := range r.header {
		if v == "" {
			req.Header.Del(k)
			continue
		}
		req.Header.Set(k, v)
	}
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if out.status >= 400 {
		out.problem = wantProblem(t, out)
	}
	return out
}

// wantProblem checks what SOL 013 clause 6.3 demands of every error.
func wantProblem(t testing.TB, r reply) ProblemDetails {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != TypeProblem {
		t.Errorf("Content-Type of %d is %q, want %q", r.status, got, TypeProblem)
	}
	var p ProblemDetails
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("body of %d is no ProblemDetails: %v: %s", r.status, err, r.body)
	}
	if p.Status != r.status || p.Detail == "" || p.Title == "" {
		t.Errorf("ProblemDetails of %d: %+v", r.status, p)
	}
	if p.RequestID == "" || p.RequestID != r.header.Get("X-Request-Id") {
		t.Errorf("request id %q, header %q", p.RequestID, r.header.Get("X-Request-Id"))
	}
	return p
}

func wantCode(t testing.TB, err error, code hub.Code) {
	t.Helper()
	if hub.CodeOf(err) != code {
		t.Errorf("error %v has code %q, want %q", err, hub.CodeOf(err), code)
	}
	var e *hub.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("error %v is no hub.Error", err)
	}
}

// fakeClock is a clock that tests set.
type fakeClock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func newClock() *fakeClock { return &fakeClock{now: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
