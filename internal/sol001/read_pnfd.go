package sol001

import (
	"cmp"
	"io/fs"
)

// ParsePNFD reads the PNF descriptor whose service template is at entry, with
// what it imports from the same package. Faults and concurrency are as of
// [ParseVNFD].
func ParsePNFD(files fs.FS, entry string) (*PNFD, error) {
	m, err := load(files, entry)
	if err != nil {
		return nil, err
	}
	flavours, top, err := m.parts("tosca.nodes.nfv.PNF")
	if err != nil {
		return nil, err
	}
	p := flavours[0]
	d := &PNFD{
		ID: p.must(top, "descriptor_id"), InvariantID: p.must(top, "descriptor_invariant_id"), Name: p.must(top, "name"),
		Provider: p.must(top, "provider"), Version: p.must(top, "version"), Description: p.str(p.property(top, "function_description")),
		ExtCps: map[string]*ExtCp{}, Metadata: p.metadata(top), Files: p.filesRead(),
	}
	exposed := p.exposed()
	p.nodes(func(name, root string, tmpl *node) {
		if root == "PnfExtCp" {
			d.ExtCps[name] = &ExtCp{ID: name, Requirement: cmp.Or(exposed[name], name), Protocol: p.strs(tmpl, "properties", "layer_protocols")}
		}
	})
	if err := firstOf(p, top); err != nil {
		return nil, err
	}
	return d, nil
}
