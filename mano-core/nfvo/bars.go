package nfvo

import (
	"context"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
)

// setBar keeps a VNF profile without new instances until an operator lifts the
// bar.
func setBar(ctx context.Context, r *run) error {
	st := r.step()
	return r.changeNs(ctx, func(n *ns) {
		if _, there := n.Bars[st.Profile]; there {
			return
		}
		if n.Bars == nil {
			n.Bars = map[string]Bar{}
		}
		n.Bars[st.Profile] = Bar{VnfProfileID: st.Profile, VnfInstanceID: r.vnfID(), OpOccID: r.id, By: r.op.Source.Identity, Since: r.s.now()}
	})
}

func errBarred(b *Bar) error {
	return hub.E(hub.Conflict, "make VNF", fmt.Sprintf("%s barred new instances of the VNF profile %s (operation %s); an operator lifts the bar with DELETE /manoward/v1/ns_instances/{id}/replacement_bars/%s", b.By, b.VnfProfileID, b.OpOccID, b.VnfProfileID), nil)
}

// Bars lists the replacement bars of an NS by VNF profile.
func (s *Service) Bars(ctx context.Context, nsID string) ([]Bar, error) {
	e, err := s.seen(ctx, nsID)
	if err != nil {
		return nil, err
	}
	bars := []Bar{}
	for _, profile := range sortedKeys(e.Value.Bars) {
		bars = append(bars, e.Value.Bars[profile])
	}
	return bars, nil
}

// LiftBar lets a VNF profile have new instances again: hub.NotFound if it is not
// barred.
func (s *Service) LiftBar(ctx context.Context, caller hub.Identity, nsID, profile string) error {
	e, err := s.seen(ctx, nsID)
	if err != nil {
		return err
	}
	bar, there := e.Value.Bars[profile]
	if !there {
		return hub.E(hub.NotFound, "lift replacement bar", fmt.Sprintf("the VNF profile %q is not barred in this NS; list the bars with: manoward ns bars NS-ID", clip(profile)), nil)
	}
	r := hub.Record{ID: hub.DeriveID(nsID, profile, bar.OpOccID, "lifted"), Kind: "ns.replacement-bar.lifted", Actor: caller.String(), Subject: "ns/" + nsID, Data: params(bar)}
	if err := s.record(ctx, e.Domain, r); err != nil {
		return err
	}
	_, err = s.nss.Update(ctx, nsID, func(n *ns) error { delete(n.Bars, profile); return nil })
	return noNs(err)
}
