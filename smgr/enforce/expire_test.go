package enforce

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
)

// What nobody decides on ends after its time; what waited raises an alarm. Its
// decisions can be removed then, and the condition makes a new order.
func TestExpire(t *testing.T) {
	w := newWorld(t, true)
	j := w.active(smgr.LevelAdvise)
	advised := j.judgeEvent(w.event(1, "vnf-a", "end"))[0]
	j.level(smgr.LevelApprove)
	waits := j.judgeEvent(w.event(2, "vnf-b", "end"))[0]
	again := w.event(3, "vnf-b", "end")
	j.judgeEvent(again) // names the same order
	look := func(j *judging, after time.Duration) {
		t.Helper()
		w.clock = w.clock.Add(after)
		if err := j.recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look(j, 0)
	look(j, DefaultExpiry-time.Second)
	w.want(j.Enforcer, advised, smgr.OrderRecommended)
	w.want(j.Enforcer, waits, smgr.OrderWaiting)
	if n, err := j.d.Prune(t.Context()); n != 0 || err != nil {
		t.Errorf("%d decisions were removed, %v", n, err)
	}
	look(w.judge(), time.Second)
	for _, id := range []string{advised, waits} {
		o := w.want(j.Enforcer, id, smgr.OrderExpired)
		if !strings.Contains(o.Reason, "nobody decided on it for 168h") || !strings.Contains(o.Reason, "level") {
			t.Errorf("the reason is %q", o.Reason)
		}
		w.checkRecords(j.Enforcer, id)
		if err := j.Approve(t.Context(), id, anna, "late"); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("approved after it expired: %v", err)
		}
	}
	if alarms := w.kinds("sm.alarm"); len(alarms) != 1 || !strings.Contains(string(alarms[0].Data), waits) {
		t.Errorf("alarms %v", alarms)
	}
	next := w.event(4, "vnf-b", "end")
	if got := j.judgeEvent(next); len(got) != 1 || got[0] == waits {
		t.Errorf("the condition lasts, and its order is %v", got)
	}
	w.clock = w.clock.Add(30*24*time.Hour - DefaultExpiry + time.Minute) // the age of decisions, since the first
	removed, err := j.d.Prune(t.Context())
	if err != nil || removed != 3 {
		t.Errorf("%d decisions were removed, %v", removed, err)
	}
	left := 0
	for dec, err := range j.d.Decisions(t.Context(), decide.Query{}) {
		if left++; err != nil || dec.EventID != next.ID {
			t.Errorf("decision on %s is kept, %v", dec.EventID, err)
		}
	}
	if left != 1 {
		t.Errorf("%d decisions are left", left)
	}
	if len(w.nfvo.requests()) > 0 {
		t.Errorf("sent %v", w.nfvo.requests())
	}
}

// The time counts from when an order came to rest last, a pause is no rest, and
// what an order reserved is given back.
func TestExpire_Since(t *testing.T) {
	w := newWorld(t, true)
	w.mode = hub.SemiActive
	s := w.process()
	s.Expiry = time.Hour
	o := terminate("o", "vnf-a")
	o.Level = smgr.LevelApprove
	w.plan(s, o)
	after := func(d time.Duration) {
		t.Helper()
		w.clock = w.clock.Add(d)
		if err := s.expire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	after(0)
	after(50 * time.Minute)
	w.mode = hub.FullyActive
	if err := s.Approve(t.Context(), "o", anna, "it is right"); err != nil {
		t.Fatal(err)
	}
	w.mode = hub.Passive // it comes back
	w.work(s, 3)
	w.want(s, "o", smgr.OrderRecommended)
	after(50 * time.Minute)
	w.want(s, "o", smgr.OrderRecommended)
	after(10 * time.Minute)
	w.want(s, "o", smgr.OrderExpired)
	w.checkRecords(s, "o")

	if err := s.Pause(t.Context(), anna, "quiet"); err != nil {
		t.Fatal(err)
	}
	w.mode = hub.FullyActive
	w.plan(s, terminate("p", "vnf-b"))
	w.onWait = func() {
		w.onWait = nil
		w.want(s, "p", smgr.OrderWaiting)
		after(2 * time.Hour)
		w.want(s, "p", smgr.OrderWaiting)
		if err := s.Resume(t.Context(), anna, "looked at"); err != nil {
			t.Error(err)
		}
	}
	w.work(s, 5)
	w.want(s, "p", smgr.OrderCompleted)
}

// A process dies after each durable thing while orders expire.
func TestExpire_Crash(t *testing.T) {
	points := 0
	for lived := false; !lived; points++ {
		w := newWorld(t, true)
		s := w.process()
		list := []smgr.Order{terminate("o", "vnf-a"), terminate("p", "vnf-b")}
		list[0].Level, list[1].Level = smgr.LevelApprove, smgr.LevelAdvise
		w.plan(s, list...)
		w.clock = w.clock.Add(DefaultExpiry)
		w.left = points
		err := s.recover(t.Context())
		lived = w.left > 0
		if lived && err != nil {
			t.Fatal(err)
		}
		s = w.process()
		w.clock = w.clock.Add(2 * s.Sweep)
		if err := s.recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, o := range list {
			w.want(s, o.ID, smgr.OrderExpired)
			w.checkRecords(s, o.ID)
		}
		if n := len(w.kinds("sm.alarm")); n != 1 {
			t.Errorf("died after %d: %d alarms", points, n)
		}
	}
	if points < 5 {
		t.Errorf("the process died at %d points only", points)
	}
}

// A reservation of an order that ended without its effect does not count, also
// when what it reserved left the host meanwhile.
func TestMinimum_LeftTheHost(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	w.profiles[Place{"ns-2", "web"}] = Profile{MinInstances: 1} // of vnf-s and vnf-c
	w.nfvo.answer = nil
	o := newOrder("h", "host/host-1", hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}, hub.Target{HostID: "host-1"})
	w.plan(s, o)
	s.Metrics.Request = func(string) { w.mode = hub.Passive; w.hosts["host-1"] = nil }
	inner := s.NFVO.SecEnforce.ScOr.Base
	s.NFVO.SecEnforce.ScOr.Base = w.nfvo.URL + "/nothing" // refused for good
	w.work(s, 5)
	s.NFVO.SecEnforce.ScOr.Base, w.mode, s.Metrics.Request = inner, hub.FullyActive, nil
	if got, err := s.Get(t.Context(), "h"); err != nil || !got.State.Final() || got.State == smgr.OrderCompleted {
		t.Fatalf("%s (%s), %v", got.State, got.Reason, err)
	}
	next := newOrder("n", "ns/ns-2", hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{NsInstanceID: "ns-2", VnfInstanceID: "vnf-s"})
	next.Action.BelowMinimum = false
	w.plan(s, next)
	w.work(s, 10)
	w.want(s, "n", smgr.OrderCompleted)
	if got := w.nfvo.happened(); !slices.Contains(got, "remove vnf-s from ns-2") {
		t.Errorf("the effects are %q", got)
	}
}
