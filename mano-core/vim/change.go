package vim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
)

// The APIs whose subscriptions are told.
const (
	API   = "vim"   // of the NFVO and VNFMs
	ScVi  = "sc-vi" // of Security Managers
	typeC = "COMPUTE"
	typeH = "HOST"
	typeI = "IMAGE"
	typeS = "STORAGE"
	typeN = "NETWORK"
	typeP = "PORT"
)

// pending is an event that waits in the record that it is about.
type pending struct {
	ID      string                     `json:"id"`
	Type    string                     `json:"type"`    // of the resource
	Domains []string                   `json:"domains"` // trust domains that it concerns
	Shared  bool                       `json:"shared"`  // of the infrastructure, which belongs to no domain
	Change  *ifa006.ResourceChange     `json:"change,omitempty"`
	Alarm   *ifa006.Alarm              `json:"alarm,omitempty"`
	Packet  *ifa006.PacketNotification `json:"packet,omitempty"`
	// Correlated are the alarms that follow from a shared Alarm, by trust domain.
	Correlated map[string][]string `json:"correlated,omitempty"`
}

// changed makes the event of a change.
func (m *Model) changed(kind, id, domain, change string, what map[string]any) pending {
	p := pending{
		ID: hub.NewID(), Type: kind, Domains: []string{domain},
		Change: &ifa006.ResourceChange{
			NotificationType: ifa006.NotificationType, TimeStamp: m.Now().UTC(), VimID: m.VimID, ResourceType: kind, ResourceID: id,
			TrustDomain: domain, ChangeType: change, Changed: what, NfviSource: source,
		},
	}
	if domain == All && (kind == typeI || kind == typeN) { // for all to use, so all are told
		p.Shared, p.Domains = true, m.Domains()
	}
	return p
}

// at adds where the resource is.
func (p pending) at(h *ifa006.Host) pending {
	location := h.Location
	p.Change.HostID, p.Change.ZoneID, p.Change.Location = h.ID, h.ZoneID, &location
	return p
}

// changedHost makes the event of a change of a host, for all domains that it
// serves or may serve.
func (m *Model) changedHost(r *hostRecord, change string, what map[string]any) pending {
	p := m.changed(typeH, r.ID, "", change, what).at(&r.Host)
	p.Shared, p.Domains = true, m.told(r)
	return p
}

// told returns the trust domains that learn of a host: those that it names or
// holds, and when it names none, all.
func (m *Model) told(r *hostRecord) []string {
	domains := r.concerned()
	if len(r.TrustDomains) == 0 {
		domains = append(domains, m.Domains()...)
		slices.Sort(domains)
		domains = slices.Compact(domains)
	}
	return slices.DeleteFunc(domains, func(d string) bool { return d == All })
}

// alarmed makes the event of an alarm that was raised or cleared.
func (m *Model) alarmed(kind string, domains []string, a ifa006.Alarm) pending {
	return pending{ID: hub.NewID(), Type: kind, Domains: domains, Alarm: &a}
}

// publish tells an event to the subscriptions of both APIs.
func (m *Model) publish(ctx context.Context, p pending) error {
	send := func(api, domain string, skipWide bool) error {
		err := m.Publish(ctx, notify.Event{
			ID: hub.DeriveID(p.ID, api, domain), API: api, TrustDomain: domain, Key: p.about(),
			Render: func(s *notify.Subscription, id string) (any, bool) {
				if skipWide && s.TrustDomain == All {
					return nil, false
				}
				return p.render(s, id)
			},
		})
		if err != nil {
			return fmt.Errorf("publish change of %s: %w", p.Type, err)
		}
		return nil
	}
	if p.Packet != nil { // telemetry is for Security Managers
		return send(ScVi, p.Domains[0], false)
	}
	if p.Shared { // once to those that see all, and to each domain's own
		if err := send(API, All, false); err != nil {
			return err
		}
	}
	for _, d := range p.Domains {
		if err := send(API, d, p.Shared); err != nil {
			return err
		}
		// Networks, ports and storages are families of clause 8.2 of their own.
		if p.Alarm != nil || p.Type == typeC || p.Type == typeH || p.Type == typeI {
			if err := send(ScVi, d, p.Shared); err != nil {
				return err
			}
		}
	}
	return nil
}

// about is the resource of which the event tells.
func (p *pending) about() string {
	switch {
	case p.Change != nil:
		return p.Change.ResourceID
	case p.Alarm != nil:
		return p.Alarm.ManagedObjectID
	default:
		return p.Packet.PortID
	}
}

// render makes the notification for one subscription, if its filter matches.
func (p *pending) render(s *notify.Subscription, id string) (any, bool) {
	var f ifa006.Filter
	if len(s.Filter) > 0 {
		if err := json.Unmarshal(s.Filter, &f); err != nil {
			return nil, false // was checked when it was taken; one of a newer version narrows to nothing
		}
	}
	if p.Packet != nil {
		return p.renderPacket(s, id, &f)
	}
	if p.Alarm != nil {
		return p.renderAlarm(s, id, &f)
	}
	c := *p.Change
	if !matches(&f, c.NotificationType, c.ResourceType, c.ChangeType, c.ResourceID, c.HostID, c.ZoneID) {
		return nil, false
	}
	c.ID, c.SubscriptionID = id, s.ID
	return &c, true
}

func (p *pending) renderAlarm(s *notify.Subscription, id string, f *ifa006.Filter) (any, bool) {
	n := &ifa006.AlarmNotification{
		ID: id, NotificationType: ifa006.AlarmType, SubscriptionID: s.ID, TimeStamp: p.Alarm.Raised, Alarm: *p.Alarm, NfviSource: source,
	}
	change := ifa006.FaultRaised
	if p.Alarm.Cleared != nil {
		n.NotificationType, n.TimeStamp, change = ifa006.AlarmClearedType, *p.Alarm.Cleared, ifa006.FaultCleared
	}
	if !matches(f, n.NotificationType, p.Type, change, n.Alarm.ManagedObjectID, n.Alarm.HostID, n.Alarm.ZoneID) {
		return nil, false
	}
	if p.Shared {
		n.Alarm.CorrelatedAlarms = nil
		for d, ids := range p.Correlated {
			if s.TrustDomain == All || s.TrustDomain == d {
				n.Alarm.CorrelatedAlarms = append(n.Alarm.CorrelatedAlarms, ids...)
			}
		}
		slices.Sort(n.Alarm.CorrelatedAlarms)
	}
	return n, true
}

func matches(f *ifa006.Filter, notification, resource, change, id, host, zone string) bool {
	for _, x := range []struct {
		allowed []string
		value   string
	}{
		{f.NotificationTypes, notification}, {f.ResourceTypes, resource}, {f.ChangeTypes, change}, {f.ResourceIDs, id}, {f.HostIDs, host}, {f.ZoneIDs, zone},
	} {
		if len(x.allowed) > 0 && !slices.Contains(x.allowed, x.value) {
			return false
		}
	}
	return true
}

// eventful is a pointer to a record whose events wait in it.
type eventful[T any] interface {
	*T
	events() *[]pending
}

// tell publishes the events that wait in a record and takes them out of it.
func tell[T any, P eventful[T]](ctx context.Context, m *Model, k *state.Kind[T], e state.Entry[T]) error {
	told := *P(&e.Value).events()
	if len(told) == 0 {
		return nil
	}
	for _, p := range told {
		if err := m.publish(ctx, p); err != nil {
			return err
		}
	}
	_, err := k.Update(ctx, e.ID, func(v *T) error {
		waiting := P(v).events()
		*waiting = slices.DeleteFunc(*waiting, func(p pending) bool {
			return slices.ContainsFunc(told, func(q pending) bool { return p.ID == q.ID })
		})
		if h, ok := any(v).(*hostRecord); ok {
			h.Version++
		}
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// announce is tell after a change that is done: what cannot be told now waits for
// the sweep, and the change stands.
func announce[T any, P eventful[T]](ctx context.Context, m *Model, k *state.Kind[T], e state.Entry[T]) {
	if err := tell[T, P](ctx, m, k, e); err != nil {
		m.Log.Warn("a change of the NFVI model waits to be told", "resource", e.ID, "err", err)
	}
}

// flush tells what waits.
func (m *Model) flush(ctx context.Context) error {
	for _, each := range []func() error{
		func() error { return flushKind(ctx, m, m.computes) },
		func() error { return flushKind(ctx, m, m.hosts) },
		func() error { return flushKind(ctx, m, m.images) },
		func() error { return flushKind(ctx, m, m.storages) },
		func() error { return flushKind(ctx, m, m.networks) },
		func() error { return flushKind(ctx, m, m.ports) },
	} {
		if err := each(); err != nil {
			return err
		}
	}
	return nil
}

func flushKind[T any, P eventful[T]](ctx context.Context, m *Model, k *state.Kind[T]) error {
	for _, id := range k.Find(termPending) {
		e, err := k.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if err := tell[T, P](ctx, m, k, e); err != nil {
			return err
		}
	}
	return nil
}
