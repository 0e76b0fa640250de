package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// exchange is what the mux knows of one request. It belongs to the goroutine
// that serves the request.
type exchange struct {
	mux       *Mux
	route     *route // nil until a route took the request
	start     time.Time
	method    string
	requestID string
	version   string
	caller    hub.Identity
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request of a mux, or an empty one, so
// that the accessors below are safe everywhere.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

func (x *exchange) pattern() string {
	if x.route == nil {
		return "unmatched"
	}
	return x.route.pattern
}

// Caller returns who sent the request, the zero Identity if nobody was
// authenticated.
func Caller(ctx context.Context) hub.Identity { return exchangeOf(ctx).caller }

// RequestID returns the request's X-Request-Id, taken from the caller or made.
func RequestID(ctx context.Context) string { return exchangeOf(ctx).requestID }

// UsedVersion returns the API version that answers the request.
func UsedVersion(ctx context.Context) string { return exchangeOf(ctx).version }

// URI returns the absolute URI of a path on the server that r came to, as the
// caller addressed it.
func URI(r *http.Request, path string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + path
}

// ResourceURI returns the absolute URI of a path relative to the API that
// answers r: ResourceURI(r, "/ns_instances/"+id).
func ResourceURI(r *http.Request, path string) string {
	x := exchangeOf(r.Context())
	if x.route != nil && x.route.group != nil {
		path = x.route.group.prefix + path
	}
	return URI(r, path)
}

// saneRequestID accepts what can stand in a log line and a header unescaped.
func saneRequestID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-_.:", c) < 0 {
			return false
		}
	}
	return true
}

// answer watches what is written. Until a route has taken the request it swallows
// writes: they are the plain-text errors of http.ServeMux, which the mux replaces.
type answer struct {
	http.ResponseWriter
	routed  bool // a route took the request
	wrote   bool // the status line is out
	problem bool // ProblemDetails were written
	status  int
}

func (a *answer) WriteHeader(status int) {
	if !a.routed {
		a.status = status
		return
	}
	if a.wrote {
		return
	}
	if status >= 200 { // 1xx may be followed by another status line
		a.wrote, a.status = true, status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if !a.routed {
		return len(b), nil
	}
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
