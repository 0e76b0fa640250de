package enforce

import (
	"context"
	"errors"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// Forget removes the orders of a decision that is removed, and older ones on their
// subjects, if they ended before a time; records of them stay in the log. The
// newest order on a subject stays: it says which number, and so which
// Idempotency-Key, comes next. It may be repeated.
func (s *Enforcer) Forget(ctx context.Context, decisionID string, before time.Time) error {
	for _, id := range s.orders.Find("decision=" + decisionID) {
		e, err := s.get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if !e.Value.Numbered {
			if err := s.forget(ctx, id, before); err != nil {
				return err
			}
			continue
		}
		if err := s.forgetNumbers(ctx, &e.Value, before); err != nil {
			return err
		}
	}
	return nil
}

// forgetNumbers removes an order and those before it on its subject.
func (s *Enforcer) forgetNumbers(ctx context.Context, o *order, before time.Time) error {
	newest, err := s.newest(ctx, &o.Order)
	if err != nil {
		return err
	}
	first := s.numbered(&o.Order, min(smgr.OrderNumber(o.ID), newest-1))
	for _, id := range s.orders.Find(termSubject(&o.Order)) { // from the newest
		if id < first {
			continue
		}
		if err := s.forget(ctx, id, before); err != nil {
			return err
		}
	}
	return nil
}

// errKept keeps what would be removed.
var errKept = errors.New("it stays")

// forget removes one order if it ended before a time and is recorded.
func (s *Enforcer) forget(ctx context.Context, id string, before time.Time) error {
	err := s.orders.Delete(ctx, id, func(o *order) error {
		if !o.State.Final() || o.Recorded < o.Seq || !o.Updated.Before(before) {
			return errKept
		}
		return nil
	})
	if errors.Is(err, errKept) || hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return wrap("remove order "+id, err)
}
