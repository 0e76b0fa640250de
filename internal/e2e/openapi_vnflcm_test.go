package e2e_test

import "github.com/manoward/manoward/internal/sol/sol003"

// packagesOverSOL003 drives vnfpkgm/v2 as a VNFM.
func packagesOverSOL003(h *apiHub) {
	t, s, k := h.t, h.orVnfm, h.kit("north")
	for _, all := range []string{"/vnfpkgm/v2/vnf_packages", "/vnfpkgm/v2/onboarded_vnf_packages"} {
		one := all + "/" + s.find(t, all, "(eq,vnfdId,"+k.WebVNFD()+")")
		if all == "/vnfpkgm/v2/onboarded_vnf_packages" {
			one = all + "/" + k.WebVNFD()
		}
		h.contents(t, s, one, "vnfd", "package_content", "Files/disk.img", len(k.Web))
		s.partial(t, one+"/artifacts", 10)
		h.selectors(t, s, all, "vnfdId", "softwareImages", "userDefinedData")
		h.refusals(t, s, "GET", one, nil)
		for _, c := range []string{"", "/vnfd", "/manifest", "/package_content", "/artifacts", "/artifacts/x"} {
			s.want(t, 404, "GET", all+"/none"+c, nil)
		}
	}
	s.want(t, 405, "POST", "/vnfpkgm/v2/vnf_packages", object{})
}

// grants drives grant/v1 as a VNFM of others.
func grants(h *apiHub) {
	t, s, k := h.t, h.orVnfm, h.kit("north")
	ns, _ := h.newNs("north", "granted")
	h.run("COMPLETED", ns, "instantiate", object{"nsFlavourId": "simple"})
	vnf := h.of(ns, k.WebVNFD())
	ask := func(vnf, op, operation string) object {
		return object{
			"vnfInstanceId": vnf, "vnfLcmOpOccId": op, "vnfdId": k.WebVNFD(), "operation": operation, "isAutomaticInvocation": false,
			"_links": object{"vnfLcmOpOcc": object{"href": "https://vnfm.example/vnflcm/v2/vnf_lcm_op_occs/" + op}, "vnfInstance": object{"href": "https://vnfm.example/vnflcm/v2/vnf_instances/" + vnf}},
		}
	}
	h.refusals(t, s, "POST", "/grant/v1/grants", ask(vnf, "op-1", "HEAL"))
	s.want(t, 400, "POST", "/grant/v1/grants", "{")
	s.want(t, 400, "POST", "/grant/v1/grants", object{})
	s.want(t, 404, "POST", "/grant/v1/grants", ask("none", "op-1", "HEAL"))
	s.want(t, 403, "POST", "/grant/v1/grants", ask(vnf, "op-2", "TERMINATE"))
	s.want(t, 403, "POST", "/grant/v1/grants", ask(vnf, "op-2", "INSTANTIATE"))

	// Something is taken away, and put in its place.
	in := ask(vnf, "op-3", "HEAL")
	in["removeResources"] = []any{object{"id": "1", "type": "COMPUTE", "resourceTemplateId": "app", "resource": object{"resourceId": "r"}}}
	first := s.want(t, 201, "POST", "/grant/v1/grants", in)
	if again := s.want(t, 201, "POST", "/grant/v1/grants", in); again.id() != first.id() {
		t.Error("the same request has two grants")
	}
	s.want(t, 200, "GET", "/grant/v1/grants/"+first.id(), nil)
	s.want(t, 404, "GET", "/grant/v1/grants/none", nil)
	h.refusals(t, s, "GET", "/grant/v1/grants/"+first.id(), nil)
	in = ask(vnf, "op-4", "SCALE")
	in["addResources"] = []any{object{"id": "2", "type": "COMPUTE", "vduId": "app", "resourceTemplateId": "app"}}
	in["flavourId"] = "simple"
	second := s.want(t, 201, "POST", "/grant/v1/grants", in)
	var g sol003.Grant
	second.json(t, &g)
	if len(g.AddResources) != 1 || len(g.VimConnectionInfo) == 0 || g.VimAssets == nil {
		t.Errorf("grant: %s", second.text)
	}
	s.want(t, 200, "GET", "/grant/v1/grants/"+second.id(), nil)
	h.run("COMPLETED", ns, "terminate", object{})
}

const vnfs = "/vnflcm/v2/vnf_instances"

// vnfTasks are requests for the tasks of a VNF of the kit.
func vnfTasks(vnfd string) map[string]any {
	return map[string]any{
		"instantiate": object{"flavourId": "simple"}, "scale": object{"type": "SCALE_OUT", "aspectId": "out", "numberOfSteps": 1},
		"scale_to_level": object{"instantiationLevelId": "small"}, "change_flavour": object{"newFlavourId": "simple"},
		"terminate": object{"terminationType": "FORCEFUL"}, "heal": object{"cause": "exercise"},
		"operate":       object{"changeStateTo": "STOPPED", "stopType": "FORCEFUL"},
		"change_vnfpkg": object{"vnfdId": vnfd}, "create_snapshot": object{"vnfSnapshotInfoId": "none"}, "revert_to_snapshot": object{"vnfSnapshotInfoId": "none"},
		"change_ext_conn": object{"extVirtualLinks": []any{}},
	}
}

// vnfInstances drives vnflcm/v2 as an operator.
func vnfInstances(h *apiHub) {
	t, s, k := h.t, h.vnfm, h.kit("north")
	create := object{"vnfdId": k.WebVNFD(), "vnfInstanceName": "alone", "metadata": object{"manoward.trustDomain": "north"}}
	h.refusals(t, s, "POST", vnfs, create)
	s.want(t, 400, "POST", vnfs, "{")
	s.want(t, 422, "POST", vnfs, object{"vnfdId": k.WebVNFD(), "metadata": object{"manoward.trustDomain": "nowhere"}})
	alone := vnfs + "/" + s.want(t, 201, "POST", vnfs, create).id()
	s.want(t, 200, "GET", alone, nil)
	s.want(t, 404, "GET", vnfs+"/none", nil)
	h.refusals(t, s, "GET", alone, nil)
	for task, in := range vnfTasks("other") {
		s.want(t, 404, "POST", vnfs+"/none/"+task, in)
		s.want(t, 400, "POST", alone+"/"+task, "{")
		if task != "instantiate" && task != "change_ext_conn" {
			s.want(t, 409, "POST", alone+"/"+task, in)
		}
		h.refusals(t, s, "POST", alone+"/"+task, in)
	}
	h.vnfEnded(s.want(t, 202, "PATCH", alone, object{"vnfInstanceName": "renamed"}).id(), "COMPLETED")
	s.want(t, 404, "PATCH", vnfs+"/none", object{"vnfInstanceName": "renamed"})
	s.want(t, 412, "PATCH", alone, object{"vnfInstanceName": "again"}, "If-Match", `"old"`)
	s.want(t, 415, "PATCH", alone, "{}", "Content-Type", "application/json")
	// The NFVO grants no instantiation that it did not order.
	op := s.want(t, 202, "POST", alone+"/instantiate", object{"flavourId": "simple"}).id()
	h.vnfEnded(op, "ROLLED_BACK")
	s.want(t, 412, "DELETE", alone, nil, "If-Match", `"old"`)
	s.want(t, 404, "DELETE", vnfs+"/none", nil)
	s.want(t, 204, "DELETE", alone, nil)

	ns, _ := h.newNs("north", "of-the-vnfm")
	h.run("COMPLETED", ns, "instantiate", object{"nsFlavourId": "simple"})
	one := vnfs + "/" + h.of(ns, k.WebVNFD())
	s.want(t, 200, "GET", one, nil)
	s.want(t, 409, "DELETE", one, nil)
	s.want(t, 409, "POST", one+"/instantiate", object{"flavourId": "simple"})
	h.vnfLife(one)
	h.selectors(t, s, vnfs, "vnfInstanceName", "instantiatedVnfInfo", "metadata")
	h.selectors(t, s, "/vnflcm/v2/vnf_lcm_op_occs", "vnfInstanceId", "resourceChanges", "error")
	h.run("COMPLETED", ns, "terminate", object{})
	h.receivers["vnflcm"].await(t, "VnfIdentifierCreationNotification", "VnfLcmOperationOccurrenceNotification", "VnfIdentifierDeletionNotification")
}

// vnfLife runs the tasks of a VNF that is part of an NS.
func (h *apiHub) vnfLife(one string) {
	t, s, snapshots := h.t, h.vnfm, "/vnflcm/v2/vnf_snapshots"
	task := func(state, name string, in any) {
		t.Helper()
		h.vnfEnded(s.want(t, 202, "POST", one+"/"+name, in).id(), state)
		s.want(t, 200, "GET", one, nil)
	}
	task("COMPLETED", "scale", object{"type": "SCALE_OUT", "aspectId": "out", "numberOfSteps": 1})
	task("COMPLETED", "scale_to_level", object{"instantiationLevelId": "small"})
	task("COMPLETED", "heal", object{"cause": "exercise"})
	task("COMPLETED", "operate", object{"changeStateTo": "STOPPED", "stopType": "FORCEFUL"})
	task("COMPLETED", "operate", object{"changeStateTo": "STARTED"})
	task("COMPLETED", "change_flavour", object{"newFlavourId": "simple"})
	var v sol003.VnfInstance
	s.want(t, 200, "GET", one, nil).json(t, &v)
	link := v.InstantiatedVnfInfo.ExtVirtualLinkInfo[0]
	task("COMPLETED", "change_ext_conn", object{"extVirtualLinks": []any{object{"id": link.ID, "resourceId": link.ResourceHandle.ResourceID, "extCps": []any{
		object{"cpdId": "front", "cpConfig": object{"one": object{"cpProtocolData": []any{object{"layerProtocol": "IP_OVER_ETHERNET",
			"ipOverEthernet": object{"ipAddresses": []any{object{"type": "IPV4", "numDynamicAddresses": 1}}}}}}}}}}}})

	s.want(t, 400, "POST", snapshots, "{")
	h.refusals(t, s, "POST", snapshots, object{})
	empty := s.want(t, 201, "POST", snapshots, object{})
	s.want(t, 409, "POST", one+"/revert_to_snapshot", object{"vnfSnapshotInfoId": empty.id()})
	s.want(t, 409, "GET", snapshots+"/"+empty.id()+"/vnf_state_snapshot", nil)
	task("COMPLETED", "create_snapshot", object{"vnfSnapshotInfoId": empty.id()})
	taken := snapshots + "/" + empty.id()
	s.want(t, 200, "GET", taken, nil)
	s.want(t, 404, "GET", snapshots+"/none", nil)
	s.want(t, 404, "GET", taken+"/vnf_state_snapshot", nil)
	h.selectors(t, s, snapshots, "id", "vnfSnapshot/vnfInstance", "vnfSnapshot")
	task("COMPLETED", "revert_to_snapshot", object{"vnfSnapshotInfoId": empty.id()})
	s.want(t, 200, "PATCH", taken, object{"vnfSnapshotPkgId": "package-1"})
	s.want(t, 404, "PATCH", snapshots+"/none", object{"vnfSnapshotPkgId": "package-1"})
	s.want(t, 400, "PATCH", taken, object{"nonsense": 1})
	s.want(t, 412, "DELETE", taken, nil, "If-Match", `"old"`)
	s.want(t, 404, "DELETE", snapshots+"/none", nil)
	s.want(t, 204, "DELETE", taken, nil)

	// The NFVO orders what the package is and whether there is a VNF.
	task("ROLLED_BACK", "change_vnfpkg", object{"vnfdId": h.kit("north").GuardVNFD()})
	task("ROLLED_BACK", "terminate", object{"terminationType": "FORCEFUL"})
}

// vnfEnded waits until an operation of the VNFM goes on no further.
func (h *apiHub) vnfEnded(op, want string) {
	h.t.Helper()
	path := "/vnflcm/v2/vnf_lcm_op_occs/" + op
	if got := h.vnfm.until(h.t, path, "operationState", "COMPLETED", "FAILED_TEMP", "FAILED", "ROLLED_BACK"); got != want {
		h.t.Fatalf("%s is %s, want %s: %s", path, got, want, h.vnfm.want(h.t, 200, "GET", path, nil).text)
	}
}

// vnfOperationsSteered cancels operations of the VNFM and takes each way on.
func vnfOperationsSteered(h *apiHub) {
	t, s, ops := h.t, h.vnfm, "/vnflcm/v2/vnf_lcm_op_occs"
	ns, _ := h.newNs("north", "of-the-vnfm")
	h.run("COMPLETED", ns, "instantiate", object{"nsFlavourId": "simple"})
	one := vnfs + "/" + h.of(ns, h.kit("north").WebVNFD())
	s.want(t, 404, "GET", ops+"/none", nil)
	for _, task := range []string{"retry", "rollback", "fail"} {
		s.want(t, 404, "POST", ops+"/none/"+task, nil)
	}
	s.want(t, 404, "POST", ops+"/none/cancel", object{"cancelMode": "GRACEFUL"})
	op := h.cancelled(one)
	h.refusals(t, s, "POST", op+"/retry", nil)
	s.want(t, 409, "POST", op+"/cancel", object{"cancelMode": "GRACEFUL"})
	s.want(t, 202, "POST", op+"/retry", nil)
	h.vnfEnded(op[len(ops)+1:], "COMPLETED")
	for _, task := range []string{"retry", "rollback", "fail"} {
		s.want(t, 409, "POST", op+"/"+task, nil)
	}
	op = h.cancelled(one)
	s.want(t, 202, "POST", op+"/rollback", nil)
	h.vnfEnded(op[len(ops)+1:], "ROLLED_BACK")
	op = h.cancelled(one)
	s.want(t, 200, "POST", op+"/fail", nil)
	h.vnfEnded(op[len(ops)+1:], "FAILED")
	s.want(t, 400, "POST", op+"/cancel", object{"cancelMode": "SOON"})
	h.run("COMPLETED", ns, "terminate", object{})
}

// cancelled scales a VNF and cancels that while it runs, which takes a little
// luck, and returns the operation.
func (h *apiHub) cancelled(one string) string {
	t, s := h.t, h.vnfm
	t.Helper()
	for range 20 {
		op := "/vnflcm/v2/vnf_lcm_op_occs/" + s.want(t, 202, "POST", one+"/scale_to_level", object{"instantiationLevelId": "large"}).id()
		s.until(t, op, "operationState", "PROCESSING", "COMPLETED") // before that it would be rolled back
		a, err := s.send(t.Context(), s.http, "POST", op+"/cancel", object{"cancelMode": "FORCEFUL"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		state := s.until(t, op, "operationState", "COMPLETED", "FAILED_TEMP", "FAILED", "ROLLED_BACK")
		if a.StatusCode == 202 && state == "FAILED_TEMP" {
			return op
		}
		if state == "COMPLETED" {
			back := s.want(t, 202, "POST", one+"/scale_to_level", object{"instantiationLevelId": "small"}).id()
			h.vnfEnded(back, "COMPLETED")
		}
	}
	t.Fatal("no operation could be cancelled")
	return ""
}
