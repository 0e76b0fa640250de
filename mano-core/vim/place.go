package vim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// need is what a host must have to take a compute.
type need struct {
	compute      string
	of           string // its incarnation
	domain       string
	size         ifa006.Capacity
	equipment    ifa006.Equipment
	acceleration []string // capabilities
	zone         string   // this one and no other
	host         string   // this one and no other
	exclude      []string
	tried        map[string]string // hosts that refused, and why
	rules        *ifa006.Compute   // for its constraints
	groups       []groupRecord
}

// unfit says why a host cannot take the compute, as the index knows it, or "".
func (n *need) unfit(h *hint, zoneDown bool) string {
	switch {
	case n.tried[h.id] != "":
		return n.tried[h.id]
	case slices.Contains(n.exclude, h.id):
		return "excluded by the request"
	case n.zone != "" && n.zone != h.zone:
		return "in another zone than " + n.zone
	case zoneDown:
		return "in a zone that is not available"
	case h.state != ifa006.Enabled:
		return h.state
	case slices.Contains(h.stoppedFor, n.domain):
		return "stopped for this trust domain"
	case len(h.domains) > 0 && !slices.Contains(h.domains, n.domain):
		return "reserved for other trust domains"
	case mask(n.equipment)&^mask(h.equipment) != 0:
		return "without the security hardware that is needed (" + equipmentNames(n.equipment) + ")"
	case len(lacking(h.acceleration, n.acceleration)) > 0:
		return "without the acceleration that is needed (" + strings.Join(n.acceleration, ", ") + ")"
	}
	for i := range n.groups {
		g := &n.groups[i]
		if why := g.clash(n.compute, rulesOf(n.rules, g.Name), place{h.id, h.zone}); why != "" {
			return "ruled out by " + why
		}
	}
	if !within(n.size, h.free) {
		return "short of capacity"
	}
	return ""
}

func equipmentNames(e ifa006.Equipment) string {
	var names []string
	for _, x := range []struct {
		has  bool
		name string
	}{{e.TPM, "TPM"}, {e.HSM, "HSM"}, {e.HMEE, "HMEE"}} {
		if x.has {
			names = append(names, x.name)
		}
	}
	return strings.Join(names, ", ")
}

// choose returns a host that seems fit, or hub.Conflict with every reason why
// none is.
func (m *Model) choose(n *need) (host, zone string, err error) {
	host, zone, reasons := m.index.pick(n)
	if host != "" {
		return host, zone, nil
	}
	var told []string
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		told = append(told, fmt.Sprintf("%d %s", reasons[why], why))
	}
	if len(told) == 0 {
		told = []string{"the inventory is empty"}
	}
	text := fmt.Sprintf("no host can take compute %s (%s): hosts %s; free capacity, release or add hosts, or ask with other constraints",
		n.compute, sizeText(n.size), strings.Join(told, ", "))
	if n.host != "" {
		text = fmt.Sprintf("host %s cannot take compute %s (%s): it is %s; name another host or none", n.host, n.compute, sizeText(n.size), strings.TrimPrefix(told[0], "1 "))
	}
	return "", "", hub.E(hub.Conflict, "place compute", text, nil)
}

func sizeText(c ifa006.Capacity) string {
	return fmt.Sprintf("%d vCPUs, %d MiB memory, %d GiB disk", c.VCPUs, c.MemoryMiB, c.DiskGiB)
}

// needOf says what a compute needs in its present size.
func (m *Model) needOf(ctx context.Context, r *computeRecord) (*need, error) {
	flavour, err := m.flavour(ctx, r.FlavourID)
	if err != nil {
		return nil, err
	}
	groups, err := m.readGroups(ctx, &r.Want)
	if err != nil {
		return nil, err
	}
	return &need{
		compute: r.Want.ID, of: r.Incarnation, domain: r.Domain, size: r.Size, equipment: flavour.Equipment, zone: r.Want.ZoneID,
		acceleration: flavour.Acceleration,
		tried:        map[string]string{}, rules: &r.Want, groups: groups,
	}, nil
}

// occupy joins the compute's groups at a host and claims its size there. refused
// says why it may not be; then nothing is left of the attempt. Repeating it does
// no harm.
func (m *Model) occupy(ctx context.Context, r *computeRecord, n *need, at place, keep string) (refused string, err error) {
	// What another process has done for the same compute at another host stays.
	from := func(host string) bool { return host == at.Host && host != keep }
	refused, err = m.join(ctx, &r.Want, at)
	if err != nil {
		return "", err
	}
	if refused != "" {
		return "ruled out by " + refused, m.leaveGroups(ctx, &r.Want, from)
	}
	refused, err = m.claimHost(ctx, n, at)
	if err == nil && refused != "" {
		err = m.leaveGroups(ctx, &r.Want, from)
	}
	return refused, err
}

// claimHost puts the claim of a compute in the record of a host, which decides.
func (m *Model) claimHost(ctx context.Context, n *need, at place) (refused string, err error) {
	_, err = m.changeHost(ctx, at.Host, func(h *hostRecord) error {
		c, there := h.Claims[n.compute]
		if there && c.Of == n.of {
			return nil
		}
		if there { // of another compute of this ID: of an earlier one, or of one that followed ours
			if err := m.stillThere(ctx, n.compute, n.of); err != nil {
				return err
			}
			delete(h.Claims, n.compute)
		}
		if refused = n.refusedBy(h); refused != "" {
			return errRefused
		}
		if h.Claims == nil {
			h.Claims = map[string]claim{}
		}
		h.Claims[n.compute] = claim{Size: n.size, Domain: n.domain, Secure: secureSlots(n.equipment, n.compute), Uses: n.acceleration, Of: n.of}
		return nil
	})
	if refused != "" {
		return refused, nil
	}
	if err != nil {
		return "", fmt.Errorf("claim host %s: %w", at.Host, err)
	}
	return "", nil
}

// stillThere says whether a compute is the one that has its ID now, and
// hub.Precondition when it was removed.
func (m *Model) stillThere(ctx context.Context, id, incarnation string) error {
	e, err := m.computes.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && e.Value.Incarnation != incarnation {
		return hub.E(hub.Precondition, "place compute", fmt.Sprintf("compute %s was removed meanwhile", id), err)
	}
	return err
}

// refusedBy asks the host itself what the index was asked.
func (n *need) refusedBy(r *hostRecord) string {
	h := &hint{
		id: r.ID, zone: r.ZoneID, state: r.State, equipment: r.Equipment, free: minus(r.Total, r.allocated()),
		acceleration: r.Acceleration,
		domains:      r.TrustDomains, stoppedFor: slices.Collect(maps.Keys(r.Stops)),
	}
	sure := *n
	sure.tried, sure.groups = nil, nil // the groups were joined, which decides
	return sure.unfit(h, false)
}

// secureSlots names the slots of a host's security hardware that hold data of a
// compute that asks for them.
func secureSlots(e ifa006.Equipment, compute string) []string {
	var slots []string
	for name := range strings.SplitSeq(equipmentNames(e), ", ") {
		if name != "" {
			slots = append(slots, strings.ToLower(name)+"/"+compute)
		}
	}
	return slots
}

// changeHost changes a host by compare-and-set and keeps its sums true.
func (m *Model) changeHost(ctx context.Context, id string, fn func(*hostRecord) error) (*hostRecord, error) {
	e, err := m.hosts.Update(ctx, id, func(h *hostRecord) error {
		if err := fn(h); err != nil {
			return err
		}
		h.Allocated = h.allocated()
		h.Version++
		return nil
	})
	return &e.Value, err
}

// vacateHost drops the claim of an incarnation of a compute on a host; of any, when
// none is given.
func (m *Model) vacateHost(ctx context.Context, host, compute, of string) error {
	_, err := m.changeHost(ctx, host, func(h *hostRecord) error {
		if c := h.Claims[compute]; of == "" || c.Of == "" || c.Of == of {
			delete(h.Claims, compute)
		}
		return nil
	})
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return fmt.Errorf("free the capacity of host %s: %w", host, err)
	}
	return nil
}
