package intake

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// remote is a subscription as a producer shows it, of SOL 005 or IFA 006: what of
// it is compared.
type remote struct {
	ID          string        `json:"id"`
	CallbackURI string        `json:"callbackUri"`
	Filter      *remoteFilter `json:"filter,omitempty"`
	Verbosity   string        `json:"verbosity,omitempty"`
}

// remoteFilter is a filter that we set. A producer's own members do not matter.
type remoteFilter struct {
	NotificationTypes []string `json:"notificationTypes,omitempty"`
}

// request is LccnSubscriptionRequest of SOL 005 or ifa006.SubscriptionRequest.
type request struct {
	CallbackURI string        `json:"callbackUri"`
	Filter      *remoteFilter `json:"filter,omitempty"`
	Verbosity   string        `json:"verbosity,omitempty"`
}

// offer is one way to subscribe, and what is lost by it.
type offer struct {
	filter  *remoteFilter
	reduced string
}

// offers lists the ways to subscribe on an interface, the best first. A producer
// that refuses one is asked for the next. Capacity shortages are left out: see
// [notification.sort].
func offers(i hub.Interface) []offer {
	if i == hub.ScViTelem {
		return []offer{{}}
	}
	etsi := []string{typeOpOcc, typeChange, typeCreated, typeDeleted}
	const lost = "unauthorized attempts (Sc-Or.NsLcm.003): its NFVO does not know " + typeAttempt
	return []offer{
		{&remoteFilter{append(slices.Clone(etsi), typeAttempt)}, ""},
		{&remoteFilter{etsi}, lost},
		{&remoteFilter{append([]string{typeOpOccTypo}, etsi[1:]...)}, lost}, // as the OpenAPI file of V3.7.1 has it
		{nil, lost},
	}
}

// fits reports that a subscription is as one of the ways to subscribe.
func (r *remote) fits(p Producer) (offer, bool) {
	if r.CallbackURI != p.CallbackURI || r.Verbosity == "SHORT" {
		return offer{}, false
	}
	types := func(f *remoteFilter) []string {
		if f == nil {
			return nil
		}
		sorted := slices.Clone(f.NotificationTypes)
		slices.Sort(sorted)
		return slices.Compact(sorted)
	}
	for _, o := range offers(p.Interface) {
		if slices.Equal(types(o.filter), types(r.Filter)) {
			return o, true
		}
	}
	return offer{}, false
}

// keep sees to it that there is one subscription, and as it should be.
func (s *Subscriber) keep(ctx context.Context, p Producer) error {
	u, err := s.load(ctx, p.Interface)
	if err != nil || u.Ended {
		return err
	}
	if u.ID != "" {
		var now remote
		_, err := p.Client.Do(ctx, http.MethodGet, subscriptionPath(u.ID), nil, &now)
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			return err
		}
		if o, ok := now.fits(p); err == nil && ok {
			s.note(p.Interface, o)
			return nil
		}
		if err == nil { // such as one for a callback URI that was configured before
			if err := s.delete(ctx, p, u.ID); err != nil {
				return err
			}
		}
	}
	return s.subscribe(ctx, p, u.ID != "")
}

func subscriptionPath(id string) string { return "/subscriptions/" + url.PathEscape(id) }

// note remembers what is lost by a way to subscribe, and says so once.
func (s *Subscriber) note(i hub.Interface, o offer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.reduced != "" && s.held[i].reduced == "" {
		s.in.ports.Log.Warn("the producer of an interface does not notify of everything", "interface", i, "missing", o.reduced)
	}
	s.held[i].reduced = o.reduced
}

// subscribe finds a subscription of ours or makes one, remembers it, and ends all
// others with our callback URI: those that a crash or another process left. had
// says that there was one before.
func (s *Subscriber) subscribe(ctx context.Context, p Producer, had bool) error {
	ours, err := s.find(ctx, p)
	if err != nil {
		return err
	}
	id := s.choose(p, ours)
	if id == "" {
		if id, err = s.create(ctx, p); err != nil {
			return err
		}
		if ours, err = s.find(ctx, p); err != nil { // another process may have made one too
			return err
		}
		if first := s.choose(p, ours); first != "" {
			id = first
		}
	}
	if _, err := s.store(ctx, p.Interface, func(u *subscription) { u.replace(id) }); err != nil {
		return err
	}
	for _, o := range ours {
		if o.ID != id {
			if err := s.delete(ctx, p, o.ID); err != nil {
				return err
			}
		}
	}
	if had {
		s.in.ports.count(p.Interface, OutcomeRenewed)
		s.in.ports.Log.Warn("a subscription was gone or not as it should be; it was made anew, and what was not told is asked for", "interface", p.Interface, "subscription", id)
	}
	if s.cfg.Renewed != nil {
		s.cfg.Renewed(p.Interface)
	}
	return nil
}

// choose returns the subscription to keep: of several that fit, all processes
// choose the same one.
func (s *Subscriber) choose(p Producer, ours []remote) string {
	id := ""
	for i := range ours {
		if o, ok := ours[i].fits(p); ok && (id == "" || ours[i].ID < id) {
			id = ours[i].ID
			s.note(p.Interface, o)
		}
	}
	return id
}

// find returns the subscriptions with our callback URI.
func (s *Subscriber) find(ctx context.Context, p Producer) ([]remote, error) {
	var ours []remote
	n := 0
	for r, err := range httpapi.All[remote](ctx, p.Client, "/subscriptions", nil) {
		if err != nil {
			return nil, err
		}
		if r.CallbackURI == p.CallbackURI && r.ID != "" {
			ours = append(ours, r)
		}
		if n++; n >= maxFound {
			return nil, hub.E(hub.Unavailable, "find subscription", "the producer shows more subscriptions than can be looked through; let it show this Security Manager its own only", nil)
		}
	}
	return ours, nil
}

// create makes a subscription in the best way that the producer knows.
func (s *Subscriber) create(ctx context.Context, p Producer) (id string, err error) {
	for _, o := range offers(p.Interface) {
		body := request{CallbackURI: p.CallbackURI, Filter: o.filter}
		if p.Interface == hub.ScOrNsLcm {
			body.Verbosity = "FULL"
		}
		var made remote
		answer, failed := p.Client.Do(ctx, http.MethodPost, "/subscriptions", body, &made)
		switch code := hub.CodeOf(failed); {
		case code == hub.Invalid || code == hub.Unprocessable: // it may not know a word of ours
			err = failed
			continue
		case failed != nil:
			return "", failed
		}
		s.note(p.Interface, o)
		if made.ID == "" { // 303: it was there already
			made.ID = path.Base(answer.Location)
		}
		if made.ID == "" || made.ID == "." || made.ID == "/" {
			return "", hub.E(hub.Unavailable, "subscribe", "the producer answered without the subscription's id", nil)
		}
		return made.ID, nil
	}
	return "", err
}

func (s *Subscriber) delete(ctx context.Context, p Producer, id string) error {
	_, err := p.Client.Do(ctx, http.MethodDelete, subscriptionPath(id), nil, nil)
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// endAll ends the subscription that is remembered, and every other with our
// callback URI.
func (s *Subscriber) endAll(ctx context.Context, p Producer) error {
	u, err := s.load(ctx, p.Interface)
	if err != nil {
		return err
	}
	ours, err := s.find(ctx, p)
	if err != nil {
		return err
	}
	if u.ID != "" {
		ours = append(ours, remote{ID: u.ID})
	}
	for _, o := range ours {
		if err := s.delete(ctx, p, o.ID); err != nil {
			return err
		}
	}
	return nil
}

// again makes the subscription of an interface anew although it is there: the
// producer sends a notification that is refused, and nothing that comes after it.
// Ending the subscription drops what waits for it; a comparison finds that.
func (s *Subscriber) again(ctx context.Context, i hub.Interface) {
	for _, p := range s.cfg.Producers {
		if p.Interface != i {
			continue
		}
		s.in.ports.Log.Warn("a subscription is stuck on a notification that is refused; it is made anew", "interface", i)
		err := s.endAll(ctx, p)
		if err == nil {
			err = s.keep(ctx, p)
		}
		s.mu.Lock()
		s.held[i].err, s.held[i].checked = err, err == nil
		s.mu.Unlock()
	}
}
