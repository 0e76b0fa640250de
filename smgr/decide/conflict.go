package decide

import (
	"slices"

	"github.com/manoward/manoward/smgr"
)

// maxConflicts bounds the conflicts that a decision lists. Orders beyond it wait
// as well.
const maxConflicts = 1000

// clash is two orders of one decision that contradict each other.
type clash struct {
	a, b   *smgr.Order
	reason string
}

// contradict finds the conflicts among the orders of a decision. Orders that
// would be carried out wait for a person then, both of them. What is in shadow
// has no effect, and so none here; a recommendation that contradicts an order says
// so, and does not hold it up. What contradicts an order of an earlier decision
// is held when it is planned (smgr/enforce).
func contradict(all []*smgr.Order) []clash {
	byTouch := map[string][]int{}
	var found []clash
	for i, y := range all {
		if y.Level == smgr.LevelShadow {
			continue
		}
		var near []int
		for _, touch := range y.Touches() {
			near = append(near, byTouch[touch]...)
			byTouch[touch] = append(byTouch[touch], i)
		}
		slices.Sort(near)
		for _, n := range slices.Compact(near) {
			if reason := smgr.Contradict(all[n], y); reason != "" {
				found = append(found, clash{all[n], y, reason})
				hold(all[n], y, reason)
			}
		}
	}
	return found
}

// hold lets both orders of a conflict say so, and wait if both would be carried
// out.
func hold(x, y *smgr.Order, reason string) {
	both := x.Level.Acts() && y.Level.Acts()
	for _, pair := range [][2]*smgr.Order{{x, y}, {y, x}} {
		o, other := pair[0], pair[1]
		switch {
		case both:
			o.State = smgr.OrderWaiting
		case o.Level == smgr.LevelAdvise:
			o.State = smgr.OrderRecommended
		}
		if both || o.Level == smgr.LevelAdvise {
			o.Reason = clip("it contradicts what "+other.Policy+" asks for on "+other.Target.String()+": "+reason+"; carry out one of them and reject the other", 500)
		}
	}
}

// conflicts lists clashes for the decision.
func conflicts(all []clash) []smgr.Conflict {
	var list []smgr.Conflict
	for _, c := range all[:min(len(all), maxConflicts)] {
		list = append(list, smgr.Conflict{Findings: [2]int{c.a.Finding, c.b.Finding}, Reason: c.reason})
	}
	return list
}
