package pkix

import (
	"bytes"
	"crypto/sha1" // key identifiers of RFC 5280: they name a key and prove nothing
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
)

// Bounds of one statement.
const (
	maxElements = 64
	maxClaims   = 64
	maxSigners  = 8
)

// evidence is a statement as it stands.
type evidence struct {
	tbs      []byte // what is signed, DER
	elements []rawElement
	blocks   []block
	certs    []*x509.Certificate // intermediateCertificates
}

type rawElement struct {
	oid    string
	claims []rawClaim
}

type rawClaim struct {
	oid   string
	value *der.Value // nil when not reported
}

// block is a SignatureBlock.
type block struct {
	keyID, spki          []byte // nil when absent
	cert                 *x509.Certificate
	algorithm, signature []byte
}

// parseEvidence reads Evidence ::= SEQUENCE { tbs TbsEvidence, signatures SEQUENCE
// OF SignatureBlock, intermediateCertificates [0] SEQUENCE OF Certificate
// OPTIONAL }.
func parseEvidence(data []byte) (evidence, error) {
	v, err := der.Read(data)
	if err != nil {
		return evidence{}, err
	}
	parts, err := v.Sequence(3)
	if err != nil {
		return evidence{}, err
	}
	if len(parts) < 2 || (len(parts) == 3 && !parts[2].Tagged(0)) {
		return evidence{}, fmt.Errorf("the statement has not the parts of Evidence")
	}
	e := evidence{tbs: parts[0].Full()}
	if e.elements, err = parseTBS(parts[0]); err != nil {
		return evidence{}, err
	}
	blocks, err := parts[1].Sequence(maxSigners)
	if err != nil {
		return evidence{}, err
	}
	for _, b := range blocks {
		parsed, err := parseBlock(b)
		if err != nil {
			return evidence{}, err
		}
		e.blocks = append(e.blocks, parsed)
	}
	if len(parts) == 3 {
		e.certs, err = parseCertificates(parts[2])
	}
	return e, err
}

// parseCertificates reads intermediateCertificates. The module of the draft has
// explicit tags, its samples have this one implicit; a SEQUENCE OF Certificate and a
// Certificate cannot be mistaken, and nothing of them is trusted, so both pass.
func parseCertificates(tagged der.Value) ([]*x509.Certificate, error) {
	items, err := tagged.Items(attestation.MaxCertificates)
	if err != nil {
		return nil, err
	}
	if len(items) == 1 && !isCertificate(items[0]) {
		if items, err = items[0].Sequence(attestation.MaxCertificates); err != nil {
			return nil, err
		}
	}
	var certs []*x509.Certificate
	for _, item := range items {
		c, err := attestation.ParseCertificate(item.Full())
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	return certs, nil
}

func isCertificate(v der.Value) bool {
	parts, err := v.Sequence(3)
	return err == nil && len(parts) == 3 && parts[2].Is(asn1.TagBitString)
}

// parseTBS reads TbsEvidence ::= SEQUENCE { version INTEGER (1), reportedElements
// SEQUENCE OF SEQUENCE { elementType, claims SEQUENCE OF SEQUENCE { claimType,
// value OPTIONAL } } }.
func parseTBS(v der.Value) ([]rawElement, error) {
	parts, err := v.Sequence(2)
	if err != nil {
		return nil, err
	}
	if len(parts) != 2 {
		return nil, fmt.Errorf("the signed part has %d parts", len(parts))
	}
	if version, err := parts[0].Int(); err != nil || version != 1 {
		return nil, fmt.Errorf("evidence of a version other than 1")
	}
	items, err := parts[1].Sequence(maxElements)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("evidence that reports nothing")
	}
	var elements []rawElement
	for _, item := range items {
		oid, claims, err := typed(item)
		if err != nil {
			return nil, err
		}
		if claims == nil {
			return nil, fmt.Errorf("an element without claims")
		}
		el := rawElement{oid: oid}
		if el.claims, err = parseClaims(*claims); err != nil {
			return nil, err
		}
		elements = append(elements, el)
	}
	return elements, nil
}

func parseClaims(v der.Value) ([]rawClaim, error) {
	items, err := v.Sequence(maxClaims)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("an element without claims")
	}
	var claims []rawClaim
	for _, item := range items {
		oid, value, err := typed(item)
		if err != nil {
			return nil, err
		}
		claims = append(claims, rawClaim{oid, value})
	}
	return claims, nil
}

// typed reads SEQUENCE { OBJECT IDENTIFIER, ANY OPTIONAL }.
func typed(v der.Value) (string, *der.Value, error) {
	parts, err := v.Sequence(2)
	if err != nil {
		return "", nil, err
	}
	if len(parts) == 0 {
		return "", nil, fmt.Errorf("a part without its type")
	}
	oid, err := parts[0].OID()
	if err != nil || len(parts) == 1 {
		return oid, nil, err
	}
	return oid, &parts[1], nil
}

func parseBlock(v der.Value) (block, error) {
	parts, err := v.Sequence(3)
	if err != nil {
		return block{}, err
	}
	if len(parts) != 3 {
		return block{}, fmt.Errorf("a signature block with %d parts", len(parts))
	}
	b := block{algorithm: parts[1].Full()}
	if b.signature, err = parts[2].Octets(); err != nil {
		return block{}, err
	}
	return b, b.identifier(parts[0])
}

// identifier reads SignerIdentifier ::= SEQUENCE { keyId [0] OCTET STRING OPTIONAL,
// subjectPublicKeyInfo [1] OPTIONAL, certificate [2] OPTIONAL }, at least one.
func (b *block) identifier(sid der.Value) error {
	fields, err := sid.Sequence(3)
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return fmt.Errorf("a signature of nobody")
	}
	last := -1
	for _, field := range fields {
		tag := slices.IndexFunc([]int{0, 1, 2}, field.Tagged)
		if tag <= last {
			return fmt.Errorf("a signer with fields that do not belong there")
		}
		last = tag
		inner, err := field.Explicit()
		if err != nil {
			return err
		}
		switch tag {
		case 0:
			b.keyID, err = inner.Octets()
		case 1:
			b.spki = inner.Full()
		case 2:
			b.cert, err = attestation.ParseCertificate(inner.Full())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// verify checks every signature, and finds the registered attester among those who
// signed. All signers are returned too. Keys that the statement brings along are
// good for telling who else signed; the attester comes from the registration.
func (e evidence) verify(in attestation.Input, usage string) (attestation.Signer, [][]byte, error) {
	var none attestation.Signer
	if len(e.blocks) == 0 {
		return none, nil, attestation.Because(attestation.StatementUnsigned, "nobody signed the statement")
	}
	var offered []*x509.Certificate
	for _, b := range e.blocks {
		if b.cert != nil {
			offered = append(offered, b.cert)
		}
	}
	offered = slices.Concat(offered, e.certs, in.Certs)
	attester, err := in.Attester.Signer(offered, usage, in.Time)
	if err != nil {
		return none, nil, err
	}
	known := slices.Concat(in.Attester.Chain, offered)
	var signers [][]byte
	for _, b := range e.blocks {
		spki, err := b.signer(attester.SPKI, known)
		if err != nil {
			return none, nil, err
		}
		if err := b.check(spki, e.tbs); err != nil {
			return none, nil, err
		}
		signers = append(signers, spki)
	}
	if !slices.ContainsFunc(signers, func(spki []byte) bool { return attestation.SameKey(spki, attester.SPKI) }) {
		return none, nil, attestation.Because(attestation.AttesterUnknown, "the statement is signed, and not by the registered attester")
	}
	return attester, signers, nil
}

// signer returns the key that the block names. All that it says must agree.
func (b block) signer(attester []byte, known []*x509.Certificate) ([]byte, error) {
	spki := b.spki
	if b.cert != nil {
		if spki != nil && !bytes.Equal(spki, b.cert.RawSubjectPublicKeyInfo) {
			return nil, fmt.Errorf("a signer whose key is not that of its certificate")
		}
		spki = b.cert.RawSubjectPublicKeyInfo
	}
	switch {
	case b.keyID == nil:
		return spki, nil
	case spki != nil:
		if !identifies(b.keyID, spki) && (b.cert == nil || !bytes.Equal(b.keyID, b.cert.SubjectKeyId)) {
			return nil, fmt.Errorf("a signer whose key identifier is not that of its key")
		}
		return spki, nil
	case identifies(b.keyID, attester):
		return attester, nil
	}
	for _, c := range known {
		if len(c.SubjectKeyId) > 0 && bytes.Equal(b.keyID, c.SubjectKeyId) {
			return c.RawSubjectPublicKeyInfo, nil
		}
	}
	return nil, attestation.Because(attestation.AttesterUnknown, "a signature of the key %s, which nobody knows", hex.EncodeToString(b.keyID[:min(len(b.keyID), 32)]))
}

// identifies reports whether id is an identifier of the key as RFC 5280, 4.2.1.2,
// or RFC 7093 derive it.
func identifies(id, spki []byte) bool {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		return false
	}
	old, bits, all := sha1.Sum(info.Key.Bytes), sha256.Sum256(info.Key.Bytes), sha256.Sum256(spki)
	return slices.ContainsFunc([][]byte{old[:], bits[:20], bits[:], all[:]}, func(d []byte) bool { return bytes.Equal(d, id) })
}

func (b block) check(spki, signed []byte) error {
	key, err := attestation.ParseKey(spki)
	if err != nil {
		return attestation.Because(attestation.AttesterWeak, "the key of a signer: %v", err)
	}
	algorithm, ok := algorithms[hex.EncodeToString(b.algorithm)]
	if !ok {
		return attestation.Because(attestation.StatementAlgorithm, "the statement is signed with an algorithm that is not known")
	}
	return attestation.CheckSignature(key, algorithm, signed, b.signature)
}

// algorithms are the AlgorithmIdentifiers that may sign, each in its one encoding
// (RFC 4055, 5758, 8410).
var algorithms = map[string]x509.SignatureAlgorithm{
	"300a06082a8648ce3d040302":       x509.ECDSAWithSHA256,
	"300a06082a8648ce3d040303":       x509.ECDSAWithSHA384,
	"300a06082a8648ce3d040304":       x509.ECDSAWithSHA512,
	"300d06092a864886f70d01010b0500": x509.SHA256WithRSA,
	"300d06092a864886f70d01010c0500": x509.SHA384WithRSA,
	"300d06092a864886f70d01010d0500": x509.SHA512WithRSA,
	"300506032b6570":                 x509.PureEd25519,

	"304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120": x509.SHA256WithRSAPSS,
	"304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130": x509.SHA384WithRSAPSS,
	"304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140": x509.SHA512WithRSAPSS,
}
