package sol005

import "time"

// PkgmLinks is the data type of that name in SOL005 V3.7.1.
type PkgmLinks struct {
	VnfPackage   NotificationLink `json:"vnfPackage"`
	Subscription NotificationLink `json:"subscription"`
}

// VnfPackageOnboardingNotification is the data type of that name in SOL005 V3.7.1.
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

// VnfPackageChangeNotification is the data type of that name in SOL005 V3.7.1.
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
