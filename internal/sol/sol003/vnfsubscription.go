package sol003

// LccnSubscriptionRequest is a request to be told of changes of VNFs (clause
// 5.5.2).
type LccnSubscriptionRequest struct {
	Filter         *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI    string                              `json:"callbackUri"`
	Authentication *SubscriptionAuthentication         `json:"authentication,omitempty"`
	Verbosity      LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
}

// LccnSubscription is a subscription to changes of VNFs, as it is shown: without
// what authorises the notifications.
type LccnSubscription struct {
	ID          string                              `json:"id"`
	Filter      *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                              `json:"callbackUri"`
	Verbosity   LcmOpOccNotificationVerbosityType   `json:"verbosity"`
	Links       SelfLinks                           `json:"_links"`
}

// LifecycleChangeNotificationsFilter says which changes of VNFs a subscriber is
// told of. All attributes that are there must match; of a list, one element.
type LifecycleChangeNotificationsFilter struct {
	VnfInstanceSubscriptionFilter *VnfInstanceSubscriptionFilter `json:"vnfInstanceSubscriptionFilter,omitempty"`
	NotificationTypes             []string                       `json:"notificationTypes,omitempty"`
	OperationTypes                []LcmOperationType             `json:"operationTypes,omitempty"`
	OperationStates               []LcmOperationStateType        `json:"operationStates,omitempty"`
}

// VnfInstanceSubscriptionFilter says which VNFs a subscriber is told of, by what
// they are made of or by who they are.
type VnfInstanceSubscriptionFilter struct {
	VnfdIDs                  []string                  `json:"vnfdIds,omitempty"`
	VnfProductsFromProviders []VnfProductsFromProvider `json:"vnfProductsFromProviders,omitempty"`
	VnfInstanceIDs           []string                  `json:"vnfInstanceIds,omitempty"`
	VnfInstanceNames         []string                  `json:"vnfInstanceNames,omitempty"`
}

// VnfProductsFromProvider is the part of a filter that names a provider, with all
// products or some. It stands inline in VnfInstanceSubscriptionFilter and
// PkgmNotificationsFilter.
type VnfProductsFromProvider struct {
	VnfProvider string       `json:"vnfProvider"`
	VnfProducts []VnfProduct `json:"vnfProducts,omitempty"`
}
