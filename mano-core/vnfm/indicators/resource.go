package indicators

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// Paths below {apiRoot}.
const (
	path      = "/vnfind/v1"
	instances = "/vnflcm/v2/vnf_instances/"
)

// Resource serves the indicators and the subscriptions to them (SOL 003 clause 8.4, SOL
// 002 clause 8.4). All fields are needed. What a caller may not see answers exactly as
// what does not exist.
type Resource struct {
	List          *List
	Subscriptions notify.Store
	// Authorize says who sent a request and whether it may do this to what is of a
	// trust domain; an empty targetDomain is the caller's own. target is for the
	// record of a refusal. The operations are indicator.query and
	// indicator-subscription.create, .query and .terminate.
	Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
}

// Routes adds the resources to the API's group.
func (x *Resource) Routes(g *httpapi.Group) {
	g.Handle("GET /indicators", x.list)
	g.Handle("GET /indicators/{vnfInstanceId}", x.listOf)
	g.Handle("GET /indicators/{vnfInstanceId}/{indicatorId}", x.show)
	subscriptions := &notify.Resource{
		API: API, Store: x.Subscriptions,
		Authorize: func(r *http.Request, operation, domain, target string) (hub.Identity, error) {
			return x.Authorize(r, "indicator-"+operation, domain, target)
		},
		SeesAll: func(who hub.Identity) bool { return who.TrustDomain == "hub" && who.Kind == hub.KindOperator },
		Decode:  decode, Show: showSubscription,
	}
	subscriptions.Routes(g)
}

const query = "indicator.query"

func (x *Resource) list(w http.ResponseWriter, r *http.Request) error {
	who, err := x.Authorize(r, query, "", "")
	if err != nil {
		return err
	}
	visible := func(domain string) bool { return who.TrustDomain == "hub" || who.TrustDomain == domain }
	vnfs := httpapi.AskedFor(r, "vnfInstanceId")
	return x.page(w, r, func(after string) iter.Seq2[state.Entry[told], error] {
		return x.List.vnfs(r.Context(), visible, vnfs, after)
	})
}

func (x *Resource) listOf(w http.ResponseWriter, r *http.Request) error {
	vnf, err := x.find(r)
	if err != nil {
		return err
	}
	return x.page(w, r, func(after string) iter.Seq2[state.Entry[told], error] {
		return x.List.vnfs(r.Context(), func(string) bool { return true }, []string{vnf}, after)
	})
}

// page answers with the indicators of the VNFs that come from an ID on.
func (x *Resource) page(w http.ResponseWriter, r *http.Request, vnfs func(from string) iter.Seq2[state.Entry[told], error]) error {
	return httpapi.List(w, r, httpapi.ListOptions{Required: []string{"_links"}}, func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			vnf, _, _ := strings.Cut(after, between)
			for e, err := range vnfs(vnf) {
				if err != nil {
					yield(httpapi.Item{}, err)
					return
				}
				for _, id := range slices.Sorted(maps.Keys(e.Value.Values)) {
					key := e.ID + between + id
					if key > after && !yield(httpapi.Item{Key: key, Value: x.view(r, &e, id)}, nil) {
						return
					}
				}
			}
		}
	})
}

// between stands between the VNF and the indicator in the key of an item. It is in no
// ID, and sorts before what is.
const between = "\x00"

// vnfs yields what is stored of VNFs from an ID on, in order: of some, or, with nil, of
// all.
func (l *List) vnfs(ctx context.Context, visible func(domain string) bool, ids []string, from string) iter.Seq2[state.Entry[told], error] {
	if ids != nil {
		return l.kept.Among(ctx, visible, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id < from }))
	}
	return func(yield func(state.Entry[told], error) bool) {
		first := []string{from}
		if from == "" {
			first = nil
		}
		for _, part := range []iter.Seq2[state.Entry[told], error]{l.kept.Among(ctx, visible, first), l.kept.List(ctx, visible, from)} {
			for e, err := range part {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// find returns the VNF instance of the path, if the caller may see its indicators. One
// that tells none has an empty list.
func (x *Resource) find(r *http.Request) (string, error) {
	id := r.PathValue("vnfInstanceId")
	v, found := x.List.c.VNF(r.Context(), id)
	_, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return x.Authorize(r, query, domain, "vnf/"+id)
	}, v.Domain, found, hub.E(hub.NotFound, "find VNF instance", "there is no such VNF instance; list the indicators with GET /indicators", nil))
	return id, err
}

func (x *Resource) show(w http.ResponseWriter, r *http.Request) error {
	vnf, err := x.find(r)
	if err != nil {
		return err
	}
	id := r.PathValue("indicatorId")
	e, err := x.List.kept.Get(r.Context(), vnf)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("read the indicators of VNF %s: %w", vnf, err)
	}
	if _, ok := e.Value.Values[id]; !ok {
		return hub.E(hub.NotFound, "find indicator", "the VNF instance has told no such indicator; list those that it has with GET /indicators/{vnfInstanceId}", nil)
	}
	return httpapi.Write(w, http.StatusOK, x.view(r, &e, id))
}

// view is an indicator as its reader is shown it.
func (x *Resource) view(r *http.Request, e *state.Entry[told], id string) sol003.VnfIndicator {
	v := e.Value.Values[id]
	return sol003.VnfIndicator{
		ID: id, Name: e.Value.name(id), Value: v.Value, VnfInstanceID: e.ID,
		Links: sol003.VnfIndicatorLinks{
			Self:        sol003.Link{Href: httpapi.ResourceURI(r, "/indicators/"+e.ID+"/"+url.PathEscape(id))},
			VnfInstance: sol003.Link{Href: httpapi.URI(r, instances+e.ID)},
		},
		ChangedAt: &v.Changed, ReadAt: x.List.readTime(e.ID, id),
	}
}

// decode reads and checks a request for a subscription. A type of notification that
// there is not is refused, since such a subscription would be silent.
func decode(r *http.Request) (notify.Input, error) {
	var in sol003.VnfIndicatorSubscriptionRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return notify.Input{}, err
	}
	out := notify.Input{CallbackURI: in.CallbackURI, Authentication: in.Authentication}
	if in.Filter == nil {
		return out, nil
	}
	for _, kind := range in.Filter.NotificationTypes {
		if kind != TypeValue && kind != TypeSupported {
			return out, hub.E(hub.Invalid, "subscribe", fmt.Sprintf("filter/notificationTypes has %.80q; known are: %s and %s", kind, TypeValue, TypeSupported), nil)
		}
	}
	out.Filter = in.Filter
	return out, nil
}

func showSubscription(s *notify.Subscription) any {
	out := sol003.VnfIndicatorSubscription{ID: s.ID, Filter: notify.FilterOf[sol003.VnfIndicatorNotificationsFilter](s), CallbackURI: s.CallbackURI}
	out.Links.Self.Href = s.Self
	return out
}
