package devicekit

import (
	"crypto"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/testkit/attestkit"
)

// Soft is a device in memory: an attestation key on P-256 that signs statements as
// a TPM would make them (TPM2_Certify). It is safe for concurrent use.
type Soft struct {
	ak   crypto.Signer
	spki []byte
}

// NewSoft makes a device with a key of its own.
func NewSoft(t testing.TB) *Soft {
	t.Helper()
	ak := attestkit.P256(t)
	return &Soft{ak, attestkit.SPKI(t, ak)}
}

// AK returns the attestation key as SubjectPublicKeyInfo in DER.
func (d *Soft) AK() []byte { return d.spki }

// AKPEM returns the attestation key as PUBLIC KEY in PEM.
func (d *Soft) AKPEM() []byte { return publicPEM(d.spki) }

// Attester returns the device as a registration has it, by its bare key.
func (d *Soft) Attester() attestation.Attester { return attesterOf(d.spki, tpm.OID) }

// CSR makes a request for a new key on P-256, or for the key of want.Again.
func (d *Soft) CSR(t testing.TB, want Want) Made {
	t.Helper()
	key := crypto.Signer(nil)
	if want.Again != nil {
		key = want.Again.Key
	} else {
		key = attestkit.P256(t)
	}
	made := want.request(t, key, attestation.Statement{OID: tpm.OID, DER: attestkit.Certify(t, d.ak, key, want.Nonce)})
	made.SPKI = attestkit.SPKI(t, key)
	return made
}
