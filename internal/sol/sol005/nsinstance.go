package sol005

// VnfScaleInfo is the data type of that name in SOL005 V3.7.1.
type VnfScaleInfo struct {
	AspectID   string `json:"aspectId"`
	VnfdID     string `json:"vnfdId,omitempty"`
	ScaleLevel int    `json:"scaleLevel"`
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

// CpProtocolInfo is the data type of that name in SOL005 V3.7.1.
type CpProtocolInfo struct {
	LayerProtocol  string                    `json:"layerProtocol"`
	IpOverEthernet IpOverEthernetAddressInfo `json:"ipOverEthernet"`
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

// ResourceHandle is the data type of that name in SOL005 V3.7.1.
type ResourceHandle struct {
	VimID                string `json:"vimId,omitempty"`
	ResourceProviderID   string `json:"resourceProviderId,omitempty"`
	ResourceID           string `json:"resourceId"`
	VimLevelResourceType string `json:"vimLevelResourceType,omitempty"`
}

// ExtLinkPortInfo is the data type of that name in SOL005 V3.7.1.
type ExtLinkPortInfo struct {
	ID                    string         `json:"id"`
	ResourceHandle        ResourceHandle `json:"resourceHandle"`
	CpInstanceID          string         `json:"cpInstanceId,omitempty"`
	SecondaryCpInstanceID string         `json:"secondaryCpInstanceId,omitempty"`
	TrunkResourceID       string         `json:"trunkResourceId,omitempty"`
}

// ExtVirtualLinkInfo is the data type of that name in SOL005 V3.7.1.
type ExtVirtualLinkInfo struct {
	ID                  string            `json:"id"`
	ResourceHandle      ResourceHandle    `json:"resourceHandle"`
	ExtLinkPorts        []ExtLinkPortInfo `json:"extLinkPorts,omitempty"`
	CurrentVnfExtCpData *VnfExtCpData     `json:"currentVnfExtCpData,omitempty"`
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

// ExtManagedVirtualLinkInfo is the data type of that name in SOL005 V3.7.1.
type ExtManagedVirtualLinkInfo struct {
	ID                               string            `json:"id"`
	VnfdID                           string            `json:"vnfdId,omitempty"`
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	NetworkResource                  *ResourceHandle   `json:"networkResource,omitempty"`
	VnfLinkPorts                     []VnfLinkPortInfo `json:"vnfLinkPorts,omitempty"`
	ExtManagedMultisiteVirtualLinkID string            `json:"extManagedMultisiteVirtualLinkId,omitempty"`
}

// VnfcCpInfo is the data type of that name in SOL005 V3.7.1.
type VnfcCpInfo struct {
	ID             string           `json:"id"`
	CpdID          string           `json:"cpdId"`
	VnfExtCpID     string           `json:"vnfExtCpId,omitempty"`
	CpProtocolInfo []CpProtocolInfo `json:"cpProtocolInfo,omitempty"`
	ParentCpID     string           `json:"parentCpId,omitempty"`
	VnfLinkPortID  string           `json:"vnfLinkPortId,omitempty"`
	Metadata       KeyValuePairs    `json:"metadata,omitempty"`
}

// VnfcResourceInfo is the data type of that name in SOL005 V3.7.1.
type VnfcResourceInfo struct {
	ID                 string         `json:"id"`
	VnfdID             string         `json:"vnfdId,omitempty"`
	VduID              string         `json:"vduId"`
	ComputeResource    ResourceHandle `json:"computeResource"`
	StorageResourceIDs []string       `json:"storageResourceIds,omitempty"`
	ReservationID      string         `json:"reservationId,omitempty"`
	VnfcCpInfo         []VnfcCpInfo   `json:"vnfcCpInfo,omitempty"`
	Metadata           KeyValuePairs  `json:"metadata,omitempty"`
}

// VnfVirtualLinkResourceInfo is the data type of that name in SOL005 V3.7.1.
type VnfVirtualLinkResourceInfo struct {
	ID                   string            `json:"id"`
	VnfdID               string            `json:"vnfdId,omitempty"`
	VnfVirtualLinkDescID string            `json:"vnfVirtualLinkDescId"`
	NetworkResource      ResourceHandle    `json:"networkResource"`
	ReservationID        string            `json:"reservationId,omitempty"`
	VnfLinkPorts         []VnfLinkPortInfo `json:"vnfLinkPorts,omitempty"`
	Metadata             KeyValuePairs     `json:"metadata,omitempty"`
}

// VirtualStorageResourceInfo is the data type of that name in SOL005 V3.7.1.
type VirtualStorageResourceInfo struct {
	ID                   string         `json:"id"`
	VirtualStorageDescID string         `json:"virtualStorageDescId"`
	VnfdID               string         `json:"vnfdId,omitempty"`
	StorageResource      ResourceHandle `json:"storageResource"`
	ReservationID        string         `json:"reservationId,omitempty"`
	Metadata             KeyValuePairs  `json:"metadata,omitempty"`
}

// InstantiatedVnfInfo is the data type of that name in SOL005 V3.7.1.
type InstantiatedVnfInfo struct {
	FlavourID                  string                       `json:"flavourId"`
	VnfState                   VnfOperationalStateType      `json:"vnfState"`
	ScaleStatus                []VnfScaleInfo               `json:"scaleStatus,omitempty"`
	MaxScaleLevels             []VnfScaleInfo               `json:"maxScaleLevels,omitempty"`
	ExtCpInfo                  []VnfExtCpInfo               `json:"extCpInfo"`
	VipCpInfo                  []VipCpInfo                  `json:"vipCpInfo,omitempty"`
	ExtVirtualLinkInfo         []ExtVirtualLinkInfo         `json:"extVirtualLinkInfo,omitempty"`
	ExtManagedVirtualLinkInfo  []ExtManagedVirtualLinkInfo  `json:"extManagedVirtualLinkInfo,omitempty"`
	MonitoringParameters       []VnfMonitoringParameter     `json:"monitoringParameters,omitempty"`
	LocalizationLanguage       string                       `json:"localizationLanguage,omitempty"`
	VnfcResourceInfo           []VnfcResourceInfo           `json:"vnfcResourceInfo,omitempty"`
	VnfVirtualLinkResourceInfo []VnfVirtualLinkResourceInfo `json:"vnfVirtualLinkResourceInfo,omitempty"`
	VirtualStorageResourceInfo []VirtualStorageResourceInfo `json:"virtualStorageResourceInfo,omitempty"`
}

// VnfInstance is the data type of that name in SOL005 V3.7.1.
type VnfInstance struct {
	ID                        string               `json:"id"`
	VnfInstanceName           string               `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string               `json:"vnfInstanceDescription,omitempty"`
	VnfdID                    string               `json:"vnfdId"`
	VnfProvider               string               `json:"vnfProvider"`
	VnfProductName            string               `json:"vnfProductName"`
	VnfSoftwareVersion        string               `json:"vnfSoftwareVersion"`
	VnfdVersion               string               `json:"vnfdVersion"`
	VnfPkgID                  string               `json:"vnfPkgId"`
	VnfConfigurableProperties KeyValuePairs        `json:"vnfConfigurableProperties,omitempty"`
	VimID                     string               `json:"vimId,omitempty"`
	InstantiationState        string               `json:"instantiationState"`
	InstantiatedVnfInfo       *InstantiatedVnfInfo `json:"instantiatedVnfInfo,omitempty"`
	Metadata                  KeyValuePairs        `json:"metadata,omitempty"`
	Extensions                KeyValuePairs        `json:"extensions,omitempty"`
}

// PnfExtCpInfo is the data type of that name in SOL005 V3.7.1.
type PnfExtCpInfo struct {
	CpInstanceID   string           `json:"cpInstanceId"`
	CpdID          string           `json:"cpdId"`
	CpProtocolData []CpProtocolData `json:"cpProtocolData,omitempty"`
}

// PnfInfo is the data type of that name in SOL005 V3.7.1.
type PnfInfo struct {
	PnfID        string        `json:"pnfId"`
	PnfName      string        `json:"pnfName,omitempty"`
	PnfdID       string        `json:"pnfdId"`
	PnfdInfoID   string        `json:"pnfdInfoId"`
	PnfProfileID string        `json:"pnfProfileId"`
	CpInfo       *PnfExtCpInfo `json:"cpInfo,omitempty"`
}

// NsCpHandle is the data type of that name in SOL005 V3.7.1.
type NsCpHandle struct {
	VnfInstanceID      string `json:"vnfInstanceId,omitempty"`
	VnfExtCpInstanceID string `json:"vnfExtCpInstanceId,omitempty"`
	PnfInfoID          string `json:"pnfInfoId,omitempty"`
	PnfExtCpInstanceID string `json:"pnfExtCpInstanceId,omitempty"`
	NsInstanceID       string `json:"nsInstanceId,omitempty"`
	NsSapInstanceID    string `json:"nsSapInstanceId,omitempty"`
}

// NsLinkPortInfo is the data type of that name in SOL005 V3.7.1.
type NsLinkPortInfo struct {
	ID             string         `json:"id"`
	ResourceHandle ResourceHandle `json:"resourceHandle"`
	NsCpHandle     *NsCpHandle    `json:"nsCpHandle,omitempty"`
}

// NsVirtualLinkInfo is the data type of that name in SOL005 V3.7.1.
type NsVirtualLinkInfo struct {
	ID                     string           `json:"id"`
	NsVirtualLinkDescID    string           `json:"nsVirtualLinkDescId"`
	NsVirtualLinkProfileID string           `json:"nsVirtualLinkProfileId"`
	ResourceHandle         []ResourceHandle `json:"resourceHandle,omitempty"`
	LinkPort               []NsLinkPortInfo `json:"linkPort,omitempty"`
}

// VnffgInfo is the data type of that name in SOL005 V3.7.1.
type VnffgInfo struct {
	ID                  string      `json:"id"`
	VnffgdID            string      `json:"vnffgdId"`
	VnfInstanceID       []string    `json:"vnfInstanceId"`
	PnfdInfoID          []string    `json:"pnfdInfoId"`
	NsVirtualLinkInfoID []string    `json:"nsVirtualLinkInfoId,omitempty"`
	NsCpHandle          *NsCpHandle `json:"nsCpHandle,omitempty"`
}

// SapInfo is the data type of that name in SOL005 V3.7.1.
type SapInfo struct {
	ID              string           `json:"id"`
	SapdID          string           `json:"sapdId"`
	SapName         string           `json:"sapName"`
	Description     string           `json:"description,omitempty"`
	SapProtocolInfo []CpProtocolInfo `json:"sapProtocolInfo"`
}

// NsMonitoringParameter is the data type of that name in SOL005 V3.7.1.
type NsMonitoringParameter struct {
	ID                string `json:"id"`
	Name              string `json:"name,omitempty"`
	PerformanceMetric string `json:"performanceMetric"`
}

// NsScaleInfo is the data type of that name in SOL005 V3.7.1.
type NsScaleInfo struct {
	NsScalingAspectID string `json:"nsScalingAspectId"`
	NsScaleLevelID    string `json:"nsScaleLevelId"`
}

// AffinityOrAntiAffinityRule is the data type of that name in SOL005 V3.7.1.
type AffinityOrAntiAffinityRule struct {
	VnfdID                 []string `json:"vnfdId,omitempty"`
	VnfProfileID           []string `json:"vnfProfileId,omitempty"`
	VnfInstanceID          []string `json:"vnfInstanceId,omitempty"`
	AffinityOrAntiAffiinty string   `json:"affinityOrAntiAffiinty"`
	Scope                  string   `json:"scope"`
}

// CivicAddressElement is the data type of that name in SOL005 V3.7.1.
type CivicAddressElement struct {
	CaType  int    `json:"caType"`
	CaValue string `json:"caValue"`
}

// LocationConstraints is the data type of that name in SOL005 V3.7.1.
type LocationConstraints struct {
	CountryCode         string                `json:"countryCode,omitempty"`
	CivicAddressElement []CivicAddressElement `json:"civicAddressElement,omitempty"`
	Area                map[string]any        `json:"area,omitempty"`
}

// MscsSiteProtectionInfo is the data type of that name in SOL005 V3.7.1.
type MscsSiteProtectionInfo struct {
	LocationConstraints *LocationConstraints `json:"locationConstraints,omitempty"`
	ProtectionScheme    string               `json:"protectionScheme,omitempty"`
}

// MscsEndpointInfo is the data type of that name in SOL005 V3.7.1.
type MscsEndpointInfo struct {
	MscsEndpointID               string   `json:"mscsEndpointId"`
	Directionality               string   `json:"directionality"`
	ConnectivityServiceEndpoinID []string `json:"connectivityServiceEndpoinId"`
}

// MscsInfo is the data type of that name in SOL005 V3.7.1.
type MscsInfo struct {
	MscsID                      string                   `json:"mscsId"`
	MscsName                    string                   `json:"mscsName,omitempty"`
	MscsDescription             string                   `json:"mscsDescription,omitempty"`
	MscsType                    string                   `json:"mscsType"`
	MscsLayerProtocol           string                   `json:"mscsLayerProtocol,omitempty"`
	SiteAccessProtectionSchemes []MscsSiteProtectionInfo `json:"siteAccessProtectionSchemes,omitempty"`
	MtuMscs                     float64                  `json:"mtuMscs,omitempty"`
	MscsEndpoints               []MscsEndpointInfo       `json:"mscsEndpoints,omitempty"`
}

// WanSegmentIDs is the data type of that name in SOL005 V3.7.1.
type WanSegmentIDs struct {
	WanSegmentIDValue      string `json:"wanSegmentIdValue"`
	WanSegmentIDUpperRange string `json:"wanSegmentIdUpperRange,omitempty"`
}

// VxlanConfig is the data type of that name in SOL005 V3.7.1.
type VxlanConfig struct {
	PeerMode string   `json:"peerMode"`
	Peers    []string `json:"peers,omitempty"`
}

// LagInterfaceData is the data type of that name in SOL005 V3.7.1.
type LagInterfaceData struct {
	AggregatedEndpoints []string      `json:"aggregatedEndpoints"`
	LacpActivation      bool          `json:"lacpActivation"`
	LacpConfig          KeyValuePairs `json:"lacpConfig"`
}

// Layer2ConnectionInfo is the data type of that name in SOL005 V3.7.1.
type Layer2ConnectionInfo struct {
	ConnectionType        string            `json:"connectionType"`
	InterfaceType         string            `json:"interfaceType"`
	InterfaceTagging      string            `json:"interfaceTagging"`
	EncapsulationType     string            `json:"encapsulationType"`
	VlanTaggingType       string            `json:"vlanTaggingType,omitempty"`
	WanSegmentIDs         *WanSegmentIDs    `json:"wanSegmentIds,omitempty"`
	VxlanConfig           *VxlanConfig      `json:"vxlanConfig,omitempty"`
	LagInterfaceData      *LagInterfaceData `json:"lagInterfaceData,omitempty"`
	Layer2ControlProtocol KeyValuePairs     `json:"layer2ControlProtocol,omitempty"`
}

// MacVrf is the data type of that name in SOL005 V3.7.1.
type MacVrf struct {
	MacVrfName string `json:"macVrfName"`
}

// VnSegmentIDs is the data type of that name in SOL005 V3.7.1.
type VnSegmentIDs struct {
	VnSegmentIDValue      string `json:"vnSegmentIdValue"`
	VnSegmentIDUpperRange string `json:"vnSegmentIdUpperRange,omitempty"`
}

// Layer2ForwardingConfig is the data type of that name in SOL005 V3.7.1.
type Layer2ForwardingConfig struct {
	NetworkResources []ResourceHandle `json:"networkResources,omitempty"`
	VnSegmentIDs     *VnSegmentIDs    `json:"vnSegmentIds,omitempty"`
}

// SiteToWanLayer2ProtocolData is the data type of that name in SOL005 V3.7.1.
type SiteToWanLayer2ProtocolData struct {
	Layer2ConnectionInfo        Layer2ConnectionInfo    `json:"layer2ConnectionInfo"`
	MtuL2                       float64                 `json:"mtuL2,omitempty"`
	VirtualRoutingAndForwarding *MacVrf                 `json:"virtualRoutingAndForwarding,omitempty"`
	ForwardingConfig            *Layer2ForwardingConfig `json:"forwardingConfig,omitempty"`
}
