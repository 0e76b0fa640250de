package hub

import (
	"encoding/json"
	"log/slog"
)

// Secret is a PIN, a passphrase or a token. Printing, logging or encoding it
// shows that there is one and not what it is; [Secret.Reveal] gives the value.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder, or the empty string for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString keeps %#v from showing the secret.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue keeps slog from showing the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON encodes the placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML encodes the placeholder.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
