// Package intake takes the events of a Security Manager in: notifications of the
// NFVO (Sc-Or) and of the VIM (Sc-Vi), and what a query shows that no
// notification told (IFA 033 clauses 5.3.1 and 5.3.5). An event is durable in the
// event queue before its notification is answered 204.
//
//	Receiver    serves the callback URIs: checks sender, bounds, schema and time
//	Subscriber  keeps the subscriptions alive that the notifications come by
//	Gaps        compares with the operations and NSs that a query shows
//
// # The same event
//
// The ID of an event is derived from the sender and the notification's id, so
// that no sender can take an id of another's. That a notification was taken in
// before is not written down by itself: it follows from what this process remembers,
// from the decision on its event, which keeps its digest, and from the queue, which
// knows the events that wait. One that came with the id of another while that one
// waited, taken in by another process or before this one began, is found when it is
// judged, and recorded as refused then.
//
// A ledger, a table of bounded size, remembers for [Limits].Keep which event an
// occurrence is. An occurrence is what a notification and a query show
// alike: that an operation occurrence entered a state, or that an NS was made or
// deleted. Whoever meets it first, Receiver or Gaps, names its event; the other
// takes that ID. A state that an operation can enter again (PROCESSING,
// FAILED_TEMP, ROLLING_BACK) is the same occurrence only at the same time.
//
// The ledger is written before the queue, so a crash between the two leaves an
// entry without an event. Therefore an entry alone never makes a duplicate:
// [Ports].Decided must also say that the event was handled. If it was not, the
// event is queued again under its ID, which adds nothing where it is known to wait.
// Should it be handled in that very moment, or wait twice, the handler finds its
// decision.
package intake
