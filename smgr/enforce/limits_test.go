package enforce

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// The limit counts over all processes; what is beyond it waits for a person, and
// the alarm is raised once.
func TestLimit(t *testing.T) {
	w := newWorld(t, true)
	w.limits = Limits{Orders: 2, Window: 10 * time.Minute}
	for i := range 5 {
		w.nfvo.nss["ns-3"][vnfName(i)] = ""
	}
	one, two := w.process(), w.process()
	order := func(i int) smgr.Order {
		return newOrder("o"+vnfName(i), "ns/ns-3", hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{NsInstanceID: "ns-3", VnfInstanceID: vnfName(i)})
	}
	gentle := newOrder("m", "ns/ns-3", hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "b"}}, hub.Target{NsInstanceID: "ns-3", VnfInstanceID: "vnf-d"})
	for i, s := range []*Enforcer{one, two, one, two} {
		w.plan(s, order(i))
		w.work(s, 5)
	}
	w.plan(one, gentle)
	w.work(one, 5)
	w.want(one, "ov0", smgr.OrderCompleted)
	w.want(one, "ov1", smgr.OrderCompleted)
	w.want(one, "m", smgr.OrderCompleted)
	for _, id := range []string{"ov2", "ov3"} {
		if o := w.want(one, id, smgr.OrderWaiting); !strings.Contains(o.Reason, "more than 2 in 10m0s") {
			t.Errorf("the reason is %q", o.Reason)
		}
	}
	st, err := two.Status(t.Context())
	for deadline := time.Now().Add(10 * time.Second); st.Orders[smgr.OrderWaiting] != 2 && time.Now().Before(deadline); { // what the other process wrote is seen soon
		st, err = two.Status(t.Context())
	}
	if err != nil || st.LimitHit == nil || st.LimitHitBy != "ov2" || st.Begun != 2 || st.Orders[smgr.OrderWaiting] != 2 {
		t.Errorf("the status is %+v, %v", st, err)
	}
	if n := len(w.kinds("sm.alarm")); n != 1 {
		t.Errorf("%d alarms", n)
	}
	// A person may have one carried out; time alone mends nothing.
	if err := one.Approve(t.Context(), "ov2", anna, "that one is right"); err != nil {
		t.Fatal(err)
	}
	w.work(one, 5)
	w.want(one, "ov2", smgr.OrderCompleted)
	w.clock = w.clock.Add(time.Hour)
	w.plan(two, order(4))
	w.work(two, 5)
	w.want(two, "ov4", smgr.OrderWaiting)
	if err := two.ResetLimit(t.Context(), "spiffe://north/sm/alpha/sc-or.sec-enforce", "x"); hub.CodeOf(err) != hub.Denied {
		t.Errorf("the Security Manager reset its own limit: %v", err)
	}
	for range 2 {
		if err := two.ResetLimit(t.Context(), anna, "the policy was rolled back"); err != nil {
			t.Fatal(err)
		}
	}
	w.plan(one, terminate("after", "vnf-a"))
	w.work(one, 5)
	w.want(one, "after", smgr.OrderCompleted)
	w.want(one, "ov3", smgr.OrderWaiting) // it waits for a person still
	if n := len(w.kinds("sm.limit-reset")); n != 1 {
		t.Errorf("%d resets were recorded", n)
	}
}

func vnfName(i int) string { return "v" + string(rune('0'+i)) }

// The window slides: two in ten minutes is not two for ever.
func TestLimit_Slides(t *testing.T) {
	w := newWorld(t, true)
	w.limits = Limits{Orders: 1, Window: time.Minute}
	s := w.process()
	for _, vnf := range []string{"vnf-a", "vnf-b", "vnf-s"} {
		w.plan(s, terminate(vnf, vnf))
		w.work(s, 5)
		w.want(s, vnf, smgr.OrderCompleted)
		w.clock = w.clock.Add(time.Minute)
	}
}

// No order goes below the stated minimum of instances, also when two of them
// come while the topology still shows both instances.
func TestMinimum(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	w.profiles[Place{"ns-1", "web"}] = Profile{MinInstances: 2} // of three
	w.nfvo.polls = 1 << 30                                      // an operation goes on
	w.plan(s, terminate("o1", "vnf-a"))
	w.work(s, 1)
	w.want(s, "o1", smgr.OrderRunning)
	second := terminate("o2", "vnf-b")
	second.Key = "ns/another" // two keys of one profile
	w.plan(s, second)
	w.work(s, 1)
	if o := w.want(s, "o2", smgr.OrderWaiting); !strings.Contains(o.Reason, "leave 1 instances of VNF profile web in NS ns-1, whose minimum is 2") {
		t.Errorf("the reason is %q", o.Reason)
	}
	if n := len(w.kinds("sm.alarm")); n != 1 {
		t.Errorf("%d alarms", n)
	}
	w.nfvo.end(w.nfvo.ops[0], "FAILED") // it gives back what it reserved
	w.work(s, 2)
	w.want(s, "o1", smgr.OrderFailed)
	w.nfvo.polls = 1
	w.plan(s, terminate("o3", "vnf-b"))
	w.work(s, 5)
	w.want(s, "o3", smgr.OrderCompleted)
	// Two are left. The policy may say that it means it, and so may a person.
	below := terminate("o4", "vnf-a")
	below.Action.BelowMinimum = true
	w.plan(s, below)
	w.work(s, 5)
	w.want(s, "o4", smgr.OrderCompleted)
	w.plan(s, terminate("o5", "vnf-s"))
	w.work(s, 5)
	w.want(s, "o5", smgr.OrderWaiting)
	if err := s.Approve(t.Context(), "o5", anna, "the last one too"); err != nil {
		t.Fatal(err)
	}
	w.work(s, 5)
	w.want(s, "o5", smgr.OrderCompleted)
}

// The minimum holds for what ends with a host, and beside the VNF that was
// meant; a migration ends nothing.
func TestMinimum_Others(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	w.profiles[Place{"ns-2", "web"}] = Profile{MinInstances: 2} // vnf-c is one of two, and on host-1
	w.hosts["host-2"] = []string{"vnf-s"}
	coHosted := terminate("o", "vnf-a")
	coHosted.Action.CoHosted = true
	guard := newOrder("g", "ns/ns-2", hub.Action{Type: hub.ActionRemoveSecurityVnf}, hub.Target{NsInstanceID: "ns-2", VnfInstanceID: "vnf-s"})
	w.plan(s, coHosted, guard,
		newOrder("h", "host/host-1", hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}, hub.Target{HostID: "host-1"}),
		newOrder("m", "host/host-2", hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}, hub.Target{HostID: "host-2"}))
	w.work(s, 5)
	w.want(s, "o", smgr.OrderWaiting)
	w.want(s, "h", smgr.OrderWaiting)
	w.want(s, "g", smgr.OrderWaiting)
	w.want(s, "m", smgr.OrderCompleted)
}

// While the Security Manager is paused nothing is sent, not even the next step
// of an order; afterwards orders go on in their order.
func TestPause(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	o := terminate("o", "vnf-a")
	o.Action.DisablePackage, o.Target.VnfPkgID = true, "pkg-1"
	w.plan(s, o, terminate("p", "vnf-b"))
	other := w.process()
	s.Metrics.Request = func(string) { // after the first step, by another process
		s.Metrics.Request = nil
		if err := other.Pause(t.Context(), anna, "too much at once"); err != nil {
			t.Error(err)
		}
	}
	waits := 0
	w.onWait = func() {
		if waits++; waits < 3 {
			return
		}
		w.onWait = nil
		if got := w.want(other, "o", smgr.OrderWaiting); !strings.Contains(got.Reason, "paused by "+anna) || len(w.nfvo.requests()) != 1 {
			t.Errorf("reason %q, sent %v", got.Reason, w.nfvo.requests())
		}
		if err := other.Approve(t.Context(), "o", anna, "go"); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("approved while paused: %v", err)
		}
		st, err := s.Status(t.Context())
		if err != nil || !st.Paused || st.PausedBy != anna || st.PausedReason != "too much at once" || st.PausedAt == nil {
			t.Errorf("the status is %+v, %v", st, err)
		}
		third := w.process() // it survives a restart
		if p, err := third.paused(t.Context()); err != nil || !p.Paused {
			t.Errorf("after a restart: %+v, %v", p, err)
		}
		for range 2 {
			if err := third.Resume(t.Context(), anna, "looked at"); err != nil {
				t.Error(err)
			}
		}
	}
	w.work(s, 10)
	w.want(s, "o", smgr.OrderCompleted)
	w.want(s, "p", smgr.OrderCompleted)
	if got, want := w.nfvo.happened(), []string{"disable pkg-1", "remove vnf-a from ns-1", "remove vnf-b from ns-1"}; !slices.Equal(got, want) {
		t.Errorf("the effects are %q, want %q", got, want)
	}
	if len(w.kinds("sm.paused")) != 1 || len(w.kinds("sm.resumed")) != 1 {
		t.Errorf("records %v %v", w.kinds("sm.paused"), w.kinds("sm.resumed"))
	}
	w.checkRecords(s, "o")
	if err := s.Pause(t.Context(), "nobody", "x"); hub.CodeOf(err) != hub.Denied {
		t.Errorf("paused by nobody: %v", err)
	}
}

// An order that is rejected while its Security Manager is paused is not carried
// out afterwards.
func TestPause_Reject(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	if err := s.Pause(t.Context(), anna, "too much at once"); err != nil {
		t.Fatal(err)
	}
	w.plan(s, terminate("o", "vnf-a"))
	waits := 0
	w.onWait = func() {
		if waits++; waits == 2 {
			if err := errors.Join(s.Reject(t.Context(), "o", anna, "wrong"), s.Resume(t.Context(), anna, "looked at")); err != nil {
				t.Error(err)
			}
		}
	}
	w.work(s, 5)
	w.want(s, "o", smgr.OrderRejected)
	if len(w.nfvo.requests()) > 0 || len(w.waiting()) > 0 {
		t.Errorf("sent %v, waiting %v", w.nfvo.requests(), w.waiting())
	}
}

// However many orders a pause holds, none of them keeps a worker, and none is
// taken for stuck.
func TestPause_HoldsNoWorker(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	if err := s.Pause(t.Context(), anna, "too much at once"); err != nil {
		t.Fatal(err)
	}
	const orders = 70 // more than there are workers
	for n := range orders {
		o := terminate(fmt.Sprint("o", n), "vnf-a")
		o.Key, o.Target.VnfInstanceID = fmt.Sprint("ns/", n), fmt.Sprint("vnf-", n)
		w.plan(s, o)
	}
	w.onWait = func() { t.Error("a worker waits") }
	for range 2 {
		for _, key := range w.waiting() {
			if err := w.step(s, key); !errors.Is(err, ErrPaused) {
				t.Fatalf("order of %s: %v", key, err)
			}
		}
		w.mu.Lock()
		w.clock = w.clock.Add(time.Hour)
		w.mu.Unlock()
	}
	if n := len(s.orders.Find("state=" + string(smgr.OrderWaiting))); n != orders || len(w.kinds("sm.alarm")) > 0 {
		t.Errorf("%d orders wait, %d alarms", n, len(w.kinds("sm.alarm")))
	}
}
