package sol005

// InstantiateVnfData is the data type of that name in SOL005 V3.7.1.
type InstantiateVnfData struct {
	VnfdID                    string                      `json:"vnfdId,omitempty"`
	VnfFlavourID              string                      `json:"vnfFlavourId,omitempty"`
	VnfInstantiationLevelID   string                      `json:"vnfInstantiationLevelId,omitempty"`
	VnfProfileID              string                      `json:"vnfProfileId,omitempty"`
	VnfInstanceName           string                      `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string                      `json:"vnfInstanceDescription,omitempty"`
	ExtVirtualLinks           []ExtVirtualLinkData        `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData `json:"extManagedVirtualLinks,omitempty"`
	LocalizationLanguage      string                      `json:"localizationLanguage,omitempty"`
	VnfConfigurableProperties KeyValuePairs               `json:"vnfConfigurableProperties,omitempty"`
	AdditionalParams          KeyValuePairs               `json:"additionalParams,omitempty"`
	Metadata                  KeyValuePairs               `json:"metadata,omitempty"`
	Extensions                KeyValuePairs               `json:"extensions,omitempty"`
	LocationConstraints       *VnfLocationConstraint      `json:"locationConstraints,omitempty"`
}

// TerminateVnfData is the data type of that name in SOL005 V3.7.1.
type TerminateVnfData struct {
	VnfInstanceID              string        `json:"vnfInstanceId"`
	TerminationType            string        `json:"terminationType,omitempty"`
	GracefulTerminationTimeout int           `json:"gracefulTerminationTimeout,omitempty"`
	AdditionalParams           KeyValuePairs `json:"additionalParams,omitempty"`
}

// ChangeVnfFlavourData is the data type of that name in SOL005 V3.7.1.
type ChangeVnfFlavourData struct {
	VnfInstanceID             string                      `json:"vnfInstanceId"`
	NewFlavourID              string                      `json:"newFlavourId"`
	InstantiationLevelID      string                      `json:"instantiationLevelId,omitempty"`
	ExtVirtualLinks           []ExtVirtualLinkData        `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData `json:"extManagedVirtualLinks,omitempty"`
	AdditionalParams          KeyValuePairs               `json:"additionalParams,omitempty"`
	Extensions                KeyValuePairs               `json:"extensions,omitempty"`
	VnfConfigurableProperties KeyValuePairs               `json:"vnfConfigurableProperties,omitempty"`
}

// OperateVnfData is the data type of that name in SOL005 V3.7.1.
type OperateVnfData struct {
	VnfInstanceID       string            `json:"vnfInstanceId"`
	ChangeStateTo       OperationalStates `json:"changeStateTo"`
	StopType            StopType          `json:"stopType,omitempty"`
	GracefulStopTimeout int               `json:"gracefulStopTimeout,omitempty"`
	AdditionalParam     KeyValuePairs     `json:"additionalParam,omitempty"`
}

// ModifyVnfInfoData is the data type of that name in SOL005 V3.7.1.
type ModifyVnfInfoData struct {
	VnfInstanceID             string        `json:"vnfInstanceId"`
	VnfInstanceName           string        `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string        `json:"vnfInstanceDescription,omitempty"`
	VnfdID                    string        `json:"vnfdId,omitempty"`
	VnfConfigurableProperties KeyValuePairs `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs `json:"metadata,omitempty"`
	Extensions                KeyValuePairs `json:"extensions,omitempty"`
}

// ChangeExtVnfConnectivityData is the data type of that name in SOL005 V3.7.1.
type ChangeExtVnfConnectivityData struct {
	VnfInstanceID    string               `json:"vnfInstanceId"`
	ExtVirtualLinks  []ExtVirtualLinkData `json:"extVirtualLinks"`
	AdditionalParams KeyValuePairs        `json:"additionalParams,omitempty"`
}

// ChangeVnfPackageData is the data type of that name in SOL005 V3.7.1.
type ChangeVnfPackageData struct {
	VnfInstanceID             string                      `json:"vnfInstanceId"`
	VnfdID                    string                      `json:"vnfdId"`
	ExtVirtualLinks           []ExtVirtualLinkData        `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData `json:"extManagedVirtualLinks,omitempty"`
	AdditionalParams          KeyValuePairs               `json:"additionalParams,omitempty"`
	Extensions                KeyValuePairs               `json:"extensions,omitempty"`
	VnfConfigurableProperties KeyValuePairs               `json:"vnfConfigurableProperties,omitempty"`
}
