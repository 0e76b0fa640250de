package sol003

import "github.com/manoward/manoward/internal/sol"

// Alarm is a fault of a VNF (clause 7.5.2.4).
type Alarm struct {
	sol.AlarmInfo
	RootCauseFaultyResource *FaultyResourceInfo `json:"rootCauseFaultyResource,omitempty"`
}

// FaultyResourceInfo is the virtualised resource that an alarm comes from (clause
// 7.5.3.3).
type FaultyResourceInfo struct {
	FaultyResource     ResourceHandle         `json:"faultyResource"`
	FaultyResourceType sol.FaultyResourceType `json:"faultyResourceType"`
}

// FmNotificationsFilter says which alarms of VNFs a subscriber is told of (clause
// 7.5.3.2).
type FmNotificationsFilter struct {
	VnfInstanceSubscriptionFilter *VnfInstanceSubscriptionFilter `json:"vnfInstanceSubscriptionFilter,omitempty"`
	sol.AlarmFilter
}
