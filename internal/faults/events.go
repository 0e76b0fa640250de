package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/state"
)

// The types of notifications (SOL 003 clauses 7.5.2.5 to 7.5.2.7, SOL 005 clauses
// 8.5.2.5 to 8.5.2.7). A list is never rebuilt: what is stored of it is read, or the
// function is not ready. So nobody is sent the third one, but may ask for it.
const (
	typeRaised  = "AlarmNotification"
	typeCleared = "AlarmClearedNotification"
	typeRebuilt = "AlarmListRebuiltNotification"
)

// event is a notification that is to be published, with the alarm as it was then.
type event struct {
	ID    string    `json:"id"`
	Type  string    `json:"type"`
	At    time.Time `json:"at"`
	Alarm Alarm     `json:"alarm"` // without its Pending
}

// note adds the event of what has just happened to an alarm.
func (l *List) note(id string, a *Alarm, kind string) {
	a.Events++
	was := *a
	was.Pending = nil
	a.Pending = append(a.Pending, event{ID: hub.DeriveID("alarm event", id, strconv.Itoa(a.Events)), Type: kind, At: l.now(), Alarm: was})
}

// announce is tell after a change that stands: what cannot be published now waits
// for Tidy.
func (l *List) announce(ctx context.Context, e state.Entry[Alarm]) {
	if err := l.tell(ctx, e); err != nil {
		l.c.Log.Warn("what happened to an alarm waits to be published", "alarm", e.ID, "err", err)
	}
}

// tell publishes the events that wait in an alarm and takes them out of it.
func (l *List) tell(ctx context.Context, e state.Entry[Alarm]) error {
	told := map[string]bool{}
	for _, p := range e.Value.Pending {
		err := l.c.Publish(ctx, notify.Event{ID: p.ID, API: l.c.API, TrustDomain: e.Domain, Key: p.Alarm.Object, Render: func(s *notify.Subscription, id string) (any, bool) {
			return l.render(e.ID, &p, s, id)
		}})
		if err != nil {
			return fmt.Errorf("publish %s: %w", p.Type, err)
		}
		told[p.ID] = true
	}
	if len(told) == 0 {
		return nil
	}
	_, err := l.alarms.Update(ctx, e.ID, func(a *Alarm) error {
		a.Pending = slices.DeleteFunc(a.Pending, func(p event) bool { return told[p.ID] })
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// render makes the notification for one subscription, if its filter matches. Links
// begin with the {apiRoot} under which the subscriber reached us.
func (l *List) render(id string, p *event, s *notify.Subscription, notificationID string) (any, bool) {
	if !s.Concerns(p.Alarm.Object) || !l.matches(s.Filter, p) {
		return nil, false
	}
	root, _, _ := strings.Cut(s.Self, l.c.Path+"/")
	self := root + l.c.Path + "/alarms/" + id
	links := sol.AlarmNotificationLinks{Subscription: sol.NotificationLink{Href: s.Self}}
	if p.Type == typeCleared {
		links.Alarm = &sol.NotificationLink{Href: self}
		return &sol.AlarmClearedNotification{
			ID: notificationID, NotificationType: p.Type, SubscriptionID: s.ID, TimeStamp: p.At, AlarmID: id,
			AlarmClearedTime: *p.Alarm.Cleared, Links: links,
		}, true
	}
	alarm, err := json.Marshal(l.c.Show(p.Alarm.info(id, self, root+l.c.Objects+p.Alarm.Object), &p.Alarm))
	if err != nil {
		l.c.Log.Error("an alarm cannot be encoded", "alarm", id, "err", err)
		return nil, false
	}
	return &sol.AlarmNotification{ID: notificationID, NotificationType: p.Type, SubscriptionID: s.ID, TimeStamp: p.At, Alarm: alarm, Links: links}, true
}

// matches evaluates a subscription's filter. The severity of an alarm that was
// cleared is the one that it had: who was told of it is told of its end.
func (l *List) matches(filter []byte, p *event) bool {
	if len(filter) == 0 {
		return true
	}
	var f sol.AlarmFilter
	if json.Unmarshal(filter, &f) != nil {
		return false // was checked when it was taken; one of a newer version narrows to nothing
	}
	a := &p.Alarm
	kind := sol.FaultyResourceType("")
	if a.Resource != nil {
		kind = a.Resource.Type
	}
	return among(f.NotificationTypes, p.Type) && among(f.FaultyResourceTypes, kind) && among(f.PerceivedSeverities, a.severity()) &&
		among(f.EventTypes, a.EventType) && among(f.ProbableCauses, a.ProbableCause) && l.c.Concerns(filter, a)
}

// among says whether a filter's values allow a value; none allow all.
func among[T comparable](allowed []T, v T) bool {
	return len(allowed) == 0 || slices.Contains(allowed, v)
}
