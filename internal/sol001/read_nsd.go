package sol001

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"
)

// ParseNSD reads the NS descriptor whose service template is at entry, with what
// it imports from the same package. Faults and concurrency are as of [ParseVNFD].
//
// A VNF node template is a security VNF that the NSD foresees
// (Sc-Or.SecurityVnfMgmt.001) if its metadata has manoward.security: true. One
// with manoward.initial: false is not made when the NS is instantiated. Whether
// the NS heals or scales by itself is said by the metadata manoward.autoheal and
// manoward.autoscale of the NS node template.
func ParseNSD(files fs.FS, entry string) (*NSD, error) {
	m, err := load(files, entry)
	if err != nil {
		return nil, err
	}
	flavours, top, err := m.parts("tosca.nodes.nfv.NS")
	if err != nil {
		return nil, err
	}
	p := flavours[0]
	d := &NSD{
		ID: p.must(top, "descriptor_id"), InvariantID: p.must(top, "invariant_id"), Name: p.must(top, "name"),
		Designer: p.must(top, "designer"), Version: p.must(top, "version"), Flavours: map[string]*NSFlavour{}, Metadata: p.metadata(top), Files: p.filesRead(),
	}
	d.AutoHeal = strings.EqualFold(d.Metadata["manoward.autoheal"], "true")
	d.AutoScale = strings.EqualFold(d.Metadata["manoward.autoscale"], "true")
	for _, p := range flavours {
		f := p.nsFlavour(top, d)
		if p.err != nil {
			return nil, p.err
		}
		if d.Flavours[f.ID] != nil {
			return nil, fault(p.file, 0, "the flavour %q is described twice; give each an id of its own", clip(f.ID))
		}
		d.Flavours[f.ID] = f
		d.Default = cmp.Or(d.Default, f.ID)
	}
	if err := firstOf(top, p); err != nil {
		return nil, err
	}
	return d, nil
}

func (p *part) nsFlavour(top *part, d *NSD) *NSFlavour {
	f := &NSFlavour{
		ID:   p.str(p.at(p.substitution, "properties", "flavour_id")),
		VNFs: map[string]*VNFProfile{}, PNFs: map[string]*PNFProfile{}, Links: map[string]*NSLink{}, SAPs: map[string]*SAP{}, VNFFGs: map[string]*VNFFG{},
	}
	if f.ID == "" {
		f.ID = cmp.Or(p.str(p.property(top, "flavour_id")), "default")
	}
	p.nodes(func(name, root string, tmpl *node) {
		switch root {
		case "VNF":
			v := p.vnfProfile(name, tmpl)
			f.VNFs[name] = v
			d.VNFDs = appendNew(d.VNFDs, v.VnfdID)
		case "PNF":
			v := &PNFProfile{ID: name, PnfdID: p.needed(name, tmpl, "descriptor_id"), Links: p.wires(tmpl)}
			f.PNFs[name] = v
			d.PNFDs = appendNew(d.PNFDs, v.PnfdID)
		case "NsVirtualLink":
			f.Links[name] = p.nsLink(name, tmpl)
		case "Sap":
			f.SAPs[name] = &SAP{ID: name, Name: name, Link: cmp.Or(p.target(tmpl, "internal_virtual_link"), p.target(tmpl, "virtual_link"))}
		case "NS":
			if tmpl != p.self {
				d.Nested = appendNew(d.Nested, p.needed(name, tmpl, "descriptor_id"))
			}
		}
	})
	p.checkWires(f)
	p.nsScaling(f)
	p.vnffgs(f)
	f.Affinity = p.affinity("Ns")
	if len(f.Affinity) == 0 {
		f.Affinity = p.affinity("")
	}
	return f
}

func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// needed reads a property of a node template, or the default that its type has.
func (p *part) needed(name string, tmpl *node, property string) string {
	v := p.str(tmpl, "properties", property)
	if v == "" {
		v = p.str(p.declared("node_types", p.str(tmpl, "type"), property).get("default"))
	}
	if v == "" {
		p.fail(tmpl, "%s has no %s; name the descriptor that it is an instance of", clip(name), property)
	}
	return v
}

func (p *part) vnfProfile(name string, tmpl *node) *VNFProfile {
	profile := p.at(tmpl, "properties", "vnf_profile")
	v := &VNFProfile{
		ID: name, VnfdID: p.needed(name, tmpl, "descriptor_id"), Flavour: p.str(tmpl, "properties", "flavour_id"),
		Level: p.str(profile, "instantiation_level"), Links: p.wires(tmpl),
		Min: p.instances(profile, 1, "min_number_of_instances"), Max: p.number(profile, 0, "max_number_of_instances"),
		Security: p.truth(tmpl, false, "metadata", "manoward.security"), Initial: p.truth(tmpl, true, "metadata", "manoward.initial"),
	}
	switch {
	case v.Max == 0:
		v.Max = max(v.Min, 1)
	case v.Max < v.Min:
		p.fail(profile, "%s has max_number_of_instances %d below min_number_of_instances %d", clip(name), v.Max, v.Min)
	}
	return v
}

// wires reads the requirements of a VNF or PNF that lead to a virtual link.
func (p *part) wires(tmpl *node) map[string]string {
	out := map[string]string{}
	for name, v := range tmpl.get("requirements").named() {
		if t := target(v); t != "" && name != "dependency" {
			out[name] = t
		}
	}
	return out
}

func (p *part) checkWires(f *NSFlavour) {
	check := func(owner string, links map[string]string) {
		for requirement, link := range links {
			if f.Links[link] == nil {
				p.fail(p.topology.get("node_templates", owner), "%s of %s leads to %q, which is no NsVirtualLink", clip(requirement), clip(owner), clip(link))
			}
		}
	}
	for id, v := range f.VNFs {
		check(id, v.Links)
	}
	for id, v := range f.PNFs {
		check(id, v.Links)
	}
	for id, s := range f.SAPs {
		if s.Link != "" {
			check(id, map[string]string{"internal_virtual_link": s.Link})
		}
	}
}

func (p *part) nsLink(name string, tmpl *node) *NSLink {
	profile := p.at(tmpl, "properties", "vl_profile")
	l := &NSLink{
		ID: name, Protocol: p.strs(tmpl, "properties", "connectivity_type", "layer_protocols"),
		Min: p.number(profile, 0, "min_bitrate_requirements", "root"), Max: p.number(profile, 0, "max_bitrate_requirements", "root"),
	}
	for _, d := range p.listOf(p.at(profile, "virtual_link_protocol_data")) {
		if c := p.str(d, "l3_protocol_data", "cidr"); c != "" {
			l.CIDRs = append(l.CIDRs, c)
		}
	}
	return l
}

// vnffgs reads forwarding graphs: groups of type VNFFG, whose members are VNFs,
// PNFs, links and NFPs.
func (p *part) vnffgs(f *NSFlavour) {
	nfps := map[string]*NFP{}
	p.nodes(func(name, root string, tmpl *node) {
		if root == "NFP" {
			nfps[name] = &NFP{ID: name, Positions: p.positions(f, name, tmpl)}
		}
	})
	p.policies(func(_, root string, policy *node) {
		if root != "NfpRule" {
			return
		}
		rule := p.values(policy, "properties")
		for _, t := range p.strs(policy, "targets") {
			if nfps[t] != nil {
				nfps[t].Rule = rule
			}
		}
	})
	for name, g := range p.topology.get("groups").named() {
		if p.rootOf("group_types", p.str(g, "type")) != "tosca.groups.nfv.VNFFG" {
			continue
		}
		v := &VNFFG{ID: name, NFPs: map[string]*NFP{}}
		for _, m := range p.strs(g, "members") {
			switch {
			case nfps[m] != nil:
				v.NFPs[m] = nfps[m]
			case f.Links[m] != nil:
				v.Links = append(v.Links, m)
			case f.VNFs[m] != nil || f.PNFs[m] != nil:
				v.Members = append(v.Members, m)
			case p.topology.get("node_templates", m) == nil:
				p.fail(g, "the member %q of the forwarding graph %s does not exist", clip(m), clip(name))
			}
		}
		f.VNFFGs[name] = v
	}
}

// positions follows a path: NFP -> NfpPosition -> NfpPositionElement -> profile.
// SOL 001 names the steps nfp_position, element and profile_element; older types
// call all of them by one name, so each requirement that leads on is followed.
func (p *part) positions(f *NSFlavour, name string, nfp *node) []Position {
	var out []Position
	for requirement, v := range nfp.get("requirements").named() {
		if requirement == "dependency" || requirement == "virtual_link" {
			continue
		}
		out = p.follow(f, name, v, out, 0)
	}
	return out
}

func (p *part) follow(f *NSFlavour, name string, v *node, out []Position, depth int) []Position {
	if p.steps++; p.steps > maxSteps {
		p.fail(v, "the forwarding paths have more than %d steps; make them shorter", maxSteps)
	}
	if p.err != nil {
		return out
	}
	to := target(v)
	tmpl := p.topology.get("node_templates", to)
	if tmpl == nil || depth > 3 {
		p.fail(v, "the path %s leads to %q, which is no VNF, PNF, SAP or position", clip(name), clip(to))
		return out
	}
	if f.VNFs[to] != nil || f.PNFs[to] != nil || f.SAPs[to] != nil {
		cp := ""
		if v.isMap {
			cp = p.str(v, "capability")
		}
		return append(out, Position{Element: to, Cp: cp})
	}
	if root := p.rootOf("node_types", p.str(tmpl, "type")); !strings.HasPrefix(root, "tosca.nodes.nfv.Nfp") && !strings.HasSuffix(root, "Forwarding") {
		p.fail(v, "the path %s leads to %q, which is no VNF, PNF, SAP or position", clip(name), clip(to))
		return out
	}
	for requirement, next := range tmpl.get("requirements").named() {
		if requirement != "virtual_link" {
			out = p.follow(f, name, next, out, depth+1)
		}
	}
	return out
}
