package sol005

// VnfInstance is a VNF as the NFVO shows it (clause 6.5.3.57). It is not the type
// of that name in SOL 003: it has vnfPkgId and vimId, and no links.
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
	CertificateInfo           *CertificateInfo     `json:"certificateInfo,omitempty"` // of V4.5.1
}

// InstantiatedVnfInfo is what a VNF has only while it is instantiated. It stands
// inline in VnfInstance.
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

// VnfScaleInfo is the level that a VNF has in one scaling aspect.
type VnfScaleInfo struct {
	AspectID   string `json:"aspectId"`
	VnfdID     string `json:"vnfdId,omitempty"`
	ScaleLevel int    `json:"scaleLevel"`
}

// VnfcResourceInfo is a VNFC of a VNF: the machine that it runs on, its storage and
// its connection points.
type VnfcResourceInfo struct {
	ID                   string         `json:"id"`
	VnfdID               string         `json:"vnfdId,omitempty"`
	VduID                string         `json:"vduId"`
	ComputeResource      ResourceHandle `json:"computeResource"`
	StorageResourceIDs   []string       `json:"storageResourceIds,omitempty"`
	ReservationID        string         `json:"reservationId,omitempty"`
	VnfcCpInfo           []VnfcCpInfo   `json:"vnfcCpInfo,omitempty"`
	Metadata             KeyValuePairs  `json:"metadata,omitempty"`
	CertificateContentID string         `json:"certificateContentId,omitempty"` // of V4.5.1
}

// VnfcCpInfo is a connection point of a VNFC. It stands inline in VnfcResourceInfo.
type VnfcCpInfo struct {
	ID             string           `json:"id"`
	CpdID          string           `json:"cpdId"`
	VnfExtCpID     string           `json:"vnfExtCpId,omitempty"`
	CpProtocolInfo []CpProtocolInfo `json:"cpProtocolInfo,omitempty"`
	ParentCpID     string           `json:"parentCpId,omitempty"`
	VnfLinkPortID  string           `json:"vnfLinkPortId,omitempty"`
	Metadata       KeyValuePairs    `json:"metadata,omitempty"`
}

// VnfVirtualLinkResourceInfo is an internal virtual link of a VNF, with its network
// in the VIM.
type VnfVirtualLinkResourceInfo struct {
	ID                   string            `json:"id"`
	VnfdID               string            `json:"vnfdId,omitempty"`
	VnfVirtualLinkDescID string            `json:"vnfVirtualLinkDescId"`
	NetworkResource      ResourceHandle    `json:"networkResource"`
	ReservationID        string            `json:"reservationId,omitempty"`
	VnfLinkPorts         []VnfLinkPortInfo `json:"vnfLinkPorts,omitempty"`
	Metadata             KeyValuePairs     `json:"metadata,omitempty"`
}

// VirtualStorageResourceInfo is a storage of a VNF, with its volume in the VIM.
type VirtualStorageResourceInfo struct {
	ID                   string         `json:"id"`
	VirtualStorageDescID string         `json:"virtualStorageDescId"`
	VnfdID               string         `json:"vnfdId,omitempty"`
	StorageResource      ResourceHandle `json:"storageResource"`
	ReservationID        string         `json:"reservationId,omitempty"`
	Metadata             KeyValuePairs  `json:"metadata,omitempty"`
}

// ResourceHandle names a resource of the VIM. SOL 003 has vimConnectionId in place
// of vimId.
type ResourceHandle struct {
	VimID                string `json:"vimId,omitempty"`
	ResourceProviderID   string `json:"resourceProviderId,omitempty"`
	ResourceID           string `json:"resourceId"`
	VimLevelResourceType string `json:"vimLevelResourceType,omitempty"`
}
