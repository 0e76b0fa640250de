package sol001

import (
	"archive/zip"
	"slices"
	"strings"
	"testing"
)

const nsTop = `tosca_definitions_version: tosca_simple_yaml_1_3
imports: [{file: etsi_nfv_sol001_nsd_types.yaml}]
node_types:
  acme.NS: {derived_from: tosca.nodes.nfv.NS}
  acme.VNF:
    derived_from: tosca.nodes.nfv.VNF
    properties: {descriptor_id: {type: string, default: d1}}
  acme.Guard: {derived_from: tosca.nodes.nfv.VNF}
topology_template:
  substitution_mappings: {node_type: acme.NS}
  node_templates:
    ns:
      type: acme.NS
      metadata: {manoward.autoheal: true}
      properties: {descriptor_id: n1, designer: Acme, version: "1", name: Edge, invariant_id: i1, flavour_id: simple}
    web:
      type: acme.VNF
      properties: {flavour_id: big, vnf_profile: {instantiation_level: small, min_number_of_instances: 1, max_number_of_instances: 5}}
      requirements: [{mgmt: net}]
    guard:
      type: acme.Guard
      metadata: {manoward.security: true, manoward.initial: false}
      properties: {descriptor_id: g1, flavour_id: one}
      requirements: [{inspect: {node: net}}]
    box:
      type: tosca.nodes.nfv.PNF
      properties: {descriptor_id: p1}
      requirements: [{virtual_link: net}]
    net:
      type: tosca.nodes.nfv.NsVirtualLink
      properties:
        connectivity_type: {layer_protocols: [ipv4]}
        vl_profile:
          max_bitrate_requirements: {root: 1000}
          virtual_link_protocol_data: [{l3_protocol_data: {cidr: 10.0.0.0/24}}]
    door: {type: tosca.nodes.nfv.Sap, requirements: [{internal_virtual_link: net}]}
    sub: {type: tosca.nodes.nfv.NS, properties: {descriptor_id: n2}}
    path: {type: tosca.nodes.nfv.NFP, requirements: [{nfp_position: first}, {nfp_position: {node: second}}]}
    first: {type: tosca.nodes.nfv.NfpPosition, requirements: [{element: at_door}]}
    second: {type: tosca.nodes.nfv.NfpPosition, requirements: [{element: at_web}]}
    at_door: {type: tosca.nodes.nfv.NfpPositionElement, requirements: [{profile_element: door}]}
    at_web: {type: tosca.nodes.nfv.NfpPositionElement, requirements: [{profile_element: {node: web, capability: mgmt}}]}
  groups:
    graph: {type: tosca.groups.nfv.VNFFG, members: [web, box, net, path]}
    near: {type: tosca.groups.nfv.NsPlacementGroup, members: [web, guard]}
  policies:
    - rule: {type: tosca.policies.nfv.NfpRule, properties: {protocol: tcp}, targets: [path]}
    - place: {type: tosca.policies.nfv.NsAffinityRule, properties: {scope: zone}, targets: [near]}
    - levels: {type: tosca.policies.nfv.NsInstantiationLevels, properties: {ns_levels: {low: {description: few}, high: {}}, default_level: low}}
    - map: {type: tosca.policies.nfv.VnfToInstantiationLevelMapping, properties: {number_of_instances: {low: 1, high: 4}}, targets: [web]}
    - aspects: {type: tosca.policies.nfv.NsScalingAspects, properties: {aspects: {out: {ns_scale_levels: {0: {}, 1: {}, 2: {}}}}}}
    - steps: {type: tosca.policies.nfv.VnfToLevelMapping, properties: {aspect: out, number_of_instances: {0: 1, 1: 2, 2: 4}}, targets: [web]}
`

const pnfTop = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    box:
      type: tosca.nodes.nfv.PNF
      properties: {descriptor_id: p1, function_description: a box, provider: Acme, version: 1.0, descriptor_invariant_id: pi, name: Box}
    port: {type: tosca.nodes.nfv.PnfExtCp, properties: {layer_protocols: [ipv4]}}
`

func TestParseNSD(t *testing.T) {
	d, err := ParseNSD(pack("ns.yaml", nsTop), "ns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != "n1" || d.InvariantID != "i1" || d.Default != "simple" || !d.AutoHeal || d.AutoScale ||
		!slices.Equal(d.VNFDs, []string{"d1", "g1"}) || !slices.Equal(d.PNFDs, []string{"p1"}) || !slices.Equal(d.Nested, []string{"n2"}) {
		t.Errorf("NSD is %+v", d)
	}
	f := d.Flavours["simple"]
	if w := f.VNFs["web"]; w.Flavour != "big" || w.Level != "small" || w.Max != 5 || w.Links["mgmt"] != "net" || w.Security || !w.Initial {
		t.Errorf("web is %+v", w)
	}
	if g := f.VNFs["guard"]; !g.Security || g.Initial || g.Links["inspect"] != "net" || g.Max != 1 {
		t.Errorf("guard is %+v", g)
	}
	if f.PNFs["box"].Links["virtual_link"] != "net" || f.SAPs["door"].Link != "net" || f.Links["net"].Max != 1000 || f.Links["net"].CIDRs[0] != "10.0.0.0/24" {
		t.Errorf("PNF, SAP or link is wrong: %+v", f)
	}
	g := f.VNFFGs["graph"]
	want := []Position{{"door", ""}, {"web", "mgmt"}}
	if g == nil || !slices.Equal(g.NFPs["path"].Positions, want) || g.NFPs["path"].Rule["protocol"] != "tcp" || !slices.Equal(g.Members, []string{"web", "box"}) {
		t.Errorf("graph is %+v", g)
	}
	if a := f.Affinity; len(a) != 1 || a[0].Anti || len(a[0].Members) != 2 {
		t.Errorf("affinity is %+v", a)
	}
	if low, high := f.Levels["low"].Instances, f.Levels["high"].Instances; low["web"] != 1 || high["web"] != 4 || low["guard"] != 0 || f.DefaultLevel != "low" {
		t.Errorf("levels are %v and %v", low, high)
	}
	if a := f.Aspects["out"]; a.MaxLevel != 2 || a.Deltas[0]["web"] != 1 || a.Deltas[1]["web"] != 2 {
		t.Errorf("aspect is %+v", a)
	}
}

func TestParseNSD_Faults(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"no descriptor", "descriptor_id: g1, ", "", "guard has no descriptor_id"},
		{"no name", "name: Edge, ", "", "name is missing"},
		{"bounds", "min_number_of_instances: 1", "min_number_of_instances: 7", "below min_number_of_instances"},
		{"wire", "{mgmt: net}", "{mgmt: lost}", "mgmt of web leads to \"lost\""},
		{"SAP", "{internal_virtual_link: net}", "{internal_virtual_link: web}", "no NsVirtualLink"},
		{"path", "{profile_element: door}", "{profile_element: lost}", "\"lost\""},
		{"path to a link", "{profile_element: door}", "{profile_element: net}", "\"net\""},
		{"circle", "{profile_element: door}", "{profile_element: first}", "path path leads"},
		{"member", "members: [web, box,", "members: [web, lost,", "\"lost\""},
		{"level", "default_level: low", "default_level: lost", "\"lost\""},
		{"mapped level", "{low: 1, high: 4}", "{lost: 1}", "\"lost\""},
		{"mapped VNF", "targets: [web]}\n    - aspects", "targets: [box]}\n    - aspects", "no VNF"},
		{"aspect without levels", "ns_scale_levels: {0: {}, 1: {}, 2: {}}", "name: x", "0 scale levels"},
		{"unknown aspect", "{aspect: out,", "{aspect: lost,", "\"lost\""},
		{"gap in steps", "{0: 1, 1: 2, 2: 4}", "{0: 1, 2: 4}", "scale level 1"},
		{"fewer", "{0: 1, 1: 2, 2: 4}", "{0: 3, 1: 2, 2: 4}", "fewer instances"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(nsTop, c.from, c.to, 1)
			if changed == nsTop {
				t.Fatalf("%q is not in the descriptor", c.from)
			}
			_, err := ParseNSD(pack("ns.yaml", changed), "ns.yaml")
			wantFault(t, err, c.want)
		})
	}
	_, err := ParseNSD(pack("top.yaml", vnfTop, "types.yaml", vnfTypes), "top.yaml")
	wantFault(t, err, "tosca.nodes.nfv.NS")
}

func TestParsePNFD(t *testing.T) {
	d, err := ParsePNFD(pack("p.yaml", pnfTop), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != "p1" || d.Version != "1.0" || d.Description != "a box" || d.InvariantID != "pi" || d.ExtCps["port"].Requirement != "port" {
		t.Errorf("PNFD is %+v", d)
	}
	_, err = ParsePNFD(pack("p.yaml", strings.Replace(pnfTop, "provider: Acme, ", "", 1)), "p.yaml")
	wantFault(t, err, "provider is missing")
	_, err = ParsePNFD(pack("p.yaml", nsTop), "p.yaml") // its PNF is part of an NS
	wantFault(t, err, "no node template of a type derived from tosca.nodes.nfv.PNF")
}

func TestParsePNFD_Corpus(t *testing.T) {
	z, err := zip.OpenReader(shared(t, "corpus", "csar", "pnf", "r130206", "csar-cert-in-cms-valid.csar"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	d, err := ParsePNFD(z, "Definitions/pnf_main_descriptor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "Acme PNF" || d.ExtCps["pnfExtCp_1"] == nil {
		t.Errorf("PNFD is %+v", d)
	}
}
