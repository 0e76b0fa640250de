package nfvo

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// DomainKey is the metadata attribute by which the NFVO tells a VNFM which trust
// domain a VNF belongs to.
const DomainKey = "manoward.trustDomain"

// createVnf makes a VNF instance at the VNFM for a profile of the NS. The VNFM
// names it; the same key finds it again. A VNFM that ignores idempotency keys may
// be left with a VNF instance that was never instantiated after a crash.
func createVnf(ctx context.Context, r *run) error {
	var in sol003.CreateVnfRequest
	if err := r.params(&in); err != nil {
		return err
	}
	st := r.step()
	pkg, err := r.s.c.Packages.Use(ctx, r.domain, in.VnfdID)
	if err != nil {
		return err
	}
	if in.Metadata == nil {
		in.Metadata = sol003.KeyValuePairs{}
	}
	in.Metadata[DomainKey] = r.domain
	var made sol003.VnfInstance
	if _, err := r.s.onVnfm(ctx, "POST", "/vnf_instances", in, &made, r.key("create")); err != nil {
		return fmt.Errorf("create VNF instance: %w", err)
	}
	if made.ID == "" {
		return hub.E(hub.Unprocessable, "create VNF instance", "the VNFM created a VNF instance without an identifier; look at the VNFM", nil)
	}
	value := vnf{ProfileID: st.Profile, PkgID: pkg.VnfPkgID, Integrity: pkg.Integrity, NSs: []string{r.op.NsID}, Info: made, Security: pkg.VNFD.Security}
	if _, err := r.s.vnfs.Create(ctx, r.domain, made.ID, &value); err != nil && hub.CodeOf(err) != hub.Conflict {
		return err
	}
	if r.op.Slots == nil {
		r.op.Slots = map[string]string{}
	}
	r.op.Slots[st.Slot] = made.ID
	return r.changeNs(ctx, func(n *ns) {
		n.join(member{VnfID: made.ID, ProfileID: st.Profile, VnfdID: in.VnfdID, PkgID: pkg.VnfPkgID})
	})
}

func (n *ns) join(m member) {
	n.leave(m.VnfID)
	n.Members = append(n.Members, m)
}

func (n *ns) leave(vnfID string) {
	n.Members = slices.DeleteFunc(n.Members, func(m member) bool { return m.VnfID == vnfID })
}

// deleteVnf removes a VNF instance that is not instantiated.
func deleteVnf(ctx context.Context, r *run) error {
	id := r.vnfID()
	if id == "" {
		return nil
	}
	if _, err := r.s.onVnfm(ctx, "DELETE", "/vnf_instances/"+url.PathEscape(id), nil, nil, ""); ignoreGone(err) != nil {
		return fmt.Errorf("delete VNF instance %s: %w", id, err)
	}
	return forgetVnf(ctx, r)
}

// forgetVnf drops a VNF that the VNFM no longer has.
func forgetVnf(ctx context.Context, r *run) error {
	id := r.vnfID()
	if err := r.changeNs(ctx, func(n *ns) { n.leave(id) }); err != nil {
		return err
	}
	if err := r.s.flushVnf(ctx, id); err != nil {
		return ignoreGone(err)
	}
	return ignoreGone(r.s.vnfs.Delete(ctx, id, nil))
}

// addVnf makes an existing VNF a part of this NS too: it is shared.
func addVnf(ctx context.Context, r *run) error {
	e, err := r.s.vnfs.Update(ctx, r.step().VnfID, func(v *vnf) error {
		if v.Ending != "" {
			return errEnding(r.step().VnfID, v)
		}
		if !slices.Contains(v.NSs, r.op.NsID) {
			v.NSs = append(v.NSs, r.op.NsID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	v := &e.Value
	if r.step().Profile == "" {
		r.step().Profile = v.ProfileID
	}
	r.op.affectVnf(e.ID, r.step().Profile, &v.Info, "ADD", nil)
	return r.changeNs(ctx, func(n *ns) {
		n.join(member{VnfID: e.ID, ProfileID: r.step().Profile, VnfdID: v.Info.VnfdID, PkgID: v.PkgID})
	})
}

// errEnding refuses a VNF that another operation is about to end: its last NS has
// dropped it, so nobody would see to it that it lives on.
func errEnding(id string, v *vnf) error {
	return hub.E(hub.Conflict, "add VNF", fmt.Sprintf("VNF %s is being ended by operation %s; make another one", id, v.Ending), nil)
}

func unaddVnf(ctx context.Context, r *run) error {
	_, err := r.s.vnfs.Update(ctx, r.step().VnfID, func(v *vnf) error {
		v.NSs = slices.DeleteFunc(v.NSs, func(id string) bool { return id == r.op.NsID })
		return nil
	})
	if err := ignoreGone(err); err != nil {
		return err
	}
	return r.changeNs(ctx, func(n *ns) { n.leave(r.step().VnfID) })
}

// dropVnf takes a VNF out of this NS. If other NSs use it, it goes on living and
// the steps that end it are skipped (SOL 005, UpdateNsRequest NOTE 1). Which of
// two NSs drops it last is decided by the compare-and-set of the VNF.
func dropVnf(ctx context.Context, r *run) error {
	id, shared := r.vnfID(), false
	e, err := r.s.vnfs.Update(ctx, id, func(v *vnf) error {
		others := slices.DeleteFunc(slices.Clone(v.NSs), func(ns string) bool { return ns == r.op.NsID })
		if shared = len(others) > 0; shared {
			v.NSs = others
		} else {
			v.Ending = r.id
		}
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return r.changeNs(ctx, func(n *ns) { n.leave(id) })
	}
	if err != nil || !shared {
		return err
	}
	for i := r.i + 1; i < len(r.op.Steps); i++ {
		if st := &r.op.Steps[i]; st.VnfID == id && (st.Kind == stepVnfTask || st.Kind == stepVnfDelete || st.Kind == stepErase) {
			st.State = stepSkipped
		}
	}
	r.op.affectVnf(id, e.Value.ProfileID, &e.Value.Info, "REMOVE", nil)
	return r.changeNs(ctx, func(n *ns) { n.leave(id) })
}

// moveVnf makes a VNF a part of another NS of the same trust domain. The other NS
// takes it before this one lets it go, and only while no operation holds it: one
// that is being terminated would leave the VNF to nobody.
func moveVnf(ctx context.Context, r *run) error {
	var target string
	if err := r.params(&target); err != nil {
		return err
	}
	id := r.step().VnfID
	e, err := r.s.vnfs.Get(ctx, id)
	if err != nil {
		return err
	}
	m := member{VnfID: id, ProfileID: e.Value.ProfileID, VnfdID: e.Value.Info.VnfdID, PkgID: e.Value.PkgID}
	if _, err := r.s.nss.Update(ctx, target, func(n *ns) error { return n.takeOver(m) }); err != nil {
		return fmt.Errorf("move VNF %s to NS %s: %w", id, target, noNs(err))
	}
	e, err = r.s.vnfs.Update(ctx, id, func(v *vnf) error {
		v.NSs = slices.DeleteFunc(v.NSs, func(ns string) bool { return ns == r.op.NsID || ns == target })
		v.NSs = append(v.NSs, target)
		return nil
	})
	if err != nil {
		return err
	}
	r.op.affectVnf(id, e.Value.ProfileID, &e.Value.Info, "REMOVE", nil)
	return r.changeNs(ctx, func(n *ns) { n.leave(id) })
}

// takeOver lets a VNF join that comes from another NS. A repetition finds it
// there.
func (n *ns) takeOver(m member) error {
	switch {
	case slices.Contains(n.Members, m):
		return nil
	case n.State != instantiated:
		return hub.E(hub.Conflict, "move VNF", "the target NS is not instantiated; instantiate it first", nil)
	case n.Running != "":
		return hub.E(hub.Unavailable, "move VNF", "operation "+n.Running+" holds the target NS; retry when it has ended", nil)
	}
	n.join(m)
	return nil
}

// readVnf reads what the VNFM says of a VNF.
func (s *Service) readVnf(ctx context.Context, id string) (info sol003.VnfInstance, err error) {
	if _, err := s.c.VNFM.Do(ctx, "GET", "/vnf_instances/"+url.PathEscape(id), nil, &info); err != nil {
		return info, fmt.Errorf("read VNF instance %s: %w", id, err)
	}
	return info, nil
}

// look reads what a VNF is now: what the VNFM says, and where the VIM has its
// computes.
func (s *Service) look(ctx context.Context, id string) (sol003.VnfInstance, map[string]place, error) {
	info, err := s.readVnf(ctx, id)
	if err != nil {
		return info, nil, err
	}
	if info.InstantiatedVnfInfo == nil {
		return info, nil, nil
	}
	places := map[string]place{}
	for _, vnfc := range info.InstantiatedVnfInfo.VnfcResourceInfo {
		computeID := vnfc.ComputeResource.ResourceID
		var c ifa006.Compute
		_, err := s.c.VIM.Do(ctx, "GET", "/computes/"+url.PathEscape(computeID), nil, &c)
		if err := ignoreGone(err); err != nil {
			return info, nil, fmt.Errorf("read compute %s: %w", computeID, err)
		}
		places[computeID] = place{Host: c.HostID, Zone: c.ZoneID, Image: c.ImageID}
	}
	return info, places, nil
}
