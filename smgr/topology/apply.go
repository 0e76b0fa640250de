package topology

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/smgr"
)

// Apply takes in what an event says, at once, and has what it cannot say read
// again in the background. It keeps the event for the inputs of later ones,
// durable when it returns, or when its decision is (see [Config].Judged). It may be
// repeated with the same event, and comes
// before [Topology.Input] of the event.
//
// Errors are hub.Invalid for an event that does not say what it is about, which
// is to be judged undecided, and hub.Unavailable when the store does not answer.
func (t *Topology) Apply(ctx context.Context, e smgr.Event) error {
	h, err := readEvent(&e)
	if err != nil {
		return err
	}
	t.take(h, &e)
	nsID := t.m.complete(h).NsID
	id := windowOf(nsID)
	switch {
	case e.Kind == hub.EventUnauthorizedAttempt:
		id = windowOfAttempts()
	case nsID == "" || e.Kind == hub.EventReview:
		return nil
	}
	entry := h.entry(&e)
	entry.NsID = nsID
	if e.Kind != hub.EventUnauthorizedAttempt {
		if alone, err := t.alone(ctx); err != nil || alone {
			if err == nil {
				err = t.enterAlone(ctx, nsID, entry, e.Key == smgr.KeyNs(nsID))
			}
			return err
		}
	}
	foreign, err := t.enter(ctx, id, entry)
	if err != nil {
		return err
	}
	if foreign != nil && e.Kind != hub.EventUnauthorizedAttempt {
		t.m.catchUp(nsID, foreign.Written)
	}
	return nil
}

// take changes the model by an event, and has read what it cannot say.
func (t *Topology) take(h *happening, e *smgr.Event) {
	for _, r := range t.m.apply(h, e.Kind, e.Time.UTC(), t.c.Now().UTC()) {
		t.refresh(r)
	}
}

// Follow is [Topology.Apply] of an event that another process judges, which keeps
// it for later inputs.
func (t *Topology) Follow(e smgr.Event) error {
	h, err := readEvent(&e)
	if err == nil {
		t.take(h, &e)
	}
	return err
}

// clockSkew is how far the clocks of two processes may be apart.
const clockSkew = 5 * time.Second

// catchUp marks an NS, and its VNFs, as not sure when another process took events
// of it in after this one read it.
func (m *model) catchUp(nsID string, written time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.nss.byID[nsID]
	if e == nil || e.learnt.After(written.Add(clockSkew)) {
		return
	}
	suspect(m, &m.nss, nsID)
	for _, v := range e.val.VnfIDs {
		suspect(m, &m.vnfs, v)
		for _, c := range m.computesOf.of(v) {
			if e := m.computes.byID[c]; e != nil {
				suspect(m, &m.hosts, e.val.HostID)
			}
		}
	}
}

// apply changes the model by an event and returns what is to be read.
func (m *model) apply(h *happening, kind hub.EventKind, at, now time.Time) []ref {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch kind {
	case hub.EventNsOperation:
		return m.applyNsOperation(h, at, now)
	case hub.EventNsChange:
		return m.applyNsChange(h, at, now)
	case hub.EventNsIdentifier:
		return m.applyNsIdentifier(h, at, now)
	case hub.EventComputeChange:
		if h.ResourceType == "COMPUTE" || h.ResourceType == "" {
			return m.applyCompute(h, at, now)
		}
	case hub.EventHostChange:
		return m.applyHost(h, at, now)
	case hub.EventImageChange:
		return m.applyImage(h, at, now)
	case hub.EventAlarm:
		return m.applyAlarm(h)
	case hub.EventUnauthorizedAttempt:
		return m.applyAttempt(h)
	}
	return nil // a review, a port: nothing is another than before
}

func (m *model) applyNsOperation(h *happening, at, now time.Time) []ref {
	id := h.subject.NsID
	if h.phase != result {
		if m.nss.byID[id] == nil {
			return []ref{{kindNs, id}}
		}
		return nil
	}
	suspect(m, &m.nss, id)
	for i := range h.Affected {
		a := &h.Affected[i]
		suspect(m, &m.vnfs, a.VnfInstanceID)
		tell(m, &m.vnfs, a.VnfInstanceID, at, now, false, func(v *vnf) {
			if a.VnfProfileID != "" {
				v.ProfileID = a.VnfProfileID
			}
		})
	}
	return []ref{{kindNs, id}}
}

func (m *model) applyNsIdentifier(h *happening, at, now time.Time) []ref {
	id := h.subject.NsID
	if h.operation == "DELETE" {
		if was := drop(m, &m.nss, id); was != nil {
			m.depart(was, nil, m.seq)
		}
		return []ref{{kindNs, id}}
	}
	if m.nss.byID[id] == nil {
		tell(m, &m.nss, id, at, now, true, func(n *ns) { n.ID, n.State = id, "NOT_INSTANTIATED" })
	}
	return []ref{{kindNs, id}}
}

func (m *model) applyNsChange(h *happening, at, now time.Time) []ref {
	nsID, id := h.subject.NsID, h.subject.VnfID
	wanted := []ref{{kindNs, nsID}}
	if id == "" {
		suspect(m, &m.nss, nsID)
		return wanted
	}
	if h.operation != "VNF_INSTANTIATE" && m.vnfs.byID[id] == nil && m.left.byID[id] != nil {
		return wanted // it is gone already
	}
	n, v := m.nss.byID[nsID], m.vnfs.byID[id]
	known := n != nil && v != nil && slices.Contains(n.val.VnfIDs, id)
	tell(m, &m.nss, nsID, at, now, true, func(n *ns) { n.join(nsID, id) })
	tell(m, &m.vnfs, id, at, now, true, func(v *vnf) {
		v.ID = id
		v.tellDetails(h.Vnf)
		v.tellChange(h.Change)
		if h.phase == result && h.outcome == "COMPLETED" {
			v.tellEnd(h.operation)
		}
	})
	if h.phase != result {
		if known && !n.unread() && !v.unread() { // nothing of it is another yet
			return nil
		}
		return wanted
	}
	// Our NFVO says what changed; of what it does not say, and from a foreign one,
	// only a reading knows.
	if h.Vnf == nil || h.outcome != "COMPLETED" || h.operation == "VNF_INSTANTIATE" || h.operation == "VNF_HEAL" || h.Change != nil && len(h.Change.Added) > 0 {
		suspect(m, &m.vnfs, id)
	}
	if h.operation == "VNF_TERMINATE" && h.outcome == "COMPLETED" {
		for _, c := range m.computesOf.of(id) {
			drop(m, &m.computes, c)
		}
	}
	m.moveComputes(id, h.Change, at, now)
	return wanted
}

// join adds a VNF to an NS that did not have it.
func (n *ns) join(nsID, vnfID string) {
	n.ID = nsID
	for _, v := range n.VnfIDs {
		if v == vnfID {
			return
		}
	}
	n.VnfIDs = sortedWith(n.VnfIDs, vnfID)
}

func (v *vnf) tellDetails(d *toldVnf) {
	if d == nil || d.ID != v.ID {
		return
	}
	for _, m := range []struct {
		to   *string
		said string
	}{{&v.VnfdID, d.VnfdID}, {&v.PkgID, d.PkgID}, {&v.ProfileID, d.ProfileID}} {
		if m.said != "" {
			*m.to = m.said
		}
	}
	if d.Integrity != nil && d.Integrity.Verdict != "" {
		v.Integrity = d.Integrity
	}
	if d.Connectivity != nil {
		v.Connectivity = d.Connectivity
	}
}

func (v *vnf) tellChange(c *toldChange) {
	if c == nil {
		return
	}
	if c.Version != nil {
		v.VnfdID, v.Version = c.Version.After.VnfdID, c.Version.After.Version
	}
	if c.Config != nil {
		v.Config = texts(c.Config.After)
	}
	if c.State != nil {
		v.Operational = oneOf(c.State.After, "STARTED", "STOPPED")
	}
	if len(c.Removed) > 0 {
		v.vnfcs = slices.DeleteFunc(slices.Clone(v.vnfcs), func(m member[string]) bool { return slices.Contains(c.Removed, m.key) })
		v.lose(c.Removed)
	}
}

// tellEnd is what the success of an operation says by itself.
func (v *vnf) tellEnd(operation string) {
	switch operation {
	case "VNF_INSTANTIATE":
		v.Instantiation = "INSTANTIATED"
	case "VNF_TERMINATE":
		v.Instantiation, v.Operational, v.vnfcs, v.Certificates = "NOT_INSTANTIATED", "", nil, nil
	}
}

// moveComputes applies where the NFVO says that the VNFCs of a VNF are now.
func (m *model) moveComputes(vnfID string, c *toldChange, at, now time.Time) {
	e := m.vnfs.byID[vnfID]
	if c == nil || e == nil {
		return
	}
	for _, of := range e.val.vnfcs {
		vnfc, id := of.key, of.val
		tell(m, &m.computes, id, at, now, false, func(v *compute) {
			if c.Location != nil {
				if p, ok := c.Location.After[vnfc]; ok && p.Host != "" {
					v.move(p.Host, p.Zone)
				}
			}
			if c.Image != nil && c.Image.After[vnfc] != "" {
				v.ImageID = c.Image.After[vnfc]
			}
		})
		m.follow(id)
	}
}

// move puts a compute on a host. Where that is physically, the host says.
func (v *compute) move(hostID, zoneID string) {
	if v.HostID != hostID {
		v.Location, v.Isolated = nil, nil
	}
	v.HostID = hostID
	if zoneID != "" {
		v.ZoneID = zoneID
	}
}

// follow gives a compute that moved the location of its host.
func (m *model) follow(id string) {
	e := m.computes.byID[id]
	if e == nil || e.val.Location != nil {
		return
	}
	if h := m.hosts.byID[e.val.HostID]; h != nil {
		is := *e.val
		is.Location, is.Isolated = h.val.Location, known(h.val.State == ifa006.Quarantined)
		e.val = &is
	}
}

func (m *model) applyCompute(h *happening, at, now time.Time) []ref {
	id := h.ResourceID
	wanted := []ref{{kindCompute, id}}
	var before string
	if e := m.computes.byID[id]; e != nil {
		before = e.val.HostID
	}
	if h.ChangeType == ifa006.ChangeDeleted {
		if e := m.computes.byID[id]; e == nil || !at.Before(e.at) {
			drop(m, &m.computes, id)
		}
		return m.useOf(wanted, before, h.HostID)
	}
	tell(m, &m.computes, id, at, now, h.ChangeType == ifa006.ChangeCreated, func(c *compute) {
		c.ID = id
		c.tellResource(h)
	})
	m.follow(id)
	switch h.ChangeType {
	case ifa006.ChangeCreated, ifa006.ChangeMigrated, ifa006.ChangeScaled:
		return m.useOf(wanted, before, h.Changed.FormerHostID, h.HostID, h.Changed.HostID)
	}
	return wanted
}

func (c *compute) tellResource(h *happening) {
	switch host := h.Changed.HostID; {
	case host != "":
		c.move(host, h.Changed.ZoneID)
	case h.HostID != "":
		c.move(h.HostID, h.ZoneID)
	}
	if h.Location != nil && c.HostID == h.HostID {
		c.Location = h.Location
	}
	for _, m := range []struct {
		to   *string
		said string
	}{{&c.FlavourID, h.Changed.FlavourID}, {&c.Operational, h.Changed.Operational}, {&c.Running, h.Changed.Running}} {
		if m.said != "" {
			*m.to = m.said
		}
	}
}

// useOf adds the hosts whose use changed to what is to be read.
func (m *model) useOf(wanted []ref, hosts ...string) []ref {
	seen := map[string]bool{"": true}
	for _, id := range hosts {
		if !seen[id] {
			seen[id] = true
			suspect(m, &m.hosts, id)
			wanted = append(wanted, ref{kindHost, id})
		}
	}
	return wanted
}

func (m *model) applyHost(h *happening, at, now time.Time) []ref {
	id := h.ResourceID
	wanted := []ref{{kindHost, id}}
	if h.ChangeType == ifa006.ChangeDeleted {
		drop(m, &m.hosts, id)
		return wanted
	}
	state := h.Changed.StateForDomain
	if state == "" {
		state = h.Changed.State
	}
	tell(m, &m.hosts, id, at, now, true, func(v *host) {
		v.ID = id
		if state != "" {
			v.State = state
		}
		if s := oneOf(h.Changed.Integrity, ifa006.IntegrityTrusted, ifa006.IntegrityUntrusted, ifa006.IntegrityUnknown); s != "" {
			v.Integrity = s
		}
		if h.ZoneID != "" {
			v.ZoneID = h.ZoneID
		}
		if h.Location != nil {
			v.Location = h.Location
		}
	})
	if state == "" {
		return wanted
	}
	for _, c := range m.computesOn.of(id) { // isolated with their host
		if state == ifa006.Quarantined {
			tell(m, &m.computes, c, at, now, false, func(v *compute) { v.Isolated = known(true) })
		}
		suspect(m, &m.computes, c)
		wanted = append(wanted, ref{kindCompute, c})
	}
	return wanted
}

func (m *model) applyImage(h *happening, at, now time.Time) []ref {
	id := h.ResourceID
	if h.ChangeType == ifa006.ChangeDeleted {
		drop(m, &m.images, id)
		return []ref{{kindImage, id}}
	}
	tell(m, &m.images, id, at, now, true, func(v *image) {
		v.ID = id
		if h.Changed.Checksum != nil {
			v.Checksum = h.Changed.Checksum
		}
		if h.Changed.Stated != nil {
			v.Stated = h.Changed.Stated
		}
	})
	return []ref{{kindImage, id}}
}

// applyAlarm has the managed object read: an alarm does not say what state it is
// in.
func (m *model) applyAlarm(h *happening) []ref {
	id := h.Alarm.ObjectID
	if m.hosts.byID[id] != nil || h.Alarm.HostID == id {
		return []ref{{kindHost, id}}
	}
	return []ref{{kindCompute, id}}
}

// applyAttempt has the package of a VNF read again whose VNFM was refused a grant:
// that is how an NFVO tells that it found the package altered when it used it.
func (m *model) applyAttempt(h *happening) []ref {
	v := m.vnfs.byID[h.subject.VnfID]
	if v == nil || v.val.PkgID == "" || !strings.HasPrefix(h.operation, "grant.request") {
		return nil
	}
	suspect(m, &m.pkgs, v.val.PkgID)
	return []ref{{kindPkg, v.val.PkgID}}
}
