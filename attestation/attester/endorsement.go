package attester

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
)

// Endorsement is the endorsement key (EK) of a TPM, by which its maker knows it.
type Endorsement struct {
	Public []byte // public area, TPMT_PUBLIC
	// Certificate is what the maker put into the TPM, DER; nil when there is none.
	Certificate []byte
}

// The templates of the TCG EK Credential Profile and where the maker's certificates
// are (2.2.1.4).
var endorsements = []struct {
	algorithm Algorithm
	template  tpm2.TPMTPublic
	index     tpm2.TPMHandle
}{
	{P256, tpm2.ECCEKTemplate, 0x01c0000a},
	{RSA2048, tpm2.RSAEKTemplate, 0x01c00002},
}

// Endorsement returns the endorsement key of the algorithm, [P256] or [RSA2048]. When
// it is empty, it is the one that the TPM has a certificate of, P-256 before RSA, or
// P-256 if it has none.
func (d *TPM) Endorsement(a Algorithm) (Endorsement, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "read endorsement key"
	which, certificate := -1, []byte(nil)
	for i, e := range endorsements {
		if a != "" && a != e.algorithm {
			continue
		}
		found, err := d.stored(op, e.index)
		if err != nil {
			return Endorsement{}, err
		}
		if which < 0 || certificate == nil && found != nil {
			which, certificate = i, found
		}
	}
	if which < 0 {
		return Endorsement{}, hub.E(hub.Invalid, op, fmt.Sprintf("endorsement keys are of %s or %s; name one of them", P256, RSA2048), nil)
	}
	key, public, err := d.primary(op, tpm2.TPMRHEndorsement, endorsements[which].template)
	if err != nil {
		return Endorsement{}, err
	}
	d.drop(key)
	return Endorsement{Public: public, Certificate: certificate}, nil
}

// stored returns the certificate in an index of the TPM's memory, or nil when there is
// none. What stands behind the certificate is padding of the maker.
func (d *TPM) stored(op string, index tpm2.TPMHandle) ([]byte, error) {
	about, err := tpm2.NVReadPublic{NVIndex: index}.Execute(d.conn)
	if errors.Is(err, tpm2.TPMRCHandle) {
		return nil, nil
	}
	if err != nil {
		return nil, d.explain(op, err)
	}
	area, err := about.NVPublic.Contents()
	if err != nil {
		return nil, d.explain(op, err)
	}
	var content []byte
	for len(content) < int(area.DataSize) {
		rsp, err := tpm2.NVRead{
			AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
			NVIndex:    tpm2.NamedHandle{Handle: index, Name: about.NVName},
			Size:       min(area.DataSize-uint16(len(content)), 512), Offset: uint16(len(content)),
		}.Execute(d.conn)
		if err != nil {
			return nil, d.explain(op, err)
		}
		if len(rsp.Data.Buffer) == 0 {
			break
		}
		content = append(content, rsp.Data.Buffer...)
	}
	var certificate asn1.RawValue
	if _, err := asn1.Unmarshal(content, &certificate); err == nil {
		if _, err := x509.ParseCertificate(certificate.FullBytes); err == nil {
			return certificate.FullBytes, nil
		}
	}
	return nil, hub.E(hub.Invalid, op, fmt.Sprintf("the TPM at %s holds something that is no certificate where its maker's belongs (index %08x); have it provisioned again", d.where, uint32(index)), nil)
}

// Activate answers a challenge for the attestation key: it returns the secret, which
// proves that the key is in this TPM. It is [hub.Invalid] when the challenge is for
// another key or another TPM.
func (d *TPM) Activate(ak Key, c tpm.Challenge) (secret []byte, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "answer challenge"
	wrong := func(err error) error {
		return hub.E(hub.Invalid, op, "the challenge is not for this TPM and this attestation key, or it was changed; register the attester with what attest ak wrote, and answer the newest challenge", err)
	}
	if len(c.Credential) > maxBlob || len(c.Seed) > maxBlob {
		return nil, wrong(nil)
	}
	there, drop, err := d.load(op, ak)
	if err != nil {
		return nil, err
	}
	defer drop()
	ek := endorsements[0]
	if len(c.Seed) == rsaSeed {
		ek = endorsements[1]
	}
	secret, err = d.activate(op, there[0], ek.template, c)
	if errors.Is(err, errForeign) {
		return nil, wrong(err)
	}
	return secret, err
}

// rsaSeed is the length of a seed for an RSA key of 2048 bits, and so tells which key a
// challenge is for. Those for P-256 are much shorter.
const rsaSeed = 256

// errForeign says that the TPM could not open a challenge.
var errForeign = errors.New("the challenge does not open")

func (d *TPM) activate(op string, ak loaded, template tpm2.TPMTPublic, c tpm.Challenge) ([]byte, error) {
	ek, _, err := d.primary(op, tpm2.TPMRHEndorsement, template)
	if err != nil {
		return nil, err
	}
	defer d.drop(ek)
	rsp, err := tpm2.ActivateCredential{
		ActivateHandle: ak.auth(),
		KeyHandle:      tpm2.AuthHandle{Handle: ek.handle, Name: ek.name, Auth: tpm2.Policy(tpm2.TPMAlgSHA256, 16, byEndorsement)},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: c.Credential},
		Secret:         tpm2.TPM2BEncryptedSecret{Buffer: c.Seed},
	}.Execute(d.conn)
	var code tpm2.TPMRC
	switch {
	case err == nil:
		return rsp.CertInfo.Buffer, nil
	// What is wrong with the challenge is answered about a parameter. libtpms answers with
	// a failure when the seed is for another RSA key, and works on.
	case errors.As(err, &code) && (aboutParameter(code) || errors.Is(code, tpm2.TPMRCFailure)):
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	return nil, d.explain(op, err)
}

func aboutParameter(code tpm2.TPMRC) bool {
	var detail tpm2.TPMFmt1Error
	if !errors.As(code, &detail) {
		return false
	}
	about, _ := detail.Parameter()
	return about
}

// byEndorsement is the policy of endorsement keys: whoever may use the endorsement
// hierarchy may use them.
func byEndorsement(t transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
	_, err := tpm2.PolicySecret{
		AuthHandle:    tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)},
		PolicySession: session, NonceTPM: nonce,
	}.Execute(t)
	return err
}
