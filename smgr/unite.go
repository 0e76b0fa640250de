package smgr

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// maxTaken bounds what an order lists of what it took in.
const maxTaken = 100

// Disagree says why two orders of one action on one subject cannot both be
// carried out, or "".
func (o *Order) Disagree(other *Order) string {
	a, b := o.Action, other.Action
	switch {
	case a.Replace != nil && b.Replace != nil && *a.Replace != *b.Replace:
		return "one wants the VNF replaced, the other bars its replacement"
	case a.DisablePackage && b.DisablePackage && o.Target.VnfPkgID != other.Target.VnfPkgID:
		return "they name two packages of one VNF"
	case a.Vnfs != b.Vnfs:
		return "one migrates the VNFs of the host, the other terminates them"
	}
	for _, name := range slices.Sorted(maps.Keys(a.Properties)) {
		if value, ok := b.Properties[name]; ok && a.Properties[name] != value {
			return fmt.Sprintf("they set the property %.80q to two values", name)
		}
	}
	return ""
}

// Same reports whether two orders are of one action on one subject.
func (o *Order) Same(other *Order) bool {
	return o.Action.Type == other.Action.Type && o.Scope.Subject != "" && o.Scope.Subject == other.Scope.Subject
}

// Unite takes the arguments and the target of another order of the same action
// on the same subject in, with which it does not disagree: a snapshot, the bar on
// replacement, erasing and so on are wanted when one of the two wants them.
func (o *Order) Unite(other *Order) {
	a, b := &o.Action, other.Action
	a.Snapshot = a.Snapshot || b.Snapshot
	a.Replace = cmp.Or(a.Replace, b.Replace)
	a.DisablePackage = a.DisablePackage || b.DisablePackage
	a.CoHosted = a.CoHosted || b.CoHosted
	a.Erase = a.Erase || b.Erase
	a.BelowMinimum = a.BelowMinimum || b.BelowMinimum
	a.Quarantine = a.Quarantine || b.Quarantine
	if len(b.Properties) > 0 {
		all := maps.Clone(b.Properties)
		maps.Copy(all, a.Properties)
		a.Properties = all
	}
	t, u := &o.Target, other.Target
	if b.DisablePackage {
		t.VnfPkgID = u.VnfPkgID
	}
	t.NsInstanceID = cmp.Or(t.NsInstanceID, u.NsInstanceID)
	t.VnfProfileID = cmp.Or(t.VnfProfileID, u.VnfProfileID)
	t.VnfPkgID = cmp.Or(t.VnfPkgID, u.VnfPkgID)
	t.HostID = cmp.Or(t.HostID, u.HostID)
	t.ImageID = cmp.Or(t.ImageID, u.ImageID)
	t.VnfInstanceID = cmp.Or(t.VnfInstanceID, u.VnfInstanceID)
	o.Severity = worst(o.Severity, other.Severity)
	o.Scope.Ends = union(o.Scope.Ends, other.Scope.Ends)
	o.Scope.Hosts = union(o.Scope.Hosts, other.Scope.Hosts)
	o.Scope.Profiles = union(o.Scope.Profiles, other.Scope.Profiles)
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func worst(a, b hub.Severity) hub.Severity {
	if slices.Index(hub.Severities(), b) > slices.Index(hub.Severities(), a) {
		return b
	}
	return a
}

// meets reports whether an order does all that the arguments of another one of
// the same action on the same subject ask for.
func (o *Order) meets(other *Order) bool {
	if o.Disagree(other) != "" {
		return false
	}
	both := *o
	both.Unite(other)
	a, b := o.Action, both.Action
	replaces := func(a hub.Action) bool { return a.Replace == nil || *a.Replace }
	return a.Snapshot == b.Snapshot && replaces(a) == replaces(b) && a.DisablePackage == b.DisablePackage && a.CoHosted == b.CoHosted &&
		a.Erase == b.Erase && a.BelowMinimum == b.BelowMinimum && a.Quarantine == b.Quarantine && maps.Equal(a.Properties, b.Properties)
}

// Covers reports whether nothing is to be added for another order: it is the
// same, does all that the other one asks for, and at no lesser level.
func (o *Order) Covers(other *Order) bool {
	return o.Same(other) && o.Level.Rank() >= other.Level.Rank() && o.meets(other)
}

// CanTake reports whether an open order does what another one asks for, or can
// still be made to. What has begun, or a person has approved, is not changed any
// more. At one level the two
// are united. An order takes one of a higher level in, and is raised to it, if
// that level asks for all that the order would do; nothing is carried out because
// a lesser level asked for it.
func (o *Order) CanTake(other *Order) bool {
	switch {
	case o.State.Final() || !o.Same(other):
		return false
	case o.Covers(other):
		return true
	case len(o.Steps) > 0 || o.Approval != nil || o.Disagree(other) != "":
		return false
	}
	return o.Level == other.Level || o.Level.Rank() < other.Level.Rank() && other.meets(o)
}

// Take takes another order in that it [Order.CanTake].
func (o *Order) Take(other *Order) {
	o.Unite(other)
	if o.Level.Rank() < other.Level.Rank() {
		o.Level = other.Level
	}
	if !o.Knows(other) && len(o.Taken) < maxTaken {
		o.Taken = append(slices.Clone(o.Taken), Taken{DecisionID: other.DecisionID, Policy: other.Policy, Findings: append([]int{other.Finding}, other.Also...)})
	}
}

// Knows reports whether the policy of another order has asked for this one
// already, so that there is nothing new to be told.
func (o *Order) Knows(other *Order) bool {
	return o.Policy == other.Policy || slices.ContainsFunc(o.Taken, func(t Taken) bool { return t.Policy == other.Policy })
}
