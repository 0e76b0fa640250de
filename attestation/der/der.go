// Package der walks DER values one level at a time, for the parsers of evidence.
//
// It follows X.690 in what evidence needs and refuses what DER does not have:
// lengths that are not minimal, indefinite lengths, a BOOLEAN that is neither 00
// nor FF, an INTEGER with leading bytes, bytes after the end. The number of
// values on a level is bounded by the caller. Nothing here keeps state, and a
// [Value] shares the bytes that it was read from.
package der

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"
	"unicode/utf8"
)

// Value is one DER value.
type Value struct{ raw asn1.RawValue }

// Read reads data, which must be exactly one value.
func Read(data []byte) (Value, error) {
	v, rest, err := next(data)
	if err != nil {
		return Value{}, err
	}
	if len(rest) > 0 {
		return Value{}, fmt.Errorf("%d bytes after the end of a value", len(rest))
	}
	return v, nil
}

func next(data []byte) (Value, []byte, error) {
	var v Value
	if len(data) == 0 {
		return Value{}, nil, errors.New("nothing where a DER value should be")
	}
	rest, err := asn1.Unmarshal(data, &v.raw)
	if cut := (asn1.SyntaxError{Msg: "data truncated"}); errors.Is(err, cut) {
		return Value{}, nil, errors.New("a DER value that is cut off, or a length that is too large")
	}
	if err != nil {
		return Value{}, nil, errors.New("bytes that are not DER")
	}
	return v, rest, nil
}

// Full returns the value with its tag and length, as it stood.
func (v Value) Full() []byte { return v.raw.FullBytes }

// Content returns the value without its tag and length.
func (v Value) Content() []byte { return v.raw.Bytes }

// Is reports whether v has this universal tag (asn1.TagSequence, ...) in the form,
// primitive or constructed, that DER asks for.
func (v Value) Is(tag int) bool {
	constructed := tag == asn1.TagSequence || tag == asn1.TagSet
	return v.raw.Class == asn1.ClassUniversal && v.raw.Tag == tag && v.raw.IsCompound == constructed
}

// Tagged reports whether v has the context-specific tag n, in whichever form.
func (v Value) Tagged(n int) bool {
	return v.raw.Class == asn1.ClassContextSpecific && v.raw.Tag == n
}

// Items returns the values that a constructed value consists of, at most limit.
func (v Value) Items(limit int) ([]Value, error) {
	if !v.raw.IsCompound {
		return nil, errors.New("a value that should hold others is primitive")
	}
	var items []Value
	for rest := v.raw.Bytes; len(rest) > 0; {
		if len(items) == limit {
			return nil, fmt.Errorf("more than %d values in one", limit)
		}
		var item Value
		var err error
		if item, rest, err = next(rest); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// Sequence returns the values of a SEQUENCE, at most limit.
func (v Value) Sequence(limit int) ([]Value, error) {
	if !v.Is(asn1.TagSequence) {
		return nil, fmt.Errorf("tag %d where a SEQUENCE belongs", v.raw.Tag)
	}
	return v.Items(limit)
}

// Explicit returns the one value inside of a context-specific tag.
func (v Value) Explicit() (Value, error) {
	items, err := v.Items(1)
	if err != nil {
		return Value{}, err
	}
	if len(items) == 0 {
		return Value{}, errors.New("an explicit tag around nothing")
	}
	return items[0], nil
}

// OID returns an OBJECT IDENTIFIER in dotted form. Its arcs may be of any size.
func (v Value) OID() (string, error) {
	if !v.Is(asn1.TagOID) {
		return "", fmt.Errorf("tag %d where an OBJECT IDENTIFIER belongs", v.raw.Tag)
	}
	var oid x509.OID
	if len(v.raw.Bytes) > 64 || oid.UnmarshalBinary(v.raw.Bytes) != nil {
		return "", errors.New("a malformed OBJECT IDENTIFIER")
	}
	return oid.String(), nil
}

// Octets returns the content of an OCTET STRING.
func (v Value) Octets() ([]byte, error) {
	if !v.Is(asn1.TagOctetString) {
		return nil, fmt.Errorf("tag %d where an OCTET STRING belongs", v.raw.Tag)
	}
	return v.raw.Bytes, nil
}

// Text returns the content of a UTF8String.
func (v Value) Text() (string, error) {
	if !v.Is(asn1.TagUTF8String) || !utf8.Valid(v.raw.Bytes) {
		return "", fmt.Errorf("tag %d, or broken text, where a UTF8String belongs", v.raw.Tag)
	}
	return string(v.raw.Bytes), nil
}

// Bool returns a BOOLEAN.
func (v Value) Bool() (bool, error) {
	if !v.Is(asn1.TagBoolean) {
		return false, fmt.Errorf("tag %d where a BOOLEAN belongs", v.raw.Tag)
	}
	return BoolContent(v.raw.Bytes)
}

// BoolContent reads the content of a BOOLEAN, for one that has an implicit tag.
func BoolContent(content []byte) (bool, error) {
	if len(content) != 1 || (content[0] != 0 && content[0] != 0xff) {
		return false, errors.New("a BOOLEAN that is neither TRUE nor FALSE in DER")
	}
	return content[0] == 0xff, nil
}

// Int returns an INTEGER between 0 and the largest int64.
func (v Value) Int() (int64, error) {
	var n *big.Int
	if !v.Is(asn1.TagInteger) {
		return 0, fmt.Errorf("tag %d where an INTEGER belongs", v.raw.Tag)
	}
	if len(v.raw.Bytes) > 9 {
		return 0, errors.New("an INTEGER that is too large")
	}
	if _, err := asn1.Unmarshal(v.raw.FullBytes, &n); err != nil {
		return 0, errors.New("a malformed INTEGER")
	}
	if n.Sign() < 0 || n.Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return 0, errors.New("an INTEGER that is negative or too large")
	}
	return n.Int64(), nil
}

// Time returns a GeneralizedTime, which in DER is UTC and ends with Z.
func (v Value) Time() (time.Time, error) {
	if !v.Is(asn1.TagGeneralizedTime) {
		return time.Time{}, fmt.Errorf("tag %d where a GeneralizedTime belongs", v.raw.Tag)
	}
	at, err := time.Parse("20060102150405Z", string(v.raw.Bytes))
	if err != nil {
		return time.Time{}, errors.New("a GeneralizedTime that is not one of DER")
	}
	return at, nil
}
