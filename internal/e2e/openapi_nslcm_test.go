package e2e_test

import (
	"net/url"
	"slices"

	"github.com/manoward/manoward/internal/sol/sol005"
)

const nss = "/nslcm/v2/ns_instances"

// object is a JSON object.
type object = map[string]any

// newNs makes an NS of a domain's kit over the validated interface.
func (h *apiHub) newNs(domain, name string) (path, id string) {
	h.t.Helper()
	id = h.osMa.want(h.t, 201, "POST", nss, object{"nsdId": h.kit(domain).NSDID(), "nsName": name, "nsDescription": "validated"}).id()
	return nss + "/" + id, id
}

// run starts a task of an NS and waits until its operation goes on no further,
// which must be in a state.
func (h *apiHub) run(state, ns, task string, in any) (op string) {
	h.t.Helper()
	op = "/nslcm/v2/ns_lcm_op_occs/" + h.osMa.want(h.t, 202, "POST", ns+"/"+task, in).id()
	h.ended(op, state)
	return op
}

// ended waits until an operation goes on no further.
func (h *apiHub) ended(op, want string) {
	h.t.Helper()
	got := h.osMa.until(h.t, op, "operationState", "COMPLETED", "PARTIALLY_COMPLETED", "FAILED_TEMP", "FAILED", "ROLLED_BACK")
	if got != want {
		h.t.Fatalf("%s is %s, want %s: %s", op, got, want, h.osMa.want(h.t, 200, "GET", op, nil).text)
	}
}

func (h *apiHub) members(ns string) (vnfs []sol005.VnfInstance, pnfs []string) {
	h.t.Helper()
	var n sol005.NsInstance
	h.osMa.want(h.t, 200, "GET", ns, nil).json(h.t, &n)
	for _, p := range n.PnfInfo {
		pnfs = append(pnfs, p.PnfID)
	}
	return n.VnfInstance, pnfs
}

// of returns the ID of the VNF of a VNFD.
func (h *apiHub) of(ns, vnfd string) string {
	h.t.Helper()
	vnfs, _ := h.members(ns)
	i := slices.IndexFunc(vnfs, func(v sol005.VnfInstance) bool { return v.VnfdID == vnfd })
	if i < 0 {
		h.t.Fatalf("%s has no VNF of %s", ns, vnfd)
	}
	return vnfs[i].ID
}

// networkServices drives nslcm/v2 as an OSS: the life of an NS with each task.
func networkServices(h *apiHub) {
	t, s := h.t, h.osMa
	k := h.kit("north")
	create := object{"nsdId": k.NSDID(), "nsName": "edge", "nsDescription": "validated"}
	h.refusals(t, s, "POST", nss, create)
	s.want(t, 400, "POST", nss, "{")
	s.want(t, 400, "POST", nss, object{"nsName": "no NSD"})
	s.want(t, 404, "POST", nss, object{"nsdId": "none", "nsName": "a", "nsDescription": "b"})
	ns, id := h.newNs("north", "edge")
	h.newNs("south", "other")
	s.want(t, 404, "GET", nss+"/none", nil)
	h.refusals(t, s, "GET", ns, nil)

	// What is not instantiated can only be instantiated, or deleted.
	tasks := map[string]any{
		"instantiate": object{"nsFlavourId": "simple"},
		"scale":       object{"scaleType": "SCALE_NS", "scaleNsData": object{"scaleNsByStepsData": object{"scalingDirection": "SCALE_OUT", "aspectId": "users", "numberOfSteps": 1}}},
		"heal":        object{"healVnfData": []any{object{"vnfInstanceId": "none"}}},
		"update":      object{"updateType": "INSTANTIATE_VNF", "instantiateVnfData": []any{object{"vnfProfileId": "guard", "vnfFlavourId": "one"}}},
		"terminate":   object{},
	}
	for task, in := range tasks {
		if task != "instantiate" {
			s.want(t, 409, "POST", ns+"/"+task, in)
		}
		s.want(t, 404, "POST", nss+"/none/"+task, in)
		s.want(t, 400, "POST", ns+"/"+task, "{")
		h.refusals(t, s, "POST", ns+"/"+task, in)
	}
	s.want(t, 422, "POST", ns+"/instantiate", object{"nsFlavourId": "none"})
	h.run("COMPLETED", ns, "instantiate", tasks["instantiate"])
	s.want(t, 409, "POST", ns+"/instantiate", tasks["instantiate"])
	s.want(t, 409, "DELETE", ns, nil)
	s.want(t, 404, "DELETE", nss+"/none", nil)
	s.want(t, 200, "GET", ns, nil)

	h.run("COMPLETED", ns, "scale", tasks["scale"])
	s.want(t, 400, "POST", ns+"/scale", object{"scaleType": "SCALE_MORE"})
	web := h.of(ns, k.WebVNFD())
	h.run("COMPLETED", ns, "scale", object{"scaleType": "SCALE_VNF", "scaleVnfData": []any{object{"vnfInstanceId": web, "scaleVnfType": "SCALE_OUT", "scaleByStepData": object{"aspectId": "out", "numberOfSteps": 1}}}})
	h.run("COMPLETED", ns, "scale", object{"scaleType": "SCALE_VNF", "scaleVnfData": []any{object{"vnfInstanceId": web, "scaleVnfType": "SCALE_TO_INSTANTIATION_LEVEL", "scaleToLevelData": object{"vnfInstantiationLevelId": "small"}}}})
	h.run("COMPLETED", ns, "heal", object{"healVnfData": []any{object{"vnfInstanceId": web, "cause": "exercise"}}})
	s.want(t, 404, "POST", ns+"/heal", tasks["heal"])
	s.want(t, 422, "POST", ns+"/heal", object{"healNsData": object{"degreeHealing": "HEAL_RESTORE", "healScript": "mend"}})
	h.run("COMPLETED", ns, "heal", object{"healNsData": object{"degreeHealing": "HEAL_RESTORE", "actionsHealing": []string{"heal"}}})
	s.want(t, 400, "POST", ns+"/heal", object{})
	h.updates(ns, id, web)
	h.selectors(t, s, nss, "nsInstanceName", "vnfInstance", "vnffgInfo")
	h.selectors(t, s, "/nslcm/v2/ns_lcm_op_occs", "nsInstanceId", "resourceChanges", "error")

	h.run("COMPLETED", ns, "terminate", tasks["terminate"])
	s.want(t, 200, "GET", ns, nil)
	s.want(t, 412, "DELETE", ns, nil, "If-Match", `"old"`)
	tag := s.want(t, 200, "GET", ns, nil).Header.Get("ETag")
	s.want(t, 204, "DELETE", ns, nil, "If-Match", tag)
	s.want(t, 404, "GET", ns, nil)
	h.receivers["nslcm"].await(t, "NsIdentifierCreationNotification", "NsLcmOperationOccurrenceNotification", "NsChangeNotification", "NsIdentifierDeletionNotification")
}

// updates runs each type of update that there is.
func (h *apiHub) updates(ns, id, web string) {
	t, s, k := h.t, h.osMa, h.kit("north")
	update := func(kind string, attribute string, value any) string {
		t.Helper()
		op := h.run("COMPLETED", ns, "update", object{"updateType": kind, attribute: value})
		s.want(t, 200, "GET", ns, nil)
		return op
	}
	s.want(t, 400, "POST", ns+"/update", object{"updateType": "DANCE"})
	s.want(t, 422, "POST", ns+"/update", object{"updateType": "ADD_SAP", "addSap": []any{}})
	s.want(t, 400, "POST", ns+"/update", object{"updateType": "REMOVE_VNF"})
	s.want(t, 404, "POST", ns+"/update", object{"updateType": "REMOVE_VNF", "removeVnfInstanceId": []string{"none"}})

	update("INSTANTIATE_VNF", "instantiateVnfData", []any{object{"vnfProfileId": "guard", "vnfFlavourId": "one"}})
	guard := h.of(ns, k.GuardVNFD())
	update("OPERATE_VNF", "operateVnfData", []any{object{"vnfInstanceId": web, "changeStateTo": "STOPPED", "stopType": "FORCEFUL"}})
	update("OPERATE_VNF", "operateVnfData", []any{object{"vnfInstanceId": web, "changeStateTo": "STARTED"}})
	update("MODIFY_VNF_INFORMATION", "modifyVnfInfoData", []any{object{"vnfInstanceId": web, "vnfInstanceName": "renamed", "metadata": object{"team": "blue"}}})
	pnf := object{"pnfId": "box-1", "pnfName": "box", "pnfdId": k.PNFD(), "pnfProfileId": "box"}
	update("ADD_PNF", "addPnfData", []any{pnf})
	update("REMOVE_PNF", "removePnfId", []string{"box-1"})

	snapshots := "/nslcm/v2/vnf_snapshots"
	update("CREATE_VNF_SNAPSHOT", "createSnapshotData", object{"vnfInstanceId": web})
	_, all := s.pages(t, snapshots)
	if len(all) != 1 {
		t.Fatalf("%d snapshots", len(all))
	}
	h.selectors(t, s, snapshots, "id", "vnfSnapshot/vnfcSnapshots", "vnfSnapshot")
	s.want(t, 200, "GET", snapshots+"/"+all[0], nil)
	s.want(t, 404, "GET", snapshots+"/none", nil)
	update("REVERT_VNF_TO_SNAPSHOT", "revertVnfToSnapshotData", object{"vnfInstanceId": web, "vnfSnapshotInfoId": all[0]})
	update("DELETE_VNF_SNAPSHOT_INFO", "deleteVnfSnapshotData", object{"vnfInstanceId": web, "vnfSnapshotInfoId": all[0]})
	s.want(t, 404, "GET", snapshots+"/"+all[0], nil)
	update("CREATE_VNF_SNAPSHOT", "createSnapshotData", object{"vnfInstanceId": web})
	_, all = s.pages(t, snapshots)
	s.want(t, 404, "DELETE", snapshots+"/none", nil)
	s.want(t, 204, "DELETE", snapshots+"/"+all[0], nil)

	var v sol005.NsInstance
	s.want(t, 200, "GET", ns, nil).json(t, &v)
	network := v.VirtualLinkInfo[0].ResourceHandle[0].ResourceID
	update("CHANGE_EXTERNAL_VNF_CONNECTIVITY", "changeExtVnfConnectivityData", []any{object{"vnfInstanceId": web, "extVirtualLinks": []any{
		object{"resourceId": network, "extCps": []any{object{"cpdId": "front", "cpConfig": object{"one": object{"cpProtocolData": []any{object{"layerProtocol": "IP_OVER_ETHERNET",
			"ipOverEthernet": object{"ipAddresses": []any{object{"type": "IPV4", "numDynamicAddresses": 1}}}}}}}}}},
	}}})
	target, targetID := h.newNs("north", "target")
	h.run("COMPLETED", target, "instantiate", object{"nsFlavourId": "simple"})
	update("MOVE_VNF", "moveVnfInstanceData", []any{object{"targetNsInstanceId": targetID, "vnfInstanceId": []string{guard}}})
	op := h.run("COMPLETED", target, "update", object{"updateType": "REMOVE_VNF", "removeVnfInstanceId": []string{guard}})
	filter := url.QueryEscape("(eq,nsInstanceId," + targetID + ");(eq,operationState,COMPLETED)")
	if _, ids := s.pages(t, "/nslcm/v2/ns_lcm_op_occs?filter="+filter); len(ids) < 2 || !slices.Contains(ids, op[len("/nslcm/v2/ns_lcm_op_occs/"):]) {
		t.Errorf("operations of %s: %v", targetID, ids)
	}
	h.run("COMPLETED", target, "terminate", object{})
	s.want(t, 204, "DELETE", target, nil)
}

// failing makes an operation of a new NS that is FAILED_TEMP, because the guard
// finds no host with a TPM.
func (h *apiHub) failing(name string) (ns, op string) {
	h.t.Helper()
	ns, _ = h.newNs("north", name)
	h.run("COMPLETED", ns, "instantiate", object{"nsFlavourId": "simple"})
	h.hosts("host-failed")
	op = h.run("FAILED_TEMP", ns, "update", object{"updateType": "INSTANTIATE_VNF", "instantiateVnfData": []any{object{"vnfProfileId": "guard", "vnfFlavourId": "one"}}})
	h.hosts("host-recovered")
	return ns, op
}

// hosts lets the hosts that have a TPM fail or recover.
func (h *apiHub) hosts(kind string) {
	for _, host := range []string{"host-1", "host-5"} {
		h.do("vim", "event", kind, host)
	}
}

// operationsSteered steers operations that failed and those that run.
func operationsSteered(h *apiHub) {
	t, s, ops := h.t, h.osMa, "/nslcm/v2/ns_lcm_op_occs"
	s.want(t, 404, "GET", ops+"/none", nil)
	for _, task := range []string{"retry", "rollback", "continue", "fail"} {
		s.want(t, 404, "POST", ops+"/none/"+task, nil)
	}
	s.want(t, 404, "POST", ops+"/none/cancel", object{"cancelMode": "GRACEFUL"})

	_, op := h.failing("to-retry")
	h.refusals(t, s, "POST", op+"/retry", nil)
	s.want(t, 409, "POST", op+"/cancel", object{"cancelMode": "GRACEFUL"})
	s.want(t, 202, "POST", op+"/retry", nil)
	h.ended(op, "COMPLETED")
	for _, task := range []string{"retry", "rollback", "continue", "fail"} {
		s.want(t, 409, "POST", op+"/"+task, nil)
	}
	_, op = h.failing("to-roll-back")
	s.want(t, 202, "POST", op+"/rollback", nil)
	h.ended(op, "ROLLED_BACK")
	_, op = h.failing("to-continue")
	s.want(t, 202, "POST", op+"/continue", nil)
	h.ended(op, "PARTIALLY_COMPLETED")
	ns, op := h.failing("to-fail")
	s.want(t, 200, "POST", op+"/fail", nil)
	s.want(t, 200, "GET", op, nil)
	s.want(t, 200, "GET", ns, nil)
	h.receivers["nslcm"].await(t, "NsLcmCapacityShortageNotification")

	// An operation is cancelled while it runs, which takes a little luck.
	for try := 0; ; try++ {
		ns, _ = h.newNs("north", "to-cancel")
		op = ops + "/" + s.want(t, 202, "POST", ns+"/instantiate", object{"nsFlavourId": "simple", "nsInstantiationLevelId": "high"}).id()
		a, err := s.send(t.Context(), s.http, "POST", op+"/cancel", object{"cancelMode": "GRACEFUL"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		state := s.until(t, op, "operationState", "COMPLETED", "FAILED_TEMP", "FAILED", "ROLLED_BACK")
		if a.StatusCode == 202 {
			if state == "FAILED_TEMP" {
				s.want(t, 202, "POST", op+"/rollback", nil)
				h.ended(op, "ROLLED_BACK")
			}
			break
		}
		if try == 20 {
			t.Fatalf("no operation could be cancelled; the last is %s: %s", state, a.text)
		}
	}
	s.want(t, 400, "POST", op+"/cancel", object{"cancelMode": "SOON"})
}

// longLists reads lists of more than a page.
func longLists(h *apiHub) {
	t, s := h.t, h.osMa
	const more = 130
	var made []string
	for range more {
		_, id := h.newNs("south", "of-many")
		made = append(made, id)
	}
	pages, ids := s.pages(t, nss+"?filter="+url.QueryEscape("(eq,nsInstanceName,of-many)"))
	slices.Sort(made)
	slices.Sort(ids)
	if pages < 2 || !slices.Equal(ids, made) {
		t.Errorf("%d NSs on %d pages; %d were made", len(ids), pages, more)
	}
	vnfs := "/vnflcm/v2/vnf_instances"
	for range more {
		h.vnfm.want(t, 201, "POST", vnfs, object{"vnfdId": h.kit("south").WebVNFD(), "vnfInstanceName": "of-many", "metadata": object{"manoward.trustDomain": "south"}})
	}
	if pages, ids := h.vnfm.pages(t, vnfs+"?filter="+url.QueryEscape("(eq,vnfInstanceName,of-many)")); pages < 2 || len(ids) != more {
		t.Errorf("%d VNFs on %d pages; %d were made", len(ids), pages, more)
	}
}
