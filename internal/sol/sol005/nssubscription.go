package sol005

// NsInstanceSubscriptionFilter is the data type of that name in SOL005 V3.7.1.
type NsInstanceSubscriptionFilter struct {
	NsdIDs          []string `json:"nsdIds,omitempty"`
	VnfdIDs         []string `json:"vnfdIds,omitempty"`
	PnfdIDs         []string `json:"pnfdIds,omitempty"`
	NsInstanceIDs   []string `json:"nsInstanceIds,omitempty"`
	NsInstanceNames []string `json:"nsInstanceNames,omitempty"`
}

// LifecycleChangeNotificationsFilter is the data type of that name in SOL005 V3.7.1.
type LifecycleChangeNotificationsFilter struct {
	NsInstanceSubscriptionFilter       *NsInstanceSubscriptionFilter             `json:"nsInstanceSubscriptionFilter,omitempty"`
	NotificationTypes                  []string                                  `json:"notificationTypes,omitempty"`
	OperationTypes                     []NsLcmOpType                             `json:"operationTypes,omitempty"`
	OperationStates                    []NsLcmOperationStateType                 `json:"operationStates,omitempty"`
	AffectedNsInstanceIDs              []string                                  `json:"affectedNsInstanceIds,omitempty"`
	NsComponentTypes                   []NsComponentType                         `json:"nsComponentTypes,omitempty"`
	LcmOpNameImpactingNsComponent      []LcmOpNameForChangeNotificationType      `json:"lcmOpNameImpactingNsComponent,omitempty"`
	LcmOpOccStatusImpactingNsComponent []LcmOpOccStatusForChangeNotificationType `json:"lcmOpOccStatusImpactingNsComponent,omitempty"`
}

// SubscriptionAuthenticationParamsBasic is the data type of that name in SOL005 V3.7.1.
type SubscriptionAuthenticationParamsBasic struct {
	UserName string `json:"userName,omitempty"`
	Password string `json:"password,omitempty"`
}

// SubscriptionAuthenticationParamsOauth2ClientCredentials is the data type of that name in SOL005 V3.7.1.
type SubscriptionAuthenticationParamsOauth2ClientCredentials struct {
	ClientID       string `json:"clientId,omitempty"`
	ClientPassword string `json:"clientPassword,omitempty"`
	TokenEndpoint  string `json:"tokenEndpoint,omitempty"`
}

// SubscriptionAuthentication is the data type of that name in SOL005 V3.7.1.
type SubscriptionAuthentication struct {
	AuthType                      []string                                                 `json:"authType"`
	ParamsBasic                   *SubscriptionAuthenticationParamsBasic                   `json:"paramsBasic,omitempty"`
	ParamsOauth2ClientCredentials *SubscriptionAuthenticationParamsOauth2ClientCredentials `json:"paramsOauth2ClientCredentials,omitempty"`
}

// LccnSubscriptionRequest is the data type of that name in SOL005 V3.7.1.
type LccnSubscriptionRequest struct {
	Filter         *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI    string                              `json:"callbackUri"`
	Authentication *SubscriptionAuthentication         `json:"authentication,omitempty"`
	Verbosity      LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
}

// LccnSubscriptionLinks is the data type of that name in SOL005 V3.7.1.
type LccnSubscriptionLinks struct {
	Self Link `json:"self"`
}

// LccnSubscription is the data type of that name in SOL005 V3.7.1.
type LccnSubscription struct {
	ID          string                              `json:"id"`
	Filter      *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                              `json:"callbackUri"`
	Verbosity   LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
	Links       LccnSubscriptionLinks               `json:"_links"`
}
