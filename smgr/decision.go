package smgr

import (
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Decision is what the policies made of one event. It is recorded before
// anything of it takes effect, and never changed.
type Decision struct {
	ID             string        `json:"id"` // derived from the Security Manager and the event
	EventID        string        `json:"eventId"`
	Part           int           `json:"part,omitempty"`  // an event with more findings than one decision holds has several, counted from 0
	Parts          int           `json:"parts,omitempty"` // how many, if more than one
	All            string        `json:"all,omitempty"`   // digest of the findings of all parts
	Kind           hub.EventKind `json:"kind"`
	Key            string        `json:"key"`
	EventTime      time.Time     `json:"eventTime"`
	Decided        time.Time     `json:"decided"`
	InputDigest    string        `json:"inputDigest"` // SHA-256, hexadecimal, of the whole input as it was evaluated; it is kept under this name
	PolicyRevision string        `json:"policyRevision"`
	DataRevision   string        `json:"dataRevision"`
	Engine         string        `json:"engine"` // name and version of the evaluator
	Findings       []hub.Finding `json:"findings"`
	Levels         []Level       `json:"levels,omitempty"` // of each finding, as it was set when the event was judged
	Off            []string      `json:"off,omitempty"`    // policies that had something to say and are off where they said it
	Labels         []Label       `json:"labels,omitempty"`
	Undecided      []Undecided   `json:"undecided,omitempty"` // what failed; never the same as nothing found
	Conflicts      []Conflict    `json:"conflicts,omitempty"`
	Orders         []string      `json:"orders,omitempty"` // IDs, in the order in which they are carried out; one that was open already has a DecisionID of its own
	Duration       time.Duration `json:"durationNs"`       // of the evaluation
}

// Label names a rule that was true in an evaluation, and where it stands.
type Label struct {
	Policy string `json:"policy"`
	Rule   string `json:"rule"`
	File   string `json:"file"`
	Line   int    `json:"line"`
}

// Undecided is a policy that could not be evaluated on an event.
type Undecided struct {
	Policy string `json:"policy"`
	Reason string `json:"reason"`
}

// Conflict is two findings that ask for what cannot both be done to one target.
// Where both would be carried out, at level approve or enforce, neither is without
// a person.
type Conflict struct {
	Findings [2]int `json:"findings"` // indices into Decision.Findings
	Reason   string `json:"reason"`
}
