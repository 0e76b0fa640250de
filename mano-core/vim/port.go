package vim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// CreatePort makes a port of a network and leases its addresses, one of each
// subnet unless others are asked for. hub.Conflict when an address that is asked
// for is in use, or none is free.
func (m *Model) CreatePort(ctx context.Context, want ifa006.Port) (*ifa006.Port, error) {
	e, err := m.makePort(ctx, want, "", false)
	if err != nil {
		return nil, err
	}
	return m.showPort(ctx, &e.Value)
}

// makePort makes a port, of a compute if one is named.
func (m *Model) makePort(ctx context.Context, want ifa006.Port, compute string, owned bool) (state.Entry[portRecord], error) {
	var none state.Entry[portRecord]
	want.NfviSource, want.Isolated = "", false
	if err := checkPort(&want); err != nil {
		return none, err
	}
	request, err := digest(want)
	if err != nil {
		return none, err
	}
	r := &portRecord{made: made{Domain: want.TrustDomain, Request: request, Phase: assigning}, Port: want, Asked: slices.Clone(want.IPAddresses), Compute: compute, Owned: owned}
	if want.MAC != "" {
		r.Asked = append(r.Asked, want.MAC)
	}
	r.IPAddresses, r.Port.MAC = nil, ""
	if compute == "" && want.AttachedTo != "" {
		if r.Compute, err = m.computeFor(ctx, want.TrustDomain, want.AttachedTo); err != nil {
			return none, err
		}
	}
	if _, err := createOnce(ctx, m.ports, "port", want.ID, request, func(r *portRecord) string { return r.Request }, r, func() error {
		return m.checkPortNetwork(ctx, &want)
	}); err != nil {
		return none, err
	}
	if err := m.settlePort(ctx, want.ID); err != nil {
		return none, err
	}
	return m.ports.Get(ctx, want.ID)
}

// computeFor returns the compute that a port's attachedResourceId names, or ""
// when it names something else, such as a PNF.
func (m *Model) computeFor(ctx context.Context, domain, id string) (string, error) {
	e, err := m.computes.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && e.Value.Domain != domain {
		return "", nil
	}
	if err == nil && e.Value.Phase == leaving {
		return "", hub.E(hub.Conflict, "attach port", fmt.Sprintf("compute %s is being terminated; attach the port to another", id), nil)
	}
	if err != nil {
		return "", err
	}
	return id, nil
}

func checkPort(p *ifa006.Port) error {
	const op = "create port"
	if err := checkID(op, "id", p.ID); err != nil {
		return err
	}
	if err := checkDomain(op, p.TrustDomain); err != nil {
		return err
	}
	if err := checkTexts(op, p.Metadata, p.Name, p.AttachedTo); err != nil {
		return err
	}
	if len(p.IPAddresses) > 16 {
		return hub.E(hub.Invalid, op, "a port has at most 16 addresses; ask for fewer", nil)
	}
	if p.MAC != "" {
		if mac, err := net.ParseMAC(p.MAC); err != nil || len(mac) != 6 || mac.String() != p.MAC {
			return hub.E(hub.Invalid, op, fmt.Sprintf("macAddress %.40q is no address in the form 02:00:5e:00:53:01", p.MAC), err)
		}
	}
	return nil
}

// checkPortNetwork says whether the port's network is there for it.
func (m *Model) checkPortNetwork(ctx context.Context, p *ifa006.Port) error {
	n, err := m.networks.Get(ctx, p.NetworkID)
	if hub.CodeOf(err) == hub.NotFound || err == nil && n.Value.Domain != p.TrustDomain && n.Value.Domain != All {
		return hub.E(hub.Unprocessable, "create port", fmt.Sprintf("there is no network %.140s for trust domain %s; create it first", p.NetworkID, p.TrustDomain), nil)
	}
	if err != nil {
		return err
	}
	return checkAsked(&n.Value.Network, p.IPAddresses)
}

// settlePort finishes what is under way with a port: hub.Conflict when it gets no
// address, and then it is gone.
func (m *Model) settlePort(ctx context.Context, id string) error {
	choose := false
	for {
		e, err := m.ports.Get(ctx, id)
		if err != nil {
			return err
		}
		switch e.Value.Phase {
		case "":
			announce(ctx, m, m.ports, e)
			return nil
		case assigning:
			err = m.assign(ctx, e, choose)
		case leaving:
			return m.removePort(ctx, e)
		}
		choose = errors.Is(err, errTaken)
		if (choose || hub.CodeOf(err) == hub.Precondition) && ctx.Err() == nil {
			continue // an address was taken meanwhile, or another caller did a step first
		}
		if err != nil {
			return err
		}
	}
}

// errTaken says that an address was taken while it was being leased.
var errTaken = hub.E(hub.Unavailable, "assign address", "the addresses of the network change too fast; try again", nil)

// assign notes which addresses the port is to have, then leases them. It chooses
// when none are noted yet, or when choose says that one of them was taken.
func (m *Model) assign(ctx context.Context, e state.Entry[portRecord], choose bool) error {
	n, err := m.networks.Get(ctx, e.Value.NetworkID)
	if hub.CodeOf(err) == hub.NotFound || err == nil && n.Value.Phase == leaving {
		return m.denyPort(ctx, e, hub.E(hub.Unprocessable, "create port", fmt.Sprintf("network %s is being deleted; choose another", e.Value.NetworkID), nil))
	}
	if err != nil {
		return err
	}
	if choose || len(e.Value.Leases) == 0 {
		if e, err = m.chooseAddresses(ctx, e, &n.Value.Network); err != nil {
			return err
		}
	}
	r := &e.Value
	for _, a := range append(slices.Clone(r.IPAddresses), r.Port.MAC) {
		taken, err := m.lease(ctx, r.NetworkID, a, r.ID)
		if err != nil {
			return err
		}
		if taken && slices.Contains(r.Asked, a) {
			return m.denyPort(ctx, e, hub.E(hub.Conflict, "create port", fmt.Sprintf("address %s of network %s is in use; ask for another or for none", a, r.NetworkID), nil))
		}
		if taken {
			return errTaken
		}
	}
	r.Phase = ""
	r.Pending = append(r.Pending, m.changed(typeP, r.ID, r.Domain, ifa006.ChangeCreated, map[string]any{"networkId": r.NetworkID, "attachedResourceId": r.AttachedTo}))
	_, err = m.ports.Replace(ctx, e)
	return err
}

// chooseAddresses notes in the port's record the addresses that it is to lease,
// and gives those of an earlier choice back.
func (m *Model) chooseAddresses(ctx context.Context, e state.Entry[portRecord], n *ifa006.Network) (state.Entry[portRecord], error) {
	ips, mac, err := m.wanted(&e.Value, n)
	if err != nil {
		return e, m.denyPort(ctx, e, err)
	}
	former := e.Value.Leases
	e.Value.IPAddresses, e.Value.Port.MAC, e.Value.Leases = ips, mac, nil
	for _, a := range append(slices.Clone(ips), mac) {
		e.Value.Leases = append(e.Value.Leases, leaseID(n.ID, a))
	}
	if e, err = m.ports.Replace(ctx, e); err != nil {
		return e, err
	}
	for _, l := range former {
		if slices.Contains(e.Value.Leases, l) {
			continue
		}
		if err := m.unlease(ctx, l, e.ID); err != nil {
			return e, fmt.Errorf("give back an address of port %s: %w", e.ID, err)
		}
	}
	return e, nil
}

// denyPort removes a port that cannot be made and returns why.
func (m *Model) denyPort(ctx context.Context, e state.Entry[portRecord], why error) error {
	e.Value.Phase = leaving
	e, err := m.ports.Replace(ctx, e)
	if err != nil {
		return err
	}
	if err := m.removePort(ctx, e); err != nil {
		return err
	}
	return why
}

// removePort gives the addresses back, tells it and removes the port.
func (m *Model) removePort(ctx context.Context, e state.Entry[portRecord]) error {
	for _, l := range e.Value.Leases {
		if err := m.unlease(ctx, l, e.ID); err != nil {
			return fmt.Errorf("give back an address of port %s: %w", e.ID, err)
		}
	}
	for _, p := range e.Value.Pending {
		if err := m.publish(ctx, p); err != nil {
			return err
		}
	}
	if err := m.forgetMeasured(ctx, e.ID); err != nil {
		return err
	}
	return ignoreGone(m.ports.Delete(ctx, e.ID, nil))
}

// DeletePort removes a port and gives its addresses back. That of a compute is
// detached from it.
func (m *Model) DeletePort(ctx context.Context, viewer, id string) error {
	if _, err := get(ctx, m.ports, viewer, "port", id, func(r *portRecord) string { return r.Domain }); err != nil {
		return err
	}
	return m.endPort(ctx, id)
}

func (m *Model) endPort(ctx context.Context, id string) error {
	_, err := m.ports.Update(ctx, id, func(r *portRecord) error {
		if r.Phase == leaving {
			return nil
		}
		r.Phase = leaving
		r.Pending = append(r.Pending, m.changed(typeP, id, r.Domain, ifa006.ChangeDeleted, nil))
		return nil
	})
	if err == nil {
		err = m.settlePort(ctx, id)
	}
	return ignoreGone(err)
}

// detachPort takes a port off a compute that ends: one that was made for it goes.
func (m *Model) detachPort(ctx context.Context, id, compute string) error {
	e, err := m.ports.Get(ctx, id)
	if err != nil {
		return ignoreGone(err)
	}
	if e.Value.Compute != compute {
		return nil
	}
	if e.Value.Owned {
		return m.endPort(ctx, id)
	}
	_, err = m.ports.Update(ctx, id, func(r *portRecord) error {
		if r.Compute == compute {
			r.Compute, r.AttachedTo = "", ""
		}
		return nil
	})
	return ignoreGone(err)
}

// portFor attaches a port that a compute's request names, or makes it.
func (m *Model) portFor(ctx context.Context, c *computeRecord, want ifa006.Port) error {
	want.TrustDomain, want.AttachedTo = c.Domain, c.ID
	if want.ID == "" {
		want.ID = hub.DeriveID("vim port", c.ID, want.NetworkID, want.Name)
	}
	e, err := m.ports.Get(ctx, want.ID)
	if hub.CodeOf(err) == hub.NotFound || err == nil && e.Value.Owned && e.Value.Compute == c.ID {
		_, err = m.makePort(ctx, want, c.ID, true)
		return err
	}
	if err != nil {
		return err
	}
	_, err = m.ports.Update(ctx, want.ID, func(r *portRecord) error {
		if r.Domain != c.Domain || r.Phase == leaving {
			return hub.E(hub.Unprocessable, "attach port", fmt.Sprintf("there is no port %s for trust domain %s; create it, or name its network", want.ID, c.Domain), nil)
		}
		if r.Compute != "" && r.Compute != c.ID || r.AttachedTo != "" && r.AttachedTo != c.ID {
			return hub.E(hub.Conflict, "attach port", fmt.Sprintf("port %s is attached already; detach it first", want.ID), nil)
		}
		r.Compute, r.AttachedTo = c.ID, c.ID
		return nil
	})
	return err
}

// PatchPort changes what of a port may change: name, metadata and what it is
// attached to.
func (m *Model) PatchPort(ctx context.Context, viewer, id string, patch func(ifa006.Port) (ifa006.Port, error)) (*ifa006.Port, error) {
	if _, err := get(ctx, m.ports, viewer, "port", id, func(r *portRecord) string { return r.Domain }); err != nil {
		return nil, err
	}
	e, err := m.ports.Update(ctx, id, func(r *portRecord) error {
		if r.Phase != "" {
			return busyError("port", id)
		}
		next, err := patch(r.Port)
		if err != nil {
			return err
		}
		if err := checkPort(&next); err != nil {
			return err
		}
		r.Name, r.Metadata = next.Name, next.Metadata
		if next.AttachedTo == r.AttachedTo {
			return nil
		}
		r.AttachedTo, r.Owned, r.Compute = next.AttachedTo, false, ""
		if next.AttachedTo != "" {
			r.Compute, err = m.computeFor(ctx, r.Domain, next.AttachedTo)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	// The compute may have ended while it was attached to; its end then did not
	// see this port.
	if c := e.Value.Compute; c != "" {
		if _, err := m.computeFor(ctx, e.Value.Domain, c); err != nil {
			return nil, err
		}
		if _, there := m.computes.Domain(c); !there {
			if err := m.detachPort(ctx, id, c); err != nil {
				return nil, err
			}
		}
	}
	return m.showPort(ctx, &e.Value)
}

// Port returns a port that the viewer may know of.
func (m *Model) Port(ctx context.Context, viewer, id string) (*ifa006.Port, error) {
	e, err := get(ctx, m.ports, viewer, "port", id, func(r *portRecord) string { return r.Domain })
	if err != nil {
		return nil, err
	}
	return m.showPort(ctx, &e.Value)
}

func (m *Model) showPort(ctx context.Context, r *portRecord) (*ifa006.Port, error) {
	p := r.Port
	p.NfviSource = source
	if r.Compute == "" {
		return &p, nil
	}
	c, err := m.computes.Get(ctx, r.Compute)
	if err == nil && c.Value.HostID != "" {
		p.Isolated, err = m.isolated(ctx, c.Value.HostID, r.Domain)
	}
	return &p, ignoreGone(err)
}

// isolated says whether what a trust domain has on a host is isolated.
func (m *Model) isolated(ctx context.Context, host, domain string) (bool, error) {
	h, err := m.hosts.Get(ctx, host)
	return err == nil && h.Value.isolates(domain), ignoreGone(err)
}
