package state

import (
	"encoding/hex"
	"slices"
)

// Stored values are JSON, of which much is identifiers and digests: 36 and 64 characters for
// 16 and 32 bytes, which no compression by repetition makes smaller. JSON has no bytes below
// 0x20 but white space, so two of them stand for such texts where values are in memory.
const (
	shortUUID = 1 // 16 bytes follow, of an identifier as RFC 9562 writes it, in lower case
	shortHex  = 2 // a byte n and n bytes follow, of 2n hexadecimal digits in lower case
	leastHex  = 16
	mostHex   = 2 * 255
)

// shorten writes a JSON text the short way.
func shorten(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	from := 0 // what is not written yet
	for i := 0; i < len(raw); {
		if digit[raw[i]] > 15 {
			i++
			continue
		}
		n := 1
		for i+n < len(raw) && n < mostHex && digit[raw[i+n]] <= 15 {
			n++
		}
		switch {
		case n == 8 && isUUID(raw[i:]):
			out = append(append(out, raw[from:i]...), shortUUID)
			u := raw[i : i+36]
			for _, part := range [][]byte{u[:8], u[9:13], u[14:18], u[19:23], u[24:36]} {
				out = appendHex(out, part)
			}
			i += 36
			from = i
		case n >= leastHex:
			n &^= 1
			out = append(append(out, raw[from:i]...), shortHex, byte(n/2))
			out = appendHex(out, raw[i:i+n])
			i += n
			from = i
		default:
			i += n
		}
	}
	return append(out, raw[from:]...)
}

// isUUID says whether a text begins with an identifier. Its first eight digits are known.
func isUUID(text []byte) bool {
	if len(text) < 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	for i, c := range text[:36] {
		if digit[c] > 15 && i != 8 && i != 13 && i != 18 && i != 23 {
			return false
		}
	}
	return true
}

// appendHex adds what hexadecimal digits stand for.
func appendHex(out, digits []byte) []byte {
	for i := 0; i+1 < len(digits); i += 2 {
		out = append(out, digit[digits[i]]<<4|digit[digits[i+1]])
	}
	return out
}

// lengthen is the reverse of shorten; false for what shorten has not written.
func lengthen(short []byte) ([]byte, bool) {
	out := make([]byte, 0, 2*len(short)+64)
	for len(short) > 0 {
		i := slices.IndexFunc(short, func(c byte) bool { return c == shortUUID || c == shortHex })
		if i < 0 {
			break
		}
		out = append(out, short[:i]...)
		kind, rest := short[i], short[i+1:]
		switch {
		case kind == shortUUID && len(rest) >= 16:
			u := rest[:16]
			for j, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
				if j > 0 {
					out = append(out, '-')
				}
				out = hex.AppendEncode(out, part)
			}
			short = rest[16:]
		case kind == shortHex && len(rest) > 0 && len(rest) > int(rest[0]):
			n := int(rest[0])
			out = hex.AppendEncode(out, rest[1:1+n])
			short = rest[1+n:]
		default:
			return nil, false
		}
	}
	return append(out, short...), true
}

// digit is what a hexadecimal digit in lower case stands for; above 15: it is none.
var digit = func() (of [256]byte) {
	for c := range of {
		switch {
		case '0' <= c && c <= '9':
			of[c] = byte(c - '0')
		case 'a' <= c && c <= 'f':
			of[c] = byte(c - 'a' + 10)
		default:
			of[c] = 16
		}
	}
	return of
}()
