package vnfm

import (
	"context"
	"iter"
	"net/http"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// Snapshot returns a VNF snapshot resource, hub.NotFound if there is none.
func (s *Service) Snapshot(ctx context.Context, id string) (state.Entry[Snapshot], error) {
	return presentSnapshot(s.snapshots.Get(ctx, id))
}

// SnapshotIn is to Snapshot what [Service.VNFIn] is to VNF.
func (s *Service) SnapshotIn(ctx context.Context, domain, id string) (state.Entry[Snapshot], error) {
	return presentSnapshot(s.snapshots.GetIn(ctx, domain, id))
}

func presentSnapshot(e state.Entry[Snapshot], err error) (state.Entry[Snapshot], error) {
	if hub.CodeOf(err) == hub.NotFound {
		return e, notFound("VNF snapshot")
	}
	return e, err
}

// Snapshots yields the snapshots after an ID, in order, of the domains that
// visible allows.
func (s *Service) Snapshots(ctx context.Context, visible func(domain string) bool, after string) iter.Seq2[state.Entry[Snapshot], error] {
	return s.snapshots.List(ctx, visible, after)
}

// CreateSnapshotInfo makes an empty snapshot resource (SOL 003 clause 5.4.23.3.1),
// which CreateSnapshot fills. created is false for a repetition.
func (s *Service) CreateSnapshotInfo(ctx context.Context, c Caller, domain string, in sol003.CreateVnfSnapshotInfoRequest) (id string, created bool, err error) {
	if in.VnfSnapshot != nil {
		return "", false, invalid("vnfSnapshot: snapshots that were taken elsewhere are not taken in; leave the attribute out and use create_snapshot")
	}
	hash, err := hashOf("vnf_snapshots", in)
	if err != nil {
		return "", false, err
	}
	id = c.derive("snapshot")
	if was, err := s.Snapshot(ctx, id); err == nil {
		return id, false, repeated(was.Value.BodyHash, hash)
	} else if hub.CodeOf(err) != hub.NotFound {
		return "", false, err
	}
	_, err = s.snapshots.Create(ctx, domain, id, &Snapshot{PkgID: in.VnfSnapshotPkgID, CreatedBy: c.Identity.String(), BodyHash: hash})
	if hub.CodeOf(err) == hub.Conflict { // the same request at the same time
		was, err := s.SnapshotIn(ctx, domain, id)
		if err != nil {
			return "", false, err
		}
		return id, false, repeated(was.Value.BodyHash, hash)
	}
	return id, err == nil, err
}

// ModifySnapshotInfo changes the package that a snapshot is stored in (clause
// 5.4.24.3.4).
func (s *Service) ModifySnapshotInfo(ctx context.Context, id, pkg string, unless func(state.Entry[Snapshot]) error) error {
	e, err := s.Snapshot(ctx, id)
	if err != nil {
		return err
	}
	if err := unless(e); err != nil {
		return err
	}
	if err := s.checkIdle(ctx, &e.Value); err != nil {
		return err
	}
	e.Value.PkgID = pkg
	_, err = s.snapshots.Replace(ctx, e)
	return err
}

// checkIdle refuses a change of a snapshot that an operation fills.
func (s *Service) checkIdle(ctx context.Context, snap *Snapshot) error {
	if snap.Op == "" {
		return nil
	}
	op, err := s.ops.Get(ctx, snap.Op)
	if hub.CodeOf(err) == hub.NotFound || err == nil && op.Value.ended() {
		return nil
	}
	if err != nil {
		return err
	}
	return hub.E(hub.Conflict, "change VNF snapshot", "operation "+snap.Op+" is at work on the VNF snapshot; wait for its end", nil)
}

// DeleteSnapshotInfo removes a snapshot and what the VIM keeps of it.
func (s *Service) DeleteSnapshotInfo(ctx context.Context, id string) error {
	e, err := s.Snapshot(ctx, id)
	if err != nil {
		return err
	}
	if err := s.checkIdle(ctx, &e.Value); err != nil {
		return err
	}
	for _, vim := range e.Value.Computes {
		if _, err := s.VIM.Do(ctx, http.MethodDelete, "/snapshots/"+vim, nil, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			return hub.E(hub.CodeOf(err), "delete VNF snapshot", "the VIM does not delete a part of the snapshot: "+hub.SafeText(err), err)
		}
	}
	return s.snapshots.Delete(ctx, id, func(now *Snapshot) error { return s.checkIdle(ctx, now) })
}

// CreateSnapshot starts SOL 003 clause 5.4.21. The resource that another party made
// is not filled for an NFVO that is not the hub's own: hub.Denied.
func (s *Service) CreateSnapshot(ctx context.Context, c Caller, id string, in sol003.CreateVnfSnapshotRequest) (string, error) {
	if in.VnfSnapshotInfoID == "" {
		return "", invalid("vnfSnapshotInfoId is missing; create the resource with POST /vnf_snapshots and name it here")
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationCreateSnapshot, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], _ int, op *Operation) error {
		snap, err := s.snapshotFor(ctx, vnf, in.VnfSnapshotInfoID)
		if err != nil {
			return err
		}
		if err := snap.Value.CheckChange(c.Identity); err != nil {
			if snap.Domain != vnf.Domain {
				return noSnapshot() // what is the hub's is not there for others
			}
			return err
		}
		if snap.Value.Content != nil {
			return hub.E(hub.Conflict, "create VNF snapshot", "the VNF snapshot holds one already; create another resource with POST /vnf_snapshots", nil)
		}
		if err := s.checkIdle(ctx, &snap.Value); err != nil {
			return err
		}
		op.Snapshot, op.Shell = snap.ID, &snap.Value
		op.Shell.UserData = in.UserDefinedData
		return nil
	}})
}

// snapshotFor returns a snapshot that may be used with a VNF: one of its trust
// domain, or an empty one of the hub, which then moves to the VNF's.
func (s *Service) snapshotFor(ctx context.Context, vnf state.Entry[VNF], id string) (state.Entry[Snapshot], error) {
	snap, err := s.Snapshot(ctx, id)
	missing := err != nil && hub.CodeOf(err) == hub.NotFound
	if missing || err == nil && snap.Domain != vnf.Domain && (snap.Domain != "hub" || snap.Value.Content != nil) {
		return snap, noSnapshot()
	}
	return snap, err
}

func noSnapshot() error {
	return hub.E(hub.Unprocessable, "use VNF snapshot", "vnfSnapshotInfoId names no VNF snapshot; create one with POST /vnf_snapshots", nil)
}

// takeSnapshot has the VIM keep every compute, and then says so in the resource.
func (r *run) takeSnapshot(ctx context.Context) error {
	s, op := r.s, r.op
	fill := *op.Shell
	fill.Op, fill.Layout, fill.Computes = r.id, op.Before, map[string]string{}
	if err := r.step(ctx, "prepare snapshot resource", func(ctx context.Context) error { return r.adopt(ctx, &fill) }); err != nil {
		return err
	}
	content := &sol003.VnfSnapshot{
		ID: hub.DeriveID("vnf-snapshot", r.id), VnfInstanceID: op.VNF, VnfdID: op.Before.VnfdID, CreationStartedAt: &op.Entered, UserDefinedData: op.Shell.UserData,
		VnfcSnapshots: []sol003.VnfcSnapshotInfo{},
	}
	for _, c := range op.Before.VNFCs {
		vim := hub.DeriveID("vim-snapshot", r.id, c.ComputeID)
		err := r.step(ctx, "snapshot VNFC "+c.ID, func(ctx context.Context) error {
			in := ifa006.Snapshot{ID: vim, TrustDomain: r.domain, ComputeID: c.ComputeID, Metadata: r.metadata(c.ID)}
			return r.do(ctx, http.MethodPost, "/snapshots", in, nil)
		})
		if err != nil {
			return err
		}
		fill.Computes[c.ComputeID] = vim
		info := sol003.VnfcSnapshotInfo{
			ID: hub.DeriveID("vnfc-snapshot", r.id, c.ID), VnfcInstanceID: c.ID, VnfcResourceInfoID: c.ID,
			CreationStartedAt: &op.Entered, ComputeSnapshotResource: s.handle(c.Connection, vim),
		}
		for _, st := range c.Storages {
			info.StorageSnapshotResources = append(info.StorageSnapshotResources, sol003.StorageSnapshotResource{StorageResourceID: st.ID})
		}
		content.VnfcSnapshots = append(content.VnfcSnapshots, info)
	}
	vnf, err := s.vnfs.Get(ctx, op.VNF)
	if err != nil {
		return err
	}
	instance := s.Instance(vnf, s.Root)
	finished := s.Now().UTC()
	content.VnfInstance, content.CreationFinishedAt = &instance, &finished
	for i := range content.VnfcSnapshots {
		content.VnfcSnapshots[i].CreationFinishedAt = &finished
	}
	fill.Content = content
	return s.again(ctx, "record VNF snapshot", func() error { return r.fill(ctx, &fill) })
}

// adopt makes the resource one of the VNF's trust domain. The operation holds what
// it was, so that it cannot get lost on the way.
func (r *run) adopt(ctx context.Context, fill *Snapshot) error {
	k := r.s.snapshots
	if domain, ok := k.Domain(r.op.Snapshot); ok && domain != r.domain {
		if err := k.Delete(ctx, r.op.Snapshot, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			return err
		}
	}
	_, err := k.Create(ctx, r.domain, r.op.Snapshot, fill)
	if hub.CodeOf(err) == hub.Conflict {
		return r.fill(ctx, fill)
	}
	return err
}

func (r *run) fill(ctx context.Context, with *Snapshot) error {
	_, err := r.s.snapshots.Update(ctx, r.op.Snapshot, func(now *Snapshot) error {
		if now.Op != "" && now.Op != r.id && now.Content != nil {
			return hub.E(hub.Conflict, "record VNF snapshot", "another operation has filled the VNF snapshot", nil)
		}
		*now = *with
		return nil
	})
	return err
}

// dropSnapshot undoes takeSnapshot: the resource is empty again.
func (r *run) dropSnapshot(ctx context.Context) error {
	for _, c := range r.op.Before.VNFCs {
		if err := r.remove(ctx, "/snapshots/"+hub.DeriveID("vim-snapshot", r.id, c.ComputeID)); err != nil {
			return err
		}
	}
	return r.s.again(ctx, "record VNF snapshot", func() error { return r.adopt(ctx, r.op.Shell) })
}

// RevertToSnapshot starts SOL 003 clause 5.4.22: the VNF gets the VNFCs that it
// had, and each of them what it held.
func (s *Service) RevertToSnapshot(ctx context.Context, c Caller, id string, in sol003.RevertToVnfSnapshotRequest) (string, error) {
	if in.VnfSnapshotInfoID == "" {
		return "", invalid("vnfSnapshotInfoId is missing; name the VNF snapshot to go back to")
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationRevertToSnapshot, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], _ int, op *Operation) error {
		snap, err := s.snapshotFor(ctx, vnf, in.VnfSnapshotInfoID)
		if hub.CodeOf(err) == hub.Unprocessable {
			return hub.E(hub.Conflict, "revert VNF", hub.SafeText(err), err)
		}
		if err != nil {
			return err
		}
		v := snap.Value
		if v.Content == nil || v.Content.VnfInstanceID != vnf.ID {
			return hub.E(hub.Conflict, "revert VNF", "the VNF snapshot holds nothing of this VNF instance; name one that was taken of it", nil)
		}
		if v.Layout.VnfdID != vnf.Value.VnfdID {
			return hub.E(hub.Conflict, "revert VNF", "the VNF snapshot was taken when the VNF instance was of VNFD "+v.Layout.VnfdID+"; change the VNF package back first", nil)
		}
		op.Snapshot, op.Shell, op.After = snap.ID, &v, v.Layout.clone()
		return nil
	}})
}

// restore gives every compute back what it held.
func (r *run) restore(ctx context.Context) error {
	for _, c := range r.op.After.VNFCs {
		vim := r.op.Shell.Computes[c.ComputeID]
		err := r.step(ctx, "restore VNFC "+c.ID, func(ctx context.Context) error {
			return r.do(ctx, http.MethodPost, "/snapshots/"+vim+"/restore", nil, nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SnapshotInfo shows a snapshot as clause 5.5.2.22 has it.
func (s *Service) SnapshotInfo(e state.Entry[Snapshot], root string) sol003.VnfSnapshotInfo {
	out := sol003.VnfSnapshotInfo{
		ID: e.ID, VnfSnapshotPkgID: e.Value.PkgID, VnfSnapshot: e.Value.Content,
		Links: sol003.VnfSnapshotInfoLinks{Self: sol003.Link{Href: root + "/vnf_snapshots/" + e.ID}},
	}
	if e.Value.Content != nil {
		out.Links.TakenFrom = &sol003.Link{Href: root + "/vnf_instances/" + e.Value.Content.VnfInstanceID}
	}
	return out
}

// StateSnapshot is the VNF-specific state of a snapshot, which this VNFM does not
// take: hub.Conflict while the snapshot is empty, hub.NotFound after.
func (s *Service) StateSnapshot(e state.Entry[Snapshot]) error {
	if e.Value.Content == nil {
		return hub.E(hub.Conflict, "read VNF state snapshot", "the VNF snapshot holds nothing yet; take it with create_snapshot", nil)
	}
	return hub.E(hub.NotFound, "read VNF state snapshot", "the VNF snapshot has no VNF state beside its computes and storages", nil)
}
