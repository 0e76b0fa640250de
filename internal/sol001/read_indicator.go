package sol001

import (
	"slices"
	"strings"
)

// indicators are those of a VNF, whichever of its topologies they stand in.
type indicators struct {
	list []IndicatorDesc
	at   map[string]int // places in the list
}

// add reads the policies that derive from tosca.policies.nfv.VnfIndicator. One policy
// may stand in several flavours, and says the same in each.
// What else such a policy has, triggers and actions, is for who runs them: nobody here.
func (x *indicators) add(p *part) {
	p.policies(func(name, root string, policy *node) {
		if root != "VnfIndicator" {
			return
		}
		d := IndicatorDesc{ID: name, Name: p.str(policy, "properties", "name"), Source: strings.ToLower(p.str(policy, "properties", "source"))}
		if d.Source == "both" { // as IFA 011 has it
			d.Source = SourceBoth
		}
		at, twice := x.at[name]
		switch {
		case !slices.Contains([]string{SourceVNF, SourceEM, SourceBoth}, d.Source):
			p.fail(policy, "the source %q of the indicator %s is not supported; use vnf, em or both_em_vnf", clip(d.Source), clip(name))
		case name == "" || len(name) > maxIndicatorText || len(d.Name) > maxIndicatorText:
			p.fail(policy, "the identifier or the name of the indicator %s is empty or longer than %d bytes; give it another one", clip(name), maxIndicatorText)
		case twice && x.list[at] != d:
			p.fail(policy, "the indicator %s is described twice, and not alike; give each a name of its own", clip(name))
		case twice:
		case len(x.list) == maxIndicators:
			p.fail(policy, "there are more than %d indicators; make them fewer", maxIndicators)
		default:
			x.at[name] = len(x.list)
			x.list = append(x.list, d)
		}
	})
}
