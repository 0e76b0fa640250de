package sol001

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/manoward/manoward/internal/hub"
)

// shared finds the reference material that stands beside the project.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("MANOWARD_SHARED")
	if root == "" {
		for dir := "."; root == ""; dir = filepath.Join(dir, "..") {
			abs, err := filepath.Abs(dir)
			if err != nil || abs == "/" {
				t.Skip("no shared folder above this test and MANOWARD_SHARED is not set")
			}
			if _, err := os.Stat(filepath.Join(dir, "shared", "corpus")); err == nil {
				root = filepath.Join(dir, "shared")
			}
		}
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// pack makes a package of name, content, name, content, ...
func pack(files ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i+1 < len(files); i += 2 {
		out[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return out
}

func wantFault(t *testing.T, err error, parts ...string) {
	t.Helper()
	if hub.CodeOf(err) != hub.Unprocessable {
		t.Fatalf("error is %v, want hub.Unprocessable", err)
	}
	for _, p := range parts {
		if !strings.Contains(hub.SafeText(err), p) {
			t.Errorf("error %q does not say %q", hub.SafeText(err), p)
		}
	}
}

func TestParseVNFD_CorpusMultiFlavour(t *testing.T) {
	dir := shared(t, "corpus", "packages", "trees")
	files := merged{os.DirFS(filepath.Join(dir, "common")), os.DirFS(filepath.Join(dir, "common_artifact"))}
	d, err := ParseVNFD(files, "Definitions/helloworld3_top.vnfd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != "b1bb0ce7-ebca-4fa7-95ed-4840d70a1177" || d.Provider != "Company" || d.ProductName != "Sample VNF" ||
		d.Version != "1.0" || d.SoftwareVersion != "1.0" || len(d.VnfmInfo) != 1 || d.VnfmInfo[0] != "Tacker" {
		t.Errorf("identity is %+v", d)
	}
	f := d.Flavours["simple"]
	if f == nil || d.DefaultFlavour != "simple" || f.Description != "A simple flavour" {
		t.Fatalf("flavours are %v, default %q", d.Flavours, d.DefaultFlavour)
	}
	v1, v2 := f.VDUs["VDU1"], f.VDUs["VDU2"]
	if v1.MemoryMiB != 489 || v1.VCPUs != 1 || v1.DiskGiB != 1 || v2.Max != 3 || v2.Storages[0] != "VirtualStorage" {
		t.Errorf("VDUs are %+v and %+v", v1, v2)
	}
	if img := v1.SwImage; img == nil || v1.Image != "VDU1" || img.File != "Files/images/cirros-0.5.2-x86_64-disk.img" ||
		img.Algorithm != "sha-256" || !strings.HasPrefix(img.Hash, "932fcae9") || img.MinDiskGiB != 1 || img.SizeBytes != 1879048192 {
		t.Errorf("image is %+v", img)
	}
	if s := f.Storages["VirtualStorage"]; s.Type != "BLOCK" || s.SizeGiB != 28 || s.SwImage.MinMemoryMiB != 8193 {
		t.Errorf("storage is %+v", s)
	}
	if want := []string{"Definitions/helloworld3_df_simple.yaml", "Definitions/helloworld3_top.vnfd.yaml", "Definitions/helloworld3_types.yaml"}; !slices.Equal(d.Files, want) {
		t.Errorf("it was read from %v", d.Files)
	}
	if x := f.ExtCps["CP1"]; x == nil || x.Requirement != "virtual_link_external" || len(f.ExtCps) != 1 {
		t.Errorf("external connection points are %+v", f.ExtCps)
	}
	if len(v1.Cps) != 2 || v1.Cps[0].ExtCp != "CP1" || v1.Cps[1].Link != "internalVL2" || f.Links["internalVL2"].CIDRs[0] != "11.11.0.0/24" {
		t.Errorf("connection points are %+v", v1.Cps)
	}
	if l := f.Levels["instantiation_level_2"]; f.DefaultLevel != "instantiation_level_1" || l.Instances["VDU1"] != 3 || l.Scale["worker_instance"] != 2 {
		t.Errorf("levels are %+v", f.Levels)
	}
	if a := f.Aspects["worker_instance"]; a.MaxLevel != 2 || a.Deltas[0]["VDU2"] != 1 {
		t.Errorf("aspects are %+v", f.Aspects)
	}
}

// merged is the union of two folders.
type merged [2]fs.FS

func (m merged) Open(name string) (fs.File, error) {
	f, err := m[0].Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return m[1].Open(name)
	}
	return f, err
}

func TestParseVNFD_CorpusSingleFile(t *testing.T) {
	for _, name := range []string{"sample_vnf_package_csar_manifest", "sample_vnf_package_csar_in_single_manifest_false_name"} {
		d, err := ParseVNFD(os.DirFS(shared(t, "corpus", "packages", "trees", name)), "VNF.yaml")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f := d.Flavours["simple"]; f == nil || f.VDUs["VDU1"].MemoryMiB != 512 || f.Storages["VirtualStorage"].SizeGiB != 30 {
			t.Errorf("%s: flavour is %+v", name, f)
		}
	}
}

const vnfTypes = `tosca_definitions_version: tosca_simple_yaml_1_3
imports: [etsi_nfv_sol001_vnfd_types.yaml]
data_types:
  acme.Config:
    derived_from: tosca.datatypes.nfv.VnfConfigurableProperties
    properties:
      is_autoheal_enabled: {type: boolean, default: true}
      colour: {type: string}
  acme.Modifiable:
    derived_from: tosca.datatypes.nfv.VnfInfoModifiableAttributes
    properties:
      extensions: {type: acme.Extensions}
  acme.Extensions:
    derived_from: tosca.datatypes.nfv.VnfInfoModifiableAttributesExtensions
    properties:
      region: {type: string, default: north}
node_types:
  acme.Base:
    derived_from: tosca.nodes.nfv.VNF
    properties:
      provider: {type: string, default: Acme}
      configurable_properties: {type: acme.Config}
      modifiable_attributes: {type: acme.Modifiable}
  acme.VNF:
    derived_from: acme.Base
  acme.Compute:
    derived_from: tosca.nodes.nfv.Vdu.Compute
`

const vnfTop = `tosca_definitions_version: tosca_simple_yaml_1_3
metadata: {manoward.security: "true"}
imports:
  - https://forge.etsi.org/rep/nfv/SOL001/raw/v4.5.1/etsi_nfv_sol001_vnfd_types.yaml
  - acme: {file: types.yaml}
topology_template:
  inputs:
    size: {type: string, default: 4 GiB}
  substitution_mappings:
    node_type: acme.VNF
    requirements:
      - mgmt: [ext, external_virtual_link]
  node_templates:
    vnf:
      type: acme.VNF
      properties:
        descriptor_id: d1
        descriptor_version: "2"
        product_name: Guard
        software_version: 1.0
        vnfm_info: [manoward]
        flavour_id: big
        configurable_properties: {is_autoscale_enabled: true, colour: red}
    web:
      type: acme.Compute
      properties:
        name: web
        vdu_profile: {min_number_of_instances: 2, max_number_of_instances: 9}
      capabilities:
        virtual_compute:
          properties:
            virtual_memory: {virtual_mem_size: {get_input: size}}
            virtual_cpu: {num_virtual_cpu: 2}
            requested_additional_capabilities:
              chip: {requested_additional_capability_name: TPM, support_mandatory: true, target_performance_parameters: {}}
              soft: {requested_additional_capability_name: hsm, support_mandatory: false, target_performance_parameters: {}}
              fast: {requested_additional_capability_name: acceleration.gpu, support_mandatory: true, target_performance_parameters: {}}
              again: {requested_additional_capability_name: acceleration.gpu, support_mandatory: true, target_performance_parameters: {}}
              safe: {requested_additional_capability_name: manoward.acceleration.crypto, support_mandatory: true, target_performance_parameters: {}}
              nice: {requested_additional_capability_name: acceleration.fpga, support_mandatory: false, target_performance_parameters: {}}
            logical_node:
              n1: {logical_node_requirements: {manoward.hmee: "true", numa: 2}}
      requirements:
        - installable_certificate: cert
        - installable_certificate: {node: cert2}
    cert:
      type: tosca.nodes.nfv.Certificate
      properties: {certificate_type: VNFCI_CERT, certificate_base_profile: {validity: 90}}
    cert2:
      type: tosca.nodes.nfv.Certificate
      properties: {certificate_type: VNFOAM_CERT}
    cp:
      type: tosca.nodes.nfv.VduCp
      properties: {layer_protocols: [ipv6], order: 1}
      requirements:
        - virtual_binding: {node: web}
        - virtual_link: net
    ext:
      type: tosca.nodes.nfv.VnfExtCp
      requirements: [{internal_virtual_link: net}]
    net:
      type: tosca.nodes.nfv.VnfVirtualLink
      properties: {connectivity_type: {flow_pattern: mesh}}
  groups:
    apart: {type: tosca.groups.nfv.PlacementGroup, members: [web]}
  policies:
    - rule: {type: tosca.policies.nfv.AntiAffinityRule, properties: {scope: nfvi_node}, targets: [apart]}
    - aspects: {type: tosca.policies.nfv.ScalingAspects, properties: {aspects: {out: {max_scale_level: 3, step_deltas: [one]}}}}
    - deltas: {type: tosca.policies.nfv.VduScalingAspectDeltas, properties: {aspect: out, deltas: {one: {number_of_instances: 2}}}, targets: [web]}
    - initial: {type: tosca.policies.nfv.VduInitialDelta, properties: {initial_delta: {number_of_instances: 2}}, targets: [web]}
    - levels: {type: tosca.policies.nfv.InstantiationLevels, properties: {levels: {small: {}, large: {scale_info: {out: {scale_level: 2}}}}, default_level: small}}
    - load: {type: tosca.policies.nfv.VnfIndicator, properties: {source: vnf, name: Load of the guard}, targets: [vnf]}
    - sessions: {type: tosca.policies.nfv.VnfIndicator, properties: {source: both}}
`

func TestParseVNFD_EveryPart(t *testing.T) {
	d, err := ParseVNFD(pack("top.yaml", vnfTop, "types.yaml", vnfTypes), "top.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d.Provider != "Acme" || !d.Security || !d.AutoHeal || !d.AutoScale || d.Configurable["colour"] != "red" || d.Extensions["region"] != "north" {
		t.Errorf("VNFD is %+v", d)
	}
	f := d.Flavours["big"]
	w := f.VDUs["web"]
	if w.MemoryMiB != 4096 || !w.TPM || w.HSM || !w.HMEE || w.Constraints["numa"] != 2 || len(w.CertificateDesc) != 2 || !slices.Equal(w.Acceleration, []string{"crypto", "gpu"}) {
		t.Errorf("VDU is %+v", w)
	}
	if len(d.Certificates) != 2 || d.Certificates[0].Profile["validity"] != 90 {
		t.Errorf("certificates are %+v", d.Certificates)
	}
	if x := f.ExtCps["ext"]; x.Requirement != "mgmt" || x.Link != "net" || f.Links["net"].Type != "mesh" || w.Cps[0].ExtCp != "" {
		t.Errorf("external connection points are %+v", f.ExtCps)
	}
	if r := f.Affinity; len(r) != 1 || !r[0].Anti || r[0].Members[0] != "web" {
		t.Errorf("affinity is %+v", r)
	}
	if want := []IndicatorDesc{{"load", "Load of the guard", SourceVNF}, {"sessions", "", SourceBoth}}; !slices.Equal(d.Indicators, want) {
		t.Errorf("indicators are %+v, want %+v", d.Indicators, want)
	}
	if f.Levels["small"].Instances["web"] != 2 || f.Levels["large"].Instances["web"] != 6 {
		t.Errorf("levels are %+v %+v", f.Levels["small"], f.Levels["large"])
	}
}

// A topology of the maximum is read, and one indicator more is refused.
func TestParseVNFD_ManyIndicators(t *testing.T) {
	for _, more := range []int{0, 1} {
		var text strings.Builder
		text.WriteString(vnfTop)
		for i := range maxIndicators - 2 + more {
			text.WriteString("    - i" + strconv.Itoa(i) + ": {type: tosca.policies.nfv.VnfIndicator, properties: {source: em}}\n")
		}
		d, err := ParseVNFD(pack("top.yaml", text.String(), "types.yaml", vnfTypes), "top.yaml")
		if more > 0 {
			wantFault(t, err, "more than 128 indicators")
		} else if err != nil || len(d.Indicators) != maxIndicators {
			t.Errorf("%d indicators, %v", maxIndicators, err)
		}
	}
}

func TestParse_Faults(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"missing property", "descriptor_id: d1", "x: d1", "descriptor_id is missing"},
		{"container", "acme.Compute\n      properties:\n        name", "tosca.nodes.nfv.Vdu.OsContainer\n      properties:\n        name", "containers are not supported"},
		{"unknown function", "product_name: Guard", "product_name: {concat: [a, b]}", "function concat"},
		{"no number", "num_virtual_cpu: 2", "num_virtual_cpu: two", "line 33: \"two\" is no whole number"},
		{"negative", "num_virtual_cpu: 2", "num_virtual_cpu: -2", "no whole number"},
		{"size", "default: 4 GiB", "default: 4 GiBi", "is no size"},
		{"binding", "virtual_binding: {node: web}", "virtual_binding: db", "is no Vdu.Compute"},
		{"link of a cp", "virtual_link: net", "virtual_link: lost", "\"lost\""},
		{"link of an external cp", "internal_virtual_link: net", "internal_virtual_link: lost", "\"lost\""},
		{"certificate", "installable_certificate: cert\n", "installable_certificate: lost\n", "\"lost\""},
		{"certificate type", "VNFCI_CERT", "OTHER", "certificate_type"},
		{"storage", "- installable_certificate: cert\n", "- virtual_storage: lost\n", "\"lost\""},
		{"truth", "support_mandatory: true", "support_mandatory: maybe", "neither true nor false"},
		{"acceleration", "_name: acceleration.gpu,", "_name: acceleration.g.pu,", "is no name"},
		{"acceleration of nothing", "_name: acceleration.gpu,", "_name: acceleration.,", "is no name"},
		{"text", "product_name: Guard", "product_name: [a]", "text was expected"},
		{"indicator's source", "source: vnf,", "source: nms,", "source \"nms\" of the indicator load"},
		{"indicator without source", "{source: both}", "{}", "source \"\" of the indicator sessions"},
		{"indicator's name", "Load of the guard", strings.Repeat("x", 256), "longer than 255 bytes"},
		{"indicator twice", "- sessions:", "- load:", "described twice"},
		{"scope", "scope: nfvi_node", "scope: rack", "scope \"rack\""},
		{"affinity target", "targets: [apart]", "targets: [lost]", "\"lost\" of rule"},
		{"aspect of deltas", "{aspect: out,", "{aspect: lost,", "\"lost\""},
		{"delta target", "number_of_instances: 2}}}, targets: [web]}", "number_of_instances: 2}}}, targets: [net]}", "\"net\""},
		{"too many steps", "max_scale_level: 3", "max_scale_level: 300000", "max_scale_level"},
		{"no such delta", "deltas: {one: {number", "deltas: {two: {number", "does not say the delta \"one\""},
		{"no deltas", "step_deltas: [one]", "step_deltas: []", "0 step_deltas"},
		{"level's aspect", "scale_info: {out:", "scale_info: {lost:", "\"lost\""},
		{"default level", "default_level: small", "default_level: lost", "\"lost\""},
		{"import of a URL", "acme: {file: types.yaml}", "http://example.com/types.yaml", "nothing is fetched"},
		{"import escapes", "acme: {file: types.yaml}", "../types.yaml", "leads out of the package"},
		{"absolute import", "acme: {file: types.yaml}", "/etc/passwd", "leads out of the package"},
		{"import absent", "acme: {file: types.yaml}", "lost.yaml", "no file \"lost.yaml\""},
		{"empty import", "acme: {file: types.yaml}", "acme: {repository: x}", "names no file"},
		{"two keys", "software_version: 1.0", "descriptor_id: d2", "stands twice"},
		{"merge key", "software_version: 1.0", "<<: {a: b}", "no plain text"},
		{"other TOSCA", "tosca_simple_yaml_1_3", "tosca_2_0", "tosca_2_0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(vnfTop, c.from, c.to, 1)
			if changed == vnfTop {
				t.Fatalf("%q is not in the descriptor", c.from)
			}
			_, err := ParseVNFD(pack("top.yaml", changed, "types.yaml", vnfTypes), "top.yaml")
			wantFault(t, err, "top.yaml", c.want)
		})
	}
}

func TestParse_Hostile(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		prev, next := "*a"+string(rune('0'+i-1)), "a"+string(rune('0'+i))
		bomb.WriteString(next + ": &" + next + " [" + strings.Repeat(prev+",", 9) + prev + "]\n")
	}
	many := "imports: ["
	files := []string{}
	for i := range maxFiles + 1 {
		name := "f" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ".yaml"
		many += name + ","
		files = append(files, name, "a: b\n")
	}
	for _, c := range []struct {
		name, content, want string
		more                []string
	}{
		{"alias bomb", bomb.String(), "more than 200000 values", nil},
		{"deep", strings.Repeat("[", 70) + strings.Repeat("]", 70), "deeper than 64", nil},
		{"too large", strings.Repeat("# x\n", maxFile/4+1), "larger than", nil},
		{"no YAML", "a: [", "no YAML", nil},
		{"binary", "\x00\x01", "no YAML", nil},
		{"empty", "", "empty", nil},
		{"list", "- a\n", "no map", nil},
		{"many files", many + "]\n", "more than 64 files", files},
		{"nothing in it", "a: b\n", "no node template", nil},
		{"two definitions", "imports: [x.yaml]\nnode_types: {n: {derived_from: a}}\n", "defined in top.yaml", []string{"x.yaml", "node_types: {n: {derived_from: b}}"}},
		{"circle of imports", "imports: [x.yaml]\n", "no node template", []string{"x.yaml", "imports: [top.yaml]\n"}},
		{"circle of types", "node_types: {n: {derived_from: n}}\ntopology_template: {node_templates: {v: {type: n}}}\n", "no node template", nil},
		{"circle of aliases", "a: &a {b: *a}\n", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseVNFD(pack(append([]string{"top.yaml", c.content}, c.more...)...), "top.yaml")
			wantFault(t, err, c.want)
		})
	}
	_, err := ParseVNFD(pack("a.yaml", "a: b"), "../a.yaml")
	wantFault(t, err, "leads out of the package")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(vnfTop))
	f.Add([]byte(vnfTypes))
	f.Add([]byte(nsTop))
	f.Add([]byte(pnfTop))
	f.Add([]byte("a: &a {b: *a}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := pack("top.yaml", string(data), "types.yaml", vnfTypes)
		for _, parse := range []func() error{
			func() error { _, err := ParseVNFD(files, "top.yaml"); return err },
			func() error { _, err := ParseNSD(files, "top.yaml"); return err },
			func() error { _, err := ParsePNFD(files, "top.yaml"); return err },
		} {
			if err := parse(); err != nil && hub.CodeOf(err) != hub.Unprocessable {
				t.Fatalf("error %v has no code", err)
			}
		}
	})
}

// What is small in a file and large in work is refused.
func TestParse_Bounds(t *testing.T) {
	list := func(n int, item string) string { return "[" + strings.Repeat(item+",", n) + item + "]" }
	keys := func(n int, value string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("k" + strconv.Itoa(i) + ": " + value + ", ")
		}
		return "{" + b.String() + "}"
	}
	templates := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("    k" + strconv.Itoa(i) + ": {type: x}\n")
		}
		return b.String()
	}
	for _, c := range []struct{ name, top, from, to, want string }{
		{"nodes", vnfTop, "node_templates:\n", "node_templates:\n" + templates(2001), "more than 2000 node_templates"},
		{"targets", vnfTop, "{number_of_instances: 2}}}, targets: [web]", "{number_of_instances: 2}}}, targets: " + list(2001, "web"), "more than 2000 targets"},
		{"members", vnfTop, "members: [web]", "members: " + list(2001, "web"), "more than 2000 members"},
		{"levels", vnfTop, "{small: {}, large: {scale_info: {out: {scale_level: 2}}}}", keys(300, "{}"), "more than 256 levels"},
		{"aspects", vnfTop, "{out: {max_scale_level: 3, step_deltas: [one]}}", keys(300, "{max_scale_level: 3, step_deltas: [one]}"), "up to 256 aspects"},
		{"NS levels", nsTop, "{low: {description: few}, high: {}}", keys(300, "{}"), "more than 256 levels"},
		{"NS aspects", nsTop, "{out: {ns_scale_levels: {0: {}, 1: {}, 2: {}}}}", keys(300, "{max_scale_level: 3}"), "up to 256 aspects"},
		{"NS profile", nsTop, "min_number_of_instances: 1,", "min_number_of_instances: 2000000000,", "2000000000 instances are more than the 10000"},
		{"NS level", nsTop, "{low: 1, high: 4}", "{low: 1, high: 9999999}", "9999999 instances are more"},
		{"NS level in all", nsTop, "{low: 1, high: 4}}, targets: [web]", "{low: 9000, high: 4}}, targets: [web, guard]", "the level low has 18000"},
		{"paths", nsTop, "[{nfp_position: first}, ", "[" + strings.Repeat("{nfp_position: first}, ", 2000), "more than 4096 steps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := pack("top.yaml", strings.Replace(c.top, c.from, c.to, 1), "types.yaml", vnfTypes)
			parse := func() error { _, err := ParseVNFD(files, "top.yaml"); return err }
			if c.top == nsTop {
				parse = func() error { _, err := ParseNSD(files, "top.yaml"); return err }
			}
			wantFault(t, parse(), c.want)
		})
	}
}
