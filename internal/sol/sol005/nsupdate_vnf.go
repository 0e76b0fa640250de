package sol005

// InstantiateVnfData is a request to make a VNF in an NS, by a profile of the NSD
// or by a VNFD, and bring it to life.
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

// TerminateVnfData is a request to end a VNF of an NS.
type TerminateVnfData struct {
	VnfInstanceID              string        `json:"vnfInstanceId"`
	TerminationType            string        `json:"terminationType,omitempty"`
	GracefulTerminationTimeout int           `json:"gracefulTerminationTimeout,omitempty"`
	AdditionalParams           KeyValuePairs `json:"additionalParams,omitempty"`
}

// ChangeVnfFlavourData is a request to take a VNF of an NS to another flavour of
// its VNFD.
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

// OperateVnfData is a request to start or stop a VNF of an NS.
type OperateVnfData struct {
	VnfInstanceID       string            `json:"vnfInstanceId"`
	ChangeStateTo       OperationalStates `json:"changeStateTo"`
	StopType            StopType          `json:"stopType,omitempty"`
	GracefulStopTimeout int               `json:"gracefulStopTimeout,omitempty"`
	AdditionalParam     KeyValuePairs     `json:"additionalParam,omitempty"`
}

// ModifyVnfInfoData is a request to change what is known of a VNF of an NS. It also
// says, in AffectedVnfChangedInfo, what was changed.
type ModifyVnfInfoData struct {
	VnfInstanceID             string        `json:"vnfInstanceId"`
	VnfInstanceName           string        `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string        `json:"vnfInstanceDescription,omitempty"`
	VnfdID                    string        `json:"vnfdId,omitempty"`
	VnfConfigurableProperties KeyValuePairs `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs `json:"metadata,omitempty"`
	Extensions                KeyValuePairs `json:"extensions,omitempty"`
}

// ChangeExtVnfConnectivityData is a request to attach a VNF of an NS differently.
type ChangeExtVnfConnectivityData struct {
	VnfInstanceID    string               `json:"vnfInstanceId"`
	ExtVirtualLinks  []ExtVirtualLinkData `json:"extVirtualLinks"`
	AdditionalParams KeyValuePairs        `json:"additionalParams,omitempty"`
}

// ChangeVnfPackageData is a request to take a VNF of an NS over to another VNF
// package.
type ChangeVnfPackageData struct {
	VnfInstanceID             string                      `json:"vnfInstanceId"`
	VnfdID                    string                      `json:"vnfdId"`
	ExtVirtualLinks           []ExtVirtualLinkData        `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData `json:"extManagedVirtualLinks,omitempty"`
	AdditionalParams          KeyValuePairs               `json:"additionalParams,omitempty"`
	Extensions                KeyValuePairs               `json:"extensions,omitempty"`
	VnfConfigurableProperties KeyValuePairs               `json:"vnfConfigurableProperties,omitempty"`
}
