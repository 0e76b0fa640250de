// Package webauthn judges the attestation format "tpm" of WebAuthn, as ACME's
// device-attest-01 carries it.
//
// It follows W3C WebAuthn Level 2, 8.3, and draft-ietf-acme-device-attest-09: a CBOR
// map {fmt, attStmt} without authenticator data, in an OCTET STRING. The format has
// no OID for requests, so it has one of ours. Inside is a key certified by a TPM, and
// package tpm judges that; what a good verdict proves, and what not, stands there.
//
// The signature (sig) is what X.509 has for the algorithm: the bare bytes of RSA,
// or ECDSA in DER. That is what platforms make, and what servers check; the TPM's own
// structure around it is refused. SHA-1 (RS1) is refused.
package webauthn

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
	"github.com/manoward/manoward/attestation/tpm"
)

// OID is the type of these statements, from our own arc.
const OID = attestation.ProjectArc + ".1.3"

// algorithm is one of COSE that may sign.
type algorithm struct {
	signature x509.SignatureAlgorithm
	digest    crypto.Hash
}

// algorithms are the COSE algorithms by number (RFC 8152, 8812).
var algorithms = map[int64]algorithm{
	-7:   {x509.ECDSAWithSHA256, crypto.SHA256},
	-35:  {x509.ECDSAWithSHA384, crypto.SHA384},
	-36:  {x509.ECDSAWithSHA512, crypto.SHA512},
	-37:  {x509.SHA256WithRSAPSS, crypto.SHA256},
	-38:  {x509.SHA384WithRSAPSS, crypto.SHA384},
	-39:  {x509.SHA512WithRSAPSS, crypto.SHA512},
	-257: {x509.SHA256WithRSA, crypto.SHA256},
	-258: {x509.SHA384WithRSA, crypto.SHA384},
	-259: {x509.SHA512WithRSA, crypto.SHA512},
}

// Format judges these statements. It has no state.
type Format struct{}

// Name returns "webauthn-tpm".
func (Format) Name() string { return "webauthn-tpm" }

// Verify judges a statement. When freshness is asked for, the TPM must have signed
// the digest of the nonce, made with the hash of the signature's algorithm; for
// device-attest-01 the nonce is the key authorization. See [attestation.Format].
func (Format) Verify(in attestation.Input) attestation.Result {
	var res attestation.Result
	s, err := parse(in.Statement)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return res
	}
	alg, ok := algorithms[s.alg]
	if !ok {
		res.Fail(attestation.Because(attestation.StatementAlgorithm, "the statement is signed with the COSE algorithm %d", s.alg), "")
		return res
	}
	signer, err := in.Attester.Signer(slices.Concat(s.certs, in.Certs), tpm.Usage, in.Time)
	if err != nil {
		res.Fail(err, attestation.AttesterInvalid)
		return res
	}
	if !bytes.Equal(s.certs[0].RawSubjectPublicKeyInfo, signer.SPKI) {
		res.Fail(attestation.Because(attestation.AttesterUnknown, "the certificate that the statement names as its signer's is not the registered attester's"), "")
		return res
	}
	if s.certs[0].IsCA {
		res.Fail(attestation.Because(attestation.AttesterUsage, "the certificate that the statement names as its signer's is one of a CA"), "")
		return res
	}
	if err := attestation.CheckSignature(signer.Key, alg.signature, s.certInfo, s.sig); err != nil {
		res.Fail(err, attestation.StatementSignature)
		return res
	}
	var extra []byte
	if len(in.Nonce) > 0 {
		h := alg.digest.New()
		h.Write(in.Nonce)
		extra = h.Sum(nil)
	}
	tpm.Certified(&res, s.certInfo, s.pubArea, extra)
	res.Grade(signer)
	return res
}

// Describe returns what a statement says. See [attestation.Format].
func (Format) Describe(statement []byte) ([]attestation.Claim, error) {
	s, err := parse(statement)
	if err != nil {
		return nil, err
	}
	return tpm.Contents(s.certInfo, s.pubArea)
}

// statement is the attStmt of the format tpm.
type statement struct {
	alg                    int64
	certs                  []*x509.Certificate // x5c, the attestation key's first
	sig, certInfo, pubArea []byte
}

func parse(data []byte) (statement, error) {
	v, err := der.Read(data)
	if err != nil {
		return statement{}, err
	}
	object, err := v.Octets()
	if err != nil {
		return statement{}, err
	}
	outer, err := decodeMap(object)
	if err != nil {
		return statement{}, err
	}
	if format, _ := outer["fmt"].(string); format != "tpm" {
		return statement{}, attestation.Because(attestation.StatementType, "the statement has not the format tpm")
	}
	inner, ok := outer["attStmt"].(map[string]any)
	if !ok || len(outer) != 2 {
		return statement{}, errors.New("the statement is not a map of fmt and attStmt alone")
	}
	if version, _ := inner["ver"].(string); version != "2.0" {
		return statement{}, attestation.Because(attestation.StatementType, "the statement is not one of a TPM 2.0")
	}
	s := statement{}
	var fields [4]bool
	s.alg, fields[0] = inner["alg"].(int64)
	s.sig, fields[1] = inner["sig"].([]byte)
	s.certInfo, fields[2] = inner["certInfo"].([]byte)
	s.pubArea, fields[3] = inner["pubArea"].([]byte)
	if slices.Contains(fields[:], false) || len(inner) != 6 {
		return statement{}, errors.New("attStmt does not consist of ver, alg, x5c, sig, certInfo and pubArea")
	}
	s.certs, err = certificates(inner["x5c"])
	return s, err
}

func certificates(value any) ([]*x509.Certificate, error) {
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > attestation.MaxCertificates {
		return nil, fmt.Errorf("x5c is not a list of 1 to %d certificates", attestation.MaxCertificates)
	}
	var certs []*x509.Certificate
	for _, item := range list {
		raw, _ := item.([]byte)
		c, err := attestation.ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("x5c: %w", err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}
