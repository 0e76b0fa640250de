package indicators

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// The types of notifications (SOL 003 clause 8.5.2).
const (
	TypeValue     = "VnfIndicatorValueChangeNotification"
	TypeSupported = "SupportedIndicatorsChangeNotification"
)

// tellWaiting publishes what an earlier write left to be told.
func (l *List) tellWaiting(ctx context.Context, id string) error {
	e, err := l.kept.Get(ctx, id)
	if err == nil {
		err = l.tell(ctx, e)
	}
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// tell publishes the events that wait in what is stored of a VNF, in order, and takes
// them out of it.
func (l *List) tell(ctx context.Context, e state.Entry[told]) error {
	if len(e.Value.Pending) == 0 {
		return nil
	}
	done := map[string]bool{}
	for _, p := range e.Value.Pending {
		err := l.c.Publish(ctx, notify.Event{ID: p.ID, API: API, TrustDomain: e.Domain, Key: e.ID, Render: func(s *notify.Subscription, id string) (any, bool) {
			return l.render(e.ID, &e.Value, &p, s, id)
		}})
		if err != nil {
			return fmt.Errorf("publish %s of VNF %s: %w", p.Type, e.ID, err)
		}
		done[p.ID] = true
	}
	_, err := l.kept.Update(ctx, e.ID, func(t *told) error {
		t.Pending = slices.DeleteFunc(t.Pending, func(p event) bool { return done[p.ID] })
		return nil
	})
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("note that the events of VNF %s are told: %w", e.ID, err)
	}
	return nil
}

// render makes the notification for one subscription, if its filter matches. Links
// begin with the {apiRoot} under which the subscriber reached us.
func (l *List) render(vnf string, t *told, e *event, s *notify.Subscription, notificationID string) (any, bool) {
	if !l.matches(s.Filter, t, e) {
		return nil, false
	}
	root, _, _ := strings.Cut(s.Self, path+"/")
	links := sol003.VnfIndicatorNotificationLinks{
		VnfInstance: sol003.NotificationLink{Href: root + instances + vnf}, Subscription: sol003.NotificationLink{Href: s.Self},
	}
	if e.Type == TypeSupported {
		return &sol003.SupportedIndicatorsChangeNotification{
			ID: notificationID, NotificationType: e.Type, SubscriptionID: s.ID, TimeStamp: e.At, VnfInstanceID: vnf,
			SupportedIndicators: t.supported(), Links: links,
		}, true
	}
	return &sol003.VnfIndicatorValueChangeNotification{
		ID: notificationID, NotificationType: e.Type, SubscriptionID: s.ID, TimeStamp: e.At, VnfIndicatorID: e.Indicator, Name: t.name(e.Indicator),
		Value: t.Values[e.Indicator].Value, VnfInstanceID: vnf, Links: links,
	}, true
}

// matches evaluates a subscription's filter (clause 8.5.3). That a VNF has other
// indicators concerns who asked for one of those that it has now.
func (l *List) matches(filter []byte, t *told, e *event) bool {
	if len(filter) == 0 {
		return true
	}
	var f sol003.VnfIndicatorNotificationsFilter
	if json.Unmarshal(filter, &f) != nil {
		return false // was checked when it was taken; one of a newer version narrows to nothing
	}
	about := len(f.IndicatorIDs) == 0 || slices.Contains(f.IndicatorIDs, e.Indicator) ||
		e.Type == TypeSupported && slices.ContainsFunc(t.supported(), func(x sol003.SupportedIndicator) bool { return slices.Contains(f.IndicatorIDs, x.VnfIndicatorID) })
	return about && notify.Matches(f.NotificationTypes, e.Type) && l.c.Concerns(f.VnfInstanceSubscriptionFilter, t.Subject)
}
