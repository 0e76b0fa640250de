package nfvo

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// sweptVnfs is how many VNFs AutoHeal looks at that nothing was heard of. It ends
// with the NS in which it is reached.
const sweptVnfs = 32

// AutoHeal heals the VNFs that are gone or failed, unless they are barred, of the
// NSs whose descriptors ask for automatic healing. It is for a timer: it looks at
// the VNFs of computes that the VIM calls failed, at those that their VNFM said it
// has deleted, and in turn at [sweptVnfs] others, for what neither told; so its cost
// grows with what is broken and not with what there is. An NS that another operation
// holds is left for the next time, and one that cannot be healed holds up no other.
func (s *Service) AutoHeal(ctx context.Context) error {
	suspects, failed := s.suspects(ctx)
	for _, id := range s.nextSwept(ctx) {
		suspects[id] = true
	}
	for _, id := range sortedKeys(suspects) {
		if err := s.autoHealNs(ctx, id); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = errors.Join(failed, fmt.Errorf("auto-heal NS %s: %w", id, err))
		}
	}
	return failed
}

// suspects are the NSs with a VNF of which it was heard that it is broken.
func (s *Service) suspects(ctx context.Context) (nss map[string]bool, err error) {
	nss = map[string]bool{}
	of := func(vnfID string) {
		for _, id := range s.nss.Find(vnfTerm(vnfID)) {
			nss[id] = true
		}
	}
	for _, id := range s.vnfs.Find(goneTerm) {
		of(id)
	}
	failed := url.Values{"filter": {"(in,operationalState," + ifa006.Failed + ",Failed)"}}
	for c, err := range httpapi.All[ifa006.Compute](ctx, s.c.VIM, "/computes", failed) {
		if err != nil {
			return nss, fmt.Errorf("list the failed computes: %w", err)
		}
		// The VIM may know a compute of a VNF that its VNFM has just made.
		for _, id := range append(s.vnfs.Find("compute="+c.ID), c.Metadata["vnfInstanceId"]) {
			of(id)
		}
	}
	return nss, nil
}

// nextSwept are the NSs whose turn it is to be looked at although nothing was
// heard of them. After the last one the first has its turn again.
func (s *Service) nextSwept(ctx context.Context) (nss []string) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	first, vnfs := s.swept, 0
	for _, after := range []string{first, ""} {
		for id := range s.nss.FindAfter(autoHealTerm, after) {
			if after == "" && first != "" && id > first {
				return nss // all of them
			}
			nss, s.swept = append(nss, id), id
			e, err := s.nss.Get(ctx, id)
			if vnfs += max(1, len(e.Value.Members)); err != nil || vnfs >= sweptVnfs {
				return nss // what cannot be read is told by who looks at it
			}
		}
		if first == "" {
			return nss
		}
	}
	return nss
}

func (s *Service) autoHealNs(ctx context.Context, id string) error {
	e, err := s.nss.Get(ctx, id)
	if err != nil || e.Value.Running != "" || !e.Value.autoHeals() {
		return ignoreGone(err)
	}
	var list []sol005.HealVnfData
	for _, m := range e.Value.Members {
		if _, barred := e.Value.Bars[m.ProfileID]; barred {
			continue
		}
		cause, err := s.broken(ctx, m.VnfID)
		if err != nil {
			return err
		}
		if cause != "" {
			list = append(list, sol005.HealVnfData{VnfInstanceID: m.VnfID, Cause: cause})
		}
	}
	if len(list) == 0 {
		return nil
	}
	o := Order{Actor: self(), Source: Source{Kind: SourceAutoHeal, Identity: self().String()}, NsInstanceID: id, auto: true}
	_, _, err = s.Heal(ctx, o, sol005.HealNsRequest{HealVnfData: list})
	if hub.CodeOf(err) == hub.Conflict {
		return nil // something else came first
	}
	return err
}

// noteGone notes that the VNFM has no longer a VNF that was not ended, for
// AutoHeal.
func (s *Service) noteGone(ctx context.Context, id string) error {
	_, err := s.readVnf(ctx, id)
	if hub.CodeOf(err) != hub.NotFound {
		return err
	}
	_, err = s.vnfs.Update(ctx, id, func(v *vnf) error { v.Gone = true; return nil })
	return ignoreGone(err)
}
