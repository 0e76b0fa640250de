package hub

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// DeriveID returns the UUID (RFC 9562, version 8) that its parts stand for: the
// same parts always give the same ID and others another one. Work that a crash
// may cut off and repeat names what it creates in this way, so that the
// repetition finds what is there already.
func DeriveID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
