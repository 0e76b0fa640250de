package nfvo_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// crashingWorld fails every write from a given one on, as a process does that was
// killed before it.
type crashingWorld struct {
	*world
	left atomic.Int64 // writes until the crash; below zero none is left
	dead atomic.Bool
}

func newCrashingWorld(t *testing.T) *crashingWorld {
	c := &crashingWorld{}
	c.left.Store(1 << 40)
	c.world = newWorld(t)
	c.crash()
	c.bus.Fail = func(string, string, string) error {
		if c.left.Add(-1) < 0 {
			c.dead.Store(true)
			return hub.E(hub.Unavailable, "write", "the process was killed", errDisk)
		}
		return nil
	}
	c.start()
	return c
}

// revive starts the NFVO anew, with all writes working.
func (c *crashingWorld) revive() {
	c.crash()
	c.left.Store(1 << 40)
	c.dead.Store(false)
	c.start()
}

// settle waits until no operation is open, or the process is dead.
func (c *crashingWorld) settle(nsID string) (alive bool) {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if c.dead.Load() {
			return false
		}
		open := 0
		for o, err := range c.svc.OpOccs(context.Background(), func(string) bool { return true }, "") {
			if err != nil || !o.Closed {
				open++
			}
		}
		if n, err := c.svc.Instance(context.Background(), nsID); open == 0 && (err != nil || n.Running == "") {
			return true
		}
		time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
	}
	c.t.Fatal("the NS is still held")
	return false
}

// scenario is an operation that is cut off at each of its writes.
type scenario struct {
	task  string
	in    func(w *world, n string) any
	fresh bool // begins with an NS that is not instantiated
	check func(t *testing.T, w *world, n string)
}

func consistent(vnfs int) func(*testing.T, *world, string) {
	return func(t *testing.T, w *world, id string) {
		n := w.show(id)
		computes, nets, _ := w.vim.counts()
		links := 1
		if vnfs == 0 {
			links = 0
		}
		if len(n.VnfInstance) != vnfs || computes != vnfs || w.vnfm.count() != vnfs || nets != links || !w.uses(packagesOf(n)) {
			t.Errorf("want %d VNFs: the NS has %d, the VNFM %d, the VIM %d computes and %d networks, used are %s",
				vnfs, len(n.VnfInstance), w.vnfm.count(), computes, nets, w.used())
		}
	}
}

func web(w *world, id string) string { return vnfOf(w.t, w.show(id), "web").ID }

func scenarios() map[string]scenario {
	always := func(in any) func(*world, string) any { return func(*world, string) any { return in } }
	return map[string]scenario{
		"instantiate": {task: "instantiate", in: always(sol005.InstantiateNsRequest{NsFlavourID: "df"}), fresh: true, check: consistent(2)},
		"terminate":   {task: "terminate", in: always(sol005.TerminateNsRequest{}), check: consistent(0)},
		"scale out": {task: "scale", check: consistent(3), in: always(sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{
			ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "webs"},
		}})},
		"heal": {task: "heal", check: consistent(2), in: func(w *world, id string) any {
			return sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: web(w, id), Cause: "test"}}}
		}},
		"remove": {task: "update", in: func(w *world, id string) any {
			return removal(web(w, id), sol005.KeyValuePairs{"manoward.snapshotFirst": true, "manoward.replace": false, "manoward.disablePackage": true, "manoward.erase": true})
		}, check: func(t *testing.T, w *world, id string) {
			consistent(1)(t, w, id)
			n := w.show(id)
			if bars, err := w.svc.Bars(t.Context(), id); err != nil || len(bars) != 1 || len(n.VnfSnapshotInfoIDs) != 1 || !w.cat.disabled["pkg-north-web"] {
				t.Errorf("bars %v, snapshots %v, disabled %v", bars, n.VnfSnapshotInfoIDs, w.cat.disabled)
			}
		}},
		"package": {task: "update", in: func(w *world, id string) any {
			in := updateOf("CHANGE_VNFPKG")
			in.ChangeVnfPackageData = []sol005.ChangeVnfPackageData{{VnfInstanceID: web(w, id), VnfdID: "web-2"}}
			return in
		}, check: func(t *testing.T, w *world, id string) {
			consistent(2)(t, w, id)
			vnfOf(t, w.show(id), "web-2")
		}},
		"add PNF": {task: "update", in: func(*world, string) any {
			in := updateOf("ADD_PNF")
			in.AddPnfData = []sol005.AddPnfData{{PnfID: "p1", PnfName: "router", PnfdID: "gateway", PnfProfileID: "gw"}}
			return in
		}, check: func(t *testing.T, w *world, id string) {
			if n := w.show(id); len(n.PnfInfo) != 1 || len(n.VirtualLinkInfo[0].LinkPort) != 4 {
				t.Errorf("PNFs %v, ports %v", n.PnfInfo, n.VirtualLinkInfo[0].LinkPort)
			}
		}},
	}
}

// TestSoak_CrashAtEveryWrite cuts each operation off before each of its writes
// (before each third without MANOWARD_SOAK). After the restart an order that was
// taken reaches its end, one that was not leaves nothing, and what is told is told
// once and in order.
func TestSoak_CrashAtEveryWrite(t *testing.T) {
	step := int64(3)
	if os.Getenv("MANOWARD_SOAK") != "" {
		step = 1
	}
	for name, sc := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for cut := int64(0); ; cut += step {
				if cut > 200 {
					t.Fatal("the operation never got through")
				}
				if sc.cutOff(t, cut) {
					return
				}
			}
		})
	}
}

// cutOff runs the scenario with a crash before its write number cut, and says
// whether it got through without one.
func (sc scenario) cutOff(t *testing.T, cut int64) (through bool) {
	c := newCrashingWorld(t)
	id := c.create(north, "shop")
	allowance := c.allow("vnfm", limits(1000, -1, -1, -1))
	if !sc.fresh {
		c.run(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	}
	in := sc.in(c.world, id)
	c.left.Store(cut)
	r := c.call(north, "POST", nsInstances+"/"+id+"/"+sc.task, in, "Idempotency-Key", "once")
	through = r.status == 202 && c.settle(id)
	for deadline := time.Now().Add(20 * time.Second); !through && !c.dead.Load(); {
		if time.Now().After(deadline) {
			t.Fatalf("write %d: neither through nor dead: %d %s", cut, r.status, r.body)
		}
	}
	c.revive()
	again := c.call(north, "POST", nsInstances+"/"+id+"/"+sc.task, in, "Idempotency-Key", "once")
	if again.status != 202 || (r.status == 202 && again.location != r.location) {
		t.Fatalf("write %d: the order again: %d %s, first %d %s", cut, again.status, again.body, r.status, r.location)
	}
	if !c.settle(id) {
		t.Fatal("dead without a crash")
	}
	if o := c.await(again.id(), "COMPLETED"); o.Error != nil {
		t.Errorf("write %d: %+v", cut, o.Error)
	}
	sc.check(t, c.world, id)
	computes, _, _ := c.vim.counts()
	c.wantUsed(fmt.Sprint("write ", cut), allowance, nfvcs(int64(c.vnfm.count()), int64(computes)))
	c.checkTold(t, again.id(), cut)
	c.crash()
	return through
}

// checkTold: the operation was told to begin and to end, once, in this order. What was
// told again said the same.
func (c *crashingWorld) checkTold(t *testing.T, opID string, cut int64) {
	t.Helper()
	var told []string
	for _, m := range c.out.of("north", "NsLcmOperationOccurrenceNotification") {
		if m["nsLcmOpOccId"] == opID {
			told = append(told, fmt.Sprint(m["notificationStatus"], " ", m["operationState"]))
		}
	}
	if got := strings.Join(told, ", "); got != "START PROCESSING, RESULT COMPLETED" {
		t.Errorf("write %d: told %q", cut, got)
	}
	c.out.mu.Lock()
	for _, twice := range c.out.altered {
		t.Errorf("write %d: one notification with two contents: %s", cut, twice)
	}
	c.out.mu.Unlock()
	seen := map[string]string{}
	for _, m := range c.out.of("north", "NsChangeNotification") {
		op, status := fmt.Sprint(m["lcmOpOccIdImpactingNsComponent"]), fmt.Sprint(m["lcmOpOccStatusImpactingNsComponent"])
		if seen[op] != "" && (seen[op] != "START" || status != "COMPLETED") {
			t.Errorf("write %d: VNF operation %s: %s after %s", cut, op, status, seen[op])
		}
		seen[op] = status
	}
	for op, last := range seen {
		if last != "COMPLETED" {
			t.Errorf("write %d: of VNF operation %s the last that was told is %s", cut, op, last)
		}
	}
}

// An order on one VNF is eleven writes, each of which waits for the disk: the operation
// planned, its NS held, shown; the VNF that waits for an operation of the VNFM, the step
// that names it, the VNF told of its beginning and of its end, and that this was told; the
// end of the step and the operation, the NS let go, and the operation closed.
func TestOrder_Writes(t *testing.T) {
	c := newCrashingWorld(t)
	id := c.instantiated(north, "shop").ID
	if !c.settle(id) {
		t.Fatal("dead without a crash")
	}
	in := updateOf("MODIFY_VNF_INFORMATION")
	in.ModifyVnfInfoData = []sol005.ModifyVnfInfoData{{VnfInstanceID: web(c.world, id), VnfInstanceName: "other"}}
	before := c.left.Load()
	c.run(north, id, "update", in)
	if !c.settle(id) {
		t.Fatal("dead without a crash")
	}
	if n := before - c.left.Load(); n != 11 {
		t.Errorf("%d writes", n)
	}
}
