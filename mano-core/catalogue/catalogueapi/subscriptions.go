package catalogueapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// routeSubscriptions adds the subscriptions of an API in its own shape.
func (a *API) routeSubscriptions(g *httpapi.Group, api string, decode func(*http.Request) (notify.Input, error), show func(*notify.Subscription) any) {
	subscriptions := &notify.Resource{
		API: api, Store: a.Subscriptions, Authorize: a.Authorize,
		SeesAll: func(caller hub.Identity) bool { return caller.Kind == hub.KindOperator },
		Decode:  decode, Show: show,
	}
	subscriptions.Routes(g)
}

func readPackageSubscription(r *http.Request) (notify.Input, error) {
	var in sol005.PkgmSubscriptionRequest
	err := httpapi.DecodeLenient(r, &in)
	return notify.Input{CallbackURI: in.CallbackURI, Filter: in.Filter, Authentication: in.Authentication}, err
}

func packageSubscription(s *notify.Subscription) any {
	out := sol005.PkgmSubscription{ID: s.ID, CallbackURI: s.CallbackURI, Filter: notify.FilterOf[sol005.PkgmNotificationsFilter](s)}
	out.Links.Self.Href = s.Self
	return out
}

func readNsdSubscription(r *http.Request) (notify.Input, error) {
	var in sol005.NsdmSubscriptionRequest
	err := httpapi.DecodeLenient(r, &in)
	return notify.Input{CallbackURI: in.CallbackURI, Filter: in.Filter, Authentication: in.Authentication}, err
}

func nsdSubscription(s *notify.Subscription) any {
	out := sol005.NsdmSubscription{ID: s.ID, CallbackURI: s.CallbackURI, Filter: notify.FilterOf[sol005.NsdmNotificationsFilter](s)}
	out.Links.Self = &sol005.Link{Href: s.Self}
	return out
}

func readVnfmSubscription(r *http.Request) (notify.Input, error) {
	var in sol003.PkgmSubscriptionRequest
	err := httpapi.DecodeLenient(r, &in)
	return notify.Input{CallbackURI: in.CallbackURI, Filter: in.Filter, Authentication: in.Authentication}, err
}

func vnfmSubscription(s *notify.Subscription) any {
	out := sol003.PkgmSubscription{ID: s.ID, CallbackURI: s.CallbackURI, Filter: notify.FilterOf[sol003.PkgmNotificationsFilter](s)}
	out.Links.Self.Href = s.Self
	return out
}
