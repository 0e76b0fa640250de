package vim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// Migrate is Migrate Virtualised Compute Resource (IFA 006 clause 7.3.1.8): the
// compute moves to another host, with its capacity, at once. A failed compute
// starts there anew. Naming the host that it is on already does nothing.
func (m *Model) Migrate(ctx context.Context, viewer, id string, req ifa006.MigrateRequest) error {
	e, err := m.rested(ctx, viewer, id)
	if err != nil {
		return err
	}
	n, err := m.needOf(ctx, &e.Value)
	if err != nil {
		return err
	}
	from := e.Value.HostID
	if req.HostID == from {
		return nil
	}
	if err := m.mayMove(ctx, &e.Value); err != nil {
		return err
	}
	n.host, n.exclude = req.HostID, append(slices.Clone(req.ExcludeHosts), from)
	for {
		target, _, err := m.choose(n)
		if err != nil {
			return err
		}
		if _, err = m.computes.Update(ctx, id, func(r *computeRecord) error {
			if r.Phase != "" || r.HostID != from {
				return busyError("compute", id)
			}
			r.Phase, r.Target = moving, target
			return nil
		}); err != nil {
			return err
		}
		err = m.Settle(ctx, id)
		if hub.CodeOf(err) != hub.Conflict {
			return err
		}
		n.tried[target] = hub.SafeText(err)
		if n.groups, err = m.readGroups(ctx, &e.Value.Want); err != nil {
			return err
		}
	}
}

// mayMove refuses to move what is isolated: moving would end its isolation.
func (m *Model) mayMove(ctx context.Context, r *computeRecord) error {
	host, err := m.hosts.Get(ctx, r.HostID)
	if err != nil {
		return fmt.Errorf("read the host of compute %s: %w", r.ID, err)
	}
	if host.Value.isolates(r.Domain) {
		return hub.E(hub.Conflict, "migrate compute", fmt.Sprintf("compute %s is isolated, because its host %s is quarantined; release the host first, or terminate the compute", r.ID, r.HostID), nil)
	}
	return nil
}

// move claims the target and makes it the compute's host.
func (m *Model) move(ctx context.Context, e state.Entry[computeRecord]) error {
	r := &e.Value
	n, err := m.needOf(ctx, r)
	if err != nil {
		return m.stay(ctx, e, err)
	}
	host, err := m.hosts.Get(ctx, r.Target)
	if err != nil {
		return err
	}
	to := place{host.ID, host.Value.ZoneID}
	refused, err := m.occupy(ctx, r, n, to, r.HostID)
	if err != nil {
		return err
	}
	if refused != "" {
		return m.stay(ctx, e, hub.E(hub.Conflict, "migrate compute", refused, nil))
	}
	p := m.changed(typeC, r.ID, r.Domain, ifa006.ChangeMigrated, map[string]any{"hostId": to.Host, "formerHostId": r.HostID, "zoneId": to.Zone})
	r.Pending = append(r.Pending, p.at(&host.Value.Host))
	r.HostID, r.ZoneID, r.From, r.Target, r.Phase = to.Host, to.Zone, r.HostID, "", moved
	if r.RunningState == ifa006.Failed {
		r.Pending = append(r.Pending, m.clearAlarm(r)...)
		r.OperationalState, r.RunningState, r.Before = ifa006.Enabled, ifa006.Started, ""
	}
	_, err = m.computes.Replace(ctx, e)
	if hub.CodeOf(err) == hub.Precondition {
		if err := m.withdraw(ctx, r.ID, r.Incarnation, to.Host); err != nil {
			return err
		}
	}
	return err
}

// stay ends a change that was refused; the compute is what it was. The error is
// the reason.
func (m *Model) stay(ctx context.Context, e state.Entry[computeRecord], why error) error {
	switch hub.CodeOf(why) {
	case hub.Conflict, hub.Unprocessable, hub.NotFound:
	default:
		return why
	}
	e.Value.Phase, e.Value.Target, e.Value.NextFlavour, e.Value.Restore = "", "", "", ""
	if _, err := m.computes.Replace(ctx, e); err != nil {
		return err
	}
	return why
}

// finishMove gives the capacity of the former host back.
func (m *Model) finishMove(ctx context.Context, e state.Entry[computeRecord]) error {
	r := &e.Value
	if r.From != r.HostID {
		if err := m.vacateHost(ctx, r.From, r.ID, r.Incarnation); err != nil {
			return err
		}
	}
	if err := m.leaveGroups(ctx, &r.Want, allBut(r.HostID)); err != nil {
		return err
	}
	r.From, r.Phase = "", ""
	_, err := m.computes.Replace(ctx, e)
	return err
}

// Scale is Scale Virtualised Compute Resource (clause 7.3.1.6): another flavour,
// on the same host.
func (m *Model) Scale(ctx context.Context, viewer, id, flavourID string) error {
	e, err := m.rested(ctx, viewer, id)
	if err != nil {
		return err
	}
	if e.Value.FlavourID == flavourID {
		return nil
	}
	if _, err := m.flavour(ctx, flavourID); err != nil {
		return err
	}
	return m.begin(ctx, id, func(r *computeRecord) { r.Phase, r.NextFlavour = scaling, flavourID })
}

// begin notes in a compute at rest what is to be done with it, and does it.
func (m *Model) begin(ctx context.Context, id string, set func(*computeRecord)) error {
	_, err := m.computes.Update(ctx, id, func(r *computeRecord) error {
		if r.Phase != "" {
			return busyError("compute", id)
		}
		set(r)
		return nil
	})
	if err != nil {
		return err
	}
	return m.Settle(ctx, id)
}

// scale changes the claim on the host, then the compute.
func (m *Model) scale(ctx context.Context, e state.Entry[computeRecord]) error {
	const op = "scale compute"
	r := &e.Value
	flavour, err := m.flavour(ctx, r.NextFlavour)
	if err != nil {
		return m.stay(ctx, e, err)
	}
	host, err := m.changeHost(ctx, r.HostID, func(h *hostRecord) error {
		c := h.Claims[r.ID]
		free := plus(minus(h.Total, h.allocated()), c.Size)
		switch {
		case !within(flavour.Size, free):
			return hub.E(hub.Conflict, op, fmt.Sprintf("host %s is short of capacity for flavour %s (%s; free with what compute %s has: %s); migrate it to another host first",
				h.ID, flavour.ID, sizeText(flavour.Size), r.ID, sizeText(free)), nil)
		case mask(flavour.Equipment)&^mask(h.Equipment) != 0:
			return hub.E(hub.Conflict, op, fmt.Sprintf("host %s is without the security hardware of flavour %s (%s); migrate it to another host first", h.ID, flavour.ID, equipmentNames(flavour.Equipment)), nil)
		case len(lacking(h.Acceleration, flavour.Acceleration)) > 0:
			return hub.E(hub.Conflict, op, fmt.Sprintf("host %s is without the acceleration of flavour %s (%s); migrate it to another host first", h.ID, flavour.ID, strings.Join(flavour.Acceleration, ", ")), nil)
		}
		c.Size, c.Secure, c.Uses = flavour.Size, secureSlots(flavour.Equipment, r.ID), flavour.Acceleration
		h.Claims[r.ID] = c
		return nil
	})
	if hub.CodeOf(err) == hub.Conflict {
		return m.stay(ctx, e, err)
	}
	if err != nil {
		return err
	}
	p := m.changed(typeC, r.ID, r.Domain, ifa006.ChangeScaled, map[string]any{"flavourId": r.NextFlavour, "formerFlavourId": r.FlavourID})
	r.Pending = append(r.Pending, p.at(&host.Host))
	r.FlavourID, r.Size, r.NextFlavour, r.Phase = r.NextFlavour, flavour.Size, "", ""
	_, err = m.computes.Replace(ctx, e)
	return err
}
