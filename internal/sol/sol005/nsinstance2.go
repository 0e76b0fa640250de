package sol005

import "time"

// LogicalInterfaceIpAddress is the data type of that name in SOL005 V3.7.1.
type LogicalInterfaceIpAddress struct {
	IpAddress           string `json:"ipAddress"`
	AssociatedSegmentID string `json:"associatedSegmentId"`
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

// Layer3RoutingInfo is the data type of that name in SOL005 V3.7.1.
type Layer3RoutingInfo struct {
	RoutingProtocol       string                 `json:"routingProtocol"`
	StaticRouting         *StaticRouting         `json:"staticRouting,omitempty"`
	RoutingAddressFamily  string                 `json:"routingAddressFamily"`
	OspfRouting           *OspfRouting           `json:"ospfRouting,omitempty"`
	BgpRouting            *BgpRouting            `json:"bgpRouting,omitempty"`
	RouteMapsDistribution *RouteMapsDistribution `json:"routeMapsDistribution,omitempty"`
}

// IpVrf is the data type of that name in SOL005 V3.7.1.
type IpVrf struct {
	VrfName string `json:"vrfName"`
}

// SiteToWanLayer3ProtocolData is the data type of that name in SOL005 V3.7.1.
type SiteToWanLayer3ProtocolData struct {
	LogicalInterfaceIpAddress   *LogicalInterfaceIpAddress `json:"logicalInterfaceIpAddress,omitempty"`
	RoutingInfo                 Layer3RoutingInfo          `json:"routingInfo"`
	MtuL3                       float64                    `json:"mtuL3,omitempty"`
	VirtualRoutingAndForwarding *IpVrf                     `json:"virtualRoutingAndForwarding,omitempty"`
	BfdConfig                   KeyValuePairs              `json:"bfdConfig,omitempty"`
}

// ConnectivityServiceEndpointInfo is the data type of that name in SOL005 V3.7.1.
type ConnectivityServiceEndpointInfo struct {
	ConnectivityServiceEndpointID string                       `json:"connectivityServiceEndpointId"`
	VimID                         string                       `json:"vimId"`
	SiteToWanLayer2ProtocolData   *SiteToWanLayer2ProtocolData `json:"siteToWanLayer2ProtocolData,omitempty"`
	SiteToWanLayer3ProtocolData   *SiteToWanLayer3ProtocolData `json:"siteToWanLayer3ProtocolData,omitempty"`
}

// WanConnectionProtocolInfo is the data type of that name in SOL005 V3.7.1.
type WanConnectionProtocolInfo struct {
	MscsInfo                     *MscsInfo                         `json:"mscsInfo,omitempty"`
	ConnectivityServiceEndpoints []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpoints,omitempty"`
}

// WanConnectionInfo is the data type of that name in SOL005 V3.7.1.
type WanConnectionInfo struct {
	WanConnectionInfoID          string                     `json:"wanConnectionInfoId"`
	NsVirtualLinkInfoID          string                     `json:"nsVirtualLinkInfoId,omitempty"`
	VnfVirtualLinkResourceInfoID string                     `json:"vnfVirtualLinkResourceInfoId,omitempty"`
	ProtocolInfo                 *WanConnectionProtocolInfo `json:"protocolInfo,omitempty"`
}

// NsInstanceLinks is the data type of that name in SOL005 V3.7.1.
type NsInstanceLinks struct {
	Self              Link   `json:"self"`
	NestedNsInstances []Link `json:"nestedNsInstances,omitempty"`
	VnfSnapshotInfos  []Link `json:"vnfSnapshotInfos,omitempty"`
	Instantiate       *Link  `json:"instantiate,omitempty"`
	Terminate         *Link  `json:"terminate,omitempty"`
	Update            *Link  `json:"update,omitempty"`
	Scale             *Link  `json:"scale,omitempty"`
	Heal              *Link  `json:"heal,omitempty"`
}

// NsInstance is the data type of that name in SOL005 V3.7.1.
type NsInstance struct {
	ID                                   string                       `json:"id"`
	NsInstanceName                       string                       `json:"nsInstanceName"`
	NsInstanceDescription                string                       `json:"nsInstanceDescription"`
	NsdID                                string                       `json:"nsdId"`
	NsdInfoID                            string                       `json:"nsdInfoId"`
	FlavourID                            string                       `json:"flavourId,omitempty"`
	Priority                             float64                      `json:"priority,omitempty"`
	VnfInstance                          []VnfInstance                `json:"vnfInstance,omitempty"`
	PnfInfo                              []PnfInfo                    `json:"pnfInfo,omitempty"`
	VirtualLinkInfo                      []NsVirtualLinkInfo          `json:"virtualLinkInfo,omitempty"`
	VnffgInfo                            []VnffgInfo                  `json:"vnffgInfo,omitempty"`
	SapInfo                              []SapInfo                    `json:"sapInfo,omitempty"`
	NestedNsInstanceID                   []string                     `json:"nestedNsInstanceId,omitempty"`
	VnfSnapshotInfoIDs                   []string                     `json:"vnfSnapshotInfoIds,omitempty"`
	NsState                              string                       `json:"nsState"`
	MonitoringParameter                  []NsMonitoringParameter      `json:"monitoringParameter,omitempty"`
	NsScaleStatus                        []NsScaleInfo                `json:"nsScaleStatus,omitempty"`
	AdditionalAffinityOrAntiAffinityRule []AffinityOrAntiAffinityRule `json:"additionalAffinityOrAntiAffinityRule,omitempty"`
	WanConnectionInfo                    []WanConnectionInfo          `json:"wanConnectionInfo,omitempty"`
	Links                                NsInstanceLinks              `json:"_links"`
}

// StorageSnapshotResource is the data type of that name in SOL005 V3.7.1.
type StorageSnapshotResource struct {
	StorageResourceID        string          `json:"storageResourceId"`
	StorageSnapshotResources *ResourceHandle `json:"storageSnapshotResources,omitempty"`
}

// VnfcSnapshotInfo is the data type of that name in SOL005 V3.7.1.
type VnfcSnapshotInfo struct {
	ID                       string                    `json:"id"`
	VnfcInstanceID           string                    `json:"vnfcInstanceId"`
	CreationStartedAt        *time.Time                `json:"creationStartedAt,omitempty"`
	CreationFinishedAt       *time.Time                `json:"creationFinishedAt,omitempty"`
	VnfcResourceInfoID       string                    `json:"vnfcResourceInfoId,omitempty"`
	ComputeSnapshotResource  *ResourceHandle           `json:"computeSnapshotResource,omitempty"`
	StorageSnapshotResources []StorageSnapshotResource `json:"storageSnapshotResources,omitempty"`
	UserDefinedData          KeyValuePairs             `json:"userDefinedData,omitempty"`
}

// VnfSnapshot is the data type of that name in SOL005 V3.7.1.
type VnfSnapshot struct {
	ID                 string             `json:"id"`
	VnfInstanceID      string             `json:"vnfInstanceId"`
	CreationStartedAt  *time.Time         `json:"creationStartedAt,omitempty"`
	CreationFinishedAt *time.Time         `json:"creationFinishedAt,omitempty"`
	VnfdID             string             `json:"vnfdId"`
	VnfInstance        VnfInstance        `json:"vnfInstance"`
	VnfcSnapshots      []VnfcSnapshotInfo `json:"vnfcSnapshots"`
	UserDefinedData    KeyValuePairs      `json:"userDefinedData,omitempty"`
}

// VnfSnapshotInfo is the data type of that name in SOL005 V3.7.1.
type VnfSnapshotInfo struct {
	ID               string       `json:"id"`
	VnfSnapshotPkgID string       `json:"vnfSnapshotPkgId,omitempty"`
	VnfSnapshot      *VnfSnapshot `json:"vnfSnapshot,omitempty"`
	Links            *SelfLinks   `json:"_links,omitempty"`
}
