package sol003

import "time"

// VnfPackageOnboardingNotification tells that a VNF package has come in whole.
type VnfPackageOnboardingNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"`
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	VnfPkgID         string    `json:"vnfPkgId"`
	VnfdID           string    `json:"vnfdId"`
	VnfmInfo         []string  `json:"vnfmInfo"`
	Links            PkgmLinks `json:"_links"`
}

// VnfPackageChangeNotification tells that a VNF package was enabled, disabled or
// deleted.
type VnfPackageChangeNotification struct {
	ID               string                      `json:"id"`
	NotificationType string                      `json:"notificationType"`
	SubscriptionID   string                      `json:"subscriptionId"`
	TimeStamp        time.Time                   `json:"timeStamp"`
	VnfPkgID         string                      `json:"vnfPkgId"`
	VnfdID           string                      `json:"vnfdId"`
	ChangeType       PackageChangeType           `json:"changeType"`
	OperationalState PackageOperationalStateType `json:"operationalState,omitempty"`
	Links            PkgmLinks                   `json:"_links"`
}

// PkgmLinks are the links of a notification about a VNF package.
type PkgmLinks struct {
	VnfPackage         NotificationLink  `json:"vnfPackage"`
	VnfPackageByVnfdID *NotificationLink `json:"vnfPackageByVnfdId,omitempty"`
	Subscription       NotificationLink  `json:"subscription"`
}

// PkgmSubscriptionRequest is a request to be told of changes of VNF packages.
type PkgmSubscriptionRequest struct {
	Filter         *PkgmNotificationsFilter    `json:"filter,omitempty"`
	CallbackURI    string                      `json:"callbackUri"`
	Authentication *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// PkgmSubscription is a subscription to changes of VNF packages, as it is shown.
type PkgmSubscription struct {
	ID          string                   `json:"id"`
	Filter      *PkgmNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                   `json:"callbackUri"`
	Links       SelfLinks                `json:"_links"`
}

// PkgmNotificationsFilter says which changes of VNF packages a subscriber is told
// of. All attributes that are there must match; of a list, one element.
type PkgmNotificationsFilter struct {
	NotificationTypes        []string                    `json:"notificationTypes,omitempty"`
	VnfProductsFromProviders []VnfProductsFromProvider   `json:"vnfProductsFromProviders,omitempty"`
	VnfdID                   []string                    `json:"vnfdId,omitempty"`
	VnfPkgID                 []string                    `json:"vnfPkgId,omitempty"`
	OperationalState         PackageOperationalStateType `json:"operationalState,omitempty"`
	UsageState               PackageUsageStateType       `json:"usageState,omitempty"`
	VnfmInfo                 []string                    `json:"vnfmInfo,omitempty"`
}
