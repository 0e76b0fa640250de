// Package scor produces the four interfaces of Sc-Or (IFA 033 clauses 5.3.1 to
// 5.3.4 and 6): NS Lifecycle Management, Status Information Management, Security
// Policy Enforcement and Security VNF Management.
//
// They are SOL 005's resources behind the trust and mode gate: the same
// nslcm/v2 and vnfpkgm/v2 as on Os-Ma-nfvo, on the TLS endpoint that one
// Security Manager has on one interface, and of its trust domain alone. What
// SOL 005 has no operation for, ending the use of a host, is under sc-or/v1
// (docs/extensions). Reading, and changing a VNF package, is done by the
// handlers of the NFVO and of the catalogue, which wire binds to this gate as
// well; this package adds what is Sc-Or's own: which attribute of an order
// needs which mode, that an order names nothing of another domain, that
// security VNFs are those that the NSD foresees, and that every unauthorized
// attempt to change a VNF is told to the Security Managers of the domain that
// it was aimed at (Sc-Or.NsLcm.003).
package scor
