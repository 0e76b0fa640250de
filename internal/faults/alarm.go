package faults

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/sol"
)

// Fault is what the function that told of it says of a fault now.
type Fault struct {
	Object        string                    `json:"object"` // ID of the managed object
	Origin        string                    `json:"origin"` // ID of the alarm at the function that told of it
	Severity      sol.PerceivedSeverityType `json:"severity"`
	EventTime     time.Time                 `json:"eventTime"` // when the fault was observed
	EventType     sol.EventType             `json:"eventType"`
	FaultType     string                    `json:"faultType,omitempty"`
	ProbableCause string                    `json:"probableCause"`
	Details       []string                  `json:"details,omitempty"`
	Resource      *FaultyResource           `json:"resource,omitempty"`
	Component     string                    `json:"component,omitempty"` // ID of the VNF instance at fault, in an alarm of an NS
	Subject       json.RawMessage           `json:"subject,omitempty"`   // what filters of subscriptions see of the object; the function's own
}

// FaultyResource is a virtualised resource at fault.
type FaultyResource struct {
	Vim  string                 `json:"vim"` // how the function's API calls the VIM or the connection to it
	ID   string                 `json:"id"`
	Type sol.FaultyResourceType `json:"type"`
}

// says reports whether both say the same of a fault.
func (f *Fault) says(g *Fault) bool {
	return f.Severity == g.Severity && f.EventType == g.EventType && f.FaultType == g.FaultType &&
		f.ProbableCause == g.ProbableCause && slices.Equal(f.Details, g.Details)
}

// Alarm is an alarm as it is stored.
type Alarm struct {
	Fault
	Escalated    sol.PerceivedSeverityType `json:"escalated,omitempty"` // severity that a consumer asked for
	Raised       time.Time                 `json:"raised"`
	Changed      *time.Time                `json:"changed,omitempty"`
	Cleared      *time.Time                `json:"cleared,omitempty"`
	Acknowledged *time.Time                `json:"acknowledged,omitempty"`
	Events       int                       `json:"events"` // counts them, for their IDs
	Pending      []event                   `json:"pending,omitempty"`
}

// Terms that alarms are found by.
const (
	termOpen       = "open"
	termUnfinished = "unfinished" // events wait to be published
	termOrigin     = "origin="    // of open alarms
	termObject     = "object="
	termCleared    = "cleared=" // and when, in a form that sorts
)

// stamp is a time as a term has it: the same length always, so that it sorts.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

func (a *Alarm) terms() []string {
	t := []string{termObject + a.Object}
	if a.Cleared == nil {
		t = append(t, termOpen, termOrigin+a.Origin)
	} else {
		t = append(t, termCleared+stamp(*a.Cleared))
	}
	if len(a.Pending) > 0 {
		t = append(t, termUnfinished)
	}
	return t
}

// severities are those that an open alarm may have, the most urgent first.
var severities = [...]sol.PerceivedSeverityType{
	sol.SeverityCritical, sol.SeverityMajor, sol.SeverityMinor, sol.SeverityWarning, sol.SeverityIndeterminate,
}

// urgency is the place of a severity among them, the most urgent first. What is no
// severity comes last.
func urgency(s sol.PerceivedSeverityType) int {
	if i := slices.Index(severities[:], s); i >= 0 {
		return i
	}
	return len(severities)
}

// severity is how urgent the fault is: as told, or as a consumer has escalated it.
func (a *Alarm) severity() sol.PerceivedSeverityType {
	if a.Escalated != "" && urgency(a.Escalated) < urgency(a.Severity) {
		return a.Escalated
	}
	return a.Severity
}

// info is the alarm as both specifications show it. A cleared one has the severity
// CLEARED (ITU-T X.733), so that a filter can leave it out.
func (a *Alarm) info(id, self, object string) sol.AlarmInfo {
	out := sol.AlarmInfo{
		ID: id, ManagedObjectID: a.Object, AlarmRaisedTime: a.Raised, AlarmChangedTime: a.Changed, AlarmClearedTime: a.Cleared,
		AlarmAcknowledgedTime: a.Acknowledged, AckState: a.ackState(), PerceivedSeverity: a.severity(), EventTime: a.EventTime,
		EventType: a.EventType, FaultType: a.FaultType, ProbableCause: a.ProbableCause, CorrelatedAlarmIDs: []string{a.Origin},
		FaultDetails: a.Details, Links: sol.AlarmLinks{Self: sol.Link{Href: self}, ObjectInstance: &sol.Link{Href: object}},
	}
	if a.Cleared != nil {
		out.PerceivedSeverity = sol.SeverityCleared
	}
	return out
}

func (a *Alarm) ackState() sol.AckStateType {
	if a.Acknowledged != nil {
		return sol.Acknowledged
	}
	return sol.Unacknowledged
}
