package attestation

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"github.com/manoward/manoward/attestation/der"
)

// The encodings of a bundle. All have the same attribute OID; they differ in
// structure, so that none is ever taken for another.
const (
	ShapeDraft28 = "draft-28"
	// ShapeHint is draft 28 with a text behind the statement (drafts before 22).
	ShapeHint = "hint"
	// ShapeBinds has bindsPublicKey and attributes (about draft 22).
	ShapeBinds = "binds-public-key"
	// ShapeEvidence is a SEQUENCE of EvidenceBundle (2024).
	ShapeEvidence = "evidence-bundle"
)

// Statement is one attestation of a bundle.
type Statement struct {
	OID string // its type, dotted
	DER []byte // its value with tag and length
}

// Bundle is the value of the attribute id-aa-attestation.
type Bundle struct {
	Shape      string
	Statements []Statement
	// Certs are the certificates that came along, in no order. What is not an X.509
	// certificate that Go can read is left out: it could only have completed a chain.
	Certs []*x509.Certificate
}

// ParseBundle reads an AttestationBundle of draft-ietf-lamps-csr-attestation-28.
// Older shapes are read only if old is set. The error is a [Reason]:
// bundle-malformed, bundle-old-shape or bundle-unbound.
func ParseBundle(data []byte, old bool) (Bundle, error) {
	b, err := parseBundle(data)
	if err != nil {
		return Bundle{}, ReasonOf(err, BundleMalformed)
	}
	if b.Shape != ShapeDraft28 && !old {
		return Bundle{}, Because(BundleOldShape, "the bundle has the shape %q of an older draft", b.Shape)
	}
	return b, nil
}

func parseBundle(data []byte) (Bundle, error) {
	value, err := der.Read(data)
	if err != nil {
		return Bundle{}, err
	}
	parts, err := value.Sequence(2)
	if err != nil {
		return Bundle{}, err
	}
	if len(parts) == 0 {
		return Bundle{}, fmt.Errorf("an empty bundle")
	}
	shape := ShapeDraft28
	if inner, ok := evidenceBundle(parts[0]); ok {
		if len(parts) != 1 {
			return Bundle{}, fmt.Errorf("more than one EvidenceBundle")
		}
		shape, parts = ShapeEvidence, inner
	}
	b := Bundle{Shape: shape}
	if err := b.statements(parts[0]); err != nil {
		return Bundle{}, err
	}
	if len(parts) == 2 {
		if b.Certs, err = certificates(parts[1]); err != nil {
			return Bundle{}, err
		}
	}
	return b, nil
}

// evidenceBundle returns the parts of an EvidenceBundle: where draft 28 has a
// statement, which begins with its OID, it has one more SEQUENCE around.
func evidenceBundle(first der.Value) ([]der.Value, bool) {
	parts, err := first.Sequence(2)
	if err != nil || len(parts) == 0 {
		return nil, false
	}
	statements, err := parts[0].Sequence(MaxStatements)
	if err != nil || len(statements) == 0 {
		return nil, false
	}
	return parts, statements[0].Is(asn1.TagSequence)
}

func (b *Bundle) statements(list der.Value) error {
	items, err := list.Sequence(MaxStatements)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return fmt.Errorf("a bundle without a statement")
	}
	for _, item := range items {
		// Until May 2024 one more SEQUENCE stood around each statement.
		if inner, err := item.Sequence(1); err == nil && len(inner) == 1 && b.Shape == ShapeEvidence {
			item = inner[0]
		}
		s, shape, err := parseStatement(item)
		if err != nil {
			return err
		}
		if shape != ShapeDraft28 && b.Shape != ShapeEvidence {
			b.Shape = shape
		}
		b.Statements = append(b.Statements, s)
	}
	return nil
}

// parseStatement reads one statement and says which shape it has.
func parseStatement(item der.Value) (Statement, string, error) {
	fields, err := item.Sequence(4)
	if err != nil {
		return Statement{}, "", err
	}
	if len(fields) < 2 {
		return Statement{}, "", fmt.Errorf("a statement with %d fields", len(fields))
	}
	oid, err := fields[0].OID()
	if err != nil {
		return Statement{}, "", err
	}
	fields, shape := fields[1:], ShapeDraft28
	if len(fields) > 1 && fields[0].Tagged(0) {
		binds, err := der.BoolContent(fields[0].Content())
		if err != nil {
			return Statement{}, "", err
		}
		if !binds {
			return Statement{}, "", Because(BundleUnbound, "the statement %s says of itself that it does not bind the key", oid)
		}
		fields, shape = fields[1:], ShapeBinds
	}
	if len(fields) == 2 {
		switch last := fields[1]; {
		case last.Tagged(1):
			shape = ShapeBinds
		case shape == ShapeDraft28 && (last.Is(asn1.TagUTF8String) || last.Is(asn1.TagIA5String)):
			shape = ShapeHint
		default:
			return Statement{}, "", fmt.Errorf("a field behind the statement %s", oid)
		}
		fields = fields[:1]
	}
	if len(fields) != 1 {
		return Statement{}, "", fmt.Errorf("the statement %s has too many fields", oid)
	}
	return Statement{oid, fields[0].Full()}, shape, nil
}

// certificates reads a SEQUENCE of LimitedCertChoices.
func certificates(list der.Value) ([]*x509.Certificate, error) {
	items, err := list.Sequence(MaxCertificates)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("an empty list of certificates")
	}
	var certs []*x509.Certificate
	for _, item := range items {
		switch {
		case item.Tagged(3): // OtherCertificateFormat
		case !item.Is(asn1.TagSequence):
			return nil, fmt.Errorf("something that is no certificate among the certificates")
		default:
			if c, err := x509.ParseCertificate(item.Full()); err == nil {
				certs = append(certs, c)
			}
		}
	}
	return certs, nil
}

// of returns the one statement with the OID.
func (b Bundle) of(oid string) (Statement, error) {
	var found []Statement
	for _, s := range b.Statements {
		if s.OID == oid {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return Statement{}, Because(StatementNone, "no statement of the registered type %s is in the request", oid)
	case 1:
		return found[0], nil
	}
	return Statement{}, Because(StatementTwice, "%d statements of the type %s are in the request", len(found), oid)
}
