// Package certmgmt has the resources of the Certificate Management interface on
// Cm-Vnfm (IFA 033 clause 11.2), as they are on the wire.
//
// The stage 3 of that interface, SOL 023, is not public. This binding is our own
// and claims no conformance to it: the names of the parameters are those of
// IFA 033, the values of enumerations those of SOL 002 V4.5.1, and what IFA 033
// leaves open (attesters, challenges, inventory, revocation) is documented in
// docs/extensions/certificate-management.md.
package certmgmt

import "time"

// The API: its resources are below /certmgmt/v1.
const (
	Name    = "certmgmt"
	Major   = "v1"
	Version = "1.0.0"
)

// CertType is the type of a certificate (IFA 033 clauses 11.2.2.2 and 11.2.3.2,
// spelt as in SOL 002 V4.5.1).
type CertType string

// Types of certificates.
const (
	MANOCert   CertType = "MANO_CERT"   // of a MANO entity; "MANO certificate"
	VNFCICert  CertType = "VNFCI_CERT"  // of a VNFC instance; "VNFCI certificate", VnfciCert
	VNFOAMCert CertType = "VNFOAM_CERT" // of a VNFC instance's OAM; "VNF OAM certificate", VnfOAMCert
)

// Handling is typeOfVnfcCertHandling.
type Handling string

// Modes of certificate management. Only delegation mode may be registered
// (IFA 033 clause 11.2.2.2, note).
const (
	DelegationMode Handling = "DELEGATION_MODE"
	DirectMode     Handling = "DIRECT_MODE"
)

// Attester is a generator of keys, such as a TPM or an HSM: who signs its
// statements and in which format (IFA 033 clause 11.2.1). One of publicKey,
// certificateChain and roots is needed. What identifies it by a certificate of its
// maker proves more than a bare key.
type Attester struct {
	// TrustDomain is named by who is of the hub itself; another one's is its own.
	TrustDomain string `json:"trustDomain,omitempty"`

	ID               string     `json:"id,omitempty"`   // given by the CMF
	Name             string     `json:"name,omitempty"` // for people
	StatementOID     string     `json:"keyAttestationStatementOid"`
	PublicKey        string     `json:"publicKey,omitempty"`        // PEM, SubjectPublicKeyInfo
	CertificateChain string     `json:"certificateChain,omitempty"` // PEM, its own certificate first
	Roots            string     `json:"roots,omitempty"`            // PEM
	Activated        *time.Time `json:"activated,omitempty"`        // when credential activation proved that the key is a TPM's
	Withdrawn        *time.Time `json:"withdrawn,omitempty"`        // from then on it attests nothing
	Registered       *time.Time `json:"registered,omitempty"`
}

// RegisterRequest is RegisterRequest (IFA 033 table 11.2.2.2.2-1) with the
// attesters of clause 11.2.1.
type RegisterRequest struct {
	// TrustDomain is named by who is of the hub itself; another one's is its own.
	TrustDomain string `json:"trustDomain,omitempty"`

	CertType               CertType   `json:"certType"`
	SubjectID              []string   `json:"subjectId"`                        // FQDNs of MANO entities, else identifiers of VNFC instances
	TypeOfVnfcCertHandling Handling   `json:"typeOfVnfcCertHandling,omitempty"` // for VNFCI_CERT and VNFOAM_CERT only, and needed there
	VnfInstanceID          string     `json:"vnfInstanceId,omitempty"`          // that the VNFC instances are of
	VnfdID                 string     `json:"vnfdId,omitempty"`
	CertificateDescID      string     `json:"certificateDescId,omitempty"` // descriptor of the VNFD that the profile below is from
	BaseProfile            *Profile   `json:"certificateBaseProfile,omitempty"`
	AttesterIDs            []string   `json:"attesterIds,omitempty"` // registered before
	Attesters              []Attester `json:"attesters,omitempty"`   // registered with this
}

// Profile is what a VNFD's certificate descriptor says of the certificate: the
// part of CertificateBaseProfile and CSRRequirements (SOL 001 V5.4.1 clauses
// 6.2.79, 6.2.80) that the CMF follows. It narrows the trust domain's profile and
// never widens it.
type Profile struct {
	CommonName   string   `json:"commonName,omitempty"`
	Organization string   `json:"organization,omitempty"`
	Country      string   `json:"country,omitempty"`
	State        string   `json:"state,omitempty"`
	Locality     string   `json:"locality,omitempty"`
	DNSNames     []string `json:"dnsNames,omitempty"`
	MinimumRSA   int      `json:"minimumRsaBits,omitempty"`
	MaxValidity  string   `json:"maxValidityPeriod,omitempty"` // Go duration
}

// Registration is what Register made.
type Registration struct {
	ID                     string    `json:"id"`
	TrustDomain            string    `json:"trustDomain"`
	Manager                string    `json:"manager"` // identity of the consumer that registered it and alone may use it
	CertType               CertType  `json:"certType"`
	SubjectID              []string  `json:"subjectId"`
	TypeOfVnfcCertHandling Handling  `json:"typeOfVnfcCertHandling,omitempty"`
	VnfInstanceID          string    `json:"vnfInstanceId,omitempty"`
	VnfdID                 string    `json:"vnfdId,omitempty"`
	CertificateDescID      string    `json:"certificateDescId,omitempty"`
	BaseProfile            *Profile  `json:"certificateBaseProfile,omitempty"`
	AttesterIDs            []string  `json:"attesterIds,omitempty"`
	Issuer                 string    `json:"issuer"` // of the CA that was chosen: its key identifier, hexadecimal
	Registered             time.Time `json:"registered"`
	Ended                  bool      `json:"ended,omitempty"` // no further certificate is signed for it
}

// ChallengeRequest asks for a nonce that the next attestation has to contain, or,
// with an attester and an endorsement key, for a credential that only the TPM that
// holds both can open (TPM 2.0 part 1, credential activation).
type ChallengeRequest struct {
	// TrustDomain is named by who is of the hub itself; another one's is its own.
	TrustDomain string `json:"trustDomain,omitempty"`

	RegistrationID string `json:"registrationId,omitempty"`
	AttesterID     string `json:"attesterId,omitempty"`
	EKCertificate  string `json:"ekCertificate,omitempty"` // PEM, with the certificates above it
	EKPublic       string `json:"ekPublic,omitempty"`      // TPMT_PUBLIC, base64
	AKPublic       string `json:"akPublic,omitempty"`      // TPMT_PUBLIC, base64
}

// Challenge is the answer. It is good once, until it expires.
type Challenge struct {
	ID             string    `json:"id"`
	Nonce          string    `json:"nonce,omitempty"`          // base64
	CredentialBlob string    `json:"credentialBlob,omitempty"` // TPM2B_ID_OBJECT, base64
	Secret         string    `json:"secret,omitempty"`         // TPM2B_ENCRYPTED_SECRET, base64
	Expires        time.Time `json:"expires"`
}

// ActivationRequest is the secret that the TPM got out of a credential.
type ActivationRequest struct {
	Secret string `json:"secret"` // base64
}

// SigningRequest is CSRRequest (IFA 033 table 11.2.3.2-1).
type SigningRequest struct {
	// TrustDomain is named by who is of the hub itself; another one's is its own.
	TrustDomain string `json:"trustDomain,omitempty"`

	VnfcID           string   `json:"vnfcId,omitempty"` // needed for VNFCI_CERT and VNFOAM_CERT
	FQDN             string   `json:"fqdn,omitempty"`   // needed for MANO_CERT, which IFA 033 leaves open
	CertType         CertType `json:"certType"`
	CertChainRequest bool     `json:"certChainRequest"`
	CSR              string   `json:"csr"`                     // PEM, PKCS#10
	ChallengeID      string   `json:"challengeId,omitempty"`   // whose nonce the attestation has
	RenewalReason    string   `json:"renewalReason,omitempty"` // of a renewal: why it comes before its time
}

// States of a certificate signing request.
const (
	RequestProcessing = "PROCESSING"
	RequestIssued     = "ISSUED"
	RequestRefused    = "REFUSED"
	RequestFailed     = "FAILED" // the authority did not sign; it may be sent again
)

// Signing is CSRResponse (IFA 033 table 11.2.3.3-1) as a resource.
type Signing struct {
	ID               string    `json:"id"`
	State            string    `json:"state"`
	RegistrationID   string    `json:"registrationId"`
	CertificateID    string    `json:"certificateId,omitempty"`
	Certificate      string    `json:"certificate,omitempty"`      // PEM
	CertificateChain []string  `json:"certificateChain,omitempty"` // PEM each, from the issuer up, the root last, when asked for
	Assurance        string    `json:"assurance,omitempty"`
	Reasons          []Reason  `json:"reasons,omitempty"` // why it was refused, or treated as unattested
	Requested        time.Time `json:"requested"`
}

// Reason is a check that failed.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

// States of a certificate.
const (
	CertificateValid   = "VALID"
	CertificateRevoked = "REVOKED"
	CertificateExpired = "EXPIRED"
)

// Certificate is an entry of the inventory.
type Certificate struct {
	ID               string     `json:"id"`
	TrustDomain      string     `json:"trustDomain"`
	State            string     `json:"state"`
	CertType         CertType   `json:"certType"`
	SubjectID        string     `json:"subjectId"`
	VnfInstanceID    string     `json:"vnfInstanceId,omitempty"`
	RegistrationID   string     `json:"registrationId"`
	AttesterID       string     `json:"attesterId,omitempty"`
	Assurance        string     `json:"assurance"`
	SerialNumber     string     `json:"serialNumber"` // hexadecimal
	Issuer           string     `json:"issuer"`       // key identifier, hexadecimal
	Subject          string     `json:"subject"`      // RFC 4514
	Fingerprint      string     `json:"fingerprint"`  // SHA-256, hexadecimal
	KeyHash          string     `json:"keyHash"`      // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
	NotBefore        time.Time  `json:"notBefore"`
	NotAfter         time.Time  `json:"notAfter"`
	Renews           string     `json:"renews,omitempty"`    // certificate that it takes the place of
	RenewedBy        string     `json:"renewedBy,omitempty"` // certificate that took its place
	Revoked          *time.Time `json:"revoked,omitempty"`
	RevocationReason string     `json:"revocationReason,omitempty"` // RFC 5280 clause 5.3.1: "keyCompromise"
	// RevocationUnpublished: no revocation list tells it, because the authority
	// elsewhere that issued it has another issuer now.
	RevocationUnpublished bool `json:"revocationUnpublished,omitempty"`
	// IssuerRevoked: its issuer was revoked then, so that it is not valid for who checks
	// the whole chain. It has to be renewed, which it can be at any time.
	IssuerRevoked    *time.Time `json:"issuerRevoked,omitempty"`
	Certificate      string     `json:"certificate,omitempty"`      // PEM
	CertificateChain []string   `json:"certificateChain,omitempty"` // PEM each, from the issuer up, the root last
}

// RevokeRequest ends a certificate.
type RevokeRequest struct {
	Reason  string `json:"reason"`            // CRLReason of RFC 5280 clause 5.3.1: "keyCompromise"
	Comment string `json:"comment,omitempty"` // for the record
}
