// Package enrol registers the entities that certificates are for, with the
// attesters of their keys, and issues certificates for them: Register and
// Certificate Signing Request of Cm-Vnfm (IFA 033 clauses 11.2.2 and 11.2.3).
//
// A consumer that registers a subject is its manager, and nobody else can ask for
// its certificates. What a certificate holds comes from the registration and from
// the profile of its trust domain; a CSR brings a key, the proof that its sender
// has it, and the attestation of a device that holds it. What a CSR asks for beside
// that is compared with what the certificate will have, and refused when it is
// something else.
//
// # Order of the checks
//
// Syntax; subject and manager; key and signature; names and extensions; replay;
// attesters; attestation; policies. The first that fails refuses the request, and
// nothing is signed. A refusal is an answer and no Go error: a [certmgmt.Signing]
// with the reasons, which is stored and recorded. Whether a request whose
// attestation fails, or that has none, may have an unattested certificate is what
// the policies of the trust domain say; without any, it is refused.
//
// # Order of durability
//
// An attester and a registration, an activation and an end are stored, then recorded,
// then answered.
//
// A certificate is issued by its record, which the answer waits for. The record's ID
// follows from the CSR, so that of two attempts at one, in whatever process, only one
// has a certificate; what the other one had signed is thrown away and recorded as
// failed. Certificate and request are found at once and stored after the answer; the
// record holds all of them, and [Service.Recover] stores what a crash cut off. The
// request with its order, and in it the serial number, is stored before an authority
// is asked that is not part of the hub, which keeps what it signed.
package enrol
