package vnfm

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// Instance returns a VNF instance as SOL 003 clause 5.5.2.2 shows it. root is
// {apiRoot}/vnflcm/v2 as the reader addresses it.
func (s *Service) Instance(e state.Entry[VNF], root string) sol003.VnfInstance {
	v := &e.Value
	self := root + "/vnf_instances/" + e.ID
	out := sol003.VnfInstance{
		ID: e.ID, VnfInstanceName: v.Name, VnfInstanceDescription: v.Description, VnfdID: v.VnfdID, VnfProvider: v.Provider,
		VnfProductName: v.Product, VnfSoftwareVersion: v.SoftwareVersion, VnfdVersion: v.VnfdVersion, VnfConfigurableProperties: v.Configurable,
		VimConnectionInfo: v.VimConnections, InstantiationState: "NOT_INSTANTIATED", Metadata: maps.Clone(v.Metadata), Extensions: v.Extensions,
		Links: sol003.VnfInstanceLinks{Self: sol003.Link{Href: self}},
	}
	if out.Metadata == nil {
		out.Metadata = sol003.KeyValuePairs{}
	}
	out.Metadata[MetaTrustDomain] = e.Domain
	link := func(task string) *sol003.Link { return &sol003.Link{Href: self + "/" + task} }
	if v.Layout == nil {
		out.Links.Instantiate = link("instantiate")
		return out
	}
	out.InstantiationState, out.InstantiatedVnfInfo = "INSTANTIATED", s.instantiated(v.Layout)
	out.CertificateInfo = s.certificateInfo(e.Domain, e.ID, v.Layout)
	l := &out.Links
	l.Terminate, l.Heal, l.Operate, l.ChangeExtConn = link("terminate"), link("heal"), link("operate"), link("change_ext_conn")
	l.ChangeFlavour, l.ChangeCurrentVnfPkg = link("change_flavour"), link("change_vnfpkg")
	l.CreateSnapshot, l.RevertToSnapshot = link("create_snapshot"), link("revert_to_snapshot")
	if v.isIndicated() {
		l.Indicators = &sol003.Link{Href: strings.TrimSuffix(root, "/vnflcm/v2") + "/vnfind/v1/indicators/" + e.ID}
	}
	if len(v.Layout.MaxScale) > 0 {
		l.Scale, l.ScaleToLevel = link("scale"), link("scale_to_level")
	}
	return out
}

func (s *Service) instantiated(l *Layout) *sol003.InstantiatedVnfInfo {
	out := &sol003.InstantiatedVnfInfo{
		FlavourID: l.Flavour, VnfState: l.State, ScaleStatus: scaleInfo(l.Scale, l.VnfdID), MaxScaleLevels: scaleInfo(l.MaxScale, l.VnfdID),
		ExtCpInfo: []sol003.VnfExtCpInfo{}, ExtVirtualLinkInfo: s.extLinks(l),
		LocalizationLanguage: l.Language,
	}
	for _, c := range l.VNFCs {
		out.VnfcResourceInfo = append(out.VnfcResourceInfo, s.vnfcInfo(l, &c))
		for _, st := range c.Storages {
			out.VirtualStorageResourceInfo = append(out.VirtualStorageResourceInfo, sol003.VirtualStorageResourceInfo{
				ID: st.ID, VirtualStorageDescID: st.Desc, VnfdID: l.VnfdID, StorageResource: *s.handle(c.Connection, st.ResourceID), ZoneID: c.zone(),
			})
		}
		for _, p := range c.Ports {
			if p.ExtCp != "" {
				out.ExtCpInfo = append(out.ExtCpInfo, p.extCpInfo(l.VnfdID))
			}
		}
	}
	for _, link := range l.Links {
		s.addLink(out, l, &link)
	}
	return out
}

// extCpInfo shows an external connection point, without a link port as long as it
// is on no link.
func (p *Port) extCpInfo(vnfd string) sol003.VnfExtCpInfo {
	info := sol003.VnfExtCpInfo{ID: p.extCpID(), CpdID: p.ExtCp, CpConfigID: p.ConfigID, VnfdID: vnfd, CpProtocolInfo: p.protocol(), AssociatedVnfcCpID: p.ID}
	if p.NetworkID != "" {
		info.ExtLinkPortID = p.linkPortID()
	}
	if info.CpConfigID == "" {
		info.CpConfigID = "default"
	}
	return info
}

func (s *Service) vnfcInfo(l *Layout, c *VNFC) sol003.VnfcResourceInfo {
	out := sol003.VnfcResourceInfo{ID: c.ID, VduID: c.VDU, VnfdID: l.VnfdID, ComputeResource: *s.handle(c.Connection, c.ComputeID), ZoneID: c.zone()}
	for _, st := range c.Storages {
		out.StorageResourceIDs = append(out.StorageResourceIDs, st.ID)
	}
	if len(c.Certificates) > 0 { // there is room for one; certificateInfo has the others
		out.CertificateContentID = c.Certificates[0].Is.ID
	}
	for _, p := range c.Ports {
		item := sol003.VnfcCpInfo{ID: p.ID, CpdID: p.Cpd, CpProtocolInfo: p.protocol()}
		switch {
		case p.NetworkID == "":
			item.CpProtocolInfo = nil
		case p.ExtCp != "":
			item.VnfExtCpID = p.extCpID()
		default:
			item.VnfLinkPortID = p.linkPortID()
		}
		out.VnfcCpInfo = append(out.VnfcCpInfo, item)
	}
	return out
}

// addLink shows an internal link among those of the VNFM or those made outside.
func (s *Service) addLink(out *sol003.InstantiatedVnfInfo, l *Layout, link *Link) {
	var ports []sol003.VnfLinkPortInfo
	for _, c := range l.VNFCs {
		for _, p := range c.Ports {
			if p.ExtCp == "" && p.Link == link.Desc && p.NetworkID != "" {
				ports = append(ports, sol003.VnfLinkPortInfo{ID: p.linkPortID(), ResourceHandle: *s.handle(c.Connection, p.PortID), CpInstanceID: p.ID, CpInstanceType: "VNFC_CP"})
			}
		}
	}
	network := *s.handle(link.Connection, link.NetworkID)
	if link.Managed {
		out.ExtManagedVirtualLinkInfo = append(out.ExtManagedVirtualLinkInfo, sol003.ExtManagedVirtualLinkInfo{
			ID: link.ID, VnfVirtualLinkDescID: link.Desc, VnfdID: l.VnfdID, NetworkResource: network, VnfLinkPorts: ports,
		})
		return
	}
	out.VnfVirtualLinkResourceInfo = append(out.VnfVirtualLinkResourceInfo, sol003.VnfVirtualLinkResourceInfo{
		ID: link.ID, VnfVirtualLinkDescID: link.Desc, VnfdID: l.VnfdID, NetworkResource: network, VnfLinkPorts: ports,
	})
}

// extLinks shows the external links with the ports that are on them.
func (s *Service) extLinks(l *Layout) []sol003.ExtVirtualLinkInfo {
	var out []sol003.ExtVirtualLinkInfo
	for _, x := range l.ext() {
		info := sol003.ExtVirtualLinkInfo{ID: x.ID, ResourceHandle: *s.handle(x.VimConnectionID, x.ResourceID), CurrentVnfExtCpData: x.ExtCps}
		if info.CurrentVnfExtCpData == nil {
			info.CurrentVnfExtCpData = []sol003.VnfExtCpData{}
		}
		for _, c := range l.VNFCs {
			for _, p := range c.Ports {
				if p.ExtLink == x.ID && p.NetworkID != "" {
					info.ExtLinkPorts = append(info.ExtLinkPorts, sol003.ExtLinkPortInfo{ID: p.linkPortID(), ResourceHandle: *s.handle(c.Connection, p.PortID), CpInstanceID: p.extCpID()})
				}
			}
		}
		out = append(out, info)
	}
	return out
}

// protocol shows the addresses of a port, as the VIM told or else as asked for.
func (p *Port) protocol() []sol003.CpProtocolInfo {
	address := &sol003.IpOverEthernetAddressInfo{MacAddress: p.MAC}
	if p.SeenMAC != "" {
		address.MacAddress = p.SeenMAC
	}
	ips, dynamic := p.SeenIPs, len(p.IPAddresses) == 0
	if len(ips) == 0 {
		ips = p.IPAddresses
	}
	for _, ip := range ips {
		kind := "IPV4"
		if slices.Contains([]byte(ip), ':') {
			kind = "IPV6"
		}
		address.IpAddresses = append(address.IpAddresses, sol003.IpAddressInfo{Type: kind, Addresses: []string{ip}, IsDynamic: dynamic})
	}
	if address.MacAddress == "" && len(address.IpAddresses) == 0 {
		address = nil
	}
	return []sol003.CpProtocolInfo{{LayerProtocol: "IP_OVER_ETHERNET", IpOverEthernet: address}}
}

func scaleInfo(levels map[string]int, vnfd string) []sol003.ScaleInfo {
	var out []sol003.ScaleInfo
	for _, aspect := range slices.Sorted(maps.Keys(levels)) {
		level := levels[aspect]
		out = append(out, sol003.ScaleInfo{AspectID: aspect, VnfdID: vnfd, ScaleLevel: &level, ScaleToLevel: strconv.Itoa(level)})
	}
	return out
}

// OpOcc is a VnfLcmOpOcc (clause 5.5.2.13) and who asked for the operation.
type OpOcc struct {
	sol003.VnfLcmOpOcc
	RequestedBy string `json:"manoward.requestedBy,omitempty"`
}

// Occurrence returns an operation as an operation occurrence.
func (s *Service) Occurrence(e state.Entry[Operation], root string) OpOcc {
	o := &e.Value
	self := root + "/vnf_lcm_op_occs/" + e.ID
	out := OpOcc{RequestedBy: o.RequestedBy}
	out.VnfLcmOpOcc = sol003.VnfLcmOpOcc{
		ID: e.ID, OperationState: o.State, StateEnteredTime: o.Entered, StartTime: o.Started, VnfInstanceID: o.VNF, GrantID: o.GrantID,
		Operation: o.Kind, IsAutomaticInvocation: o.Automatic, OperationParams: o.Params, IsCancelPending: o.CancelPending,
		CancelMode: o.CancelMode, Error: o.Error, ResourceChanges: s.Changes(o), ChangedExtConnectivity: s.ChangedExt(o),
		VnfSnapshotInfoID: o.Snapshot, Warnings: o.Warnings,
		Links: &sol003.VnfLcmOpOccLinks{Self: sol003.Link{Href: self}, VnfInstance: sol003.Link{Href: root + "/vnf_instances/" + o.VNF}},
	}
	out.ChangedInfo, out.ModificationsTriggeredByVnfPkgChange = o.modifications()
	link := func(task string) *sol003.Link { return &sol003.Link{Href: self + "/" + task} }
	switch o.State {
	case starting, processing, rollingBack:
		out.Links.Cancel = link("cancel")
	case failedTemp:
		out.Links.Retry, out.Links.Fail = link("retry"), link("fail")
		if o.canRollBack() {
			out.Links.Rollback = link("rollback")
		}
	}
	if o.Snapshot != "" {
		out.Links.VnfSnapshot = &sol003.Link{Href: root + "/vnf_snapshots/" + o.Snapshot}
	}
	return out
}
