package sol005

// WanConnectionInfo is the data type of that name in SOL005 V3.7.1.
type WanConnectionInfo struct {
	WanConnectionInfoID          string                     `json:"wanConnectionInfoId"`
	NsVirtualLinkInfoID          string                     `json:"nsVirtualLinkInfoId,omitempty"`
	VnfVirtualLinkResourceInfoID string                     `json:"vnfVirtualLinkResourceInfoId,omitempty"`
	ProtocolInfo                 *WanConnectionProtocolInfo `json:"protocolInfo,omitempty"`
}

// WanConnectionProtocolInfo is the data type of that name in SOL005 V3.7.1.
type WanConnectionProtocolInfo struct {
	MscsInfo                     *MscsInfo                         `json:"mscsInfo,omitempty"`
	ConnectivityServiceEndpoints []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpoints,omitempty"`
}

// MscsInfo is the data type of that name in SOL005 V3.7.1.
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

// MscsSiteProtectionInfo is the data type of that name in SOL005 V3.7.1.
type MscsSiteProtectionInfo struct {
	LocationConstraints *LocationConstraints `json:"locationConstraints,omitempty"`
	ProtectionScheme    string               `json:"protectionScheme,omitempty"`
}

// MscsEndpointInfo is the data type of that name in SOL005 V3.7.1.
type MscsEndpointInfo struct {
	MscsEndpointID               string   `json:"mscsEndpointId"`
	Directionality               string   `json:"directionality"`
	ConnectivityServiceEndpoinID []string `json:"connectivityServiceEndpoinId"`
}

// ConnectivityServiceEndpointInfo is the data type of that name in SOL005 V3.7.1.
type ConnectivityServiceEndpointInfo struct {
	ConnectivityServiceEndpointID string                       `json:"connectivityServiceEndpointId"`
	VimID                         string                       `json:"vimId"`
	SiteToWanLayer2ProtocolData   *SiteToWanLayer2ProtocolData `json:"siteToWanLayer2ProtocolData,omitempty"`
	SiteToWanLayer3ProtocolData   *SiteToWanLayer3ProtocolData `json:"siteToWanLayer3ProtocolData,omitempty"`
}

// WanConnectionInfoModification is the data type of that name in SOL005 V3.7.1.
type WanConnectionInfoModification struct {
	WanConnectionInfoID                string                            `json:"wanConnectionInfoId"`
	MscsName                           string                            `json:"mscsName,omitempty"`
	MscsDescription                    string                            `json:"mscsDescription,omitempty"`
	MscsEndpoints                      []MscsEndpointInfo                `json:"mscsEndpoints,omitempty"`
	RemoveMscsEndpointIDs              []string                          `json:"removeMscsEndpointIds,omitempty"`
	ConnectivityServiceEndpoints       []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpoints,omitempty"`
	RemoveConnectivityServiceEndpoints []string                          `json:"removeConnectivityServiceEndpoints,omitempty"`
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

// WanConnectionData is the data type of that name in SOL005 V3.7.1.
type WanConnectionData struct {
	NsVirtualLink  *WanNsVirtualLink         `json:"nsVirtualLink,omitempty"`
	VnfVirtualLink *WanVnfVirtualLink        `json:"vnfVirtualLink,omitempty"`
	ProtocolData   WanConnectionProtocolData `json:"protocolData"`
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

// WanConnectionProtocolData is the data type of that name in SOL005 V3.7.1.
type WanConnectionProtocolData struct {
	MscsInfo                               *MscsInfo                         `json:"mscsInfo,omitempty"`
	ConnectivityServiceEndpointConfigDatas []ConnectivityServiceEndpointInfo `json:"connectivityServiceEndpointConfigDatas,omitempty"`
	MscsConfigData                         *MscsConfigData                   `json:"mscsConfigData,omitempty"`
}

// MscsConfigData is the data type of that name in SOL005 V3.7.1.
type MscsConfigData struct {
	MscsType                    string                   `json:"mscsType"`
	SiteAccessProtectionSchemes []MscsSiteProtectionData `json:"siteAccessProtectionSchemes,omitempty"`
	MtuMscs                     float64                  `json:"mtuMscs,omitempty"`
	WanLayer2ProtocolData       *WanLayer2ProtocolData   `json:"wanLayer2ProtocolData,omitempty"`
	WanLayer3ProtocolData       WanLayer3ProtocolData    `json:"wanLayer3ProtocolData,omitempty"`
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
