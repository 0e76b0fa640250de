package vim

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// isolates says whether what a trust domain has on the host is isolated.
func (r *hostRecord) isolates(domain string) bool {
	return r.State == ifa006.Quarantined || r.Before == ifa006.Quarantined || r.Stops[domain].Quarantine
}

// show returns the host as a trust domain may see it: of other domains it tells
// how much capacity they use together, and nothing else.
func (r *hostRecord) show(viewer string) *ifa006.Host {
	h := r.Host
	h.NfviSource, h.ComputeIDs, h.StoppedFor, h.QuarantinedFor = source, nil, nil, nil
	h.TrustDomains = slices.DeleteFunc(slices.Clone(h.TrustDomains), func(d string) bool { return !sees(viewer, d) })
	for id, c := range r.Claims {
		if sees(viewer, c.Domain) {
			h.ComputeIDs = append(h.ComputeIDs, id)
		}
	}
	slices.Sort(h.ComputeIDs)
	for _, d := range slices.Sorted(maps.Keys(r.Stops)) {
		if !sees(viewer, d) {
			continue
		}
		h.StoppedFor = append(h.StoppedFor, d)
		if r.Stops[d].Quarantine {
			h.QuarantinedFor = append(h.QuarantinedFor, d)
		}
		if viewer != All && h.StateReason == "" {
			h.StateReason = r.Stops[d].Reason
		}
	}
	return &h
}

// serves says whether the host holds or may hold what is of a trust domain.
func (r *hostRecord) serves(viewer string) bool {
	return viewer == All || len(r.TrustDomains) == 0 || slices.Contains(r.concerned(), viewer)
}

// Host returns a host as the viewer may see it, hub.NotFound if it may not.
func (m *Model) Host(ctx context.Context, viewer, id string) (*ifa006.Host, error) {
	e, err := m.hosts.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !e.Value.serves(viewer) {
		return nil, notFound("host", id)
	}
	if err != nil {
		return nil, err
	}
	return e.Value.show(viewer), nil
}

// stopHost ends the use of a host: it takes no more computes, of one trust domain
// or of any. quarantine isolates what is on it as well.
func (m *Model) stopHost(ctx context.Context, id string, req *ifa006.StopUseRequest, quarantine bool) error {
	return m.changeHostBy(ctx, id, func(h *hostRecord) error {
		if req.TrustDomain != "" {
			return m.stopFor(h, req, quarantine)
		}
		next := ifa006.Stopped
		if quarantine {
			next = ifa006.Quarantined
		}
		current := &h.State
		if h.State == ifa006.Failed {
			current = &h.Before // takes effect when it recovers
		}
		if *current == next || *current == ifa006.Quarantined {
			return nil
		}
		*current, h.StateReason, h.StateSince = next, req.Reason, m.Now().UTC()
		h.Pending = append(h.Pending, m.changedHost(h, ifa006.ChangeState, map[string]any{"state": next}))
		return nil
	})
}

func (m *Model) stopFor(h *hostRecord, req *ifa006.StopUseRequest, quarantine bool) error {
	s, there := h.Stops[req.TrustDomain]
	if there && (s.Quarantine || !quarantine) {
		return nil
	}
	if h.Stops == nil {
		h.Stops = map[string]stop{}
	}
	h.Stops[req.TrustDomain] = stop{Reason: req.Reason, Since: m.Now().UTC(), Quarantine: quarantine}
	state := ifa006.Stopped
	if quarantine {
		state = ifa006.Quarantined
	}
	p := m.changedHost(h, ifa006.ChangeState, map[string]any{"stateForTrustDomain": state})
	p.Domains = []string{req.TrustDomain}
	h.Pending = append(h.Pending, p)
	return nil
}

// Release lifts the stop of use and the quarantine that bind one trust domain, or
// with an empty one all there are. A host that is not stopped stays as it is; one
// that has failed is released when it recovers.
func (m *Model) Release(ctx context.Context, id, domain string) error {
	if err := m.noJob(ctx, id, domain); err != nil {
		return err
	}
	return m.changeHostBy(ctx, id, func(h *hostRecord) error {
		var lifted []string
		for d := range h.Stops {
			if domain == "" || d == domain {
				delete(h.Stops, d)
				lifted = append(lifted, d)
			}
		}
		if len(lifted) > 0 {
			slices.Sort(lifted)
			p := m.changedHost(h, ifa006.ChangeState, map[string]any{"stateForTrustDomain": ifa006.Enabled})
			p.Domains = lifted
			h.Pending = append(h.Pending, p)
		}
		current := &h.State
		if h.State == ifa006.Failed {
			current = &h.Before
		}
		if domain == "" && *current != ifa006.Enabled {
			*current, h.StateReason, h.StateSince = ifa006.Enabled, "", m.Now().UTC()
			h.Pending = append(h.Pending, m.changedHost(h, ifa006.ChangeState, map[string]any{"state": h.State}))
		}
		return nil
	})
}

// noJob refuses a release while a stop of use is still being carried out.
func (m *Model) noJob(ctx context.Context, host, domain string) error {
	for _, id := range m.jobs.Find(termBusy) {
		e, err := m.jobs.Get(ctx, id)
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			return err
		}
		if err == nil && e.Value.State == jobProcessing && e.Value.HostID == host && (domain == "" || e.Value.Request.TrustDomain == domain) {
			return hub.E(hub.Conflict, "release host", fmt.Sprintf("the stop of use %s of host %s is still being carried out; wait for its end", id, host), nil)
		}
	}
	return nil
}
