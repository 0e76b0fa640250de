// Package attestation judges key attestations: bytes, roots and a time in, a
// [Verdict] out.
//
// A certificate request carries a statement of the device that holds the key
// (attribute id-aa-attestation, draft-ietf-lamps-csr-attestation-28). The
// statement is good when the attester that was registered for the subject signed
// it, in the format that was registered for that attester, over the very key that
// the request is for (ETSI GS NFV-IFA 033, 11.2.1). Which format a statement has
// is never guessed: the registered OID chooses it, and what another verifier
// would say is not asked.
//
// The package is pure. It opens no file and no connection, reads no clock and
// keeps no state; the same [Request] has the same verdict on each day. A verdict
// that is not accepted lists a [Reason] with a fixed [Code] for every check that
// failed, as far as checks could still be made. Nothing panics, whatever the bytes
// are, and all sizes are bounded (Max...).
//
// Each format is a folder of its own that meets [Format]. The wiring decides under
// which OIDs they are registered ([NewRegistry]).
package attestation

// Bounds on what is read. What is larger is refused before it is looked at.
const (
	MaxCSR          = 64 << 10 // bytes of a certificate request
	MaxAttributes   = 16       // attributes of one
	MaxStatements   = 8        // statements of a bundle
	MaxCertificates = 10       // certificates of a bundle, of a statement or of an attester's chain
	MaxNonce        = 64       // bytes of a nonce: what a TPM takes as qualifying data
)
