package intake

import (
	"fmt"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// The notification types of Sc-Or. Filters of SOL 005 V3.7.1 spell the first one
// with one r, and some NFVOs their notifications too.
const (
	typeOpOcc     = "NsLcmOperationOccurrenceNotification"
	typeOpOccTypo = "NsLcmOperationOccurenceNotification"
	typeChange    = "NsChangeNotification"
	typeCreated   = "NsIdentifierCreationNotification"
	typeDeleted   = "NsIdentifierDeletionNotification"
	typeShortage  = "NsLcmCapacityShortageNotification"
	typeAttempt   = "manoward.UnauthorizedAttemptNotification"
)

// notification is what intake reads of one, whatever its type. What else it has
// is for the schema and the policies.
type notification struct {
	ID             string     `json:"id"`
	Type           string     `json:"notificationType"`
	SubscriptionID string     `json:"subscriptionId"`
	Timestamp      *time.Time `json:"timestamp"` // SOL 005
	TimeStamp      *time.Time `json:"timeStamp"` // IFA 006

	NsInstanceID   string `json:"nsInstanceId"`
	NsLcmOpOccID   string `json:"nsLcmOpOccId"`
	OperationState string `json:"operationState"`

	ResourceType string `json:"resourceType"`
	ResourceID   string `json:"virtualisedResourceId"`

	Attempt struct {
		Target string `json:"target"`
	} `json:"attempt"`
	Alarm struct {
		ManagedObjectID string `json:"managedObjectId"`
		HostID          string `json:"hostId"`
	} `json:"alarm"`
}

// time returns when it happened, the zero time if it does not say.
func (n *notification) time() time.Time {
	switch {
	case n.Timestamp != nil:
		return n.Timestamp.UTC()
	case n.TimeStamp != nil:
		return n.TimeStamp.UTC()
	}
	return time.Time{}
}

// sorted is what a notification is to be taken as.
type sorted struct {
	kind hub.EventKind // empty: it is known and nothing that is judged
	key  string
	occ  occurrence
}

// sort says what a notification on an interface is. Each interface has its own
// types: a VIM cannot speak for an NFVO. Its error names what is unknown.
//
// NsLcmCapacityShortageNotification is known and not judged: it says that a VIM
// is full, no policy is about that, and refusing it would make the NFVO send it
// for ever. The same holds for networks of the VIM.
func (n *notification) sort(i hub.Interface) (sorted, error) {
	switch i {
	case hub.ScOrNsLcm:
		return n.sortNs()
	case hub.ScViTelem:
		return n.sortVi()
	}
	return sorted{}, n.unknown(string(i))
}

func (n *notification) unknown(where string) error {
	return hub.E(hub.Invalid, "take a notification in", fmt.Sprintf("the notificationType %.80q with resourceType %.40q is unknown on %s; end the subscription that it comes by, or leave the type out of its filter", n.Type, n.ResourceType, where), nil)
}

func (n *notification) sortNs() (sorted, error) {
	about := func(kind hub.EventKind, occ occurrence) (sorted, error) {
		if n.NsInstanceID == "" {
			return sorted{}, lacks("nsInstanceId")
		}
		return sorted{kind, smgr.KeyNs(n.NsInstanceID), occ}, nil
	}
	switch n.Type {
	case typeOpOcc, typeOpOccTypo:
		if n.NsLcmOpOccID == "" || n.OperationState == "" {
			return sorted{}, lacks("nsLcmOpOccId and operationState")
		}
		return about(hub.EventNsOperation, opOccurrence(n.NsLcmOpOccID, n.OperationState, n.time()))
	case typeChange:
		return about(hub.EventNsChange, occurrence{})
	case typeCreated:
		return about(hub.EventNsIdentifier, nsOccurrence("ns-created", n.NsInstanceID, n.time()))
	case typeDeleted:
		return about(hub.EventNsIdentifier, nsOccurrence("ns-deleted", n.NsInstanceID, n.time()))
	case typeAttempt:
		key := smgr.KeyDomain
		if id, ok := strings.CutPrefix(n.Attempt.Target, "ns/"); ok && id != "" {
			key = smgr.KeyNs(id)
		}
		return sorted{kind: hub.EventUnauthorizedAttempt, key: key}, nil
	case typeShortage:
		return sorted{}, nil
	}
	return sorted{}, n.unknown("sc-or.ns-lcm")
}

func (n *notification) sortVi() (sorted, error) {
	switch n.Type {
	case ifa006.AlarmType, ifa006.AlarmClearedType:
		switch {
		case n.Alarm.HostID != "":
			return sorted{kind: hub.EventAlarm, key: smgr.KeyHost(n.Alarm.HostID)}, nil
		case n.Alarm.ManagedObjectID != "":
			return sorted{kind: hub.EventAlarm, key: keyCompute(n.Alarm.ManagedObjectID)}, nil
		}
		return sorted{}, lacks("alarm/managedObjectId")
	case ifa006.NotificationType:
		if n.ResourceID == "" {
			return sorted{}, lacks("virtualisedResourceId")
		}
		switch n.ResourceType {
		case "COMPUTE", "PORT", "STORAGE":
			return sorted{kind: hub.EventComputeChange, key: keyCompute(n.ResourceID)}, nil
		case "HOST":
			return sorted{kind: hub.EventHostChange, key: smgr.KeyHost(n.ResourceID)}, nil
		case "IMAGE":
			return sorted{kind: hub.EventImageChange, key: smgr.KeyImage(n.ResourceID)}, nil
		case "NETWORK":
			return sorted{}, nil
		}
	}
	return sorted{}, n.unknown("sc-vi.telem")
}

// keyCompute keeps the order of what happens to one virtualised resource. Which
// NS it belongs to is for topology to know, and may change.
func keyCompute(id string) string { return "compute/" + id }

func lacks(attribute string) error {
	return hub.E(hub.Invalid, "take a notification in", "the notification lacks "+attribute+", which SOL 005 or IFA 006 demands; see that its sender sets it", nil)
}

// opOccurrence is that an operation occurrence entered a state. Final states
// (SOL 005 clause 6.6.2.2) are entered once.
func opOccurrence(id, state string, at time.Time) occurrence {
	o := occurrence{name: "op/" + id + "/" + state, at: at}
	switch sol005.NsLcmOperationStateType(state) {
	case sol005.NsLcmOperationStateCompleted, sol005.NsLcmOperationStatePartiallyCompleted, sol005.NsLcmOperationStateFailed, sol005.NsLcmOperationStateRolledBack:
		o.once = true
	}
	return o
}

func nsOccurrence(what, id string, at time.Time) occurrence {
	return occurrence{name: what + "/" + id, once: true, at: at}
}
