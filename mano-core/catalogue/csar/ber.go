package csar

import (
	"errors"
	"fmt"
)

// maxDepth bounds how deep ASN.1 elements may be nested. A CMS with certificates
// needs about fifteen levels; what is deeper is made to exhaust its reader.
const maxDepth = 32

const (
	tagOctets      = 0x04
	tagSet         = 0x31
	tagConstructed = 0x20
	tagManyBytes   = 0x1f
)

// toDER turns the first BER element of in (ITU-T X.690) into DER as far as
// lengths and octet strings go, because signers that stream write indefinite
// lengths and octet strings in pieces, and encoding/asn1 reads neither.
func toDER(in []byte, depth int) (der, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	if len(in) < 2 || in[0]&tagManyBytes == tagManyBytes {
		return nil, nil, errors.New("it is cut off, or has a tag that CMS does not use")
	}
	tag := in[0]
	content, rest, indefinite, err := berContent(in)
	if err != nil {
		return nil, nil, err
	}
	if tag&tagConstructed == 0 {
		if indefinite {
			return nil, nil, errors.New("a primitive element has no length")
		}
		return appendElement(nil, tag, content), rest, nil
	}
	body, after, err := berChildren(tag, content, indefinite, depth)
	if err != nil {
		return nil, nil, err
	}
	if indefinite {
		rest = after
	}
	if tag == tagOctets|tagConstructed {
		tag = tagOctets
	}
	return appendElement(nil, tag, body), rest, nil
}

// berContent splits an element's content from what follows. Of an indefinite
// element both are everything after the header.
func berContent(in []byte) (content, rest []byte, indefinite bool, err error) {
	length, in := int(in[1]), in[2:]
	switch {
	case length == 0x80:
		return in, nil, true, nil
	case length > 0x80:
		n := length & 0x7f
		if n > 4 || n > len(in) {
			return nil, nil, false, errors.New("an element has a length that is too long or cut off")
		}
		length = 0
		for _, b := range in[:n] {
			length = length<<8 | int(b)
		}
		in = in[n:]
	}
	if length < 0 || length > len(in) { // four bytes of length can be negative where int has 32 bits
		return nil, nil, false, errors.New("an element is cut off")
	}
	return in[:length], in[length:], false, nil
}

// berChildren turns the elements inside of one into DER. The pieces of an octet
// string are joined.
func berChildren(tag byte, content []byte, indefinite bool, depth int) (body, after []byte, err error) {
	for len(content) > 0 {
		if indefinite && len(content) >= 2 && content[0] == 0 && content[1] == 0 {
			return body, content[2:], nil
		}
		child, rest, err := toDER(content, depth+1)
		if err != nil {
			return nil, nil, err
		}
		if tag == tagOctets|tagConstructed {
			if child[0] != tagOctets {
				return nil, nil, errors.New("an octet string has a piece that is none")
			}
			if child, _, _, err = berContent(child); err != nil {
				return nil, nil, err
			}
		}
		body, content = append(body, child...), rest
	}
	if indefinite {
		return nil, nil, errors.New("an element without length has no end")
	}
	return body, nil, nil
}

// appendElement writes an element with the shortest definite length.
func appendElement(out []byte, tag byte, content []byte) []byte {
	out = append(out, tag)
	n := len(content)
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, content...)
}
