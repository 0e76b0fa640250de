package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// terms are what a subscription is found by.
func terms(s *Subscription) []string {
	if s.Attached {
		return []string{termOf(s.API, s.TrustDomain), apiTerm(s.API)}
	}
	return []string{termOf(s.API, s.TrustDomain), apiTerm(s.API), sameTerm(s), ownerTerm(s.Owner)}
}

func termOf(api, domain string) string { return "for=" + domain + " " + api }
func apiTerm(api string) string        { return "api=" + api }
func ownerTerm(owner string) string    { return "owner=" + owner }

// sameTerm is shared by subscriptions that differ in nothing that decides who is
// told what.
func sameTerm(s *Subscription) string {
	return "same=" + hub.DeriveID(s.Owner, s.API, s.TrustDomain, s.CallbackURI, string(canonical(s.Filter)))
}

// canonical returns JSON in one spelling, nil for null and for nothing; what is no
// JSON stays as it is.
func canonical(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // 1 and 1.0 stay what they are, and large numbers whole
	var v any
	if !json.Valid(raw) || d.Decode(&v) != nil {
		return raw
	}
	if v == nil {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return text
}

// Subscribe makes a subscription durable. Of s it takes everything but ID and
// Created; Self is the URI of the collection, without a slash at its end, and
// the secrets of Auth are in the clear. What it returns has its own URI and
// sealed secrets.
//
// A subscription of the same owner, API, trust domain and callback with an equal
// filter is not made twice: the existing one is returned, and created is false.
// With an idempotency key, the same request again returns the first answer, and
// another request with this key is a hub.Unprocessable. So is one more than
// Config.MaxOwned of one owner.
func (o *Outbox) Subscribe(ctx context.Context, s Subscription, idempotency string) (_ Subscription, created bool, err error) {
	if s.API == "" || s.TrustDomain == "" || s.Owner == "" || s.CallbackURI == "" {
		return Subscription{}, false, hub.E(hub.Internal, "subscribe", "a subscription needs an API, a trust domain, an owner and a callback", nil)
	}
	if s.Filter = canonical(s.Filter); s.Filter != nil && !json.Valid(s.Filter) {
		return Subscription{}, false, hub.E(hub.Invalid, "subscribe", "the filter is no JSON", nil)
	}
	if _, err := o.queue(ctx, s.TrustDomain); err != nil {
		return Subscription{}, false, err
	}
	s.ID = subscriptionID(&s, idempotency)
	s.Self += "/" + s.ID
	s.Created = o.cfg.Now().UTC()
	o.subscribing.Lock()
	defer o.subscribing.Unlock()
	found, created, err := o.existing(ctx, &s, idempotency)
	if err != nil || found != nil {
		return value(found), created, err
	}
	if err := o.checkOwned(s.Owner); err != nil {
		return Subscription{}, false, err
	}
	if s.Auth, err = o.seal(s.ID, s.Auth); err != nil {
		return Subscription{}, false, err
	}
	e, err := o.subs.Create(ctx, s.TrustDomain, s.ID, &s)
	if hub.CodeOf(err) == hub.Conflict { // another process had the same key
		found, created, err = o.existing(ctx, &s, idempotency)
		if err == nil && found == nil {
			err = hub.E(hub.Unavailable, "subscribe", "the same subscription is being made; try again", nil)
		}
		return value(found), created, err
	}
	return e.Value, err == nil, err
}

// checkOwned refuses an owner who has as many subscriptions as there may be.
func (o *Outbox) checkOwned(owner string) error {
	n := 0
	for range o.subs.FindAfter(ownerTerm(owner), "") {
		if n++; n >= o.cfg.MaxOwned {
			return hub.E(hub.Unprocessable, "subscribe", fmt.Sprintf("you have %d subscriptions here, which is the most for one consumer; end one that is not needed any more, or widen the filter of one", n), nil)
		}
	}
	return nil
}

func value(s *Subscription) Subscription {
	if s == nil {
		return Subscription{}
	}
	return *s
}

func subscriptionID(s *Subscription, idempotency string) string {
	if idempotency == "" {
		return hub.NewID()
	}
	return hub.DeriveID("subscription", s.Owner, s.API, s.TrustDomain, idempotency)
}

// existing returns the subscription that answers a request already, nil when
// there is none. created says that it is this very request's.
func (o *Outbox) existing(ctx context.Context, s *Subscription, idempotency string) (_ *Subscription, created bool, err error) {
	if idempotency != "" {
		e, err := o.subs.GetIn(ctx, s.TrustDomain, s.ID)
		if err == nil {
			return repeated(&e.Value, s)
		}
		if hub.CodeOf(err) != hub.NotFound {
			return nil, false, err
		}
	}
	for id := range o.subs.FindAfter(sameTerm(s), "") {
		switch found := o.subs.Kept(id); {
		case found == nil:
		case id == s.ID: // made by another process since it was looked for
			return repeated(found, s)
		default:
			return found, false, nil
		}
	}
	return nil, false, nil
}

// repeated returns the subscription that a request of this key made, if it was
// the same request.
func repeated(found, s *Subscription) (_ *Subscription, created bool, err error) {
	if sameTerm(found) != sameTerm(s) || !sameAsked(found, s) {
		return nil, false, hub.E(hub.Unprocessable, "subscribe", "this Idempotency-Key came with another request before; use a new one", nil)
	}
	return found, true, nil
}

// sameAsked compares what [sameTerm] leaves out, but for secrets.
func sameAsked(a, b *Subscription) bool {
	if a.Verbosity != b.Verbosity || (a.Auth == nil) != (b.Auth == nil) {
		return false
	}
	return a.Auth == nil || slices.Equal(a.Auth.Types, b.Auth.Types) && a.Auth.UserName == b.Auth.UserName &&
		a.Auth.ClientID == b.Auth.ClientID && a.Auth.TokenEndpoint == b.Auth.TokenEndpoint
}

// seal returns auth with its secrets sealed.
func (o *Outbox) seal(id string, auth *Auth) (*Auth, error) {
	if auth == nil {
		return nil, nil
	}
	sealed := *auth
	for _, secret := range []*[]byte{&sealed.Password, &sealed.ClientSecret} {
		if len(*secret) == 0 {
			continue
		}
		blob, err := o.cfg.Seal(SecretLabel(id), *secret)
		if err != nil {
			return nil, fmt.Errorf("seal secret of subscription: %w", err)
		}
		*secret = blob
	}
	return &sealed, nil
}

// Subscription returns a subscription of an API, or hub.NotFound. Who may see it
// is for the caller to decide.
func (o *Outbox) Subscription(_ context.Context, api, id string) (Subscription, error) {
	s := o.subs.Kept(id)
	if s == nil || s.API != api {
		return Subscription{}, hub.E(hub.NotFound, "find subscription", "there is no such subscription", nil)
	}
	return *s, nil
}

// Subscriptions yields the subscriptions of an API after a given ID, in order.
func (o *Outbox) Subscriptions(api, after string) iter.Seq[Subscription] {
	return func(yield func(Subscription) bool) {
		for id := range o.subs.FindAfter(apiTerm(api), after) {
			if s := o.subs.Kept(id); s != nil && !yield(*s) {
				return
			}
		}
	}
}

// List is [Outbox.Subscriptions] for httpapi.List: those that visible allows, as
// show shows them.
func (o *Outbox) List(api string, visible func(*Subscription) bool, show func(*Subscription) any) httpapi.Source {
	return func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for s := range o.Subscriptions(api, after) {
				if visible(&s) && !yield(httpapi.Item{Key: s.ID, Value: show(&s)}, nil) {
					return
				}
			}
		}
	}
}

// Unsubscribe ends a subscription of an API; hub.NotFound when there is none.
// What waits for it is dropped; a notification that is being delivered may still
// arrive.
func (o *Outbox) Unsubscribe(ctx context.Context, api, id string) error {
	if _, err := o.Subscription(ctx, api, id); err != nil {
		return err
	}
	if err := o.subs.Delete(ctx, id, nil); err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.endpoints, id)
	return nil
}
