package vim

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// Allocate is Allocate Virtualised Compute Resource (IFA 006 clause 7.3.1.2): it
// places the compute on a host, makes and attaches its ports and storages and
// starts it. When it returns an error of hub.Conflict or hub.Unprocessable
// nothing of the attempt is left. The same request again returns the compute that
// is there.
//
// A port or storage named in the request that is there already is attached, and
// detached when the compute ends; another is made, and goes with the compute.
func (m *Model) Allocate(ctx context.Context, want ifa006.Compute) (*ifa006.Compute, error) {
	want.OperationalState, want.RunningState, want.Location, want.SecureStorage = "", "", nil, nil
	want.Isolated, want.ContentChecksum, want.Acceleration, want.NfviSource = false, nil, nil, ""
	if err := checkCompute(&want); err != nil {
		return nil, err
	}
	request, err := digest(want)
	if err != nil {
		return nil, err
	}
	r := newCompute(want, request)
	if _, err := createOnce(ctx, m.computes, "compute", want.ID, request, func(r *computeRecord) string { return r.Request }, r, func() error {
		return m.sizeCompute(ctx, r)
	}); err != nil {
		return nil, err
	}
	err = m.Settle(ctx, want.ID)
	if hub.CodeOf(err) == hub.NotFound {
		err = hub.E(hub.Conflict, "allocate compute", fmt.Sprintf("compute %s was terminated or refused while it was allocated; ask again", want.ID), err)
	}
	if err != nil {
		return nil, err
	}
	return m.Compute(ctx, All, want.ID)
}

// newCompute makes the record of a compute that is to be placed, but for its size.
func newCompute(want ifa006.Compute, request string) *computeRecord {
	r := &computeRecord{made: made{Domain: want.TrustDomain, Request: request, Phase: placing}, Incarnation: hub.NewID(), Want: want}
	r.ID, r.Name, r.TrustDomain, r.FlavourID, r.ImageID, r.Metadata = want.ID, want.Name, want.TrustDomain, want.FlavourID, want.ImageID, want.Metadata
	return r
}

// sizeCompute gives a new compute the size of its flavour. What it refers to must be
// there.
func (m *Model) sizeCompute(ctx context.Context, r *computeRecord) error {
	flavour, err := m.flavour(ctx, r.FlavourID)
	if err != nil {
		return err
	}
	r.Size = flavour.Size
	if r.ImageID == "" {
		return nil
	}
	return m.checkImage(ctx, r.TrustDomain, r.ImageID, flavour)
}

func checkCompute(c *ifa006.Compute) error {
	const op = "allocate compute"
	if err := checkID(op, "id", c.ID); err != nil {
		return err
	}
	if err := checkDomain(op, c.TrustDomain); err != nil {
		return err
	}
	if err := checkTexts(op, c.Metadata, c.Name, c.HostID, c.ZoneID); err != nil {
		return err
	}
	if len(c.Ports) > 64 || len(c.Storages) > 64 || len(c.Constraints) > 16 || len(c.ExcludeHosts) > 1024 {
		return hub.E(hub.Invalid, op, "a compute has at most 64 ports, 64 storages, 16 constraints and 1024 excluded hosts; send fewer", nil)
	}
	for _, r := range c.Constraints {
		if r.Type != affinity && r.Type != antiAffinity || r.Scope != scopeHost && r.Scope != scopeZone || r.Group == "" || len(r.Group) > maxText || len(r.Party) > maxText {
			return hub.E(hub.Invalid, op, fmt.Sprintf("constraint %.60q %.60q: type is AFFINITY or ANTI_AFFINITY, scope is HOST or ZONE, and group is a name", r.Type, r.Scope), nil)
		}
	}
	return nil
}

// Settle finishes what is under way with a compute. It returns nil when the
// compute is at rest, hub.NotFound when it is gone, and the reason of a refusal
// when what was under way could not be done and was undone.
func (m *Model) Settle(ctx context.Context, id string) error {
	steps := map[string]func(context.Context, state.Entry[computeRecord]) error{
		placing: m.place, moving: m.move, moved: m.finishMove, scaling: m.scale, restoring: m.restore, leaving: m.leave,
	}
	for {
		e, err := m.computes.Get(ctx, id)
		if err != nil {
			return err
		}
		if e.Value.Phase == "" {
			announce(ctx, m, m.computes, e)
			return nil
		}
		step := steps[e.Value.Phase]
		if step == nil {
			return fmt.Errorf("compute %s is in phase %q, which this version does not know", id, e.Value.Phase)
		}
		err = step(ctx, e)
		if hub.CodeOf(err) == hub.Precondition && ctx.Err() == nil {
			continue // another caller did a step of it first
		}
		if err != nil {
			return err
		}
	}
}

// place finds a host, claims it, attaches what belongs to the compute and starts
// it.
func (m *Model) place(ctx context.Context, e state.Entry[computeRecord]) error {
	n, err := m.needOf(ctx, &e.Value)
	if err != nil {
		return m.abandon(ctx, e, err)
	}
	n.host, n.exclude = e.Value.Want.HostID, e.Value.Want.ExcludeHosts
	for {
		if e.Value.HostID == "" {
			host, zone, err := m.choose(n)
			if err != nil {
				return m.abandon(ctx, e, err)
			}
			e.Value.HostID, e.Value.ZoneID = host, zone
			if e, err = m.computes.Replace(ctx, e); err != nil {
				return err
			}
		}
		refused, err := m.occupy(ctx, &e.Value, n, place{e.Value.HostID, e.Value.ZoneID}, "")
		if err != nil {
			return err
		}
		if refused == "" {
			return m.start(ctx, e)
		}
		n.tried[e.Value.HostID] = refused
		if n.groups, err = m.readGroups(ctx, &e.Value.Want); err != nil {
			return err
		}
		e.Value.HostID, e.Value.ZoneID = "", ""
		if e, err = m.computes.Replace(ctx, e); err != nil {
			return err
		}
	}
}

// start attaches the ports and storages of a compute that has its host.
func (m *Model) start(ctx context.Context, e state.Entry[computeRecord]) error {
	r := &e.Value
	for _, p := range r.Want.Ports {
		if err := m.portFor(ctx, r, p); err != nil {
			return m.abandon(ctx, e, err)
		}
	}
	for _, s := range r.Want.Storages {
		if err := m.storageFor(ctx, r, s); err != nil {
			return m.abandon(ctx, e, err)
		}
	}
	host, err := m.hosts.Get(ctx, r.HostID)
	if err != nil {
		return err
	}
	r.Phase, r.OperationalState, r.RunningState, r.CreatedAt = "", ifa006.Enabled, ifa006.Started, m.Now().UTC()
	r.Content = content("compute", r.ID, r.ImageID)
	r.Pending = append(r.Pending, m.changed(typeC, r.ID, r.Domain, ifa006.ChangeCreated, map[string]any{
		"operationalState": r.OperationalState, "runningState": r.RunningState, "flavourId": r.FlavourID,
	}).at(&host.Value.Host))
	claimed := r.HostID
	_, err = m.computes.Replace(ctx, e)
	if hub.CodeOf(err) == hub.Precondition {
		if err := m.withdraw(ctx, r.ID, r.Incarnation, claimed); err != nil {
			return err
		}
	}
	return err
}

// withdraw takes back what a step did for a compute that another caller had
// meanwhile settled elsewhere, or removed.
func (m *Model) withdraw(ctx context.Context, id, incarnation, host string) error {
	e, err := m.computes.Get(ctx, id)
	switch hub.CodeOf(err) {
	case "":
		if e.Value.Incarnation == incarnation && slices.Contains(e.Value.places(), host) {
			return nil
		}
		return m.vacateHost(ctx, host, id, incarnation)
	case hub.NotFound:
		gone := computeRecord{Silent: true, From: host, Incarnation: incarnation}
		gone.ID, gone.Want.ID = id, id
		if err := m.leave(ctx, state.Entry[computeRecord]{ID: id, Value: gone}); hub.CodeOf(err) != hub.NotFound {
			return err
		}
		return nil
	}
	return err
}

// abandon undoes an allocation that was refused and returns why it was. What may
// still succeed later is left as it is.
func (m *Model) abandon(ctx context.Context, e state.Entry[computeRecord], why error) error {
	switch hub.CodeOf(why) {
	case hub.Conflict, hub.Unprocessable, hub.NotFound, hub.Invalid:
	default:
		return why
	}
	e.Value.Phase, e.Value.Silent = leaving, true
	e, err := m.computes.Replace(ctx, e)
	if err != nil {
		return err
	}
	if err := m.leave(ctx, e); err != nil && hub.CodeOf(err) != hub.NotFound {
		return err
	}
	return why
}

// Terminate is Terminate Virtualised Compute Resource (clause 7.3.1.5): the
// compute, its claims, addresses and what was made for it are gone when it
// returns. With erase its content, and that of every storage attached to it, is
// overwritten first.
func (m *Model) Terminate(ctx context.Context, viewer, id string, erase bool) error {
	e, err := m.rested(ctx, viewer, id)
	if err != nil {
		return err
	}
	var host ifa006.Host
	if h, err := m.hosts.Get(ctx, e.Value.HostID); err == nil {
		host = h.Value.Host
	}
	_, err = m.computes.Update(ctx, id, func(r *computeRecord) error {
		if r.Phase == leaving && (r.Erase || !erase) {
			return nil
		}
		if r.Phase != "" && r.Phase != leaving {
			return busyError("compute", id)
		}
		if erase {
			before := *sha256Of(r.Content)
			r.Erase, r.Content = true, make([]byte, len(r.Content))
			r.Pending = append(r.Pending, m.changed(typeC, id, r.Domain, ifa006.ChangeErased, map[string]any{
				"erasedAt": m.Now().UTC(), "checksumBefore": before, "checksumAfter": *sha256Of(r.Content),
				"secureStorage": "erased",
			}).at(&host))
		}
		if r.Phase != leaving {
			r.Phase = leaving
			r.Pending = append(r.Pending, m.changed(typeC, id, r.Domain, ifa006.ChangeDeleted, nil).at(&host))
			r.Pending = append(r.Pending, m.clearAlarm(r)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := m.Settle(ctx, id); err != nil && hub.CodeOf(err) != hub.NotFound {
		return err
	}
	return nil
}

func busyError(what, id string) error {
	return hub.E(hub.Conflict, "change "+what, fmt.Sprintf("%s %s is being changed by another request; try again when that is done", what, id), nil)
}

// rested returns a compute that the viewer may know of once nothing is under way
// with it.
func (m *Model) rested(ctx context.Context, viewer, id string) (state.Entry[computeRecord], error) {
	e, err := get(ctx, m.computes, viewer, "compute", id, func(r *computeRecord) string { return r.Domain })
	if err != nil || e.Value.Phase == "" {
		return e, err
	}
	switch err := m.Settle(ctx, id); hub.CodeOf(err) {
	case "", hub.Conflict, hub.Unprocessable: // at rest; an older request was refused
	case hub.NotFound:
		return e, notFound("compute", id)
	default:
		return e, err
	}
	return get(ctx, m.computes, viewer, "compute", id, func(r *computeRecord) string { return r.Domain })
}

// leave gives back everything that a compute holds and removes it.
func (m *Model) leave(ctx context.Context, e state.Entry[computeRecord]) error {
	r := &e.Value
	for _, id := range m.ports.Find(termAttached + r.ID) {
		if err := m.detachPort(ctx, id, r.ID); err != nil {
			return err
		}
	}
	for _, id := range m.storages.Find(termAttached + r.ID) {
		if err := m.detachStorage(ctx, id, r.ID, r.Erase); err != nil {
			return err
		}
	}
	for _, h := range r.places() {
		if err := m.vacateHost(ctx, h, r.ID, r.Incarnation); err != nil {
			return err
		}
	}
	if err := m.leaveGroups(ctx, &r.Want, allBut("")); err != nil {
		return err
	}
	if !r.Silent {
		for _, p := range r.Pending {
			if err := m.publish(ctx, p); err != nil {
				return err
			}
		}
	}
	if err := m.forgetMeasured(ctx, r.ID); err != nil {
		return err
	}
	// Another process may have done all of this, and somebody may have allocated a
	// compute of this ID since.
	return m.computes.Delete(ctx, r.ID, func(now *computeRecord) error {
		if now.Incarnation != r.Incarnation {
			return hub.E(hub.NotFound, "remove compute", "not found", nil)
		}
		return nil
	})
}

// Operate is Operate Virtualised Compute Resource (clause 7.3.1.7).
func (m *Model) Operate(ctx context.Context, viewer, id, operation string) error {
	const op = "operate compute"
	if !slices.Contains([]string{"START", "STOP", "REBOOT"}, operation) {
		return hub.E(hub.Invalid, op, fmt.Sprintf("computeOperation %.40q is none of START, STOP and REBOOT", operation), nil)
	}
	e, err := m.rested(ctx, viewer, id)
	if err != nil {
		return err
	}
	host, err := m.hosts.Get(ctx, e.Value.HostID)
	if err != nil {
		return fmt.Errorf("read the host of compute %s: %w", id, err)
	}
	e, err = m.computes.Update(ctx, id, func(r *computeRecord) error {
		if r.Phase != "" || r.HostID != host.ID {
			return busyError("compute", id)
		}
		switch {
		case r.RunningState == ifa006.Failed:
			return hub.E(hub.Conflict, op, fmt.Sprintf("compute %s has failed; migrate it to another host, or terminate it", id), nil)
		case operation == "STOP":
			r.RunningState = ifa006.Halted
		case operation == "REBOOT" && r.RunningState == ifa006.Halted:
			return hub.E(hub.Conflict, op, fmt.Sprintf("compute %s is halted and cannot be rebooted; start it", id), nil)
		default:
			r.RunningState = ifa006.Started
		}
		r.Pending = append(r.Pending, m.changed(typeC, id, r.Domain, ifa006.ChangeOperated, map[string]any{
			"computeOperation": operation, "runningState": r.RunningState,
		}).at(&host.Value.Host))
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return notFound("compute", id)
	}
	if err != nil {
		return err
	}
	announce(ctx, m, m.computes, e)
	return nil
}

// content stands for the bytes of a resource: it differs between any two.
func content(parts ...string) []byte {
	sum := sha256.Sum256([]byte(hub.DeriveID(parts...)))
	return sum[:]
}
