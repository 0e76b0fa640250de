package decide

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// sequence is the order in which the actions of one decision are safe: what
// protects comes before what ends, what is ended by name before a host is
// emptied, so that nothing harmful is migrated and no snapshot comes too late.
var sequence = map[hub.ActionType]int{
	hub.ActionInsertSecurityVnf: 1,
	hub.ActionModifySecurityVnf: 2,
	hub.ActionTerminateVnf:      3,
	hub.ActionRemoveSecurityVnf: 4,
	hub.ActionStopHost:          5,
}

// plan makes orders of the findings of a decision, and names the conflicts among
// them. It is a function of the decision and its input alone, so that a plan that
// a crash cut off is made again as it was. The orders have no IDs yet:
// [Decider.place] gives them.
//
// An alert is no order. Actions of several findings that ask for the same of one
// target, at one level, become one order that names them all; its arguments are
// those of all of them together. Those that cannot be united contradict each
// other.
func plan(d *smgr.Decision, k *known) ([]*smgr.Order, []clash) {
	var all []*smgr.Order
	for i, f := range d.Findings {
		for _, a := range f.Actions {
			if sequence[a.Type] == 0 {
				continue
			}
			o := k.order(d, i, a)
			united := slices.ContainsFunc(all, func(there *smgr.Order) bool { return unite(there, o) })
			if !united {
				all = append(all, o)
			}
		}
	}
	for _, o := range all {
		if o.Level == smgr.LevelShadow {
			o.State, o.Reason = smgr.OrderShadow, "the policy is in shadow here: nothing is carried out"
		}
		if len(o.Also) > 0 {
			o.Message = messages(d, o)
		}
	}
	slices.SortStableFunc(all, func(a, b *smgr.Order) int {
		return cmp.Or(sequence[a.Action.Type]-sequence[b.Action.Type], severity(b.Severity)-severity(a.Severity))
	})
	afterSnapshots(all, k)
	return all, contradict(all)
}

// order returns the order that one action of one finding asks for.
func (k *known) order(d *smgr.Decision, finding int, a hub.Action) *smgr.Order {
	f := d.Findings[finding]
	o := &smgr.Order{
		DecisionID: d.ID, Policy: f.Policy, Finding: finding, Severity: f.Severity, Message: f.Message, Action: a, Target: f.Target,
		Level: d.Levels[finding], State: smgr.OrderPlanned, Created: d.Decided, Updated: d.Decided,
	}
	o.Action.Properties = maps.Clone(a.Properties)
	o.Scope = k.scope(o)
	if a.Type == hub.ActionStopHost {
		o.Key = smgr.KeyHost(f.Target.HostID)
	} else if ns := k.nsOf(f.Target); ns != "" {
		o.Key = smgr.KeyNs(ns)
	} else if strings.HasPrefix(d.Key, smgr.KeyNs("")) {
		o.Key = d.Key
	} else {
		o.Key = "vnf/" + f.Target.VnfInstanceID
	}
	return o
}

// unite takes another order into this one if both ask for the same: the same
// action on the same subject at the same level, with arguments that can all be
// met. It reports whether it did.
func unite(o, other *smgr.Order) bool {
	if !o.Same(other) || o.Level != other.Level || o.Disagree(other) != "" {
		return false
	}
	o.Unite(other)
	if other.Finding != o.Finding && !slices.Contains(o.Also, other.Finding) {
		o.Also = append(o.Also, other.Finding)
	}
	return true
}

// messages names all findings of an order, in up to 1,000 characters.
func messages(d *smgr.Decision, p *smgr.Order) string {
	var b strings.Builder
	for n, i := range append([]int{p.Finding}, p.Also...) {
		if n > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", d.Findings[i].Policy, d.Findings[i].Message)
	}
	return clip(b.String(), 1000)
}

// clip cuts a text to a number of characters.
func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// scope returns what an order touches, as far as the input says.
func (k *known) scope(o *smgr.Order) smgr.Scope {
	t := o.Target
	s := smgr.Scope{Subject: smgr.Subject(o.Action.Type, t)}
	switch o.Action.Type {
	case hub.ActionTerminateVnf:
		s.Ends = []string{t.VnfInstanceID}
		if o.Action.CoHosted {
			s.Ends, s.Hosts = append(s.Ends, k.coHosted(t.VnfInstanceID)...), slices.Clone(k.hosts[t.VnfInstanceID])
		}
		if o.Action.Replace != nil && !*o.Action.Replace {
			s.Profiles = k.profilesOf(t)
		}
	case hub.ActionRemoveSecurityVnf:
		s.Ends, s.Profiles = []string{t.VnfInstanceID}, k.profilesOf(t)
	case hub.ActionInsertSecurityVnf:
		s.Profiles = []string{t.NsInstanceID + "/" + t.VnfProfileID}
	case hub.ActionStopHost:
		if o.Action.Vnfs == "terminate" {
			s.Ends = slices.Clone(k.vnfs[t.HostID])
		}
	}
	slices.Sort(s.Ends)
	return s
}

// afterSnapshots gives the order to empty a host the key of a VNF on it that the
// same decision ends by name: orders of different keys run at the same time, and
// the host would be emptied before the snapshot is taken.
func afterSnapshots(all []*smgr.Order, k *known) {
	for _, host := range all {
		if host.Action.Type != hub.ActionStopHost {
			continue
		}
		for _, p := range all {
			if p.Action.Type == hub.ActionTerminateVnf && p.Level == host.Level && slices.Contains(k.hosts[p.Target.VnfInstanceID], host.Target.HostID) {
				host.Key = p.Key
			}
		}
	}
}

// severity ranks a severity; one that is unknown is below all.
func severity(s hub.Severity) int { return slices.Index(hub.Severities(), s) }
