// Package nskit makes what a network service needs, for tests: signed VNF
// packages, a PNFD, an NSD that uses them, and an inventory of hosts that they
// fit on.
package nskit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/csartest"
)

// Kit is the packages of one network service. Its descriptors are named after
// Name, so that two kits can be on-boarded in one trust domain.
type Kit struct {
	Name   string
	Anchor string // PEM certificate of the CA that signed all packages
	Web    []byte // VNF package: scales by the aspect "out", has a storage and the indicators "load", of the VNF, and "mode", of its EM
	Guard  []byte // VNF package of a security VNF, which needs a TPM
	PNF    []byte // PNFD archive
	NSD    []byte // NSD archive
	Web2   []byte // VNF package of the next version of the web VNF, which no NSD names
	Wide   []byte // NSD archive: as NSD, with a second virtual link
	Heals  []byte // NSD archive: as NSD, and the NFVO heals it without being asked
	Full   []byte // NSD archive: as NSD, with four web VNFs and a guard from the beginning
}

// The descriptors of a kit.
func (k *Kit) WebVNFD() string   { return k.Name + "-web" }
func (k *Kit) GuardVNFD() string { return k.Name + "-guard" }
func (k *Kit) PNFD() string      { return k.Name + "-box" }
func (k *Kit) NSDID() string     { return k.Name + "-ns" }
func (k *Kit) Web2VNFD() string  { return k.Name + "-web2" }
func (k *Kit) WideID() string    { return k.Name + "-wide" }
func (k *Kit) HealsID() string   { return k.Name + "-heals" }
func (k *Kit) FullID() string    { return k.Name + "-full" }

// New makes a kit, signed under a CA of its own.
func New(t testing.TB, name string) *Kit {
	t.Helper()
	return NewSigned(t, name, csartest.NewCA(t, name+" packages"))
}

// NewCertified is New with a web VNF whose VNFCs are to have a certificate
// (descriptor "tls").
func NewCertified(t testing.TB, name string) *Kit {
	t.Helper()
	web := strings.NewReplacer("requirements: [{virtual_storage: data}]\n",
		"requirements: [{virtual_storage: data}, {installable_certificate: tls}]\n"+
			"    tls: {type: tosca.nodes.nfv.Certificate, properties: {certificate_type: VNFCI_CERT, certificate_base_profile: {subject: {organization: Acme}}}}\n").Replace(webVNFD)
	return newKit(t, name, csartest.NewCA(t, name+" packages"), web)
}

// NewSigned makes a kit, signed under a CA.
func NewSigned(t testing.TB, name string, ca *csartest.CA) *Kit {
	t.Helper()
	return newKit(t, name, ca, webVNFD)
}

func newKit(t testing.TB, name string, ca *csartest.CA, web string) *Kit {
	t.Helper()
	k := &Kit{Name: name, Anchor: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw}))}
	signer := ca.Signer(t, "vendor", nil)
	image := []byte("the disk of " + name + "\n")
	sum := sha256.Sum256(image)
	words := strings.NewReplacer("NAME", name, "HASH", hex.EncodeToString(sum[:]), "SIZE", fmt.Sprint(len(image)))
	vnf := func(definition string) []byte {
		return csartest.Build(t, csartest.Spec{
			Option: csartest.Option1, Signer: signer, Definition: []byte(words.Replace(definition)),
			Files: map[string][]byte{"Files/disk.img": image, "Scripts/install.sh": []byte("echo hello\n")},
		})
	}
	k.Web, k.Guard = vnf(web), vnf(guardVNFD)
	k.Web2 = vnf(strings.NewReplacer("NAME-web", "NAME-web2", `descriptor_version: "1"`, `descriptor_version: "2"`, `software_version: "2.1"`, `software_version: "2.2"`).Replace(webVNFD))
	k.PNF = csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: signer, Metadata: csartest.PNFMetadata, Definition: []byte(words.Replace(pnfd))})
	network := func(definition string) []byte {
		return csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: signer, Metadata: csartest.NSMetadata, Definition: []byte(words.Replace(definition))})
	}
	k.NSD = network(nsd)
	k.Wide = network(strings.NewReplacer("NAME-ns", "NAME-wide", "    door:", spareLink+"    door:").Replace(nsd))
	k.Heals = network(strings.NewReplacer("NAME-ns", "NAME-heals", "      type: tosca.nodes.nfv.NS\n", "      type: tosca.nodes.nfv.NS\n      metadata: {manoward.autoheal: \"true\"}\n").Replace(nsd))
	k.Full = network(strings.NewReplacer("NAME-ns", "NAME-full", `, manoward.initial: "false"`, "", "min_number_of_instances: 0, max_number_of_instances: 2", "min_number_of_instances: 1, max_number_of_instances: 2",
		"{low: 1, high: 2}", "{low: 4, high: 4}", "{0: 1, 1: 2, 2: 3}", "{0: 4, 1: 4, 2: 4}").Replace(nsd))
	return k
}

const webVNFD = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.VNF, requirements: {public: [front, external_virtual_link]}}
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties:
        {descriptor_id: NAME-web, descriptor_version: "1", provider: Acme, product_name: Web, software_version: "2.1", vnfm_info: [manoward], flavour_id: simple,
         configurable_properties: {is_autoheal_enabled: true, colour: red}}
    app:
      type: tosca.nodes.nfv.Vdu.Compute
      properties:
        name: app
        vdu_profile: {min_number_of_instances: 1, max_number_of_instances: 4}
        sw_image_data: {name: disk, version: "1", checksum: {algorithm: sha-256, hash: HASH}, container_format: bare, disk_format: qcow2, min_disk: 1 GiB, size: SIZE B}
      artifacts: {sw_image: {type: tosca.artifacts.nfv.SwImage, file: Files/disk.img}}
      capabilities: {virtual_compute: {properties: {virtual_memory: {virtual_mem_size: 1 GiB}, virtual_cpu: {num_virtual_cpu: 1}, virtual_local_storage: [{size_of_storage: 2 GiB}]}}}
      requirements: [{virtual_storage: data}]
    data: {type: tosca.nodes.nfv.Vdu.VirtualBlockStorage, properties: {virtual_block_storage_data: {size_of_storage: 5 GiB}}}
    front:
      type: tosca.nodes.nfv.VduCp
      properties: {layer_protocols: [ipv4], order: 0}
      requirements: [{virtual_binding: app}]
    inside:
      type: tosca.nodes.nfv.VduCp
      properties: {layer_protocols: [ipv4], order: 1}
      requirements: [{virtual_binding: app}, {virtual_link: internal}]
    internal:
      type: tosca.nodes.nfv.VnfVirtualLink
      properties: {connectivity_type: {layer_protocols: [ipv4]}, vl_profile: {max_bitrate_requirements: {root: 1000}, min_bitrate_requirements: {root: 0}, virtual_link_protocol_data: [{associated_layer_protocol: ipv4, l3_protocol_data: {ip_version: ipv4, cidr: 192.168.7.0/24}}]}}
  policies:
    - aspects: {type: tosca.policies.nfv.ScalingAspects, properties: {aspects: {out: {name: out, max_scale_level: 3, step_deltas: [one]}}}}
    - initial: {type: tosca.policies.nfv.VduInitialDelta, properties: {initial_delta: {number_of_instances: 1}}, targets: [app]}
    - deltas: {type: tosca.policies.nfv.VduScalingAspectDeltas, properties: {aspect: out, deltas: {one: {number_of_instances: 1}}}, targets: [app]}
    - levels: {type: tosca.policies.nfv.InstantiationLevels, properties: {levels: {small: {scale_info: {out: {scale_level: 0}}}, large: {scale_info: {out: {scale_level: 2}}}}, default_level: small}}
    - counts: {type: tosca.policies.nfv.VduInstantiationLevels, properties: {levels: {small: {number_of_instances: 1}, large: {number_of_instances: 3}}}, targets: [app]}
    - load: {type: tosca.policies.nfv.VnfIndicator, properties: {source: vnf, name: Load of the web}, targets: [vnf]}
    - mode: {type: tosca.policies.nfv.VnfIndicator, properties: {source: em}, targets: [vnf]}
`

const guardVNFD = `tosca_definitions_version: tosca_simple_yaml_1_3
metadata: {manoward.security: "true"}
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.VNF, requirements: {inspect: [tap, external_virtual_link]}}
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: NAME-guard, descriptor_version: "1", provider: Acme, product_name: Guard, software_version: "1.0", vnfm_info: [manoward], flavour_id: one}
    eye:
      type: tosca.nodes.nfv.Vdu.Compute
      properties:
        name: eye
        vdu_profile: {min_number_of_instances: 1, max_number_of_instances: 1}
        sw_image_data: {name: disk, version: "1", checksum: {algorithm: sha-256, hash: HASH}, container_format: bare, disk_format: qcow2, min_disk: 1 GiB, size: SIZE B}
      artifacts: {sw_image: {type: tosca.artifacts.nfv.SwImage, file: Files/disk.img}}
      capabilities: {virtual_compute: {properties: {requested_additional_capabilities: {tpm: {requested_additional_capability_name: tpm, support_mandatory: true, target_performance_parameters: {x: y}}}, virtual_memory: {virtual_mem_size: 1 GiB}, virtual_cpu: {num_virtual_cpu: 1}, virtual_local_storage: [{size_of_storage: 2 GiB}]}}}
    tap:
      type: tosca.nodes.nfv.VduCp
      properties: {layer_protocols: [ipv4], order: 0}
      requirements: [{virtual_binding: eye}]
`

const pnfd = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    box:
      type: tosca.nodes.nfv.PNF
      properties: {descriptor_id: NAME-box, function_description: a box, provider: Acme, version: "1.0", descriptor_invariant_id: NAME-box-i, name: Box}
    port: {type: tosca.nodes.nfv.PnfExtCp, properties: {layer_protocols: [ipv4]}}
`

const nsd = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.NS}
  node_templates:
    ns:
      type: tosca.nodes.nfv.NS
      properties: {descriptor_id: NAME-ns, designer: Acme, version: "1", name: Edge of NAME, invariant_id: NAME-ns-i, flavour_id: simple}
    web:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: NAME-web, flavour_id: simple, vnf_profile: {instantiation_level: small, min_number_of_instances: 1, max_number_of_instances: 4}}
      requirements: [{public: net}]
    guard:
      type: tosca.nodes.nfv.VNF
      metadata: {manoward.security: "true", manoward.initial: "false"}
      properties: {descriptor_id: NAME-guard, flavour_id: one, vnf_profile: {min_number_of_instances: 0, max_number_of_instances: 2}}
      requirements: [{inspect: net}]
    box:
      type: tosca.nodes.nfv.PNF
      properties: {descriptor_id: NAME-box}
      requirements: [{port: net}]
    net:
      type: tosca.nodes.nfv.NsVirtualLink
      properties:
        connectivity_type: {layer_protocols: [ipv4]}
        vl_profile: {max_bitrate_requirements: {root: 1000}, min_bitrate_requirements: {root: 0}, virtual_link_protocol_data: [{associated_layer_protocol: ipv4, l3_protocol_data: {ip_version: ipv4, cidr: 10.0.0.0/16}}]}
    door: {type: tosca.nodes.nfv.Sap, properties: {layer_protocols: [ipv4]}, requirements: [{internal_virtual_link: net}]}
    path: {type: tosca.nodes.nfv.NFP, requirements: [{nfp_position: first}, {nfp_position: second}, {nfp_position: third}]}
    first: {type: tosca.nodes.nfv.NfpPosition, requirements: [{element: at_door}]}
    second: {type: tosca.nodes.nfv.NfpPosition, requirements: [{element: at_web}]}
    third: {type: tosca.nodes.nfv.NfpPosition, requirements: [{element: at_box}]}
    at_door: {type: tosca.nodes.nfv.NfpPositionElement, requirements: [{profile_element: door}]}
    at_web: {type: tosca.nodes.nfv.NfpPositionElement, requirements: [{profile_element: {node: web, capability: public}}]}
    at_box: {type: tosca.nodes.nfv.NfpPositionElement, requirements: [{profile_element: {node: box, capability: port}}]}
  groups:
    graph: {type: tosca.groups.nfv.VNFFG, members: [web, box, net, path]}
  policies:
    - rule: {type: tosca.policies.nfv.NfpRule, properties: {protocol: tcp}, targets: [path]}
    - levels: {type: tosca.policies.nfv.NsInstantiationLevels, properties: {ns_levels: {low: {description: one}, high: {description: two}}, default_level: low}}
    - map: {type: tosca.policies.nfv.VnfToInstantiationLevelMapping, properties: {number_of_instances: {low: 1, high: 2}}, targets: [web]}
    - aspects: {type: tosca.policies.nfv.NsScalingAspects, properties: {aspects: {users: {name: users, ns_scale_levels: {0: {}, 1: {}, 2: {}}}}}}
    - steps: {type: tosca.policies.nfv.VnfToLevelMapping, properties: {aspect: users, number_of_instances: {0: 1, 1: 2, 2: 3}}, targets: [web]}
`

// spareLink is a virtual link that nothing is on at first.
const spareLink = `    spare:
      type: tosca.nodes.nfv.NsVirtualLink
      properties:
        connectivity_type: {layer_protocols: [ipv4]}
        vl_profile: {max_bitrate_requirements: {root: 1000}, min_bitrate_requirements: {root: 0}, virtual_link_protocol_data: [{associated_layer_protocol: ipv4, l3_protocol_data: {ip_version: ipv4, cidr: 10.1.0.0/16}}]}
`

// Inventory is hosts, four to a zone, with room for small VNFs; the first of
// each zone has a TPM and HMEE.
func Inventory(zones int) string {
	var b strings.Builder
	b.WriteString("nfviPops:\n  - {nfviPopId: pop-1, vimId: vim, geographicalLocationInfo: {country: DE, site: Bonn}}\nzones:\n")
	for z := range zones {
		fmt.Fprintf(&b, "  - {zoneId: zone-%d, zoneName: Zone %d, zoneState: AVAILABLE, nfviPopId: pop-1}\n", z+1, z+1)
	}
	b.WriteString("hosts:\n")
	for i := range 4 * zones {
		equipment := "{}"
		if i%4 == 0 {
			equipment = "{tpm: true, hmee: true}"
		}
		fmt.Fprintf(&b, "  - {hostId: host-%d, zoneId: zone-%d, nfviPopId: pop-1, state: ENABLED, integrityState: TRUSTED, firmwareVersion: \"1.0\", equipment: %s, totalCapacity: {numVCpus: 16, memoryMiB: 65536, diskGiB: 500}, physicalLocation: {country: DE, site: Bonn, room: \"1\", rack: \"%d\"}}\n", i+1, i/4+1, equipment, i+1)
	}
	return b.String()
}
