// Package subscribe is what the subscriptions of the two APIs of the VIM have in
// common: ifa006.SubscriptionRequest in, ifa006.Subscription out. package notify
// serves them.
package subscribe

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
)

// Decode returns what reads and checks the request of a POST, for a
// [notify.Resource]. A filter may name resources of these families, and beside the
// notifications that both APIs have those of the other types.
func Decode(others []string, families ...string) func(r *http.Request) (notify.Input, error) {
	return func(r *http.Request) (notify.Input, error) {
		var in ifa006.SubscriptionRequest
		if err := httpapi.DecodeLenient(r, &in); err != nil {
			return notify.Input{}, err
		}
		if err := check(in.Filter, others, families); err != nil {
			return notify.Input{}, err
		}
		return notify.Input{CallbackURI: in.CallbackURI, Filter: in.Filter, Authentication: in.Authentication}, nil
	}
}

// check refuses what a filter can never match, so that nobody waits for it.
func check(f *ifa006.Filter, others, families []string) error {
	if f == nil {
		return nil
	}
	types := append([]string{ifa006.NotificationType, ifa006.AlarmType, ifa006.AlarmClearedType}, others...)
	changes := []string{
		ifa006.ChangeCreated, ifa006.ChangeDeleted, ifa006.ChangeMigrated, ifa006.ChangeOperated, ifa006.ChangeScaled, ifa006.ChangeRestored,
		ifa006.ChangeState, ifa006.ChangeIntegrity, ifa006.ChangeContent, ifa006.ChangeErased, ifa006.FaultRaised, ifa006.FaultCleared,
	}
	for _, x := range []struct {
		name           string
		given, allowed []string
	}{
		{"notificationTypes", f.NotificationTypes, types}, {"resourceTypes", f.ResourceTypes, families}, {"changeTypes", f.ChangeTypes, changes},
	} {
		for _, v := range x.given {
			if !slices.Contains(x.allowed, v) {
				return hub.E(hub.Unprocessable, "subscribe", fmt.Sprintf("filter: %s %.60q is none of %v", x.name, v, x.allowed), nil)
			}
		}
	}
	return nil
}

// Show returns a subscription as the VIM shows it.
func Show(s *notify.Subscription) any {
	return &ifa006.Subscription{ID: s.ID, CallbackURI: s.CallbackURI, Filter: notify.FilterOf[ifa006.Filter](s), Self: s.Self}
}

// SeesAll says who sees the subscriptions of all: the hub's own functions and
// operators.
func SeesAll(caller hub.Identity) bool { return caller.TrustDomain == "hub" }
