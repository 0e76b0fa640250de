package enforce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// Place says which order an order becomes that is about to be planned: the ID of
// the open one that does the same or can be made to ([smgr.Order.CanTake]), or else
// the ID that is next for its action and subject. It changes nothing. What comes
// between it and [Enforcer.Plan] is seen there.
func (s *Enforcer) Place(ctx context.Context, o smgr.Order) (id string, open bool, err error) {
	newest, err := s.newest(ctx, &o)
	if err != nil {
		return "", false, err
	}
	next := s.numbered(&o, newest+1)
	if o.State == smgr.OrderShadow {
		return next, false, nil
	}
	list := s.orders.Find(termAt(&o))
	if last := s.numbered(&o, newest); newest > 0 && !slices.Contains(list, last) {
		list = append(list, last)
	}
	for _, id := range list {
		e, err := s.get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if e.Value.CanTake(&o) {
			return id, true, nil
		}
	}
	return next, false, nil
}

func (s *Enforcer) numbered(o *smgr.Order, number int) string {
	return smgr.OrderID(s.TrustDomain, s.Name, o.Action.Type, o.Scope.Subject, number)
}

// newest returns the number of the newest order of an action on a subject, 0 when
// there was none. The index may not have what another process has just made; the
// store has it.
func (s *Enforcer) newest(ctx context.Context, o *smgr.Order) (int, error) {
	n := 0
	for id := range s.orders.FindAfter(termSubject(o), "") { // the newest sorts first
		n = smgr.OrderNumber(id)
		break
	}
	for {
		_, err := s.get(ctx, s.numbered(o, n+1))
		switch {
		case hub.CodeOf(err) == hub.NotFound:
			return n, nil
		case err != nil:
			return 0, err
		}
		n++
	}
}

// take has an order that is stored do what another one asks for. It reports
// whether it does: one that ended after the other one was placed has done it, or
// has failed for both.
func (s *Enforcer) take(ctx context.Context, e *state.Entry[order], n *order) (bool, error) {
	for {
		x := &e.Value
		if x.State.Final() {
			return true, nil
		}
		if !x.CanTake(&n.Order) {
			return false, nil
		}
		if err := s.recordOrder(ctx, e, !x.working()); err != nil {
			return false, err
		}
		next := *x
		next.Take(&n.Order)
		wake, err := s.wakes(ctx, x, &next, n)
		if err != nil {
			return false, err
		}
		rivals := slices.DeleteFunc(slices.Clone(n.Against), func(id string) bool { return slices.Contains(x.Against, id) })
		if !wake && len(rivals) == 0 && x.Covers(&n.Order) && x.Knows(&n.Order) {
			return true, s.push(ctx, x) // nothing new: the decision that names it is the record
		}
		err = s.transition(ctx, e, s.identity(), func(o *order) {
			knew := o.Knows(&n.Order)
			o.Order.Take(&n.Order)
			if !knew {
				o.Message = clip(o.Message+"; "+n.Policy+": "+n.Message, 1000)
			}
			o.Against = append(slices.Clone(o.Against), rivals...)
			switch {
			case n.Hold == holdConflict && o.resting(): // its decision contradicts itself
				o.State, o.Hold, o.Reason = smgr.OrderWaiting, holdConflict, n.Reason
			case wake:
				o.State, o.Hold, o.Reason = smgr.OrderPlanned, holdNone, "decision "+n.DecisionID+" asks for it at level "+string(n.Level)
				o.Wakes++
			case o.Level == smgr.LevelApprove && o.Hold == holdAdvisory:
				o.State, o.Hold, o.Reason = smgr.OrderWaiting, holdPerson, reasonApprove
			}
		})
		if errors.Is(err, errStale) {
			if *e, err = s.get(ctx, e.ID); err != nil {
				return false, err
			}
			continue
		}
		if err != nil {
			return false, err
		}
		return true, s.push(ctx, &e.Value)
	}
}

// wakes reports whether an order that rests goes on by itself because of what it
// takes in: what held it back does so no longer.
func (s *Enforcer) wakes(ctx context.Context, x, next, n *order) (bool, error) {
	if n.Level != smgr.LevelEnforce || n.Hold == holdConflict || !x.resting() {
		return false, nil
	}
	switch x.Hold {
	case holdAdvisory, holdPerson:
		return true, nil
	case holdMinimum:
		return next.Action.BelowMinimum && !x.Action.BelowMinimum, nil
	case holdMode:
		mode, err := s.Mode(ctx)
		return err == nil && forbids(mode, next.Action) == "", wrap("read the mode of the Security Manager", err)
	}
	return false, nil
}

// opposed lists the open orders that contradict an order.
func (s *Enforcer) opposed(ctx context.Context, o *order) ([]state.Entry[order], error) {
	var ids []string
	for _, touch := range o.Touches() {
		ids = append(ids, s.orders.Find(termTouch+touch)...)
	}
	slices.Sort(ids)
	var list []state.Entry[order]
	for _, id := range slices.Compact(ids) {
		if id == o.ID {
			continue
		}
		e, err := s.get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !e.Value.State.Final() && smgr.Contradict(&o.Order, &e.Value.Order) != "" {
			list = append(list, e)
		}
	}
	return list, nil
}

// gateConflict holds an order for a person that contradicts one which was there
// before it, and lets both name each other. An order of level advise holds nobody
// up and is held by nobody; it says what it contradicts. first reports whether
// another order was there before.
func (s *Enforcer) gateConflict(ctx context.Context, e *state.Entry[order], first func(other *order) bool) (stopped bool, err error) {
	if e.Value.approved() || e.Value.State.Final() {
		return false, nil
	}
	found, err := s.opposed(ctx, &e.Value)
	if err != nil {
		return false, err
	}
	found = slices.DeleteFunc(found, func(x state.Entry[order]) bool { return !first(&x.Value) })
	if len(found) == 0 {
		return false, nil
	}
	var news, reasons []string
	holds := false
	for i := range found {
		x := &found[i]
		why := smgr.Contradict(&e.Value.Order, &x.Value.Order)
		if err := s.against(ctx, x, &e.Value, why); err != nil {
			return false, err
		}
		if reasons = append(reasons, opposes(&x.Value, why)); !slices.Contains(e.Value.Against, x.ID) {
			news = append(news, x.ID)
		}
		if !x.Value.Level.Acts() || !e.Value.Level.Acts() {
			continue
		}
		holds = true
		if err := s.raiseConflict(ctx, e, x.ID); err != nil {
			return false, err
		}
	}
	if len(news) == 0 && !holds {
		return false, nil
	}
	reason := strings.Join(reasons, "; ")
	if holds {
		if err := s.release(ctx, &e.Value); err != nil {
			return false, err
		}
	}
	err = s.transition(ctx, e, s.identity(), func(o *order) {
		o.Against = append(slices.Clone(o.Against), news...)
		switch {
		case holds:
			o.hold(reason)
		case o.resting():
			o.Reason = clip(o.Reason+"; "+reason, maxReason)
		}
	})
	return holds, err
}

// holdRivals holds what contradicts an order that begins and does not know of it
// yet: the two were planned in one moment, in two processes or by two workers.
// errStale says that one of them has changed meanwhile, and is to be looked at
// again.
func (s *Enforcer) holdRivals(ctx context.Context, e *state.Entry[order]) error {
	found, err := s.opposed(ctx, &e.Value)
	if err != nil {
		return err
	}
	for i := range found {
		x := &found[i]
		if slices.Contains(x.Value.Against, e.ID) || !x.Value.Level.Acts() || !e.Value.Level.Acts() {
			continue
		}
		if len(x.Value.Steps) > 0 {
			return errStale
		}
		why := smgr.Contradict(&e.Value.Order, &x.Value.Order)
		if !slices.Contains(e.Value.Against, x.ID) {
			if err := s.transition(ctx, e, s.identity(), func(o *order) { o.Against = append(slices.Clone(o.Against), x.ID) }); err != nil {
				return err
			}
		}
		if err := s.raiseConflict(ctx, x, e.ID); err != nil {
			return err
		}
		if err := s.recordOrder(ctx, x, !x.Value.working()); err != nil {
			return err
		}
		err := s.transition(ctx, x, s.identity(), func(o *order) {
			o.Against = append(slices.Clone(o.Against), e.ID)
			o.hold(opposes(&e.Value, why))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// raiseConflict tells that an order waits because of another one.
func (s *Enforcer) raiseConflict(ctx context.Context, e *state.Entry[order], other string) error {
	s.countAlarm(alarmConflict)
	return s.alarm(ctx, alarmConflict, e.ID+"/"+other, e.Value.Created, map[string]any{"order": e.ID, "against": other, "policy": e.Value.Policy})
}

// hold makes an order wait for a person because of what stands against it. A
// recommendation stays one.
func (o *order) hold(reason string) {
	if o.State == smgr.OrderRecommended {
		o.Reason = clip(o.Reason+"; "+reason, maxReason)
		return
	}
	o.State, o.Hold, o.Reason = smgr.OrderWaiting, holdConflict, clip(reason+"; carry out one of them and reject the other", maxReason)
}

// opposes says in words that an order stands against another one.
func opposes(o *order, why string) string {
	return fmt.Sprintf("it contradicts order %s of policy %s on %s, which is %s: %s", o.ID, o.Policy, o.Target, o.State, why)
}

// against lets an order name one that came later and contradicts it.
func (s *Enforcer) against(ctx context.Context, x *state.Entry[order], later *order, why string) error {
	for !slices.Contains(x.Value.Against, later.ID) && !x.Value.State.Final() {
		if err := s.recordOrder(ctx, x, !x.Value.working()); err != nil {
			return err
		}
		err := s.transition(ctx, x, s.identity(), func(o *order) {
			o.Against = append(slices.Clone(o.Against), later.ID)
			if o.resting() {
				o.Reason = clip(o.Reason+"; "+opposes(later, why), maxReason)
			}
		})
		if err == nil {
			return nil
		}
		if !errors.Is(err, errStale) {
			return err
		}
		if *x, err = s.get(ctx, x.ID); err != nil {
			return err
		}
	}
	return nil
}

// before reports whether an order that contradicts this one was there first, or
// has begun. One that was held for a person is no reason to hold this one as well.
func (o *order) before(other *order) bool {
	switch {
	case len(other.Steps) > 0:
		return true
	case other.Hold == holdConflict, other.approved():
		return false
	}
	if !other.Created.Equal(o.Created) {
		return other.Created.Before(o.Created)
	}
	return other.ID < o.ID
}

// clip cuts a text to a number of characters.
func clip(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
