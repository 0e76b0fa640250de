package sol003

import "time"

// VnfLcmOperationOccurrenceNotification tells that an operation on a VNF has begun,
// reached a new state or ended. What it changed is in it only if the subscription's
// verbosity is FULL.
type VnfLcmOperationOccurrenceNotification struct {
	ID                                   string                                `json:"id"`
	NotificationType                     string                                `json:"notificationType"`
	SubscriptionID                       string                                `json:"subscriptionId"`
	TimeStamp                            time.Time                             `json:"timeStamp"`
	NotificationStatus                   string                                `json:"notificationStatus"`
	OperationState                       LcmOperationStateType                 `json:"operationState"`
	VnfInstanceID                        string                                `json:"vnfInstanceId"`
	Operation                            LcmOperationType                      `json:"operation"`
	IsAutomaticInvocation                bool                                  `json:"isAutomaticInvocation"`
	Verbosity                            LcmOpOccNotificationVerbosityType     `json:"verbosity,omitempty"`
	VnfLcmOpOccID                        string                                `json:"vnfLcmOpOccId"`
	AffectedVnfcs                        []AffectedVnfc                        `json:"affectedVnfcs,omitempty"`
	AffectedVirtualLinks                 []AffectedVirtualLink                 `json:"affectedVirtualLinks,omitempty"`
	AffectedExtLinkPorts                 []AffectedExtLinkPort                 `json:"affectedExtLinkPorts,omitempty"`
	AffectedVirtualStorages              []AffectedVirtualStorage              `json:"affectedVirtualStorages,omitempty"`
	AffectedCertificates                 []AffectedCertificate                 `json:"affectedCertificates,omitempty"` // of V4.5.1
	ChangedInfo                          *VnfInfoModifications                 `json:"changedInfo,omitempty"`
	AffectedVipCps                       []AffectedVipCp                       `json:"affectedVipCps,omitempty"`
	ChangedExtConnectivity               []ExtVirtualLinkInfo                  `json:"changedExtConnectivity,omitempty"`
	ModificationsTriggeredByVnfPkgChange *ModificationsTriggeredByVnfPkgChange `json:"modificationsTriggeredByVnfPkgChange,omitempty"`
	Error                                *ProblemDetails                       `json:"error,omitempty"`
	Links                                LccnLinks                             `json:"_links"`
}

// VnfIdentifierCreationNotification tells that a VNF was made.
type VnfIdentifierCreationNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	VnfInstanceID    string    `json:"vnfInstanceId"`
	Links            LccnLinks `json:"_links"`
}

// VnfIdentifierDeletionNotification tells that a VNF was deleted.
type VnfIdentifierDeletionNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	VnfInstanceID    string    `json:"vnfInstanceId"`
	Links            LccnLinks `json:"_links"`
}

// LccnLinks are the links of a notification about a VNF.
type LccnLinks struct {
	VnfInstance  NotificationLink  `json:"vnfInstance"`
	Subscription NotificationLink  `json:"subscription"`
	VnfLcmOpOcc  *NotificationLink `json:"vnfLcmOpOcc,omitempty"`
}
