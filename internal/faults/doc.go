// Package faults is the fault management of a MANO function that serves one: the
// alarm list, a [List], with its notifications, and the "alarms" and "subscriptions"
// resources, a [Resource] (SOL 003 clause 7, SOL 005 clause 8; SOL 002 clause 7 adds
// the escalation).
//
// An alarm is about a managed object, a VNF or an NS, and about a fault that another
// function told of: its origin. What that function says now decides. [List.Agree]
// asks it and raises, changes and clears alarms until the list says the same, so a
// notification that is lost, late or told twice does no harm. The ID of an alarm is
// derived from its object and its origin.
//
// A change and its notification are one write; the notification is then published,
// and is again after a crash, under the same ID.
package faults
