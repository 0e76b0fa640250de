package faults

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/state"
)

// Resource serves an alarm list and the subscriptions to it. All fields but Escalates
// and MayChange are needed. What a caller may not see answers exactly as what does not exist.
type Resource struct {
	List          *List
	Subscriptions notify.Store
	// Authorize says who sent a request and whether it may do this to what is of a
	// trust domain; an empty targetDomain is the caller's own. target is for the
	// record of a refusal. The operations are alarm.query, alarm.acknowledge,
	// alarm.escalate and alarm-subscription.create, .query and .terminate.
	Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	// Filter reads the part of a subscription's filter that the API adds to
	// sol.AlarmFilter into its own type, whose spelling is then checked; it returns a
	// new pointer to that type.
	Filter    func() any
	Escalates bool // serves the escalation of SOL 002
	// MayChange refuses a change that Authorize lets pass, by whose the managed object
	// is; nil refuses none.
	MayChange func(r *http.Request, who hub.Identity, operation string, e state.Entry[Alarm]) error
}

// Routes adds the resources to the API's group.
func (x *Resource) Routes(g *httpapi.Group) {
	g.Handle("GET /alarms", x.list)
	g.Handle("GET /alarms/{id}", x.show)
	g.Handle("PATCH /alarms/{id}", x.acknowledge)
	if x.Escalates {
		g.Handle("POST /alarms/{id}/escalate", x.escalate)
	}
	subscriptions := &notify.Resource{
		API: x.List.c.API, Store: x.Subscriptions,
		Authorize: func(r *http.Request, operation, domain, target string) (hub.Identity, error) {
			return x.Authorize(r, "alarm-"+operation, domain, target)
		},
		SeesAll: func(who hub.Identity) bool { return who.TrustDomain == "hub" && who.Kind == hub.KindOperator },
		Decode:  x.decode, Show: showSubscription,
	}
	subscriptions.Routes(g)
}

// view is an alarm as its reader is shown it.
func (x *Resource) view(r *http.Request, e state.Entry[Alarm]) any {
	c := &x.List.c
	info := e.Value.info(e.ID, httpapi.ResourceURI(r, "/alarms/"+e.ID), httpapi.URI(r, c.Objects+e.Value.Object))
	return c.Show(info, &e.Value)
}

func (x *Resource) list(w http.ResponseWriter, r *http.Request) error {
	who, err := x.Authorize(r, "alarm.query", "", "")
	if err != nil {
		return err
	}
	visible := func(domain string) bool { return who.TrustDomain == "hub" || who.TrustDomain == domain }
	objects := httpapi.AskedFor(r, "managedObjectId")
	if vnf := who.VNFInstance(); vnf != "" {
		objects = []string{vnf}
	}
	return httpapi.List(w, r, httpapi.ListOptions{Required: []string{"_links"}}, func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for e, err := range x.List.Alarms(r.Context(), visible, objects, after) {
				item := httpapi.Item{}
				if err == nil {
					item = httpapi.Item{Key: e.ID, Value: x.view(r, e)}
				}
				if !yield(item, err) {
					return
				}
			}
		}
	})
}

// find returns the alarm of the path, if the caller may do the operation to it, and
// who that is.
func (x *Resource) find(r *http.Request, operation string) (e state.Entry[Alarm], who hub.Identity, err error) {
	id := r.PathValue("id")
	e, found := x.List.Alarm(r.Context(), id)
	if code := hub.CodeOf(found); code != "" && code != hub.NotFound {
		return e, who, found
	}
	missing := hub.E(hub.NotFound, "find alarm", "there is no such alarm; list them with GET /alarms", nil)
	who, err = httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return x.Authorize(r, operation, domain, "alarm/"+id)
	}, e.Domain, found, missing)
	if err == nil && !who.MayKnow(e.Value.Object) {
		return e, who, x.another(r, operation, e.Domain, id, missing)
	}
	if err == nil && operation != "alarm.query" && x.MayChange != nil {
		err = x.MayChange(r, who, operation, e)
	}
	return e, who, err
}

// another has the attempt recorded of a VNF at an alarm that is not its own, and answers
// as if there were none: no row of the decision table allows what is asked about then.
func (x *Resource) another(r *http.Request, operation, domain, id string, missing error) error {
	if _, err := x.Authorize(r, operation+":of-another", domain, "alarm/"+id); err != nil && hub.CodeOf(err) != hub.Denied {
		return err
	}
	return missing
}

func (x *Resource) show(w http.ResponseWriter, r *http.Request) error {
	e, _, err := x.find(r, "alarm.query")
	if err != nil {
		return err
	}
	view := x.view(r, e)
	tag, err := httpapi.ETag(view)
	if err != nil {
		return err
	}
	return httpapi.WriteTagged(w, r, tag, view)
}

func (x *Resource) acknowledge(w http.ResponseWriter, r *http.Request) error {
	e, who, err := x.find(r, "alarm.acknowledge")
	if err != nil {
		return err
	}
	patch, err := httpapi.DecodePatch(r)
	if err != nil {
		return err
	}
	to, err := httpapi.ApplyPatch(sol.AlarmModifications{}, patch, httpapi.PatchRules{Allowed: []string{"ackState"}})
	if err != nil {
		return err
	}
	if to.AckState != sol.Acknowledged && to.AckState != sol.Unacknowledged {
		return hub.E(hub.Invalid, "acknowledge alarm", fmt.Sprintf("ackState %.40q is neither ACKNOWLEDGED nor UNACKNOWLEDGED", to.AckState), nil)
	}
	err = x.List.Acknowledge(r.Context(), who, e.ID, to.AckState, func(now state.Entry[Alarm]) error {
		tag, err := httpapi.ETag(x.view(r, now))
		if err != nil {
			return err
		}
		return httpapi.CheckMatch(r, tag)
	})
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, to)
}

func (x *Resource) escalate(w http.ResponseWriter, r *http.Request) error {
	e, who, err := x.find(r, "alarm.escalate")
	if err != nil {
		return err
	}
	var in sol.PerceivedSeverityRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if !slices.Contains(severities[:], in.ProposedPerceivedSeverity) {
		return hub.E(hub.Invalid, "escalate alarm", fmt.Sprintf("proposedPerceivedSeverity %.40q is none of %v", in.ProposedPerceivedSeverity, severities), nil)
	}
	if err := x.List.Escalate(r.Context(), who, e.ID, in.ProposedPerceivedSeverity); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// decode reads and checks a request for a subscription. The filter is kept as it
// came: values that no alarm has are refused, since such a subscription would be
// silent.
func (x *Resource) decode(r *http.Request) (notify.Input, error) {
	var in sol.FmSubscriptionRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return notify.Input{}, err
	}
	out := notify.Input{CallbackURI: in.CallbackURI, Authentication: in.Authentication}
	if len(in.Filter) == 0 || string(in.Filter) == "null" {
		return out, nil
	}
	own := x.Filter()
	var f sol.AlarmFilter
	for _, into := range []any{own, &f} {
		if err := json.Unmarshal(in.Filter, into); err != nil {
			return out, hub.E(hub.Invalid, "subscribe", "filter is no FmNotificationsFilter: an attribute is not of the type that the specification gives it", err)
		}
	}
	out.Filter = own
	return out, checkFilter(&f)
}

func checkFilter(f *sol.AlarmFilter) error {
	for _, err := range []error{
		check("notificationTypes", f.NotificationTypes, typeRaised, typeCleared, typeRebuilt),
		check("faultyResourceTypes", f.FaultyResourceTypes, sol.FaultyCompute, sol.FaultyStorage, sol.FaultyNetwork),
		check("perceivedSeverities", f.PerceivedSeverities, append(slices.Clone(severities[:]), sol.SeverityCleared)...),
		check("eventTypes", f.EventTypes, sol.EventCommunications, sol.EventProcessingError, sol.EventEnvironmental, sol.EventQos, sol.EventEquipment),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func check[T ~string](attribute string, list []T, words ...T) error {
	for _, v := range list {
		if !slices.Contains(words, v) {
			return hub.E(hub.Invalid, "subscribe", fmt.Sprintf("filter/%s has %.80q; known are: %v", attribute, v, words), nil)
		}
	}
	return nil
}

func showSubscription(s *notify.Subscription) any {
	out := sol.FmSubscription{ID: s.ID, Filter: s.Filter, CallbackURI: s.CallbackURI}
	out.Links.Self.Href = s.Self
	return out
}
