// Package tpm judges statements of TPM 2.0: a key certified by TPM2_Certify.
//
// It follows TcgAttestCertify (2.23.133.20.1, TCG OID registry; used by
// draft-ietf-lamps-csr-attestation) and the TPM 2.0 Library Specification, parts 1
// to 3. The structures are read here, byte by byte, because a verdict hangs on
// what they contain and on nothing being behind them.
//
// A good verdict proves that a TPM with the registered attestation key held a key
// with this public area, loaded together with its private part. It does not prove
// when (unless a nonce was asked for), nor which software runs beside the TPM. The
// statement cannot show that the attestation key is a restricted one, which signs
// nothing but what the TPM states; an unrestricted key signs any forgery. So a
// verdict is genuine only if the registration proved the key, or a certificate of
// it for attestation leads to a registered root.
package tpm

import (
	"crypto/subtle"
	"encoding/hex"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
)

// OID is tcg-attest-tpm-certify.
const OID = "2.23.133.20.1"

// Usage is the extended key usage of certificates of attestation keys
// (tcg-kp-AIKCertificate).
const Usage = "2.23.133.8.3"

// Format judges TcgAttestCertify statements. It has no state.
type Format struct{}

// Name returns "tpm-certify".
func (Format) Name() string { return "tpm-certify" }

// Verify judges a statement. See [attestation.Format].
func (Format) Verify(in attestation.Input) attestation.Result {
	var res attestation.Result
	attest, signature, public, err := split(in.Statement)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return res
	}
	signer, err := in.Attester.Signer(in.Certs, Usage, in.Time)
	if err != nil {
		res.Fail(err, attestation.AttesterInvalid)
		return res
	}
	if err := VerifySignature(signer.Key, attest, signature); err != nil {
		res.Fail(err, attestation.StatementSignature)
		return res
	}
	if in.Policy.OldShapes {
		public = withoutLength(public)
	}
	Certified(&res, attest, public, in.Nonce)
	res.Grade(signer)
	return res
}

// Describe returns what a statement says. See [attestation.Format].
func (Format) Describe(statement []byte) ([]attestation.Claim, error) {
	attest, _, public, err := split(statement)
	if err != nil {
		return nil, err
	}
	return Contents(attest, withoutLength(public))
}

// Contents returns what a TPMS_ATTEST of TPM2_Certify and a public area say.
func Contents(attest, public []byte) ([]attestation.Claim, error) {
	var res attestation.Result
	Certified(&res, attest, public, nil)
	if len(res.Reasons) > 0 {
		return res.Claims, res.Reasons[0]
	}
	res.Say("key", attestation.KeyDigest(res.Key))
	return res.Claims, nil
}

// split reads TcgAttestCertify ::= SEQUENCE { tpmSAttest OCTET STRING,
// signature OCTET STRING, tpmTPublic OCTET STRING OPTIONAL }.
func split(statement []byte) (attest, signature, public []byte, err error) {
	value, err := der.Read(statement)
	if err != nil {
		return nil, nil, nil, err
	}
	items, err := value.Sequence(3)
	if err != nil {
		return nil, nil, nil, err
	}
	var fields [3][]byte
	for i, item := range items {
		if fields[i], err = item.Octets(); err != nil {
			return nil, nil, nil, err
		}
	}
	switch len(items) {
	case 3:
		return fields[0], fields[1], fields[2], nil
	case 2:
		return nil, nil, nil, attestation.Because(attestation.KeyMissing, "the statement comes without the public area (tpmTPublic)")
	}
	return nil, nil, nil, attestation.Because(attestation.StatementMalformed, "the statement has %d parts", len(items))
}

// Certified judges a TPMS_ATTEST whose signature is good, together with the public
// area that it is said to be about, and adds what it finds to res. extra is what
// the statement must contain to be fresh, empty when that is not asked for. Older
// TPM structures than those of TPM2_Certify are refused by their type.
func Certified(res *attestation.Result, attest, public, extra []byte) {
	a, err := parseAttest(attest)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return
	}
	res.Say("qualifiedSigner", hex.EncodeToString(a.signer))
	res.Say("firmware", hex.EncodeToString(a.firmware))
	res.Say("resetCount", a.resets)
	res.Say("restartCount", a.restarts)
	if len(a.extra) > 0 {
		res.Say("nonce", hex.EncodeToString(a.extra))
	}
	switch {
	case len(extra) == 0:
	case len(a.extra) == 0:
		res.Fail(attestation.Because(attestation.NonceMissing, "the statement contains no qualifying data"), "")
	case subtle.ConstantTimeCompare(a.extra, extra) != 1:
		res.Fail(attestation.Because(attestation.NonceMismatch, "the qualifying data of the statement is not what was asked for"), "")
	}
	p, err := parsePublic(public)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return
	}
	name, err := p.name(public)
	if err != nil {
		res.Fail(err, attestation.StatementAlgorithm)
		return
	}
	if subtle.ConstantTimeCompare(name, a.name) != 1 {
		res.Fail(attestation.Because(attestation.StatementName, "the TPM certified another public area than the one in the statement"), "")
		return
	}
	res.Key = p.spki
	p.protection(res)
}

// Object attributes (TPMA_OBJECT), Library Specification part 2, 8.3.
const (
	fixedTPM            = 1 << 1
	fixedParent         = 1 << 4
	sensitiveDataOrigin = 1 << 5
	restricted          = 1 << 16
	decrypt             = 1 << 17
	sign                = 1 << 18
)

// protection says what the attributes of the key are, and what they lack.
func (p public) protection(res *attestation.Result) {
	has := func(bit uint32) bool { return p.attributes&bit != 0 }
	for _, a := range []struct {
		name string
		bit  uint32
	}{
		{"fixedTPM", fixedTPM}, {"fixedParent", fixedParent}, {"sensitiveDataOrigin", sensitiveDataOrigin},
		{"restricted", restricted}, {"decrypt", decrypt}, {"sign", sign},
	} {
		res.Say(a.name, has(a.bit))
	}
	if !has(fixedTPM) || !has(fixedParent) {
		res.Lack(attestation.KeyMovable, "the key is not fixed to its TPM (fixedTPM, fixedParent)")
	}
	if !has(sensitiveDataOrigin) {
		res.Lack(attestation.KeyImported, "the key was not made by its TPM (sensitiveDataOrigin)")
	}
	if !has(sign) {
		res.Lack(attestation.KeyPurpose, "the key is not for signing")
	}
}
