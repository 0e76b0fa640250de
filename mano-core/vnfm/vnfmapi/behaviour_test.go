package vnfmapi_test

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/mano-core/vnfm"
)

func TestCancel(t *testing.T) {
	for _, mode := range []string{"GRACEFUL", "FORCEFUL"} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t)
			id := r.create()
			reached, free := make(chan struct{}), make(chan struct{})
			once := sync.OnceFunc(func() { close(reached) })
			r.vim.setRefuse(func(method, path string) int {
				if method == http.MethodPost && path == "/storages" {
					once()
					<-free
				}
				return 0
			})
			a := r.want(r.do("POST", "/vnf_instances/"+id+"/instantiate", instantiateBody), 202)
			op := path.Base(a.location)
			select {
			case <-reached:
			case <-time.After(deadline):
				t.Fatal("the VIM is not called")
			}
			r.want(r.do("POST", "/vnf_lcm_op_occs/"+op+"/cancel", `{"cancelMode":"`+mode+`"}`), 202)
			var o sol003.VnfLcmOpOcc
			r.read("/vnf_lcm_op_occs/"+op, &o)
			if mode == "GRACEFUL" && (!o.IsCancelPending || o.CancelMode != sol003.CancelModeGraceful) {
				t.Fatalf("%+v", o)
			}
			close(free)
			end := r.ended(op, failedTemp)
			if end.IsCancelPending || !strings.Contains(end.Error.Detail, "cancelled") {
				t.Fatalf("%+v", end.Error)
			}
			r.want(r.do("POST", "/vnf_lcm_op_occs/"+op+"/rollback", nil), 202)
			r.ended(op, rolledBack)
			r.same(id)
		})
	}
}

func TestIdempotencyKey(t *testing.T) {
	r := newRig(t)
	body := `{"vnfdId":"vnfd-1","metadata":{"manoward.trustDomain":"north"}}`
	one := r.want(r.do("POST", "/vnf_instances", body, "Idempotency-Key", "a"), 201)
	two := r.want(r.do("POST", "/vnf_instances", body, "Idempotency-Key", "a"), 201)
	other := r.want(r.do("POST", "/vnf_instances", body, "Idempotency-Key", "a", "X-Caller", "oss@hub"), 201)
	if one.location != two.location || one.location == other.location {
		t.Fatal(one.location, two.location, other.location)
	}
	r.want(r.do("POST", "/vnf_instances", `{"vnfdId":"vnfd-2"}`, "Idempotency-Key", "a"), 422)
	r.want(r.do("POST", "/vnf_instances", body, "Idempotency-Key", strings.Repeat("k", 256)), 400)

	task := "/vnf_instances/" + path.Base(one.location) + "/instantiate"
	a := r.want(r.do("POST", task, instantiateBody, "Idempotency-Key", "b"), 202)
	b := r.want(r.do("POST", task, instantiateBody, "Idempotency-Key", "b"), 202)
	if a.location != b.location {
		t.Fatal("two operations")
	}
	r.want(r.do("POST", task, `{"flavourId":"large"}`, "Idempotency-Key", "b"), 422)
	r.ended(path.Base(a.location), completed)
	r.want(r.do("POST", task, instantiateBody, "Idempotency-Key", "b"), 202)
	r.want(r.do("POST", task, instantiateBody, "Idempotency-Key", "c"), 409)

	s1 := r.want(r.do("POST", "/vnf_snapshots", `{}`, "Idempotency-Key", "s"), 201)
	s2 := r.want(r.do("POST", "/vnf_snapshots", `{}`, "Idempotency-Key", "s"), 201)
	if s1.location != s2.location {
		t.Fatal("two snapshots")
	}
	r.want(r.do("POST", "/vnf_snapshots", `{"vnfSnapshotPkgId":"p"}`, "Idempotency-Key", "s"), 422)
}

// An NFVO that is not the hub's own changes what it made, and nothing else; who
// made an instance is the VNFM's word.
func TestOtherNFVOs(t *testing.T) {
	r := newRig(t)
	other := []string{"X-Caller", "nfvo@north"}
	do := func(method, path string, body any, status int) answerOf {
		t.Helper()
		return r.want(r.do(method, path, body, other...), status)
	}
	id := r.instantiated()
	op := r.task(id, "scale", `{"type":"SCALE_OUT","aspectId":"webs"}`, "COMPLETED")
	snap := strings.TrimPrefix(r.want(r.do("POST", "/vnf_snapshots", `{"manoward.trustDomain":"north"}`), 201).location, r.server.URL+"/vnflcm/v2")
	do("GET", snap, nil, 200)
	do("GET", "/vnf_instances/"+id, nil, 200)
	do("GET", "/vnf_lcm_op_occs/"+op.ID, nil, 200)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/vnf_instances/" + id + "/terminate", `{"terminationType":"FORCEFUL"}`},
		{"DELETE", "/vnf_instances/" + id, nil},
		{"DELETE", snap, nil},
		{"POST", "/vnf_lcm_op_occs/" + op.ID + "/fail", nil},
		{"POST", "/vnf_lcm_op_occs/" + op.ID + "/cancel", `{"cancelMode":"FORCEFUL"}`},
	} {
		if a := do(c.method, c.path, c.body, 403); !strings.Contains(string(a.body), "another party made") {
			t.Errorf("%s %s: %s", c.method, c.path, a.body)
		}
	}
	do("POST", "/vnf_instances", `{"vnfdId":"vnfd-1","metadata":{"manoward.barred":"true"}}`, 403)
	own := do("POST", "/vnf_instances", `{"vnfdId":"vnfd-1","metadata":{"manoward.createdBy":"spiffe://hub/nfvo/hub"}}`, 201)
	if !strings.Contains(string(own.body), `"manoward.createdBy":"spiffe://north/nfvo/tester"`) {
		t.Errorf("the creator is as the request says: %s", own.body)
	}
	mine := own.location[strings.LastIndex(own.location, "/")+1:]
	r.want(r.do("PATCH", "/vnf_instances/"+mine, `{"metadata":{"manoward.createdBy":"spiffe://hub/nfvo/hub"}}`, append(other, "Content-Type", "application/merge-patch+json")...), 400)
	started := do("POST", "/vnf_instances/"+mine+"/instantiate", instantiateBody, 202)
	r.ended(path.Base(started.location), completed)
	fill := func(info string, status int) string {
		return string(do("POST", "/vnf_instances/"+mine+"/create_snapshot", `{"vnfSnapshotInfoId":"`+path.Base(info)+`"}`, status).body)
	}
	if body := fill(snap, 403); !strings.Contains(body, "another party made this VNF snapshot") {
		t.Errorf("another party's empty snapshot is filled: %s", body)
	}
	hubs := r.want(r.do("POST", "/vnf_snapshots", `{}`), 201).location
	if fill(hubs, 422) == "" || strings.Contains(string(do("GET", snap, nil, 200).body), "vnfInstanceId") {
		t.Error("a snapshot was filled")
	}
	taken := r.want(r.do("POST", "/vnf_instances/"+mine+"/create_snapshot", `{"vnfSnapshotInfoId":"`+path.Base(do("POST", "/vnf_snapshots", `{}`, 201).location)+`"}`, other...), 202)
	r.ended(path.Base(taken.location), completed)
	ended := do("POST", "/vnf_instances/"+mine+"/terminate", `{"terminationType":"FORCEFUL"}`, 202)
	r.ended(path.Base(ended.location), completed)
	do("DELETE", "/vnf_instances/"+mine, nil, 204)
}

func TestTrustDomains(t *testing.T) {
	r := newRig(t)
	id := r.create()
	missing := r.want(r.do("GET", "/vnf_instances/no-such", nil, "X-Caller", "oss@south"), 404)
	foreign := r.want(r.do("GET", "/vnf_instances/"+id, nil, "X-Caller", "oss@south"), 404)
	if detail(t, missing) != detail(t, foreign) {
		t.Fatalf("%s\n%s", missing.body, foreign.body)
	}
	r.want(r.do("POST", "/vnf_instances/"+id+"/instantiate", instantiateBody, "X-Caller", "oss@south"), 404)
	r.want(r.do("DELETE", "/vnf_instances/"+id, nil, "X-Caller", "oss@south"), 404)
	r.want(r.do("POST", "/vnf_instances", `{"vnfdId":"vnfd-1","metadata":{"manoward.trustDomain":"north"}}`, "X-Caller", "oss@south"), 404)
	own := r.want(r.do("POST", "/vnf_instances", `{"vnfdId":"vnfd-1"}`, "X-Caller", "oss@south"), 201)
	if !strings.Contains(string(own.body), `"manoward.trustDomain":"south"`) {
		t.Fatalf("%s", own.body)
	}
	for who, want := range map[string]int{"nfvo@hub": 2, "oss@south": 1, "oss@empty": 0} {
		var list []sol003.VnfInstance
		if err := json.Unmarshal(r.want(r.do("GET", "/vnf_instances", nil, "X-Caller", who), 200).body, &list); err != nil || len(list) != want {
			t.Fatalf("%s: %d instances, want %d (%v)", who, len(list), want, err)
		}
	}
	// Who may not ask at all learns that, whatever is there.
	r.want(r.do("POST", "/vnf_instances/"+id+"/terminate", `{}`, "X-Caller", "em@north"), 403)
	r.want(r.do("POST", "/vnf_instances/no-such/terminate", `{}`, "X-Caller", "em@north"), 403)

	a := r.want(r.do("POST", "/vnf_instances/"+id+"/instantiate", instantiateBody), 202)
	r.ended(path.Base(a.location), completed)
	r.want(r.do("GET", "/vnf_lcm_op_occs/"+path.Base(a.location), nil, "X-Caller", "oss@south"), 404)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+path.Base(a.location)+"/fail", nil, "X-Caller", "oss@south"), 404)
	if got := r.want(r.do("GET", "/vnf_lcm_op_occs", nil, "X-Caller", "oss@south"), 200); string(got.body) != "[]" {
		t.Fatalf("%s", got.body)
	}
	// An EM that acts by itself is told apart from the NFVO.
	b := r.want(r.do("POST", "/vnf_instances/"+id+"/heal", `{}`, "X-Caller", "em@north"), 202)
	if o := r.ended(path.Base(b.location), completed); o.RequestedBy != "spiffe://north/em/tester" || o.IsAutomaticInvocation {
		t.Fatalf("%+v", o)
	}
}

func detail(t *testing.T, a answerOf) string {
	t.Helper()
	var p struct{ Detail string }
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatal(err)
	}
	return p.Detail
}

func TestLists(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	other := r.create()
	compute := r.vnf(id).InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID
	for filter, want := range map[string]int{
		"(eq,id," + id + ")": 1, "(eq,vnfInstanceName,edge)": 2, "(eq,vnfdId,vnfd-1);(eq,instantiationState,INSTANTIATED)": 1, "(eq,vnfdId,none)": 0,
		"(neq,id," + id + ")": 1, "(eq,vnfInstanceName,'edge')": 2, "(eq,id,nobody)": 0,
		"(eq,instantiatedVnfInfo/vnfcResourceInfo/computeResource/resourceId," + compute + ")": 1,
	} {
		var list []map[string]any
		r.read("/vnf_instances?exclude_default&filter="+filter, &list)
		if len(list) != want {
			t.Errorf("%s: %d instances, want %d", filter, len(list), want)
		}
		for _, x := range list {
			if x["instantiatedVnfInfo"] != nil || x["_links"] == nil {
				t.Errorf("%v", x)
			}
		}
	}
	r.want(r.do("GET", "/vnf_instances?filter=nonsense", nil), 400)
	var ops []map[string]any
	r.read("/vnf_lcm_op_occs?all_fields&filter=(eq,vnfInstanceId,"+id+")", &ops)
	if len(ops) != 1 || ops[0]["operationParams"] == nil {
		t.Fatalf("%v", ops)
	}
	r.read("/vnf_lcm_op_occs?filter=(eq,vnfInstanceId,"+other+")", &ops)
	if len(ops) != 0 {
		t.Fatalf("%v", ops)
	}
	a := r.want(r.do("GET", "/vnf_instances/"+id, nil), 200)
	r.want(r.do("GET", "/vnf_instances/"+id, nil, "If-None-Match", a.etag), 304)
	r.want(r.do("GET", "/vnf_instances", nil, "Version", "2.9.0"), 406)
	r.want(r.do("GET", "/vnf_instances", nil, "Version", "2.3.0"), 200)
	r.want(r.do("DELETE", "/vnf_instances/"+other, nil, "If-Match", `"old"`), 412)
}

func TestNotifications(t *testing.T) {
	r := newRig(t)
	for _, sub := range []string{
		`{"callbackUri":"https://a.test"}`,
		`{"callbackUri":"https://b.test","verbosity":"SHORT","filter":{"operationStates":["COMPLETED"],"operationTypes":["INSTANTIATE"],"notificationTypes":["VnfLcmOperationOccurrenceNotification"]}}`,
		`{"callbackUri":"https://c.test","filter":{"vnfInstanceSubscriptionFilter":{"vnfdIds":["other"]}}}`,
		`{"callbackUri":"https://d.test","filter":{"vnfInstanceSubscriptionFilter":{"vnfProductsFromProviders":[{"vnfProvider":"acme","vnfProducts":[{"vnfProductName":"shop","versions":[{"vnfSoftwareVersion":"1.0","vnfdVersions":["1"]}]}]}],"vnfInstanceNames":["edge"]}}}`,
		`{"callbackUri":"https://e.test","filter":{"vnfInstanceSubscriptionFilter":{"vnfProductsFromProviders":[{"vnfProvider":"acme","vnfProducts":[{"vnfProductName":"shop","versions":[{"vnfSoftwareVersion":"2.0"}]}]}]}}}`,
	} {
		r.want(r.do("POST", "/subscriptions", sub), 201)
	}
	r.want(r.do("POST", "/subscriptions", `{"callbackUri":"https://s.test"}`, "X-Caller", "oss@south"), 201)
	r.want(r.do("POST", "/subscriptions", `{"callbackUri":"https://a.test"}`), 303)
	id := r.create()
	o := r.task(id, "instantiate", instantiateBody, completed)

	all := r.told("s0")
	if len(all) != 4 || all[0].NotificationType != "VnfIdentifierCreationNotification" || all[0].VnfInstanceID != id {
		t.Fatalf("%+v", all)
	}
	last := all[3]
	if last.NotificationStatus != "RESULT" || len(last.AffectedVnfcs) != 2 || last.RequestedBy != "spiffe://hub/nfvo/hub" || last.Verbosity != "FULL" || last.ChangedInfo == nil {
		t.Fatalf("%+v", last)
	}
	if all[1].NotificationStatus != "START" || all[2].NotificationStatus != "START" || all[2].AffectedVnfcs != nil {
		t.Fatalf("%+v", all[2])
	}
	if l := last.Links; l.VnfInstance.Href != "https://vnfm.test/vnflcm/v2/vnf_instances/"+id || l.VnfLcmOpOcc.Href != "https://vnfm.test/vnflcm/v2/vnf_lcm_op_occs/"+o.ID || l.Subscription.Href == "" {
		t.Fatalf("%+v", l)
	}
	if short := r.told("s1"); len(short) != 1 || short[0].OperationState != completed || short[0].AffectedVnfcs != nil || short[0].Verbosity != "SHORT" {
		t.Fatalf("%+v", short)
	}
	for sub, want := range map[string]int{"s2": 0, "s3": 4, "s4": 0, "s5": 0} {
		if got := r.told(sub); len(got) != want {
			t.Errorf("%s was told %d times, want %d", sub, len(got), want)
		}
	}
	r.want(r.do("GET", "/subscriptions/s5", nil), 404) // another consumer's
	r.want(r.do("GET", "/subscriptions/s5", nil, "X-Caller", "operator@hub"), 200)
	var subs []sol003.LccnSubscription
	r.read("/subscriptions", &subs)
	if len(subs) != 5 || subs[1].Filter == nil || subs[0].Filter != nil || subs[0].Verbosity != "FULL" {
		t.Fatalf("%+v", subs)
	}
	r.want(r.do("DELETE", "/subscriptions/s0", nil), 204)
	r.want(r.do("GET", "/subscriptions/s0", nil), 404)
}

// Events wait for the outbox, and the next operation for them.
func TestOutboxClosed(t *testing.T) {
	r := newRig(t)
	r.want(r.do("POST", "/subscriptions", `{"callbackUri":"https://a.test"}`), 201)
	r.outbox.mu.Lock()
	r.outbox.fail = true
	r.outbox.mu.Unlock()
	id := r.create()
	r.want(r.do("POST", "/vnf_instances/"+id+"/instantiate", instantiateBody), 503)
	r.outbox.mu.Lock()
	r.outbox.fail = false
	r.outbox.mu.Unlock()
	r.task(id, "instantiate", instantiateBody, completed)
	got := r.told("s0")
	if len(got) != 4 || got[0].NotificationType != "VnfIdentifierCreationNotification" {
		t.Fatalf("%+v", got)
	}
}

func TestAutoHeal(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	web := byVDU(r.same(id), "web")[0].ComputeResource.ResourceID
	alarm := func(compute string) string {
		return `{"id":"n","notificationType":"AlarmNotification","alarm":{"alarmId":"a","managedObjectId":"` + compute + `"}}`
	}
	r.want(r.do("GET", "/manoward/v1/vim_notifications", nil), 204)
	// What is not failed at the VIM is not healed, whatever a notification says.
	r.want(r.do("POST", "/manoward/v1/vim_notifications", alarm(web)), 204)
	r.want(r.do("POST", "/manoward/v1/vim_notifications", alarm("unknown")), 204)
	r.want(r.do("POST", "/manoward/v1/vim_notifications", `{`), 400)
	heals := func() (n int) {
		var ops []struct {
			sol003.VnfLcmOpOcc
			RequestedBy string `json:"manoward.requestedBy"`
		}
		r.read("/vnf_lcm_op_occs", &ops)
		for _, o := range ops {
			if o.Operation == "HEAL" {
				if n++; !o.IsAutomaticInvocation || !strings.HasSuffix(o.RequestedBy, "/auto-heal") {
					t.Fatalf("%+v", o)
				}
				r.ended(o.ID, completed)
			}
		}
		return n
	}
	if heals() != 0 {
		t.Fatal("healed without need")
	}
	r.vim.set("computes", web, "operationalState", ifa006.Failed)
	r.want(r.do("POST", "/manoward/v1/vim_notifications", alarm(web)), 204)
	if heals() != 1 || byVDU(r.same(id), "web")[0].ComputeResource.ResourceID == web {
		t.Fatal("not healed")
	}
	// A notification that was lost: the sweep finds it. A barred VNF is left.
	web = byVDU(r.same(id), "web")[0].ComputeResource.ResourceID
	r.vim.set("computes", web, "operationalState", ifa006.Failed)
	a := r.want(r.do("PATCH", "/vnf_instances/"+id, `{"metadata":{"manoward.barred":"true"}}`), 202)
	r.ended(path.Base(a.location), completed)
	if err := r.service.SweepOnce(t.Context()); err != nil || heals() != 1 {
		t.Fatal("a barred VNF was healed", err)
	}
	a = r.want(r.do("PATCH", "/vnf_instances/"+id, `{"metadata":{"manoward.barred":null}}`), 202)
	r.ended(path.Base(a.location), completed)
	if err := r.service.SweepOnce(t.Context()); err != nil || heals() != 2 {
		t.Fatal("not healed", err)
	}
	r.same(id)
	// Two at a time, as when a host fails: one operation.
	info := r.same(id)
	for _, c := range info.VnfcResourceInfo {
		r.vim.set("computes", c.ComputeResource.ResourceID, "operationalState", ifa006.Failed)
	}
	if err := r.service.SweepOnce(t.Context()); err != nil || heals() != 3 {
		t.Fatal("not one operation", err)
	}
	if r.same(id).VnfcResourceInfo[0].ID == info.VnfcResourceInfo[0].ID || r.same(id).VnfcResourceInfo[1].ID == info.VnfcResourceInfo[1].ID {
		t.Fatal("a VNFC was left")
	}
	// Without the property nothing is healed.
	web = byVDU(r.same(id), "web")[0].ComputeResource.ResourceID
	r.vim.set("computes", web, "operationalState", ifa006.Failed)
	a = r.want(r.do("PATCH", "/vnf_instances/"+id, `{"vnfConfigurableProperties":{"isAutohealEnabled":false}}`), 202)
	r.ended(path.Base(a.location), completed)
	if err := r.service.SweepOnce(t.Context()); err != nil || heals() != 3 {
		t.Fatal("healed against the property", err)
	}
	r.vim.setRefuse(func(string, string) int { return 500 })
	if err := r.service.SweepOnce(t.Context()); err == nil {
		t.Fatal("a sweep that sees nothing is no success")
	}
}

// A healing that the NFVO refuses is not asked for at each sweep; one that it did
// not answer is.
func TestAutoHeal_Refused(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	web := byVDU(r.same(id), "web")[0].ComputeResource.ResourceID
	r.vim.set("computes", web, "operationalState", ifa006.Failed)
	sweep := func(heals int) {
		t.Helper()
		if err := r.service.SweepOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		var ops []sol003.VnfLcmOpOcc
		r.read("/vnf_lcm_op_occs?filter=(eq,operation,HEAL)", &ops)
		if len(ops) != heals {
			t.Fatalf("%d healings, want %d", len(ops), heals)
		}
		for _, o := range ops {
			r.until("the end of a healing", func() bool {
				r.read("/vnf_lcm_op_occs/"+o.ID, &o)
				return o.OperationState == completed || o.OperationState == "ROLLED_BACK"
			})
		}
	}
	r.nfvo.configure(func() { r.nfvo.busy = 1000 })
	sweep(1)
	r.nfvo.configure(func() { r.nfvo.busy, r.nfvo.refusal = 0, "not now" })
	sweep(2)
	sweep(2)
	r.nfvo.configure(func() { r.nfvo.refusal = "" })
	r.ahead.Store(int64(9 * vnfm.DefaultSweep))
	sweep(2)
	r.ahead.Store(int64(11 * vnfm.DefaultSweep))
	sweep(3)
	if byVDU(r.same(id), "web")[0].ComputeResource.ResourceID == web {
		t.Error("not healed when its time had come")
	}
}

func TestWatch(t *testing.T) {
	r := newRig(t)
	ended := make(chan error, 1)
	work, stop := contextOf(t)
	go func() { ended <- r.service.Watch(work) }()
	r.until("the subscription", func() bool { return len(r.vim.ids("subscriptions")) == 1 && r.vim.count("GET /computes") > 0 })
	stop()
	if err := <-ended; err == nil {
		t.Fatal("no error")
	}
	// Another start finds the subscription that there is.
	work, stop = contextOf(t)
	defer stop()
	go func() { ended <- r.service.Watch(work) }()
	r.until("the sweep", func() bool { return r.vim.count("GET /computes") > 1 })
	if n := r.vim.count("POST /subscriptions"); n != 1 {
		t.Fatalf("%d subscriptions asked for", n)
	}
	stop()
	<-ended
}
