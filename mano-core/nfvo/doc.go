// Package nfvo is the NFV Orchestrator: the life cycle of network services
// (SOL 005 clause 6), the grants that VNF Managers ask for (SOL 003 clause 9),
// and the orders of Security Managers that end the use of a VNF or of a host.
//
// Everything that takes time is a stored operation with its steps. A step is
// carried out, then what became of it is stored; each step may be repeated
// without a second effect, so an operation that a crash cut off goes on where it
// stood when [Service.Resume] finds it. What is told to subscribers is stored
// with the operation or the VNF that it is about and is dropped only after the
// outbox took it.
//
// What is granted is held against permitted allowances (ETSI GS NFV-IFA 010). What
// a VNF uses is stored with it, from the grant until it gives back, and is added
// up in memory.
//
// The NFVO meets the VNFM over SOL 003 (vnflcm/v2) and the VIM over the API of
// internal/ifa006, whoever produces them. The catalogue, the outbox and the
// record log are ports. Nothing here decides who may ask: the REST binding in
// nfvoapi does, through the port that the trust role answers.
//
// A Service is safe for concurrent use. Times are UTC.
package nfvo
