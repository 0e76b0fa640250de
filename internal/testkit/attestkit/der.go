package attestkit

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"testing"
	"time"
)

// TLV encodes one value; tag is the whole first byte.
func TLV(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	n := len(content)
	head := []byte{tag}
	switch {
	case n < 0x80:
		head = append(head, byte(n))
	case n < 0x100:
		head = append(head, 0x81, byte(n))
	case n < 0x10000:
		head = append(head, 0x82, byte(n>>8), byte(n))
	default:
		head = append(head, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(head, content...)
}

// Seq is a SEQUENCE.
func Seq(parts ...[]byte) []byte { return TLV(0x30, parts...) }

// Set is a SET.
func Set(parts ...[]byte) []byte { return TLV(0x31, parts...) }

// Explicit is a constructed value with the context-specific tag n.
func Explicit(n byte, parts ...[]byte) []byte { return TLV(0xa0|n, parts...) }

// Octets is an OCTET STRING.
func Octets(b []byte) []byte { return TLV(4, b) }

// UTF8 is a UTF8String.
func UTF8(s string) []byte { return TLV(12, []byte(s)) }

// Int is a small INTEGER that is not negative.
func Int(n byte) []byte {
	if n >= 0x80 {
		return TLV(2, []byte{0, n})
	}
	return TLV(2, []byte{n})
}

// Bool is a BOOLEAN.
func Bool(b bool) []byte {
	if b {
		return TLV(1, []byte{0xff})
	}
	return TLV(1, []byte{0})
}

// Time is a GeneralizedTime.
func Time(at time.Time) []byte { return TLV(24, []byte(at.UTC().Format("20060102150405Z"))) }

// OID is an OBJECT IDENTIFIER in dotted form, with arcs of any size.
func OID(t testing.TB, dotted string) []byte {
	t.Helper()
	oid, err := x509.ParseOID(dotted)
	if err != nil {
		t.Fatalf("%s: %v", dotted, err)
	}
	content, err := oid.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return TLV(6, content)
}

// short returns an OID that Go's certificate templates can hold.
func short(t testing.TB, dotted string) asn1.ObjectIdentifier {
	t.Helper()
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(OID(t, dotted), &oid); err != nil {
		t.Fatalf("%s: %v", dotted, err)
	}
	return oid
}

// Statement is an AttestationStatement; extra fields make it one of an older draft.
func Statement(t testing.TB, oid string, stmt ...[]byte) []byte {
	t.Helper()
	return Seq(slices.Concat([][]byte{OID(t, oid)}, stmt)...)
}

// Bundle is an AttestationBundle of draft 28.
func Bundle(statements [][]byte, certs ...*x509.Certificate) []byte {
	if len(certs) == 0 {
		return Seq(Seq(statements...))
	}
	return Seq(Seq(statements...), Certs(certs...))
}

// Certs is a SEQUENCE of certificates.
func Certs(certs ...*x509.Certificate) []byte {
	var all [][]byte
	for _, c := range certs {
		all = append(all, c.Raw)
	}
	return Seq(all...)
}
