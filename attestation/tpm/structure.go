package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // the digests that a statement may use
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/manoward/manoward/attestation"
)

// Algorithms (TPM_ALG_ID) and other constants of part 2 of the specification.
const (
	algRSA    = 0x0001
	algXOR    = 0x000a
	algNull   = 0x0010
	algRSASSA = 0x0014
	algRSAES  = 0x0015
	algRSAPSS = 0x0016
	algOAEP   = 0x0017
	algECDSA  = 0x0018
	algECDAA  = 0x001a
	algECMQV  = 0x001d
	algECC    = 0x0023

	generated   = 0xff544347 // TPM_GENERATED_VALUE
	typeCertify = 0x8017     // TPM_ST_ATTEST_CERTIFY

	maxField = 1024 // bytes of one sized field; the largest is a modulus of 8192 bits
)

// hashes are the digests that may be used; SHA-1 is not one.
var hashes = map[uint16]crypto.Hash{0x000b: crypto.SHA256, 0x000c: crypto.SHA384, 0x000d: crypto.SHA512}

// reader takes big-endian numbers and sized fields from the front of bytes. After
// the first thing that is missing it returns zeros, and err says so.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.rest) {
		r.err = fmt.Errorf("%d bytes where %d should be", len(r.rest), n)
	}
	if r.err != nil {
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// sized takes a TPM2B: a length of 16 bits and that many bytes.
func (r *reader) sized() []byte {
	n := r.u16()
	if n > maxField && r.err == nil {
		r.err = fmt.Errorf("a field of %d bytes", n)
	}
	return r.take(int(n))
}

// end returns what went wrong; bytes that are left over did.
func (r *reader) end(what string) error {
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%d bytes too many", len(r.rest))
	}
	if r.err != nil {
		return fmt.Errorf("%s: %w", what, r.err)
	}
	return nil
}

// attest is a TPMS_ATTEST of TPM2_Certify.
type attest struct {
	signer, extra, firmware, name []byte
	resets, restarts              uint32
}

func parseAttest(data []byte) (attest, error) {
	r := reader{rest: data}
	if magic, kind := r.u32(), r.u16(); r.err == nil && magic != generated {
		return attest{}, attestation.Because(attestation.StatementType, "the signed bytes were not made by a TPM (magic %08x)", magic)
	} else if r.err == nil && kind != typeCertify {
		return attest{}, attestation.Because(attestation.StatementType, "the TPM signed a structure of type %04x, not a certified key", kind)
	}
	var a attest
	a.signer, a.extra = r.sized(), r.sized()
	r.take(8) // clock
	a.resets, a.restarts = r.u32(), r.u32()
	if safe := r.u8(); safe > 1 && r.err == nil {
		r.err = errors.New("a flag that is neither 0 nor 1")
	}
	a.firmware = r.take(8)
	a.name = r.sized()
	r.sized() // qualified name
	return a, r.end("tpmSAttest")
}

// public is a TPMT_PUBLIC.
type public struct {
	nameAlg    uint16
	attributes uint32
	spki       []byte
}

func parsePublic(data []byte) (public, error) {
	r := reader{rest: data}
	kind := r.u16()
	p := public{nameAlg: r.u16(), attributes: r.u32()}
	r.sized() // policy
	var key crypto.PublicKey
	var err error
	switch {
	case r.err != nil:
		return p, r.end("tpmTPublic")
	case kind == algRSA:
		key, err = r.rsaKey()
	case kind == algECC:
		key, err = r.eccKey()
	default:
		return p, attestation.Because(attestation.KeyUnsupported, "a public area of type %04x", kind)
	}
	if problem := r.end("tpmTPublic"); problem != nil {
		return p, problem
	}
	if err != nil {
		return p, err
	}
	p.spki, err = x509.MarshalPKIXPublicKey(key)
	return p, err
}

// symmetric takes TPMT_SYM_DEF_OBJECT.
func (r *reader) symmetric() {
	switch alg := r.u16(); {
	case alg == algXOR && r.err == nil:
		r.err = errors.New("a key that protects others with XOR")
	case alg != algNull:
		r.take(4) // size and mode
	}
}

// scheme takes a signing, encryption or derivation scheme.
func (r *reader) scheme() {
	switch alg := r.u16(); {
	case alg == algNull, alg == algRSAES:
	case alg == algECDAA:
		r.take(4) // digest and count
	default:
		r.take(2) // digest
	}
}

func (r *reader) rsaKey() (*rsa.PublicKey, error) {
	r.symmetric()
	r.scheme()
	bits, exponent := int(r.u16()), r.u32()
	modulus := r.sized()
	if r.err != nil {
		return nil, r.err
	}
	n := new(big.Int).SetBytes(modulus)
	if n.BitLen() != bits || len(modulus)*8 != bits {
		return nil, fmt.Errorf("a modulus of %d bits where %d are stated", n.BitLen(), bits)
	}
	if exponent != 0 && exponent != 65537 {
		return nil, attestation.Because(attestation.KeyUnsupported, "RSA with the exponent %d", exponent)
	}
	return &rsa.PublicKey{N: n, E: 65537}, nil
}

func (r *reader) eccKey() (*ecdsa.PublicKey, error) {
	r.symmetric()
	r.scheme()
	id := r.u16()
	r.scheme() // key derivation
	x, y := r.sized(), r.sized()
	if r.err != nil {
		return nil, r.err
	}
	curve, ok := map[uint16]elliptic.Curve{3: elliptic.P256(), 4: elliptic.P384(), 5: elliptic.P521()}[id]
	if !ok {
		return nil, attestation.Because(attestation.KeyUnsupported, "a curve with the number %d", id)
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(x) > size || len(y) > size {
		return nil, errors.New("a coordinate that is longer than its curve")
	}
	point := make([]byte, 1+2*size)
	point[0] = 4
	copy(point[1+size-len(x):], x)
	copy(point[1+2*size-len(y):], y)
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("a point that is not on its curve: %w", err)
	}
	return key, nil
}

// name returns the name of a public area: the digest of its bytes behind the
// number of the algorithm (part 1, 16).
func (p public) name(data []byte) ([]byte, error) {
	hash, ok := hashes[p.nameAlg]
	if !ok {
		return nil, attestation.Because(attestation.StatementAlgorithm, "the name of the key is a digest of type %04x", p.nameAlg)
	}
	h := hash.New()
	h.Write(data)
	return h.Sum(binary.BigEndian.AppendUint16(nil, p.nameAlg)), nil
}

// withoutLength returns the TPMT_PUBLIC inside of a TPM2B_PUBLIC, and other bytes as
// they are. The two are never mistaken: the first two bytes of a TPMT_PUBLIC are 1
// or 35, and no TPM2B_PUBLIC is that short.
func withoutLength(data []byte) []byte {
	if len(data) > 37 && int(binary.BigEndian.Uint16(data)) == len(data)-2 && !slices.Contains([]uint16{algRSA, algECC}, binary.BigEndian.Uint16(data)) {
		return data[2:]
	}
	return data
}
