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
	OrderSuperseded  OrderState = "superseded" // what it was to end is gone already, or another order does the same
)

// Final reports whether the order goes on no further by itself or by anybody.
func (s OrderState) Final() bool {
	switch s {
	case OrderShadow, OrderCompleted, OrderFailed, OrderRejected, OrderSuperseded:
		return true
	}
	return false
}

// Order is one action of a finding on its way to the NFVO. Its ID is the
// Idempotency-Key of every request that it sends, with the step's name behind it,
// so that a repetition after a crash has no second effect.
type Order struct {
	ID         string       `json:"id"` // derived from the event, the action and its target
	DecisionID string       `json:"decisionId"`
	Policy     string       `json:"policy"`
	Finding    int          `json:"finding"`        // index into Decision.Findings
	Also       []int        `json:"also,omitempty"` // further findings that ask for the same, united in Action
	Severity   hub.Severity `json:"severity"`
	Message    string       `json:"message"`
	Action     hub.Action   `json:"action"`
	Target     hub.Target   `json:"target"`
	Key        string       `json:"key"` // orders of one key are carried out one after the other
	Level      Level        `json:"level"`
	State      OrderState   `json:"state"`
	Reason     string       `json:"reason,omitempty"` // of the state, for an operator
	Steps      []Step       `json:"steps,omitempty"`
	Approval   *Approval    `json:"approval,omitempty"`
	Created    time.Time    `json:"created"`
	Updated    time.Time    `json:"updated"`
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
