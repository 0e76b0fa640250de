package nfvo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

type flavour = sol001.NSFlavour

// Instantiate starts the instantiation of an NS (SOL 005 clause 6.4.4).
func (s *Service) Instantiate(ctx context.Context, o Order, in sol005.InstantiateNsRequest) (opOccID string, existing bool, err error) {
	return s.start(ctx, o, sol005.NsLcmOpInstantiate, "INSTANTIATE", in, func(ctx context.Context, e *state.Entry[ns]) ([]step, error) {
		if e.Value.State != notInstantiated {
			return nil, hub.E(hub.Conflict, "instantiate NS", "the NS is instantiated already; use update, scale or heal", nil)
		}
		if e.Value.leftOver() {
			return nil, hub.E(hub.Conflict, "instantiate NS", "an instantiation that failed has left parts of the NS; terminate it first, which takes them away", nil)
		}
		nsd, f, err := s.flavour(ctx, e, in.NsFlavourID)
		if err != nil {
			return nil, err
		}
		if nsd.Disabled {
			return nil, hub.E(hub.Conflict, "instantiate NS", "the NSD "+e.Value.NsdID+" is DISABLED; enable it first", nil)
		}
		p := &instantiation{s: s, e: e, nsd: nsd, f: f, in: &in}
		return p.plan(ctx)
	})
}

// instantiation is the planning of an NS's instantiation.
type instantiation struct {
	s     *Service
	e     *state.Entry[ns]
	nsd   NSD
	f     *flavour
	in    *sol005.InstantiateNsRequest
	steps []step
}

func (p *instantiation) plan(ctx context.Context) ([]step, error) {
	if len(p.in.NestedNsInstanceData)+len(p.in.AdditionalParamsForNestedNs)+len(p.in.NestedNsLocationConstraints) > 0 {
		return nil, hub.E(hub.Unprocessable, "instantiate NS", "nested NSs are not supported by this NFVO; leave the nested attributes out", nil)
	}
	if len(p.in.WanConnectionData) > 0 {
		return nil, hub.E(hub.Unprocessable, "instantiate NS", "WAN connections are not supported by this NFVO; leave wanConnectionData out", nil)
	}
	levelID := p.in.NsInstantiationLevelID
	if levelID == "" {
		levelID = p.f.DefaultLevel
	}
	level := p.f.Levels[levelID]
	if level == nil && (p.in.NsInstantiationLevelID != "" || len(p.f.Levels) > 0) {
		return nil, hub.E(hub.Unprocessable, "instantiate NS", fmt.Sprintf("the flavour has no instantiation level %q; it has: %s", clip(levelID), strings.Join(sortedKeys(p.f.Levels), ", ")), nil)
	}
	if err := checkRules(p.in.AdditionalAffinityOrAntiAffinityRule, p.f); err != nil {
		return nil, err
	}
	if p.in.StartTime != nil {
		return nil, hub.E(hub.Unprocessable, "instantiate NS", "not supported by this NFVO: startTime; send the request when it is to take effect", nil)
	}
	p.planLinks()
	if err := p.planPnfs(ctx); err != nil {
		return nil, err
	}
	if err := p.planVnfs(ctx, level); err != nil {
		return nil, err
	}
	saps, err := p.saps()
	if err != nil {
		return nil, err
	}
	change := nsChange{
		State: instantiated, FlavourID: p.f.ID, AutoHeal: p.nsd.AutoHeal, Scale: map[string]int{}, Saps: saps, Vnffgs: p.vnffgs(),
		Rules: p.in.AdditionalAffinityOrAntiAffinityRule, Locations: p.in.LocationConstraints,
	}
	for aspect := range p.f.Aspects {
		change.Scale[aspect] = 0
		if level != nil {
			change.Scale[aspect] = level.Scale[aspect]
		}
	}
	return append(p.steps, step{Kind: stepNsSet, Body: params(change)}), nil
}

func (p *instantiation) planLinks() {
	for _, id := range sortedKeys(p.f.Links) {
		link := linkParams{Profile: id, CIDRs: p.f.Links[id].CIDRs}
		for _, sapd := range sortedKeys(p.f.SAPs) {
			if p.f.SAPs[sapd].Link == id {
				link.Saps = append(link.Saps, sapID(p.e.ID, sapd))
			}
		}
		p.steps = append(p.steps, step{Kind: stepLinkCreate, Body: params(link)})
	}
}

func (p *instantiation) planPnfs(ctx context.Context) error {
	for i := range p.in.AddpnfData {
		st, err := p.s.planPnf(ctx, p.e, p.f, &p.in.AddpnfData[i])
		if err != nil {
			return err
		}
		p.steps = append(p.steps, st)
	}
	return nil
}

// planVnfs plans the VNFs of a level: those that exist already are taken in,
// the others made. A security VNF that the NSD foresees for later is not made.
func (p *instantiation) planVnfs(ctx context.Context, level *sol001.NSLevel) error {
	given := map[string]int{}
	for _, d := range p.in.VnfInstanceData {
		st, err := p.s.planAdd(ctx, p.e, p.f, d)
		if err != nil {
			return err
		}
		given[d.VnfProfileID]++
		p.steps = append(p.steps, st)
	}
	for _, extra := range p.in.AdditionalParamsForVnf {
		if p.f.VNFs[extra.VnfProfileID] == nil {
			return noProfile("additionalParamsForVnf", extra.VnfProfileID, p.f)
		}
	}
	for _, c := range p.in.LocationConstraints {
		if p.f.VNFs[c.VnfProfileID] == nil {
			return noProfile("locationConstraints", c.VnfProfileID, p.f)
		}
	}
	for _, id := range sortedKeys(p.f.VNFs) {
		profile := p.f.VNFs[id]
		if !profile.Initial {
			continue
		}
		count := max(profile.Min, 1)
		if level != nil {
			count = level.Instances[id]
		}
		for i := given[id]; i < count; i++ {
			made, err := p.s.planNewVnf(ctx, p.e, newVnf{profile: profile, number: i, extra: paramsFor(p.in.AdditionalParamsForVnf, id)})
			if err != nil {
				return err
			}
			p.steps = append(p.steps, made...)
		}
	}
	return nil
}

func noProfile(attribute, id string, f *flavour) error {
	return hub.E(hub.Unprocessable, "find VNF profile", fmt.Sprintf("%s names the VNF profile %q, which the flavour does not have; it has: %s", attribute, clip(id), strings.Join(sortedKeys(f.VNFs), ", ")), nil)
}

func paramsFor(list []sol005.ParamsForVnf, profile string) *sol005.ParamsForVnf {
	for i := range list {
		if list[i].VnfProfileID == profile {
			return &list[i]
		}
	}
	return nil
}

// newVnf is a VNF that an operation makes.
type newVnf struct {
	profile  *sol001.VNFProfile
	number   int    // within the operation and the profile
	vnfdID   string // empty: the profile's
	extra    *sol005.ParamsForVnf
	flavour  string                      // empty: the profile's
	level    string                      // empty: the profile's
	networks []sol003.ExtVirtualLinkData // instead of the profile's links
}

// planNewVnf plans a VNF of a profile: create, instantiate. A barred profile is
// refused.
func (s *Service) planNewVnf(ctx context.Context, e *state.Entry[ns], v newVnf) ([]step, error) {
	if bar, barred := e.Value.Bars[v.profile.ID]; barred {
		return nil, errBarred(&bar)
	}
	if v.vnfdID == "" {
		v.vnfdID = v.profile.VnfdID
	}
	slot := fmt.Sprintf("%s#%d", v.profile.ID, v.number)
	if v.extra != nil {
		if name, ours := oursIn(v.extra.Metadata); ours {
			return nil, hub.E(hub.Unprocessable, "make VNF", "the metadata attribute "+name+" is the NFVO's own; leave it out", nil)
		}
	}
	create := sol003.CreateVnfRequest{VnfdID: v.vnfdID, VnfInstanceName: fmt.Sprintf("%s %s %d", e.Value.Name, v.profile.ID, v.number+1)}
	links := v.networks
	if links == nil {
		var err error
		if links, err = s.extLinks(ctx, e, v.profile, v.vnfdID); err != nil {
			return nil, err
		}
	}
	begin := sol003.InstantiateVnfRequest{FlavourID: or(v.flavour, v.profile.Flavour), InstantiationLevelID: or(v.level, v.profile.Level), ExtVirtualLinks: links}
	if x := v.extra; x != nil {
		create.VnfInstanceName, create.VnfInstanceDescription = or(x.VnfInstanceName, create.VnfInstanceName), x.VnfInstanceDescription
		create.Metadata = x.Metadata
		begin.AdditionalParams, begin.Extensions = x.AdditionalParams, x.Extensions
		begin.VnfConfigurableProperties = x.VnfConfigurableProperties
	}
	return []step{
		{Kind: stepVnfCreate, Slot: slot, Profile: v.profile.ID, Body: params(create)},
		{Kind: stepVnfTask, Slot: slot, Profile: v.profile.ID, Task: "instantiate", Change: "INSTANTIATE", Body: params(begin)},
	}, nil
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// extLinks wires the external connection points of a VNF to the virtual links of
// the NS, as its profile says.
func (s *Service) extLinks(ctx context.Context, e *state.Entry[ns], profile *sol001.VNFProfile, vnfdID string) ([]sol003.ExtVirtualLinkData, error) {
	if len(profile.Links) == 0 {
		return nil, nil
	}
	pkg, err := s.c.Packages.Use(ctx, e.Domain, vnfdID)
	if err != nil {
		return nil, err
	}
	byLink := map[string][]sol003.VnfExtCpData{}
	for _, requirement := range sortedKeys(profile.Links) {
		link := profile.Links[requirement]
		byLink[link] = append(byLink[link], sol003.VnfExtCpData{
			CpdID: cpdOf(pkg.VNFD, profile.Flavour, requirement),
			CpConfig: map[string]sol003.VnfExtCpConfig{"0": {CpProtocolData: []sol003.CpProtocolData{{
				LayerProtocol:  "IP_OVER_ETHERNET",
				IpOverEthernet: &sol003.IpOverEthernetAddressData{IpAddresses: []sol003.IpAddressData{{Type: "IPV4", NumDynamicAddresses: 1}}},
			}}}},
		})
	}
	var out []sol003.ExtVirtualLinkData
	for _, link := range sortedKeys(byLink) {
		id := linkID(e.ID, link)
		out = append(out, sol003.ExtVirtualLinkData{ID: id, VimConnectionID: s.c.VimID, ResourceID: id, ExtCps: byLink[link]})
	}
	return out, nil
}

// cpdOf finds the external connection point that an NSD wires by a requirement;
// a VNFD that has none of that name is asked for it literally.
func cpdOf(d *sol001.VNFD, flavourID, requirement string) string {
	f := d.Flavours[or(flavourID, d.DefaultFlavour)]
	if f != nil {
		for _, id := range sortedKeys(f.ExtCps) {
			if f.ExtCps[id].Requirement == requirement {
				return id
			}
		}
	}
	return requirement
}

// saps makes the SAPs of the flavour, named as the request says.
func (p *instantiation) saps() ([]sol005.SapInfo, error) {
	var out []sol005.SapInfo
	for _, d := range p.in.SapData {
		if p.f.SAPs[d.SapdID] == nil {
			return nil, hub.E(hub.Unprocessable, "instantiate NS", fmt.Sprintf("sapData names the SAP descriptor %q, which the flavour does not have; it has: %s", clip(d.SapdID), strings.Join(sortedKeys(p.f.SAPs), ", ")), nil)
		}
	}
	for _, id := range sortedKeys(p.f.SAPs) {
		sap := sol005.SapInfo{ID: sapID(p.e.ID, id), SapdID: id, SapName: or(p.f.SAPs[id].Name, id), SapProtocolInfo: []sol005.CpProtocolInfo{}}
		for _, d := range p.in.SapData {
			if d.SapdID == id {
				sap.SapName, sap.Description = or(d.SapName, sap.SapName), d.Description
			}
		}
		out = append(out, sap)
	}
	return out, nil
}

// vnffgs makes the forwarding graphs of the flavour with their paths.
func (p *instantiation) vnffgs() []vnffg {
	var out []vnffg
	for _, id := range sortedKeys(p.f.VNFFGs) {
		d := p.f.VNFFGs[id]
		g := vnffg{Profiles: slices.Clone(d.Members), Info: sol005.VnffgInfo{ID: hub.DeriveID("vnffg", p.e.ID, id), VnffgdID: id, VnfInstanceID: []string{}, PnfdInfoID: []string{}}}
		for _, link := range d.Links {
			g.Info.NsVirtualLinkInfoID = append(g.Info.NsVirtualLinkInfoID, linkID(p.e.ID, link))
		}
		for _, path := range sortedKeys(d.NFPs) {
			nfp := NFP{ID: hub.DeriveID("nfp", p.e.ID, id, path), NfpdID: path}
			for _, pos := range d.NFPs[path].Positions {
				nfp.Positions = append(nfp.Positions, NFPPosition{Element: pos.Element, Cp: pos.Cp, Instances: []string{}})
			}
			g.NFPs = append(g.NFPs, nfp)
		}
		out = append(out, g)
	}
	return out
}
