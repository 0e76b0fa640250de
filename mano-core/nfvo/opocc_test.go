package nfvo_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

const opOccs = "/nslcm/v2/ns_lcm_op_occs/"

// stuck is an instantiation that failed half-way, with one VNF made.
func stuck(t *testing.T, w *world) (nsID, op string) {
	t.Helper()
	w.vnfm.setFail("instantiate", "no host has the capacity")
	id := w.create(north, "shop")
	op = w.do(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	o := w.await(op, "FAILED_TEMP")
	if o.Error == nil || !strings.Contains(o.Error.Detail, "capacity") {
		t.Fatalf("error: %+v", o.Error)
	}
	return id, op
}

func TestRetry(t *testing.T) {
	w := newWorld(t)
	id, op := stuck(t, w)
	for deadline := time.Now().Add(20 * time.Second); len(w.out.of("north", "NsLcmCapacityShortageNotification")) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
	}
	if got := w.out.of("north", "NsLcmCapacityShortageNotification"); len(got) != 1 || got[0]["status"] != "LCM_RESOURCES_NOT_AVAILABLE" || len(got[0]["affectedOpOccs"].([]any)) != 1 {
		t.Errorf("shortage: %v", got)
	}
	if r := w.call(north, "POST", nsInstances+"/"+id+"/instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"}); r.status != 409 || !strings.Contains(string(r.body), op) {
		t.Errorf("a second operation: %d %s", r.status, r.body)
	}
	o := decode[sol005.NsLcmOpOcc](t, w.call(north, "GET", opOccs+op, nil))
	if o.Links.Retry == nil || o.Links.Rollback == nil || o.Links.Fail == nil || o.Links.Continue == nil || o.Links.Cancel != nil {
		t.Errorf("links: %+v", o.Links)
	}
	w.vnfm.setFail("instantiate", "")
	if r := w.call(north, "POST", opOccs+op+"/retry", nil); r.status != 202 || r.id() != op {
		t.Fatalf("retry: %d %s", r.status, r.body)
	}
	done := w.await(op, "COMPLETED")
	consistent(2)(t, w, id)
	for _, a := range done.ResourceChanges.AffectedVnfs {
		if a.ChangeResult != "COMPLETED" {
			t.Errorf("affected after a retry: %+v", a)
		}
	}
	for _, what := range []string{"retry", "rollback", "continue", "fail"} {
		if r := w.call(north, "POST", opOccs+op+"/"+what, nil); r.status != 409 {
			t.Errorf("%s of an operation that has ended: %d", what, r.status)
		}
		if r := w.call(south, "POST", opOccs+op+"/"+what, nil); r.status != 404 {
			t.Errorf("%s by another domain: %d", what, r.status)
		}
	}
}

func TestRollback(t *testing.T) {
	w := newWorld(t)
	id, op := stuck(t, w)
	if r := w.call(north, "POST", opOccs+op+"/rollback", nil); r.status != 202 {
		t.Fatalf("rollback: %d %s", r.status, r.body)
	}
	w.await(op, "ROLLED_BACK")
	consistent(0)(t, w, id)
	if n := w.show(id); n.NsState != "NOT_INSTANTIATED" {
		t.Errorf("state: %s", n.NsState)
	}
	var states []string
	for _, m := range w.out.of("north", "NsLcmOperationOccurrenceNotification") {
		states = append(states, m["notificationStatus"].(string)+" "+m["operationState"].(string))
	}
	if got := strings.Join(states, ", "); got != "START PROCESSING, RESULT FAILED_TEMP, START ROLLING_BACK, RESULT ROLLED_BACK" {
		t.Errorf("told: %s", got)
	}
	w.vnfm.setFail("instantiate", "")
	w.run(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
}

func TestContinueLeavesTheFailedOut(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	w.vnfm.setFail("operate", "broken")
	in := updateOf("OPERATE_VNF")
	in.OperateVnfData = []sol005.OperateVnfData{{VnfInstanceID: vnfOf(t, n, "web").ID, ChangeStateTo: "STOPPED"}}
	op := w.do(north, n.ID, "update", in)
	w.await(op, "FAILED_TEMP")
	if r := w.call(north, "POST", opOccs+op+"/continue", nil); r.status != 202 {
		t.Fatalf("continue: %d %s", r.status, r.body)
	}
	o := w.await(op, "PARTIALLY_COMPLETED")
	if len(o.Warnings) != 1 || o.ResourceChanges.AffectedVnfs[0].ChangeResult != "FAILED" || o.ResourceChanges.AffectedVnfs[0].VnfdID != "web" {
		t.Errorf("operation: %+v", o)
	}
	if n := w.vnfm.waiting(); n != 0 {
		t.Errorf("%d operations of the VNFM still hold their VNFs", n)
	}
}

func TestFail(t *testing.T) {
	w := newWorld(t)
	id, op := stuck(t, w)
	r := w.call(north, "POST", opOccs+op+"/fail", nil)
	if o := decode[sol005.NsLcmOpOcc](t, r); r.status != 200 || o.OperationState != "FAILED" || o.Error == nil {
		t.Fatalf("fail: %d %s", r.status, r.body)
	}
	w.await(op, "FAILED")
	if n := w.show(id); n.Running != "" || w.vnfm.waiting() != 0 {
		t.Error("the NS or its VNF is still held")
	}
}

func TestRollbackOfWhatCannotBeTakenBack(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	w.vnfm.setFail("operate", "broken")
	in := updateOf("OPERATE_VNF")
	in.OperateVnfData = []sol005.OperateVnfData{{VnfInstanceID: vnfOf(t, n, "web").ID, ChangeStateTo: "STOPPED"}}
	op := w.do(north, n.ID, "update", in)
	w.await(op, "FAILED_TEMP")
	w.call(north, "POST", opOccs+op+"/rollback", nil)
	w.await(op, "ROLLED_BACK") // nothing was done yet: the VNFM rolled its operation back

	w.vnfm.setFail("operate", "")
	w.vnfm.setFail("terminate", "will not")
	gone := w.do(north, n.ID, "terminate", sol005.TerminateNsRequest{})
	w.await(gone, "FAILED_TEMP")
	if r := w.call(north, "POST", opOccs+gone+"/rollback", nil); r.status != 409 || !strings.Contains(string(r.body), "cannot be taken back") {
		t.Errorf("rollback of a termination: %d %s", r.status, r.body)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	w.vnfm.mu.Lock()
	w.vnfm.hold = hold
	w.vnfm.mu.Unlock()
	id := w.create(north, "shop")
	op := w.do(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	held := func() bool {
		w.vnfm.mu.Lock()
		defer w.vnfm.mu.Unlock()
		return len(w.vnfm.calls) > 0
	}
	for deadline := time.Now().Add(20 * time.Second); !held() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
	}
	if r := w.call(north, "POST", opOccs+op+"/cancel", `{"cancelMode":"NOW"}`); r.status != 400 {
		t.Errorf("unknown mode: %d", r.status)
	}
	if r := w.call(north, "POST", opOccs+op+"/cancel", `{"cancelMode":"FORCEFUL"}`); r.status != 202 {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	if o := decode[sol005.NsLcmOpOcc](t, w.call(north, "GET", opOccs+op, nil)); !o.IsCancelPending || o.CancelMode != "FORCEFUL" {
		t.Errorf("operation: %+v", o)
	}
	close(hold)
	o := w.await(op, "FAILED_TEMP")
	if o.IsCancelPending || !strings.Contains(o.Error.Detail, "cancelled") {
		t.Errorf("cancelled operation: %+v", o)
	}
	if r := w.call(north, "POST", opOccs+op+"/cancel", `{"cancelMode":"GRACEFUL"}`); r.status != 409 {
		t.Errorf("cancel of an operation that rests: %d", r.status)
	}
	w.vnfm.mu.Lock()
	w.vnfm.hold = nil
	w.vnfm.mu.Unlock()
	w.call(north, "POST", opOccs+op+"/rollback", nil)
	w.await(op, "ROLLED_BACK")
	consistent(0)(t, w, id)
}

// TestAnOperationSurvivesAVnfmThatDoesNotAnswer: the VNFM's notifications are
// lost and its answers are polled.
func TestWithoutNotifications(t *testing.T) {
	w := newWorld(t)
	w.vnfm.mu.Lock()
	w.vnfm.silent = true
	w.vnfm.mu.Unlock()
	n := w.instantiated(north, "shop")
	consistent(2)(t, w, n.ID)
	if got := len(w.out.of("north", "NsChangeNotification")); got != 4 {
		t.Errorf("%d changes were told", got)
	}
}

func TestVnfmDown(t *testing.T) {
	w := newWorld(t)
	id := w.create(north, "shop")
	handler := w.vnfm.server.Config.Handler
	w.vnfm.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { problem(rw, 503, "down") })
	op := w.do(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	o := w.await(op, "FAILED_TEMP")
	if o.Error.Status != 503 {
		t.Errorf("error: %+v", o.Error)
	}
	w.vnfm.server.Config.Handler = handler
	w.call(north, "POST", opOccs+op+"/retry", nil)
	w.await(op, "COMPLETED")
	consistent(2)(t, w, id)
}

// An order that the VNFM refuses as not possible fails at once with its reason.
func TestVnfmRefuses(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	in := updateOf("OPERATE_VNF")
	in.OperateVnfData = []sol005.OperateVnfData{{VnfInstanceID: vnfOf(t, n, "web").ID, ChangeStateTo: "STOPPED"}}
	w.vnfm.mu.Lock()
	w.vnfm.refuse["operate"] = "its software has no way to stop"
	w.vnfm.mu.Unlock()
	op := w.do(north, n.ID, "update", in)
	o := w.await(op, "FAILED_TEMP")
	if o.Error.Status != 409 || !strings.Contains(o.Error.Detail, "no way to stop") || w.vnfm.refusals() > 2 {
		t.Errorf("refused %d times: %+v", w.vnfm.refusals(), o.Error)
	}
	w.vnfm.mu.Lock()
	w.vnfm.refuse["operate"] = ""
	w.vnfm.mu.Unlock()
	w.call(north, "POST", opOccs+op+"/retry", nil)
	w.await(op, "COMPLETED")
}

// An order that the VNFM refuses because another operation runs waits for its end;
// so does one of which the VNFM does not say why.
func TestVnfmIsBusy(t *testing.T) {
	for _, listed := range []bool{true, false} {
		w := newWorld(t)
		n := w.instantiated(north, "shop")
		web := vnfOf(t, n, "web").ID
		w.crash()
		w.tries = 1 << 20
		w.start()
		if handler := w.vnfm.server.Config.Handler; !listed {
			w.vnfm.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/vnf_lcm_op_occs" {
					problem(rw, 405, "no list")
					return
				}
				handler.ServeHTTP(rw, r)
			})
		}
		hold := make(chan struct{})
		w.vnfm.setHold(hold)
		w.vnfm.begin(web, "scale", false, "spiffe://north/em/cli", map[string]any{"type": "SCALE_IN"})
		in := updateOf("OPERATE_VNF")
		in.OperateVnfData = []sol005.OperateVnfData{{VnfInstanceID: web, ChangeStateTo: "STOPPED"}}
		op := w.do(north, n.ID, "update", in)
		for deadline := time.Now().Add(20 * time.Second); w.vnfm.refusals() < 5; {
			if time.Now().After(deadline) {
				t.Fatal("the VNFM is not asked again")
			}
			time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
		}
		w.vnfm.setHold(nil)
		close(hold)
		w.await(op, "COMPLETED")
	}
}

func TestVimDown(t *testing.T) {
	w := newWorld(t)
	id := w.create(north, "shop")
	handler := w.vim.server.Config.Handler
	w.vim.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { problem(rw, 422, "no more networks") })
	op := w.do(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	if o := w.await(op, "FAILED_TEMP"); o.Error.Status != 422 || !strings.Contains(o.Error.Detail, "no more networks") {
		t.Errorf("error: %+v", o.Error)
	}
	w.vim.server.Config.Handler = handler
	w.call(north, "POST", opOccs+op+"/rollback", nil)
	w.await(op, "ROLLED_BACK")
	consistent(0)(t, w, id)
}

// Who asks for the operations since an instant gets those and no others, also when the
// operation entered another state since.
func TestOperationsSince(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	scale := sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "webs", NumberOfSteps: 1}}}
	last := w.run(north, n.ID, "scale", scale)
	since := func(from time.Time, more ...nfvo.Wanted) (ids []string) {
		t.Helper()
		wanted := append([]nfvo.Wanted{{Path: "stateEnteredTime", Since: from}}, more...)
		for o, err := range w.svc.OpOccs(t.Context(), func(string) bool { return true }, "", wanted...) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, o.ID)
		}
		return ids
	}
	if all := since(time.Time{}); len(all) != 2 || !slices.IsSorted(all) {
		t.Errorf("all are %v", all)
	}
	if ids := since(last.StateEnteredTime); !slices.Equal(ids, []string{last.ID}) {
		t.Errorf("since the last: %v, want %s", ids, last.ID)
	}
	if ids := since(last.StateEnteredTime.Add(time.Nanosecond)); len(ids) != 0 {
		t.Errorf("since later: %v", ids)
	}
	if ids := since(last.StateEnteredTime.In(time.FixedZone("", -3600)), nfvo.Wanted{Path: "operationState", Values: []string{"FAILED"}}); len(ids) != 0 {
		t.Errorf("failed: %v", ids)
	}
}
