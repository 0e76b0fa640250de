package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Limits that hold when [Options] says nothing else.
const (
	DefaultMaxBody    = 1 << 20 // bytes of a request body
	DefaultMaxURI     = 8 << 10 // bytes of a request target
	DefaultPageSize   = 100     // items of one page of a list
	DefaultMarkerLife = time.Hour
)

// Handler answers one request. It either writes an answer and returns nil, or
// writes nothing and returns an error, which the mux turns into ProblemDetails.
// An error after the answer has begun breaks the connection off, so that the
// caller does not take half an answer for a whole one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Options says how a [Mux] works. The zero value is usable; it authenticates
// nobody and logs nothing.
type Options struct {
	Log          *slog.Logger
	Root         string                                                  // path of apiRoot before the API name: "" or "/sol"
	MaxBody      int64                                                   // bytes; 0 means DefaultMaxBody
	MaxURI       int                                                     // bytes; 0 means DefaultMaxURI
	PageSize     int                                                     // items; 0 means DefaultPageSize
	MarkerKey    []byte                                                  // key of page markers, shared by all instances behind one address; nil means one of this process
	MarkerLife   time.Duration                                           // how long a page marker is good; 0 means DefaultMarkerLife
	NewRequestID func() string                                           // nil means hub.NewID
	Now          func() time.Time                                        // nil means time.Now
	Observe      func(route, method string, status int, d time.Duration) // called after each answer; nil means nobody looks
	Authenticate func(*http.Request) (hub.Identity, error)               // nil means that everybody is nobody
	Challenge    string                                                  // WWW-Authenticate of 401; empty means "Bearer"
	Recovered    func(route string, value any)                           // called after a panic was answered; nil means only the log knows
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.MaxURI == 0 {
		o.MaxURI = DefaultMaxURI
	}
	if o.PageSize == 0 {
		o.PageSize = DefaultPageSize
	}
	if o.MarkerLife == 0 {
		o.MarkerLife = DefaultMarkerLife
	}
	if o.MarkerKey == nil {
		o.MarkerKey = make([]byte, 32)
		rand.Read(o.MarkerKey) // never fails: crypto/rand ends the process instead
	}
	if o.NewRequestID == nil {
		o.NewRequestID = hub.NewID
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, string, int, time.Duration) {}
	}
	if o.Authenticate == nil {
		o.Authenticate = func(*http.Request) (hub.Identity, error) { return hub.Identity{}, nil }
	}
	if o.Challenge == "" {
		o.Challenge = "Bearer"
	}
	if o.Recovered == nil {
		o.Recovered = func(string, any) {}
	}
	return o
}

// Mux serves the APIs of one listener. Register everything before it serves;
// after that it is safe for concurrent use. Wrong registrations panic, as those
// of [http.ServeMux] do: they are defects of the program.
type Mux struct {
	options Options
	routes  *http.ServeMux
	groups  map[string][]*Group // by API name, in order of registration
}

// NewMux makes an empty mux.
func NewMux(o Options) *Mux {
	return &Mux{options: o.withDefaults(), routes: http.NewServeMux(), groups: map[string][]*Group{}}
}

// Group is one API in a mux. Handlers are added with [Group.Handle].
type Group struct {
	mux      *Mux
	api      API
	versions []apiVersion // parsed, in the order of api.Versions
	newest   string
	prefix   string // {root}/{apiName}/{apiMajorVersion}
}

// route is what is known of one registered pattern.
type route struct {
	group    *Group // nil for a public route
	pattern  string // as registered, with the prefix, for logs and metrics
	handler  Handler
	maxBody  int64
	produces []string // media types of successful answers
}

// RouteOption changes what one route takes or gives.
type RouteOption func(*route)

// MaxBody lets one route take bodies of up to n bytes.
func MaxBody(n int64) RouteOption { return func(rt *route) { rt.maxBody = n } }

// Produces names the media types that one route answers with instead of
// application/json; none for one whose success has no body, so that whatever its
// client accepts is right.
func Produces(mediaTypes ...string) RouteOption {
	return func(rt *route) { rt.produces = mediaTypes }
}

// API adds an API with its two api_versions resources (SOL 013 clause 9) and
// returns the group for its resources. The same name may be added again with
// another major version.
func (m *Mux) API(api API) *Group {
	g := &Group{mux: m, api: api, prefix: m.options.Root + "/" + api.Name + "/" + api.Major}
	if api.Name == "" || api.Major == "" || len(api.Versions) == 0 {
		panic(fmt.Sprintf("httpapi: API %q %q needs a name, a major version and at least one version", api.Name, api.Major))
	}
	for _, v := range api.Versions {
		parsed, err := parseVersion(v.Version)
		if err != nil {
			panic("httpapi: API " + api.Name + ": " + err.Error())
		}
		g.versions = append(g.versions, parsed)
	}
	g.newest = slices.MaxFunc(g.versions, apiVersion.compare).String()
	if len(m.groups[api.Name]) == 0 {
		m.add("GET", m.options.Root+"/"+api.Name+"/api_versions", route{handler: m.nameVersions(api.Name), group: g})
	}
	m.groups[api.Name] = append(m.groups[api.Name], g)
	m.add("GET", g.prefix+"/api_versions", route{handler: g.majorVersions, group: g})
	return g
}

// Handle registers h for a pattern of [http.ServeMux] with a method, such as
// "GET /ns_instances/{id}", relative to {apiName}/{apiMajorVersion}.
func (g *Group) Handle(pattern string, h Handler, options ...RouteOption) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		panic(fmt.Sprintf("httpapi: pattern %q is not METHOD /path", pattern))
	}
	g.mux.add(method, g.prefix+path, route{handler: g.versioned(h), group: g}, options...)
}

// Public registers h outside of all APIs, for callers that are not yet
// authenticated: a token endpoint, a CRL. The pattern is absolute.
func (m *Mux) Public(pattern string, h Handler, options ...RouteOption) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		panic(fmt.Sprintf("httpapi: pattern %q is not METHOD /path", pattern))
	}
	m.add(method, path, route{handler: h}, options...)
}

func (m *Mux) add(method, path string, rt route, options ...RouteOption) {
	rt.pattern, rt.maxBody, rt.produces = path, m.options.MaxBody, []string{TypeJSON}
	for _, o := range options {
		o(&rt)
	}
	m.routes.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		// Only ServeHTTP calls routes, always with its own answer and exchange.
		a := w.(*answer)
		a.routed = true
		x := exchangeOf(r.Context())
		x.route = &rt
		m.finish(a, x, m.serve(a, r, x))
	})
}

// versioned is the step of the resources that need a Version header.
func (g *Group) versioned(h Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		version, err := g.negotiate(r.Header)
		w.Header().Set("Version", version)
		if err != nil {
			return err
		}
		exchangeOf(r.Context()).version = version
		return h(w, r)
	}
}

// nameVersions answers {apiName}/api_versions with the versions of all majors.
func (m *Mux) nameVersions(name string) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		info := apiVersionInformation{URIPrefix: URI(r, m.options.Root+"/"+name+"/")}
		for _, g := range m.groups[name] {
			info.APIVersions = append(info.APIVersions, g.versionEntries()...)
		}
		return Write(w, http.StatusOK, info)
	}
}

// majorVersions answers {apiName}/{apiMajorVersion}/api_versions.
func (g *Group) majorVersions(w http.ResponseWriter, r *http.Request) error {
	return Write(w, http.StatusOK, apiVersionInformation{URIPrefix: URI(r, g.prefix+"/"), APIVersions: g.versionEntries()})
}

// ServeHTTP answers one request.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{mux: m, start: m.options.Now(), requestID: r.Header.Get("X-Request-Id")}
	if !saneRequestID(x.requestID) {
		x.requestID = m.options.NewRequestID()
	}
	x.method = r.Method
	a := &answer{ResponseWriter: w}
	a.Header().Set("X-Request-Id", x.requestID)
	a.Header().Set("X-Content-Type-Options", "nosniff")
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	defer m.recover(a, x)
	if n := len(r.RequestURI); n > m.options.MaxURI {
		if g := m.groupOf(r.URL.Path); g != nil {
			a.Header().Set("Version", g.newest)
		}
		text := fmt.Sprintf("the request target is %d bytes long and at most %d are taken; shorten the query", n, m.options.MaxURI)
		m.finish(a, x, WithStatus(hub.E(hub.Invalid, "read request", text, nil), http.StatusRequestURITooLong))
		return
	}
	m.routes.ServeHTTP(a, r)
	if !a.routed {
		m.finish(a, x, m.unrouted(a, r))
	}
}

// serve runs the steps that all routes have in common, then the route itself.
func (m *Mux) serve(a *answer, r *http.Request, x *exchange) error {
	if g := x.route.group; g != nil {
		a.Header().Set("Version", g.newest) // until another one is negotiated: errors carry one as well
		who, err := g.authenticate(r)
		if err != nil {
			return err
		}
		x.caller = who
	}
	if err := checkAccept(r.Header.Values("Accept"), x.route.produces); err != nil {
		return err
	}
	if r.ContentLength > x.route.maxBody {
		return tooLarge(x.route.maxBody)
	}
	// The inner writer: MaxBytesReader tells net/http through it to close the connection.
	r.Body = http.MaxBytesReader(a.ResponseWriter, r.Body, x.route.maxBody)
	return x.route.handler(a, r)
}

func (g *Group) authenticate(r *http.Request) (hub.Identity, error) {
	if g.api.Authenticate != nil {
		return g.api.Authenticate(r)
	}
	return g.mux.options.Authenticate(r)
}

// unrouted says why no route took the request: 404, or 405 when the path exists
// for other methods. A caller that is not authenticated learns neither.
func (m *Mux) unrouted(a *answer, r *http.Request) error {
	authenticate := m.options.Authenticate
	if g := m.groupOf(r.URL.Path); g != nil {
		authenticate = func(r *http.Request) (hub.Identity, error) { return g.authenticate(r) }
		a.Header().Set("Version", g.newest)
	}
	allow := a.Header().Get("Allow") // set by http.ServeMux, as is Location for a path that is not clean
	a.Header().Del("Allow")
	a.Header().Del("Location")
	who, err := authenticate(r)
	if err != nil {
		return err
	}
	exchangeOf(r.Context()).caller = who
	if a.status == http.StatusMethodNotAllowed {
		a.Header().Set("Allow", allow)
		text := fmt.Sprintf("%s is not a method of this resource; it has %s", clip(r.Method), allow)
		return WithStatus(hub.E(hub.Invalid, "route request", text, nil), http.StatusMethodNotAllowed)
	}
	return hub.E(hub.NotFound, "route request", fmt.Sprintf("there is no resource %q here; check API name, major version and path", clip(r.URL.Path)), nil)
}

func (m *Mux) groupOf(path string) *Group {
	for _, groups := range m.groups {
		for _, g := range groups {
			if strings.HasPrefix(path, g.prefix+"/") {
				return g
			}
		}
	}
	return nil
}

// finish answers err if there is one, and tells log and observer of the answer.
func (m *Mux) finish(a *answer, x *exchange, err error) {
	if err != nil && !a.wrote {
		m.problem(a, x, err)
	}
	if !a.wrote {
		a.WriteHeader(http.StatusOK) // what net/http would do, said here so that it is counted
	}
	m.report(a, x, err)
	if err != nil && !a.problem {
		panic(http.ErrAbortHandler) // half an answer is out: see Handler
	}
}

func (m *Mux) problem(a *answer, x *exchange, err error) {
	p, header := problemOf(err, m.options.Challenge)
	p.RequestID = x.requestID
	for _, k := range []string{"ETag", "Link", "Location"} {
		a.Header().Del(k) // of the answer that the handler could not finish
	}
	for k, v := range header {
		a.Header()[k] = v
	}
	a.routed, a.problem = true, true // from here on writes go out
	WriteProblem(a, p)
}

func (m *Mux) report(a *answer, x *exchange, err error) {
	d := m.options.Now().Sub(x.start)
	m.options.Observe(x.pattern(), x.method, a.status, d)
	level := slog.LevelInfo
	switch {
	case a.status >= 500 || err != nil && !a.problem:
		level = slog.LevelError
	case err != nil:
		level = slog.LevelWarn
	}
	if !m.options.Log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", clip(x.method)), slog.String("route", x.pattern()), slog.Int("status", a.status),
		slog.Duration("took", d), slog.String("request_id", x.requestID), slog.String("caller", x.caller.String()),
	}
	if err != nil {
		attrs = append(attrs, slog.String("code", string(hub.CodeOf(err))), slog.String("error", err.Error()))
	}
	m.options.Log.LogAttrs(context.Background(), level, "request answered", attrs...)
}

// recover turns a panic into 500. The stack goes to the log and nowhere else.
func (m *Mux) recover(a *answer, x *exchange) {
	value := recover()
	if value == nil {
		return
	}
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(value) // a wanted break-off: net/http knows it and stays silent
	}
	m.options.Log.LogAttrs(context.Background(), slog.LevelError, "handler panicked",
		slog.String("route", x.pattern()), slog.String("request_id", x.requestID),
		slog.String("panic", fmt.Sprint(value)), slog.String("stack", string(debug.Stack())))
	m.options.Recovered(x.pattern(), value)
	m.finish(a, x, hub.E(hub.Internal, "answer request", "a handler panicked", nil))
}
