package nfvo

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// apart says with which other VNFs of its NSs a VNF has to be together or apart,
// in one scope.
type apart struct {
	together, away []string // VNF instances
	constraints    []ifa006.Constraint
}

// affinityRule is a rule of an NSD or of an NS.
type affinityRule struct {
	anti     bool
	profiles []string
}

// rules collects the affinity rules of the NSDs and of the NSs in a scope:
// nfvi_node, zone (and what is wider).
func (g *granting) rules(ctx context.Context, node bool) (apart, error) {
	var out apart
	for i := range g.nss {
		list, err := g.rulesOf(ctx, &g.nss[i], node)
		if err != nil {
			return out, err
		}
		for _, r := range list {
			if slices.Contains(r.profiles, g.v.Value.ProfileID) {
				out.add(&g.nss[i], r, g.v.ID)
			}
		}
	}
	return out, nil
}

// rulesOf lists the rules of one NS in a scope.
func (g *granting) rulesOf(ctx context.Context, e *state.Entry[ns], node bool) ([]affinityRule, error) {
	n := &e.Value
	change := nsChange{FlavourID: n.FlavourID, Rules: n.Rules}
	if n.State != instantiated {
		change = g.s.planned(ctx, n)
	}
	var list []affinityRule
	for _, r := range change.Rules {
		if (r.Scope == "NFVI_NODE") == node {
			list = append(list, affinityRule{r.AffinityOrAntiAffiinty == "ANTI_AFFINITY", r.VnfProfileID})
		}
	}
	nsd, err := g.s.c.Descriptors.NSD(ctx, e.Domain, n.NsdID)
	if err != nil {
		return nil, err
	}
	if f := nsd.Flavours[change.FlavourID]; f != nil {
		for _, r := range f.Affinity {
			if (r.Scope == "nfvi_node") == node {
				list = append(list, affinityRule{r.Anti, r.Members})
			}
		}
	}
	return list, nil
}

// add adds a rule of an NS that concerns the VNF. The constraint that stands for
// it names the same group in every grant of the NS; each VNF is a party of its
// own in it, whose VNFCs the rule does not keep apart.
func (a *apart) add(e *state.Entry[ns], r affinityRule, vnfID string) {
	for _, m := range e.Value.Members {
		switch {
		case m.VnfID == vnfID || !slices.Contains(r.profiles, m.ProfileID):
		case r.anti:
			a.away = append(a.away, m.VnfID)
		default:
			a.together = append(a.together, m.VnfID)
		}
	}
	profiles := slices.Sorted(slices.Values(r.profiles))
	c := ifa006.Constraint{Type: "AFFINITY", Scope: "HOST", Group: hub.DeriveID(append([]string{"ns-affinity", e.ID, fmt.Sprint(r.anti)}, profiles...)...)}
	if r.anti {
		c.Type, c.Party = "ANTI_AFFINITY", vnfID
	}
	if !slices.Contains(a.constraints, c) {
		a.constraints = append(a.constraints, c)
	}
}

// planned is what the operation that instantiates an NS will make of it: while it
// runs the NS has neither flavour nor rules yet.
func (s *Service) planned(ctx context.Context, n *ns) nsChange {
	var p nsChange
	if e, err := s.ops.Get(ctx, n.Running); n.Running != "" && err == nil {
		for _, st := range e.Value.Steps {
			if st.Kind == stepNsSet {
				r := run{op: &op{Steps: []step{st}}}
				if r.params(&p) != nil {
					return nsChange{}
				}
			}
		}
	}
	return p
}

// zone chooses the zone of a VNF: the one it is in already, or one that the
// affinity rules and the location constraints allow and that has room. Where the
// search begins depends on the VNF alone, which spreads VNFs and repeats itself.
func (g *granting) zone(ctx context.Context) (string, error) {
	for _, id := range sortedKeys(g.v.Value.Places) {
		if zone := g.v.Value.Places[id].Zone; zone != "" {
			return zone, nil
		}
	}
	zones, err := g.allowedZones(ctx)
	if err != nil {
		return "", err
	}
	rules, err := g.rules(ctx, false)
	if err != nil {
		return "", err
	}
	sameHost, err := g.rules(ctx, true) // and so in the same zone
	if err != nil {
		return "", err
	}
	together, err := g.zonesOf(ctx, slices.Concat(rules.together, sameHost.together))
	if err != nil {
		return "", err
	}
	away, err := g.zonesOf(ctx, rules.away)
	if err != nil {
		return "", err
	}
	zones = slices.DeleteFunc(zones, func(z string) bool {
		return slices.Contains(away, z) || (len(together) > 0 && !slices.Contains(together, z))
	})
	if len(zones) == 0 {
		return "", deny("no zone of the VIM is left that the affinity rules and location constraints of the NS allow for the VNF profile %s", g.v.Value.ProfileID)
	}
	h := fnv.New32a()
	h.Write([]byte(g.v.ID))
	first := int(h.Sum32() % uint32(len(zones)))
	return g.withRoom(ctx, append(slices.Clone(zones[first:]), zones[:first]...))
}

// withRoom returns the first of the zones in which each VDU of the request finds a
// host that may take it, or the first of all when none has: then the VIM says why.
// It reads no more hosts than it takes to find such a zone.
func (g *granting) withRoom(ctx context.Context, zones []string) (string, error) {
	f := g.flavour()
	if f == nil || len(zones) == 1 {
		return zones[0], nil
	}
	for _, zone := range zones {
		var needs []ifa006.Flavour
		for _, d := range g.in.AddResources {
			if vdu := f.VDUs[d.VduID]; d.Type == "COMPUTE" && vdu != nil {
				needs = append(needs, sizeOf(vdu))
			}
		}
		filter := url.Values{"filter": {"(eq,zoneId," + zone + ");(eq,state," + ifa006.Enabled + ")"}}
		for host, err := range httpapi.All[ifa006.Host](ctx, g.s.c.VIM, "/hosts", filter) {
			if err != nil {
				return "", fmt.Errorf("list hosts of zone %s: %w", zone, err)
			}
			needs = slices.DeleteFunc(needs, func(n ifa006.Flavour) bool { return mayTake(&host, g.v.Domain, n) })
			if len(needs) == 0 {
				return zone, nil
			}
		}
	}
	return zones[0], nil
}

// mayTake says whether a host could take one compute of a trust domain now.
func mayTake(h *ifa006.Host, domain string, n ifa006.Flavour) bool {
	if len(h.TrustDomains) > 0 && !slices.Contains(h.TrustDomains, domain) || slices.Contains(h.StoppedFor, domain) {
		return false
	}
	lacks := n.Equipment.TPM && !h.Equipment.TPM || n.Equipment.HSM && !h.Equipment.HSM || n.Equipment.HMEE && !h.Equipment.HMEE ||
		slices.ContainsFunc(n.Acceleration, func(name string) bool { return !slices.Contains(h.Acceleration, name) })
	return !lacks && h.Allocated.VCPUs+n.Size.VCPUs <= h.Total.VCPUs && h.Allocated.MemoryMiB+n.Size.MemoryMiB <= h.Total.MemoryMiB &&
		h.Allocated.DiskGiB+n.Size.DiskGiB <= h.Total.DiskGiB
}

func (g *granting) zonesOf(ctx context.Context, vnfIDs []string) ([]string, error) {
	var zones []string
	for _, id := range vnfIDs {
		e, err := g.s.vnfs.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, p := range e.Value.Places {
			zones = append(zones, p.Zone)
		}
	}
	return zones, nil
}

// allowedZones lists the zones that take something and that the location
// constraints allow, sorted.
func (g *granting) allowedZones(ctx context.Context) ([]string, error) {
	country := g.country(ctx)
	pops := map[string]bool{}
	if country != "" {
		for p, err := range httpapi.All[ifa006.NfviPop](ctx, g.s.c.VIM, "/nfvi_pops", nil) {
			if err != nil {
				return nil, fmt.Errorf("list NFVI-PoPs: %w", err)
			}
			pops[p.ID] = p.Location.Country == country
		}
	}
	var zones []string
	for z, err := range httpapi.All[ifa006.Zone](ctx, g.s.c.VIM, "/resource_zones", nil) {
		if err != nil {
			return nil, fmt.Errorf("list resource zones: %w", err)
		}
		if z.State != "UNAVAILABLE" && (country == "" || pops[z.NfviPopID]) {
			zones = append(zones, z.ID)
		}
	}
	slices.Sort(zones)
	return zones, nil
}

// country is where the NS wants the VNF's profile to be.
func (g *granting) country(ctx context.Context) string {
	for i := range g.nss {
		n := &g.nss[i].Value
		list := n.Locations
		if n.State != instantiated {
			list = g.s.planned(ctx, n).Locations
		}
		for _, c := range list {
			if c.VnfProfileID == g.v.Value.ProfileID && c.LocationConstraints != nil {
				return c.LocationConstraints.CountryCode
			}
		}
	}
	return ""
}

// hosts says how the rules of the scope nfvi_node are kept. A grant of SOL 003 has
// no place for hosts, so it goes with additionalParams: constraints that the VIM
// keeps whatever becomes of the VNFs, and for VNFs that were made before the rule,
// which have no such constraint, the hosts that they are on.
func (g *granting) hosts(ctx context.Context) error {
	rules, err := g.rules(ctx, true)
	if err != nil || len(rules.constraints) == 0 {
		return err
	}
	exclude := map[string]bool{}
	for _, id := range rules.away {
		e, err := g.s.vnfs.Get(ctx, id)
		if err != nil {
			if err := ignoreGone(err); err != nil {
				return err
			}
			continue
		}
		for _, p := range e.Value.Places {
			exclude[p.Host] = true
		}
	}
	g.grant.AdditionalParams = sol003.KeyValuePairs{"manoward.constraints": rules.constraints}
	if len(exclude) > 0 {
		g.grant.AdditionalParams["manoward.excludeHosts"] = sortedKeys(exclude)
	}
	return nil
}

// checkRules refuses affinity rules that name what the flavour does not have.
func checkRules(rules []sol005.AffinityOrAntiAffinityRule, f *flavour) error {
	for _, r := range rules {
		if r.AffinityOrAntiAffiinty != "AFFINITY" && r.AffinityOrAntiAffiinty != "ANTI_AFFINITY" {
			return hub.E(hub.Invalid, "read affinity rule", "affinityOrAntiAffiinty must be AFFINITY or ANTI_AFFINITY", nil)
		}
		for _, p := range r.VnfProfileID {
			if f.VNFs[p] == nil {
				return noProfile("additionalAffinityOrAntiAffinityRule", p, f)
			}
		}
	}
	return nil
}

// sizeOf is the flavour at the VIM that a VDU needs; VDUs of the same needs share
// it.
func sizeOf(vdu *sol001.VDU) ifa006.Flavour {
	f := ifa006.Flavour{
		Size:      ifa006.Capacity{VCPUs: vdu.VCPUs, MemoryMiB: vdu.MemoryMiB, DiskGiB: vdu.DiskGiB},
		Equipment: ifa006.Equipment{TPM: vdu.TPM, HSM: vdu.HSM, HMEE: vdu.HMEE}, Acceleration: vdu.Acceleration, IsPublic: true,
	}
	needs := []string{"flavour", fmt.Sprint(f.Size, f.Equipment)}
	f.ID = hub.DeriveID(append(needs, f.Acceleration...)...)
	f.Name = fmt.Sprintf("%d vCPU, %d MiB, %d GiB", vdu.VCPUs, vdu.MemoryMiB, vdu.DiskGiB)
	return f
}
