package nfvo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

const allowances = "/manoward/v1/allowances"

// limits are those of the resources that are 0 or more.
func limits(vcpus, memory, storage, vnfs int64) (l nfvo.Limits) {
	for _, x := range []struct {
		to    **int64
		limit int64
	}{{&l.VCPUs, vcpus}, {&l.MemoryMiB, memory}, {&l.StorageGiB, storage}, {&l.VnfInstances, vnfs}} {
		if x.limit >= 0 {
			*x.to = &x.limit
		}
	}
	return l
}

// allow bounds a scope of the trust domain north.
func (w *world) allow(scope string, l nfvo.Limits) string {
	w.t.Helper()
	r := w.call(operator, "POST", allowances, map[string]any{"trustDomain": "north", "scope": scope, "limits": l})
	if r.status != 201 {
		w.t.Fatalf("set allowance: %d %s", r.status, r.body)
	}
	return r.id()
}

func (w *world) allowMore(id string, l nfvo.Limits) {
	w.t.Helper()
	if r := w.call(operator, "PUT", allowances+"/"+id, map[string]any{"limits": l}); r.status != 200 {
		w.t.Fatalf("change allowance: %d %s", r.status, r.body)
	}
}

func (w *world) usedOf(id string) nfvo.Amount {
	w.t.Helper()
	a, err := w.svc.Allowance(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Used
}

// vnfs is what so many VNFs of the tests use, each with one VNFC.
func vnfs(n int64) nfvo.Amount { return nfvcs(n, n) }

func nfvcs(vnfs, vnfcs int64) nfvo.Amount {
	return nfvo.Amount{VCPUs: 2 * vnfcs, MemoryMiB: 1024 * vnfcs, StorageGiB: 10 * vnfcs, VnfInstances: vnfs}
}

func (w *world) wantUsed(what, id string, want nfvo.Amount) {
	w.t.Helper()
	if got := w.usedOf(id); got != want {
		w.t.Errorf("%s: used are %+v, want %+v", what, got, want)
	}
}

// What would exceed a limit is refused, each limit by itself, and tells the operation of
// the NS; what comes up to it is granted. A VNF that is rolled back gives back.
func TestAllowance_Limits(t *testing.T) {
	for name, c := range map[string]struct {
		scope     string
		enough    nfvo.Limits
		less      nfvo.Limits
		resource  string
		usedThere int64 // VNFs of the scope that there is room for
	}{
		"vCPUs":     {"vnfm", limits(4, -1, -1, -1), limits(3, -1, -1, -1), "limit of 3 vcpus: 2 are used and 2 more are asked", 1},
		"memory":    {"vnfm", limits(-1, 2048, -1, -1), limits(-1, 2047, -1, -1), "limit of 2047 memoryMiB: 1024 are used and 1024 more", 1},
		"storage":   {"vnfm", limits(-1, -1, 20, -1), limits(-1, -1, 19, -1), "limit of 19 storageGiB: 10 are used and 10 more", 1},
		"instances": {"vnfm", limits(-1, -1, -1, 2), limits(-1, -1, -1, 1), "limit of 1 vnfInstances: 1 are used and 1 more", 1},
		"of a VNFD": {"vnfd/web", limits(2, 1024, 10, 1), limits(9, 9999, 9, 9), "limit of 9 storageGiB: 0 are used and 10 more", 0},
		"of an NS":  {"ns/", limits(4, 2048, 20, 2), limits(3, 2048, 20, 2), "limit of 3 vcpus: 2 are used and 2 more", 1},
		"nothing":   {"vnfm", limits(4, -1, -1, -1), limits(0, -1, -1, -1), "limit of 0 vcpus: 0 are used and 2 more", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.instantiated(south, "south-shop") // another trust domain's counts nowhere
			ns := w.create(north, "shop")
			scope := c.scope
			if scope == "ns/" {
				scope += ns
			}
			id := w.allow(scope, c.less)
			op := w.do(north, ns, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
			o := w.await(op, "FAILED_TEMP")
			if !strings.Contains(o.Error.Detail, "403: the allowance "+id) || !strings.Contains(o.Error.Detail, c.resource) || !strings.Contains(o.Error.Detail, "manoward allowance set --trust-domain north --scope "+scope) {
				t.Errorf("the operation says %q", o.Error.Detail)
			}
			if refused := w.log.kinds("grant.refused"); len(refused) != 1 || !strings.Contains(string(refused[0].Data), `"allowanceId":"`+id+`"`) {
				t.Errorf("records: %s", refused)
			}
			w.wantUsed("refused", id, vnfs(c.usedThere))
			w.allowMore(id, c.enough)
			if r := w.call(north, "POST", "/nslcm/v2/ns_lcm_op_occs/"+op+"/retry", nil); r.status != 202 {
				t.Fatalf("retry: %d %s", r.status, r.body)
			}
			w.await(op, "COMPLETED")
			all := vnfs(2)
			if scope == "vnfd/web" {
				all = vnfs(1)
			}
			w.wantUsed("retried", id, all)
			if a, _ := w.svc.Allowance(t.Context(), id); a.State != nfvo.AllowanceReached {
				t.Errorf("state: %+v", a)
			}
			r := w.log.kinds("allowance.reached") // the smaller limit may have been reached before
			if last := len(r) - 1; last < 0 || r[last].Subject != "allowance/"+id || w.log.by[r[last].ID] != "north" || !strings.Contains(string(r[last].Data), `"scope":"`+scope+`"`) {
				t.Errorf("reached: %+v", r)
			}
			w.run(north, ns, "terminate", sol005.TerminateNsRequest{})
			w.wantUsed("terminated", id, vnfs(0))
		})
	}
}

// A VNFM may ask for the grant before it has answered the order, also for one that is
// ordered anew because its last operation was refused its grant.
func TestRetry_GrantBeforeAnswer(t *testing.T) {
	w := newWorld(t)
	w.vnfm.quick = true
	id := w.allow("vnfm", limits(3, -1, -1, -1))
	op := w.do(north, w.create(north, "shop"), "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	w.await(op, "FAILED_TEMP")
	w.allowMore(id, limits(4, -1, -1, -1))
	if r := w.call(north, "POST", "/nslcm/v2/ns_lcm_op_occs/"+op+"/retry", nil); r.status != 202 {
		t.Fatalf("retry: %d %s", r.status, r.body)
	}
	w.await(op, "COMPLETED")
}

// What is used is what there is, through the life of an NS, also across a crash.
func TestAllowance_Life(t *testing.T) {
	w := newWorld(t)
	id := w.allow("vnfm", limits(8, -1, -1, -1))
	w.vnfm.setFail("instantiate", "no power")
	ns := w.create(north, "shop")
	op := w.do(north, ns, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	w.await(op, "FAILED_TEMP")
	w.wantUsed("an instantiation that may be tried again", id, vnfs(1))
	w.vnfm.setFail("instantiate", "")
	if r := w.call(north, "POST", "/nslcm/v2/ns_lcm_op_occs/"+op+"/rollback", nil); r.status != 202 {
		t.Fatalf("rollback: %d %s", r.status, r.body)
	}
	w.await(op, "ROLLED_BACK")
	w.wantUsed("rolled back", id, vnfs(0))

	n := w.instantiated(north, "shop")
	w.wantUsed("instantiated", id, vnfs(2))
	db, web := vnfOf(t, n, "db").ID, vnfOf(t, n, "web").ID
	scale := func(direction string) sol005.ScaleNsRequest {
		return sol005.ScaleNsRequest{ScaleType: "SCALE_VNF", ScaleVnfData: []sol005.ScaleVnfData{{VnfInstanceID: db, ScaleVnfType: direction, ScaleByStepData: &sol005.ScaleByStepData{AspectID: "a"}}}}
	}
	w.run(north, n.ID, "scale", scale("SCALE_OUT"))
	w.run(north, n.ID, "scale", scale("SCALE_OUT"))
	w.wantUsed("scaled out to the limit", id, nfvcs(2, 4))
	more := w.do(north, n.ID, "scale", scale("SCALE_OUT"))
	if o := w.await(more, "FAILED_TEMP"); !strings.Contains(o.Error.Detail, "limit of 8 vcpus: 8 are used and 2 more") {
		t.Errorf("scaled out beyond: %+v", o.Error)
	}
	if r := w.call(north, "POST", "/nslcm/v2/ns_lcm_op_occs/"+more+"/fail", nil); r.status != 200 {
		t.Fatalf("fail: %d %s", r.status, r.body)
	}
	w.await(more, "FAILED")
	w.wantUsed("refused", id, nfvcs(2, 4))
	w.run(north, n.ID, "heal", sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: web, Cause: "test"}}}) // at the limit: it replaces
	w.wantUsed("healed", id, nfvcs(2, 4))
	w.run(north, n.ID, "scale", scale("SCALE_IN"))
	w.wantUsed("scaled in", id, nfvcs(2, 3))
	w.allowMore(id, limits(2, -1, -1, -1))
	w.run(north, n.ID, "heal", sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: web, Cause: "test"}}}) // over the limit: nothing more is used
	w.crash()
	w.start()
	w.wantUsed("after a crash", id, nfvcs(2, 3))
	change := updateOf("CHANGE_VNFPKG")
	change.ChangeVnfPackageData = []sol005.ChangeVnfPackageData{{VnfInstanceID: web, VnfdID: "web-2"}}
	target := w.allow("vnfd/web-2", limits(1, -1, -1, -1))
	op = w.do(north, n.ID, "update", change)
	if o := w.await(op, "FAILED_TEMP"); !strings.Contains(o.Error.Detail, target) || !strings.Contains(o.Error.Detail, "0 are used and 2 more") {
		t.Errorf("into a scope without room: %+v", o.Error)
	}
	w.allowMore(target, limits(2, -1, -1, -1))
	if r := w.call(north, "POST", "/nslcm/v2/ns_lcm_op_occs/"+op+"/retry", nil); r.status != 202 {
		t.Fatalf("retry: %d %s", r.status, r.body)
	}
	w.await(op, "COMPLETED")
	w.wantUsed("another package", target, vnfs(1))
	w.run(north, n.ID, "terminate", sol005.TerminateNsRequest{})
	w.wantUsed("terminated", id, vnfs(0))
	w.wantUsed("terminated", target, vnfs(0))
}

// Of many grants at once as many are given as there is room for; one that is asked for
// again takes no more.
func TestAllowance_AtOnce(t *testing.T) {
	w := newWorld(t)
	var webs []string
	for range 8 {
		webs = append(webs, vnfOf(t, w.instantiated(north, "shop"), "web").ID)
	}
	id := w.allow("vnfd/web", limits(2*8+2*3, -1, -1, -1))
	var all sync.WaitGroup
	answers := make([]int, len(webs))
	for i, web := range webs {
		all.Go(func() {
			in := sol003.GrantRequest{VnfInstanceID: web, VnfLcmOpOccID: "op", VnfdID: "web", Operation: "SCALE", FlavourID: "simple",
				AddResources: []sol003.ResourceDefinition{{ID: "r", Type: "COMPUTE", ResourceTemplateID: "vdu"}}}
			vnfm, err := hub.ParseIdentity(vnfmCaller)
			if err == nil {
				_, err = w.svc.Grant(context.Background(), vnfm, in)
			}
			switch hub.CodeOf(err) {
			case "":
				answers[i] = 201
			case hub.Denied:
				answers[i] = 403
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	given := 0
	for i, web := range webs {
		if answers[i] == 201 {
			given++
			if r := w.askFor(web, "op", "SCALE", nil); r.status != 201 {
				t.Errorf("asked again: %d %s", r.status, r.body)
			}
		}
	}
	if given != 3 {
		t.Errorf("%d grants were given, there is room for 3: %v", given, answers)
	}
	w.wantUsed("granted", id, nfvcs(8, 11))
}

// What another NFVO made at the VNFM counts too, and an operation whose end the NFVO was
// never told of holds no room for ever.
func TestAllowance_OutsideNFVO(t *testing.T) {
	w := newWorld(t)
	id := w.allow("vnfm", limits(4, -1, -1, 1))
	w.made("o1", otherNFVO)
	w.made("o2", otherNFVO)
	if r := w.askFor("o1", "op-1", "INSTANTIATE", nil); r.status != 201 {
		t.Fatalf("instantiate: %d %s", r.status, r.body)
	}
	w.wantUsed("granted", id, vnfs(1))
	if r := w.askFor("o2", "op-2", "INSTANTIATE", nil); r.status != 403 || !strings.Contains(string(r.body), "limit of 1 vnfInstances") {
		t.Errorf("a second one: %d %s", r.status, r.body)
	}
	vnfc := sol003.VnfcResourceInfo{ID: "c", VduID: "vdu", ComputeResource: sol003.ResourceHandle{ResourceID: "c1"}}
	w.vnfm.instances["o1"].InstantiatedVnfInfo = &sol003.InstantiatedVnfInfo{FlavourID: "simple", VnfcResourceInfo: []sol003.VnfcResourceInfo{vnfc}}
	w.ended("o1", "op-1", "COMPLETED", "INSTANTIATED")
	w.crash()
	w.start()
	w.wantUsed("instantiated", id, vnfs(1))
	if r := w.askFor("o1", "op-3", "SCALE", nil); r.status != 201 {
		t.Fatalf("scale: %d %s", r.status, r.body)
	}
	w.wantUsed("scaling", id, nfvcs(1, 2))
	lies := func(in *sol003.GrantRequest) { // what the VNF has not makes no room
		in.RemoveResources = []sol003.ResourceDefinition{{ID: "c", Type: "COMPUTE", ResourceTemplateID: "vdu", Resource: &sol003.ResourceHandle{ResourceID: "another's"}}}
	}
	w.vnfm.ops["op-3"] = &sol003.VnfLcmOpOcc{ID: "op-3", VnfInstanceID: "o1", OperationState: "PROCESSING"}
	if r := w.askFor("o1", "op-4", "SCALE", lies); r.status != 403 {
		t.Errorf("while it scales: %d %s", r.status, r.body)
	}
	w.vnfm.ops["op-3"].OperationState = "FAILED" // and nobody tells
	if r := w.askFor("o1", "op-5", "SCALE", nil); r.status != 201 {
		t.Errorf("after it failed: %d %s", r.status, r.body)
	}
	w.wantUsed("scaling again", id, nfvcs(1, 2))
	unsized := func(in *sol003.GrantRequest) { in.AddResources[0].ResourceTemplateID = "gpu" }
	if r := w.askFor("o1", "op-6", "SCALE", unsized); r.status != 403 || !strings.Contains(string(r.body), "does not say how much") {
		t.Errorf("what nobody knows the size of: %d %s", r.status, r.body)
	}
	w.ended("o1", "op-5", "COMPLETED", "")
	w.wantUsed("gone", id, vnfs(0))
}

// VNFs that a version of the hub made which did not count are counted at the start, and
// until then nothing is granted that an allowance bounds.
func TestAllowance_OlderVNFs(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	id := w.allow("vnfm", limits(100, -1, -1, -1))
	w.crash()
	table, err := w.bus.Open(t.Context(), "north", "NFVO")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range n.VnfInstance {
		raw, revision, err := table.Get(t.Context(), "vnf/"+v.ID)
		if err != nil || !strings.Contains(string(raw), `"allocated"`) {
			t.Fatalf("stored VNF: %v %s", err, raw)
		}
		var stored map[string]any
		if err := json.Unmarshal(raw, &stored); err != nil {
			t.Fatal(err)
		}
		delete(stored, "allocated")
		if raw, err = json.Marshal(stored); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Update(t.Context(), "vnf/"+v.ID, raw, revision); err != nil {
			t.Fatal(err)
		}
	}
	w.cat.mu.Lock()
	w.cat.deaf = true
	w.cat.mu.Unlock()
	w.start()
	if a, err := w.svc.Allowance(t.Context(), id); err != nil || !a.Uncounted {
		t.Errorf("%+v, %v", a, err)
	}
	web := vnfOf(t, n, "web").ID
	if r := w.askFor(web, "op", "SCALE", nil); r.status != 503 {
		t.Errorf("while it is counted: %d %s", r.status, r.body)
	}
	w.cat.mu.Lock()
	w.cat.deaf = false
	w.cat.mu.Unlock()
	for deadline := time.Now().Add(20 * time.Second); w.usedOf(id) != vnfs(2); time.Sleep(time.Millisecond) { // between two looks at what can be seen, with a deadline
		if time.Now().After(deadline) {
			t.Fatalf("counted are %+v", w.usedOf(id))
		}
	}
	if r := w.askFor(web, "op", "SCALE", nil); r.status != 201 {
		t.Errorf("counted: %d %s", r.status, r.body)
	}
}

func TestAllowance_Resource(t *testing.T) {
	w := newWorld(t)
	ns := w.create(north, "shop")
	theirs := w.create(south, "south-shop")
	body := func(domain, scope, limits string) string {
		return fmt.Sprintf(`{"trustDomain":%q,"scope":%q,"limits":%s}`, domain, scope, limits)
	}
	for name, c := range map[string]struct {
		caller, body string
		status       int
		text         string
	}{
		"no limit":            {operator, body("north", "vnfm", `{}`), 400, "bounds nothing"},
		"negative":            {operator, body("north", "vnfm", `{"vcpus":-1}`), 400, "limits/vcpus"},
		"huge":                {operator, body("north", "vnfm", `{"vcpus":9007199254740993}`), 400, "limits/vcpus"},
		"unknown limit":       {operator, body("north", "vnfm", `{"gpus":1}`), 400, "gpus"},
		"no trust domain":     {operator, body("", "vnfm", `{"vcpus":1}`), 400, "trustDomain"},
		"the hub":             {operator, body("hub", "vnfm", `{"vcpus":1}`), 400, "the hub itself"},
		"no such domain":      {operator, body("east", "vnfm", `{"vcpus":1}`), 404, "no trust domain"},
		"no scope":            {operator, body("north", "all", `{"vcpus":1}`), 400, "is no scope"},
		"no NS named":         {operator, body("north", "ns/", `{"vcpus":1}`), 400, "is no scope"},
		"no such NS":          {operator, body("north", "ns/x", `{"vcpus":1}`), 422, "has no NS"},
		"another domain's NS": {operator, body("north", "ns/"+theirs, `{"vcpus":1}`), 422, "has no NS"},
		"no VNFD":             {operator, body("north", "vnfd/a b", `{"vcpus":1}`), 400, "is no scope"},
		"long":                {operator, body("north", "vnfd/"+strings.Repeat("x", 300), `{"vcpus":1}`), 400, "longer"},
		"another domain":      {south, body("north", "vnfm", `{"vcpus":1}`), 404, ""},
	} {
		if r := w.call(c.caller, "POST", allowances, c.body); r.status != c.status || !strings.Contains(string(r.body), c.text) {
			t.Errorf("%s: %d %s, want %d with %q", name, r.status, r.body, c.status, c.text)
		}
	}
	if n := len(w.log.kinds("allowance.set")); n != 0 {
		t.Errorf("%d records of what was refused", n)
	}
	id := w.allow("ns/"+ns, limits(10, -1, -1, -1))
	if r := w.call(operator, "POST", allowances, body("north", "ns/"+ns, `{"vcpus":1}`)); r.status != 409 || !strings.Contains(string(r.body), id) {
		t.Errorf("the scope again: %d %s", r.status, r.body)
	}
	w.allow("vnfd/web", limits(1, -1, -1, -1))
	for caller, want := range map[string]int{operator: 2, north: 2, south: 0} {
		if list := decode[[]nfvo.Allowance](t, w.call(caller, "GET", allowances, nil)); len(list) != want {
			t.Errorf("%s sees %+v", caller, list)
		}
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if r := w.call(south, method, allowances+"/"+id, map[string]any{"limits": limits(1, -1, -1, -1)}); r.status != 404 {
			t.Errorf("%s of another domain: %d %s", method, r.status, r.body)
		}
	}
	w.allowMore(id, limits(-1, -1, -1, 5))
	w.crash()
	w.start()
	shown := decode[nfvo.Allowance](t, w.call(operator, "GET", allowances+"/"+id, nil))
	if shown.Scope != "ns/"+ns || shown.TrustDomain != "north" || shown.Limits.VCPUs != nil || *shown.Limits.VnfInstances != 5 || shown.State != nfvo.AllowanceFree {
		t.Errorf("shown: %+v", shown)
	}
	if r := w.call(operator, "DELETE", allowances+"/"+id, nil); r.status != 204 {
		t.Errorf("delete: %d %s", r.status, r.body)
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if r := w.call(operator, method, allowances+"/"+id, map[string]any{"limits": limits(1, -1, -1, -1)}); r.status != 404 {
			t.Errorf("%s after its end: %d %s", method, r.status, r.body)
		}
	}
	if set, deleted := w.log.kinds("allowance.set"), w.log.kinds("allowance.deleted"); len(set) != 3 || len(deleted) != 1 || set[0].Actor != operator || w.log.by[deleted[0].ID] != "north" {
		t.Errorf("records: %+v, %+v", set, deleted)
	}
}

// Nothing changes without its record.
func TestAllowance_RecordFirst(t *testing.T) {
	w := newWorld(t)
	id := w.allow("vnfm", limits(1, -1, -1, -1))
	w.log.before = func(r hub.Record) error {
		if strings.HasPrefix(r.Kind, "allowance.") {
			return hub.E(hub.Unavailable, "append record", "the disk is full", errDisk)
		}
		return nil
	}
	for _, c := range []struct{ method, path string }{{"POST", allowances}, {"PUT", allowances + "/" + id}, {"DELETE", allowances + "/" + id}} {
		in := map[string]any{"limits": limits(9, -1, -1, -1)}
		if c.method == "POST" {
			in["trustDomain"], in["scope"] = "north", "vnfd/web"
		}
		if r := w.call(operator, c.method, c.path, in); r.status != 503 {
			t.Errorf("%s: %d %s", c.method, r.status, r.body)
		}
	}
	if list := w.svc.Allowances(func(string) bool { return true }); len(list) != 1 || *list[0].Limits.VCPUs != 1 {
		t.Errorf("%+v", list)
	}
}
