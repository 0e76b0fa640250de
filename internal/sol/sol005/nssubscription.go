package sol005

// LccnSubscriptionRequest is the data type of that name in SOL005 V3.7.1.
type LccnSubscriptionRequest struct {
	Filter         *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI    string                              `json:"callbackUri"`
	Authentication *SubscriptionAuthentication         `json:"authentication,omitempty"`
	Verbosity      LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
}

// LccnSubscription is the data type of that name in SOL005 V3.7.1.
type LccnSubscription struct {
	ID          string                              `json:"id"`
	Filter      *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                              `json:"callbackUri"`
	Verbosity   LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
	Links       SelfLinks                           `json:"_links"`
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

// NsInstanceSubscriptionFilter is the data type of that name in SOL005 V3.7.1.
type NsInstanceSubscriptionFilter struct {
	NsdIDs          []string `json:"nsdIds,omitempty"`
	VnfdIDs         []string `json:"vnfdIds,omitempty"`
	PnfdIDs         []string `json:"pnfdIds,omitempty"`
	NsInstanceIDs   []string `json:"nsInstanceIds,omitempty"`
	NsInstanceNames []string `json:"nsInstanceNames,omitempty"`
}
