package sol005

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

// VnfScaleInfo is the data type of that name in SOL005 V3.7.1.
type VnfScaleInfo struct {
	AspectID   string `json:"aspectId"`
	VnfdID     string `json:"vnfdId,omitempty"`
	ScaleLevel int    `json:"scaleLevel"`
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

// ResourceHandle is the data type of that name in SOL005 V3.7.1.
type ResourceHandle struct {
	VimID                string `json:"vimId,omitempty"`
	ResourceProviderID   string `json:"resourceProviderId,omitempty"`
	ResourceID           string `json:"resourceId"`
	VimLevelResourceType string `json:"vimLevelResourceType,omitempty"`
}
