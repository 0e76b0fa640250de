package nfvo_test

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol005"
)

func updateOf(kind string) sol005.UpdateNsRequest { return sol005.UpdateNsRequest{UpdateType: kind} }

// TestEveryUpdateType drives each type that is built, and looks at what it did.
func TestEveryUpdateType(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	web, db := vnfOf(t, n, "web").ID, vnfOf(t, n, "db").ID
	second := w.instantiated(north, "shop")
	secondWeb := vnfOf(t, second, "web").ID

	in := updateOf("INSTANTIATE_VNF")
	in.InstantiateVnfData = []sol005.InstantiateVnfData{{VnfProfileID: "fw", VnfInstanceName: "wall"}}
	o := w.run(north, n.ID, "update", in)
	if a := o.ResourceChanges.AffectedVnfs; len(a) != 1 || a[0].ChangeType != "INSTANTIATE" || a[0].VnfName != "wall" || a[0].VnfProfileID != "fw" {
		t.Errorf("INSTANTIATE_VNF: %+v", a)
	}
	if ok, err := w.svc.IsSecurityVnf(t.Context(), o.ResourceChanges.AffectedVnfs[0].VnfInstanceID); !ok || err != nil {
		t.Errorf("the firewall is a security VNF: %v, %v", ok, err)
	}

	in = updateOf("OPERATE_VNF")
	in.OperateVnfData = []sol005.OperateVnfData{{VnfInstanceID: web, ChangeStateTo: "STOPPED"}}
	w.run(north, n.ID, "update", in)
	if v := vnfOf(t, w.show(n.ID), "web"); v.InstantiatedVnfInfo.VnfState != "STOPPED" {
		t.Errorf("OPERATE_VNF: %+v", v)
	}

	in = updateOf("MODIFY_VNF_INFORMATION")
	in.ModifyVnfInfoData = []sol005.ModifyVnfInfoData{{VnfInstanceID: web, VnfInstanceName: "renamed"}}
	o = w.run(north, n.ID, "update", in)
	if v := vnfOf(t, w.show(n.ID), "web"); v.VnfInstanceName != "renamed" || o.ResourceChanges.AffectedVnfs[0].ChangedInfo.ChangedVnfInfo.VnfInstanceName != "renamed" {
		t.Errorf("MODIFY_VNF_INFORMATION: %+v", v)
	}

	in = updateOf("CHANGE_EXTERNAL_VNF_CONNECTIVITY")
	link := n.VirtualLinkInfo[0].ID
	in.ChangeExtVnfConnectivityData = []sol005.ChangeExtVnfConnectivityData{{VnfInstanceID: web, ExtVirtualLinks: []sol005.ExtVirtualLinkData{{ResourceID: link, ExtCps: []sol005.VnfExtCpData{{CpdID: "ext9"}}}}}}
	w.run(north, n.ID, "update", in)
	if v := vnfOf(t, w.show(n.ID), "web"); v.InstantiatedVnfInfo.ExtCpInfo[0].CpdID != "ext9" {
		t.Errorf("CHANGE_EXTERNAL_VNF_CONNECTIVITY: %+v", v.InstantiatedVnfInfo)
	}

	in = updateOf("CHANGE_VNFPKG")
	in.ChangeVnfPackageData = []sol005.ChangeVnfPackageData{{VnfInstanceID: web, VnfdID: "web-2"}}
	w.run(north, n.ID, "update", in)
	if v := vnfOf(t, w.show(n.ID), "web-2"); v.ID != web || v.VnfPkgID != "pkg-north-web-2" {
		t.Errorf("CHANGE_VNFPKG: %+v", v)
	}
	if list := decode[[]map[string]any](t, w.call(north, "GET", nsInstances+"?filter=(eq,vnfInstance/vnfPkgId,pkg-north-web-2)", nil)); len(list) != 1 {
		t.Errorf("found by its new package: %v", list)
	}

	in = updateOf("ADD_PNF")
	in.AddPnfData = []sol005.AddPnfData{{PnfID: "p1", PnfName: "router", PnfdID: "gateway", PnfProfileID: "gw"}}
	o = w.run(north, n.ID, "update", in)
	if p := w.show(n.ID).PnfInfo; len(p) != 1 || p[0].PnfdInfoID != "pnfd-info" || len(o.ResourceChanges.AffectedPnfs) != 1 {
		t.Errorf("ADD_PNF: %+v", p)
	}
	in = updateOf("REMOVE_PNF")
	in.RemovePnfID = []string{"p1"}
	w.run(north, n.ID, "update", in)
	if _, _, ports := w.vim.counts(); len(w.show(n.ID).PnfInfo) != 0 || ports != 2 { // those of the SAPs of two NSs
		t.Errorf("REMOVE_PNF: %d ports left", ports)
	}

	in = updateOf("CREATE_VNF_SNAPSHOT")
	in.CreateSnapshotData = &sol005.CreateVnfSnapshotData{VnfInstanceID: db}
	w.run(north, n.ID, "update", in)
	snaps := w.show(n.ID).VnfSnapshotInfoIDs
	if len(snaps) != 1 {
		t.Fatalf("CREATE_VNF_SNAPSHOT: %v", snaps)
	}
	shown := decode[sol005.VnfSnapshotInfo](t, w.call(north, "GET", "/nslcm/v2/vnf_snapshots/"+snaps[0], nil))
	if shown.VnfSnapshot == nil || shown.VnfSnapshot.VnfInstanceID != db || shown.VnfSnapshot.VnfInstance.VnfPkgID != "pkg-north-db" {
		t.Errorf("snapshot: %+v", shown)
	}
	in = updateOf("REVERT_VNF_TO_SNAPSHOT")
	in.RevertVnfToSnapshotData = &sol005.RevertVnfToSnapshotData{VnfInstanceID: db, VnfSnapshotInfoID: snaps[0]}
	w.run(north, n.ID, "update", in)
	in = updateOf("DELETE_VNF_SNAPSHOT_INFO")
	in.DeleteVnfSnapshotData = &sol005.DeleteVnfSnapshotData{VnfInstanceID: db, VnfSnapshotInfoID: snaps[0]}
	w.run(north, n.ID, "update", in)
	if left := w.show(n.ID).VnfSnapshotInfoIDs; len(left) != 0 || w.call(north, "GET", "/nslcm/v2/vnf_snapshots/"+snaps[0], nil).status != 404 {
		t.Errorf("DELETE_VNF_SNAPSHOT_INFO: %v", left)
	}

	in = updateOf("MOVE_VNF")
	in.MoveVnfInstanceData = []sol005.MoveVnfInstanceData{{TargetNsInstanceID: second.ID, VnfInstanceID: []string{db}}}
	w.run(north, n.ID, "update", in)
	if from, to := w.show(n.ID), w.show(second.ID); len(from.VnfInstance) != 2 || len(to.VnfInstance) != 3 {
		t.Errorf("MOVE_VNF: %d here, %d there", len(from.VnfInstance), len(to.VnfInstance))
	}

	in = updateOf("ADD_VNF")
	in.AddVnfIstance = []sol005.VnfInstanceData{{VnfInstanceID: secondWeb, VnfProfileID: "web"}}
	w.run(north, n.ID, "update", in)
	in = updateOf("REMOVE_VNF")
	in.RemoveVnfInstanceID = []string{secondWeb}
	o = w.run(north, second.ID, "update", in)
	if a := o.ResourceChanges.AffectedVnfs; len(a) != 1 || a[0].ChangeType != "REMOVE" || w.vnfm.count() != 5 {
		t.Errorf("a shared VNF must go on living: %+v, %d VNFs", a, w.vnfm.count())
	}
	o = w.run(north, n.ID, "update", in)
	if a := o.ResourceChanges.AffectedVnfs; len(a) != 1 || a[0].ChangeType != "TERMINATE" || w.vnfm.count() != 4 {
		t.Errorf("the last NS ends it: %+v, %d VNFs", a, w.vnfm.count())
	}
	for _, id := range []string{n.ID, second.ID} {
		w.run(north, id, "terminate", sol005.TerminateNsRequest{})
	}
	if c, nets, ports := w.vim.counts(); c+nets+ports != 0 || !w.uses("") {
		t.Errorf("left: %d computes, %d networks, %d ports, packages in use: %s", c, nets, ports, w.used())
	}
}

// TestUpdatesThatAreRefused: right status, a text with the mend, nothing changed.
func TestUpdatesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	other := w.instantiated(south, "south-shop")
	web, theirs := vnfOf(t, n, "web").ID, vnfOf(t, other, "web").ID
	link := n.VirtualLinkInfo[0].ID
	cases := map[string]struct {
		body   string
		status int
		text   string
	}{
		"unknown type":            {`{"updateType":"EXPLODE"}`, 400, "no updateType"},
		"no type":                 {`{}`, 400, "no updateType"},
		"not built":               {`{"updateType":"CHANGE_NS_DF"}`, 422, "not supported by this NFVO"},
		"not built, misspelt":     {`{"updateType":"ADD SAP"}`, 422, "not supported by this NFVO"},
		"later":                   {`{"updateType":"REMOVE_PNF","removePnfId":["x"],"updateTime":"2030-01-01T00:00:00Z"}`, 422, "updateTime"},
		"payload missing":         {`{"updateType":"REMOVE_VNF"}`, 400, "removeVnfInstanceId"},
		"payload of another type": {`{"updateType":"REMOVE_PNF","removePnfId":["x"],"addVnfIstance":[{"vnfInstanceId":"a","vnfProfileId":"web"}]}`, 400, "addVnfIstance"},
		"no JSON":                 {`{`, 400, ""},
		"no such VNF":             {`{"updateType":"REMOVE_VNF","removeVnfInstanceId":["x"]}`, 404, "no VNF instance"},
		"another domain's VNF":    {`{"updateType":"REMOVE_VNF","removeVnfInstanceId":["` + theirs + `"]}`, 404, "no VNF instance"},
		"add another domain's":    {`{"updateType":"ADD_VNF","addVnfIstance":[{"vnfInstanceId":"` + theirs + `","vnfProfileId":"web"}]}`, 404, "there is no VNF instance"},
		"add, no profile":         {`{"updateType":"ADD_VNF","addVnfIstance":[{"vnfInstanceId":"` + web + `","vnfProfileId":"x"}]}`, 422, "db, fw, web"},
		"add, other VNFD":         {`{"updateType":"ADD_VNF","addVnfIstance":[{"vnfInstanceId":"` + web + `","vnfProfileId":"db"}]}`, 422, "needs db"},
		"add again":               {`{"updateType":"ADD_VNF","addVnfIstance":[{"vnfInstanceId":"` + web + `","vnfProfileId":"web"}]}`, 409, "already"},
		"terminate another":       {`{"updateType":"REMOVE_VNF","removeVnfInstanceId":["` + web + `"],"terminateVnfData":[{"vnfInstanceId":"y"}]}`, 400, "name it in both"},
		"termination type":        {`{"updateType":"REMOVE_VNF","removeVnfInstanceId":["` + web + `"],"terminateVnfData":[{"vnfInstanceId":"` + web + `","terminationType":"SOON"}]}`, 400, "FORCEFUL"},
		"unknown extension":       {`{"updateType":"REMOVE_VNF","removeVnfInstanceId":["` + web + `"],"terminateVnfData":[{"vnfInstanceId":"` + web + `","additionalParams":{"manoward.burn":true}}]}`, 400, "manoward.burn"},
		"extension not a bool":    {`{"updateType":"REMOVE_VNF","removeVnfInstanceId":["` + web + `"],"terminateVnfData":[{"vnfInstanceId":"` + web + `","additionalParams":{"manoward.replace":"no"}}]}`, 400, "true or false"},
		"VNFD not foreseen":       {`{"updateType":"INSTANTIATE_VNF","instantiateVnfData":[{"vnfdId":"miner"}]}`, 422, "foresees no VNF"},
		"VNFD of another profile": {`{"updateType":"INSTANTIATE_VNF","instantiateVnfData":[{"vnfdId":"db","vnfProfileId":"web"}]}`, 422, "is of VNFD"},
		"no profile, no VNFD":     {`{"updateType":"INSTANTIATE_VNF","instantiateVnfData":[{"vnfInstanceName":"x"}]}`, 400, "vnfProfileId or vnfdId"},
		"foreign network":         {`{"updateType":"INSTANTIATE_VNF","instantiateVnfData":[{"vnfProfileId":"fw","extVirtualLinks":[{"resourceId":"` + other.VirtualLinkInfo[0].ID + `","extCps":[{"cpdId":"e"}]}]}]}`, 422, "no virtual link"},
		"operate":                 {`{"updateType":"OPERATE_VNF","operateVnfData":[{"vnfInstanceId":"` + web + `","changeStateTo":"FLY"}]}`, 400, "STARTED or STOPPED"},
		"modify nothing":          {`{"updateType":"MODIFY_VNF_INFORMATION","modifyVnfInfoData":[{"vnfInstanceId":"` + web + `"}]}`, 400, "nothing is to be modified"},
		"modify what is ours":     {`{"updateType":"MODIFY_VNF_INFORMATION","modifyVnfInfoData":[{"vnfInstanceId":"` + web + `","metadata":{"manoward.trustDomain":"south"}}]}`, 422, "NFVO's own"},
		"modify the VNFD":         {`{"updateType":"MODIFY_VNF_INFORMATION","modifyVnfInfoData":[{"vnfInstanceId":"` + web + `","vnfdId":"db"}]}`, 422, "CHANGE_VNFPKG"},
		"connect to nothing":      {`{"updateType":"CHANGE_EXTERNAL_VNF_CONNECTIVITY","changeExtVnfConnectivityData":[{"vnfInstanceId":"` + web + `","extVirtualLinks":[]}]}`, 400, "extVirtualLinks"},
		"connect no CP":           {`{"updateType":"CHANGE_EXTERNAL_VNF_CONNECTIVITY","changeExtVnfConnectivityData":[{"vnfInstanceId":"` + web + `","extVirtualLinks":[{"resourceId":"` + link + `","extCps":[]}]}]}`, 400, "extCps"},
		"package not on-boarded":  {`{"updateType":"CHANGE_VNFPKG","changeVnfPackageData":[{"vnfInstanceId":"` + web + `","vnfdId":"x"}]}`, 404, "no package"},
		"move nowhere":            {`{"updateType":"MOVE_VNF","moveVnfInstanceData":[{"targetNsInstanceId":"x","vnfInstanceId":["` + web + `"]}]}`, 404, "no NS instance"},
		"move to another domain":  {`{"updateType":"MOVE_VNF","moveVnfInstanceData":[{"targetNsInstanceId":"` + other.ID + `","vnfInstanceId":["` + web + `"]}]}`, 404, "no NS instance"},
		"move to itself":          {`{"updateType":"MOVE_VNF","moveVnfInstanceData":[{"targetNsInstanceId":"` + n.ID + `","vnfInstanceId":["` + web + `"]}]}`, 422, "another one"},
		"PNF of no profile":       {`{"updateType":"ADD_PNF","addPnfData":[{"pnfId":"p","pnfName":"p","pnfdId":"gateway","pnfProfileId":"x"}]}`, 422, "no PNF profile"},
		"PNF without id":          {`{"updateType":"ADD_PNF","addPnfData":[{"pnfProfileId":"gw"}]}`, 400, "pnfId"},
		"PNF of another PNFD":     {`{"updateType":"ADD_PNF","addPnfData":[{"pnfId":"p","pnfName":"p","pnfdId":"x","pnfProfileId":"gw"}]}`, 422, "is of PNFD"},
		"no such PNF":             {`{"updateType":"REMOVE_PNF","removePnfId":["x"]}`, 404, "no PNF"},
		"snapshot of no VNF":      {`{"updateType":"CREATE_VNF_SNAPSHOT","createSnapshotData":{"vnfInstanceId":"x"}}`, 404, "no VNF instance"},
		"no such snapshot":        {`{"updateType":"REVERT_VNF_TO_SNAPSHOT","revertVnfToSnapshotData":{"vnfInstanceId":"` + web + `","vnfSnapshotInfoId":"x"}}`, 404, "no snapshot"},
		"delete no snapshot":      {`{"updateType":"DELETE_VNF_SNAPSHOT_INFO","deleteVnfSnapshotData":{"vnfInstanceId":"` + web + `","vnfSnapshotInfoId":"x"}}`, 404, "no snapshot"},
	}
	before := string(w.call(north, "GET", nsInstances+"/"+n.ID, nil).body)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := w.call(north, "POST", nsInstances+"/"+n.ID+"/update", c.body)
			if r.status != c.status || !strings.Contains(string(r.body), c.text) {
				t.Errorf("%d %s, want %d with %q", r.status, r.body, c.status, c.text)
			}
		})
	}
	if after := string(w.call(north, "GET", nsInstances+"/"+n.ID, nil).body); after != before {
		t.Errorf("a refused update changed the NS:\n%s\n%s", before, after)
	}
	if ops := decode[[]map[string]any](t, w.call(north, "GET", "/nslcm/v2/ns_lcm_op_occs?filter=(eq,lcmOperationType,UPDATE)", nil)); len(ops) != 0 {
		t.Errorf("a refused update is shown as an operation: %v", ops)
	}
}

func TestUpdateTypesNotBuiltSayWhy(t *testing.T) {
	w := newWorld(t)
	id := w.create(north, "shop")
	built := "ADD_VNF REMOVE_VNF INSTANTIATE_VNF OPERATE_VNF MODIFY_VNF_INFORMATION CHANGE_EXTERNAL_VNF_CONNECTIVITY CHANGE_VNFPKG MOVE_VNF ADD_PNF REMOVE_PNF CREATE_VNF_SNAPSHOT REVERT_VNF_TO_SNAPSHOT DELETE_VNF_SNAPSHOT_INFO "
	for _, kind := range sol005.UpdateTypes() {
		want := 422
		if strings.Contains(built, kind+" ") {
			want = 400 // its payload is missing
		}
		if r := w.call(north, "POST", nsInstances+"/"+id+"/update", updateOf(kind)); r.status != want {
			t.Errorf("%s: %d %s, want %d", kind, r.status, r.body, want)
		}
	}
	in := updateOf("REMOVE_PNF")
	in.RemovePnfID = []string{"x"}
	if r := w.call(north, "POST", nsInstances+"/"+id+"/update", in); r.status != 409 {
		t.Errorf("update of an NS that is not instantiated: %d", r.status)
	}
}
