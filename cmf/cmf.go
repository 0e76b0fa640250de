// Package cmf has what the parts of the Certificate Management Function share: the
// records that they keep and where they keep them (IFA 033 clauses 9 to 11).
//
// Nothing here decides anything: cmf/enrol registers and issues, cmf/lifecycle
// renews and revokes, cmf/authority has the certificate authorities of the trust
// domains, cmf/direct follows the VNFM, cmf/cmfapi serves them.
package cmf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
	// Vouched: what proves it to be a device's own was given by an operator or by
	// configuration. What a consumer says of its own attester proves nothing to others.
	Vouched bool   `json:"vouched,omitempty"`
	KeyHash string `json:"keyHash"` // SHA-256 of its SubjectPublicKeyInfo, hexadecimal; of its roots where it has no key of its own
	// Unrecorded: it is not known yet that its record is written. It is answered
	// after that alone; start-up writes the record of one that a crash left so.
	Unrecorded bool `json:"unrecorded,omitempty"`
	// Activations are those whose records may not be written yet, likewise.
	Activations []Activation `json:"activations,omitempty"`
}

// Activation is an answer that proved the key of an attester to be in a TPM.
type Activation struct {
	ChallengeID string    `json:"challengeId"`
	At          time.Time `json:"at"`
	By          string    `json:"by"` // identity
	Vouched     bool      `json:"vouched,omitempty"`
}

// Same says whether two activations answer the same challenge.
func (v Activation) Same(other Activation) bool { return v.ChallengeID == other.ChallengeID }

// Registration is a registration as it is stored.
type Registration struct {
	certmgmt.Registration
	Unrecorded bool    `json:"unrecorded,omitempty"` // as of [Attester]
	Ending     *Ending `json:"ending,omitempty"`     // its end, while the record of that may not be written yet
}

// Ending says when and by whom a registration was ended.
type Ending struct {
	At time.Time `json:"at"`
	By string    `json:"by"` // identity
}

// HostNames returns the host names that its certificates can have.
func (r *Registration) HostNames() []string {
	if r.CertType == certmgmt.MANOCert {
		return r.SubjectID
	}
	if r.BaseProfile == nil {
		return nil
	}
	return r.BaseProfile.DNSNames
}

// Names returns the names that its certificates can have: host names and URIs.
func (r *Registration) Names() []string {
	names := slices.Clone(r.HostNames())
	if r.CertType != certmgmt.MANOCert {
		for _, id := range r.SubjectID {
			names = append(names, VnfcURI(r.VnfInstanceID, id).String())
		}
	}
	return names
}

// VnfcURI is how a certificate names a VNFC instance: "urn:uuid:" with its
// identifier if that is a UUID in lower case, else with one that follows from its
// VNF instance and its identifier.
func VnfcURI(vnfInstanceID, id string) *url.URL {
	if !isUUID(id) {
		id = hub.DeriveID("vnfc-instance", vnfInstanceID, id)
	}
	return &url.URL{Scheme: "urn", Opaque: "uuid:" + id}
}

// isUUID says whether a text is a UUID in the form of RFC 9562, in lower case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (r == '-') || (!hyphen && !strings.ContainsRune("0123456789abcdef", r)) {
			return false
		}
	}
	return true
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
	Vouched        bool       `json:"vouched,omitempty"`    // the endorsement key leads to a root of the operator's
	Expires        time.Time  `json:"expires"`
	Used           *time.Time `json:"used,omitempty"`
	UsedBy         string     `json:"usedBy,omitempty"` // request that used it
}

// Request is a certificate signing request as it is stored, with everything that was
// decided and what came of it; before the authority is asked, where that is not part
// of the hub or asked once more. Its ID is derived from the consumer, the registration and the CSR, so that the same
// request again finds what it was answered.
type Request struct {
	certmgmt.Signing
	TrustDomain string               `json:"trustDomain"`
	Manager     string               `json:"manager"`
	SubjectID   string               `json:"subjectId"`
	CertType    certmgmt.CertType    `json:"certType"`
	By          string               `json:"by"`                // identity of who sent it: the manager, or an operator
	CSR         []byte               `json:"csr"`               // DER
	Verdict     *attestation.Verdict `json:"verdict,omitempty"` // nil: it had no attestation
	AttesterID  string               `json:"attesterId,omitempty"`
	ChallengeID string               `json:"challengeId,omitempty"`
	Policy      string               `json:"policy,omitempty"` // revision of the Rego policies that judged it
	// InForce says what judged it, as it is on record; nil in requests of before that was.
	InForce *InForceSince         `json:"inForce,omitempty"`
	Renews  string                `json:"renews,omitempty"` // certificate that it is to take the place of
	Order   *hub.CertificateOrder `json:"order,omitempty"`  // what the authority was or is asked to sign, without the CSR; nil when it was refused, or issued at once
	Attempt int                   `json:"attempt,omitempty"`
	Started time.Time             `json:"started,omitzero"` // of the attempt
	// Recorded: a certificate of this attempt is recorded before it is stored. It was
	// the other way round in requests without it.
	Recorded bool `json:"recorded,omitempty"`
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
	Open    bool      `json:"open,omitempty"` // it is not known yet that its list is signed and its record written
	Held    bool      `json:"held,omitempty"` // nobody may be told before its record is written
	// Unpublished: no list has it, because an authority elsewhere replaced the issuer,
	// and signs no lists as that any more.
	Unpublished bool `json:"unpublished,omitempty"`
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
	Reached       *state.Kind[Reached]
	InForce       *state.Kind[InForceSince]

	keptInForce *state.Kind[keptInForce]
	beats       *state.Kind[beat]
}

// beat is written to see when it is told, see [Store.CatchUp].
type beat struct{}

// CatchUp waits until what other processes wrote before, in a trust domain, is found
// here. It costs two durable writes: it is for what is not found.
func (s *Store) CatchUp(ctx context.Context, domain string) error {
	e, err := s.beats.Create(ctx, domain, hub.NewID(), &beat{})
	if err != nil {
		return fmt.Errorf("write a mark: %w", err)
	}
	err = s.beats.Reflected(ctx, e)
	if gone := s.beats.Delete(ctx, e.ID, nil); err == nil && gone != nil && hub.CodeOf(gone) != hub.NotFound {
		err = fmt.Errorf("take a mark away: %w", gone)
	}
	return err
}

// NewStore adds the CMF's kinds to a space that is not open yet.
func NewStore(space *state.Space) *Store {
	return &Store{
		Space:         space,
		Attesters:     state.NewKept(space, "attester", attesterTerms),
		Registrations: state.NewKept(space, "registration", registrationTerms),
		Challenges:    state.NewKind(space, "challenge", func(c *Challenge) []string { return []string{ByConsumer(c.For)} }),
		Requests:      state.NewLasting(space, "request", requestTerms),
		Certificates:  state.NewLasting(space, "certificate", certificateTerms),
		Reached:       state.NewKept[Reached](space, "reached", nil),
		InForce:       state.NewKept[InForceSince](space, "in-force", nil),
		keptInForce:   state.NewKind[keptInForce](space, prefixInForce, nil),
		beats:         state.NewKind[beat](space, "beat", nil),
	}
}

func attesterTerms(a *Attester) []string {
	return unrecorded(a.Unrecorded || len(a.Activations) > 0, []string{ByConsumer(a.By), ByAttesterKey(a.KeyHash)})
}

func requestTerms(r *Request) []string {
	return []string{ByState(r.State), ByConsumer(r.Manager), ByCSR(r.CSR)}
}

// registrationTerms lets one that ended be found by its consumer and VNF only: its
// subjects and names are free.
func registrationTerms(r *Registration) []string {
	terms := unrecorded(r.Unrecorded || r.Ending != nil, []string{ByConsumer(r.Manager), ByVnf(r.VnfInstanceID)})
	if r.Ended {
		return terms
	}
	for _, id := range r.SubjectID {
		terms = append(terms, BySubject(r.CertType, id))
	}
	for _, name := range r.Names() {
		terms = append(terms, ByName(name))
	}
	for _, id := range r.AttesterIDs {
		terms = append(terms, ByAttester(id))
	}
	return terms
}

func certificateTerms(c *Certificate) []string {
	terms := []string{
		BySubject(c.CertType, c.SubjectID), ByConsumer(c.Manager), ByVnf(c.VnfInstanceID), ByAttester(c.AttesterID), ByKey(c.TrustDomain, c.KeyHash),
		BySerial(c.Issuer, c.Serial), ByBegin(c.NotBefore), ByEnd(c.NotAfter), ByRenews(c.Renews), ByAssurance(c.TrustDomain, c.Assurance),
		ByHour(c.TrustDomain, c.CertType, c.SubjectID, c.NotBefore), ByIssuer(c.Issuer),
	}
	if c.Revoked != nil {
		terms = append(terms, ByRevoked(c.Issuer, c.NotAfter), ByRevokedIn(c.TrustDomain))
		if c.Revoked.Open {
			terms = append(terms, ByOpen(c.TrustDomain))
		}
	}
	return terms
}

// unrecorded adds the term of what has no record yet.
func unrecorded(is bool, terms []string) []string {
	if is {
		return append(terms, Unrecorded)
	}
	return terms
}

// Terms by which records are found, for [state.Kind.Find].

// Unrecorded finds attesters and registrations of which a record may not be written yet.
const Unrecorded = "unrecorded"

// BySubject finds by the entity that a certificate or registration is for.
func BySubject(t certmgmt.CertType, subjectID string) string {
	return "subject=" + string(t) + " " + subjectID
}

// ByConsumer finds by the identity that registered something.
func ByConsumer(identity string) string { return "consumer=" + identity }

// ByAttesterKey finds attesters by [Attester.KeyHash].
func ByAttesterKey(hash string) string { return "key=" + hash }

// ByName finds registrations by a host name or URI of their certificates.
func ByName(name string) string { return "name=" + name }

// ByCSR finds requests by their CSR in DER.
func ByCSR(csr []byte) string {
	digest := sha256.Sum256(csr)
	return "csr=" + hex.EncodeToString(digest[:])
}

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

// ByBegin finds certificates by the day from which they are valid, UTC.
func ByBegin(notBefore time.Time) string { return "begins=" + notBefore.UTC().Format(time.DateOnly) }

// ByKey finds the certificates that a trust domain has issued for a key, by the
// SHA-256 of its SubjectPublicKeyInfo.
func ByKey(domain, keyHash string) string { return "key=" + domain + " " + keyHash }

// ByHour finds the certificates of an entity that begin in an hour, UTC.
func ByHour(domain string, t certmgmt.CertType, subjectID string, hour time.Time) string {
	return "hour=" + domain + " " + string(t) + " " + subjectID + " " + strconv.FormatInt(hour.Unix()/3600, 36)
}

// ByRenews finds the certificate that took the place of another one.
func ByRenews(id string) string { return prefixed("renews=", id) }

// ByAssurance finds a trust domain's certificates by their assurance.
func ByAssurance(domain, assurance string) string { return "assurance=" + domain + " " + assurance }

// ByIssuer finds certificates by the key identifier of their issuer.
func ByIssuer(issuer string) string { return prefixed("issuer=", issuer) }

// ByRevoked finds what was revoked of an issuer's, by the month in which it ends:
// what ended long ago is in no list any more, and need not be looked at.
func ByRevoked(issuer string, notAfter time.Time) string {
	return "revoked=" + issuer + " " + notAfter.UTC().Format("2006-01")
}

// ByRevokedIn finds what was revoked of a trust domain's.
func ByRevokedIn(domain string) string { return "revoked-in=" + domain }

// ByOpen finds a trust domain's revocations that are not through yet.
func ByOpen(domain string) string { return "open=" + domain }

// ByState finds requests by their state.
func ByState(s string) string { return "state=" + s }

// prefixed leaves the term out where there is nothing to find by.
func prefixed(prefix, value string) string {
	if value == "" {
		return ""
	}
	return prefix + value
}
