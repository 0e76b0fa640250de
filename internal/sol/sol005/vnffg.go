package sol005

// VnffgInfo is the data type of that name in SOL005 V3.7.1.
type VnffgInfo struct {
	ID                  string      `json:"id"`
	VnffgdID            string      `json:"vnffgdId"`
	VnfInstanceID       []string    `json:"vnfInstanceId"`
	PnfdInfoID          []string    `json:"pnfdInfoId"`
	NsVirtualLinkInfoID []string    `json:"nsVirtualLinkInfoId,omitempty"`
	NsCpHandle          *NsCpHandle `json:"nsCpHandle,omitempty"`
}

// AddVnffgData is the data type of that name in SOL005 V3.7.1.
type AddVnffgData struct {
	TargetNsInstanceID string `json:"targetNsInstanceId,omitempty"`
	VnffgName          string `json:"vnffgName"`
	Description        string `json:"description"`
}

// UpdateVnffgData is the data type of that name in SOL005 V3.7.1.
type UpdateVnffgData struct {
	VnffgInfoID string    `json:"vnffgInfoId"`
	Nfp         []NfpData `json:"nfp,omitempty"`
	NfpInfoID   []string  `json:"nfpInfoId,omitempty"`
}

// NfpData is the data type of that name in SOL005 V3.7.1.
type NfpData struct {
	NfpInfoID   string        `json:"nfpInfoId,omitempty"`
	NfpName     string        `json:"nfpName,omitempty"`
	Description string        `json:"description,omitempty"`
	CpGroup     []CpGroupInfo `json:"cpGroup,omitempty"`
	NfpRule     *NfpRule      `json:"nfpRule,omitempty"`
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

// CpGroupInfo is the data type of that name in SOL005 V3.7.1.
type CpGroupInfo struct {
	CpPairInfo                         []CpPairInfo                        `json:"cpPairInfo,omitempty"`
	ForwardingBehaviour                string                              `json:"forwardingBehaviour,omitempty"`
	ForwardingBehaviourInputParameters *ForwardingBehaviourInputParameters `json:"forwardingBehaviourInputParameters,omitempty"`
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
