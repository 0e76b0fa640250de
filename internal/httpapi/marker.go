package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// A page marker is base64url of: one byte of version, eight bytes of expiry (Unix
// seconds, big endian), the last key, sixteen bytes of HMAC-SHA-256 over the scope
// and all before. It is tamper-evident and not secret: the key is an identifier
// that the caller has just been shown.
const (
	markerVersion = 1
	markerHead    = 1 + 8
	markerMAC     = 16
	maxMarkerLen  = 2 << 10
)

// markerScope names what a marker is good for: this resource with this filter,
// these attributes and these further parameters, for this caller.
func markerScope(r *http.Request, q Query, f *Filter, s *Selector, params []string) string {
	parts := []string{r.URL.Path, f.String(), s.text, Caller(r.Context()).String()}
	for _, name := range slices.Sorted(slices.Values(params)) {
		if q.Has(name) {
			parts = append(parts, name+"="+q.Get(name))
		}
	}
	// A length before each part: no two lists of parts make one scope.
	var b strings.Builder
	for _, part := range parts {
		b.Write(binary.AppendUvarint(nil, uint64(len(part))))
		b.WriteString(part)
	}
	return b.String()
}

func (m *Mux) markerSum(scope string, payload []byte) []byte {
	h := hmac.New(sha256.New, m.options.MarkerKey)
	h.Write(binary.AppendUvarint(nil, uint64(len(scope))))
	h.Write([]byte(scope))
	h.Write(payload)
	return h.Sum(nil)[:markerMAC]
}

func (m *Mux) sealMarker(key, scope string) string {
	expiry := m.options.Now().Add(m.options.MarkerLife)
	payload := binary.BigEndian.AppendUint64([]byte{markerVersion}, uint64(expiry.Unix()))
	payload = append(payload, key...)
	return base64.RawURLEncoding.EncodeToString(append(payload, m.markerSum(scope, payload)...))
}

// openMarker returns the key in a marker of this mux for this scope.
func (m *Mux) openMarker(marker, scope string) (string, error) {
	bad := func(why string) (string, error) {
		return "", hub.E(hub.Invalid, "read page marker", paramMarker+" "+why+"; begin with the first page again", nil)
	}
	if len(marker) > maxMarkerLen {
		return bad("is not one of this resource's")
	}
	// The decoder passes over line ends, which a marker has none of.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil || strings.ContainsAny(marker, "\r\n") || len(raw) < markerHead+markerMAC || raw[0] != markerVersion {
		return bad("is not one of this resource's")
	}
	payload, sum := raw[:len(raw)-markerMAC], raw[len(raw)-markerMAC:]
	if !hmac.Equal(sum, m.markerSum(scope, payload)) {
		return bad("is not one of this resource's with this filter")
	}
	expiry := time.Unix(int64(binary.BigEndian.Uint64(payload[1:markerHead])), 0)
	if !m.options.Now().Before(expiry) {
		return bad("has expired")
	}
	return string(payload[markerHead:]), nil
}
