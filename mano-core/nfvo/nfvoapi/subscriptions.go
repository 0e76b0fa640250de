package nfvoapi

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// SubscriptionRoutes adds the subscriptions of nslcm/v2: also on Sc-Or.
func (a *API) SubscriptionRoutes(g *httpapi.Group) {
	subscriptions := &notify.Resource{
		API: "nslcm", Store: a.Subscriptions, Authorize: a.Authorize,
		SeesAll: func(caller hub.Identity) bool { return caller.TrustDomain == "hub" },
		Decode:  readSubscription, Show: showSubscription,
	}
	subscriptions.Routes(g)
}

func readSubscription(r *http.Request) (notify.Input, error) {
	var in sol005.LccnSubscriptionRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return notify.Input{}, err
	}
	if err := checkSubscription(&in); err != nil {
		return notify.Input{}, err
	}
	return notify.Input{CallbackURI: in.CallbackURI, Filter: in.Filter, Verbosity: string(in.Verbosity), Authentication: in.Authentication}, nil
}

func showSubscription(s *notify.Subscription) any {
	out := sol005.LccnSubscription{
		ID: s.ID, CallbackURI: s.CallbackURI, Verbosity: sol005.LcmOpOccNotificationVerbosityType(s.Verbosity),
		Filter: notify.FilterOf[sol005.LifecycleChangeNotificationsFilter](s),
	}
	out.Links.Self.Href = s.Self
	return out
}

// checkSubscription refuses a subscription whose words are unknown: it would
// never be told of anything. It sets the default verbosity.
func checkSubscription(in *sol005.LccnSubscriptionRequest) error {
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
