// Package vnfm is the hub's VNF Manager: the life cycle of VNF instances as ETSI
// GS NFV-SOL 003 V3.7.1 clause 5 has it, with grants asked of the NFVO (clause 9)
// and resources allocated at the VIM over package ifa006's API.
//
// A VNF's resources are a [Layout]: what the instance says it has. An operation
// is planned as two of them, before and after, and stored before it acts; running
// it brings the VIM from the one to the other, rolling it back the other way.
// Every resource is named by its consumer with an ID that the plan fixes, so each
// call can be repeated without a second effect, and a run that a crash cut off is
// simply run again. Nothing else has to be remembered about where it stood.
//
// A VNF is locked by naming its operation in Running. The lock is let go when
// that operation has reached an end, so the end is one write.
//
// One process at a time drives the operations of a table.
package vnfm
