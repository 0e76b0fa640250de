package nfvo

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// OpOcc is an operation occurrence as it is shown. Its links are for the REST
// binding to set.
type OpOcc struct {
	sol005.NsLcmOpOcc
	Source Source `json:"manoward.sourceOfRequest"`
	Parent string `json:"manoward.partOf,omitempty"` // operation or host order that it is a part of
	Domain string `json:"-"`
	// Closed says that it has ended and its NS is free.
	Closed bool `json:"-"`
	// CanRollBack says that nothing has been done that cannot be taken back.
	CanRollBack bool `json:"-"`
}

func showOp(e *state.Entry[op]) *OpOcc {
	o := &e.Value
	out := &OpOcc{Source: o.Source, Parent: o.Parent, Domain: e.Domain, Closed: o.Closed, CanRollBack: o.finalStep() == ""}
	out.NsLcmOpOcc = sol005.NsLcmOpOcc{
		ID: e.ID, OperationState: o.State, StateEnteredTime: o.Entered, NsInstanceID: o.NsID, LcmOperationType: o.Type, StartTime: o.Started,
		IsAutomaticInvocation: o.Auto, OperationParams: json.RawMessage(o.Params), IsCancelPending: o.Cancel != "", CancelMode: o.Cancel, Error: o.Error, Warnings: o.Warnings,
	}
	if c := o.Changes; len(c.AffectedVnfs)+len(c.AffectedPnfs)+len(c.AffectedVls)+len(c.AffectedVnffgs)+len(c.AffectedSaps) > 0 {
		out.ResourceChanges = &c
	}
	return out
}

// finalStep is the first step that is done and cannot be taken back.
func (o *op) finalStep() string {
	for i := range o.Steps {
		st := &o.Steps[i]
		if st.State == stepDone && (kindOf(st.Kind).final || (st.Kind == stepVnfTask && st.Task != "instantiate")) {
			return st.Kind
		}
	}
	return ""
}

// OpDomain returns the trust domain of an operation.
func (s *Service) OpDomain(id string) (string, bool) { return s.ops.Domain(id) }

// OpOcc returns an operation occurrence: hub.NotFound if there is none.
func (s *Service) OpOcc(ctx context.Context, id string) (*OpOcc, error) {
	e, err := s.ops.Get(ctx, id)
	if err == nil && !e.Value.Claimed {
		err = hub.E(hub.NotFound, "find operation", "", nil)
	}
	if err != nil {
		return nil, noOp(err)
	}
	return showOp(&e), nil
}

func noOp(err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return hub.E(hub.NotFound, "find operation occurrence", "there is no such operation occurrence; list them with GET /ns_lcm_op_occs", nil)
	}
	return err
}

// OpOccs yields the operation occurrences after a given ID that visible allows.
// wanted narrows them down as in [Service.Instances]: id, nsInstanceId,
// operationState, and stateEnteredTime since an instant. That is what Security Managers
// ask for, again and again, of an NFVO that keeps each operation for ever.
func (s *Service) OpOccs(ctx context.Context, visible func(domain string) bool, after string, wanted ...Wanted) iter.Seq2[*OpOcc, error] {
	entries := s.ops.List(ctx, visible, after)
	for _, w := range wanted {
		switch w.Path {
		case "id":
			entries = s.ops.Among(ctx, visible, idsAfter(w.Values, after))
		case "nsInstanceId", "operationState":
			var ids []string
			for _, v := range w.Values {
				ids = append(ids, s.ops.Find(w.Path+"="+v)...)
			}
			entries = s.ops.Among(ctx, visible, idsAfter(ids, after))
		case "stateEnteredTime":
			entries = s.ops.Among(ctx, visible, idsAfter(s.enteredSince(w.Since), after))
		}
	}
	return func(yield func(*OpOcc, error) bool) {
		for e, err := range entries {
			if err != nil {
				yield(nil, err)
				return
			}
			if e.Value.Claimed && !yield(showOp(&e), nil) {
				return
			}
		}
	}
}

// enteredSince returns the IDs of the operations that entered their state at an instant
// or later, sorted.
func (s *Service) enteredSince(from time.Time) []string {
	ids := []string{}
	for _, id := range s.ops.InOrder(enteredTerm, entered(from), "") {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// steer changes an operation by fn and lets it run on. The order is recorded
// before it takes effect. What fn allows and the new state are one write, so that
// of two orders at once, such as a retry and a fail, one is refused.
func (s *Service) steer(ctx context.Context, caller hub.Identity, id, what string, to sol005.NsLcmOperationStateType, fn func(*op) error) error {
	e, err := s.ops.Get(ctx, id)
	if err != nil || !e.Value.Claimed {
		return noOp(or2(err, hub.E(hub.NotFound, "find operation", "", nil)))
	}
	check := e.Value
	if err := fn(&check); err != nil {
		return err
	}
	data := params(map[string]string{"nsLcmOpOccId": id, "nsInstanceId": e.Value.NsID, "task": what})
	if err := s.record(ctx, e.Domain, hub.Record{ID: hub.DeriveID(id, what, e.Value.Entered.String()), Kind: "ns.operation." + what, Actor: caller.String(), Subject: "ns/" + e.Value.NsID, Data: data}); err != nil {
		return err
	}
	n, err := s.nss.Get(ctx, e.Value.NsID)
	if err != nil {
		return noNs(err)
	}
	_, err = s.ops.Update(ctx, id, func(o *op) error {
		if err := fn(o); err != nil || to == "" {
			return err
		}
		s.turn(id, o, &n.Value, to, keptError(to, o.Error))
		return nil
	})
	if err != nil {
		return err
	}
	s.wake("op/" + id)
	s.goRun(id)
	return nil
}

func or2(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// keptError keeps the cause of a failure with an operation that does not go on.
func keptError(to sol005.NsLcmOperationStateType, was *sol005.ProblemDetails) *sol005.ProblemDetails {
	if to == sol005.NsLcmOperationStateProcessing {
		return nil
	}
	return was
}

func wantFailedTemp(o *op, what string) error {
	if o.State != sol005.NsLcmOperationStateFailedTemp {
		return hub.E(hub.Conflict, what+" operation", "the operation is "+string(o.State)+"; only one that is FAILED_TEMP can be "+what, nil)
	}
	return nil
}

// Retry goes on with an operation that is FAILED_TEMP, from the step that failed.
func (s *Service) Retry(ctx context.Context, caller hub.Identity, id string) error {
	return s.steer(ctx, caller, id, "retried", sol005.NsLcmOperationStateProcessing, func(o *op) error { return wantFailedTemp(o, "retried") })
}

// Rollback takes back what an operation that is FAILED_TEMP did. hub.Conflict if
// something that was done cannot be taken back.
func (s *Service) Rollback(ctx context.Context, caller hub.Identity, id string) error {
	return s.steer(ctx, caller, id, "rolled back", sol005.NsLcmOperationStateRollingBack, func(o *op) error {
		if kind := o.finalStep(); kind != "" {
			return hub.E(hub.Conflict, "roll back operation", "a step of the operation ("+kind+") is done and cannot be taken back; retry, continue or fail it", nil)
		}
		return wantFailedTemp(o, "rolled back")
	})
}

// Continue goes on with an operation that is FAILED_TEMP without the step that
// failed and those that are about the same VNF; it ends PARTIALLY_COMPLETED.
func (s *Service) Continue(ctx context.Context, caller hub.Identity, id string) error {
	return s.steer(ctx, caller, id, "continued", sol005.NsLcmOperationStateProcessing, func(o *op) error {
		if err := wantFailedTemp(o, "continued"); err != nil {
			return err
		}
		o.skipFailed()
		return nil
	})
}

// skipFailed leaves out the first step that is not done, with what builds on it.
func (o *op) skipFailed() {
	for i := range o.Steps {
		st := &o.Steps[i]
		if st.State != "" || st.Kind == stepNsSet {
			continue
		}
		for j := i; j < len(o.Steps); j++ {
			other := &o.Steps[j]
			same := j == i || (st.VnfID != "" && other.VnfID == st.VnfID) || (st.Slot != "" && other.Slot == st.Slot)
			if other.State == "" && same {
				other.State = stepSkipped
			}
		}
		detail := st.Kind
		if o.Error != nil {
			detail += ": " + o.Error.Detail
		}
		o.Warnings = append(o.Warnings, "left out: "+detail)
		return
	}
}

// Fail ends an operation that is FAILED_TEMP as it stands.
func (s *Service) Fail(ctx context.Context, caller hub.Identity, id string) (*OpOcc, error) {
	err := s.steer(ctx, caller, id, "failed", sol005.NsLcmOperationStateFailed, func(o *op) error { return wantFailedTemp(o, "failed") })
	if err != nil {
		return nil, err
	}
	return s.OpOcc(ctx, id)
}

// Cancel stops an operation that runs: GRACEFUL after the step that is being
// done, FORCEFUL by cancelling that too if the VNFM can. It is then FAILED_TEMP.
func (s *Service) Cancel(ctx context.Context, caller hub.Identity, id string, mode sol005.CancelModeType) error {
	if mode != sol005.CancelModeGraceful && mode != sol005.CancelModeForceful {
		return hub.E(hub.Invalid, "cancel operation", "the attribute cancelMode must be GRACEFUL or FORCEFUL", nil)
	}
	return s.steer(ctx, caller, id, "cancelled", "", func(o *op) error {
		if o.State != sol005.NsLcmOperationStateProcessing && o.State != sol005.NsLcmOperationStateRollingBack {
			return hub.E(hub.Conflict, "cancel operation", "the operation is "+string(o.State)+"; only one that is PROCESSING or ROLLING_BACK can be cancelled", nil)
		}
		o.Cancel = mode
		return nil
	})
}
