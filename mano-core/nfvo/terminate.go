package nfvo

import (
	"context"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// Terminate starts the termination of an NS (SOL 005 clause 6.4.8). VNFs that
// other NSs use too stay. It also takes away what a failed instantiation left.
func (s *Service) Terminate(ctx context.Context, o Order, in sol005.TerminateNsRequest) (opOccID string, existing bool, err error) {
	return s.start(ctx, o, sol005.NsLcmOpTerminate, "TERMINATE", in, func(_ context.Context, e *state.Entry[ns]) ([]step, error) {
		n := &e.Value
		if n.State != instantiated && !n.leftOver() {
			return nil, errNotInstantiated("terminate")
		}
		var steps []step
		for i := range in.TerminateVnfData {
			if name, ours := oursIn(in.TerminateVnfData[i].AdditionalParams); ours {
				return nil, hub.E(hub.Unprocessable, "terminate NS", "not supported when an NS is terminated: additionalParams."+name+"; order it with an update of the type REMOVE_VNF first", nil)
			}
		}
		for i := len(n.Members) - 1; i >= 0; i-- {
			data := &sol005.TerminateVnfData{}
			for j := range in.TerminateVnfData {
				if in.TerminateVnfData[j].VnfInstanceID == n.Members[i].VnfID {
					data = &in.TerminateVnfData[j]
				}
			}
			steps = append(steps, endVnf(n.Members[i], data, nil)...)
		}
		for i := range n.Pnfs {
			steps = append(steps, step{Kind: stepPnfRemove, Body: params(pnfParams{Info: n.Pnfs[i], Links: n.pnfLinks(n.Pnfs[i].PnfID)})})
		}
		for _, l := range n.Links {
			steps = append(steps, step{Kind: stepLinkDelete, Body: params(linkParams{Profile: l.NsVirtualLinkProfileID})})
		}
		change := nsChange{State: notInstantiated, Saps: n.Saps, Vnffgs: n.Vnffgs}
		return append(steps, step{Kind: stepNsSet, Body: params(change)}), nil
	})
}

func errNotInstantiated(what string) error {
	return hub.E(hub.Conflict, what+" NS", "the NS is not instantiated; instantiate it first", nil)
}

// endVnf plans the end of a VNF in an NS: it leaves the NS, and if it was the
// last NS that used it, it is terminated and deleted.
func endVnf(m member, data *sol005.TerminateVnfData, extra sol003.KeyValuePairs) []step {
	in := sol003.TerminateVnfRequest{TerminationType: or(data.TerminationType, "FORCEFUL"), GracefulTerminationTimeout: data.GracefulTerminationTimeout, AdditionalParams: extra}
	for name, value := range data.AdditionalParams {
		if in.AdditionalParams == nil {
			in.AdditionalParams = sol003.KeyValuePairs{}
		}
		if !isOurs(name) {
			in.AdditionalParams[name] = value
		}
	}
	return []step{
		{Kind: stepVnfDrop, VnfID: m.VnfID, Profile: m.ProfileID},
		{Kind: stepVnfTask, VnfID: m.VnfID, Profile: m.ProfileID, Task: "terminate", Change: "TERMINATE", Body: params(in)},
		{Kind: stepVnfDelete, VnfID: m.VnfID, Profile: m.ProfileID},
	}
}

// pnfLinks is the networks that a PNF is attached to, by connection point.
func (n *ns) pnfLinks(pnfID string) map[string]string {
	out := map[string]string{}
	for _, l := range n.Links {
		for _, port := range l.LinkPort {
			if port.NsCpHandle != nil && port.NsCpHandle.PnfInfoID == pnfID {
				out[port.NsCpHandle.PnfExtCpInstanceID] = l.ID
			}
		}
	}
	return out
}
