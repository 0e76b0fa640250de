// Package scvi is the Telemetry Information Management interface that the VIM
// produces for Security Managers on their sc-vi.telem endpoints (IFA 033 clauses
// 5.3.5 and 8.2): {apiRoot}/sc-vi/v1. ETSI binds it to no protocol; the paths are
// our own, in the style of SOL 013, named after the operations of IFA 005 and
// 006, and described in docs/openapi/sc-vi.yaml.
//
// A Security Manager sees what serves its trust domain: its own computes and
// images, the hosts that hold or may hold them, the zones and PoPs of these, and
// of other domains nothing but the capacity that they use together.
//
// Numbers of operations are those of the requirements: the order of clause 8.2.
// An operation that is to come is one more row of [API.routes].
package scvi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vim/subscribe"
)

// Version is the version of the API.
const Version = "1.0.0"

// The operations that are authorised.
const (
	opQuery    = "telemetry.query"
	opLocation = "telemetry.query-location" // what says where something is
)

// API serves telemetry. Its fields are required and must not change once it
// serves.
type API struct {
	Model *vim.Model
	// Authorize says who sent a request and whether it may ask this about what is
	// of a trust domain; an empty targetDomain is the caller's own.
	Authorize     func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	Subscriptions notify.Store
}

// route is one operation of clause 8.2. Its handler gets the trust domain that
// the caller sees.
type route struct {
	pattern   string
	operation string
	handle    func(w http.ResponseWriter, r *http.Request, viewer string) error
}

func (a *API) routes() []route {
	m := a.Model
	return []route{
		{"GET /resource_zones", opQuery, list(func(r *http.Request, v string) httpapi.Source { return m.Zones(r.Context(), v) })},                  // Q02
		{"GET /nfvi_pops", opLocation, list(func(r *http.Request, v string) httpapi.Source { return m.NfviPops(r.Context(), v) })},                 // Q03
		{"GET /images", opQuery, list(func(r *http.Request, v string) httpapi.Source { return m.Images(r.Context(), v, vim.Query{}) })},            // Q11
		{"GET /images/{id}", opQuery, one(func(r *http.Request, v, id string) (any, error) { return m.Image(r.Context(), v, id) })},                // Q12
		{"GET /computes", opLocation, list(func(r *http.Request, v string) httpapi.Source { return m.Computes(r.Context(), v, vim.Query{}) })},     // Q13
		{"GET /computes/{id}", opLocation, one(func(r *http.Request, v, id string) (any, error) { return m.Compute(r.Context(), v, id) })},         // Q13
		{"GET /compute_flavours", opQuery, list(func(r *http.Request, v string) httpapi.Source { return m.Flavours(r.Context(), v) })},             // Q15
		{"GET /hosts", opLocation, list(func(r *http.Request, v string) httpapi.Source { return m.Hosts(r.Context(), v, vim.Query{}) })},           // Telem.001
		{"GET /hosts/{id}", opLocation, one(func(r *http.Request, v, id string) (any, error) { return m.Host(r.Context(), v, id) })},               // Telem.001
		{"GET /packet_headers", opLocation, list(func(r *http.Request, v string) httpapi.Source { return m.Traffic(r.Context(), v) })},             // Telem.001
		{"GET /packet_headers/{id}", opLocation, one(func(r *http.Request, v, id string) (any, error) { return m.TrafficOf(r.Context(), v, id) })}, // Telem.001; the ID of a port
	}
}

// Routes adds the API to a mux.
func (a *API) Routes(mux *httpapi.Mux) {
	g := mux.API(httpapi.API{Name: vim.ScVi, Major: "v1", Versions: []httpapi.APIVersion{{Version: Version}}})
	for _, rt := range a.routes() {
		g.Handle(rt.pattern, func(w http.ResponseWriter, r *http.Request) error {
			viewer, err := a.viewer(r, rt)
			if err != nil {
				return err
			}
			return rt.handle(w, r, viewer)
		})
	}
	subscriptions := &notify.Resource{
		API: vim.ScVi, Store: a.Subscriptions, Authorize: a.Authorize, SeesAll: subscribe.SeesAll,
		Decode: subscribe.Decode([]string{ifa006.PacketType}, "COMPUTE", "HOST", "IMAGE"), Show: subscribe.Show,
	}
	subscriptions.Routes(g)
}

// Paths lists the paths that the API serves, relative to it, for who documents
// them.
func Paths() []string {
	paths := []string{"/subscriptions", "/subscriptions/{id}"}
	for _, rt := range (&API{}).routes() {
		_, path, _ := strings.Cut(rt.pattern, " ")
		paths = append(paths, path)
	}
	return paths
}

// viewer authorises a request and returns the trust domain that it sees. A
// Security Manager of the hub's own domain would see all others: there is none.
func (a *API) viewer(r *http.Request, rt route) (string, error) {
	domain, target, err := a.owner(r, rt)
	if err != nil {
		return "", err
	}
	id, err := a.Authorize(r, rt.operation, domain, target)
	if err != nil {
		return "", err
	}
	if id.TrustDomain == "" || id.TrustDomain == vim.All {
		return "", hub.E(hub.Denied, rt.operation, fmt.Sprintf("%s is of no trust domain; telemetry is for Security Managers", id), nil)
	}
	return id.TrustDomain, nil
}

// owner returns the trust domain of the resource that a request names, and the
// resource, so that one who asks about another domain's is refused, and recorded,
// as such. Hosts and images for all are of no domain: both are empty, as for a
// list, and the model says whether the caller may see them. What is not there has
// no domain either.
func (a *API) owner(r *http.Request, rt route) (domain, target string, err error) {
	collection := map[string]string{"GET /images/{id}": "images", "GET /computes/{id}": "computes", "GET /packet_headers/{id}": "ports"}[rt.pattern]
	if collection == "" {
		return "", "", nil
	}
	target = r.PathValue("id")
	owner, err := a.Model.Owner(r.Context(), collection, target)
	switch {
	case hub.CodeOf(err) == hub.NotFound:
		return "", target, nil
	case owner == vim.All:
		return "", "", nil
	}
	return owner, target, err
}

func list(source func(r *http.Request, viewer string) httpapi.Source) func(http.ResponseWriter, *http.Request, string) error {
	return func(w http.ResponseWriter, r *http.Request, viewer string) error {
		return httpapi.List(w, r, httpapi.ListOptions{}, source(r, viewer))
	}
}

func one(get func(r *http.Request, viewer, id string) (any, error)) func(http.ResponseWriter, *http.Request, string) error {
	return func(w http.ResponseWriter, r *http.Request, viewer string) error {
		v, err := get(r, viewer, r.PathValue("id"))
		if err != nil {
			return err
		}
		return httpapi.Write(w, http.StatusOK, v)
	}
}
