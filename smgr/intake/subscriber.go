package intake

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Producer is where the notifications of one interface come from.
type Producer struct {
	Interface hub.Interface   // hub.ScOrNsLcm or hub.ScViTelem
	Client    *httpapi.Client // of nslcm/v2 or sc-vi/v1, with the credentials of the interface
	// CallbackURI is where this Security Manager takes them: an https URI that no
	// other Security Manager subscribes with.
	CallbackURI string
}

// SubscriberConfig says how subscriptions are kept alive.
type SubscriberConfig struct {
	Producers []Producer
	Every     time.Duration // how often each is looked at; 1 min
	// Renewed is called after a subscription was made anew: what was told between
	// the end of the old one and now has to be asked for. It must not block.
	Renewed func(i hub.Interface)
}

// Subscriber keeps one subscription for each producer: it makes it, remembers it
// durably, looks whether it is still there and as it should be, and makes it anew.
// Several processes of one Security Manager may each run one.
type Subscriber struct {
	in    *Intake
	cfg   SubscriberConfig
	renew chan hub.Interface

	mu   sync.Mutex // covers what is below; never held while somebody is asked
	held map[hub.Interface]*holding
}

// subscription is what the table remembers of one interface.
type subscription struct {
	ID     string   `json:"id,omitempty"`
	Former []string `json:"former,omitempty"` // newest last; what they still deliver is taken
	Ended  bool     `json:"ended,omitempty"`  // for good, by End
}

// holding is what this process knows of one interface.
type holding struct {
	subscription
	read    time.Time // when it was read from the table
	checked bool      // the last look went well, or why not
	err     error
	reduced string    // what the producer does not offer
	renewed time.Time // when the last renewal was begun
}

const (
	maxFormer   = 4
	readEvery   = time.Second // at most so often is the table asked for an unknown subscription
	renewEvery  = time.Minute // at most so often is one made anew because it is stuck
	maxFound    = 10_000      // subscriptions of a producer that are looked through for ours
	defaultLook = time.Minute
	firstRetry  = time.Second // after a look that failed; each further one waits twice as long
)

// NewSubscriber makes the subscriber of an intake.
func NewSubscriber(in *Intake, cfg SubscriberConfig) *Subscriber {
	if cfg.Every <= 0 {
		cfg.Every = defaultLook
	}
	s := &Subscriber{in: in, cfg: cfg, renew: make(chan hub.Interface, len(cfg.Producers)), held: map[hub.Interface]*holding{}}
	for _, p := range cfg.Producers {
		s.held[p.Interface] = &holding{}
	}
	return s
}

// Run keeps the subscriptions alive until ctx ends. It leaves them as they are:
// the producer keeps what happens meanwhile.
func (s *Subscriber) Run(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	retry := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			if s.Look(ctx) {
				retry = firstRetry
				next.Reset(s.cfg.Every)
				continue
			}
			next.Reset(min(retry, s.cfg.Every)) // until then nobody tells of an attack
			retry = min(2*retry, s.cfg.Every)
		case i := <-s.renew:
			s.again(ctx, i)
		}
	}
}

// Look looks once at every subscription, mends what it finds, and reports whether
// all is well. What fails is in the answers of Check until the next look.
func (s *Subscriber) Look(ctx context.Context) bool {
	var all sync.WaitGroup
	var failed atomic.Bool
	for _, p := range s.cfg.Producers {
		all.Go(func() {
			err := s.keep(ctx, p)
			s.mu.Lock()
			defer s.mu.Unlock()
			h := s.held[p.Interface]
			if h.err = err; err != nil {
				failed.Store(true)
				s.in.ports.Log.Warn("a subscription could not be looked after; it is tried again", "interface", p.Interface, "error", err)
			}
			h.checked = err == nil
		})
	}
	all.Wait()
	return !failed.Load()
}

// Check returns nil when the subscription of an interface was there at the last
// look, and otherwise why notifications may not come. It is for readiness.
func (s *Subscriber) Check(i hub.Interface) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch h := s.held[i]; {
	case h == nil:
		return hub.E(hub.NotFound, "check subscription", "nothing is subscribed on "+string(i), nil)
	case h.err != nil:
		return hub.E(hub.Unavailable, "check subscription", "the subscription on "+string(i)+" cannot be kept alive: "+hub.SafeText(h.err), h.err)
	case h.Ended:
		return hub.E(hub.Unavailable, "check subscription", "the subscription on "+string(i)+" was ended for good; take the Security Manager into service again", nil)
	case !h.checked:
		return hub.E(hub.Unavailable, "check subscription", "the subscription on "+string(i)+" was not looked at yet; wait", nil)
	}
	return nil
}

// Reduced says what the producer of an interface does not notify of because it
// does not know our extensions; empty when it does.
func (s *Subscriber) Reduced(i hub.Interface) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[i]; h != nil {
		return h.reduced
	}
	return ""
}

// Owns implements [Subscriptions]. One that another process made just now is read
// from the table.
func (s *Subscriber) Owns(ctx context.Context, i hub.Interface, id string) (bool, error) {
	now := s.in.ports.Now()
	s.mu.Lock()
	h := s.held[i]
	if h == nil || id == "" {
		s.mu.Unlock()
		return false, nil
	}
	if h.owns(id) {
		s.mu.Unlock()
		return true, nil
	}
	fresh := now.Sub(h.read).Abs() < readEvery
	s.mu.Unlock()
	if fresh {
		return false, nil
	}
	sub, err := s.load(ctx, i)
	return err == nil && sub.owns(id), err
}

func (u *subscription) owns(id string) bool { return u.ID == id || slices.Contains(u.Former, id) }

// Renew implements [Subscriptions]. Nothing happens when it was done a moment ago.
func (s *Subscriber) Renew(i hub.Interface) {
	now := s.in.ports.Now()
	s.mu.Lock()
	h := s.held[i]
	due := h != nil && (h.renewed.IsZero() || now.Sub(h.renewed) >= renewEvery)
	if due {
		h.renewed = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	select {
	case s.renew <- i:
	default: // one is on its way
	}
}

// End ends the subscriptions for good, when the Security Manager is taken out of
// service. It may be repeated until it returns nil.
func (s *Subscriber) End(ctx context.Context) error {
	var failed []error
	for _, p := range s.cfg.Producers {
		failed = append(failed, s.end(ctx, p))
	}
	return errors.Join(failed...)
}

func (s *Subscriber) end(ctx context.Context, p Producer) error {
	if _, err := s.store(ctx, p.Interface, func(u *subscription) { u.Ended = true }); err != nil {
		return err
	}
	return s.endAll(ctx, p)
}

// Resume allows subscriptions again after End, when the Security Manager is taken
// into service again. Run makes them.
func (s *Subscriber) Resume(ctx context.Context) error {
	var failed []error
	for _, p := range s.cfg.Producers {
		_, err := s.store(ctx, p.Interface, func(u *subscription) { u.Ended = false })
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// key is where the subscription of an interface is remembered.
func (s *Subscriber) key(i hub.Interface) string { return "subscription/" + string(i) }

func (s *Subscriber) load(ctx context.Context, i hub.Interface) (subscription, error) {
	u, err := read[subscription](ctx, s.in.ledger.table, s.key(i))
	if err == nil {
		s.hold(i, u)
	}
	return u, err
}

func (s *Subscriber) hold(i hub.Interface, u subscription) {
	now := s.in.ports.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[i].subscription, s.held[i].read = u, now
}

// store changes what is remembered by fn.
func (s *Subscriber) store(ctx context.Context, i hub.Interface, fn func(*subscription)) (subscription, error) {
	var next subscription
	err := change(ctx, s.in.ledger.table, s.key(i), func(u *subscription) bool {
		u.Former = slices.Clone(u.Former)
		fn(u)
		next = *u
		return true
	})
	if err == nil {
		s.hold(i, next)
	}
	return next, err
}

// replace makes id the subscription; the one before goes on to be taken from.
func (u *subscription) replace(id string) {
	if u.ID != "" && u.ID != id {
		u.Former = append(u.Former, u.ID)
		u.Former = u.Former[max(0, len(u.Former)-maxFormer):]
	}
	u.ID = id
}
