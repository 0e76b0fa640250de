// Package subscribe is the "subscriptions" resources that the two APIs of the
// VIM have in common: ifa006.SubscriptionRequest in, ifa006.Subscription out.
package subscribe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
)

// Input is what a new subscription asks for. It has the fields of the input of
// notify.Outbox, in their order, so that wire may convert it.
type Input struct {
	API            string
	TrustDomain    string // of the consumer; "hub" sees all
	Owner          hub.Identity
	CallbackURI    string
	Filter         any // *ifa006.Filter, checked
	Verbosity      string
	Authentication any
	Collection     string // absolute URI of the collection of subscriptions
}

// Store keeps subscriptions and tests their endpoints.
type Store interface {
	// Request makes a subscription for the handler of a POST. created is false when
	// the same one was there already.
	Request(r *http.Request, in Input) (s notify.Subscription, created bool, err error)
	Subscription(ctx context.Context, api, id string) (notify.Subscription, error)
	List(api string, visible func(*notify.Subscription) bool, show func(*notify.Subscription) any) httpapi.Source
	Unsubscribe(ctx context.Context, api, id string) error
}

// Resource serves the subscriptions of one API. Its fields are required.
type Resource struct {
	API       string
	Store     Store
	Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	Families  []string // resource types that a filter may name
}

// Routes adds the resources to the API's group.
func (s *Resource) Routes(g *httpapi.Group) {
	g.Handle("POST /subscriptions", s.create)
	g.Handle("GET /subscriptions", s.list)
	g.Handle("GET /subscriptions/{id}", s.show)
	g.Handle("DELETE /subscriptions/{id}", s.terminate)
}

func (s *Resource) create(w http.ResponseWriter, r *http.Request) error {
	id, err := s.Authorize(r, "subscription.create", "", "")
	if err != nil {
		return err
	}
	var in ifa006.SubscriptionRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := s.check(in.Filter); err != nil {
		return err
	}
	sub, created, err := s.Store.Request(r, Input{
		API: s.API, TrustDomain: id.TrustDomain, Owner: id, CallbackURI: in.CallbackURI, Filter: in.Filter,
		Authentication: in.Authentication, Collection: httpapi.ResourceURI(r, "/subscriptions"),
	})
	if err != nil {
		return err
	}
	if !created {
		return httpapi.SeeOther(w, r, "/subscriptions/"+sub.ID)
	}
	return httpapi.Created(w, r, "/subscriptions/"+sub.ID, shown(&sub))
}

// check refuses what a filter can never match, so that nobody waits for it.
func (s *Resource) check(f *ifa006.Filter) error {
	if f == nil {
		return nil
	}
	types := []string{ifa006.NotificationType, ifa006.AlarmType, ifa006.AlarmClearedType}
	changes := []string{
		ifa006.ChangeCreated, ifa006.ChangeDeleted, ifa006.ChangeMigrated, ifa006.ChangeOperated, ifa006.ChangeScaled, ifa006.ChangeRestored,
		ifa006.ChangeState, ifa006.ChangeIntegrity, ifa006.ChangeContent, ifa006.ChangeErased, ifa006.FaultRaised, ifa006.FaultCleared,
	}
	for _, x := range []struct {
		name           string
		given, allowed []string
	}{
		{"notificationTypes", f.NotificationTypes, types}, {"resourceTypes", f.ResourceTypes, s.Families}, {"changeTypes", f.ChangeTypes, changes},
	} {
		for _, v := range x.given {
			if !slices.Contains(x.allowed, v) {
				return hub.E(hub.Unprocessable, "subscribe", fmt.Sprintf("filter: %s %.60q is none of %v", x.name, v, x.allowed), nil)
			}
		}
	}
	return nil
}

func shown(s *notify.Subscription) *ifa006.Subscription {
	out := &ifa006.Subscription{ID: s.ID, CallbackURI: s.CallbackURI, Self: s.Self}
	var f *ifa006.Filter
	if json.Unmarshal(s.Filter, &f) == nil {
		out.Filter = f
	}
	return out
}

// mine says whether a consumer may know of a subscription: it sees its own, and
// the hub's own functions and operators see all.
func mine(id hub.Identity, s *notify.Subscription) bool {
	return id.TrustDomain == "hub" || s.Owner == id.String()
}

func (s *Resource) list(w http.ResponseWriter, r *http.Request) error {
	id, err := s.Authorize(r, "subscription.query", "", "")
	if err != nil {
		return err
	}
	visible := func(sub *notify.Subscription) bool { return mine(id, sub) }
	return httpapi.List(w, r, httpapi.ListOptions{}, s.Store.List(s.API, visible, func(sub *notify.Subscription) any { return shown(sub) }))
}

// find authorises an operation about one subscription and returns it.
func (s *Resource) find(r *http.Request, operation string) (notify.Subscription, error) {
	subID := r.PathValue("id")
	sub, err := s.Store.Subscription(r.Context(), s.API, subID)
	missing := hub.CodeOf(err) == hub.NotFound
	if err != nil && !missing {
		return sub, err
	}
	id, err := s.Authorize(r, operation, sub.TrustDomain, subID)
	if err != nil {
		return sub, err
	}
	if missing || !mine(id, &sub) {
		return sub, hub.E(hub.NotFound, "find subscription", fmt.Sprintf("there is no subscription %.140s; list your subscriptions", subID), nil)
	}
	return sub, nil
}

func (s *Resource) show(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.find(r, "subscription.query")
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, shown(&sub))
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
