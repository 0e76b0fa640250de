package nfvo_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

func removal(vnfID string, params sol005.KeyValuePairs) sol005.UpdateNsRequest {
	return sol005.UpdateNsRequest{
		UpdateType: "REMOVE_VNF", RemoveVnfInstanceID: []string{vnfID},
		TerminateVnfData: []sol005.TerminateVnfData{{VnfInstanceID: vnfID, TerminationType: "FORCEFUL", AdditionalParams: params}},
	}
}

// TestRemovalWithEverything: a snapshot first, no replacement, the package
// disabled, everything else of the domain on the host ended, everything erased.
func TestRemovalWithEverything(t *testing.T) {
	w := newWorld(t)
	n, second, foreign := w.instantiated(north, "shop"), w.instantiated(north, "shop"), w.instantiated(south, "south-shop")
	web := vnfOf(t, n, "web")
	// All computes share one host but the second NS's db.
	w.vim.mu.Lock()
	away := vnfOf(t, second, "db").ID
	for id, c := range w.vim.computes {
		if c.HostID = "h1"; strings.HasPrefix(id, away) {
			c.HostID = "h2"
		}
		w.vim.computes[id] = c
	}
	w.vim.mu.Unlock()
	w.vnfm.mu.Lock()
	w.vnfm.calls = nil
	w.vnfm.mu.Unlock()

	w.run(north, n.ID, "update", removal(web.ID, sol005.KeyValuePairs{
		"manoward.snapshotFirst": true, "manoward.replace": false, "manoward.disablePackage": true, "manoward.coHosted": true, "manoward.erase": true,
	}))
	w.vnfm.mu.Lock()
	calls := slices.Clone(w.vnfm.calls)
	w.vnfm.mu.Unlock()
	if len(calls) != 4 || calls[0] != "create_snapshot web" || calls[1] != "terminate web" {
		t.Errorf("at the VNFM: %v", calls)
	}
	after := w.show(n.ID)
	if len(after.VnfInstance) != 0 || len(after.VnfSnapshotInfoIDs) != 1 {
		t.Errorf("this NS: %d VNFs, snapshots %v", len(after.VnfInstance), after.VnfSnapshotInfoIDs)
	}
	if left := w.show(second.ID).VnfInstance; len(left) != 1 || left[0].ID != away {
		t.Errorf("the other NS keeps only what is on another host: %+v", left)
	}
	if left := w.show(foreign.ID).VnfInstance; len(left) != 2 {
		t.Errorf("another domain's VNFs on the host were ended: %+v", left)
	}
	w.vim.mu.Lock()
	if !slices.ContainsFunc(w.vim.erased, func(id string) bool { return strings.HasPrefix(id, web.ID) }) {
		t.Errorf("erased: %v", w.vim.erased)
	}
	w.vim.mu.Unlock()
	if !w.cat.disabled["pkg-north-web"] || w.cat.disabled["pkg-south-web"] {
		t.Errorf("disabled packages: %v", w.cat.disabled)
	}
	child := decode[[]map[string]any](t, w.call(north, "GET", "/nslcm/v2/ns_lcm_op_occs?filter=(eq,nsInstanceId,"+second.ID+");(eq,lcmOperationType,UPDATE)", nil))
	if len(child) != 1 || child[0]["manoward.partOf"] == "" || child[0]["operationState"] != "COMPLETED" {
		t.Errorf("the operation of the other NS: %v", child)
	}
}

// TestBarHoldsUntilAnOperatorLiftsIt.
func TestBarHoldsUntilAnOperatorLiftsIt(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	w.run(north, n.ID, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "webs"}}})
	first, rest := w.show(n.ID).VnfInstance[1], w.show(n.ID).VnfInstance[2]
	w.run(north, n.ID, "update", removal(first.ID, sol005.KeyValuePairs{"manoward.replace": false}))
	path := "/manoward/v1/ns_instances/" + n.ID + "/replacement_bars"
	bars := decode[[]nfvo.Bar](t, w.call(north, "GET", path, nil))
	if len(bars) != 1 || bars[0].VnfProfileID != "web" || bars[0].VnfInstanceID != first.ID || bars[0].By != north {
		t.Fatalf("bars: %+v", bars)
	}
	shown := decode[struct {
		Bars map[string]nfvo.Bar `json:"manoward.replacementBars"`
	}](t, w.call(north, "GET", nsInstances+"/"+n.ID, nil))
	if shown.Bars["web"] != bars[0] {
		t.Errorf("the NS shows the bars %+v", shown.Bars)
	}
	refused := map[string]any{
		"scale":  sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "webs"}}},
		"heal":   sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: rest.ID}}},
		"update": sol005.UpdateNsRequest{UpdateType: "INSTANTIATE_VNF", InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "web"}}},
	}
	for task, in := range refused {
		if r := w.call(north, "POST", nsInstances+"/"+n.ID+"/"+task, in); r.status != 409 || !strings.Contains(string(r.body), "replacement_bars") {
			t.Errorf("%s of a barred profile: %d %s", task, r.status, r.body)
		}
	}
	// The VNFM heals on its own: refused, recorded, nothing changed.
	before, _, _ := w.vim.counts()
	op := w.vnfm.begin(rest.ID, "heal", true, "", nil)
	w.vnfm.work.Wait()
	w.vnfm.mu.Lock()
	occ := w.vnfm.ops[op]
	w.vnfm.mu.Unlock()
	if occ.OperationState != "ROLLED_BACK" || !strings.Contains(occ.Error.Detail, "403") || !strings.Contains(occ.Error.Detail, "barred") {
		t.Errorf("automatic healing: %+v", occ)
	}
	if after, _, _ := w.vim.counts(); after != before || len(w.log.kinds("grant.refused")) != 1 {
		t.Errorf("computes %d, before %d; records %v", after, before, w.log.kinds("grant.refused"))
	}
	// A VNF of the barred profile that is gone is not brought back.
	w.vnfm.mu.Lock()
	delete(w.vnfm.instances, rest.ID)
	w.vnfm.mu.Unlock()
	if err := w.svc.AutoHeal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ops := decode[[]map[string]any](t, w.call(north, "GET", "/nslcm/v2/ns_lcm_op_occs?filter=(eq,lcmOperationType,HEAL)", nil)); len(ops) != 0 {
		t.Errorf("healed although barred: %v", ops)
	}
	if r := w.call(operator, "GET", path+"/web", nil); r.status != 200 {
		t.Errorf("show: %d", r.status)
	}
	if r := w.call(operator, "DELETE", path+"/web", nil); r.status != 204 {
		t.Fatalf("lift: %d %s", r.status, r.body)
	}
	if r := w.call(operator, "DELETE", path+"/web", nil); r.status != 404 {
		t.Errorf("lift again: %d", r.status)
	}
	if r := w.call(operator, "GET", path+"/web", nil); r.status != 404 {
		t.Errorf("show a bar that is lifted: %d", r.status)
	}
	if err := w.svc.AutoHeal(t.Context()); err != nil {
		t.Fatal(err)
	}
	ops := decode[[]sol005.NsLcmOpOcc](t, w.call(north, "GET", "/nslcm/v2/ns_lcm_op_occs?filter=(eq,lcmOperationType,HEAL)", nil))
	if len(ops) != 1 || !ops[0].IsAutomaticInvocation {
		t.Fatalf("after the bar is lifted the lost VNF is made again: %v", ops)
	}
	o := w.await(ops[0].ID, "COMPLETED")
	if o.Source != (nfvo.Source{Kind: nfvo.SourceAutoHeal, Identity: "spiffe://hub/nfvo/hub"}) || len(w.show(n.ID).VnfInstance) != 2 {
		t.Errorf("auto-heal: %+v, %d VNFs", o.Source, len(w.show(n.ID).VnfInstance))
	}
}

// TestCoHostedInAnNsThatIsHeld: what cannot be ended is said.
func TestCoHostedInAnNsThatIsHeld(t *testing.T) {
	w := newWorld(t)
	n, second := w.instantiated(north, "shop"), w.instantiated(north, "shop")
	w.vim.mu.Lock()
	for id, c := range w.vim.computes {
		c.HostID = "h1"
		w.vim.computes[id] = c
	}
	w.vim.mu.Unlock()
	w.vnfm.setFail("operate", "out of luck")
	in := updateOf("OPERATE_VNF")
	in.OperateVnfData = []sol005.OperateVnfData{{VnfInstanceID: vnfOf(t, second, "db").ID, ChangeStateTo: "STOPPED"}}
	held := w.do(north, second.ID, "update", in)
	w.await(held, "FAILED_TEMP")
	op := w.do(north, n.ID, "update", removal(vnfOf(t, n, "web").ID, sol005.KeyValuePairs{"manoward.coHosted": true}))
	o := w.await(op, "PARTIALLY_COMPLETED")
	if len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], held) {
		t.Errorf("warnings: %v", o.Warnings)
	}
	if len(w.show(n.ID).VnfInstance) != 0 || len(w.show(second.ID).VnfInstance) != 2 {
		t.Error("the VNFs of this NS must be gone, the held one's not")
	}
}
