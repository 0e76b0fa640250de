// Package smgr is the vocabulary of the Security Manager (IFA 033 clause 4.2):
// the events that it takes in, the decisions that policies make of them, and the
// orders that carry a decision out. Its parts work on these words in turn:
//
//	intake    takes notifications in, durable before they are acknowledged
//	topology  joins what is known of NS, VNF, package, host and certificate
//	decide    lets the policies judge an event, and records the decision
//	enforce   carries orders out at the NFVO, within mode, level and limits
//
// The package itself holds data only. Values are plain and safe to copy.
package smgr
