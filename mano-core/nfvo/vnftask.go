package nfvo

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// vnfTask has the VNFM carry out an operation, and waits for its end.
func vnfTask(ctx context.Context, r *run) error {
	st, id := r.step(), r.vnfID()
	if id == "" {
		return hub.E(hub.Conflict, "run VNF operation", "the VNF of this step was never created; roll the operation back or continue without it", nil)
	}
	if st.Task == "terminate" || st.Task == "instantiate" { // others cannot be seen to have taken effect before
		info, err := r.s.readVnf(ctx, id)
		if hub.CodeOf(err) == hub.NotFound && st.Task == "terminate" {
			return nil
		}
		if err != nil {
			return err
		}
		if st.VnfOp == "" && (st.Task == "terminate") == (info.InstantiationState != instantiated) {
			return r.s.tookEffect(ctx, r, id)
		}
	}
	if err := r.expect(ctx, id, st.Task, st.VnfOp); err != nil {
		return err
	}
	if err := r.startTask(ctx, id); err != nil {
		return err
	}
	occ, v, err := r.complete(ctx, id, st.VnfOp)
	if err != nil {
		return err
	}
	r.op.affectVnf(id, v.ProfileID, &v.Info, st.Change, changedInfo(occ))
	return nil
}

// tookEffect ends a task whose effect is there already.
func (s *Service) tookEffect(ctx context.Context, r *run, id string) error {
	info, places, err := s.look(ctx, id)
	if err != nil {
		return err
	}
	was, err := s.vnfs.Get(ctx, id)
	if err != nil {
		return err
	}
	c, err := s.count(ctx, was.Domain, &info)
	if err != nil {
		return err
	}
	task := r.step().Task
	e, err := s.vnfs.Update(ctx, id, func(v *vnf) error {
		v.Info, v.Places = info, places
		v.Use = c.settled(v.Use, func(o *grantedOp) bool { return o.Task == task })
		return nil
	})
	if err != nil {
		return err
	}
	r.op.affectVnf(id, e.Value.ProfileID, &info, r.step().Change, nil)
	return nil
}

// expect notes what the NFVO is about to order, so that the VNFM's grant request
// can be compared with it.
func (r *run) expect(ctx context.Context, id, task, vnfOp string) error {
	_, err := r.s.vnfs.Update(ctx, id, func(v *vnf) error {
		at := r.s.now()
		if p := v.Pending; p != nil && p.OpOccID == r.id && p.Task == task && (p.VnfOp == "" || p.VnfOp == vnfOp) && !p.At.IsZero() {
			at = p.At // it is resumed
		}
		v.Pending = &expectation{OpOccID: r.id, Task: task, VnfOp: vnfOp, Source: r.op.Source, At: at}
		return nil
	})
	return err
}

// startTask orders the operation of the VNFM, or goes on with the one that was
// ordered before.
func (r *run) startTask(ctx context.Context, id string) error {
	st := r.step()
	if st.VnfOp != "" {
		var occ sol003.VnfLcmOpOcc
		if _, err := r.s.c.VNFM.Do(ctx, "GET", "/vnf_lcm_op_occs/"+url.PathEscape(st.VnfOp), nil, &occ); err != nil {
			return fmt.Errorf("read VNF operation %s: %w", st.VnfOp, err)
		}
		switch occ.OperationState {
		case sol003.LcmOperationStateFailedTemp:
			_, err := r.s.c.VNFM.Do(ctx, "POST", "/vnf_lcm_op_occs/"+url.PathEscape(st.VnfOp)+"/retry", nil, nil)
			if hub.CodeOf(err) != hub.Conflict && err != nil {
				return fmt.Errorf("retry VNF operation %s: %w", st.VnfOp, err)
			}
			return nil
		case sol003.LcmOperationStateFailed, sol003.LcmOperationStateRolledBack:
			st.Last, st.VnfOp = st.VnfOp, "" // order it anew
			// Its grant may be asked for before the order is answered.
			if err := r.expect(ctx, id, st.Task, ""); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	method, path := "POST", "/vnf_instances/"+url.PathEscape(id)
	if st.Task == "modify" {
		method = "PATCH"
	} else {
		path += "/" + st.Task
	}
	answer, err := r.order(ctx, id, method, path)
	if err != nil {
		return fmt.Errorf("order %s of VNF %s: %w", st.Task, id, err)
	}
	if st.VnfOp = lastSegment(answer.Location); st.VnfOp == "" {
		return hub.E(hub.Unprocessable, "order VNF operation", "the VNFM took the order and did not say which operation it is; look at the VNFM", nil)
	}
	return r.saveStep(ctx)
}

// order asks the VNFM for the task of the step. SOL 003 answers 409 when another
// operation holds the VNF, which ends, and also when the state of the VNF does not
// allow the task, which waiting does not mend: the VNFM's list of operations tells
// them apart. The first is hub.Unavailable, the second hub.Conflict with the
// VNFM's reason.
func (r *run) order(ctx context.Context, id, method, path string) (*httpapi.Answer, error) {
	st := r.step()
	for again := false; ; again = true {
		answer, err := r.s.onVnfm(ctx, method, path, st.Body, nil, r.key("task", st.Last))
		if hub.CodeOf(err) != hub.Conflict {
			return answer, err
		}
		held, lookErr := r.s.heldAtVnfm(ctx, id)
		switch {
		case held || lookErr != nil: // or nobody knows
			return nil, hub.E(hub.Unavailable, "order VNF operation", "the VNFM refuses for now: "+hub.SafeText(err), errors.Join(err, lookErr))
		case again: // what held the VNF had not ended just before
			return nil, hub.E(hub.Conflict, "order VNF operation", "the VNFM refuses: "+hub.SafeText(err)+"; mend the cause, then retry, or roll back", err)
		}
	}
}

// heldAtVnfm says whether an operation holds a VNF at its VNFM.
func (s *Service) heldAtVnfm(ctx context.Context, id string) (bool, error) {
	filter := url.Values{"filter": {"(eq,vnfInstanceId," + id + ");(in,operationState,STARTING,PROCESSING,ROLLING_BACK,FAILED_TEMP)"}}
	for _, err := range httpapi.All[sol003.VnfLcmOpOcc](ctx, s.c.VNFM, "/vnf_lcm_op_occs", filter) {
		if err != nil {
			return false, fmt.Errorf("list operations of VNF %s: %w", id, err)
		}
		return true, nil
	}
	return false, nil
}

// saveStep stores a step that is not at its end. The VNF learns with what is told of
// it which operation of the VNFM that is.
func (r *run) saveStep(ctx context.Context) error {
	_, err := r.s.ops.Update(ctx, r.id, func(o *op) error {
		o.Steps[r.i], o.Events = *r.step(), dropTaken(o.Events, r.told)
		return nil
	})
	return err
}

func lastSegment(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	for i := len(u.Path) - 1; i >= 0; i-- {
		if u.Path[i] == '/' {
			return u.Path[i+1:]
		}
	}
	return ""
}

// follow waits for the end of an operation of the VNFM, and tells of it. Its
// notifications wake the wait; what counts is what the VNFM answers.
func (r *run) follow(ctx context.Context, id, vnfOp string) (*sol003.VnfLcmOpOcc, *vnf, error) {
	cancelled := false
	r.s.await(followed(vnfOp))
	defer r.s.forget(followed(vnfOp))
	for {
		var occ sol003.VnfLcmOpOcc
		if _, err := r.s.c.VNFM.Do(ctx, "GET", "/vnf_lcm_op_occs/"+url.PathEscape(vnfOp), nil, &occ); err != nil {
			return nil, nil, fmt.Errorf("read VNF operation %s: %w", vnfOp, err)
		}
		v, err := r.s.tellVnfOp(ctx, id, &occ, r.op.Source, r.id)
		if err != nil {
			return nil, nil, err
		}
		switch occ.OperationState {
		case sol003.LcmOperationStateCompleted, sol003.LcmOperationStateFailedTemp, sol003.LcmOperationStateFailed, sol003.LcmOperationStateRolledBack:
			return &occ, v, nil
		}
		if !cancelled {
			if cancelled, err = r.passCancel(ctx, vnfOp); err != nil {
				return nil, nil, err
			}
		}
		if err := r.s.pause(ctx, followed(vnfOp), r.s.c.Poll); err != nil {
			return nil, nil, err
		}
	}
}

// complete is follow for an operation that has to succeed.
func (r *run) complete(ctx context.Context, id, vnfOp string) (*sol003.VnfLcmOpOcc, *vnf, error) {
	occ, v, err := r.follow(ctx, id, vnfOp)
	if err == nil && occ.OperationState != sol003.LcmOperationStateCompleted {
		err = vnfOpFailed(occ)
	}
	return occ, v, err
}

// passCancel hands a forceful cancel on to the VNFM; a graceful one lets the
// step end.
func (r *run) passCancel(ctx context.Context, vnfOp string) (bool, error) {
	e, err := r.s.ops.Get(ctx, r.id)
	if err != nil || e.Value.Cancel != "FORCEFUL" {
		return false, err
	}
	in := sol003.CancelMode{CancelMode: sol003.CancelModeForceful}
	_, err = r.s.c.VNFM.Do(ctx, "POST", "/vnf_lcm_op_occs/"+url.PathEscape(vnfOp)+"/cancel", in, nil)
	if hub.CodeOf(err) == hub.Conflict {
		err = nil // too late, or it has no way to
	}
	return true, err
}

func vnfOpFailed(occ *sol003.VnfLcmOpOcc) error {
	text := fmt.Sprintf("operation %s of VNF %s at the VNFM is %s", occ.Operation, occ.VnfInstanceID, occ.OperationState)
	if occ.Error != nil {
		text += ": " + occ.Error.Detail
	}
	return hub.E(hub.Conflict, "run VNF operation", text+"; mend the cause, then retry, or roll back", nil)
}

// undoVnfTask takes back an operation of the VNFM: one that failed half-way is
// rolled back there, an instantiation is ended.
func undoVnfTask(ctx context.Context, r *run) error {
	st, id := r.step(), r.vnfID()
	if id == "" {
		return nil
	}
	if st.State == "" && st.VnfOp != "" {
		if err := r.rollBackTask(ctx, id); err != nil {
			return err
		}
	}
	if st.Task != "instantiate" {
		return nil
	}
	info, _, err := r.s.look(ctx, id)
	if err != nil || info.InstantiationState != instantiated {
		return ignoreGone(err)
	}
	if err := r.expect(ctx, id, "terminate", ""); err != nil {
		return err
	}
	answer, err := r.s.onVnfm(ctx, "POST", "/vnf_instances/"+url.PathEscape(id)+"/terminate", sol003.TerminateVnfRequest{TerminationType: "FORCEFUL"}, nil, r.key("undo", fmt.Sprint(st.Attempt)))
	if err != nil {
		return fmt.Errorf("terminate VNF %s: %w", id, err)
	}
	if _, _, err := r.complete(ctx, id, lastSegment(answer.Location)); err != nil {
		return err
	}
	r.op.affectVnf(id, st.Profile, &info, "TERMINATE", nil)
	return nil
}

// rollBackTask has the VNFM roll back an operation that failed there.
func (r *run) rollBackTask(ctx context.Context, id string) error {
	vnfOp := r.step().VnfOp
	var occ sol003.VnfLcmOpOcc
	if _, err := r.s.c.VNFM.Do(ctx, "GET", "/vnf_lcm_op_occs/"+url.PathEscape(vnfOp), nil, &occ); err != nil {
		return ignoreGone(err)
	}
	if occ.OperationState == sol003.LcmOperationStateFailedTemp {
		if _, err := r.s.c.VNFM.Do(ctx, "POST", "/vnf_lcm_op_occs/"+url.PathEscape(vnfOp)+"/rollback", nil, nil); err != nil {
			return fmt.Errorf("roll back VNF operation %s: %w", vnfOp, err)
		}
	}
	ended, _, err := r.follow(ctx, id, vnfOp)
	if err == nil && ended.OperationState == sol003.LcmOperationStateFailedTemp {
		err = vnfOpFailed(ended)
	}
	return err
}
