package oauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// tokenType is the JWT's typ (RFC 9068 clause 2.1): no other JWT passes for an
// access token.
const tokenType = "at+jwt"

// maxTokenLen bounds a bearer token, in bytes; ours have about 600.
const maxTokenLen = 4 << 10

// skew is how far the clocks of issuer and verifier may differ.
const skew = 30 * time.Second

// claims is the content of an access token (RFC 9068 clause 2.2, RFC 8705 clause 3.1).
type claims struct {
	jwt.Claims
	ClientID     string        `json:"client_id"`
	Scope        string        `json:"scope"`
	Confirmation *confirmation `json:"cnf,omitempty"`
}

type confirmation struct {
	Thumbprint string `json:"x5t#S256"`
}

func randomText() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

func keyID(key *ecdsa.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", hub.E(hub.Internal, "name token key", "the token key cannot be named", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// sign makes a compact ES256 token of c.
func sign(key *ecdsa.PrivateKey, c claims) (string, error) {
	kid, err := keyID(&key.PublicKey)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return "", hub.E(hub.Internal, "sign token", "the token key cannot be used", err)
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		return "", hub.E(hub.Internal, "sign token", "the token cannot be signed", err)
	}
	return token, nil
}

// Verifier checks bearer tokens (RFC 6750). Its fields must not change once it is
// used; it is then safe for concurrent use.
type Verifier struct {
	Issuer   string             // iss that is trusted
	Audience string             // aud that this API answers to
	Keys     []*ecdsa.PublicKey // of the issuer, P-256; several while keys change
	Clients  Clients            // so that a removed client is refused at once
	// RequireBound refuses tokens that are not bound to a certificate.
	RequireBound bool
	Now          func() time.Time // nil means time.Now
}

// Authenticate returns a check for [httpapi.Options] that wants a token with the
// given scope, or with any if scope is empty.
func (v *Verifier) Authenticate(scope string) func(*http.Request) (hub.Identity, error) {
	return func(r *http.Request) (hub.Identity, error) {
		token, err := bearer(r.Header.Values("Authorization"))
		if err != nil {
			return hub.Identity{}, err
		}
		return v.Verify(r.Context(), token, scope, peer(r.TLS))
	}
}

// bearer takes the token out of an Authorization field.
func bearer(fields []string) (string, error) {
	if len(fields) == 0 {
		// RFC 6750 clause 3.1: no error code for those who sent nothing.
		return "", httpapi.WithChallenge(hub.E(hub.Unauthenticated, "read access token", "an access token is needed; send Authorization: Bearer TOKEN", nil), "Bearer")
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	if len(fields) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxTokenLen {
		err := hub.E(hub.Invalid, "read access token", "the Authorization header does not hold one bearer token", nil)
		return "", httpapi.WithChallenge(err, `Bearer error="invalid_request"`)
	}
	return token, nil
}

// peer returns the certificate that the TLS stack has verified, or nil. One that
// was only shown proves nothing.
func peer(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

// Verify checks a token's signature, issuer, audience, times, scope and, if it is
// bound to a certificate, that cert is that certificate. It returns who the token
// speaks for. A bad token is a hub.Unauthenticated, a missing scope a hub.Denied;
// both carry their WWW-Authenticate.
func (v *Verifier) Verify(ctx context.Context, token, scope string, cert *x509.Certificate) (hub.Identity, error) {
	c, err := v.open(token)
	if err == nil {
		err = v.checkBinding(c, cert)
	}
	if err != nil {
		return hub.Identity{}, invalidToken(err)
	}
	client, err := v.Clients.Client(ctx, c.ClientID)
	switch {
	case hub.CodeOf(err) == hub.NotFound:
		return hub.Identity{}, invalidToken(err)
	case err != nil:
		return hub.Identity{}, hub.E(hub.Unavailable, "look up OAuth client", "the register of clients does not answer; try again", err)
	}
	// A scope counts while the token has it and the client still has it.
	if scope != "" && (!slices.Contains(strings.Fields(c.Scope), scope) || !slices.Contains(client.Scopes, scope)) {
		denied := hub.E(hub.Denied, "check scope", fmt.Sprintf("the access token does not cover the scope %q", scope), nil)
		return hub.Identity{}, httpapi.WithChallenge(denied, fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, scope))
	}
	return client.Identity, nil
}

// invalidToken tells the caller no more than RFC 6750 clause 3.1 does.
func invalidToken(cause error) error {
	err := hub.E(hub.Unauthenticated, "check access token", "the access token is not valid; get a new one", cause)
	return httpapi.WithChallenge(err, `Bearer error="invalid_token"`)
}

func (v *Verifier) open(token string) (claims, error) {
	var c claims
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return c, fmt.Errorf("parse token: %w", err)
	}
	head := parsed.Headers[0]
	if kind, _ := head.ExtraHeaders[jose.HeaderType].(string); kind != tokenType {
		return c, errors.New("the token is no access token")
	}
	key, err := v.key(head.KeyID)
	if err != nil {
		return c, err
	}
	if err := parsed.Claims(key, &c); err != nil {
		return c, fmt.Errorf("check signature: %w", err)
	}
	return c, v.checkClaims(c)
}

func (v *Verifier) key(kid string) (*ecdsa.PublicKey, error) {
	for _, key := range v.Keys {
		if id, err := keyID(key); err == nil && id == kid && key.Curve == elliptic.P256() {
			return key, nil
		}
	}
	return nil, errors.New("the token is signed with an unknown key")
}

func (v *Verifier) checkClaims(c claims) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	if c.Expiry == nil || c.IssuedAt == nil || c.ID == "" || c.ClientID == "" {
		return errors.New("the token lacks exp, iat, jti or client_id")
	}
	if c.Expiry.Time().Sub(c.IssuedAt.Time()) > MaxLife {
		return errors.New("the token lives longer than is allowed")
	}
	// Expiry gets no leeway: a token is never good for longer than it says.
	if !now().Before(c.Expiry.Time()) {
		return errors.New("the token has expired")
	}
	if c.IssuedAt.Time().After(now().Add(skew)) {
		return errors.New("the token was issued in the future")
	}
	if c.Issuer != v.Issuer || v.Audience == "" || !c.Audience.Contains(v.Audience) {
		return errors.New("the token is of another issuer or for another audience")
	}
	return nil
}

func (v *Verifier) checkBinding(c claims, cert *x509.Certificate) error {
	switch {
	case c.Confirmation == nil && v.RequireBound:
		return errors.New("the token is not bound to a certificate")
	case c.Confirmation == nil:
		return nil
	case cert == nil:
		return errors.New("the token is bound to a certificate and the connection has none")
	case subtle.ConstantTimeCompare([]byte(Thumbprint(cert)), []byte(c.Confirmation.Thumbprint)) != 1:
		return errors.New("the token is bound to another certificate")
	}
	return nil
}
