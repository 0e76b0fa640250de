package sol005

// SiteToWanLayer2ProtocolData is how a site is attached to a wide area network on
// layer 2.
type SiteToWanLayer2ProtocolData struct {
	Layer2ConnectionInfo        Layer2ConnectionInfo    `json:"layer2ConnectionInfo"`
	MtuL2                       float64                 `json:"mtuL2,omitempty"`
	VirtualRoutingAndForwarding *MacVrf                 `json:"virtualRoutingAndForwarding,omitempty"`
	ForwardingConfig            *Layer2ForwardingConfig `json:"forwardingConfig,omitempty"`
}

// Layer2ConnectionInfo is the interface of a SiteToWanLayer2ProtocolData, in which
// it stands inline.
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

// WanSegmentIDs are the segments of the wide area network that are used. It stands
// inline in Layer2ConnectionInfo.
type WanSegmentIDs struct {
	WanSegmentIDValue      string `json:"wanSegmentIdValue"`
	WanSegmentIDUpperRange string `json:"wanSegmentIdUpperRange,omitempty"`
}

// VxlanConfig is how VXLAN finds its peers. It stands inline in
// Layer2ConnectionInfo.
type VxlanConfig struct {
	PeerMode string   `json:"peerMode"`
	Peers    []string `json:"peers,omitempty"`
}

// LagInterfaceData is how interfaces are bundled into one. It stands inline in
// Layer2ConnectionInfo.
type LagInterfaceData struct {
	AggregatedEndpoints []string      `json:"aggregatedEndpoints"`
	LacpActivation      bool          `json:"lacpActivation"`
	LacpConfig          KeyValuePairs `json:"lacpConfig"`
}

// MacVrf names the MAC forwarding table in use. It stands inline in
// SiteToWanLayer2ProtocolData.
type MacVrf struct {
	MacVrfName string `json:"macVrfName"`
}

// Layer2ForwardingConfig are the networks, or the segments, of the site that are
// forwarded. It stands inline in SiteToWanLayer2ProtocolData.
type Layer2ForwardingConfig struct {
	NetworkResources []ResourceHandle `json:"networkResources,omitempty"`
	VnSegmentIDs     *VnSegmentIDs    `json:"vnSegmentIds,omitempty"`
}

// VnSegmentIDs are the segments of the site that are used. It stands inline in
// Layer2ForwardingConfig.
type VnSegmentIDs struct {
	VnSegmentIDValue      string `json:"vnSegmentIdValue"`
	VnSegmentIDUpperRange string `json:"vnSegmentIdUpperRange,omitempty"`
}

// SiteToWanLayer3ProtocolData is how a site is attached to a wide area network on
// layer 3.
type SiteToWanLayer3ProtocolData struct {
	LogicalInterfaceIpAddress   *LogicalInterfaceIpAddress `json:"logicalInterfaceIpAddress,omitempty"`
	RoutingInfo                 Layer3RoutingInfo          `json:"routingInfo"`
	MtuL3                       float64                    `json:"mtuL3,omitempty"`
	VirtualRoutingAndForwarding *IpVrf                     `json:"virtualRoutingAndForwarding,omitempty"`
	BfdConfig                   KeyValuePairs              `json:"bfdConfig,omitempty"`
}

// LogicalInterfaceIpAddress is an address of the site's gateway. It stands inline
// in SiteToWanLayer3ProtocolData.
type LogicalInterfaceIpAddress struct {
	IpAddress           string `json:"ipAddress"`
	AssociatedSegmentID string `json:"associatedSegmentId"`
}

// Layer3RoutingInfo is how routes are learnt. It stands inline in
// SiteToWanLayer3ProtocolData.
type Layer3RoutingInfo struct {
	RoutingProtocol       string                 `json:"routingProtocol"`
	StaticRouting         *StaticRouting         `json:"staticRouting,omitempty"`
	RoutingAddressFamily  string                 `json:"routingAddressFamily"`
	OspfRouting           *OspfRouting           `json:"ospfRouting,omitempty"`
	BgpRouting            *BgpRouting            `json:"bgpRouting,omitempty"`
	RouteMapsDistribution *RouteMapsDistribution `json:"routeMapsDistribution,omitempty"`
}

// StaticRouting is a fixed route. It stands inline in Layer3RoutingInfo.
type StaticRouting struct {
	IpVersion  string  `json:"ipVersion"`
	IpPrefix   string  `json:"ipPrefix"`
	PrefixSize float64 `json:"prefixSize"`
	NextHop    string  `json:"nextHop"`
}

// OspfRouting is the area of OSPF. It stands inline in Layer3RoutingInfo.
type OspfRouting struct {
	AreaID string `json:"areaId"`
}

// BgpRouting are the system and the neighbour of BGP. It stands inline in
// Layer3RoutingInfo.
type BgpRouting struct {
	BgpAs              map[string]any `json:"bgpAs"`
	BgpNeighbour       string         `json:"bgpNeighbour,omitempty"`
	BgpAdditionalParam KeyValuePairs  `json:"bgpAdditionalParam,omitempty"`
}

// RouteMapsDistribution is a rule for routes that are passed on. It stands inline
// in Layer3RoutingInfo.
type RouteMapsDistribution struct {
	Policy          string        `json:"policy"`
	Sequence        float64       `json:"sequence"`
	MatchAndSetRule KeyValuePairs `json:"matchAndSetRule"`
}

// IpVrf names the IP forwarding table in use. It stands inline in
// SiteToWanLayer3ProtocolData.
type IpVrf struct {
	VrfName string `json:"vrfName"`
}
