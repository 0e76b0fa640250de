package attester

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/hub"
)

// CSR is what a certificate request says besides its key.
type CSR struct {
	Subject   pkix.Name
	DNS       []string // names for subjectAltName; may be empty
	Statement attestation.Statement
	Certs     []*x509.Certificate // of the attester, if it has any: they go along with the statement
}

// NewCSR makes a certificate request (PKCS#10, DER) that the key signs, and that
// carries the statement in the attribute id-aa-attestation
// (draft-ietf-lamps-csr-attestation-28). The key is RSA, or ECDSA on P-256 or P-384.
// Errors of the key are returned as they are.
func NewCSR(key crypto.Signer, c CSR) ([]byte, error) {
	const op = "make certificate request"
	hash, algorithm, err := signing(key.Public())
	if err != nil {
		return nil, hub.E(hub.Invalid, op, "requests are made for RSA keys, and for ECDSA keys on P-256 and P-384; make such a key", err)
	}
	info, err := c.info(key.Public())
	if err != nil {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("the request cannot be encoded (%v); check its subject and names", err), err)
	}
	h := hash.New()
	h.Write(info)
	signature, err := key.Sign(rand.Reader, h.Sum(nil), hash)
	if err != nil {
		return nil, err
	}
	raw, err := asn1.Marshal(struct {
		Info      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: info}, algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		return nil, hub.E(hub.Internal, op, "the request cannot be encoded", err)
	}
	return raw, nil
}

// signing returns the digest and the algorithm that a key signs with here.
func signing(public crypto.PublicKey) (crypto.Hash, pkix.AlgorithmIdentifier, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return crypto.SHA256, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue}, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return crypto.SHA256, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}, nil
		case elliptic.P384():
			return crypto.SHA384, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}}, nil
		}
	}
	return 0, pkix.AlgorithmIdentifier{}, fmt.Errorf("a key of type %T", public)
}

// attribute is an Attribute of PKCS#10.
type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

var (
	oidAttestation      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 59} // attestation.AttributeOID
	oidExtensionRequest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	oidSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// info is the CertificationRequestInfo (RFC 2986, 4.1).
func (c CSR) info(public crypto.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	subject, err := asn1.Marshal(c.Subject.ToRDNSequence())
	if err != nil {
		return nil, err
	}
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	attributes := []attribute{{oidAttestation, []asn1.RawValue{{FullBytes: bundle}}}}
	if len(c.DNS) > 0 {
		extensions, err := names(c.DNS)
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, attribute{oidExtensionRequest, []asn1.RawValue{{FullBytes: extensions}}})
	}
	return asn1.Marshal(struct {
		Version    int
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Attributes []attribute `asn1:"tag:0,set"`
	}{0, asn1.RawValue{FullBytes: subject}, asn1.RawValue{FullBytes: spki}, attributes})
}

// names is a list of extensions with subjectAltName alone.
func names(dns []string) ([]byte, error) {
	var all []asn1.RawValue
	for _, name := range dns {
		for _, c := range []byte(name) {
			if c <= ' ' || c > '~' {
				return nil, fmt.Errorf("%q is no DNS name", name)
			}
		}
		all = append(all, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(name)})
	}
	value, err := asn1.Marshal(all)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal([]pkix.Extension{{Id: oidSubjectAltName, Value: value}})
}

// bundle is an AttestationBundle.
func (c CSR) bundle() ([]byte, error) {
	oid, err := objectID(c.Statement.OID)
	if err != nil {
		return nil, err
	}
	type statement struct{ Type, Statement asn1.RawValue }
	b := struct {
		Statements []statement
		Certs      []asn1.RawValue `asn1:"omitempty"`
	}{Statements: []statement{{oid, asn1.RawValue{FullBytes: c.Statement.DER}}}}
	for _, cert := range c.Certs {
		b.Certs = append(b.Certs, asn1.RawValue{FullBytes: cert.Raw})
	}
	return asn1.Marshal(b)
}

// objectID is an OBJECT IDENTIFIER whose arcs may be of any size.
func objectID(dotted string) (asn1.RawValue, error) {
	oid, err := x509.ParseOID(dotted)
	if err != nil {
		return asn1.RawValue{}, fmt.Errorf("%q is no OID in dotted form", dotted)
	}
	content, err := oid.MarshalBinary()
	return asn1.RawValue{Tag: asn1.TagOID, Bytes: content}, err
}
