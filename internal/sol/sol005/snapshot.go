package sol005

import "time"

// VnfSnapshotInfo is the resource under which a snapshot of a VNF is found. It is
// made empty, and filled when the snapshot is taken.
type VnfSnapshotInfo struct {
	ID               string       `json:"id"`
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
	Links            *SelfLinks   `json:"_links,omitempty"`
}

// VnfSnapshot is a snapshot of a VNF: what the VNF was, and a snapshot of each
// VNFC.
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
	StorageResourceID        string          `json:"storageResourceId"`
	StorageSnapshotResources *ResourceHandle `json:"storageSnapshotResources,omitempty"`
}

// CreateVnfSnapshotData is a request to take a snapshot of a VNF.
type CreateVnfSnapshotData struct {
	VnfInstanceID    string        `json:"vnfInstanceId"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
	UserDefinedData  KeyValuePairs `json:"userDefinedData,omitempty"`
}

// RevertVnfToSnapshotData is a request to set a VNF back to a snapshot.
type RevertVnfToSnapshotData struct {
	VnfInstanceID     string        `json:"vnfInstanceId"`
	VnfSnapshotInfoID string        `json:"vnfSnapshotInfoId"`
	AdditionalParams  KeyValuePairs `json:"additionalParams,omitempty"`
}

// DeleteVnfSnapshotData is a request to delete a snapshot.
type DeleteVnfSnapshotData struct {
	VnfInstanceID     string `json:"vnfInstanceId"`
	VnfSnapshotInfoID string `json:"vnfSnapshotInfoId"`
}
