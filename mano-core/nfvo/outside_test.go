package nfvo_test

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

const otherNFVO = "spiffe://north/nfvo/tacker"

// made puts a VNF instance at the VNFM that somebody else than the NFVO made.
func (w *world) made(id, by string) {
	w.vnfm.mu.Lock()
	defer w.vnfm.mu.Unlock()
	w.vnfm.instances[id] = &sol003.VnfInstance{
		ID: id, VnfdID: "web", InstantiationState: "NOT_INSTANTIATED",
		Metadata: sol003.KeyValuePairs{nfvo.DomainKey: "north", nfvo.CreatorKey: by},
	}
}

// ended has the VNFM say that an operation ended and what the VNF is then.
func (w *world) ended(vnfID, opID string, op sol003.LcmOperationStateType, vnf string) reply {
	w.t.Helper()
	w.vnfm.mu.Lock()
	w.vnfm.ops[opID] = &sol003.VnfLcmOpOcc{ID: opID, VnfInstanceID: vnfID, OperationState: op}
	if w.vnfm.instances[vnfID].InstantiationState = vnf; vnf == "" {
		delete(w.vnfm.instances, vnfID)
	}
	w.vnfm.mu.Unlock()
	return w.tell(vnfID, opID)
}

// tell notifies the NFVO of an operation.
func (w *world) tell(vnfID, opID string) reply {
	w.t.Helper()
	return w.call(vnfmCaller, "POST", "/manoward/v1/vnfm_notifications", map[string]string{"vnfInstanceId": vnfID, "vnfLcmOpOccId": opID})
}

func (w *world) askFor(vnfID, opID string, op sol003.GrantedLcmOperationType, change func(*sol003.GrantRequest)) reply {
	in := sol003.GrantRequest{VnfInstanceID: vnfID, VnfLcmOpOccID: opID, VnfdID: "web", Operation: op, FlavourID: "simple"}
	if op == "INSTANTIATE" || op == "SCALE" {
		in.AddResources = []sol003.ResourceDefinition{{ID: "r", Type: "COMPUTE", ResourceTemplateID: "vdu"}}
	}
	if change != nil {
		change(&in)
	}
	return w.call(vnfmCaller, "POST", "/grant/v1/grants", in)
}

// A VNF that another NFVO made is granted its operations, and its package is in
// use from its instantiation to its end.
func TestOutsideNFVO(t *testing.T) {
	w := newWorld(t)
	w.made("o1", otherNFVO)
	g := decode[sol003.Grant](t, w.askFor("o1", "op-1", "INSTANTIATE", nil))
	if len(g.AddResources) != 1 || len(g.Zones) != 1 || g.VimAssets == nil || w.used() != "pkg-north-web" {
		t.Fatalf("grant %+v, used are %s", g, w.used())
	}
	if given := w.log.kinds("grant.given"); len(given) != 1 || w.log.by[given[0].ID] != "north" || given[0].Subject != "vnf/o1" {
		t.Errorf("records: %+v", given)
	}
	for _, step := range []struct {
		op     string
		state  sol003.LcmOperationStateType
		vnf    string
		reason string
	}{
		{"op-1", "PROCESSING", "NOT_INSTANTIATED", "it is being instantiated"},
		{"op-1", "FAILED_TEMP", "NOT_INSTANTIATED", "it may be tried again"},
		{"op-1", "COMPLETED", "INSTANTIATED", "it is there"},
	} {
		if r := w.ended("o1", step.op, step.state, step.vnf); r.status != 204 || w.used() != "pkg-north-web" {
			t.Errorf("%s: %d %s, used are %s", step.reason, r.status, r.body, w.used())
		}
	}
	// Another package: both are in use until the change has ended.
	if r := w.askFor("o1", "op-2", "CHANGE_VNFPKG", func(in *sol003.GrantRequest) { in.DstVnfdID = "web-2" }); r.status != 201 {
		t.Fatalf("change of package: %d %s", r.status, r.body)
	}
	if w.used() != "pkg-north-web pkg-north-web-2" {
		t.Errorf("during the change: %s", w.used())
	}
	w.vnfm.instances["o1"].VnfdID = "web-2"
	if w.ended("o1", "op-2", "COMPLETED", "INSTANTIATED"); w.used() != "pkg-north-web-2" {
		t.Errorf("after the change: %s", w.used())
	}
	// The end, over a restart of the NFVO.
	w.crash()
	w.start()
	if r := w.askFor("o1", "op-3", "TERMINATE", func(in *sol003.GrantRequest) { in.VnfdID = "web-2" }); r.status != 201 {
		t.Fatalf("terminate: %d %s", r.status, r.body)
	}
	if w.ended("o1", "op-3", "PROCESSING", "INSTANTIATED"); w.used() != "pkg-north-web-2" {
		t.Errorf("while it is terminated: %s", w.used())
	}
	if w.ended("o1", "op-3", "COMPLETED", ""); w.used() != "" {
		t.Errorf("after its end: %s", w.used())
	}
	if r := w.tell("o1", "op-3"); r.status != 204 {
		t.Errorf("told again: %d %s", r.status, r.body)
	}
}

// What another NFVO may not have: a package that cannot be used, a VNF that is
// barred, one of another domain, one of ours; and what an operator makes at the
// VNFM is nobody's.
func TestOutsideNFVO_Refused(t *testing.T) {
	w := newWorld(t)
	w.made("o1", otherNFVO)
	w.made("o2", operator)
	w.made("o3", "spiffe://hub/nfvo/hub")
	n := w.instantiated(north, "shop")
	web := vnfOf(t, n, "web")
	of := func(in *sol003.GrantRequest) {
		in.AdditionalParams = sol003.KeyValuePairs{"manoward.requestedBy": otherNFVO}
	}
	w.cat.mu.Lock()
	w.cat.disabled["pkg-north-web"] = true
	w.cat.mu.Unlock()
	for what, c := range map[string]struct {
		r      reply
		status int
		text   string
	}{
		"disabled package":   {w.askFor("o1", "a", "INSTANTIATE", nil), 403, "DISABLED"},
		"another VNFD":       {w.askFor("o1", "b", "INSTANTIATE", func(in *sol003.GrantRequest) { in.VnfdID = "db" }), 403, "names"},
		"made by operator":   {w.askFor("o2", "c", "INSTANTIATE", nil), 404, "another NFVO made"},
		"left by our NFVO":   {w.askFor("o3", "d", "INSTANTIATE", nil), 404, "another NFVO made"},
		"a VNF of our NS":    {w.askFor(web.ID, "e", "SCALE", of), 403, "did not make this VNF"},
		"a south VNFM's ask": {w.call("spiffe://south/vnfm/theirs", "POST", "/grant/v1/grants", sol003.GrantRequest{VnfInstanceID: "o1", VnfLcmOpOccID: "f", VnfdID: "web", Operation: "SCALE"}), 404, "no VNF instance"},
	} {
		if c.r.status != c.status || !strings.Contains(string(c.r.body), c.text) {
			t.Errorf("%s: %d %s, want %d with %q", what, c.r.status, c.r.body, c.status, c.text)
		}
	}
	w.cat.mu.Lock()
	w.cat.disabled["pkg-north-web"] = false
	w.cat.mu.Unlock()
	w.run(north, n.ID, "update", removal(web.ID, sol005.KeyValuePairs{"manoward.replace": false}))
	if r := w.askFor("o1", "g", "INSTANTIATE", nil); r.status != 403 || !strings.Contains(string(r.body), "barred new instances") {
		t.Errorf("a barred VNFD: %d %s", r.status, r.body)
	}
	if r := w.call(operator, "DELETE", "/manoward/v1/ns_instances/"+n.ID+"/replacement_bars/web", nil); r.status != 204 {
		t.Fatalf("lift the bar: %d %s", r.status, r.body)
	}
	if r := w.askFor("o1", "h", "INSTANTIATE", nil); r.status != 201 {
		t.Errorf("after the bar was lifted: %d %s", r.status, r.body)
	}
	w.vnfm.server.Close()
	w.made("o4", otherNFVO)
	if r := w.askFor("o4", "i", "INSTANTIATE", nil); r.status != 503 {
		t.Errorf("the VNFM does not answer: %d %s", r.status, r.body)
	}
}
