package catalogueapi

import (
	"encoding/json"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// subscriptionShape is how one API spells its subscriptions.
type subscriptionShape interface {
	// decode reads a request; filter and authentication are nil if absent.
	decode(r *http.Request) (callback string, filter, authentication any, err error)
	show(s *notify.Subscription) any
}

func (a *API) routeSubscriptions(g *httpapi.Group, api string, shape subscriptionShape) {
	visible := func(caller hub.Identity) func(*notify.Subscription) bool {
		return func(s *notify.Subscription) bool {
			return s.Owner == caller.String() || caller.Kind == hub.KindOperator
		}
	}
	one := func(r *http.Request, operation string) (notify.Subscription, error) {
		missing := hub.E(hub.NotFound, "find subscription", "there is no such subscription; GET /subscriptions lists them", nil)
		id := r.PathValue("subscription")
		s, err := a.Subscriptions.Subscription(r.Context(), api, id)
		domain := s.TrustDomain
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			return s, err
		}
		caller, denied := a.Authorize(r, operation, domain, id)
		if hub.CodeOf(denied) == hub.NotFound {
			return s, missing
		}
		if denied != nil {
			return s, denied
		}
		if err != nil || !visible(caller)(&s) {
			return s, missing
		}
		return s, nil
	}
	g.Handle("POST /subscriptions", func(w http.ResponseWriter, r *http.Request) error {
		caller, err := a.Authorize(r, "subscription.create", "", "")
		if err != nil {
			return err
		}
		callback, filter, auth, err := shape.decode(r)
		if err != nil {
			return err
		}
		s, created, err := a.Subscriptions.Request(r, Asked{
			API: api, TrustDomain: caller.TrustDomain, Owner: caller, CallbackURI: callback, Filter: filter, Authentication: auth,
			Collection: httpapi.ResourceURI(r, "/subscriptions"),
		})
		if err != nil {
			return err
		}
		if !created {
			return httpapi.SeeOther(w, r, "/subscriptions/"+s.ID)
		}
		return httpapi.Created(w, r, "/subscriptions/"+s.ID, shape.show(&s))
	})
	g.Handle("GET /subscriptions", func(w http.ResponseWriter, r *http.Request) error {
		caller, err := a.Authorize(r, "subscription.query", "", "")
		if err != nil {
			return err
		}
		return httpapi.List(w, r, httpapi.ListOptions{Required: []string{"_links"}}, a.Subscriptions.List(api, visible(caller), shape.show))
	})
	g.Handle("GET /subscriptions/{subscription}", func(w http.ResponseWriter, r *http.Request) error {
		s, err := one(r, "subscription.query")
		if err != nil {
			return err
		}
		return httpapi.Write(w, http.StatusOK, shape.show(&s))
	})
	g.Handle("DELETE /subscriptions/{subscription}", func(w http.ResponseWriter, r *http.Request) error {
		s, err := one(r, "subscription.terminate")
		if err != nil {
			return err
		}
		if err := a.Subscriptions.Unsubscribe(r.Context(), api, s.ID); err != nil {
			return err
		}
		return httpapi.NoContent(w)
	})
}

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil[T any](p *T) any {
	if p == nil {
		return nil
	}
	return p
}

// storedFilter reads a filter that was checked when it came in.
func storedFilter[T any](raw json.RawMessage) *T {
	var f *T
	if json.Unmarshal(raw, &f) != nil {
		return nil
	}
	return f
}

type packageSubscriptions struct{}

func (packageSubscriptions) decode(r *http.Request) (string, any, any, error) {
	var in sol005.PkgmSubscriptionRequest
	err := httpapi.DecodeLenient(r, &in)
	return in.CallbackURI, orNil(in.Filter), orNil(in.Authentication), err
}

func (packageSubscriptions) show(s *notify.Subscription) any {
	return sol005.PkgmSubscription{
		ID: s.ID, CallbackURI: s.CallbackURI, Filter: storedFilter[sol005.PkgmNotificationsFilter](s.Filter),
		Links: sol005.SelfLinks{Self: sol005.Link{Href: s.Self}},
	}
}

type nsdSubscriptions struct{}

func (nsdSubscriptions) decode(r *http.Request) (string, any, any, error) {
	var in sol005.NsdmSubscriptionRequest
	err := httpapi.DecodeLenient(r, &in)
	return in.CallbackURI, orNil(in.Filter), orNil(in.Authentication), err
}

func (nsdSubscriptions) show(s *notify.Subscription) any {
	return sol005.NsdmSubscription{
		ID: s.ID, CallbackURI: s.CallbackURI, Filter: storedFilter[sol005.NsdmNotificationsFilter](s.Filter),
		Links: sol005.NsdmSubscriptionLinks{Self: &sol005.Link{Href: s.Self}},
	}
}

type vnfmSubscriptions struct{}

func (vnfmSubscriptions) decode(r *http.Request) (string, any, any, error) {
	var in sol003.PkgmSubscriptionRequest
	err := httpapi.DecodeLenient(r, &in)
	return in.CallbackURI, orNil(in.Filter), orNil(in.Authentication), err
}

func (vnfmSubscriptions) show(s *notify.Subscription) any {
	return sol003.PkgmSubscription{
		ID: s.ID, CallbackURI: s.CallbackURI, Filter: storedFilter[sol003.PkgmNotificationsFilter](s.Filter),
		Links: sol003.SelfLinks{Self: sol003.Link{Href: s.Self}},
	}
}
