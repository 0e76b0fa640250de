package nfvoapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// apiName is the API whose subscriptions these are.
const apiName = "nslcm"

// Subscriptions is the outbox's list of them.
type Subscriptions interface {
	Subscription(ctx context.Context, api, id string) (notify.Subscription, error)
	List(api string, visible func(*notify.Subscription) bool, show func(*notify.Subscription) any) httpapi.Source
	Unsubscribe(ctx context.Context, api, id string) error
}

// shown is a subscription as SOL 005 shows it.
func shown(s *notify.Subscription) sol005.LccnSubscription {
	out := sol005.LccnSubscription{
		ID: s.ID, CallbackURI: s.CallbackURI, Verbosity: sol005.LcmOpOccNotificationVerbosityType(s.Verbosity),
		Links: sol005.SelfLinks{Self: sol005.Link{Href: s.Self}},
	}
	if len(s.Filter) > 0 {
		var f *sol005.LifecycleChangeNotificationsFilter
		if json.Unmarshal(s.Filter, &f) == nil { // was checked when it was taken
			out.Filter = f
		}
	}
	return out
}

func (a *API) subscribe(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "subscription.create", "", "")
	if err != nil {
		return err
	}
	var in sol005.LccnSubscriptionRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := CheckSubscription(&in); err != nil {
		return err
	}
	s, created, err := a.Subscribe(r, caller, in)
	if err != nil {
		return err
	}
	if !created {
		return httpapi.SeeOther(w, r, "/subscriptions/"+s.ID)
	}
	return httpapi.Created(w, r, "/subscriptions/"+s.ID, shown(&s))
}

// CheckSubscription refuses a subscription whose words are unknown: it would
// never be told of anything. It sets the default verbosity.
func CheckSubscription(in *sol005.LccnSubscriptionRequest) error {
	if in.CallbackURI == "" {
		return hub.E(hub.Invalid, "subscribe", "the attribute callbackUri is missing; say where notifications go", nil)
	}
	switch in.Verbosity {
	case "":
		in.Verbosity = sol005.LcmOpOccNotificationVerbosityFull
	case sol005.LcmOpOccNotificationVerbosityFull, sol005.LcmOpOccNotificationVerbosityShort:
	default:
		return hub.E(hub.Invalid, "subscribe", "the attribute verbosity must be FULL or SHORT", nil)
	}
	f := in.Filter
	if f == nil {
		return nil
	}
	for _, check := range []error{
		known("notificationTypes", f.NotificationTypes, []string{
			"NsLcmOperationOccurrenceNotification", "NsLcmOperationOccurenceNotification", "NsIdentifierCreationNotification",
			"NsIdentifierDeletionNotification", "NsChangeNotification", "NsLcmCapacityShortageNotification",
			"manoward.UnauthorizedAttemptNotification", // of Security Managers only, see docs/extensions
		}),
		known("operationTypes", f.OperationTypes, []sol005.NsLcmOpType{
			sol005.NsLcmOpInstantiate, sol005.NsLcmOpScale, sol005.NsLcmOpUpdate, sol005.NsLcmOpTerminate, sol005.NsLcmOpHeal,
		}),
		known("operationStates", f.OperationStates, []sol005.NsLcmOperationStateType{
			sol005.NsLcmOperationStateProcessing, sol005.NsLcmOperationStateCompleted, sol005.NsLcmOperationStatePartiallyCompleted,
			sol005.NsLcmOperationStateFailedTemp, sol005.NsLcmOperationStateFailed, sol005.NsLcmOperationStateRollingBack, sol005.NsLcmOperationStateRolledBack,
		}),
		known("nsComponentTypes", f.NsComponentTypes, []sol005.NsComponentType{sol005.NsComponentVnf, sol005.NsComponentPnf, sol005.NsComponentNs}),
		known("lcmOpOccStatusImpactingNsComponent", f.LcmOpOccStatusImpactingNsComponent, []sol005.LcmOpOccStatusForChangeNotificationType{
			sol005.ChangeStart, sol005.ChangeCompleted, sol005.ChangePartiallyCompleted, sol005.ChangeFailed, sol005.ChangeRolledBack,
		}),
	} {
		if check != nil {
			return check
		}
	}
	return nil
}

func known[T ~string](attribute string, list, words []T) error {
	for _, v := range list {
		if !slices.Contains(words, v) {
			return hub.E(hub.Invalid, "subscribe", fmt.Sprintf("filter/%s has %.80q; known are: %v", attribute, v, words), nil)
		}
	}
	return nil
}

// mine says whether a caller may see a subscription: its own, or any for the hub.
func mine(caller hub.Identity) func(*notify.Subscription) bool {
	return func(s *notify.Subscription) bool { return caller.TrustDomain == "hub" || s.Owner == caller.String() }
}

func (a *API) listSubscriptions(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "subscription.query", "", "")
	if err != nil {
		return err
	}
	return httpapi.List(w, r, httpapi.ListOptions{Required: []string{"_links"}}, a.Subscriptions.List(apiName, mine(caller), func(s *notify.Subscription) any { return shown(s) }))
}

// subscription finds one that the caller may see; every other is not there.
func (a *API) subscription(r *http.Request, operation string) (*notify.Subscription, error) {
	id := r.PathValue("id")
	s, err := a.Subscriptions.Subscription(r.Context(), apiName, id)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return nil, err
	}
	none := notFound("subscription", "/subscriptions")
	caller, refused := a.authorizeOn(r, operation, s.TrustDomain, err == nil, id, none)
	if refused != nil {
		return nil, refused
	}
	if err != nil || !mine(caller)(&s) {
		return nil, none
	}
	return &s, nil
}

func (a *API) showSubscription(w http.ResponseWriter, r *http.Request) error {
	s, err := a.subscription(r, "subscription.query")
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, shown(s))
}

func (a *API) endSubscription(w http.ResponseWriter, r *http.Request) error {
	s, err := a.subscription(r, "subscription.terminate")
	if err != nil {
		return err
	}
	if err := a.Subscriptions.Unsubscribe(r.Context(), apiName, s.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
