package decide

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

var yes, no = true, false

// aWorld is an input: VNFs v1 and v2 of the NS n1 on the host h1, v3 of n2 on h2.
func aWorld(t testing.TB) *known {
	vnf := func(ns, profile, compute string) map[string]any {
		return map[string]any{"nsInstanceIds": []string{ns}, "vnfProfileId": profile, "vnfdId": "f-" + profile, "computeIds": []string{compute}}
	}
	raw, err := json.Marshal(map[string]any{
		"ns":       map[string]any{"id": "n1", "nsdId": "d1"},
		"vnfs":     map[string]any{"v1": vnf("n1", "a", "c1"), "v2": vnf("n1", "b", "c2"), "v3": vnf("n2", "a", "c3")},
		"computes": map[string]any{"c1": map[string]any{"hostId": "h1"}, "c2": map[string]any{"hostId": "h1", "vnfInstanceId": "v2"}, "c3": map[string]any{"hostId": "h2", "imageId": "i1"}},
	})
	check(t, err)
	k, err := readKnown(raw)
	check(t, err)
	return k
}

// found is a finding of a policy at a level.
type found struct {
	policy string
	level  smgr.Level
	target hub.Target
	action hub.Action
}

func planOf(t testing.TB, list ...found) ([]smgr.Order, []smgr.Conflict) {
	d := &smgr.Decision{ID: "d", EventID: "e", Key: smgr.KeyNs("n1"), Decided: noon}
	for i, f := range list {
		if f.policy == "" {
			f.policy = fmt.Sprintf("p%d", i)
		}
		if f.level == "" {
			f.level = smgr.LevelEnforce
		}
		check(t, f.action.Check(f.target))
		d.Findings = append(d.Findings, hub.Finding{Policy: f.policy, Code: "c", Severity: hub.SeverityHigh, Message: "found by " + f.policy, Target: f.target, Actions: []hub.Action{f.action}})
		d.Levels = append(d.Levels, f.level)
	}
	all, clashes := plan(d, aWorld(t))
	orders := make([]smgr.Order, len(all))
	for i, o := range all {
		orders[i] = *o
	}
	return orders, conflicts(clashes)
}

func vnf(id string) hub.Target { return hub.Target{VnfInstanceID: id} }

func TestUnite(t *testing.T) {
	terminate := func(a hub.Action) hub.Action { a.Type = hub.ActionTerminateVnf; return a }
	withPkg := hub.Target{VnfInstanceID: "v1", VnfPkgID: "p"}
	for name, tt := range map[string]struct {
		a, b found
		want hub.Action // zero: two orders
	}{
		"same":               {found{target: vnf("v1"), action: terminate(hub.Action{})}, found{target: vnf("v1"), action: terminate(hub.Action{})}, terminate(hub.Action{})},
		"snapshot over none": {found{target: vnf("v1"), action: terminate(hub.Action{})}, found{target: vnf("v1"), action: terminate(hub.Action{Snapshot: true})}, terminate(hub.Action{Snapshot: true})},
		"all flags": {found{target: vnf("v1"), action: terminate(hub.Action{CoHosted: true, BelowMinimum: true})}, found{target: withPkg, action: terminate(hub.Action{Erase: true, DisablePackage: true})},
			terminate(hub.Action{CoHosted: true, BelowMinimum: true, Erase: true, DisablePackage: true})},
		"a bar over nothing said": {found{target: vnf("v1"), action: terminate(hub.Action{})}, found{target: vnf("v1"), action: terminate(hub.Action{Replace: &no})}, terminate(hub.Action{Replace: &no})},
		"bar and replace":         {found{target: vnf("v1"), action: terminate(hub.Action{Replace: &yes})}, found{target: vnf("v1"), action: terminate(hub.Action{Replace: &no})}, hub.Action{}},
		"other VNF":               {found{target: vnf("v1"), action: terminate(hub.Action{})}, found{target: vnf("v2"), action: terminate(hub.Action{})}, hub.Action{}},
		"other level":             {found{target: vnf("v1"), action: terminate(hub.Action{})}, found{target: vnf("v1"), level: smgr.LevelAdvise, action: terminate(hub.Action{Erase: true})}, hub.Action{}},
		"quarantine": {found{target: hub.Target{HostID: "h1"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}},
			found{target: hub.Target{HostID: "h1"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate", Quarantine: true}}, hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate", Quarantine: true}},
		"properties": {found{target: hub.Target{NsInstanceID: "n1", VnfInstanceID: "v1"}, action: hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "1"}}},
			found{target: hub.Target{NsInstanceID: "n1", VnfInstanceID: "v1"}, action: hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "1", "b": "2"}}},
			hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "1", "b": "2"}}},
	} {
		for turn, pair := range [][2]found{{tt.a, tt.b}, {tt.b, tt.a}} {
			orders, _ := planOf(t, pair[0], pair[1])
			if tt.want.Type == "" {
				if len(orders) != 2 {
					t.Errorf("%s, %d: %+v", name, turn, orders)
				}
				continue
			}
			got, err := json.Marshal(orders[0].Action)
			check(t, err)
			want, err := json.Marshal(tt.want)
			check(t, err)
			if len(orders) != 1 || string(got) != string(want) || !slices.Equal(orders[0].Also, []int{1}) {
				t.Errorf("%s, %d: %d orders, %s, also %v; want %s", name, turn, len(orders), got, orders[0].Also, want)
			}
			if err := orders[0].Action.Check(orders[0].Target); err != nil {
				t.Errorf("%s, %d: %v", name, turn, err)
			}
			for _, policy := range []string{"p0", "p1"} {
				if !strings.Contains(orders[0].Message, policy) {
					t.Errorf("%s: the message %q does not name %s", name, orders[0].Message, policy)
				}
			}
		}
	}
	if orders, _ := planOf(t, found{target: vnf("v1"), action: hub.Action{Type: hub.ActionAlert}}); len(orders) != 0 {
		t.Errorf("an alert is an order: %+v", orders)
	}
}

// TestConflicts sets each action against each other, on targets that touch and on
// targets that do not. Pairs that are not named are no conflict.
func TestConflicts(t *testing.T) {
	n1v1 := hub.Target{NsInstanceID: "n1", VnfInstanceID: "v1"}
	all := map[string]found{
		"terminate":           {target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf}},
		"terminate, replace":  {target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf, Replace: &yes}},
		"terminate, bar":      {target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf, Replace: &no}},
		"terminate, cohosted": {target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf, CoHosted: true}},
		"terminate, p":        {target: hub.Target{VnfInstanceID: "v1", VnfPkgID: "p"}, action: hub.Action{Type: hub.ActionTerminateVnf, DisablePackage: true}},
		"terminate, q":        {target: hub.Target{VnfInstanceID: "v1", VnfPkgID: "q"}, action: hub.Action{Type: hub.ActionTerminateVnf, DisablePackage: true}},
		"migrate":             {target: hub.Target{HostID: "h1"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}},
		"empty":               {target: hub.Target{HostID: "h1"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}},
		"insert":              {target: hub.Target{NsInstanceID: "n1", VnfProfileID: "a"}, action: hub.Action{Type: hub.ActionInsertSecurityVnf}},
		"remove":              {target: n1v1, action: hub.Action{Type: hub.ActionRemoveSecurityVnf}},
		"modify":              {target: n1v1, action: hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "1"}}},
		"modify, other":       {target: n1v1, action: hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "2"}}},
		"modify neighbour":    {target: hub.Target{NsInstanceID: "n1", VnfInstanceID: "v2"}, action: hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "1"}}},
		"far terminate":       {target: vnf("v3"), action: hub.Action{Type: hub.ActionTerminateVnf, Replace: &no, CoHosted: true}},
		"far migrate":         {target: hub.Target{HostID: "h2"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}},
		"far insert":          {target: hub.Target{NsInstanceID: "n1", VnfProfileID: "c"}, action: hub.Action{Type: hub.ActionInsertSecurityVnf}},
		"far modify":          {target: hub.Target{NsInstanceID: "n2", VnfInstanceID: "v3"}, action: hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "3"}}},
	}
	wanted := map[string]bool{}
	for _, pair := range []string{
		"terminate, bar|terminate, replace", "terminate, p|terminate, q", "empty|migrate", "modify|modify, other",
		"modify|terminate", "modify|terminate, bar", "modify|terminate, cohosted", "modify|terminate, p", "modify|terminate, q", "modify|terminate, replace",
		"modify, other|terminate", "modify, other|terminate, bar", "modify, other|terminate, cohosted", "modify, other|terminate, p", "modify, other|terminate, q", "modify, other|terminate, replace",
		"modify neighbour|terminate, cohosted", "modify|remove", "modify, other|remove",
		"empty|modify", "empty|modify, other", "empty|modify neighbour",
		"insert|remove", "insert|terminate, bar", "migrate|terminate, cohosted", "far migrate|far terminate", "far modify|far terminate",
	} {
		wanted[pair] = true
	}
	for x, a := range all {
		for y, b := range all {
			if x > y {
				continue
			}
			pair := x + "|" + y
			for _, list := range [][]found{{a, b}, {b, a}} {
				orders, conflicts := planOf(t, list...)
				if is := len(conflicts) > 0; is != wanted[pair] {
					t.Errorf("%s: conflicts %+v", pair, conflicts)
				}
				for _, o := range orders {
					if waits := o.State == smgr.OrderWaiting; waits != wanted[pair] || waits == (o.Reason == "") {
						t.Errorf("%s: order %s %q", pair, o.State, o.Reason)
					}
				}
				if wanted[pair] && (conflicts[0].Reason == "" || conflicts[0].Findings[0] == conflicts[0].Findings[1]) {
					t.Errorf("%s: %+v", pair, conflicts)
				}
			}
		}
	}
}

// TestConflictsByLevel holds that only what would be carried out holds something
// up.
func TestConflictsByLevel(t *testing.T) {
	migrate := func(l smgr.Level) found {
		return found{level: l, target: hub.Target{HostID: "h1"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}}
	}
	for _, tt := range []struct {
		other     smgr.Level
		conflicts int
		mine      smgr.OrderState
		others    smgr.OrderState
	}{
		{smgr.LevelShadow, 0, smgr.OrderPlanned, smgr.OrderShadow},
		{smgr.LevelAdvise, 1, smgr.OrderPlanned, smgr.OrderRecommended},
		{smgr.LevelApprove, 1, smgr.OrderWaiting, smgr.OrderWaiting},
		{smgr.LevelEnforce, 1, smgr.OrderWaiting, smgr.OrderWaiting},
	} {
		against := migrate(tt.other)
		against.action.Vnfs = "terminate"
		orders, conflicts := planOf(t, migrate(smgr.LevelEnforce), against)
		if len(orders) != 2 || len(conflicts) != tt.conflicts || orders[0].State != tt.mine || orders[1].State != tt.others {
			t.Errorf("against %s: %+v, %+v", tt.other, orders, conflicts)
		}
		if told := orders[1].Reason != ""; !told {
			t.Errorf("against %s: the other order has no reason", tt.other)
		}
	}
}

func TestSequence(t *testing.T) {
	orders, _ := planOf(t,
		found{target: hub.Target{HostID: "h1"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}},
		found{target: hub.Target{HostID: "h2"}, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "terminate"}},
		found{target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true}},
		found{target: hub.Target{NsInstanceID: "n1", VnfInstanceID: "v2"}, action: hub.Action{Type: hub.ActionModifySecurityVnf, Properties: map[string]string{"a": "1"}}},
		found{target: hub.Target{NsInstanceID: "n2", VnfProfileID: "b"}, action: hub.Action{Type: hub.ActionInsertSecurityVnf}},
		found{target: vnf("unknown"), action: hub.Action{Type: hub.ActionTerminateVnf}},
	)
	var got []string
	for _, o := range orders {
		got = append(got, string(o.Action.Type)+" "+o.Key)
	}
	want := []string{
		"insert-security-vnf ns/n2", "modify-security-vnf ns/n1", "terminate-vnf ns/n1", "terminate-vnf ns/n1",
		"stop-host ns/n1", // behind the snapshot of v1, which is on it
		"stop-host host/h2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestPlanIsAFunction holds that a plan that is made again is the same.
func TestPlanIsAFunction(t *testing.T) {
	list := []found{
		{target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf, Replace: &yes}},
		{target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf, Replace: &no}},
		{target: vnf("v1"), action: hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true}},
		{target: hub.Target{HostID: "h1"}, level: smgr.LevelShadow, action: hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate"}},
	}
	first := ""
	for range 20 {
		orders, conflicts := planOf(t, list...)
		raw, err := json.Marshal([]any{orders, conflicts})
		check(t, err)
		if first == "" {
			first = string(raw)
		}
		if string(raw) != first {
			t.Fatalf("%s\n%s", first, raw)
		}
	}
}
