package enrol

import (
	"fmt"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/certmgmt"
)

// The codes of refusals, besides those of package attestation and those of
// policies. Codes go into records and are never renamed.
const (
	SubjectUnknown    attestation.Code = "subject-unknown"    // not registered by this consumer
	KeyForbidden      attestation.Code = "key-forbidden"      // not a key that the profile allows
	NameForeign       attestation.Code = "name-foreign"       // asks for a name that is not the subject's
	ExtensionForeign  attestation.Code = "extension-foreign"  // asks for an extension that it would not get
	Replayed          attestation.Code = "replayed"           // the CSR was used before
	AttesterNone      attestation.Code = "attester-none"      // no attester is registered for the subject
	AttesterWithdrawn attestation.Code = "attester-withdrawn" // the attester attests nothing any more
	ChallengeUnknown  attestation.Code = "challenge-unknown"  // never given to this consumer for this registration
	ChallengeUsed     attestation.Code = "challenge-used"
	ChallengeExpired  attestation.Code = "challenge-expired"
	VerifierFailed    attestation.Code = "verifier-failed" // the outside verifier gave no verdict
	PolicyUndecided   attestation.Code = "policy-undecided"
	PolicyDenied      attestation.Code = "policy-denied" // and the policy gave no reason of its own
)

var mends = map[attestation.Code]string{
	SubjectUnknown:    "register the subject with this credential, and name it as it was registered",
	KeyForbidden:      "make a key of a type and size that the certificate profile of the trust domain allows",
	NameForeign:       "make the CSR anew with an empty subject, or with the registered names alone",
	ExtensionForeign:  "make the CSR anew without extensions: the registration says what the certificate has",
	Replayed:          "make a new CSR",
	AttesterNone:      "register the subject with the attester that holds its key",
	AttesterWithdrawn: "make the key in a device whose attester is registered",
	ChallengeUnknown:  "ask for a challenge for this registration, and name it in the request",
	ChallengeUsed:     "ask for a new challenge, and make a new statement with it",
	ChallengeExpired:  "ask for a new challenge, and make a new statement with it",
	VerifierFailed:    "have the operator look after the outside verifier, and send a new CSR",
	PolicyUndecided:   "have the operator look after the certificate policies of the trust domain, and send a new CSR",
	PolicyDenied:      "have the operator say what the certificate policies of the trust domain ask for",
}

// because makes a reason; its detail is made as by fmt.Sprintf.
func because(code attestation.Code, format string, args ...any) certmgmt.Reason {
	return certmgmt.Reason{Code: string(code), Detail: fmt.Sprintf(format, args...), Mend: mends[code]}
}

// reasons turns those of a verdict into those of an answer.
func reasons(list []attestation.Reason) []certmgmt.Reason {
	var out []certmgmt.Reason
	for _, r := range list {
		mend := r.Code.Mend()
		if mend == "" {
			mend = mends[r.Code]
		}
		out = append(out, certmgmt.Reason{Code: string(r.Code), Detail: r.Detail, Mend: mend})
	}
	return out
}
