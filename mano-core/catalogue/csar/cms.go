package csar

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What one signature may hold. The limits are generous for people and mean to
// those who would have us compute for hours.
const (
	maxCMS     = 1 << 20 // bytes of DER
	maxSigners = 16
	maxCerts   = 64
	maxRSA     = 16384 // bits of a key; Go checks any length, in time that grows with its cube
)

// errNotSigned is what a CMS that is something else gives: compressed,
// enveloped, or not CMS at all.
var errNotSigned = errors.New("not CMS SignedData")

// signed is a CMS SignedData (RFC 5652 clause 5) as far as a detached signature
// needs it.
type signed struct {
	content []byte // eContent; nil when detached
	certs   []*x509.Certificate
	signers []signerInfo
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

type signedData struct {
	Version      int
	Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
	Encapsulated contentInfo
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type signerInfo struct {
	Version    int
	ID         asn1.RawValue // issuer and serial number, or subject key identifier
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm  pkix.AlgorithmIdentifier
	Signature  []byte
	Unsigned   asn1.RawValue `asn1:"optional,tag:1"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial asn1.RawValue
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue `asn1:"set"`
}

// parseCMS reads a detached signature in DER, BER or PEM armour. Its error wraps
// errNotSigned when the bytes are no SignedData.
func parseCMS(data []byte) (*signed, error) {
	if armoured, ok, err := unarmour(data); err != nil {
		return nil, err
	} else if ok {
		data = armoured
	}
	var sd signedData
	if err := unwrap(data, &sd); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotSigned, err)
	}
	s := &signed{signers: sd.Signers}
	if len(s.signers) == 0 || len(s.signers) > maxSigners {
		return nil, fmt.Errorf("%w: it has %d signers; 1 to %d are allowed", errNotSigned, len(s.signers), maxSigners)
	}
	for i := range s.signers {
		if !sd.announces(s.signers[i].Digest.Algorithm) {
			return nil, fmt.Errorf("%w: a signer's digest algorithm %v is not among its digestAlgorithms", errNotSigned, s.signers[i].Digest.Algorithm)
		}
	}
	if !sd.Encapsulated.Type.Equal(oidData) {
		return nil, fmt.Errorf("%w: it signs content of type %v and not plain data", errNotSigned, sd.Encapsulated.Type)
	}
	if inside := sd.Encapsulated.Content.Bytes; len(inside) > 0 {
		if err := unmarshal(inside, &s.content, ""); err != nil {
			return nil, fmt.Errorf("%w: its content: %w", errNotSigned, err)
		}
	}
	s.certs = readCertificates(sd.Certificates.Bytes)
	return s, nil
}

// announces reports whether the digest algorithm is one of digestAlgorithms. RFC
// 5652 clause 5.1 lets a reader refuse a signature that uses another: who digests
// the content on the way, as that list is for, would judge differently.
func (sd *signedData) announces(id asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(sd.Digests, func(a pkix.AlgorithmIdentifier) bool { return a.Algorithm.Equal(id) })
}

// unwrap reads the ContentInfo around a SignedData.
func unwrap(data []byte, sd *signedData) error {
	if len(data) > maxCMS {
		return fmt.Errorf("it has %d bytes and %d are allowed", len(data), maxCMS)
	}
	der, rest, err := toDER(data, 0)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New("there is data after its end")
	}
	var info contentInfo
	if err := unmarshal(der, &info, ""); err != nil {
		return err
	}
	if !info.Type.Equal(oidSignedData) {
		return fmt.Errorf("its content type is %v", info.Type)
	}
	return unmarshal(info.Content.Bytes, sd, "")
}

// unmarshal is asn1.Unmarshal that wants all bytes used.
func unmarshal(der []byte, into any, params string) error {
	rest, err := asn1.UnmarshalWithParams(der, into, params)
	if err != nil {
		return fmt.Errorf("read ASN.1: %w", err)
	}
	if len(rest) > 0 {
		return errors.New("read ASN.1: there is data after its end")
	}
	return nil
}

// readCertificates reads the certificates of the set and passes over what is no
// X.509 certificate that Go can read, or too large: a signature does not fail
// because of a certificate that it does not need.
func readCertificates(set []byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for len(set) > 0 && len(certs) < maxCerts {
		var one asn1.RawValue
		rest, err := asn1.Unmarshal(set, &one)
		if err != nil {
			return certs
		}
		set = rest
		if c, err := parseCertificate(one.FullBytes); err == nil {
			certs = append(certs, c)
		}
	}
	return certs
}

// parseCertificate reads one certificate whose key can be used in little time.
func parseCertificate(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() > maxRSA {
		return nil, fmt.Errorf("its RSA key has %d bits and %d are allowed", k.N.BitLen(), maxRSA)
	}
	return c, nil
}

// is reports whether the signer's identifier names the certificate.
func (s *signerInfo) is(c *x509.Certificate) bool {
	if s.ID.Class == asn1.ClassContextSpecific && s.ID.Tag == 0 {
		return len(c.SubjectKeyId) > 0 && bytes.Equal(s.ID.Bytes, c.SubjectKeyId)
	}
	var id issuerAndSerial
	if err := unmarshal(s.ID.FullBytes, &id, ""); err != nil {
		return false
	}
	serial, err := asn1.Marshal(c.SerialNumber)
	return err == nil && bytes.Equal(id.Issuer.FullBytes, c.RawIssuer) && bytes.Equal(id.Serial.FullBytes, serial)
}

// attributes are what the signer signed beside the content.
type attributes struct {
	der         []byte // what the signature is over; nil when there are no attributes
	digest      []byte
	signingTime time.Time // as the signer claims; zero when absent
}

// attributes reads the signed attributes (RFC 5652 clause 11). Content type and
// message digest must be there once.
func (s *signerInfo) attributes() (attributes, error) {
	if len(s.Attributes.FullBytes) == 0 {
		return attributes{}, nil
	}
	inOrder, err := sortSet(s.Attributes.Bytes)
	if err != nil {
		return attributes{}, err
	}
	a := attributes{der: appendElement(nil, tagSet, inOrder)} // signed as SET OF, sent as [0]
	var list []attribute
	if err := unmarshal(a.der, &list, "set"); err != nil {
		return attributes{}, err
	}
	var kind asn1.ObjectIdentifier
	seen := map[string]int{}
	for _, attr := range list {
		seen[attr.Type.String()]++
		var err error
		switch {
		case attr.Type.Equal(oidContentType):
			err = unmarshal(attr.Values.Bytes, &kind, "")
		case attr.Type.Equal(oidMessageDigest):
			err = unmarshal(attr.Values.Bytes, &a.digest, "")
		case attr.Type.Equal(oidSigningTime):
			err = unmarshal(attr.Values.Bytes, &a.signingTime, "")
		}
		if err != nil {
			return attributes{}, fmt.Errorf("signed attribute %v: %w", attr.Type, err)
		}
	}
	if seen[oidContentType.String()] != 1 || seen[oidMessageDigest.String()] != 1 || seen[oidSigningTime.String()] > 1 || !kind.Equal(oidData) {
		return attributes{}, errors.New("the signed attributes lack content type or message digest, or have one twice")
	}
	return a, nil
}

// sortSet puts the elements of a SET OF into the order of DER (X.690 clause
// 11.6): the signature is over that, whatever the order they were sent in (RFC
// 5652 clause 5.4).
func sortSet(content []byte) ([]byte, error) {
	var elements [][]byte
	for len(content) > 0 {
		var one asn1.RawValue
		rest, err := asn1.Unmarshal(content, &one)
		if err != nil {
			return nil, fmt.Errorf("read ASN.1: %w", err)
		}
		elements, content = append(elements, one.FullBytes), rest
	}
	slices.SortFunc(elements, bytes.Compare)
	return slices.Concat(elements...), nil
}

var (
	beginPrefix = []byte("-----BEGIN ")
	endPrefix   = []byte("-----END ")
	dashes      = []byte("-----")
)

// unarmour reads PEM armour with any label: signers write CMS, PKCS7 and others.
// ok is false when the bytes do not start with a BEGIN line. encoding/pem is too
// generous for a signature: it passes over what stands around it.
func unarmour(data []byte) (der []byte, ok bool, err error) {
	data = bytes.TrimSpace(data)
	if !bytes.HasPrefix(data, beginPrefix) {
		return nil, false, nil
	}
	first, rest, _ := bytes.Cut(data[len(beginPrefix):], []byte("\n"))
	label, isBegin := bytes.CutSuffix(bytes.TrimRight(first, " \t\r"), dashes)
	body, isEnd := bytes.CutSuffix(rest, bytes.Join([][]byte{endPrefix, label, dashes}, nil))
	if !isBegin || !isEnd {
		return nil, true, fmt.Errorf("%w: its BEGIN and END lines do not fit", errNotSigned)
	}
	der, err = base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(body), nil)))
	if err != nil {
		return nil, true, fmt.Errorf("%w: its text is not base64", errNotSigned)
	}
	return der, true, nil
}

// decodeStart decodes as much base64 as the first line of b has whole groups of.
func decodeStart(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSpace(line)
	out, err := base64.StdEncoding.DecodeString(string(line[:len(line)/4*4]))
	if err != nil {
		return nil
	}
	return out
}
