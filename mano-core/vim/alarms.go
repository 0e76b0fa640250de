package vim

import (
	"context"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// Terms of the alarms that are open.
const (
	termAlarmed = "alarmed"
	termAlarm   = "alarm="
)

// alarmTerms are what a resource is found by for its open alarm.
func alarmTerms(a *ifa006.Alarm) []string {
	if a == nil || a.Cleared != nil {
		return nil
	}
	return []string{termAlarmed, termAlarm + a.ID}
}

// alarm is the open alarm of a host as a trust domain may see it: correlated with
// its own alarms alone.
func (r *hostRecord) alarm(viewer string) *ifa006.Alarm {
	a := *r.Alarm
	a.CorrelatedAlarms = nil
	for id, c := range r.Claims {
		if sees(viewer, c.Domain) {
			a.CorrelatedAlarms = append(a.CorrelatedAlarms, computeAlarmID(a.ID, id))
		}
	}
	slices.Sort(a.CorrelatedAlarms)
	return &a
}

// Alarms is Get Alarm List (IFA 006 clause 7.6.4): the open alarms of the viewer's
// computes, and of the hosts that hold or may hold them. Its cost grows with what has
// failed.
func (m *Model) Alarms(ctx context.Context, viewer string) (httpapi.Source, error) {
	list := []*ifa006.Alarm{}
	for _, id := range m.computes.Find(termAlarmed) {
		e, err := m.computes.Get(ctx, id)
		if err := ignoreGone(err); err != nil {
			return nil, err
		}
		if err == nil && e.Value.Alarm != nil && sees(viewer, e.Value.Domain) {
			list = append(list, e.Value.Alarm)
		}
	}
	for _, id := range m.hosts.Find(termAlarmed) {
		e, err := m.hosts.Get(ctx, id)
		if err := ignoreGone(err); err != nil {
			return nil, err
		}
		if err == nil && len(alarmTerms(e.Value.Alarm)) > 0 && e.Value.serves(viewer) {
			list = append(list, e.Value.alarm(viewer))
		}
	}
	return httpapi.SliceSource(list, func(a *ifa006.Alarm) string { return a.ID }), nil
}

// Alarm returns an open alarm that the viewer may know of, hub.NotFound if there is
// none: it is cleared, or never was.
func (m *Model) Alarm(ctx context.Context, viewer, id string) (*ifa006.Alarm, error) {
	for _, c := range m.computes.Find(termAlarm + id) {
		e, err := m.computes.Get(ctx, c)
		if err := ignoreGone(err); err != nil {
			return nil, err
		}
		if err == nil && e.Value.Alarm != nil && e.Value.Alarm.ID == id && sees(viewer, e.Value.Domain) {
			return e.Value.Alarm, nil
		}
	}
	for _, h := range m.hosts.Find(termAlarm + id) {
		e, err := m.hosts.Get(ctx, h)
		if err := ignoreGone(err); err != nil {
			return nil, err
		}
		if err == nil && len(alarmTerms(e.Value.Alarm)) > 0 && e.Value.Alarm.ID == id && e.Value.serves(viewer) {
			return e.Value.alarm(viewer), nil
		}
	}
	return nil, hub.E(hub.NotFound, "find alarm", "no alarm of that identifier is open; GET /alarms lists those that are", nil)
}

// alarmOwner returns the trust domain of an open alarm's compute, All for the alarm
// of a host.
func (m *Model) alarmOwner(ctx context.Context, id string) (string, error) {
	a, err := m.Alarm(ctx, All, id)
	if err != nil {
		return "", err
	}
	if a.ManagedObjectID == a.HostID {
		return All, nil
	}
	return m.Owner(ctx, "computes", a.ManagedObjectID)
}
