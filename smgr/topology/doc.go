// Package topology is what a Security Manager knows of its trust domain: NSs,
// VNFs, packages, computes, hosts and images, joined into the input that
// policies judge an event by (policies/schemas).
//
// The model is in memory. It is learnt from Query NS and the packages of SOL 005
// (IFA 033 Sc-Or.StatusInfo.001, Sc-Or.NsLcm.002) and from Sc-Vi (clause 8.2),
// and kept up to date by the events themselves: [Topology.Apply] takes in what an
// event says, and what it cannot say is read again in the background. So
// [Topology.Input] never waits for a query as long as the data is at hand, and
// the input says how old they are. The cost of an event grows with the NS, the
// host or the image that it is about, and not with the inventory.
//
// An NFVO or VIM that does not know our extensions leaves parts of the model
// unknown. What is unknown is absent from the input, and is never guessed.
//
// The events of the last hour are durable in the Security Manager's own table,
// so that a restart, or another process that takes over, does not make policies
// blind that look for storms.
package topology
