// Package configuration is the VNFM's side of the VNF configuration interface (vnfconfig/v1
// of SOL 002 clause 9): a VNF, or its EM, produces it, and the VNFM reads and sets it.
//
// What a VNF is to be configured with is its vnfConfigurableProperties, without those that
// the VNFM itself reads. So whoever may modify a VNF instance (SOL 003 clause 5.4.3.3.4)
// configures it, and nobody gets a right that was not there. Where the VNF is reached says
// one of these properties, [Address], and with what credential the trust domain of the VNF.
//
// What is wanted is stored, with the operation that asked for it, before this package hears
// of it. It then reads what the VNF has and sends only what differs, under the entity tag of
// what it has read, again and again until the VNF has taken it: so a change is made once,
// also when a crash or a lost answer has it sent twice. What is about to be sent is written
// down and recorded before it is sent. After each operation of the VNF, which may have made
// a part of it anew, it is compared again; in between the VNF and its EM may change it.
package configuration
