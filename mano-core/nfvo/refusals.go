package nfvo

import (
	"context"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const (
	// refusalBurst is how many refused grants of one caller for one VNF are recorded
	// at once; from then on there is one record for each refusalEvery.
	refusalBurst = 16
	refusalEvery = time.Second
	// refusalLast bounds how long the end of the work waits for the last records.
	refusalLast = 2 * time.Second
	// maxRefused is from how many on callers and VNFs are forgotten that have been
	// quiet.
	maxRefused = 1024
)

// refusals keeps a VNFM that asks again and again, each time for an operation of
// another name, from filling the log: what is refused beyond a burst is counted, and
// the newest stands for all in one record with their number, as in trust.Refusals.
// A VNFM can only be refused for VNFs that it may see, so there are no more entries
// than VNFs. It is safe for concurrent use.
type refusals struct {
	mu sync.Mutex
	by map[refusalKey]*refusalCount
}

type refusalKey struct{ domain, caller, vnf string }

// refusalCount is what a caller was refused for a VNF lately.
type refusalCount struct {
	credit   int       // records that may be made at once
	refilled time.Time // when credit was last added to
	pending  int       // not recorded yet
	newest   hub.Record
	content  map[string]any // of newest
}

// take says whether a refusal may be recorded now; otherwise it is kept.
func (f *refusals) take(key refusalKey, now time.Time, r hub.Record, content map[string]any) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[refusalKey]*refusalCount{}
	}
	c := f.by[key]
	if c == nil {
		if len(f.by) >= maxRefused {
			f.forgetQuiet(now)
		}
		c = &refusalCount{credit: refusalBurst, refilled: now}
		f.by[key] = c
	}
	c.refill(now)
	if c.pending == 0 && c.credit > 0 {
		c.credit--
		return true
	}
	c.pending++
	c.newest, c.content = r, content
	return false
}

func (c *refusalCount) refill(now time.Time) {
	if n := now.Sub(c.refilled) / refusalEvery; n > 0 {
		c.credit, c.refilled = int(min(time.Duration(c.credit)+n, refusalBurst)), now
	}
}

func (f *refusals) forgetQuiet(now time.Time) {
	for key, c := range f.by {
		if c.refill(now); c.pending == 0 && c.credit == refusalBurst {
			delete(f.by, key)
		}
	}
}

// due takes out what is to be recorded now. idle says that nothing waits any more. all is for the end: what waits is taken whatever
// the rate.
func (f *refusals) due(now time.Time, all bool) (list map[refusalKey]refusalCount, idle bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list, idle = map[refusalKey]refusalCount{}, true
	for key, c := range f.by {
		c.refill(now)
		switch {
		case c.pending > 0 && (c.credit > 0 || all):
			c.credit = max(0, c.credit-1)
			list[key] = *c
			c.pending = 0
		case c.pending > 0:
			idle = false
		}
	}
	return list, idle
}

// recordRefusal records a refused grant at once, or counts it and has it recorded
// later when there are too many.
func (s *Service) recordRefusal(ctx context.Context, domain, vnfID string, r hub.Record, content map[string]any) error {
	r.Time = s.now()
	if s.refusals.take(refusalKey{domain, r.Actor, vnfID}, r.Time, r, content) {
		return s.record(ctx, domain, r)
	}
	s.behind("refusals", s.recordCounted)
	return nil
}

// recordCounted records what was counted until nothing is left.
func (s *Service) recordCounted(ctx context.Context) {
	defer s.forget("refusals")
	for {
		stopped := s.pause(ctx, "refusals", refusalEvery) != nil
		if stopped {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), refusalLast)
			defer cancel()
		}
		list, idle := s.refusals.due(s.now(), stopped)
		for key, c := range list {
			r := c.newest
			c.content["count"] = c.pending // with the newest
			r.Data = params(c.content)
			r.ID = hub.DeriveID(r.ID, "counted", r.Time.String())
			if err := s.record(ctx, key.domain, r); err != nil {
				s.c.Log.Error("cannot record refused grants", "trustDomain", key.domain, "vnfInstanceId", key.vnf, "caller", key.caller, "count", c.pending, "err", err)
			}
		}
		if stopped || idle {
			return
		}
	}
}
