package hub

import (
	"crypto/rand"
	"encoding/json"
	"time"
)

// Record is one entry of a trust domain's record log: something that happened
// or was decided, kept before it takes effect. Records are never changed or
// removed.
type Record struct {
	ID      string          `json:"id"`      // unique; an append of the same ID again has no second effect
	Kind    string          `json:"kind"`    // "security-manager.registered"
	Time    time.Time       `json:"time"`    // when it happened, UTC
	Actor   string          `json:"actor"`   // identity of the party that caused it, as [Identity.String]
	Subject string          `json:"subject"` // what it is about: "sm/north"
	Data    json.RawMessage `json:"data"`    // shape depends on Kind
}

// NewID returns a random UUID (RFC 9562, version 4) from the operating
// system's source of randomness.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return uuid(b, 4)
}
