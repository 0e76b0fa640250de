package notify

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Subscription is what a consumer asked to be told of.
type Subscription struct {
	ID          string          `json:"id"`
	API         string          `json:"api"`         // whose: "nslcm", "vnfpkgm", "nsd", "vnflcm", "vim", "sc-vi"
	TrustDomain string          `json:"trustDomain"` // whose events it gets; "hub" gets those of all domains
	Owner       string          `json:"owner"`       // identity of the consumer, as hub.Identity.String
	CallbackURI string          `json:"callbackUri"`
	Filter      json.RawMessage `json:"filter,omitempty"` // in the API's own shape, already checked
	Verbosity   string          `json:"verbosity,omitempty"`
	Self        string          `json:"self"`           // URI of the subscription as its consumer sees it
	Auth        *Auth           `json:"auth,omitempty"` // how to authenticate at CallbackURI
	Created     time.Time       `json:"created"`
	Attached    bool            `json:"attached,omitempty"` // the callback of another resource of this ID, see [Outbox.Attach]
}

// Auth is SubscriptionAuthentication of SOL 013 clause 8.3.4. Secrets are sealed
// before they are stored and never shown.
type Auth struct {
	Types         []string `json:"types"` // BASIC, OAUTH2_CLIENT_CREDENTIALS, TLS_CERT
	UserName      string   `json:"userName,omitempty"`
	Password      []byte   `json:"password,omitempty"` // sealed under [SecretLabel]
	ClientID      string   `json:"clientId,omitempty"`
	ClientSecret  []byte   `json:"clientSecret,omitempty"` // sealed under [SecretLabel]
	TokenEndpoint string   `json:"tokenEndpoint,omitempty"`
}

// The types of [Auth].
const (
	AuthBasic = "BASIC"
	AuthOAuth = "OAUTH2_CLIENT_CREDENTIALS"
	AuthTLS   = "TLS_CERT" // the HTTP client of the subscription shows a certificate
)

// has reports whether a type of authentication is wanted.
func (a *Auth) has(kind string) bool { return a != nil && slices.Contains(a.Types, kind) }

// SecretLabel is the label under which the secrets of a subscription are sealed.
func SecretLabel(id string) string { return "subscription/" + id }

// Event is something that happened, for everyone who subscribed to it.
type Event struct {
	// ID is the same however often the event is published; each subscription's
	// notification has an identifier derived from it.
	ID          string
	API         string // subscriptions of this API are asked
	TrustDomain string // that the event belongs to
	// Key names what the event is about, such as an NS: of two events of one key in a
	// trust domain that are published by one process at the same time, all
	// subscriptions get the same one first. Empty: nothing is promised.
	Key string
	// Render returns the notification for a subscription, or false if its filter
	// does not match. notificationID is the one that the body must carry.
	Render func(s *Subscription, notificationID string) (body any, ok bool)
}

// Queue is durable work in the account of one trust domain: pushed items are
// handled at least once, those of one key in order.
type Queue interface {
	Push(ctx context.Context, id, key string, data []byte) error
	// Consume handles items until ctx ends. An item whose handler fails is tried
	// again after the queue's back-off and holds up its own key alone.
	Consume(ctx context.Context, handler func(ctx context.Context, id, key string, attempt int, data []byte) error) error
}

// Delivery is how a subscription is doing.
type Delivery struct {
	Subscription string     `json:"subscriptionId"`
	Pending      int        `json:"pending"` // notifications not delivered yet, as far as this process knows, up to 10,000
	Delivered    uint64     `json:"delivered"`
	LastSuccess  *time.Time `json:"lastSuccess,omitempty"`
	FailingSince *time.Time `json:"failingSince,omitempty"`
	LastError    string     `json:"lastError,omitempty"`
	Dead         bool       `json:"dead"` // failing for longer than the configured time
}
