package enforce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// resting remembers since when orders wait for a person, so that each of them is
// read once and not at every look.
type resting struct {
	mu    sync.Mutex
	since map[string]time.Time // by order; what is not in it was not read yet
}

// expire ends what nobody has decided on for [Config].Expiry. An order that waited
// raises an alarm; a recommendation does not. A condition that lasts makes a new
// order with the next event.
func (s *Enforcer) expire(ctx context.Context) error {
	s.resting.mu.Lock()
	defer s.resting.mu.Unlock()
	ids := s.orders.Find(termRests)
	maps.DeleteFunc(s.resting.since, func(id string, _ time.Time) bool {
		_, there := slices.BinarySearch(ids, id)
		return !there
	})
	for _, id := range ids {
		if since, known := s.resting.since[id]; known && s.now().Sub(since) < s.Expiry {
			continue
		}
		e, err := s.get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return fmt.Errorf("end orders that nobody decided on: %w", err)
		}
		s.resting.since[id] = e.Value.Rests // it may have gone on and come back meanwhile
		if !e.Value.resting() || s.now().Sub(e.Value.Rests) < s.Expiry {
			continue
		}
		if err := s.expireOne(ctx, &e); err != nil && !errors.Is(err, errStale) { // a person was quicker
			return err
		}
	}
	return nil
}

func (s *Enforcer) expireOne(ctx context.Context, e *state.Entry[order]) error {
	o := &e.Value
	if err := s.recordOrder(ctx, e, true); err != nil {
		return err
	}
	if o.State == smgr.OrderWaiting {
		s.countAlarm(alarmExpired)
		if err := s.alarm(ctx, alarmExpired, e.ID, o.Rests.Add(s.Expiry), map[string]any{"order": e.ID, "policy": o.Policy}); err != nil {
			return err
		}
	}
	why := fmt.Sprintf("nobody decided on it for %s; if what it is about lasts, the next event asks for it again. It was %s", s.Expiry, o.State)
	if o.Reason != "" {
		why = clip(why+": "+o.Reason, maxReason)
	}
	return s.end(ctx, e, smgr.OrderExpired, why)
}
