package smgr

import (
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// contradiction is a pair of actions that can contradict each other. when says
// how two orders of these actions do, or ""; x is of the action a, y of b.
type contradiction struct {
	a, b hub.ActionType
	when func(x, y *Order) string
}

// contradictions is the table of what cannot both be done. Actions of which no
// row speaks can both be carried out, one after the other: to end a VNF twice is
// to end it once, and a host may be emptied after its VNFs were ended.
var contradictions = []contradiction{
	{hub.ActionTerminateVnf, hub.ActionTerminateVnf, sameSubject},
	{hub.ActionStopHost, hub.ActionStopHost, sameSubject},
	{hub.ActionModifySecurityVnf, hub.ActionModifySecurityVnf, sameSubject},
	{hub.ActionTerminateVnf, hub.ActionModifySecurityVnf, endsModified},
	{hub.ActionRemoveSecurityVnf, hub.ActionModifySecurityVnf, endsModified},
	{hub.ActionStopHost, hub.ActionModifySecurityVnf, endsModified},
	{hub.ActionInsertSecurityVnf, hub.ActionRemoveSecurityVnf, func(x, y *Order) string {
		return oneProfile(x, y, "one inserts a VNF of the profile, the other removes one")
	}},
	{hub.ActionInsertSecurityVnf, hub.ActionTerminateVnf, func(x, y *Order) string {
		return oneProfile(x, y, "one inserts a VNF of the profile, the other bars the profile")
	}},
	{hub.ActionTerminateVnf, hub.ActionStopHost, func(x, y *Order) string {
		if y.Action.Vnfs == "migrate" && slices.Contains(x.Scope.Hosts, y.Target.HostID) {
			return "one ends all VNFs on the host, the other migrates them"
		}
		return ""
	}},
}

func sameSubject(x, y *Order) string {
	if !x.Same(y) {
		return ""
	}
	return x.Disagree(y)
}

func endsModified(x, y *Order) string {
	if slices.Contains(x.Scope.Ends, y.Target.VnfInstanceID) {
		return "one ends the VNF, the other changes it"
	}
	return ""
}

func oneProfile(x, y *Order, reason string) string {
	if slices.ContainsFunc(x.Scope.Profiles, func(p string) bool { return slices.Contains(y.Scope.Profiles, p) }) {
		return reason
	}
	return ""
}

// Contradict says why two orders cannot both be carried out, or "".
func Contradict(x, y *Order) string {
	for _, c := range contradictions {
		reason := ""
		if x.Action.Type == c.a && y.Action.Type == c.b {
			reason = c.when(x, y)
		}
		if reason == "" && x.Action.Type == c.b && y.Action.Type == c.a {
			reason = c.when(y, x)
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

// Touches lists what an order has to do with, in words by which another one that
// could contradict it is found: two orders that contradict each other share one.
func (o *Order) Touches() []string {
	list := []string{o.Scope.Subject}
	if o.Target.VnfInstanceID != "" {
		list = append(list, "vnf/"+o.Target.VnfInstanceID)
	}
	for _, group := range []struct {
		of  string
		ids []string
	}{{"vnf/", o.Scope.Ends}, {"host/", o.Scope.Hosts}, {"profile/", o.Scope.Profiles}} {
		for _, id := range group.ids {
			list = append(list, group.of+id)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
