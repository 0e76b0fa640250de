package vnfm

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// surveyTime bounds how long Fail asks the VIM what there is.
const surveyTime = 20 * time.Second

// Op returns an operation, hub.NotFound if there is none.
func (s *Service) Op(ctx context.Context, id string) (state.Entry[Operation], error) {
	e, err := s.ops.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return e, notFound("VNF LCM operation occurrence")
	}
	return e, err
}

// Ops yields the operations after an ID, in order, of the domains that visible
// allows; of one VNF only if vnf is given.
func (s *Service) Ops(ctx context.Context, visible func(domain string) bool, vnf, after string) iter.Seq2[state.Entry[Operation], error] {
	var ids []string
	if vnf != "" {
		ids = s.ops.Find("vnf=" + vnf)
	}
	return among(ctx, s.ops, visible, ids, after)
}

// Retry runs an operation that failed once more (clause 5.4.14).
func (s *Service) Retry(ctx context.Context, id string) error {
	return s.from(ctx, id, "retry", func(o *Operation) error {
		o.enter(processing, s)
		return nil
	})
}

// RollBack undoes what an operation that failed has done (clause 5.4.15).
func (s *Service) RollBack(ctx context.Context, id string) error {
	return s.from(ctx, id, "roll back", func(o *Operation) error {
		if !o.canRollBack() {
			return hub.E(hub.NotFound, "roll back operation", fmt.Sprintf("rollback is not supported for %s: what it removed or overwrote does not come back; retry it or fail it", o.Kind), nil)
		}
		o.enter(rollingBack, s)
		return nil
	})
}

// canRollBack says whether undoing the operation brings back what was there.
func (o *Operation) canRollBack() bool {
	return o.Kind != sol003.LcmOperationTerminate && o.Kind != sol003.LcmOperationRevertToSnapshot && o.Kind != sol003.LcmOperationModifyInfo
}

// from takes an operation out of FAILED_TEMP and runs it.
func (s *Service) from(ctx context.Context, id, verb string, fn func(*Operation) error) error {
	_, err := s.ops.Update(ctx, id, func(o *Operation) error {
		if err := o.checkFailedTemp(verb); err != nil {
			return err
		}
		if err := fn(o); err != nil {
			return err
		}
		return s.note(id, o)
	})
	if err == nil {
		s.launch(id)
	}
	return err
}

func (o *Operation) checkFailedTemp(verb string) error {
	if o.State == failedTemp {
		return nil
	}
	return hub.E(hub.Conflict, verb+" operation", fmt.Sprintf("the operation is in state %s; only one in FAILED_TEMP can be taken further this way", o.State), nil)
}

// Fail ends an operation that failed where it stands (clause 5.4.16). The VNF
// instance then says what the VIM really has of it.
func (s *Service) Fail(ctx context.Context, id string) (state.Entry[Operation], error) {
	e, err := s.Op(ctx, id)
	if err != nil {
		return e, err
	}
	if err := e.Value.checkFailedTemp("fail"); err != nil {
		return e, err
	}
	looking, done := context.WithTimeout(ctx, surveyTime)
	actual := s.survey(looking, e.Value.Before, e.Value.After)
	done()
	if err := ctx.Err(); err != nil {
		return e, hub.E(hub.Unavailable, "fail operation", "the request ended before the VIM had said what there is; try again", err)
	}
	// The VNF first: the operation's end is what lets it go.
	if err := s.commit(ctx, id, &e.Value, actual, false); err != nil {
		return e, err
	}
	e, err = s.ops.Update(ctx, id, func(o *Operation) error {
		if err := o.checkFailedTemp("fail"); err != nil {
			return err
		}
		o.Actual = actual
		o.leave(failed, s)
		return s.note(id, o)
	})
	if err == nil {
		s.launch(id) // publishes
	}
	return e, err
}

// Cancel asks a running operation to stop: between two steps, or, when forceful,
// at once (clause 5.4.17).
func (s *Service) Cancel(ctx context.Context, id string, mode sol003.CancelModeType) error {
	if mode != sol003.CancelModeGraceful && mode != sol003.CancelModeForceful {
		return invalid("cancelMode is %q; send GRACEFUL or FORCEFUL", clip(string(mode)))
	}
	_, err := s.ops.Update(ctx, id, func(o *Operation) error {
		switch o.State {
		case starting, processing, rollingBack:
			o.CancelPending, o.CancelMode = true, mode
			return nil
		}
		return hub.E(hub.Conflict, "cancel operation", fmt.Sprintf("the operation is in state %s; only one that runs can be cancelled", o.State), nil)
	})
	if err != nil || mode == sol003.CancelModeGraceful {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.active[id]; r != nil {
		r.cancel()
	}
	return nil
}
