package sol003

import "time"

// VnfSnapshotInfo is the resource under which a snapshot of a VNF is found. It is
// made empty, and filled when the snapshot is taken.
type VnfSnapshotInfo struct {
	ID               string               `json:"id"`
	VnfSnapshotPkgID string               `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot         `json:"vnfSnapshot,omitempty"`
	Links            VnfSnapshotInfoLinks `json:"_links"`
}

// VnfSnapshotInfoLinks are the links of a VnfSnapshotInfo.
type VnfSnapshotInfoLinks struct {
	Self      Link  `json:"self"`
	TakenFrom *Link `json:"takenFrom,omitempty"`
}

// VnfSnapshot is a snapshot of a VNF: what the VNF was, and a snapshot of each
// VNFC.
type VnfSnapshot struct {
	ID                   string                `json:"id"`
	VnfInstanceID        string                `json:"vnfInstanceId"`
	CreationStartedAt    *time.Time            `json:"creationStartedAt,omitempty"`
	CreationFinishedAt   *time.Time            `json:"creationFinishedAt,omitempty"`
	VnfdID               string                `json:"vnfdId"`
	VnfInstance          *VnfInstance          `json:"vnfInstance,omitempty"`
	VnfcSnapshots        []VnfcSnapshotInfo    `json:"vnfcSnapshots"`
	VnfStateSnapshotInfo *VnfStateSnapshotInfo `json:"vnfStateSnapshotInfo,omitempty"`
	UserDefinedData      KeyValuePairs         `json:"userDefinedData,omitempty"`
	Links                *VnfSnapshotLinks     `json:"_links,omitempty"`
}

// VnfSnapshotLinks are the links of a VnfSnapshot.
type VnfSnapshotLinks struct {
	Self             Link  `json:"self"`
	VnfStateSnapshot *Link `json:"vnfStateSnapshot,omitempty"`
}

// VnfcSnapshotInfo is a snapshot of a VNFC: of its machine, and of each of its
// volumes.
type VnfcSnapshotInfo struct {
	ID                       string                    `json:"id"`
	VnfcInstanceID           string                    `json:"vnfcInstanceId"`
	CreationStartedAt        *time.Time                `json:"creationStartedAt,omitempty"`
	CreationFinishedAt       *time.Time                `json:"creationFinishedAt,omitempty"`
	VnfcResourceInfoID       string                    `json:"vnfcResourceInfoId,omitempty"`
	ComputeSnapshotResource  *ResourceHandle           `json:"computeSnapshotResource,omitempty"`
	StorageSnapshotResources []StorageSnapshotResource `json:"storageSnapshotResources,omitempty"`
	UserDefinedData          KeyValuePairs             `json:"userDefinedData,omitempty"`
}

// StorageSnapshotResource is a snapshot of a volume. It stands inline in
// VnfcSnapshotInfo.
type StorageSnapshotResource struct {
	StorageResourceID       string        `json:"storageResourceId"`
	StorageSnapshotResource KeyValuePairs `json:"storageSnapshotResource,omitempty"`
}

// VnfStateSnapshotInfo is the state that a VNF itself has given for a snapshot.
type VnfStateSnapshotInfo struct {
	Checksum    string        `json:"checksum"`
	IsEncrypted bool          `json:"isEncrypted"`
	Metadata    KeyValuePairs `json:"metadata,omitempty"`
}

// CreateVnfSnapshotInfoRequest is a request to make the resource that is to hold a
// snapshot.
type CreateVnfSnapshotInfoRequest struct {
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
}

// CreateVnfSnapshotRequest is a request to take a snapshot of a VNF.
type CreateVnfSnapshotRequest struct {
	VnfSnapshotInfoID string        `json:"vnfSnapshotInfoId"`
	AdditionalParams  KeyValuePairs `json:"additionalParams,omitempty"`
	UserDefinedData   KeyValuePairs `json:"userDefinedData,omitempty"`
}

// RevertToVnfSnapshotRequest is a request to set a VNF back to a snapshot.
type RevertToVnfSnapshotRequest struct {
	VnfSnapshotInfoID string        `json:"vnfSnapshotInfoId"`
	AdditionalParams  KeyValuePairs `json:"additionalParams,omitempty"`
}

// VnfSnapshotInfoModificationRequest is a request to change a VnfSnapshotInfo.
type VnfSnapshotInfoModificationRequest struct {
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
}

// VnfSnapshotInfoModifications is what was changed of a VnfSnapshotInfo.
type VnfSnapshotInfoModifications struct {
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
}
