package sol005

import "time"

// NsdOnBoardingNotification tells that an NSD archive has come in whole.
type NsdOnBoardingNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	NsdInfoID        string    `json:"nsdInfoId"`
	NsdID            string    `json:"nsdId"`
	Links            NsdmLinks `json:"_links"`
}

// NsdOnBoardingFailureNotification tells that an NSD archive was refused, and why.
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

// NsdChangeNotification tells that an NSD was enabled or disabled.
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

// NsdDeletionNotification tells that an NSD was deleted.
type NsdDeletionNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	NsdInfoID        string    `json:"nsdInfoId"`
	NsdID            string    `json:"nsdId"`
	Links            NsdmLinks `json:"_links"`
}

// NsdmLinks are the links of a notification about an NSD.
type NsdmLinks struct {
	NsdInfo      NotificationLink `json:"nsdInfo"`
	Subscription NotificationLink `json:"subscription"`
}

// NsdmSubscriptionRequest is a request to be told of changes of NSDs and PNFDs.
type NsdmSubscriptionRequest struct {
	Filter         *NsdmNotificationsFilter    `json:"filter,omitempty"`
	CallbackURI    string                      `json:"callbackUri"`
	Authentication *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// NsdmSubscription is a subscription to changes of NSDs and PNFDs, as it is shown.
type NsdmSubscription struct {
	ID          string                   `json:"id"`
	Filter      *NsdmNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                   `json:"callbackUri"`
	Links       NsdmSubscriptionLinks    `json:"_links"`
}

// NsdmSubscriptionLinks are the links of an NsdmSubscription.
type NsdmSubscriptionLinks struct {
	Self *Link `json:"self,omitempty"`
}

// NsdmNotificationsFilter says which changes of NSDs and PNFDs a subscriber is told
// of. All attributes that are there must match; of a list, one element.
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
