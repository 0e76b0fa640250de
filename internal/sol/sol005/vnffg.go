package sol005

// VnffgInfo is a forwarding graph of an NS, with the VNFs, PNFs and virtual links
// that its paths lead through. The paths themselves have no place in V3.7.1.
type VnffgInfo struct {
	ID                  string      `json:"id"`
	VnffgdID            string      `json:"vnffgdId"`
	VnfInstanceID       []string    `json:"vnfInstanceId"`
	PnfdInfoID          []string    `json:"pnfdInfoId"`
	NsVirtualLinkInfoID []string    `json:"nsVirtualLinkInfoId,omitempty"`
	NsCpHandle          *NsCpHandle `json:"nsCpHandle,omitempty"`
}

// AddVnffgData is a request to make a forwarding graph.
type AddVnffgData struct {
	TargetNsInstanceID string `json:"targetNsInstanceId,omitempty"`
	VnffgName          string `json:"vnffgName"`
	Description        string `json:"description"`
}

// UpdateVnffgData is a request to change the paths of a forwarding graph, or to
// take paths away.
type UpdateVnffgData struct {
	VnffgInfoID string    `json:"vnffgInfoId"`
	Nfp         []NfpData `json:"nfp,omitempty"`
	NfpInfoID   []string  `json:"nfpInfoId,omitempty"`
}

// NfpData is a network forwarding path that is to be made or changed: the
// connection points that it leads through, and which traffic takes it.
type NfpData struct {
	NfpInfoID   string        `json:"nfpInfoId,omitempty"`
	NfpName     string        `json:"nfpName,omitempty"`
	Description string        `json:"description,omitempty"`
	CpGroup     []CpGroupInfo `json:"cpGroup,omitempty"`
	NfpRule     *NfpRule      `json:"nfpRule,omitempty"`
}

// NfpRule says which traffic takes a path. Traffic must match all attributes that
// are there.
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

// CpGroupInfo is a step of a path: pairs of connection points, and how traffic is
// spread over them.
type CpGroupInfo struct {
	CpPairInfo                         []CpPairInfo                        `json:"cpPairInfo,omitempty"`
	ForwardingBehaviour                string                              `json:"forwardingBehaviour,omitempty"`
	ForwardingBehaviourInputParameters *ForwardingBehaviourInputParameters `json:"forwardingBehaviourInputParameters,omitempty"`
}

// CpPairInfo is a way in and a way out of one VNF, PNF or service access point.
type CpPairInfo struct {
	VnfExtCpIDs []string `json:"vnfExtCpIds,omitempty"`
	PnfExtCpIDs []string `json:"pnfExtCpIds,omitempty"`
	SapIDs      []string `json:"sapIds,omitempty"`
}

// ForwardingBehaviourInputParameters are the parameters of the way in which a
// CpGroupInfo spreads traffic. algortihmName is ETSI's spelling.
type ForwardingBehaviourInputParameters struct {
	AlgortihmName    string `json:"algortihmName,omitempty"`
	AlgorithmWeights []int  `json:"algorithmWeights,omitempty"`
}

// PortRange are all TCP or UDP ports from one to another, both included.
type PortRange struct {
	LowerPort int `json:"lowerPort"`
	UpperPort int `json:"upperPort"`
}

// Mask is a match on bits of a packet that NfpRule has no attribute for.
type Mask struct {
	StartingPoint int    `json:"startingPoint"`
	Length        int    `json:"length"`
	Value         string `json:"value"`
}
