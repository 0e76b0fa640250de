package sol005

import "time"

// CreateNsRequest is the data type of that name in SOL005 V3.7.1.
type CreateNsRequest struct {
	NsdID         string `json:"nsdId"`
	NsName        string `json:"nsName"`
	NsDescription string `json:"nsDescription"`
}

// InstantiateNsRequest is the data type of that name in SOL005 V3.7.1.
type InstantiateNsRequest struct {
	NsFlavourID                          string                       `json:"nsFlavourId"`
	SapData                              []SapData                    `json:"sapData,omitempty"`
	AddpnfData                           []AddPnfData                 `json:"addpnfData,omitempty"`
	VnfInstanceData                      []VnfInstanceData            `json:"vnfInstanceData,omitempty"`
	NestedNsInstanceData                 []NestedNsInstanceData       `json:"nestedNsInstanceData,omitempty"`
	LocationConstraints                  []VnfLocationConstraint      `json:"locationConstraints,omitempty"`
	NestedNsLocationConstraints          []NestedNsLocationConstraint `json:"nestedNsLocationConstraints,omitempty"`
	AdditionalParamsForNs                KeyValuePairs                `json:"additionalParamsForNs,omitempty"`
	AdditionalParamsForNestedNs          []ParamsForNestedNs          `json:"additionalParamsForNestedNs,omitempty"`
	AdditionalParamsForVnf               []ParamsForVnf               `json:"additionalParamsForVnf,omitempty"`
	StartTime                            *time.Time                   `json:"startTime,omitempty"`
	NsInstantiationLevelID               string                       `json:"nsInstantiationLevelId,omitempty"`
	WanConnectionData                    []WanConnectionData          `json:"wanConnectionData,omitempty"`
	AdditionalAffinityOrAntiAffinityRule []AffinityOrAntiAffinityRule `json:"additionalAffinityOrAntiAffinityRule,omitempty"`
}

// SapData is the data type of that name in SOL005 V3.7.1.
type SapData struct {
	SapdID          string           `json:"sapdId"`
	SapName         string           `json:"sapName"`
	Description     string           `json:"description"`
	SapProtocolData []CpProtocolData `json:"sapProtocolData,omitempty"`
}

// VnfInstanceData is the data type of that name in SOL005 V3.7.1.
type VnfInstanceData struct {
	VnfInstanceID string `json:"vnfInstanceId"`
	VnfProfileID  string `json:"vnfProfileId"`
}

// NestedNsInstanceData is the data type of that name in SOL005 V3.7.1.
type NestedNsInstanceData struct {
	NestedNsInstanceID string `json:"nestedNsInstanceId"`
	NsProfileID        string `json:"nsProfileId,omitempty"`
}

// ParamsForVnf is the data type of that name in SOL005 V3.7.1.
type ParamsForVnf struct {
	VnfProfileID              string        `json:"vnfProfileId"`
	VnfInstanceName           string        `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string        `json:"vnfInstanceDescription,omitempty"`
	VnfConfigurableProperties KeyValuePairs `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs `json:"metadata,omitempty"`
	Extensions                KeyValuePairs `json:"extensions,omitempty"`
	AdditionalParams          KeyValuePairs `json:"additionalParams,omitempty"`
}

// ParamsForNestedNs is the data type of that name in SOL005 V3.7.1.
type ParamsForNestedNs struct {
	NsProfileID     string          `json:"nsProfileId"`
	AdditionalParam []KeyValuePairs `json:"additionalParam,omitempty"`
}

// HealNsRequest is the data type of that name in SOL005 V3.7.1.
type HealNsRequest struct {
	HealNsData  *HealNsData   `json:"healNsData,omitempty"`
	HealVnfData []HealVnfData `json:"healVnfData,omitempty"`
}

// HealNsData is the data type of that name in SOL005 V3.7.1.
type HealNsData struct {
	DegreeHealing         string        `json:"degreeHealing"`
	ActionsHealing        []string      `json:"actionsHealing,omitempty"`
	HealScript            string        `json:"healScript,omitempty"`
	AdditionalParamsforNs KeyValuePairs `json:"additionalParamsforNs,omitempty"`
}

// HealVnfData is the data type of that name in SOL005 V3.7.1.
type HealVnfData struct {
	VnfInstanceID    string        `json:"vnfInstanceId"`
	Cause            string        `json:"cause,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// TerminateNsRequest is the data type of that name in SOL005 V3.7.1.
type TerminateNsRequest struct {
	TerminationTime  *time.Time         `json:"terminationTime,omitempty"`
	TerminateNsData  *TerminateNsData   `json:"terminateNsData,omitempty"`
	TerminateVnfData []TerminateVnfData `json:"terminateVnfData,omitempty"`
}

// TerminateNsData is the data type of that name in SOL005 V3.7.1.
type TerminateNsData struct {
	AdditionalParamsforNs KeyValuePairs `json:"additionalParamsforNs,omitempty"`
}
