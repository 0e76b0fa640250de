// Package vim is a Virtualised Infrastructure Manager with a persistent model of
// an NFVI: PoPs, zones, hosts with capacity and security hardware, images,
// flavours, networks, ports, storages, computes and snapshots (ETSI GS NFV-IFA
// 005 and IFA 006). It places, starts, stops, migrates, snapshots and erases for
// real, in its own state. Every answer names its source
// (ifa006.NfviSourceModel), so that nobody takes it for an infrastructure.
//
// # Where the state is
//
// All of it is in one table, "VIM" of the hub's account, because hosts are shared
// by trust domains; each resource names the domain that it serves. The viewer of
// a read is a trust domain, or "hub", which sees all. What belongs to another
// domain is answered as what is not there.
//
// # How a crash is survived
//
// A compute's record says where the compute is, or where it is going, before any
// host or affinity group holds it; a phase in the record says what is under way.
// A host's record holds the claims of the computes on it and their sizes: that
// list is the truth of its capacity, and it is changed by compare-and-set, so
// that two allocations can never share what one needs. Whoever finds a compute in
// a phase may finish it ([Model.Settle]): each step finds what was done before. A
// claim that no compute's record stands behind is dropped at start. Addresses are
// entries of their own, made under a key that only one can make.
//
// The order is record first, host second, because a claim alone would not say
// what to finish; the record alone does.
//
// # What an allocation costs
//
// Candidate hosts come from an index in memory, by zone, security hardware and
// free vCPUs, emptiest first and in turn; at most [maxProbes] are looked at. Only
// when none of these fits is the whole index searched, in memory, which also
// counts the reasons that a refusal then names. The index is a hint: what decides
// is the compare-and-set of the host.
//
// # Events
//
// A change is told to consumers of the API "vim" and to Security Managers ("sc-vi")
// from the record that it changed: the event waits in the same value until
// Publish took it, so that none is lost or invented.
//
// A driver for a real infrastructure (OpenStack, Kubernetes) takes the place of
// this package behind vimapi and scvi: these two call its exported methods, and
// the second implementation will tell which of them belong in an interface.
package vim
