package topology

import (
	"context"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// mostReadings bounds how often a host is read until two readings agree.
const mostReadings = 4

// readHost reads a host. Sc-Vi says what all trust domains use of it together and
// what is the domain's own, so other tenants are what is left. That is believed
// only when two readings around one of the computes agree: a compute that comes
// or grows meanwhile looks like somebody else's. Until they do, what was known
// before stands (see [model.otherTenants]), and the host is stale.
func (t *Topology) readHost(ctx context.Context, id string) error {
	var before *host
	for range mostReadings {
		is, sure, err := t.readHostOnce(ctx, id, before)
		if err != nil || sure {
			return err
		}
		var own []ref
		for _, c := range t.m.computesAt(is) {
			own = append(own, ref{kindCompute, c})
		}
		if err := t.parallel(ctx, own); err != nil {
			return err
		}
		before = is
	}
	return nil
}

// readHostOnce reads a host; before is the reading that it is compared with. sure
// says that no other reading would tell more.
func (t *Topology) readHostOnce(ctx context.Context, id string, before *host) (is *host, sure bool, err error) {
	a, number, at, err := one[ifa006.Host](ctx, t, ref{kindHost, id})
	defer t.m.end(number)
	if err != nil {
		return nil, true, settle(t, &t.m.hosts, id, number, err)
	}
	is = hostOf(a, t.c.TrustDomain)
	left, err := t.tenants(ctx, is)
	if err != nil {
		t.c.Log.Warn("cannot tell other tenants of a host", "host", id, "error", hub.SafeText(err))
	}
	told := err == nil && (left == noneLeft || before != nil && sameUse(before, is))
	if !t.m.takeHost(id, is, left, told, number, at) {
		t.refresh(ref{kindHost, id})
	}
	return is, told || err != nil, nil
}

// takeHost takes in a reading of a host with what is left of it, if that is told.
// It is false when there was an event meanwhile.
func (m *model) takeHost(id string, is *host, left int, told bool, number uint64, at time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if told {
		is.left, is.since = left, at
	} else {
		m.stand(id, is)
	}
	taken := learn(m, &m.hosts, id, number, at, is, false)
	if e := m.hosts.byID[id]; !told && e != nil && e.read == number {
		e.stale = true
	}
	return taken
}

// stand has what was known of other tenants stand in a reading that cannot tell.
func (m *model) stand(id string, is *host) {
	if e := m.hosts.byID[id]; e != nil {
		is.left, is.since = e.val.left, e.val.since
	}
}

// doubt marks a host as to be read again, whatever is under way.
func (m *model) doubt(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.hosts.byID[id]; e != nil {
		e.stale = true
	}
}

// computesAt are the computes of the domain on a host, as it says and as they do.
func (m *model) computesAt(h *host) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := slices.Concat(h.ComputeIDs, m.computesOn.of(h.ID))
	slices.Sort(all)
	return slices.Compact(all)
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
func (t *Topology) tenants(ctx context.Context, h *host) (int, error) {
	if t.m.lacksFlavour(h) {
		if err := t.readFlavours(ctx); err != nil {
			return notKnown, err
		}
	}
	t.m.mu.RLock()
	defer t.m.mu.RUnlock()
	return t.m.leftOn(h), nil
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

// otherTenants is what the input says of a host, and the time at which the oldest
// of it was learnt. While a host is read again, and while a compute comes or goes
// of which its last reading does not know, what was known last stands: somebody
// told, and nobody says otherwise yet. It stands for twice the time between two
// rebuilds at most. Of a host of which it was never known, nothing is said.
func (m *model) otherTenants(e *entry[host], now time.Time) (*bool, time.Time) {
	h := e.val
	is, since := m.leftOn(h), e.learnt
	if is != noneLeft && (is != h.left || !h.since.Equal(e.learnt)) {
		is, since = h.left, h.since
		if now.Sub(since) >= m.stands {
			is = notKnown
		}
	}
	switch is {
	case noneLeft:
		return known(false), since
	case someLeft:
		return known(true), since
	}
	return nil, e.learnt
}
