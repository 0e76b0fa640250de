package sol001

import (
	"io/fs"
	"slices"
	"strings"
)

// part is one deployment flavour as it is written: the topology that has it, and
// the node template that stands for the whole.
type part struct {
	*reader
	self         *node // node template of the VNF, NS or PNF; nil if there is none
	selfType     string
	substitution *node
}

// parts finds the deployment flavours of a descriptor whose root type is root:
// each topology that substitutes a node of such a type, or else the entry's. The
// second result is the reader of the entry's top node, whose properties hold for
// all flavours.
func (m *model) parts(root string) (flavours []*part, top *part, err error) {
	for i, t := range m.templates {
		r := m.reader(t)
		p := &part{reader: r, substitution: t.topology.get("substitution_mappings")}
		r.checkSize()
		for _, tmpl := range t.topology.get("node_templates").named() {
			if name := r.str(tmpl, "type"); m.rootOf("node_types", name) == root && p.selfIs(name) {
				p.self, p.selfType = tmpl, name
				break
			}
		}
		if r.err != nil {
			return nil, nil, r.err
		}
		substitutes := p.substitution != nil && m.rootOf("node_types", r.str(p.substitution, "node_type")) == root
		if substitutes {
			p.selfType = r.str(p.substitution, "node_type")
			flavours = append(flavours, p)
		}
		if i == 0 && (p.self != nil || substitutes) {
			top = p
		}
	}
	if top == nil {
		return nil, nil, fault(m.entry(), 0, "it has no node template of a type derived from %s; is it the right kind of descriptor?", root)
	}
	if len(flavours) == 0 {
		flavours = []*part{top}
	}
	return flavours, top, nil
}

// checkSize bounds the work that a topology can make.
func (r *reader) checkSize() {
	for _, section := range []string{"node_templates", "policies", "groups"} {
		n := r.topology.get(section)
		if n != nil && max(len(n.keys), len(n.list)) > maxTemplates {
			r.fail(n, "there are more than %d %s; make it smaller", maxTemplates, section)
		}
	}
}

// selfIs says whether a node of the root type is what the topology describes:
// the one that it substitutes, or the first if it substitutes nothing.
func (p *part) selfIs(typeName string) bool {
	s := p.substitution.get("node_type")
	return s == nil || s.text == typeName
}

func (m *model) entry() string {
	if len(m.templates) > 0 {
		return m.templates[0].file
	}
	return "descriptor"
}

// property looks up a property of the whole: in the flavour's node, in the
// substitution mapping, in the entry's node, and in the defaults of the type.
func (p *part) property(top *part, name string) *node {
	for _, n := range []*node{p.at(p.self, "properties", name), p.at(p.substitution, "properties", name), top.at(top.self, "properties", name)} {
		if !n.absent() {
			return n
		}
	}
	for _, typeName := range []string{p.selfType, top.selfType} {
		if d := p.declared("node_types", typeName, name).get("default"); !d.absent() {
			return d
		}
	}
	return nil
}

// must is property for what SOL 001 requires.
func (p *part) must(top *part, name string) string {
	v := p.str(p.property(top, name))
	if v == "" {
		p.fail(p.self, "the property %s is missing; SOL 001 requires it", name)
	}
	return v
}

// nodes yields the node templates whose type derives from an ETSI type, up to the
// first fault.
func (p *part) nodes(yield func(name, root string, tmpl *node)) {
	for name, tmpl := range p.topology.get("node_templates").named() {
		if p.err != nil {
			return
		}
		if root := p.rootOf("node_types", p.str(tmpl, "type")); strings.HasPrefix(root, "tosca.nodes.nfv.") {
			yield(name, strings.TrimPrefix(root, "tosca.nodes.nfv."), tmpl)
		}
	}
}

// policies yields the policies whose type derives from an ETSI type, up to the
// first fault.
func (p *part) policies(yield func(name, root string, policy *node)) {
	for name, policy := range p.topology.get("policies").named() {
		if p.err != nil {
			return
		}
		if root := p.rootOf("policy_types", p.str(policy, "type")); strings.HasPrefix(root, "tosca.policies.nfv.") {
			yield(name, strings.TrimPrefix(root, "tosca.policies.nfv."), policy)
		}
	}
}

// affinity reads the rules of placement. A target that is a placement group
// stands for its members.
func (p *part) affinity(prefix string) []AffinityRule {
	var rules []AffinityRule
	p.policies(func(name, root string, policy *node) {
		if root != prefix+"AffinityRule" && root != prefix+"AntiAffinityRule" {
			return
		}
		rule := AffinityRule{Name: name, Anti: root == prefix+"AntiAffinityRule", Scope: p.str(policy, "properties", "scope")}
		if !slices.Contains([]string{"nfvi_node", "zone", "zone_group", "nfvi_pop"}, rule.Scope) {
			p.fail(policy, "the scope %q of %s is not supported; use nfvi_node, zone, zone_group or nfvi_pop", clip(rule.Scope), clip(name))
		}
		for _, t := range p.strs(policy, "targets") {
			if len(rule.Members) > maxTemplates {
				break
			}
			if g := p.topology.get("groups", t); g != nil {
				rule.Members = append(rule.Members, p.strs(g, "members")...)
				continue
			}
			if p.topology.get("node_templates", t) == nil {
				p.fail(policy, "the target %q of %s does not exist", clip(t), clip(name))
			}
			rule.Members = append(rule.Members, t)
		}
		rules = append(rules, rule)
		if len(rule.Members) > maxTemplates {
			p.fail(policy, "%s has more than %d members; make it smaller", clip(name), maxTemplates)
		}
	})
	return rules
}

// configurable reads declared names with their defaults, and the values given,
// of a property that holds properties: configurable_properties.
func (p *part) configurable(top *part, property string, inner ...string) map[string]any {
	out := map[string]any{}
	decl := p.declared("node_types", p.selfType, property)
	for _, key := range inner {
		if decl == nil {
			break
		}
		decl = p.declared("data_types", p.str(decl, "type"), key)
	}
	if decl != nil {
		p.declaredNames(p.str(decl, "type"), out)
	}
	for k, v := range p.values(p.property(top, property), inner...) {
		out[k] = v
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func (p *part) declaredNames(typeName string, out map[string]any) {
	for range maxDepth {
		def, ok := p.types["data_types"][typeName]
		if !ok {
			return
		}
		for name, decl := range def.body.get("properties").named() {
			if _, known := out[name]; !known {
				out[name] = decl.get("default").plain()
			}
		}
		typeName = def.parent
	}
}

// artifactFile resolves the file of an artifact: beside the descriptor as TOSCA
// says, or from the root of the package, as many packages have it. A URI stays.
func (p *part) artifactFile(artifact *node) string {
	ref := artifact
	if artifact != nil && artifact.isMap {
		ref = artifact.get("file")
	}
	if ref.absent() || ref.text == "" {
		return ""
	}
	if strings.Contains(ref.text, "://") {
		return ref.text
	}
	dir := ""
	if i := strings.LastIndexByte(ref.file, '/'); i >= 0 {
		dir = ref.file[:i]
	}
	beside, ok := inside(dir, ref.text)
	fromRoot, rootOK := inside(".", ref.text)
	switch {
	case ok && p.exists(beside):
		return beside
	case rootOK && p.exists(fromRoot):
		return fromRoot
	case ok:
		return beside
	}
	p.fail(ref, "the artifact %q leads out of the package; name a file in it", clip(ref.text))
	return ""
}

func (p *part) exists(name string) bool {
	info, err := fs.Stat(p.files, name)
	return err == nil && info.Mode().IsRegular()
}
