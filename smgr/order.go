package smgr

import (
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Level is how far the findings of a policy are acted upon in a scope. Levels
// are set by operators, outside the policies.
type Level string

// The levels, from the least.
const (
	LevelOff     Level = "off"     // what the policy finds is dropped; the decision says that it is off
	LevelShadow  Level = "shadow"  // evaluated and recorded; nobody is told
	LevelAdvise  Level = "advise"  // orders are recommendations that an operator can see
	LevelApprove Level = "approve" // orders wait for a named second person
	LevelEnforce Level = "enforce" // orders are carried out
)

// ranks orders the levels.
var ranks = map[Level]int{LevelOff: 1, LevelShadow: 2, LevelAdvise: 3, LevelApprove: 4, LevelEnforce: 5}

// Rank orders levels from the least, 1, on; 0 is no level.
func (l Level) Rank() int { return ranks[l] }

// Acts reports whether what is asked for at the level is carried out, by itself
// or after a person's yes.
func (l Level) Acts() bool { return l.Rank() >= LevelApprove.Rank() }

// OrderState is where an order stands.
type OrderState string

// The states of orders. Those after OrderRunning are final.
const (
	OrderPlanned     OrderState = "planned"     // stored; the next step is enforce's
	OrderShadow      OrderState = "shadow"      // final: would have been carried out
	OrderRecommended OrderState = "recommended" // its level or the SM's mode does not allow it; an operator may carry it out
	OrderWaiting     OrderState = "waiting"     // for a named person: level approve, a limit, a conflict, or a paused SM
	OrderRunning     OrderState = "running"     //
	OrderCompleted   OrderState = "completed"
	OrderFailed      OrderState = "failed"
	OrderRejected    OrderState = "rejected"   // a person said no
	OrderSuperseded  OrderState = "superseded" // what it was to do is done already
	OrderExpired     OrderState = "expired"    // nobody decided on it in time
)

// Final reports whether the order goes on no further by itself or by anybody.
func (s OrderState) Final() bool {
	switch s {
	case OrderShadow, OrderCompleted, OrderFailed, OrderRejected, OrderSuperseded, OrderExpired:
		return true
	}
	return false
}

// Order is one action of a finding on its way to the NFVO. Its ID, with its
// decision's and the step's name behind it, is the Idempotency-Key of each request
// that it sends, so that a repetition after a crash has no second effect. Decisions that ask for
// what an open order does already name that order ([Order.CanTake]).
type Order struct {
	ID         string       `json:"id"` // see [OrderID]
	DecisionID string       `json:"decisionId"`
	Policy     string       `json:"policy"`
	Finding    int          `json:"finding"`        // index into Decision.Findings
	Also       []int        `json:"also,omitempty"` // further findings that ask for the same, united in Action
	Severity   hub.Severity `json:"severity"`
	Message    string       `json:"message"`
	Taken      []Taken      `json:"taken,omitempty"` // what other decisions asked for and it does as well
	Action     hub.Action   `json:"action"`
	Target     hub.Target   `json:"target"`
	Scope      Scope        `json:"scope"`
	Against    []string     `json:"against,omitempty"` // IDs of orders that contradict it
	Key        string       `json:"key"`               // orders of one key are carried out one after the other
	Level      Level        `json:"level"`
	State      OrderState   `json:"state"`
	Reason     string       `json:"reason,omitempty"` // of the state, for an operator
	Steps      []Step       `json:"steps,omitempty"`
	Approval   *Approval    `json:"approval,omitempty"`
	Created    time.Time    `json:"created"`
	Updated    time.Time    `json:"updated"`
}

// Scope is what an order touches, as far as it was known when the order was made.
type Scope struct {
	Subject  string   `json:"subject"`            // what it changes: see [Subject]
	Ends     []string `json:"ends,omitempty"`     // VNF instances that it ends; sorted
	Hosts    []string `json:"hosts,omitempty"`    // whose VNFs it ends beside the one that is meant; sorted
	Profiles []string `json:"profiles,omitempty"` // VNF profiles that it adds to, takes from or bars: "<nsInstanceId>/<vnfProfileId>"; sorted
}

// Taken is what a later decision asked for, and an open order took in.
type Taken struct {
	DecisionID string `json:"decisionId"`
	Policy     string `json:"policy"`
	Findings   []int  `json:"findings"` // indices into Decision.Findings
}

// Step is one request of an order to the NFVO.
type Step struct {
	Name     string     `json:"name"`               // "snapshot", "disable-package", "remove-vnf:<nsInstanceId>", "stop-use"
	State    OrderState `json:"state"`              // planned, running, completed, failed or superseded
	Resource string     `json:"resource,omitempty"` // URI of the operation occurrence or host order that the NFVO answered with
	Outcome  string     `json:"outcome,omitempty"`  // its final state, and its problem if it failed
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended,omitempty"`
}

// Approval is a person's word on an order.
type Approval struct {
	By       string    `json:"by"` // identity
	At       time.Time `json:"at"`
	Approved bool      `json:"approved"`
	Reason   string    `json:"reason,omitempty"`
}
