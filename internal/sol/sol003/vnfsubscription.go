package sol003

// VnfInstanceSubscriptionFilterVnfProductsFromProviderVnfProductVersion is the data type of that name in SOL003 V3.7.1.
type VnfInstanceSubscriptionFilterVnfProductsFromProviderVnfProductVersion struct {
	VnfSoftwareVersion string   `json:"vnfSoftwareVersion"`
	VnfdVersions       []string `json:"vnfdVersions,omitempty"`
}

// VnfInstanceSubscriptionFilterVnfProductsFromProviderVnfProduct is the data type of that name in SOL003 V3.7.1.
type VnfInstanceSubscriptionFilterVnfProductsFromProviderVnfProduct struct {
	VnfProductName string                                                                  `json:"vnfProductName"`
	Versions       []VnfInstanceSubscriptionFilterVnfProductsFromProviderVnfProductVersion `json:"versions,omitempty"`
}

// VnfInstanceSubscriptionFilterVnfProductsFromProvider is the data type of that name in SOL003 V3.7.1.
type VnfInstanceSubscriptionFilterVnfProductsFromProvider struct {
	VnfProvider string                                                           `json:"vnfProvider"`
	VnfProducts []VnfInstanceSubscriptionFilterVnfProductsFromProviderVnfProduct `json:"vnfProducts,omitempty"`
}

// VnfInstanceSubscriptionFilter is the data type of that name in SOL003 V3.7.1.
type VnfInstanceSubscriptionFilter struct {
	VnfdIDs                  []string                                               `json:"vnfdIds,omitempty"`
	VnfProductsFromProviders []VnfInstanceSubscriptionFilterVnfProductsFromProvider `json:"vnfProductsFromProviders,omitempty"`
	VnfInstanceIDs           []string                                               `json:"vnfInstanceIds,omitempty"`
	VnfInstanceNames         []string                                               `json:"vnfInstanceNames,omitempty"`
}

// LifecycleChangeNotificationsFilter is the data type of that name in SOL003 V3.7.1.
type LifecycleChangeNotificationsFilter struct {
	VnfInstanceSubscriptionFilter *VnfInstanceSubscriptionFilter `json:"vnfInstanceSubscriptionFilter,omitempty"`
	NotificationTypes             []string                       `json:"notificationTypes,omitempty"`
	OperationTypes                []LcmOperationType             `json:"operationTypes,omitempty"`
	OperationStates               []LcmOperationStateType        `json:"operationStates,omitempty"`
}

// SubscriptionAuthenticationParamsBasic is the data type of that name in SOL003 V3.7.1.
type SubscriptionAuthenticationParamsBasic struct {
	UserName string `json:"userName,omitempty"`
	Password string `json:"password,omitempty"`
}

// SubscriptionAuthenticationParamsOauth2ClientCredentials is the data type of that name in SOL003 V3.7.1.
type SubscriptionAuthenticationParamsOauth2ClientCredentials struct {
	ClientID       string `json:"clientId,omitempty"`
	ClientPassword string `json:"clientPassword,omitempty"`
	TokenEndpoint  string `json:"tokenEndpoint,omitempty"`
}

// SubscriptionAuthentication is the data type of that name in SOL003 V3.7.1.
type SubscriptionAuthentication struct {
	AuthType                      []string                                                 `json:"authType"`
	ParamsBasic                   *SubscriptionAuthenticationParamsBasic                   `json:"paramsBasic,omitempty"`
	ParamsOauth2ClientCredentials *SubscriptionAuthenticationParamsOauth2ClientCredentials `json:"paramsOauth2ClientCredentials,omitempty"`
}

// LccnSubscriptionRequest is the data type of that name in SOL003 V3.7.1.
type LccnSubscriptionRequest struct {
	Filter         *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI    string                              `json:"callbackUri"`
	Authentication *SubscriptionAuthentication         `json:"authentication,omitempty"`
	Verbosity      LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
}

// LccnSubscriptionLinks is the data type of that name in SOL003 V3.7.1.
type LccnSubscriptionLinks struct {
	Self Link `json:"self"`
}

// LccnSubscription is the data type of that name in SOL003 V3.7.1.
type LccnSubscription struct {
	ID          string                              `json:"id"`
	Filter      *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                              `json:"callbackUri"`
	Verbosity   LcmOpOccNotificationVerbosityType   `json:"verbosity"`
	Links       LccnSubscriptionLinks               `json:"_links"`
}
