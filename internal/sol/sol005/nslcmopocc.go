package sol005

import (
	"encoding/json"
	"time"
)

// NsLcmOpOcc is an operation on an NS: what was asked, how far it is, and what it
// has changed (clause 6.5.2). operationParams is the body of the request.
type NsLcmOpOcc struct {
	ID                       string                    `json:"id"`
	OperationState           NsLcmOperationStateType   `json:"operationState"`
	StateEnteredTime         time.Time                 `json:"stateEnteredTime"`
	NsInstanceID             string                    `json:"nsInstanceId"`
	LcmOperationType         NsLcmOpType               `json:"lcmOperationType"`
	StartTime                time.Time                 `json:"startTime"`
	IsAutomaticInvocation    bool                      `json:"isAutomaticInvocation"`
	OperationParams          json.RawMessage           `json:"operationParams,omitempty"`
	IsCancelPending          bool                      `json:"isCancelPending"`
	CancelMode               CancelModeType            `json:"cancelMode,omitempty"`
	Error                    *ProblemDetails           `json:"error,omitempty"`
	ResourceChanges          *ResourceChanges          `json:"resourceChanges,omitempty"`
	LcmCoordinations         []LcmCoordination         `json:"lcmCoordinations,omitempty"`
	RejectedLcmCoordinations []RejectedLcmCoordination `json:"rejectedLcmCoordinations,omitempty"`
	Warnings                 []string                  `json:"warnings,omitempty"`
	Links                    NsLcmOpOccLinks           `json:"_links"`
}

// NsLcmOpOccLinks are the links of an operation. A task is there only if it can be
// asked for now.
type NsLcmOpOccLinks struct {
	Self       Link  `json:"self"`
	NsInstance Link  `json:"nsInstance"`
	Cancel     *Link `json:"cancel,omitempty"`
	Retry      *Link `json:"retry,omitempty"`
	Rollback   *Link `json:"rollback,omitempty"`
	Continue   *Link `json:"continue,omitempty"`
	Fail       *Link `json:"fail,omitempty"`
}

// ResourceChanges is what an operation on an NS has changed so far. It stands
// inline in NsLcmOpOcc.
type ResourceChanges struct {
	AffectedVnfs   []AffectedVnf         `json:"affectedVnfs,omitempty"`
	AffectedPnfs   []AffectedPnf         `json:"affectedPnfs,omitempty"`
	AffectedVls    []AffectedVirtualLink `json:"affectedVls,omitempty"`
	AffectedVnffgs []AffectedVnffg       `json:"affectedVnffgs,omitempty"`
	AffectedNss    []AffectedNs          `json:"affectedNss,omitempty"`
	AffectedSaps   []AffectedSap         `json:"affectedSaps,omitempty"`
}

// LcmCoordination is a coordination of an operation with an outside party. It
// stands inline in NsLcmOpOcc.
type LcmCoordination struct {
	ID                     string             `json:"id"`
	CoordinationActionName string             `json:"coordinationActionName"`
	CoordinationResult     LcmCoordResultType `json:"coordinationResult,omitempty"`
	StartTime              time.Time          `json:"startTime"`
	EndTime                *time.Time         `json:"endTime,omitempty"`
	EndpointType           string             `json:"endpointType"`
	Delay                  *time.Time         `json:"delay,omitempty"`
}

// AffectedVnf is a VNF that an operation on an NS has touched: what was done with
// it, and whether it worked.
type AffectedVnf struct {
	VnfInstanceID string                  `json:"vnfInstanceId"`
	VnfdID        string                  `json:"vnfdId"`
	VnfProfileID  string                  `json:"vnfProfileId"`
	VnfName       string                  `json:"vnfName"`
	ChangeType    string                  `json:"changeType"`
	ChangeResult  string                  `json:"changeResult"`
	ChangedInfo   *AffectedVnfChangedInfo `json:"changedInfo,omitempty"`
}

// AffectedVnfChangedInfo is what an operation changed of a VNF's information. It
// stands inline in AffectedVnf.
type AffectedVnfChangedInfo struct {
	ChangedVnfInfo                       *ModifyVnfInfoData                    `json:"changedVnfInfo,omitempty"`
	ChangedExtConnectivity               []ExtVirtualLinkInfo                  `json:"changedExtConnectivity,omitempty"`
	ModificationsTriggeredByVnfPkgChange *ModificationsTriggeredByVnfPkgChange `json:"modificationsTriggeredByVnfPkgChange,omitempty"`
}

// ModificationsTriggeredByVnfPkgChange is what changed of a VNF because its package
// was exchanged. SOL 003 has vimConnectionInfo besides.
type ModificationsTriggeredByVnfPkgChange struct {
	VnfConfigurableProperties KeyValuePairs `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs `json:"metadata,omitempty"`
	Extensions                KeyValuePairs `json:"extensions,omitempty"`
	VnfdID                    string        `json:"vnfdId,omitempty"`
	VnfProvider               string        `json:"vnfProvider,omitempty"`
	VnfProductName            string        `json:"vnfProductName,omitempty"`
	VnfSoftwareVersion        string        `json:"vnfSoftwareVersion,omitempty"`
	VnfdVersion               string        `json:"vnfdVersion,omitempty"`
}

// AffectedPnf is a PNF that an operation on an NS has touched.
type AffectedPnf struct {
	PnfID        string   `json:"pnfId"`
	PnfdID       string   `json:"pnfdId"`
	PnfProfileID string   `json:"pnfProfileId"`
	PnfName      string   `json:"pnfName,omitempty"`
	CpInstanceID []string `json:"cpInstanceId"`
	ChangeType   string   `json:"changeType,omitempty"`
	ChangeResult string   `json:"changeResult,omitempty"`
}

// AffectedVirtualLink is a virtual link of an NS that an operation has touched.
type AffectedVirtualLink struct {
	NsVirtualLinkInstanceID string   `json:"nsVirtualLinkInstanceId"`
	NsVirtualLinkDescID     string   `json:"nsVirtualLinkDescId"`
	VlProfileID             string   `json:"vlProfileId"`
	ChangeType              string   `json:"changeType"`
	LinkPortIDs             []string `json:"linkPortIds,omitempty"`
	ChangeResult            string   `json:"changeResult"`
}

// AffectedVnffg is a forwarding graph that an operation on an NS has touched.
type AffectedVnffg struct {
	VnffgInstanceID string `json:"vnffgInstanceId"`
	VnffgdID        string `json:"vnffgdId"`
	ChangeType      string `json:"changeType,omitempty"`
	ChangeResult    string `json:"changeResult,omitempty"`
}

// AffectedNs is a nested NS that an operation on an NS has touched.
type AffectedNs struct {
	NsInstanceID string                 `json:"nsInstanceId"`
	NsdID        string                 `json:"nsdId"`
	ChangeType   string                 `json:"changeType"`
	ChangeResult string                 `json:"changeResult"`
	ChangedInfo  *AffectedNsChangedInfo `json:"changedInfo,omitempty"`
}

// AffectedNsChangedInfo is what an operation changed of a nested NS. It stands
// inline in AffectedNs.
type AffectedNsChangedInfo struct {
	WanConnectionInfoModifications []WanConnectionInfoModification `json:"wanConnectionInfoModifications,omitempty"`
}

// AffectedSap is a service access point that an operation on an NS has touched.
type AffectedSap struct {
	SapInstanceID string `json:"sapInstanceId"`
	SapdID        string `json:"sapdId"`
	SapName       string `json:"sapName,omitempty"`
	ChangeType    string `json:"changeType,omitempty"`
	ChangeResult  string `json:"changeResult,omitempty"`
}
