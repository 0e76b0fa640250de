package topology

import (
	"context"
	"slices"
)

// Place is where a VNF instance is used: an NS, and the profile that it has there.
type Place struct {
	NsInstanceID string
	VnfProfileID string // empty: not known
}

// Profile is a VNF profile of an NS as it stands.
type Profile struct {
	MinInstances   int      // 0: none is known
	VnfInstanceIDs []string // its instances, without those that are known to have ended; sorted
}

// NsIDs returns the identifiers of up to most NSs after one, sorted. Until the
// model was read whole it is hub.Unavailable: who goes through all NSs would miss
// some.
func (t *Topology) NsIDs(ctx context.Context, after string, most int) ([]string, error) {
	if err := t.Check(ctx); err != nil {
		return nil, err
	}
	t.m.mu.RLock()
	ids := []string{}
	for id := range t.m.nss.byID {
		if id > after {
			ids = append(ids, id)
		}
	}
	t.m.mu.RUnlock()
	slices.Sort(ids)
	return ids[:min(len(ids), most)], nil
}

// Places lists the NSs that use a VNF, sorted; none when the VNF is not known. It
// never fails.
func (t *Topology) Places(_ context.Context, vnfInstanceID string) ([]Place, error) {
	t.m.mu.RLock()
	defer t.m.mu.RUnlock()
	var out []Place
	for _, id := range t.m.nsOfVnf.of(vnfInstanceID) {
		out = append(out, Place{NsInstanceID: id, VnfProfileID: t.m.profileIn(t.m.nss.byID[id].val, vnfInstanceID)})
	}
	return out, nil
}

// profileIn is the profile of a VNF in an NS: what the NS says of it, or else
// what the VNF is known by.
func (m *model) profileIn(n *ns, vnfID string) string {
	if p := n.profiles.get(vnfID); p != "" {
		return p
	}
	if e := m.vnfs.byID[vnfID]; e != nil {
		return e.val.ProfileID
	}
	return ""
}

// Profile returns what is known of a VNF profile of an NS. It never fails.
func (t *Topology) Profile(_ context.Context, nsInstanceID, vnfProfileID string) (Profile, error) {
	t.m.mu.RLock()
	defer t.m.mu.RUnlock()
	var out Profile
	n := t.m.nss.byID[nsInstanceID]
	if n == nil {
		return out, nil
	}
	for _, id := range n.val.VnfIDs {
		e := t.m.vnfs.byID[id]
		if e == nil || t.m.profileIn(n.val, id) != vnfProfileID {
			continue
		}
		if e.val.MinInstances != nil {
			out.MinInstances = *e.val.MinInstances
		}
		if e.val.Instantiation != "NOT_INSTANTIATED" {
			out.VnfInstanceIDs = append(out.VnfInstanceIDs, id)
		}
	}
	return out, nil
}

// CoHosted lists the trust domain's other VNFs with a compute on a host of a VNF,
// sorted. It never fails.
func (t *Topology) CoHosted(_ context.Context, vnfInstanceID string) ([]string, error) {
	t.m.mu.RLock()
	defer t.m.mu.RUnlock()
	var out []string
	for _, id := range t.m.computesOf.of(vnfInstanceID) {
		if e := t.m.computes.byID[id]; e != nil && e.val.HostID != "" {
			out = append(out, t.m.vnfsOn(e.val.HostID)...)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(id string) bool { return id == vnfInstanceID }), nil
}

// OnHost lists the trust domain's VNFs with a compute on a host, sorted. It never
// fails.
func (t *Topology) OnHost(_ context.Context, hostID string) ([]string, error) {
	t.m.mu.RLock()
	defer t.m.mu.RUnlock()
	return t.m.vnfsOn(hostID), nil
}

func (m *model) vnfsOn(hostID string) []string {
	var out []string
	for _, c := range m.computesOn.of(hostID) {
		if v := m.vnfOfCompute(c); v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
