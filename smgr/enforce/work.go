package enforce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// Run carries orders out until ctx ends. The space must be open. Any number of
// processes may run it: the queue chooses who works.
func (s *Enforcer) Run(ctx context.Context) error {
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		for {
			if err := s.recover(ctx); err != nil && ctx.Err() == nil {
				s.Log.Warn("looking for orders that a crash cut off; it is tried again", "sm", s.Name, "error", err)
			}
			if s.Wait(ctx, s.Sweep) != nil {
				return
			}
		}
	}()
	err := s.Queue.Consume(ctx, s.handle)
	<-swept
	return wrap("work on orders", err)
}

func (s *Enforcer) recover(ctx context.Context) error {
	return errors.Join(s.finishControl(ctx), s.sweep(ctx), s.expire(ctx))
}

// ErrPaused says that an item waits until the Security Manager is resumed: it is no
// failure, and is to be tried again after [PausePoll].
var ErrPaused = hub.E(hub.Unavailable, "carry an order out", "the Security Manager is paused; it goes on when it is resumed", nil)

// PausePoll is how long after an attempt, from 1, it is looked whether a paused
// Security Manager may go on. Meanwhile nobody waits: however many orders there
// are, what the NFVO does already is followed.
func PausePoll(attempt int) time.Duration { return time.Duration(min(attempt, 10)) * time.Second }

// handle does what is to be done for one order now. An error has the item tried
// again; nil ends it, because the order is final or waits for a person.
func (s *Enforcer) handle(ctx context.Context, it Item) error {
	id := string(it.Data)
	until := s.Now().Add(s.Hold)
	recorded := 0 // the last transition that is known to be recorded
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := s.get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			s.Log.Warn("an item of the queue names an order that does not exist", "sm", s.Name, "order", id)
			return nil
		}
		if err != nil {
			return err
		}
		if e.Value.Seq != recorded {
			// Whoever changed it may have died between store and record.
			if err := s.recordOrder(ctx, &e, it.Attempt > 1); err != nil {
				return err
			}
		}
		if !e.Value.working() {
			return nil
		}
		err = s.advance(ctx, &e, until)
		recorded = e.Value.Seq
		if errors.Is(err, errStale) {
			recorded = 0
			continue
		}
		if errors.Is(err, ErrPaused) {
			return err
		}
		if err != nil {
			return s.notYet(ctx, id, err)
		}
	}
}

// advance brings an order one transition further.
func (s *Enforcer) advance(ctx context.Context, e *state.Entry[order], until time.Time) error {
	o := &e.Value
	i := o.next()
	if i >= 0 && o.Steps[i].Resource != "" {
		return s.follow(ctx, e, i, until) // asking changes nothing, so a pause allows it
	}
	if i >= 0 || o.State != smgr.OrderRunning {
		if held, err := s.whilePaused(ctx, e); held || err != nil {
			return err
		}
	}
	switch {
	case o.State == smgr.OrderPlanned:
		return s.begin(ctx, e)
	case i < 0:
		return s.finish(ctx, e)
	case o.Steps[i].State == smgr.OrderPlanned:
		return s.beginStep(ctx, e, i)
	}
	return s.again(ctx, e, i)
}

// next is the first step that has not ended, or -1.
func (o *order) next() int {
	for i, st := range o.Steps {
		if st.State == smgr.OrderPlanned || st.State == smgr.OrderRunning {
			return i
		}
	}
	return -1
}

// whilePaused holds an order until the Security Manager is resumed. held says
// that the order changed. What memory does not know of is seen before a request is sent.
func (s *Enforcer) whilePaused(ctx context.Context, e *state.Entry[order]) (held bool, err error) {
	if p := s.pauses.Kept(theOne); e.Value.Hold != holdPaused && (p == nil || !p.Paused) {
		return false, nil
	}
	p, err := s.paused(ctx)
	if err != nil {
		return false, err
	}
	o := &e.Value
	switch {
	case !p.Paused && o.Hold == holdPaused:
		return true, s.transition(ctx, e, s.identity(), func(o *order) {
			o.State, o.Hold, o.Reason = smgr.OrderPlanned, holdNone, ""
			if len(o.Steps) > 0 {
				o.State = smgr.OrderRunning
			}
		})
	case p.Paused && o.Hold != holdPaused:
		return true, s.transition(ctx, e, s.identity(), func(o *order) {
			o.State, o.Hold = smgr.OrderWaiting, holdPaused
			o.Reason = "the Security Manager is paused by " + p.Last.Who + "; it goes on when it is resumed"
		})
	case p.Paused:
		return true, ErrPaused
	}
	return false, nil
}

// begin lets an order pass the gates and plans its steps. What was begun before
// and came back from a person goes on with the steps that are left.
func (s *Enforcer) begin(ctx context.Context, e *state.Entry[order]) error {
	o := &e.Value
	if o.Level != smgr.LevelEnforce && !o.approved() { // Plan sees to it; what it cannot have let through goes no further
		return s.rest(ctx, e, smgr.OrderWaiting, holdPerson, fmt.Sprintf("level %s does not let it go on without a person", o.Level))
	}
	ours, err := s.extensions(ctx)
	if err != nil {
		return err
	}
	if why := cannot(!ours, o.Action); why != "" {
		return s.end(ctx, e, smgr.OrderFailed, why)
	}
	if stopped, err := s.gateMode(ctx, e); stopped || err != nil {
		return err
	}
	// Another process may be beginning one that contradicts it. Of the two, the one
	// that was stored later knows the other.
	if err := s.orders.Reflected(ctx, *e); err != nil {
		return err
	}
	if stopped, err := s.gateConflict(ctx, e, o.before); stopped || err != nil {
		return err
	}
	if err := s.holdRivals(ctx, e); err != nil {
		return err
	}
	planned := *o
	if len(o.Steps) == 0 {
		planned.Foreign = !ours
		if planned.Steps, err = s.planSteps(ctx, &planned); err != nil {
			return err
		}
	}
	if len(planned.Steps) == 0 {
		return s.end(ctx, e, smgr.OrderSuperseded, doneAlready(o.Action.Type))
	}
	if stopped, err := s.gateLimits(ctx, e, &planned); stopped || err != nil {
		return err
	}
	// The order and its first step begin in one transition: on the way to the
	// wire each of them costs two waits for the disk.
	i := planned.next()
	fresh := i >= 0 && planned.Steps[i].State == smgr.OrderPlanned
	err = s.transition(ctx, e, s.identity(), func(o *order) {
		o.State, o.Reason = smgr.OrderRunning, ""
		o.Steps, o.Foreign = planned.Steps, planned.Foreign
		if fresh {
			o.startStep(i, s.now())
		}
	})
	if err != nil || !fresh {
		return err
	}
	if i == 0 && s.Metrics.Wire != nil {
		s.Metrics.Wire(s.now().Sub(e.Value.planned()))
	}
	return s.send(ctx, e, i)
}

// doneAlready says why an order has nothing to do.
func doneAlready(a hub.ActionType) string {
	switch a {
	case hub.ActionInsertSecurityVnf:
		return "the security VNF is there"
	case hub.ActionRemoveSecurityVnf:
		return "the NS does not have the VNF any more"
	}
	return "no NS has the VNF any more"
}

// gateMode makes what the mode does not allow a recommendation. No request is
// sent that is bound to be refused.
func (s *Enforcer) gateMode(ctx context.Context, e *state.Entry[order]) (stopped bool, err error) {
	mode, err := s.Mode(ctx)
	if err != nil {
		return false, wrap("read the mode of the Security Manager", err)
	}
	why := forbids(mode, e.Value.Action)
	if why == "" {
		return false, nil
	}
	return true, s.rest(ctx, e, smgr.OrderRecommended, holdMode, why)
}

// gateLimits holds a destructive order for a person when a limit is hit.
func (s *Enforcer) gateLimits(ctx context.Context, e *state.Entry[order], planned *order) (stopped bool, err error) {
	if !e.Value.Action.Destructive() {
		return false, nil
	}
	why, err := s.keepMinimum(ctx, planned)
	if err != nil {
		return false, err
	}
	if why != "" {
		s.countAlarm(alarmMinimum)
		err := s.alarm(ctx, alarmMinimum, e.ID, e.Value.Created, map[string]any{"order": e.ID, "policy": e.Value.Policy, "target": e.Value.Target.String()})
		if err != nil {
			return true, err
		}
		return true, s.rest(ctx, e, smgr.OrderWaiting, holdMinimum, why)
	}
	if why, err = s.takeSlot(ctx, planned); err != nil || why == "" {
		return false, err
	}
	return true, s.rest(ctx, e, smgr.OrderWaiting, holdLimit, why)
}

// rest lets an order wait for a person.
func (s *Enforcer) rest(ctx context.Context, e *state.Entry[order], to smgr.OrderState, h hold, reason string) error {
	if err := s.release(ctx, &e.Value); err != nil {
		return err
	}
	return s.transition(ctx, e, s.identity(), func(o *order) { o.State, o.Hold, o.Reason = to, h, reason })
}

// end makes an order final. What it did not end it gives back first.
func (s *Enforcer) end(ctx context.Context, e *state.Entry[order], to smgr.OrderState, reason string) error {
	if to != smgr.OrderCompleted {
		if err := s.release(ctx, &e.Value); err != nil {
			return err
		}
	}
	return s.transition(ctx, e, s.identity(), func(o *order) { o.State, o.Hold, o.Reason = to, holdNone, reason })
}

// finish ends an order whose steps have all ended well.
func (s *Enforcer) finish(ctx context.Context, e *state.Entry[order]) error {
	if more, err := s.sharedMeanwhile(ctx, e); more || err != nil {
		return err
	}
	for _, st := range e.Value.Steps {
		switch name, _ := cutStep(st.Name); name {
		case stepCoHosted, stepSnapshot, stepDisable: // what the order is for comes behind them
			continue
		}
		if st.State == smgr.OrderCompleted {
			return s.end(ctx, e, smgr.OrderCompleted, e.Value.caveat())
		}
	}
	reason := "what it was to change is gone already"
	if slices.ContainsFunc(e.Value.Steps, func(st smgr.Step) bool { return st.Name == stepDisable && st.State == smgr.OrderCompleted }) {
		reason += "; its package is DISABLED"
	}
	return s.end(ctx, e, smgr.OrderSuperseded, reason)
}

// sharedMeanwhile adds a step for each NS that has come to share the VNF since
// the steps were planned, or was not known then: until the last of them drops it,
// the VNF lives.
func (s *Enforcer) sharedMeanwhile(ctx context.Context, e *state.Entry[order]) (more bool, err error) {
	if e.Value.Action.Type != hub.ActionTerminateVnf {
		return false, nil
	}
	places, err := s.Topology.Places(ctx, e.Value.Target.VnfInstanceID)
	if err != nil {
		return false, fmt.Errorf("find the NSs of VNF %s: %w", e.Value.Target.VnfInstanceID, err)
	}
	var add []smgr.Step
	for _, p := range places {
		name := stepRemove + p.NsInstanceID
		if !slices.ContainsFunc(e.Value.Steps, func(st smgr.Step) bool { return st.Name == name }) {
			add = append(add, smgr.Step{Name: name, State: smgr.OrderPlanned})
		}
	}
	if len(add) == 0 {
		return false, nil
	}
	return true, s.transition(ctx, e, s.identity(), func(o *order) { o.Steps = append(o.Steps, add...) })
}

// caveat is what a completed order could not have.
func (o *order) caveat() string {
	if o.Foreign && o.Action.Replace != nil && !*o.Action.Replace {
		return "the VNF is ended, but this NFVO knows no bar: nothing keeps another from taking its place"
	}
	return ""
}

// The reason of an order that is tried again, and how long it stands at least.
const (
	triedAgain = "tried again: "
	reasonAge  = 10 * time.Minute
)

// notYet says on the order why it waits, and raises an alarm after a while.
func (s *Enforcer) notYet(ctx context.Context, id string, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	e, err := s.get(ctx, id)
	if err != nil || !e.Value.working() {
		return cause
	}
	o := &e.Value
	reason := triedAgain + said(cause)
	since := o.stuckSince()
	late := !o.Alarmed && s.now().Sub(since) >= s.AlarmAfter
	if late {
		step := ""
		if i := o.next(); i >= 0 {
			step = o.Steps[i].Name
		}
		s.countAlarm(alarmStuck)
		if err := s.alarm(ctx, alarmStuck, id+"/"+step, since.Add(s.AlarmAfter), map[string]any{"order": id, "step": step, "policy": o.Policy}); err != nil {
			return errors.Join(cause, err)
		}
	}
	// A reason that changes with each attempt must not fill the record log.
	told := strings.HasPrefix(o.Reason, triedAgain) && s.now().Sub(o.Updated) < reasonAge
	if !late && (o.Reason == reason || told || errors.Is(cause, errStillRunning)) {
		return cause
	}
	if err := s.recordOrder(ctx, &e, false); err != nil {
		return errors.Join(cause, err)
	}
	err = s.transition(ctx, &e, s.identity(), func(o *order) {
		o.Alarmed = o.Alarmed || late
		o.Reason = reason
	})
	if errors.Is(err, errStale) {
		err = nil // it went on
	}
	return errors.Join(cause, err)
}
