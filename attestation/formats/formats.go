// Package formats joins all statement formats that manoward knows into one
// registry, so that the hub and the command line judge alike.
package formats

import (
	"fmt"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/pkix"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/attestation/webauthn"
	"github.com/manoward/manoward/attestation/yubico"
)

// Config has what standards leave open.
type Config struct {
	// EvidenceOID is the type of PKIX Evidence, dotted, until it is assigned;
	// pkix.SampleArc when empty.
	EvidenceOID string
	Evidence    pkix.Config
}

// New makes the registry.
func New(c Config) (*attestation.Registry, error) {
	evidence, err := pkix.New(c.Evidence)
	if err != nil {
		return nil, err
	}
	if c.EvidenceOID == "" {
		c.EvidenceOID = pkix.SampleArc
	}
	all := map[string]attestation.Format{tpm.OID: tpm.Format{}, yubico.PIVOID: yubico.PIV{}, yubico.HSMOID: yubico.HSM{}, webauthn.OID: webauthn.Format{}}
	if other, taken := all[c.EvidenceOID]; taken {
		return nil, fmt.Errorf("register PKIX Evidence: the OID %s belongs to the format %s", c.EvidenceOID, other.Name())
	}
	all[c.EvidenceOID] = evidence
	return attestation.NewRegistry(all)
}
