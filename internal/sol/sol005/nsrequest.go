package sol005

import "time"

// CreateNsRequest is the data type of that name in SOL005 V3.7.1.
type CreateNsRequest struct {
	NsdID         string `json:"nsdId"`
	NsName        string `json:"nsName"`
	NsDescription string `json:"nsDescription"`
}

// SapData is the data type of that name in SOL005 V3.7.1.
type SapData struct {
	SapdID          string           `json:"sapdId"`
	SapName         string           `json:"sapName"`
	Description     string           `json:"description"`
	SapProtocolData []CpProtocolData `json:"sapProtocolData,omitempty"`
}

// PnfExtCpData is the data type of that name in SOL005 V3.7.1.
type PnfExtCpData struct {
	CpInstanceID   string           `json:"cpInstanceId,omitempty"`
	CpdID          string           `json:"cpdId,omitempty"`
	CpProtocolData []CpProtocolData `json:"cpProtocolData"`
}

// AddPnfData is the data type of that name in SOL005 V3.7.1.
type AddPnfData struct {
	PnfID        string         `json:"pnfId"`
	PnfName      string         `json:"pnfName"`
	PnfdID       string         `json:"pnfdId"`
	PnfProfileID string         `json:"pnfProfileId"`
	CpData       []PnfExtCpData `json:"cpData,omitempty"`
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

// VnfLocationConstraint is the data type of that name in SOL005 V3.7.1.
type VnfLocationConstraint struct {
	VnfProfileID        string               `json:"vnfProfileId"`
	LocationConstraints *LocationConstraints `json:"locationConstraints,omitempty"`
}

// NestedNsLocationConstraint is the data type of that name in SOL005 V3.7.1.
type NestedNsLocationConstraint struct {
	NsProfileID         string              `json:"nsProfileId"`
	LocationConstraints LocationConstraints `json:"locationConstraints"`
}

// ParamsForNestedNs is the data type of that name in SOL005 V3.7.1.
type ParamsForNestedNs struct {
	NsProfileID     string          `json:"nsProfileId"`
	AdditionalParam []KeyValuePairs `json:"additionalParam,omitempty"`
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

// WanNsVirtualLink is the data type of that name in SOL005 V3.7.1.
type WanNsVirtualLink struct {
	NsVirtualLinkDescID    string `json:"nsVirtualLinkDescId"`
	NsVirtualLinkProfileID string `json:"nsVirtualLinkProfileId"`
}

// WanVnfVirtualLink is the data type of that name in SOL005 V3.7.1.
type WanVnfVirtualLink struct {
	VnfProfileID            string `json:"vnfProfileId"`
	VnfVirtualLinkDescID    string `json:"vnfVirtualLinkDescId"`
	VnfVirtualLinkProfileID string `json:"vnfVirtualLinkProfileId"`
}

// MscsSiteProtectionData is the data type of that name in SOL005 V3.7.1.
type MscsSiteProtectionData struct {
	LocationConstraints LocationConstraints `json:"locationConstraints"`
	ProtectionScheme    string              `json:"protectionScheme"`
}

// WanLayer2ProtocolData is the data type of that name in SOL005 V3.7.1.
type WanLayer2ProtocolData struct {
	MscsLayer2Protocol       string `json:"mscsLayer2Protocol,omitempty"`
	IsSegmentPreservation    bool   `json:"isSegmentPreservation"`
	IsSegmentCosPreservation bool   `json:"isSegmentCosPreservation"`
}

// MscsConfigData is the data type of that name in SOL005 V3.7.1.
type MscsConfigData struct {
	MscsType                    string                   `json:"mscsType"`
	SiteAccessProtectionSchemes []MscsSiteProtectionData `json:"siteAccessProtectionSchemes,omitempty"`
	MtuMscs                     float64                  `json:"mtuMscs,omitempty"`
	WanLayer2ProtocolData       *WanLayer2ProtocolData   `json:"wanLayer2ProtocolData,omitempty"`
	WanLayer3ProtocolData       WanLayer3ProtocolData    `json:"wanLayer3ProtocolData,omitempty"`
}

// WanConnectionProtocolData is the data type of that name in SOL005 V3.7.1.
type WanConnectionProtocolData struct {
	MscsInfo                               *MscsInfo                         `json:"mscsInfo,omitempty"`
	ConnectivityServiceEndpointConfigDatas []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpointConfigDatas,omitempty"`
	MscsConfigData                         *MscsConfigData                   `json:"mscsConfigData,omitempty"`
}

// WanConnectionData is the data type of that name in SOL005 V3.7.1.
type WanConnectionData struct {
	NsVirtualLink  *WanNsVirtualLink         `json:"nsVirtualLink,omitempty"`
	VnfVirtualLink *WanVnfVirtualLink        `json:"vnfVirtualLink,omitempty"`
	ProtocolData   WanConnectionProtocolData `json:"protocolData"`
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

// ScaleToLevelData is the data type of that name in SOL005 V3.7.1.
type ScaleToLevelData struct {
	VnfInstantiationLevelID string         `json:"vnfInstantiationLevelId,omitempty"`
	VnfScaleInfo            []VnfScaleInfo `json:"vnfScaleInfo,omitempty"`
	AdditionalParams        KeyValuePairs  `json:"additionalParams,omitempty"`
}

// ScaleByStepData is the data type of that name in SOL005 V3.7.1.
type ScaleByStepData struct {
	AspectID         string        `json:"aspectId"`
	NumberOfSteps    int           `json:"numberOfSteps,omitempty"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
}

// ScaleVnfData is the data type of that name in SOL005 V3.7.1.
type ScaleVnfData struct {
	VnfInstanceID    string            `json:"vnfInstanceId"`
	ScaleVnfType     string            `json:"scaleVnfType"`
	ScaleToLevelData *ScaleToLevelData `json:"scaleToLevelData,omitempty"`
	ScaleByStepData  *ScaleByStepData  `json:"scaleByStepData,omitempty"`
}

// ScaleNsRequest is the data type of that name in SOL005 V3.7.1.
type ScaleNsRequest struct {
	ScaleType    string         `json:"scaleType"`
	ScaleNsData  *ScaleNsData   `json:"scaleNsData,omitempty"`
	ScaleVnfData []ScaleVnfData `json:"scaleVnfData,omitempty"`
	ScaleTime    *time.Time     `json:"scaleTime,omitempty"`
}

// ExtLinkPortData is the data type of that name in SOL005 V3.7.1.
type ExtLinkPortData struct {
	ID              string         `json:"id"`
	ResourceHandle  ResourceHandle `json:"resourceHandle"`
	TrunkResourceID string         `json:"trunkResourceId,omitempty"`
}

// ExtVirtualLinkData is the data type of that name in SOL005 V3.7.1.
type ExtVirtualLinkData struct {
	ExtVirtualLinkID   string            `json:"extVirtualLinkId,omitempty"`
	VimID              string            `json:"vimId,omitempty"`
	ResourceProviderID string            `json:"resourceProviderId,omitempty"`
	ResourceID         string            `json:"resourceId"`
	ExtCps             []VnfExtCpData    `json:"extCps"`
	ExtLinkPorts       []ExtLinkPortData `json:"extLinkPorts,omitempty"`
}

// VnfLinkPortData is the data type of that name in SOL005 V3.7.1.
type VnfLinkPortData struct {
	VnfLinkPortID  string         `json:"vnfLinkPortId"`
	ResourceHandle ResourceHandle `json:"resourceHandle"`
}

// ExtManagedVirtualLinkData is the data type of that name in SOL005 V3.7.1.
type ExtManagedVirtualLinkData struct {
	ExtManagedVirtualLinkID          string            `json:"extManagedVirtualLinkId,omitempty"`
	VnfVirtualLinkDescID             string            `json:"vnfVirtualLinkDescId"`
	VimID                            string            `json:"vimId,omitempty"`
	ResourceProviderID               string            `json:"resourceProviderId,omitempty"`
	ResourceID                       string            `json:"resourceId"`
	VnfLinkPort                      []VnfLinkPortData `json:"vnfLinkPort,omitempty"`
	ExtManagedMultisiteVirtualLinkID string            `json:"extManagedMultisiteVirtualLinkId,omitempty"`
}

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

// AssocNewNsdVersionData is the data type of that name in SOL005 V3.7.1.
type AssocNewNsdVersionData struct {
	NewNsdID string `json:"newNsdId"`
	Sync     bool   `json:"sync,omitempty"`
}

// MoveVnfInstanceData is the data type of that name in SOL005 V3.7.1.
type MoveVnfInstanceData struct {
	TargetNsInstanceID string   `json:"targetNsInstanceId"`
	VnfInstanceID      []string `json:"vnfInstanceId,omitempty"`
}

// AddVnffgData is the data type of that name in SOL005 V3.7.1.
type AddVnffgData struct {
	TargetNsInstanceID string `json:"targetNsInstanceId,omitempty"`
	VnffgName          string `json:"vnffgName"`
	Description        string `json:"description"`
}

// CpPairInfo is the data type of that name in SOL005 V3.7.1.
type CpPairInfo struct {
	VnfExtCpIDs []string `json:"vnfExtCpIds,omitempty"`
	PnfExtCpIDs []string `json:"pnfExtCpIds,omitempty"`
	SapIDs      []string `json:"sapIds,omitempty"`
}

// ForwardingBehaviourInputParameters is the data type of that name in SOL005 V3.7.1.
type ForwardingBehaviourInputParameters struct {
	AlgortihmName    string `json:"algortihmName,omitempty"`
	AlgorithmWeights []int  `json:"algorithmWeights,omitempty"`
}

// CpGroupInfo is the data type of that name in SOL005 V3.7.1.
type CpGroupInfo struct {
	CpPairInfo                         []CpPairInfo                        `json:"cpPairInfo,omitempty"`
	ForwardingBehaviour                string                              `json:"forwardingBehaviour,omitempty"`
	ForwardingBehaviourInputParameters *ForwardingBehaviourInputParameters `json:"forwardingBehaviourInputParameters,omitempty"`
}

// PortRange is the data type of that name in SOL005 V3.7.1.
type PortRange struct {
	LowerPort int `json:"lowerPort"`
	UpperPort int `json:"upperPort"`
}

// Mask is the data type of that name in SOL005 V3.7.1.
type Mask struct {
	StartingPoint int    `json:"startingPoint"`
	Length        int    `json:"length"`
	Value         string `json:"value"`
}

// NfpRule is the data type of that name in SOL005 V3.7.1.
type NfpRule struct {
	EtherDestinationAddress    string     `json:"etherDestinationAddress,omitempty"`
	EtherSourceAddress         string     `json:"etherSourceAddress,omitempty"`
	EtherType                  string     `json:"etherType,omitempty"`
	VlanTag                    []string   `json:"vlanTag,omitempty"`
	Protocol                   string     `json:"protocol,omitempty"`
	Dscp                       string     `json:"dscp,omitempty"`
	SourcePortRange            *PortRange `json:"sourcePortRange,omitempty"`
	DestinationPortRange       *PortRange `json:"destinationPortRange,omitempty"`
	SourceIpAddressPrefix      string     `json:"sourceIpAddressPrefix,omitempty"`
	DestinationIpAddressPrefix string     `json:"destinationIpAddressPrefix,omitempty"`
	ExtendedCriteria           []Mask     `json:"extendedCriteria,omitempty"`
}

// NfpData is the data type of that name in SOL005 V3.7.1.
type NfpData struct {
	NfpInfoID   string        `json:"nfpInfoId,omitempty"`
	NfpName     string        `json:"nfpName,omitempty"`
	Description string        `json:"description,omitempty"`
	CpGroup     []CpGroupInfo `json:"cpGroup,omitempty"`
	NfpRule     *NfpRule      `json:"nfpRule,omitempty"`
}

// UpdateVnffgData is the data type of that name in SOL005 V3.7.1.
type UpdateVnffgData struct {
	VnffgInfoID string    `json:"vnffgInfoId"`
	Nfp         []NfpData `json:"nfp,omitempty"`
	NfpInfoID   []string  `json:"nfpInfoId,omitempty"`
}

// ChangeNsFlavourData is the data type of that name in SOL005 V3.7.1.
type ChangeNsFlavourData struct {
	NewNsFlavourID       string `json:"newNsFlavourId"`
	InstantiationLevelID string `json:"instantiationLevelId,omitempty"`
}

// ModifyPnfData is the data type of that name in SOL005 V3.7.1.
type ModifyPnfData struct {
	PnfID   string         `json:"pnfId"`
	PnfName string         `json:"pnfName,omitempty"`
	CpData  []PnfExtCpData `json:"cpData,omitempty"`
}

// ModifyWanConnectionInfoData is the data type of that name in SOL005 V3.7.1.
type ModifyWanConnectionInfoData struct {
	WanConnectionInfoID                string                            `json:"wanConnectionInfoId"`
	MscsName                           string                            `json:"mscsName,omitempty"`
	MscsDescription                    string                            `json:"mscsDescription,omitempty"`
	MscsEndpoints                      []MscsEndpointInfo                `json:"mscsEndpoints,omitempty"`
	RemoveMscsEndpointIDs              []string                          `json:"removeMscsEndpointIds,omitempty"`
	ConnectivityServiceEndpoints       []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpoints,omitempty"`
	RemoveConnectivityServiceEndpoints []string                          `json:"removeConnectivityServiceEndpoints,omitempty"`
}

// CreateVnfSnapshotData is the data type of that name in SOL005 V3.7.1.
type CreateVnfSnapshotData struct {
	VnfInstanceID    string        `json:"vnfInstanceId"`
	AdditionalParams KeyValuePairs `json:"additionalParams,omitempty"`
	UserDefinedData  KeyValuePairs `json:"userDefinedData,omitempty"`
}

// RevertVnfToSnapshotData is the data type of that name in SOL005 V3.7.1.
type RevertVnfToSnapshotData struct {
	VnfInstanceID     string        `json:"vnfInstanceId"`
	VnfSnapshotInfoID string        `json:"vnfSnapshotInfoId"`
	AdditionalParams  KeyValuePairs `json:"additionalParams,omitempty"`
}
