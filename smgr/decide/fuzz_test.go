package decide

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// FuzzPlan makes plans of any findings on any input: each order can be carried
// out, has a place in the decision, and is the same when the plan is made again.
func FuzzPlan(f *testing.F) {
	input := `{"ns":{"id":"n1","nsdId":"d"},"vnfs":{"v1":{"nsInstanceIds":["n1"],"vnfProfileId":"a","computeIds":["c1"]}},"computes":{"c1":{"hostId":"h1"}}}`
	for _, findings := range []string{
		`[{"policy":"p","target":{"vnfInstanceId":"v1"},"actions":[{"type":"terminate-vnf","replace":true},{"type":"terminate-vnf","replace":false}]}]`,
		`[{"target":{"hostId":"h1","vnfInstanceId":"v1"},"actions":[{"type":"stop-host","vnfs":"migrate"},{"type":"terminate-vnf","coHosted":true}]},{"target":{"hostId":"h1"},"actions":[{"type":"stop-host","vnfs":"terminate"}]}]`,
		`[{"target":{"nsInstanceId":"n1","vnfInstanceId":"v1","vnfProfileId":"a"},"actions":[{"type":"insert-security-vnf"},{"type":"remove-security-vnf"},{"type":"modify-security-vnf","properties":{"a":"1"}},{"type":"modify-security-vnf","properties":{"a":"2"}}]}]`,
	} {
		f.Add(input, findings, byte(0))
		f.Add(`{}`, findings, byte(3))
	}
	levels := []smgr.Level{smgr.LevelShadow, smgr.LevelAdvise, smgr.LevelApprove, smgr.LevelEnforce}
	f.Fuzz(func(t *testing.T, input, findings string, level byte) {
		k, err := readKnown([]byte(input))
		if err != nil {
			return
		}
		d := &smgr.Decision{ID: "d", EventID: "e", Key: "domain", Decided: noon}
		var list []hub.Finding
		if json.Unmarshal([]byte(findings), &list) != nil || len(list) > 20 {
			return
		}
		asked := 0
		for i, x := range list {
			good := len(x.Actions) <= 16
			for _, a := range x.Actions {
				good = good && a.Check(x.Target) == nil
			}
			if good {
				asked += len(x.Actions)
				d.Findings, d.Levels = append(d.Findings, x), append(d.Levels, levels[(int(level)+i)%len(levels)])
				if len(k.places(&x)) == 0 {
					t.Errorf("%+v is nowhere", x)
				}
			}
		}
		orders, clashes := plan(d, k)
		again, _ := plan(d, k)
		if !reflect.DeepEqual(orders, again) || len(orders) > asked {
			t.Fatalf("%d actions became %+v, then %+v", asked, orders, again)
		}
		for i, o := range orders {
			if err := o.Action.Check(o.Target); err != nil || o.Key == "" || o.Scope.Subject == "" || o.Level != d.Levels[o.Finding] {
				t.Errorf("%+v: %v", o, err)
			}
			for _, other := range orders[:i] {
				if o.Same(other) && o.Level == other.Level && o.Disagree(other) == "" {
					t.Errorf("two orders for the same: %+v and %+v", o, other)
				}
				if smgr.Contradict(o, other) != "" && !slices.ContainsFunc(o.Touches(), func(touch string) bool { return slices.Contains(other.Touches(), touch) }) {
					t.Errorf("%+v contradicts %+v, and they touch nothing together", o, other)
				}
			}
			if (o.State == smgr.OrderShadow) != (o.Level == smgr.LevelShadow) || o.State == smgr.OrderWaiting && !o.Level.Acts() {
				t.Errorf("%s at level %s", o.State, o.Level)
			}
		}
		for _, c := range conflicts(clashes) {
			if c.Reason == "" || max(c.Findings[0], c.Findings[1]) >= len(d.Findings) {
				t.Errorf("%+v", c)
			}
		}
	})
}
