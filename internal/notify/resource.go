package notify

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Store is what a [Resource] needs of an [Outbox], whose methods say what they
// promise.
type Store interface {
	Request(r *http.Request, in Input) (s Subscription, created bool, err error)
	Subscription(ctx context.Context, api, id string) (Subscription, error)
	List(api string, visible func(*Subscription) bool, show func(*Subscription) any) httpapi.Source
	Unsubscribe(ctx context.Context, api, id string) error
}

// Resource serves the "subscriptions" resources of one API: those of SOL 003 and
// SOL 005, and ours in their style. All fields are needed.
//
// A caller sees its own subscriptions. What it does not see answers exactly as
// what does not exist, also to who may not ask at all.
type Resource struct {
	API   string // as in [Subscription]
	Store Store
	// Authorize says who sent a request and whether it may do this to what is of a
	// trust domain; an empty targetDomain is the caller's own. target is for the
	// record of a refusal. It answers hub.NotFound for what is another domain's.
	Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	// SeesAll says who sees the subscriptions of others too, where Authorize lets it.
	SeesAll func(caller hub.Identity) bool
	// Decode reads and checks the request of a POST. It fills in CallbackURI,
	// Filter, Verbosity and Authentication; the rest is filled in here.
	Decode func(r *http.Request) (Input, error)
	Show   func(s *Subscription) any // in the API's shape
}

// Routes adds the resources to the API's group.
func (s *Resource) Routes(g *httpapi.Group) {
	g.Handle("POST /subscriptions", s.create)
	g.Handle("GET /subscriptions", s.list)
	g.Handle("GET /subscriptions/{id}", s.show)
	g.Handle("DELETE /subscriptions/{id}", s.terminate)
}

// FilterOf returns the filter of a subscription in the API's shape, nil when it
// has none. What is stored was checked when it came in.
func FilterOf[T any](s *Subscription) *T {
	var f *T
	if json.Unmarshal(s.Filter, &f) != nil {
		return nil
	}
	return f
}

func (s *Resource) create(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Authorize(r, "subscription.create", "", "")
	if err != nil {
		return err
	}
	in, err := s.Decode(r)
	if err != nil {
		return err
	}
	in.API, in.TrustDomain, in.Owner = s.API, caller.TrustDomain, caller
	in.Collection = httpapi.ResourceURI(r, "/subscriptions")
	sub, created, err := s.Store.Request(r, in)
	if err != nil {
		return err
	}
	if !created {
		return httpapi.SeeOther(w, r, "/subscriptions/"+sub.ID)
	}
	return httpapi.Created(w, r, "/subscriptions/"+sub.ID, s.Show(&sub))
}

func (s *Resource) list(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Authorize(r, opQuery, "", "")
	if err != nil {
		return err
	}
	visible := func(sub *Subscription) bool { return s.sees(caller, sub) }
	return httpapi.List(w, r, httpapi.ListOptions{Required: []string{"_links"}}, s.Store.List(s.API, visible, s.Show))
}

func (s *Resource) show(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.find(r, opQuery)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, s.Show(&sub))
}

func (s *Resource) terminate(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.find(r, "subscription.terminate")
	if err != nil {
		return err
	}
	if err := s.Store.Unsubscribe(r.Context(), s.API, sub.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

const opQuery = "subscription.query"

func (s *Resource) sees(caller hub.Identity, sub *Subscription) bool {
	return sub.Owner == caller.String() || s.SeesAll(caller)
}

// find returns the subscription of the path, if the caller may do the operation
// to it. What is not there is asked about in the caller's own domain, and what
// is another domain's is then asked about as if it were not there.
func (s *Resource) find(r *http.Request, operation string) (Subscription, error) {
	id := r.PathValue("id")
	missing := hub.E(hub.NotFound, "find subscription", "there is no such subscription; list them with GET /subscriptions", nil)
	sub, found := s.Store.Subscription(r.Context(), s.API, id)
	caller, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return s.Authorize(r, operation, domain, id)
	}, sub.TrustDomain, found, missing)
	if err != nil {
		return Subscription{}, err
	}
	if !s.sees(caller, &sub) {
		return Subscription{}, missing
	}
	return sub, nil
}
