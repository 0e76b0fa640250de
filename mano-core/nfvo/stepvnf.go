package nfvo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// DomainKey is the metadata attribute by which the NFVO tells a VNFM which trust
// domain a VNF belongs to.
const DomainKey = "manoward.trustDomain"

// createVnf makes a VNF instance at the VNFM for a profile of the NS. The VNFM
// names it; the same key finds it again. A VNFM that ignores idempotency keys may
// be left with a VNF instance that was never instantiated after a crash.
func createVnf(ctx context.Context, r *run) error {
	var in sol003.CreateVnfRequest
	if err := r.params(&in); err != nil {
		return err
	}
	st := r.step()
	pkg, err := r.s.c.Packages.Use(ctx, r.domain, in.VnfdID)
	if err != nil {
		return err
	}
	if in.Metadata == nil {
		in.Metadata = sol003.KeyValuePairs{}
	}
	in.Metadata[DomainKey] = r.domain
	var made sol003.VnfInstance
	if _, err := r.s.onVnfm(ctx, "POST", "/vnf_instances", in, &made, r.key("create")); err != nil {
		return fmt.Errorf("create VNF instance: %w", err)
	}
	if made.ID == "" {
		return hub.E(hub.Unprocessable, "create VNF instance", "the VNFM created a VNF instance without an identifier; look at the VNFM", nil)
	}
	value := vnf{ProfileID: st.Profile, PkgID: pkg.VnfPkgID, Integrity: pkg.Integrity, NSs: []string{r.op.NsID}, Info: made, Security: pkg.VNFD.Security}
	if _, err := r.s.vnfs.Create(ctx, r.domain, made.ID, &value); err != nil && hub.CodeOf(err) != hub.Conflict {
		return err
	}
	if r.op.Slots == nil {
		r.op.Slots = map[string]string{}
	}
	r.op.Slots[st.Slot] = made.ID
	return r.changeNs(ctx, func(n *ns) {
		n.join(member{VnfID: made.ID, ProfileID: st.Profile, VnfdID: in.VnfdID, PkgID: pkg.VnfPkgID})
	})
}

func (n *ns) join(m member) {
	n.leave(m.VnfID)
	n.Members = append(n.Members, m)
}

func (n *ns) leave(vnfID string) {
	n.Members = slices.DeleteFunc(n.Members, func(m member) bool { return m.VnfID == vnfID })
}

// deleteVnf removes a VNF instance that is not instantiated.
func deleteVnf(ctx context.Context, r *run) error {
	id := r.vnfID()
	if id == "" {
		return nil
	}
	if _, err := r.s.onVnfm(ctx, "DELETE", "/vnf_instances/"+url.PathEscape(id), nil, nil, ""); ignoreGone(err) != nil {
		return fmt.Errorf("delete VNF instance %s: %w", id, err)
	}
	return forgetVnf(ctx, r)
}

// forgetVnf drops a VNF that the VNFM no longer has.
func forgetVnf(ctx context.Context, r *run) error {
	id := r.vnfID()
	if err := r.changeNs(ctx, func(n *ns) { n.leave(id) }); err != nil {
		return err
	}
	if err := r.s.flushVnf(ctx, id); err != nil {
		return ignoreGone(err)
	}
	return ignoreGone(r.s.vnfs.Delete(ctx, id, nil))
}

// addVnf makes an existing VNF a part of this NS too: it is shared.
func addVnf(ctx context.Context, r *run) error {
	e, err := r.s.vnfs.Update(ctx, r.step().VnfID, func(v *vnf) error {
		if v.Ending != "" {
			return errEnding(r.step().VnfID, v)
		}
		if !slices.Contains(v.NSs, r.op.NsID) {
			v.NSs = append(v.NSs, r.op.NsID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	v := &e.Value
	if r.step().Profile == "" {
		r.step().Profile = v.ProfileID
	}
	r.op.affectVnf(e.ID, r.step().Profile, &v.Info, "ADD", nil)
	return r.changeNs(ctx, func(n *ns) {
		n.join(member{VnfID: e.ID, ProfileID: r.step().Profile, VnfdID: v.Info.VnfdID, PkgID: v.PkgID})
	})
}

// errEnding refuses a VNF that another operation is about to end: its last NS has
// dropped it, so nobody would see to it that it lives on.
func errEnding(id string, v *vnf) error {
	return hub.E(hub.Conflict, "add VNF", fmt.Sprintf("VNF %s is being ended by operation %s; make another one", id, v.Ending), nil)
}

func unaddVnf(ctx context.Context, r *run) error {
	_, err := r.s.vnfs.Update(ctx, r.step().VnfID, func(v *vnf) error {
		v.NSs = slices.DeleteFunc(v.NSs, func(id string) bool { return id == r.op.NsID })
		return nil
	})
	if err := ignoreGone(err); err != nil {
		return err
	}
	return r.changeNs(ctx, func(n *ns) { n.leave(r.step().VnfID) })
}

// dropVnf takes a VNF out of this NS. If other NSs use it, it goes on living and
// the steps that end it are skipped (SOL 005, UpdateNsRequest NOTE 1). Which of
// two NSs drops it last is decided by the compare-and-set of the VNF.
func dropVnf(ctx context.Context, r *run) error {
	id, shared := r.vnfID(), false
	e, err := r.s.vnfs.Update(ctx, id, func(v *vnf) error {
		others := slices.DeleteFunc(slices.Clone(v.NSs), func(ns string) bool { return ns == r.op.NsID })
		if shared = len(others) > 0; shared {
			v.NSs = others
		} else {
			v.Ending = r.id
		}
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return r.changeNs(ctx, func(n *ns) { n.leave(id) })
	}
	if err != nil || !shared {
		return err
	}
	for i := r.i + 1; i < len(r.op.Steps); i++ {
		if st := &r.op.Steps[i]; st.VnfID == id && (st.Kind == stepVnfTask || st.Kind == stepVnfDelete || st.Kind == stepErase) {
			st.State = stepSkipped
		}
	}
	r.op.affectVnf(id, e.Value.ProfileID, &e.Value.Info, "REMOVE", nil)
	return r.changeNs(ctx, func(n *ns) { n.leave(id) })
}

// moveVnf makes a VNF a part of another NS of the same trust domain. The other NS
// takes it before this one lets it go, and only while no operation holds it: one
// that is being terminated would leave the VNF to nobody.
func moveVnf(ctx context.Context, r *run) error {
	var target string
	if err := r.params(&target); err != nil {
		return err
	}
	id := r.step().VnfID
	e, err := r.s.vnfs.Get(ctx, id)
	if err != nil {
		return err
	}
	m := member{VnfID: id, ProfileID: e.Value.ProfileID, VnfdID: e.Value.Info.VnfdID, PkgID: e.Value.PkgID}
	if _, err := r.s.nss.Update(ctx, target, func(n *ns) error { return n.takeOver(m) }); err != nil {
		return fmt.Errorf("move VNF %s to NS %s: %w", id, target, noNs(err))
	}
	e, err = r.s.vnfs.Update(ctx, id, func(v *vnf) error {
		v.NSs = slices.DeleteFunc(v.NSs, func(ns string) bool { return ns == r.op.NsID || ns == target })
		v.NSs = append(v.NSs, target)
		return nil
	})
	if err != nil {
		return err
	}
	r.op.affectVnf(id, e.Value.ProfileID, &e.Value.Info, "REMOVE", nil)
	return r.changeNs(ctx, func(n *ns) { n.leave(id) })
}

// takeOver lets a VNF join that comes from another NS. A repetition finds it
// there.
func (n *ns) takeOver(m member) error {
	switch {
	case slices.Contains(n.Members, m):
		return nil
	case n.State != instantiated:
		return hub.E(hub.Conflict, "move VNF", "the target NS is not instantiated; instantiate it first", nil)
	case n.Running != "":
		return hub.E(hub.Unavailable, "move VNF", "operation "+n.Running+" holds the target NS; retry when it has ended", nil)
	}
	n.join(m)
	return nil
}

// readVnf reads what the VNFM says of a VNF.
func (s *Service) readVnf(ctx context.Context, id string) (info sol003.VnfInstance, err error) {
	if _, err := s.c.VNFM.Do(ctx, "GET", "/vnf_instances/"+url.PathEscape(id), nil, &info); err != nil {
		return info, fmt.Errorf("read VNF instance %s: %w", id, err)
	}
	return info, nil
}

// look reads what a VNF is now: what the VNFM says, and where the VIM has its
// computes.
func (s *Service) look(ctx context.Context, id string) (sol003.VnfInstance, map[string]place, error) {
	info, err := s.readVnf(ctx, id)
	if err != nil {
		return info, nil, err
	}
	if info.InstantiatedVnfInfo == nil {
		return info, nil, nil
	}
	places := map[string]place{}
	for _, vnfc := range info.InstantiatedVnfInfo.VnfcResourceInfo {
		computeID := vnfc.ComputeResource.ResourceID
		var c ifa006.Compute
		_, err := s.c.VIM.Do(ctx, "GET", "/computes/"+url.PathEscape(computeID), nil, &c)
		if err := ignoreGone(err); err != nil {
			return info, nil, fmt.Errorf("read compute %s: %w", computeID, err)
		}
		places[computeID] = place{Host: c.HostID, Zone: c.ZoneID, Image: c.ImageID}
	}
	return info, places, nil
}

// vnfTask has the VNFM carry out an operation, and waits for its end.
func vnfTask(ctx context.Context, r *run) error {
	st, id := r.step(), r.vnfID()
	if id == "" {
		return hub.E(hub.Conflict, "run VNF operation", "the VNF of this step was never created; roll the operation back or continue without it", nil)
	}
	info, _, err := r.s.look(ctx, id)
	if hub.CodeOf(err) == hub.NotFound && st.Task == "terminate" {
		return nil
	}
	if err != nil {
		return err
	}
	if st.VnfOp == "" && (st.Task == "terminate") == (info.InstantiationState != instantiated) && (st.Task == "terminate" || st.Task == "instantiate") {
		return r.s.tookEffect(ctx, r, id)
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
	e, err := s.vnfs.Update(ctx, id, func(v *vnf) error { v.Info, v.Places = info, places; return nil })
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
		v.Pending = &expectation{OpOccID: r.id, Task: task, VnfOp: vnfOp, Source: r.op.Source}
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

// saveStep stores a step that is not at its end.
func (r *run) saveStep(ctx context.Context) error {
	_, err := r.s.ops.Update(ctx, r.id, func(o *op) error { o.Steps[r.i] = *r.step(); return nil })
	if err != nil {
		return err
	}
	if id := r.vnfID(); id != "" {
		return r.expect(ctx, id, r.step().Task, r.step().VnfOp)
	}
	return nil
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
	defer r.s.forget("vnfop/" + vnfOp)
	for {
		var occ sol003.VnfLcmOpOcc
		if _, err := r.s.c.VNFM.Do(ctx, "GET", "/vnf_lcm_op_occs/"+url.PathEscape(vnfOp), nil, &occ); err != nil {
			return nil, nil, fmt.Errorf("read VNF operation %s: %w", vnfOp, err)
		}
		v, err := r.s.tellVnfOp(ctx, id, &occ, r.op.Source)
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
		if err := r.s.pause(ctx, "vnfop/"+vnfOp, r.s.c.Poll); err != nil {
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
