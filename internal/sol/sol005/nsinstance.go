package sol005

// NsInstance is an NS with all that it is made of: VNFs, PNFs, virtual links,
// forwarding graphs, service access points and nested NSs (clause 6.5.2). Which
// attributes are there depends on nsState.
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

// NsInstanceLinks are the links of an NS. A task is there only if it can be asked
// for now.
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

// NsVirtualLinkInfo is a virtual link of an NS: its networks in the VIM, and the
// ports on it.
type NsVirtualLinkInfo struct {
	ID                     string           `json:"id"`
	NsVirtualLinkDescID    string           `json:"nsVirtualLinkDescId"`
	NsVirtualLinkProfileID string           `json:"nsVirtualLinkProfileId"`
	ResourceHandle         []ResourceHandle `json:"resourceHandle,omitempty"`
	LinkPort               []NsLinkPortInfo `json:"linkPort,omitempty"`
}

// NsLinkPortInfo is a port of a virtual link of an NS, and the connection point
// that uses it.
type NsLinkPortInfo struct {
	ID             string         `json:"id"`
	ResourceHandle ResourceHandle `json:"resourceHandle"`
	NsCpHandle     *NsCpHandle    `json:"nsCpHandle,omitempty"`
}

// NsCpHandle names a connection point of an NS: of a VNF, of a PNF, or a service
// access point of a nested NS. The two attributes of one of these pairs are there.
type NsCpHandle struct {
	VnfInstanceID      string `json:"vnfInstanceId,omitempty"`
	VnfExtCpInstanceID string `json:"vnfExtCpInstanceId,omitempty"`
	PnfInfoID          string `json:"pnfInfoId,omitempty"`
	PnfExtCpInstanceID string `json:"pnfExtCpInstanceId,omitempty"`
	NsInstanceID       string `json:"nsInstanceId,omitempty"`
	NsSapInstanceID    string `json:"nsSapInstanceId,omitempty"`
}

// SapInfo is a service access point of an NS: where users reach it.
type SapInfo struct {
	ID              string           `json:"id"`
	SapdID          string           `json:"sapdId"`
	SapName         string           `json:"sapName"`
	Description     string           `json:"description,omitempty"`
	SapProtocolInfo []CpProtocolInfo `json:"sapProtocolInfo"`
}

// NsScaleInfo is the level that an NS has in one scaling aspect.
type NsScaleInfo struct {
	NsScalingAspectID string `json:"nsScalingAspectId"`
	NsScaleLevelID    string `json:"nsScaleLevelId"`
}

// NsMonitoringParameter is a measurement of an NS, as its NSD names it.
type NsMonitoringParameter struct {
	ID                string `json:"id"`
	Name              string `json:"name,omitempty"`
	PerformanceMetric string `json:"performanceMetric"`
}
