// Package state keeps the resources of a MANO function: durable in a table of
// the trust domain that each belongs to, with a small index in memory.
//
// A [Space] is one function's tables, one in each domain's account on the bus. A
// [Kind] is one type of resource in them. Values stay in the table and are read
// when they are asked for; memory holds, for each resource, its domain, its
// revision and the terms that it can be found by. So the cost of a read, a
// change or a look-up does not grow with the inventory, and several processes
// may share the tables: every change is a compare-and-set, and the index follows
// what others write.
//
// What is durable elsewhere may be promised: it is found before it is in the table, and
// what is promised at the same time is stored in one message ([Space.KeepAll]). Each of
// it is changed by itself all the same, under its own key.
//
// A process sees its own writes at once and those of others soon. Should the
// index not be able to follow, [Space.Check] says so, for readiness, and what was
// missed is found when it can again.
package state
