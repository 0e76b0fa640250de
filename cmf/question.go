package cmf

import (
	"crypto"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Question is a certificate signing request, with what is known of it, that the
// policies of its trust domain are to judge (package judge). Everything that no
// policy may allow was checked before: the syntax, who asks, the names, the
// signature of the CSR.
type Question struct {
	// Request needs ID, TrustDomain, Manager, SubjectID, CertType, RegistrationID,
	// Renews, Verdict (nil: it had no attestation) and AttesterID. Its state, reasons,
	// policy and order are not looked at.
	Request      *Request
	Registration *Registration
	Attester     *Attester // that the verdict is about; nil: none
	Key          crypto.PublicKey
	KeyHash      string // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
	Profile      Demands
	At           time.Time // of the request: the only time that policies know
}

// Demands are what a trust domain's certificate profile asks for, as far as
// policies may know it.
type Demands struct {
	MinimumAssurance attestation.Assurance
	NonceRequired    bool
	MaxValidity      time.Duration // zero: no limit but the issuer's end
}

// Judgement is what became of a [Question]. The zero value allows nothing that the
// verdict does not carry: Refused false and Unattested false is the answer to a
// request whose attestation holds.
type Judgement struct {
	Refused    bool
	Unattested bool // the certificate may be issued, but as an unattested one, whatever the verdict says
	// Reasons say why it was refused, or is treated as unattested.
	Reasons []certmgmt.Reason
	// Findings are all that the policies said, for the record.
	Findings []hub.Finding
	// Undecided names policies that could not judge; then the request is refused.
	Undecided []Undecided
	// Revision is that of the policies, a slash, and that of their parameters. The
	// same revision, question and history give the same judgement.
	Revision string
}

// Undecided is a policy that could not judge, and why.
type Undecided struct {
	Policy string `json:"policy"`
	Reason string `json:"reason"` // safe to show
}
