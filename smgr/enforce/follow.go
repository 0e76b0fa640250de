package enforce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// How often an operation is asked for whose end nobody tells.
const (
	firstPoll = 500 * time.Millisecond
	mostPoll  = 5 * time.Second
)

// following are the operations whose end this process waits for, each with what ends
// the wait.
type following struct {
	mu   sync.Mutex // covers ends
	ends map[string]context.CancelFunc
}

// Told takes note of an event before it is judged: when it is the result of an
// operation whose end is waited for, that is asked for now. What else it says is not
// believed. Where another process gets the event the next poll finds the end.
func (s *Enforcer) Told(e *smgr.Event) {
	s.following.mu.Lock()
	defer s.following.mu.Unlock()
	if len(s.following.ends) == 0 || e.Kind != hub.EventNsOperation {
		return
	}
	if !bytes.Contains(e.Body, isResult) {
		return
	}
	for rest := []byte(e.Body); len(rest) > 0; { // an event on the way to its decision is not read for this
		_, named, _ := bytes.Cut(rest, ofOperation)
		var id []byte
		id, rest, _ = bytes.Cut(named, quote)
		if end := s.following.ends[string(id)]; end != nil {
			end()
		}
	}
}

// What the result of an operation has in its body, which the queue holds without white
// space. One that spells it in another way is found by the next poll.
var (
	isResult    = []byte(`"notificationStatus":"RESULT"`)
	ofOperation = []byte(`"nsLcmOpOccId":"`)
	quote       = []byte{'"'}
)

// untilTold waits for d, or less when the end of an operation is told.
func (s *Enforcer) untilTold(ctx context.Context, id string, d time.Duration) error {
	told, end := context.WithCancel(ctx)
	defer end()
	s.following.mu.Lock()
	s.following.ends[id] = end
	s.following.mu.Unlock()
	err := s.Wait(told, d)
	s.following.mu.Lock()
	delete(s.following.ends, id)
	s.following.mu.Unlock()
	if ctx.Err() == nil {
		return nil
	}
	return err
}

// opOcc is what is needed of an NsLcmOpOcc. Members of which SOL 005 says more
// than is needed are not read, so that they cannot be wrong.
type opOcc struct {
	ID               string                         `json:"id"`
	NsInstanceID     string                         `json:"nsInstanceId"`
	OperationState   sol005.NsLcmOperationStateType `json:"operationState"`
	LcmOperationType string                         `json:"lcmOperationType"`
	StartTime        time.Time                      `json:"startTime"`
	OperationParams  operationParams                `json:"operationParams"`
	Error            *sol005.ProblemDetails         `json:"error"`
	Warnings         []string                       `json:"warnings"`
}

// hostOrder is a host order (docs/extensions/stop-use.md).
type hostOrder struct {
	State    string   `json:"state"`
	Problems []string `json:"problems"`
}

// progress is how something at the NFVO stands.
type progress struct {
	ended   bool
	to      smgr.OrderState // when it ended
	outcome string
	// stuck says why it goes on only when somebody at the NFVO helps.
	stuck string
}

// follow waits for the end of what a step started, for as long as a worker may
// be held, and stores it.
func (s *Enforcer) follow(ctx context.Context, e *state.Entry[order], i int, until time.Time) error {
	r := s.request(&e.Value, e.Value.Steps[i].Name)
	id := resourceID(e.Value.Steps[i].Resource)
	if s.now().Sub(e.Value.Steps[i].Started) < firstPoll { // it was just sent
		if err := s.untilTold(ctx, id, firstPoll); err != nil {
			return err
		}
	}
	for wait := firstPoll; ; wait = min(2*wait, mostPoll) {
		p, err := s.ask(ctx, r, id)
		switch {
		case hub.CodeOf(err) == hub.NotFound:
			return s.forgotten(ctx, e, i, r)
		case err != nil:
			return wrap("follow "+e.Value.Steps[i].Name, err)
		case p.ended:
			return s.endStep(ctx, e, i, p.to, p.outcome)
		case p.stuck != "":
			return hub.E(hub.Unavailable, "follow "+e.Value.Steps[i].Name, p.stuck, nil)
		case !s.Now().Add(wait).Before(until):
			return errStillRunning
		}
		if err := s.untilTold(ctx, id, wait); err != nil {
			return err
		}
	}
}

// ask reads how a step's operation or host order stands.
func (s *Enforcer) ask(ctx context.Context, r request, id string) (progress, error) {
	if r.follow == followHost {
		var h hostOrder
		if _, err := r.client.Do(ctx, http.MethodGet, "/host_orders/"+url.PathEscape(id), nil, &h); err != nil {
			return progress{}, err
		}
		return h.progress(), nil
	}
	var occ opOcc
	if _, err := r.client.Do(ctx, http.MethodGet, "/ns_lcm_op_occs/"+url.PathEscape(id), nil, &occ); err != nil {
		return progress{}, err
	}
	return occ.progress(), nil
}

func (h *hostOrder) progress() progress {
	switch h.State {
	case "COMPLETED":
		return progress{ended: true, to: smgr.OrderCompleted, outcome: h.State}
	case "PARTIALLY_COMPLETED", "FAILED":
		return progress{ended: true, to: smgr.OrderFailed, outcome: detail(h.State, h.Problems...)}
	}
	return progress{}
}

func (o *opOcc) progress() progress {
	about := o.Warnings
	if o.Error != nil {
		about = append([]string{o.Error.Detail}, about...)
	}
	text := detail(string(o.OperationState), about...)
	switch o.OperationState {
	case sol005.NsLcmOperationStateCompleted:
		return progress{ended: true, to: smgr.OrderCompleted, outcome: text}
	case sol005.NsLcmOperationStatePartiallyCompleted, sol005.NsLcmOperationStateFailed, sol005.NsLcmOperationStateRolledBack:
		return progress{ended: true, to: smgr.OrderFailed, outcome: text}
	case sol005.NsLcmOperationStateFailedTemp:
		return progress{stuck: "operation " + o.ID + " is " + text + "; an operator has to retry it, roll it back, continue or fail it at the NFVO"}
	}
	return progress{}
}

// running reports whether the operation holds its NS.
func (o *opOcc) running() bool {
	switch o.OperationState {
	case sol005.NsLcmOperationStateProcessing, sol005.NsLcmOperationStateRollingBack, sol005.NsLcmOperationStateFailedTemp:
		return true
	}
	return o.OperationState == "STARTING" // SOL 005 has no such state; NFVOs have
}

// detail joins a state with what is said about it, at bounded length.
func detail(state string, about ...string) string {
	const most = 1000
	text := state
	if len(about) > 0 {
		text += ": " + strings.Join(about, "; ")
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// forgotten ends a step whose operation the NFVO does not know any more: what
// counts is whether its effect is there.
func (s *Enforcer) forgotten(ctx context.Context, e *state.Entry[order], i int, r request) error {
	if r.follow == followOperation {
		done, err := s.effect(ctx, &e.Value, e.Value.Steps[i].Name, r)
		if err != nil {
			return err
		}
		if done {
			return s.endStep(ctx, e, i, smgr.OrderCompleted, "the NFVO does not know the operation any more; its effect is there")
		}
	}
	return s.endStep(ctx, e, i, smgr.OrderFailed, "the NFVO does not know the operation any more, and its effect cannot be seen; see there what became of it")
}

// effect asks Query NS whether the effect of a step is there. Of what leaves no
// trace in an NS it is not.
func (s *Enforcer) effect(ctx context.Context, o *order, step string, r request) (bool, error) {
	name, _ := cutStep(step)
	ns, exists, err := s.queryNs(ctx, r)
	if err != nil {
		return false, err
	}
	if !exists {
		return name == stepRemove, nil
	}
	switch name {
	case stepRemove:
		return !ns.has(o.Target.VnfInstanceID), nil
	case stepAdd:
		return ns.has(o.Target.VnfInstanceID), nil
	case stepInsert:
		for _, v := range ns.VnfInstance {
			if v.Name == o.instanceName() {
				return true, nil
			}
		}
	}
	return false, nil
}

// there reports whether what a request is about exists, as Query NS shows it.
func (s *Enforcer) there(ctx context.Context, o *order, r request) (bool, error) {
	ns, exists, err := s.queryNs(ctx, r)
	if err != nil || !exists {
		return false, err
	}
	return o.Action.Type == hub.ActionInsertSecurityVnf || ns.has(o.Target.VnfInstanceID), nil
}

func (s *Enforcer) queryNs(ctx context.Context, r request) (ns nsAnswer, exists bool, err error) {
	_, err = r.client.Do(ctx, http.MethodGet, "/ns_instances/"+url.PathEscape(r.nsID), nil, &ns)
	if hub.CodeOf(err) == hub.NotFound {
		return ns, false, nil
	}
	return ns, err == nil, wrap("query NS "+r.nsID, err)
}

// mostBlocked is how many conflicts in a row, which no operation on the NS
// explains, end a step: nothing that could pass holds the NS.
const mostBlocked = 3

// busy keeps an order for later when another operation holds its NS. Any other
// conflict, such as a replacement bar, does not pass by itself.
func (s *Enforcer) busy(ctx context.Context, e *state.Entry[order], i int, r request, cause error) error {
	if r.follow == followNothing {
		return s.disabled(ctx, e, i, cause)
	}
	holder := ""
	if r.follow == followOperation {
		for occ, err := range s.operations(ctx, r) {
			if err != nil {
				return err
			}
			if occ.running() {
				holder = occ.ID
				break
			}
		}
	}
	if holder != "" {
		return hub.E(hub.Unavailable, "send "+e.Value.Steps[i].Name, "operation "+detail(holder)+" holds the NS", cause)
	}
	if e.Value.Blocked+1 >= mostBlocked {
		return s.endStep(ctx, e, i, smgr.OrderFailed, said(cause))
	}
	err := s.transition(ctx, e, s.identity(), func(o *order) { o.Blocked++ })
	return errors.Join(hub.E(hub.Unavailable, "send "+e.Value.Steps[i].Name, said(cause), cause), err)
}

// disabled reads a conflict on a package: it may be DISABLED already.
func (s *Enforcer) disabled(ctx context.Context, e *state.Entry[order], i int, cause error) error {
	var p struct {
		OperationalState sol005.PackageOperationalStateType `json:"operationalState"`
	}
	if _, err := s.NFVO.SecEnforce.VnfPkgm.Do(ctx, http.MethodGet, "/vnf_packages/"+url.PathEscape(e.Value.Target.VnfPkgID), nil, &p); err != nil {
		return wrap("query the VNF package", err)
	}
	if p.OperationalState == sol005.PackageOperationalStateDisabled {
		return s.endStep(ctx, e, i, smgr.OrderCompleted, "it was DISABLED already")
	}
	return s.endStep(ctx, e, i, smgr.OrderFailed, said(cause))
}

// operations yields the updates of the NS that a request is about, as far as the
// NFVO knows filters, and more if it does not.
func (s *Enforcer) operations(ctx context.Context, r request) func(yield func(opOcc, error) bool) {
	query := url.Values{"filter": {fmt.Sprintf("(eq,nsInstanceId,%s)", filterValue(r.nsID))}, "fields": {"operationParams"}}
	return func(yield func(opOcc, error) bool) {
		for occ, err := range httpapi.All[opOcc](ctx, r.client, "/ns_lcm_op_occs", query) {
			if err == nil && occ.NsInstanceID != r.nsID {
				continue
			}
			if !yield(occ, wrap("query the operations of NS "+r.nsID, err)) || err != nil {
				return
			}
		}
	}
}
