package attestation

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"github.com/manoward/manoward/attestation/der"
)

// AttributeOID is id-aa-attestation, as attribute of PKCS#10 and as extension of
// CRMF.
const AttributeOID = "1.2.840.113549.1.9.16.2.59"

// ProjectArc is our own arc of OIDs, made from a UUID (X.667). Formats whose makers
// have given their statements no OID have one below it.
const ProjectArc = "2.25.147609804363464683587275685586285789636"

// ParseCSR reads a PKCS#10 request in DER and checks that it is signed with its
// own key (RFC 2986). It does not look at the attestation. When the key could be
// read, the request is returned even with an error, which is a [Reason].
func ParseCSR(data []byte) (*x509.CertificateRequest, error) {
	csr, err := ReadCSR(data)
	if err != nil {
		return csr, err
	}
	return csr, ProveCSR(csr)
}

// ReadCSR is [ParseCSR] without [ProveCSR], which has to follow before anything is made
// of the request.
func ReadCSR(data []byte) (*x509.CertificateRequest, error) {
	if len(data) > MaxCSR {
		return nil, Because(CSRTooLarge, "the request has %d bytes, %d are allowed", len(data), MaxCSR)
	}
	if _, err := der.Read(data); err != nil {
		return nil, Because(CSRMalformed, "the request is not DER: %v", err)
	}
	csr, err := x509.ParseCertificateRequest(data)
	if err != nil {
		return nil, Because(CSRMalformed, "this is no certificate request (PKCS#10): %s", inWords(err))
	}
	if _, err := ParseKey(csr.RawSubjectPublicKeyInfo); err != nil {
		return nil, err
	}
	if !allowed[csr.SignatureAlgorithm] {
		return csr, Because(CSRAlgorithm, "the request is signed with %s", csr.SignatureAlgorithm)
	}
	return csr, nil
}

// ProveCSR checks of a request that [ReadCSR] has read that it is signed with its own key,
// and does not ask for a CA. Its error is a [Reason].
func ProveCSR(csr *x509.CertificateRequest) error {
	if err := csr.CheckSignature(); err != nil {
		return Because(CSRSignature, "the request is not signed with its own key, or was changed since")
	}
	return asksCA(csr)
}

// asksCA refuses a request for a certificate that could sign others.
func asksCA(csr *x509.CertificateRequest) error {
	for _, e := range csr.Extensions {
		if e.Id.String() != "2.5.29.19" {
			continue
		}
		constraints, err := der.Read(e.Value)
		if err != nil {
			return Because(CSRMalformed, "basicConstraints: %v", err)
		}
		items, err := constraints.Sequence(2)
		if err != nil {
			return Because(CSRMalformed, "basicConstraints: %v", err)
		}
		if len(items) == 0 || !items[0].Is(asn1.TagBoolean) {
			continue
		}
		if ca, err := items[0].Bool(); ca || err != nil {
			return Because(CSRAsksCA, "the request asks for a certificate with the CA flag")
		}
	}
	return nil
}

// BundleOf returns the attestation that a request carries. Go's own list of
// attributes leaves it out, so the signed part of the request is read here. The
// error is a [Reason].
func BundleOf(csr *x509.CertificateRequest, old bool) (Bundle, error) {
	values, err := attribute(csr.RawTBSCertificateRequest)
	if err != nil {
		return Bundle{}, ReasonOf(err, CSRMalformed)
	}
	return ParseBundle(values, old)
}

// attribute returns the only value of the only attestation attribute.
func attribute(info []byte) ([]byte, error) {
	request, err := der.Read(info)
	if err != nil {
		return nil, err
	}
	parts, err := request.Sequence(4)
	if err != nil {
		return nil, err
	}
	if len(parts) < 4 || !parts[3].Tagged(0) {
		return nil, Because(AttributeNone, "the request has no attributes")
	}
	attributes, err := parts[3].Items(MaxAttributes)
	if err != nil {
		return nil, err
	}
	var found []byte
	for _, a := range attributes {
		fields, err := a.Sequence(2)
		if err != nil {
			return nil, err
		}
		if len(fields) != 2 || !fields[1].Is(asn1.TagSet) {
			return nil, fmt.Errorf("an attribute that is not a type with a set of values")
		}
		if oid, err := fields[0].OID(); err != nil {
			return nil, err
		} else if oid != AttributeOID {
			continue
		}
		if found != nil {
			return nil, Because(AttributeTwice, "the request has more than one attestation attribute")
		}
		values, err := fields[1].Items(MaxStatements)
		if err != nil {
			return nil, err
		}
		if len(values) != 1 {
			return nil, Because(AttributeValues, "the attestation attribute has %d values", len(values))
		}
		found = values[0].Full()
	}
	if found == nil {
		return nil, Because(AttributeNone, "the request has no attestation attribute")
	}
	return found, nil
}
