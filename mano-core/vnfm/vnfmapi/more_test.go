package vnfmapi_test

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/testkit/atonce"
)

// One of many requests at once gets the VNF; the others learn who has it.
func TestOneOperationAtATime(t *testing.T) {
	r := newRig(t)
	id := r.create()
	free := make(chan struct{})
	r.vim.setRefuse(func(string, string) int { <-free; return 0 })
	statuses := map[int]int{}
	var accepted string
	for _, a := range atonce.Do(16, func() answerOf {
		a, err := r.try("POST", "/vnf_instances/"+id+"/instantiate", instantiateBody)
		if err != nil {
			t.Error(err)
		}
		return a
	}) {
		if statuses[a.status]++; a.status == http.StatusAccepted {
			accepted = path.Base(a.location)
		}
	}
	if statuses[202] != 1 || statuses[409] != 15 {
		t.Fatalf("%v", statuses)
	}
	close(free)
	r.ended(accepted, completed)
	r.same(id)
	var ops []sol003.VnfLcmOpOcc
	if r.read("/vnf_lcm_op_occs", &ops); len(ops) != 1 {
		t.Fatalf("%d operations", len(ops))
	}
}

// The same request many times at once, with a key, has one effect.
func TestSameKeyAtOnce(t *testing.T) {
	r := newRig(t)
	for path, body := range map[string]string{"/vnf_instances": `{"vnfdId":"vnfd-1"}`, "/vnf_snapshots": `{}`} {
		for round := range 50 { // in some of them two find that it is not there yet
			locations := map[string]bool{}
			for _, a := range atonce.Do(8, func() answerOf {
				a, err := r.try("POST", path, body, "Idempotency-Key", "k"+strconv.Itoa(round))
				if err != nil {
					t.Error(path, err)
				}
				return a
			}) {
				if a.status != http.StatusCreated {
					t.Error(path, a.status, string(a.body))
				}
				locations[a.location] = true
			}
			if len(locations) != 1 {
				t.Fatalf("%s: %v", path, locations)
			}
		}
	}
}

// Links that the grant brings prevail; without any, the VNF comes up with a warning.
func TestGrantedLinks(t *testing.T) {
	r := newRig(t)
	id := r.create()
	o := r.task(id, "instantiate", `{"flavourId":"simple"}`, completed)
	if len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "web_ext") {
		t.Fatalf("%v", o.Warnings)
	}
	if info := r.same(id); len(info.ExtCpInfo) != 1 || info.ExtCpInfo[0].ExtLinkPortID != "" || len(info.ExtVirtualLinkInfo) != 0 {
		t.Fatalf("%+v", info)
	}
	// Connected later.
	r.task(id, "change_ext_conn", `{"extVirtualLinks":[{"id":"vl-b","resourceId":"ext-b","extCps":[{"cpdId":"ext_cp"}]}]}`, completed)
	if info := r.same(id); len(info.ExtCpInfo) != 1 || info.ExtCpInfo[0].ExtLinkPortID == "" {
		t.Fatalf("%+v", info)
	}
	r.task(id, "terminate", `{"terminationType":"FORCEFUL"}`, completed)

	r.nfvo.configure(func() {
		r.nfvo.ext = []sol003.ExtVirtualLinkData{{ID: "vl-n", ResourceID: "ext-b", ExtCps: []sol003.VnfExtCpData{{CpdID: "ext_cp"}}}}
		r.nfvo.managed = []sol003.ExtManagedVirtualLinkData{{ID: "ml", VnfVirtualLinkDescID: "int", ResourceID: "ext-a"}}
	})
	r.task(id, "instantiate", instantiateBody, completed)
	info := r.vnf(id).InstantiatedVnfInfo
	if len(info.ExtVirtualLinkInfo) != 1 || info.ExtVirtualLinkInfo[0].ID != "vl-n" || len(info.ExtVirtualLinkInfo[0].ExtLinkPorts) != 1 {
		t.Fatalf("%+v", info.ExtVirtualLinkInfo)
	}
	if m := info.ExtManagedVirtualLinkInfo; len(m) != 1 || len(m[0].VnfLinkPorts) != 2 || len(info.VnfVirtualLinkResourceInfo) != 0 || len(r.vim.ids("networks")) != 0 {
		t.Fatalf("%+v", info)
	}
	r.task(id, "terminate", `{"terminationType":"FORCEFUL"}`, completed)
	if len(r.vim.ids("ports")) != 0 || r.vim.get("networks", "ext-a") == nil {
		t.Fatal("a port is left, or a network is gone that is not ours")
	}
}

// A grant that is decided later may be refused, come never, or be nowhere.
func TestGrantsLater(t *testing.T) {
	r := newRig(t)
	id := r.create()
	for _, test := range []struct {
		nfvo   func()
		status int
		detail string
	}{
		{func() { r.nfvo.later, r.nfvo.late = 2, "no room" }, 403, "no room"},
		{func() { r.nfvo.later, r.nfvo.late = 1<<20, "" }, 503, "did not decide"},
		{func() { r.nfvo.later, r.nfvo.nowhere = 0, true }, 422, "Location"},
	} {
		r.nfvo.configure(test.nfvo)
		o := r.task(id, "instantiate", instantiateBody, rolledBack)
		if o.Error.Status != test.status || !strings.Contains(o.Error.Detail, test.detail) {
			t.Errorf("%+v, want %d %s", o.Error, test.status, test.detail)
		}
	}
	r.same(id)
}

// A trust domain that comes and goes while the VNFM runs.
func TestDomainComesAndGoes(t *testing.T) {
	r := newRig(t)
	if err := r.service.Add(t.Context(), "west"); err != nil {
		t.Fatal(err)
	}
	at := r.want(r.do("POST", "/vnf_instances", `{"vnfdId":"vnfd-1"}`, "X-Caller", "oss@west"), 201).location
	r.service.Remove("west")
	r.want(r.do("GET", "/vnf_instances/"+path.Base(at), nil, "X-Caller", "oss@west"), 404)
}

// NFVOs name software images by the VNFD's name of them, or by the VDU.
func TestGrantedImages(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"web-image", "web"} {
		r.nfvo.configure(func() { r.nfvo.image = name })
		id := r.instantiated()
		web := byVDU(r.vnf(id).InstantiatedVnfInfo, "web")[0]
		if got := r.vim.get("computes", web.ComputeResource.ResourceID)["vcImageId"]; got != "vim-web-image" {
			t.Fatalf("%s: %v", name, got)
		}
	}
	r.nfvo.configure(func() { r.nfvo.image = "another" })
	if o := r.task(r.create(), "instantiate", instantiateBody, rolledBack); !strings.Contains(o.Error.Detail, "no software image") {
		t.Fatalf("%+v", o.Error)
	}
}

// A new package keeps the size that the VNF was scaled to.
func TestChangePackageKeepsSize(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	r.task(id, "scale", `{"type":"SCALE_OUT","aspectId":"webs","numberOfSteps":2}`, completed)
	r.task(id, "change_vnfpkg", `{"vnfdId":"vnfd-2"}`, completed)
	if info := r.same(id); len(byVDU(info, "web")) != 3 || info.ScaleStatus[0].ScaleToLevel != "2" {
		t.Fatalf("%+v", info)
	}
}

func TestSnapshotFailures(t *testing.T) {
	r := newRig(t)
	id := r.instantiated()
	snap := path.Base(r.want(r.do("POST", "/vnf_snapshots", `{}`), 201).location)
	calls := 0
	r.vim.setRefuse(func(method, path string) int {
		if method == http.MethodPost && path == "/snapshots" {
			if calls++; calls > 1 {
				return 409
			}
		}
		return 0
	})
	o := r.task(id, "create_snapshot", `{"vnfSnapshotInfoId":"`+snap+`"}`, failedTemp)
	r.want(r.do("DELETE", "/vnf_snapshots/"+snap, nil), 409)
	r.want(r.do("PATCH", "/vnf_snapshots/"+snap, `{"vnfSnapshotPkgId":"p"}`), 409)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/rollback", nil), 202)
	r.ended(o.ID, rolledBack)
	if len(r.vim.ids("snapshots")) != 0 {
		t.Fatal("the VIM keeps a snapshot")
	}
	r.vim.setRefuse(nil)
	r.task(id, "create_snapshot", `{"vnfSnapshotInfoId":"`+snap+`"}`, completed)
	var list []sol003.VnfSnapshotInfo
	if r.read("/vnf_snapshots?all_fields", &list); len(list) != 1 || len(list[0].VnfSnapshot.VnfcSnapshots) != 2 {
		t.Fatalf("%+v", list)
	}
	r.vim.setRefuse(func(method, _ string) int { return map[bool]int{true: 500}[method == http.MethodDelete] })
	if a := r.do("DELETE", "/vnf_snapshots/"+snap, nil); a.status < 500 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	r.vim.setRefuse(nil)
	r.want(r.do("DELETE", "/vnf_snapshots/"+snap, nil), 204)
}

// A VIM that is away for a moment costs nothing; one that is away for long, a retry.
func TestVIMAway(t *testing.T) {
	r := newRig(t)
	id := r.create()
	away := 2
	r.vim.setRefuse(func(string, string) int {
		if away--; away >= 0 {
			return 503
		}
		return 0
	})
	r.task(id, "instantiate", instantiateBody, completed)
	r.same(id)
	r.vim.setRefuse(func(string, string) int { return 503 })
	o := r.task(id, "heal", `{"additionalParams":{"manoward.vnfcInstanceIds":["`+r.vnf(id).InstantiatedVnfInfo.VnfcResourceInfo[0].ID+`"]}}`, failedTemp)
	if o.Error.Status != 503 {
		t.Fatalf("%+v", o.Error)
	}
	r.want(r.do("POST", "/vnf_instances/"+id+"/heal", `{}`), 409)
	r.vim.setRefuse(nil)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/retry", nil), 202)
	r.ended(o.ID, completed)
	r.same(id)
}

// BenchmarkOperate is one operation, with 100 and with 10,000 VNF instances: its
// cost is to be the same.
func BenchmarkOperate(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newRig(b)
			for range n - 1 {
				r.create()
			}
			id := r.instantiated()
			states := []string{`{"changeStateTo":"STOPPED"}`, `{"changeStateTo":"STARTED"}`}
			for b.Loop() {
				slices.Reverse(states)
				r.task(id, "operate", states[1], completed)
			}
		})
	}
}
