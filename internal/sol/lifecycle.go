package sol

import "time"

// VnfOperationalStateType says whether a VNF runs (SOL 003 clause 5.5.4). SOL 005
// clause 6.5.4 has it under two names: that one, and OperationalStates.
type VnfOperationalStateType string

// The values of VnfOperationalStateType.
const (
	VnfOperationalStateStarted VnfOperationalStateType = "STARTED"
	VnfOperationalStateStopped VnfOperationalStateType = "STOPPED"
)

// StopType says whether a VNF is stopped at once or is first taken out of service
// (SOL 003 clause 5.5.4, SOL 005 clause 6.5.4).
type StopType string

// The values of StopType.
const (
	StopForceful StopType = "FORCEFUL"
	StopGraceful StopType = "GRACEFUL"
)

// CancelMode is the body of the request to cancel an operation (SOL 003 clause
// 5.5.2, SOL 005 clause 6.5.2.16).
type CancelMode struct {
	CancelMode CancelModeType `json:"cancelMode"`
}

// CancelModeType says what a cancelled operation does with what it has begun (SOL
// 003 clause 5.5.4, SOL 005 clause 6.5.4).
type CancelModeType string

// GRACEFUL begins nothing more and waits for what has begun, FORCEFUL breaks it off.
const (
	CancelModeGraceful CancelModeType = "GRACEFUL"
	CancelModeForceful CancelModeType = "FORCEFUL"
)

// RejectedLcmCoordination is a coordination of an operation that the other side had
// no time for, and when it may be asked again. It stands inline in VnfLcmOpOcc (SOL
// 003 clause 5.5.2) and in NsLcmOpOcc (SOL 005 clause 6.5.2).
type RejectedLcmCoordination struct {
	CoordinationActionName string    `json:"coordinationActionName"`
	RejectionTime          time.Time `json:"rejectionTime"`
	Delay                  time.Time `json:"delay"`
	EndpointType           string    `json:"endpointType"`
}

// VnfMonitoringParameter is a measurement of a VNF that the VNFM follows, as its
// VNFD names it (SOL 003 clause 5.5.3, where it is called MonitoringParameter, and
// SOL 005 clause 6.5.3.69).
type VnfMonitoringParameter struct {
	ID                string `json:"id"`
	VnfdID            string `json:"vnfdId,omitempty"`
	Name              string `json:"name,omitempty"`
	PerformanceMetric string `json:"performanceMetric"`
}
