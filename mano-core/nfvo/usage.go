package nfvo

import "encoding/json"

// What uses what is in the catalogue stands where it is used: a VNF names its
// package, an NS its NSD and PNFDs. An operation that has not ended uses what its
// steps will ask for; it is stored before its first step, so nothing is deleted
// between that step's look at the package and the storing of the VNF.

func usedPackage(vnfPkgID string) string { return "vnfPkgId=" + vnfPkgID }
func usedPnfd(pnfdInfoID string) string  { return "pnfdInfoId=" + pnfdInfoID }
func wantedVnfd(vnfdID string) string    { return "wants/vnfdId=" + vnfdID }
func usedNsd(nsdInfoID string) string    { return "nsdInfoId=" + nsdInfoID }

// wants are the terms of what a step needs of the catalogue.
func wants(st *step) []string {
	switch st.Kind {
	case stepVnfCreate, stepVnfPackage:
		var in struct {
			VnfdID string `json:"vnfdId"`
		}
		if json.Unmarshal(st.Body, &in) == nil && in.VnfdID != "" {
			return []string{wantedVnfd(in.VnfdID)}
		}
	case stepPnfAdd:
		var in pnfParams
		if json.Unmarshal(st.Body, &in) == nil && in.Info.PnfdInfoID != "" {
			return []string{usedPnfd(in.Info.PnfdInfoID)}
		}
	}
	return nil
}

// UsesPackage says whether a VNF is of a VNF package, or an operation that is
// under way in its trust domain may make one of its VNFD. It answers from memory.
func (s *Service) UsesPackage(vnfPkgID, domain, vnfdID string) bool {
	for range s.vnfs.FindAfter(usedPackage(vnfPkgID), "") {
		return true
	}
	for range s.outsiders.FindAfter(usedPackage(vnfPkgID), "") {
		return true
	}
	for id := range s.ops.FindAfter(wantedVnfd(vnfdID), "") {
		if d, ok := s.ops.Domain(id); ok && d == domain {
			return true
		}
	}
	return false
}

// UsesNSD says whether there is an NS of an NSD. It answers from memory.
func (s *Service) UsesNSD(nsdInfoID string) bool {
	for range s.nss.FindAfter(usedNsd(nsdInfoID), "") {
		return true
	}
	return false
}

// UsesPNFD says whether an NS has a PNF of a PNFD, or an operation that is under
// way adds one. It answers from memory.
func (s *Service) UsesPNFD(pnfdInfoID string) bool {
	for range s.nss.FindAfter(usedPnfd(pnfdInfoID), "") {
		return true
	}
	for range s.ops.FindAfter(usedPnfd(pnfdInfoID), "") {
		return true
	}
	return false
}
