package webauthn

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Bounds of what is decoded.
const (
	maxDepth = 4  // maps and lists inside one another
	maxItems = 16 // of a map or a list
)

var errShort = errors.New("CBOR that ends early")

// decodeMap decodes one CBOR map (RFC 8949) as an attestation object needs it, and
// nothing behind it: integers as int64, byte strings as []byte, texts as string,
// lists as []any, maps with texts as keys as map[string]any. Lengths must be definite
// and, like integers, in their shortest form; a key may stand once only. Tags, floats
// and simple values are refused.
func decodeMap(data []byte) (map[string]any, error) {
	d := decoder{data}
	value, err := d.value(0)
	if err != nil {
		return nil, err
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("CBOR that is not a map")
	}
	if len(d.rest) > 0 {
		return nil, fmt.Errorf("%d bytes behind the CBOR", len(d.rest))
	}
	return m, nil
}

type decoder struct{ rest []byte }

func (d *decoder) value(depth int) (any, error) {
	major, n, err := d.head()
	if err != nil {
		return nil, err
	}
	switch major {
	case 0:
		return int64(n), nil
	case 1:
		return -1 - int64(n), nil
	case 2:
		return d.take(n)
	case 3:
		return d.text(n)
	case 4:
		return d.list(n, depth)
	case 5:
		return d.object(n, depth)
	}
	return nil, fmt.Errorf("CBOR of major type %d, which does not belong here", major)
}

// head reads a major type and its argument, which is at most the largest int64.
func (d *decoder) head() (major byte, n uint64, err error) {
	first, err := d.take(1)
	if err != nil {
		return 0, 0, err
	}
	major, info := first[0]>>5, first[0]&31
	if info < 24 {
		return major, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, errors.New("CBOR of indefinite or unknown length")
	}
	size := 1 << (info - 24)
	raw, err := d.take(uint64(size))
	if err != nil {
		return 0, 0, err
	}
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	least := []uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	if n < least || n > math.MaxInt64 {
		return 0, 0, errors.New("a number of CBOR that is not in its shortest form, or too large")
	}
	return major, n, nil
}

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, errShort
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) text(n uint64) (string, error) {
	b, err := d.take(n)
	if err == nil && !utf8.Valid(b) {
		err = errors.New("a text of CBOR that is not UTF-8")
	}
	return string(b), err
}

func (d *decoder) list(n uint64, depth int) ([]any, error) {
	if n > maxItems || depth >= maxDepth {
		return nil, errors.New("CBOR with too many items, or too deep")
	}
	var items []any
	for range n {
		item, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (d *decoder) object(n uint64, depth int) (map[string]any, error) {
	if n > maxItems || depth >= maxDepth {
		return nil, errors.New("CBOR with too many items, or too deep")
	}
	m := map[string]any{}
	for range n {
		key, err := d.value(maxDepth) // no lists or maps as keys
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if _, twice := m[name]; !ok || twice {
			return nil, errors.New("a map of CBOR whose keys are not different texts")
		}
		if m[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return m, nil
}
