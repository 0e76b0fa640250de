package attester

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
)

// Description is what somebody has to know of a device to register it as attester. It
// holds no secret. In JSON it is the file that "manoward attest ak" writes.
type Description struct {
	Statement string          `json:"statement"` // OID of its statements, dotted
	Key       string          `json:"key"`       // public key of the attestation key, PEM
	TPM       *DescriptionTPM `json:"tpm,omitempty"`
}

// DescriptionTPM is what proves that the attestation key is in a TPM: the areas that a
// challenge is made for ([tpm.NewChallenge]).
type DescriptionTPM struct {
	AK            []byte `json:"ak"`                      // public area of the attestation key, TPMT_PUBLIC
	EK            []byte `json:"ek"`                      // public area of the endorsement key, TPMT_PUBLIC
	EKCertificate string `json:"ekCertificate,omitempty"` // PEM; empty when the TPM has none
}

// DescribeTPM describes a TPM with its attestation key.
func DescribeTPM(ak Key, ek Endorsement) (Description, error) {
	spki, err := ak.SPKI()
	if err != nil {
		return Description{}, err
	}
	d := Description{Statement: tpm.OID, Key: block("PUBLIC KEY", spki), TPM: &DescriptionTPM{AK: ak.Public, EK: ek.Public}}
	if ek.Certificate != nil {
		d.TPM.EKCertificate = block("CERTIFICATE", ek.Certificate)
	}
	return d, nil
}

// DescribeToken describes a token by its attestation key (SubjectPublicKeyInfo, DER).
func (e Evidence) DescribeToken(spki []byte) Description {
	return Description{Statement: e.numbers().OID, Key: block("PUBLIC KEY", spki)}
}

func block(kind string, raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}

// ParseDescription reads a description, and checks that its parts can be read and fit
// one another. Fields that it does not know are left out.
func ParseDescription(text []byte) (Description, error) {
	bad := func(format string, args ...any) (Description, error) {
		return Description{}, hub.E(hub.Invalid, "read description of attester", fmt.Sprintf(format, args...)+"; let manoward attest ak write it again", nil)
	}
	var d Description
	if err := json.Unmarshal(text, &d); err != nil {
		return bad("the description of the attester is not JSON of the right form")
	}
	if oid, err := x509.ParseOID(d.Statement); err != nil || oid.String() != d.Statement {
		return bad("the description of the attester names no type of statements (an OID)")
	}
	spki, err := d.SPKI()
	if err != nil {
		return bad("the description of the attester has no public key in PEM that can be used")
	}
	if d.TPM == nil {
		return d, nil
	}
	ak, err := tpm.ReadPublic(d.TPM.AK)
	if err != nil || !attestation.SameKey(ak.SPKI, spki) {
		return bad("the TPM's attestation key in the description is not the key that it describes")
	}
	if _, err := tpm.ReadPublic(d.TPM.EK); err != nil {
		return bad("the endorsement key in the description cannot be read")
	}
	if _, err := d.TPM.Certificate(); err != nil {
		return bad("the certificate of the endorsement key in the description cannot be read")
	}
	return d, nil
}

// SPKI returns the attestation key as SubjectPublicKeyInfo in DER.
func (d Description) SPKI() ([]byte, error) {
	block, _ := pem.Decode([]byte(d.Key))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, attestation.Because(attestation.AttesterInvalid, "no public key in PEM")
	}
	_, err := attestation.ParseKey(block.Bytes)
	return block.Bytes, err
}

// Certificate returns the certificate of the endorsement key, nil when there is none.
func (d DescriptionTPM) Certificate() (*x509.Certificate, error) {
	if d.EKCertificate == "" {
		return nil, nil
	}
	block, _ := pem.Decode([]byte(d.EKCertificate))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, attestation.Because(attestation.EndorsementInvalid, "no certificate in PEM")
	}
	return attestation.ParseCertificate(block.Bytes)
}
