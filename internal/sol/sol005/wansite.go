package sol005

// SiteToWanLayer2ProtocolData is the data type of that name in SOL005 V3.7.1.
type SiteToWanLayer2ProtocolData struct {
	Layer2ConnectionInfo        Layer2ConnectionInfo    `json:"layer2ConnectionInfo"`
	MtuL2                       float64                 `json:"mtuL2,omitempty"`
	VirtualRoutingAndForwarding *MacVrf                 `json:"virtualRoutingAndForwarding,omitempty"`
	ForwardingConfig            *Layer2ForwardingConfig `json:"forwardingConfig,omitempty"`
}

// Layer2ConnectionInfo is the data type of that name in SOL005 V3.7.1.
type Layer2ConnectionInfo struct {
	ConnectionType        string            `json:"connectionType"`
	InterfaceType         string            `json:"interfaceType"`
	InterfaceTagging      string            `json:"interfaceTagging"`
	EncapsulationType     string            `json:"encapsulationType"`
	VlanTaggingType       string            `json:"vlanTaggingType,omitempty"`
	WanSegmentIDs         *WanSegmentIDs    `json:"wanSegmentIds,omitempty"`
	VxlanConfig           *VxlanConfig      `json:"vxlanConfig,omitempty"`
	LagInterfaceData      *LagInterfaceData `json:"lagInterfaceData,omitempty"`
	Layer2ControlProtocol KeyValuePairs     `json:"layer2ControlProtocol,omitempty"`
}

// WanSegmentIDs is the data type of that name in SOL005 V3.7.1.
type WanSegmentIDs struct {
	WanSegmentIDValue      string `json:"wanSegmentIdValue"`
	WanSegmentIDUpperRange string `json:"wanSegmentIdUpperRange,omitempty"`
}

// VxlanConfig is the data type of that name in SOL005 V3.7.1.
type VxlanConfig struct {
	PeerMode string   `json:"peerMode"`
	Peers    []string `json:"peers,omitempty"`
}

// LagInterfaceData is the data type of that name in SOL005 V3.7.1.
type LagInterfaceData struct {
	AggregatedEndpoints []string      `json:"aggregatedEndpoints"`
	LacpActivation      bool          `json:"lacpActivation"`
	LacpConfig          KeyValuePairs `json:"lacpConfig"`
}

// MacVrf is the data type of that name in SOL005 V3.7.1.
type MacVrf struct {
	MacVrfName string `json:"macVrfName"`
}

// Layer2ForwardingConfig is the data type of that name in SOL005 V3.7.1.
type Layer2ForwardingConfig struct {
	NetworkResources []ResourceHandle `json:"networkResources,omitempty"`
	VnSegmentIDs     *VnSegmentIDs    `json:"vnSegmentIds,omitempty"`
}

// VnSegmentIDs is the data type of that name in SOL005 V3.7.1.
type VnSegmentIDs struct {
	VnSegmentIDValue      string `json:"vnSegmentIdValue"`
	VnSegmentIDUpperRange string `json:"vnSegmentIdUpperRange,omitempty"`
}

// SiteToWanLayer3ProtocolData is the data type of that name in SOL005 V3.7.1.
type SiteToWanLayer3ProtocolData struct {
	LogicalInterfaceIpAddress   *LogicalInterfaceIpAddress `json:"logicalInterfaceIpAddress,omitempty"`
	RoutingInfo                 Layer3RoutingInfo          `json:"routingInfo"`
	MtuL3                       float64                    `json:"mtuL3,omitempty"`
	VirtualRoutingAndForwarding *IpVrf                     `json:"virtualRoutingAndForwarding,omitempty"`
	BfdConfig                   KeyValuePairs              `json:"bfdConfig,omitempty"`
}

// LogicalInterfaceIpAddress is the data type of that name in SOL005 V3.7.1.
type LogicalInterfaceIpAddress struct {
	IpAddress           string `json:"ipAddress"`
	AssociatedSegmentID string `json:"associatedSegmentId"`
}

// Layer3RoutingInfo is the data type of that name in SOL005 V3.7.1.
type Layer3RoutingInfo struct {
	RoutingProtocol       string                 `json:"routingProtocol"`
	StaticRouting         *StaticRouting         `json:"staticRouting,omitempty"`
	RoutingAddressFamily  string                 `json:"routingAddressFamily"`
	OspfRouting           *OspfRouting           `json:"ospfRouting,omitempty"`
	BgpRouting            *BgpRouting            `json:"bgpRouting,omitempty"`
	RouteMapsDistribution *RouteMapsDistribution `json:"routeMapsDistribution,omitempty"`
}

// StaticRouting is the data type of that name in SOL005 V3.7.1.
type StaticRouting struct {
	IpVersion  string  `json:"ipVersion"`
	IpPrefix   string  `json:"ipPrefix"`
	PrefixSize float64 `json:"prefixSize"`
	NextHop    string  `json:"nextHop"`
}

// OspfRouting is the data type of that name in SOL005 V3.7.1.
type OspfRouting struct {
	AreaID string `json:"areaId"`
}

// BgpRouting is the data type of that name in SOL005 V3.7.1.
type BgpRouting struct {
	BgpAs              map[string]any `json:"bgpAs"`
	BgpNeighbour       string         `json:"bgpNeighbour,omitempty"`
	BgpAdditionalParam KeyValuePairs  `json:"bgpAdditionalParam,omitempty"`
}

// RouteMapsDistribution is the data type of that name in SOL005 V3.7.1.
type RouteMapsDistribution struct {
	Policy          string        `json:"policy"`
	Sequence        float64       `json:"sequence"`
	MatchAndSetRule KeyValuePairs `json:"matchAndSetRule"`
}

// IpVrf is the data type of that name in SOL005 V3.7.1.
type IpVrf struct {
	VrfName string `json:"vrfName"`
}
