package topology

import (
	"context"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// readHost reads a host. Sc-Vi says what all trust domains use of it together and
// what is the domain's own, so other tenants are what is left. That is believed
// only when two readings around one of the computes agree: a compute that comes
// or grows meanwhile looks like somebody else's.
func (t *Topology) readHost(ctx context.Context, id string) error {
	first, err := t.readHostOnce(ctx, id, nil)
	if err != nil || first == nil || t.tenants(ctx, first) != someLeft {
		return err
	}
	var own []ref
	for _, c := range first.ComputeIDs {
		own = append(own, ref{kindCompute, c})
	}
	if err := t.parallel(ctx, own); err != nil {
		return err
	}
	_, err = t.readHostOnce(ctx, id, first)
	return err
}

// readHostOnce reads a host; before is the reading that it is compared with.
// Nothing is returned of a host that there is not.
func (t *Topology) readHostOnce(ctx context.Context, id string, before *host) (*host, error) {
	a, number, at, err := one[ifa006.Host](ctx, t, ref{kindHost, id})
	defer t.m.end(number)
	if err != nil {
		return nil, settle(t, &t.m.hosts, id, number, err)
	}
	is := hostOf(a, t.c.TrustDomain)
	if before != nil && sameUse(before, is) && t.tenants(ctx, is) == someLeft {
		is.OtherTenants = known(true)
	}
	if !take(t.m, &t.m.hosts, id, number, at, is) {
		t.refresh(ref{kindHost, id})
	}
	return is, nil
}

func sameUse(a, b *host) bool {
	return a.allocated == b.allocated && slices.Equal(a.ComputeIDs, b.ComputeIDs)
}

// What is left of a host's use beside the domain's own.
const (
	notKnown = iota
	noneLeft
	someLeft
)

// tenants says whether something is left, and reads the flavours if one is not
// known.
func (t *Topology) tenants(ctx context.Context, h *host) int {
	if t.m.lacksFlavour(h) {
		if err := t.readFlavours(ctx); err != nil {
			t.c.Log.Warn("cannot tell other tenants of a host", "host", h.ID, "error", hub.SafeText(err))
			return notKnown
		}
	}
	t.m.mu.RLock()
	defer t.m.mu.RUnlock()
	return t.m.leftOn(h)
}

func (m *model) lacksFlavour(h *host) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range h.ComputeIDs {
		if e := m.computes.byID[id]; e != nil {
			if _, there := m.flavours[e.val.FlavourID]; !there {
				return true
			}
		}
	}
	return false
}

// leftOn compares what is used of a host with what the domain's computes on it
// take. It is not known when one of them is not known, or when the model has
// others on the host than the VIM says.
func (m *model) leftOn(h *host) int {
	if !slices.Equal(h.ComputeIDs, m.computesOn.of(h.ID)) && len(h.ComputeIDs)+len(m.computesOn.of(h.ID)) > 0 {
		return notKnown
	}
	var own ifa006.Capacity
	for _, id := range h.ComputeIDs {
		e := m.computes.byID[id]
		if e == nil {
			return notKnown
		}
		size, there := m.flavours[e.val.FlavourID]
		if !there {
			return notKnown
		}
		own.VCPUs += size.VCPUs
		own.MemoryMiB += size.MemoryMiB
	}
	vcpus, memory := h.allocated.VCPUs-own.VCPUs, h.allocated.MemoryMiB-own.MemoryMiB
	switch {
	case vcpus == 0 && memory == 0:
		return noneLeft
	case vcpus >= 0 && memory >= 0:
		return someLeft
	}
	return notKnown
}

// otherTenants is what the input says of a host.
func (m *model) otherTenants(h *host) *bool {
	switch m.leftOn(h) {
	case noneLeft:
		return known(false)
	case someLeft:
		return h.OtherTenants
	}
	return nil
}
