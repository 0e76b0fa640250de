package cmf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// MaxInForce bounds an [InForce] that is kept for evidence, in bytes: the bus takes a
// value of a megabyte everywhere. Of a larger one the digest alone is recorded.
const MaxInForce = 700 << 10

// InForce is by what the certificate requests of a trust domain are judged: the
// attestation policy (minimum assurance, nonces, roots of devices), the certificate
// profiles, and the Rego policies with their parameters.
type InForce struct {
	TrustDomain string                               `json:"trustDomain"`
	Revision    string                               `json:"revision"` // as of [Judgement]
	Profiles    map[certmgmt.CertType]ProfileInForce `json:"profiles"`
	DeviceRoots []RootInForce                        `json:"deviceRoots,omitempty"`
	Policies    []PolicyInForce                      `json:"policies,omitempty"`
	Parameters  map[string]json.RawMessage           `json:"parameters,omitempty"` // by policy, complete
	// OutsideVerifier says that statements are judged by somebody else (CMF.Relying).
	OutsideVerifier bool `json:"outsideVerifier,omitempty"`
	// Bundle is the policies as one file, which [policies.LoadContent] reads.
	Bundle []byte `json:"bundle,omitempty"`
}

// PolicyInForce names a policy.
type PolicyInForce struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// RootInForce names a certificate of a maker of devices that is trusted.
type RootInForce struct {
	Subject     string `json:"subject"`
	Fingerprint string `json:"fingerprint"` // SHA-256 of the DER, hexadecimal
}

// ProfileInForce is a certificate profile, with its defaults.
type ProfileInForce struct {
	Organization     string   `json:"organization,omitempty"`
	Country          string   `json:"country,omitempty"`
	State            string   `json:"state,omitempty"`
	Locality         string   `json:"locality,omitempty"`
	DNSSuffixes      []string `json:"dnsSuffixes,omitempty"`
	Keys             []string `json:"keys,omitempty"` // empty: all types
	MinimumRSA       int      `json:"minimumRsa"`
	Validity         string   `json:"validity"`
	Backdate         string   `json:"backdate"`
	KeyUsage         int      `json:"keyUsage"` // bits as in [crypto/x509.KeyUsage]
	ExtKeyUsage      []string `json:"extKeyUsage,omitempty"`
	MinimumAssurance string   `json:"minimumAssurance"`
	NonceRequired    bool     `json:"nonceRequired"`
	OldShapes        bool     `json:"oldShapes,omitempty"`
	UnknownClaims    bool     `json:"unknownClaims,omitempty"`
}

// InForceSince says what is in force in a trust domain. It is stored under the domain's
// name, after its record.
type InForceSince struct {
	Content string    `json:"content"` // SHA-256 of the [InForce] as JSON, hexadecimal
	Since   time.Time `json:"since"`
}

// keptInForce is an [InForce] as it is kept for evidence, under its SHA-256.
type keptInForce struct {
	Document []byte `json:"document"`
}

const prefixInForce = "policies"

// KeepInForce keeps the JSON of an [InForce] under its SHA-256. What is there stays.
func (s *Store) KeepInForce(ctx context.Context, domain, content string, raw []byte) error {
	_, err := s.keptInForce.Create(ctx, domain, content, &keptInForce{raw})
	if err != nil && hub.CodeOf(err) != hub.Conflict {
		return fmt.Errorf("keep the policies in force: %w", err)
	}
	return nil
}

// ReadInForce reads the JSON of an [InForce] by its SHA-256 out of the CMF's table of a
// trust domain, also where the CMF does not run: for evidence. It is hub.NotFound when
// it is not there.
func ReadInForce(ctx context.Context, table state.Table, content string) ([]byte, error) {
	const op = "read policies in force"
	raw, _, err := table.Get(ctx, prefixInForce+"/"+content)
	if code := hub.CodeOf(err); code == hub.NotFound || code == hub.Invalid {
		return nil, hub.E(hub.NotFound, op, fmt.Sprintf("the policies are not kept: they are larger than %d bytes, or the table of the CMF was lost", MaxInForce), err)
	}
	var kept keptInForce
	if err == nil {
		err = json.Unmarshal(raw, &kept)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", op, content, err)
	}
	if sum := sha256.Sum256(kept.Document); hex.EncodeToString(sum[:]) != content {
		return nil, fmt.Errorf("%s %s: what is stored has another digest", op, content)
	}
	return kept.Document, nil
}
