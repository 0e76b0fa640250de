package nfvo

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

func planCreateSnapshot(_ *Service, _ context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	m, err := memberOf(&e.Value, in.CreateSnapshotData.VnfInstanceID)
	if err != nil {
		return nil, err
	}
	return []step{{Kind: stepSnapshot, VnfID: m.VnfID, Profile: m.ProfileID, Body: params(in.CreateSnapshotData)}}, nil
}

func planRevert(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	d := in.RevertVnfToSnapshotData
	m, err := memberOf(&e.Value, d.VnfInstanceID)
	if err != nil {
		return nil, err
	}
	if _, err := s.snapshotOf(ctx, e, d.VnfInstanceID, d.VnfSnapshotInfoID); err != nil {
		return nil, err
	}
	return []step{{Kind: stepVnfTask, VnfID: m.VnfID, Profile: m.ProfileID, Task: "revert_to_snapshot", Change: "MODIFY_INFORMATION", Body: params(sol003.RevertToVnfSnapshotRequest{
		VnfSnapshotInfoID: d.VnfSnapshotInfoID, AdditionalParams: d.AdditionalParams,
	})}}, nil
}

func planDeleteSnapshot(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	d := in.DeleteVnfSnapshotData
	if _, err := s.snapshotOf(ctx, e, d.VnfInstanceID, d.VnfSnapshotInfoID); err != nil {
		return nil, err
	}
	return []step{{Kind: stepSnapshotDelete, VnfID: d.VnfInstanceID, Body: params(d.VnfSnapshotInfoID)}}, nil
}

// snapshotOf finds a snapshot of a VNF in an NS.
func (s *Service) snapshotOf(ctx context.Context, e *state.Entry[ns], vnfID, id string) (snapshot, error) {
	found, err := s.snaps.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || (err == nil && (found.Value.NsID != e.ID || found.Value.VnfID != vnfID)) {
		return snapshot{}, hub.E(hub.NotFound, "find VNF snapshot", fmt.Sprintf("there is no snapshot %q of this VNF; list them with GET /vnf_snapshots", clip(id)), nil)
	}
	return found.Value, err
}

// createSnapshot has the VNFM take a snapshot and keeps what it is.
func createSnapshot(ctx context.Context, r *run) error {
	var d sol005.CreateVnfSnapshotData
	if err := r.params(&d); err != nil {
		return err
	}
	st, id := r.step(), r.vnfID()
	made, err := r.snapshotInfo(ctx)
	if err != nil {
		return err
	}
	st.Task = "create_snapshot"
	st.Body = params(sol003.CreateVnfSnapshotRequest{VnfSnapshotInfoID: made.ID, AdditionalParams: d.AdditionalParams, UserDefinedData: d.UserDefinedData})
	defer func() { st.Body = params(d) }()
	if err := r.expect(ctx, id, st.Task, st.VnfOp); err != nil {
		return err
	}
	if err := r.startTask(ctx, id); err != nil {
		return err
	}
	if _, _, err := r.complete(ctx, id, st.VnfOp); err != nil {
		return err
	}
	if _, err := r.s.c.VNFM.Do(ctx, "GET", "/vnf_snapshots/"+url.PathEscape(made.ID), nil, &made); err != nil {
		return fmt.Errorf("read VNF snapshot %s: %w", made.ID, err)
	}
	return r.keepSnapshot(ctx, id, &made)
}

// snapshotInfo makes the resource that is to hold the step's snapshot, or finds
// it. It says whose it is to be, so that the VNFM need not move it.
func (r *run) snapshotInfo(ctx context.Context) (made sol003.VnfSnapshotInfo, err error) {
	in := struct {
		sol003.CreateVnfSnapshotInfoRequest
		TrustDomain string `json:"manoward.trustDomain"` // DomainKey
	}{TrustDomain: r.domain}
	if _, err := r.s.onVnfm(ctx, "POST", "/vnf_snapshots", in, &made, r.key("snapshot")); err != nil {
		return made, fmt.Errorf("create VNF snapshot resource: %w", err)
	}
	return made, nil
}

func (r *run) keepSnapshot(ctx context.Context, vnfID string, made *sol003.VnfSnapshotInfo) error {
	value := snapshot{NsID: r.op.NsID, VnfID: vnfID, Info: convert[sol005.VnfSnapshotInfo](made)}
	value.Info.Links = nil
	if v, err := r.s.vnfs.Get(ctx, vnfID); err == nil && value.Info.VnfSnapshot != nil {
		value.Info.VnfSnapshot.VnfInstance.VnfPkgID = v.Value.PkgID
	}
	if _, err := r.s.snaps.Create(ctx, r.domain, made.ID, &value); err != nil && hub.CodeOf(err) != hub.Conflict {
		return err
	}
	return r.changeNs(ctx, func(n *ns) {
		if !slices.Contains(n.Snapshots, made.ID) {
			n.Snapshots = append(n.Snapshots, made.ID)
		}
	})
}

func deleteSnapshot(ctx context.Context, r *run) error {
	var id string
	if err := r.params(&id); err != nil {
		return err
	}
	if err := r.s.dropSnapshot(ctx, id); err != nil {
		return err
	}
	return r.changeNs(ctx, func(n *ns) { n.dropSnapshot(id) })
}

func (n *ns) dropSnapshot(id string) {
	n.Snapshots = slices.DeleteFunc(n.Snapshots, func(other string) bool { return other == id })
}

func (s *Service) dropSnapshot(ctx context.Context, id string) error {
	if _, err := s.c.VNFM.Do(ctx, "DELETE", "/vnf_snapshots/"+url.PathEscape(id), nil, nil); ignoreGone(err) != nil {
		return fmt.Errorf("delete VNF snapshot %s: %w", id, err)
	}
	return ignoreGone(s.snaps.Delete(ctx, id, nil))
}

// SnapshotDomain returns the trust domain of a VNF snapshot.
func (s *Service) SnapshotDomain(id string) (string, bool) { return s.snaps.Domain(id) }

// Snapshot returns a VNF snapshot: hub.NotFound if there is none.
func (s *Service) Snapshot(ctx context.Context, id string) (*sol005.VnfSnapshotInfo, error) {
	e, err := s.snaps.Get(ctx, id)
	if err != nil {
		return nil, noSnapshot(err)
	}
	return &e.Value.Info, nil
}

func noSnapshot(err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return hub.E(hub.NotFound, "find VNF snapshot", "there is no such VNF snapshot; list them with GET /vnf_snapshots", nil)
	}
	return err
}

// Snapshots yields the VNF snapshots after a given ID that visible allows.
func (s *Service) Snapshots(ctx context.Context, visible func(domain string) bool, after string) iter.Seq2[*sol005.VnfSnapshotInfo, error] {
	return func(yield func(*sol005.VnfSnapshotInfo, error) bool) {
		for e, err := range s.snaps.List(ctx, visible, after) {
			if !yield(&e.Value.Info, err) || err != nil {
				return
			}
		}
	}
}

// DeleteSnapshot deletes a VNF snapshot, unless an operation holds its NS.
func (s *Service) DeleteSnapshot(ctx context.Context, caller hub.Identity, id string) error {
	e, err := s.snaps.Get(ctx, id)
	if err != nil {
		return noSnapshot(err)
	}
	if n, err := s.nss.Get(ctx, e.Value.NsID); err == nil && n.Value.Running != "" {
		return errRunning(n.Value.Running)
	}
	data := params(map[string]string{"vnfSnapshotInfoId": id, "vnfInstanceId": e.Value.VnfID})
	if err := s.record(ctx, e.Domain, hub.Record{ID: hub.DeriveID(id, "vnf-snapshot.deleted"), Kind: "vnf-snapshot.deleted", Actor: caller.String(), Subject: "vnf-snapshot/" + id, Data: data}); err != nil {
		return err
	}
	if err := s.dropSnapshot(ctx, id); err != nil {
		return err
	}
	_, err = s.nss.Update(ctx, e.Value.NsID, func(n *ns) error { n.dropSnapshot(id); return nil })
	return ignoreGone(err)
}
