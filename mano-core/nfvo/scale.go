package nfvo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// Scale starts the scaling of an NS, or of VNFs of it (SOL 005 clause 6.4.5).
func (s *Service) Scale(ctx context.Context, o Order, in sol005.ScaleNsRequest) (opOccID string, existing bool, err error) {
	return s.start(ctx, o, sol005.NsLcmOpScale, "SCALE", in, func(ctx context.Context, e *state.Entry[ns]) ([]step, error) {
		if e.Value.State != instantiated {
			return nil, errNotInstantiated("scale")
		}
		switch in.ScaleType {
		case "SCALE_VNF":
			if in.ScaleNsData != nil {
				return nil, errOtherPayload("scaleType SCALE_VNF", "scaleNsData")
			}
			return s.planScaleVnfs(ctx, e, in.ScaleVnfData)
		case "SCALE_NS":
			if len(in.ScaleVnfData) > 0 {
				return nil, errOtherPayload("scaleType SCALE_NS", "scaleVnfData")
			}
			if in.ScaleNsData == nil {
				return nil, errNoPayload("scaleType SCALE_NS", "scaleNsData")
			}
			return s.planScaleNs(ctx, e, in.ScaleNsData)
		}
		return nil, hub.E(hub.Invalid, "scale NS", "the attribute scaleType must be SCALE_NS or SCALE_VNF", nil)
	})
}

func errOtherPayload(kind, attribute string) error {
	return hub.E(hub.Invalid, "read request", kind+" does not take the attribute "+attribute+"; leave it out", nil)
}

func errNoPayload(kind, attribute string) error {
	return hub.E(hub.Invalid, "read request", kind+" needs the attribute "+attribute+"; add it", nil)
}

func (s *Service) planScaleVnfs(ctx context.Context, e *state.Entry[ns], list []sol005.ScaleVnfData) ([]step, error) {
	if len(list) == 0 {
		return nil, errNoPayload("scaleType SCALE_VNF", "scaleVnfData")
	}
	var steps []step
	for i := range list {
		d := &list[i]
		m, err := memberOf(&e.Value, d.VnfInstanceID)
		if err != nil {
			return nil, err
		}
		st, err := scaleVnfStep(d)
		if err != nil {
			return nil, err
		}
		if bar, barred := e.Value.Bars[m.ProfileID]; barred && d.ScaleVnfType == "SCALE_OUT" {
			return nil, errBarred(&bar)
		}
		st.VnfID, st.Profile, st.Change = m.VnfID, m.ProfileID, "SCALE"
		steps = append(steps, st)
	}
	return steps, nil
}

func scaleVnfStep(d *sol005.ScaleVnfData) (step, error) {
	switch d.ScaleVnfType {
	case "SCALE_OUT", "SCALE_IN":
		if d.ScaleByStepData == nil || d.ScaleByStepData.AspectID == "" {
			return step{}, errNoPayload("scaleVnfType "+d.ScaleVnfType, "scaleByStepData with aspectId")
		}
		if d.ScaleByStepData.NumberOfSteps < 0 {
			return step{}, hub.E(hub.Invalid, "scale VNF", "numberOfSteps must be 1 or more", nil)
		}
		return step{Kind: stepVnfTask, Task: "scale", Body: params(sol003.ScaleVnfRequest{
			Type: d.ScaleVnfType, AspectID: d.ScaleByStepData.AspectID, NumberOfSteps: max(1, d.ScaleByStepData.NumberOfSteps),
			AdditionalParams: d.ScaleByStepData.AdditionalParams,
		})}, nil
	case "SCALE_TO_INSTANTIATION_LEVEL", "SCALE_TO_SCALE_LEVEL(S)":
		if d.ScaleToLevelData == nil {
			return step{}, errNoPayload("scaleVnfType "+d.ScaleVnfType, "scaleToLevelData")
		}
		in := sol003.ScaleVnfToLevelRequest{InstantiationLevelID: d.ScaleToLevelData.VnfInstantiationLevelID, AdditionalParams: d.ScaleToLevelData.AdditionalParams}
		for _, l := range d.ScaleToLevelData.VnfScaleInfo {
			in.ScaleInfo = append(in.ScaleInfo, sol003.ScaleInfo{AspectID: l.AspectID, ScaleToLevel: strconv.Itoa(l.ScaleLevel)})
		}
		return step{Kind: stepVnfTask, Task: "scale_to_level", Body: params(in)}, nil
	}
	return step{}, hub.E(hub.Invalid, "scale VNF", "the attribute scaleVnfType must be SCALE_OUT, SCALE_IN, SCALE_TO_INSTANTIATION_LEVEL or SCALE_TO_SCALE_LEVEL(S)", nil)
}

func (s *Service) planScaleNs(ctx context.Context, e *state.Entry[ns], in *sol005.ScaleNsData) ([]step, error) {
	_, f, err := s.flavour(ctx, e, e.Value.FlavourID)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, d := range in.VnfInstanceToBeAdded {
		st, err := s.planAdd(ctx, e, f, d)
		if err != nil {
			return nil, err
		}
		steps = append(steps, st)
	}
	for _, id := range in.VnfInstanceToBeRemoved {
		m, err := memberOf(&e.Value, id)
		if err != nil {
			return nil, err
		}
		steps = append(steps, endVnf(m, &sol005.TerminateVnfData{TerminationType: "GRACEFUL"}, nil)...)
	}
	scale, counts, err := scaleTargets(&e.Value, f, in)
	if err != nil {
		return nil, err
	}
	more, err := s.planCounts(ctx, e, f, counts, in.AdditionalParamsForVnf)
	if err != nil {
		return nil, err
	}
	steps = append(steps, more...)
	if len(steps) == 0 {
		return nil, hub.E(hub.Unprocessable, "scale NS", "the NS is at this scale already; ask for another one", nil)
	}
	if scale != nil {
		steps = append(steps, step{Kind: stepNsSet, Body: params(nsChange{Scale: scale})})
	}
	return steps, nil
}

// scaleTargets computes the new scale levels, and by how many instances each VNF
// profile changes.
func scaleTargets(n *ns, f *flavour, in *sol005.ScaleNsData) (scale, change map[string]int, err error) {
	switch {
	case in.ScaleNsByStepsData != nil && in.ScaleNsToLevelData != nil:
		return nil, nil, hub.E(hub.Invalid, "scale NS", "scaleNsByStepsData and scaleNsToLevelData exclude each other; send one", nil)
	case in.ScaleNsByStepsData != nil:
		return scaleBySteps(n, f, in.ScaleNsByStepsData)
	case in.ScaleNsToLevelData != nil:
		return scaleToLevel(n, f, in.ScaleNsToLevelData)
	case len(in.VnfInstanceToBeAdded)+len(in.VnfInstanceToBeRemoved) == 0:
		return nil, nil, errNoPayload("scaleNsData", "scaleNsByStepsData, scaleNsToLevelData, vnfInstanceToBeAdded or vnfInstanceToBeRemoved")
	}
	return nil, nil, nil
}

func scaleBySteps(n *ns, f *flavour, in *sol005.ScaleNsByStepsData) (scale, change map[string]int, err error) {
	steps := max(1, in.NumberOfSteps)
	switch in.ScalingDirection {
	case "SCALE_IN":
		steps = -steps
	case "SCALE_OUT":
	default:
		return nil, nil, hub.E(hub.Invalid, "scale NS", "the attribute scalingDirection must be SCALE_IN or SCALE_OUT", nil)
	}
	if in.NumberOfSteps < 0 {
		return nil, nil, hub.E(hub.Invalid, "scale NS", "numberOfSteps must be 1 or more", nil)
	}
	return aspectTo(n, f, in.AspectID, n.Scale[in.AspectID]+steps)
}

// aspectTo brings one scaling aspect to a level.
func aspectTo(n *ns, f *flavour, aspectID string, level int) (scale, change map[string]int, err error) {
	a := f.Aspects[aspectID]
	if a == nil {
		return nil, nil, hub.E(hub.Unprocessable, "scale NS", fmt.Sprintf("the flavour has no scaling aspect %q; it has: %s", clip(aspectID), strings.Join(sortedKeys(f.Aspects), ", ")), nil)
	}
	if level < 0 || level > a.MaxLevel {
		return nil, nil, hub.E(hub.Unprocessable, "scale NS", fmt.Sprintf("the aspect %s would be at level %d; it has levels 0 to %d", aspectID, level, a.MaxLevel), nil)
	}
	was := n.Scale[aspectID]
	change = map[string]int{}
	for l := min(was, level) + 1; l <= max(was, level); l++ {
		for profile, delta := range deltaOf(a, l) {
			if level < was {
				delta = -delta
			}
			change[profile] += delta
		}
	}
	scale = maps.Clone(n.Scale)
	if scale == nil {
		scale = map[string]int{}
	}
	scale[aspectID] = level
	return scale, change, nil
}

// deltaOf is what the step to a level adds; the last delta repeats.
func deltaOf(a *sol001.NSAspect, level int) map[string]int {
	if len(a.Deltas) == 0 {
		return nil
	}
	return a.Deltas[min(level, len(a.Deltas))-1]
}

func scaleToLevel(n *ns, f *flavour, in *sol005.ScaleNsToLevelData) (scale, change map[string]int, err error) {
	if in.NsInstantiationLevel == "" {
		return scaleToAspects(n, f, in.NsScaleInfo)
	}
	level := f.Levels[in.NsInstantiationLevel]
	if level == nil {
		return nil, nil, hub.E(hub.Unprocessable, "scale NS", fmt.Sprintf("the flavour has no instantiation level %q; it has: %s", clip(in.NsInstantiationLevel), strings.Join(sortedKeys(f.Levels), ", ")), nil)
	}
	change, scale = map[string]int{}, map[string]int{}
	for id, profile := range f.VNFs {
		if profile.Initial {
			change[id] = level.Instances[id] - len(n.instancesAt(id))
		}
	}
	for aspect := range f.Aspects {
		scale[aspect] = level.Scale[aspect]
	}
	return scale, change, nil
}

func scaleToAspects(n *ns, f *flavour, levels []sol005.NsScaleInfo) (scale, change map[string]int, err error) {
	if len(levels) == 0 {
		return nil, nil, errNoPayload("scaleNsToLevelData", "nsInstantiationLevel or nsScaleInfo")
	}
	at := ns{Scale: maps.Clone(n.Scale)}
	change = map[string]int{}
	for _, l := range levels {
		level, err := strconv.Atoi(l.NsScaleLevelID)
		if err != nil {
			return nil, nil, hub.E(hub.Unprocessable, "scale NS", "nsScaleLevelId is the number of a level here, such as 1", err)
		}
		next, delta, err := aspectTo(&at, f, l.NsScalingAspectID, level)
		if err != nil {
			return nil, nil, err
		}
		at.Scale = next
		for profile, d := range delta {
			change[profile] += d
		}
	}
	return at.Scale, change, nil
}

// planCounts adds or removes instances of VNF profiles. The instances that came
// last go first.
func (s *Service) planCounts(ctx context.Context, e *state.Entry[ns], f *flavour, change map[string]int, extra []sol005.ParamsForVnf) ([]step, error) {
	var steps []step
	for _, id := range sortedKeys(change) {
		profile := f.VNFs[id]
		if profile == nil {
			return nil, noProfile("the scaling aspect", id, f)
		}
		have := len(e.Value.instancesAt(id))
		if want := have + change[id]; profile.Max > 0 && want > profile.Max && change[id] > 0 {
			return nil, hub.E(hub.Unprocessable, "scale NS", fmt.Sprintf("the VNF profile %s would have %d instances; its descriptor allows %d", id, want, profile.Max), nil)
		}
		for i := 0; i < change[id]; i++ {
			made, err := s.planNewVnf(ctx, e, newVnf{profile: profile, number: have + i, extra: paramsFor(extra, id)})
			if err != nil {
				return nil, err
			}
			steps = append(steps, made...)
		}
		members := slices.DeleteFunc(slices.Clone(e.Value.Members), func(m member) bool { return m.ProfileID != id })
		for i := 0; i < -change[id] && i < len(members); i++ {
			steps = append(steps, endVnf(members[len(members)-1-i], &sol005.TerminateVnfData{TerminationType: "GRACEFUL"}, nil)...)
		}
	}
	return steps, nil
}

// memberOf finds a VNF of an NS.
func memberOf(n *ns, vnfID string) (member, error) {
	for _, m := range n.Members {
		if m.VnfID == vnfID {
			return m, nil
		}
	}
	return member{}, hub.E(hub.NotFound, "find VNF", fmt.Sprintf("the NS has no VNF instance %q; read its vnfInstance list", clip(vnfID)), nil)
}
