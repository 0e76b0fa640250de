package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// maxAnswer bounds the answer of a token endpoint, in bytes.
const maxAnswer = 64 << 10

// Source gets access tokens by client credentials and keeps the present one until
// shortly before it ends. Make it with [NewSource]; it is then safe for concurrent
// use, and many callers at once cause one request.
type Source struct {
	config SourceConfig
	turn   chan struct{} // holds one element: who has taken it owns token and renew
	token  string
	renew  time.Time
}

// SourceConfig says where a [Source] gets tokens and for whom.
type SourceConfig struct {
	URL    string     // token endpoint
	ID     string     // client_id
	Secret hub.Secret // empty: the client shows itself by HTTP's TLS certificate
	Scope  string     // scopes separated by blanks; empty asks for all
	HTTP   *http.Client
	Now    func() time.Time // nil means time.Now
}

// NewSource makes a source; it asks for nothing yet.
func NewSource(c SourceConfig) *Source {
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Source{config: c, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// Token returns a token that is good for some time to come.
func (s *Source) Token(ctx context.Context) (string, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return "", hub.E(hub.Unavailable, "get access token", "there was no time to get an access token", ctx.Err())
	}
	defer func() { s.turn <- struct{}{} }()
	if s.token != "" && s.config.Now().Before(s.renew) {
		return s.token, nil
	}
	answer, err := s.fetch(ctx)
	if err != nil {
		return "", err
	}
	life := time.Duration(answer.ExpiresIn) * time.Second
	s.token, s.renew = answer.AccessToken, s.config.Now().Add(life-life/5)
	return s.token, nil
}

// drop forgets token, if it still is the present one, after an API refused it.
func (s *Source) drop(token string) {
	<-s.turn
	if s.token == token {
		s.token = ""
	}
	s.turn <- struct{}{}
}

func (s *Source) fetch(ctx context.Context) (*tokenAnswer, error) {
	const op = "get access token"
	form := url.Values{"grant_type": {"client_credentials"}}
	if s.config.Scope != "" {
		form.Set("scope", s.config.Scope)
	}
	if s.config.Secret == "" {
		form.Set("client_id", s.config.ID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, hub.E(hub.Invalid, op, "the address of the token endpoint cannot be used", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if s.config.Secret != "" {
		req.SetBasicAuth(url.QueryEscape(s.config.ID), url.QueryEscape(s.config.Secret.Reveal()))
	}
	client := *s.config.HTTP
	// A redirect would carry the secret elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, "the token endpoint does not answer", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, "the answer of the token endpoint broke off", err)
	}
	return readAnswer(op, resp.StatusCode, body)
}

func readAnswer(op string, status int, body []byte) (*tokenAnswer, error) {
	if status != http.StatusOK {
		code := hub.Unavailable
		if status == http.StatusBadRequest || status == http.StatusUnauthorized {
			code = hub.Unauthenticated
		}
		var refused struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(body, &refused) // without it the status has to do
		return nil, hub.E(code, op, fmt.Sprintf("the token endpoint answered %d %.40q; check client id, secret and scope", status, refused.Error), nil)
	}
	var answer tokenAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, hub.E(hub.Unavailable, op, "the answer of the token endpoint is not JSON", err)
	}
	if answer.AccessToken == "" || answer.ExpiresIn <= 0 || !strings.EqualFold(answer.TokenType, "Bearer") {
		return nil, hub.E(hub.Unavailable, op, "the answer of the token endpoint holds no bearer token with a life", nil)
	}
	return &answer, nil
}

// Transport sends every request with a token of Source. A token that an API
// refuses is not used again; the refused request itself is not repeated.
type Transport struct {
	Base   http.RoundTripper // nil means http.DefaultTransport
	Source *Source
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := t.Source.Token(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes the body in any case
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.Source.drop(token)
	}
	return resp, err
}
