package decide

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// planned is an order with what it is compared by.
type planned struct {
	smgr.Order
	subject string // what the action changes
	ends    []string
}

// plan makes orders of the findings of a decision, and names the conflicts among
// them. It is a function of the decision and its input alone, so that a plan that
// a crash cut off is made again as it was.
//
// An alert is no order. Actions of several findings that ask for the same of one
// target, at one level, become one order that names them all; its arguments are
// those of all of them together: a snapshot, the bar on replacement, erasing and
// so on are wanted when one wants them. Those that cannot be united contradict
// each other.
func plan(d *smgr.Decision, domain, name string, k *known) ([]smgr.Order, []smgr.Conflict) {
	var all []*planned
	for i, f := range d.Findings {
		for _, a := range f.Actions {
			if sequence[a.Type] == 0 {
				continue
			}
			p := k.order(d, i, a)
			united := slices.ContainsFunc(all, func(o *planned) bool { return o.unite(p) })
			if !united {
				all = append(all, p)
			}
		}
	}
	variants := map[string]int{}
	for _, p := range all {
		parts := []string{"sm.order", domain, name, d.EventID, string(p.Action.Type), p.subject, string(p.Level)}
		base := strings.Join(parts, "\x00")
		p.ID = hub.DeriveID(append(parts, strconv.Itoa(variants[base]))...)
		variants[base]++
		p.ends = k.endedBy(p)
		if p.Level == smgr.LevelShadow {
			p.State, p.Reason = smgr.OrderShadow, "the policy is in shadow here: nothing is carried out"
		}
		if len(p.Also) > 0 {
			p.Message = messages(d, p)
		}
	}
	slices.SortStableFunc(all, func(a, b *planned) int {
		return cmp.Or(sequence[a.Action.Type]-sequence[b.Action.Type], severity(b.Severity)-severity(a.Severity))
	})
	afterSnapshots(all, k)
	conflicts := contradict(all, k)
	orders := make([]smgr.Order, len(all))
	for i, p := range all {
		orders[i] = p.Order
	}
	return orders, conflicts
}

// order returns the order that one action of one finding asks for.
func (k *known) order(d *smgr.Decision, finding int, a hub.Action) *planned {
	f := d.Findings[finding]
	p := &planned{Order: smgr.Order{
		DecisionID: d.ID, Policy: f.Policy, Finding: finding, Severity: f.Severity, Message: f.Message, Action: a, Target: f.Target,
		Level: d.Levels[finding], State: smgr.OrderPlanned, Created: d.Decided, Updated: d.Decided,
	}}
	p.Action.Properties = maps.Clone(a.Properties)
	switch a.Type {
	case hub.ActionStopHost:
		p.subject, p.Key = "host/"+f.Target.HostID, smgr.KeyHost(f.Target.HostID)
		return p
	case hub.ActionInsertSecurityVnf:
		p.subject = "ns/" + f.Target.NsInstanceID + "/profile/" + f.Target.VnfProfileID
	default:
		p.subject = "vnf/" + f.Target.VnfInstanceID
	}
	if ns := k.nsOf(f.Target); ns != "" {
		p.Key = smgr.KeyNs(ns)
	} else if strings.HasPrefix(d.Key, smgr.KeyNs("")) {
		p.Key = d.Key
	} else {
		p.Key = "vnf/" + f.Target.VnfInstanceID
	}
	return p
}

// unite takes another order into this one if both ask for the same: the same
// action on the same target at the same level, with arguments that can all be
// met. It reports whether it did.
func (p *planned) unite(o *planned) bool {
	if p.Action.Type != o.Action.Type || p.subject != o.subject || p.Level != o.Level || disagree(p, o) != "" {
		return false
	}
	a, b := &p.Action, o.Action
	a.Snapshot = a.Snapshot || b.Snapshot
	a.Replace = cmp.Or(a.Replace, b.Replace)
	a.DisablePackage = a.DisablePackage || b.DisablePackage
	a.CoHosted = a.CoHosted || b.CoHosted
	a.Erase = a.Erase || b.Erase
	a.BelowMinimum = a.BelowMinimum || b.BelowMinimum
	a.Quarantine = a.Quarantine || b.Quarantine
	if a.Properties == nil {
		a.Properties = b.Properties
	} else {
		maps.Copy(a.Properties, b.Properties)
	}
	t, u := &p.Target, o.Target
	t.NsInstanceID = cmp.Or(t.NsInstanceID, u.NsInstanceID)
	t.VnfProfileID = cmp.Or(t.VnfProfileID, u.VnfProfileID)
	t.VnfPkgID = cmp.Or(t.VnfPkgID, u.VnfPkgID)
	t.HostID = cmp.Or(t.HostID, u.HostID)
	t.ImageID = cmp.Or(t.ImageID, u.ImageID)
	t.VnfInstanceID = cmp.Or(t.VnfInstanceID, u.VnfInstanceID)
	if o.Finding != p.Finding && !slices.Contains(p.Also, o.Finding) {
		p.Also = append(p.Also, o.Finding)
	}
	if severity(o.Severity) > severity(p.Severity) {
		p.Severity = o.Severity
	}
	return true
}

// disagree says why two orders of one action on one target cannot both be
// carried out, or "".
func disagree(p, o *planned) string {
	a, b := p.Action, o.Action
	switch {
	case a.Replace != nil && b.Replace != nil && *a.Replace != *b.Replace:
		return "one wants the VNF replaced, the other bars its replacement"
	case a.DisablePackage && b.DisablePackage && p.Target.VnfPkgID != o.Target.VnfPkgID:
		return "they name two packages of one VNF"
	case a.Vnfs != b.Vnfs:
		return "one migrates the VNFs of the host, the other terminates them"
	}
	for name, value := range a.Properties {
		if other, ok := b.Properties[name]; ok && other != value {
			return fmt.Sprintf("they set the property %.80q to two values", name)
		}
	}
	return ""
}

// messages names all findings of an order, in up to 1,000 characters.
func messages(d *smgr.Decision, p *planned) string {
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

// endedBy lists the VNFs that an order ends, as far as they are known; sorted.
func (k *known) endedBy(p *planned) []string {
	var ends []string
	switch {
	case p.Action.Type == hub.ActionTerminateVnf, p.Action.Type == hub.ActionRemoveSecurityVnf:
		ends = []string{p.Target.VnfInstanceID}
		if p.Action.CoHosted {
			ends = append(ends, k.coHosted(p.Target.VnfInstanceID)...)
		}
	case p.Action.Type == hub.ActionStopHost && p.Action.Vnfs == "terminate":
		ends = slices.Clone(k.vnfs[p.Target.HostID])
	}
	slices.Sort(ends)
	return ends
}

// afterSnapshots gives the order to empty a host the key of a VNF on it that the
// same decision ends by name: orders of different keys run at the same time, and
// the host would be emptied before the snapshot is taken.
func afterSnapshots(all []*planned, k *known) {
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
