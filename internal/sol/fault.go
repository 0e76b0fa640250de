package sol

import (
	"encoding/json"
	"time"
)

// AlarmInfo is what an Alarm has in both specifications (SOL 003 clause 7.5.2.4, SOL
// 005 clause 8.5.2.4). Each adds what the root cause is in its own terms.
type AlarmInfo struct {
	ID                    string                `json:"id"`
	ManagedObjectID       string                `json:"managedObjectId"`
	AlarmRaisedTime       time.Time             `json:"alarmRaisedTime"`
	AlarmChangedTime      *time.Time            `json:"alarmChangedTime,omitempty"`
	AlarmClearedTime      *time.Time            `json:"alarmClearedTime,omitempty"`
	AlarmAcknowledgedTime *time.Time            `json:"alarmAcknowledgedTime,omitempty"`
	AckState              AckStateType          `json:"ackState"`
	PerceivedSeverity     PerceivedSeverityType `json:"perceivedSeverity"`
	EventTime             time.Time             `json:"eventTime"`
	EventType             EventType             `json:"eventType"`
	FaultType             string                `json:"faultType,omitempty"`
	ProbableCause         string                `json:"probableCause"`
	IsRootCause           bool                  `json:"isRootCause"`
	CorrelatedAlarmIDs    []string              `json:"correlatedAlarmIds,omitempty"`
	FaultDetails          []string              `json:"faultDetails,omitempty"`
	Links                 AlarmLinks            `json:"_links"`
}

// AlarmLinks are the links of an Alarm. They stand inline in it.
type AlarmLinks struct {
	Self           Link  `json:"self"`
	ObjectInstance *Link `json:"objectInstance,omitempty"`
}

// AlarmModifications is the body of the PATCH of an alarm, and its answer (SOL 003
// clause 7.5.2.8, SOL 005 clause 8.5.2.8).
type AlarmModifications struct {
	AckState AckStateType `json:"ackState"`
}

// PerceivedSeverityRequest asks for a worse severity of an alarm (SOL 002 clause
// 7.5.2.9).
type PerceivedSeverityRequest struct {
	ProposedPerceivedSeverity PerceivedSeverityType `json:"proposedPerceivedSeverity"`
}

// FmSubscriptionRequest is a request to be told of alarms (SOL 003 clause 7.5.2.2,
// SOL 005 clause 8.5.2.2). Filter is the FmNotificationsFilter of the specification.
type FmSubscriptionRequest struct {
	Filter         json.RawMessage             `json:"filter,omitempty"`
	CallbackURI    string                      `json:"callbackUri"`
	Authentication *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// FmSubscription is a subscription to alarms, as it is shown: without what
// authorises the notifications (SOL 003 clause 7.5.2.3, SOL 005 clause 8.5.2.3).
type FmSubscription struct {
	ID          string          `json:"id"`
	Filter      json.RawMessage `json:"filter,omitempty"`
	CallbackURI string          `json:"callbackUri"`
	Links       SelfLinks       `json:"_links"`
}

// AlarmFilter is what the FmNotificationsFilter of both specifications has (SOL 003
// clause 7.5.3.2, SOL 005 clause 8.5.3.2); each adds which managed objects it is
// about. All attributes that are there must match; of a list, one element.
type AlarmFilter struct {
	NotificationTypes   []string                `json:"notificationTypes,omitempty"`
	FaultyResourceTypes []FaultyResourceType    `json:"faultyResourceTypes,omitempty"`
	PerceivedSeverities []PerceivedSeverityType `json:"perceivedSeverities,omitempty"`
	EventTypes          []EventType             `json:"eventTypes,omitempty"`
	ProbableCauses      []string                `json:"probableCauses,omitempty"`
}

// AlarmNotification tells that an alarm was raised or has changed (SOL 003 clause
// 7.5.2.5, SOL 005 clause 8.5.2.5). Alarm is the Alarm of the specification.
type AlarmNotification struct {
	ID               string                 `json:"id"`
	NotificationType string                 `json:"notificationType"`
	SubscriptionID   string                 `json:"subscriptionId"`
	TimeStamp        time.Time              `json:"timeStamp"`
	Alarm            json.RawMessage        `json:"alarm"`
	Links            AlarmNotificationLinks `json:"_links"`
}

// AlarmClearedNotification tells that an alarm was cleared (SOL 003 clause 7.5.2.6,
// SOL 005 clause 8.5.2.6).
type AlarmClearedNotification struct {
	ID               string                 `json:"id"`
	NotificationType string                 `json:"notificationType"`
	SubscriptionID   string                 `json:"subscriptionId"`
	TimeStamp        time.Time              `json:"timeStamp"`
	AlarmID          string                 `json:"alarmId"`
	AlarmClearedTime time.Time              `json:"alarmClearedTime"`
	Links            AlarmNotificationLinks `json:"_links"`
}

// AlarmNotificationLinks are the links of a notification of an alarm; Alarm is there
// in an AlarmClearedNotification. They stand inline in it.
type AlarmNotificationLinks struct {
	Subscription NotificationLink  `json:"subscription"`
	Alarm        *NotificationLink `json:"alarm,omitempty"`
}

// AckStateType says whether somebody has taken note of an alarm.
type AckStateType string

// The values of AckStateType.
const (
	Unacknowledged AckStateType = "UNACKNOWLEDGED"
	Acknowledged   AckStateType = "ACKNOWLEDGED"
)

// PerceivedSeverityType says how urgent an alarm is (SOL 003 clause 7.5.4.3, SOL 005
// clause 8.5.4.3; ITU-T X.733).
type PerceivedSeverityType string

// The values of PerceivedSeverityType, the most urgent first.
const (
	SeverityCritical      PerceivedSeverityType = "CRITICAL"
	SeverityMajor         PerceivedSeverityType = "MAJOR"
	SeverityMinor         PerceivedSeverityType = "MINOR"
	SeverityWarning       PerceivedSeverityType = "WARNING"
	SeverityIndeterminate PerceivedSeverityType = "INDETERMINATE"
	SeverityCleared       PerceivedSeverityType = "CLEARED"
)

// EventType says what kind of event an alarm comes from (SOL 003 clause 7.5.4.4, SOL
// 005 clause 8.5.4.4).
type EventType string

// The values of EventType.
const (
	EventCommunications  EventType = "COMMUNICATIONS_ALARM"
	EventProcessingError EventType = "PROCESSING_ERROR_ALARM"
	EventEnvironmental   EventType = "ENVIRONMENTAL_ALARM"
	EventQos             EventType = "QOS_ALARM"
	EventEquipment       EventType = "EQUIPMENT_ALARM"
)

// FaultyResourceType says of which kind a faulty resource is (SOL 003 clause 7.5.4.5,
// SOL 005 clause 8.5.4.5).
type FaultyResourceType string

// The values of FaultyResourceType.
const (
	FaultyCompute FaultyResourceType = "COMPUTE"
	FaultyStorage FaultyResourceType = "STORAGE"
	FaultyNetwork FaultyResourceType = "NETWORK"
)
