package nfvo

import (
	"context"
	"fmt"
	"net/url"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// CreatorKey is the key in metadata of a VnfInstance by which our VNFM says who
// made it.
const CreatorKey = "manoward.createdBy"

// outside is what the NFVO keeps of a VNF that another NFVO made at the VNFM: the
// packages that it uses, so that they are not deleted under it, and what it uses of
// the infrastructure. It belongs to no NS and is not the NFVO's to change.
type outside struct {
	Uses   map[string]string `json:"uses"` // package by VNFD
	LastOp string            `json:"lastVnfLcmOpOccId"`
	Use    *use              `json:"allocated,omitempty"` // of the infrastructure; nil: nobody has counted it
}

// outsideTerms are the packages that outside VNFs use, and their VNFDs.
func outsideTerms(o *outside) []string {
	terms := o.Use.terms()
	if o.Use == nil {
		terms = append(terms, uncountedTerm)
	}
	for _, vnfdID := range sortedKeys(o.Uses) {
		terms = append(terms, usedPackage(o.Uses[vnfdID]))
	}
	return terms
}

// OutsideVnf asks the VNFM for a VNF instance that the NFVO does not have, and
// returns its trust domain. It is there only if another NFVO made it: what an
// operator makes at the VNFM, past its NFVO, is not.
func (s *Service) OutsideVnf(ctx context.Context, id string) (domain string, there bool, err error) {
	e, err := s.outsideVnf(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return "", false, nil
	}
	return e.Domain, err == nil, err
}

func (s *Service) outsideVnf(ctx context.Context, id string) (state.Entry[vnf], error) {
	info, places, err := s.look(ctx, id)
	if err != nil {
		return state.Entry[vnf]{}, err
	}
	text, _ := info.Metadata[CreatorKey].(string)
	domain, _ := info.Metadata[DomainKey].(string)
	creator, err := hub.ParseIdentity(text)
	if err != nil || !creator.IsOutsideNFVO() || domain == "" {
		return state.Entry[vnf]{}, hub.E(hub.NotFound, "find VNF", "no other NFVO made it", err)
	}
	return state.Entry[vnf]{ID: id, Domain: domain, Value: vnf{Info: info, Places: places}}, nil
}

// barredOutside refuses what would bring back, through another NFVO, a VNF whose
// replacement is barred in an NS of the trust domain.
func (g *granting) barredOutside(ctx context.Context, vnfdID string) error {
	for _, id := range g.s.nss.Find(barredTerm) {
		e, err := g.s.nss.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound || err == nil && e.Domain != g.v.Domain {
			continue
		}
		if err != nil {
			return err
		}
		nsd, err := g.s.c.Descriptors.NSD(ctx, e.Domain, e.Value.NsdID)
		if err != nil {
			return fmt.Errorf("read NSD of NS %s, which has a barred VNF profile: %w", id, err)
		}
		f := nsd.Flavours[or(e.Value.FlavourID, nsd.Default)]
		if f == nil {
			continue
		}
		for _, profile := range sortedKeys(e.Value.Bars) {
			if p, bar := f.VNFs[profile], e.Value.Bars[profile]; p != nil && p.VnfdID == vnfdID {
				return hub.E(hub.Denied, "grant", hub.SafeText(errBarred(&bar)), nil)
			}
		}
	}
	return nil
}

// keepUse notes the package that an outside VNF uses, and the operation for which
// it was granted. vnfdID is empty for an operation that makes nothing.
func (s *Service) keepUse(ctx context.Context, domain, vnfID, opID, vnfdID, pkgID string) error {
	note := func(o *outside) error {
		o.LastOp = opID
		if vnfdID != "" {
			o.Uses[vnfdID] = pkgID
		}
		return nil
	}
	_, err := s.outsiders.Update(ctx, vnfID, note)
	if hub.CodeOf(err) != hub.NotFound || vnfdID == "" {
		return ignoreGone(err)
	}
	_, err = s.outsiders.Create(ctx, domain, vnfID, &outside{Uses: map[string]string{vnfdID: pkgID}, LastOp: opID, Use: &use{VnfdID: vnfdID}})
	return err
}

// settleOutside releases the packages that an outside VNF uses no more, and counts what
// it has, when its last operation has ended.
func (s *Service) settleOutside(ctx context.Context, caller hub.Identity, id string) error {
	lock := s.startLock(id) // a grant for the next operation comes before or after
	lock.Lock()
	defer lock.Unlock()
	e, err := s.outsiders.Get(ctx, id)
	if err != nil || !mayServe(caller, e.Domain) {
		return ignoreGone(err)
	}
	var occ sol003.VnfLcmOpOcc
	_, err = s.c.VNFM.Do(ctx, "GET", "/vnf_lcm_op_occs/"+url.PathEscape(e.Value.LastOp), nil, &occ)
	if ignoreGone(err) != nil {
		return fmtRead(e.Value.LastOp, err)
	}
	if _, ended := changeStatus(occ.OperationState); err == nil && !ended {
		return nil
	}
	info, _, err := s.look(ctx, id)
	if ignoreGone(err) != nil {
		return err
	}
	inUse := ""
	if err == nil && info.InstantiationState == instantiated {
		inUse = info.VnfdID
	}
	c, err := s.count(ctx, e.Domain, &info)
	if err != nil {
		return err
	}
	e.Value.Use = c.settled(e.Value.Use, func(*grantedOp) bool { return true }) // the last one has ended
	for _, vnfdID := range sortedKeys(e.Value.Uses) {
		if vnfdID != inUse {
			delete(e.Value.Uses, vnfdID)
		}
	}
	if len(e.Value.Uses) == 0 {
		return ignoreGone(s.outsiders.Delete(ctx, id, nil))
	}
	_, err = s.outsiders.Replace(ctx, e)
	return err
}
