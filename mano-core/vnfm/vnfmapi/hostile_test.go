package vnfmapi_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/vnfm/vnfmapi"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// Every bad request is refused with its status and with words, and changes nothing.
func TestHostile(t *testing.T) {
	r := newRig(t)
	r.vnfds["vnfd-3"] = vnfd("vnfd-3", "img")
	r.vnfds["vnfd-3"].AutoHeal = false
	r.vnfds["vnfd-3"].Flavours["simple"].Aspects["bare"] = &sol001.Aspect{MaxLevel: 1}
	for _, f := range r.vnfds["vnfd-1"].Flavours {
		f.Levels["vast"] = &sol001.Level{Instances: map[string]int{"web": math.MaxInt32, "db": math.MaxInt32}}
	}
	in, out := r.instantiated(), r.create()
	snap := strings.TrimPrefix(r.want(r.do("POST", "/vnf_snapshots", `{"manoward.trustDomain":"south"}`), 201).location, r.server.URL+"/vnflcm/v2/vnf_snapshots/")
	empty := strings.TrimPrefix(r.want(r.do("POST", "/vnf_snapshots", `{"manoward.trustDomain":"north"}`), 201).location, r.server.URL+"/vnflcm/v2/vnf_snapshots/")
	before := r.want(r.do("GET", "/vnf_instances?all_fields", nil), 200)
	i, o := "/vnf_instances/"+in, "/vnf_instances/"+out
	tests := []struct {
		method, target, body string
		status               int
	}{
		{"POST", "/vnf_instances", ``, 400},
		{"POST", "/vnf_instances", `[]`, 400},
		{"POST", "/vnf_instances", `{"vnfdId":1}`, 400},
		{"POST", "/vnf_instances", `{}`, 400},
		{"POST", "/vnf_instances", `{"vnfdId":"nobody"}`, 422},
		{"POST", "/vnf_instances", `{"vnfdId":"vnfd-1","metadata":{"manoward.trustDomain":7}}`, 400},
		{"POST", "/vnf_instances", `{"vnfdId":"vnfd-1","metadata":{"manoward.trustDomain":"empty"}}`, 422},
		{"POST", o + "/instantiate", `{}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"giant"}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"simple","instantiationLevelId":"x"}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"simple","instantiationLevelId":"vast"}`, 422},
		{"POST", i + "/scale_to_level", `{"instantiationLevelId":"vast"}`, 422},
		{"POST", i + "/change_flavour", `{"newFlavourId":"large","instantiationLevelId":"vast"}`, 422},
		{"POST", o + "/instantiate", `{"flavourId":"simple","extVirtualLinks":[{}]}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"simple","extVirtualLinks":[{"id":"a","resourceId":"b","extCps":[{}]}]}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"simple","extVirtualLinks":[{"id":"a","resourceId":"b","extCps":[{"cpdId":"c"}],"extLinkPorts":[{"id":"p","resourceHandle":{"resourceId":"r"}}]}]}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"simple","extManagedVirtualLinks":[{"id":"a"}]}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"simple","additionalParams":{"manoward.excludeHosts":"h"}}`, 400},
		{"POST", o + "/instantiate", `{"flavourId":"simple","additionalParams":{"manoward.excludeHosts":[1]}}`, 400},
		{"POST", i + "/instantiate", instantiateBody, 409},
		{"POST", o + "/scale", `{"type":"SCALE_OUT","aspectId":"webs"}`, 409},
		{"POST", i + "/scale", `{"type":"UP","aspectId":"webs"}`, 400},
		{"POST", i + "/scale", `{"type":"SCALE_OUT"}`, 400},
		{"POST", i + "/scale", `{"type":"SCALE_OUT","aspectId":"x"}`, 400},
		{"POST", i + "/scale", `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":-1}`, 400},
		{"POST", i + "/scale_to_level", `{}`, 400},
		{"POST", i + "/scale_to_level", `{"instantiationLevelId":"x"}`, 400},
		{"POST", i + "/scale_to_level", `{"instantiationLevelId":"big","scaleInfo":[{"aspectId":"webs","scaleToLevel":"1"}]}`, 400},
		{"POST", i + "/scale_to_level", `{"scaleInfo":[{"aspectId":"webs","scaleToLevel":"-1"}]}`, 400},
		{"POST", i + "/scale_to_level", `{"scaleInfo":[{"aspectId":"webs","scaleToLevel":"99"}]}`, 409},
		{"POST", i + "/change_flavour", `{}`, 400},
		{"POST", i + "/change_flavour", `{"newFlavourId":"x"}`, 400},
		{"POST", i + "/change_flavour", `{"newFlavourId":"large","extVirtualLinks":[{}]}`, 400},
		{"POST", i + "/terminate", `{}`, 400},
		{"POST", i + "/terminate", `{"terminationType":"GRACEFUL","gracefulTerminationTimeout":-1}`, 400},
		{"POST", i + "/terminate", `{"terminationType":"FORCEFUL","additionalParams":{"manoward.erase":"yes"}}`, 400},
		{"POST", o + "/terminate", `{"terminationType":"FORCEFUL"}`, 409},
		{"POST", i + "/operate", `{}`, 400},
		{"POST", i + "/operate", `{"changeStateTo":"STARTED","stopType":"FORCEFUL"}`, 400},
		{"POST", i + "/operate", `{"changeStateTo":"STOPPED","stopType":"SOFT"}`, 400},
		{"POST", i + "/operate", `{"changeStateTo":"STOPPED","gracefulStopTimeout":-1}`, 400},
		{"POST", o + "/operate", `{"changeStateTo":"STOPPED"}`, 409},
		{"POST", i + "/heal", `{"additionalParams":{"manoward.vnfcInstanceIds":["x"]}}`, 400},
		{"POST", i + "/heal", `{"additionalParams":{"manoward.vnfcInstanceIds":5}}`, 400},
		{"POST", o + "/heal", `{}`, 409},
		{"POST", i + "/change_ext_conn", `{}`, 400},
		{"POST", i + "/change_ext_conn", `{"extVirtualLinks":[{"id":"a","resourceId":"b","extCps":[{"cpdId":"none"}]}]}`, 400},
		{"POST", i + "/change_vnfpkg", `{}`, 400},
		{"POST", i + "/change_vnfpkg", `{"vnfdId":"nobody"}`, 409},
		{"POST", i + "/change_vnfpkg", `{"vnfdId":"vnfd-3","vnfConfigurableProperties":{"isAutohealEnabled":true}}`, 400},
		{"POST", i + "/create_snapshot", `{}`, 400},
		{"POST", i + "/create_snapshot", `{"vnfSnapshotInfoId":"x"}`, 422},
		{"POST", i + "/create_snapshot", `{"vnfSnapshotInfoId":"` + snap + `"}`, 422}, // of another trust domain
		{"POST", i + "/revert_to_snapshot", `{}`, 400},
		{"POST", i + "/revert_to_snapshot", `{"vnfSnapshotInfoId":"x"}`, 409},
		{"POST", i + "/revert_to_snapshot", `{"vnfSnapshotInfoId":"` + empty + `"}`, 409},
		{"PATCH", i, `[]`, 400},
		{"PATCH", i, `{"metadata":5}`, 400},
		{"PATCH", "/vnf_snapshots/" + snap, `{"id":"x"}`, 400},
		{"POST", "/vnf_snapshots", `{"vnfSnapshot":{"id":"x","vnfInstanceId":"y","vnfdId":"z","vnfcSnapshots":[]}}`, 400},
		{"POST", "/subscriptions", `{"callbackUri":"gopher://x"}`, 400},
		{"POST", "/subscriptions", `{"callbackUri":"https://x","verbosity":"LOUD"}`, 400},
		{"POST", "/subscriptions", `{"callbackUri":"https://x","filter":{"notificationTypes":["X"]}}`, 400},
		{"POST", "/subscriptions", `{"callbackUri":"https://x","filter":{"operationTypes":["X"]}}`, 400},
		{"POST", "/subscriptions", `{"callbackUri":"https://x","filter":{"operationStates":["X"]}}`, 400},
		{"POST", "/vnf_lcm_op_occs/none/retry", ``, 404},
		{"POST", "/vnf_lcm_op_occs/none/cancel", `{"cancelMode":"GRACEFUL"}`, 404},
		{"GET", "/subscriptions/none", ``, 404},
		{"GET", "/vnf_snapshots/none", ``, 404},
		{"GET", "/vnf_snapshots/none/vnf_state_snapshot", ``, 404},
		{"PUT", i, `{}`, 405},
	}
	for _, test := range tests {
		var body any
		if test.body != "" || test.method == "POST" && test.status == 400 {
			body = test.body
		}
		a := r.do(test.method, test.target, body)
		var p httpapi.ProblemDetails
		if err := json.Unmarshal(a.body, &p); err != nil || a.status != test.status || p.Detail == "" {
			t.Errorf("%s %s %s: %d %s, want %d", test.method, test.target, test.body, a.status, a.body, test.status)
		}
	}
	var op struct{ ID string }
	var ops []struct{ ID string }
	r.read("/vnf_lcm_op_occs", &ops)
	op = ops[0]
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+op.ID+"/cancel", `{"cancelMode":"NOW"}`), 400)
	if len(ops) != 1 {
		t.Fatalf("%d operations were begun", len(ops))
	}
	if after := r.want(r.do("GET", "/vnf_instances?all_fields", nil), 200); string(after.body) != string(before.body) {
		t.Fatalf("something has changed:\n%s\n%s", before.body, after.body)
	}
	r.same(in)
}

// FuzzRequest sends any body to every resource that takes one: the answer is never
// a server error, and what it starts ends.
func FuzzRequest(f *testing.F) {
	names := []string{"instantiate", "scale", "scale_to_level", "change_flavour", "terminate", "heal", "operate", "change_ext_conn", "change_vnfpkg", "create_snapshot", "revert_to_snapshot"}
	for n := range len(names) + 3 {
		f.Add(n, instantiateBody)
		f.Add(n, `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":1,"terminationType":"FORCEFUL","changeStateTo":"STOPPED","vnfdId":"vnfd-2","newFlavourId":"large"}`)
		f.Add(n, `{"scaleInfo":[{"aspectId":"webs","scaleToLevel":"1"}],"callbackUri":"https://x","filter":{}}`)
		f.Add(n, `{"extVirtualLinks":[{"id":"b","resourceId":"ext-b","extCps":[{"cpdId":"ext_cp","cpConfig":{"":{}}}]}],"metadata":{},"additionalParams":{"manoward.excludeHosts":[]}}`)
	}
	f.Fuzz(func(t *testing.T, n int, body string) {
		r := newRig(t)
		id := r.create()
		targets := []string{"/vnf_instances", "/subscriptions", "/vnf_snapshots"}
		for _, name := range names {
			targets = append(targets, "/vnf_instances/"+id+"/"+name)
		}
		if n%2 == 0 {
			r.task(id, "instantiate", instantiateBody, completed)
		}
		a := r.do("POST", targets[uint(n)%uint(len(targets))], body)
		if a.status >= 500 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a.status == http.StatusAccepted {
			r.until("the end", func() bool {
				var ops []struct{ OperationState string }
				r.read("/vnf_lcm_op_occs", &ops)
				last := true
				for _, o := range ops {
					last = last && (o.OperationState == "COMPLETED" || o.OperationState == "ROLLED_BACK" || o.OperationState == "FAILED_TEMP")
				}
				return last
			})
		}
		a = r.do("PATCH", "/vnf_instances/"+id, body)
		if a.status >= 500 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	})
}

// FuzzNotification sends any body to the VIM's callback.
func FuzzNotification(f *testing.F) {
	f.Add(`{"notificationType":"AlarmNotification","alarm":{"managedObjectId":"x"}}`)
	f.Add(`{"virtualisedResourceId":"x","changeType":"FAULT_RAISED"}`)
	f.Add(`{"alarm":null}`)
	mux := httpapi.NewMux(httpapi.Options{})
	(&vnfmapi.API{Service: newRig(f).service, Authorize: authorize}).Routes(mux)
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest("POST", vnfmapi.NotificationPath, strings.NewReader(body))
		req.Header.Set("Content-Type", httpapi.TypeJSON)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
