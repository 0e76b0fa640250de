package nfvo

import (
	"slices"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// The results of a change, as SOL 005 spells them.
const (
	resultCompleted  = "COMPLETED"
	resultRolledBack = "ROLLED_BACK"
	resultFailed     = "FAILED"
)

// affectVnf notes that the operation changed a VNF. The same change again has no
// second entry.
func (o *op) affectVnf(id, profile string, info *sol003.VnfInstance, change string, changed *sol005.AffectedVnfChangedInfo) {
	if change == "" {
		return
	}
	list := &o.Changes.AffectedVnfs
	entry := sol005.AffectedVnf{
		VnfInstanceID: id, VnfdID: info.VnfdID, VnfProfileID: profile, VnfName: info.VnfInstanceName,
		ChangeType: change, ChangeResult: resultCompleted, ChangedInfo: changed,
	}
	i := slices.IndexFunc(*list, func(a sol005.AffectedVnf) bool { return a.VnfInstanceID == id && a.ChangeType == change })
	if i < 0 {
		*list = append(*list, entry)
		return
	}
	(*list)[i] = entry
}

// affectFailed notes the change of a VNF that a failed step was about to make.
func (o *op) affectFailed(i int, v *vnf) {
	st := &o.Steps[i]
	if st.Change == "" || v == nil {
		return
	}
	o.affectVnf(v.Info.ID, v.ProfileID, &v.Info, st.Change, nil)
	for j := range o.Changes.AffectedVnfs {
		if a := &o.Changes.AffectedVnfs[j]; a.VnfInstanceID == v.Info.ID && a.ChangeType == st.Change {
			a.ChangeResult = resultFailed
		}
	}
}

// settleChanges gives the changes of an operation their final results.
func (o *op) settleChanges(to sol005.NsLcmOperationStateType) {
	if to != sol005.NsLcmOperationStateRolledBack {
		return
	}
	c := &o.Changes
	for i := range c.AffectedVnfs {
		c.AffectedVnfs[i].ChangeResult = resultRolledBack
	}
	for i := range c.AffectedVls {
		c.AffectedVls[i].ChangeResult = resultRolledBack
	}
	for i := range c.AffectedPnfs {
		c.AffectedPnfs[i].ChangeResult = resultRolledBack
	}
}

func (o *op) affectLink(id, profile, change string) {
	entry := sol005.AffectedVirtualLink{NsVirtualLinkInstanceID: id, NsVirtualLinkDescID: profile, VlProfileID: profile, ChangeType: change, ChangeResult: resultCompleted}
	if !slices.ContainsFunc(o.Changes.AffectedVls, func(a sol005.AffectedVirtualLink) bool {
		return a.NsVirtualLinkInstanceID == id && a.ChangeType == change
	}) {
		o.Changes.AffectedVls = append(o.Changes.AffectedVls, entry)
	}
}

func (o *op) affectPnf(p *sol005.PnfInfo, change string) {
	entry := sol005.AffectedPnf{PnfID: p.PnfID, PnfdID: p.PnfdID, PnfProfileID: p.PnfProfileID, PnfName: p.PnfName, CpInstanceID: []string{}, ChangeType: change, ChangeResult: resultCompleted}
	if p.CpInfo != nil {
		entry.CpInstanceID = append(entry.CpInstanceID, p.CpInfo.CpInstanceID)
	}
	if !slices.ContainsFunc(o.Changes.AffectedPnfs, func(a sol005.AffectedPnf) bool { return a.PnfID == p.PnfID && a.ChangeType == change }) {
		o.Changes.AffectedPnfs = append(o.Changes.AffectedPnfs, entry)
	}
}

func (o *op) affectSap(p *sol005.SapInfo, change string) {
	entry := sol005.AffectedSap{SapInstanceID: p.ID, SapdID: p.SapdID, SapName: p.SapName, ChangeType: change, ChangeResult: resultCompleted}
	if !slices.Contains(o.Changes.AffectedSaps, entry) {
		o.Changes.AffectedSaps = append(o.Changes.AffectedSaps, entry)
	}
}

func (o *op) affectVnffg(p *sol005.VnffgInfo, change string) {
	if change == "REMOVE" {
		change = "DELETE"
	}
	entry := sol005.AffectedVnffg{VnffgInstanceID: p.ID, VnffgdID: p.VnffgdID, ChangeType: change, ChangeResult: resultCompleted}
	if !slices.Contains(o.Changes.AffectedVnffgs, entry) {
		o.Changes.AffectedVnffgs = append(o.Changes.AffectedVnffgs, entry)
	}
}

// changedInfo is what an operation of the VNFM changed of the VNF's information.
func changedInfo(occ *sol003.VnfLcmOpOcc) *sol005.AffectedVnfChangedInfo {
	out := sol005.AffectedVnfChangedInfo{}
	if c := occ.ChangedInfo; c != nil {
		out.ChangedVnfInfo = &sol005.ModifyVnfInfoData{
			VnfInstanceID: occ.VnfInstanceID, VnfInstanceName: c.VnfInstanceName, VnfInstanceDescription: c.VnfInstanceDescription, VnfdID: c.VnfdID,
			VnfConfigurableProperties: c.VnfConfigurableProperties, Metadata: c.Metadata, Extensions: c.Extensions,
		}
	}
	if m := occ.ModificationsTriggeredByVnfPkgChange; m != nil {
		out.ModificationsTriggeredByVnfPkgChange = &sol005.ModificationsTriggeredByVnfPkgChange{
			VnfConfigurableProperties: m.VnfConfigurableProperties, Metadata: m.Metadata, Extensions: m.Extensions,
			VnfdID: m.VnfdID, VnfProvider: m.VnfProvider, VnfProductName: m.VnfProductName, VnfSoftwareVersion: m.VnfSoftwareVersion, VnfdVersion: m.VnfdVersion,
		}
	}
	for i := range occ.ChangedExtConnectivity {
		out.ChangedExtConnectivity = append(out.ChangedExtConnectivity, convert[sol005.ExtVirtualLinkInfo](occ.ChangedExtConnectivity[i]))
	}
	if out.ChangedVnfInfo == nil && out.ModificationsTriggeredByVnfPkgChange == nil && out.ChangedExtConnectivity == nil {
		return nil
	}
	return &out
}
