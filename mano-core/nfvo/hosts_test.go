package nfvo_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/atonce"
	"github.com/manoward/manoward/mano-core/nfvo"
)

// ordered waits for the end of a host order.
func (w *world) ordered(r reply) nfvo.HostOrder {
	w.t.Helper()
	if r.status != 202 {
		w.t.Fatalf("stop use: %d %s", r.status, r.body)
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if o := decode[nfvo.HostOrder](w.t, w.call(operator, "GET", "/manoward/v1/host_orders/"+r.id(), nil)); o.State != "PROCESSING" {
			return o
		}
	}
	w.t.Fatal("the order does not end")
	return nfvo.HostOrder{}
}

// all puts every compute on one host.
func (w *world) all(host string) {
	w.vim.mu.Lock()
	defer w.vim.mu.Unlock()
	for id, c := range w.vim.computes {
		c.HostID = host
		w.vim.computes[id] = c
	}
}

func TestStopUseTerminates(t *testing.T) {
	w := newWorld(t)
	n, second, foreign := w.instantiated(north, "shop"), w.instantiated(north, "shop"), w.instantiated(south, "south-shop")
	w.all("h1")
	in := nfvo.StopUseRequest{Vnfs: "TERMINATE", Quarantine: true, Reason: "rootkit"}
	r := w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", in, "Idempotency-Key", "k")
	o := w.ordered(r)
	if o.State != "COMPLETED" || len(o.Terminated) != 4 || len(o.Operations) != 2 || o.TrustDomain != "north" {
		t.Errorf("order: %+v", o)
	}
	if got := w.vim.stopped["h1"]; got.TrustDomain != "north" || !got.Quarantine || got.Computes != "LEAVE" {
		t.Errorf("at the VIM: %+v", got)
	}
	if a, b, c := len(w.show(n.ID).VnfInstance), len(w.show(second.ID).VnfInstance), len(w.show(foreign.ID).VnfInstance); a+b != 0 || c != 2 {
		t.Errorf("left: %d, %d and of the other domain %d", a, b, c)
	}
	if again := w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", in, "Idempotency-Key", "k"); again.status != 202 || again.location != r.location {
		t.Errorf("again: %d %s", again.status, again.location)
	}
	in.Quarantine = false
	if other := w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", in, "Idempotency-Key", "k"); other.status != 422 {
		t.Errorf("another order under the key: %d", other.status)
	}
	if theirs := w.call(south, "GET", "/manoward/v1/host_orders/"+r.id(), nil); theirs.status != 404 {
		t.Errorf("another domain's order: %d", theirs.status)
	}
	if r := w.call(operator, "POST", "/manoward/v1/hosts/h1/release", nil); r.status != 204 || len(w.vim.stopped) != 0 {
		t.Errorf("release: %d %s", r.status, r.body)
	}
}

func TestStopUseMigrates(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	foreign := w.instantiated(south, "south-shop")
	moves := vnfOf(t, n, "web").InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID
	stays := vnfOf(t, n, "db").InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID
	w.vim.mu.Lock()
	host := w.vim.computes[moves].HostID
	c := w.vim.computes[stays]
	c.HostID = host
	w.vim.computes[stays] = c
	w.vim.stuck[stays] = true
	w.vim.mu.Unlock()
	o := w.ordered(w.call(operator, "POST", "/manoward/v1/hosts/"+host+"/stop_use", nfvo.StopUseRequest{Vnfs: "MIGRATE"}))
	if o.State != "PARTIALLY_COMPLETED" || !slices.Contains(o.Migrated, vnfOf(t, n, "web").ID) || len(o.Problems) != 1 || !strings.Contains(o.Problems[0], stays) {
		t.Errorf("order: %+v", o)
	}
	if len(w.show(n.ID).VnfInstance) != 2 || len(w.show(foreign.ID).VnfInstance) != 2 {
		t.Error("what cannot be migrated must stay")
	}
	told := false
	for _, c := range w.out.of("north", "NsChangeNotification") {
		if c["lcmOpOccIdImpactingNsComponent"] == o.ID {
			change, _ := c["manoward.change"].(map[string]any)
			told = told || change["location"] != nil && c["manoward.sourceOfRequest"].(map[string]any)["kind"] == "OPERATOR"
		}
	}
	if !told {
		t.Error("the migration was not told with the places before and after")
	}
}

// Who was on a host that is quarantined has its certificates revoked, be it moved
// or not; nobody else has, and a CMF that is away is asked again.
func TestStopUseRevokesCertificates(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	w.instantiated(south, "south-shop")
	w.all("h1")
	moves, stays := vnfOf(t, n, "web"), vnfOf(t, n, "db")
	w.vim.mu.Lock()
	w.vim.stuck[stays.InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID] = true
	w.vim.mu.Unlock()
	if o := w.ordered(w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", nfvo.StopUseRequest{Vnfs: "MIGRATE"})); len(w.revoked) != 0 {
		t.Errorf("without quarantine %v are revoked: %+v", w.revoked, o)
	}
	w.all("h1")
	w.refuses = []error{hub.E(hub.Unavailable, "revoke", "the CMF is away", nil), hub.E(hub.Denied, "revoke", "the CMF does not know us", nil)}
	o := w.ordered(w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", nfvo.StopUseRequest{Vnfs: "MIGRATE", Quarantine: true}))
	want := []string{"north " + moves.ID, "north " + stays.ID}
	for i, ref := range want { // the refusal is of one of the two, and told
		if slices.Contains(w.revoked, ref) == slices.ContainsFunc(o.Problems, func(p string) bool {
			return strings.Contains(p, "certificates of VNF "+strings.Fields(ref)[1]+" are not revoked: the CMF does not know us")
		}) {
			t.Errorf("VNF %d: revoked %v, problems %v", i, w.revoked, o.Problems)
		}
	}
	if slices.ContainsFunc(w.revoked, func(r string) bool { return !slices.Contains(want, r) }) || len(w.revoked) == 0 {
		t.Errorf("revoked are %v, want of %v", w.revoked, want)
	}
	for _, at := range w.leftAt { // of the first attempt, which failed, and of the second
		if !at.Equal(w.leftAt[0]) || at.Before(o.StartTime) || len(w.leftAt) != 3 {
			t.Errorf("the CMF was told %v for an order of %v", w.leftAt, o.StartTime)
		}
	}
}

func TestStopUseThatIsRefused(t *testing.T) {
	w := newWorld(t)
	for body, status := range map[string]int{`{}`: 400, `{"vnfs":"BURN"}`: 400, `{"vnfs":"MIGRATE","x":1}`: 400, `{"vnfs":"MIGRATE","reason":"` + strings.Repeat("x", 2000) + `"}`: 400} {
		if r := w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", body); r.status != status {
			t.Errorf("%.40s: %d %s", body, r.status, r.body)
		}
	}
	for _, task := range []string{"stop_use", "release"} {
		if r := w.call(operator, "POST", "/manoward/v1/hosts/none/"+task, `{"vnfs":"MIGRATE"}`); r.status != 404 {
			t.Errorf("%s of no host: %d %s", task, r.status, r.body)
		}
	}
	if len(w.vim.stopped) != 0 {
		t.Errorf("something was stopped: %v", w.vim.stopped)
	}
	if r := w.call(north, "GET", "/manoward/v1/host_orders/none", nil); r.status != 404 {
		t.Errorf("no such order: %d", r.status)
	}
}

// TestHostOrderIsCutOff: a crash before each write of the order; each time it
// ends after the restart, and nothing of the domain is left on the host.
func TestHostOrderIsCutOff(t *testing.T) {
	t.Parallel()
	for cut := int64(1); ; cut++ {
		c := newCrashingWorld(t)
		n := c.instantiated(north, "shop")
		c.all("h1")
		c.left.Store(cut)
		r := c.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", nfvo.StopUseRequest{Vnfs: "TERMINATE"}, "Idempotency-Key", "k")
		for deadline := time.Now().Add(20 * time.Second); !c.dead.Load(); {
			if o, err := c.svc.HostOrder(t.Context(), r.id()); (err == nil && o.State != "PROCESSING") || time.Now().After(deadline) {
				break
			}
			time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
		}
		through := !c.dead.Load()
		c.revive()
		o := c.ordered(c.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", nfvo.StopUseRequest{Vnfs: "TERMINATE"}, "Idempotency-Key", "k"))
		if left := c.show(n.ID).VnfInstance; o.State != "COMPLETED" || len(left) != 0 || c.vnfm.count() != 0 {
			t.Fatalf("write %d: order %+v, left %d, at the VNFM %d", cut, o, len(left), c.vnfm.count())
		}
		c.crash()
		if through {
			return
		}
	}
}

// Without a key that would find it again: an order that is recorded is there after
// a crash at any of its first writes, and ends; one that is there is recorded.
func TestHostOrderIsRecorded(t *testing.T) {
	for cut := range int64(3) {
		c := newCrashingWorld(t)
		c.left.Store(cut)
		if r := c.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", nfvo.StopUseRequest{Vnfs: "MIGRATE"}); r.status != 202 {
			c.dies()
		}
		c.revive()
		ordered := c.log.kinds("host.stop-use.ordered")
		if len(ordered) > 1 || cut > 0 && len(ordered) == 0 {
			t.Errorf("write %d: %d records", cut, len(ordered))
		}
		for _, r := range ordered {
			o := decode[nfvo.HostOrder](t, reply{body: r.Data})
			if ended := c.ordered(reply{status: 202, location: "/" + o.ID}); ended.State != "COMPLETED" {
				t.Errorf("write %d: recorded, and it is %+v", cut, ended)
			}
		}
	}
}

// TestHostOrderMeetsAnotherRemoval: one of the VNFs to be ended goes by another
// operation first; the others are ended all the same.
func TestHostOrderMeetsAnotherRemoval(t *testing.T) {
	w := newWorld(t)
	w.crash()
	w.tries = 1 << 20
	w.start()
	n := w.instantiated(north, "shop")
	w.all("h1")
	hold := make(chan struct{})
	w.vnfm.mu.Lock()
	w.vnfm.hold = hold
	w.vnfm.mu.Unlock()
	other := w.do(north, n.ID, "update", removal(vnfOf(t, n, "web").ID, nil))
	r := w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", nfvo.StopUseRequest{Vnfs: "TERMINATE"})
	table, err := w.bus.Open(t.Context(), "north", "NFVO")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if raw, _, err := table.Get(t.Context(), "host/"+r.id()); err == nil && strings.Contains(string(raw), `"planned":true`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the order is not planned")
		}
		time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
	}
	close(hold)
	w.await(other, "COMPLETED")
	if o := w.ordered(r); o.State != "COMPLETED" || len(o.Terminated) != 2 || len(w.show(n.ID).VnfInstance) != 0 {
		t.Errorf("order: %+v, left %d", o, len(w.show(n.ID).VnfInstance))
	}
}

// The same order many times at once, with a key, is one.
func TestStopUse_SameKeyAtOnce(t *testing.T) {
	w := newWorld(t)
	for round := range 20 { // in some of them two find that it is not there yet
		locations := map[string]reply{}
		for _, r := range atonce.Do(8, func() reply {
			return w.call(north, "POST", "/manoward/v1/hosts/h1/stop_use", nfvo.StopUseRequest{Vnfs: "TERMINATE", Reason: "rootkit"}, "Idempotency-Key", strconv.Itoa(round))
		}) {
			if r.status != 202 {
				t.Errorf("%d: %s", r.status, r.body)
			}
			locations[r.location] = r
		}
		if len(locations) != 1 {
			t.Fatalf("%v", locations)
		}
		for _, r := range locations {
			w.ordered(r)
		}
	}
}
