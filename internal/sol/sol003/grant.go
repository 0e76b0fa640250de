package sol003

// GrantRequest is the data type of that name in SOL003 V3.7.1.
type GrantRequest struct {
	VnfInstanceID         string                  `json:"vnfInstanceId"`
	VnfLcmOpOccID         string                  `json:"vnfLcmOpOccId"`
	VnfdID                string                  `json:"vnfdId"`
	DstVnfdID             string                  `json:"dstVnfdId,omitempty"`
	FlavourID             string                  `json:"flavourId,omitempty"`
	Operation             GrantedLcmOperationType `json:"operation"`
	IsAutomaticInvocation bool                    `json:"isAutomaticInvocation"`
	InstantiationLevelID  string                  `json:"instantiationLevelId,omitempty"`
	AddResources          []ResourceDefinition    `json:"addResources,omitempty"`
	TempResources         []ResourceDefinition    `json:"tempResources,omitempty"`
	RemoveResources       []ResourceDefinition    `json:"removeResources,omitempty"`
	UpdateResources       []ResourceDefinition    `json:"updateResources,omitempty"`
	PlacementConstraints  []PlacementConstraint   `json:"placementConstraints,omitempty"`
	VimConstraints        []VimConstraint         `json:"vimConstraints,omitempty"`
	AdditionalParams      KeyValuePairs           `json:"additionalParams,omitempty"`
	Links                 GrantRequestLinks       `json:"_links"`
}

// GrantRequestLinks is the data type of that name in SOL003 V3.7.1.
type GrantRequestLinks struct {
	VnfLcmOpOcc Link `json:"vnfLcmOpOcc"`
	VnfInstance Link `json:"vnfInstance"`
}

// ResourceDefinition is the data type of that name in SOL003 V3.7.1.
type ResourceDefinition struct {
	ID                          string                      `json:"id"`
	Type                        string                      `json:"type"`
	VduID                       string                      `json:"vduId,omitempty"`
	VnfdID                      string                      `json:"vnfdId,omitempty"`
	ResourceTemplateID          string                      `json:"resourceTemplateId"`
	SecondaryResourceTemplateID string                      `json:"secondaryResourceTemplateId,omitempty"`
	Resource                    *ResourceHandle             `json:"resource,omitempty"`
	SnapshotResDef              *SnapshotResourceDefinition `json:"snapshotResDef,omitempty"`
}

// SnapshotResourceDefinition is the data type of that name in SOL003 V3.7.1.
type SnapshotResourceDefinition struct {
	VnfSnapshotID     string          `json:"vnfSnapshotId"`
	VnfcSnapshotID    string          `json:"vnfcSnapshotId,omitempty"`
	StorageSnapshotID string          `json:"storageSnapshotId,omitempty"`
	SnapshotResource  *ResourceHandle `json:"snapshotResource,omitempty"`
}

// PlacementConstraint is the data type of that name in SOL003 V3.7.1.
type PlacementConstraint struct {
	AffinityOrAntiAffinity string                  `json:"affinityOrAntiAffinity"`
	Scope                  string                  `json:"scope"`
	Resource               []ConstraintResourceRef `json:"resource"`
	FallbackBestEffort     bool                    `json:"fallbackBestEffort,omitempty"`
}

// VimConstraint is the data type of that name in SOL003 V3.7.1.
type VimConstraint struct {
	SameResourceGroup bool                    `json:"sameResourceGroup,omitempty"`
	Resource          []ConstraintResourceRef `json:"resource"`
}

// ConstraintResourceRef is the data type of that name in SOL003 V3.7.1.
type ConstraintResourceRef struct {
	IDType             string `json:"idType"`
	ResourceID         string `json:"resourceId"`
	VimConnectionID    string `json:"vimConnectionId,omitempty"`
	ResourceProviderID string `json:"resourceProviderId,omitempty"`
}

// Grant is the data type of that name in SOL003 V3.7.1.
type Grant struct {
	ID                     string                       `json:"id"`
	VnfInstanceID          string                       `json:"vnfInstanceId"`
	VnfLcmOpOccID          string                       `json:"vnfLcmOpOccId"`
	VimConnectionInfo      map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	Zones                  []ZoneInfo                   `json:"zones,omitempty"`
	ZoneGroups             []ZoneGroupInfo              `json:"zoneGroups,omitempty"`
	AddResources           []GrantInfo                  `json:"addResources,omitempty"`
	TempResources          []GrantInfo                  `json:"tempResources,omitempty"`
	RemoveResources        []GrantInfo                  `json:"removeResources,omitempty"`
	UpdateResources        []GrantInfo                  `json:"updateResources,omitempty"`
	VimAssets              *GrantVimAssets              `json:"vimAssets,omitempty"`
	ExtVirtualLinks        []ExtVirtualLinkData         `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks []ExtManagedVirtualLinkData  `json:"extManagedVirtualLinks,omitempty"`
	AdditionalParams       KeyValuePairs                `json:"additionalParams,omitempty"`
	Links                  GrantLinks                   `json:"_links"`
}

// GrantLinks is the data type of that name in SOL003 V3.7.1.
type GrantLinks struct {
	Self        Link `json:"self"`
	VnfLcmOpOcc Link `json:"vnfLcmOpOcc"`
	VnfInstance Link `json:"vnfInstance"`
}

// GrantInfo is the data type of that name in SOL003 V3.7.1.
type GrantInfo struct {
	ResourceDefinitionID string `json:"resourceDefinitionId"`
	ReservationID        string `json:"reservationId,omitempty"`
	VimConnectionID      string `json:"vimConnectionId,omitempty"`
	ResourceProviderID   string `json:"resourceProviderId,omitempty"`
	ZoneID               string `json:"zoneId,omitempty"`
	ResourceGroupID      string `json:"resourceGroupId,omitempty"`
}

// ZoneInfo is the data type of that name in SOL003 V3.7.1.
type ZoneInfo struct {
	ID                 string `json:"id"`
	ZoneID             string `json:"zoneId"`
	VimConnectionID    string `json:"vimConnectionId,omitempty"`
	ResourceProviderID string `json:"resourceProviderId,omitempty"`
}

// ZoneGroupInfo is the data type of that name in SOL003 V3.7.1.
type ZoneGroupInfo struct {
	ZoneID []string `json:"zoneId"`
}

// GrantVimAssets is the data type of that name in SOL003 V3.7.1.
type GrantVimAssets struct {
	ComputeResourceFlavours []VimComputeResourceFlavour `json:"computeResourceFlavours,omitempty"`
	SoftwareImages          []VimSoftwareImage          `json:"softwareImages,omitempty"`
	SnapshotResources       []VimSnapshotResource       `json:"snapshotResources,omitempty"`
}

// VimComputeResourceFlavour is the data type of that name in SOL003 V3.7.1.
type VimComputeResourceFlavour struct {
	VimConnectionID          string `json:"vimConnectionId,omitempty"`
	ResourceProviderID       string `json:"resourceProviderId,omitempty"`
	VnfdVirtualComputeDescID string `json:"vnfdVirtualComputeDescId"`
	VimFlavourID             string `json:"vimFlavourId"`
}

// VimSoftwareImage is the data type of that name in SOL003 V3.7.1.
type VimSoftwareImage struct {
	VimConnectionID     string `json:"vimConnectionId,omitempty"`
	ResourceProviderID  string `json:"resourceProviderId,omitempty"`
	VnfdSoftwareImageID string `json:"vnfdSoftwareImageId"`
	VimSoftwareImageID  string `json:"vimSoftwareImageId"`
}

// VimSnapshotResource is the data type of that name in SOL003 V3.7.1.
type VimSnapshotResource struct {
	VimConnectionID       string `json:"vimConnectionId,omitempty"`
	ResourceProviderID    string `json:"resourceProviderId,omitempty"`
	VnfSnapshotID         string `json:"vnfSnapshotId"`
	VnfcSnapshotID        string `json:"vnfcSnapshotId"`
	StorageSnapshotID     string `json:"storageSnapshotId,omitempty"`
	VimSnapshotResourceID string `json:"vimSnapshotResourceId"`
}
