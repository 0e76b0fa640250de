package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Defaults of [Config].
const (
	DefaultTable     = "SUBSCRIPTIONS"
	DefaultDeadAfter = 5 * time.Minute
	DefaultTimeout   = 10 * time.Second
	DefaultMaxOwned  = 100
)

// hubDomain owns the subscriptions that get the events of all trust domains.
const hubDomain = "hub"

// Config is what an [Outbox] needs.
type Config struct {
	// Tables keeps the subscriptions, in a table of this name in each trust
	// domain; empty is DefaultTable. Functions that run in different processes
	// and notify with different credentials need tables of different names.
	Tables state.Tables
	Table  string
	// Queues opens the queue of a trust domain, or of "hub". Its back-off is
	// [Backoff], its attempts are not limited, and it needs as many workers as
	// endpoints may hang at the same time.
	Queues func(ctx context.Context, domain string) (Queue, error)
	// Seal and Open keep secrets at rest, as those of internal/vault do.
	Seal func(label string, plaintext []byte) ([]byte, error)
	Open func(label string, sealed []byte) ([]byte, error)
	// Client returns the HTTP client for a subscription's endpoint: the trust
	// anchors and certificate that are right for it, and a dialer with
	// httpapi.DialControl, no proxy and a limit for idle connections. It is kept
	// while the endpoint can be reached.
	Client func(s *Subscription) (*http.Client, error)
	// Version is the version of an API, for the header Version that SOL 013 clause
	// 9.3.1 asks for in every request, notifications too; nil, or an empty one, sends
	// none.
	Version func(api string) string
	// AllowLoopback takes http callbacks of this host, for demonstrations.
	AllowLoopback bool
	DeadAfter     time.Duration // failing for longer is shown as dead; 0: DefaultDeadAfter
	Timeout       time.Duration // of one attempt; 0: DefaultTimeout
	// MaxOwned bounds the subscriptions that one owner may have at a time, in all
	// APIs of this outbox: each costs memory, a share of every Publish and, while
	// its endpoint hangs, a worker. 0: DefaultMaxOwned.
	MaxOwned int
	Now      func() time.Time
	Count    func(api, outcome string) // counts attempts by the outcomes below; may be nil
	Log      *slog.Logger
}

// Outcomes of an attempt to deliver.
const (
	OutcomeDelivered = "delivered"
	OutcomeFailed    = "failed"
	OutcomeDropped   = "dropped" // the subscription is gone; counted for the API "unknown"
)

// Outbox keeps the subscriptions of a MANO function and delivers what it
// publishes. It is safe for concurrent use.
type Outbox struct {
	cfg   Config
	space *state.Space
	subs  *state.Kind[Subscription]

	subscribing sync.Mutex // held while one subscription is looked for and made
	turns       *turns

	mu        sync.Mutex // covers what is below; never held while anything is waited for
	work      context.Context
	queues    map[string]*outQueue
	endpoints map[string]*endpoint // by subscription
	running   sync.WaitGroup       // consumers
}

// outQueue is the queue of one trust domain while it is worked on.
type outQueue struct {
	Queue
	stop context.CancelFunc
}

// New makes an outbox; Open it before use.
func New(c Config) *Outbox {
	if c.Table == "" {
		c.Table = DefaultTable
	}
	if c.DeadAfter <= 0 {
		c.DeadAfter = DefaultDeadAfter
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Version == nil {
		c.Version = func(string) string { return "" }
	}
	if c.MaxOwned <= 0 {
		c.MaxOwned = DefaultMaxOwned
	}
	if c.Count == nil {
		c.Count = func(string, string) {}
	}
	o := &Outbox{cfg: c, space: state.New(c.Tables, c.Table, c.Log), turns: newTurns(), queues: map[string]*outQueue{}, endpoints: map[string]*endpoint{}}
	o.subs = state.NewKept(o.space, "subscription", terms)
	return o
}

// Open reads the subscriptions of these trust domains and of "hub" and delivers
// what is queued for them until work ends; then call Wait.
func (o *Outbox) Open(ctx, work context.Context, domains ...string) error {
	o.mu.Lock()
	o.work = work
	o.mu.Unlock()
	domains = append([]string{hubDomain}, domains...)
	if err := o.space.Open(ctx, work, domains...); err != nil {
		return fmt.Errorf("open subscriptions: %w", err)
	}
	for _, d := range domains {
		if _, err := o.queue(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// Wait blocks until the deliveries under way have ended, after the end of the
// work given to Open.
func (o *Outbox) Wait() { o.running.Wait() }

// Add takes in one more trust domain. One that is there already is no error.
func (o *Outbox) Add(ctx context.Context, domain string) error {
	_, err := o.queue(ctx, domain)
	return err
}

// Remove forgets a trust domain that was deleted, with its subscriptions.
func (o *Outbox) Remove(domain string) {
	o.mu.Lock()
	q := o.queues[domain]
	delete(o.queues, domain)
	o.mu.Unlock()
	if q != nil {
		q.stop()
	}
	o.space.Remove(domain)
}

// Check says why subscriptions that exist may not be known here, for readiness.
func (o *Outbox) Check(ctx context.Context) error { return o.space.Check(ctx) }

// queue returns the queue of a trust domain whose subscriptions are known, and
// begins to work on it when it is asked for the first time.
func (o *Outbox) queue(ctx context.Context, domain string) (Queue, error) {
	o.mu.Lock()
	q := o.queues[domain]
	o.mu.Unlock()
	if q != nil {
		return q, nil
	}
	if err := o.space.Add(ctx, domain); err != nil {
		return nil, fmt.Errorf("open subscriptions: %w", err)
	}
	opened, err := o.cfg.Queues(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("open queue of notifications: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if q := o.queues[domain]; q != nil {
		return q, nil
	}
	if o.work == nil || o.work.Err() != nil {
		return nil, hub.E(hub.Unavailable, "open queue of notifications", "the hub is stopping or not started; try again", nil)
	}
	work, stop := context.WithCancel(o.work)
	q = &outQueue{opened, stop}
	o.queues[domain] = q
	o.running.Go(func() { o.consume(work, domain, q) })
	return q, nil
}

// consume works on a queue until ctx ends, also when the queue breaks off.
func (o *Outbox) consume(ctx context.Context, domain string, q Queue) {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		err := q.Consume(ctx, func(ctx context.Context, id, key string, attempt int, data []byte) error {
			return o.deliver(ctx, domain, id, key, attempt, data)
		})
		if ctx.Err() != nil {
			return
		}
		o.cfg.Log.Error("notifications are not delivered; trying again", "trustDomain", domain, "pause", wait, "err", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

// pushes bounds the writes of one Publish that wait for the disk together.
const pushes = 32

// notification is an event for one subscription.
type notification struct {
	id   string
	sub  *Subscription
	body []byte
}

// Publish hands an event to every subscription that it is for: those of its
// trust domain and those of the hub. When it returns nil, each notification is
// durable and will be delivered. After an error publish the same event again:
// what was taken is not taken twice. Each subscription gets its notifications in
// the order of the calls of Publish; of calls at the same time, in any order, which
// is the same for all subscriptions where the events have the same key.
//
// The cost grows with the subscriptions of the API in these two domains, and with
// nothing else. A subscription that another process has just made may be missed.
func (o *Outbox) Publish(ctx context.Context, e Event) error {
	if e.ID == "" || e.API == "" || e.TrustDomain == "" || e.Render == nil {
		return hub.E(hub.Internal, "publish event", "an event needs an ID, an API, a trust domain and a body", nil)
	}
	var work []notification
	for _, domain := range slices.Compact([]string{e.TrustDomain, hubDomain}) {
		if _, err := o.queue(ctx, domain); err != nil {
			return err
		}
		list, err := o.render(e, domain)
		if err != nil {
			return err
		}
		work = append(work, list...)
	}
	if e.Key != "" && len(work) > 1 {
		done, err := o.turns.take(ctx, e.API, e.TrustDomain, e.Key)
		if err != nil {
			return err
		}
		defer done()
	}
	return o.push(ctx, work)
}

// render makes the notifications of an event for the subscriptions of a domain.
func (o *Outbox) render(e Event, domain string) ([]notification, error) {
	var list []notification
	for id := range o.subs.FindAfter(termOf(e.API, domain), "") {
		kept := o.subs.Kept(id)
		if kept == nil {
			continue // just removed
		}
		s := *kept
		n := notification{id: NotificationID(e.ID, id), sub: kept}
		body, ok := e.Render(&s, n.id)
		if !ok {
			continue
		}
		var err error
		if n.body, err = json.Marshal(body); err != nil {
			return nil, hub.E(hub.Internal, "publish event", "a notification cannot be encoded", err)
		}
		list = append(list, n)
	}
	return list, nil
}

// NotificationID returns the identifier of an event's notification for a
// subscription.
func NotificationID(event, subscription string) string { return hub.DeriveID(event, subscription) }

// push makes notifications durable, several at a time.
func (o *Outbox) push(ctx context.Context, work []notification) error {
	failures := make([]error, len(work))
	slots := make(chan struct{}, pushes)
	var all sync.WaitGroup
	for i, n := range work {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			failures[i] = o.pushOne(ctx, n)
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

func (o *Outbox) pushOne(ctx context.Context, n notification) error {
	q, err := o.queue(ctx, n.sub.TrustDomain)
	if err != nil {
		return err
	}
	o.pending(n.sub.ID, n.id)
	if err := q.Push(ctx, n.id, n.sub.ID, n.body); err != nil {
		return fmt.Errorf("queue notification for subscription %s: %w", n.sub.ID, err)
	}
	return nil
}
