package sol005

import "time"

// NsLcmOperationOccurrenceNotification tells that an operation on an NS has begun,
// reached a new state or ended. What it changed is in it only if the subscription's
// verbosity is FULL.
type NsLcmOperationOccurrenceNotification struct {
	ID                    string                            `json:"id"`
	NsInstanceID          string                            `json:"nsInstanceId"`
	NsLcmOpOccID          string                            `json:"nsLcmOpOccId"`
	Operation             NsLcmOpType                       `json:"operation"`
	NotificationType      string                            `json:"notificationType"`
	SubscriptionID        string                            `json:"subscriptionId"`
	Timestamp             time.Time                         `json:"timestamp"`
	NotificationStatus    string                            `json:"notificationStatus"`
	OperationState        NsLcmOperationStateType           `json:"operationState"`
	IsAutomaticInvocation bool                              `json:"isAutomaticInvocation"`
	Verbosity             LcmOpOccNotificationVerbosityType `json:"verbosity,omitempty"`
	AffectedVnf           []AffectedVnf                     `json:"affectedVnf,omitempty"`
	AffectedPnf           []AffectedPnf                     `json:"affectedPnf,omitempty"`
	AffectedVl            []AffectedVirtualLink             `json:"affectedVl,omitempty"`
	AffectedVnffg         []AffectedVnffg                   `json:"affectedVnffg,omitempty"`
	AffectedNs            []AffectedNs                      `json:"affectedNs,omitempty"`
	AffectedSap           []AffectedSap                     `json:"affectedSap,omitempty"`
	Error                 *ProblemDetails                   `json:"error,omitempty"`
	Links                 LccnLinks                         `json:"_links"`
}

// NsIdentifierCreationNotification tells that an NS was made.
type NsIdentifierCreationNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	Timestamp        time.Time `json:"timestamp"`
	NsInstanceID     string    `json:"nsInstanceId"`
	Links            LccnLinks `json:"_links"`
}

// NsIdentifierDeletionNotification tells that an NS was deleted.
type NsIdentifierDeletionNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	Timestamp        time.Time `json:"timestamp"`
	NsInstanceID     string    `json:"nsInstanceId"`
	Links            LccnLinks `json:"_links"`
}

// NsChangeNotification tells that an operation touches a part of an NS: a VNF, a
// PNF or a nested NS.
type NsChangeNotification struct {
	ID                                 string                                  `json:"id"`
	NsInstanceID                       string                                  `json:"nsInstanceId"`
	NsComponentType                    NsComponentType                         `json:"nsComponentType"`
	NsComponentID                      string                                  `json:"nsComponentId"`
	LcmOpOccIDImpactingNsComponent     string                                  `json:"lcmOpOccIdImpactingNsComponent"`
	LcmOpNameImpactingNsComponent      LcmOpNameForChangeNotificationType      `json:"lcmOpNameImpactingNsComponent"`
	LcmOpOccStatusImpactingNsComponent LcmOpOccStatusForChangeNotificationType `json:"lcmOpOccStatusImpactingNsComponent"`
	NotificationType                   string                                  `json:"notificationType"`
	SubscriptionID                     string                                  `json:"subscriptionId"`
	Timestamp                          time.Time                               `json:"timestamp"`
	Error                              *ProblemDetails                         `json:"error,omitempty"`
	Links                              LccnLinks                               `json:"_links"`
}

// NsLcmCapacityShortageNotification tells that an operation on an NS has no room,
// or has taken the room of another.
type NsLcmCapacityShortageNotification struct {
	ID                     string                  `json:"id"`
	NotificationType       string                  `json:"notificationType"`
	SubscriptionID         string                  `json:"subscriptionId"`
	Timestamp              time.Time               `json:"timestamp"`
	PreemptingNsLcmOpOccID string                  `json:"preemptingNsLcmOpOccId,omitempty"`
	HighPrioNsInstanceID   string                  `json:"highPrioNsInstanceId,omitempty"`
	Status                 string                  `json:"status"`
	ShortageType           string                  `json:"shortageType,omitempty"`
	AffectedOpOccs         []CapacityShortageOpOcc `json:"affectedOpOccs,omitempty"`
	CapacityInformation    []CapacityInformation   `json:"capacityInformation,omitempty"`
	Links                  *CapacityShortageLinks  `json:"_links,omitempty"`
}

// CapacityShortageOpOcc is an operation that gave way. It stands inline in
// NsLcmCapacityShortageNotification.
type CapacityShortageOpOcc struct {
	AffectedNsID      string                     `json:"affectedNsId"`
	AffectedOpOccID   string                     `json:"affectedOpOccId"`
	AffectedCondition string                     `json:"affectedCondition"`
	Links             CapacityShortageOpOccLinks `json:"_links"`
}

// CapacityShortageOpOccLinks are the links of a CapacityShortageOpOcc.
type CapacityShortageOpOccLinks struct {
	AffectedLcmOpOcc Link `json:"affectedLcmOpOcc"`
	AffectedNs       Link `json:"affectedNs"`
}

// CapacityInformation is where to read the capacity of a VIM. It stands inline in
// NsLcmCapacityShortageNotification.
type CapacityInformation struct {
	VimID string `json:"vimId"`
	Link  Link   `json:"_link"`
}

// CapacityShortageLinks are the links of a NsLcmCapacityShortageNotification.
type CapacityShortageLinks struct {
	PreemptingNsLcmOpOcc *Link `json:"preemptingNsLcmOpOcc,omitempty"`
	HighPrioNsInstance   *Link `json:"highPrioNsInstance,omitempty"`
	Subscription         Link  `json:"subscription"`
}

// LccnLinks are the links of a notification about an NS.
type LccnLinks struct {
	NsInstance   NotificationLink  `json:"nsInstance"`
	Subscription *NotificationLink `json:"subscription,omitempty"`
	NslcmOpOcc   *NotificationLink `json:"nslcmOpOcc,omitempty"`
}
