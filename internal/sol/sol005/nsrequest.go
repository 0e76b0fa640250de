package sol005

import "time"

// CreateNsRequest is a request to make an NS of an NSD. Nothing is instantiated by
// it.
type CreateNsRequest struct {
	NsdID         string `json:"nsdId"`
	NsName        string `json:"nsName"`
	NsDescription string `json:"nsDescription"`
}

// InstantiateNsRequest is a request to bring an NS to life in a flavour of its NSD.
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

// SapData is a service access point that an NS is to get.
type SapData struct {
	SapdID          string           `json:"sapdId"`
	SapName         string           `json:"sapName"`
	Description     string           `json:"description"`
	SapProtocolData []CpProtocolData `json:"sapProtocolData,omitempty"`
}

// VnfInstanceData names a VNF that is there, and the profile of the NSD that it is
// to fill.
type VnfInstanceData struct {
	VnfInstanceID string `json:"vnfInstanceId"`
	VnfProfileID  string `json:"vnfProfileId"`
}

// NestedNsInstanceData names an NS that is there, and the profile of the NSD that
// it is to fill.
type NestedNsInstanceData struct {
	NestedNsInstanceID string `json:"nestedNsInstanceId"`
	NsProfileID        string `json:"nsProfileId,omitempty"`
}

// ParamsForVnf are parameters for each VNF that is made of a profile.
type ParamsForVnf struct {
	VnfProfileID              string        `json:"vnfProfileId"`
	VnfInstanceName           string        `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string        `json:"vnfInstanceDescription,omitempty"`
	VnfConfigurableProperties KeyValuePairs `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs `json:"metadata,omitempty"`
	Extensions                KeyValuePairs `json:"extensions,omitempty"`
	AdditionalParams          KeyValuePairs `json:"additionalParams,omitempty"`
}

// ParamsForNestedNs are parameters for each nested NS that is made of a profile.
type ParamsForNestedNs struct {
	NsProfileID     string          `json:"nsProfileId"`
	AdditionalParam []KeyValuePairs `json:"additionalParam,omitempty"`
}

// HealNsRequest is a request to heal an NS, or some of its VNFs: exactly one of the
// two attributes is there.
type HealNsRequest struct {
	HealNsData  *HealNsData   `json:"healNsData,omitempty"`
	HealVnfData []HealVnfData `json:"healVnfData,omitempty"`
}

// HealNsData says how far an NS is to be healed.
type HealNsData struct {
	DegreeHealing         string        `json:"degreeHealing"`
	ActionsHealing        []string      `json:"actionsHealing,omitempty"`
	HealScript            string        `json:"healScript,omitempty"`
	AdditionalParamsforNs KeyValuePairs `json:"additionalParamsforNs,omitempty"`
}

// HealVnfData names a VNF that is to be healed, and why.
type HealVnfData struct {
	VnfInstanceID    string        `json:"vnfInstanceId"`
	Cause            string        `json:"cause,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// TerminateNsRequest is a request to end an NS. VNFs that another NS shares live
// on.
type TerminateNsRequest struct {
	TerminationTime  *time.Time         `json:"terminationTime,omitempty"`
	TerminateNsData  *TerminateNsData   `json:"terminateNsData,omitempty"`
	TerminateVnfData []TerminateVnfData `json:"terminateVnfData,omitempty"`
}

// TerminateNsData are the parameters for the end of an NS.
type TerminateNsData struct {
	AdditionalParamsforNs KeyValuePairs `json:"additionalParamsforNs,omitempty"`
}
