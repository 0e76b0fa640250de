package csar

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
)

// digests are the digests of one content, by algorithm.
type digests map[crypto.Hash][]byte

// judgement is what the mathematics of a signature says about one signer. The
// chain and the time are judged elsewhere.
type judgement struct {
	check      Check
	why        string            // cause of a check that is not OK
	cert       *x509.Certificate // nil when nobody is the signer
	algorithm  string            // digest, "SHA-256"
	attributes attributes
}

// judge checks one signer's signature over the content that has these digests.
func (s *signerInfo) judge(candidates []*x509.Certificate, content digests) judgement {
	j := judgement{check: OK}
	j.cert, _ = s.find(candidates)
	fail := func(check Check, why string) judgement {
		j.check, j.why = check, why
		return j
	}
	alg, ok := byOID(s.Digest.Algorithm)
	if !ok {
		return fail(UnsupportedAlgorithm, fmt.Sprintf("its digest algorithm %v is not one of SHA-224 to SHA-512", s.Digest.Algorithm))
	}
	j.algorithm = alg.name
	var err error
	if j.attributes, err = s.attributes(); err != nil {
		return fail(NotSignedData, err.Error())
	}
	if j.cert == nil {
		return fail(SignerIDMismatch, "no certificate in the package is that of the signer")
	}
	digest := content[alg.hash]
	if j.attributes.der != nil {
		if !bytes.Equal(j.attributes.digest, digest) {
			return fail(DigestMismatch, "the content is not what was signed: it was changed after signing")
		}
		digest = sum(alg.hash, j.attributes.der)
	}
	switch err := s.verify(j.cert.PublicKey, alg, digest, j.attributes.der); {
	case errors.Is(err, errUnsupported):
		return fail(UnsupportedAlgorithm, err.Error())
	case err != nil && j.attributes.der == nil:
		return fail(DigestMismatch, "the signature does not fit the content: one of them was changed")
	case err != nil:
		return fail(SignatureMismatch, err.Error())
	}
	return j
}

var (
	errUnsupported = errors.New("the signature algorithm is not supported; sign with RSA, RSA-PSS, ECDSA or Ed25519 and SHA-256 or better")
	errWrongValue  = errors.New("the signature value does not fit the signer's certificate")
)

// verify checks the signature value over the digest. Ed25519 signs no digest but
// the attributes themselves (RFC 8419).
func (s *signerInfo) verify(key crypto.PublicKey, alg algorithm, digest, attributes []byte) error {
	id := s.Algorithm.Algorithm
	switch k := key.(type) {
	case *rsa.PublicKey:
		if id.Equal(oidPSS) {
			return verifyPSS(k, s.Algorithm, alg, digest, s.Signature)
		}
		if !id.Equal(oidRSA) && !id.Equal(alg.rsa) {
			return errUnsupported
		}
		if rsa.VerifyPKCS1v15(k, alg.hash, digest, s.Signature) != nil {
			return errWrongValue
		}
	case *ecdsa.PublicKey:
		if !id.Equal(alg.ec) {
			return errUnsupported
		}
		if !ecdsa.VerifyASN1(k, digest, s.Signature) {
			return errWrongValue
		}
	case ed25519.PublicKey:
		if !id.Equal(oidEd25519) || attributes == nil {
			return errUnsupported
		}
		if !ed25519.Verify(k, attributes, s.Signature) {
			return errWrongValue
		}
	default:
		return errUnsupported
	}
	return nil
}

// pssParameters are those of RFC 4055 clause 3.1. Their defaults mean SHA-1 and
// so must not be used.
type pssParameters struct {
	Hash    pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
	MGF     pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
	Salt    int                      `asn1:"explicit,optional,default:20,tag:2"`
	Trailer int                      `asn1:"explicit,optional,default:1,tag:3"`
}

func verifyPSS(key *rsa.PublicKey, id pkix.AlgorithmIdentifier, alg algorithm, digest, signature []byte) error {
	var p pssParameters
	var mgf pkix.AlgorithmIdentifier
	if unmarshal(id.Parameters.FullBytes, &p, "") != nil || unmarshal(p.MGF.Parameters.FullBytes, &mgf, "") != nil ||
		!p.MGF.Algorithm.Equal(oidMGF1) || !p.Hash.Algorithm.Equal(alg.oid) || !mgf.Algorithm.Equal(alg.oid) || p.Trailer != 1 || p.Salt < 1 {
		return errUnsupported
	}
	if rsa.VerifyPSS(key, alg.hash, digest, signature, &rsa.PSSOptions{SaltLength: p.Salt, Hash: alg.hash}) != nil {
		return errWrongValue
	}
	return nil
}

// sum is the digest of b.
func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	_, _ = w.Write(b) // a hash does not fail
	return w.Sum(nil)
}
