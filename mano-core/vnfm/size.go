package vnfm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// Extensions in additionalParams, of tasks and of grants.
const (
	ParamErase        = "manoward.erase"           // terminate: storages and secure storage are overwritten
	ParamExcludeHosts = "manoward.excludeHosts"    // what adds computes: not on these hosts
	ParamConstraints  = "manoward.constraints"     // grant: ifa006.Constraint of new computes, for rules between VNFs
	ParamVnfcs        = "manoward.vnfcInstanceIds" // heal: these VNFCs and no others
)

func invalid(format string, a ...any) error {
	return hub.E(hub.Invalid, "read request", fmt.Sprintf(format, a...), nil)
}

// planner makes the planner of an operation on a VNF in a flavour of its VNFD.
func (s *Service) planner(ctx context.Context, vnf state.Entry[VNF], gen int, flavour string, params sol003.KeyValuePairs) (*planner, error) {
	vnfd, _, err := s.descriptor(ctx, vnf.Domain, vnf.Value.VnfdID)
	if err != nil {
		return nil, err
	}
	p, err := newPlanner(vnf.ID, gen, vnfd, flavour)
	if err != nil {
		return nil, err
	}
	p.excludeHosts, err = stringList(params, ParamExcludeHosts)
	return p, err
}

// stringList reads an array of strings from additionalParams.
func stringList(params sol003.KeyValuePairs, name string) ([]string, error) {
	if params[name] == nil {
		return nil, nil
	}
	list, ok := params[name].([]any)
	if !ok {
		return nil, invalid("additionalParams/%s is not an array of strings; send [\"...\"]", name)
	}
	var out []string
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return nil, invalid("additionalParams/%s holds something that is no string; send [\"...\"]", name)
		}
		out = append(out, text)
	}
	return out, nil
}

// Instantiate starts SOL 003 clause 5.4.4.
func (s *Service) Instantiate(ctx context.Context, c Caller, id string, in sol003.InstantiateVnfRequest) (string, error) {
	if in.FlavourID == "" {
		return "", invalid("flavourId is missing; send the deployment flavour")
	}
	if err := checkLinks(in.ExtVirtualLinks, in.ExtManagedVirtualLinks); err != nil {
		return "", err
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationInstantiate, caller: c, request: in, plan: func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error {
		p, err := s.planner(ctx, vnf, gen, in.FlavourID, in.AdditionalParams)
		if err != nil {
			return err
		}
		p.managed = in.ExtManagedVirtualLinks
		counts, scale, err := p.level(in.InstantiationLevelID)
		if err != nil {
			return err
		}
		op.Level = in.InstantiationLevelID
		op.Patch, op.Connections = patchOf(in.Extensions, in.VnfConfigurableProperties), in.VimConnectionInfo
		if err := checkProperties(&vnf.Value, op.Patch); err != nil {
			return err
		}
		op.After = p.layout(nil, counts, scale, in.ExtVirtualLinks, keepAll)
		op.After.Language = in.LocalizationLanguage
		return nil
	}})
}

// patchOf is the merge patch of what a task changes in the instance besides its
// resources.
func patchOf(extensions, configurable sol003.KeyValuePairs) map[string]any {
	patch := map[string]any{}
	if extensions != nil {
		patch["extensions"] = map[string]any(extensions)
	}
	if configurable != nil {
		patch["vnfConfigurableProperties"] = map[string]any(configurable)
	}
	return patch
}

// checkLinks refuses links that name nothing, and ports made by the NFVO: this
// VNFM makes the ports itself.
func checkLinks(ext []sol003.ExtVirtualLinkData, managed []sol003.ExtManagedVirtualLinkData) error {
	for _, l := range ext {
		if l.ID == "" || l.ResourceID == "" || len(l.ExtCps) == 0 {
			return invalid("an element of extVirtualLinks lacks id, resourceId or extCps; send all three")
		}
		if len(l.ExtLinkPorts) > 0 {
			return invalid("extVirtualLinks/%s brings extLinkPorts; leave them out: the VNFM makes the ports", clip(l.ID))
		}
		for _, cp := range l.ExtCps {
			if cp.CpdID == "" {
				return invalid("an extCp of extVirtualLinks/%s lacks cpdId; name the external connection point", clip(l.ID))
			}
		}
	}
	for _, m := range managed {
		if m.ID == "" || m.VnfVirtualLinkDescID == "" || m.ResourceID == "" {
			return invalid("an element of extManagedVirtualLinks lacks id, vnfVirtualLinkDescId or resourceId; send all three")
		}
	}
	return nil
}

// Scale starts SOL 003 clause 5.4.5.
func (s *Service) Scale(ctx context.Context, c Caller, id string, in sol003.ScaleVnfRequest) (string, error) {
	steps := 1
	if in.NumberOfSteps != 0 {
		steps = in.NumberOfSteps
	}
	if steps < 1 || steps > 1<<20 {
		return "", invalid("numberOfSteps is %d; send 1 or more", in.NumberOfSteps)
	}
	if in.AspectID == "" {
		return "", invalid("aspectId is missing; name the scaling aspect")
	}
	switch in.Type {
	case "SCALE_OUT":
	case "SCALE_IN":
		steps = -steps
	default:
		return "", invalid("type is %q; send SCALE_OUT or SCALE_IN", clip(in.Type))
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationScale, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error {
		p, err := s.planner(ctx, vnf, gen, op.Before.Flavour, in.AdditionalParams)
		if err != nil {
			return err
		}
		to := maps.Clone(op.Before.Scale)
		if to == nil {
			to = map[string]int{}
		}
		to[in.AspectID] += steps
		op.After, err = p.scaledLayout(op.Before, to)
		return err
	}})
}

// scaledLayout is before at other scale levels.
func (p *planner) scaledLayout(before *Layout, to map[string]int) (*Layout, error) {
	counts := map[string]int{}
	for _, c := range before.VNFCs {
		counts[c.VDU]++
	}
	for _, aspect := range slices.Sorted(maps.Keys(to)) {
		if to[aspect] == before.Scale[aspect] && p.flavour.Aspects[aspect] != nil {
			continue
		}
		if err := p.scaled(counts, aspect, before.Scale[aspect], to[aspect]); err != nil {
			return nil, err
		}
	}
	return p.layout(before, counts, to, before.Ext, keepAll), nil
}

func keepAll(*VNFC) bool { return true }

// ScaleToLevel starts SOL 003 clause 5.4.6.
func (s *Service) ScaleToLevel(ctx context.Context, c Caller, id string, in sol003.ScaleVnfToLevelRequest) (string, error) {
	if (in.InstantiationLevelID == "") == (len(in.ScaleInfo) == 0) {
		return "", invalid("send either instantiationLevelId or scaleInfo")
	}
	levels, err := scaleLevels(in.ScaleInfo)
	if err != nil {
		return "", err
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationScaleToLevel, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error {
		p, err := s.planner(ctx, vnf, gen, op.Before.Flavour, in.AdditionalParams)
		if err != nil {
			return err
		}
		op.Level = in.InstantiationLevelID
		if op.Level != "" {
			counts, scale, err := p.level(op.Level)
			if err != nil {
				return err
			}
			op.After = p.layout(op.Before, counts, scale, op.Before.Ext, keepAll)
			return nil
		}
		to := maps.Clone(op.Before.Scale)
		if to == nil {
			to = map[string]int{}
		}
		maps.Copy(to, levels)
		op.After, err = p.scaledLayout(op.Before, to)
		return err
	}})
}

// scaleLevels reads scale levels by aspect, in either spelling of ScaleInfo.
func scaleLevels(in []sol003.ScaleInfo) (map[string]int, error) {
	levels := map[string]int{}
	for _, i := range in {
		level, err := strconv.Atoi(i.ScaleToLevel)
		if i.ScaleToLevel == "" && i.ScaleLevel != nil {
			level, err = *i.ScaleLevel, nil
		}
		if err != nil || level < 0 || i.AspectID == "" {
			return nil, invalid("an element of scaleInfo is not an aspectId with a scaleLevel of 0 or more")
		}
		levels[i.AspectID] = level
	}
	return levels, nil
}

// ChangeFlavour starts SOL 003 clause 5.4.7. VNFCs of VDUs that are the same in
// both flavours stay.
func (s *Service) ChangeFlavour(ctx context.Context, c Caller, id string, in sol003.ChangeVnfFlavourRequest) (string, error) {
	if in.NewFlavourID == "" {
		return "", invalid("newFlavourId is missing; send the deployment flavour to change to")
	}
	if err := checkLinks(in.ExtVirtualLinks, in.ExtManagedVirtualLinks); err != nil {
		return "", err
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationChangeFlavour, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error {
		p, err := s.planner(ctx, vnf, gen, in.NewFlavourID, in.AdditionalParams)
		if err != nil {
			return err
		}
		p.managed = in.ExtManagedVirtualLinks
		op.Level = in.InstantiationLevelID
		op.Patch, op.Connections = patchOf(in.Extensions, in.VnfConfigurableProperties), in.VimConnectionInfo
		return p.change(p.vnfd.Flavours[op.Before.Flavour], in.ExtVirtualLinks, vnf.Value, op)
	}})
}

// change plans the step from one flavour to the planner's: of the same VNFD or of
// a new one.
func (p *planner) change(was *sol001.Flavour, ext []sol003.ExtVirtualLinkData, vnf VNF, op *Operation) error {
	if err := checkProperties(&vnf, op.Patch); err != nil {
		return err
	}
	counts, scale, err := p.level(op.Level)
	if err != nil {
		return err
	}
	if op.Package != nil {
		p.keepSize(counts, scale, op.Before)
	}
	from := op.Before.clone()
	if len(ext) > 0 {
		from = p.reconnect(from, ext)
	}
	op.After = p.layout(from, counts, scale, from.Ext, func(c *VNFC) bool { return sameVDU(was, p.flavour, c.VDU) })
	return nil
}

// keepSize gives VDUs and aspects that the VNF has already the size that they
// have, as far as the flavour allows it: a new package is no order to scale.
func (p *planner) keepSize(counts, scale map[string]int, before *Layout) {
	has := map[string]int{}
	for _, c := range before.VNFCs {
		has[c.VDU]++
	}
	for id, vdu := range p.flavour.VDUs {
		if n, ok := has[id]; ok && n >= vdu.Min && (vdu.Max == 0 || n <= vdu.Max) {
			counts[id] = n
		}
	}
	for id, aspect := range p.flavour.Aspects {
		if n, ok := before.Scale[id]; ok && n <= aspect.MaxLevel {
			scale[id] = n
		}
	}
}

// ChangePackage starts SOL 003 clause 5.4.11a: the VNF goes over to another VNFD,
// in its present flavour or, if that one has none of the name, in its default.
func (s *Service) ChangePackage(ctx context.Context, c Caller, id string, in sol003.ChangeCurrentVnfPkgRequest) (string, error) {
	if in.VnfdID == "" {
		return "", invalid("vnfdId is missing; send the VNFD to change to")
	}
	if err := checkLinks(in.ExtVirtualLinks, in.ExtManagedVirtualLinks); err != nil {
		return "", err
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationChangeVnfpkg, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error {
		was, _, err := s.descriptor(ctx, vnf.Domain, vnf.Value.VnfdID)
		if err != nil {
			return err
		}
		vnfd, pkg, err := s.descriptor(ctx, vnf.Domain, in.VnfdID)
		if err != nil {
			return err
		}
		flavour := op.Before.Flavour
		if vnfd.Flavours[flavour] == nil {
			flavour = vnfd.DefaultFlavour
		}
		p, err := newPlanner(vnf.ID, gen, vnfd, flavour)
		if err != nil {
			return err
		}
		p.managed = in.ExtManagedVirtualLinks
		if p.excludeHosts, err = stringList(in.AdditionalParams, ParamExcludeHosts); err != nil {
			return err
		}
		op.Package = &VNF{}
		op.Package.describe(vnfd, pkg)
		op.Patch, op.Connections = patchOf(in.Extensions, in.VnfConfigurableProperties), in.VimConnectionInfo
		if err := checkAddresses(op.Patch); err != nil {
			return err
		}
		return p.change(was.Flavours[op.Before.Flavour], in.ExtVirtualLinks, *op.Package, op)
	}})
}
