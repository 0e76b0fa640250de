package vim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// Types and scopes of a constraint.
const (
	affinity     = "AFFINITY"
	antiAffinity = "ANTI_AFFINITY"
	scopeHost    = "HOST"
	scopeZone    = "ZONE"
)

// groupRecord is the computes of one trust domain that name the same group in
// their constraints, with where they are. It is changed by compare-and-set before
// a host is claimed, so that a rule holds however many are placed at once.
type groupRecord struct {
	Domain  string            `json:"domain"`
	Name    string            `json:"name"`
	Members map[string]member `json:"members"` // by compute
}

type member struct {
	Rules  []ifa006.Constraint `json:"rules"`  // that name this group
	Places []place             `json:"places"` // two while it moves
}

type place struct {
	Host string `json:"host"`
	Zone string `json:"zone"`
}

func groupID(domain, name string) string { return hub.DeriveID("vim group", domain, name) }

// groupsOf returns the names of the groups that a compute is in, each once.
func groupsOf(c *ifa006.Compute) []string {
	var names []string
	for _, r := range c.Constraints {
		if !slices.Contains(names, r.Group) {
			names = append(names, r.Group)
		}
	}
	return names
}

func rulesOf(c *ifa006.Compute, group string) []ifa006.Constraint {
	return slices.DeleteFunc(slices.Clone(c.Constraints), func(r ifa006.Constraint) bool { return r.Group != group })
}

// clash says why a compute with these rules may not be at a place, or "".
func (g *groupRecord) clash(compute string, rules []ifa006.Constraint, at place) string {
	for id, other := range g.Members {
		if id == compute {
			continue
		}
		for _, rule := range slices.Concat(rules, other.Rules) {
			if rule.Type == antiAffinity && rule.Party != "" && sameParty(rules, other.Rules, rule) {
				continue
			}
			for _, p := range other.Places {
				same := p.Zone == at.Zone
				if rule.Scope == scopeHost {
					same = p.Host == at.Host
				}
				if same != (rule.Type == affinity) {
					return fmt.Sprintf("%s in the scope %s with compute %s of group %s", rule.Type, rule.Scope, id, g.Name)
				}
			}
		}
	}
	return ""
}

// sameParty says whether both computes have a rule, which names a party: then
// they are on one side of it.
func sameParty(a, b []ifa006.Constraint, rule ifa006.Constraint) bool {
	return slices.Contains(a, rule) && slices.Contains(b, rule)
}

// readGroups reads the groups of a compute. Members whose compute is gone, as
// after a crash, do not count.
func (m *Model) readGroups(ctx context.Context, want *ifa006.Compute) ([]groupRecord, error) {
	var groups []groupRecord
	for _, name := range groupsOf(want) {
		e, err := m.groups.Get(ctx, groupID(want.TrustDomain, name))
		switch hub.CodeOf(err) {
		case "":
			if err := m.prune(ctx, &e.Value); err != nil {
				return nil, err
			}
			groups = append(groups, e.Value)
		case hub.NotFound:
			groups = append(groups, groupRecord{Domain: want.TrustDomain, Name: name})
		default:
			return nil, fmt.Errorf("read affinity group: %w", err)
		}
	}
	return groups, nil
}

// prune takes out members whose compute is gone. One that is not in the index may
// be another process's that has just come: the table says.
func (m *Model) prune(ctx context.Context, g *groupRecord) error {
	for id := range g.Members {
		if _, there := m.computes.Domain(id); there {
			continue
		}
		if _, err := m.computes.GetIn(ctx, All, id); hub.CodeOf(err) == hub.NotFound {
			delete(g.Members, id)
		} else if err != nil {
			return fmt.Errorf("look after members of an affinity group: %w", err)
		}
	}
	return nil
}

// join notes a compute at a place in its groups. refused is the rule that
// forbids it; groups that were joined before it stay so until [Model.leaveGroups].
func (m *Model) join(ctx context.Context, want *ifa006.Compute, at place) (refused string, err error) {
	for _, name := range groupsOf(want) {
		rules := rulesOf(want, name)
		err := m.changeGroup(ctx, want.TrustDomain, name, func(g *groupRecord) error {
			if refused = g.clash(want.ID, rules, at); refused != "" {
				return errRefused
			}
			self := g.Members[want.ID]
			self.Rules = rules
			if !slices.Contains(self.Places, at) {
				self.Places = append(self.Places, at)
			}
			g.Members[want.ID] = self
			return nil
		})
		if err != nil && refused == "" {
			return "", fmt.Errorf("join affinity group: %w", err)
		}
		if refused != "" {
			return refused, nil
		}
	}
	return "", nil
}

// errRefused ends a change that a rule forbids; what forbids it is told apart.
var errRefused = hub.E(hub.Conflict, "change NFVI model", "refused", nil)

// changeGroup changes a group and makes it when it is new.
func (m *Model) changeGroup(ctx context.Context, domain, name string, fn func(*groupRecord) error) error {
	id := groupID(domain, name)
	for {
		_, err := m.groups.Update(ctx, id, func(g *groupRecord) error {
			if err := m.prune(ctx, g); err != nil {
				return err
			}
			if g.Members == nil {
				g.Members = map[string]member{}
			}
			return fn(g)
		})
		if hub.CodeOf(err) != hub.NotFound {
			return err
		}
		g := &groupRecord{Domain: domain, Name: name, Members: map[string]member{}}
		if err := fn(g); err != nil {
			return err
		}
		if _, err = m.groups.Create(ctx, All, id, g); hub.CodeOf(err) != hub.Conflict {
			return err
		}
	}
}

// leaveGroups takes a compute out of its groups at the hosts that it leaves. A
// group without members goes away.
func (m *Model) leaveGroups(ctx context.Context, want *ifa006.Compute, leaves func(host string) bool) error {
	for _, name := range groupsOf(want) {
		id := groupID(want.TrustDomain, name)
		e, err := m.groups.Update(ctx, id, func(g *groupRecord) error {
			self := g.Members[want.ID]
			self.Places = slices.DeleteFunc(self.Places, func(p place) bool { return leaves(p.Host) })
			if len(self.Places) == 0 {
				delete(g.Members, want.ID)
			} else {
				g.Members[want.ID] = self
			}
			return nil
		})
		if err == nil && len(e.Value.Members) == 0 {
			err = m.groups.Delete(ctx, id, func(g *groupRecord) error {
				if len(g.Members) > 0 {
					return errRefused
				}
				return nil
			})
		}
		if err != nil && hub.CodeOf(err) != hub.NotFound && !errors.Is(err, errRefused) {
			return fmt.Errorf("leave affinity group: %w", err)
		}
	}
	return nil
}

// allBut is what leaves a group when a compute is at one host, or at none.
func allBut(keep string) func(host string) bool {
	return func(host string) bool { return host != keep }
}
