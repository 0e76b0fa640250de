package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// A Security Manager puts the security VNF that the NSD foresees into an NS,
// changes it and takes it out again, and no other VNF.
//
// Covers: Sc-Or.004, Sc-Or.SecurityVnfMgmt.001, Sc-Or.SecurityVnfMgmt.002
func TestScOr_SecurityVnfs(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north")
	passive, semi := h.scorSM("north", "passive", "passive"), h.scorSM("north", "semi", "semi-active")
	k, i := h.kits["north"], hub.ScOrSecurityVnfMgmt
	in, _ := passive.subscribe(nil)
	ns := h.instantiate("north", "edge")
	web := h.vnfsOf(ns, k.WebVNFD())
	path := "/nslcm/v2/ns_instances/" + ns + "/update"

	passive.must(http.StatusForbidden, i, "POST", path, scorGuard(k))
	h.scorComplete(semi, i, ns, scorGuard(k))
	guard := h.vnfsOf(ns, k.GuardVNFD())
	if len(guard) != 1 {
		t.Fatalf("the NS has the security VNFs %v", guard)
	}
	in.await(t, "the security VNF at the passive SM", func(n scorNote) bool {
		return n.Component == guard[0] && n.ComponentOp == "VNF_INSTANTIATE" && n.ComponentStatus == "COMPLETED" && n.Source.Kind == "SM"
	})
	h.checkNfvi(2)
	h.scorComplete(semi, i, ns, sol005.UpdateNsRequest{UpdateType: sol005.UpdateModifyVnfInformation, ModifyVnfInfoData: []sol005.ModifyVnfInfoData{{VnfInstanceID: guard[0], VnfInstanceName: "sentinel"}}})
	if v := h.showNs(ns).VnfInstance; !slices.ContainsFunc(v, func(v sol005.VnfInstance) bool { return v.ID == guard[0] && v.VnfInstanceName == "sentinel" }) {
		t.Errorf("the VNFs are %+v", v)
	}
	// A second NS shares it, and drops it.
	second := h.instantiate("north", "second")
	h.scorComplete(semi, i, second, sol005.UpdateNsRequest{UpdateType: sol005.UpdateAddVnf, AddVnfIstance: []sol005.VnfInstanceData{{VnfInstanceID: guard[0], VnfProfileID: "guard"}}})
	if shared := h.vnfsOf(second, k.GuardVNFD()); !slices.Equal(shared, guard) {
		t.Errorf("the second NS has the security VNFs %v", shared)
	}
	h.scorComplete(semi, i, second, scorRemove(guard))
	h.checkNfvi(3)

	for what, order := range map[string]sol005.UpdateNsRequest{
		"make a web VNF by its VNFD":    {UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfdID: k.WebVNFD()}}},
		"make a web VNF by its profile": {UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "web"}}},
		"a profile that does not fit":   {UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "web", VnfdID: k.GuardVNFD()}}},
		"end a web VNF":                 scorRemove(web),
		"end both":                      scorRemove(append(slices.Clone(web), guard...)),
		"change a web VNF":              {UpdateType: sol005.UpdateModifyVnfInformation, ModifyVnfInfoData: []sol005.ModifyVnfInfoData{{VnfInstanceID: web[0], VnfInstanceName: "mine"}}},
		"make the guard a web VNF":      {UpdateType: sol005.UpdateChangeVnfpkg, ChangeVnfPackageData: []sol005.ChangeVnfPackageData{{VnfInstanceID: guard[0], VnfdID: k.WebVNFD()}}},
		"take a web VNF in":             {UpdateType: sol005.UpdateAddVnf, AddVnfIstance: []sol005.VnfInstanceData{{VnfInstanceID: h.vnfsOf(second, k.WebVNFD())[0], VnfProfileID: "web"}}},
	} {
		if a := semi.must(http.StatusForbidden, i, "POST", path, order); !strings.Contains(a.body, "security VNF") {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	if now := h.vnfsOf(ns, k.WebVNFD()); !slices.Equal(now, web) {
		t.Errorf("the web VNFs are %v, were %v", now, web)
	}
	in.await(t, "the refused attempts are told", func(n scorNote) bool {
		return n.Attempt != nil && n.Attempt.Operation == "ns.update:REMOVE_VNF" && strings.Contains(n.Attempt.Reason, "security VNF")
	})
	first := semi.must(http.StatusAccepted, i, "POST", path, scorRemove(guard), "Idempotency-Key", "guard out")
	h.scorEnded(first.id(), sol005.NsLcmOperationStateCompleted)
	if again := semi.must(http.StatusAccepted, i, "POST", path, scorRemove(guard), "Idempotency-Key", "guard out"); again.location != first.location {
		t.Errorf("the same order again is at %s, not at %s", again.location, first.location)
	}
	if left := h.vnfsOf(ns, k.GuardVNFD()); len(left) != 0 {
		t.Errorf("the security VNF is left: %v", left)
	}
	h.checkNfvi(2)
}

// Query NS tells the state of every active VNF, whole or selected.
//
// Covers: Sc-Or.002, Sc-Or.StatusInfo.001, Sc-Or.NsLcm.001, Security.007
func TestScOr_StatusInfo(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north", "south")
	s := h.scorSM("north", "watch", "passive")
	k := h.kits["north"]
	ns, idle := h.instantiate("north", "edge"), h.createNs("north", "idle")
	h.instantiate("south", "foreign")
	h.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateAddPnf, AddPnfData: []sol005.AddPnfData{{PnfID: "box-1", PnfName: "box", PnfdID: k.PNFD(), PnfProfileID: "box"}}})
	h.mustComplete(ns, "update", scorGuard(k))
	web, guard := h.vnfsOf(ns, k.WebVNFD())[0], h.vnfsOf(ns, k.GuardVNFD())[0]
	h.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateOperateVnf, OperateVnfData: []sol005.OperateVnfData{{VnfInstanceID: guard, ChangeStateTo: "STOPPED", StopType: "FORCEFUL"}}})
	const path = "/nslcm/v2/ns_instances"
	for _, i := range []hub.Interface{hub.ScOrStatusInfo, hub.ScOrNsLcm} {
		for query, want := range map[string][]string{
			"":                                {ns, idle},
			"?all_fields":                     {ns, idle},
			"?fields=vnfInstance":             {ns, idle},
			"?exclude_fields=virtualLinkInfo": {ns, idle},
			"?filter=(eq,vnfInstance/vnfdId," + k.GuardVNFD() + ")":                        {ns},
			"?filter=(eq,vnfInstance/instantiatedVnfInfo/vnfState,STOPPED)":                {ns},
			"?filter=(eq,vnfInstance/instantiationState,NOT_INSTANTIATED)":                 {},
			"?filter=(eq,nsState,NOT_INSTANTIATED)":                                        {idle},
			"?filter=(eq,vnfInstance/id," + web + ")&fields=vnfInstance":                   {ns},
			"?filter=(eq,vnfInstance/vnfdId," + h.kits["south"].WebVNFD() + ")&all_fields": {},
		} {
			var list []sol005.NsInstance
			s.read(i, path+query, &list)
			got := []string{}
			for _, n := range list {
				got = append(got, n.ID)
				if n.ID == ns && (query == "?all_fields" || strings.Contains(query, "&fields=vnfInstance") || query == "?fields=vnfInstance") {
					scorStates(t, query, n, web, guard)
				}
			}
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%s %s: %v, want %v", i, query, got, want)
			}
		}
	}
	var one sol005.NsInstance
	s.read(hub.ScOrStatusInfo, path+"/"+ns, &one)
	scorStates(t, "the NS itself", one, web, guard)
	if len(one.PnfInfo) != 1 || one.PnfInfo[0].PnfID != "box-1" || one.PnfInfo[0].CpInfo == nil || len(one.VnffgInfo) != 1 || len(one.VnffgInfo[0].PnfdInfoID) != 1 {
		t.Errorf("the PNF, its connection point or the graph that it is in is missing: %+v %+v", one.PnfInfo, one.VnffgInfo)
	}
	attached := false
	for _, l := range one.VirtualLinkInfo {
		for _, p := range l.LinkPort {
			attached = attached || p.NsCpHandle != nil && p.NsCpHandle.PnfInfoID == "box-1"
		}
	}
	if a := s.must(http.StatusOK, hub.ScOrStatusInfo, "GET", path+"/"+ns, nil); !attached || !strings.Contains(a.body, "manoward.nfpInfo") {
		t.Errorf("no virtual link says that the PNF is on it, or no path is shown: %s", a.body)
	}
}

// scorStates: the state of both VNFs is there.
func scorStates(t *testing.T, what string, n sol005.NsInstance, web, guard string) {
	t.Helper()
	got := map[string]string{}
	for _, v := range n.VnfInstance {
		got[v.ID] = string(v.InstantiationState)
		if v.InstantiatedVnfInfo != nil {
			got[v.ID] += " " + string(v.InstantiatedVnfInfo.VnfState)
		}
	}
	if len(got) != 2 || got[web] != "INSTANTIATED STARTED" || got[guard] != "INSTANTIATED STOPPED" {
		t.Errorf("%s: the states are %v, want started and stopped", what, got)
	}
}
