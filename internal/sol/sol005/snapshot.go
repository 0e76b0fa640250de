package sol005

import "time"

// VnfSnapshotInfo is the data type of that name in SOL005 V3.7.1.
type VnfSnapshotInfo struct {
	ID               string       `json:"id"`
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
	Links            *SelfLinks   `json:"_links,omitempty"`
}

// VnfSnapshot is the data type of that name in SOL005 V3.7.1.
type VnfSnapshot struct {
	ID                 string             `json:"id"`
	VnfInstanceID      string             `json:"vnfInstanceId"`
	CreationStartedAt  *time.Time         `json:"creationStartedAt,omitempty"`
	CreationFinishedAt *time.Time         `json:"creationFinishedAt,omitempty"`
	VnfdID             string             `json:"vnfdId"`
	VnfInstance        VnfInstance        `json:"vnfInstance"`
	VnfcSnapshots      []VnfcSnapshotInfo `json:"vnfcSnapshots"`
	UserDefinedData    KeyValuePairs      `json:"userDefinedData,omitempty"`
}

// VnfcSnapshotInfo is the data type of that name in SOL005 V3.7.1.
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

// StorageSnapshotResource is the data type of that name in SOL005 V3.7.1.
type StorageSnapshotResource struct {
	StorageResourceID        string          `json:"storageResourceId"`
	StorageSnapshotResources *ResourceHandle `json:"storageSnapshotResources,omitempty"`
}

// CreateVnfSnapshotData is the data type of that name in SOL005 V3.7.1.
type CreateVnfSnapshotData struct {
	VnfInstanceID    string        `json:"vnfInstanceId"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
	UserDefinedData  KeyValuePairs `json:"userDefinedData,omitempty"`
}

// RevertVnfToSnapshotData is the data type of that name in SOL005 V3.7.1.
type RevertVnfToSnapshotData struct {
	VnfInstanceID     string        `json:"vnfInstanceId"`
	VnfSnapshotInfoID string        `json:"vnfSnapshotInfoId"`
	AdditionalParams  KeyValuePairs `json:"additionalParams,omitempty"`
}

// DeleteVnfSnapshotData is the data type of that name in SOL005 V3.7.1.
type DeleteVnfSnapshotData struct {
	VnfInstanceID     string `json:"vnfInstanceId"`
	VnfSnapshotInfoID string `json:"vnfSnapshotInfoId"`
}
