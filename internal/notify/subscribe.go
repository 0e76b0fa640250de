package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// HeaderIdempotencyKey names the request in which a create may be repeated.
const HeaderIdempotencyKey = "Idempotency-Key"

// maxIdempotencyKey bounds that header, in bytes.
const maxIdempotencyKey = 255

// Input is a request for a subscription, as the four ETSI APIs have it in common.
type Input struct {
	API         string
	TrustDomain string // of the consumer; "hub" sees all
	Owner       hub.Identity
	CallbackURI string
	Filter      any    // in the API's own shape, already checked; nil, also a nil pointer, allows all
	Verbosity   string // already checked
	// Authentication is the SubscriptionAuthentication of the request, as the
	// types of internal/sol spell it; nil, also a nil pointer, is none.
	Authentication any
	Collection     string // absolute URI of the collection of subscriptions
}

// Request makes a subscription for the handler of a POST: it checks callbackUri
// and authentication, tests the endpoint as SOL 005 lets the producer do, with a
// GET that must answer 204, and subscribes. When created is false the
// subscription was there: answer 303 with its Self, else 201 with it. Its errors
// are a hub.Invalid or hub.Unprocessable of the caller's, or ours.
func (o *Outbox) Request(r *http.Request, in Input) (_ Subscription, created bool, err error) {
	key := r.Header.Get(HeaderIdempotencyKey)
	if len(key) > maxIdempotencyKey {
		return Subscription{}, false, hub.E(hub.Invalid, "subscribe", fmt.Sprintf("%s has %d bytes; send at most %d", HeaderIdempotencyKey, len(key), maxIdempotencyKey), nil)
	}
	s := Subscription{
		API: in.API, TrustDomain: in.TrustDomain, Owner: in.Owner.String(), CallbackURI: in.CallbackURI,
		Verbosity: in.Verbosity, Self: in.Collection,
	}
	if err := httpapi.CheckCallbackURI("callbackUri", s.CallbackURI, o.cfg.AllowLoopback); err != nil {
		return Subscription{}, false, err
	}
	if s.Auth, err = o.readAuth(in.Authentication); err != nil {
		return Subscription{}, false, err
	}
	filter, err := json.Marshal(in.Filter)
	if err != nil {
		return Subscription{}, false, hub.E(hub.Internal, "subscribe", "the filter cannot be encoded", err)
	}
	s.Filter = canonical(filter)
	found, created, err := o.answered(r.Context(), s, key)
	if err != nil || found != nil {
		return value(found), created, err
	}
	if err := o.checkOwned(s.Owner); err != nil { // before anybody is called
		return Subscription{}, false, err
	}
	if err := o.testEndpoint(r.Context(), &s); err != nil {
		return Subscription{}, false, err
	}
	return o.Subscribe(r.Context(), s, key)
}

// answered finds the subscription that a request would get without a new one.
func (o *Outbox) answered(ctx context.Context, s Subscription, key string) (*Subscription, bool, error) {
	if _, err := o.queue(ctx, s.TrustDomain); err != nil {
		return nil, false, err
	}
	s.ID = subscriptionID(&s, key)
	return o.existing(ctx, &s, key)
}

// testEndpoint calls the endpoint with what notifications will show it.
func (o *Outbox) testEndpoint(ctx context.Context, s *Subscription) error {
	client, err := o.authenticated(s, s.Auth)
	if err != nil {
		return fmt.Errorf("prepare the test of callbackUri: %w", err)
	}
	return httpapi.CallbackTest{HTTP: client, Timeout: o.cfg.Timeout, AllowLoopbackHTTP: o.cfg.AllowLoopback, Version: o.cfg.Version(s.API)}.Run(ctx, s.CallbackURI)
}

// authentication is SubscriptionAuthentication (SOL 013 clause 8.3.4).
type authentication struct {
	AuthType    []string `json:"authType"`
	ParamsBasic *struct {
		UserName string `json:"userName"`
		Password string `json:"password"`
	} `json:"paramsBasic"`
	ParamsOAuth *struct {
		ClientID       string `json:"clientId"`
		ClientPassword string `json:"clientPassword"`
		TokenEndpoint  string `json:"tokenEndpoint"`
	} `json:"paramsOauth2ClientCredentials"`
}

// readAuth checks a SubscriptionAuthentication and returns it with its secrets in
// the clear, nil when there is none.
func (o *Outbox) readAuth(in any) (*Auth, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, hub.E(hub.Internal, "read authentication", "the authentication cannot be encoded", err)
	}
	var a *authentication
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, hub.E(hub.Invalid, "read authentication", "authentication has not the form of a SubscriptionAuthentication", nil)
	}
	if a == nil {
		return nil, nil
	}
	return a.check(o.cfg.AllowLoopback)
}

func (a *authentication) check(allowLoopback bool) (*Auth, error) {
	refuse := func(code hub.Code, text string) (*Auth, error) {
		return nil, hub.E(code, "read authentication", text, nil)
	}
	auth := &Auth{Types: a.AuthType}
	if len(a.AuthType) == 0 {
		return refuse(hub.Invalid, "authentication/authType is empty; name at least one of BASIC, OAUTH2_CLIENT_CREDENTIALS and TLS_CERT")
	}
	for _, kind := range a.AuthType {
		switch {
		case kind == AuthTLS:
		case kind == AuthBasic && (a.ParamsBasic == nil || a.ParamsBasic.UserName == "" || strings.Contains(a.ParamsBasic.UserName, ":")):
			return refuse(hub.Unprocessable, "authType BASIC needs paramsBasic with a userName, without a colon, and a password: none is provisioned otherwise")
		case kind == AuthBasic:
			auth.UserName, auth.Password = a.ParamsBasic.UserName, []byte(a.ParamsBasic.Password)
		case kind == AuthOAuth && (a.ParamsOAuth == nil || a.ParamsOAuth.ClientID == "" || a.ParamsOAuth.TokenEndpoint == ""):
			return refuse(hub.Unprocessable, "authType OAUTH2_CLIENT_CREDENTIALS needs paramsOauth2ClientCredentials with clientId, clientPassword and tokenEndpoint: none is provisioned otherwise")
		case kind == AuthOAuth:
			auth.ClientID, auth.ClientSecret, auth.TokenEndpoint = a.ParamsOAuth.ClientID, []byte(a.ParamsOAuth.ClientPassword), a.ParamsOAuth.TokenEndpoint
			if err := httpapi.CheckCallbackURI("tokenEndpoint", auth.TokenEndpoint, allowLoopback); err != nil {
				return nil, err
			}
		default:
			return refuse(hub.Invalid, fmt.Sprintf("authType %.40q is unknown; use BASIC, OAUTH2_CLIENT_CREDENTIALS or TLS_CERT", kind))
		}
	}
	return auth, nil
}
