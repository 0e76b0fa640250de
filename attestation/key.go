package attestation

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// maxRSA is the size of the largest RSA key, in bits; larger ones cost too much.
const maxRSA = 8192

// ParseKey reads a SubjectPublicKeyInfo in DER. It knows RSA from 2048 to 8192
// bits, ECDSA on P-256, P-384 and P-521, and Ed25519, each in the one encoding
// that Go writes itself, so that two keys are equal when their bytes are. The
// error is a [Reason]: key-unsupported or key-weak.
func ParseKey(spki []byte) (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, Because(KeyUnsupported, "the public key cannot be read: %s", inWords(err))
	}
	if !usual(spki, key) {
		return nil, Because(KeyUnsupported, "the public key is not in its usual encoding")
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > maxRSA {
			return nil, Because(KeyWeak, "RSA with %d bits", bits)
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() && key.Curve != elliptic.P521() {
			return nil, Because(KeyUnsupported, "ECDSA on %s", key.Params().Name)
		}
	case ed25519.PublicKey:
	default:
		return nil, Because(KeyUnsupported, "a key of type %T", key)
	}
	return key, nil
}

// usual says whether a key that was read of an SPKI has that one in the encoding that Go
// writes. That of an uncompressed point of P-256, which most keys are, is told by its
// beginning and its length: the two coordinates have 32 bytes each.
func usual(spki []byte, key crypto.PublicKey) bool {
	if k, is := key.(*ecdsa.PublicKey); is && k.Curve == elliptic.P256() && len(spki) == len(beginP256)+64 && bytes.HasPrefix(spki, beginP256) {
		return true
	}
	again, err := x509.MarshalPKIXPublicKey(key)
	return err == nil && bytes.Equal(again, spki)
}

// beginP256 is how the SPKI of a key on P-256 begins (RFC 5480), up to its coordinates.
var beginP256 = []byte{
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // id-ecPublicKey
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, // secp256r1
	0x03, 0x42, 0x00, 0x04,
}

// ParseCertificate reads a certificate in DER. Its error is in words that can be shown.
func ParseCertificate(raw []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("a certificate that cannot be read: %s", inWords(err))
	}
	return c, nil
}

// inWords is an error of Go's parsers without what is for programmers.
func inWords(err error) string {
	if errors.As(err, new(asn1.StructuralError)) || errors.As(err, new(asn1.SyntaxError)) {
		return "a part of it is not what belongs there"
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}

// KeyDigest names a key: the SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
func KeyDigest(spki []byte) string {
	digest := sha256.Sum256(spki)
	return hex.EncodeToString(digest[:])
}

// SameKey reports whether two SubjectPublicKeyInfo are the same bytes. It takes
// the same time wherever they differ.
func SameKey(a, b []byte) bool {
	return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1
}

// allowed are the signature algorithms that requests and statements may use.
var allowed = map[x509.SignatureAlgorithm]bool{
	x509.SHA256WithRSA: true, x509.SHA384WithRSA: true, x509.SHA512WithRSA: true,
	x509.SHA256WithRSAPSS: true, x509.SHA384WithRSAPSS: true, x509.SHA512WithRSAPSS: true,
	x509.ECDSAWithSHA256: true, x509.ECDSAWithSHA384: true, x509.ECDSAWithSHA512: true,
	x509.PureEd25519: true,
}

// CheckSignature checks a signature over signed in the encodings of X.509. The
// error is a [Reason]: statement-algorithm or statement-signature.
func CheckSignature(key crypto.PublicKey, algorithm x509.SignatureAlgorithm, signed, signature []byte) error {
	if !allowed[algorithm] {
		return Because(StatementAlgorithm, "signed with %s", algorithm)
	}
	holder := x509.Certificate{PublicKey: key}
	if err := holder.CheckSignature(algorithm, signed, signature); err != nil {
		return Because(StatementSignature, "the signature is not the attester's")
	}
	return nil
}
