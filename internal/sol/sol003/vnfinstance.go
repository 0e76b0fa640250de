package sol003

// VnfInstance is a VNF as its VNFM shows it (clause 5.5.2.2). It is not the type of
// that name in SOL 005.
type VnfInstance struct {
	ID                        string                       `json:"id"`
	VnfInstanceName           string                       `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string                       `json:"vnfInstanceDescription,omitempty"`
	VnfdID                    string                       `json:"vnfdId"`
	VnfProvider               string                       `json:"vnfProvider"`
	VnfProductName            string                       `json:"vnfProductName"`
	VnfSoftwareVersion        string                       `json:"vnfSoftwareVersion"`
	VnfdVersion               string                       `json:"vnfdVersion"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	InstantiationState        string                       `json:"instantiationState"`
	InstantiatedVnfInfo       *InstantiatedVnfInfo         `json:"instantiatedVnfInfo,omitempty"`
	Metadata                  KeyValuePairs                `json:"metadata,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	CertificateInfo           *CertificateInfo             `json:"certificateInfo,omitempty"` // of V4.5.1
	Links                     VnfInstanceLinks             `json:"_links"`
}

// VnfInstanceLinks are the links of a VNF. A task is there only if it can be asked
// for now.
type VnfInstanceLinks struct {
	Self                Link  `json:"self"`
	Indicators          *Link `json:"indicators,omitempty"`
	Instantiate         *Link `json:"instantiate,omitempty"`
	Terminate           *Link `json:"terminate,omitempty"`
	Scale               *Link `json:"scale,omitempty"`
	ScaleToLevel        *Link `json:"scaleToLevel,omitempty"`
	ChangeFlavour       *Link `json:"changeFlavour,omitempty"`
	Heal                *Link `json:"heal,omitempty"`
	Operate             *Link `json:"operate,omitempty"`
	ChangeExtConn       *Link `json:"changeExtConn,omitempty"`
	CreateSnapshot      *Link `json:"createSnapshot,omitempty"`
	RevertToSnapshot    *Link `json:"revertToSnapshot,omitempty"`
	ChangeCurrentVnfPkg *Link `json:"changeCurrentVnfPkg,omitempty"`
}

// InstantiatedVnfInfo is what a VNF has only while it is instantiated. It stands
// inline in VnfInstance.
type InstantiatedVnfInfo struct {
	FlavourID                  string                       `json:"flavourId"`
	VnfState                   VnfOperationalStateType      `json:"vnfState"`
	ScaleStatus                []ScaleInfo                  `json:"scaleStatus,omitempty"`
	MaxScaleLevels             []ScaleInfo                  `json:"maxScaleLevels,omitempty"`
	ExtCpInfo                  []VnfExtCpInfo               `json:"extCpInfo"`
	VipCpInfo                  []VipCpInfo                  `json:"vipCpInfo,omitempty"`
	ExtVirtualLinkInfo         []ExtVirtualLinkInfo         `json:"extVirtualLinkInfo,omitempty"`
	ExtManagedVirtualLinkInfo  []ExtManagedVirtualLinkInfo  `json:"extManagedVirtualLinkInfo,omitempty"`
	MonitoringParameters       []MonitoringParameter        `json:"monitoringParameters,omitempty"`
	LocalizationLanguage       string                       `json:"localizationLanguage,omitempty"`
	VnfcResourceInfo           []VnfcResourceInfo           `json:"vnfcResourceInfo,omitempty"`
	VnfVirtualLinkResourceInfo []VnfVirtualLinkResourceInfo `json:"vnfVirtualLinkResourceInfo,omitempty"`
	VirtualStorageResourceInfo []VirtualStorageResourceInfo `json:"virtualStorageResourceInfo,omitempty"`
}

// ScaleInfo is the level that a VNF has, or is to have, in one scaling aspect. The
// official file requires scaleLevel, as the specification names it, and declares
// scaleToLevel, a string, in its place: producers fill in both, and consumers take
// either.
type ScaleInfo struct {
	AspectID     string `json:"aspectId"`
	VnfdID       string `json:"vnfdId,omitempty"`
	ScaleLevel   *int   `json:"scaleLevel,omitempty"`
	ScaleToLevel string `json:"scaleToLevel,omitempty"`
}

// VnfcResourceInfo is a VNFC of a VNF: the machine that it runs on, its storage and
// its connection points.
type VnfcResourceInfo struct {
	ID                   string         `json:"id"`
	VduID                string         `json:"vduId"`
	VnfdID               string         `json:"vnfdId,omitempty"`
	ComputeResource      ResourceHandle `json:"computeResource"`
	ZoneID               string         `json:"zoneId,omitempty"`
	StorageResourceIDs   []string       `json:"storageResourceIds,omitempty"`
	ReservationID        string         `json:"reservationId,omitempty"`
	VnfcCpInfo           []VnfcCpInfo   `json:"vnfcCpInfo,omitempty"`
	ParentCpID           string         `json:"parentCpId,omitempty"`
	Metadata             KeyValuePairs  `json:"metadata,omitempty"`
	CertificateContentID string         `json:"certificateContentId,omitempty"` // of V4.5.1
}

// VnfcCpInfo is a connection point of a VNFC. It stands inline in VnfcResourceInfo.
type VnfcCpInfo struct {
	ID             string           `json:"id"`
	CpdID          string           `json:"cpdId"`
	VnfExtCpID     string           `json:"vnfExtCpId,omitempty"`
	CpProtocolInfo []CpProtocolInfo `json:"cpProtocolInfo,omitempty"`
	VnfLinkPortID  string           `json:"vnfLinkPortId,omitempty"`
	Metadata       KeyValuePairs    `json:"metadata,omitempty"`
}

// VnfVirtualLinkResourceInfo is an internal virtual link of a VNF, with its network
// in the VIM.
type VnfVirtualLinkResourceInfo struct {
	ID                   string            `json:"id"`
	VnfVirtualLinkDescID string            `json:"vnfVirtualLinkDescId"`
	VnfdID               string            `json:"vnfdId,omitempty"`
	NetworkResource      ResourceHandle    `json:"networkResource"`
	ZoneID               string            `json:"zoneId,omitempty"`
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
	ZoneID               string         `json:"zoneId,omitempty"`
	ReservationID        string         `json:"reservationId,omitempty"`
	Metadata             KeyValuePairs  `json:"metadata,omitempty"`
}

// ResourceHandle names a resource of a VIM. SOL 005 has vimId in place of
// vimConnectionId.
type ResourceHandle struct {
	VimConnectionID      string `json:"vimConnectionId,omitempty"`
	ResourceProviderID   string `json:"resourceProviderId,omitempty"`
	ResourceID           string `json:"resourceId"`
	VimLevelResourceType string `json:"vimLevelResourceType,omitempty"`
}

// VimConnectionInfo says how a VNFM reaches a VIM. accessInfo may hold passwords.
type VimConnectionInfo struct {
	VimID         string        `json:"vimId,omitempty"`
	VimType       string        `json:"vimType"`
	InterfaceInfo KeyValuePairs `json:"interfaceInfo,omitempty"`
	AccessInfo    KeyValuePairs `json:"accessInfo,omitempty"`
	Extra         KeyValuePairs `json:"extra,omitempty"`
}
