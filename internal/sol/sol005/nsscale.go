package sol005

import "time"

// ScaleNsRequest is the data type of that name in SOL005 V3.7.1.
type ScaleNsRequest struct {
	ScaleType    string         `json:"scaleType"`
	ScaleNsData  *ScaleNsData   `json:"scaleNsData,omitempty"`
	ScaleVnfData []ScaleVnfData `json:"scaleVnfData,omitempty"`
	ScaleTime    *time.Time     `json:"scaleTime,omitempty"`
}

// ScaleNsData is the data type of that name in SOL005 V3.7.1.
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

// ScaleNsByStepsData is the data type of that name in SOL005 V3.7.1.
type ScaleNsByStepsData struct {
	ScalingDirection string `json:"scalingDirection"`
	AspectID         string `json:"aspectId"`
	NumberOfSteps    int    `json:"numberOfSteps,omitempty"`
}

// ScaleNsToLevelData is the data type of that name in SOL005 V3.7.1.
type ScaleNsToLevelData struct {
	NsInstantiationLevel string        `json:"nsInstantiationLevel,omitempty"`
	NsScaleInfo          []NsScaleInfo `json:"nsScaleInfo,omitempty"`
}

// ScaleVnfData is the data type of that name in SOL005 V3.7.1.
type ScaleVnfData struct {
	VnfInstanceID    string            `json:"vnfInstanceId"`
	ScaleVnfType     string            `json:"scaleVnfType"`
	ScaleToLevelData *ScaleToLevelData `json:"scaleToLevelData,omitempty"`
	ScaleByStepData  *ScaleByStepData  `json:"scaleByStepData,omitempty"`
}

// ScaleByStepData is the data type of that name in SOL005 V3.7.1.
type ScaleByStepData struct {
	AspectID         string        `json:"aspectId"`
	NumberOfSteps    int           `json:"numberOfSteps,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// ScaleToLevelData is the data type of that name in SOL005 V3.7.1.
type ScaleToLevelData struct {
	VnfInstantiationLevelID string         `json:"vnfInstantiationLevelId,omitempty"`
	VnfScaleInfo            []VnfScaleInfo `json:"vnfScaleInfo,omitempty"`
	AdditionalParams        KeyValuePairs  `json:"additionalParams,omitempty"`
}
