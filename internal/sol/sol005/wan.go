package sol005

// WanConnectionInfo is a connection of a virtual link through a wide area network,
// to another site.
type WanConnectionInfo struct {
	WanConnectionInfoID          string                     `json:"wanConnectionInfoId"`
	NsVirtualLinkInfoID          string                     `json:"nsVirtualLinkInfoId,omitempty"`
	VnfVirtualLinkResourceInfoID string                     `json:"vnfVirtualLinkResourceInfoId,omitempty"`
	ProtocolInfo                 *WanConnectionProtocolInfo `json:"protocolInfo,omitempty"`
}

// WanConnectionProtocolInfo is the service that carries a WanConnectionInfo, and
// its ends.
type WanConnectionProtocolInfo struct {
	MscsInfo                     *MscsInfo                         `json:"mscsInfo,omitempty"`
	ConnectivityServiceEndpoints []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpoints,omitempty"`
}

// MscsInfo is a multi-site connectivity service (MSCS) as a WAN manager offers it.
type MscsInfo struct {
	MscsID                      string                   `json:"mscsId"`
	MscsName                    string                   `json:"mscsName,omitempty"`
	MscsDescription             string                   `json:"mscsDescription,omitempty"`
	MscsType                    string                   `json:"mscsType"`
	MscsLayerProtocol           string                   `json:"mscsLayerProtocol,omitempty"`
	SiteAccessProtectionSchemes []MscsSiteProtectionInfo `json:"siteAccessProtectionSchemes,omitempty"`
	MtuMscs                     float64                  `json:"mtuMscs,omitempty"`
	MscsEndpoints               []MscsEndpointInfo       `json:"mscsEndpoints,omitempty"`
}

// MscsSiteProtectionInfo says how the access of a site to an MSCS is protected. It
// stands inline in MscsInfo.
type MscsSiteProtectionInfo struct {
	LocationConstraints *LocationConstraints `json:"locationConstraints,omitempty"`
	ProtectionScheme    string               `json:"protectionScheme,omitempty"`
}

// MscsEndpointInfo is an end of an MSCS. connectivityServiceEndpoinId is ETSI's
// spelling.
type MscsEndpointInfo struct {
	MscsEndpointID               string   `json:"mscsEndpointId"`
	Directionality               string   `json:"directionality"`
	ConnectivityServiceEndpoinID []string `json:"connectivityServiceEndpoinId"`
}

// ConnectivityServiceEndpointInfo is the gateway of a site to a wide area network.
type ConnectivityServiceEndpointInfo struct {
	ConnectivityServiceEndpointID string                       `json:"connectivityServiceEndpointId"`
	VimID                         string                       `json:"vimId"`
	SiteToWanLayer2ProtocolData   *SiteToWanLayer2ProtocolData `json:"siteToWanLayer2ProtocolData,omitempty"`
	SiteToWanLayer3ProtocolData   *SiteToWanLayer3ProtocolData `json:"siteToWanLayer3ProtocolData,omitempty"`
}

// WanConnectionInfoModification is what an operation changed of a WAN connection.
type WanConnectionInfoModification struct {
	WanConnectionInfoID                string                            `json:"wanConnectionInfoId"`
	MscsName                           string                            `json:"mscsName,omitempty"`
	MscsDescription                    string                            `json:"mscsDescription,omitempty"`
	MscsEndpoints                      []MscsEndpointInfo                `json:"mscsEndpoints,omitempty"`
	RemoveMscsEndpointIDs              []string                          `json:"removeMscsEndpointIds,omitempty"`
	ConnectivityServiceEndpoints       []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpoints,omitempty"`
	RemoveConnectivityServiceEndpoints []string                          `json:"removeConnectivityServiceEndpoints,omitempty"`
}

// ModifyWanConnectionInfoData is a request to change a WAN connection.
type ModifyWanConnectionInfoData struct {
	WanConnectionInfoID                string                            `json:"wanConnectionInfoId"`
	MscsName                           string                            `json:"mscsName,omitempty"`
	MscsDescription                    string                            `json:"mscsDescription,omitempty"`
	MscsEndpoints                      []MscsEndpointInfo                `json:"mscsEndpoints,omitempty"`
	RemoveMscsEndpointIDs              []string                          `json:"removeMscsEndpointIds,omitempty"`
	ConnectivityServiceEndpoints       []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpoints,omitempty"`
	RemoveConnectivityServiceEndpoints []string                          `json:"removeConnectivityServiceEndpoints,omitempty"`
}

// WanConnectionData is a request to carry a virtual link of an NS or of a VNF
// through a wide area network.
type WanConnectionData struct {
	NsVirtualLink  *WanNsVirtualLink         `json:"nsVirtualLink,omitempty"`
	VnfVirtualLink *WanVnfVirtualLink        `json:"vnfVirtualLink,omitempty"`
	ProtocolData   WanConnectionProtocolData `json:"protocolData"`
}

// WanNsVirtualLink names the virtual link of an NS. It stands inline in
// WanConnectionData.
type WanNsVirtualLink struct {
	NsVirtualLinkDescID    string `json:"nsVirtualLinkDescId"`
	NsVirtualLinkProfileID string `json:"nsVirtualLinkProfileId"`
}

// WanVnfVirtualLink names the virtual link of a VNF. It stands inline in
// WanConnectionData.
type WanVnfVirtualLink struct {
	VnfProfileID            string `json:"vnfProfileId"`
	VnfVirtualLinkDescID    string `json:"vnfVirtualLinkDescId"`
	VnfVirtualLinkProfileID string `json:"vnfVirtualLinkProfileId"`
}

// WanConnectionProtocolData is the service that a WanConnectionData asks for: one
// that is there, or a new one.
type WanConnectionProtocolData struct {
	MscsInfo                               *MscsInfo                         `json:"mscsInfo,omitempty"`
	ConnectivityServiceEndpointConfigDatas []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpointConfigDatas,omitempty"`
	MscsConfigData                         *MscsConfigData                   `json:"mscsConfigData,omitempty"`
}

// MscsConfigData is what a new MSCS is to be like.
type MscsConfigData struct {
	MscsType                    string                   `json:"mscsType"`
	SiteAccessProtectionSchemes []MscsSiteProtectionData `json:"siteAccessProtectionSchemes,omitempty"`
	MtuMscs                     float64                  `json:"mtuMscs,omitempty"`
	WanLayer2ProtocolData       *WanLayer2ProtocolData   `json:"wanLayer2ProtocolData,omitempty"`
	WanLayer3ProtocolData       WanLayer3ProtocolData    `json:"wanLayer3ProtocolData,omitempty"`
}

// MscsSiteProtectionData says how the access of a site to a new MSCS is to be
// protected. It stands inline in MscsConfigData.
type MscsSiteProtectionData struct {
	LocationConstraints LocationConstraints `json:"locationConstraints"`
	ProtectionScheme    string              `json:"protectionScheme"`
}

// WanLayer2ProtocolData is what a new MSCS of layer 2 is to be like.
type WanLayer2ProtocolData struct {
	MscsLayer2Protocol       string `json:"mscsLayer2Protocol,omitempty"`
	IsSegmentPreservation    bool   `json:"isSegmentPreservation"`
	IsSegmentCosPreservation bool   `json:"isSegmentCosPreservation"`
}
