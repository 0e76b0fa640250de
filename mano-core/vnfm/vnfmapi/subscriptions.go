package vnfmapi

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/mano-core/vnfm"
)

func (a *API) subscriptionRoutes(g *httpapi.Group) {
	subscriptions := &notify.Resource{
		API: vnfm.API, Store: a.Subscriptions, Authorize: a.permit,
		SeesAll: func(who hub.Identity) bool { return who.TrustDomain == "hub" && who.Kind == hub.KindOperator },
		Decode:  readSubscription, Show: showSubscription,
	}
	subscriptions.Routes(g)
}

func readSubscription(r *http.Request) (notify.Input, error) {
	var in sol003.LccnSubscriptionRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return notify.Input{}, err
	}
	if err := checkSubscription(&in); err != nil {
		return notify.Input{}, err
	}
	return notify.Input{CallbackURI: in.CallbackURI, Filter: in.Filter, Verbosity: string(in.Verbosity), Authentication: in.Authentication}, nil
}

func showSubscription(s *notify.Subscription) any {
	out := sol003.LccnSubscription{
		ID: s.ID, CallbackURI: s.CallbackURI, Verbosity: sol003.LcmOpOccNotificationVerbosityType(s.Verbosity),
		Filter: notify.FilterOf[sol003.LifecycleChangeNotificationsFilter](s),
	}
	out.Links.Self.Href = s.Self
	return out
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
