package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"math/big"

	"github.com/manoward/manoward/attestation"
)

// VerifySignature checks the signature of an attestation key over signed. The
// signature is a TPMT_SIGNATURE (RSASSA, RSAPSS or ECDSA with SHA-256 or better),
// or, for an RSA key, the bare bytes of RSASSA with SHA-256, as the samples of the
// working group have it: exactly as long as the modulus, which a TPMT_SIGNATURE
// never is. The error is a [attestation.Reason], or says what is malformed.
func VerifySignature(key crypto.PublicKey, signed, signature []byte) error {
	if key, ok := key.(*rsa.PublicKey); ok && len(signature) == key.Size() {
		return verifyRSA(key, algRSASSA, crypto.SHA256, signed, signature)
	}
	r := reader{rest: signature}
	alg, hashAlg := r.u16(), r.u16()
	if r.err != nil {
		return malformed(r.end("signature"))
	}
	hash, ok := hashes[hashAlg]
	if !ok || (alg != algRSASSA && alg != algRSAPSS && alg != algECDSA) {
		return attestation.Because(attestation.StatementAlgorithm, "the statement is signed with scheme %04x and digest %04x", alg, hashAlg)
	}
	if alg != algECDSA {
		value := r.sized()
		if err := r.end("signature"); err != nil {
			return malformed(err)
		}
		key, ok := key.(*rsa.PublicKey)
		if !ok {
			return attestation.Because(attestation.StatementSignature, "the statement is signed with RSA, and the attester's key is another one")
		}
		return verifyRSA(key, alg, hash, signed, value)
	}
	var rs struct{ R, S *big.Int }
	rs.R, rs.S = new(big.Int).SetBytes(r.sized()), new(big.Int).SetBytes(r.sized())
	if err := r.end("signature"); err != nil {
		return malformed(err)
	}
	ec, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return attestation.Because(attestation.StatementSignature, "the statement is signed with ECDSA, and the attester's key is another one")
	}
	if der, err := asn1.Marshal(rs); err != nil || !ecdsa.VerifyASN1(ec, digest(hash, signed), der) {
		return attestation.Because(attestation.StatementSignature, "the signature is not the attester's")
	}
	return nil
}

func verifyRSA(key *rsa.PublicKey, alg uint16, hash crypto.Hash, signed, signature []byte) error {
	var err error
	if alg == algRSAPSS {
		// TPMs differ in the length of the salt.
		err = rsa.VerifyPSS(key, hash, digest(hash, signed), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
	} else {
		err = rsa.VerifyPKCS1v15(key, hash, digest(hash, signed), signature)
	}
	if err != nil {
		return attestation.Because(attestation.StatementSignature, "the signature is not the attester's")
	}
	return nil
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

func malformed(err error) error {
	return attestation.Because(attestation.StatementMalformed, "%v", err)
}
