package sol005

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

// NsVirtualLinkInfo is the data type of that name in SOL005 V3.7.1.
type NsVirtualLinkInfo struct {
	ID                     string           `json:"id"`
	NsVirtualLinkDescID    string           `json:"nsVirtualLinkDescId"`
	NsVirtualLinkProfileID string           `json:"nsVirtualLinkProfileId"`
	ResourceHandle         []ResourceHandle `json:"resourceHandle,omitempty"`
	LinkPort               []NsLinkPortInfo `json:"linkPort,omitempty"`
}

// NsLinkPortInfo is the data type of that name in SOL005 V3.7.1.
type NsLinkPortInfo struct {
	ID             string         `json:"id"`
	ResourceHandle ResourceHandle `json:"resourceHandle"`
	NsCpHandle     *NsCpHandle    `json:"nsCpHandle,omitempty"`
}

// NsCpHandle is the data type of that name in SOL005 V3.7.1.
type NsCpHandle struct {
	VnfInstanceID      string `json:"vnfInstanceId,omitempty"`
	VnfExtCpInstanceID string `json:"vnfExtCpInstanceId,omitempty"`
	PnfInfoID          string `json:"pnfInfoId,omitempty"`
	PnfExtCpInstanceID string `json:"pnfExtCpInstanceId,omitempty"`
	NsInstanceID       string `json:"nsInstanceId,omitempty"`
	NsSapInstanceID    string `json:"nsSapInstanceId,omitempty"`
}

// SapInfo is the data type of that name in SOL005 V3.7.1.
type SapInfo struct {
	ID              string           `json:"id"`
	SapdID          string           `json:"sapdId"`
	SapName         string           `json:"sapName"`
	Description     string           `json:"description,omitempty"`
	SapProtocolInfo []CpProtocolInfo `json:"sapProtocolInfo"`
}

// NsScaleInfo is the data type of that name in SOL005 V3.7.1.
type NsScaleInfo struct {
	NsScalingAspectID string `json:"nsScalingAspectId"`
	NsScaleLevelID    string `json:"nsScaleLevelId"`
}

// NsMonitoringParameter is the data type of that name in SOL005 V3.7.1.
type NsMonitoringParameter struct {
	ID                string `json:"id"`
	Name              string `json:"name,omitempty"`
	PerformanceMetric string `json:"performanceMetric"`
}
