package scor

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// AttemptNotificationType is the type of the notification of an unauthorized
// attempt. No ETSI type says this (IFA 033 gives NsLcm.003 no operation), so its
// name is marked as ours; it may stand in a filter's notificationTypes.
const AttemptNotificationType = "manoward.UnauthorizedAttemptNotification"

// AttemptNotification tells a Security Manager that somebody tried to change a
// VNF, a package or an NS of its trust domain and was not allowed to
// (docs/extensions/unauthorized-attempt.md).
type AttemptNotification struct {
	ID               string       `json:"id"`
	NotificationType string       `json:"notificationType"`
	SubscriptionID   string       `json:"subscriptionId"`
	Timestamp        time.Time    `json:"timestamp"`
	Attempt          Attempt      `json:"attempt"`
	Links            AttemptLinks `json:"_links"`
}

// AttemptLinks leads to the subscription.
type AttemptLinks struct {
	Subscription sol005.NotificationLink `json:"subscription"`
}

// Attempt is what was tried.
type Attempt struct {
	RecordID  string    `json:"recordId"` // in the records of the trust domain
	Time      time.Time `json:"time"`     // of the newest attempt of this kind
	Actor     string    `json:"actor"`    // identity, or "nobody" when none was proven
	Presented string    `json:"presented,omitempty"`
	Operation string    `json:"operation"`
	Target    string    `json:"target"`
	Reason    string    `json:"reason"`
	Count     int       `json:"count"` // attempts of this kind that this notification stands for
}

// refusedKinds are the records of refused attempts, with the operation that each
// stands for when it names none.
var refusedKinds = map[string]string{
	"access.refused":  "",
	"package.refused": "package.upload",
	"grant.refused":   "grant.request",
}

// attempt reads a record of a trust domain as an attempt to change something of
// it; false when it is none.
func attempt(domain string, rec hub.Record) (Attempt, bool, error) {
	operation, refused := refusedKinds[rec.Kind]
	if !refused {
		return Attempt{}, false, nil
	}
	a := Attempt{Operation: operation, Target: rec.Subject, Count: 1}
	aimed := struct {
		TargetDomain string `json:"targetDomain"`
	}{domain}
	if err := errors.Join(json.Unmarshal(rec.Data, &a), json.Unmarshal(rec.Data, &aimed)); err != nil {
		return Attempt{}, false, fmt.Errorf("read record %s: %w", rec.ID, err)
	}
	if aimed.TargetDomain != domain {
		return Attempt{}, false, nil // at another domain, whose own log has it too
	}
	if rec.Kind == "grant.refused" && a.Operation != refusedKinds[rec.Kind] { // it names what the grant was asked for
		a.Operation = refusedKinds[rec.Kind] + ":" + a.Operation
	}
	a.RecordID, a.Time, a.Actor = rec.ID, rec.Time, rec.Actor
	return a, changes(a.Operation), nil
}

// changes says whether an operation would change something. What only looks,
// and what has no operation because it failed before one was asked for, is no
// attempt to change a VNF.
func changes(operation string) bool {
	if operation == "" {
		return false
	}
	_, verb, _ := strings.Cut(operation, ".")
	return verb != "query" && verb != "read" && verb != "receive" && !strings.HasPrefix(operation, "telemetry.") && !strings.HasPrefix(operation, "subscription.") &&
		operation != "notification.deliver"
}

// event makes the notification of an attempt for every Security Manager of the
// trust domain that subscribed to it. Others, such as an OSS, are not told who
// attacks.
func (a Attempt) event(domain string) notify.Event {
	return notify.Event{
		ID: "attempt/" + a.RecordID, API: "nslcm", TrustDomain: domain,
		Render: func(s *notify.Subscription, id string) (any, bool) {
			owner, err := hub.ParseIdentity(s.Owner)
			if err != nil || owner.Kind != hub.KindSM || owner.TrustDomain != domain || !wantsAttempts(s) {
				return nil, false
			}
			return AttemptNotification{
				ID: id, NotificationType: AttemptNotificationType, SubscriptionID: s.ID, Timestamp: a.Time, Attempt: a,
				Links: AttemptLinks{Subscription: sol005.NotificationLink{Href: s.Self}},
			}, true
		},
	}
}

// wantsAttempts says whether a subscription's filter lets attempts through: it
// names no notification types, or this one. The filter's other parts speak of
// NS instances, which an attempt need not have.
func wantsAttempts(s *notify.Subscription) bool {
	if len(s.Filter) == 0 {
		return true
	}
	var f sol005.LifecycleChangeNotificationsFilter
	if err := json.Unmarshal(s.Filter, &f); err != nil {
		return false
	}
	return len(f.NotificationTypes) == 0 || slices.Contains(f.NotificationTypes, AttemptNotificationType)
}
