package enforce

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// A process dies after each durable thing in turn, before or after it took
// effect; another one goes on. The effects are those of a run without a crash,
// each once and in order, and each transition is recorded once.
func TestCrash(t *testing.T) {
	vnf := hub.Target{NsInstanceID: "ns-1", VnfInstanceID: "vnf-a", VnfPkgID: "pkg-1"}
	for name, tc := range map[string]struct {
		action  hub.Action
		target  hub.Target
		foreign bool
		effects []string
	}{
		"terminate":            {hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true, DisablePackage: true}, vnf, false, []string{"disable pkg-1", "remove vnf-a from ns-1"}},
		"shared":               {hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{VnfInstanceID: "vnf-s"}, false, []string{"remove vnf-s from ns-1", "remove vnf-s from ns-2"}},
		"stop host":            {hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}, hub.Target{HostID: "host-1"}, false, []string{"stop host-1"}},
		"insert":               {hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard"}, false, []string{"instantiate guard in ns-1"}},
		"foreign terminate":    {hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true, DisablePackage: true}, vnf, true, []string{"snapshot vnf-a", "disable pkg-1", "remove vnf-a from ns-1"}},
		"foreign co-hosted":    {hub.Action{Type: hub.ActionTerminateVnf, CoHosted: true}, vnf, true, []string{"remove vnf-a from ns-1", "remove vnf-c from ns-2"}},
		"foreign insert":       {hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard"}, true, []string{"instantiate guard in ns-1"}},
		"foreign modification": {hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "b"}}, vnf, true, []string{"modify vnf-a"}},
	} {
		t.Run(name, func(t *testing.T) {
			points := 0
			for done := false; !done; points++ {
				done = crashAt(t, points, tc.foreign, newOrder("o", "ns/ns-1", tc.action, tc.target), tc.effects)
			}
			if points < 10 {
				t.Errorf("the process died at %d points only", points)
			}
		})
	}
}

// crashAt lets the first process die after so many durable things. It returns
// true when the process lived to the end.
func crashAt(t *testing.T, points int, foreign bool, o smgr.Order, effects []string) bool {
	t.Helper()
	w := newWorld(t, !foreign)
	s := w.process()
	w.left = points
	for err := s.Plan(t.Context(), o); err != nil; err = s.Plan(t.Context(), o) {
		s = w.process() // who decides repeats it
	}
	w.work(s, 3)
	lived := w.left > 0
	s = w.process()
	w.clock = w.clock.Add(2 * s.Sweep)
	if err := s.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.work(s, 20)
	w.want(s, o.ID, smgr.OrderCompleted)
	if got := w.nfvo.happened(); !slices.Equal(got, effects) {
		t.Fatalf("died after %d: the effects are %q, want %q", points, got, effects)
	}
	for id := range s.orders.IDs("") {
		w.checkRecords(s, id)
	}
	if open := s.orders.Find(termOpen); len(open) > 0 {
		t.Fatalf("died after %d: still open are %v", points, open)
	}
	return lived
}

// An owner that lost its lease works on beside the one that took over: the
// effects and the records are those of one.
func TestTakeover(t *testing.T) {
	for range 20 {
		w := newWorld(t, true)
		one, two := w.process(), w.process()
		o := terminate("o", "vnf-s")
		o.Action.DisablePackage, o.Target.VnfPkgID = true, "pkg-1"
		w.plan(one, o)
		it := w.items[0]
		it.Attempt = 1
		var both sync.WaitGroup
		for _, s := range []*Enforcer{one, two} {
			both.Go(func() {
				for s.handle(t.Context(), it) != nil && w.wait(t.Context(), time.Second) == nil {
				}
			})
		}
		both.Wait()
		w.want(one, "o", smgr.OrderCompleted)
		w.checkRecords(one, "o")
		if got, want := w.nfvo.happened(), []string{"disable pkg-1", "remove vnf-s from ns-1", "remove vnf-s from ns-2"}; !slices.Equal(got, want) {
			t.Errorf("the effects are %q, want %q", got, want)
		}
	}
}

// An item of the queue that outlived its order holds up nobody.
func TestHandle_Unknown(t *testing.T) {
	w := newWorld(t, true)
	if err := w.process().handle(t.Context(), Item{ID: "x/0", Data: []byte("x"), Attempt: 1}); err != nil {
		t.Errorf("an order that does not exist: %v", err)
	}
}

// Approvals, pauses and resets that a crash cut off are finished, with their
// records.
func TestCrash_Persons(t *testing.T) {
	for points := range 12 {
		w := newWorld(t, true)
		s := w.process()
		o, r := terminate("o", "vnf-a"), terminate("r", "vnf-b")
		o.Level, r.Level = smgr.LevelApprove, smgr.LevelAdvise
		w.plan(s, o, r)
		for _, call := range []func(s *Enforcer) error{
			func(s *Enforcer) error { return s.Pause(t.Context(), anna, "too many orders") },
			func(s *Enforcer) error { return s.Resume(t.Context(), anna, "looked at") },
			func(s *Enforcer) error { return s.Approve(t.Context(), "o", anna, "it is right") },
			func(s *Enforcer) error { return s.Reject(t.Context(), "r", anna, "it is wrong") },
		} {
			w.left = points
			if call(s) != nil { // nobody calls again
				s = w.process()
				w.clock = w.clock.Add(2 * s.Sweep)
				if err := s.recover(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.left = -1
		}
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(w.kinds("sm.paused")) + len(w.kinds("sm.resumed")); st.Paused && n != 1 || !st.Paused && n != 2 && n != 0 {
			t.Errorf("died after %d: paused %t with %d records", points, st.Paused, n)
		}
		if st.Paused {
			if err := s.Resume(t.Context(), anna, "again"); err != nil {
				t.Fatal(err)
			}
		}
		w.work(s, 20)
		if e, err := s.get(t.Context(), "o"); err != nil || e.Value.approved() && e.Value.State != smgr.OrderCompleted {
			t.Errorf("died after %d: the approved order is %s (%v)", points, e.Value.State, err)
		}
		w.checkRecords(s, "o")
		w.checkRecords(s, "r")
	}
}

// Random crashes and random answers of the NFVO: every order ends once, with one
// effect, and orders of one NS in their order.
func TestProperty(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomRun(t, rand.New(rand.NewPCG(4, uint64(seed)))) })
	}
}

func randomRun(t *testing.T, rnd *rand.Rand) {
	w := newWorld(t, rnd.IntN(2) == 0)
	w.nfvo.answer = func(*http.Request) (int, string) {
		switch rnd.IntN(8) {
		case 0:
			return http.StatusServiceUnavailable, "later"
		case 1:
			return http.StatusInternalServerError, fmt.Sprint("odd ", rnd.IntN(100))
		case 2:
			return http.StatusTooManyRequests, "slowly"
		}
		return 0, ""
	}
	failing := map[string]bool{}
	w.nfvo.outcome = func(o *fakeOp) sol005.NsLcmOperationStateType {
		if rnd.IntN(8) == 0 && len(o.params.RemoveVnfInstanceID) > 0 {
			failing[o.params.RemoveVnfInstanceID[0]] = true
			return "FAILED"
		}
		return "COMPLETED"
	}
	s := w.process()
	vnfs := map[string]string{"o1": "vnf-a", "o2": "vnf-b", "o3": "vnf-c", "o4": "vnf-d"}
	keys := map[string]string{"o1": "ns-1", "o2": "ns-1", "o3": "ns-2", "o4": "ns-3"}
	for _, id := range []string{"o1", "o2", "o3", "o4"} {
		o := newOrder(id, "ns/"+keys[id], hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{NsInstanceID: keys[id], VnfInstanceID: vnfs[id]})
		w.plan(s, o)
	}
	for round := 0; len(w.waiting()) > 0; round++ {
		if round > 300 {
			t.Fatalf("orders are left: %v", w.waiting())
		}
		w.left = rnd.IntN(25)
		keys := w.waiting()
		rnd.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for _, key := range keys {
			_ = w.step(s, key) // it may die in it, and is tried again
		}
		w.clock = w.clock.Add(1e10)
		s = w.process()
	}
	effects := w.nfvo.happened()
	for id, vnf := range vnfs {
		want := smgr.OrderCompleted
		if failing[vnf] {
			want = smgr.OrderFailed
		}
		w.want(s, id, want)
		w.checkRecords(s, id)
		line := "remove " + vnf + " from " + keys[id]
		n := len(slices.DeleteFunc(slices.Clone(effects), func(e string) bool { return e != line }))
		if n != map[smgr.OrderState]int{smgr.OrderCompleted: 1}[want] {
			t.Errorf("order %s is %s and had %d effects: %q", id, want, n, effects)
		}
		accepted := 0
		for _, o := range w.nfvo.ops {
			if o.params.RemoveVnfInstanceID[0] == vnf {
				accepted++
			}
		}
		if accepted != 1 {
			t.Errorf("order %s became %d operations", id, accepted)
		}
	}
	one := slices.IndexFunc(w.nfvo.ops, func(o *fakeOp) bool { return o.params.RemoveVnfInstanceID[0] == "vnf-a" })
	two := slices.IndexFunc(w.nfvo.ops, func(o *fakeOp) bool { return o.params.RemoveVnfInstanceID[0] == "vnf-b" })
	if one > two {
		t.Error("the orders of ns-1 changed places")
	}
	for _, r := range w.nfvo.requests() {
		if !strings.HasSuffix(r.line, "/update") {
			t.Errorf("unexpected request %s", r.line)
		}
	}
}
