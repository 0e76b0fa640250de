package oauth

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/time/rate"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// maxForm bounds the body of a token request, in bytes.
const maxForm = 8 << 10

// Failures of one address: so many at once, then one each so often.
const (
	failureBurst = 5
	failureEvery = 6 * time.Second
	maxTracked   = 4096 // addresses remembered at a time
)

// Issuer is the token endpoint (RFC 6749 clause 3.2). It serves POST with
// grant_type=client_credentials, for clients that show themselves by
// client_secret_basic or by tls_client_auth. Register it with [httpapi.Mux.Public]
// through [Issuer.Handle]. Its fields must not change once it is used; it is then
// safe for concurrent use.
type Issuer struct {
	Name     string            // iss
	Audience string            // aud of all tokens
	Key      *ecdsa.PrivateKey // P-256
	Clients  Clients
	Life     time.Duration    // of tokens, at most MaxLife; 0 means MaxLife
	Now      func() time.Time // nil means time.Now
	Log      *slog.Logger     // nil logs nothing

	mu       sync.Mutex // guards failures, for the time of one map access
	failures map[string]*rate.Limiter
}

// tokenError is an answer of RFC 6749 clause 5.2.
type tokenError struct {
	status      int
	code        string
	description string
	retryAfter  time.Duration
	cause       error // for the log
}

func (e *tokenError) Error() string { return e.code + ": " + e.description }
func (e *tokenError) Unwrap() error { return e.cause }

func badRequest(code, description string) error {
	return &tokenError{status: http.StatusBadRequest, code: code, description: description}
}

func badClient(cause error) error {
	return &tokenError{status: http.StatusUnauthorized, code: "invalid_client", description: "client authentication failed", cause: cause}
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope,omitempty"`
}

// Handle answers a token request. Errors are JSON as RFC 6749 clause 5.2 has them,
// not ProblemDetails.
func (s *Issuer) Handle(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache") // RFC 6749 clause 5.1
	answer, err := s.answer(r)
	var refused *tokenError
	if errors.As(err, &refused) {
		s.logRefusal(r, refused)
		return writeRefusal(w, refused)
	}
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, answer)
}

func writeRefusal(w http.ResponseWriter, e *tokenError) error {
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
	}
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((e.retryAfter+time.Second-1)/time.Second), 10))
	}
	return httpapi.Write(w, e.status, map[string]string{"error": e.code, "error_description": e.description})
}

func (s *Issuer) logRefusal(r *http.Request, e *tokenError) {
	if s.Log == nil {
		return
	}
	attrs := []any{"request_id", httpapi.RequestID(r.Context()), "remote", r.RemoteAddr, "code", e.code}
	if e.cause != nil {
		attrs = append(attrs, "error", e.cause.Error())
	}
	s.Log.Warn("token refused", attrs...)
}

func (s *Issuer) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Issuer) answer(r *http.Request) (*tokenAnswer, error) {
	limiter := s.limiter(r)
	if limiter.TokensAt(s.now()) < 1 {
		return nil, &tokenError{status: http.StatusTooManyRequests, code: "invalid_client", description: "too many failures from this address; wait", retryAfter: failureEvery}
	}
	form, err := readForm(r)
	if err != nil {
		return nil, err
	}
	client, err := s.authenticate(r, form)
	if err != nil {
		var refused *tokenError
		if errors.As(err, &refused) {
			limiter.AllowN(s.now(), 1)
		}
		return nil, err
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		return nil, badRequest("unsupported_grant_type", "grant_type must be client_credentials")
	}
	scopes, ok := client.grant(form.Get("scope"))
	if !ok {
		return nil, badRequest("invalid_scope", "the client may not have all of these scopes")
	}
	return s.issue(client, strings.Join(scopes, " "), peer(r.TLS))
}

// readForm reads the parameters, each at most once (RFC 6749 clause 3.2).
func readForm(r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, badRequest("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil || len(body) > maxForm {
		return nil, badRequest("invalid_request", "the body is too large or broke off")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, badRequest("invalid_request", "the body is not escaped rightly")
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, badRequest("invalid_request", "a parameter stands twice")
		}
	}
	return form, nil
}

// authenticate finds out which client asks, by exactly one method (RFC 6749 clause
// 2.3). All failures look alike from outside.
func (s *Issuer) authenticate(r *http.Request, form url.Values) (Client, error) {
	id, secret, basic := basicCredentials(r)
	switch {
	case form.Has("client_secret"):
		return Client{}, badRequest("invalid_request", "client_secret in the body is not supported; use HTTP Basic or a certificate")
	case basic && form.Has("client_id") && form.Get("client_id") != id:
		return Client{}, badRequest("invalid_request", "client_id differs from the one in the Authorization header")
	case !basic && r.Header.Get("Authorization") != "":
		return Client{}, badClient(errors.New("the Authorization header is not HTTP Basic"))
	case !basic:
		id = form.Get("client_id")
	}
	if id == "" {
		return Client{}, badClient(errors.New("the request names no client"))
	}
	client, err := s.Clients.Client(r.Context(), id)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return Client{}, hub.E(hub.Unavailable, "look up OAuth client", "the register of clients does not answer; try again", err)
	}
	// An unknown client is compared too, with a hash that nothing has, so that time
	// does not tell which clients exist.
	proved := basic && client.secretMatches(secret) || !basic && client.certificateMatches(peer(r.TLS))
	if err != nil || !proved {
		return Client{}, badClient(err)
	}
	return client, nil
}

// basicCredentials undoes the form encoding that RFC 6749 clause 2.3.1 puts inside
// HTTP Basic.
func basicCredentials(r *http.Request) (id, secret string, ok bool) {
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	return id, secret, errID == nil && errSecret == nil
}

func (s *Issuer) issue(client Client, scope string, cert *x509.Certificate) (*tokenAnswer, error) {
	life := s.Life
	if life <= 0 || life > MaxLife {
		life = MaxLife
	}
	now := s.now()
	c := claims{ClientID: client.ID, Scope: scope, Claims: jwt.Claims{
		Issuer: s.Name, Subject: client.ID, Audience: jwt.Audience{s.Audience}, ID: hub.NewID(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(life)),
	}}
	if cert != nil {
		c.Confirmation = &confirmation{Thumbprint: Thumbprint(cert)}
	}
	token, err := sign(s.Key, c)
	if err != nil {
		return nil, err
	}
	return &tokenAnswer{AccessToken: token, TokenType: "Bearer", ExpiresIn: int64(life / time.Second), Scope: scope}, nil
}

// limiter returns the failures of the address that asks. Addresses count and not
// client ids, so that nobody can lock out somebody else's client.
func (s *Issuer) limiter(r *http.Request) *rate.Limiter {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.failures[host]; ok {
		return l
	}
	if len(s.failures) >= maxTracked {
		s.forget()
	}
	if s.failures == nil {
		s.failures = map[string]*rate.Limiter{}
	}
	l := rate.NewLimiter(rate.Every(failureEvery), failureBurst)
	s.failures[host] = l
	return l
}

// forget drops the addresses that have no failures to answer for, and everything
// if there are none: memory stays bounded, and a flood that large is for the
// network to stop.
func (s *Issuer) forget() {
	for host, l := range s.failures {
		if l.TokensAt(s.now()) >= failureBurst {
			delete(s.failures, host)
		}
	}
	if len(s.failures) >= maxTracked {
		s.failures = nil
	}
}
