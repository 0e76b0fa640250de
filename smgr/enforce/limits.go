package enforce

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// theOne is the ID of what a Security Manager has one of.
const theOne = "sm"

// window counts the destructive orders of a Security Manager, over all of its
// processes.
type window struct {
	Begun   []begun    `json:"begun,omitempty"`   // of the present window, oldest first
	Tripped *time.Time `json:"tripped,omitempty"` // when the limit was hit; nothing destructive begins before it is reset
	By      string     `json:"by,omitempty"`      // the order that hit it
	Seq     int        `json:"seq"`               // changes of Tripped so far; names their records
	Reset   *word      `json:"reset,omitempty"`   // the last one
}

// begun is a destructive order that began.
type begun struct {
	Order string    `json:"order"`
	At    time.Time `json:"at"`
}

// word is what a person did.
type word struct {
	Who    string    `json:"who"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// takeSlot counts a destructive order once. It says why the order may not begin,
// or nothing. One that a person approved is counted and never held.
func (s *Enforcer) takeSlot(ctx context.Context, o *order) (refused string, err error) {
	now := s.now()
	w, err := one(ctx, s.windows, s.TrustDomain, theOne, func(w *window) error {
		refused = ""
		w.Begun = slices.DeleteFunc(w.Begun, func(b begun) bool { return !b.At.After(now.Add(-s.Limits.Window)) })
		switch {
		case slices.ContainsFunc(w.Begun, func(b begun) bool { return b.Order == o.ID }):
			return errSame
		case o.approved():
		case w.Tripped != nil:
			refused = "the limit of destructive orders was hit"
			return errSame
		case len(w.Begun) >= s.Limits.Orders:
			refused = "the limit of destructive orders was hit"
			w.Tripped, w.By = &now, o.ID
			w.Seq++
			return nil
		}
		w.Begun = append(w.Begun, begun{o.ID, now})
		return nil
	})
	if err != nil || refused == "" {
		return "", wrap("count destructive orders", err)
	}
	if w.By == o.ID {
		s.countAlarm(alarmLimit)
	}
	// Whoever sees it records it: who hit it may have died.
	return fmt.Sprintf("%s at %s: more than %d in %s; approve this order if it is right, and reset the limit when the cause is mended", refused, w.Tripped.Format(time.RFC3339), s.Limits.Orders, s.Limits.Window),
		s.alarm(ctx, alarmLimit, strconv.Itoa(w.Seq), *w.Tripped, map[string]any{"order": w.By, "orders": s.Limits.Orders, "window": s.Limits.Window.String()})
}

// ResetLimit lets destructive orders begin again after the limit was hit. Those
// that wait for a person go on waiting. who is an identity.
func (s *Enforcer) ResetLimit(ctx context.Context, who, reason string) error {
	const op = "reset limit"
	if err := person(op, who, reason); err != nil {
		return err
	}
	now := s.now()
	w, err := one(ctx, s.windows, s.TrustDomain, theOne, func(w *window) error {
		if w.Tripped == nil {
			return errSame
		}
		w.Tripped, w.By, w.Begun = nil, "", nil
		w.Seq++
		w.Reset = &word{who, reason, now}
		return nil
	})
	if err != nil {
		return wrap(op, err)
	}
	return s.recordReset(ctx, w)
}

// recordReset records the last reset, if nothing came after it. It is repeated
// when a process starts.
func (s *Enforcer) recordReset(ctx context.Context, w window) error {
	if w.Reset == nil || w.Tripped != nil {
		return nil
	}
	data, err := json.Marshal(w.Reset)
	if err != nil {
		return fmt.Errorf("encode reset: %w", err)
	}
	return s.append(ctx, hub.Record{
		ID: s.deriveID("sm.limit-reset", strconv.Itoa(w.Seq)), Kind: "sm.limit-reset", Time: w.Reset.At, Actor: w.Reset.Who, Subject: "sm/" + s.Name, Data: data,
	})
}

// alarm raises an alarm once: repeated with the same detail it adds nothing.
func (s *Enforcer) alarm(ctx context.Context, kind, id string, at time.Time, detail map[string]any) error {
	detail["alarm"] = kind
	data, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("encode alarm: %w", err)
	}
	s.Log.Warn("the Security Manager raised an alarm", "sm", s.Name, "alarm", kind, "detail", string(data))
	return s.append(ctx, hub.Record{
		ID: s.deriveID("sm.alarm", kind, id), Kind: "sm.alarm", Time: at, Actor: s.identity(), Subject: "sm/" + s.Name, Data: data,
	})
}

// The kinds of alarms.
const (
	alarmLimit    = "limit"    // too many destructive orders
	alarmMinimum  = "minimum"  // too few instances would remain
	alarmStuck    = "stuck"    // an order makes no progress
	alarmConflict = "conflict" // an order contradicts one of an earlier decision
	alarmExpired  = "expired"  // nobody decided on an order that waited
)

func (s *Enforcer) countAlarm(kind string) {
	if s.Metrics.Alarm != nil {
		s.Metrics.Alarm(kind)
	}
}

func (s *Enforcer) deriveID(parts ...string) string {
	return hub.DeriveID(append([]string{parts[0], s.TrustDomain, s.Name}, parts[1:]...)...)
}

// removal is what orders are about to take from a VNF profile of an NS, so that
// two of them do not take the last instance each while the topology still shows
// both.
type removal struct {
	Pending map[string]string `json:"pending"` // VNF instance: order
}

func removalID(p Place) string { return hub.DeriveID(p.NsInstanceID, p.VnfProfileID) }

// keepMinimum reserves what an order will end. It says below which minimum that
// would go, or nothing.
func (s *Enforcer) keepMinimum(ctx context.Context, o *order) (refused string, err error) {
	ends, err := s.ends(ctx, o)
	if err != nil {
		return "", err
	}
	var places []Place
	mine := map[Place][]string{}
	for _, vnf := range ends {
		at, err := s.Topology.Places(ctx, vnf)
		if err != nil {
			return "", fmt.Errorf("find the NSs of VNF %s: %w", vnf, err)
		}
		for _, p := range at {
			if o.Action.Type == hub.ActionRemoveSecurityVnf && p.NsInstanceID != o.Target.NsInstanceID {
				continue
			}
			if mine[p] = append(mine[p], vnf); len(mine[p]) == 1 {
				places = append(places, p)
			}
		}
	}
	for _, p := range places {
		if refused, err = s.reserve(ctx, o, p, mine[p]); err != nil || refused != "" {
			return refused, err
		}
	}
	return "", nil
}

// ends lists the VNFs that an order ends.
func (s *Enforcer) ends(ctx context.Context, o *order) ([]string, error) {
	var list []string
	var err error
	switch {
	case o.Action.Type == hub.ActionStopHost && o.Action.Vnfs == "terminate":
		list, err = s.Topology.OnHost(ctx, o.Target.HostID)
	case o.Action.Type == hub.ActionTerminateVnf && o.Action.CoHosted && !o.Foreign:
		// At a foreign NFVO each of them has an order of its own.
		list, err = s.Topology.CoHosted(ctx, o.Target.VnfInstanceID)
	}
	if err != nil {
		return nil, fmt.Errorf("find what %s ends: %w", o.Action.Type, err)
	}
	if o.Action.Type != hub.ActionStopHost && !slices.Contains(list, o.Target.VnfInstanceID) {
		list = append(list, o.Target.VnfInstanceID)
	}
	return list, nil
}

func (s *Enforcer) reserve(ctx context.Context, o *order, p Place, vnfs []string) (refused string, err error) {
	profile, err := s.Topology.Profile(ctx, p.NsInstanceID, p.VnfProfileID)
	if err != nil {
		return "", fmt.Errorf("look up VNF profile %s of NS %s: %w", p.VnfProfileID, p.NsInstanceID, err)
	}
	if profile.MinInstances <= 0 {
		return "", nil
	}
	_, err = one(ctx, s.removals, s.TrustDomain, removalID(p), func(r *removal) error {
		refused = ""
		next := map[string]string{}
		left := 0
		for _, id := range profile.VnfInstanceIDs { // what is gone needs no reservation
			if slices.Contains(vnfs, id) {
				next[id] = o.ID
				continue
			}
			holds, err := s.holds(ctx, r.Pending[id])
			if err != nil {
				return err
			}
			if holds {
				next[id] = r.Pending[id]
			} else {
				left++
			}
		}
		if left < profile.MinInstances && !o.approved() && !o.Action.BelowMinimum {
			refused = fmt.Sprintf("it would leave %d instances of VNF profile %s in NS %s, whose minimum is %d; approve the order if it is right, or say belowMinimum in the policy", left, p.VnfProfileID, p.NsInstanceID, profile.MinInstances)
			return errSame
		}
		r.Pending = next
		return nil
	})
	return refused, wrap("keep the minimum of instances", err)
}

// holds reports whether an order's reservation counts. One that ended without
// its effect gives it back, but cannot name what has left its host since.
func (s *Enforcer) holds(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	e, err := s.get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return false, nil
	}
	return err == nil && (!e.Value.State.Final() || e.Value.State == smgr.OrderCompleted), err
}

// release gives back what an order reserved and did not end.
func (s *Enforcer) release(ctx context.Context, o *order) error {
	if !o.Action.Destructive() {
		return nil
	}
	ends, err := s.ends(ctx, o)
	if err != nil {
		return err
	}
	for _, vnf := range ends {
		places, err := s.Topology.Places(ctx, vnf)
		if err != nil {
			return fmt.Errorf("find the NSs of VNF %s: %w", vnf, err)
		}
		for _, p := range places {
			_, err := one(ctx, s.removals, s.TrustDomain, removalID(p), func(r *removal) error {
				if r.Pending[vnf] != o.ID {
					return errSame
				}
				delete(r.Pending, vnf)
				return nil
			})
			if err != nil {
				return wrap("release a reservation", err)
			}
		}
	}
	return nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// stuckSince is when the order's present step began, for the alarm on it.
func (o *order) stuckSince() time.Time {
	for i := len(o.Steps) - 1; i >= 0; i-- {
		if o.Steps[i].State == smgr.OrderRunning {
			return o.Steps[i].Started
		}
	}
	if o.Approval != nil {
		return o.Approval.At
	}
	return o.Created
}

// planned is when the order could last begin: as it was made, or approved.
func (o *order) planned() time.Time {
	if o.Approval != nil {
		return o.Approval.At
	}
	return o.Created
}
