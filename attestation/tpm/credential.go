package tpm

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/manoward/manoward/attestation"
)

// EndorsementUsage is the extended key usage of certificates of endorsement keys
// (tcg-kp-EKCertificate, TCG EK Credential Profile).
const EndorsementUsage = "2.23.133.8.1"

// Public is a public area that was read to its end.
type Public struct {
	SPKI []byte // SubjectPublicKeyInfo, DER
	Name []byte // how the TPM calls the key: algorithm and digest of the area
}

// ReadPublic reads a TPMT_PUBLIC. The error is a [attestation.Reason].
func ReadPublic(area []byte) (Public, error) {
	p, err := parsePublic(area)
	if err != nil {
		return Public{}, attestation.ReasonOf(err, attestation.StatementMalformed)
	}
	name, err := p.name(area)
	return Public{p.spki, name}, err
}

// ECDSASignature is the signature (r, s) in the encoding of X.509.
func ECDSASignature(r, s []byte) ([]byte, error) {
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
}

// CheckAK checks that the public area is that of an attestation key: restricted, for
// signing alone, made by its TPM and fixed to it. A TPM answers no challenge for a key
// of which it was given the public area only.
//
// A public area proves nothing by itself; [NewChallenge] is how it is proven. The
// error is a [attestation.Reason].
func CheckAK(area []byte) error {
	p, err := parsePublic(area)
	if err != nil {
		return attestation.ReasonOf(err, attestation.AttesterInvalid)
	}
	const must = fixedTPM | fixedParent | sensitiveDataOrigin | restricted | sign
	if p.attributes&must != must || p.attributes&decrypt != 0 {
		return attestation.Because(attestation.AttesterFree, "the attestation key has the attributes %08x: it is not a restricted signing key that is fixed to its TPM", p.attributes)
	}
	if _, err := attestation.ParseKey(p.spki); err != nil {
		return attestation.Because(attestation.AttesterWeak, "the attestation key: %v", err)
	}
	_, err = p.name(area)
	return err
}

// CheckEK checks that the public area is that of an endorsement key: restricted, for
// decryption alone, made by its TPM and fixed to it, as the templates of the TCG EK
// Credential Profile make it; and, if roots are given, that the certificate (the first
// of chain) is of this key, is marked as one of an endorsement key, and leads to a root
// at the time. Without roots nothing proves that the key is in a TPM at all. The
// error is a [attestation.Reason].
func CheckEK(area []byte, chain, roots []*x509.Certificate, at time.Time) error {
	p, err := parsePublic(area)
	if err != nil {
		return attestation.Because(attestation.EndorsementInvalid, "the endorsement key: %v", err)
	}
	const must = fixedTPM | fixedParent | sensitiveDataOrigin | restricted | decrypt
	if p.attributes&must != must || p.attributes&sign != 0 {
		return attestation.Because(attestation.EndorsementInvalid, "the endorsement key has the attributes %08x: it is not a restricted decryption key that is fixed to its TPM", p.attributes)
	}
	if _, err := attestation.ParseKey(p.spki); err != nil {
		return attestation.Because(attestation.EndorsementInvalid, "the endorsement key: %v", err)
	}
	if len(roots) == 0 {
		return nil
	}
	if at.IsZero() { // x509 would take the clock's
		return attestation.Because(attestation.TimeMissing, "no time was given to judge at")
	}
	if len(chain) == 0 {
		return attestation.Because(attestation.EndorsementInvalid, "the certificate of the endorsement key is missing")
	}
	holder := attestation.Attester{Key: p.spki, Chain: chain, Roots: roots}
	s, err := holder.Signer(nil, EndorsementUsage, at)
	if err != nil {
		return attestation.Because(attestation.EndorsementInvalid, "the certificate of the endorsement key: %v", err)
	}
	if len(s.Lacks) > 0 {
		return attestation.Because(attestation.EndorsementInvalid, "the certificate is not marked as one of an endorsement key (extended key usage %s)", EndorsementUsage)
	}
	return nil
}

// Challenge is a secret that only the TPM with one endorsement key can read, and only
// while it holds one attestation key (Library Specification part 1, Credential
// Protection; TPM2_ActivateCredential). It may be seen by anybody.
type Challenge struct {
	Credential []byte `json:"credential"` // content of TPM2B_ID_OBJECT
	Seed       []byte `json:"seed"`       // content of TPM2B_ENCRYPTED_SECRET
}

// NewChallenge makes a challenge for the TPM with the endorsement key ek that claims to
// hold the attestation key ak (both TPMT_PUBLIC), and the secret that it has to answer
// with: 32 bytes, to be kept from everybody until then, and compared in constant
// time. It checks ak and ek as [CheckAK] does, and [CheckEK] without certificates.
//
// The right answer proves that ak, with all its attributes, is in the TPM that holds
// ek. That ek is in a TPM is what the roots of [CheckEK] prove, or the one who registers
// it by hand. The error is a [attestation.Reason].
func NewChallenge(ek, ak []byte) (c Challenge, secret []byte, err error) {
	if err := CheckAK(ak); err != nil {
		return Challenge{}, nil, err
	}
	if err := CheckEK(ek, nil, nil, time.Time{}); err != nil {
		return Challenge{}, nil, err
	}
	key, err := ReadPublic(ak)
	if err != nil {
		return Challenge{}, nil, err
	}
	bad := func(err error) (Challenge, []byte, error) {
		return Challenge{}, nil, attestation.Because(attestation.EndorsementInvalid, "nothing can be encrypted to the endorsement key: %v", err)
	}
	area, err := tpm2.Unmarshal[tpm2.TPMTPublic](ek)
	if err != nil {
		return bad(err)
	}
	to, err := tpm2.ImportEncapsulationKey(area)
	if err != nil {
		return bad(err)
	}
	secret = make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return Challenge{}, nil, err
	}
	c.Credential, c.Seed, err = tpm2.CreateCredential(rand.Reader, to, key.Name, secret)
	if err != nil {
		return bad(err)
	}
	return c, secret, nil
}
