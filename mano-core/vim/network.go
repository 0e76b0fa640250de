package vim

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// CreateNetwork is Allocate Virtualised Network Resource (IFA 006 clause 7.4.1.2).
// A network of the domain "hub" may be used by all.
func (m *Model) CreateNetwork(ctx context.Context, want ifa006.Network) (*ifa006.Network, error) {
	want.PortIDs, want.NfviSource = nil, ""
	if err := checkNetwork(&want); err != nil {
		return nil, err
	}
	request, err := digest(want)
	if err != nil {
		return nil, err
	}
	r := &networkRecord{made: made{Domain: want.TrustDomain, Request: request}, Network: want, Created: hub.NewID()}
	for i := range r.Subnets {
		if r.Subnets[i].ID == "" {
			r.Subnets[i].ID = hub.DeriveID("vim subnet", r.ID, r.Subnets[i].CIDR)
		}
	}
	r.Pending = []pending{m.changed(typeN, r.ID, r.Domain, ifa006.ChangeCreated, nil)}
	e, err := createOnce(ctx, m.networks, "network", r.ID, request, func(r *networkRecord) string { return r.Request }, r, nil)
	if err != nil {
		return nil, err
	}
	announce(ctx, m, m.networks, e)
	return m.showNetwork(&e.Value), nil
}

func checkNetwork(n *ifa006.Network) error {
	const op = "create network"
	if err := checkID(op, "id", n.ID); err != nil {
		return err
	}
	if err := checkDomain(op, n.TrustDomain); err != nil {
		return err
	}
	if err := checkTexts(op, n.Metadata, n.Name, n.Type); err != nil {
		return err
	}
	if len(n.Subnets) > 16 {
		return hub.E(hub.Invalid, op, "a network has at most 16 subnets; send fewer", nil)
	}
	var seen []netip.Prefix
	for _, s := range n.Subnets {
		prefix, err := subnetPrefix(s)
		if err != nil {
			return err
		}
		for _, other := range seen {
			if prefix.Overlaps(other) {
				return hub.E(hub.Unprocessable, op, fmt.Sprintf("subnets %s and %s overlap; choose ranges apart", other, prefix), nil)
			}
		}
		seen = append(seen, prefix)
	}
	return nil
}

// subnetPrefix reads the range of a subnet, whose other attributes must agree.
func subnetPrefix(s ifa006.Subnet) (netip.Prefix, error) {
	const op = "create network"
	prefix, err := netip.ParsePrefix(s.CIDR)
	if err != nil || prefix != prefix.Masked() || prefix.Addr().Is4In6() {
		return prefix, hub.E(hub.Invalid, op, fmt.Sprintf("cidr %.60q is no range of addresses; write it as 192.0.2.0/24 or 2001:db8::/64", s.CIDR), err)
	}
	version := 6
	if prefix.Addr().Is4() {
		version = 4
	}
	if s.IPVersion != 0 && s.IPVersion != version {
		return prefix, hub.E(hub.Unprocessable, op, fmt.Sprintf("ipVersion %d is not that of cidr %s", s.IPVersion, prefix), nil)
	}
	if s.GatewayIP != "" {
		if gateway, err := netip.ParseAddr(s.GatewayIP); err != nil || !prefix.Contains(gateway) {
			return prefix, hub.E(hub.Unprocessable, op, fmt.Sprintf("gatewayIp %.60q is no address of cidr %s", s.GatewayIP, prefix), err)
		}
	}
	if len(s.ID) > maxIDLen {
		return prefix, hub.E(hub.Invalid, op, fmt.Sprintf("the id of a subnet has %d bytes; choose at most %d", len(s.ID), maxIDLen), nil)
	}
	return prefix, nil
}

// DeleteNetwork is Terminate Virtualised Network Resource (clause 7.4.1.5). A
// network with ports is refused.
func (m *Model) DeleteNetwork(ctx context.Context, viewer, id string) error {
	if _, err := get(ctx, m.networks, viewer, "network", id, func(r *networkRecord) string { return r.Domain }); err != nil {
		return err
	}
	_, err := m.networks.Update(ctx, id, func(r *networkRecord) error { r.Phase = leaving; return nil })
	if hub.CodeOf(err) == hub.NotFound {
		return notFound("network", id)
	}
	if err != nil {
		return err
	}
	return m.settleNetwork(ctx, id)
}

// settleNetwork ends the removal of a network. The phase keeps new ports away
// while it is asked whether there are any.
func (m *Model) settleNetwork(ctx context.Context, id string) error {
	e, err := m.networks.Get(ctx, id)
	if err != nil || e.Value.Phase != leaving {
		return ignoreGone(err)
	}
	if ports := m.ports.Find(termNetwork + id); len(ports) > 0 {
		if _, err := m.networks.Update(ctx, id, func(r *networkRecord) error { r.Phase = ""; return nil }); err != nil {
			return ignoreGone(err)
		}
		return hub.E(hub.Conflict, "delete network", fmt.Sprintf("network %s has %d ports, such as %s; delete them first", id, len(ports), ports[0]), nil)
	}
	deleted := m.changed(typeN, id, e.Value.Domain, ifa006.ChangeDeleted, nil)
	deleted.ID = hub.DeriveID("vim network deleted", id, e.Value.Created) // the same, should it be told again
	for _, p := range append(e.Value.Pending, deleted) {
		if err := m.publish(ctx, p); err != nil {
			return err
		}
	}
	return ignoreGone(m.networks.Delete(ctx, id, nil))
}

// ignoreGone takes it as done that what was to be removed is gone.
func ignoreGone(err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// Network returns a network that the viewer may know of.
func (m *Model) Network(ctx context.Context, viewer, id string) (*ifa006.Network, error) {
	e, err := m.networks.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !sees(viewer, e.Value.Domain) && e.Value.Domain != All {
		return nil, notFound("network", id)
	}
	if err != nil {
		return nil, err
	}
	n := m.showNetwork(&e.Value)
	for _, p := range m.ports.Find(termNetwork + id) {
		if viewer == All || m.portOf(ctx, p, viewer) {
			n.PortIDs = append(n.PortIDs, p)
		}
	}
	return n, nil
}

// portOf says whether a port is of a trust domain.
func (m *Model) portOf(ctx context.Context, id, domain string) bool {
	e, err := m.ports.Get(ctx, id)
	return err == nil && e.Value.Domain == domain
}

func (m *Model) showNetwork(r *networkRecord) *ifa006.Network {
	n := r.Network
	n.NfviSource = source
	return &n
}
