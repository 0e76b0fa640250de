package vnfm

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
)

// planner makes layouts of one VNF for one operation. gen makes the IDs of what
// it adds its own.
type planner struct {
	vnf          string
	gen          int
	vnfd         *sol001.VNFD
	flavour      *sol001.Flavour
	excludeHosts []string
	managed      []sol003.ExtManagedVirtualLinkData
}

func newPlanner(vnf string, gen int, vnfd *sol001.VNFD, flavour string) (*planner, error) {
	f := vnfd.Flavours[flavour]
	if f == nil {
		text := fmt.Sprintf("flavour %s is none of the VNFD; it has: %s", clip(flavour), names(vnfd.Flavours))
		return nil, hub.E(hub.Invalid, "plan operation", text, nil)
	}
	return &planner{vnf: vnf, gen: gen, vnfd: vnfd, flavour: f}, nil
}

func (p *planner) id(kind string, parts ...string) string {
	return hub.DeriveID(append([]string{kind, p.vnf, strconv.Itoa(p.gen)}, parts...)...)
}

// level returns how many VNFCs each VDU has at an instantiation level, and the
// scale levels that go with it. An empty name is the default level.
func (p *planner) level(name string) (map[string]int, map[string]int, error) {
	if name == "" {
		name = p.flavour.DefaultLevel
	} else if p.flavour.Levels[name] == nil {
		text := fmt.Sprintf("instantiation level %s is none of flavour %s; it has: %s", clip(name), p.flavour.ID, names(p.flavour.Levels))
		return nil, nil, hub.E(hub.Invalid, "plan operation", text, nil)
	}
	level := p.flavour.Levels[name]
	if level == nil {
		level = &sol001.Level{}
	}
	counts := map[string]int{}
	for id, vdu := range p.flavour.VDUs {
		n, ok := level.Instances[id]
		if !ok {
			n = vdu.Min
		}
		counts[id] = n
	}
	scale := map[string]int{}
	for aspect := range p.flavour.Aspects {
		scale[aspect] = level.Scale[aspect]
	}
	return counts, scale, p.checkSize(counts)
}

// maxVNFCs bounds the VNFCs of one VNF. A VNFD can ask for any number in a few
// bytes, and what is planned is held in memory and stored in one value.
const maxVNFCs = 1000

// checkSize refuses a VNF that is too large to be planned.
func (p *planner) checkSize(counts map[string]int) error {
	n := 0
	for _, of := range counts {
		n += min(of, maxVNFCs+1) // any of them too many is too many together
	}
	if n > maxVNFCs {
		text := fmt.Sprintf("the VNF would have more than %d VNFCs, the most that one VNF may have here; choose a smaller level, or split the VNF", maxVNFCs)
		return hub.E(hub.Unprocessable, "plan operation", text, nil)
	}
	return nil
}

// scaled changes counts from one scale level of an aspect to another.
func (p *planner) scaled(counts map[string]int, aspect string, from, to int) error {
	a := p.flavour.Aspects[aspect]
	if a == nil {
		text := fmt.Sprintf("scaling aspect %s is none of flavour %s; it has: %s", clip(aspect), p.flavour.ID, names(p.flavour.Aspects))
		return hub.E(hub.Invalid, "plan operation", text, nil)
	}
	if to < 0 || to > a.MaxLevel {
		text := fmt.Sprintf("aspect %s is at scale level %d and has the levels 0 to %d; ask for fewer steps", aspect, from, a.MaxLevel)
		return hub.E(hub.Conflict, "plan operation", text, nil)
	}
	if len(a.Deltas) == 0 {
		return hub.E(hub.Invalid, "plan operation", "aspect "+aspect+" has no scaling deltas in the VNFD; on-board a VNFD that has", nil)
	}
	for step := min(from, to); step < max(from, to); step++ {
		for vdu, n := range a.Deltas[min(step, len(a.Deltas)-1)] {
			if to < from {
				n = -n
			}
			counts[vdu] += n
		}
	}
	for vdu, n := range counts {
		if v := p.flavour.VDUs[vdu]; v == nil || n < 0 || v.Max > 0 && n > v.Max {
			text := fmt.Sprintf("VDU %s would have %d instances, which its VNFD does not allow", clip(vdu), n)
			return hub.E(hub.Conflict, "plan operation", text, nil)
		}
	}
	return p.checkSize(counts)
}

// layout returns what the VNF has after an operation: VNFCs of before that keep
// approves stay, as far as the counts ask for them, and what is missing is new.
func (p *planner) layout(before *Layout, counts, scale map[string]int, ext []sol003.ExtVirtualLinkData, keep func(*VNFC) bool) *Layout {
	after := &Layout{
		VnfdID: p.vnfd.ID, Flavour: p.flavour.ID, State: sol003.VnfOperationalStateStarted,
		Scale: maps.Clone(scale), MaxScale: map[string]int{}, Ext: ext,
	}
	if before != nil {
		after.State, after.Language = before.State, before.Language
	}
	for id, a := range p.flavour.Aspects {
		after.MaxScale[id] = a.MaxLevel
	}
	after.Links = p.links(before)
	for _, vdu := range slices.Sorted(maps.Keys(p.flavour.VDUs)) {
		after.VNFCs = append(after.VNFCs, p.vnfcs(before, after, vdu, counts[vdu], keep)...)
	}
	return after
}

// vnfcs returns the VNFCs of one VDU: kept ones with the lowest indexes first.
func (p *planner) vnfcs(before, after *Layout, vdu string, count int, keep func(*VNFC) bool) []VNFC {
	var out []VNFC
	used := map[int]bool{}
	for _, c := range before.clone().vnfcs() {
		if c.VDU == vdu && len(out) < count && keep(&c) {
			used[c.Index] = true
			out = append(out, c)
		}
	}
	for index := 0; len(out) < count; index++ {
		if !used[index] {
			out = append(out, p.vnfc(p.flavour.VDUs[vdu], after, index))
		}
	}
	slices.SortFunc(out, func(a, b VNFC) int { return a.Index - b.Index })
	return out
}

func (p *planner) vnfc(vdu *sol001.VDU, after *Layout, index int) VNFC {
	i := strconv.Itoa(index)
	c := VNFC{
		ID: p.id("vnfc", vdu.ID, i), VDU: vdu.ID, Index: index, ComputeID: p.id("compute", vdu.ID, i),
		Image: vdu.Image, ExcludeHosts: p.excludeHosts, Constraints: p.constraints(vdu.ID), Wanted: wanted(p.vnfd, vdu),
	}
	if vdu.SwImage != nil && vdu.SwImage.Name != "" {
		c.Image, c.ImageKey = vdu.SwImage.Name, vdu.Image
	}
	for _, name := range vdu.Storages {
		d := p.flavour.Storages[name]
		if d == nil {
			continue // the parser has checked references; a VNFD of another source may lack it
		}
		st := Storage{ID: p.id("vs", vdu.ID, i, name), Desc: name, ResourceID: p.id("storage", vdu.ID, i, name), Type: "BLOCK", SizeGiB: d.SizeGiB}
		if d.Type == "OBJECT" {
			st.Type = d.Type // IFA 006 knows the two; a file system is made on a block device
		}
		if d.SwImage != nil {
			st.Image = d.SwImage.Name
		}
		c.Storages = append(c.Storages, st)
	}
	for _, cp := range vdu.Cps {
		c.Ports = append(c.Ports, p.port(&c, cp, after))
	}
	return c
}

// port makes the port of a connection point. It has no network as long as nobody
// gave the external connection point a link; such a port is not allocated.
func (p *planner) port(c *VNFC, cp sol001.Cp, after *Layout) Port {
	port := Port{ID: hub.DeriveID("cp", c.ID, cp.ID), Cpd: cp.ID, PortID: p.id("port", c.ID, cp.ID), ExtCp: cp.ExtCp}
	if cp.ExtCp != "" {
		connect(&port, c.Index, after.Ext)
		return port
	}
	port.Link = cp.Link
	if at := slices.IndexFunc(after.Links, func(l Link) bool { return l.Desc == cp.Link }); at >= 0 {
		port.NetworkID = after.Links[at].NetworkID
	}
	return port
}

// connect puts an external port on the link that the consumer gave for its
// connection point. The configurations of a connection point go to the VNFCs of
// its VDU in the order of their identifiers.
func connect(port *Port, index int, ext []sol003.ExtVirtualLinkData) {
	for _, link := range ext {
		for _, cp := range link.ExtCps {
			if cp.CpdID != port.ExtCp {
				continue
			}
			port.ExtLink, port.NetworkID, port.ConfigID = link.ID, link.ResourceID, "default"
			ids := slices.Sorted(maps.Keys(cp.CpConfig))
			if index >= len(ids) {
				return
			}
			port.ConfigID = ids[index]
			for _, data := range cp.CpConfig[ids[index]].CpProtocolData {
				if e := data.IpOverEthernet; e != nil {
					port.MAC = e.MacAddress
					for _, a := range e.IpAddresses {
						port.IPAddresses = append(port.IPAddresses, a.FixedAddresses...)
					}
				}
			}
			return
		}
	}
}

// links returns the internal links: those of before that the flavour still has,
// those that were made outside, and new ones.
func (p *planner) links(before *Layout) []Link {
	var out []Link
	for _, desc := range slices.Sorted(maps.Keys(p.flavour.Links)) {
		d := p.flavour.Links[desc]
		if at := slices.IndexFunc(before.links(), func(l Link) bool { return l.Desc == desc }); at >= 0 {
			out = append(out, before.Links[at])
			continue
		}
		link := Link{ID: p.id("link", desc), Desc: desc, NetworkID: p.id("network", desc), CIDRs: d.CIDRs, Type: d.Type}
		if at := slices.IndexFunc(p.managed, func(m sol003.ExtManagedVirtualLinkData) bool { return m.VnfVirtualLinkDescID == desc }); at >= 0 {
			m := p.managed[at]
			link.ID, link.NetworkID, link.Connection, link.Managed = m.ID, m.ResourceID, m.VimConnectionID, true
		}
		out = append(out, link)
	}
	return out
}

// constraints are the affinity rules that the VIM can keep: those of hosts and
// zones. Wider ones are the NFVO's, which gets them all with the grant request.
func (p *planner) constraints(vdu string) []ifa006.Constraint {
	var out []ifa006.Constraint
	for _, rule := range p.flavour.Affinity {
		scope := map[string]string{"nfvi_node": "HOST", "zone": "ZONE"}[rule.Scope]
		if scope == "" || !slices.Contains(rule.Members, vdu) {
			continue
		}
		kind := "AFFINITY"
		if rule.Anti {
			kind = "ANTI_AFFINITY"
		}
		out = append(out, ifa006.Constraint{Type: kind, Scope: scope, Group: hub.DeriveID("group", p.vnf, rule.Name)})
	}
	return out
}

// reconnect returns before with its external connection points on other links.
// A link that is not named stays as it is.
func (p *planner) reconnect(before *Layout, changed []sol003.ExtVirtualLinkData) *Layout {
	after := before.clone()
	after.Ext = mergeExt(after.Ext, changed)
	for i := range after.VNFCs {
		c := &after.VNFCs[i]
		vdu := p.flavour.VDUs[c.VDU]
		if vdu == nil {
			continue
		}
		for _, cp := range vdu.Cps {
			if cp.ExtCp == "" || !touches(changed, cp.ExtCp) {
				continue
			}
			c.Ports = slices.DeleteFunc(c.Ports, func(x Port) bool { return x.Cpd == cp.ID })
			c.Ports = append(c.Ports, p.port(c, cp, after))
		}
	}
	return after
}

// mergeExt adds links to those there are. One with the same ID is replaced, and a
// connection point leaves the link that it was on.
func mergeExt(have, changed []sol003.ExtVirtualLinkData) []sol003.ExtVirtualLinkData {
	var out []sol003.ExtVirtualLinkData
	for _, link := range have {
		if slices.ContainsFunc(changed, func(c sol003.ExtVirtualLinkData) bool { return c.ID == link.ID }) {
			continue
		}
		link.ExtCps = slices.DeleteFunc(slices.Clone(link.ExtCps), func(cp sol003.VnfExtCpData) bool { return touches(changed, cp.CpdID) })
		if len(link.ExtCps) > 0 {
			out = append(out, link)
		}
	}
	return append(out, changed...)
}

func touches(links []sol003.ExtVirtualLinkData, cpd string) bool {
	return slices.ContainsFunc(links, func(l sol003.ExtVirtualLinkData) bool {
		return slices.ContainsFunc(l.ExtCps, func(cp sol003.VnfExtCpData) bool { return cp.CpdID == cpd })
	})
}

// sameVDU says whether VNFCs of a VDU need not be replaced when the flavour or
// the package changes.
func sameVDU(was, is *sol001.Flavour, vdu string) bool {
	return was != nil && was.VDUs[vdu] != nil && reflect.DeepEqual(was.VDUs[vdu], is.VDUs[vdu])
}

func names[V any](m map[string]V) string {
	if len(m) == 0 {
		return "none"
	}
	return clip(strings.Join(slices.Sorted(maps.Keys(m)), ", "))
}

// clip keeps hostile input out of answers and logs at full length.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
