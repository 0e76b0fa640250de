package vnfmapi_test

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/vnfm"
)

const (
	completed  = sol003.LcmOperationStateCompleted
	failedTemp = sol003.LcmOperationStateFailedTemp
	failed     = sol003.LcmOperationStateFailed
	rolledBack = sol003.LcmOperationStateRolledBack
)

func byVDU(info *sol003.InstantiatedVnfInfo, vdu string) []sol003.VnfcResourceInfo {
	var out []sol003.VnfcResourceInfo
	for _, c := range info.VnfcResourceInfo {
		if c.VduID == vdu {
			out = append(out, c)
		}
	}
	return out
}

// changeTypes counts affected VNFCs by change type.
func changeTypes(o vnfm.OpOcc) map[string]int {
	n := map[string]int{}
	if o.ResourceChanges != nil {
		for _, a := range o.ResourceChanges.AffectedVnfcs {
			n[a.ChangeType]++
		}
	}
	return n
}

func TestInstantiate(t *testing.T) {
	r := newRig(t)
	id := r.create()
	if v := r.vnf(id); v.InstantiationState != "NOT_INSTANTIATED" || v.Metadata[vnfm.MetaTrustDomain] != "north" || v.VnfProvider != "acme" || v.Links.Instantiate == nil {
		t.Fatalf("%+v", v)
	}
	o := r.task(id, "instantiate", instantiateBody, completed)
	info := r.same(id)

	if info.FlavourID != "simple" || info.LocalizationLanguage != "fr" || info.VnfState != "STARTED" || len(info.VnfcResourceInfo) != 2 || len(info.ExtCpInfo) != 1 || len(info.ExtVirtualLinkInfo) != 1 {
		t.Fatalf("%+v", info)
	}
	if info.ScaleStatus[0].ScaleToLevel != "0" || info.MaxScaleLevels[0].ScaleToLevel != "3" || len(info.VirtualStorageResourceInfo) != 1 {
		t.Fatalf("%+v", info)
	}
	web := byVDU(info, "web")[0]
	if web.ComputeResource.VimConnectionID != "vim-1" || web.ZoneID != "zone-1" {
		t.Fatalf("%+v", web)
	}
	compute := r.vim.get("computes", web.ComputeResource.ResourceID)
	if compute["flavourId"] != "flavour-web" || compute["vcImageId"] != "vim-web-image" || compute["trustDomain"] != "north" || compute["affinityOrAntiAffinityConstraints"] == nil {
		t.Fatalf("%v", compute)
	}
	if ip := info.ExtCpInfo[0].CpProtocolInfo[0].IpOverEthernet.IpAddresses[0]; ip.Addresses[0] != "198.51.100.7" || ip.IsDynamic {
		t.Fatalf("%+v", ip)
	}
	v := r.vnf(id)
	if v.VnfConfigurableProperties["isAutohealEnabled"] != true || v.Extensions["x"] != "y" || v.VimConnectionInfo["vim-1"].VimType != "manoward" {
		t.Fatalf("%+v", v)
	}
	if n := changeTypes(o); n["ADDED"] != 2 || len(n) != 1 || o.GrantID == "" || len(o.ChangedExtConnectivity) != 1 || o.RequestedBy != "spiffe://hub/nfvo/hub" {
		t.Fatalf("%+v", o)
	}
	if c := o.ResourceChanges; len(c.AffectedVirtualStorages) != 1 || len(c.AffectedExtLinkPorts) != 1 || c.AffectedVirtualLinks[0].ChangeType != "ADDED" {
		t.Fatalf("%+v", c)
	}
	g := r.nfvo.request(o.ID)
	if g.Operation != "INSTANTIATE" || g.VnfdID != "vnfd-1" || g.FlavourID != "simple" || len(g.AddResources) != 7 || len(g.RemoveResources) != 0 || g.VnfLcmOpOccID != o.ID {
		t.Fatalf("%+v", g)
	}
}

func TestGrants(t *testing.T) {
	r := newRig(t)
	id := r.create()
	r.nfvo.configure(func() { r.nfvo.refusal = "package is disabled" })
	o := r.task(id, "instantiate", instantiateBody, rolledBack)
	if o.Error == nil || o.Error.Status != 403 || o.Error.Detail != "package is disabled" || len(r.vim.ids("computes")) != 0 {
		t.Fatalf("%+v", o)
	}
	r.nfvo.configure(func() { r.nfvo.refusal, r.nfvo.bare = "", true })
	o = r.task(id, "instantiate", instantiateBody, rolledBack)
	if !strings.Contains(o.Error.Detail, "no compute flavour") {
		t.Fatalf("%+v", o.Error)
	}
	r.nfvo.configure(func() { r.nfvo.bare, r.nfvo.busy = false, 99 })
	o = r.task(id, "instantiate", instantiateBody, rolledBack)
	if o.Error.Status != 503 {
		t.Fatalf("%+v", o.Error)
	}
	// Busy for a while, and then undecided for a while.
	r.nfvo.configure(func() { r.nfvo.busy, r.nfvo.later = 2, 3 })
	r.task(id, "instantiate", instantiateBody, completed)
	r.same(id)
}

func TestScale(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	o := r.task(id, "scale", `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":2}`, completed)
	info := r.same(id)
	if len(byVDU(info, "web")) != 3 || info.ScaleStatus[0].ScaleToLevel != "2" || changeTypes(o)["ADDED"] != 2 {
		t.Fatalf("%+v %+v", info, o)
	}
	first := byVDU(info, "web")[0].ID
	o = r.task(id, "scale", `{"type":"SCALE_IN","aspectId":"webs"}`, completed)
	if info = r.same(id); len(byVDU(info, "web")) != 2 || changeTypes(o)["REMOVED"] != 1 || byVDU(info, "web")[0].ID != first {
		t.Fatalf("%+v", info)
	}
	r.task(id, "scale_to_level", `{"instantiationLevelId":"big"}`, completed)
	if info = r.same(id); len(byVDU(info, "web")) != 3 || info.ScaleStatus[0].ScaleToLevel != "2" {
		t.Fatalf("%+v", info)
	}
	r.task(id, "scale_to_level", `{"scaleInfo":[{"aspectId":"webs","scaleToLevel":"0"}]}`, completed)
	if info = r.same(id); len(byVDU(info, "web")) != 1 {
		t.Fatalf("%+v", info)
	}
	r.task(id, "scale_to_level", `{"scaleInfo":[{"aspectId":"webs","scaleLevel":1}]}`, completed)
	if info = r.same(id); len(byVDU(info, "web")) != 2 || *info.ScaleStatus[0].ScaleLevel != 1 {
		t.Fatalf("%+v", info)
	}
	r.task(id, "scale", `{"type":"SCALE_IN","aspectId":"webs"}`, completed)
	r.want(r.do("POST", "/vnf_instances/"+id+"/scale", `{"type":"SCALE_IN","aspectId":"webs"}`), 409)
	r.want(r.do("POST", "/vnf_instances/"+id+"/scale", `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":9}`), 409)
}

func TestHeal(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	before := r.same(id)
	web := byVDU(before, "web")[0]
	r.vim.set("computes", web.ComputeResource.ResourceID, "operationalState", ifa006.Failed)
	o := r.task(id, "heal", `{"cause":"it failed","additionalParams":{"manoward.excludeHosts":["host-9"]}}`, completed)
	after := r.same(id)
	if n := changeTypes(o); n["ADDED"] != 1 || n["REMOVED"] != 1 {
		t.Fatalf("%+v", o.ResourceChanges)
	}
	healed := byVDU(after, "web")[0]
	if healed.ID == web.ID || byVDU(after, "db")[0].ID != byVDU(before, "db")[0].ID {
		t.Fatal("the failed VNFC and no other is to be replaced")
	}
	if hosts := r.vim.get("computes", healed.ComputeResource.ResourceID)["excludeHosts"]; hosts == nil || hosts.([]any)[0] != "host-9" {
		t.Fatalf("%v", hosts)
	}
	// By name, and all when nothing has failed.
	o = r.task(id, "heal", `{"additionalParams":{"manoward.vnfcInstanceIds":["`+byVDU(after, "db")[0].ID+`"]}}`, completed)
	if n := changeTypes(o); n["ADDED"] != 1 || o.ResourceChanges.AffectedVnfcs[0].VduID != "db" {
		t.Fatalf("%+v", o.ResourceChanges)
	}
	if o = r.task(id, "heal", `{}`, completed); changeTypes(o)["ADDED"] != 2 {
		t.Fatalf("%+v", o.ResourceChanges)
	}
	r.same(id)
}

func TestOperateAndTerminate(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	o := r.task(id, "operate", `{"changeStateTo":"STOPPED","stopType":"GRACEFUL"}`, completed)
	if info := r.same(id); info.VnfState != "STOPPED" || changeTypes(o)["MODIFIED"] != 2 {
		t.Fatalf("%+v", info)
	}
	for _, c := range r.vim.ids("computes") {
		if r.vim.get("computes", c)["runningState"] != ifa006.Halted {
			t.Fatal("a compute runs")
		}
	}
	// What is added to a stopped VNF is stopped too.
	r.task(id, "scale", `{"type":"SCALE_OUT","aspectId":"webs"}`, completed)
	for _, c := range r.vim.ids("computes") {
		if r.vim.get("computes", c)["runningState"] != ifa006.Halted {
			t.Fatal("a compute runs")
		}
	}
	r.task(id, "operate", `{"changeStateTo":"STARTED"}`, completed)
	r.want(r.do("DELETE", "/vnf_instances/"+id, nil), 409)
	o = r.task(id, "terminate", `{"terminationType":"GRACEFUL","additionalParams":{"manoward.erase":true}}`, completed)
	if r.same(id) != nil || changeTypes(o)["REMOVED"] != 3 {
		t.Fatalf("%+v", o)
	}
	if n := r.vim.count("DELETE /storages/"); n != 1 || !slices.ContainsFunc(r.vim.calls, func(c string) bool {
		return strings.HasPrefix(c, "DELETE /storages/") && strings.HasSuffix(c, "?erase=true")
	}) {
		t.Fatalf("%d %v", n, r.vim.calls)
	}
	r.want(r.do("DELETE", "/vnf_instances/"+id, nil), 204)
	r.want(r.do("GET", "/vnf_instances/"+id, nil), 404)
}

func TestChangeFlavourAndPackage(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	web := byVDU(r.same(id), "web")[0].ID
	// The larger flavour has another db and the same web.
	o := r.task(id, "change_flavour", `{"newFlavourId":"large"}`, completed)
	if info := r.same(id); info.FlavourID != "large" || byVDU(info, "web")[0].ID != web || changeTypes(o)["ADDED"] != 1 {
		t.Fatalf("%+v", o.ResourceChanges)
	}
	// The new package has another image of web.
	o = r.task(id, "change_vnfpkg", `{"vnfdId":"vnfd-2"}`, completed)
	info := r.same(id)
	if byVDU(info, "web")[0].ID == web || r.vnf(id).VnfdID != "vnfd-2" || o.ModificationsTriggeredByVnfPkgChange == nil || o.ModificationsTriggeredByVnfPkgChange.VnfdID != "vnfd-2" {
		t.Fatalf("%+v", o)
	}
	if g := r.nfvo.request(o.ID); g.DstVnfdID != "vnfd-2" || g.VnfdID != "vnfd-1" || len(g.RemoveResources) == 0 || g.RemoveResources[0].Resource == nil {
		t.Fatalf("%+v", g)
	}
	r.want(r.do("POST", "/vnf_instances/"+id+"/change_vnfpkg", `{"vnfdId":"vnfd-9"}`), 409)
}

func TestChangeExtConn(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	was := r.same(id).ExtVirtualLinkInfo[0].ExtLinkPorts[0]
	o := r.task(id, "change_ext_conn", `{"extVirtualLinks":[{"id":"vl-b","resourceId":"ext-b","extCps":[{"cpdId":"ext_cp"}]}]}`, completed)
	info := r.same(id)
	is := info.ExtVirtualLinkInfo
	if len(is) != 1 || is[0].ID != "vl-b" || is[0].ExtLinkPorts[0].ResourceHandle.ResourceID == was.ResourceHandle.ResourceID || is[0].ExtLinkPorts[0].CpInstanceID != was.CpInstanceID {
		t.Fatalf("%+v", is)
	}
	port := r.vim.get("ports", is[0].ExtLinkPorts[0].ResourceHandle.ResourceID)
	if port["networkId"] != "ext-b" || port["attachedResourceId"] != byVDU(info, "web")[0].ComputeResource.ResourceID {
		t.Fatalf("%v", port)
	}
	if changeTypes(o)["MODIFIED"] != 1 || len(o.ResourceChanges.AffectedExtLinkPorts) != 2 || len(o.ChangedExtConnectivity) != 1 {
		t.Fatalf("%+v", o)
	}
}

func TestModify(t *testing.T) {
	r := newRig(t)
	id := r.create()
	tag := r.do("GET", "/vnf_instances/"+id, nil).etag
	a := r.want(r.do("PATCH", "/vnf_instances/"+id, `{"vnfInstanceName":"core","metadata":{"a":"b"},"extensions":{"e":1}}`, "If-Match", tag), 202)
	o := r.ended(path.Base(a.location), completed)
	v := r.vnf(id)
	if v.VnfInstanceName != "core" || v.Metadata["a"] != "b" || v.Metadata[vnfm.MetaTrustDomain] != "north" || o.ChangedInfo.VnfInstanceName != "core" || o.Operation != "MODIFY_INFO" {
		t.Fatalf("%+v %+v", v, o.ChangedInfo)
	}
	r.want(r.do("PATCH", "/vnf_instances/"+id, `{"vnfInstanceName":"x"}`, "If-Match", tag), 412)
	r.want(r.do("PATCH", "/vnf_instances/"+id, `{"vnfdId":"x"}`), 400)
	r.want(r.do("PATCH", "/vnf_instances/"+id, `{"metadata":{"manoward.trustDomain":"south"}}`), 400)
	r.want(r.do("PATCH", "/vnf_instances/"+id, `{"metadata":{"manoward.barred":"true"}}`, "X-Caller", "oss@north"), 403)
	a = r.want(r.do("PATCH", "/vnf_instances/"+id, `{"vnfInstanceName":null,"metadata":{"a":null}}`), 202)
	r.ended(path.Base(a.location), completed)
	if v := r.vnf(id); v.VnfInstanceName != "" || v.Metadata["a"] != nil {
		t.Fatalf("%+v", v)
	}
}

func TestSnapshots(t *testing.T) {
	for _, domain := range []string{"north", ""} { // made for the domain, and moved to it
		r := newRig(t)
		id := r.instantiated()
		a := r.want(r.do("POST", "/vnf_snapshots", map[string]string{"manoward.trustDomain": domain}), 201)
		snap := path.Base(a.location)
		r.want(r.do("GET", "/vnf_snapshots/"+snap+"/vnf_state_snapshot", nil), 409)
		o := r.task(id, "create_snapshot", `{"vnfSnapshotInfoId":"`+snap+`","userDefinedData":{"k":"v"}}`, completed)
		if o.VnfSnapshotInfoID != snap || o.Links.VnfSnapshot == nil {
			t.Fatalf("%+v", o)
		}
		var info sol003.VnfSnapshotInfo
		r.read("/vnf_snapshots/"+snap, &info)
		if info.VnfSnapshot == nil || len(info.VnfSnapshot.VnfcSnapshots) != 2 || info.VnfSnapshot.VnfInstance == nil || len(r.vim.ids("snapshots")) != 2 || info.VnfSnapshot.UserDefinedData["k"] != "v" {
			t.Fatalf("%+v", info)
		}
		r.want(r.do("GET", "/vnf_snapshots/"+snap, nil, "X-Caller", "oss@south"), 404)
		r.want(r.do("GET", "/vnf_snapshots/"+snap, nil, "X-Caller", "oss@north"), 200)
		r.want(r.do("GET", "/vnf_snapshots/"+snap+"/vnf_state_snapshot", nil), 404)
		r.want(r.do("POST", "/vnf_instances/"+id+"/create_snapshot", `{"vnfSnapshotInfoId":"`+snap+`"}`), 409)

		before := r.same(id)
		r.task(id, "heal", `{}`, completed)
		r.task(id, "scale", `{"type":"SCALE_OUT","aspectId":"webs"}`, completed)
		r.task(id, "revert_to_snapshot", `{"vnfSnapshotInfoId":"`+snap+`"}`, completed)
		after := r.same(id)
		for _, c := range before.VnfcResourceInfo {
			if r.vim.get("computes", c.ComputeResource.ResourceID)["restoredFrom"] == nil {
				t.Fatal("a compute was not restored")
			}
		}
		if len(after.VnfcResourceInfo) != len(before.VnfcResourceInfo) {
			t.Fatalf("%+v", after)
		}
		r.want(r.do("PATCH", "/vnf_snapshots/"+snap, `{"vnfSnapshotPkgId":"p-1"}`), 200)
		r.want(r.do("PATCH", "/vnf_snapshots/"+snap, `{"vnfSnapshotPkgId":"p-2"}`, "If-Match", `"old"`), 412)
		r.want(r.do("DELETE", "/vnf_snapshots/"+snap, nil), 204)
		if len(r.vim.ids("snapshots")) != 0 {
			t.Fatal("the VIM keeps a snapshot")
		}
		r.want(r.do("POST", "/vnf_instances/"+id+"/create_snapshot", `{"vnfSnapshotInfoId":"`+snap+`"}`), 422)
	}
}

func TestFailures(t *testing.T) {
	r := newRig(t)
	id := r.create()
	refuse := func(method, path string) int {
		if method == http.MethodPost && path == "/computes" {
			return 409
		}
		return 0
	}
	r.vim.setRefuse(refuse)
	o := r.task(id, "instantiate", instantiateBody, failedTemp)
	if o.Error.Status != 409 || !strings.Contains(o.Error.Detail, "the fake VIM refuses") || o.Links.Retry == nil || o.Links.Rollback == nil || o.Links.Cancel != nil {
		t.Fatalf("%+v", o)
	}
	a := r.want(r.do("POST", "/vnf_instances/"+id+"/instantiate", instantiateBody), 409)
	if !strings.Contains(string(a.body), o.ID) {
		t.Fatalf("the running operation is not named: %s", a.body)
	}
	op := "/vnf_lcm_op_occs/" + o.ID
	r.want(r.do("POST", op+"/cancel", `{"cancelMode":"GRACEFUL"}`), 409)
	r.want(r.do("POST", op+"/retry", nil), 202)
	r.ended(o.ID, failedTemp)
	r.want(r.do("POST", op+"/rollback", nil), 202)
	o = r.ended(o.ID, rolledBack)
	if r.same(id) != nil || o.Error == nil || o.ResourceChanges != nil {
		t.Fatalf("%+v", o)
	}
	r.want(r.do("POST", op+"/retry", nil), 409)

	// Failed where it stands: the instance has what there is, and can be terminated.
	o = r.task(id, "instantiate", instantiateBody, failedTemp)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/fail", nil), 200)
	r.ended(o.ID, failed)
	if v := r.vnf(id); v.InstantiationState != "INSTANTIATED" {
		t.Fatalf("%+v", v)
	}
	r.task(id, "terminate", `{"terminationType":"FORCEFUL"}`, completed)
	if r.same(id) != nil {
		t.Fatal("something is left")
	}

	// Retried with success.
	o = r.task(id, "instantiate", instantiateBody, failedTemp)
	r.vim.setRefuse(nil)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/retry", nil), 202)
	r.ended(o.ID, completed)
	r.same(id)
	// A terminate cannot be rolled back.
	r.vim.setRefuse(func(method, path string) int {
		if method == http.MethodDelete {
			return 500
		}
		return 0
	})
	o = r.task(id, "terminate", `{"terminationType":"FORCEFUL"}`, failedTemp)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/rollback", nil), 404)
	r.vim.setRefuse(nil)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/retry", nil), 202)
	r.ended(o.ID, completed)
	r.same(id)
}

func TestRollBackEach(t *testing.T) {
	for _, test := range []struct{ task, body, refuse string }{
		{"scale", `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":2}`, "POST /computes"},
		{"heal", `{}`, "POST /computes"},
		{"change_flavour", `{"newFlavourId":"large","instantiationLevelId":"big"}`, "POST /computes"},
		{"change_ext_conn", `{"extVirtualLinks":[{"id":"vl-b","resourceId":"ext-b","extCps":[{"cpdId":"ext_cp"}]}]}`, "POST /ports"},
	} {
		t.Run(test.task, func(t *testing.T) {
			r := newRig(t)
			id := r.instantiated()
			before := r.same(id)
			allowed := 0
			r.vim.setRefuse(func(method, path string) int {
				if method+" "+path == test.refuse {
					if allowed--; allowed < 0 {
						return 409
					}
				}
				return 0
			})
			o := r.task(id, test.task, test.body, failedTemp)
			r.vim.setRefuse(nil)
			r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/rollback", nil), 202)
			r.ended(o.ID, rolledBack)
			after := r.same(id)
			if len(after.VnfcResourceInfo) != len(before.VnfcResourceInfo) || after.VnfcResourceInfo[0].ID != before.VnfcResourceInfo[0].ID || after.FlavourID != before.FlavourID {
				t.Fatalf("%+v\n%+v", before, after)
			}
			// And failed instead, with the truth.
			r.vim.setRefuse(func(method, path string) int {
				if method+" "+path == test.refuse {
					return 409
				}
				return 0
			})
			o = r.task(id, test.task, test.body, failedTemp)
			r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/fail", nil), 200)
			r.ended(o.ID, failed)
			r.vim.setRefuse(nil)
			r.task(id, "heal", `{}`, completed)
			r.same(id)
		})
	}
}

// What an operation takes of the disk for ever is stated in
// docs/howto/operate-a-hub.md.
func TestOperation_Size(t *testing.T) {
	const fixed, perVNFC = 1000, 800 // bytes
	r := newRig(t)
	for _, f := range r.vnfds["vnfd-1"].Flavours {
		f.Levels["vast"] = &sol001.Level{Instances: map[string]int{"web": 99, "db": 1}}
		f.VDUs["web"].Max = 100
	}
	for level, vnfcs := range map[string]int{"": 2, "vast": 100} {
		id := r.create()
		r.task(id, "instantiate", `{"flavourId":"simple","instantiationLevelId":"`+level+`"}`, sol003.LcmOperationStateCompleted)
		r.task(id, "operate", `{"changeStateTo":"STOPPED"}`, sol003.LcmOperationStateCompleted)
		for op, err := range r.service.Ops(t.Context(), func(string) bool { return true }, id, "") {
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(op.Value)
			if err != nil {
				t.Fatal(err)
			}
			layouts := map[sol003.LcmOperationType]int{sol003.LcmOperationInstantiate: 1, sol003.LcmOperationOperate: 2}[op.Value.Kind]
			if len(raw) > fixed+perVNFC*vnfcs*layouts {
				t.Errorf("%s of a VNF of %d VNFCs takes %d bytes", op.Value.Kind, vnfcs, len(raw))
			}
		}
	}
}
