package vnfmapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/mano-core/vnfm"
)

const whatSubscription = "subscription"

// seen says which subscriptions a caller may know of: its own, and an operator of
// the hub all.
func seen(who hub.Identity) func(*notify.Subscription) bool {
	return func(s *notify.Subscription) bool {
		return s.Owner == who.String() || who.TrustDomain == "hub" && who.Kind == hub.KindOperator
	}
}

func (a *API) listSubscriptions(w http.ResponseWriter, r *http.Request) error {
	who, err := a.Authorize(r, "subscription.query", "", "")
	if err != nil {
		return err
	}
	source := a.Subscriptions.List(vnfm.API, seen(who), func(s *notify.Subscription) any { return showSubscription(s, root(r)) })
	return httpapi.List(w, r, httpapi.ListOptions{Required: []string{"_links"}}, source)
}

func (a *API) subscribe(w http.ResponseWriter, r *http.Request) error {
	who, err := a.Authorize(r, "subscription.create", "", "")
	if err != nil {
		return err
	}
	var in sol003.LccnSubscriptionRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := checkSubscription(&in); err != nil {
		return err
	}
	request := SubscriptionInput{
		API: vnfm.API, TrustDomain: who.TrustDomain, Owner: who, CallbackURI: in.CallbackURI, Verbosity: string(in.Verbosity),
		Collection: httpapi.ResourceURI(r, "/subscriptions"),
	}
	// A nil pointer in an interface would not be nil.
	if in.Filter != nil {
		request.Filter = in.Filter
	}
	if in.Authentication != nil {
		request.Authentication = in.Authentication
	}
	s, created, err := a.Subscriptions.Request(r, request)
	if err != nil {
		return err
	}
	if !created {
		return httpapi.SeeOther(w, r, "/subscriptions/"+s.ID)
	}
	return httpapi.Created(w, r, "/subscriptions/"+s.ID, showSubscription(&s, root(r)))
}

// checkSubscription refuses values that no notification has: such a subscription
// would be silent.
func checkSubscription(in *sol003.LccnSubscriptionRequest) error {
	switch in.Verbosity {
	case "":
		in.Verbosity = sol003.LcmOpOccNotificationVerbosityFull
	case sol003.LcmOpOccNotificationVerbosityFull, sol003.LcmOpOccNotificationVerbosityShort:
	default:
		return badSubscription("verbosity %q is neither FULL nor SHORT", in.Verbosity)
	}
	f := in.Filter
	if f == nil {
		return nil
	}
	for _, t := range f.NotificationTypes {
		if !slices.Contains(vnfm.NotificationTypes(), t) {
			return badSubscription("filter/notificationTypes: %.80q is no notification of this API; it has %v", t, vnfm.NotificationTypes())
		}
	}
	for _, t := range f.OperationTypes {
		if !slices.Contains(operations(), t) {
			return badSubscription("filter/operationTypes: %.80q is no operation; it is one of %v", t, operations())
		}
	}
	for _, t := range f.OperationStates {
		if !slices.Contains(states(), t) {
			return badSubscription("filter/operationStates: %.80q is no state; it is one of %v", t, states())
		}
	}
	return nil
}

func badSubscription(format string, a ...any) error {
	return hub.E(hub.Invalid, "subscribe", fmt.Sprintf(format, a...), nil)
}

func operations() []sol003.LcmOperationType {
	return []sol003.LcmOperationType{
		sol003.LcmOperationInstantiate, sol003.LcmOperationScale, sol003.LcmOperationScaleToLevel, sol003.LcmOperationChangeFlavour,
		sol003.LcmOperationTerminate, sol003.LcmOperationHeal, sol003.LcmOperationOperate, sol003.LcmOperationChangeExtConn,
		sol003.LcmOperationModifyInfo, sol003.LcmOperationCreateSnapshot, sol003.LcmOperationRevertToSnapshot, sol003.LcmOperationChangeVnfpkg,
	}
}

func states() []sol003.LcmOperationStateType {
	return []sol003.LcmOperationStateType{
		sol003.LcmOperationStateStarting, sol003.LcmOperationStateProcessing, sol003.LcmOperationStateCompleted, sol003.LcmOperationStateFailedTemp,
		sol003.LcmOperationStateFailed, sol003.LcmOperationStateRollingBack, sol003.LcmOperationStateRolledBack,
	}
}

// findSubscription returns the subscription of the path if it is the caller's.
func (a *API) findSubscription(r *http.Request, operation string) (notify.Subscription, error) {
	s, found := a.Subscriptions.Subscription(r.Context(), vnfm.API, r.PathValue("id"))
	who, err := a.authorize(r, operation, whatSubscription, s.TrustDomain, found)
	if err == nil && !seen(who)(&s) {
		_, err = a.authorize(r, operation, whatSubscription, "", hub.E(hub.NotFound, operation, "it is another consumer's", nil))
	}
	return s, err
}

func (a *API) showSubscription(w http.ResponseWriter, r *http.Request) error {
	s, err := a.findSubscription(r, "subscription.query")
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, showSubscription(&s, root(r)))
}

func (a *API) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	s, err := a.findSubscription(r, "subscription.terminate")
	if err != nil {
		return err
	}
	if err := a.Subscriptions.Unsubscribe(r.Context(), vnfm.API, s.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func showSubscription(s *notify.Subscription, root string) sol003.LccnSubscription {
	out := sol003.LccnSubscription{ID: s.ID, CallbackURI: s.CallbackURI, Verbosity: sol003.LcmOpOccNotificationVerbosityType(s.Verbosity)}
	out.Links.Self.Href = root + "/subscriptions/" + s.ID
	var f *sol003.LifecycleChangeNotificationsFilter
	// What is stored was checked when it came in; absent or null, there is none.
	if json.Unmarshal(s.Filter, &f) == nil {
		out.Filter = f
	}
	return out
}
