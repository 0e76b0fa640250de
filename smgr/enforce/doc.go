// Package enforce carries the orders of a Security Manager out at the NFVO, and
// only there, within its mode, the level of the policy and its limits (IFA 033
// clauses 5.3.3 and 5.3.4).
//
// An order is a stored state machine. Each transition is stored by
// compare-and-set, then recorded, and only then followed by what it allows, so
// that a process may end at any point and another one go on:
//
//	shadow, recommended, waiting    the level, the mode, a limit or a person decides
//	planned -> running -> completed, failed, superseded, recommended or waiting
//	recommended, waiting -> planned, rejected or expired
//
// Orders of one action on one subject are numbered, and an order's ID is made of
// these three: of two processes that order the same at once, one creates it and
// the other one finds it. An open order takes in what later decisions ask for
// ([smgr.Order.CanTake]); one that contradicts an open one waits for a person.
//
// While it runs, each of its steps is stored as running, sent with the
// Idempotency-Key "<order>/<decision>/<step>", stored with the operation that the NFVO
// answered with, followed to the end of that operation, and stored with its
// outcome. An NFVO that does not know the key is asked first whether it has the
// request already. Orders of one key are carried out one after the other, in the
// order in which the queue has them; one that waits for a person holds up nobody.
package enforce
