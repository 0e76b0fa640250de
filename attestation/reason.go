package attestation

import (
	"errors"
	"fmt"
)

// Code names the check that failed. Codes go into records and are never renamed.
type Code string

// The codes, in the order in which the checks are made.
const (
	CSRTooLarge     Code = "csr-too-large"
	CSRMalformed    Code = "csr-malformed"
	CSRAlgorithm    Code = "csr-algorithm"    // signed with an algorithm that proves nothing
	CSRSignature    Code = "csr-signature"    // no proof of possession
	CSRAsksCA       Code = "csr-asks-ca"      // wants to be a CA
	KeyUnsupported  Code = "key-unsupported"  // a type of key, or an encoding, that is not known
	KeyWeak         Code = "key-weak"         // RSA below 2048 bits
	AttributeNone   Code = "attribute-none"   // no attestation in the request
	AttributeTwice  Code = "attribute-twice"  // more than one attribute
	AttributeValues Code = "attribute-values" // not exactly one value
	BundleMalformed Code = "bundle-malformed"
	BundleOldShape  Code = "bundle-old-shape" // an older draft, and the switch is off
	BundleUnbound   Code = "bundle-unbound"   // bindsPublicKey FALSE

	StatementNone      Code = "statement-none"  // none with the registered OID
	StatementTwice     Code = "statement-twice" // two with the registered OID
	FormatUnknown      Code = "format-unknown"  // no format for the registered OID
	TimeMissing        Code = "time-missing"    // the caller gave no time to judge at
	NonceInvalid       Code = "nonce-invalid"   // the caller's nonce is too long
	StatementMalformed Code = "statement-malformed"
	StatementType      Code = "statement-type"      // says something other than "this key is mine"
	StatementAlgorithm Code = "statement-algorithm" // signed or hashed with an algorithm that is not allowed
	StatementUnsigned  Code = "statement-unsigned"
	StatementSignature Code = "statement-signature"
	StatementName      Code = "statement-name" // what was signed names another public area
	StatementTime      Code = "statement-time" // from the future, or of a certificate outside its time
	NonceMissing       Code = "nonce-missing"
	NonceMismatch      Code = "nonce-mismatch"
	ClaimUnknown       Code = "claim-unknown"

	AttesterInvalid Code = "attester-invalid" // the registration cannot be used
	AttesterUnknown Code = "attester-unknown" // signed by somebody who is not the registered attester
	AttesterWeak    Code = "attester-weak"
	AttesterChain   Code = "attester-chain" // no chain to the registered roots
	AttesterExpired Code = "attester-expired"
	SelfAttested    Code = "self-attested" // the key of the request is the attester's own

	// What a credential activation lacks.
	AttesterFree       Code = "attester-free"       // the attestation key signs more than what the TPM states
	EndorsementInvalid Code = "endorsement-invalid" // the endorsement key is none, or not the one of its certificate

	KeyMissing  Code = "key-missing"  // the statement has no public key
	KeyMismatch Code = "key-mismatch" // the statement is about another key

	// What a level of assurance lacks.
	KeyExtractable     Code = "key-extractable"
	KeyMovable         Code = "key-movable"  // may leave the device inside of a backup or a duplicate
	KeyImported        Code = "key-imported" // was not made in the device
	KeyExposed         Code = "key-exposed"  // may leave the device in the clear
	KeyPurpose         Code = "key-purpose"  // is not for signing
	KeyExpired         Code = "key-expired"
	ClaimMissing       Code = "claim-missing" // the statement does not say what is asked for
	AttesterUnverified Code = "attester-unverified"
	AttesterUsage      Code = "attester-usage" // the certificate is not marked for attestation
	AssuranceLow       Code = "assurance-low"
)

// mends says for each code what the one who asks can do.
var mends = map[Code]string{
	CSRTooLarge:        "send one request without attachments",
	CSRMalformed:       "make the request again as PKCS#10 in DER",
	CSRAlgorithm:       "sign the request with SHA-256 or better",
	CSRSignature:       "sign the request with the key that it asks a certificate for, and change nothing afterwards",
	CSRAsksCA:          "leave the CA flag out of the request",
	KeyUnsupported:     "use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519",
	KeyWeak:            "use RSA of 2048 to 8192 bits, or ECDSA",
	AttributeNone:      "put the device's statement into the request (attribute 1.2.840.113549.1.9.16.2.59)",
	AttributeTwice:     "put all statements into one attribute",
	AttributeValues:    "give the attribute exactly one value",
	BundleMalformed:    "encode the attribute as AttestationBundle of draft-ietf-lamps-csr-attestation-28",
	BundleOldShape:     "encode the attribute after draft 28, or let the operator allow older shapes",
	BundleUnbound:      "send a statement that is about the key of the request",
	StatementNone:      "send a statement of the type that was registered for the attester",
	StatementTwice:     "send one statement of that type",
	FormatUnknown:      "register the attester with the OID of a format that this hub knows",
	TimeMissing:        "this is a defect of the hub: report it",
	NonceInvalid:       "this is a defect of the hub: report it",
	StatementMalformed: "make the statement again with the device's tool, in the encoding that the page of the format names",
	StatementType:      "let the device certify the key (not quote, not certify its creation)",
	StatementAlgorithm: "let the device sign with SHA-256 or better",
	StatementUnsigned:  "let the attester sign the statement",
	StatementSignature: "make the statement with the attester that was registered, and change nothing afterwards",
	StatementName:      "send the public area of the key that was certified",
	StatementTime:      "set the device's clock, and make the statement again",
	NonceMissing:       "ask for a challenge, and let the device put it into the statement",
	NonceMismatch:      "make the statement with the challenge that was given for this request",
	ClaimUnknown:       "leave out claims that the format does not define, or let the operator allow them",
	AttesterInvalid:    "register the attester again with its public key or certificates",
	AttesterUnknown:    "register the attester that signs, or sign with the one that is registered",
	AttesterWeak:       "use an attestation key of RSA 2048 bits or better",
	AttesterChain:      "send the certificates between the attester and its registered root, or register the right root",
	AttesterExpired:    "renew the attester's certificate, and register it",
	AttesterUsage:      "use a key whose certificate is for attestation",
	SelfAttested:       "ask for a certificate for a key of its own, not for the attester's",
	AttesterFree:       "make an attestation key that is restricted, for signing, and fixed to its TPM (manoward attest ak)",
	EndorsementInvalid: "send the TPM's own endorsement key after the templates of the TCG, and the certificate of that key (manoward attest ak)",
	KeyMissing:         "let the statement contain the public key",
	KeyMismatch:        "send the statement of the key that the request is for",
	KeyExtractable:     "make a key that the device does not give away",
	KeyMovable:         "make a key that is fixed to the device",
	KeyImported:        "make the key inside of the device",
	KeyExposed:         "make a key that the device keeps sensitive",
	KeyPurpose:         "make a key for signing",
	KeyExpired:         "make a new key",
	ClaimMissing:       "let the device state how it protects the key",
	AttesterUnverified: "prove the attester when it is registered: a certificate of its maker, or credential activation",
	AssuranceLow:       "use a device that proves more, or let the operator ask for less",
}

// Mend returns what the one who was refused can do about it.
func (c Code) Mend() string { return mends[c] }

// Reason is a check that failed. It is an error, so that parsers can return it.
type Reason struct {
	Code   Code   `json:"code"`
	Detail string `json:"detail,omitempty"` // what was found, in words; no secret, safe to show
}

// Error returns the code and the detail in one line.
func (r Reason) Error() string {
	if r.Detail == "" {
		return string(r.Code)
	}
	return string(r.Code) + ": " + r.Detail
}

// Because makes a [Reason]; its detail is made as by fmt.Sprintf.
func Because(code Code, format string, args ...any) Reason {
	return Reason{code, fmt.Sprintf(format, args...)}
}

// ReasonOf returns the reason that err is, or one with the code otherwise and the
// text of err. err must not be nil.
func ReasonOf(err error, otherwise Code) Reason {
	var r Reason
	if errors.As(err, &r) {
		return r
	}
	return Reason{otherwise, err.Error()}
}
