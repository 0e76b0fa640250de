package sol003

import "time"

// VnfLcmOperationOccurrenceNotification is the data type of that name in SOL003 V3.7.1.
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
	ChangedInfo                          *VnfInfoModifications                 `json:"changedInfo,omitempty"`
	AffectedVipCps                       []AffectedVipCp                       `json:"affectedVipCps,omitempty"`
	ChangedExtConnectivity               []ExtVirtualLinkInfo                  `json:"changedExtConnectivity,omitempty"`
	ModificationsTriggeredByVnfPkgChange *ModificationsTriggeredByVnfPkgChange `json:"modificationsTriggeredByVnfPkgChange,omitempty"`
	Error                                *ProblemDetails                       `json:"error,omitempty"`
	Links                                LccnLinks                             `json:"_links"`
}

// VnfIdentifierCreationNotification is the data type of that name in SOL003 V3.7.1.
type VnfIdentifierCreationNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	VnfInstanceID    string    `json:"vnfInstanceId"`
	Links            LccnLinks `json:"_links"`
}

// VnfIdentifierDeletionNotification is the data type of that name in SOL003 V3.7.1.
type VnfIdentifierDeletionNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	VnfInstanceID    string    `json:"vnfInstanceId"`
	Links            LccnLinks `json:"_links"`
}

// LccnLinks is the data type of that name in SOL003 V3.7.1.
type LccnLinks struct {
	VnfInstance  NotificationLink  `json:"vnfInstance"`
	Subscription NotificationLink  `json:"subscription"`
	VnfLcmOpOcc  *NotificationLink `json:"vnfLcmOpOcc,omitempty"`
}
