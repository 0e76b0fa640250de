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
// The request with its order, and in it the serial number, is stored before the
// authority is asked; then the certificate, the record, and then the answer; the
// state of the request follows. A certificate's ID is its request's, so that of two attempts
// at one request only one has a certificate; what the other one had signed is
// thrown away and recorded as failed. [Service.Recover] ends what a crash cut off.
package enrol
