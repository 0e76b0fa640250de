package intake

import (
	"encoding/json"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// opOcc is what is read of NsLcmOpOcc of SOL 005. Its parts are handed on as they
// are, so that an NFVO's own members stay.
type opOcc struct {
	ID           string          `json:"id"`
	State        string          `json:"operationState"`
	Entered      time.Time       `json:"stateEnteredTime"`
	Start        time.Time       `json:"startTime"`
	NsInstanceID string          `json:"nsInstanceId"`
	Operation    string          `json:"lcmOperationType"`
	Automatic    bool            `json:"isAutomaticInvocation"`
	Error        json.RawMessage `json:"error,omitempty"`
	Source       json.RawMessage `json:"manoward.sourceOfRequest,omitempty"`
	Changes      struct {
		Vnfs   json.RawMessage `json:"affectedVnfs,omitempty"`
		Pnfs   json.RawMessage `json:"affectedPnfs,omitempty"`
		Vls    json.RawMessage `json:"affectedVls,omitempty"`
		Vnffgs json.RawMessage `json:"affectedVnffgs,omitempty"`
		Nss    json.RawMessage `json:"affectedNss,omitempty"`
		Saps   json.RawMessage `json:"affectedSaps,omitempty"`
	} `json:"resourceChanges"`
}

// stateStarted is the state in which an operation begins.
const stateStarted = string(sol005.NsLcmOperationStateProcessing)

// gapNotification is NsLcmOperationOccurrenceNotification of SOL 005.
type gapNotification struct {
	ID                 string          `json:"id"`
	NsInstanceID       string          `json:"nsInstanceId"`
	NsLcmOpOccID       string          `json:"nsLcmOpOccId"`
	Operation          string          `json:"operation"`
	NotificationType   string          `json:"notificationType"`
	Timestamp          time.Time       `json:"timestamp"`
	NotificationStatus string          `json:"notificationStatus"`
	OperationState     string          `json:"operationState"`
	Automatic          bool            `json:"isAutomaticInvocation"`
	Verbosity          string          `json:"verbosity"`
	AffectedVnf        json.RawMessage `json:"affectedVnf,omitempty"`
	AffectedPnf        json.RawMessage `json:"affectedPnf,omitempty"`
	AffectedVl         json.RawMessage `json:"affectedVl,omitempty"`
	AffectedVnffg      json.RawMessage `json:"affectedVnffg,omitempty"`
	AffectedNs         json.RawMessage `json:"affectedNs,omitempty"`
	AffectedSap        json.RawMessage `json:"affectedSap,omitempty"`
	Error              json.RawMessage `json:"error,omitempty"`
	Source             json.RawMessage `json:"manoward.sourceOfRequest,omitempty"`
}

// gapOp makes the notification that an operation entered a state, as the NFVO
// would have made it, but for subscriptionId and _links, which are of a
// subscription; for the affected resources of a state that is no result, which the
// operation no longer shows; and for states between its first and its present one.
func gapOp(id string, o *opOcc, state string, at time.Time) ([]byte, error) {
	n := gapNotification{
		ID: id, NsInstanceID: o.NsInstanceID, NsLcmOpOccID: o.ID, Operation: o.Operation, NotificationType: typeOpOcc, Timestamp: at,
		NotificationStatus: "RESULT", OperationState: state, Automatic: o.Automatic, Verbosity: "FULL", Source: o.Source,
	}
	switch state {
	case stateStarted, string(sol005.NsLcmOperationStateRollingBack):
		n.NotificationStatus = "START"
	default:
		c := &o.Changes
		n.AffectedVnf, n.AffectedPnf, n.AffectedVl, n.AffectedVnffg, n.AffectedNs, n.AffectedSap = c.Vnfs, c.Pnfs, c.Vls, c.Vnffgs, c.Nss, c.Saps
		n.Error = o.Error
	}
	return encode(n)
}

// gapNs makes the notification that an NS identifier was made or deleted. Nothing
// shows when that was: its time is when it was found.
func gapNs(id, kind, nsID string, at time.Time) ([]byte, error) {
	return encode(struct {
		ID               string    `json:"id"`
		NotificationType string    `json:"notificationType"`
		Timestamp        time.Time `json:"timestamp"`
		NsInstanceID     string    `json:"nsInstanceId"`
	}{id, kind, at, nsID})
}

func encode(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, hub.E(hub.Internal, "make the event of a gap", "the event cannot be encoded", err)
	}
	return raw, nil
}
