package vim

import (
	"context"
	"iter"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/state"
)

// Query narrows a list to what the index knows. Each that is not empty allows
// these values only; the list may still hold more than what is asked for, and
// never less.
type Query struct {
	HostIDs      []string
	ZoneIDs      []string
	TrustDomains []string
	VnfIDs       []string // metadata/vnfInstanceId
	NetworkIDs   []string
	States       []string // operational states of computes
	ComputeIDs   []string // what is attached to it, or a snapshot of it
}

// Compute returns a compute that the viewer may know of, with where it is.
func (m *Model) Compute(ctx context.Context, viewer, id string) (*ifa006.Compute, error) {
	e, err := get(ctx, m.computes, viewer, "compute", id, func(r *computeRecord) string { return r.Domain })
	if err != nil {
		return nil, err
	}
	if e.Value.hidden() {
		return nil, notFound("compute", id)
	}
	return m.showCompute(ctx, &e.Value)
}

// hidden reports whether a compute is not there for those who ask: it has no
// place yet, or its end is decided and may have been told already.
func (r *computeRecord) hidden() bool { return r.Phase == placing || r.Phase == leaving }

// showCompute gathers what is kept elsewhere: where the host is, what of its
// security hardware is used, ports and storages.
func (m *Model) showCompute(ctx context.Context, r *computeRecord) (*ifa006.Compute, error) {
	c := r.Compute
	c.NfviSource, c.ContentChecksum, c.Constraints, c.ExcludeHosts = source, sha256Of(r.Content), r.Want.Constraints, nil
	h, err := m.hosts.Get(ctx, r.HostID)
	if err == nil {
		location := h.Value.Location
		claimed := h.Value.Claims[r.ID]
		c.Location, c.SecureStorage, c.Acceleration, c.Isolated = &location, claimed.Secure, claimed.Uses, h.Value.isolates(r.Domain)
	}
	if err := ignoreGone(err); err != nil {
		return nil, err
	}
	for _, id := range m.ports.Find(termAttached + r.ID) {
		p, err := m.ports.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		port := p.Value.Port
		port.NfviSource, port.Isolated = source, c.Isolated
		c.Ports = append(c.Ports, port)
	}
	for _, id := range m.storages.Find(termAttached + r.ID) {
		s, err := m.storages.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		storage := s.Value.Storage
		storage.NfviSource, storage.HostID, storage.ContentChecksum = source, r.HostID, sha256Of(s.Value.Content)
		c.Storages = append(c.Storages, storage)
	}
	return &c, nil
}

// listOf makes the source of a list: the records that the terms lead to, each set
// of terms narrowing it, or all; of them those that show shows.
func listOf[T any](ctx context.Context, k *state.Kind[T], sets [][]string, show func(*T) (any, error)) httpapi.Source {
	return func(after string) iter.Seq2[httpapi.Item, error] {
		all := func(string) bool { return true }
		entries := k.List(ctx, all, after)
		if len(sets) > 0 {
			ids := narrow(k, sets)
			from, found := slices.BinarySearch(ids, after)
			if found {
				from++
			}
			entries = k.Among(ctx, all, ids[from:])
		}
		return func(yield func(httpapi.Item, error) bool) {
			for e, err := range entries {
				if err != nil {
					yield(httpapi.Item{}, err)
					return
				}
				shown, err := show(&e.Value)
				if shown == nil && err == nil {
					continue
				}
				if !yield(httpapi.Item{Key: e.ID, Value: shown}, err) || err != nil {
					return
				}
			}
		}
	}
}

// narrow returns the sorted IDs of the smallest of the sets; the list's filter
// does the rest.
func narrow[T any](k *state.Kind[T], sets [][]string) []string {
	var best []string
	for i, terms := range sets {
		var ids []string
		for _, t := range terms {
			ids = append(ids, k.Find(t)...)
		}
		if i == 0 || len(ids) < len(best) {
			best = ids
		}
	}
	slices.Sort(best)
	return slices.Compact(best)
}

// terms turns what a query asks into sets of terms.
func (q Query) terms(viewer string, shared bool) [][]string {
	var sets [][]string
	add := func(prefix string, values []string) {
		if len(values) == 0 {
			return
		}
		var set []string
		for _, v := range values {
			set = append(set, prefix+v)
		}
		sets = append(sets, set)
	}
	own := []string{viewer}
	if shared {
		own = append(own, All)
	}
	if viewer != All {
		add(termDomain, own)
	}
	add(termDomain, q.TrustDomains)
	add(termHost, q.HostIDs)
	add(termZone, q.ZoneIDs)
	add(termState, q.States)
	add(termVnf, q.VnfIDs)
	add(termNetwork, q.NetworkIDs)
	add(termAttached, q.ComputeIDs)
	return sets
}

// Computes lists the computes that the viewer may know of.
func (m *Model) Computes(ctx context.Context, viewer string, q Query) httpapi.Source {
	sets := Query{HostIDs: q.HostIDs, ZoneIDs: q.ZoneIDs, TrustDomains: q.TrustDomains, VnfIDs: q.VnfIDs, States: q.States}.terms(viewer, false)
	return listOf(ctx, m.computes, sets, func(r *computeRecord) (any, error) {
		if r.hidden() || !sees(viewer, r.Domain) {
			return nil, nil
		}
		return m.showCompute(ctx, r)
	})
}

// Hosts lists the hosts that hold or may hold what is of the viewer's domain.
func (m *Model) Hosts(ctx context.Context, viewer string, q Query) httpapi.Source {
	var sets [][]string
	if viewer != All {
		sets = append(sets, []string{termServes + viewer, termServes + "*"})
	}
	if len(q.ZoneIDs) > 0 {
		sets = append(sets, Query{ZoneIDs: q.ZoneIDs}.terms(All, false)...)
	}
	return listOf(ctx, m.hosts, sets, func(r *hostRecord) (any, error) {
		if !r.serves(viewer) {
			return nil, nil
		}
		return r.show(viewer), nil
	})
}

// Images lists the images of the viewer's domain and those for all.
func (m *Model) Images(ctx context.Context, viewer string, q Query) httpapi.Source {
	sets := Query{TrustDomains: q.TrustDomains}.terms(viewer, true)
	return listOf(ctx, m.images, sets, func(r *imageRecord) (any, error) {
		if !sees(viewer, r.Domain) && r.Domain != All {
			return nil, nil
		}
		return r.show(), nil
	})
}

// Networks lists the networks of the viewer's domain and those for all, without
// their ports.
func (m *Model) Networks(ctx context.Context, viewer string, q Query) httpapi.Source {
	sets := Query{TrustDomains: q.TrustDomains, VnfIDs: q.VnfIDs}.terms(viewer, true)
	return listOf(ctx, m.networks, sets, func(r *networkRecord) (any, error) {
		if !sees(viewer, r.Domain) && r.Domain != All {
			return nil, nil
		}
		return m.showNetwork(r), nil
	})
}

// Ports lists the ports that the viewer may know of.
func (m *Model) Ports(ctx context.Context, viewer string, q Query) httpapi.Source {
	sets := Query{TrustDomains: q.TrustDomains, VnfIDs: q.VnfIDs, NetworkIDs: q.NetworkIDs, ComputeIDs: q.ComputeIDs}.terms(viewer, false)
	return listOf(ctx, m.ports, sets, func(r *portRecord) (any, error) {
		if !sees(viewer, r.Domain) {
			return nil, nil
		}
		return m.showPort(ctx, r)
	})
}

// Storages lists the storages that the viewer may know of.
func (m *Model) Storages(ctx context.Context, viewer string, q Query) httpapi.Source {
	sets := Query{TrustDomains: q.TrustDomains, VnfIDs: q.VnfIDs, ComputeIDs: q.ComputeIDs}.terms(viewer, false)
	return listOf(ctx, m.storages, sets, func(r *storageRecord) (any, error) {
		if !sees(viewer, r.Domain) {
			return nil, nil
		}
		return m.showStorage(ctx, r)
	})
}

// Snapshots lists the snapshots that the viewer may know of.
func (m *Model) Snapshots(ctx context.Context, viewer string, q Query) httpapi.Source {
	sets := Query{TrustDomains: q.TrustDomains, VnfIDs: q.VnfIDs}.terms(viewer, false)
	for _, c := range q.ComputeIDs {
		sets = append(sets, []string{termCompute + c})
	}
	return listOf(ctx, m.snapshots, sets, func(r *snapshotRecord) (any, error) {
		if !sees(viewer, r.Domain) {
			return nil, nil
		}
		return r.show(), nil
	})
}

// Flavours lists the compute flavours that are public or that a compute of the
// viewer's domain has.
func (m *Model) Flavours(ctx context.Context, viewer string) httpapi.Source {
	return listOf(ctx, m.flavours, nil, func(r *flavourRecord) (any, error) {
		if viewer != All && !r.IsPublic && len(m.computes.Find(termUses+viewer+" "+r.ID)) == 0 {
			return nil, nil
		}
		return r.show(), nil
	})
}

// servedIn says whether a host of a zone or PoP serves the viewer's domain.
func (m *Model) servedIn(viewer, place string) bool {
	return viewer == All || len(m.hosts.Find(servesIn("*", place))) > 0 || len(m.hosts.Find(servesIn(viewer, place))) > 0
}

// Zones lists the resource zones in which a host serves the viewer's domain.
func (m *Model) Zones(ctx context.Context, viewer string) httpapi.Source {
	return listOf(ctx, m.zones, nil, func(r *zoneRecord) (any, error) {
		if !m.servedIn(viewer, r.ID) {
			return nil, nil
		}
		z := r.Zone
		z.NfviSource = source
		return &z, nil
	})
}

// NfviPops lists the NFVI-PoPs in which a host serves the viewer's domain.
func (m *Model) NfviPops(ctx context.Context, viewer string) httpapi.Source {
	return listOf(ctx, m.pops, nil, func(r *popRecord) (any, error) {
		if !m.servedIn(viewer, r.ID) {
			return nil, nil
		}
		p := r.NfviPop
		p.NfviSource = source
		return &p, nil
	})
}

// Owner returns the trust domain that a resource of a collection of the API
// belongs to, hub.NotFound when there is none.
func (m *Model) Owner(ctx context.Context, collection, id string) (string, error) {
	switch collection {
	case "computes":
		return ownerOf(ctx, m.computes, "compute", id, func(r *computeRecord) string { return r.Domain })
	case "images":
		return ownerOf(ctx, m.images, "image", id, func(r *imageRecord) string { return r.Domain })
	case "networks":
		return ownerOf(ctx, m.networks, "network", id, func(r *networkRecord) string { return r.Domain })
	case "ports":
		return ownerOf(ctx, m.ports, "port", id, func(r *portRecord) string { return r.Domain })
	case "storages":
		return ownerOf(ctx, m.storages, "storage", id, func(r *storageRecord) string { return r.Domain })
	case "alarms":
		return m.alarmOwner(ctx, id)
	case "measurements":
		return m.measuredOwner(ctx, id)
	case "snapshots":
		return ownerOf(ctx, m.snapshots, "snapshot", id, func(r *snapshotRecord) string { return r.Domain })
	}
	return "", hub.E(hub.Internal, "find owner", "no such collection", nil)
}

func ownerOf[T any](ctx context.Context, k *state.Kind[T], what, id string, domain func(*T) string) (string, error) {
	e, err := get(ctx, k, All, what, id, domain)
	if err != nil {
		return "", err
	}
	return domain(&e.Value), nil
}
