package notify

import (
	"fmt"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Attach makes durable whom a resource tells that has its callback in itself, such as a
// PM job (SOL 003 clause 6): a subscription under the ID of that resource, which is
// random or derived. It checks and tests the callback as [Outbox.Request] does. Its
// Self is the URI of the resource, in.Collection and the ID. It counts for no owner:
// whoever has the resources bounds them. What an earlier call left under the ID is
// replaced.
func (o *Outbox) Attach(r *http.Request, id string, in Input) error {
	s := Subscription{
		ID: id, API: in.API, TrustDomain: in.TrustDomain, Owner: in.Owner.String(), CallbackURI: in.CallbackURI,
		Self: in.Collection + "/" + id, Created: o.cfg.Now().UTC(), Attached: true,
	}
	auth, err := o.readAuth(in.Authentication)
	if err != nil {
		return err
	}
	if _, err := o.queue(r.Context(), s.TrustDomain); err != nil {
		return err
	}
	if err := o.prove(r, &s, auth); err != nil {
		return err
	}
	_, err = o.subs.Create(r.Context(), s.TrustDomain, id, &s)
	if hub.CodeOf(err) == hub.Conflict {
		err = o.attachAnew(r, &s)
	}
	if err != nil {
		return fmt.Errorf("keep the callback of %s: %w", id, err)
	}
	return nil
}

// attachAnew replaces what is there under the ID of a subscription. The same request at
// the same time may have made it a moment ago, so that the index is waited for.
func (o *Outbox) attachAnew(r *http.Request, s *Subscription) error {
	there, err := o.subs.GetIn(r.Context(), s.TrustDomain, s.ID)
	if err != nil {
		return err
	}
	if err := o.subs.Reflected(r.Context(), there); err != nil {
		return err
	}
	_, err = o.subs.Update(r.Context(), s.ID, func(old *Subscription) error { *old = *s; return nil })
	o.gone(s.ID)
	return err
}

// prove checks the callback of a subscription with secrets in the clear, tests it, and
// seals the secrets.
func (o *Outbox) prove(r *http.Request, s *Subscription, auth *Auth) (err error) {
	if err := httpapi.CheckCallbackURI("callbackUri", s.CallbackURI, o.cfg.AllowLoopback); err != nil {
		return err
	}
	s.Auth = auth
	if err := o.testEndpoint(r.Context(), s); err != nil {
		return err
	}
	s.Auth, err = o.seal(s.ID, auth)
	return err
}

// Redirection is what changes of a callback.
type Redirection struct {
	CallbackURI string // empty: stays
	// Authentication is as in [Input]; it counts if NewAuthentication is set.
	Authentication    any
	NewAuthentication bool
}

// Redirect changes where and how a resource tells that [Outbox.Attach] was called for,
// once the new endpoint has passed the test. What waits for it goes to the new
// endpoint; a notification that is being delivered may still arrive at the old one.
func (o *Outbox) Redirect(r *http.Request, api, id string, to Redirection) error {
	now, err := o.Subscription(r.Context(), api, id)
	if err != nil {
		return err
	}
	auth, err := o.opened(&now)
	if err != nil {
		return err
	}
	if to.NewAuthentication {
		if auth, err = o.readAuth(to.Authentication); err != nil {
			return err
		}
	}
	if to.CallbackURI != "" {
		now.CallbackURI = to.CallbackURI
	}
	if err := o.prove(r, &now, auth); err != nil {
		return err
	}
	_, err = o.subs.Update(r.Context(), id, func(s *Subscription) error {
		s.CallbackURI, s.Auth = now.CallbackURI, now.Auth
		return nil
	})
	if err != nil {
		return fmt.Errorf("change the callback of %s: %w", id, err)
	}
	o.gone(id)
	return nil
}
