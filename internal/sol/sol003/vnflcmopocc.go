package sol003

import "time"

// VnfLcmOpOcc is an operation on a VNF: what was asked, how far it is, and what it
// has changed (clause 5.5.2). operationParams is the body of the request.
type VnfLcmOpOcc struct {
	ID                                   string                                `json:"id"`
	OperationState                       LcmOperationStateType                 `json:"operationState"`
	StateEnteredTime                     time.Time                             `json:"stateEnteredTime"`
	StartTime                            time.Time                             `json:"startTime"`
	VnfInstanceID                        string                                `json:"vnfInstanceId"`
	GrantID                              string                                `json:"grantId,omitempty"`
	Operation                            LcmOperationType                      `json:"operation"`
	IsAutomaticInvocation                bool                                  `json:"isAutomaticInvocation"`
	OperationParams                      map[string]any                        `json:"operationParams,omitempty"`
	IsCancelPending                      bool                                  `json:"isCancelPending"`
	CancelMode                           CancelModeType                        `json:"cancelMode,omitempty"`
	Error                                *ProblemDetails                       `json:"error,omitempty"`
	ResourceChanges                      *ResourceChanges                      `json:"resourceChanges,omitempty"`
	ChangedInfo                          *VnfInfoModifications                 `json:"changedInfo,omitempty"`
	AffectedVipCps                       []AffectedVipCp                       `json:"affectedVipCps,omitempty"`
	ChangedExtConnectivity               []ExtVirtualLinkInfo                  `json:"changedExtConnectivity,omitempty"`
	ModificationsTriggeredByVnfPkgChange *ModificationsTriggeredByVnfPkgChange `json:"modificationsTriggeredByVnfPkgChange,omitempty"`
	VnfSnapshotInfoID                    string                                `json:"vnfSnapshotInfoId,omitempty"`
	LcmCoordinations                     []LcmCoordination                     `json:"lcmCoordinations,omitempty"`
	RejectedLcmCoordinations             []RejectedLcmCoordination             `json:"rejectedLcmCoordinations,omitempty"`
	Warnings                             []string                              `json:"warnings,omitempty"`
	Links                                *VnfLcmOpOccLinks                     `json:"_links,omitempty"`
}

// VnfLcmOpOccLinks are the links of an operation. A task is there only if it can be
// asked for now.
type VnfLcmOpOccLinks struct {
	Self        Link  `json:"self"`
	VnfInstance Link  `json:"vnfInstance"`
	Grant       *Link `json:"grant,omitempty"`
	Cancel      *Link `json:"cancel,omitempty"`
	Retry       *Link `json:"retry,omitempty"`
	Rollback    *Link `json:"rollback,omitempty"`
	Fail        *Link `json:"fail,omitempty"`
	VnfSnapshot *Link `json:"vnfSnapshot,omitempty"`
}

// ResourceChanges is what an operation on a VNF has changed so far of its
// resources. It stands inline in VnfLcmOpOcc.
type ResourceChanges struct {
	AffectedVnfcs           []AffectedVnfc           `json:"affectedVnfcs,omitempty"`
	AffectedVirtualLinks    []AffectedVirtualLink    `json:"affectedVirtualLinks,omitempty"`
	AffectedExtLinkPorts    []AffectedExtLinkPort    `json:"affectedExtLinkPorts,omitempty"`
	AffectedVirtualStorages []AffectedVirtualStorage `json:"affectedVirtualStorages,omitempty"`
	AffectedCertificates    []AffectedCertificate    `json:"affectedCertificates,omitempty"` // of V4.5.1
}

// AffectedVnfc is a VNFC that an operation has touched.
type AffectedVnfc struct {
	ID                        string         `json:"id"`
	VduID                     string         `json:"vduId"`
	VnfdID                    string         `json:"vnfdId,omitempty"`
	ChangeType                string         `json:"changeType"`
	ComputeResource           ResourceHandle `json:"computeResource"`
	ResourceDefinitionID      string         `json:"resourceDefinitionId,omitempty"`
	ZoneID                    string         `json:"zoneId,omitempty"`
	Metadata                  KeyValuePairs  `json:"metadata,omitempty"`
	AffectedVnfcCpIDs         []string       `json:"affectedVnfcCpIds,omitempty"`
	AddedStorageResourceIDs   []string       `json:"addedStorageResourceIds,omitempty"`
	RemovedStorageResourceIDs []string       `json:"removedStorageResourceIds,omitempty"`
}

// AffectedVirtualLink is an internal virtual link of a VNF that an operation has
// touched.
type AffectedVirtualLink struct {
	ID                   string         `json:"id"`
	VnfVirtualLinkDescID string         `json:"vnfVirtualLinkDescId"`
	VnfdID               string         `json:"vnfdId,omitempty"`
	ChangeType           string         `json:"changeType"`
	NetworkResource      ResourceHandle `json:"networkResource"`
	VnfLinkPortIDs       []string       `json:"vnfLinkPortIds,omitempty"`
	ResourceDefinitionID string         `json:"resourceDefinitionId,omitempty"`
	ZoneID               string         `json:"zoneId,omitempty"`
	Metadata             KeyValuePairs  `json:"metadata,omitempty"`
}

// AffectedExtLinkPort is a port of a virtual link outside the VNF that an operation
// has touched.
type AffectedExtLinkPort struct {
	ID                   string         `json:"id"`
	ChangeType           string         `json:"changeType"`
	ExtCpInstanceID      string         `json:"extCpInstanceId"`
	ResourceHandle       ResourceHandle `json:"resourceHandle"`
	ResourceDefinitionID string         `json:"resourceDefinitionId,omitempty"`
}

// AffectedVirtualStorage is a storage of a VNF that an operation has touched.
type AffectedVirtualStorage struct {
	ID                   string         `json:"id"`
	VirtualStorageDescID string         `json:"virtualStorageDescId"`
	VnfdID               string         `json:"vnfdId,omitempty"`
	ChangeType           string         `json:"changeType"`
	StorageResource      ResourceHandle `json:"storageResource"`
	ResourceDefinitionID string         `json:"resourceDefinitionId,omitempty"`
	ZoneID               string         `json:"zoneId,omitempty"`
	Metadata             KeyValuePairs  `json:"metadata,omitempty"`
}

// AffectedVipCp is a connection point with a virtual IP address that an operation
// has touched.
type AffectedVipCp struct {
	CpInstanceID string `json:"cpInstanceId"`
	CpdID        string `json:"cpdId"`
	VnfdID       string `json:"vnfdId,omitempty"`
	ChangeType   string `json:"changeType"`
}

// VnfInfoModifications is what an operation has changed of a VNF's information.
type VnfInfoModifications struct {
	VnfInstanceName           string                       `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string                       `json:"vnfInstanceDescription,omitempty"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs                `json:"metadata,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	VnfdID                    string                       `json:"vnfdId,omitempty"`
	VnfProvider               string                       `json:"vnfProvider,omitempty"`
	VnfProductName            string                       `json:"vnfProductName,omitempty"`
	VnfSoftwareVersion        string                       `json:"vnfSoftwareVersion,omitempty"`
	VnfdVersion               string                       `json:"vnfdVersion,omitempty"`
}

// ModificationsTriggeredByVnfPkgChange is what changed of a VNF because its package
// was exchanged.
type ModificationsTriggeredByVnfPkgChange struct {
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs                `json:"metadata,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VnfdID                    string                       `json:"vnfdId,omitempty"`
	VnfProvider               string                       `json:"vnfProvider,omitempty"`
	VnfProductName            string                       `json:"vnfProductName,omitempty"`
	VnfSoftwareVersion        string                       `json:"vnfSoftwareVersion,omitempty"`
	VnfdVersion               string                       `json:"vnfdVersion,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
}

// LcmCoordination is a coordination of an operation with an outside party. It
// stands inline in VnfLcmOpOcc.
type LcmCoordination struct {
	ID                     string             `json:"id"`
	CoordinationActionName string             `json:"coordinationActionName"`
	CoordinationResult     LcmCoordResultType `json:"coordinationResult,omitempty"`
	StartTime              time.Time          `json:"startTime"`
	EndTime                *time.Time         `json:"endTime,omitempty"`
	Delay                  *time.Time         `json:"delay,omitempty"`
	EndpointType           string             `json:"endpointType"`
}
