package enforce

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// pair is two orders of two decisions.
type pair struct{ first, later smgr.Order }

func pairs() map[string]pair {
	yes, no := true, false
	v := hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-a", VnfProfileID: "web"}
	host := hub.Target{HostID: "host-1"}
	order := func(id string, a hub.Action, t hub.Target, s smgr.Scope) smgr.Order {
		o := newOrder(id, "ns/ns-1", a, t)
		o.DecisionID, o.Scope = "decision-of-"+id, s
		return o
	}
	ends := smgr.Scope{Ends: []string{"vnf-a"}}
	profile := []string{"ns-1/web"}
	first := func(a hub.Action, t hub.Target, s smgr.Scope) smgr.Order { return order("first", a, t, s) }
	later := func(a hub.Action, t hub.Target, s smgr.Scope) smgr.Order { return order("later", a, t, s) }
	terminate := hub.Action{Type: hub.ActionTerminateVnf}
	modify := hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "1"}}
	return map[string]pair{
		"bar, replace": {first(hub.Action{Type: hub.ActionTerminateVnf, Replace: &no}, v, ends), later(hub.Action{Type: hub.ActionTerminateVnf, Replace: &yes}, v, ends)},
		"migrate, terminate": {first(hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}, host, smgr.Scope{}),
			later(hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}, host, ends)},
		"two values":          {first(modify, v, smgr.Scope{}), later(hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "2"}}, v, smgr.Scope{})},
		"terminate, modify":   {first(terminate, v, ends), later(modify, v, smgr.Scope{})},
		"remove, modify":      {first(hub.Action{Type: hub.ActionRemoveSecurityVnf}, v, ends), later(modify, v, smgr.Scope{})},
		"stop host, modify":   {first(hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}, host, ends), later(modify, v, smgr.Scope{})},
		"insert, remove":      {first(hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "web"}, smgr.Scope{Profiles: profile}), later(hub.Action{Type: hub.ActionRemoveSecurityVnf}, v, smgr.Scope{Ends: []string{"vnf-a"}, Profiles: profile})},
		"insert, bar":         {first(hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "web"}, smgr.Scope{Profiles: profile}), later(hub.Action{Type: hub.ActionTerminateVnf, Replace: &no}, v, smgr.Scope{Ends: []string{"vnf-a"}, Profiles: profile})},
		"co-hosted, migrate":  {first(hub.Action{Type: hub.ActionTerminateVnf, CoHosted: true}, v, smgr.Scope{Ends: []string{"vnf-a", "vnf-c"}, Hosts: []string{"host-1"}}), later(hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}, host, smgr.Scope{})},
		"of one profile only": {first(hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard"}, smgr.Scope{Profiles: []string{"ns-1/guard"}}), later(hub.Action{Type: hub.ActionRemoveSecurityVnf}, v, smgr.Scope{Ends: []string{"vnf-a"}, Profiles: profile})},
		"two VNFs":            {first(terminate, v, ends), later(modify, hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-b"}, smgr.Scope{})},
	}
}

// An order that contradicts an open one of an earlier decision waits for a
// person; both name each other, in words, and an alarm is raised. The other way
// about it is the same, and what does not contradict goes on.
func TestConflict(t *testing.T) {
	for name, p := range pairs() {
		for turn, p := range []pair{p, {p.later, p.first}} {
			w := newWorld(t, true)
			s := w.process()
			w.plan(s, p.first, p.later)
			if name == "of one profile only" || name == "two VNFs" {
				w.want(s, p.later.ID, smgr.OrderPlanned)
				continue
			}
			later := w.want(s, p.later.ID, smgr.OrderWaiting)
			first := w.want(s, p.first.ID, smgr.OrderPlanned)
			if !slices.Equal(later.Against, []string{first.ID}) || !slices.Equal(first.Against, []string{later.ID}) || !strings.Contains(later.Reason, first.ID) || !strings.Contains(later.Reason, "one") {
				t.Errorf("%s, %d: %q against %v, and %v", name, turn, later.Reason, later.Against, first.Against)
			}
			if n := len(w.kinds("sm.alarm")); n != 1 {
				t.Errorf("%s: %d alarms", name, n)
			}
			w.plan(s, p.first, p.later) // repeated
			w.checkRecords(s, first.ID)
			w.checkRecords(s, later.ID)
			if err := s.Reject(t.Context(), first.ID, anna, "the other one"); hub.CodeOf(err) != hub.Conflict { // it is planned
				t.Errorf("%s: %v", name, err)
			}
			if err := s.Approve(t.Context(), later.ID, anna, "both"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			w.work(s, 10)
			for _, id := range []string{first.ID, later.ID} {
				if o, err := s.Get(t.Context(), id); err != nil || !o.State.Final() {
					t.Errorf("%s: order %s is %s (%s), %v", name, id, o.State, o.Reason, err)
				}
			}
		}
	}
}

// What would not be carried out holds nobody up, and is not held: it says what it
// contradicts.
func TestConflict_Advise(t *testing.T) {
	p := pairs()["terminate, modify"]
	for _, tc := range []struct {
		first, later           smgr.Level
		wantsFirst, wantsLater smgr.OrderState
	}{
		{smgr.LevelAdvise, smgr.LevelEnforce, smgr.OrderRecommended, smgr.OrderPlanned},
		{smgr.LevelEnforce, smgr.LevelAdvise, smgr.OrderPlanned, smgr.OrderRecommended},
		{smgr.LevelApprove, smgr.LevelApprove, smgr.OrderWaiting, smgr.OrderWaiting},
		{smgr.LevelShadow, smgr.LevelEnforce, smgr.OrderShadow, smgr.OrderPlanned},
	} {
		w := newWorld(t, true)
		s := w.process()
		p.first.Level, p.later.Level = tc.first, tc.later
		w.plan(s, p.first, p.later)
		first, later := w.want(s, "first", tc.wantsFirst), w.want(s, "later", tc.wantsLater)
		if n := len(later.Against); n != len(first.Against) || (n == 1) == (tc.first == smgr.LevelShadow) {
			t.Errorf("%s, %s: against %v and %v", tc.first, tc.later, first.Against, later.Against)
		}
		for _, o := range []smgr.Order{first, later} {
			if o.Level == smgr.LevelAdvise && !strings.Contains(o.Reason, "contradicts") {
				t.Errorf("the recommendation says %q", o.Reason)
			}
		}
	}
}

// A recommendation that a later decision raises and contradicts itself about waits
// for a person; an order that goes on already does not.
func TestConflict_RaisedAgainstItself(t *testing.T) {
	for _, level := range []smgr.Level{smgr.LevelAdvise, smgr.LevelApprove, smgr.LevelEnforce} {
		w := newWorld(t, true)
		s := w.process()
		first := terminate("first", "vnf-a")
		first.Level = level
		w.plan(s, first)
		again := terminate("first", "vnf-a")
		again.DecisionID, again.State, again.Reason, again.Against = "decision-2", smgr.OrderWaiting, "it contradicts what another policy asks for", []string{"other"}
		w.plan(s, again, again)
		want := smgr.OrderWaiting
		if level == smgr.LevelEnforce {
			want = smgr.OrderPlanned
		}
		if o := w.want(s, "first", want); !slices.Equal(o.Against, again.Against) || (want == smgr.OrderWaiting) != (o.Reason == again.Reason) {
			t.Errorf("%s: %+v", level, o)
		}
		w.work(s, 5)
		if n := len(w.nfvo.happened()); (n == 1) != (level == smgr.LevelEnforce) {
			t.Errorf("%s: %d effects", level, n)
		}
		w.checkRecords(s, "first")
	}
}

// An order that is raised from a recommendation meets what came between.
func TestConflict_Raised(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	p := pairs()["terminate, modify"]
	p.first.Level = smgr.LevelAdvise
	w.nfvo.polls = 1 << 30 // the modification goes on
	w.plan(s, p.first, p.later)
	w.work(s, 1)
	w.want(s, "later", smgr.OrderRunning)
	raised := p.first
	raised.DecisionID, raised.Level, raised.Key = "decision-3", smgr.LevelEnforce, "host/host-1"
	w.plan(s, raised)
	first := w.want(s, "first", smgr.OrderPlanned)
	if first.Level != smgr.LevelEnforce {
		t.Errorf("level %s", first.Level)
	}
	it := Item{ID: "first/1", Key: "x", Data: []byte("first"), Attempt: 1} // an order's key is fixed, so the queue would keep it behind
	if err := s.handle(t.Context(), it); err != nil {
		t.Error(err)
	}
	if o := w.want(s, "first", smgr.OrderWaiting); len(w.nfvo.ops) != 1 || !slices.Contains(o.Against, "later") {
		t.Errorf("%+v, %d operations", o, len(w.nfvo.ops))
	}
}

// A process dies after each durable thing while two orders of two decisions
// contradict each other: one is carried out, the other waits.
func TestConflict_Crash(t *testing.T) {
	p := pairs()["terminate, modify"]
	points := 0
	for lived := false; !lived; points++ {
		w := newWorld(t, true)
		s := w.process()
		w.left = points
		for _, o := range []smgr.Order{p.first, p.later} {
			for s.Plan(t.Context(), o) != nil {
				s = w.process()
			}
		}
		lived = w.left > 0
		s = w.process()
		w.clock = w.clock.Add(2 * s.Sweep)
		if err := s.recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.work(s, 10)
		w.want(s, "first", smgr.OrderCompleted)
		later := w.want(s, "later", smgr.OrderWaiting)
		if !slices.Equal(later.Against, []string{"first"}) || !slices.Equal(w.nfvo.happened(), []string{"remove vnf-a from ns-1"}) || len(w.kinds("sm.alarm")) != 1 {
			t.Fatalf("died after %d: %+v, %q, %d alarms", points, later, w.nfvo.happened(), len(w.kinds("sm.alarm")))
		}
		w.checkRecords(s, "first")
		w.checkRecords(s, "later")
	}
	if points < 10 {
		t.Errorf("the process died at %d points only", points)
	}
}

// Two processes plan orders that contradict each other at once, on different
// keys: never are both carried out without a person.
func TestConflict_TwoProcesses(t *testing.T) {
	p := pairs()["terminate, modify"]
	p.later.Key = "host/host-1"
	for range 20 {
		w := newWorld(t, true)
		one, two := w.process(), w.process()
		var both sync.WaitGroup
		both.Go(func() { w.plan(one, p.first) })
		both.Go(func() { w.plan(two, p.later) })
		both.Wait()
		for _, s := range []*Enforcer{one, two} {
			until(t, func() bool { return len(s.orders.Find(termTouch+"vnf/vnf-a")) == 2 })
		}
		for range 3 {
			w.work(one, 3)
			w.work(two, 3)
		}
		a, errA := one.Get(t.Context(), "first")
		b, errB := one.Get(t.Context(), "later")
		if errA != nil || errB != nil || a.State != smgr.OrderWaiting && b.State != smgr.OrderWaiting || len(w.nfvo.happened()) > 1 {
			t.Fatalf("%s (%s) and %s (%s): %q", a.State, a.Reason, b.State, b.Reason, w.nfvo.happened())
		}
		if !slices.Contains(a.Against, "later") || !slices.Contains(b.Against, "first") {
			t.Errorf("against %v and %v", a.Against, b.Against)
		}
	}
}

// A process that has not heard yet of an order which another one made does not
// begin one that contradicts it.
func TestConflict_NotHeardYet(t *testing.T) {
	p := pairs()["terminate, modify"]
	p.later.Key = "host/host-1"
	w := newWorld(t, true)
	one := w.process()
	hear := make(chan struct{})
	two, space := w.enforcer(hear)
	w.open(space)
	w.plan(one, p.first)
	w.plan(two, p.later)
	w.want(two, "later", smgr.OrderPlanned)
	time.AfterFunc(50*time.Millisecond, func() { close(hear) })
	if err := w.step(two, "host/host-1"); err != nil {
		t.Error(err)
	}
	later := w.want(one, "later", smgr.OrderWaiting)
	if !slices.Contains(later.Against, "first") || len(w.nfvo.happened()) > 0 {
		t.Errorf("against %v; %q was done", later.Against, w.nfvo.happened())
	}
	w.work(one, 3)
	w.want(one, "first", smgr.OrderCompleted)
}
