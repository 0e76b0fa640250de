package attester

import (
	"encoding/asn1"
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
)

// Certify lets the attestation key state that key is in the TPM (TPM2_Certify), with
// nonce as qualifying data, which may be empty. The statement is a TcgAttestCertify of
// the type [tpm.OID].
func (d *TPM) Certify(ak, key Key, nonce []byte) (attestation.Statement, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "certify key"
	if len(nonce) > attestation.MaxNonce {
		return attestation.Statement{}, hub.E(hub.Invalid, op, fmt.Sprintf("the nonce has %d bytes; a TPM takes %d at most", len(nonce), attestation.MaxNonce), nil)
	}
	there, drop, err := d.load(op, ak, key)
	if err != nil {
		return attestation.Statement{}, err
	}
	defer drop()
	rsp, err := tpm2.Certify{
		ObjectHandle: there[1].auth(), SignHandle: there[0].auth(), QualifyingData: tpm2.TPM2BData{Buffer: nonce},
		InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
	}.Execute(d.conn)
	if err != nil {
		return attestation.Statement{}, d.explain(op, err)
	}
	raw, err := asn1.Marshal(struct{ Attest, Signature, Public []byte }{rsp.CertifyInfo.Bytes(), tpm2.Marshal(rsp.Signature), key.Public})
	if err != nil {
		return attestation.Statement{}, hub.E(hub.Internal, op, "the statement cannot be encoded", err)
	}
	return attestation.Statement{OID: tpm.OID, DER: raw}, nil
}
