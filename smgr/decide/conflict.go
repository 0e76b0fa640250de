package decide

import (
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// maxConflicts bounds the conflicts that a decision lists. Orders beyond it wait
// as well.
const maxConflicts = 1000

// contradiction is a pair of actions that can contradict each other. when says
// how two orders of these actions do, or ""; x is of the action a, y of b.
type contradiction struct {
	a, b hub.ActionType
	when func(x, y *planned, k *known) string
}

// contradictions is the table of what cannot both be done. Actions of which no
// row speaks can both be carried out, in their [sequence]: to end a VNF twice is
// to end it once, and a host may be emptied after its VNFs were ended.
var contradictions = []contradiction{
	{hub.ActionTerminateVnf, hub.ActionTerminateVnf, sameSubject},
	{hub.ActionStopHost, hub.ActionStopHost, sameSubject},
	{hub.ActionModifySecurityVnf, hub.ActionModifySecurityVnf, sameSubject},
	{hub.ActionTerminateVnf, hub.ActionModifySecurityVnf, endsModified},
	{hub.ActionRemoveSecurityVnf, hub.ActionModifySecurityVnf, endsModified},
	{hub.ActionStopHost, hub.ActionModifySecurityVnf, endsModified},
	{hub.ActionInsertSecurityVnf, hub.ActionRemoveSecurityVnf, func(x, y *planned, k *known) string {
		return oneProfile(x, y, k, "one inserts a VNF of the profile, the other removes one")
	}},
	{hub.ActionInsertSecurityVnf, hub.ActionTerminateVnf, func(x, y *planned, k *known) string {
		if y.Action.Replace == nil || *y.Action.Replace {
			return ""
		}
		return oneProfile(x, y, k, "one inserts a VNF of the profile, the other bars the profile")
	}},
	{hub.ActionTerminateVnf, hub.ActionStopHost, func(x, y *planned, k *known) string {
		if x.Action.CoHosted && y.Action.Vnfs == "migrate" && slices.Contains(k.hosts[x.Target.VnfInstanceID], y.Target.HostID) {
			return "one ends all VNFs on the host, the other migrates them"
		}
		return ""
	}},
}

func sameSubject(x, y *planned, _ *known) string {
	if x.subject != y.subject {
		return ""
	}
	return disagree(x, y)
}

func endsModified(x, y *planned, _ *known) string {
	if _, found := slices.BinarySearch(x.ends, y.Target.VnfInstanceID); found {
		return "one ends the VNF, the other changes it"
	}
	return ""
}

// oneProfile returns the reason if the two orders are about one profile of one
// NS.
func oneProfile(x, y *planned, k *known, reason string) string {
	profile := k.profileOf(y.Target)
	if profile == "" || k.profileOf(x.Target) != profile {
		return ""
	}
	nss := k.Vnfs[y.Target.VnfInstanceID].NsInstanceIDs
	if x.Target.NsInstanceID == y.Target.NsInstanceID || slices.Contains(nss, x.Target.NsInstanceID) {
		return reason
	}
	return ""
}

// conflict says why two orders cannot both be carried out, or "".
func conflict(x, y *planned, k *known) string {
	for _, c := range contradictions {
		reason := ""
		if x.Action.Type == c.a && y.Action.Type == c.b {
			reason = c.when(x, y, k)
		}
		if reason == "" && x.Action.Type == c.b && y.Action.Type == c.a {
			reason = c.when(y, x, k)
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

// contradict finds the conflicts among the orders of a decision. Orders that
// would be carried out wait for a person then, both of them. What is in shadow
// has no effect, and so none here; a recommendation that contradicts an order says
// so, and does not hold it up.
func contradict(all []*planned, k *known) []smgr.Conflict {
	var found []smgr.Conflict
	for i, x := range all {
		for _, y := range all[i+1:] {
			if ranks[x.Level] < ranks[smgr.LevelAdvise] || ranks[y.Level] < ranks[smgr.LevelAdvise] {
				continue
			}
			reason := conflict(x, y, k)
			if reason == "" {
				continue
			}
			if len(found) < maxConflicts {
				found = append(found, smgr.Conflict{Findings: [2]int{x.Finding, y.Finding}, Reason: reason})
			}
			both := ranks[x.Level] > ranks[smgr.LevelAdvise] && ranks[y.Level] > ranks[smgr.LevelAdvise]
			for _, pair := range [][2]*planned{{x, y}, {y, x}} {
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
	}
	return found
}
