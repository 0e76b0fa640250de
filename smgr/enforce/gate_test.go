package enforce

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// What a mode does not allow becomes a recommendation without a request. When
// the mode is raised, a person has it carried out.
func TestMode(t *testing.T) {
	vnf := hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-a", VnfPkgID: "pkg-1", HostID: "host-1"}
	for name, tc := range map[string]struct {
		action hub.Action
		least  hub.Mode
	}{
		"terminate":      {hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true, Replace: no()}, hub.SemiActive},
		"disable":        {hub.Action{Type: hub.ActionTerminateVnf, DisablePackage: true}, hub.FullyActive},
		"co-hosted":      {hub.Action{Type: hub.ActionTerminateVnf, CoHosted: true}, hub.FullyActive},
		"erase":          {hub.Action{Type: hub.ActionTerminateVnf, Erase: true}, hub.FullyActive},
		"stop host":      {hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}, hub.SemiActive},
		"quarantine":     {hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate", Quarantine: true}, hub.FullyActive},
		"modify":         {hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "b"}}, hub.SemiActive},
		"remove a guard": {hub.Action{Type: hub.ActionRemoveSecurityVnf}, hub.SemiActive},
	} {
		for i, mode := range hub.Modes() {
			w := newWorld(t, true)
			w.mode = mode
			s := w.process()
			w.plan(s, newOrder("o", "ns/ns-1", tc.action, vnf))
			w.work(s, 5)
			if i >= slices.Index(hub.Modes(), tc.least) {
				w.want(s, "o", smgr.OrderCompleted)
				continue
			}
			if o := w.want(s, "o", smgr.OrderRecommended); !strings.Contains(o.Reason, string(mode)) || len(w.nfvo.requests()) > 0 {
				t.Errorf("%s in %s: reason %q, requests %v", name, mode, o.Reason, w.nfvo.requests())
			}
			if err := s.Approve(t.Context(), "o", anna, "do it"); hub.CodeOf(err) != hub.Conflict {
				t.Errorf("%s was approved in %s: %v", name, mode, err)
			}
			w.mode = hub.FullyActive
			if err := s.Approve(t.Context(), "o", anna, "do it"); err != nil {
				t.Fatal(err)
			}
			w.work(s, 5)
			w.want(s, "o", smgr.OrderCompleted)
			w.checkRecords(s, "o")
		}
	}
}

// A mode that is lowered between two steps stops the order there; approved again
// it goes on with the steps that are left.
func TestMode_LoweredBetweenSteps(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	o := terminate("o", "vnf-a")
	o.Action.DisablePackage, o.Target.VnfPkgID = true, "pkg-1"
	w.plan(s, o)
	inner := s.Metrics.Request
	s.Metrics.Request = func(string) { w.mode = hub.SemiActive }
	w.work(s, 5)
	w.want(s, "o", smgr.OrderRecommended)
	s.Metrics.Request, w.mode = inner, hub.FullyActive
	if err := s.Approve(t.Context(), "o", anna, "mode raised again"); err != nil {
		t.Fatal(err)
	}
	w.work(s, 5)
	w.want(s, "o", smgr.OrderCompleted)
	if got, want := w.nfvo.happened(), []string{"disable pkg-1", "remove vnf-a from ns-1"}; !slices.Equal(got, want) {
		t.Errorf("the effects are %q, want %q", got, want)
	}
}

// What each level makes of an order.
func TestLevels(t *testing.T) {
	for level, want := range map[smgr.Level]smgr.OrderState{
		smgr.LevelShadow: smgr.OrderShadow, smgr.LevelAdvise: smgr.OrderRecommended, smgr.LevelApprove: smgr.OrderWaiting, smgr.LevelEnforce: smgr.OrderCompleted,
	} {
		w := newWorld(t, true)
		s := w.process()
		o := terminate("o", "vnf-a")
		o.Level = level
		w.plan(s, o, o) // twice is once
		w.work(s, 5)
		w.want(s, "o", want)
		w.checkRecords(s, "o")
		if n := len(w.nfvo.requests()); (n > 0) != (level == smgr.LevelEnforce) {
			t.Errorf("level %s sent %d requests", level, n)
		}
		if err := s.Approve(t.Context(), "o", anna, "yes"); (err == nil) != (level == smgr.LevelAdvise || level == smgr.LevelApprove) {
			t.Errorf("level %s approved: %v", level, err)
		}
	}
}

// What is no order for the NFVO is not taken.
func TestPlan_Refused(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	for name, change := range map[string]func(*smgr.Order){
		"level off":        func(o *smgr.Order) { o.Level = smgr.LevelOff },
		"an alert":         func(o *smgr.Order) { o.Action = hub.Action{Type: hub.ActionAlert} },
		"of the CMF":       func(o *smgr.Order) { o.Action.Type, o.Target.CertificateRequestID = hub.ActionDenyCertificate, "c" },
		"unknown action":   func(o *smgr.Order) { o.Action.Type = "reboot" },
		"no target":        func(o *smgr.Order) { o.Target = hub.Target{} },
		"no ID":            func(o *smgr.Order) { o.ID = "" },
		"no key":           func(o *smgr.Order) { o.Key = "" },
		"done already":     func(o *smgr.Order) { o.State = smgr.OrderCompleted },
		"steps of its own": func(o *smgr.Order) { o.Steps = []smgr.Step{{Name: "x"}} },
	} {
		o := terminate("o", "vnf-a")
		change(&o)
		if err := s.Plan(t.Context(), o); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Get(t.Context(), "o"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a refused order is there: %v", err)
	}
}

func TestApprove(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	o, conflict, r := terminate("o", "vnf-a"), terminate("c", "vnf-b"), terminate("r", "vnf-s")
	o.Level, r.Level = smgr.LevelApprove, smgr.LevelApprove
	conflict.State, conflict.Reason = smgr.OrderWaiting, "two findings ask for what cannot both be"
	w.plan(s, o, conflict, r)
	w.authors = nil
	if s.Authors = func(context.Context, smgr.Order) ([]string, error) { return nil, errors.New("not known") }; hub.CodeOf(s.Approve(t.Context(), "o", anna, "x")) != hub.Unavailable {
		t.Error("approved though the authors are not known")
	}
	s.Authors = func(context.Context, smgr.Order) ([]string, error) { return []string{ben}, nil }
	for name, tc := range map[string]struct {
		who, reason string
		want        hub.Code
	}{
		"the author":         {ben, "mine", hub.Denied},
		"nobody":             {"", "x", hub.Denied},
		"no identity":        {"anna", "x", hub.Denied},
		"a Security Manager": {"spiffe://north/sm/alpha/sc-or.sec-enforce", "x", hub.Denied},
		"without a reason":   {anna, "", hub.Invalid},
		"a long reason":      {anna, strings.Repeat("x", 2000), hub.Invalid},
	} {
		if err := s.Approve(t.Context(), "o", tc.who, tc.reason); hub.CodeOf(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	if err := s.Approve(t.Context(), "none", anna, "x"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("an order that does not exist: %v", err)
	}
	for _, id := range []string{"o", "c"} {
		for range 2 { // again before it began is the same yes
			if err := s.Approve(t.Context(), id, anna, "it is right"); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Approve(t.Context(), id, "spiffe://hub/operator/carl", "me too"); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("a second approval: %v", err)
		}
	}
	if err := s.Reject(t.Context(), "o", anna, "no, wait"); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("rejected after it was approved: %v", err)
	}
	for range 2 {
		if err := s.Reject(t.Context(), "r", ben, "a false alarm"); err != nil { // an author may say no
			t.Fatal(err)
		}
	}
	w.work(s, 5)
	if o := w.want(s, "o", smgr.OrderCompleted); o.Approval == nil || o.Approval.By != anna || !o.Approval.Approved {
		t.Errorf("the approval is %+v", o.Approval)
	}
	w.want(s, "c", smgr.OrderCompleted)
	if o := w.want(s, "r", smgr.OrderRejected); o.Approval.Approved || o.Approval.Reason != "a false alarm" {
		t.Errorf("the approval is %+v", o.Approval)
	}
	if err := s.Approve(t.Context(), "o", anna, "again"); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("approved after it was carried out: %v", err)
	}
	if len(w.nfvo.requests()) != 2 {
		t.Errorf("sent %+v", w.nfvo.requests())
	}
	by := map[string]bool{}
	for _, rec := range w.kinds("sm.order") {
		by[rec.Actor] = true
	}
	if !by[anna] || !by[ben] {
		t.Errorf("the records are by %v", by)
	}
	for _, id := range []string{"o", "c", "r"} {
		w.checkRecords(s, id)
	}
}

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
	if st, err := two.Status(t.Context()); err != nil || st.LimitHit == nil || st.LimitHitBy != "ov2" || st.Begun != 2 || st.Orders[smgr.OrderWaiting] != 2 {
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
	coHosted := terminate("o", "vnf-a")
	coHosted.Action.CoHosted = true
	guard := newOrder("g", "ns/ns-2", hub.Action{Type: hub.ActionRemoveSecurityVnf}, hub.Target{NsInstanceID: "ns-2", VnfInstanceID: "vnf-s"})
	w.plan(s, coHosted, guard,
		newOrder("h", "host/host-1", hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}, hub.Target{HostID: "host-1"}),
		newOrder("m", "host/host-1", hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}, hub.Target{HostID: "host-1"}))
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

func TestList(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	a, b, c := terminate("a", "vnf-a"), terminate("b", "vnf-b"), newOrder("c", "ns/ns-1", hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{VnfInstanceID: "vnf-s"})
	b.Level, b.Policy, b.DecisionID = smgr.LevelAdvise, "other", "decision-2"
	w.plan(s, a, b, c)
	w.work(s, 5)
	for name, tc := range map[string]struct {
		q     Query
		after string
		want  []string
	}{
		"all":              {Query{}, "", []string{"a", "b", "c"}},
		"after":            {Query{}, "a", []string{"b", "c"}},
		"by state":         {Query{State: smgr.OrderCompleted}, "", []string{"a", "c"}},
		"by NS":            {Query{NsInstanceID: "ns-1"}, "", []string{"a", "b", "c"}},
		"by another NS":    {Query{NsInstanceID: "ns-2"}, "", []string{"c"}},
		"by policy":        {Query{Policy: "other"}, "", []string{"b"}},
		"by decision":      {Query{DecisionID: "decision-1"}, "", []string{"a", "c"}},
		"by two":           {Query{NsInstanceID: "ns-1", State: smgr.OrderRecommended}, "", []string{"b"}},
		"by two and after": {Query{DecisionID: "decision-1", State: smgr.OrderCompleted}, "a", []string{"c"}},
		"nothing":          {Query{Policy: "none"}, "", nil},
	} {
		var got []string
		for o, err := range s.List(t.Context(), tc.q, tc.after) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.ID)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
