package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/httpapi/oauth"
	"github.com/manoward/manoward/internal/hub"
)

// maxAnswer bounds what is read of an endpoint's answer, in bytes. What it says
// does not matter; reading it lets the connection be used again.
const maxAnswer = 64 << 10

// deliver is the handler of the queues: one attempt at one notification.
func (o *Outbox) deliver(ctx context.Context, domain, id, key string, attempt int, body []byte) error {
	s, err := o.subscriber(ctx, domain, key)
	if hub.CodeOf(err) == hub.NotFound {
		o.gone(key)
		o.cfg.Count(unknownAPI, OutcomeDropped)
		return nil
	}
	if err != nil {
		return err
	}
	e := o.endpoint(s)
	e.begin(id)
	err = o.send(ctx, e, s, body)
	switch {
	case err == nil:
		o.cfg.Count(s.API, OutcomeDelivered)
		o.delivered(e, s, id)
	case ctx.Err() == nil: // else told to stop: the endpoint has no part in it
		o.cfg.Count(s.API, OutcomeFailed)
		o.failed(e, s, attempt, err)
	}
	return err
}

// unknownAPI is counted for a notification whose subscription is gone.
const unknownAPI = "unknown"

// subscriber returns the subscription that a notification is for. One that is not
// in memory may have been made by another process just now: the table knows.
func (o *Outbox) subscriber(ctx context.Context, domain, id string) (*Subscription, error) {
	if s := o.subs.Kept(id); s != nil {
		return s, nil
	}
	e, err := o.subs.GetIn(ctx, domain, id)
	return &e.Value, err
}

// send posts a notification once. Its error can be shown to operators.
func (o *Outbox) send(ctx context.Context, e *endpoint, s *Subscription, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	client, err := e.client(func() (*http.Client, error) { return o.client(s) })
	if err != nil {
		return fmt.Errorf("prepare the connection: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.CallbackURI, bytes.NewReader(body))
	if err != nil {
		return errors.New("callbackUri is no URI that can be called")
	}
	req.Header.Set("Content-Type", httpapi.TypeJSON)
	req.Header.Set("Accept", httpapi.TypeJSON)
	if v := o.cfg.Version(s.API); v != "" {
		req.Header.Set("Version", v)
	}
	resp, err := client.Do(req)
	if err != nil {
		e.renew() // trust or credentials may have changed
		return safe(err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // for the connection only
		_ = resp.Body.Close()
	}()
	switch resp.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusOK, http.StatusAccepted: // not what SOL 013 asks for, and it is clear what is meant
		if e.oddStatus() {
			o.cfg.Log.Warn("an endpoint answers notifications with another status than 204; taken as delivered",
				"subscription", s.ID, "api", s.API, "status", resp.StatusCode)
		}
		return nil
	}
	return fmt.Errorf("the endpoint answered %d and not 204", resp.StatusCode)
}

// safe takes the URI, which may hold a secret, out of an error of net/http.
func safe(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var ours *hub.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the endpoint did not answer in time")
	case errors.As(err, &ours): // of the token source or the dialer
		return errors.New(hub.SafeText(err))
	}
	return fmt.Errorf("the endpoint cannot be reached: %w", err)
}

// client returns the HTTP client for a stored subscription.
func (o *Outbox) client(s *Subscription) (*http.Client, error) {
	auth, err := o.opened(s)
	if err != nil {
		return nil, err
	}
	return o.authenticated(s, auth)
}

// opened is how a stored subscription authenticates, with its secrets in the clear.
func (o *Outbox) opened(s *Subscription) (*Auth, error) {
	if s.Auth == nil {
		return nil, nil
	}
	opened := *s.Auth
	for _, secret := range []*[]byte{&opened.Password, &opened.ClientSecret} {
		if len(*secret) == 0 {
			continue
		}
		plain, err := o.cfg.Open(SecretLabel(s.ID), *secret)
		if err != nil {
			return nil, fmt.Errorf("open secret of subscription: %w", err)
		}
		*secret = plain
	}
	return &opened, nil
}

// authenticated returns the HTTP client that shows what auth, with its secrets in
// the clear, asks for. Of several types a token is preferred to a password; the
// certificate is shown in any case where the endpoint asks for it.
func (o *Outbox) authenticated(s *Subscription, auth *Auth) (*http.Client, error) {
	base, err := o.cfg.Client(s)
	if err != nil {
		return nil, err
	}
	client := *base
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	transport := client.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	switch {
	case auth.has(AuthOAuth):
		source := oauth.NewSource(oauth.SourceConfig{
			URL: auth.TokenEndpoint, ID: auth.ClientID, Secret: hub.Secret(auth.ClientSecret), HTTP: base, Now: o.cfg.Now,
		})
		client.Transport = &oauth.Transport{Base: transport, Source: source}
	case auth.has(AuthBasic):
		client.Transport = basic{transport, auth.UserName, hub.Secret(auth.Password)}
	}
	return &client, nil
}

// basic adds a name and a password to each request (RFC 7617).
type basic struct {
	base     http.RoundTripper
	name     string
	password hub.Secret
}

// RoundTrip implements [http.RoundTripper].
func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(b.name, b.password.Reveal())
	return b.base.RoundTrip(r)
}
