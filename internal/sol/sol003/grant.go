package sol003

// GrantRequest is what a VNFM asks of the NFVO before it touches resources: may
// this operation add, change and remove them (clause 9.5.2).
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

// GrantRequestLinks are the links of a GrantRequest.
type GrantRequestLinks struct {
	VnfLcmOpOcc Link `json:"vnfLcmOpOcc"`
	VnfInstance Link `json:"vnfInstance"`
}

// ResourceDefinition is a resource that an operation means to add, change or
// remove, as GrantRequest has it. Its ID holds within the request.
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

// SnapshotResourceDefinition is the snapshot that a resource of a
// ResourceDefinition is made of.
type SnapshotResourceDefinition struct {
	VnfSnapshotID     string          `json:"vnfSnapshotId"`
	VnfcSnapshotID    string          `json:"vnfcSnapshotId,omitempty"`
	StorageSnapshotID string          `json:"storageSnapshotId,omitempty"`
	SnapshotResource  *ResourceHandle `json:"snapshotResource,omitempty"`
}

// PlacementConstraint says that resources of a GrantRequest must, or must not,
// share what scope names.
type PlacementConstraint struct {
	AffinityOrAntiAffinity string                  `json:"affinityOrAntiAffinity"`
	Scope                  string                  `json:"scope"`
	Resource               []ConstraintResourceRef `json:"resource"`
	FallbackBestEffort     bool                    `json:"fallbackBestEffort,omitempty"`
}

// VimConstraint says that resources of a GrantRequest must be in one VIM, or in one
// resource group of it.
type VimConstraint struct {
	SameResourceGroup bool                    `json:"sameResourceGroup,omitempty"`
	Resource          []ConstraintResourceRef `json:"resource"`
}

// ConstraintResourceRef names a resource in a PlacementConstraint or VimConstraint:
// one of the request, or one that is there.
type ConstraintResourceRef struct {
	IDType             string `json:"idType"`
	ResourceID         string `json:"resourceId"`
	VimConnectionID    string `json:"vimConnectionId,omitempty"`
	ResourceProviderID string `json:"resourceProviderId,omitempty"`
}

// Grant is the NFVO's leave for an operation: where each resource goes, and what of
// the VIM it is made of (clause 9.5.2.3).
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

// GrantLinks are the links of a Grant.
type GrantLinks struct {
	Self        Link `json:"self"`
	VnfLcmOpOcc Link `json:"vnfLcmOpOcc"`
	VnfInstance Link `json:"vnfInstance"`
}

// GrantInfo says, for one ResourceDefinition, where the resource goes.
type GrantInfo struct {
	ResourceDefinitionID string `json:"resourceDefinitionId"`
	ReservationID        string `json:"reservationId,omitempty"`
	VimConnectionID      string `json:"vimConnectionId,omitempty"`
	ResourceProviderID   string `json:"resourceProviderId,omitempty"`
	ZoneID               string `json:"zoneId,omitempty"`
	ResourceGroupID      string `json:"resourceGroupId,omitempty"`
}

// ZoneInfo is a zone of a VIM that a GrantInfo sends a resource to, by its ID.
type ZoneInfo struct {
	ID                 string `json:"id"`
	ZoneID             string `json:"zoneId"`
	VimConnectionID    string `json:"vimConnectionId,omitempty"`
	ResourceProviderID string `json:"resourceProviderId,omitempty"`
}

// ZoneGroupInfo are zones from which the VNFM may choose.
type ZoneGroupInfo struct {
	ZoneID []string `json:"zoneId"`
}

// GrantVimAssets are the flavours, images and snapshots of the VIM that an
// operation may use.
type GrantVimAssets struct {
	ComputeResourceFlavours []VimComputeResourceFlavour `json:"computeResourceFlavours,omitempty"`
	SoftwareImages          []VimSoftwareImage          `json:"softwareImages,omitempty"`
	SnapshotResources       []VimSnapshotResource       `json:"snapshotResources,omitempty"`
}

// VimComputeResourceFlavour is the flavour of the VIM for a compute descriptor of
// the VNFD.
type VimComputeResourceFlavour struct {
	VimConnectionID          string `json:"vimConnectionId,omitempty"`
	ResourceProviderID       string `json:"resourceProviderId,omitempty"`
	VnfdVirtualComputeDescID string `json:"vnfdVirtualComputeDescId"`
	VimFlavourID             string `json:"vimFlavourId"`
}

// VimSoftwareImage is the image in the VIM for a software image of the VNFD.
type VimSoftwareImage struct {
	VimConnectionID     string `json:"vimConnectionId,omitempty"`
	ResourceProviderID  string `json:"resourceProviderId,omitempty"`
	VnfdSoftwareImageID string `json:"vnfdSoftwareImageId"`
	VimSoftwareImageID  string `json:"vimSoftwareImageId"`
}

// VimSnapshotResource is the snapshot in the VIM for a part of a VNF snapshot.
type VimSnapshotResource struct {
	VimConnectionID       string `json:"vimConnectionId,omitempty"`
	ResourceProviderID    string `json:"resourceProviderId,omitempty"`
	VnfSnapshotID         string `json:"vnfSnapshotId"`
	VnfcSnapshotID        string `json:"vnfcSnapshotId"`
	StorageSnapshotID     string `json:"storageSnapshotId,omitempty"`
	VimSnapshotResourceID string `json:"vimSnapshotResourceId"`
}
