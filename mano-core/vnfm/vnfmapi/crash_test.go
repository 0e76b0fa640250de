package vnfmapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// crasher lets a number of writes through and then none, as a process that dies.
type crasher struct{ left, hit atomic.Int64 }

func (c *crasher) fail(_, _, _ string) error {
	if c.left.Add(-1) < 0 {
		c.hit.Add(1)
		return errors.New("the process is dead")
	}
	return nil
}

// TestCrash cuts the VNFM off at every write of every operation and starts it
// again: each operation reaches an end, the VIM has what the instance says, and
// its events are told once each and in order.
func TestCrash(t *testing.T) {
	tasks := []struct{ name, body string }{
		{"instantiate", instantiateBody},
		{"scale", `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":2}`},
		{"heal", `{}`},
		{"operate", `{"changeStateTo":"STOPPED"}`},
		{"change_ext_conn", `{"extVirtualLinks":[{"id":"vl-b","resourceId":"ext-b","extCps":[{"cpdId":"ext_cp"}]}]}`},
		{"change_vnfpkg", `{"vnfdId":"vnfd-2"}`},
		{"terminate", `{"terminationType":"FORCEFUL"}`},
	}
	for _, task := range tasks {
		t.Run(task.name, func(t *testing.T) {
			for _, at := range []string{"write", "call of the VIM"} {
				n := 0
				for crashOnce(t, task.name, task.body, at, n) {
					n++
				}
				if n < 2 {
					t.Fatalf("only %d times a %s", n, at)
				}
			}
		})
	}
}

// newCrashRig is a rig whose writes a crasher decides about, with a subscriber.
func newCrashRig(t *testing.T) (*rig, *crasher) {
	r, c := newRig(t), &crasher{}
	c.left.Store(forever)
	r.stop()
	r.bus.Fail = c.fail
	r.open()
	r.want(r.do("POST", "/subscriptions", `{"callbackUri":"https://nfvo.test/cb"}`), 201)
	return r, c
}

// restart starts the VNFM again after its death.
func (r *rig) restart(c *crasher) {
	r.t.Helper()
	r.stop()
	c.left.Store(forever)
	r.vim.setRefuse(nil)
	r.open()
	if err := r.service.Resume(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// forever is more writes than any test makes.
const forever = 1 << 40

// crashOnce dies at write n of a task, or at its call n that changes something at
// the VIM; it returns false when the task ended first.
func crashOnce(t *testing.T, task, body, at string, n int) bool {
	r, c := newCrashRig(t)
	var id string
	if id = r.create(); task != "instantiate" {
		r.task(id, "instantiate", instantiateBody, completed)
	}

	if at == "write" {
		c.left.Store(int64(n))
	} else {
		calls := n
		r.vim.setRefuse(func(method, _ string) int {
			if method != http.MethodGet {
				calls--
			}
			if calls >= 0 {
				return 0
			}
			c.left.Store(0) // dead before it can record what the VIM says
			return http.StatusServiceUnavailable
		})
	}
	a, err := r.try("POST", "/vnf_instances/"+id+"/"+task, body, "Idempotency-Key", "k")
	accepted := err == nil && a.status == http.StatusAccepted
	r.until("the crash or the end", func() bool { return c.hit.Load() > 0 || accepted && r.quiet(path.Base(a.location)) })
	crashed := c.hit.Load() > 0
	r.restart(c)
	// A request that got no answer is sent again; one that got its answer, too.
	again := r.want(r.do("POST", "/vnf_instances/"+id+"/"+task, body, "Idempotency-Key", "k"), 202)
	if accepted && path.Base(again.location) != path.Base(a.location) {
		t.Fatalf("crash at write %d: a repetition has begun another operation", n)
	}
	o := r.ended(path.Base(again.location), completed)
	r.same(id)
	r.checkStory(n, o)
	r.stop()
	return crashed
}

// quiet says whether an operation has ended and has told so.
func (r *rig) quiet(op string) bool {
	e, err := r.service.Op(r.t.Context(), op)
	return err == nil && e.Value.State == completed && len(e.Value.Pending) == 0
}

// checkStory fails unless the subscriber was told of an operation's states once
// each and in order.
func (r *rig) checkStory(n int, o vnfm.OpOcc) {
	r.t.Helper()
	states := []sol003.LcmOperationStateType{}
	for _, x := range r.told("s0") {
		if x.VnfLcmOpOccID == o.ID {
			states = append(states, x.OperationState)
		}
	}
	if want := []sol003.LcmOperationStateType{"STARTING", "PROCESSING", "COMPLETED"}; !slices.Equal(states, want) {
		r.t.Fatalf("crash at write %d: told %v, want %v", n, states, want)
	}
}

// story is what tests read of a notification.
type story struct {
	sol003.VnfLcmOperationOccurrenceNotification
	RequestedBy string `json:"manoward.requestedBy"`
}

// told returns what a subscription was sent.
func (r *rig) told(sub string) []story {
	r.t.Helper()
	r.outbox.mu.Lock()
	defer r.outbox.mu.Unlock()
	var out []story
	for _, raw := range r.outbox.got[sub] {
		var x story
		if err := json.Unmarshal(raw, &x); err != nil {
			r.t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// TestCrash_CreateAndDelete does the same to the two operations that are done when
// they are answered.
func TestCrash_CreateAndDelete(t *testing.T) {
	for n := range 6 {
		r, c := newCrashRig(t)
		body := `{"vnfdId":"vnfd-1","metadata":{"manoward.trustDomain":"north"}}`
		c.left.Store(int64(n))
		r.do("POST", "/vnf_instances", body, "Idempotency-Key", "k")
		r.restart(c)
		id := path.Base(r.want(r.do("POST", "/vnf_instances", body, "Idempotency-Key", "k"), 201).location)
		c.left.Store(int64(n))
		r.do("DELETE", "/vnf_instances/"+id, nil)
		r.restart(c)
		if a := r.do("DELETE", "/vnf_instances/"+id, nil); a.status != 204 && a.status != 404 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		var types []string
		for _, x := range r.told("s0") {
			types = append(types, x.NotificationType)
		}
		if want := []string{"VnfIdentifierCreationNotification", "VnfIdentifierDeletionNotification"}; !slices.Equal(types, want) {
			t.Fatal(fmt.Sprint("crash at write ", n, ": told ", types))
		}
	}
}

// TestCrash_RollBack cuts a rollback off at each of its writes.
func TestCrash_RollBack(t *testing.T) {
	for n := range 8 {
		r, c := newCrashRig(t)
		id := r.create()
		r.task(id, "instantiate", instantiateBody, completed)
		before := r.same(id)
		made := 0
		r.vim.setRefuse(func(method, path string) int {
			if method == http.MethodPost && path == "/computes" {
				made++
			}
			return map[bool]int{true: http.StatusConflict}[made > 1]
		})
		o := r.task(id, "scale", `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":2}`, failedTemp)
		r.vim.setRefuse(nil)
		c.left.Store(int64(n))
		a, err := r.try("POST", "/vnf_lcm_op_occs/"+o.ID+"/rollback", nil)
		accepted := err == nil && a.status == http.StatusAccepted
		r.until("the crash or the end", func() bool {
			e, err := r.service.Op(t.Context(), o.ID)
			return c.hit.Load() > 0 || accepted && err == nil && e.Value.State == rolledBack && len(e.Value.Pending) == 0
		})
		r.restart(c)
		if !accepted {
			r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/rollback", nil), 202)
		}
		if o = r.ended(o.ID, rolledBack); o.Error == nil || o.ResourceChanges != nil {
			t.Fatalf("%+v", o)
		}
		if after := r.same(id); len(after.VnfcResourceInfo) != len(before.VnfcResourceInfo) || after.ScaleStatus[0].ScaleToLevel != "0" {
			t.Fatalf("%+v", after)
		}
	}
}
