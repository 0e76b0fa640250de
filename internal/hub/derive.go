package hub

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// DeriveID returns the UUID (RFC 9562, version 8) that its parts stand for: the
// same parts always give the same ID and others another one. Work that a crash
// may cut off and repeat names what it creates in this way, so that the
// repetition finds what is there already.
func DeriveID(parts ...string) string {
	var room [256]byte // of most, so that nothing is allocated for them
	text := room[:0]
	for _, p := range parts {
		text = binary.BigEndian.AppendUint64(text, uint64(len(p)))
		text = append(text, p...)
	}
	sum := sha256.Sum256(text)
	return uuid([16]byte(sum[:16]), 8)
}

// uuid returns 16 bytes as the UUID of a version, in the variant of RFC 9562.
func uuid(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], b[:4])
	for i, at := 4, 8; i < 16; i, at = i+2, at+5 {
		if text[at] = '-'; i == 10 {
			hex.Encode(text[at+1:], b[i:])
			break
		}
		hex.Encode(text[at+1:], b[i:i+2])
	}
	return string(text[:])
}
