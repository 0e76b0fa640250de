package enforce

import (
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// A VNF that one more NS shares than was known ends in that one too.
func TestSharedMeanwhile(t *testing.T) {
	w := newWorld(t, true)
	w.hidden = "ns-2"
	s := w.process()
	s.Metrics.Request = func(string) { w.hidden = "" }
	w.plan(s, terminate("o", "vnf-s"))
	w.work(s, 5)
	w.want(s, "o", smgr.OrderCompleted)
	if got, want := w.nfvo.happened(), []string{"remove vnf-s from ns-1", "remove vnf-s from ns-2"}; !slices.Equal(got, want) {
		t.Errorf("the effects are %q, want %q", got, want)
	}
	if n := len(s.orders.Find("ns=ns-2")); n != 1 {
		t.Errorf("%d orders are found by the NS that came", n)
	}
}

func no() *bool { b := false; return &b }

// Every action, at an NFVO of ours and at a foreign one: what is sent, in which
// order, and what happened there.
func TestActions(t *testing.T) {
	type wire struct{ line, body string }
	vnf := hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-a", VnfPkgID: "pkg-1"}
	shared := hub.Target{VnfInstanceID: "vnf-s"}
	host := hub.Target{HostID: "host-1"}
	profile := hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard"}
	const remove = `{"updateType":"REMOVE_VNF","removeVnfInstanceId":["vnf-a"],"terminateVnfData":[{"vnfInstanceId":"vnf-a","terminationType":"FORCEFUL"`
	plain := remove + `}]}`
	removeS := strings.ReplaceAll(plain, "vnf-a", "vnf-s")
	const snapshot = `{"updateType":"CREATE_VNF_SNAPSHOT","createSnapshotData":{"vnfInstanceId":"vnf-a"}}`
	for name, tc := range map[string]struct {
		action  hub.Action
		target  hub.Target
		foreign bool
		state   smgr.OrderState
		reason  string
		sent    []wire
		effects []string
	}{
		"terminate": {
			hub.Action{Type: hub.ActionTerminateVnf}, vnf, false, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", plain}}, []string{"remove vnf-a from ns-1"},
		},
		"terminate with everything": {
			hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true, Replace: no(), DisablePackage: true, CoHosted: true, Erase: true}, vnf, false, smgr.OrderCompleted, "",
			[]wire{
				{"PATCH /vnf_packages/pkg-1", `{"operationalState":"DISABLED"}`},
				{"POST /ns_instances/ns-1/update", remove + `,"additionalParams":{"manoward.coHosted":true,"manoward.erase":true,"manoward.replace":false,"manoward.snapshotFirst":true}}]}`},
			}, []string{"disable pkg-1", "remove vnf-a from ns-1"},
		},
		"terminate what two NSs share": {
			hub.Action{Type: hub.ActionTerminateVnf}, shared, false, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", removeS}, {"POST /ns_instances/ns-2/update", removeS}},
			[]string{"remove vnf-s from ns-1", "remove vnf-s from ns-2"},
		},
		"terminate what is gone": {
			hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-z"}, false, smgr.OrderSuperseded, "no NS has the VNF", nil, nil,
		},
		"disable the package of what is gone": {
			hub.Action{Type: hub.ActionTerminateVnf, DisablePackage: true}, hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-z", VnfPkgID: "pkg-1"}, false, smgr.OrderSuperseded, "its package is DISABLED",
			[]wire{{"PATCH /vnf_packages/pkg-1", `{"operationalState":"DISABLED"}`}}, []string{"disable pkg-1"},
		},
		"remove what is gone": {
			hub.Action{Type: hub.ActionRemoveSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-c"}, false, smgr.OrderSuperseded, "does not have the VNF", nil, nil,
		},
		"insert what is in the NS": {
			hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard", VnfInstanceID: "vnf-a"}, false, smgr.OrderSuperseded, "the security VNF is there", nil, nil,
		},
		"insert in the place of what was ended": {
			hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard", VnfInstanceID: "vnf-z"}, false, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", `{"updateType":"INSTANTIATE_VNF","instantiateVnfData":[{"vnfProfileId":"guard","vnfInstanceName":"security-o"}]}`}},
			[]string{"instantiate guard in ns-1"},
		},
		"terminate at a foreign NFVO": {
			hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true, Replace: no(), DisablePackage: true}, vnf, true, smgr.OrderCompleted, "knows no bar",
			[]wire{{"POST /ns_instances/ns-1/update", snapshot}, {"PATCH /vnf_packages/pkg-1", `{"operationalState":"DISABLED"}`}, {"POST /ns_instances/ns-1/update", plain}},
			[]string{"snapshot vnf-a", "disable pkg-1", "remove vnf-a from ns-1"},
		},
		"terminate the co-hosted at a foreign NFVO": {
			hub.Action{Type: hub.ActionTerminateVnf, CoHosted: true}, vnf, true, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", plain}, {"POST /ns_instances/ns-2/update", strings.ReplaceAll(plain, "vnf-a", "vnf-c")}},
			[]string{"remove vnf-a from ns-1", "remove vnf-c from ns-2"},
		},
		"erase at a foreign NFVO": {
			hub.Action{Type: hub.ActionTerminateVnf, Erase: true}, vnf, true, smgr.OrderFailed, "this NFVO cannot", nil, nil,
		},
		"stop host, migrate": {
			hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}, host, false, smgr.OrderCompleted, "",
			[]wire{{"POST /hosts/host-1/stop_use", `{"vnfs":"MIGRATE","reason":"signed by somebody unknown"}`}}, []string{"stop host-1"},
		},
		"stop host, terminate": {
			hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate", Quarantine: true}, host, false, smgr.OrderCompleted, "",
			[]wire{{"POST /hosts/host-1/stop_use", `{"vnfs":"TERMINATE","quarantine":true,"reason":"signed by somebody unknown"}`}}, []string{"stop host-1"},
		},
		"stop host at a foreign NFVO": {
			hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}, host, true, smgr.OrderFailed, "this NFVO cannot", nil, nil,
		},
		"insert": {
			hub.Action{Type: hub.ActionInsertSecurityVnf}, profile, false, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", `{"updateType":"INSTANTIATE_VNF","instantiateVnfData":[{"vnfProfileId":"guard","vnfInstanceName":"security-o"}]}`}},
			[]string{"instantiate guard in ns-1"},
		},
		"insert what is there": {
			hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard", VnfInstanceID: "vnf-d"}, true, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", `{"updateType":"ADD_VNF","addVnfIstance":[{"vnfInstanceId":"vnf-d","vnfProfileId":"guard"}]}`}},
			[]string{"add vnf-d to ns-1"},
		},
		"modify": {
			hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"filter": "strict"}}, vnf, false, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", `{"updateType":"MODIFY_VNF_INFORMATION","modifyVnfInfoData":[{"vnfInstanceId":"vnf-a","vnfConfigurableProperties":{"filter":"strict"}}]}`}},
			[]string{"modify vnf-a"},
		},
		"remove": {
			hub.Action{Type: hub.ActionRemoveSecurityVnf}, vnf, false, smgr.OrderCompleted, "",
			[]wire{{"POST /ns_instances/ns-1/update", plain}}, []string{"remove vnf-a from ns-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, !tc.foreign)
			s := w.process()
			w.plan(s, newOrder("o", "ns/ns-1", tc.action, tc.target))
			w.work(s, 20)
			o := w.want(s, "o", tc.state)
			if !strings.Contains(o.Reason, tc.reason) {
				t.Errorf("the reason is %q, want %q in it", o.Reason, tc.reason)
			}
			var sent []wire
			for _, r := range w.nfvo.requests() {
				sent = append(sent, wire{r.line, r.body})
				if !strings.Contains(r.key, "/decision-1/") {
					t.Errorf("%s has the Idempotency-Key %q", r.line, r.key)
				}
			}
			if !slices.Equal(sent, tc.sent) {
				t.Errorf("sent\n%q, want\n%q", sent, tc.sent)
			}
			if got := w.nfvo.happened(); !slices.Equal(got, tc.effects) {
				t.Errorf("the effects are %q, want %q", got, tc.effects)
			}
			for _, st := range o.Steps {
				if st.State != smgr.OrderCompleted || st.Ended == nil || st.Started.IsZero() {
					t.Errorf("step %+v", st)
				}
			}
			w.checkRecords(s, "o")
		})
	}
}

// A Security Manager that was restored from a backup gives another order the number
// of one that the NFVO has carried out: it is an order of its own. The same order of
// the same decision is not.
func TestOrder_AfterRestore(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	modify := newOrder("o", "ns/ns-1", hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"filter": "strict"}}, hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-a"})
	w.plan(s, modify)
	w.work(s, 20)
	w.want(s, "o", smgr.OrderCompleted)
	for _, decision := range []string{"decision-1", "decision-2"} { // none of them is in the backup
		w.bus, w.records, w.order = memstate.Bus{}, map[string]hub.Record{}, nil
		s = w.process()
		modify.DecisionID = decision
		w.plan(s, modify)
		w.work(s, 20)
		w.want(s, "o", smgr.OrderCompleted)
	}
	if got := w.nfvo.happened(); len(got) != 2 {
		t.Errorf("the effects are %q, want that of two orders", got)
	}
}

// An order that was stored before keys named the decision goes on under its key.
func TestOrder_KeyOfBefore(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	w.plan(s, terminate("o", "vnf-a"))
	e, err := s.get(t.Context(), "o")
	if err != nil {
		t.Fatal(err)
	}
	e.Value.Keyed = false
	if _, err := s.orders.Replace(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.work(s, 20)
	for _, r := range w.nfvo.requests() {
		if r.key != "o/remove-vnf:ns-1" {
			t.Errorf("%s has the Idempotency-Key %q", r.line, r.key)
		}
	}
	w.want(s, "o", smgr.OrderCompleted)
}
