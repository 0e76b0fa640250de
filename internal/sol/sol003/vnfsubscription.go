package sol003

// LccnSubscriptionRequest is the data type of that name in SOL003 V3.7.1.
type LccnSubscriptionRequest struct {
	Filter         *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI    string                              `json:"callbackUri"`
	Authentication *SubscriptionAuthentication         `json:"authentication,omitempty"`
	Verbosity      LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
}

// LccnSubscription is the data type of that name in SOL003 V3.7.1.
type LccnSubscription struct {
	ID          string                              `json:"id"`
	Filter      *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                              `json:"callbackUri"`
	Verbosity   LcmOpOccNotificationVerbosityType   `json:"verbosity"`
	Links       SelfLinks                           `json:"_links"`
}

// LifecycleChangeNotificationsFilter is the data type of that name in SOL003 V3.7.1.
type LifecycleChangeNotificationsFilter struct {
	VnfInstanceSubscriptionFilter *VnfInstanceSubscriptionFilter `json:"vnfInstanceSubscriptionFilter,omitempty"`
	NotificationTypes             []string                       `json:"notificationTypes,omitempty"`
	OperationTypes                []LcmOperationType             `json:"operationTypes,omitempty"`
	OperationStates               []LcmOperationStateType        `json:"operationStates,omitempty"`
}

// VnfInstanceSubscriptionFilter is the data type of that name in SOL003 V3.7.1.
type VnfInstanceSubscriptionFilter struct {
	VnfdIDs                  []string                  `json:"vnfdIds,omitempty"`
	VnfProductsFromProviders []VnfProductsFromProvider `json:"vnfProductsFromProviders,omitempty"`
	VnfInstanceIDs           []string                  `json:"vnfInstanceIds,omitempty"`
	VnfInstanceNames         []string                  `json:"vnfInstanceNames,omitempty"`
}

// VnfProductsFromProvider is the data type of that name in SOL003 V3.7.1.
type VnfProductsFromProvider struct {
	VnfProvider string       `json:"vnfProvider"`
	VnfProducts []VnfProduct `json:"vnfProducts,omitempty"`
}
