package nfvo

import (
	"context"
	"fmt"
	"net/url"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// settle ends what the steps that an operation went without have left at the
// VNFM: an operation that failed there would hold its VNF for good, and nobody
// else knows of a snapshot that was never taken. What is settled already is found
// so.
func (s *Service) settle(ctx context.Context, e *state.Entry[op]) error {
	for i := range e.Value.Steps {
		st := &e.Value.Steps[i]
		if st.State == stepDone || st.State == stepUndone || (st.VnfOp == "" && st.Attempt == 0) {
			continue
		}
		r := &run{s: s, id: e.ID, domain: e.Domain, op: &e.Value, i: i}
		if err := r.failTask(ctx); err != nil {
			return err
		}
		if st.Kind == stepSnapshot {
			if err := r.forgetSnapshot(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// failTask has the VNFM fail an operation that waits there for somebody; the VNF
// then says what it really has.
func (r *run) failTask(ctx context.Context) error {
	vnfOp, id := r.step().VnfOp, r.vnfID()
	if vnfOp == "" {
		return nil
	}
	var occ sol003.VnfLcmOpOcc
	path := "/vnf_lcm_op_occs/" + url.PathEscape(vnfOp)
	if _, err := r.s.c.VNFM.Do(ctx, "GET", path, nil, &occ); err != nil {
		return ignoreGone(fmtRead(vnfOp, err))
	}
	if occ.OperationState == sol003.LcmOperationStateFailedTemp {
		_, err := r.s.c.VNFM.Do(ctx, "POST", path+"/fail", nil, nil)
		if err != nil && hub.CodeOf(err) != hub.Conflict { // Conflict: somebody else was first
			return fmt.Errorf("fail VNF operation %s: %w", vnfOp, err)
		}
	}
	_, _, err := r.follow(ctx, id, vnfOp)
	return ignoreGone(err)
}

// forgetSnapshot removes the resource that was to hold a snapshot.
func (r *run) forgetSnapshot(ctx context.Context) error {
	made, err := r.snapshotInfo(ctx)
	if err != nil {
		return err
	}
	return r.s.dropSnapshot(ctx, made.ID)
}
