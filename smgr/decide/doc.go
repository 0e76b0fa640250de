// Package decide lets the policies of a Security Manager judge events, and
// keeps what they said (IFA 033 clause 4.2).
//
// An event becomes an input, the input a [smgr.Decision], and the decision a
// plan of orders. [Decider.Handle] does this in steps, each of them durable
// before the next, and each found done when it is repeated after a crash:
//
//	input     kept under its SHA-256, compressed; a small one with the decision
//	decision  created under an ID that is derived from the event
//	record    in the trust domain's log, with alerts and alarms
//	orders    planned one by one, in the order in which they are safe
//
// What cannot be judged is a decision too: it names what is undecided, and
// raises an alarm. What fails because a part of the hub does not answer is no
// decision: the event is tried again.
//
// [Policies] says which set of policies and which parameters are active, for all
// processes of the Security Manager at once. [Levels] says how far each policy is
// acted upon. [Decider.Review] has every NS judged anew, on a timer and when the
// policies change.
package decide
