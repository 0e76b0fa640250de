package sol003

// CreateVnfRequest is the data type of that name in SOL003 V3.7.1.
type CreateVnfRequest struct {
	VnfdID                 string        `json:"vnfdId"`
	VnfInstanceName        string        `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription string        `json:"vnfInstanceDescription,omitempty"`
	Metadata               KeyValuePairs `json:"metadata,omitempty"`
}

// VnfInfoModificationRequest is the data type of that name in SOL003 V3.7.1.
type VnfInfoModificationRequest struct {
	VnfInstanceName           string                       `json:"vnfInstanceName,omitempty"`
	VnfInstanceDescription    string                       `json:"vnfInstanceDescription,omitempty"`
	VnfPkgID                  string                       `json:"vnfPkgId,omitempty"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
	Metadata                  KeyValuePairs                `json:"metadata,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
}

// InstantiateVnfRequest is the data type of that name in SOL003 V3.7.1.
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

// ScaleVnfRequest is the data type of that name in SOL003 V3.7.1.
type ScaleVnfRequest struct {
	Type             string        `json:"type"`
	AspectID         string        `json:"aspectId"`
	NumberOfSteps    int           `json:"numberOfSteps,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// ScaleVnfToLevelRequest is the data type of that name in SOL003 V3.7.1.
type ScaleVnfToLevelRequest struct {
	InstantiationLevelID string        `json:"instantiationLevelId,omitempty"`
	ScaleInfo            []ScaleInfo   `json:"scaleInfo,omitempty"`
	AdditionalParams     KeyValuePairs `json:"additionalParams,omitempty"`
}

// ChangeVnfFlavourRequest is the data type of that name in SOL003 V3.7.1.
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

// TerminateVnfRequest is the data type of that name in SOL003 V3.7.1.
type TerminateVnfRequest struct {
	TerminationType            string        `json:"terminationType"`
	GracefulTerminationTimeout int           `json:"gracefulTerminationTimeout,omitempty"`
	AdditionalParams           KeyValuePairs `json:"additionalParams,omitempty"`
}

// HealVnfRequest is the data type of that name in SOL003 V3.7.1.
type HealVnfRequest struct {
	Cause            string        `json:"cause,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// OperateVnfRequest is the data type of that name in SOL003 V3.7.1.
type OperateVnfRequest struct {
	ChangeStateTo       VnfOperationalStateType `json:"changeStateTo"`
	StopType            StopType                `json:"stopType,omitempty"`
	GracefulStopTimeout int                     `json:"gracefulStopTimeout,omitempty"`
	AdditionalParams    KeyValuePairs           `json:"additionalParams,omitempty"`
}

// ChangeExtVnfConnectivityRequest is the data type of that name in SOL003 V3.7.1.
type ChangeExtVnfConnectivityRequest struct {
	ExtVirtualLinks   []ExtVirtualLinkData         `json:"extVirtualLinks"`
	VimConnectionInfo map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	AdditionalParams  KeyValuePairs                `json:"additionalParams,omitempty"`
}

// ChangeCurrentVnfPkgRequest is the data type of that name in SOL003 V3.7.1.
type ChangeCurrentVnfPkgRequest struct {
	VnfdID                    string                       `json:"vnfdId"`
	ExtVirtualLinks           []ExtVirtualLinkData         `json:"extVirtualLinks,omitempty"`
	ExtManagedVirtualLinks    []ExtManagedVirtualLinkData  `json:"extManagedVirtualLinks,omitempty"`
	VimConnectionInfo         map[string]VimConnectionInfo `json:"vimConnectionInfo,omitempty"`
	AdditionalParams          KeyValuePairs                `json:"additionalParams,omitempty"`
	Extensions                KeyValuePairs                `json:"extensions,omitempty"`
	VnfConfigurableProperties KeyValuePairs                `json:"vnfConfigurableProperties,omitempty"`
}
