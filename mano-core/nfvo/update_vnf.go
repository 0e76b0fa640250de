package nfvo

import (
	"context"
	"fmt"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

func planInstantiateVnfs(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	_, f, err := s.flavour(ctx, e, e.Value.FlavourID)
	if err != nil {
		return nil, err
	}
	var steps []step
	for i := range in.InstantiateVnfData {
		d := &in.InstantiateVnfData[i]
		profile, err := profileFor(f, d)
		if err != nil {
			return nil, err
		}
		have := len(e.Value.instancesAt(profile.ID))
		if profile.Max > 0 && have+i+1 > profile.Max {
			return nil, hub.E(hub.Unprocessable, "instantiate VNF", fmt.Sprintf("the NS has %d instances of VNF profile %s; its descriptor allows %d", have, profile.ID, profile.Max), nil)
		}
		v := newVnf{profile: profile, number: have + i, flavour: d.VnfFlavourID, level: d.VnfInstantiationLevelID, extra: &sol005.ParamsForVnf{
			VnfInstanceName: d.VnfInstanceName, VnfInstanceDescription: d.VnfInstanceDescription, Metadata: d.Metadata,
			AdditionalParams: d.AdditionalParams, Extensions: d.Extensions, VnfConfigurableProperties: d.VnfConfigurableProperties,
		}}
		if v.networks, err = s.givenLinks(&e.Value, d.ExtVirtualLinks); err != nil {
			return nil, err
		}
		made, err := s.planNewVnf(ctx, e, v)
		if err != nil {
			return nil, err
		}
		steps = append(steps, made...)
	}
	return steps, nil
}

// profileFor finds the VNF profile that a request means; only what the NSD
// foresees can be made (Sc-Or.SecurityVnfMgmt.001 for security VNFs).
func profileFor(f *flavour, d *sol005.InstantiateVnfData) (*sol001.VNFProfile, error) {
	if d.VnfProfileID != "" {
		profile := f.VNFs[d.VnfProfileID]
		if profile == nil {
			return nil, noProfile("vnfProfileId", d.VnfProfileID, f)
		}
		if d.VnfdID != "" && d.VnfdID != profile.VnfdID {
			return nil, hub.E(hub.Unprocessable, "instantiate VNF", fmt.Sprintf("the VNF profile %s is of VNFD %s, not %q", profile.ID, profile.VnfdID, clip(d.VnfdID)), nil)
		}
		return profile, nil
	}
	if d.VnfdID == "" {
		return nil, errNoPayload("instantiateVnfData", "vnfProfileId or vnfdId")
	}
	for _, id := range sortedKeys(f.VNFs) {
		if f.VNFs[id].VnfdID == d.VnfdID {
			return f.VNFs[id], nil
		}
	}
	return nil, hub.E(hub.Unprocessable, "instantiate VNF", fmt.Sprintf("the NSD foresees no VNF of VNFD %q in this flavour; it has the profiles: %s", clip(d.VnfdID), strings.Join(sortedKeys(f.VNFs), ", ")), nil)
}

// givenLinks takes the external links of a request. They must be virtual links
// of the NS: a VNF cannot be attached to a network that is not its own.
func (s *Service) givenLinks(n *ns, list []sol005.ExtVirtualLinkData) ([]sol003.ExtVirtualLinkData, error) {
	var out []sol003.ExtVirtualLinkData
	for _, l := range list {
		known := false
		for _, own := range n.Links {
			known = known || own.ID == l.ResourceID
		}
		if !known {
			return nil, hub.E(hub.Unprocessable, "connect VNF", fmt.Sprintf("%q is no virtual link of the NS; resourceId must be the id of one in its virtualLinkInfo", clip(l.ResourceID)), nil)
		}
		if len(l.ExtCps) == 0 {
			return nil, errNoPayload("extVirtualLinks", "extCps")
		}
		out = append(out, sol003.ExtVirtualLinkData{ID: or(l.ExtVirtualLinkID, l.ResourceID), VimConnectionID: s.c.VimID, ResourceID: l.ResourceID, ExtCps: l.ExtCps})
	}
	return out, nil
}

// vnfSteps plans one VNFM operation for each element of a list.
func vnfSteps[T any](n *ns, list []T, id func(*T) string, task, change string, body func(*T) (any, error)) ([]step, error) {
	var steps []step
	for i := range list {
		m, err := memberOf(n, id(&list[i]))
		if err != nil {
			return nil, err
		}
		in, err := body(&list[i])
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{Kind: stepVnfTask, VnfID: m.VnfID, Profile: m.ProfileID, Task: task, Change: change, Body: params(in)})
	}
	return steps, nil
}

func planOperateVnfs(_ *Service, _ context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	id := func(d *sol005.OperateVnfData) string { return d.VnfInstanceID }
	return vnfSteps(&e.Value, in.OperateVnfData, id, "operate", "OPERATE", func(d *sol005.OperateVnfData) (any, error) {
		if d.ChangeStateTo != sol005.OperationalStatesStarted && d.ChangeStateTo != sol005.OperationalStatesStopped {
			return nil, hub.E(hub.Invalid, "operate VNF", "the attribute changeStateTo must be STARTED or STOPPED", nil)
		}
		return sol003.OperateVnfRequest{
			ChangeStateTo: d.ChangeStateTo, StopType: d.StopType,
			GracefulStopTimeout: d.GracefulStopTimeout, AdditionalParams: d.AdditionalParam,
		}, nil
	})
}

func planModifyVnfs(_ *Service, _ context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	id := func(d *sol005.ModifyVnfInfoData) string { return d.VnfInstanceID }
	return vnfSteps(&e.Value, in.ModifyVnfInfoData, id, "modify", "MODIFY_INFORMATION", func(d *sol005.ModifyVnfInfoData) (any, error) {
		if d.VnfdID != "" {
			return nil, hub.E(hub.Unprocessable, "modify VNF information", "not supported by this NFVO: vnfdId; use the updateType CHANGE_VNFPKG", nil)
		}
		if name, ours := oursIn(d.Metadata); ours {
			return nil, hub.E(hub.Unprocessable, "modify VNF information", "the metadata attribute "+name+" is the NFVO's own; leave it out", nil)
		}
		out := sol003.VnfInfoModificationRequest{
			VnfInstanceName: d.VnfInstanceName, VnfInstanceDescription: d.VnfInstanceDescription, Metadata: d.Metadata,
			VnfConfigurableProperties: d.VnfConfigurableProperties, Extensions: d.Extensions,
		}
		if out.VnfInstanceName == "" && out.VnfInstanceDescription == "" && out.Metadata == nil && out.VnfConfigurableProperties == nil && out.Extensions == nil {
			return nil, hub.E(hub.Invalid, "modify VNF information", "nothing is to be modified; name a new value for at least one attribute", nil)
		}
		return out, nil
	})
}

func oursIn(m sol005.KeyValuePairs) (string, bool) {
	for _, name := range sortedKeys(m) {
		if isOurs(name) {
			return clip(name), true
		}
	}
	return "", false
}

func planChangeConnectivity(s *Service, _ context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	id := func(d *sol005.ChangeExtVnfConnectivityData) string { return d.VnfInstanceID }
	return vnfSteps(&e.Value, in.ChangeExtVnfConnectivityData, id, "change_ext_conn", "CHANGE_EXTERNAL_VNF_CONNECTIVITY", func(d *sol005.ChangeExtVnfConnectivityData) (any, error) {
		links, err := s.givenLinks(&e.Value, d.ExtVirtualLinks)
		if err != nil {
			return nil, err
		}
		if len(links) == 0 {
			return nil, errNoPayload("changeExtVnfConnectivityData", "extVirtualLinks")
		}
		return sol003.ChangeExtVnfConnectivityRequest{ExtVirtualLinks: links, AdditionalParams: d.AdditionalParams}, nil
	})
}

// planChangePackages plans, for each VNF, the change at the VNFM and then the
// change of what the NFVO knows it to be an instance of.
func planChangePackages(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	nsd, err := s.FindNSD(ctx, e.Domain, e.Value.NsdID)
	if err != nil {
		return nil, err
	}
	var steps []step
	for i := range in.ChangeVnfPackageData {
		d := &in.ChangeVnfPackageData[i]
		m, err := memberOf(&e.Value, d.VnfInstanceID)
		if err != nil {
			return nil, err
		}
		pkg, err := s.c.Packages.Use(ctx, e.Domain, d.VnfdID)
		if err != nil {
			return nil, err
		}
		v, err := s.vnfs.Get(ctx, m.VnfID)
		if err != nil {
			return nil, err
		}
		if err := sameProduct(nsd.NSD, &v.Value, pkg.VNFD); err != nil {
			return nil, err
		}
		links, err := s.givenLinks(&e.Value, d.ExtVirtualLinks)
		if err != nil {
			return nil, err
		}
		steps = append(steps,
			step{Kind: stepVnfTask, VnfID: m.VnfID, Profile: m.ProfileID, Task: "change_vnfpkg", Change: "CHANGE_VNFPKG", Body: params(sol003.ChangeCurrentVnfPkgRequest{
				VnfdID: d.VnfdID, ExtVirtualLinks: links, AdditionalParams: d.AdditionalParams,
				Extensions: d.Extensions, VnfConfigurableProperties: d.VnfConfigurableProperties,
			})},
			step{Kind: stepVnfPackage, VnfID: m.VnfID, Profile: m.ProfileID, Body: params(packageChange{VnfdID: d.VnfdID})})
	}
	return steps, nil
}

// sameProduct refuses to turn a VNF into another product: the new VNFD is one
// that the NSD names, or another version of what the VNF is.
func sameProduct(nsd *sol001.NSD, v *vnf, to *sol001.VNFD) error {
	for _, id := range nsd.VNFDs {
		if id == to.ID {
			return nil
		}
	}
	if v.Info.VnfProductName == to.ProductName && v.Info.VnfProvider == to.Provider {
		return nil
	}
	return hub.E(hub.Unprocessable, "change VNF package", fmt.Sprintf("VNFD %s is neither named by the NSD nor another version of %s by %s; choose one that is", to.ID, v.Info.VnfProductName, v.Info.VnfProvider), nil)
}

// packageChange is to which VNFD a VNF goes.
type packageChange struct {
	VnfdID string `json:"vnfdId"`
}

// repackage notes that a VNF is an instance of another VNFD now.
func repackage(ctx context.Context, r *run) error {
	var p packageChange
	if err := r.params(&p); err != nil {
		return err
	}
	pkg, err := r.s.c.Packages.Use(ctx, r.domain, p.VnfdID)
	if err != nil {
		return err
	}
	e, err := r.s.vnfs.Update(ctx, r.step().VnfID, func(v *vnf) error {
		v.PkgID, v.Integrity, v.Info.VnfdID = pkg.VnfPkgID, pkg.Integrity, p.VnfdID
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range e.Value.NSs {
		_, err := r.s.nss.Update(ctx, id, func(n *ns) error {
			for i := range n.Members {
				if n.Members[i].VnfID == e.ID {
					n.Members[i].VnfdID, n.Members[i].PkgID = p.VnfdID, pkg.VnfPkgID
				}
			}
			return nil
		})
		if ignoreGone(err) != nil {
			return err
		}
	}
	return nil
}
