package sol005

import "time"

// ScaleNsRequest is a request to make an NS, or some of its VNFs, larger or
// smaller. scaleType says which of the two.
type ScaleNsRequest struct {
	ScaleType    string         `json:"scaleType"`
	ScaleNsData  *ScaleNsData   `json:"scaleNsData,omitempty"`
	ScaleVnfData []ScaleVnfData `json:"scaleVnfData,omitempty"`
	ScaleTime    *time.Time     `json:"scaleTime,omitempty"`
}

// ScaleNsData says how an NS is to be scaled: by VNFs that come or go, by steps in
// one aspect, or to a level.
type ScaleNsData struct {
	VnfInstanceToBeAdded        []VnfInstanceData            `json:"vnfInstanceToBeAdded,omitempty"`
	VnfInstanceToBeRemoved      []string                     `json:"vnfInstanceToBeRemoved,omitempty"`
	ScaleNsByStepsData          *ScaleNsByStepsData          `json:"scaleNsByStepsData,omitempty"`
	ScaleNsToLevelData          *ScaleNsToLevelData          `json:"scaleNsToLevelData,omitempty"`
	AdditionalParamsForNs       *ParamsForVnf                `json:"additionalParamsForNs,omitempty"`
	AdditionalParamsForVnf      []ParamsForVnf               `json:"additionalParamsForVnf,omitempty"`
	LocationConstraints         []VnfLocationConstraint      `json:"locationConstraints,omitempty"`
	NestedNsLocationConstraints []NestedNsLocationConstraint `json:"nestedNsLocationConstraints,omitempty"`
}

// ScaleNsByStepsData scales an NS by steps in one aspect.
type ScaleNsByStepsData struct {
	ScalingDirection string `json:"scalingDirection"`
	AspectID         string `json:"aspectId"`
	NumberOfSteps    int    `json:"numberOfSteps,omitempty"`
}

// ScaleNsToLevelData scales an NS to a level of the NSD, or to a level for each
// aspect.
type ScaleNsToLevelData struct {
	NsInstantiationLevel string        `json:"nsInstantiationLevel,omitempty"`
	NsScaleInfo          []NsScaleInfo `json:"nsScaleInfo,omitempty"`
}

// ScaleVnfData says how a VNF of an NS is to be scaled: by a step or to a level.
type ScaleVnfData struct {
	VnfInstanceID    string            `json:"vnfInstanceId"`
	ScaleVnfType     string            `json:"scaleVnfType"`
	ScaleToLevelData *ScaleToLevelData `json:"scaleToLevelData,omitempty"`
	ScaleByStepData  *ScaleByStepData  `json:"scaleByStepData,omitempty"`
}

// ScaleByStepData scales a VNF by steps in one aspect.
type ScaleByStepData struct {
	AspectID         string        `json:"aspectId"`
	NumberOfSteps    int           `json:"numberOfSteps,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// ScaleToLevelData scales a VNF to a level of the VNFD, or to a level for each
// aspect.
type ScaleToLevelData struct {
	VnfInstantiationLevelID string         `json:"vnfInstantiationLevelId,omitempty"`
	VnfScaleInfo            []VnfScaleInfo `json:"vnfScaleInfo,omitempty"`
	AdditionalParams        KeyValuePairs  `json:"additionalParams,omitempty"`
}
