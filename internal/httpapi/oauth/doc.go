// Package oauth is OAuth 2.0 as NFV-MANO uses it besides mutual TLS (SOL 013
// clause 8, SEC 022): client credentials (RFC 6749 clause 4.4) against short-lived
// JWT access tokens, bound to the client's certificate where it has one (RFC 8705).
//
// [Issuer] is the token endpoint, [Verifier] the bearer check of an API, and
// [Source] with [Transport] the client's side.
package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// MaxLife is the longest life of an access token. A token cannot be called back,
// so a client that is removed is refused by the lookup in [Clients], not by time.
const MaxLife = 15 * time.Minute

// Client is one registered OAuth client.
type Client struct {
	ID string
	// SecretHash is [HashSecret] of the secret. The zero value means that the
	// client has none and shows itself by certificate only.
	SecretHash [sha256.Size]byte
	// TLS lets the client show itself by a certificate whose only URI is Identity
	// (RFC 8705 clause 2.1, tls_client_auth).
	TLS      bool
	Scopes   []string // that it may ask for
	Identity hub.Identity
}

// Clients finds registered clients. An unknown id is a hub.NotFound. It is asked
// at every request and must be safe for concurrent use.
type Clients interface {
	Client(ctx context.Context, id string) (Client, error)
}

// NewSecret returns a client secret of 256 random bits.
func NewSecret() hub.Secret {
	return hub.Secret(randomText())
}

// HashSecret returns what is stored of a client secret. One round of SHA-256 is
// enough because secrets come from [NewSecret]: a slow hash makes guessing dear
// where guesses are likely, and 2^256 guesses are out of reach at any price. It
// must not be used for passwords that people choose.
func HashSecret(s hub.Secret) [sha256.Size]byte { return sha256.Sum256([]byte(s.Reveal())) }

// secretMatches compares in constant time.
func (c Client) secretMatches(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	none := c.SecretHash == [sha256.Size]byte{}
	return subtle.ConstantTimeCompare(sum[:], c.SecretHash[:]) == 1 && !none
}

// certificateMatches says whether a certificate that the TLS stack has verified is
// this client's.
func (c Client) certificateMatches(cert *x509.Certificate) bool {
	return c.TLS && cert != nil && len(cert.URIs) == 1 && cert.URIs[0].String() == c.Identity.String()
}

// grant returns the scopes that a client gets for what it asked: all of its own if
// it asked for none. It is false if it may not have one that it asked for.
func (c Client) grant(asked string) ([]string, bool) {
	scopes := strings.Fields(asked)
	if len(scopes) == 0 {
		return c.Scopes, true
	}
	for _, s := range scopes {
		if !slices.Contains(c.Scopes, s) {
			return nil, false
		}
	}
	return scopes, true
}

// Thumbprint returns the x5t#S256 of a certificate (RFC 8705 clause 3.1).
func Thumbprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
