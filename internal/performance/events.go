package performance

import (
	"context"
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

// The types of notifications (SOL 003 clause 6.5.2, SOL 005 clause 7.5.2).
const (
	TypeAvailable = "PerformanceInformationAvailableNotification"
	TypeCrossed   = "ThresholdCrossedNotification"
)

// event is a notification that is to be published.
type event struct {
	ID        string                    `json:"id"`
	Type      string                    `json:"type"`
	At        time.Time                 `json:"at"`
	Object    string                    `json:"object"`
	Report    string                    `json:"report,omitempty"` // its ID, of TypeAvailable
	Sub       string                    `json:"sub,omitempty"`    // and the rest, of TypeCrossed
	Direction sol.CrossingDirectionType `json:"direction,omitempty"`
	Value     float64                   `json:"value,omitempty"`
}

// note adds an event to those that are to be published.
func (m *measuring) note(id string, e event) {
	m.Events++
	e.ID = hub.DeriveID("pm event", id, stamp(m.Created), strconv.Itoa(m.Events))
	m.Pending = append(m.Pending, e)
}

// tell publishes the events that wait in a job or a threshold and takes them out of it.
func tell[T any](ctx context.Context, m *Meter, k *state.Kind[T], e state.Entry[T], of func(*T) *measuring, render func(*T, *event, *notify.Subscription, string) any) error {
	told := map[string]bool{}
	for _, p := range of(&e.Value).Pending {
		err := m.c.Publish(ctx, notify.Event{ID: p.ID, API: m.c.API, TrustDomain: e.Domain, Render: func(s *notify.Subscription, id string) (any, bool) {
			if s.ID != e.ID {
				return nil, false
			}
			return render(&e.Value, &p, s, id), true
		}})
		if err != nil {
			return fmt.Errorf("publish %s of %s: %w", p.Type, e.ID, err)
		}
		told[p.ID] = true
	}
	if len(told) == 0 {
		return nil
	}
	_, err := k.Update(ctx, e.ID, func(v *T) error {
		x := of(v)
		x.Pending = slices.DeleteFunc(x.Pending, func(p event) bool { return told[p.ID] })
		return nil
	})
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("note that the events of %s are told: %w", e.ID, err)
	}
	return nil
}

func (m *Meter) tellJob(ctx context.Context, e state.Entry[job]) error {
	return tell(ctx, m, m.jobs, e, func(j *job) *measuring { return &j.measuring }, m.available)
}

func (m *Meter) tellThreshold(ctx context.Context, e state.Entry[threshold]) error {
	return tell(ctx, m, m.thresholds, e, func(t *threshold) *measuring { return &t.measuring }, m.crossed)
}

// object links to a measured object, below the {apiRoot} under which the consumer
// reached us.
func (m *Meter) object(self, id string) *sol.NotificationLink {
	root, _, _ := strings.Cut(self, m.c.Path+"/")
	return &sol.NotificationLink{Href: root + m.c.Objects + id}
}

func (m *Meter) available(j *job, e *event, s *notify.Subscription, id string) any {
	return &sol.PerformanceInformationAvailableNotification{
		ID: id, NotificationType: e.Type, TimeStamp: e.At, PmJobID: s.ID, ObjectType: j.Type, ObjectInstanceID: e.Object, SubObjectInstanceIDs: j.Subs,
		Links: sol.PerformanceInformedLinks{
			ObjectInstance: m.object(s.Self, e.Object), PmJob: sol.NotificationLink{Href: s.Self},
			PerformanceReport: sol.NotificationLink{Href: s.Self + "/reports/" + e.Report},
		},
	}
}

func (m *Meter) crossed(t *threshold, e *event, s *notify.Subscription, id string) any {
	return &sol.ThresholdCrossedNotification{
		ID: id, NotificationType: e.Type, TimeStamp: e.At, ThresholdID: s.ID, CrossingDirection: e.Direction, ObjectType: t.Type,
		ObjectInstanceID: e.Object, SubObjectInstanceID: e.Sub, PerformanceMetric: t.Metric, PerformanceValue: e.Value,
		Links: sol.ThresholdCrossedLinks{ObjectInstance: m.object(s.Self, e.Object), Threshold: sol.NotificationLink{Href: s.Self}},
	}
}
