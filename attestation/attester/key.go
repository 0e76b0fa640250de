package attester

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"slices"

	"github.com/google/go-tpm/tpm2"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
)

// Algorithm says what a key is.
type Algorithm string

// The algorithms of keys in a TPM. Tokens make P-256 only.
const (
	P256    Algorithm = "ecdsa-p256"
	P384    Algorithm = "ecdsa-p384"
	RSA2048 Algorithm = "rsa-2048"
)

// ParseAlgorithm reads the name of an algorithm; empty is [P256].
func ParseAlgorithm(text string) (Algorithm, error) {
	switch a := Algorithm(text); a {
	case "":
		return P256, nil
	case P256, P384, RSA2048:
		return a, nil
	}
	return "", hub.E(hub.Invalid, "read algorithm", fmt.Sprintf("there is no algorithm %q; use %s, %s or %s", text, P256, P384, RSA2048), nil)
}

// Key is what is kept of a key of a TPM outside of it. It is no secret: without the
// TPM that made it, nobody can use it.
type Key struct {
	Public  []byte // public area, TPMT_PUBLIC
	Private []byte // private area, encrypted by the TPM below its storage primary key
}

// SPKI returns the public key as SubjectPublicKeyInfo in DER.
func (k Key) SPKI() ([]byte, error) {
	area, err := tpm.ReadPublic(k.Public)
	if err != nil {
		return nil, hub.E(hub.Invalid, "read key of TPM", "the public area of the key cannot be read; make the key again", err)
	}
	return area.SPKI, nil
}

// The encoding of a key file: TPMKey ::= SEQUENCE { type OBJECT IDENTIFIER,
// emptyAuth [0] EXPLICIT BOOLEAN OPTIONAL, parent INTEGER, pubkey OCTET STRING
// (TPM2B_PUBLIC), privkey OCTET STRING (TPM2B_PRIVATE) }
// (draft-bottomley-tpm2-keys), which OpenSSL's TPM providers and the Linux kernel
// read too.
const (
	keyBlock    = "TSS2 PRIVATE KEY"
	keyLoadable = "2.23.133.10.1.3"
)

// MarshalPEM returns the key file ("TSS2 PRIVATE KEY").
func (k Key) MarshalPEM() ([]byte, error) {
	raw, err := asn1.Marshal(struct {
		Type      asn1.ObjectIdentifier
		EmptyAuth bool `asn1:"explicit,tag:0"`
		Parent    int64
		Public    []byte
		Private   []byte
	}{
		asn1.ObjectIdentifier{2, 23, 133, 10, 1, 3}, true, int64(tpm2.TPMRHOwner),
		tpm2.Marshal(tpm2.BytesAs2B[tpm2.TPMTPublic](k.Public)), tpm2.Marshal(tpm2.TPM2BPrivate{Buffer: k.Private}),
	})
	if err != nil {
		return nil, hub.E(hub.Internal, "write key of TPM", "the key cannot be encoded", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: raw}), nil
}

// ParseKey reads a key file that [Key.MarshalPEM] wrote, or another program's with a
// key that has no password and stands below the storage primary key of the owner.
func ParseKey(text []byte) (Key, error) {
	bad := func(why string) (Key, error) {
		return Key{}, hub.E(hub.Invalid, "read key of TPM", "the file holds no key of a TPM that can be used here: "+why, nil)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyBlock {
		return bad("it has no PEM block " + keyBlock)
	}
	value, err := der.Read(block.Bytes)
	if err != nil {
		return bad("its content is damaged")
	}
	fields, err := value.Sequence(8)
	if err != nil || len(fields) != 5 || !fields[1].Tagged(0) {
		return bad("it has other parts than a key without password and policy")
	}
	kind, err := fields[0].OID()
	if err != nil || kind != keyLoadable {
		return bad("it is not of the type " + keyLoadable)
	}
	if parent, err := fields[2].Int(); err != nil || parent != int64(tpm2.TPMRHOwner) {
		return bad("its parent is not the storage primary key of the owner (0x40000001)")
	}
	public, err := sized(fields[3])
	if err != nil {
		return bad("its public area is damaged")
	}
	private, err := sized(fields[4])
	if err != nil {
		return bad("its private area is damaged")
	}
	k := Key{Public: public, Private: private}
	if _, err := tpm.ReadPublic(public); err != nil {
		return bad("its public area is damaged")
	}
	return k, nil
}

// maxBlob bounds what is handed to a TPM in one field, in bytes: more than any key or
// challenge has, and two of them fit into a command.
const maxBlob = 1536

// sized returns the content of a TPM2B in an OCTET STRING.
func sized(v der.Value) ([]byte, error) {
	b, err := v.Octets()
	if err != nil {
		return nil, err
	}
	if len(b) < 2 || len(b) > maxBlob || int(b[0])<<8|int(b[1]) != len(b)-2 {
		return nil, fmt.Errorf("a length that is not true")
	}
	return slices.Clone(b[2:]), nil
}

// template is the public area to ask for. A restricted key signs only what the TPM
// itself states, in one scheme; the others sign any digest.
func template(a Algorithm, restricted bool) tpm2.TPMTPublic {
	public := tpm2.TPMTPublic{
		NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{
			FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, SignEncrypt: true, Restricted: restricted,
		},
	}
	if a == RSA2048 {
		parms := &tpm2.TPMSRSAParms{KeyBits: 2048}
		if restricted {
			parms.Scheme = tpm2.TPMTRSAScheme{Scheme: tpm2.TPMAlgRSASSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgRSASSA, &tpm2.TPMSSigSchemeRSASSA{HashAlg: tpm2.TPMAlgSHA256})}
		}
		public.Type, public.Parameters = tpm2.TPMAlgRSA, tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, parms)
		return public
	}
	parms := &tpm2.TPMSECCParms{CurveID: tpm2.TPMECCNistP256}
	hash := tpm2.TPMAlgSHA256
	if a == P384 {
		parms.CurveID, hash = tpm2.TPMECCNistP384, tpm2.TPMAlgSHA384
	}
	if restricted {
		parms.Scheme = tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: hash})}
	}
	public.Type, public.Parameters = tpm2.TPMAlgECC, tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, parms)
	return public
}

// NewAK makes an attestation key: restricted, for signing, fixed to the TPM.
func (d *TPM) NewAK(a Algorithm) (Key, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.create("make attestation key", template(a, true))
}

// NewKey makes a key for signing that is fixed to the TPM.
func (d *TPM) NewKey(a Algorithm) (Key, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.create("make key", template(a, false))
}

// Signer returns the key as one that signs. Digests are SHA-256, SHA-384 or SHA-512;
// RSA signs with PKCS #1 v1.5, ECDSA in ASN.1 DER. It is safe for concurrent use as
// long as the TPM is open.
func (d *TPM) Signer(k Key) (crypto.Signer, error) {
	spki, err := k.SPKI()
	if err != nil {
		return nil, err
	}
	public, err := attestation.ParseKey(spki)
	if err != nil {
		return nil, hub.E(hub.Invalid, "use key of TPM", "the key is of a kind that cannot be certified; make another one", err)
	}
	return &signer{d, k, public}, nil
}

type signer struct {
	tpm    *TPM
	key    Key
	public crypto.PublicKey
}

// Public implements [crypto.Signer].
func (s *signer) Public() crypto.PublicKey { return s.public }

var hashes = map[crypto.Hash]tpm2.TPMAlgID{crypto.SHA256: tpm2.TPMAlgSHA256, crypto.SHA384: tpm2.TPMAlgSHA384, crypto.SHA512: tpm2.TPMAlgSHA512}

// Sign implements [crypto.Signer]. The TPM draws its own random numbers.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "sign with TPM"
	alg, ok := hashes[opts.HashFunc()]
	if !ok || opts.HashFunc().Size() != len(digest) || opts != crypto.SignerOpts(opts.HashFunc()) {
		return nil, hub.E(hub.Internal, op, "what is to be signed is not a plain digest of SHA-256, SHA-384 or SHA-512", nil)
	}
	s.tpm.mu.Lock()
	defer s.tpm.mu.Unlock()
	there, drop, err := s.tpm.load(op, s.key)
	if err != nil {
		return nil, err
	}
	defer drop()
	scheme := tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgRSASSA, Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgRSASSA, &tpm2.TPMSSchemeHash{HashAlg: alg})}
	if _, ecc := s.public.(*ecdsa.PublicKey); ecc {
		scheme = tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSchemeHash{HashAlg: alg})}
	}
	rsp, err := tpm2.Sign{
		KeyHandle: there[0].auth(), Digest: tpm2.TPM2BDigest{Buffer: digest}, InScheme: scheme,
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
	}.Execute(s.tpm.conn)
	if err != nil {
		return nil, s.tpm.explain(op, err)
	}
	return plainSignature(rsp.Signature)
}

// plainSignature is the signature in the encoding of X.509.
func plainSignature(s tpm2.TPMTSignature) ([]byte, error) {
	if rsa, err := s.Signature.RSASSA(); err == nil {
		return rsa.Sig.Buffer, nil
	}
	ec, err := s.Signature.ECDSA()
	if err != nil {
		return nil, hub.E(hub.Internal, "sign with TPM", "the TPM signed in another way than it was asked to", err)
	}
	return tpm.ECDSASignature(ec.SignatureR.Buffer, ec.SignatureS.Buffer)
}
