package nfvo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// ended says whether a state is one that an operation never leaves.
func ended(s sol005.NsLcmOperationStateType) bool {
	switch s {
	case sol005.NsLcmOperationStateCompleted, sol005.NsLcmOperationStatePartiallyCompleted, sol005.NsLcmOperationStateFailed, sol005.NsLcmOperationStateRolledBack:
		return true
	}
	return false
}

// goRun lets an operation run from where it stands, unless it runs already.
func (s *Service) goRun(id string) {
	s.behind("op/"+id, func(ctx context.Context) {
		defer s.forget("op/" + id)
		for {
			again, err := s.advance(ctx, id)
			if err != nil {
				s.c.Log.Warn("an operation cannot go on for now; it is tried again", "nsLcmOpOccId", id, "err", err)
				if s.pause(ctx, "op/"+id, s.c.Poll) != nil {
					return
				}
				continue
			}
			if !again {
				return
			}
		}
	})
}

// advance does the next thing of an operation. An error is one of the bus or of
// the outbox: nothing is lost and it can be tried again.
func (s *Service) advance(ctx context.Context, id string) (again bool, err error) {
	e, err := s.ops.Get(ctx, id)
	if err != nil {
		return false, ignoreGone(err)
	}
	o := &e.Value
	if ended(o.State) {
		return false, s.closeOp(ctx, &e)
	}
	if o.State == sol005.NsLcmOperationStateFailedTemp {
		return false, s.flushOp(ctx, id)
	}
	// Whatever comes next is stored, and with it that this was told.
	if err := s.publish(ctx, e.Domain, o.Events); err != nil {
		return false, err
	}
	switch {
	case o.Cancel != "":
		return true, s.failTemp(ctx, &e, -1, hub.E(hub.Conflict, "run NS operation", "the operation was cancelled; retry, roll back, continue or fail it", nil))
	case o.State == sol005.NsLcmOperationStateRollingBack:
		return true, s.undoNext(ctx, &e)
	}
	return true, s.doNext(ctx, &e)
}

// doNext carries out the first step that is not done.
func (s *Service) doNext(ctx context.Context, e *state.Entry[op]) error {
	i := e.Value.nextStep()
	if i < 0 {
		return s.enter(ctx, e, e.Value.completed(), nil)
	}
	r := &run{s: s, id: e.ID, domain: e.Domain, op: &e.Value, i: i, told: e.Value.Events}
	err := s.try(ctx, func() error { return kindOf(r.step().Kind).do(ctx, r) })
	if ctx.Err() != nil {
		return fmt.Errorf("step %d: %w", i, ctx.Err())
	}
	if err != nil {
		return s.failTemp(ctx, e, i, err)
	}
	return s.stepped(ctx, r, stepDone)
}

// nextStep is the first step that is not done, or -1.
func (o *op) nextStep() int {
	return slices.IndexFunc(o.Steps, func(st step) bool { return st.State == "" })
}

// completed is the state of an operation whose steps are all done.
func (o *op) completed() sol005.NsLcmOperationStateType {
	if len(o.Warnings) > 0 {
		return sol005.NsLcmOperationStatePartiallyCompleted
	}
	return sol005.NsLcmOperationStateCompleted
}

// try repeats what fails because somebody does not answer.
func (s *Service) try(ctx context.Context, fn func() error) error {
	for attempt := 1; ; attempt++ {
		err := fn()
		code := hub.CodeOf(err)
		if (code != hub.Unavailable && code != hub.RateLimited) || attempt >= s.c.Attempts {
			return err
		}
		if s.pause(ctx, "retry", s.c.Poll) != nil {
			return err
		}
	}
}

// stepped stores what became of a step, and what it changed in the operation. The
// end of the last step is the end of the operation, in the same write, unless
// somebody cancelled it meanwhile.
func (s *Service) stepped(ctx context.Context, r *run, state string) error {
	if r.step().State == "" || state == stepUndone {
		r.step().State = state
	}
	var about *ns // of an operation that ends
	if state == stepDone && r.op.nextStep() < 0 {
		n, err := s.nss.Get(ctx, r.op.NsID)
		if err != nil {
			return err
		}
		about = &n.Value
	}
	_, err := s.ops.Update(ctx, r.id, func(o *op) error {
		o.Steps, o.Slots, o.Warnings, o.Changes = r.op.Steps, r.op.Slots, r.op.Warnings, r.op.Changes
		o.Events = dropTaken(o.Events, r.told)
		if about != nil && o.Cancel == "" {
			s.turn(r.id, o, about, o.completed(), nil)
		}
		return nil
	})
	return err
}

// undoNext takes back the last step that is done.
func (s *Service) undoNext(ctx context.Context, e *state.Entry[op]) error {
	i := len(e.Value.Steps) - 1
	for i >= 0 && !needsUndo(&e.Value.Steps[i]) {
		i--
	}
	if i < 0 {
		return s.enter(ctx, e, sol005.NsLcmOperationStateRolledBack, e.Value.Error)
	}
	r := &run{s: s, id: e.ID, domain: e.Domain, op: &e.Value, i: i, told: e.Value.Events}
	err := s.try(ctx, func() error { return kindOf(r.step().Kind).undo(ctx, r) })
	if ctx.Err() != nil {
		return fmt.Errorf("undo step %d: %w", i, ctx.Err())
	}
	if err != nil {
		return s.failTemp(ctx, e, i, err)
	}
	return s.stepped(ctx, r, stepUndone)
}

// needsUndo says whether a step has, or may have, an effect that can be taken
// back: one that failed half-way has.
func needsUndo(st *step) bool {
	begun := st.State == stepDone || (st.State == "" && (st.VnfOp != "" || st.Attempt > 0 || st.Result != nil))
	return begun && kindOf(st.Kind).undo != nil
}

// failTemp ends the run until somebody says how it goes on. A cancel is carried
// out by the same write that forgets it. What the operation had to tell before was told.
func (s *Service) failTemp(ctx context.Context, was *state.Entry[op], i int, cause error) error {
	id := was.ID
	s.c.Log.Warn("a step of an NS operation failed", "nsLcmOpOccId", id, "step", i, "err", cause)
	problem := &sol005.ProblemDetails{Status: httpapi.StatusOf(hub.CodeOf(cause)), Title: "NS operation failed", Detail: hub.SafeText(cause)}
	e, err := s.ops.Get(ctx, id)
	if err != nil {
		return err
	}
	var about *vnf // of which the failed step is, if it is there
	if i >= 0 {
		r := run{s: s, id: id, op: &e.Value, i: i}
		if v, err := s.vnfs.Get(ctx, r.vnfID()); err == nil {
			about = &v.Value
		} else if err := ignoreGone(err); err != nil {
			return err
		}
	}
	n, err := s.nss.Get(ctx, e.Value.NsID)
	if err != nil {
		return err
	}
	_, err = s.ops.Update(ctx, id, func(o *op) error {
		o.Events = dropTaken(o.Events, was.Value.Events)
		if i >= 0 {
			o.Steps[i].Attempt++
			o.affectFailed(i, about)
		}
		o.Cancel = ""
		s.turn(id, o, &n.Value, sol005.NsLcmOperationStateFailedTemp, problem)
		return nil
	})
	return err
}

// enter changes the state of an operation and keeps what is to be told of it in
// the same write. What it had to tell before was told.
func (s *Service) enter(ctx context.Context, e *state.Entry[op], to sol005.NsLcmOperationStateType, problem *sol005.ProblemDetails) error {
	n, err := s.nss.Get(ctx, e.Value.NsID)
	if err != nil {
		return err
	}
	_, err = s.ops.Update(ctx, e.ID, func(o *op) error {
		o.Events = dropTaken(o.Events, e.Value.Events)
		s.turn(e.ID, o, &n.Value, to, problem)
		return nil
	})
	return err
}

// turn puts an operation into a state with what is to be told of it. One that has
// ended stays so, and one that is in the state already is told once.
func (s *Service) turn(id string, o *op, n *ns, to sol005.NsLcmOperationStateType, problem *sol005.ProblemDetails) {
	if o.State == to || ended(o.State) {
		return
	}
	o.State, o.Entered, o.Error = to, s.now(), problem
	status := statusResult
	if to == sol005.NsLcmOperationStateProcessing || to == sol005.NsLcmOperationStateRollingBack {
		status = statusStart
	}
	if ended(to) {
		o.settleChanges(to)
	}
	o.Events = append(o.Events, opEvent(id, o, n, status, o.Entered))
	if problem != nil && shortOfCapacity(problem.Detail) && to == sol005.NsLcmOperationStateFailedTemp {
		o.Events = append(o.Events, shortageEvent(id, o, n, s.c.VimID, o.Entered))
	}
}

// shortOfCapacity says whether the VIM refused for lack of capacity. The VIM's
// contract (internal/ifa006) has no code of its own for it; its text says so.
func shortOfCapacity(detail string) bool {
	return strings.Contains(strings.ToLower(detail), "capacity")
}

// closeOp ends what an operation that has ended left at the VNFM, releases its NS,
// then tells and records it, so that who hears of the end can order the next thing.
func (s *Service) closeOp(ctx context.Context, e *state.Entry[op]) error {
	if e.Value.Closed {
		return nil
	}
	if err := s.settle(ctx, e); err != nil {
		return err
	}
	_, err := s.nss.Update(ctx, e.Value.NsID, func(n *ns) error {
		if n.Running == e.ID {
			n.Running = ""
		}
		return nil
	})
	if err := ignoreGone(err); err != nil {
		return err
	}
	if err := s.record(ctx, e.Domain, operationRecord("ns.operation.ended", e.ID, &e.Value)); err != nil {
		return err
	}
	if err := s.publish(ctx, e.Domain, e.Value.Events); err != nil {
		return err
	}
	if _, err = s.ops.Update(ctx, e.ID, func(o *op) error { o.Events, o.Closed = nil, true; return nil }); err != nil {
		return err
	}
	if e.Value.Parent != "" {
		s.wake("op/" + e.Value.Parent)
	}
	return nil
}
