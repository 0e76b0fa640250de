package sol003

import (
	"encoding/json"
	"time"
)

// VnfIndicator is the value of an indicator of a VNF (clause 8.5.2.2; the same in SOL
// 002). The last two attributes are ours.
type VnfIndicator struct {
	ID            string            `json:"id"` // as the VNFD names it
	Name          string            `json:"name,omitempty"`
	Value         json.RawMessage   `json:"value"` // an object
	VnfInstanceID string            `json:"vnfInstanceId"`
	Links         VnfIndicatorLinks `json:"_links"`
	ChangedAt     *time.Time        `json:"manoward.changedAt,omitempty"` // when the value was first read
	ReadAt        *time.Time        `json:"manoward.readAt,omitempty"`    // and when last
}

// VnfIndicatorLinks are the links of a VnfIndicator. They stand inline in it.
type VnfIndicatorLinks struct {
	Self        Link `json:"self"`
	VnfInstance Link `json:"vnfInstance"`
}

// VnfIndicatorSubscriptionRequest is a request to be told of indicators (clause
// 8.5.2).
type VnfIndicatorSubscriptionRequest struct {
	Filter         *VnfIndicatorNotificationsFilter `json:"filter,omitempty"`
	CallbackURI    string                           `json:"callbackUri"`
	Authentication *SubscriptionAuthentication      `json:"authentication,omitempty"`
}

// VnfIndicatorSubscription is a subscription to indicators, as it is shown: without
// what authorises the notifications (clause 8.5.2.4).
type VnfIndicatorSubscription struct {
	ID          string                           `json:"id"`
	Filter      *VnfIndicatorNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                           `json:"callbackUri"`
	Links       SelfLinks                        `json:"_links"`
}

// VnfIndicatorNotificationsFilter says which indicators a subscriber is told of
// (clause 8.5.3). All attributes that are there must match; of a list, one element.
type VnfIndicatorNotificationsFilter struct {
	VnfInstanceSubscriptionFilter *VnfInstanceSubscriptionFilter `json:"vnfInstanceSubscriptionFilter,omitempty"`
	NotificationTypes             OneOrMore                      `json:"notificationTypes,omitempty"`
	IndicatorIDs                  []string                       `json:"indicatorIds,omitempty"`
}

// OneOrMore is a list of texts of which one may stand alone: notificationTypes is a
// text in the official file and a list by its description.
type OneOrMore []string

// MarshalJSON writes one text as the official file has it, and several as a list.
func (o OneOrMore) MarshalJSON() ([]byte, error) {
	if len(o) == 1 {
		return json.Marshal(o[0])
	}
	return json.Marshal([]string(o))
}

// UnmarshalJSON reads a text or a list of texts.
func (o *OneOrMore) UnmarshalJSON(raw []byte) error {
	var one string
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		*o = OneOrMore{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(o))
}

// VnfIndicatorValueChangeNotification tells that an indicator has another value
// (clause 8.5.2).
type VnfIndicatorValueChangeNotification struct {
	ID               string                        `json:"id"`
	NotificationType string                        `json:"notificationType"`
	SubscriptionID   string                        `json:"subscriptionId"`
	TimeStamp        time.Time                     `json:"timeStamp"`
	VnfIndicatorID   string                        `json:"vnfIndicatorId"`
	Name             string                        `json:"name,omitempty"`
	Value            json.RawMessage               `json:"value"`
	VnfInstanceID    string                        `json:"vnfInstanceId"`
	Links            VnfIndicatorNotificationLinks `json:"_links"`
}

// SupportedIndicatorsChangeNotification tells that a VNF has other indicators (clause
// 8.5.2).
type SupportedIndicatorsChangeNotification struct {
	ID                  string                        `json:"id"`
	NotificationType    string                        `json:"notificationType"`
	SubscriptionID      string                        `json:"subscriptionId"`
	TimeStamp           time.Time                     `json:"timeStamp"`
	VnfInstanceID       string                        `json:"vnfInstanceId"`
	SupportedIndicators []SupportedIndicator          `json:"supportedIndicators,omitempty"`
	Links               VnfIndicatorNotificationLinks `json:"_links"`
}

// SupportedIndicator is an indicator that a VNF has. It stands inline in
// SupportedIndicatorsChangeNotification.
type SupportedIndicator struct {
	VnfIndicatorID string `json:"vnfIndicatorId"`
	Name           string `json:"name,omitempty"`
}

// VnfIndicatorNotificationLinks are the links of a notification of indicators. They
// stand inline in it.
type VnfIndicatorNotificationLinks struct {
	VnfInstance  NotificationLink `json:"vnfInstance"`
	Subscription NotificationLink `json:"subscription"`
}
