package vim

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// Exercise injects one change, so that an operator sees what follows from it. The
// same change again does nothing, except that an image is altered, a packet is
// seen and a measurement is taken each time.
func (m *Model) Exercise(ctx context.Context, x ifa006.Exercise) error {
	kinds := map[string]func(context.Context, ifa006.Exercise) error{
		"host-failed": m.failHost, "host-recovered": m.recoverHost, "host-integrity": m.measureHost,
		"image-altered": m.alterImage, "compute-failed": m.failComputeAlone, "packet": m.seePacket,
		"measured": m.measure,
	}
	inject := kinds[x.Kind]
	if inject == nil {
		return hub.E(hub.Invalid, "inject event", fmt.Sprintf("kind %.40q is none of %v", x.Kind, slices.Sorted(maps.Keys(kinds))), nil)
	}
	return inject(ctx, x)
}

// Reported says whether changes of a kind are what an NFVI sees and reports over Nf-Vi
// (NFV 006 clause 5.4.7). The content of images is the VIM's own, and no NFVI's to say.
func Reported(kind string) bool {
	return slices.Contains([]string{"host-failed", "host-recovered", "host-integrity", "compute-failed", "packet", "measured"}, kind)
}

// changeHostBy changes a host, tells it and carries it to the host's computes.
func (m *Model) changeHostBy(ctx context.Context, id string, fn func(*hostRecord) error) error {
	_, err := m.changeHost(ctx, id, fn)
	if hub.CodeOf(err) == hub.NotFound {
		return notFound("host", id)
	}
	if err != nil {
		return err
	}
	return m.settleHost(ctx, id)
}

func (m *Model) failHost(ctx context.Context, x ifa006.Exercise) error {
	return m.changeHostBy(ctx, x.Target, func(h *hostRecord) error {
		if h.State == ifa006.Failed {
			return nil
		}
		h.Before, h.State, h.StateSince, h.Spread = h.State, ifa006.Failed, m.Now().UTC(), true
		location := h.Location
		h.Alarm = &ifa006.Alarm{
			ID: hub.NewID(), ManagedObjectID: h.ID, Raised: h.StateSince, State: "FIRED", Severity: "CRITICAL", FaultType: "Compute host failure",
			ProbableCause: "the host does not answer", IsRootCause: true, HostID: h.ID, ZoneID: h.ZoneID, Location: &location, NfviSource: source,
		}
		h.Pending = append(h.Pending, m.hostState(h, h.StateSince), m.hostAlarm(h))
		return nil
	})
}

// hostState makes the event of a host's state that changed at a time, which is that
// of its alarm too: what happened at once has one time.
func (m *Model) hostState(h *hostRecord, at time.Time) pending {
	p := m.changedHost(h, ifa006.ChangeState, map[string]any{"state": h.State})
	p.Change.TimeStamp = at
	return p
}

func (m *Model) recoverHost(ctx context.Context, x ifa006.Exercise) error {
	return m.changeHostBy(ctx, x.Target, func(h *hostRecord) error {
		if h.State != ifa006.Failed {
			return nil
		}
		now := m.Now().UTC()
		h.State, h.Before, h.StateSince, h.Spread = h.Before, "", now, true
		h.Alarm.Cleared, h.Alarm.State = &now, "CLEARED"
		h.Pending = append(h.Pending, m.hostState(h, now), m.hostAlarm(h))
		return nil
	})
}

// hostAlarm makes the event of a host's alarm, correlated with those of the
// computes on it.
func (m *Model) hostAlarm(h *hostRecord) pending {
	p := m.alarmed(typeH, m.told(h), *h.Alarm)
	p.Shared, p.Correlated = true, map[string][]string{}
	for id, c := range h.Claims {
		p.Correlated[c.Domain] = append(p.Correlated[c.Domain], computeAlarmID(h.Alarm.ID, id))
	}
	return p
}

func computeAlarmID(cause, compute string) string { return hub.DeriveID("vim alarm", cause, compute) }

func (m *Model) measureHost(ctx context.Context, x ifa006.Exercise) error {
	if !slices.Contains([]string{ifa006.IntegrityTrusted, ifa006.IntegrityUntrusted, ifa006.IntegrityUnknown}, x.Value) {
		return hub.E(hub.Invalid, "inject event", fmt.Sprintf("value %.40q is none of TRUSTED, UNTRUSTED and UNKNOWN", x.Value), nil)
	}
	return m.changeHostBy(ctx, x.Target, func(h *hostRecord) error {
		if h.Integrity == x.Value {
			return nil
		}
		h.Pending = append(h.Pending, m.changedHost(h, ifa006.ChangeIntegrity, map[string]any{"integrityState": x.Value, "formerIntegrityState": h.Integrity}))
		h.Integrity = x.Value
		return nil
	})
}

// settleHost carries a failure or recovery of a host to the computes on it, and
// tells it.
func (m *Model) settleHost(ctx context.Context, id string) error {
	for {
		e, err := m.hosts.Get(ctx, id)
		if err != nil {
			return ignoreGone(err)
		}
		if !e.Value.Spread {
			announce(ctx, m, m.hosts, e)
			return nil
		}
		announce(ctx, m, m.hosts, e) // the cause is told before what follows from it
		for _, c := range slices.Sorted(maps.Keys(e.Value.Claims)) {
			if err := ignoreRefusal(m.Settle(ctx, c)); err != nil {
				return err
			}
			if err := ignoreGone(m.followHost(ctx, c, &e.Value)); err != nil {
				return err
			}
		}
		_, err = m.changeHost(ctx, id, func(h *hostRecord) error {
			if h.State == e.Value.State { // else it changed once more meanwhile
				h.Spread = false
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// followHost makes a compute fail or recover with the host that it is on.
func (m *Model) followHost(ctx context.Context, id string, h *hostRecord) error {
	e, err := m.computes.Update(ctx, id, func(r *computeRecord) error {
		if r.HostID != h.ID {
			return nil
		}
		if h.State != ifa006.Failed {
			if r.Alarm != nil && r.Alarm.RootCause == h.ID {
				m.recoverCompute(r)
			}
			return nil
		}
		if r.RunningState != ifa006.Failed {
			m.failCompute(r, ifa006.Alarm{
				ID: computeAlarmID(h.Alarm.ID, id), RootCause: h.ID, CorrelatedAlarms: []string{h.Alarm.ID},
				ProbableCause: "its host failed", Location: h.Alarm.Location,
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	announce(ctx, m, m.computes, e)
	return nil
}

func (m *Model) failComputeAlone(ctx context.Context, x ifa006.Exercise) error {
	e, err := m.rested(ctx, All, x.Target)
	if err != nil {
		return err
	}
	host, err := m.hosts.Get(ctx, e.Value.HostID)
	if err != nil {
		return err
	}
	e, err = m.computes.Update(ctx, x.Target, func(r *computeRecord) error {
		if r.Phase != "" {
			return busyError("compute", r.ID)
		}
		if r.RunningState != ifa006.Failed {
			location := host.Value.Location
			m.failCompute(r, ifa006.Alarm{ID: hub.NewID(), IsRootCause: true, ProbableCause: "the compute stopped by itself", Location: &location})
		}
		return nil
	})
	if err != nil {
		return err
	}
	announce(ctx, m, m.computes, e)
	return nil
}

// failCompute makes a compute fail and raises its alarm.
func (m *Model) failCompute(r *computeRecord, a ifa006.Alarm) {
	a.ManagedObjectID, a.Raised, a.State, a.Severity, a.FaultType = r.ID, m.Now().UTC(), "FIRED", "CRITICAL", "Virtualised compute failure"
	a.HostID, a.ZoneID, a.NfviSource = r.HostID, r.ZoneID, source
	r.Before, r.OperationalState, r.RunningState, r.Alarm = r.RunningState, ifa006.Failed, ifa006.Failed, &a
	state := m.computeState(r)
	state.Change.TimeStamp = a.Raised
	r.Pending = append(r.Pending, state, m.alarmed(typeC, []string{r.Domain}, a))
}

func (m *Model) recoverCompute(r *computeRecord) {
	r.OperationalState, r.RunningState, r.Before = ifa006.Enabled, r.Before, ""
	r.Pending = append(r.Pending, m.computeState(r))
	r.Pending = append(r.Pending, m.clearAlarm(r)...)
}

func (m *Model) computeState(r *computeRecord) pending {
	p := m.changed(typeC, r.ID, r.Domain, ifa006.ChangeState, map[string]any{"operationalState": r.OperationalState, "runningState": r.RunningState})
	p.Change.HostID, p.Change.ZoneID = r.HostID, r.ZoneID
	if r.Alarm != nil {
		p.Change.Location = r.Alarm.Location
	}
	return p
}

// clearAlarm closes the open alarm of a compute, if there is one.
func (m *Model) clearAlarm(r *computeRecord) []pending {
	if r.Alarm == nil {
		return nil
	}
	now := m.Now().UTC()
	cleared := *r.Alarm
	cleared.Cleared, cleared.State = &now, "CLEARED"
	r.Alarm = nil
	return []pending{m.alarmed(typeC, []string{r.Domain}, cleared)}
}

// alterImage changes an image's content behind the back of those who use it.
func (m *Model) alterImage(ctx context.Context, x ifa006.Exercise) error {
	if err := checkTexts("inject event", nil, x.Value); err != nil {
		return err
	}
	e, err := m.images.Update(ctx, x.Target, func(r *imageRecord) error {
		if r.Status != imageActive {
			return hub.E(hub.Conflict, "inject event", fmt.Sprintf("image %s has no content that could be altered; upload it first", r.ID), nil)
		}
		before := *r.Checksum
		mixed := append([]byte(before.Hash), x.Value...)
		small, large := sha256.Sum256(mixed), sha512.Sum512(mixed)
		read := contentRead{sha256: hex.EncodeToString(small[:]), sha512: hex.EncodeToString(large[:])}
		r.Checksum, r.SHA512, r.UpdatedAt = read.sum(before.Algorithm), read.sha512, m.Now().UTC()
		r.Pending = append(r.Pending, m.changed(typeI, r.ID, r.Domain, ifa006.ChangeContent, map[string]any{
			"checksum": *r.Checksum, "formerChecksum": before, "statedChecksum": *r.StatedChecksum,
		}))
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return notFound("image", x.Target)
	}
	if err != nil {
		return err
	}
	announce(ctx, m, m.images, e)
	return nil
}
