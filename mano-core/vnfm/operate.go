package vnfm

import (
	"context"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// Terminate starts SOL 003 clause 5.4.8.
func (s *Service) Terminate(ctx context.Context, c Caller, id string, in sol003.TerminateVnfRequest) (string, error) {
	if in.TerminationType != "FORCEFUL" && in.TerminationType != "GRACEFUL" {
		return "", invalid("terminationType is %q; send FORCEFUL or GRACEFUL", clip(in.TerminationType))
	}
	if in.GracefulTerminationTimeout < 0 {
		return "", invalid("gracefulTerminationTimeout is below 0; send seconds")
	}
	erase := in.AdditionalParams[ParamErase]
	if _, isBool := erase.(bool); erase != nil && !isBool {
		return "", invalid("additionalParams/%s is no boolean; send true or false", ParamErase)
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationTerminate, caller: c, request: in, instantiated: true, plan: func(_ context.Context, _ state.Entry[VNF], _ int, op *Operation) error {
		op.Graceful, op.Erase = in.TerminationType == "GRACEFUL", erase == true
		op.After = nil
		return nil
	}})
}

// Operate starts SOL 003 clause 5.4.10: all VNFCs are started or stopped.
func (s *Service) Operate(ctx context.Context, c Caller, id string, in sol003.OperateVnfRequest) (string, error) {
	switch {
	case in.ChangeStateTo != sol003.VnfOperationalStateStarted && in.ChangeStateTo != sol003.VnfOperationalStateStopped:
		return "", invalid("changeStateTo is %q; send STARTED or STOPPED", clip(string(in.ChangeStateTo)))
	case in.StopType != "" && in.StopType != sol003.StopForceful && in.StopType != sol003.StopGraceful:
		return "", invalid("stopType is %q; send FORCEFUL or GRACEFUL", clip(string(in.StopType)))
	case in.ChangeStateTo == sol003.VnfOperationalStateStarted && in.StopType != "":
		return "", invalid("stopType goes with STOPPED only; leave it out")
	case in.GracefulStopTimeout < 0:
		return "", invalid("gracefulStopTimeout is below 0; send seconds")
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationOperate, caller: c, request: in, instantiated: true, plan: func(_ context.Context, _ state.Entry[VNF], _ int, op *Operation) error {
		op.After.State = in.ChangeStateTo
		return nil
	}})
}

// ChangeExtConn starts SOL 003 clause 5.4.11.
func (s *Service) ChangeExtConn(ctx context.Context, c Caller, id string, in sol003.ChangeExtVnfConnectivityRequest) (string, error) {
	if len(in.ExtVirtualLinks) == 0 {
		return "", invalid("extVirtualLinks is missing; send the external virtual links that change")
	}
	if err := checkLinks(in.ExtVirtualLinks, nil); err != nil {
		return "", err
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationChangeExtConn, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error {
		p, err := s.planner(ctx, vnf, gen, op.Before.Flavour, in.AdditionalParams)
		if err != nil {
			return err
		}
		for _, link := range in.ExtVirtualLinks {
			for _, cp := range link.ExtCps {
				if !p.hasExtCp(cp.CpdID) {
					return invalid("external connection point %s is none of flavour %s; it has: %s", clip(cp.CpdID), p.flavour.ID, names(p.flavour.ExtCps))
				}
			}
		}
		op.Connections = in.VimConnectionInfo
		op.After = p.reconnect(op.Before, in.ExtVirtualLinks)
		return nil
	}})
}

func (p *planner) hasExtCp(cpd string) bool {
	if p.flavour.ExtCps[cpd] != nil {
		return true
	}
	for _, vdu := range p.flavour.VDUs {
		for _, cp := range vdu.Cps {
			if cp.ExtCp == cpd {
				return true
			}
		}
	}
	return false
}

// Heal starts SOL 003 clause 5.4.9: VNFCs are replaced. Which ones is said by
// additionalParams/manoward.vnfcInstanceIds; without it they are those whose
// compute the VIM calls failed or does not have; if there is none, all, because
// who asks may see what the VIM does not.
func (s *Service) Heal(ctx context.Context, c Caller, id string, in sol003.HealVnfRequest) (string, error) {
	wanted, err := stringList(in.AdditionalParams, ParamVnfcs)
	if err != nil {
		return "", err
	}
	return s.begin(ctx, order{vnf: id, kind: sol003.LcmOperationHeal, caller: c, request: in, instantiated: true, plan: func(ctx context.Context, vnf state.Entry[VNF], gen int, op *Operation) error {
		p, err := s.planner(ctx, vnf, gen, op.Before.Flavour, in.AdditionalParams)
		if err != nil {
			return err
		}
		for _, id := range wanted {
			if op.Before.vnfc(id) == nil {
				return invalid("VNFC %s is none of this VNF instance; see vnfcResourceInfo", clip(id))
			}
		}
		ill := wanted
		if len(ill) == 0 {
			if ill, err = s.failed(ctx, op.Before); err != nil {
				return err
			}
		}
		counts := map[string]int{}
		for _, c := range op.Before.VNFCs {
			counts[c.VDU]++
		}
		op.After = p.layout(op.Before, counts, op.Before.Scale, op.Before.Ext, func(c *VNFC) bool { return len(ill) > 0 && !slices.Contains(ill, c.ID) })
		return nil
	}})
}

// failed returns the VNFCs whose compute the VIM calls failed or does not have.
func (s *Service) failed(ctx context.Context, l *Layout) ([]string, error) {
	var out []string
	for _, c := range l.VNFCs {
		bad, err := s.computeFailed(ctx, c.ComputeID)
		if err != nil {
			return nil, hub.E(hub.Unavailable, "find failed VNFCs", "the VIM does not say how the computes are; try again, or name the VNFCs in additionalParams/"+ParamVnfcs, err)
		}
		if bad {
			out = append(out, c.ID)
		}
	}
	return out, nil
}

// computeFailed asks the VIM how a compute is.
func (s *Service) computeFailed(ctx context.Context, id string) (bool, error) {
	var compute ifa006.Compute
	_, err := s.VIM.Do(ctx, "GET", "/computes/"+id, nil, &compute)
	if hub.CodeOf(err) == hub.NotFound {
		return true, nil
	}
	return isFailed(&compute), err
}
