package sol005

import "time"

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

// NsdmLinks is the data type of that name in SOL005 V3.7.1.
type NsdmLinks struct {
	NsdInfo      NotificationLink `json:"nsdInfo"`
	Subscription NotificationLink `json:"subscription"`
}

// NsdmSubscriptionRequest is the data type of that name in SOL005 V3.7.1.
type NsdmSubscriptionRequest struct {
	Filter         *NsdmNotificationsFilter    `json:"filter,omitempty"`
	CallbackURI    string                      `json:"callbackUri"`
	Authentication *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// NsdmSubscription is the data type of that name in SOL005 V3.7.1.
type NsdmSubscription struct {
	ID          string                   `json:"id"`
	Filter      *NsdmNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                   `json:"callbackUri"`
	Links       NsdmSubscriptionLinks    `json:"_links"`
}

// NsdmSubscriptionLinks is the data type of that name in SOL005 V3.7.1.
type NsdmSubscriptionLinks struct {
	Self *Link `json:"self,omitempty"`
}

// NsdmNotificationsFilter is the data type of that name in SOL005 V3.7.1.
type NsdmNotificationsFilter struct {
	NotificationTypes   []string                  `json:"notificationTypes,omitempty"`
	NsdInfoID           []string                  `json:"nsdInfoId,omitempty"`
	NsdID               []string                  `json:"nsdId,omitempty"`
	NsdName             []string                  `json:"nsdName,omitempty"`
	NsdVersion          []string                  `json:"nsdVersion,omitempty"`
	NsdDesigner         []string                  `json:"nsdDesigner,omitempty"`
	NsdInvariantID      []string                  `json:"nsdInvariantId,omitempty"`
	VnfPkgIDs           []string                  `json:"vnfPkgIds,omitempty"`
	PnfdInfoIDs         []string                  `json:"pnfdInfoIds,omitempty"`
	NestedNsdInfoIDs    []string                  `json:"nestedNsdInfoIds,omitempty"`
	NsdOnboardingState  []NsdOnboardingStateType  `json:"nsdOnboardingState,omitempty"`
	NsdOperationalState []NsdOperationalStateType `json:"nsdOperationalState,omitempty"`
	NsdUsageState       []NsdUsageStateType       `json:"nsdUsageState,omitempty"`
	PnfdID              []string                  `json:"pnfdId,omitempty"`
	PnfdName            []string                  `json:"pnfdName,omitempty"`
	PnfdVersion         []string                  `json:"pnfdVersion,omitempty"`
	PnfdProvider        []string                  `json:"pnfdProvider,omitempty"`
	PnfdInvariantID     []string                  `json:"pnfdInvariantId,omitempty"`
	PnfdOnboardingState []PnfdOnboardingStateType `json:"pnfdOnboardingState,omitempty"`
	PnfdUsageState      []PnfdUsageStateType      `json:"pnfdUsageState,omitempty"`
}
