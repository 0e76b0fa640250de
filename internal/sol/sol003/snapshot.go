package sol003

import "time"

// VnfSnapshotInfo is the data type of that name in SOL003 V3.7.1.
type VnfSnapshotInfo struct {
	ID               string               `json:"id"`
	VnfSnapshotPkgID string               `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot         `json:"vnfSnapshot,omitempty"`
	Links            VnfSnapshotInfoLinks `json:"_links"`
}

// VnfSnapshotInfoLinks is the data type of that name in SOL003 V3.7.1.
type VnfSnapshotInfoLinks struct {
	Self      Link  `json:"self"`
	TakenFrom *Link `json:"takenFrom,omitempty"`
}

// VnfSnapshot is the data type of that name in SOL003 V3.7.1.
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

// VnfSnapshotLinks is the data type of that name in SOL003 V3.7.1.
type VnfSnapshotLinks struct {
	Self             Link  `json:"self"`
	VnfStateSnapshot *Link `json:"vnfStateSnapshot,omitempty"`
}

// VnfcSnapshotInfo is the data type of that name in SOL003 V3.7.1.
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

// StorageSnapshotResource is the data type of that name in SOL003 V3.7.1.
type StorageSnapshotResource struct {
	StorageResourceID       string        `json:"storageResourceId"`
	StorageSnapshotResource KeyValuePairs `json:"storageSnapshotResource,omitempty"`
}

// VnfStateSnapshotInfo is the data type of that name in SOL003 V3.7.1.
type VnfStateSnapshotInfo struct {
	Checksum    string        `json:"checksum"`
	IsEncrypted bool          `json:"isEncrypted"`
	Metadata    KeyValuePairs `json:"metadata,omitempty"`
}

// CreateVnfSnapshotInfoRequest is the data type of that name in SOL003 V3.7.1.
type CreateVnfSnapshotInfoRequest struct {
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
}

// CreateVnfSnapshotRequest is the data type of that name in SOL003 V3.7.1.
type CreateVnfSnapshotRequest struct {
	VnfSnapshotInfoID string        `json:"vnfSnapshotInfoId"`
	AdditionalParams  KeyValuePairs `json:"additionalParams,omitempty"`
	UserDefinedData   KeyValuePairs `json:"userDefinedData,omitempty"`
}

// RevertToVnfSnapshotRequest is the data type of that name in SOL003 V3.7.1.
type RevertToVnfSnapshotRequest struct {
	VnfSnapshotInfoID string        `json:"vnfSnapshotInfoId"`
	AdditionalParams  KeyValuePairs `json:"additionalParams,omitempty"`
}

// VnfSnapshotInfoModificationRequest is the data type of that name in SOL003 V3.7.1.
type VnfSnapshotInfoModificationRequest struct {
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
}

// VnfSnapshotInfoModifications is the data type of that name in SOL003 V3.7.1.
type VnfSnapshotInfoModifications struct {
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
}
