// Package trust answers one question: who may ask what.
//
// It keeps the trust domains and the Security Managers in them ([Registry]),
// signs their credentials under one certificate authority for each domain, shows
// each SM a TLS endpoint of its own for each logical interface ([Gate]), tells
// operators, the hub's own functions, OSS/BSS, VNFMs and EMs at the other
// reference points ([Entrance]), and
// holds the decision table of identity, interface, operation, mode and domain
// ([Rules]).
//
// The separation it keeps is that of IFA 033 clause 5.4: keys and security
// associations of their own for each SM on each interface (Security.001,
// Security.006), every party identified (Security.003), SM traffic on listeners
// of its own (Security.004).
//
// Every change is recorded before it takes effect. A change is first written
// beside the entry it changes, then appended to the record log of its trust
// domain, then applied; what a crash left half done is completed at the next
// start or by the next change, under the same record ID.
package trust
