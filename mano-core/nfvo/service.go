package nfvo

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/faults"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// Service is the NFVO. Make it with [New], then [Service.Open], then
// [Service.Resume].
type Service struct {
	c         Config
	space     *state.Space
	nss       *state.Kind[ns]
	vnfs      *state.Kind[vnf]
	ops       *state.Kind[op]
	snaps     *state.Kind[snapshot]
	grants    *state.Kind[sol003.Grant]
	outsiders *state.Kind[outside]
	orders    *state.Kind[hostOrder]
	allowed   *state.Kind[allowance]
	faults    *faults.List

	performance *performance.Meter

	work     context.Context // ends everything that runs behind the answers
	running  sync.WaitGroup
	starting [64]sync.Mutex // one operation at a time is started for an NS
	granting [16]sync.Mutex // one grant at a time takes of what a trust domain is allowed

	mu    sync.Mutex      // covers what is below
	busy  map[string]bool // what runs, and whether it is to run once more
	wakes map[string]chan struct{}
	// vnfJobs are the PM jobs at the VNFM that are known to be there.
	vnfJobs map[vnfJob]string

	refusals refusals

	sweeping sync.Mutex // covers swept
	swept    string     // NS that AutoHeal looked at last without having heard of it
}

// New makes a Service; nothing is read yet.
func New(c Config) *Service {
	c.defaults()
	s := &Service{c: c, busy: map[string]bool{}, wakes: map[string]chan struct{}{}, vnfJobs: map[vnfJob]string{}}
	s.space = state.New(c.Tables, "NFVO", c.Log)
	s.nss = state.NewHeld(s.space, "ns", nsTerms)
	s.vnfs = state.NewHeld(s.space, "vnf", vnfTerms)
	s.ops = state.NewRecent(s.space, "op", opTerms)
	s.snaps = state.NewKind[snapshot](s.space, "snap", nil)
	s.outsiders = state.NewKind(s.space, "outside", outsideTerms)
	s.grants = state.NewKind[sol003.Grant](s.space, "grant", nil)
	s.orders = state.NewKind(s.space, "host", hostOrderTerms)
	s.allowed = state.NewKept[allowance](s.space, "allowance", nil)
	s.vnfs.Weigh((*vnf).weight, nsPrefix, vnfdPrefix)
	s.outsiders.Weigh((*outside).weight, vnfdPrefix)
	s.faults, s.performance = s.newFaults(), s.newPerformance()
	return s
}

// Open reads what is stored of these trust domains and follows it until work
// ends. work also ends every operation that runs; [Service.Wait] waits for that.
func (s *Service) Open(ctx, work context.Context, domains ...string) error {
	s.work = work
	return s.space.Open(ctx, work, domains...)
}

// Space is where the resources are kept, so that trust domains that come and go
// can be added and dropped.
func (s *Service) Space() *state.Space { return s.space }

// Wait returns when everything that ran in the background has stopped, after the
// work context has ended.
func (s *Service) Wait() { s.running.Wait() }

// Resume finishes what a crash or a stop cut off: it makes and deletes the NSs
// that were to be made and deleted, publishes what was not
// published, drops operations that nobody was told of, and goes on with all
// others. It returns when they run again, not when they have ended.
func (s *Service) Resume(ctx context.Context) error {
	for _, id := range s.nss.Find(pendingTerm) {
		if err := s.settleNs(ctx, id); err != nil {
			return fmt.Errorf("finish what was begun with NS %s: %w", id, err)
		}
	}
	for _, id := range s.vnfs.Find(pendingTerm) {
		if err := s.flushVnf(ctx, id); err != nil {
			return fmt.Errorf("publish what happened to VNF %s: %w", id, err)
		}
	}
	for _, id := range s.ops.Find(openTerm) {
		e, err := s.ops.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return fmt.Errorf("read operation %s: %w", id, err)
		}
		if !e.Value.Claimed {
			if err := s.drop(ctx, id, e.Value.NsID); err != nil {
				return err
			}
			continue
		}
		s.goRun(id)
	}
	for _, id := range s.orders.Find(openTerm) {
		s.goHostOrder(id)
	}
	s.behind("count", s.countAll)
	return s.faults.Tidy(ctx)
}

// Follow subscribes to the VNFM's notifications. They only wake up what waits:
// an NFVO that cannot subscribe polls.
func (s *Service) Follow(ctx context.Context) error {
	if s.c.CallbackURI == "" {
		return nil
	}
	in := sol003.LccnSubscriptionRequest{CallbackURI: s.c.CallbackURI}
	if _, err := s.c.VNFM.Do(ctx, "POST", "/subscriptions", in, nil); err != nil {
		return fmt.Errorf("subscribe to the VNFM's notifications: %w", err)
	}
	return nil
}

// behind runs fn under a name until the work context ends. What is asked for
// while it runs makes it run once more, so that nothing it was too late to see is
// left lying.
func (s *Service) behind(name string, fn func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.busy[name]; there {
		s.busy[name] = true
		return
	}
	if s.work.Err() != nil {
		return
	}
	s.busy[name] = false
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		for {
			fn(s.work)
			if s.idle(name) {
				return
			}
		}
	}()
}

// idle says whether a name has nothing more to run, and forgets it then.
func (s *Service) idle(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[name] && s.work.Err() == nil {
		s.busy[name] = false
		return false
	}
	delete(s.busy, name)
	return true
}

// pause waits for d, or less when somebody wakes the name.
func (s *Service) pause(ctx context.Context, name string, d time.Duration) error {
	select {
	case <-s.await(name):
	case <-s.c.After(d):
	case <-ctx.Done():
		return hub.E(hub.Unavailable, "wait", "the NFVO is being stopped; it goes on when it is started again", ctx.Err())
	}
	return nil
}

// await has wake-ups of a name counted until it is forgotten.
func (s *Service) await(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	wake := s.wakes[name]
	if wake == nil {
		wake = make(chan struct{}, 1)
		s.wakes[name] = wake
	}
	return wake
}

// awaited says whether wake-ups of a name count.
func (s *Service) awaited(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wakes[name] != nil
}

// wake ends the pause of a name that is awaited. A wake-up that comes before the pause
// counts.
func (s *Service) wake(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wake := s.wakes[name]; wake != nil {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

func (s *Service) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wakes, name)
}

func (s *Service) now() time.Time { return s.c.Now().UTC() }

// startLock serialises the start of operations of one NS in this process, so
// that an order that comes twice at once finds itself.
func (s *Service) startLock(nsID string) *sync.Mutex {
	h := fnv.New32a()
	h.Write([]byte(nsID))
	return &s.starting[h.Sum32()%uint32(len(s.starting))]
}

// publish hands events over, in their order.
func (s *Service) publish(ctx context.Context, domain string, events []event) error {
	for i := range events {
		e := &events[i]
		err := s.c.Publisher.Publish(ctx, notify.Event{ID: e.ID, API: "nslcm", TrustDomain: domain, Key: e.NsID, Render: e.render})
		if err != nil {
			return fmt.Errorf("publish notification %s: %w", e.ID, err)
		}
	}
	return nil
}

// dropTaken removes the events that were published, which may no longer be the
// first ones only if another process published too.
func dropTaken(all, taken []event) []event {
	ids := map[string]bool{}
	for i := range taken {
		ids[taken[i].ID] = true
	}
	var rest []event
	for i := range all {
		if !ids[all[i].ID] {
			rest = append(rest, all[i])
		}
	}
	return rest
}

func (s *Service) flushVnf(ctx context.Context, id string) error {
	e, err := s.vnfs.Get(ctx, id)
	if err != nil || len(e.Value.Events) == 0 {
		return ignoreGone(err)
	}
	if err := s.publish(ctx, e.Domain, e.Value.Events); err != nil {
		return err
	}
	_, err = s.vnfs.Update(ctx, id, func(v *vnf) error {
		v.Events = dropTaken(v.Events, e.Value.Events)
		return nil
	})
	return ignoreGone(err)
}

func (s *Service) flushOp(ctx context.Context, id string) error {
	e, err := s.ops.Get(ctx, id)
	if err != nil || len(e.Value.Events) == 0 {
		return ignoreGone(err)
	}
	if err := s.publish(ctx, e.Domain, e.Value.Events); err != nil {
		return err
	}
	_, err = s.ops.Update(ctx, id, func(o *op) error {
		o.Events = dropTaken(o.Events, e.Value.Events)
		return nil
	})
	return ignoreGone(err)
}

// flushOpsOf publishes what the operations of an NS have not told yet: one that
// has ended lets go of its NS before it tells.
func (s *Service) flushOpsOf(ctx context.Context, nsID string) error {
	for _, id := range s.ops.Find(openIn(nsID)) {
		if err := s.flushOp(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// record puts what is about to happen, or happened, into the domain's log.
func (s *Service) record(ctx context.Context, domain string, r hub.Record) error {
	if r.Time.IsZero() {
		r.Time = s.now()
	}
	err := s.c.Records.Append(ctx, domain, r)
	if err != nil && hub.CodeOf(err) != hub.Conflict { // Conflict: recorded before a crash, at another time
		return fmt.Errorf("record %s: %w", r.Kind, err)
	}
	return nil
}
