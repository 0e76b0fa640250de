package sol005

import "time"

// NsdmLinks is the data type of that name in SOL005 V3.7.1.
type NsdmLinks struct {
	NsdInfo      NotificationLink `json:"nsdInfo"`
	Subscription NotificationLink `json:"subscription"`
}

// NsdOnBoardingNotification is the data type of that name in SOL005 V3.7.1.
type NsdOnBoardingNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	NsdInfoID        string    `json:"nsdInfoId"`
	NsdID            string    `json:"nsdId"`
	Links            NsdmLinks `json:"_links"`
}

// NsdOnBoardingFailureNotification is the data type of that name in SOL005 V3.7.1.
type NsdOnBoardingFailureNotification struct {
	ID                       string          `json:"id"`
	NotificationType         string          `json:"notificationType"`
	SubscriptionID           string          `json:"subscriptionId"`
	TimeStamp                time.Time       `json:"timeStamp"`
	NsdInfoID                string          `json:"nsdInfoId"`
	NsdID                    string          `json:"nsdId,omitempty"`
	OnboardingFailureDetails *ProblemDetails `json:"onboardingFailureDetails"`
	Links                    NsdmLinks       `json:"_links"`
}

// NsdChangeNotification is the data type of that name in SOL005 V3.7.1.
type NsdChangeNotification struct {
	ID                  string                  `json:"id"`
	NotificationType    string                  `json:"notificationType"`
	SubscriptionID      string                  `json:"subscriptionId"`
	TimeStamp           time.Time               `json:"timeStamp"`
	NsdInfoID           string                  `json:"nsdInfoId"`
	NsdID               string                  `json:"nsdId"`
	NsdOperationalState NsdOperationalStateType `json:"nsdOperationalState"`
	Links               NsdmLinks               `json:"_links"`
}

// NsdDeletionNotification is the data type of that name in SOL005 V3.7.1.
type NsdDeletionNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	NsdInfoID        string    `json:"nsdInfoId"`
	NsdID            string    `json:"nsdId"`
	Links            NsdmLinks `json:"_links"`
}

// PnfdmLinks is the data type of that name in SOL005 V3.7.1.
type PnfdmLinks struct {
	PnfdInfo     NotificationLink `json:"pnfdInfo"`
	Subscription NotificationLink `json:"subscription"`
}

// PnfdOnBoardingNotification is the data type of that name in SOL005 V3.7.1.
type PnfdOnBoardingNotification struct {
	ID               string     `json:"id"`
	NotificationType string     `json:"notificationType"`
	SubscriptionID   string     `json:"subscriptionId"`
	TimeStamp        time.Time  `json:"timeStamp"`
	PnfdInfoID       string     `json:"pnfdInfoId"`
	PnfdID           string     `json:"pnfdId"`
	Links            PnfdmLinks `json:"_links"`
}

// PnfdOnBoardingFailureNotification is the data type of that name in SOL005 V3.7.1.
type PnfdOnBoardingFailureNotification struct {
	ID                       string          `json:"id"`
	NotificationType         string          `json:"notificationType"`
	SubscriptionID           string          `json:"subscriptionId"`
	TimeStamp                time.Time       `json:"timeStamp"`
	PnfdInfoID               string          `json:"pnfdInfoId"`
	PnfdID                   string          `json:"pnfdId,omitempty"`
	OnboardingFailureDetails *ProblemDetails `json:"onboardingFailureDetails"`
	Links                    PnfdmLinks      `json:"_links"`
}

// PnfdDeletionNotification is the data type of that name in SOL005 V3.7.1.
type PnfdDeletionNotification struct {
	ID               string     `json:"id"`
	NotificationType string     `json:"notificationType"`
	SubscriptionID   string     `json:"subscriptionId"`
	TimeStamp        time.Time  `json:"timeStamp"`
	PnfdInfoID       string     `json:"pnfdInfoId"`
	PnfdID           string     `json:"pnfdId"`
	Links            PnfdmLinks `json:"_links"`
}
