package enforce

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
)

// judging is a process that decides and enforces.
type judging struct {
	*Enforcer
	w *world
	d *decide.Decider
}

// asks are policies that each ask for one thing on every VNF whose provider has
// their name.
var asks = map[string]struct{ target, action string }{
	"end":       {`{"vnfInstanceId": v.id, "nsInstanceId": "ns-1"}`, `{"type": "terminate-vnf"}`},
	"end-erase": {`{"vnfInstanceId": v.id, "nsInstanceId": "ns-1"}`, `{"type": "terminate-vnf", "erase": true}`},
	"guard":     {`{"nsInstanceId": "ns-1", "vnfProfileId": "guard"}`, `{"type": "insert-security-vnf"}`},
	"tune":      {`{"vnfInstanceId": v.id, "nsInstanceId": "ns-1"}`, `{"type": "modify-security-vnf", "properties": {"a": "1"}}`},
	"unguard":   {`{"vnfInstanceId": v.id, "nsInstanceId": "ns-1"}`, `{"type": "remove-security-vnf"}`},
	"empty":     {`{"hostId": "host-1"}`, `{"type": "stop-host", "vnfs": "terminate"}`},
}

func policySet() fstest.MapFS {
	m := fstest.MapFS{}
	for id, a := range asks {
		m[id+".rego"] = &fstest.MapFile{Data: fmt.Appendf(nil, `# METADATA
# title: Test
# description: Test.
# scope: package
# custom:
#   id: %[1]s
#   owner: a@example.net
#   severity: high
#   events: [review]
#   samples: %[1]s.samples.yaml
package manoward.policies.%[2]s

findings contains {"code": "found", "message": sprintf("%[1]s %%s", [v.id]), "target": %[3]s, "actions": [%[4]s]} if {
	some v in input.vnfs
	v.provider == "%[1]s"
}
`, id, strings.ReplaceAll(id, "-", "_"), a.target, a.action)}
		m[id+".samples.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `
- {name: "yes", kind: review, input: {event: {reason: periodic}, vnfs: {v1: {id: v1, provider: %s}}}, findings: [{code: found}]}
- {name: "no", kind: review, input: {event: {reason: periodic}}, findings: []}
`, id)}
	}
	return m
}

var schemas = sync.OnceValues(policies.OwnSchemas)

// Apply and Input make the world the topology of decisions too: an event's body
// names a VNF of ns-1 and the policy that does not like it.
func (w *world) Apply(context.Context, smgr.Event) error { return nil }
func (w *world) Follow(smgr.Event) error                 { return nil }

func (w *world) Input(_ context.Context, e smgr.Event) ([]byte, error) {
	vnf, provider, _ := strings.Cut(e.Sender, " ")
	return json.Marshal(map[string]any{
		"schema": policies.InputSchema, "kind": e.Kind, "time": e.Time.Format(time.RFC3339Nano), "event": e.Body,
		"sm": map[string]any{"name": "alpha", "trustDomain": "north", "mode": "FULLY_ACTIVE"}, "subject": map[string]any{"nsInstanceId": "ns-1"},
		"ns":       map[string]any{"id": "ns-1", "nsdId": "d1"},
		"vnfs":     map[string]any{vnf: map[string]any{"id": vnf, "provider": provider, "nsInstanceIds": []string{"ns-1"}, "vnfProfileId": "guard", "computeIds": []string{"c"}}},
		"packages": map[string]any{}, "computes": map[string]any{"c": map[string]any{"id": "c", "vnfInstanceId": vnf, "hostId": "host-1"}}, "hosts": map[string]any{}, "images": map[string]any{}, "recent": []any{}, "asOf": map[string]any{},
	})
}

// judge starts a process that decides and enforces.
func (w *world) judge() *judging {
	w.Helper()
	own, err := schemas()
	if err != nil {
		w.Fatal(err)
	}
	s, space := w.enforcer(nil)
	blobs, err := w.bus.Open(context.Background(), "north", "SM-alpha-blobs")
	if err != nil {
		w.Fatal(err)
	}
	d := decide.New(decide.Config{
		Name: "alpha", TrustDomain: "north", Space: space, Blobs: blobs, Records: w.append, Topology: w, Orders: s,
		Schemas: own, Keys: func() []policies.VerificationKey { return nil }, Deadline: 10 * time.Second, Now: w.Now, Log: slog.New(slog.DiscardHandler),
	})
	s.Authors = d.Authors
	w.open(space)
	return &judging{s, w, d}
}

// active starts the first process, with the policies at a level.
func (w *world) active(level smgr.Level) *judging {
	w.Helper()
	j := w.judge()
	ctx := context.Background()
	r, problems, err := j.d.Policies().PushFiles(ctx, policySet(), "test", ben)
	if err != nil {
		w.Fatal(err, problems)
	}
	if _, err := j.d.Policies().Activate(ctx, r.Revision, ben, "first"); err != nil {
		w.Fatal(err)
	}
	j.level(level)
	return j
}

func (j *judging) level(level smgr.Level) {
	j.w.Helper()
	_, err := j.d.Levels().Set(context.Background(), decide.Rule{Policy: decide.Every, Scope: decide.Every, Level: level, By: ben})
	if err != nil {
		j.w.Fatal(err)
	}
}

// event is about a VNF of ns-1 that a policy does not like.
func (w *world) event(n int, vnf, policy string) smgr.Event {
	return smgr.Event{
		ID: fmt.Sprintf("event-%d", n), Kind: hub.EventReview, Key: smgr.KeyNs("ns-1"), Origin: smgr.OriginReview, Sender: vnf + " " + policy,
		Time: w.Now().Add(time.Duration(n) * time.Second), Received: w.Now(), Body: json.RawMessage(`{"reason":"periodic"}`),
	}
}

// judgeEvent judges an event and returns the decision's orders.
func (j *judging) judgeEvent(e smgr.Event) []string {
	j.w.Helper()
	if err := j.d.Handle(context.Background(), e, 1); err != nil {
		j.w.Fatal(err)
	}
	return j.orders(e)
}

func (j *judging) orders(e smgr.Event) []string {
	j.w.Helper()
	for dec, err := range j.d.Decisions(context.Background(), decide.Query{EventID: e.ID}) {
		if err != nil {
			j.w.Fatal(err)
		}
		return dec.Orders
	}
	j.w.Fatalf("there is no decision on %s", e.ID)
	return nil
}

// all lists the orders there are.
func (j *judging) all() []smgr.Order {
	j.w.Helper()
	var list []smgr.Order
	for o, err := range j.List(context.Background(), Query{}, "") {
		if err != nil {
			j.w.Fatal(err)
		}
		list = append(list, o.Order)
	}
	return list
}

// A finding repeats at every later event: the open order takes it in, every
// decision names that order, and nothing is written twice. At level enforce it is
// carried out once, and a condition that comes back makes a new order.
func TestRepeated(t *testing.T) {
	for policy, tc := range map[string]struct {
		effect string
		again  smgr.OrderState // of the order that the condition makes when it is back
	}{
		"end":     {"remove vnf-a from ns-1", smgr.OrderSuperseded},
		"guard":   {"instantiate guard in ns-1", smgr.OrderSuperseded},
		"tune":    {"modify vnf-a", smgr.OrderCompleted},
		"unguard": {"remove vnf-a from ns-1", smgr.OrderSuperseded},
		"empty":   {"stop host-1", smgr.OrderCompleted},
	} {
		t.Run(policy, func(t *testing.T) {
			w := newWorld(t, true)
			j := w.active(smgr.LevelAdvise)
			id := j.judgeEvent(w.event(1, "vnf-a", policy))
			appends := len(w.kinds("sm.order"))
			for n := 2; n < 6; n++ {
				if got := j.judgeEvent(w.event(n, "vnf-a", policy)); !slices.Equal(got, id) {
					t.Errorf("event %d made %v beside %v", n, got, id)
				}
			}
			if list := j.all(); len(list) != 1 || list[0].State != smgr.OrderRecommended || len(w.kinds("sm.order")) != appends {
				t.Errorf("%d orders, %d records of them: %+v", len(list), len(w.kinds("sm.order")), list)
			}
			j.level(smgr.LevelEnforce)
			for n := 6; n < 9; n++ {
				if got := j.judgeEvent(w.event(n, "vnf-a", policy)); !slices.Equal(got, id) {
					t.Errorf("event %d made %v beside %v", n, got, id)
				}
			}
			w.work(j.Enforcer, 10)
			o := w.want(j.Enforcer, id[0], smgr.OrderCompleted)
			if got := w.nfvo.happened(); !slices.Equal(got, []string{tc.effect}) {
				t.Errorf("the effects are %q", got)
			}
			w.checkRecords(j.Enforcer, o.ID)
			next := j.judgeEvent(w.event(9, "vnf-a", policy))
			if len(next) != 1 || next[0] == id[0] || smgr.OrderNumber(next[0]) != 2 {
				t.Fatalf("the condition is back, and its order is %v", next)
			}
			w.work(j.Enforcer, 10)
			back := w.want(j.Enforcer, next[0], tc.again)
			if n := len(w.nfvo.happened()); (n == 2) != (tc.again == smgr.OrderCompleted) {
				t.Errorf("%d effects, %s: %s", n, back.State, back.Reason)
			}
		})
	}
}

// What was inserted and then ended is inserted again.
func TestRepeated_InsertedEnds(t *testing.T) {
	w := newWorld(t, true)
	j := w.active(smgr.LevelEnforce)
	first := j.judgeEvent(w.event(1, "vnf-a", "guard"))
	w.work(j.Enforcer, 10)
	w.nfvo.mu.Lock()
	delete(w.nfvo.nss["ns-1"], "new-security-"+first[0])
	w.nfvo.mu.Unlock()
	second := j.judgeEvent(w.event(2, "vnf-a", "guard"))
	w.work(j.Enforcer, 10)
	w.want(j.Enforcer, second[0], smgr.OrderCompleted)
	if got := w.nfvo.happened(); len(got) != 2 {
		t.Errorf("the effects are %q", got)
	}
	// A VNF that was terminated cannot join: another one takes its place. One that
	// is there need not.
	gone := newOrder("gone", "ns/ns-1", hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard", VnfInstanceID: "vnf-z"})
	there := newOrder("there", "ns/ns-1", hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: "ns-1", VnfProfileID: "guard", VnfInstanceID: "vnf-a"})
	w.plan(j.Enforcer, gone, there)
	w.work(j.Enforcer, 10)
	w.want(j.Enforcer, "gone", smgr.OrderCompleted)
	w.want(j.Enforcer, "there", smgr.OrderSuperseded)
	if got := w.nfvo.happened(); len(got) != 3 || got[2] != "instantiate guard in ns-1" {
		t.Errorf("the effects are %q", got)
	}
}

// Two policies that ask for one thing are one order, which names both decisions;
// the authors of both are no second person. What has begun is not changed.
func TestRepeated_TwoPolicies(t *testing.T) {
	w := newWorld(t, true)
	j := w.active(smgr.LevelApprove)
	id := j.judgeEvent(w.event(1, "vnf-a", "end"))
	erase := w.event(2, "vnf-a", "end-erase")
	if got := j.judgeEvent(erase); !slices.Equal(got, id) {
		t.Fatalf("%v beside %v", got, id)
	}
	const carl = "spiffe://hub/operator/carl"
	if _, err := j.d.Levels().Set(t.Context(), decide.Rule{Policy: "end-erase", Scope: decide.Every, Level: smgr.LevelApprove, By: carl}); err != nil {
		t.Fatal(err)
	}
	o := w.want(j.Enforcer, id[0], smgr.OrderWaiting)
	if !o.Action.Erase || len(o.Taken) != 1 || o.Taken[0].Policy != "end-erase" || o.Policy != "end" || !strings.Contains(o.Message, "end-erase") {
		t.Errorf("%+v", o)
	}
	for _, who := range []string{ben, carl} {
		if err := j.Approve(t.Context(), id[0], who, "mine"); hub.CodeOf(err) != hub.Denied {
			t.Errorf("%s approves what they asked for: %v", who, err)
		}
	}
	if err := j.Approve(t.Context(), id[0], anna, "it is right"); err != nil {
		t.Fatal(err)
	}
	w.work(j.Enforcer, 10)
	w.want(j.Enforcer, id[0], smgr.OrderCompleted)
	w.checkRecords(j.Enforcer, id[0])
}

// What holds an order back holds it also when its finding repeats: a limit needs a
// person, and a mode or a minimum needs to be another one. Nothing is written
// while nothing changes.
func TestRepeated_Held(t *testing.T) {
	w := newWorld(t, true)
	w.limits = Limits{Orders: 1, Window: 24 * time.Hour}
	w.mode = hub.Passive
	j := w.active(smgr.LevelEnforce)
	n := 0
	again := func(vnf string, want smgr.OrderState) string {
		t.Helper()
		n++
		id := j.judgeEvent(w.event(n, vnf, "end"))
		w.work(j.Enforcer, 5)
		w.want(j.Enforcer, id[0], want)
		return id[0]
	}
	first := again("vnf-a", smgr.OrderRecommended)
	appends := w.appends
	if id := again("vnf-a", smgr.OrderRecommended); id != first || w.appends != appends+1 { // of the decision
		t.Errorf("%s beside %s, %d records", id, first, w.appends-appends)
	}
	w.mode = hub.SemiActive
	if id := again("vnf-a", smgr.OrderCompleted); id != first {
		t.Errorf("%s beside %s", id, first)
	}
	w.checkRecords(j.Enforcer, first)

	limited := again("vnf-b", smgr.OrderWaiting)
	if id := again("vnf-b", smgr.OrderWaiting); id != limited || len(w.kinds("sm.alarm")) != 1 {
		t.Errorf("%s beside %s, %d alarms", id, limited, len(w.kinds("sm.alarm")))
	}
	if err := j.ResetLimit(t.Context(), anna, "looked at"); err != nil {
		t.Fatal(err)
	}
	w.profiles[Place{"ns-1", "web"}] = Profile{MinInstances: 2} // vnf-b and vnf-s are left
	least := again("vnf-s", smgr.OrderWaiting)
	again("vnf-s", smgr.OrderWaiting)
	below := terminate("x", "vnf-s")
	below.ID, below.DecisionID, below.Policy, below.Action.BelowMinimum = least, "another", "means-it", true
	w.plan(j.Enforcer, below)
	w.work(j.Enforcer, 5)
	w.want(j.Enforcer, least, smgr.OrderCompleted)
	w.want(j.Enforcer, limited, smgr.OrderWaiting)
}

// A process dies after each durable thing in turn while a repeated finding makes
// a recommendation, raises it to an order and carries it out: one order, named by
// both decisions, one effect, each transition recorded once.
func TestRepeated_Crash(t *testing.T) {
	for _, policy := range []string{"end", "guard"} {
		t.Run(policy, func(t *testing.T) {
			points := 0
			for lived := false; !lived; points++ {
				w := newWorld(t, true)
				j := w.active(smgr.LevelAdvise)
				w.left = points
				var ids [][]string
				for n, level := range []smgr.Level{smgr.LevelAdvise, smgr.LevelEnforce} {
					if n > 0 {
						left := w.left
						w.left = -1
						j.level(level)
						w.left = left
					}
					e := w.event(n, "vnf-a", policy)
					for attempt := 1; j.d.Handle(t.Context(), e, attempt) != nil; attempt++ {
						j = w.judge()
					}
				}
				w.work(j.Enforcer, 3)
				lived = w.left > 0
				j = w.judge()
				w.clock = w.clock.Add(2 * j.Sweep)
				if err := j.recover(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.work(j.Enforcer, 20)
				for n := range 2 {
					ids = append(ids, j.orders(w.event(n, "vnf-a", policy)))
				}
				if list := j.all(); len(list) != 1 || !slices.Equal(ids[0], ids[1]) || ids[0][0] != list[0].ID {
					t.Fatalf("died after %d: the decisions name %v of %d orders", points, ids, len(list))
				}
				w.want(j.Enforcer, ids[0][0], smgr.OrderCompleted)
				w.checkRecords(j.Enforcer, ids[0][0])
				if got := w.nfvo.happened(); len(got) != 1 {
					t.Fatalf("died after %d: the effects are %q", points, got)
				}
			}
			if points < 20 {
				t.Errorf("the process died at %d points only", points)
			}
		})
	}
}

// Two processes judge events of different keys on one VNF at once: whoever comes
// second finds the order of the first, by compare-and-set.
func TestRepeated_TwoProcesses(t *testing.T) {
	for range 20 {
		w := newWorld(t, true)
		one := w.active(smgr.LevelEnforce)
		two := w.judge()
		until(t, func() bool { _, ok := two.d.Policies().Active(); return ok && len(two.d.Levels().All()) == 1 })
		var both sync.WaitGroup
		for i, j := range []*judging{one, two, one, two} {
			e := w.event(i, "vnf-a", []string{"end", "end", "end-erase", "end"}[i])
			e.Key = smgr.KeyHost(fmt.Sprint("host-", i))
			both.Go(func() {
				if err := j.d.Handle(t.Context(), e, 1); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		j := w.judge()
		for range 5 {
			w.work(j.Enforcer, 5)
		}
		if got := w.nfvo.happened(); !slices.Equal(got, []string{"remove vnf-a from ns-1"}) {
			t.Fatalf("the effects are %q", got)
		}
		list := j.all()
		if len(list) != 1 || !list[0].Action.Erase {
			t.Errorf("%d orders: %+v", len(list), list)
		}
		for i := range 4 {
			ids := j.orders(w.event(i, "", ""))
			if len(ids) != 1 || !slices.ContainsFunc(list, func(o smgr.Order) bool { return o.ID == ids[0] }) {
				t.Errorf("decision %d names %v", i, ids)
			}
		}
		for _, o := range list {
			if !o.State.Final() {
				t.Errorf("order %s is %s", o.ID, o.State)
			}
			w.checkRecords(j.Enforcer, o.ID)
		}
	}
}

// until waits for what another process wrote.
func until(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("it is not seen")
		}
	}
}
