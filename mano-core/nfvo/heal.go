package nfvo

import (
	"context"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// Heal starts the healing of an NS, or of VNFs of it (SOL 005 clause 6.4.7). A
// VNF that the VNFM no longer has is made again.
func (s *Service) Heal(ctx context.Context, o Order, in sol005.HealNsRequest) (opOccID string, existing bool, err error) {
	return s.start(ctx, o, sol005.NsLcmOpHeal, "HEAL", in, func(ctx context.Context, e *state.Entry[ns]) ([]step, error) {
		if e.Value.State != instantiated {
			return nil, errNotInstantiated("heal")
		}
		switch {
		case in.HealNsData != nil && len(in.HealVnfData) > 0:
			return nil, hub.E(hub.Invalid, "heal NS", "healNsData and healVnfData exclude each other; send one", nil)
		case in.HealNsData != nil:
			return s.planHealNs(ctx, e, in.HealNsData, o.auto)
		case len(in.HealVnfData) > 0:
			return s.planHealVnfs(ctx, e, in.HealVnfData, o.auto)
		}
		return nil, errNoPayload("heal", "healNsData or healVnfData")
	})
}

// planHealNs heals every VNF that is failed or gone. The degrees of SOL 005
// differ in what they require of services; here each mends all that is broken.
func (s *Service) planHealNs(ctx context.Context, e *state.Entry[ns], in *sol005.HealNsData, auto bool) ([]step, error) {
	switch in.DegreeHealing {
	case "HEAL_RESTORE", "HEAL_QOS", "HEAL_RESET", "PARTIAL_HEALING":
	default:
		return nil, hub.E(hub.Invalid, "heal NS", "the attribute degreeHealing must be HEAL_RESTORE, HEAL_QOS, HEAL_RESET or PARTIAL_HEALING", nil)
	}
	if err := checkHealing(in); err != nil {
		return nil, err
	}
	var list []sol005.HealVnfData
	for _, m := range e.Value.Members {
		broken, err := s.broken(ctx, m.VnfID)
		if err != nil {
			return nil, err
		}
		if broken != "" || in.DegreeHealing == "HEAL_RESET" {
			list = append(list, sol005.HealVnfData{VnfInstanceID: m.VnfID, Cause: or(broken, "reset was asked for")})
		}
	}
	if len(list) == 0 {
		return nil, nil // nothing is broken: the operation completes
	}
	return s.planHealVnfs(ctx, e, list, auto)
}

// actionHeal is the healing action that every VNF has: the operation heal of its
// life cycle (SOL 001, tosca.interfaces.nfv.Vnflcm).
const actionHeal = "heal"

// checkHealing refuses what this NFVO does not do. SOL 005 (HealNsData, NOTE) demands
// either actionsHealing or healScript: the action heal is done, and is taken to be
// meant where neither stands.
func checkHealing(in *sol005.HealNsData) error {
	unsupported := func(text string) error {
		return hub.E(hub.Unprocessable, "heal NS", "not supported by this NFVO: "+text, nil)
	}
	switch {
	case in.HealScript != "" && len(in.ActionsHealing) > 0:
		return hub.E(hub.Invalid, "heal NS", "actionsHealing and healScript exclude each other; send one", nil)
	case in.HealScript != "":
		return unsupported(`healScript, for scripts of an NSD are not run; send "actionsHealing": ["` + actionHeal + `"]`)
	case len(in.ActionsHealing) > 1:
		return unsupported(`more than one action in actionsHealing; it knows one: "` + actionHeal + `"`)
	case len(in.ActionsHealing) == 1 && in.ActionsHealing[0] != actionHeal:
		return unsupported(fmt.Sprintf("the action %q in actionsHealing; it knows one: %q", clip(in.ActionsHealing[0]), actionHeal))
	}
	return nil
}

// broken says what is wrong with a VNF, empty if nothing is.
func (s *Service) broken(ctx context.Context, id string) (string, error) {
	info, err := s.readVnf(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return "the VNF is gone from its VNFM", nil
	}
	if err != nil {
		return "", err
	}
	if info.InstantiatedVnfInfo == nil {
		return "", nil
	}
	for _, vnfc := range info.InstantiatedVnfInfo.VnfcResourceInfo {
		var c ifa006.Compute
		_, err := s.c.VIM.Do(ctx, "GET", "/computes/"+vnfc.ComputeResource.ResourceID, nil, &c)
		if hub.CodeOf(err) == hub.NotFound {
			return "compute " + vnfc.ComputeResource.ResourceID + " is gone from its VIM", nil
		}
		if err != nil {
			return "", fmt.Errorf("read compute %s: %w", vnfc.ComputeResource.ResourceID, err)
		}
		if isFailed(c.OperationalState) || isFailed(c.RunningState) {
			return "compute " + c.ID + " has failed", nil
		}
	}
	return "", nil
}

// isFailed takes both spellings that a VIM may use.
func isFailed(state string) bool { return state == ifa006.Failed || state == "Failed" }

func (s *Service) planHealVnfs(ctx context.Context, e *state.Entry[ns], list []sol005.HealVnfData, auto bool) ([]step, error) {
	var steps []step
	for i := range list {
		d := &list[i]
		m, err := memberOf(&e.Value, d.VnfInstanceID)
		if err != nil {
			return nil, err
		}
		if bar, barred := e.Value.Bars[m.ProfileID]; barred {
			if auto {
				continue // an automatic healing leaves it
			}
			return nil, errBarred(&bar)
		}
		_, err = s.readVnf(ctx, m.VnfID)
		if hub.CodeOf(err) == hub.NotFound {
			again, err := s.planAgain(ctx, e, m, i)
			if err != nil {
				return nil, err
			}
			steps = append(steps, again...)
			continue
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{
			Kind: stepVnfTask, VnfID: m.VnfID, Profile: m.ProfileID, Task: "heal", Change: "HEAL",
			Body: params(sol003.HealVnfRequest{Cause: d.Cause, AdditionalParams: d.AdditionalParams}),
		})
	}
	return steps, nil
}

// planAgain makes a VNF that is gone anew.
func (s *Service) planAgain(ctx context.Context, e *state.Entry[ns], m member, number int) ([]step, error) {
	_, f, err := s.flavour(ctx, e, e.Value.FlavourID)
	if err != nil {
		return nil, err
	}
	profile := f.VNFs[m.ProfileID]
	if profile == nil {
		return nil, noProfile("the lost VNF", m.ProfileID, f)
	}
	made, err := s.planNewVnf(ctx, e, newVnf{profile: profile, number: number, vnfdID: m.VnfdID})
	if err != nil {
		return nil, err
	}
	return append([]step{{Kind: stepVnfForget, VnfID: m.VnfID, Profile: m.ProfileID}}, made...), nil
}
