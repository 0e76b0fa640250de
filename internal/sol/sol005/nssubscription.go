package sol005

// LccnSubscriptionRequest is a request to be told of changes of NSs (clause 6.5.2).
type LccnSubscriptionRequest struct {
	Filter         *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI    string                              `json:"callbackUri"`
	Authentication *SubscriptionAuthentication         `json:"authentication,omitempty"`
	Verbosity      LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
}

// LccnSubscription is a subscription to changes of NSs, as it is shown: without
// what authorises the notifications.
type LccnSubscription struct {
	ID          string                              `json:"id"`
	Filter      *LifecycleChangeNotificationsFilter `json:"filter,omitempty"`
	CallbackURI string                              `json:"callbackUri"`
	Verbosity   LcmOpOccNotificationVerbosityType   `json:"verbosity,omitempty"`
	Links       SelfLinks                           `json:"_links"`
}

// LifecycleChangeNotificationsFilter says which changes of NSs a subscriber is told
// of. All attributes that are there must match; of a list, one element.
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

// NsInstanceSubscriptionFilter says which NSs a subscriber is told of, by what they
// are made of or by who they are.
type NsInstanceSubscriptionFilter struct {
	NsdIDs          []string `json:"nsdIds,omitempty"`
	VnfdIDs         []string `json:"vnfdIds,omitempty"`
	PnfdIDs         []string `json:"pnfdIds,omitempty"`
	NsInstanceIDs   []string `json:"nsInstanceIds,omitempty"`
	NsInstanceNames []string `json:"nsInstanceNames,omitempty"`
}
