package vim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// States of a zone.
const (
	zoneAvailable   = "AVAILABLE"
	zoneUnavailable = "UNAVAILABLE"
)

// Bounds of what an inventory may say.
const (
	maxMemoryMiB = 1 << 30
	maxDiskGiB   = 1 << 30
)

// Load takes an inventory in: what is new is made, what is there is changed to
// what the inventory says, and what the inventory does not name stays. Loading
// the same again changes nothing. It is checked whole before the first change;
// what contradicts the model, such as a capacity below what is allocated, is
// hub.Conflict or hub.Unprocessable. State, integrity and allocation of a host
// that is there are the model's own and not touched.
func (m *Model) Load(ctx context.Context, in ifa006.Inventory) error {
	if err := m.checkInventory(ctx, &in); err != nil {
		return err
	}
	for _, p := range in.NfviPops {
		p.NfviSource = ""
		if err := upsert(ctx, m.pops, p.ID, &popRecord{p}, func(r *popRecord) error { r.NfviPop = p; return nil }); err != nil {
			return fmt.Errorf("load NFVI-PoP %s: %w", p.ID, err)
		}
	}
	for _, z := range in.Zones {
		z.NfviSource = ""
		if err := upsert(ctx, m.zones, z.ID, &zoneRecord{z}, func(r *zoneRecord) error { r.Zone = z; return nil }); err != nil {
			return fmt.Errorf("load zone %s: %w", z.ID, err)
		}
	}
	for _, f := range in.Flavours {
		if _, err := m.AddFlavour(ctx, f); err != nil {
			return fmt.Errorf("load flavour %s: %w", f.ID, err)
		}
	}
	for _, h := range in.Hosts {
		if err := m.loadHost(ctx, h); err != nil {
			return fmt.Errorf("load host %s: %w", h.ID, err)
		}
	}
	return nil
}

// upsert makes a record, or changes the one there is.
func upsert[T any](ctx context.Context, k *state.Kind[T], id string, record *T, change func(*T) error) error {
	for {
		_, err := k.Create(ctx, All, id, record)
		if hub.CodeOf(err) != hub.Conflict {
			return err
		}
		_, err = k.Update(ctx, id, change)
		if hub.CodeOf(err) != hub.NotFound || ctx.Err() != nil {
			return err
		}
	}
}

func (m *Model) checkInventory(ctx context.Context, in *ifa006.Inventory) error {
	const op = "load inventory"
	pops, zones := map[string]bool{}, map[string]string{}
	for _, p := range in.NfviPops {
		if err := checkID(op, "nfviPopId", p.ID); err != nil {
			return err
		}
		pops[p.ID] = true
	}
	for i := range in.Zones {
		z := &in.Zones[i]
		if z.State == "" {
			z.State = zoneAvailable
		}
		if err := checkID(op, "zoneId", z.ID); err != nil {
			return err
		}
		if z.State != zoneAvailable && z.State != zoneUnavailable {
			return hub.E(hub.Invalid, op, fmt.Sprintf("zoneState %.40q of zone %s is neither AVAILABLE nor UNAVAILABLE", z.State, z.ID), nil)
		}
		if _, there := m.pops.Domain(z.NfviPopID); !there && !pops[z.NfviPopID] {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("zone %s names NFVI-PoP %.140q, which is not there; put it in the inventory", z.ID, z.NfviPopID), nil)
		}
		zones[z.ID] = z.NfviPopID
	}
	seen := map[string]bool{}
	for i := range in.Hosts {
		h := &in.Hosts[i]
		if seen[h.ID] {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("host %.140s stands twice in the inventory; leave one out", h.ID), nil)
		}
		seen[h.ID] = true
		if err := m.checkHost(ctx, h, zones); err != nil {
			return err
		}
	}
	for i := range in.Flavours {
		if err := checkFlavour(&in.Flavours[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkHost says whether a host of an inventory fits the model. zones are those
// of the same inventory, with their PoPs.
func (m *Model) checkHost(ctx context.Context, h *ifa006.Host, zones map[string]string) error {
	const op = "load inventory"
	if err := checkID(op, "hostId", h.ID); err != nil {
		return err
	}
	if c := h.Total; c.VCPUs < 1 || c.VCPUs > maxVCPUs || c.MemoryMiB < 1 || c.MemoryMiB > maxMemoryMiB || c.DiskGiB < 0 || c.DiskGiB > maxDiskGiB {
		return hub.E(hub.Invalid, op, fmt.Sprintf("totalCapacity of host %s (%s) is out of range: 1 to %d vCPUs, 1 to %d MiB, 0 to %d GiB", h.ID, sizeText(c), maxVCPUs, maxMemoryMiB, maxDiskGiB), nil)
	}
	pop, listed := zones[h.ZoneID]
	if !listed {
		z, err := m.zones.Get(ctx, h.ZoneID)
		if hub.CodeOf(err) == hub.NotFound {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("host %s names zone %.140q, which is not there; put it in the inventory", h.ID, h.ZoneID), nil)
		}
		if err != nil {
			return err
		}
		pop = z.Value.NfviPopID
	}
	if h.NfviPopID != "" && h.NfviPopID != pop {
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("host %s names NFVI-PoP %.140s, and its zone %s is in %s; correct one of them", h.ID, h.NfviPopID, h.ZoneID, pop), nil)
	}
	h.NfviPopID = pop
	for _, d := range h.TrustDomains {
		if err := checkDomain(op, d); err != nil {
			return err
		}
	}
	if err := checkAcceleration(op, "host "+h.ID, &h.Acceleration); err != nil {
		return err
	}
	if !slices.Contains([]string{"", ifa006.IntegrityTrusted, ifa006.IntegrityUntrusted, ifa006.IntegrityUnknown}, h.Integrity) {
		return hub.E(hub.Invalid, op, fmt.Sprintf("integrityState %.40q of host %s is none of TRUSTED, UNTRUSTED and UNKNOWN", h.Integrity, h.ID), nil)
	}
	e, err := m.hosts.Get(ctx, h.ID)
	if err != nil {
		return ignoreGone(err)
	}
	return contradicts(&e.Value, h)
}

// contradicts says why a host cannot become what an inventory says.
func contradicts(r *hostRecord, h *ifa006.Host) error {
	const op = "load inventory"
	if r.ZoneID != h.ZoneID && len(r.Claims) > 0 {
		return hub.E(hub.Conflict, op, fmt.Sprintf("host %s holds computes in zone %s and cannot be in zone %s; empty it first", h.ID, r.ZoneID, h.ZoneID), nil)
	}
	if used := r.allocated(); !within(used, h.Total) {
		return hub.E(hub.Conflict, op, fmt.Sprintf("host %s has %s allocated, more than the totalCapacity of the inventory (%s); empty it first or correct the inventory", h.ID, sizeText(used), sizeText(h.Total)), nil)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Claims)) {
		c := r.Claims[id]
		if len(h.TrustDomains) > 0 && !slices.Contains(h.TrustDomains, c.Domain) {
			return hub.E(hub.Conflict, op, fmt.Sprintf("host %s holds compute %s of trust domain %s, which the inventory does not allow on it; migrate it first", h.ID, id, c.Domain), nil)
		}
		if len(c.Secure) > 0 && mask(r.Equipment)&^mask(h.Equipment) != 0 {
			return hub.E(hub.Conflict, op, fmt.Sprintf("host %s holds compute %s, which uses security hardware that the inventory takes away; migrate it first", h.ID, id), nil)
		}
		if gone := lacking(h.Acceleration, c.Uses); len(gone) > 0 {
			return hub.E(hub.Conflict, op, fmt.Sprintf("host %s holds compute %s, which uses acceleration that the inventory takes away (%s); migrate it first", h.ID, id, strings.Join(gone, ", ")), nil)
		}
	}
	return nil
}

func (m *Model) loadHost(ctx context.Context, h ifa006.Host) error {
	fresh := &hostRecord{Host: h, Version: 1}
	fresh.State, fresh.StateReason, fresh.StateSince = ifa006.Enabled, "", m.Now().UTC()
	fresh.Allocated, fresh.ComputeIDs, fresh.StoppedFor, fresh.QuarantinedFor, fresh.NfviSource = ifa006.Capacity{}, nil, nil, nil, ""
	if fresh.Integrity == "" {
		fresh.Integrity = ifa006.IntegrityUnknown
	}
	return upsert(ctx, m.hosts, h.ID, fresh, func(r *hostRecord) error {
		if err := contradicts(r, &h); err != nil {
			return err
		}
		r.ZoneID, r.NfviPopID, r.Firmware, r.Equipment, r.Total = h.ZoneID, h.NfviPopID, h.Firmware, h.Equipment, h.Total
		r.Acceleration = h.Acceleration
		r.Location, r.TrustDomains = h.Location, h.TrustDomains
		r.Version++
		return nil
	})
}

// AddFlavour is Create Compute Flavour (IFA 006 clause 7.3.4.2). The same again
// returns what is there; another under its identifier is hub.Unprocessable.
func (m *Model) AddFlavour(ctx context.Context, want ifa006.Flavour) (*ifa006.Flavour, error) {
	want.NfviSource = ""
	if err := checkFlavour(&want); err != nil {
		return nil, err
	}
	request, err := digest(want)
	if err != nil {
		return nil, err
	}
	e, err := createOnce(ctx, m.flavours, "flavour", want.ID, request, func(r *flavourRecord) string { return r.Request }, &flavourRecord{want, request}, nil)
	if err != nil {
		return nil, err
	}
	return e.Value.show(), nil
}

func checkFlavour(f *ifa006.Flavour) error {
	const op = "create flavour"
	if err := checkID(op, "id", f.ID); err != nil {
		return err
	}
	if err := checkTexts(op, nil, f.Name); err != nil {
		return err
	}
	if c := f.Size; c.VCPUs < 1 || c.VCPUs > maxVCPUs || c.MemoryMiB < 1 || c.MemoryMiB > maxMemoryMiB || c.DiskGiB < 0 || c.DiskGiB > maxDiskGiB {
		return hub.E(hub.Invalid, op, fmt.Sprintf("size of flavour %s (%s) is out of range: 1 to %d vCPUs, 1 to %d MiB, 0 to %d GiB", f.ID, sizeText(c), maxVCPUs, maxMemoryMiB, maxDiskGiB), nil)
	}
	return checkAcceleration(op, "flavour "+f.ID, &f.Acceleration)
}

func (r *flavourRecord) show() *ifa006.Flavour {
	f := r.Flavour
	f.NfviSource = source
	return &f
}

// flavour returns a flavour that a request names, hub.Unprocessable if there is
// none.
func (m *Model) flavour(ctx context.Context, id string) (*flavourRecord, error) {
	e, err := m.flavours.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, hub.E(hub.Unprocessable, "find flavour", fmt.Sprintf("there is no flavour %.140q; create it, or name one of the list of flavours", id), nil)
	}
	return &e.Value, err
}

// Flavour returns a flavour.
func (m *Model) Flavour(ctx context.Context, id string) (*ifa006.Flavour, error) {
	e, err := m.flavours.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, notFound("flavour", id)
	}
	if err != nil {
		return nil, err
	}
	return e.Value.show(), nil
}

// DeleteFlavour is Delete Compute Flavour (clause 7.3.4.4). One that a compute has
// is refused.
func (m *Model) DeleteFlavour(ctx context.Context, id string) error {
	if used := m.computes.Find(termFlavour + id); len(used) > 0 {
		return hub.E(hub.Conflict, "delete flavour", fmt.Sprintf("%d computes have flavour %s, such as %s; scale or terminate them first", len(used), id, used[0]), nil)
	}
	if err := m.flavours.Delete(ctx, id, nil); hub.CodeOf(err) != hub.NotFound {
		return err
	}
	return notFound("flavour", id)
}
