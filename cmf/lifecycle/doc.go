// Package lifecycle has what becomes of a certificate after it was issued: the
// inventory, renewal, revocation, revocation lists and OCSP answers, alarms before
// it ends, and its end with its attester or its VNF instance.
//
// # Revocation
//
// A revocation is stored in the certificate first, marked as open. From then on
// OCSP says so. Then the issuer's revocation list is signed and stored, the record
// certificate.revoked is written, and the mark is taken away. Revocations that
// meet share one list. What a crash cuts off has its mark and is gone on with by
// [Service.Recover] and [Service.Run].
//
// The reasons are those of RFC 5280 clause 5.3.1 that an end entity's certificate
// can have: unspecified, keyCompromise, cACompromise, affiliationChanged,
// superseded, cessationOfOperation and privilegeWithdrawn. certificateHold is
// refused: what is held may be let go again, and then it is undecided whether the
// key was good meanwhile; a new certificate costs one request. A certificate that
// is revoked stays revoked. A second revocation changes nothing, or makes the
// reason a graver one.
//
// # Lists
//
// There is one list per issuer, in the trust domain's table with its number, so
// that numbers grow over restarts. It holds what was revoked, and what has ended
// since once more after its end (RFC 5280 clause 3.3). It is signed anew with each
// revocation and when half of its time has passed. A list that could not be
// renewed in time is not served any more.
//
// # Ends
//
// When an attester is withdrawn, or a VNF instance terminated or quarantined, the
// order to revoke is stored before anything is done, and it stands for a while
// after everything is done: a request that was being signed meanwhile is caught.
package lifecycle
