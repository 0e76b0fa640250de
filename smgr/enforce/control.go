package enforce

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// pause is the kill switch as it is stored.
type pause struct {
	Paused bool `json:"paused"`
	Seq    int  `json:"seq"` // changes so far; names the record of the last one
	Last   word `json:"last"`
}

// Pause stops a Security Manager from changing anything: in all of its
// processes no request is sent any more, but one that is on the wire already.
// Orders wait in their order; operations that the NFVO has are followed. It
// survives restarts. who is an identity.
func (s *Enforcer) Pause(ctx context.Context, who, reason string) error {
	return s.setPause(ctx, "pause Security Manager", true, who, reason)
}

// Resume ends a pause: orders go on where they stood, in their order.
func (s *Enforcer) Resume(ctx context.Context, who, reason string) error {
	return s.setPause(ctx, "resume Security Manager", false, who, reason)
}

func (s *Enforcer) setPause(ctx context.Context, op string, paused bool, who, reason string) error {
	if err := person(op, who, reason); err != nil {
		return err
	}
	now := s.now()
	p, err := one(ctx, s.pauses, s.TrustDomain, theOne, func(p *pause) error {
		// The record of the change before this one may have been cut off.
		if err := s.recordPause(ctx, *p); err != nil {
			return err
		}
		if p.Paused == paused {
			return errSame
		}
		*p = pause{Paused: paused, Seq: p.Seq + 1, Last: word{who, reason, now}}
		return nil
	})
	if err != nil {
		return wrap(op, err)
	}
	return s.recordPause(ctx, p)
}

func (s *Enforcer) recordPause(ctx context.Context, p pause) error {
	if p.Seq == 0 {
		return nil
	}
	kind := "sm.resumed"
	if p.Paused {
		kind = "sm.paused"
	}
	data, err := json.Marshal(p.Last)
	if err != nil {
		return fmt.Errorf("encode pause: %w", err)
	}
	return s.append(ctx, hub.Record{
		ID: s.deriveID("sm.pause", strconv.Itoa(p.Seq)), Kind: kind, Time: p.Last.At, Actor: p.Last.Who, Subject: "sm/" + s.Name, Data: data,
	})
}

// paused reads the kill switch as it is stored now, so that no process acts on
// an older one.
func (s *Enforcer) paused(ctx context.Context) (pause, error) {
	e, err := s.pauses.GetIn(ctx, s.TrustDomain, theOne)
	if hub.CodeOf(err) == hub.NotFound {
		return pause{}, nil
	}
	return e.Value, wrap("read whether the Security Manager is paused", err)
}

// Status is how a Security Manager's enforcement stands.
type Status struct {
	Paused       bool       `json:"paused"`
	PausedBy     string     `json:"pausedBy,omitempty"`
	PausedReason string     `json:"pausedReason,omitempty"`
	PausedAt     *time.Time `json:"pausedAt,omitempty"`
	// LimitHit says since when no destructive order begins by itself.
	LimitHit   *time.Time              `json:"limitHit,omitempty"`
	LimitHitBy string                  `json:"limitHitBy,omitempty"` // an order
	Begun      int                     `json:"begun"`                // destructive orders in the present window
	Orders     map[smgr.OrderState]int `json:"orders"`               // those that are not final, by state
}

// Status returns how enforcement stands.
func (s *Enforcer) Status(ctx context.Context) (Status, error) {
	p, err := s.paused(ctx)
	if err != nil {
		return Status{}, err
	}
	st := Status{Paused: p.Paused, Orders: map[smgr.OrderState]int{}}
	if p.Paused {
		st.PausedBy, st.PausedReason, st.PausedAt = p.Last.Who, p.Last.Reason, &p.Last.At
	}
	e, err := s.windows.GetIn(ctx, s.TrustDomain, theOne)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return Status{}, wrap("read the limit", err)
	}
	st.LimitHit, st.LimitHitBy = e.Value.Tripped, e.Value.By
	for _, b := range e.Value.Begun {
		if b.At.After(s.now().Add(-s.Limits.Window)) {
			st.Begun++
		}
	}
	for _, state := range []smgr.OrderState{smgr.OrderPlanned, smgr.OrderRecommended, smgr.OrderWaiting, smgr.OrderRunning} {
		if n := len(s.orders.Find("state=" + string(state))); n > 0 {
			st.Orders[state] = n
		}
	}
	return st, nil
}

// person checks that somebody is named, with a reason.
func person(op, who, reason string) error {
	id, err := hub.ParseIdentity(who)
	if err != nil || id.Kind != hub.KindOperator {
		return hub.E(hub.Denied, op, "this needs a named person, such as spiffe://hub/operator/anna; no program and no Security Manager does it", err)
	}
	if reason == "" || len(reason) > maxReason {
		return hub.E(hub.Invalid, op, fmt.Sprintf("say why, in 1 to %d bytes; the reason is recorded", maxReason), nil)
	}
	return nil
}

const maxReason = 1000
