package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// Every is the policy of a rule for all policies, and the scope of one for
// everything.
const Every = "*"

// Scopes of rules. A scope is one of these with an identifier behind it, or
// [Every].
const (
	ScopeNs   = "ns/"   // an NS instance
	ScopeNsd  = "nsd/"  // NS instances of an NSD
	ScopeVnfd = "vnfd/" // VNF instances of a VNFD
)

// DefaultLevel is that of a policy without any rule: what it finds is told and
// what it asks for is a recommendation; nothing is carried out by itself.
const DefaultLevel = smgr.LevelAdvise

// maxRules bounds the rules of a Security Manager.
const maxRules = 10_000

// Rule is how far a policy is acted upon in a scope.
type Rule struct {
	Policy string     `json:"policy"` // id, or Every
	Scope  string     `json:"scope"`
	Level  smgr.Level `json:"level"`
	By     string     `json:"by"` // identity of who set it
	At     time.Time  `json:"at"`
	Reason string     `json:"reason,omitempty"`
}

// Levels are the rules of a Security Manager, shared by its processes.
//
// A rule is overruled by one that is as narrow or narrower in both its policy
// and its scope: an NS instance is narrower than its NSD, everything narrower
// than [Every]. A VNFD is neither narrower nor wider than an NS. When several
// rules are left, the least level of them counts: one that holds an NS in shadow
// is not undone by one that lets a policy act everywhere, nor the other way
// about. A finding that concerns several NSs has the least of their levels, but
// is off only where it is off in all of them.
type Levels struct {
	domain, name string
	rules        *state.Kind[Rule]
	append       func(context.Context, ...hub.Record) error
	now          func() time.Time
}

func ruleID(policy, scope string) string { return hub.DeriveID("level", policy, scope) }

// Set sets the level of a policy in a scope. It is recorded, and counts in this
// process at once and in others soon. Errors: hub.Invalid for what is no policy,
// scope or level. Each unless is asked with the rule that is there, nil for none,
// and may refuse; a change that another process made since then is
// hub.Precondition.
func (l *Levels) Set(ctx context.Context, r Rule, unless ...func(there *Rule) error) (Rule, error) {
	if err := r.check(); err != nil {
		return Rule{}, err
	}
	r.At = l.now().UTC()
	id := ruleID(r.Policy, r.Scope)
	there, err := l.rules.GetIn(ctx, l.domain, id)
	if ignore(err, hub.NotFound) == nil {
		if err := refusedBy(unless, storedRule(there, err)); err != nil {
			return Rule{}, err
		}
	}
	switch hub.CodeOf(err) {
	case "":
		if there.Value.Level == r.Level && there.Value.By == r.By {
			return there.Value, nil
		}
	case hub.NotFound:
		if l.rules.Len() >= maxRules {
			return Rule{}, hub.E(hub.Unprocessable, "set level", fmt.Sprintf("there are %d rules already; remove some that are not needed", maxRules), nil)
		}
	default:
		return Rule{}, fmt.Errorf("set level: %w", err)
	}
	if err := l.record(ctx, "sm.level.set", r); err != nil {
		return Rule{}, err
	}
	if hub.CodeOf(err) == hub.NotFound {
		_, err = l.rules.Create(ctx, l.domain, id, &r)
	} else {
		there.Value = r
		_, err = l.rules.Replace(ctx, there)
	}
	if code := hub.CodeOf(err); code == hub.Conflict || code == hub.Precondition {
		return Rule{}, hub.E(hub.Precondition, "set level", "somebody else set this level at the same time; look at it and try again", err)
	}
	return r, err
}

// stored is what is there, nil for nothing.
func storedRule(there state.Entry[Rule], err error) *Rule {
	if err != nil {
		return nil
	}
	return &there.Value
}

// refusedBy asks the conditions of a change.
func refusedBy[T any](unless []func(T) error, there T) error {
	for _, refuses := range unless {
		if err := refuses(there); err != nil {
			return err
		}
	}
	return nil
}

// Clear removes a rule: the wider ones count again. hub.NotFound when there is
// none. unless is as in Set.
func (l *Levels) Clear(ctx context.Context, policy, scope, by, reason string, unless ...func(there *Rule) error) error {
	id := ruleID(policy, scope)
	there, err := l.rules.GetIn(ctx, l.domain, id)
	if hub.CodeOf(err) == hub.NotFound {
		return hub.E(hub.NotFound, "clear level", fmt.Sprintf("no level is set for %.80q in %.80q", policy, scope), err)
	}
	if err != nil {
		return fmt.Errorf("clear level: %w", err)
	}
	if err := refusedBy(unless, &there.Value); err != nil {
		return err
	}
	r := there.Value
	r.By, r.At, r.Reason = by, l.now().UTC(), reason
	if err := l.record(ctx, "sm.level.cleared", r); err != nil {
		return err
	}
	return ignore(l.rules.Delete(ctx, id, func(now *Rule) error { return refusedBy(unless, now) }), hub.NotFound)
}

func (l *Levels) record(ctx context.Context, kind string, r Rule) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record level: %w", err)
	}
	if err := l.append(ctx, hub.Record{
		ID: hub.DeriveID(kind, l.domain, l.name, string(data)), Kind: kind, Time: r.At,
		Actor: r.By, Subject: "sm/" + l.name, Data: data,
	}); err != nil {
		return fmt.Errorf("record level: %w", err)
	}
	return nil
}

// All lists the rules by policy and scope.
func (l *Levels) All() []Rule {
	var all []Rule
	for id := range l.rules.IDs("") {
		if r := l.rules.Kept(id); r != nil {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(a, b Rule) int {
		return strings.Compare(a.Policy+"\x00"+a.Scope, b.Policy+"\x00"+b.Scope)
	})
	return all
}

func (r *Rule) check() error {
	bad := func(text string) error { return hub.E(hub.Invalid, "set level", text, nil) }
	if r.Level.Rank() == 0 {
		return bad(fmt.Sprintf("%.40q is no level; the levels are off, shadow, advise, approve and enforce", r.Level))
	}
	if r.Policy != Every && hub.CheckName("policy", r.Policy) != nil {
		return bad(fmt.Sprintf("%.80q is no id of a policy; use one, or * for all", r.Policy))
	}
	if r.By == "" {
		return bad("a level needs the identity of who sets it")
	}
	if r.Scope == Every {
		return nil
	}
	for _, prefix := range []string{ScopeNs, ScopeNsd, ScopeVnfd} {
		if id, ok := strings.CutPrefix(r.Scope, prefix); ok && id != "" && len(id) <= 256 {
			return nil
		}
	}
	return bad(fmt.Sprintf("%.80q is no scope; use *, ns/<nsInstanceId>, nsd/<nsdId> or vnfd/<vnfdId>", r.Scope))
}

// matching returns the rules that are about a policy in a place.
func (l *Levels) matching(policy string, p place) []*Rule {
	scopes := []string{Every}
	for _, s := range []struct{ prefix, id string }{{ScopeNs, p.ns}, {ScopeNsd, p.nsd}, {ScopeVnfd, p.vnfd}} {
		if s.id != "" {
			scopes = append(scopes, s.prefix+s.id)
		}
	}
	var found []*Rule
	for _, scope := range scopes {
		for _, name := range []string{policy, Every} {
			if r := l.rules.Kept(ruleID(name, scope)); r != nil {
				found = append(found, r)
			}
		}
	}
	return found
}

// overrules reports whether r counts and not s, when both match.
func (r *Rule) overrules(s *Rule) bool {
	narrower := func(a, b string) bool { // or as narrow; a and b match one place
		return a == b || b == Every || strings.HasPrefix(a, ScopeNs) && strings.HasPrefix(b, ScopeNsd)
	}
	return r != s && narrower(r.Policy, s.Policy) && narrower(r.Scope, s.Scope)
}

// deciding returns the rule that counts for a policy in a place, nil for none.
func (l *Levels) deciding(policy string, p place) *Rule {
	var least *Rule
	all := l.matching(policy, p)
	for _, r := range all {
		if slices.ContainsFunc(all, func(s *Rule) bool { return s.overrules(r) }) {
			continue
		}
		if least == nil || r.Level.Rank() < least.Level.Rank() {
			least = r
		}
	}
	return least
}

// at returns the level of a policy in a place.
func (l *Levels) at(policy string, p place) smgr.Level {
	if r := l.deciding(policy, p); r != nil {
		return r.Level
	}
	return DefaultLevel
}

// of returns the level of a finding that concerns these places.
func (l *Levels) of(policy string, places []place) smgr.Level {
	seen := map[smgr.Level]bool{}
	for _, p := range places {
		seen[l.at(policy, p)] = true
	}
	if seen[smgr.LevelOff] && len(seen) > 1 {
		delete(seen, smgr.LevelOff)
		seen[smgr.LevelShadow] = true
	}
	return slices.MinFunc(slices.Collect(maps.Keys(seen)), func(a, b smgr.Level) int { return a.Rank() - b.Rank() })
}
