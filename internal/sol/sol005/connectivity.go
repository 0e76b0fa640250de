package sol005

// CpProtocolInfo is what a protocol layer of a connection point is set to (clause
// 6.5.3.58). It is not the type of that name in SOL 003: ipOverEthernet is always
// there.
type CpProtocolInfo struct {
	LayerProtocol  string                    `json:"layerProtocol"`
	IpOverEthernet IpOverEthernetAddressInfo `json:"ipOverEthernet"`
}

// IpOverEthernetAddressInfo are the addresses of a connection point. The official
// file has the attributes of an element of ipAddresses a second time beside it,
// which SOL 003 has not; we never fill them in.
type IpOverEthernetAddressInfo struct {
	MacAddress     string          `json:"macAddress,omitempty"`
	SegmentationID string          `json:"segmentationId,omitempty"`
	IpAddresses    []IpAddressInfo `json:"ipAddresses,omitempty"`
	Type           string          `json:"type,omitempty"`
	Addresses      string          `json:"addresses,omitempty"`
	IsDynamic      bool            `json:"isDynamic,omitempty"`
	AddressRange   *IpAddressRange `json:"addressRange,omitempty"`
	MinAddress     string          `json:"minAddress,omitempty"`
	MaxAddress     string          `json:"maxAddress,omitempty"`
	SubnetID       string          `json:"subnetId,omitempty"`
}

// VnfExtCpInfo is a connection point by which a VNF reaches the outside, and what
// of the VNF stands behind it.
type VnfExtCpInfo struct {
	ID                         string           `json:"id"`
	CpdID                      string           `json:"cpdId"`
	CpConfigID                 string           `json:"cpConfigId,omitempty"`
	VnfdID                     string           `json:"vnfdId,omitempty"`
	CpProtocolInfo             []CpProtocolInfo `json:"cpProtocolInfo,omitempty"`
	ExtLinkPortID              string           `json:"extLinkPortId,omitempty"`
	Metadata                   KeyValuePairs    `json:"metadata,omitempty"`
	AssociatedVnfcCpID         string           `json:"associatedVnfcCpId,omitempty"`
	AssociatedVipCpID          string           `json:"associatedVipCpId,omitempty"`
	AssociatedVnfVirtualLinkID string           `json:"associatedVnfVirtualLinkId,omitempty"`
}

// VipCpInfo is a connection point with a virtual IP address that several VNFCs
// share.
type VipCpInfo struct {
	CpInstanceID        string           `json:"cpInstanceId"`
	CpdID               string           `json:"cpdId"`
	VnfdID              string           `json:"vnfdId,omitempty"`
	VnfExtCpID          string           `json:"vnfExtCpId,omitempty"`
	CpProtocolInfo      []CpProtocolInfo `json:"cpProtocolInfo,omitempty"`
	AssociatedVnfcCpIDs []string         `json:"associatedVnfcCpIds,omitempty"`
	VnfLinkPortID       string           `json:"vnfLinkPortId,omitempty"`
	Metadata            []KeyValuePairs  `json:"metadata,omitempty"`
}

// ExtVirtualLinkInfo is a virtual link outside a VNF that the VNF is attached to.
// SOL 003 has a list of currentVnfExtCpData.
type ExtVirtualLinkInfo struct {
	ID                  string            `json:"id"`
	ResourceHandle      ResourceHandle    `json:"resourceHandle"`
	ExtLinkPorts        []ExtLinkPortInfo `json:"extLinkPorts,omitempty"`
	CurrentVnfExtCpData *VnfExtCpData     `json:"currentVnfExtCpData,omitempty"`
}

// ExtLinkPortInfo is a port of a virtual link outside a VNF, and the connection
// point that uses it.
type ExtLinkPortInfo struct {
	ID                    string         `json:"id"`
	ResourceHandle        ResourceHandle `json:"resourceHandle"`
	CpInstanceID          string         `json:"cpInstanceId,omitempty"`
	SecondaryCpInstanceID string         `json:"secondaryCpInstanceId,omitempty"`
	TrunkResourceID       string         `json:"trunkResourceId,omitempty"`
}

// ExtManagedVirtualLinkInfo is an internal virtual link of a VNF whose network was
// made outside it.
type ExtManagedVirtualLinkInfo struct {
	ID                               string            `json:"id"`
	VnfdID                           string            `json:"vnfdId,omitempty"`
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	NetworkResource                  *ResourceHandle   `json:"networkResource,omitempty"`
	VnfLinkPorts                     []VnfLinkPortInfo `json:"vnfLinkPorts,omitempty"`
	ExtManagedMultisiteVirtualLinkID string            `json:"extManagedMultisiteVirtualLinkId,omitempty"`
}

// VnfLinkPortInfo is a port of an internal virtual link of a VNF.
type VnfLinkPortInfo struct {
	ID              string         `json:"id"`
	ResourceHandle  ResourceHandle `json:"resourceHandle"`
	CpInstanceID    string         `json:"cpInstanceId,omitempty"`
	CpInstanceType  string         `json:"cpInstanceType,omitempty"`
	VipCpInstanceID string         `json:"vipCpInstanceId,omitempty"`
	TrunkResourceID string         `json:"trunkResourceId,omitempty"`
}

// ExtVirtualLinkData is a request to attach a VNF to a virtual link outside it.
type ExtVirtualLinkData struct {
	ExtVirtualLinkID   string            `json:"extVirtualLinkId,omitempty"`
	VimID              string            `json:"vimId,omitempty"`
	ResourceProviderID string            `json:"resourceProviderId,omitempty"`
	ResourceID         string            `json:"resourceId"`
	ExtCps             []VnfExtCpData    `json:"extCps"`
	ExtLinkPorts       []ExtLinkPortData `json:"extLinkPorts,omitempty"`
}

// ExtLinkPortData is a port that was made beforehand, for a VNF to use.
type ExtLinkPortData struct {
	ID              string         `json:"id"`
	ResourceHandle  ResourceHandle `json:"resourceHandle"`
	TrunkResourceID string         `json:"trunkResourceId,omitempty"`
}

// ExtManagedVirtualLinkData is a network that was made beforehand, for an internal
// virtual link of a VNF.
type ExtManagedVirtualLinkData struct {
	ExtManagedVirtualLinkID          string            `json:"extManagedVirtualLinkId,omitempty"`
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	VimID                            string            `json:"vimId,omitempty"`
	ResourceProviderID               string            `json:"resourceProviderId,omitempty"`
	ResourceID                       string            `json:"resourceId"`
	VnfLinkPort                      []VnfLinkPortData `json:"vnfLinkPort,omitempty"`
	ExtManagedMultisiteVirtualLinkID string            `json:"extManagedMultisiteVirtualLinkId,omitempty"`
}

// VnfLinkPortData is a port that was made beforehand, on a network of
// ExtManagedVirtualLinkData.
type VnfLinkPortData struct {
	VnfLinkPortID  string         `json:"vnfLinkPortId"`
	ResourceHandle ResourceHandle `json:"resourceHandle"`
}
