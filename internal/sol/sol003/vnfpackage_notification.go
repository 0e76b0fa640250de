package sol003

import "time"

// VnfPackageOnboardingNotification is the data type of that name in SOL003 V3.7.1.
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

// VnfPackageChangeNotification is the data type of that name in SOL003 V3.7.1.
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

// PkgmLinks is the data type of that name in SOL003 V3.7.1.
type PkgmLinks struct {
	VnfPackage         NotificationLink  `json:"vnfPackage"`
	VnfPackageByVnfdID *NotificationLink `json:"vnfPackageByVnfdId,omitempty"`
	Subscription       NotificationLink  `json:"subscription"`
}

// PkgmSubscriptionRequest is the data type of that name in SOL003 V3.7.1.
type PkgmSubscriptionRequest struct {
	Filter         *PkgmNotificationsFilter    `json:"filter,omitempty"`
	CallbackURI    string                      `json:"callbackUri"`
	Authentication *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// PkgmSubscription is the data type of that name in SOL003 V3.7.1.
type PkgmSubscription struct {
	ID          string                   `json:"id"`
	Filter      *PkgmNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                   `json:"callbackUri"`
	Links       SelfLinks                `json:"_links"`
}

// PkgmNotificationsFilter is the data type of that name in SOL003 V3.7.1.
type PkgmNotificationsFilter struct {
	NotificationTypes        []string                    `json:"notificationTypes,omitempty"`
	VnfProductsFromProviders []VnfProductsFromProvider   `json:"vnfProductsFromProviders,omitempty"`
	VnfdID                   []string                    `json:"vnfdId,omitempty"`
	VnfPkgID                 []string                    `json:"vnfPkgId,omitempty"`
	OperationalState         PackageOperationalStateType `json:"operationalState,omitempty"`
	UsageState               PackageUsageStateType       `json:"usageState,omitempty"`
	VnfmInfo                 []string                    `json:"vnfmInfo,omitempty"`
}
