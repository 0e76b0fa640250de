package sol001

import (
	"fmt"
	"strings"
	"testing"
)

// repeated writes a text once for each number.
func repeated(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(format, "#", fmt.Sprint(i)))
	}
	return b.String()
}

const workTop = `topology_template:
  inputs: {big: {default: {INPUT}}}
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: d1, descriptor_version: "1", provider: Acme, product_name: Web, software_version: "2", flavour_id: simple, vnfm_info: manoward}
NODES
  groups: {all: {type: tosca.groups.nfv.PlacementGroup, members: [MEMBERS]}}
  policies:
    - none: {type: x}
POLICIES
`

// A rule for many things, an input that many use and a group that many name are
// short in a file. What they make together is bounded.
func TestParse_Work(t *testing.T) {
	vdus := func(n int) string { return repeated(n, "    v#: {type: tosca.nodes.nfv.Vdu.Compute}\n") }
	names := func(n int) string { return repeated(n, "v#,") }
	for name, c := range map[string]struct{ input, nodes, members, policies string }{
		"levels of aspects": {
			nodes: vdus(100),
			policies: "    - a: {type: tosca.policies.nfv.ScalingAspects, properties: {aspects: {" + repeated(50, "a#: {max_scale_level: 256, step_deltas: [one]},") + "}}}\n" +
				"    - l: {type: tosca.policies.nfv.InstantiationLevels, properties: {default_level: l0, levels: {" +
				repeated(200, "l#: {scale_info: {"+repeated(50, "a#: {scale_level: 256},")+"}},") + "}}}\n",
		},
		"deltas of targets": {
			nodes: vdus(1000),
			policies: "    - a: {type: tosca.policies.nfv.ScalingAspects, properties: {aspects: {" +
				repeated(20, "a#: {max_scale_level: 256, step_deltas: ["+strings.Repeat("one,", 256)+"]},") + "}}}\n" +
				repeated(20, "    - d#: {type: tosca.policies.nfv.VduScalingAspectDeltas, properties: {aspect: a#, deltas: {one: {number_of_instances: 1}}}, targets: ["+names(1000)+"]}\n"),
		},
		"levels of targets": {
			nodes: vdus(1000),
			policies: "    - l: {type: tosca.policies.nfv.InstantiationLevels, properties: {default_level: l0, levels: {" + repeated(250, "l#: {},") + "}}}\n" +
				repeated(20, "    - v#: {type: tosca.policies.nfv.VduInstantiationLevels, properties: {levels: {"+
					repeated(250, "l#: {number_of_instances: 1},")+"}}, targets: ["+names(1000)+"]}\n"),
		},
		"uses of an input": {
			input: repeated(10_000, "k#: 1,"),
			nodes: repeated(1000, "    c#: {type: tosca.nodes.nfv.Certificate, properties: {certificate_type: VNFCI_CERT, certificate_base_profile: {get_input: big}}}\n"),
		},
		"members of groups": {
			members:  names(1900),
			nodes:    vdus(1),
			policies: repeated(1500, "    - p#: {type: tosca.policies.nfv.AffinityRule, properties: {scope: zone}, targets: [all]}\n"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("INPUT", c.input, "NODES\n", c.nodes, "MEMBERS", c.members, "POLICIES\n", c.policies).Replace(workTop)
			_, err := ParseVNFD(pack("top.yaml", text), "top.yaml")
			wantFault(t, err, "more than 2000000 values")
		})
	}
}
