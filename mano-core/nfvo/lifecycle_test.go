package nfvo_test

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

func TestNsFromCreationToDeletion(t *testing.T) {
	w := newWorld(t)
	id := w.create(north, "shop")
	o := w.run(north, id, "instantiate", sol005.InstantiateNsRequest{
		NsFlavourID: "df", SapData: []sol005.SapData{{SapdID: "access", SapName: "front door"}},
		AddpnfData: []sol005.AddPnfData{{PnfID: "pnf1", PnfName: "router", PnfdID: "gateway", PnfProfileID: "gw"}},
	})
	if got := len(o.ResourceChanges.AffectedVnfs); got != 2 {
		t.Errorf("affected VNFs: %+v", o.ResourceChanges.AffectedVnfs)
	}
	n := decode[struct {
		sol005.NsInstance
		NFPs []struct {
			Positions []struct {
				Element   string
				Instances []string
			}
		} `json:"manoward.nfpInfo"`
		Vnfs map[string]nfvo.NsVnf `json:"manoward.vnfs"`
		Bars map[string]nfvo.Bar   `json:"manoward.replacementBars"`
	}](t, w.call(north, "GET", nsInstances+"/"+id, nil))
	if n.NsState != "INSTANTIATED" || len(n.VnfInstance) != 2 || len(n.PnfInfo) != 1 || len(n.SapInfo) != 1 || len(n.VnffgInfo) != 1 || n.Links.Update == nil || n.Links.Instantiate != nil {
		t.Fatalf("NS: %+v", n)
	}
	if web := n.VnfInstance[1]; web.VnfPkgID != "pkg-north-web" || web.InstantiatedVnfInfo.VnfState != "STARTED" || web.InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.VimID != "vim" {
		t.Errorf("VNF: %+v", web)
	}
	if web := n.Vnfs[n.VnfInstance[1].ID]; len(n.Vnfs) != 2 || web.ProfileID != "web" || web.Security || *web.MinInstances != 1 || web.Integrity.Verdict != "PASSED" {
		t.Errorf("what the NS says of its VNFs: %+v", n.Vnfs)
	}
	if n.Bars == nil || len(n.Bars) > 0 {
		t.Errorf("bars: %v, want none, said so", n.Bars)
	}
	if ports := n.VirtualLinkInfo[0].LinkPort; len(ports) != 4 || ports[0].NsCpHandle.NsSapInstanceID != n.SapInfo[0].ID || ports[0].NsCpHandle.NsInstanceID != id {
		t.Errorf("link ports: %+v", ports)
	}
	if p := n.NFPs[0].Positions; len(p) != 3 || p[0].Instances[0] == "" || p[1].Instances[0] != n.VnfInstance[1].ID || p[2].Instances[0] != "pnf1" {
		t.Errorf("path: %+v", p)
	}
	if c, nets, ports := w.vim.counts(); c != 2 || nets != 1 || ports != 2 { // of the SAP and of the PNF
		t.Errorf("at the VIM: %d computes, %d networks, %d ports", c, nets, ports)
	}
	if w.vim.uploads != 2 {
		t.Errorf("images uploaded %d times, want one for each package", w.vim.uploads)
	}
	if r := w.call(north, "DELETE", nsInstances+"/"+id, nil); r.status != 409 {
		t.Errorf("delete of a running NS: %d", r.status)
	}
	w.run(north, id, "terminate", sol005.TerminateNsRequest{})
	if c, nets, ports := w.vim.counts(); c+nets+ports != 0 || w.vnfm.count() != 0 || !w.uses("") {
		t.Errorf("left: %d computes, %d networks, %d ports, %d VNFs, packages in use: %s", c, nets, ports, w.vnfm.count(), w.used())
	}
	if r := w.call(north, "DELETE", nsInstances+"/"+id, nil); r.status != 204 {
		t.Errorf("delete: %d %s", r.status, r.body)
	}
	if r := w.call(north, "GET", nsInstances+"/"+id, nil); r.status != 404 {
		t.Errorf("after delete: %d", r.status)
	}
	if s, e := len(w.log.kinds("ns.operation.started")), len(w.log.kinds("ns.operation.ended")); s != 2 || e != 2 {
		t.Errorf("records: %d started, %d ended", s, e)
	}
}

func TestNotificationsOfAnInstantiation(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	if got := w.out.of("north", "NsIdentifierCreationNotification"); len(got) != 1 || got[0]["nsInstanceId"] != n.ID {
		t.Errorf("creation: %v", got)
	}
	ops := w.out.of("north", "NsLcmOperationOccurrenceNotification")
	if len(ops) != 2 || ops[0]["notificationStatus"] != "START" || ops[0]["operationState"] != "PROCESSING" || ops[1]["notificationStatus"] != "RESULT" || ops[1]["operationState"] != "COMPLETED" {
		t.Fatalf("operation: %v", ops)
	}
	if len(ops[1]["affectedVnf"].([]any)) != 2 || len(ops[1]["affectedVl"].([]any)) != 1 || len(ops[1]["affectedSap"].([]any)) != 1 || len(ops[1]["affectedVnffg"].([]any)) != 1 {
		t.Errorf("affected: %v", ops[1])
	}
	if src := ops[1]["manoward.sourceOfRequest"].(map[string]any); src["kind"] != "OSS" || src["identity"] != north {
		t.Errorf("source: %v", src)
	}
	if short := w.out.of("short", "NsLcmOperationOccurrenceNotification"); len(short) != 2 || short[1]["affectedVnf"] != nil || short[1]["verbosity"] != "SHORT" {
		t.Errorf("SHORT: %v", short)
	}
	changes := w.out.of("north", "NsChangeNotification")
	if len(changes) != 4 {
		t.Fatalf("%d changes, want a start and an end for each VNF: %v", len(changes), changes)
	}
	end := changes[1]
	if end["lcmOpNameImpactingNsComponent"] != "VNF_INSTANTIATE" || end["lcmOpOccStatusImpactingNsComponent"] != "COMPLETED" || end["nsComponentType"] != "VNF" {
		t.Errorf("change: %v", end)
	}
	v := end["manoward.vnf"].(map[string]any)
	if v["vnfPkgId"] != "pkg-north-db" || v["integrity"].(map[string]any)["verdict"] != "PASSED" || len(v["connectivity"].([]any)) != 1 {
		t.Errorf("VNF: %v", v)
	}
	if c := end["manoward.change"].(map[string]any); c["location"] == nil || c["vnfcsAdded"] == nil {
		t.Errorf("what changed: %v", c)
	}
	if other := w.out.of("south", "NsChangeNotification"); len(other) != 0 {
		t.Errorf("another domain was told: %v", other)
	}
	if links := end["_links"].(map[string]any); !strings.HasPrefix(links["nsInstance"].(map[string]any)["href"].(string), "https://nfvo/nslcm/v2/ns_instances/") {
		t.Errorf("links: %v", links)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	w := newWorld(t)
	in := sol005.CreateNsRequest{NsdID: "shop", NsName: "a", NsDescription: "d"}
	first := w.call(north, "POST", nsInstances, in, "Idempotency-Key", "k1")
	if again := w.call(north, "POST", nsInstances, in, "Idempotency-Key", "k1"); again.status != 201 || again.location != first.location {
		t.Errorf("same create: %d %s, first %s", again.status, again.location, first.location)
	}
	in.NsName = "b"
	if other := w.call(north, "POST", nsInstances, in, "Idempotency-Key", "k1"); other.status != 422 {
		t.Errorf("other create under the key: %d", other.status)
	}
	path := nsInstances + "/" + first.id() + "/instantiate"
	op := w.call(north, "POST", path, sol005.InstantiateNsRequest{NsFlavourID: "df"}, "Idempotency-Key", "k2")
	again := w.call(north, "POST", path, sol005.InstantiateNsRequest{NsFlavourID: "df"}, "Idempotency-Key", "k2")
	if op.status != 202 || again.status != 202 || op.location != again.location {
		t.Errorf("same order: %d %s, %d %s", op.status, op.location, again.status, again.location)
	}
	if r := w.call(north, "POST", path, sol005.InstantiateNsRequest{NsFlavourID: "df", NsInstantiationLevelID: "large"}, "Idempotency-Key", "k2"); r.status != 422 {
		t.Errorf("other order under the key: %d", r.status)
	}
	if r := w.call(north, "POST", path, sol005.InstantiateNsRequest{NsFlavourID: "df"}, "Idempotency-Key", strings.Repeat("k", 256)); r.status != 400 {
		t.Errorf("long key: %d", r.status)
	}
	w.await(op.id(), sol005.NsLcmOperationStateCompleted)
	if w.vnfm.count() != 2 {
		t.Errorf("%d VNFs", w.vnfm.count())
	}
	bss := hub.Identity{TrustDomain: "north", Kind: hub.KindOSS, Name: "bss"}
	for key, want := range map[string]bool{"k2": true, "k3": false, "": false} {
		if taken, err := w.svc.Ordered(t.Context(), bss, key); err != nil || taken != want {
			t.Errorf("an order with the key %q was taken: %t, %v", key, taken, err)
		}
	}
}

func TestWhatIsAnotherDomainsIsNotThere(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	op := w.do(north, n.ID, "heal", sol005.HealNsRequest{HealNsData: &sol005.HealNsData{DegreeHealing: "HEAL_RESTORE"}})
	w.await(op, sol005.NsLcmOperationStateCompleted)
	for _, path := range []string{"/ns_instances/%s", "/ns_lcm_op_occs/%s"} {
		id := map[bool]string{true: n.ID, false: op}[strings.Contains(path, "instances")]
		theirs := w.call(south, "GET", "/nslcm/v2"+strings.Replace(path, "%s", id, 1), nil)
		none := w.call(south, "GET", "/nslcm/v2"+strings.Replace(path, "%s", "nowhere", 1), nil)
		a, b := decode[sol005.ProblemDetails](t, theirs), decode[sol005.ProblemDetails](t, none)
		if theirs.status != 404 || a.Detail != b.Detail {
			t.Errorf("%s: %d %q, nothing there: %d %q", path, theirs.status, a.Detail, none.status, b.Detail)
		}
	}
	if r := w.call(south, "POST", nsInstances+"/"+n.ID+"/terminate", sol005.TerminateNsRequest{}); r.status != 404 {
		t.Errorf("terminate: %d", r.status)
	}
	if r := w.call(south, "POST", nsInstances, sol005.CreateNsRequest{NsdID: "shop", NsName: "x"}); r.status != 404 {
		t.Errorf("create from another domain's NSD: %d", r.status)
	}
	if list := decode[[]map[string]any](t, w.call(south, "GET", nsInstances, nil)); len(list) != 0 {
		t.Errorf("list: %v", list)
	}
	if list := decode[[]map[string]any](t, w.call(operator, "GET", nsInstances+"?filter=(eq,nsInstanceName,n-shop)", nil)); len(list) != 1 || list[0]["vnfInstance"] != nil {
		t.Errorf("the operator's list, without what is left out by default: %v", list)
	}
	if list := decode[[]map[string]any](t, w.call(north, "GET", nsInstances+"?all_fields&filter=(eq,vnfInstance/vnfdId,web)", nil)); len(list) != 1 || list[0]["vnfInstance"] == nil {
		t.Errorf("all fields: %v", list)
	}
}
