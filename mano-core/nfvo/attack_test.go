package nfvo_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// Parts of an instantiation that was failed half-way are nobody's unless the NS
// keeps them until they are taken away.
func TestFail_LeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	id, op := stuck(t, w)
	if r := w.call(north, "POST", opOccs+op+"/fail", nil); r.status != 200 {
		t.Fatalf("fail: %d %s", r.status, r.body)
	}
	w.await(op, "FAILED")
	w.vnfm.setFail("instantiate", "")
	for _, ask := range []struct {
		method, path string
		body         any
	}{{"DELETE", nsInstances + "/" + id, nil}, {"POST", nsInstances + "/" + id + "/instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"}}} {
		if r := w.call(north, ask.method, ask.path, ask.body); r.status != 409 || !strings.Contains(string(r.body), "terminate it first") {
			t.Errorf("%s %s with parts left: %d %s", ask.method, ask.path, r.status, r.body)
		}
	}
	w.run(north, id, "terminate", sol005.TerminateNsRequest{})
	if computes, networks, ports := w.vim.counts(); computes+networks+ports != 0 || w.used() != "" || len(w.vnfm.instances) != 0 {
		t.Errorf("left: %d computes, %d networks, %d ports, packages in use: %s, %d VNFs", computes, networks, ports, w.used(), len(w.vnfm.instances))
	}
	if r := w.call(north, "POST", nsInstances+"/"+id+"/terminate", sol005.TerminateNsRequest{}); r.status != 409 {
		t.Errorf("terminate what is not there: %d", r.status)
	}
	if r := w.call(north, "DELETE", nsInstances+"/"+id, nil); r.status != 204 {
		t.Errorf("delete: %d %s", r.status, r.body)
	}
}

// Of two orders at once that take an operation out of FAILED_TEMP one is refused.
func TestSteer_OneOfTwo(t *testing.T) {
	w := newWorld(t)
	who := hub.Identity{TrustDomain: "hub", Kind: hub.KindOperator, Name: "root"}
	for range 20 {
		_, op := stuck(t, w)
		w.vnfm.setFail("instantiate", "")
		var failed, rolled error
		var both sync.WaitGroup
		both.Go(func() { _, failed = w.svc.Fail(context.Background(), who, op) })
		both.Go(func() { rolled = w.svc.Rollback(context.Background(), who, op) })
		both.Wait()
		switch {
		case failed == nil && hub.CodeOf(rolled) == hub.Conflict:
			w.await(op, "FAILED")
		case rolled == nil && hub.CodeOf(failed) == hub.Conflict:
			w.await(op, "ROLLED_BACK")
		default:
			t.Fatalf("fail: %v, roll back: %v", failed, rolled)
		}
	}
}

// A VNF whose last NS has dropped it ends: another NS that takes it in now would
// be left with what is gone.
func TestAddVnf_ThatIsBeingEnded(t *testing.T) {
	w := newWorld(t)
	from, to := w.instantiated(north, "shop"), w.instantiated(north, "shop")
	web := vnfOf(t, from, "web").ID
	hold := make(chan struct{})
	w.vnfm.mu.Lock()
	w.vnfm.hold = hold
	w.vnfm.mu.Unlock()
	remove := updateOf("REMOVE_VNF")
	remove.RemoveVnfInstanceID = []string{web}
	ends := w.do(north, from.ID, "update", remove)
	for deadline := time.Now().Add(20 * time.Second); !w.vnfm.called("terminate web") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
	}
	add := updateOf("ADD_VNF")
	add.AddVnfIstance = []sol005.VnfInstanceData{{VnfInstanceID: web, VnfProfileID: "web"}}
	op := w.await(w.do(north, to.ID, "update", add), "FAILED_TEMP")
	if op.Error == nil || !strings.Contains(op.Error.Detail, "is being ended by operation "+ends) {
		t.Errorf("%+v", op.Error)
	}
	close(hold)
	w.await(ends, "COMPLETED")
	if n := w.show(to.ID); len(n.VnfInstance) != 2 {
		t.Errorf("the other NS has %d VNFs", len(n.VnfInstance))
	}
}

// What the NFVO alone says to its VNFM cannot be said through it, and half of an
// order is not carried out.
func TestOursIsRefused(t *testing.T) {
	w := newWorld(t)
	ours := sol005.KeyValuePairs{"manoward.barred": true}
	id := w.create(north, "shop")
	in := sol005.InstantiateNsRequest{NsFlavourID: "df", AdditionalParamsForVnf: []sol005.ParamsForVnf{{VnfProfileID: "web", Metadata: ours}}}
	if r := w.call(north, "POST", nsInstances+"/"+id+"/instantiate", in); r.status != 422 || !strings.Contains(string(r.body), "manoward.barred") {
		t.Errorf("instantiate: %d %s", r.status, r.body)
	}
	n := w.instantiated(north, "shop")
	update := updateOf("INSTANTIATE_VNF")
	update.InstantiateVnfData = []sol005.InstantiateVnfData{{VnfProfileID: "fw", Metadata: ours}}
	if r := w.call(north, "POST", nsInstances+"/"+n.ID+"/update", update); r.status != 422 || !strings.Contains(string(r.body), "manoward.barred") {
		t.Errorf("INSTANTIATE_VNF: %d %s", r.status, r.body)
	}
	end := sol005.TerminateNsRequest{TerminateVnfData: []sol005.TerminateVnfData{{VnfInstanceID: vnfOf(t, n, "web").ID, AdditionalParams: sol005.KeyValuePairs{"manoward.erase": true}}}}
	if r := w.call(north, "POST", nsInstances+"/"+n.ID+"/terminate", end); r.status != 422 || !strings.Contains(string(r.body), "REMOVE_VNF") {
		t.Errorf("terminate: %d %s", r.status, r.body)
	}
}

func TestIsSecurity(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	in := updateOf("INSTANTIATE_VNF")
	in.InstantiateVnfData = []sol005.InstantiateVnfData{{VnfProfileID: "fw"}}
	w.run(north, n.ID, "update", in)
	n = w.show(n.ID)
	for vnfd, want := range map[string]bool{"web": false, "fw": true} {
		if is, err := w.svc.IsSecurityMember(t.Context(), n.ID, vnfOf(t, n, vnfd).ID); is != want || err != nil {
			t.Errorf("member %s: %v, %v", vnfd, is, err)
		}
	}
	for vnfd, want := range map[string]bool{"web": false, "web-2": false, "fw": true} {
		if is, err := w.svc.IsSecurityVnfd(t.Context(), n.ID, vnfd); is != want || err != nil {
			t.Errorf("VNFD %s: %v, %v", vnfd, is, err)
		}
	}
	if _, err := w.svc.IsSecurityMember(t.Context(), n.ID, "x"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("no VNF: %v", err)
	}
	if _, err := w.svc.IsSecurityVnfd(t.Context(), n.ID, "x"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("no VNFD: %v", err)
	}
	for _, c := range []struct {
		profile, vnfd string
		want          bool
	}{{"fw", "", true}, {"fw", "fw", true}, {"web", "fw", false}, {"fw", "web", false}, {"x", "fw", false}, {"", "", false}} {
		if is, err := w.svc.IsSecurityProfile(t.Context(), n.ID, c.profile, c.vnfd); is != c.want || err != nil {
			t.Errorf("profile %q, VNFD %q: %v, %v", c.profile, c.vnfd, is, err)
		}
	}
}

// A host that is reserved for others cannot be told from none.
func TestStopUse_HostOfOthers(t *testing.T) {
	w := newWorld(t)
	w.vim.reserved = map[string][]string{"h9": {"south"}}
	stop := map[string]any{"vnfs": "TERMINATE"}
	var said []string
	for _, host := range []string{"h9", "h8"} {
		r := w.call(north, "POST", "/manoward/v1/hosts/"+host+"/stop_use", stop)
		if r.status != 404 {
			t.Errorf("%s: %d %s", host, r.status, r.body)
		}
		detail := decode[struct{ Detail string }](t, r).Detail
		said = append(said, strings.ReplaceAll(detail, host, "H"))
	}
	if said[0] != said[1] {
		t.Errorf("told apart: %s and %s", said[0], said[1])
	}
	for _, who := range []string{south, operator} {
		if r := w.call(who, "POST", "/manoward/v1/hosts/h9/stop_use", stop); r.status != 202 {
			t.Errorf("%s: %d %s", who, r.status, r.body)
		}
	}
}

// An NS that cannot be healed holds up no other.
func TestAutoHeal_GoesOn(t *testing.T) {
	w := newWorld(t)
	for range 4 { // whichever comes first
		w.instantiated(south, "south-shop")
	}
	n := w.instantiated(north, "shop")
	w.vnfm.mu.Lock()
	for id, v := range w.vnfm.instances {
		if v.VnfdID == "web" {
			delete(w.vnfm.instances, id)
		}
	}
	w.vnfm.mu.Unlock()
	w.cat.mu.Lock()
	w.cat.altered["pkg-south-web"] = true
	w.cat.mu.Unlock()
	if err := w.svc.AutoHeal(t.Context()); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("the altered package is not told: %v", err)
	}
	for o, err := range w.svc.OpOccs(t.Context(), func(d string) bool { return d == "north" }, "") {
		if err != nil {
			t.Fatal(err)
		}
		if o.LcmOperationType == sol005.NsLcmOpHeal {
			w.await(o.ID, "COMPLETED")
			return
		}
	}
	t.Errorf("NS %s is not healed", n.ID)
}

func (m *fakeVNFM) called(what string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.calls, what)
}
