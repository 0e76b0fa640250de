package attestkit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
	"testing"
)

// Attributes of a signing key that never leaves its TPM: fixedTPM, fixedParent,
// sensitiveDataOrigin, userWithAuth, sign.
const Attributes = 1<<1 | 1<<4 | 1<<5 | 1<<6 | 1<<18

func u16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// TPM2B puts the length before bytes.
func TPM2B(b []byte) []byte { return slices.Concat(u16(len(b)), b) }

// TPMPublic is the public area (TPMT_PUBLIC) of a key, with SHA-256 as name algorithm.
func TPMPublic(t testing.TB, key crypto.Signer, attributes int) []byte {
	t.Helper()
	head := slices.Concat(u16(0x000b), u32(attributes), TPM2B(nil))
	switch key := key.Public().(type) {
	case *rsa.PublicKey: // no symmetric algorithm, no scheme
		return slices.Concat(u16(0x0001), head, u16(0x0010), u16(0x0010), u16(key.N.BitLen()), u32(0), TPM2B(key.N.Bytes()))
	case *ecdsa.PublicKey:
		curve := map[elliptic.Curve]int{elliptic.P256(): 3, elliptic.P384(): 4, elliptic.P521(): 5}[key.Curve]
		point, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		half := (len(point) - 1) / 2
		return slices.Concat(u16(0x0023), head, u16(0x0010), u16(0x0010), u16(curve), u16(0x0010), TPM2B(point[1:1+half]), TPM2B(point[1+half:]))
	}
	t.Fatalf("no public area for a %T", key.Public())
	return nil
}

// TPMName is the name of a public area: its algorithm and digest.
func TPMName(public []byte) []byte {
	digest := sha256.Sum256(public)
	return slices.Concat(u16(0x000b), digest[:])
}

// TPMAttest is a TPMS_ATTEST as TPM2_Certify makes it.
func TPMAttest(name, extra []byte) []byte {
	return slices.Concat(u32(0xff544347), u16(0x8017), TPM2B(TPMName([]byte("signer"))), TPM2B(extra),
		make([]byte, 8), u32(7), u32(3), []byte{1}, []byte{0, 1, 0, 2, 0, 3, 0, 4}, TPM2B(name), TPM2B(TPMName([]byte("qualified"))))
}

// TPMSign is a TPMT_SIGNATURE over data with SHA-256: RSASSA or ECDSA.
func TPMSign(t testing.TB, key crypto.Signer, data []byte) []byte {
	t.Helper()
	signature := Sign(t, key, data)
	if _, ok := key.Public().(*rsa.PublicKey); ok {
		return slices.Concat(u16(0x0014), u16(0x000b), TPM2B(signature))
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signature, &rs); err != nil {
		t.Fatal(err)
	}
	size := (key.Public().(*ecdsa.PublicKey).Params().BitSize + 7) / 8
	return slices.Concat(u16(0x0018), u16(0x000b), TPM2B(rs.R.FillBytes(make([]byte, size))), TPM2B(rs.S.FillBytes(make([]byte, size))))
}

// Sign signs data with SHA-256 in the encoding of X.509.
func Sign(t testing.TB, key crypto.Signer, data []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(data)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// Certify is a TcgAttestCertify statement of the attestation key over a key.
func Certify(t testing.TB, ak, key crypto.Signer, extra []byte) []byte {
	t.Helper()
	public := TPMPublic(t, key, Attributes)
	attest := TPMAttest(TPMName(public), extra)
	return Seq(Octets(attest), Octets(TPMSign(t, ak, attest)), Octets(public))
}

// Attributes of an attestation key: as [Attributes], and restricted. Those of an
// endorsement key: restricted, for decryption, used by policy.
const (
	AKAttributes = Attributes | 1<<16
	EKAttributes = 1<<1 | 1<<4 | 1<<5 | 1<<7 | 1<<16 | 1<<17
)

// TPMEndorsement is the public area of an endorsement key: as [TPMPublic], and it
// protects what it opens with AES-128 in CFB mode.
func TPMEndorsement(t testing.TB, key crypto.Signer, attributes int) []byte {
	t.Helper()
	public := TPMPublic(t, key, attributes)
	const symmetric = 2 + 2 + 4 + 2 // behind type, name algorithm, attributes and an empty policy
	return slices.Concat(public[:symmetric], u16(0x0006), u16(128), u16(0x0043), public[symmetric+2:])
}
