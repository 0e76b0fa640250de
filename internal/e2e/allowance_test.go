package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// allowance is a permitted allowance as the hub shows it.
type allowance struct {
	ID     string           `json:"id"`
	Limits map[string]int64 `json:"limits"`
	Used   map[string]int64 `json:"used"`
	State  string           `json:"state"`
}

// An operator bounds what the VNFs of a trust domain may use: an NS that needs more is
// refused its grant and says so, with more allowed it is made, and what is used is what
// the infrastructure has, also after kill -9. Nobody but an operator sees or sets it.
//
// Covers: NFVO
func TestAllowance(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north")
	own := func() *httpapi.Client { return h.osMa("/manoward/v1", "1.0.0") }
	call := func(method, path string, in any) (a allowance) {
		t.Helper()
		if _, err := own().Do(t.Context(), method, path, in, &a); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return a
	}
	is := func(what string, id string, vcpus, vnfs int64) {
		t.Helper()
		a := call(http.MethodGet, "/allowances/"+id, nil)
		var there, memory int
		for _, host := range resources[ifa006.Host](h, "hosts", "") {
			there, memory = there+host.Allocated.VCPUs, memory+host.Allocated.MemoryMiB
		}
		if a.Used["vcpus"] != vcpus || a.Used["vnfInstances"] != vnfs || int64(there) != vcpus || int64(memory) != a.Used["memoryMiB"] {
			t.Errorf("%s: used are %v, the hosts have given %d vCPUs and %d MiB; want %d vCPUs and %d VNFs", what, a.Used, there, memory, vcpus, vnfs)
		}
	}
	id := call(http.MethodPost, "/allowances", map[string]any{"trustDomain": "north", "scope": "vnfm", "limits": map[string]int64{"memoryMiB": 1023}}).ID

	ns := h.createNs("north", "bounded")
	opID, err := h.task(ns, "instantiate", map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	op := h.awaitOp(opID)
	if op.OperationState != sol005.NsLcmOperationStateFailedTemp || op.Error == nil || !strings.Contains(op.Error.Detail, "allowance "+id) ||
		!strings.Contains(op.Error.Detail, "a limit of 1023 memoryMiB: 0 are used and 1024 more are asked; raise it with: manoward allowance set") {
		t.Fatalf("without room: %+v %+v", op, op.Error)
	}
	is("refused", id, 0, 0)

	call(http.MethodPut, "/allowances/"+id, map[string]any{"limits": map[string]int64{"memoryMiB": 2048, "vcpus": 2, "vnfInstances": 2}})
	if _, err := h.nslcm().Do(t.Context(), http.MethodPost, "/ns_lcm_op_occs/"+opID+"/retry", nil, nil); err != nil {
		t.Fatal(err)
	}
	if op := h.awaitOp(opID); op.OperationState != sol005.NsLcmOperationStateCompleted {
		t.Fatalf("with room: %+v %+v", op, op.Error)
	}
	is("made", id, 1, 1)
	scale := func(direction string) sol005.ScaleNsRequest {
		return sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: direction, AspectID: "users"}}}
	}
	h.mustComplete(ns, "scale", scale("SCALE_OUT"))
	is("scaled out, up to the limit", id, 2, 2)
	h.mustComplete(ns, "heal", sol005.HealNsRequest{HealNsData: &sol005.HealNsData{DegreeHealing: "HEAL_RESET"}})
	is("healed at the limit", id, 2, 2)

	h.kill()
	h.start()
	is("after kill -9", id, 2, 2)
	if a := call(http.MethodGet, "/allowances/"+id, nil); a.State != "REACHED" || a.Limits["vcpus"] != 2 {
		t.Errorf("after kill -9: %+v", a)
	}
	opID, err = h.task(ns, "scale", scale("SCALE_OUT"))
	if err != nil {
		t.Fatal(err)
	}
	if op := h.awaitOp(opID); op.OperationState != sol005.NsLcmOperationStateFailedTemp || !strings.Contains(op.Error.Detail, "2 are used and 1 more are asked") {
		t.Errorf("beyond the limit: %+v %+v", op, op.Error)
	}
	if _, err := h.nslcm().Do(t.Context(), http.MethodPost, "/ns_lcm_op_occs/"+opID+"/rollback", nil, nil); err != nil {
		t.Fatal(err)
	}
	if op := h.awaitOp(opID); op.OperationState != sol005.NsLcmOperationStateRolledBack {
		t.Errorf("rolled back: %+v", op)
	}
	is("rolled back", id, 2, 2)
	h.mustComplete(ns, "terminate", sol005.TerminateNsRequest{})
	is("terminated", id, 0, 0)

	p := h.points()[hub.OsMa]
	token := h.token(p, h.createClient("north-oss", "--party", "oss", "--trust-domain", "north"))
	oss := &httpapi.Client{Base: p.URL + "/manoward/v1", Version: "1.0.0", HTTP: h.at(p, false)}
	_, err = oss.Do(t.Context(), http.MethodGet, "/allowances", nil, nil, func(header http.Header) { header.Set("Authorization", "Bearer "+token) })
	if hub.CodeOf(err) != hub.Denied {
		t.Errorf("an OSS asks: %v", err)
	}
}
