package stepca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // identifies an issuer (RFC 6960 clause 4.1.1), and protects nothing
	"crypto/sha256"
	_ "crypto/sha512" // with keys on P-384
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// The answer of RFC 6960 clause 4.2.1. golang.org/x/crypto/ocsp writes neither the
// nonce of a request nor the hash that it names its issuer by.
type (
	ocspResponse struct {
		Status   asn1.Enumerated
		Response ocspBytes `asn1:"explicit,tag:0"`
	}
	ocspBytes struct {
		Type     asn1.ObjectIdentifier
		Response []byte
	}
	ocspBasic struct {
		Data      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	ocspData struct {
		Responder  []byte    `asn1:"explicit,tag:2"` // byKey: after a rotation several issuers may have one name
		ProducedAt time.Time `asn1:"generalized"`
		Responses  []ocspSingle
		Extensions []pkix.Extension `asn1:"explicit,tag:1,optional,omitempty"`
	}
	ocspSingle struct {
		ID         ocspID
		Good       asn1.Flag   `asn1:"tag:0,optional"`
		Revoked    ocspRevoked `asn1:"tag:1,optional"`
		Unknown    asn1.Flag   `asn1:"tag:2,optional"`
		ThisUpdate time.Time   `asn1:"generalized"`
		NextUpdate time.Time   `asn1:"generalized,explicit,tag:0"`
	}
	ocspRevoked struct {
		Time   time.Time       `asn1:"generalized"`
		Reason asn1.Enumerated `asn1:"explicit,tag:0,optional"` // none for unspecified (RFC 5280 clause 5.3.1)
	}
	ocspID struct {
		Hash   pkix.AlgorithmIdentifier
		Name   []byte
		Key    []byte
		Serial *big.Int
	}
)

// signOCSP writes and signs an answer about one certificate.
func signOCSP(s hub.CertificateStatus, i Issuer) ([]byte, error) {
	id, byKey, err := ocspNames(i.Chain[0], s)
	if err != nil {
		return nil, err
	}
	single := ocspSingle{ID: id, ThisUpdate: s.ThisUpdate.UTC(), NextUpdate: s.NextUpdate.UTC()}
	switch {
	case s.Revoked != nil:
		single.Revoked = ocspRevoked{Time: s.Revoked.Revoked.UTC(), Reason: asn1.Enumerated(s.Revoked.Reason)}
	case s.Known:
		single.Good = true
	default:
		single.Unknown = true
	}
	data := ocspData{Responder: byKey, ProducedAt: s.ThisUpdate.UTC(), Responses: []ocspSingle{single}}
	if s.Nonce != nil {
		value, err := asn1.Marshal(s.Nonce)
		if err != nil {
			return nil, fmt.Errorf("encode nonce: %w", err)
		}
		data.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, Value: value}}
	}
	tbs, err := asn1.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode OCSP answer: %w", err)
	}
	algorithm, hash, err := ocspAlgorithm(i.Key.Public())
	if err != nil {
		return nil, err
	}
	signature, err := crypto.SignMessage(i.Key, rand.Reader, tbs, hash)
	if err != nil {
		return nil, fmt.Errorf("sign OCSP answer: %w", err)
	}
	basic, err := asn1.Marshal(ocspBasic{Data: asn1.RawValue{FullBytes: tbs}, Algorithm: algorithm, Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		return nil, fmt.Errorf("encode OCSP answer: %w", err)
	}
	return asn1.Marshal(ocspResponse{Response: ocspBytes{Type: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}, Response: basic}})
}

// ocspNames says how the answer names the certificate and its responder.
func ocspNames(issuer *x509.Certificate, s hub.CertificateStatus) (id ocspID, byKey []byte, err error) {
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &key); err != nil {
		return id, nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	sum := func(h crypto.Hash, b []byte) []byte {
		d := h.New()
		d.Write(b)
		return d.Sum(nil)
	}
	hash, oid := crypto.SHA1, asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	switch s.Hash {
	case 0, crypto.SHA1:
	case crypto.SHA256:
		hash, oid = crypto.SHA256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	default:
		return id, nil, fmt.Errorf("issuers are not named by %s", s.Hash)
	}
	id = ocspID{
		Hash: pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.NullRawValue},
		Name: sum(hash, issuer.RawSubject), Key: sum(hash, key.Bits.RightAlign()), Serial: s.Serial,
	}
	return id, sum(crypto.SHA1, key.Bits.RightAlign()), nil
}

// ocspAlgorithm is how a CA key signs.
func ocspAlgorithm(key crypto.PublicKey) (pkix.AlgorithmIdentifier, crypto.Hash, error) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize > 8*sha256.Size {
			return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}}, crypto.SHA384, nil
		}
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}, crypto.SHA256, nil
	case *rsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue}, crypto.SHA256, nil
	case ed25519.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 112}}, 0, nil
	}
	return pkix.AlgorithmIdentifier{}, 0, fmt.Errorf("OCSP answers are not signed with keys of type %T", key)
}
