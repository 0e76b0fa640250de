package enforce

import (
	"context"
	"errors"
	"net/http"
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

// A mode that is lowered while nobody knows whether the NFVO has a request: if it
// has, the order is followed to its end.
func TestMode_LoweredInDoubt(t *testing.T) {
	for _, taken := range []bool{true, false} {
		w := newWorld(t, true)
		s := w.process()
		w.plan(s, terminate("o", "vnf-a"))
		inner := s.NFVO.SecEnforce.NsLcm.HTTP.Transport
		s.NFVO.SecEnforce.NsLcm.HTTP.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost {
				return inner.RoundTrip(r)
			}
			w.mode = hub.Passive
			if taken {
				if a, err := inner.RoundTrip(r); err == nil {
					_ = a.Body.Close()
				}
			}
			return nil, errDead
		})
		w.work(s, 5)
		w.want(s, "o", map[bool]smgr.OrderState{true: smgr.OrderCompleted, false: smgr.OrderRecommended}[taken])
		if n := len(w.nfvo.requests()); n > 1 {
			t.Errorf("it was sent %d times", n)
		}
	}
}

// A VNF that the topology does not know is looked for at the NFVO.
func TestPlaces_Unknown(t *testing.T) {
	w := newWorld(t, false)
	w.hidden = "ns-3"
	s := w.process()
	w.plan(s, newOrder("o", "ns/ns-3", hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{VnfInstanceID: "vnf-d"}))
	w.work(s, 5)
	w.want(s, "o", smgr.OrderCompleted)
	if got := w.nfvo.happened(); !slices.Equal(got, []string{"remove vnf-d from ns-3"}) {
		t.Errorf("the effects are %q", got)
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t, true)
	w.limits = Limits{Orders: 1}
	s := w.process()
	var got []string
	s.Metrics = Metrics{
		Order:   func(a hub.ActionType, to smgr.OrderState) { got = append(got, string(a)+" "+string(to)) },
		Request: func(outcome string) { got = append(got, "request "+outcome) },
		Alarm:   func(kind string) { got = append(got, "alarm "+kind) },
		Wire:    func(d time.Duration) { got = append(got, "wire "+d.String()) },
	}
	w.plan(s, terminate("o", "vnf-a"))
	w.clock = w.clock.Add(time.Second)
	w.work(s, 5)
	w.plan(s, terminate("p", "vnf-b"))
	w.work(s, 5)
	if err := s.Approve(t.Context(), "p", anna, "it is right"); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(2 * time.Second)
	w.work(s, 5)
	want := []string{
		"terminate-vnf planned", "terminate-vnf running", "wire 1s", "request accepted", "terminate-vnf completed",
		"terminate-vnf planned", "alarm limit", "terminate-vnf waiting",
		"terminate-vnf planned", "terminate-vnf running", "wire 2s", "request accepted", "terminate-vnf completed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
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
		"another function":   {"spiffe://north/vnfm/edge", "x", hub.Denied},
		"a Security Manager": {"spiffe://north/sm/alpha/sc-or.sec-enforce", "x", hub.Denied},
		"a program":          {"spiffe://north/oss/portal", "x", hub.Denied},
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

func TestList(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	a, b, c := terminate("a", "vnf-a"), terminate("b", "vnf-b"), newOrder("c", "ns/ns-1", hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{VnfInstanceID: "vnf-s"})
	b.Level, b.Policy, b.DecisionID = smgr.LevelAdvise, "other", "decision-2"
	w.plan(s, a)
	w.clock = w.clock.Add(time.Millisecond)
	w.plan(s, b, c)
	w.work(s, 5)
	mark := map[string]string{"": ""}
	for o, err := range s.List(t.Context(), Query{}, "") {
		if err != nil || mark[o.ID] != "" {
			t.Fatalf("%s: %v", o.ID, err)
		}
		mark[o.ID] = o.Mark
	}
	for name, tc := range map[string]struct {
		q     Query
		after string
		want  []string
	}{
		"all":              {Query{}, "", []string{"b", "c", "a"}},
		"after":            {Query{}, "b", []string{"c", "a"}},
		"after the last":   {Query{}, "a", nil},
		"by state":         {Query{State: smgr.OrderCompleted}, "", []string{"c", "a"}},
		"by NS":            {Query{NsInstanceID: "ns-1"}, "", []string{"b", "c", "a"}},
		"by another NS":    {Query{NsInstanceID: "ns-2"}, "", []string{"c"}},
		"by policy":        {Query{Policy: "other"}, "", []string{"b"}},
		"by decision":      {Query{DecisionID: "decision-1"}, "", []string{"c", "a"}},
		"by two":           {Query{NsInstanceID: "ns-1", State: smgr.OrderRecommended}, "", []string{"b"}},
		"by two and after": {Query{DecisionID: "decision-1", State: smgr.OrderCompleted}, "c", []string{"a"}},
		"nothing":          {Query{Policy: "none"}, "", nil},
	} {
		var got []string
		for o, err := range s.List(t.Context(), tc.q, mark[tc.after]) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.ID)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	for _, err := range s.List(t.Context(), Query{}, "an-id-of-before") {
		if hub.CodeOf(err) != hub.Invalid {
			t.Errorf("a mark that is none: %v", err)
		}
	}
}
