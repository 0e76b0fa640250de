package vnfm

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// States of an operation, by short names.
const (
	starting    = sol003.LcmOperationStateStarting
	processing  = sol003.LcmOperationStateProcessing
	completed   = sol003.LcmOperationStateCompleted
	failedTemp  = sol003.LcmOperationStateFailedTemp
	failed      = sol003.LcmOperationStateFailed
	rollingBack = sol003.LcmOperationStateRollingBack
	rolledBack  = sol003.LcmOperationStateRolledBack
)

// errCancelled ends a run that somebody cancelled.
var errCancelled = errors.New("cancelled")

// runner is the goroutine that drives an operation.
type runner struct {
	cancel context.CancelFunc // cuts off the step that it is at
	more   bool               // the operation changed while it ran
}

// launch runs an operation in the background, or tells the one that runs it
// already to look again.
func (s *Service) launch(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.active[id]; r != nil {
		r.more = true
		return
	}
	if s.work.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.work)
	r := &runner{cancel: cancel}
	s.active[id] = r
	s.runs.Go(func() {
		for {
			cutOff := s.run(ctx, id)
			cancel()
			s.mu.Lock()
			if !cutOff && !r.more || s.work.Err() != nil {
				delete(s.active, id)
				s.mu.Unlock()
				return
			}
			ctx, cancel = context.WithCancel(s.work)
			r.cancel, r.more = cancel, false
			s.mu.Unlock()
		}
	})
}

// run drives an operation until it waits for somebody or has ended. It returns
// true when it was cut off and has to go on.
func (s *Service) run(ctx context.Context, id string) bool {
	for {
		var op state.Entry[Operation]
		err := s.again(ctx, "read operation", func() (err error) {
			if op, err = s.ops.Get(ctx, id); err != nil {
				return err
			}
			if err := s.dropUnheld(ctx, op); err != nil {
				return err
			}
			if op.Value.runs() { // with what it comes to it is stored that this was told
				return s.publish(ctx, op.Domain, op.Value.Pending)
			}
			return s.publishOp(ctx, op)
		})
		if err == nil {
			switch {
			case op.Value.State == starting:
				err = s.runStart(ctx, op)
			case op.Value.runs():
				err = s.runSteps(ctx, op)
			default:
				return false
			}
		}
		switch {
		case s.work.Err() != nil || hub.CodeOf(err) == hub.NotFound:
			return false
		case ctx.Err() != nil:
			return true
		case err != nil:
			s.Log.Error("a VNF life-cycle operation does not go on", "operation", id, "err", err)
			return false
		}
	}
}

// runs says whether an operation is in a state in which it goes on by itself.
func (o *Operation) runs() bool {
	return o.State == starting || o.State == processing || o.State == rollingBack
}

// dropUnheld removes an operation that never got hold of its VNF: nobody was told
// that it began. It then returns hub.NotFound.
func (s *Service) dropUnheld(ctx context.Context, op state.Entry[Operation]) error {
	if op.Value.State != starting {
		return nil
	}
	vnf, err := s.vnfs.Get(ctx, op.Value.VNF)
	if err == nil && vnf.Value.Running == op.ID {
		return nil
	}
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return err
	}
	if err := s.ops.Delete(ctx, op.ID, nil); err != nil {
		return err
	}
	return notFound("VNF LCM operation occurrence")
}

// runStart asks for the grant; without one nothing has changed and the operation
// is rolled back (SOL 003 clause 5.6.2.2).
func (s *Service) runStart(ctx context.Context, op state.Entry[Operation]) error {
	next := op.Value
	next.After = op.Value.After.clone()
	err := s.prepare(ctx, op.ID, &next)
	if ctx.Err() != nil && s.work.Err() != nil {
		return ctx.Err()
	}
	return s.move(op, func(o *Operation) error {
		switch {
		case o.State != starting:
			return nil
		case o.CancelPending:
			o.fail(rolledBack, s, hub.E(hub.Conflict, "start operation", "the operation was cancelled before it began", nil))
		case err != nil:
			o.fail(rolledBack, s, err)
		default:
			o.After, o.GrantID, o.Connections, o.Warnings = next.After, next.GrantID, next.Connections, next.Warnings
			o.enter(processing, s)
		}
		return nil
	})
}

// prepare gets the grant into the plan.
func (s *Service) prepare(ctx context.Context, id string, op *Operation) error {
	if op.Kind == sol003.LcmOperationModifyInfo || op.CancelPending {
		return nil
	}
	vnf, err := s.vnfs.Get(ctx, op.VNF)
	if err != nil {
		return err
	}
	grant, err := s.ask(ctx, id, op, vnf)
	if err != nil {
		return err
	}
	if err := op.apply(grant, s.Connection); err != nil {
		return err
	}
	op.Warnings = append(unconnected(op.After), s.uncertified(op.After)...)
	return nil
}

// unconnected warns of external connection points that got no link.
func unconnected(l *Layout) []string {
	missing := map[string]bool{}
	for _, c := range l.vnfcs() {
		for _, p := range c.Ports {
			if p.NetworkID == "" {
				missing[p.Cpd] = true
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []string{"connection points without a virtual link: " + names(maps.Clone(missing))}
}

// runSteps brings the VIM to the plan's end, or back to its beginning.
func (s *Service) runSteps(ctx context.Context, op state.Entry[Operation]) error {
	r := &run{s: s, id: op.ID, domain: op.Domain, op: &op.Value}
	err := r.all(ctx)
	if s.work.Err() != nil {
		return s.work.Err()
	}
	// What follows is recorded even when a forceful cancel has ended ctx.
	ctx = s.work
	if err != nil {
		return s.halt(ctx, op, err)
	}
	if op.Value.State == processing {
		return s.complete(ctx, op)
	}
	if err := s.again(ctx, "record VNF", func() error {
		return s.commit(ctx, op.ID, &op.Value, op.Value.Before, false)
	}); err != nil {
		return err
	}
	return s.move(op, func(o *Operation) error {
		if o.State == rollingBack {
			o.Actual = o.Before
			o.leave(rolledBack, s)
		}
		return nil
	})
}

// complete records the end: first in the VNF, which stays locked until the
// operation says so too.
func (s *Service) complete(ctx context.Context, op state.Entry[Operation]) error {
	if err := s.again(ctx, "record VNF", func() error { return s.commit(ctx, op.ID, &op.Value, op.Value.After, true) }); err != nil {
		return err
	}
	done := op.Value
	err := s.move(op, func(o *Operation) error {
		if o.State == processing {
			o.After, o.Before, o.ChangedInfo, o.Error = done.After, done.Before, done.ChangedInfo, nil
			o.leave(completed, s)
		}
		return nil
	})
	s.configuration.Changed(op.Value.VNF)
	return err
}

// halt records a failure, with what the VIM really has.
func (s *Service) halt(ctx context.Context, op state.Entry[Operation], cause error) error {
	actual := s.survey(ctx, op.Value.Before, op.Value.After)
	return s.move(op, func(o *Operation) error {
		if o.State != processing && o.State != rollingBack {
			return nil
		}
		if o.CancelPending {
			cause = errCancelled
		}
		o.Actual = actual
		o.fail(failedTemp, s, cause)
		return nil
	})
}

// move changes a stored operation, and forgets what it had to tell before, which was
// told; it does not give up before the service ends.
func (s *Service) move(op state.Entry[Operation], fn func(*Operation) error) error {
	return s.again(s.work, "record operation", func() error {
		_, err := s.ops.Update(s.work, op.ID, func(o *Operation) error {
			before := o.State
			o.Pending = without(o.Pending, op.Value.Pending)
			if err := fn(o); err != nil {
				return err
			}
			if o.State == before {
				return nil
			}
			return s.note(op.ID, o)
		})
		return err
	})
}

// enter begins a state in which the operation runs.
func (o *Operation) enter(state sol003.LcmOperationStateType, s *Service) {
	o.State, o.Entered = state, s.Now().UTC()
	if state == processing {
		o.Error = nil
	}
}

// leave ends the run in a state that waits or is final. The error stays as the
// cause of a rollback.
func (o *Operation) leave(state sol003.LcmOperationStateType, s *Service) {
	o.State, o.Entered = state, s.Now().UTC()
	o.CancelPending, o.CancelMode = false, ""
}

// fail is leave with a cause.
func (o *Operation) fail(state sol003.LcmOperationStateType, s *Service, cause error) {
	o.Error = problem(cause)
	o.leave(state, s)
}

// problem is what consumers are told of a failure.
func problem(err error) *sol003.ProblemDetails {
	if errors.Is(err, errCancelled) {
		return &sol003.ProblemDetails{Title: "Cancelled", Status: http.StatusConflict, Detail: "the operation was cancelled; retry it, roll it back or fail it"}
	}
	status := httpapi.StatusOf(hub.CodeOf(err))
	return &sol003.ProblemDetails{Title: http.StatusText(status), Status: status, Detail: hub.SafeText(err)}
}
