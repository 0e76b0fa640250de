package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// updatePlanner plans one type of update.
type updatePlanner func(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error)

// updateKind is what a type of update takes and does; a nil plan is not
// supported.
type updateKind struct {
	attributes []string // the first one is needed
	plan       updatePlanner
}

func updateKindOf(name string) updateKind {
	switch name {
	case sol005.UpdateAddVnf:
		return updateKind{[]string{"addVnfIstance"}, planAddVnfs}
	case sol005.UpdateRemoveVnf:
		return updateKind{[]string{"removeVnfInstanceId", "terminateVnfData"}, planRemoveVnfs}
	case sol005.UpdateInstantiateVnf:
		return updateKind{[]string{"instantiateVnfData"}, planInstantiateVnfs}
	case sol005.UpdateOperateVnf:
		return updateKind{[]string{"operateVnfData"}, planOperateVnfs}
	case sol005.UpdateModifyVnfInformation:
		return updateKind{[]string{"modifyVnfInfoData"}, planModifyVnfs}
	case sol005.UpdateChangeExternalVnfConnectivity:
		return updateKind{[]string{"changeExtVnfConnectivityData"}, planChangeConnectivity}
	case sol005.UpdateChangeVnfpkg:
		return updateKind{[]string{"changeVnfPackageData"}, planChangePackages}
	case sol005.UpdateMoveVnf:
		return updateKind{[]string{"moveVnfInstanceData"}, planMoveVnfs}
	case sol005.UpdateAddPnf:
		return updateKind{[]string{"addPnfData"}, planAddPnfs}
	case sol005.UpdateRemovePnf:
		return updateKind{[]string{"removePnfId"}, planRemovePnfs}
	case sol005.UpdateCreateVnfSnapshot:
		return updateKind{[]string{"createSnapshotData"}, planCreateSnapshot}
	case sol005.UpdateRevertVnfToSnapshot:
		return updateKind{[]string{"revertVnfToSnapshotData"}, planRevert}
	case sol005.UpdateDeleteVnfSnapshotInfo:
		return updateKind{[]string{"deleteVnfSnapshotData"}, planDeleteSnapshot}
	}
	return updateKind{}
}

// Update starts an update of an NS (SOL 005 clause 6.4.6). Types of update that
// are not built are hub.Unprocessable; unknown ones, and attributes that belong
// to another type, hub.Invalid.
func (s *Service) Update(ctx context.Context, o Order, in sol005.UpdateNsRequest) (opOccID string, existing bool, err error) {
	kind, err := checkUpdate(&in)
	if err != nil {
		return "", false, err
	}
	return s.start(ctx, o, sol005.NsLcmOpUpdate, in.UpdateType, in, func(ctx context.Context, e *state.Entry[ns]) ([]step, error) {
		if e.Value.State != instantiated {
			return nil, errNotInstantiated("update")
		}
		return kind.plan(s, ctx, e, &in)
	})
}

func checkUpdate(in *sol005.UpdateNsRequest) (updateKind, error) {
	if !slices.Contains(sol005.UpdateTypes(), in.UpdateType) && in.UpdateType != "ADD SAP" { // as the OpenAPI file of V3.7.1 spells it
		return updateKind{}, hub.E(hub.Invalid, "update NS", fmt.Sprintf("%q is no updateType of SOL 005 V3.7.1; see UpdateNsRequest there", clip(in.UpdateType)), nil)
	}
	kind := updateKindOf(in.UpdateType)
	if kind.plan == nil {
		return kind, hub.E(hub.Unprocessable, "update NS", "not supported by this NFVO: updateType "+in.UpdateType+"; docs/extensions/notifications.md lists those that are", nil)
	}
	if in.UpdateTime != nil {
		return kind, hub.E(hub.Unprocessable, "update NS", "not supported by this NFVO: updateTime; send the request when it is to take effect", nil)
	}
	present, err := attributesOf(in)
	if err != nil {
		return kind, err
	}
	for _, name := range present {
		if name != "updateType" && !slices.Contains(kind.attributes, name) {
			return kind, errOtherPayload("updateType "+in.UpdateType, name)
		}
	}
	if !slices.Contains(present, kind.attributes[0]) {
		return kind, errNoPayload("updateType "+in.UpdateType, kind.attributes[0])
	}
	return kind, nil
}

// attributesOf lists the attributes that a request has, sorted.
func attributesOf(in *sol005.UpdateNsRequest) ([]string, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode update request: %w", err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("read update request: %w", err)
	}
	return sortedKeys(m), nil
}

func planAddVnfs(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	_, f, err := s.flavour(ctx, e, e.Value.FlavourID)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, d := range in.AddVnfIstance {
		st, err := s.planAdd(ctx, e, f, d)
		if err != nil {
			return nil, err
		}
		steps = append(steps, st)
	}
	return steps, nil
}

// planAdd plans to take in a VNF that exists, in this trust domain, as an
// instance of a profile.
func (s *Service) planAdd(ctx context.Context, e *state.Entry[ns], f *flavour, d sol005.VnfInstanceData) (step, error) {
	profile := f.VNFs[d.VnfProfileID]
	if profile == nil {
		return step{}, noProfile("vnfProfileId", d.VnfProfileID, f)
	}
	v, err := s.vnfs.Get(ctx, d.VnfInstanceID)
	if hub.CodeOf(err) == hub.NotFound || (err == nil && v.Domain != e.Domain) {
		return step{}, hub.E(hub.NotFound, "add VNF", fmt.Sprintf("there is no VNF instance %q to add; name one of another NS of this trust domain", clip(d.VnfInstanceID)), nil)
	}
	if err != nil {
		return step{}, err
	}
	if v.Value.Info.VnfdID != profile.VnfdID {
		return step{}, hub.E(hub.Unprocessable, "add VNF", fmt.Sprintf("VNF %s is of VNFD %s; the profile %s needs %s", d.VnfInstanceID, v.Value.Info.VnfdID, profile.ID, profile.VnfdID), nil)
	}
	if slices.Contains(v.Value.NSs, e.ID) {
		return step{}, hub.E(hub.Conflict, "add VNF", "VNF "+d.VnfInstanceID+" is a part of this NS already", nil)
	}
	if bar, barred := e.Value.Bars[profile.ID]; barred {
		return step{}, errBarred(&bar)
	}
	return step{Kind: stepVnfAdd, VnfID: d.VnfInstanceID, Profile: profile.ID}, nil
}

func planMoveVnfs(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	var steps []step
	for _, d := range in.MoveVnfInstanceData {
		target, err := s.seen(ctx, d.TargetNsInstanceID)
		if hub.CodeOf(err) == hub.NotFound || (err == nil && target.Domain != e.Domain) {
			return nil, hub.E(hub.NotFound, "move VNF", fmt.Sprintf("there is no NS instance %q to move to; name another one of this trust domain", clip(d.TargetNsInstanceID)), nil)
		}
		if err != nil {
			return nil, err
		}
		switch {
		case target.ID == e.ID:
			return nil, hub.E(hub.Unprocessable, "move VNF", "targetNsInstanceId is the NS that the VNFs are in; name another one", nil)
		case target.Value.State != instantiated:
			return nil, hub.E(hub.Conflict, "move VNF", "the target NS is not instantiated; instantiate it first", nil)
		case target.Value.Running != "":
			return nil, errRunning(target.Value.Running)
		case len(d.VnfInstanceID) == 0:
			return nil, errNoPayload("moveVnfInstanceData", "vnfInstanceId")
		}
		for _, id := range d.VnfInstanceID {
			m, err := memberOf(&e.Value, id)
			if err != nil {
				return nil, err
			}
			steps = append(steps, step{Kind: stepVnfMove, VnfID: id, Profile: m.ProfileID, Body: params(target.ID)})
		}
	}
	return steps, nil
}

func planAddPnfs(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	_, f, err := s.flavour(ctx, e, e.Value.FlavourID)
	if err != nil {
		return nil, err
	}
	var steps []step
	for i := range in.AddPnfData {
		st, err := s.planPnf(ctx, e, f, &in.AddPnfData[i])
		if err != nil {
			return nil, err
		}
		steps = append(steps, st)
	}
	return steps, nil
}

// planPnf plans to add a PNF to an NS and to attach its connection points to the
// virtual links that the profile names.
func (s *Service) planPnf(ctx context.Context, e *state.Entry[ns], f *flavour, d *sol005.AddPnfData) (step, error) {
	profile := f.PNFs[d.PnfProfileID]
	switch {
	case d.PnfID == "" || d.PnfdID == "":
		return step{}, hub.E(hub.Invalid, "add PNF", "pnfId and pnfdId are needed; add them", nil)
	case profile == nil:
		return step{}, hub.E(hub.Unprocessable, "add PNF", fmt.Sprintf("the flavour has no PNF profile %q; see its descriptor", clip(d.PnfProfileID)), nil)
	case profile.PnfdID != d.PnfdID:
		return step{}, hub.E(hub.Unprocessable, "add PNF", fmt.Sprintf("the PNF profile %s is of PNFD %s, not %q", profile.ID, profile.PnfdID, clip(d.PnfdID)), nil)
	case slices.ContainsFunc(e.Value.Pnfs, func(p sol005.PnfInfo) bool { return p.PnfID == d.PnfID }):
		return step{}, hub.E(hub.Conflict, "add PNF", fmt.Sprintf("the NS has a PNF %q already", clip(d.PnfID)), nil)
	}
	pnfd, err := s.c.Descriptors.PNFD(ctx, e.Domain, d.PnfdID)
	if err != nil {
		return step{}, err
	}
	p := pnfParams{Info: sol005.PnfInfo{PnfID: d.PnfID, PnfName: or(d.PnfName, d.PnfID), PnfdID: d.PnfdID, PnfdInfoID: pnfd.InfoID, PnfProfileID: profile.ID}, Links: map[string]string{}}
	for _, cp := range sortedKeys(profile.Links) {
		p.Links[cp] = linkID(e.ID, profile.Links[cp])
		if p.Info.CpInfo == nil {
			p.Info.CpInfo = &sol005.PnfExtCpInfo{CpInstanceID: cp, CpdID: cp}
		}
	}
	if len(d.CpData) > 0 && p.Info.CpInfo != nil {
		p.Info.CpInfo.CpProtocolData = d.CpData[0].CpProtocolData
	}
	return step{Kind: stepPnfAdd, Profile: profile.ID, Body: params(p)}, nil
}

func planRemovePnfs(_ *Service, _ context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	var steps []step
	for _, id := range in.RemovePnfID {
		i := slices.IndexFunc(e.Value.Pnfs, func(p sol005.PnfInfo) bool { return p.PnfID == id })
		if i < 0 {
			return nil, hub.E(hub.NotFound, "remove PNF", fmt.Sprintf("the NS has no PNF %q; read its pnfInfo list", clip(id)), nil)
		}
		steps = append(steps, step{Kind: stepPnfRemove, Body: params(pnfParams{Info: e.Value.Pnfs[i], Links: e.Value.pnfLinks(id)})})
	}
	return steps, nil
}
