package attester

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
	"time"

	"github.com/manoward/manoward/attestation"
	evidence "github.com/manoward/manoward/attestation/pkix"
	"github.com/manoward/manoward/internal/hub"
)

// Token is a PKCS#11 token that is open. Its keys are on P-256, named by labels, and
// cannot be taken out.
type Token interface {
	// Create makes a key; a label that is taken is [hub.Conflict].
	Create(ctx context.Context, label string) (crypto.Signer, error)
	// Signer finds a key; without one it is [hub.NotFound].
	Signer(ctx context.Context, label string) (crypto.Signer, error)
	// Properties returns what the token says of a key.
	Properties(ctx context.Context, label string) (Properties, error)
	Close() error
}

// Properties is what a token says of itself and of one of its keys. A claim about the
// key is nil when the token does not make it.
type Properties struct {
	Manufacturer, Model, Serial, Hardware, Firmware string

	Extractable, Sensitive, NeverExtractable, Local, Sign *bool
}

// TokenKey returns the key with the label, which it makes when there is none.
func TokenKey(ctx context.Context, t Token, label string) (key crypto.Signer, made bool, err error) {
	key, err = t.Signer(ctx, label)
	if hub.CodeOf(err) == hub.NotFound {
		key, err = t.Create(ctx, label)
		return key, err == nil, err
	}
	return key, false, err
}

// Evidence writes PKIX Evidence (draft-ietf-rats-pkix-key-attestation-07) about keys of
// tokens. Its numbers are those that the verifier is configured with.
type Evidence struct {
	OID string // type of the statement, dotted; the sample arc when empty
	Arc string // above elements and claims, dotted; the sample arc when empty
}

// Certify states what the token says of its key, signed with its key ak, at the time.
// nonce may be empty. The statement is as true as the program that made it and the ones
// who know the token's PIN: the token itself signs whatever it is given.
func (e Evidence) Certify(ctx context.Context, t Token, ak, label string, nonce []byte, at time.Time) (attestation.Statement, error) {
	const op = "certify key of token"
	var none attestation.Statement
	if ak == label {
		return none, hub.E(hub.Invalid, op, fmt.Sprintf("the key %q would certify itself; name a key of its own as attestation key", ak), nil)
	}
	if len(nonce) > attestation.MaxNonce {
		return none, hub.E(hub.Invalid, op, fmt.Sprintf("the nonce has %d bytes, %d are allowed; give a shorter one", len(nonce), attestation.MaxNonce), nil)
	}
	signer, err := t.Signer(ctx, ak)
	if err != nil {
		return none, err
	}
	key, err := t.Signer(ctx, label)
	if err != nil {
		return none, err
	}
	said, err := t.Properties(ctx, label)
	if err != nil {
		return none, err
	}
	e = e.numbers()
	tbs, err := e.tbs(signer.Public(), key.Public(), label, said, nonce, at)
	if err != nil {
		return none, hub.E(hub.Internal, op, "the statement cannot be encoded", err)
	}
	raw, err := sealed(tbs, signer)
	if err != nil {
		return none, err
	}
	return attestation.Statement{OID: e.OID, DER: raw}, nil
}

// numbers are the numbers with those of the samples where none are given.
func (e Evidence) numbers() Evidence {
	if e.OID == "" {
		e.OID = evidence.SampleArc
	}
	if e.Arc == "" {
		e.Arc = evidence.SampleArc
	}
	return e
}

// claim is a ReportedClaim, and element a ReportedElement.
type (
	claim struct {
		Type  asn1.RawValue
		Value asn1.RawValue
	}
	element struct {
		Type   asn1.RawValue
		Claims []claim
	}
)

// writer makes elements below an arc; err is the first thing that could not be written.
type writer struct {
	arc string
	err error
}

func (w *writer) oid(tail string) asn1.RawValue {
	v, err := objectID(w.arc + tail)
	if err != nil && w.err == nil {
		w.err = err
	}
	return v
}

// add puts a claim into the element. Text is a UTF8String, bytes an OCTET STRING, a
// time a GeneralizedTime; no text, no bytes and a nil claim are left out.
func (w *writer) add(el *element, tail string, value any) {
	params := ""
	switch v := value.(type) {
	case string:
		if value, params = strings.ToValidUTF8(v, "?"), "utf8"; v == "" {
			return
		}
	case []byte:
		if len(v) == 0 {
			return
		}
	case time.Time:
		value, params = v.UTC().Truncate(time.Second), "generalized"
	case *bool:
		if v == nil {
			return
		}
		value = *v
	}
	raw, err := asn1.MarshalWithParams(value, params)
	if err != nil && w.err == nil {
		w.err = err
	}
	el.Claims = append(el.Claims, claim{w.oid(".1." + tail), asn1.RawValue{FullBytes: raw}})
}

// tbs is a TbsEvidence: the statement itself, the token, and the key.
func (e Evidence) tbs(ak, key crypto.PublicKey, label string, said Properties, nonce []byte, at time.Time) ([]byte, error) {
	akSPKI, err := x509.MarshalPKIXPublicKey(ak)
	if err != nil {
		return nil, err
	}
	keySPKI, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	w := &writer{arc: e.Arc}
	transaction, platform, subject := element{Type: w.oid(".0.0")}, element{Type: w.oid(".0.1")}, element{Type: w.oid(".0.2")}
	w.add(&transaction, "0.0", nonce)
	w.add(&transaction, "0.1", at)
	w.add(&transaction, "0.2", akSPKI)
	w.add(&platform, "1.0", said.Manufacturer)
	w.add(&platform, "1.2", []byte(said.Model))
	w.add(&platform, "1.3", said.Hardware)
	w.add(&platform, "1.4", said.Serial)
	w.add(&platform, "1.6", said.Firmware)
	w.add(&subject, "2.0", label)
	w.add(&subject, "2.1", keySPKI)
	w.add(&subject, "2.2", said.Extractable)
	w.add(&subject, "2.3", said.Sensitive)
	w.add(&subject, "2.4", said.NeverExtractable)
	w.add(&subject, "2.5", said.Local)
	if said.Sign != nil && *said.Sign {
		w.add(&subject, "2.7", []asn1.RawValue{w.oid(".2.4")})
	}
	elements := []element{transaction, platform, subject}
	if len(platform.Claims) == 0 {
		elements = []element{transaction, subject}
	}
	if w.err != nil {
		return nil, w.err
	}
	return asn1.Marshal(struct {
		Version  int
		Elements []element
	}{1, elements})
}

// sealed is Evidence with one signature, whose signer is named by its key.
func sealed(tbs []byte, ak crypto.Signer) ([]byte, error) {
	const op = "sign evidence"
	hash, algorithm, err := signing(ak.Public())
	if err != nil {
		return nil, hub.E(hub.Invalid, op, "attestation keys of tokens are RSA keys, or ECDSA keys on P-256 or P-384; make such a key", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(ak.Public())
	if err != nil {
		return nil, hub.E(hub.Internal, op, "the attestation key cannot be encoded", err)
	}
	h := hash.New()
	h.Write(tbs)
	signature, err := ak.Sign(rand.Reader, h.Sum(nil), hash)
	if err != nil {
		return nil, err
	}
	type signer struct {
		Key asn1.RawValue
	}
	type block struct {
		Signer    signer
		Algorithm pkix.AlgorithmIdentifier
		Signature []byte
	}
	named := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: spki}
	raw, err := asn1.Marshal(struct {
		TBS        asn1.RawValue
		Signatures []block
	}{asn1.RawValue{FullBytes: tbs}, []block{{signer{named}, algorithm, signature}}})
	if err != nil {
		return nil, hub.E(hub.Internal, op, "the evidence cannot be encoded", err)
	}
	return raw, nil
}
