package ifa006

import "time"

// OperateRequest is Operate Virtualised Compute Resource (IFA 006 clause
// 7.3.1.7): START, STOP or REBOOT.
type OperateRequest struct {
	Operation string `json:"computeOperation"`
}

// MigrateRequest is Migrate Virtualised Compute Resource (clause 7.3.1.8).
type MigrateRequest struct {
	HostID       string   `json:"hostId,omitempty"` // none: the VIM chooses
	ExcludeHosts []string `json:"excludeHosts,omitempty"`
	Reason       string   `json:"reason,omitempty"`
}

// ScaleComputeRequest is Scale Virtualised Compute Resource (clause 7.3.1.6).
type ScaleComputeRequest struct {
	FlavourID string `json:"flavourId"`
}

// StopUseRequest ends the use of a host (IFA 033 Sc-Or.SecEnforce.004). The
// VIM migrates what may migrate; what is to be terminated is the NFVO's to
// terminate, because only it knows the VNFs: the job lists it.
type StopUseRequest struct {
	ID         string `json:"id"`         // of the job, chosen by the consumer
	Computes   string `json:"vnfs"`       // MIGRATE or LEAVE
	Quarantine bool   `json:"quarantine"` // isolate the host with what is left on it
	Reason     string `json:"reason,omitempty"`
	// TrustDomain limits migration to the computes of one domain; empty: all.
	TrustDomain string `json:"trustDomain,omitempty"`
}

// ReleaseRequest lifts a stop of use and a quarantine: that of one trust
// domain, or without one every stop of the host.
type ReleaseRequest struct {
	TrustDomain string `json:"trustDomain,omitempty"`
}

// Job is what became of a stop of use.
type Job struct {
	ID        string    `json:"id"`
	HostID    string    `json:"hostId"`
	State     string    `json:"state"` // PROCESSING, COMPLETED, FAILED
	Migrated  []string  `json:"migratedComputes"`
	Remaining []string  `json:"remainingComputes"` // still on the host
	Problems  []string  `json:"problems,omitempty"`
	Started   time.Time `json:"startTime"`
}

// Inventory is what an operator loads into the NFVI model.
type Inventory struct {
	NfviPops []NfviPop `json:"nfviPops" yaml:"nfviPops"`
	Zones    []Zone    `json:"zones" yaml:"zones"`
	Hosts    []Host    `json:"hosts" yaml:"hosts"`
	Flavours []Flavour `json:"flavours,omitempty" yaml:"flavours"`
}

// Exercise is one change that an operator injects to see what follows.
type Exercise struct {
	// Kind: host-failed, host-recovered, host-integrity, image-altered,
	// compute-failed, packet, measured.
	Kind   string `json:"kind"`
	Target string `json:"target"`          // hostId, image id, computeId or port id
	Value  string `json:"value,omitempty"` // host-integrity: the new state; image-altered: text mixed into the content; packet: PROTOCOL SOURCE DESTINATION; measured: METRIC VALUE
}

// The kinds of change that a VIM notifies of.
const (
	ChangeCreated    = "CREATED"
	ChangeDeleted    = "DELETED"
	ChangeMigrated   = "MIGRATED"
	ChangeOperated   = "OPERATED"
	ChangeScaled     = "SCALED"
	ChangeRestored   = "RESTORED"
	ChangeState      = "STATE" // of a host
	ChangeIntegrity  = "INTEGRITY"
	ChangeContent    = "CONTENT" // of an image
	ChangeErased     = "ERASED"
	FaultRaised      = "FAULT_RAISED"
	FaultCleared     = "FAULT_CLEARED"
	NotificationType = "VirtualisedResourceChangeNotification"
	AlarmType        = "AlarmNotification"
	AlarmClearedType = "AlarmClearedNotification"
)

// ResourceChange is VirtualisedResourceChangeNotification of IFA 006 clause
// 8.9.2, extended by what changed.
type ResourceChange struct {
	ID               string         `json:"id"` // changeId
	NotificationType string         `json:"notificationType"`
	SubscriptionID   string         `json:"subscriptionId"`
	TimeStamp        time.Time      `json:"timeStamp"`
	VimID            string         `json:"vimId"`
	ResourceType     string         `json:"resourceType"` // COMPUTE, HOST, IMAGE, STORAGE, NETWORK, PORT
	ResourceID       string         `json:"virtualisedResourceId"`
	TrustDomain      string         `json:"trustDomain,omitempty"`
	ChangeType       string         `json:"changeType"`
	Changed          map[string]any `json:"changedResourceData,omitempty"`
	HostID           string         `json:"hostId,omitempty"`
	ZoneID           string         `json:"zoneId,omitempty"`
	Location         *Location      `json:"physicalLocation,omitempty"`
	NfviSource       string         `json:"nfviSource"`
}

// Alarm is Alarm of IFA 006 clause 8.6.2.
type Alarm struct {
	ID               string     `json:"alarmId"`
	ManagedObjectID  string     `json:"managedObjectId"`
	RootCause        string     `json:"rootCauseFaultyResource,omitempty"`
	Raised           time.Time  `json:"alarmRaisedTime"`
	Cleared          *time.Time `json:"alarmClearedTime,omitempty"`
	State            string     `json:"state"` // FIRED, CLEARED
	Severity         string     `json:"perceivedSeverity"`
	FaultType        string     `json:"faultType"`
	ProbableCause    string     `json:"probableCause"`
	IsRootCause      bool       `json:"isRootCause"`
	CorrelatedAlarms []string   `json:"correlatedAlarmId,omitempty"`
	HostID           string     `json:"hostId,omitempty"`
	ZoneID           string     `json:"zoneId,omitempty"`
	Location         *Location  `json:"physicalLocation,omitempty"`
	NfviSource       string     `json:"nfviSource"`
}

// AlarmNotification tells that an alarm was raised or cleared.
type AlarmNotification struct {
	ID               string    `json:"id"`
	NotificationType string    `json:"notificationType"` // AlarmType or AlarmClearedType
	SubscriptionID   string    `json:"subscriptionId"`
	TimeStamp        time.Time `json:"timeStamp"`
	Alarm            Alarm     `json:"alarm"`
	NfviSource       string    `json:"nfviSource"`
}

// SubscriptionRequest subscribes to changes and alarms.
type SubscriptionRequest struct {
	CallbackURI string  `json:"callbackUri"`
	Filter      *Filter `json:"filter,omitempty"`
	// Authentication is SubscriptionAuthentication of SOL 013 clause 8.3.4: how
	// to authenticate at CallbackURI.
	Authentication any `json:"authentication,omitempty"`
}

// Filter narrows a subscription. Attributes are ANDed, the elements of an array
// ORed; an absent one allows everything.
type Filter struct {
	NotificationTypes []string `json:"notificationTypes,omitempty"`
	ResourceTypes     []string `json:"resourceTypes,omitempty"`
	ChangeTypes       []string `json:"changeTypes,omitempty"`
	ResourceIDs       []string `json:"resourceIds,omitempty"`
	HostIDs           []string `json:"hostIds,omitempty"`
	ZoneIDs           []string `json:"zoneIds,omitempty"`
}

// Subscription is an existing subscription.
type Subscription struct {
	ID          string  `json:"id"`
	CallbackURI string  `json:"callbackUri"`
	Filter      *Filter `json:"filter,omitempty"`
	Self        string  `json:"self"`
}
