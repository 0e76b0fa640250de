package topology

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// told is what is read of the body of an event, of whatever kind: the members of
// the notifications of SOL 005 and Sc-Vi, and of our extensions
// (docs/extensions/notifications.md, unauthorized-attempt.md, sc-vi.md).
type told struct {
	Type   string  `json:"notificationType"`
	NsID   string  `json:"nsInstanceId"`
	Source *source `json:"manoward.sourceOfRequest"`

	// NsLcmOperationOccurrenceNotification
	Operation string               `json:"operation"`
	Status    string               `json:"notificationStatus"`
	State     string               `json:"operationState"`
	Affected  []sol005.AffectedVnf `json:"affectedVnf"`

	// NsChangeNotification
	ComponentType string      `json:"nsComponentType"`
	ComponentID   string      `json:"nsComponentId"`
	LcmOperation  string      `json:"lcmOpNameImpactingNsComponent"`
	LcmStatus     string      `json:"lcmOpOccStatusImpactingNsComponent"`
	Vnf           *toldVnf    `json:"manoward.vnf"`
	Change        *toldChange `json:"manoward.change"`

	// manoward.UnauthorizedAttemptNotification
	Attempt *struct {
		Actor     string `json:"actor"`
		Operation string `json:"operation"`
		Target    string `json:"target"`
		Count     int    `json:"count"`
	} `json:"attempt"`

	// VirtualisedResourceChangeNotification
	ResourceType string           `json:"resourceType"`
	ResourceID   string           `json:"virtualisedResourceId"`
	ChangeType   string           `json:"changeType"`
	Changed      toldResource     `json:"changedResourceData"`
	HostID       string           `json:"hostId"`
	ZoneID       string           `json:"zoneId"`
	Location     *ifa006.Location `json:"physicalLocation"`

	// AlarmNotification, AlarmClearedNotification
	Alarm *struct {
		ObjectID string `json:"managedObjectId"`
		State    string `json:"state"`
		HostID   string `json:"hostId"`
	} `json:"alarm"`
}

type toldVnf struct {
	ID           string       `json:"vnfInstanceId"`
	VnfdID       string       `json:"vnfdId"`
	PkgID        string       `json:"vnfPkgId"`
	ProfileID    string       `json:"vnfProfileId"`
	Integrity    *integrity   `json:"integrity"`
	Connectivity []connection `json:"connectivity"`
}

// after is the newer side of a change.
type after[T any] struct {
	After T `json:"after"`
}

type toldChange struct {
	Location *after[map[string]struct {
		Host string `json:"host"`
		Zone string `json:"zone"`
	}] `json:"location"`
	Image   *after[map[string]string] `json:"image"`
	Version *after[struct {
		VnfdID  string `json:"vnfdId"`
		Version string `json:"vnfSoftwareVersion"`
	}] `json:"version"`
	Config  *after[sol005.KeyValuePairs] `json:"configuration"`
	State   *after[string]               `json:"vnfState"`
	Added   []string                     `json:"vnfcsAdded"`
	Removed []string                     `json:"vnfcsRemoved"`
}

type toldResource struct {
	HostID         string    `json:"hostId"`
	FormerHostID   string    `json:"formerHostId"`
	ZoneID         string    `json:"zoneId"`
	FlavourID      string    `json:"flavourId"`
	Operational    string    `json:"operationalState"`
	Running        string    `json:"runningState"`
	AttachedTo     string    `json:"attachedResourceId"`
	State          string    `json:"state"`
	StateForDomain string    `json:"stateForTrustDomain"`
	Integrity      string    `json:"integrityState"`
	Checksum       *checksum `json:"checksum"`
	Stated         *checksum `json:"statedChecksum"`
}

// subject is what an event is about.
type subject struct {
	NsID      string `json:"nsInstanceId,omitempty"`
	VnfID     string `json:"vnfInstanceId,omitempty"`
	ProfileID string `json:"vnfProfileId,omitempty"`
	PkgID     string `json:"vnfPkgId,omitempty"`
	HostID    string `json:"hostId,omitempty"`
	ImageID   string `json:"imageId,omitempty"`
	ComputeID string `json:"computeId,omitempty"`
}

// happening is an event put in the words of the input.
type happening struct {
	told
	subject   subject
	operation string
	phase     string
	outcome   string
	source    *source
	target    string
	count     int
}

const (
	start  = "START"
	result = "RESULT"
)

// readEvent puts an event in the words of the input: hub.Invalid for one that
// does not say what it is about. What the model knows of it is not added.
func readEvent(e *smgr.Event) (*happening, error) {
	h := &happening{}
	bad := func(what string, err error) error {
		return hub.E(hub.Invalid, "read event "+clip(e.ID), fmt.Sprintf("its body is no %s event: %s", clip(string(e.Kind)), what), err)
	}
	if err := json.Unmarshal(e.Body, &h.told); err != nil {
		return nil, bad("it is no JSON object of that shape", err)
	}
	h.source = h.Source
	switch e.Kind {
	case hub.EventNsOperation:
		h.ofNs(e)
		h.operation, h.phase = h.Operation, h.Status
		if h.phase == result {
			h.outcome = h.State
		}
		if len(h.Affected) == 1 {
			h.subject.VnfID, h.subject.ProfileID = h.Affected[0].VnfInstanceID, h.Affected[0].VnfProfileID
		}
	case hub.EventNsChange:
		h.ofNs(e)
		h.operation, h.phase = h.LcmOperation, start
		if h.LcmStatus != start {
			h.phase, h.outcome = result, h.LcmStatus
		}
		if h.ComponentType == "VNF" {
			h.subject.VnfID = h.ComponentID
		}
		if v := h.Vnf; v != nil && v.ID == h.subject.VnfID {
			h.subject.ProfileID, h.subject.PkgID = v.ProfileID, v.PkgID
		}
	case hub.EventNsIdentifier:
		h.ofNs(e)
		h.operation = map[string]string{"NsIdentifierCreationNotification": "CREATE", "NsIdentifierDeletionNotification": "DELETE"}[h.Type]
	case hub.EventReview:
		h.ofNs(e)
	case hub.EventUnauthorizedAttempt:
		if h.Attempt == nil {
			return nil, bad("there is no attempt in it", nil)
		}
		h.ofAttempt()
		return h, nil
	case hub.EventComputeChange, hub.EventHostChange, hub.EventImageChange:
		if h.ResourceID == "" {
			return nil, bad("it names no resource", nil)
		}
		h.operation = h.ChangeType
		h.ofResource(e.Kind)
		return h, nil
	case hub.EventAlarm:
		if h.Alarm == nil || h.Alarm.ObjectID == "" {
			return nil, bad("it names no managed object", nil)
		}
		h.operation = h.Alarm.State
		return h, nil
	default:
		return nil, bad("there is no such kind of event", nil)
	}
	if h.subject.NsID == "" {
		return nil, bad("it names no NS", nil)
	}
	return h, nil
}

// ofNs takes the NS from the body, or from the event's key: a review has none in
// its body.
func (h *happening) ofNs(e *smgr.Event) {
	h.subject.NsID = h.NsID
	if h.NsID == "" {
		h.subject.NsID, _ = strings.CutPrefix(e.Key, smgr.KeyNs(""))
		if !strings.HasPrefix(e.Key, smgr.KeyNs("")) {
			h.subject.NsID = ""
		}
	}
}

func (h *happening) ofAttempt() {
	a := h.Attempt
	h.operation, h.target, h.count = a.Operation, a.Target, a.Count
	h.source = &source{Kind: kindOfActor(a.Actor), Identity: a.Actor}
	switch kind, id, _ := strings.Cut(a.Target, "/"); kind {
	case "ns":
		h.subject.NsID = id
	case "vnf":
		h.subject.VnfID = id
	case "vnf-package", "package":
		h.subject.PkgID = id
	case "host":
		h.subject.HostID = id
	case "image":
		h.subject.ImageID = id
	case "compute":
		h.subject.ComputeID = id
	}
}

// kindOfActor is the kind of a SPIFFE identity, as manoward.sourceOfRequest
// spells it; empty when it is none of them.
func kindOfActor(actor string) string {
	id, err := hub.ParseIdentity(actor)
	if err != nil {
		return ""
	}
	return oneOf(strings.ToUpper(string(id.Kind)), "OSS", "SM", "VNFM", "EM", "VNF", "OPERATOR")
}

func (h *happening) ofResource(kind hub.EventKind) {
	switch {
	case kind == hub.EventHostChange:
		h.subject.HostID = h.ResourceID
	case kind == hub.EventImageChange:
		h.subject.ImageID = h.ResourceID
	case h.ResourceType == "COMPUTE" || h.ResourceType == "":
		h.subject.ComputeID, h.subject.HostID = h.ResourceID, h.HostID
	default: // of a port or storage
		h.subject.ComputeID, h.subject.HostID = h.Changed.AttachedTo, h.HostID
	}
}

// entry is how later inputs show the event. Only what is of one NS, and
// unauthorized attempts, are shown.
func (h *happening) entry(e *smgr.Event) windowEntry {
	out := windowEntry{EventID: e.ID, earlier: earlier{
		Kind: string(e.Kind), Time: e.Time.UTC(), Operation: clip(h.operation), Phase: h.phase, NsID: h.subject.NsID, VnfID: h.subject.VnfID,
		Target: clip(h.target), Count: max(h.count, 0),
	}}
	if h.source != nil {
		out.Source = &source{clip(h.source.Kind), clip(h.source.Identity)}
	}
	return out
}
