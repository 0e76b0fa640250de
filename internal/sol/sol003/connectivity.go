package sol003

// CpProtocolInfo is what a protocol layer of a connection point is set to.
type CpProtocolInfo struct {
	LayerProtocol  string                     `json:"layerProtocol"`
	IpOverEthernet *IpOverEthernetAddressInfo `json:"ipOverEthernet,omitempty"`
}

// IpOverEthernetAddressInfo are the addresses of a connection point.
type IpOverEthernetAddressInfo struct {
	MacAddress     string          `json:"macAddress,omitempty"`
	SegmentationID string          `json:"segmentationId,omitempty"`
	IpAddresses    []IpAddressInfo `json:"ipAddresses,omitempty"`
}

// VnfExtCpInfo is a connection point by which a VNF reaches the outside, and what
// of the VNF stands behind it.
type VnfExtCpInfo struct {
	ID                         string           `json:"id"`
	CpdID                      string           `json:"cpdId"`
	CpConfigID                 string           `json:"cpConfigId"`
	VnfdID                     string           `json:"vnfdId,omitempty"`
	CpProtocolInfo             []CpProtocolInfo `json:"cpProtocolInfo"`
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
	Metadata            KeyValuePairs    `json:"metadata,omitempty"`
}

// ExtVirtualLinkInfo is a virtual link outside a VNF that the VNF is attached to.
// SOL 005 has one currentVnfExtCpData.
type ExtVirtualLinkInfo struct {
	ID                  string            `json:"id"`
	ResourceHandle      ResourceHandle    `json:"resourceHandle"`
	ExtLinkPorts        []ExtLinkPortInfo `json:"extLinkPorts,omitempty"`
	CurrentVnfExtCpData []VnfExtCpData    `json:"currentVnfExtCpData"`
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
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	VnfdID                           string            `json:"vnfdId,omitempty"`
	NetworkResource                  ResourceHandle    `json:"networkResource"`
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
	ID                 string            `json:"id"`
	VimConnectionID    string            `json:"vimConnectionId,omitempty"`
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
// virtual link of a VNF (clause 4.4.1.12).
type ExtManagedVirtualLinkData struct {
	ID                               string            `json:"id"`
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	VimConnectionID                  string            `json:"vimConnectionId,omitempty"`
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
