package notify

import (
	"context"
	"hash/maphash"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxTracked bounds the notifications that are counted as pending of one
// subscription.
const maxTracked = 10_000

// endpoint is what this process knows of a subscription's endpoint.
type endpoint struct {
	seed maphash.Seed // of mark

	mu        sync.Mutex // covers what is below; never held while anything is waited for
	http      *http.Client
	odd       bool     // an unusual status was logged
	waiting   []uint64 // notifications not delivered yet, in order, as mark has them
	delivered uint64
	success   time.Time
	failing   time.Time // since when; zero: it works
	problem   string
	dead      bool // it was logged as dead
}

// endpoint returns what is known of a subscription's endpoint, from now on.
func (o *Outbox) endpoint(s *Subscription) *endpoint {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.endpoints[s.ID]
	if e == nil {
		e = &endpoint{seed: maphash.MakeSeed()}
		o.endpoints[s.ID] = e
	}
	return e
}

// gone forgets the endpoint of a subscription that is no more.
func (o *Outbox) gone(subscription string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.endpoints, subscription)
}

// pending notes a notification that is about to be queued, if this process
// delivers to its subscription: what another one delivers is not seen here.
func (o *Outbox) pending(subscription, id string) {
	o.mu.Lock()
	e := o.endpoints[subscription]
	o.mu.Unlock()
	if e != nil {
		e.begin(id)
	}
}

// begin notes a notification that is not delivered yet.
func (e *endpoint) begin(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.mark(id); len(e.waiting) < maxTracked && !slices.Contains(e.waiting, m) {
		e.waiting = append(e.waiting, m)
	}
}

// mark stands for a notification's ID in waiting, which is long while the endpoint
// is dead and is read with each event.
func (e *endpoint) mark(id string) uint64 { return maphash.String(e.seed, id) }

// client returns the endpoint's HTTP client, made anew after renew.
func (e *endpoint) client(make func() (*http.Client, error)) (*http.Client, error) {
	e.mu.Lock()
	c := e.http
	e.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := make()
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.http = c
	return c, nil
}

func (e *endpoint) renew() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.http = nil
}

// oddStatus reports whether an unusual status is the endpoint's first.
func (e *endpoint) oddStatus() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	first := !e.odd
	e.odd = true
	return first
}

// delivered notes a success. Whatever was queued before is delivered too.
func (o *Outbox) delivered(e *endpoint, s *Subscription, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.waiting, e.mark(id)); i >= 0 {
		e.waiting = slices.Delete(e.waiting, 0, i+1)
	}
	e.delivered++
	e.success = o.cfg.Now().UTC()
	if !e.failing.IsZero() {
		o.cfg.Log.Info("an endpoint takes notifications again", "subscription", s.ID, "api", s.API, "trustDomain", s.TrustDomain, "failedFor", e.success.Sub(e.failing))
	}
	e.failing, e.problem, e.dead = time.Time{}, "", false
}

// failed notes a failure, and tells the log of the first one and of an endpoint's
// death.
func (o *Outbox) failed(e *endpoint, s *Subscription, attempt int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := o.cfg.Now().UTC()
	e.problem = err.Error()
	switch {
	case e.failing.IsZero():
		e.failing = now
		o.cfg.Log.Warn("a notification is not taken; trying again", "subscription", s.ID, "api", s.API, "trustDomain", s.TrustDomain, "attempt", attempt, "err", err)
	case !e.dead && now.Sub(e.failing) > o.cfg.DeadAfter:
		e.dead = true
		o.cfg.Log.Error("an endpoint takes no notifications any more; still trying; check it, or delete its subscription",
			"subscription", s.ID, "api", s.API, "trustDomain", s.TrustDomain, "failingSince", e.failing, "err", err)
	}
}

// The states of an endpoint, as [Outbox.Endpoints] counts them.
const (
	StateOK      = "ok"
	StateFailing = "failing"
	StateDead    = "dead"
)

// Deliveries returns how the subscriptions are doing, sorted by ID, as far as this
// process has delivered to them since it started.
func (o *Outbox) Deliveries(context.Context) []Delivery {
	var list []Delivery
	for id := range o.subs.IDs("") {
		list = append(list, o.delivery(id))
	}
	return list
}

func (o *Outbox) delivery(id string) Delivery {
	d := Delivery{Subscription: id}
	o.mu.Lock()
	e := o.endpoints[id]
	o.mu.Unlock()
	if e == nil {
		return d
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d.Pending, d.Delivered, d.LastError = len(e.waiting), e.delivered, e.problem
	if success := e.success; !success.IsZero() {
		d.LastSuccess = &success
	}
	if failing := e.failing; !failing.IsZero() {
		d.FailingSince = &failing
		d.Dead = o.cfg.Now().Sub(failing) > o.cfg.DeadAfter
	}
	return d
}

func (d *Delivery) state() string {
	switch {
	case d.Dead:
		return StateDead
	case d.FailingSince != nil:
		return StateFailing
	}
	return StateOK
}

// Endpoints tells how many endpoints of each API are in each state: it is the
// collector of the gauge manoward_notification_endpoints{api,state}.
func (o *Outbox) Endpoints(emit func(value float64, values ...string)) {
	o.prune()
	counts := map[[2]string]int{}
	for id := range o.subs.IDs("") {
		if s := o.subs.Kept(id); s != nil {
			d := o.delivery(id)
			counts[[2]string{s.API, d.state()}]++
		}
	}
	for labels, n := range counts {
		emit(float64(n), labels[0], labels[1])
	}
}

// prune forgets endpoints whose subscriptions other processes ended.
func (o *Outbox) prune() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id := range o.endpoints {
		if o.subs.Kept(id) == nil {
			delete(o.endpoints, id)
		}
	}
}
