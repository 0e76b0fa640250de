// Package cmf has what the parts of the Certificate Management Function share: the
// records that they keep and where they keep them (IFA 033 clauses 9 to 11).
//
// Nothing here decides anything: cmf/enrol registers and issues, cmf/lifecycle
// renews and revokes, cmf/authority has the certificate authorities of the trust
// domains, cmf/direct follows the VNFM, cmf/cmfapi serves them.
package cmf

import (
	"math/big"
	"strconv"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Attester is a registered attester as it is stored.
type Attester struct {
	certmgmt.Attester
	TrustDomain string `json:"trustDomain"`
	By          string `json:"by"` // identity of who registered it: a VNFM, which alone may use it, or an operator
}

// Registration is a registration as it is stored.
type Registration struct {
	certmgmt.Registration
}

// Challenge is a nonce or a credential that was given out. It is used once.
type Challenge struct {
	ID             string     `json:"id"`
	TrustDomain    string     `json:"trustDomain"`
	For            string     `json:"for"` // identity of the consumer
	RegistrationID string     `json:"registrationId,omitempty"`
	AttesterID     string     `json:"attesterId,omitempty"`
	Nonce          []byte     `json:"nonce,omitempty"`
	SecretHash     []byte     `json:"secretHash,omitempty"` // SHA-256 of what activation has to give back
	Expires        time.Time  `json:"expires"`
	Used           *time.Time `json:"used,omitempty"`
	UsedBy         string     `json:"usedBy,omitempty"` // request that used it
}

// Request is a certificate signing request as it is stored: before the authority is
// asked, with everything that was decided, and after it with what came of it. Its ID
// is derived from the consumer, the registration and the CSR, so that the same
// request again finds what it was answered.
type Request struct {
	certmgmt.Signing
	TrustDomain string                `json:"trustDomain"`
	Manager     string                `json:"manager"`
	SubjectID   string                `json:"subjectId"`
	CertType    certmgmt.CertType     `json:"certType"`
	CSR         []byte                `json:"csr"`               // DER
	Verdict     *attestation.Verdict  `json:"verdict,omitempty"` // nil: it had no attestation
	AttesterID  string                `json:"attesterId,omitempty"`
	ChallengeID string                `json:"challengeId,omitempty"`
	Policy      string                `json:"policy,omitempty"` // revision of the Rego policies that judged it
	Renews      string                `json:"renews,omitempty"` // certificate that it is to take the place of
	Order       *hub.CertificateOrder `json:"order,omitempty"`  // what the authority was or is asked to sign; nil when it was refused
}

// Certificate is an issued certificate as it is stored. Its ID is that of the
// request it came from.
type Certificate struct {
	ID             string            `json:"id"`
	TrustDomain    string            `json:"trustDomain"`
	Manager        string            `json:"manager"`
	CertType       certmgmt.CertType `json:"certType"`
	SubjectID      string            `json:"subjectId"`
	VnfInstanceID  string            `json:"vnfInstanceId,omitempty"`
	RegistrationID string            `json:"registrationId"`
	AttesterID     string            `json:"attesterId,omitempty"`
	Assurance      string            `json:"assurance"`
	Serial         *big.Int          `json:"serial"`
	Issuer         string            `json:"issuer"`
	KeyHash        string            `json:"keyHash"`
	NotBefore      time.Time         `json:"notBefore"`
	NotAfter       time.Time         `json:"notAfter"`
	DER            []byte            `json:"der"`
	Renews         string            `json:"renews,omitempty"`
	RenewedBy      string            `json:"renewedBy,omitempty"`
	Revoked        *Revocation       `json:"revoked,omitempty"`
}

// Revocation says when, why and by whom a certificate was ended.
type Revocation struct {
	At      time.Time `json:"at"`     // whole seconds
	Reason  int       `json:"reason"` // CRLReason, RFC 5280 clause 5.3.1
	By      string    `json:"by"`     // identity
	Comment string    `json:"comment,omitempty"`
}

// Store is where the CMF keeps its records, in a table of each trust domain. It is
// safe for concurrent use.
type Store struct {
	Space         *state.Space
	Attesters     *state.Kind[Attester]
	Registrations *state.Kind[Registration]
	Challenges    *state.Kind[Challenge]
	Requests      *state.Kind[Request]
	Certificates  *state.Kind[Certificate]
}

// NewStore adds the CMF's kinds to a space that is not open yet.
func NewStore(space *state.Space) *Store {
	return &Store{
		Space:         space,
		Attesters:     state.NewKept(space, "attester", func(a *Attester) []string { return []string{ByConsumer(a.By)} }),
		Registrations: state.NewKind(space, "registration", registrationTerms),
		Challenges:    state.NewKind[Challenge](space, "challenge", nil),
		Requests:      state.NewKind(space, "request", func(r *Request) []string { return []string{ByState(r.State)} }),
		Certificates:  state.NewKind(space, "certificate", certificateTerms),
	}
}

func registrationTerms(r *Registration) []string {
	terms := []string{ByConsumer(r.Manager), ByVnf(r.VnfInstanceID)}
	for _, id := range r.SubjectID {
		terms = append(terms, BySubject(r.CertType, id))
	}
	for _, id := range r.AttesterIDs {
		terms = append(terms, ByAttester(id))
	}
	return terms
}

func certificateTerms(c *Certificate) []string {
	terms := []string{
		BySubject(c.CertType, c.SubjectID), ByVnf(c.VnfInstanceID), ByAttester(c.AttesterID),
		BySerial(c.Issuer, c.Serial), ByEnd(c.NotAfter), ByKey(c.TrustDomain, c.KeyHash),
		ByHour(c.TrustDomain, c.CertType, c.SubjectID, c.NotBefore),
	}
	if c.Revoked != nil {
		terms = append(terms, ByRevoked(c.Issuer))
	}
	return terms
}

// Terms by which records are found, for [state.Kind.Find].

// BySubject finds by the entity that a certificate or registration is for.
func BySubject(t certmgmt.CertType, subjectID string) string {
	return "subject=" + string(t) + " " + subjectID
}

// ByConsumer finds by the identity that registered something.
func ByConsumer(identity string) string { return "consumer=" + identity }

// ByVnf finds by the VNF instance.
func ByVnf(id string) string { return prefixed("vnf=", id) }

// ByAttester finds by the attester.
func ByAttester(id string) string { return prefixed("attester=", id) }

// BySerial finds a certificate by its issuer and serial number.
func BySerial(issuer string, serial *big.Int) string {
	return "serial=" + issuer + " " + serial.Text(16)
}

// ByEnd finds certificates by the day on which they end, UTC.
func ByEnd(notAfter time.Time) string { return "ends=" + notAfter.UTC().Format(time.DateOnly) }

// ByKey finds the certificates that a trust domain has issued for a key, by the
// SHA-256 of its SubjectPublicKeyInfo.
func ByKey(domain, keyHash string) string { return "key=" + domain + " " + keyHash }

// ByHour finds the certificates of an entity that begin in an hour, UTC.
func ByHour(domain string, t certmgmt.CertType, subjectID string, hour time.Time) string {
	return "hour=" + domain + " " + string(t) + " " + subjectID + " " + strconv.FormatInt(hour.Unix()/3600, 36)
}

// ByRevoked finds what was revoked of an issuer's.
func ByRevoked(issuer string) string { return "revoked=" + issuer }

// ByState finds requests by their state.
func ByState(s string) string { return "state=" + s }

// prefixed leaves the term out where there is nothing to find by.
func prefixed(prefix, value string) string {
	if value == "" {
		return ""
	}
	return prefix + value
}
