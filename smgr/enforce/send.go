package enforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// beginStep stores that a further step runs, and sends it. From then on nobody knows
// whether the NFVO has it until its answer is stored.
func (s *Enforcer) beginStep(ctx context.Context, e *state.Entry[order], i int) error {
	if stopped, err := s.gateMode(ctx, e); stopped || err != nil {
		return err
	}
	if err := s.transition(ctx, e, s.identity(), func(o *order) { o.startStep(i, s.now()) }); err != nil {
		return err
	}
	return s.send(ctx, e, i)
}

// startStep makes a step run, at a time.
func (o *order) startStep(i int, now time.Time) {
	o.Steps[i].State, o.Steps[i].Started = smgr.OrderRunning, now
	o.Blocked, o.Alarmed = 0, false
}

// again goes on with a step that may have been sent before.
func (s *Enforcer) again(ctx context.Context, e *state.Entry[order], i int) error {
	mode, err := s.Mode(ctx)
	if err != nil {
		return wrap("read the mode of the Security Manager", err)
	}
	why := forbids(mode, e.Value.Action)
	if e.Value.Foreign || why != "" {
		// It does not know the Idempotency-Key, or would refuse it now: look
		// before it is sent again.
		if found, err := s.look(ctx, e, i); found || err != nil {
			return err
		}
	}
	if why != "" {
		return s.rest(ctx, e, smgr.OrderRecommended, holdMode, why)
	}
	return s.send(ctx, e, i)
}

// verdict is what the NFVO's answer means for a step.
type verdict string

const (
	accepted verdict = "accepted"
	retry    verdict = "retry"   // what became of it is not known, or it may work later
	refused  verdict = "refused" // the mode does not allow it
	gone     verdict = "gone"    // there is nothing to change
	busy     verdict = "busy"    // its state forbids it now
	failed   verdict = "failed"  // it cannot be carried out as it is
)

// judgeAnswer reads an answer to a request that changes something.
func judgeAnswer(a *httpapi.Answer, err error) verdict {
	switch {
	case err == nil:
		return accepted
	case a == nil || a.Status < 400:
		return retry // no answer, or one that broke off
	}
	switch a.Status {
	case http.StatusForbidden:
		return refused
	case http.StatusNotFound, http.StatusGone:
		return gone
	case http.StatusConflict:
		return busy
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusMisdirectedRequest,
		http.StatusTooEarly, http.StatusTooManyRequests:
		return retry
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return failed
	}
	if a.Status >= 500 {
		return retry
	}
	return failed
}

// send sends a step's request and stores what the answer means.
func (s *Enforcer) send(ctx context.Context, e *state.Entry[order], i int) error {
	o := &e.Value
	step := &o.Steps[i]
	if name, id := cutStep(step.Name); name == stepCoHosted {
		return s.planCoHosted(ctx, e, i, id)
	}
	if p, err := s.paused(ctx); err != nil || p.Paused {
		return err // the next look at the order holds it
	}
	if err := ctx.Err(); err != nil { // the work is another process's
		return err
	}
	r := s.request(o, step.Name)
	a, err := r.client.Do(ctx, r.method, r.path, r.body, nil, func(h http.Header) { h.Set("Idempotency-Key", r.key) })
	v := judgeAnswer(a, err)
	if s.Metrics.Request != nil {
		s.Metrics.Request(string(v))
	}
	switch v {
	case accepted:
		return s.accepted(ctx, e, i, r, a)
	case refused:
		return s.refused(ctx, e, i, err)
	case gone:
		return s.gone(ctx, e, i, r, err)
	case busy:
		return s.busy(ctx, e, i, r, err)
	case failed:
		return s.endStep(ctx, e, i, smgr.OrderFailed, said(err))
	}
	return wrap("send "+step.Name, err)
}

// accepted stores where a request is followed, or that it is done.
func (s *Enforcer) accepted(ctx context.Context, e *state.Entry[order], i int, r request, a *httpapi.Answer) error {
	if r.follow == followNothing {
		return s.endStep(ctx, e, i, smgr.OrderCompleted, "done")
	}
	if resourceID(a.Location) != "" {
		return s.adopt(ctx, e, i, a.Location)
	}
	if r.follow == followOperation {
		if found, err := s.look(ctx, e, i); found || err != nil {
			return err
		}
	}
	return s.endStep(ctx, e, i, smgr.OrderFailed, "the NFVO took the request without saying where it can be followed (no usable Location); see there what became of it")
}

// adopt stores the resource that stands for a step at the NFVO.
func (s *Enforcer) adopt(ctx context.Context, e *state.Entry[order], i int, resource string) error {
	return s.transition(ctx, e, s.identity(), func(o *order) {
		o.Steps[i].Resource, o.Blocked, o.Reason = resource, 0, ""
	})
}

// gone supersedes a step whose target does not exist any more, and fails one
// whose target Query NS still shows: then something else was not found, and to go
// on without the step, such as a snapshot, is not safe.
func (s *Enforcer) gone(ctx context.Context, e *state.Entry[order], i int, r request, cause error) error {
	if r.follow == followOperation {
		there, err := s.there(ctx, &e.Value, r)
		if err != nil {
			return err
		}
		if there {
			return s.endStep(ctx, e, i, smgr.OrderFailed, said(cause))
		}
	}
	return s.endStep(ctx, e, i, smgr.OrderSuperseded, "gone already: "+said(cause))
}

// refused makes an order a recommendation: the NFVO knows a mode that this
// process does not know yet, or refuses for a reason of its own.
func (s *Enforcer) refused(ctx context.Context, e *state.Entry[order], i int, cause error) error {
	mode, err := s.Mode(ctx)
	if err != nil {
		return wrap("read the mode of the Security Manager", err)
	}
	if err := s.release(ctx, &e.Value); err != nil {
		return err
	}
	return s.transition(ctx, e, s.identity(), func(o *order) {
		o.Steps[i].State = smgr.OrderPlanned
		o.State, o.Hold = smgr.OrderRecommended, holdMode
		o.Reason = fmt.Sprintf("the NFVO refused it to this Security Manager (mode %s): %s", mode, said(cause))
	})
}

// planCoHosted plans the order for a VNF on the same host. It inherits level and
// approval: whoever approved its parent approved all of it.
func (s *Enforcer) planCoHosted(ctx context.Context, e *state.Entry[order], i int, vnf string) error {
	child := e.Value.Order
	child.ID = hub.DeriveID("co-hosted", e.ID, vnf)
	child.Action.CoHosted, child.Action.DisablePackage = false, false
	child.Target = hub.Target{VnfInstanceID: vnf}
	places, err := s.places(ctx, child.Target)
	if err != nil {
		return err
	}
	if len(places) == 0 {
		return s.endStep(ctx, e, i, smgr.OrderSuperseded, "gone already: no NS has it")
	}
	child.Target.NsInstanceID, child.Key = places[0].NsInstanceID, smgr.KeyNs(places[0].NsInstanceID)
	child.State, child.Steps, child.Reason = smgr.OrderPlanned, nil, ""
	child.Message = "on the same host as " + e.Value.Target.String() + ": " + e.Value.Message
	if err := s.Plan(ctx, child); err != nil {
		return err
	}
	return s.endStep(ctx, e, i, smgr.OrderCompleted, "order "+child.ID)
}

// endStep stores the end of a step. A failed one fails the order: what comes
// behind it was to come only after it.
func (s *Enforcer) endStep(ctx context.Context, e *state.Entry[order], i int, to smgr.OrderState, outcome string) error {
	if to == smgr.OrderFailed {
		if err := s.release(ctx, &e.Value); err != nil {
			return err
		}
	}
	now := s.now()
	return s.transition(ctx, e, s.identity(), func(o *order) {
		st := &o.Steps[i]
		st.State, st.Outcome, st.Ended = to, outcome, &now
		o.Reason = ""
		if to == smgr.OrderFailed {
			o.State, o.Hold, o.Reason = smgr.OrderFailed, holdNone, st.Name+": "+outcome
		}
	})
}

// resourceID takes the identifier of a resource from the Location of an answer,
// or "" if there is none. Nothing else of the Location is used: requests go to
// the address that is configured, whatever an answer says.
func resourceID(location string) string {
	u, err := url.Parse(location)
	if err != nil || len(location) > 2048 {
		return ""
	}
	id := path.Base(path.Clean("/" + strings.TrimSuffix(u.Path, "/")))
	if id == "/" || id == "." || id == ".." || strings.ContainsAny(id, "/\\") || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	return id
}

// said is what a failure says of itself, one of the NFVO's too.
func said(err error) string {
	var e *hub.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return hub.SafeText(err)
}

// errStillRunning gives a worker back while an operation goes on.
var errStillRunning = hub.E(hub.Unavailable, "follow operation", "its operation at the NFVO goes on", nil)
