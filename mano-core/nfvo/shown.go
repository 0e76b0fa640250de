package nfvo

import (
	"strconv"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// shownVnf is [convert] of a VNF, field by field: an NS is read for all that happens to
// it, and each of its VNFs would be written and read as JSON twice.
func shownVnf(v *sol003.VnfInstance) sol005.VnfInstance {
	out := sol005.VnfInstance{
		ID: v.ID, VnfInstanceName: v.VnfInstanceName, VnfInstanceDescription: v.VnfInstanceDescription, VnfdID: v.VnfdID,
		VnfProvider: v.VnfProvider, VnfProductName: v.VnfProductName, VnfSoftwareVersion: v.VnfSoftwareVersion, VnfdVersion: v.VnfdVersion,
		VnfConfigurableProperties: v.VnfConfigurableProperties, InstantiationState: v.InstantiationState,
		Metadata: v.Metadata, Extensions: v.Extensions, CertificateInfo: v.CertificateInfo,
	}
	i := v.InstantiatedVnfInfo
	if i == nil {
		return out
	}
	out.InstantiatedVnfInfo = &sol005.InstantiatedVnfInfo{
		FlavourID: i.FlavourID, VnfState: i.VnfState, ScaleStatus: each(i.ScaleStatus, shownScale), MaxScaleLevels: each(i.MaxScaleLevels, shownScale),
		VipCpInfo: each(i.VipCpInfo, shownVip), ExtVirtualLinkInfo: each(i.ExtVirtualLinkInfo, shownLink),
		ExtManagedVirtualLinkInfo: each(i.ExtManagedVirtualLinkInfo, shownManagedLink), MonitoringParameters: i.MonitoringParameters,
		LocalizationLanguage: i.LocalizationLanguage, VnfcResourceInfo: each(i.VnfcResourceInfo, shownVnfc),
		VnfVirtualLinkResourceInfo: each(i.VnfVirtualLinkResourceInfo, shownInternalLink),
		VirtualStorageResourceInfo: each(i.VirtualStorageResourceInfo, shownStorage),
	}
	if i.ExtCpInfo != nil { // is shown when it is empty, too
		out.InstantiatedVnfInfo.ExtCpInfo = append([]sol005.VnfExtCpInfo{}, each(i.ExtCpInfo, shownExtCp)...)
	}
	return out
}

// each converts the items of a list.
func each[A, B any](list []A, show func(*A) B) []B {
	if len(list) == 0 {
		return nil
	}
	out := make([]B, len(list))
	for i := range list {
		out[i] = show(&list[i])
	}
	return out
}

func shownScale(s *sol003.ScaleInfo) sol005.VnfScaleInfo {
	out := sol005.VnfScaleInfo{AspectID: s.AspectID, VnfdID: s.VnfdID}
	if s.ScaleLevel != nil {
		out.ScaleLevel = *s.ScaleLevel
	}
	if s.ScaleToLevel != "" {
		out.ScaleLevel, _ = strconv.Atoi(s.ScaleToLevel) // 0 for what is no number
	}
	return out
}

func shownHandle(h *sol003.ResourceHandle) sol005.ResourceHandle {
	return sol005.ResourceHandle{VimID: h.VimConnectionID, ResourceProviderID: h.ResourceProviderID, ResourceID: h.ResourceID, VimLevelResourceType: h.VimLevelResourceType}
}

// shownLayers are the protocol layers that have an address.
func shownLayers(layers []sol003.CpProtocolInfo) (out []sol005.CpProtocolInfo) {
	for i := range layers {
		if a := layers[i].IpOverEthernet; a != nil {
			out = append(out, sol005.CpProtocolInfo{LayerProtocol: layers[i].LayerProtocol, IpOverEthernet: sol005.IpOverEthernetAddressInfo{
				MacAddress: a.MacAddress, SegmentationID: a.SegmentationID, IpAddresses: a.IpAddresses,
			}})
		}
	}
	return out
}

func shownExtCp(c *sol003.VnfExtCpInfo) sol005.VnfExtCpInfo {
	return sol005.VnfExtCpInfo{
		ID: c.ID, CpdID: c.CpdID, CpConfigID: c.CpConfigID, VnfdID: c.VnfdID, CpProtocolInfo: shownLayers(c.CpProtocolInfo), ExtLinkPortID: c.ExtLinkPortID,
		Metadata: c.Metadata, AssociatedVnfcCpID: c.AssociatedVnfcCpID, AssociatedVipCpID: c.AssociatedVipCpID, AssociatedVnfVirtualLinkID: c.AssociatedVnfVirtualLinkID,
	}
}

// shownVip leaves out metadata, which in SOL 005 V3.7.1 are a list.
func shownVip(c *sol003.VipCpInfo) sol005.VipCpInfo {
	return sol005.VipCpInfo{
		CpInstanceID: c.CpInstanceID, CpdID: c.CpdID, VnfdID: c.VnfdID, VnfExtCpID: c.VnfExtCpID, CpProtocolInfo: shownLayers(c.CpProtocolInfo),
		AssociatedVnfcCpIDs: c.AssociatedVnfcCpIDs, VnfLinkPortID: c.VnfLinkPortID,
	}
}

func shownLink(l *sol003.ExtVirtualLinkInfo) sol005.ExtVirtualLinkInfo {
	out := sol005.ExtVirtualLinkInfo{ID: l.ID, ResourceHandle: shownHandle(&l.ResourceHandle), ExtLinkPorts: each(l.ExtLinkPorts, shownExtPort)}
	if len(l.CurrentVnfExtCpData) > 0 {
		out.CurrentVnfExtCpData = &l.CurrentVnfExtCpData[0]
	}
	return out
}

func shownExtPort(p *sol003.ExtLinkPortInfo) sol005.ExtLinkPortInfo {
	return sol005.ExtLinkPortInfo{
		ID: p.ID, ResourceHandle: shownHandle(&p.ResourceHandle), CpInstanceID: p.CpInstanceID, SecondaryCpInstanceID: p.SecondaryCpInstanceID, TrunkResourceID: p.TrunkResourceID,
	}
}

func shownPort(p *sol003.VnfLinkPortInfo) sol005.VnfLinkPortInfo {
	return sol005.VnfLinkPortInfo{
		ID: p.ID, ResourceHandle: shownHandle(&p.ResourceHandle), CpInstanceID: p.CpInstanceID, CpInstanceType: p.CpInstanceType,
		VipCpInstanceID: p.VipCpInstanceID, TrunkResourceID: p.TrunkResourceID,
	}
}

func shownManagedLink(l *sol003.ExtManagedVirtualLinkInfo) sol005.ExtManagedVirtualLinkInfo {
	network := shownHandle(&l.NetworkResource)
	return sol005.ExtManagedVirtualLinkInfo{
		ID: l.ID, VnfdID: l.VnfdID, VnfVirtualLinkDescID: l.VnfVirtualLinkDescID, NetworkResource: &network,
		VnfLinkPorts: each(l.VnfLinkPorts, shownPort), ExtManagedMultisiteVirtualLinkID: l.ExtManagedMultisiteVirtualLinkID,
	}
}

func shownInternalLink(l *sol003.VnfVirtualLinkResourceInfo) sol005.VnfVirtualLinkResourceInfo {
	return sol005.VnfVirtualLinkResourceInfo{
		ID: l.ID, VnfdID: l.VnfdID, VnfVirtualLinkDescID: l.VnfVirtualLinkDescID, NetworkResource: shownHandle(&l.NetworkResource),
		ReservationID: l.ReservationID, VnfLinkPorts: each(l.VnfLinkPorts, shownPort), Metadata: l.Metadata,
	}
}

func shownVnfc(c *sol003.VnfcResourceInfo) sol005.VnfcResourceInfo {
	return sol005.VnfcResourceInfo{
		ID: c.ID, VnfdID: c.VnfdID, VduID: c.VduID, ComputeResource: shownHandle(&c.ComputeResource), StorageResourceIDs: c.StorageResourceIDs,
		ReservationID: c.ReservationID, VnfcCpInfo: each(c.VnfcCpInfo, shownVnfcCp), Metadata: c.Metadata, CertificateContentID: c.CertificateContentID,
	}
}

func shownVnfcCp(c *sol003.VnfcCpInfo) sol005.VnfcCpInfo {
	return sol005.VnfcCpInfo{
		ID: c.ID, CpdID: c.CpdID, VnfExtCpID: c.VnfExtCpID, CpProtocolInfo: shownLayers(c.CpProtocolInfo), VnfLinkPortID: c.VnfLinkPortID, Metadata: c.Metadata,
	}
}

func shownStorage(s *sol003.VirtualStorageResourceInfo) sol005.VirtualStorageResourceInfo {
	return sol005.VirtualStorageResourceInfo{
		ID: s.ID, VirtualStorageDescID: s.VirtualStorageDescID, VnfdID: s.VnfdID, StorageResource: shownHandle(&s.StorageResource),
		ReservationID: s.ReservationID, Metadata: s.Metadata,
	}
}
