package sol005

import "github.com/manoward/manoward/internal/sol"

// Alarm is a fault of an NS (clause 8.5.2.4).
type Alarm struct {
	sol.AlarmInfo
	RootCauseFaultyComponent *FaultyComponentInfo `json:"rootCauseFaultyComponent,omitempty"`
	RootCauseFaultyResource  *FaultyResourceInfo  `json:"rootCauseFaultyResource,omitempty"`
}

// FaultyComponentInfo is the constituent of an NS that an alarm comes from (clause
// 8.5.3.3). The official file calls faultyVnfInstanceId "faultyResourceType" by
// mistake; the attributes of its filter have it right.
type FaultyComponentInfo struct {
	FaultyNestedNsInstanceID      string `json:"faultyNestedNsInstanceId,omitempty"`
	FaultyNsVirtualLinkInstanceID string `json:"faultyNsVirtualLinkInstanceId,omitempty"`
	FaultyVnfInstanceID           string `json:"faultyVnfInstanceId,omitempty"`
}

// FaultyResourceInfo is the virtualised resource that an alarm comes from (clause
// 8.5.3.4).
type FaultyResourceInfo struct {
	FaultyResource     ResourceHandle         `json:"faultyResource"`
	FaultyResourceType sol.FaultyResourceType `json:"faultyResourceType"`
}

// FmNotificationsFilter says which alarms of NSs a subscriber is told of (clause
// 8.5.3.2).
type FmNotificationsFilter struct {
	NsInstanceSubscriptionFilter *NsInstanceSubscriptionFilter `json:"nsInstanceSubscriptionFilter,omitempty"`
	sol.AlarmFilter
}
