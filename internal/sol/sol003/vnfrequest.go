package sol003

// CreateVnfRequest is a request to make a VNF of a VNFD. Nothing is instantiated by
// it.
type CreateVnfRequest struct {
	VnfdID                 string        `json:"vnfdId"`
	VnfInstanceName        string        `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription string        `json:"vnfInstanceDescription,omitempty"`
	Metadata               KeyValuePairs `json:"metadata,omitempty"`
}

// VnfInfoModificationRequest is a request to change what is known of a VNF.
type VnfInfoModificationRequest struct {
	VnfInstanceName           string                       `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string                       `json:"vnfInstanceDescription,omitempty"`
	VnfPkgID                  string                       `json:"vnfPkgId,omitempty"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs                `json:"metadata,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
}

// InstantiateVnfRequest is a request to bring a VNF to life in a flavour of its
// VNFD.
type InstantiateVnfRequest struct {
	FlavourID                 string                       `json:"flavourId"`
	InstantiationLevelID      string                       `json:"instantiationLevelId,omitempty"`
	ExtVirtualLinks           []ExtVirtualLinkData         `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData  `json:"extManagedVirtualLinks,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	LocalizationLanguage      string                       `json:"localizationLanguage,omitempty"`
	AdditionalParams          KeyValuePairs                `json:"additionalParams,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
}

// ScaleVnfRequest is a request to make a VNF larger or smaller by steps in one
// aspect.
type ScaleVnfRequest struct {
	Type             string        `json:"type"`
	AspectID         string        `json:"aspectId"`
	NumberOfSteps    int           `json:"numberOfSteps,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// ScaleVnfToLevelRequest is a request to take a VNF to a level of its VNFD, or to a
// level for each aspect.
type ScaleVnfToLevelRequest struct {
	InstantiationLevelID string        `json:"instantiationLevelId,omitempty"`
	ScaleInfo            []ScaleInfo   `json:"scaleInfo,omitempty"`
	AdditionalParams     KeyValuePairs `json:"additionalParams,omitempty"`
}

// ChangeVnfFlavourRequest is a request to take a VNF to another flavour of its
// VNFD.
type ChangeVnfFlavourRequest struct {
	NewFlavourID              string                       `json:"newFlavourId"`
	InstantiationLevelID      string                       `json:"instantiationLevelId,omitempty"`
	ExtVirtualLinks           []ExtVirtualLinkData         `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData  `json:"extManagedVirtualLinks,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	AdditionalParams          KeyValuePairs                `json:"additionalParams,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
}

// TerminateVnfRequest is a request to end a VNF: its resources are given back.
type TerminateVnfRequest struct {
	TerminationType            string        `json:"terminationType"`
	GracefulTerminationTimeout int           `json:"gracefulTerminationTimeout,omitempty"`
	AdditionalParams           KeyValuePairs `json:"additionalParams,omitempty"`
}

// HealVnfRequest is a request to heal a VNF, and why.
type HealVnfRequest struct {
	Cause            string        `json:"cause,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// OperateVnfRequest is a request to start or stop a VNF.
type OperateVnfRequest struct {
	ChangeStateTo       VnfOperationalStateType `json:"changeStateTo"`
	StopType            StopType                `json:"stopType,omitempty"`
	GracefulStopTimeout int                     `json:"gracefulStopTimeout,omitempty"`
	AdditionalParams    KeyValuePairs           `json:"additionalParams,omitempty"`
}

// ChangeExtVnfConnectivityRequest is a request to attach a VNF differently.
type ChangeExtVnfConnectivityRequest struct {
	ExtVirtualLinks   []ExtVirtualLinkData         `json:"extVirtualLinks"`
	VimConnectionInfo map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	AdditionalParams  KeyValuePairs                `json:"additionalParams,omitempty"`
}

// ChangeCurrentVnfPkgRequest is a request to take a VNF over to another VNF
// package.
type ChangeCurrentVnfPkgRequest struct {
	VnfdID                    string                       `json:"vnfdId"`
	ExtVirtualLinks           []ExtVirtualLinkData         `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData  `json:"extManagedVirtualLinks,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	AdditionalParams          KeyValuePairs                `json:"additionalParams,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
}
