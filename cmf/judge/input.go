package judge

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// input is the input of policies for requests for certificates, as
// policies/schemas/certificate-request.json has it.
type input struct {
	Schema       string        `json:"schema"`
	Kind         hub.EventKind `json:"kind"`
	Time         time.Time     `json:"time"`
	TrustDomain  string        `json:"trustDomain"`
	Subject      subject       `json:"subject"`
	Event        event         `json:"event"`
	Attested     bool          `json:"attested"`
	Assurance    string        `json:"assurance"`
	DowngradedBy []string      `json:"downgradedBy,omitempty"`
	Verdict      *verdict      `json:"verdict,omitempty"`
	Attester     *attester     `json:"attester,omitempty"`
	Profile      profile       `json:"profile"`
	history
}

type subject struct {
	RequestID     string `json:"certificateRequestId"`
	VnfInstanceID string `json:"vnfInstanceId,omitempty"`
}

type event struct {
	ID                string            `json:"id"`
	CertType          certmgmt.CertType `json:"certType"`
	SubjectID         string            `json:"subjectId"`
	Manager           string            `json:"manager"`
	RegistrationID    string            `json:"registrationId"`
	VnfInstanceID     string            `json:"vnfInstanceId,omitempty"`
	VnfdID            string            `json:"vnfdId,omitempty"`
	CertificateDescID string            `json:"certificateDescId,omitempty"`
	Renews            string            `json:"renews,omitempty"`
	Key               key               `json:"key"`
}

type key struct {
	Algorithm         string   `json:"algorithm"`
	Bits              int      `json:"bits"`
	Hash              string   `json:"hash"`
	OtherCertificates int      `json:"otherCertificates"`
	OtherSubjects     []string `json:"otherSubjects"`
}

type verdict struct {
	Accepted  bool                 `json:"accepted"`
	Format    string               `json:"format,omitempty"`
	Statement string               `json:"statement,omitempty"`
	Attester  string               `json:"attester,omitempty"`
	Shape     string               `json:"shape,omitempty"`
	Assurance string               `json:"assurance"`
	Claims    []attestation.Claim  `json:"claims,omitempty"`
	Reasons   []attestation.Reason `json:"reasons,omitempty"`
	Lacks     []attestation.Reason `json:"lacks,omitempty"`
}

type attester struct {
	ID           string     `json:"id"`
	Name         string     `json:"name,omitempty"`
	Statement    string     `json:"statement,omitempty"`
	Known        []string   `json:"known"`
	RegisteredBy string     `json:"registeredBy,omitempty"`
	Registered   *time.Time `json:"registered,omitempty"`
	Activated    *time.Time `json:"activated,omitempty"`
	Withdrawn    *time.Time `json:"withdrawn,omitempty"`
}

type profile struct {
	MinimumAssurance string `json:"minimumAssurance"`
	NonceRequired    bool   `json:"nonceRequired"`
	MaxValidity      int64  `json:"maxValiditySeconds,omitempty"`
}

// inputOf makes the input of a question. It is a function of the two alone.
func inputOf(q *cmf.Question, before *past) *input {
	r, reg := q.Request, q.Registration
	in := &input{
		Schema: policies.InputSchema, Kind: hub.EventCertificateRequest, Time: q.At.UTC(), TrustDomain: r.TrustDomain,
		Subject: subject{r.ID, reg.VnfInstanceID}, Assurance: attestation.None.String(),
		Event: event{
			ID: r.ID, CertType: r.CertType, SubjectID: r.SubjectID, Manager: r.Manager, RegistrationID: r.RegistrationID,
			VnfInstanceID: reg.VnfInstanceID, VnfdID: reg.VnfdID, CertificateDescID: reg.CertificateDescID, Renews: r.Renews,
			Key: key{Hash: q.KeyHash, OtherCertificates: before.others, OtherSubjects: before.subjects},
		},
		Profile: profile{q.Profile.MinimumAssurance.String(), q.Profile.NonceRequired, int64(q.Profile.MaxValidity / time.Second)},
		history: before.history,
	}
	in.Event.Key.Algorithm, in.Event.Key.Bits = measure(q.Key)
	if v := r.Verdict; v != nil {
		in.Verdict = &verdict{v.Accepted, v.Format, v.Statement, v.Attester, v.Shape, v.Assurance.String(), v.Claims, v.Reasons, v.Lacks}
		in.Attested = v.Accepted && v.Assurance > attestation.None && q.Attester != nil && q.Attester.Withdrawn == nil
	}
	if in.Attested {
		in.Assurance = r.Verdict.Assurance.String()
	}
	if a := q.Attester; a != nil {
		in.Attester = &attester{a.ID, a.Name, a.StatementOID, knownBy(a), a.By, a.Registered, a.Activated, a.Withdrawn}
	}
	return in
}

// downgrade makes the key count as unattested, as policies want it.
func (in *input) downgrade(by []string) {
	in.Attested, in.Assurance, in.DowngradedBy = false, attestation.None.String(), by
}

// json is the input as policies read it. Its types cannot fail to be written.
func (in *input) json() []byte {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil // is no input, and so undecided
	}
	return raw
}

// measure returns type and size of a key.
func measure(k crypto.PublicKey) (algorithm string, bits int) {
	switch k := k.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Params().BitSize
	case ed25519.PublicKey:
		return "ED25519", 256
	}
	return "", 0
}

// knownBy says by what an attester was registered.
func knownBy(a *cmf.Attester) []string {
	known := []string{}
	for _, by := range []struct{ word, pem string }{{"public-key", a.PublicKey}, {"certificate-chain", a.CertificateChain}, {"roots", a.Roots}} {
		if by.pem != "" {
			known = append(known, by.word)
		}
	}
	return known
}
