package vnfmapi_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol003"
)

// asVNF asks as a VNF, whose caller is vnf@domain/vnfInstanceId.
func (r *rig) asVNF(domain, vnf, method, at string, body any) answerOf {
	r.t.Helper()
	return r.do(method, at, body, "X-Caller", "vnf@"+domain+"/"+vnf)
}

// A VNF sees itself, asks for its own scaling and healing, and for nothing else; what is
// another's answers as what does not exist, and what is nobody's to ask is refused.
func TestVNFOfItselfAlone(t *testing.T) {
	r := newRig(t)
	self := r.instantiated()
	other := r.create()
	r.task(other, "instantiate", instantiateBody, completed)
	ended := r.create()
	mine := func(method, at string, body any) answerOf { return r.asVNF("north", self, method, at, body) }

	r.ended(opOf(r.want(r.do("PATCH", "/vnf_instances/"+self, `{"vimConnectionInfo":{"x":{"vimType":"T","accessInfo":{"password":"secret"}}}}`), 202)), completed)
	var v sol003.VnfInstance
	if err := json.Unmarshal(r.want(mine("GET", "/vnf_instances/"+self, nil), 200).body, &v); err != nil || v.ID != self || v.VimConnectionInfo != nil || v.InstantiatedVnfInfo == nil {
		t.Errorf("itself: %+v, %v", v, err)
	}
	for _, at := range []string{"/vnf_instances?all_fields", "/vnf_instances?filter=(eq,id," + other + ")", "/vnf_lcm_op_occs?all_fields", "/vnf_lcm_op_occs?filter=(eq,vnfInstanceId," + other + ")"} {
		a := r.want(mine("GET", at, nil), 200)
		if strings.Contains(string(a.body), other) || strings.Contains(string(a.body), "secret") || strings.Contains(at, other) != (string(a.body) == "[]") {
			t.Errorf("%s: %s", at, a.body)
		}
	}
	for body, task := range map[string]string{`{"type":"SCALE_OUT","aspectId":"webs"}`: "scale", `{"instantiationLevelId":"small"}`: "scale_to_level", `{"cause":"me"}`: "heal"} {
		o := r.ended(opOf(r.want(mine("POST", "/vnf_instances/"+self+"/"+task, body), 202)), completed)
		if o.RequestedBy != "spiffe://north/vnf/"+self || o.IsAutomaticInvocation {
			t.Errorf("%s was asked by %s", task, o.RequestedBy)
		}
	}
	if a := r.want(mine("GET", "/vnf_lcm_op_occs?all_fields", nil), 200); strings.Contains(string(a.body), "secret") || !strings.Contains(string(a.body), "SCALE_TO_LEVEL") {
		t.Errorf("operations: %s", a.body)
	}

	missing := r.want(mine("GET", "/vnf_instances/none", nil), 404)
	same := func(a answerOf, what string) {
		t.Helper()
		if a.status != 404 || detail(t, a) != detail(t, missing) {
			t.Errorf("%s answers %d %s, and what is not there %s", what, a.status, a.body, missing.body)
		}
	}
	same(mine("GET", "/vnf_instances/"+other, nil), "another VNF")
	for task, body := range map[string]string{"scale": `{"type":"SCALE_OUT","aspectId":"webs"}`, "heal": `{}`} {
		same(mine("POST", "/vnf_instances/"+other+"/"+task, body), task+" of another VNF")
	}
	theirs, own := r.opsOf(other)[0], r.opsOf(self)[0]
	gone := r.want(mine("GET", "/vnf_lcm_op_occs/none", nil), 404)
	if a := r.want(mine("GET", "/vnf_lcm_op_occs/"+theirs, nil), 404); detail(t, a) != detail(t, gone) {
		t.Errorf("%s, and not %s", a.body, gone.body)
	}
	r.want(mine("GET", "/vnf_lcm_op_occs/"+own, nil), 200)

	// What it may not ask is refused alike of itself, of another and of none.
	for _, id := range []string{self, other, "none"} {
		for _, task := range []string{"instantiate", "terminate", "operate", "change_flavour", "change_ext_conn", "change_vnfpkg", "create_snapshot", "revert_to_snapshot"} {
			r.want(mine("POST", "/vnf_instances/"+id+"/"+task, `{}`), 403)
		}
		r.want(mine("PATCH", "/vnf_instances/"+id, `{}`), 403)
		r.want(mine("DELETE", "/vnf_instances/"+id, nil), 403)
	}
	for _, op := range []string{own, theirs, "none"} {
		for _, task := range []string{"retry", "rollback", "fail", "cancel"} {
			r.want(mine("POST", "/vnf_lcm_op_occs/"+op+"/"+task, nil), 403)
		}
	}
	r.want(mine("POST", "/vnf_instances", `{"vnfdId":"vnfd-1"}`), 403)
	r.want(mine("GET", "/vnf_snapshots", nil), 403)

	// Who is of another trust domain, or of no VNF that runs, has no right at all.
	for domain, id := range map[string]string{"south": self, "north": ended} {
		for _, at := range []string{"/vnf_instances", "/vnf_instances/" + id, "/vnf_instances/" + other, "/vnf_instances/none", "/subscriptions", "/vnf_lcm_op_occs"} {
			r.want(r.asVNF(domain, id, "GET", at, nil), 403)
		}
	}
	r.task(self, "terminate", `{"terminationType":"FORCEFUL"}`, completed)
	r.want(mine("GET", "/vnf_instances/"+self, nil), 403)
	r.want(r.do("DELETE", "/vnf_instances/"+self, nil), 204)
	r.want(mine("GET", "/vnf_instances/"+self, nil), 403)
	r.want(mine("GET", "/subscriptions", nil), 403)
}

// A subscription of a VNF tells it of itself, whatever its filter says.
func TestVNFSubscribesToItself(t *testing.T) {
	r := newRig(t)
	self, other := r.instantiated(), r.create()
	r.task(other, "instantiate", instantiateBody, completed)
	for _, filter := range []string{`{}`, `{"vnfInstanceSubscriptionFilter":{"vnfInstanceIds":["` + other + `"]}}`} {
		r.want(r.asVNF("north", self, "POST", "/subscriptions", `{"callbackUri":"https://vnf.test/","filter":`+filter+`}`), 201)
	}
	r.want(r.do("POST", "/subscriptions", `{"callbackUri":"https://nfvo.test/"}`), 201)
	if a := r.want(r.asVNF("north", self, "GET", "/subscriptions", nil), 200); strings.Contains(string(a.body), "nfvo.test") {
		t.Errorf("it sees the subscriptions of others: %s", a.body)
	}
	for _, id := range []string{self, other} {
		r.ended(opOf(r.want(r.do("PATCH", "/vnf_instances/"+id, `{"vimConnectionInfo":{"x":{"vimType":"T","accessInfo":{"password":"secret"}}}}`), 202)), completed)
	}
	r.outbox.mu.Lock()
	defer r.outbox.mu.Unlock()
	var told []string
	for _, raw := range r.outbox.got["s0"] {
		told = append(told, string(raw))
	}
	if len(told) == 0 || slices.ContainsFunc(told, func(n string) bool { return strings.Contains(n, other) || strings.Contains(n, "secret") }) {
		t.Errorf("a VNF is told: %s", told)
	}
	if n := len(r.outbox.got["s1"]); n != 0 {
		t.Errorf("with a filter for another VNF it is told of %d events: %s", n, r.outbox.got["s1"])
	}
	if n := len(r.outbox.got["s2"]); n <= len(told) {
		t.Errorf("the NFVO is told of %d events, the VNF of %d", n, len(told))
	}
}

// opOf is the operation that an answer names.
func opOf(a answerOf) string { return path.Base(a.location) }

// opsOf are the operations of a VNF.
func (r *rig) opsOf(vnf string) (ids []string) {
	r.t.Helper()
	var ops []struct{ ID string }
	r.read("/vnf_lcm_op_occs?filter=(eq,vnfInstanceId,"+vnf+")", &ops)
	for _, o := range ops {
		ids = append(ids, o.ID)
	}
	return ids
}

// A VNF sees its own alarms and those of no other.
func TestVNFSeesItsAlarms(t *testing.T) {
	r := newRig(t)
	self, other := r.instantiated(), r.create()
	r.task(other, "instantiate", instantiateBody, completed)
	r.want(r.asVNF("north", self, "POST", "/vnffm/v1/subscriptions", `{"callbackUri":"https://vnf.test/"}`), 201)
	for i, id := range []string{self, other} {
		compute := r.vnf(id).InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID
		r.fail([]string{"mine", "theirs"}[i], compute, "h1")
		r.want(r.tell([]string{"mine", "theirs"}[i], compute), 204)
	}
	all := r.alarmed()
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	missing := r.want(r.asVNF("north", self, "GET", alarms+"/none", nil), 404)
	for _, a := range all {
		got := r.asVNF("north", self, "GET", alarms+"/"+a.ID, nil)
		if mine := a.ManagedObjectID == self; mine && got.status != 200 || !mine && (got.status != 404 || detail(t, got) != detail(t, missing)) {
			t.Errorf("alarm of %s: %d %s", a.ManagedObjectID, got.status, got.body)
		}
		r.want(r.asVNF("north", self, "PATCH", alarms+"/"+a.ID, `{"ackState":"ACKNOWLEDGED"}`), 403)
		r.want(r.asVNF("north", self, "POST", alarms+"/"+a.ID+"/escalate", `{}`), 403)
	}
	for _, at := range []string{alarms, alarms + "?filter=(eq,managedObjectId," + other + ")"} {
		a := r.want(r.asVNF("north", self, "GET", at, nil), 200)
		if strings.Contains(string(a.body), other) || strings.Contains(string(a.body), self) == strings.Contains(at, other) {
			t.Errorf("%s: %s", at, a.body)
		}
	}
	if kinds := r.kinds("s0"); !slices.Equal(kinds, []string{"AlarmNotification"}) {
		t.Errorf("it is told %v", kinds)
	}
}

// Who may look at a VNF instance sees what it is to be configured with; places where none
// is configured are refused.
func TestShowConfiguration(t *testing.T) {
	r := newRig(t)
	r.vnfds["vnfd-1"].Configurable = map[string]any{"colour": "red", "is_autoheal_enabled": true, "shade": nil}
	id := r.instantiated()
	at := "/manoward/v1/vnf_configurations/"
	for _, by := range []string{"nfvo@hub", "em@north"} {
		a := r.want(r.do("GET", at+id, nil, "X-Caller", by), 200)
		if want := `{"vnfInstanceId":"` + id + `","state":"NONE","wanted":{"colour":"red"}}`; string(a.body) != want {
			t.Errorf("%s, want %s", a.body, want)
		}
	}
	missing := r.want(r.do("GET", at+"none", nil), 404)
	if a := r.want(r.do("GET", at+id, nil, "X-Caller", "em@south"), 404); detail(t, a) != detail(t, missing) {
		t.Errorf("%s, and not %s", a.body, missing.body)
	}
	r.want(r.asVNF("north", id, "GET", at+id, nil), 403)
	for _, wrong := range []string{`"http://vnf.test"`, `"https://u:p@vnf.test"`, `"https://vnf.test/?x=y"`, `7`} {
		if a := r.do("PATCH", "/vnf_instances/"+id, `{"vnfConfigurableProperties":{"manoward.configuration":`+wrong+`}}`); a.status != 422 && a.status != 400 {
			t.Errorf("%s: %d %s", wrong, a.status, a.body)
		}
	}
	r.ended(opOf(r.want(r.do("PATCH", "/vnf_instances/"+id, `{"vnfConfigurableProperties":{"manoward.configuration":"https://vnf.test"}}`), 202)), completed)
	if a := r.want(r.do("GET", at+id, nil), 200); !strings.Contains(string(a.body), `"state":"PENDING"`) || !strings.Contains(string(a.body), "no credentials for VNFs") {
		t.Errorf("%s", a.body)
	}
}
