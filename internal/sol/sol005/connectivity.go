package sol005

// CpProtocolInfo is the data type of that name in SOL005 V3.7.1.
type CpProtocolInfo struct {
	LayerProtocol  string                    `json:"layerProtocol"`
	IpOverEthernet IpOverEthernetAddressInfo `json:"ipOverEthernet"`
}

// IpOverEthernetAddressInfo is the data type of that name in SOL005 V3.7.1.
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

// VnfExtCpInfo is the data type of that name in SOL005 V3.7.1.
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

// VipCpInfo is the data type of that name in SOL005 V3.7.1.
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

// ExtVirtualLinkInfo is the data type of that name in SOL005 V3.7.1.
type ExtVirtualLinkInfo struct {
	ID                  string            `json:"id"`
	ResourceHandle      ResourceHandle    `json:"resourceHandle"`
	ExtLinkPorts        []ExtLinkPortInfo `json:"extLinkPorts,omitempty"`
	CurrentVnfExtCpData *VnfExtCpData     `json:"currentVnfExtCpData,omitempty"`
}

// ExtLinkPortInfo is the data type of that name in SOL005 V3.7.1.
type ExtLinkPortInfo struct {
	ID                    string         `json:"id"`
	ResourceHandle        ResourceHandle `json:"resourceHandle"`
	CpInstanceID          string         `json:"cpInstanceId,omitempty"`
	SecondaryCpInstanceID string         `json:"secondaryCpInstanceId,omitempty"`
	TrunkResourceID       string         `json:"trunkResourceId,omitempty"`
}

// ExtManagedVirtualLinkInfo is the data type of that name in SOL005 V3.7.1.
type ExtManagedVirtualLinkInfo struct {
	ID                               string            `json:"id"`
	VnfdID                           string            `json:"vnfdId,omitempty"`
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	NetworkResource                  *ResourceHandle   `json:"networkResource,omitempty"`
	VnfLinkPorts                     []VnfLinkPortInfo `json:"vnfLinkPorts,omitempty"`
	ExtManagedMultisiteVirtualLinkID string            `json:"extManagedMultisiteVirtualLinkId,omitempty"`
}

// VnfLinkPortInfo is the data type of that name in SOL005 V3.7.1.
type VnfLinkPortInfo struct {
	ID              string         `json:"id"`
	ResourceHandle  ResourceHandle `json:"resourceHandle"`
	CpInstanceID    string         `json:"cpInstanceId,omitempty"`
	CpInstanceType  string         `json:"cpInstanceType,omitempty"`
	VipCpInstanceID string         `json:"vipCpInstanceId,omitempty"`
	TrunkResourceID string         `json:"trunkResourceId,omitempty"`
}

// ExtVirtualLinkData is the data type of that name in SOL005 V3.7.1.
type ExtVirtualLinkData struct {
	ExtVirtualLinkID   string            `json:"extVirtualLinkId,omitempty"`
	VimID              string            `json:"vimId,omitempty"`
	ResourceProviderID string            `json:"resourceProviderId,omitempty"`
	ResourceID         string            `json:"resourceId"`
	ExtCps             []VnfExtCpData    `json:"extCps"`
	ExtLinkPorts       []ExtLinkPortData `json:"extLinkPorts,omitempty"`
}

// ExtLinkPortData is the data type of that name in SOL005 V3.7.1.
type ExtLinkPortData struct {
	ID              string         `json:"id"`
	ResourceHandle  ResourceHandle `json:"resourceHandle"`
	TrunkResourceID string         `json:"trunkResourceId,omitempty"`
}

// ExtManagedVirtualLinkData is the data type of that name in SOL005 V3.7.1.
type ExtManagedVirtualLinkData struct {
	ExtManagedVirtualLinkID          string            `json:"extManagedVirtualLinkId,omitempty"`
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	VimID                            string            `json:"vimId,omitempty"`
	ResourceProviderID               string            `json:"resourceProviderId,omitempty"`
	ResourceID                       string            `json:"resourceId"`
	VnfLinkPort                      []VnfLinkPortData `json:"vnfLinkPort,omitempty"`
	ExtManagedMultisiteVirtualLinkID string            `json:"extManagedMultisiteVirtualLinkId,omitempty"`
}

// VnfLinkPortData is the data type of that name in SOL005 V3.7.1.
type VnfLinkPortData struct {
	VnfLinkPortID  string         `json:"vnfLinkPortId"`
	ResourceHandle ResourceHandle `json:"resourceHandle"`
}
