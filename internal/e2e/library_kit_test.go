package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/smgr"
)

// libDomain is a trust domain of the test of the library: its Security Manager,
// its packages, an NSD with a VNF profile for each case, and hosts of its own.
type libDomain struct {
	*nsHub
	name, sm string
	ca       *csartest.CA
	signer   *csartest.Signer
	owners   *libOwners
}

// libOwners says which case a finding belongs to, by what it is about. What
// belongs to none is a false finding.
type libOwners struct {
	mu   sync.Mutex
	by   map[string]*libCase // by ID of an NS, a host or an image
	told map[*libCase]map[string]bool
}

func (o *libOwners) own(c *libCase, id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.by[id] = c
}

// expect notes what a case leads to, as "policy/code".
func (o *libOwners) expect(c *libCase, finding string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.told[c] == nil {
		o.told[c] = map[string]bool{}
	}
	o.told[c][finding] = true
}

// owner is the case that may lead to a finding, nil if none may.
func (o *libOwners) owner(f *hub.Finding) *libCase {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range []string{f.Target.NsInstanceID, f.Target.HostID, f.Target.ImageID} {
		if c := o.by[id]; c != nil && o.told[c][f.Policy+"/"+f.Code] {
			return c
		}
	}
	return nil
}

// libSMs are the Security Managers, by trust domain. Each may carry out five
// destructive orders in ten minutes, so that the cases are shared among them: four
// for each at most, because two events may lead to the same order.
var libSMs = map[string]string{"north": "alpha", "south": "beta", "west": "gamma", "coast": "delta"}

// libHub is a hub with the trust domains and their Security Managers, all
// fully-active. Their levels and parameters are not set yet.
func libHub(t *testing.T) map[string]*libDomain {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manoward.yaml")
	started := newHub(t, "--config", file)
	device, makers := devicekit.Sold(t)
	roots := filepath.Join(started.home, "makers.pem")
	writeFile(t, roots, string(makers), 0o600)
	text := fmt.Sprintf("certificateManagement:\n  vnfmDevice: %s\n  profiles: [{trustDomain: north, validity: %s}]\n  domains: [{trustDomain: north, deviceRoots: %s}]\nsecurityManagers:\n", device, libValidity, roots)
	for domain, name := range libSMs {
		text += fmt.Sprintf("  - {name: %s, trustDomain: %s, credentials: %q, scOr: %q, scVi: %q}\n", name, domain, filepath.Join(started.home, domain+"-"+name), smPort(t), smPort(t))
	}
	writeFile(t, file, text, 0o600)
	h := &nsHub{started.start(), map[string]*nskit.Kit{}}
	inventory := filepath.Join(h.home, "inventory.yaml")
	writeFile(t, inventory, libInventory(), 0o600)
	h.do("vim", "load", inventory)
	all := map[string]*libDomain{}
	owners := &libOwners{by: map[string]*libCase{}, told: map[*libCase]map[string]bool{}}
	for domain, name := range libSMs {
		h.do("trust-domain", "create", domain)
		h.do("sm", "register", name, "--trust-domain", domain, "--mode", "fully-active", "--out", filepath.Join(h.home, domain+"-"+name))
		d := &libDomain{nsHub: h, name: domain, sm: name, ca: csartest.NewCA(t, domain+" packages"), owners: owners}
		d.signer = d.ca.Signer(t, "vendor", nil)
		all[domain] = d
	}
	h.smReady()
	return all
}

// of is the domain for a test of its own.
func (d *libDomain) of(t testing.TB) *libDomain {
	own, process := *d, *d.hubProcess
	process.t = t
	own.nsHub = &nsHub{&process, d.kits}
	return &own
}

// libInventory is hosts of each trust domain's own; host shared-hsm is of two. The
// VIM prefers hosts with much room, so that those with security hardware, which
// have less, take only what needs them, and in the order of their room.
func libInventory() string {
	var b strings.Builder
	b.WriteString("nfviPops:\n  - {nfviPopId: pop-1, vimId: vim, geographicalLocationInfo: {country: DE, site: Bonn}}\nzones:\n")
	for _, zone := range []string{"north", "south", "west", "coast"} {
		fmt.Fprintf(&b, "  - {zoneId: zone-%s, zoneName: %s, zoneState: AVAILABLE, nfviPopId: pop-1}\n", zone, zone)
	}
	b.WriteString("hosts:\n")
	add := func(id, zone, domains, equipment, firmware string, vcpus int) {
		fmt.Fprintf(&b, "  - {hostId: %s, zoneId: zone-%s, nfviPopId: pop-1, state: ENABLED, integrityState: TRUSTED, firmwareVersion: %q, trustDomains: [%s], equipment: {%s}, totalCapacity: {numVCpus: %d, memoryMiB: 65536, diskGiB: 500}, physicalLocation: {country: DE, site: Bonn, room: \"1\", rack: %q}}\n",
			id, zone, firmware, domains, equipment, vcpus, id)
	}
	for _, d := range []string{"north", "south", "west", "coast"} {
		add(d+"-1", d, d, "", "1.0", 64)
	}
	add("north-tpm", "north", "north", "tpm: true", "1.0", 32)
	add("coast-tpm", "coast", "coast", "tpm: true", "1.0", 32)
	add("shared-hsm", "south", "south, east", "hsm: true", "1.0", 4)
	add("west-2", "west", "west", "", "1.0", 32)
	add("west-tpm", "west", "west", "tpm: true", "1.0", 32)
	add("west-hmee", "west", "west", "hmee: true", "1.0", 16)
	add("west-hsm-old", "west", "west", "hsm: true", "0.9", 16)
	add("west-hsm-new", "west", "west", "hsm: true", "1.0", 8)
	add("west-both-1", "west", "west", "tpm: true, hsm: true", "1.0", 4)
	add("west-both-2", "west", "west", "tpm: true, hsm: true", "1.0", 2)
	return b.String()
}

// libPackage is a package of one VNFC.
type libPackage struct {
	name, product, version string
	needs                  string // "tpm, hsm": the hardware of its host
	certified              bool   // its VNFC is to have a certificate
}

const libVNFD = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.VNF, requirements: {public: [front, external_virtual_link]}}
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: NAME, descriptor_version: "1", provider: Acme, product_name: PRODUCT, software_version: "VERSION", vnfm_info: [manoward], flavour_id: one}
    app:
      type: tosca.nodes.nfv.Vdu.Compute
      properties:
        name: app
        vdu_profile: {min_number_of_instances: 1, max_number_of_instances: 1}
        sw_image_data: {name: disk, version: "1", checksum: {algorithm: sha-256, hash: HASH}, container_format: bare, disk_format: qcow2, min_disk: 1 GiB, size: SIZE B}
      artifacts: {sw_image: {type: tosca.artifacts.nfv.SwImage, file: Files/disk.img}}
      capabilities: {virtual_compute: {properties: {NEEDSvirtual_memory: {virtual_mem_size: 1 GiB}, virtual_cpu: {num_virtual_cpu: 1}, virtual_local_storage: [{size_of_storage: 2 GiB}]}}}REQUIREMENTS
    front: {type: tosca.nodes.nfv.VduCp, properties: {layer_protocols: [ipv4], order: 0}, requirements: [{virtual_binding: app}]}
`

// build makes the package, signed by somebody or, with nil, by nobody.
func (p libPackage) build(t testing.TB, domain string, signer *csartest.Signer) []byte {
	t.Helper()
	image := []byte("the disk of " + domain + " " + p.name + "\n")
	sum := sha256.Sum256(image)
	needs := ""
	if p.needs != "" {
		var list []string
		for _, need := range strings.Split(p.needs, ", ") {
			list = append(list, need+": {requested_additional_capability_name: "+need+", support_mandatory: true, target_performance_parameters: {x: y}}")
		}
		needs = "requested_additional_capabilities: {" + strings.Join(list, ", ") + "}, "
	}
	requirements, certificate := "", ""
	if p.certified {
		requirements = "\n      requirements: [{installable_certificate: tls}]"
		certificate = "    tls: {type: tosca.nodes.nfv.Certificate, properties: {certificate_type: VNFCI_CERT, certificate_base_profile: {subject: {organization: Acme}}}}\n"
	}
	definition := strings.NewReplacer("NAME", domain+"-"+p.name, "PRODUCT", p.product, "VERSION", p.version, "HASH", hex.EncodeToString(sum[:]), "SIZE", fmt.Sprint(len(image)), "NEEDS", needs, "REQUIREMENTS", requirements).Replace(libVNFD) + certificate
	s := csartest.Spec{Option: csartest.Option1, Signer: signer, Definition: []byte(definition), Files: map[string][]byte{"Files/disk.img": image}}
	if signer == nil {
		s.Option = csartest.Unsigned
	}
	return csartest.Build(t, s)
}

// libNSD is an NSD without VNFs; its VNF profiles are put behind it.
const libNSD = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.NS}
  node_templates:
    ns: {type: tosca.nodes.nfv.NS, properties: {descriptor_id: NAME-lib, designer: Acme, version: "1", name: NAME-lib, invariant_id: NAME-lib-i, flavour_id: simple}}
    box: {type: tosca.nodes.nfv.PNF, properties: {descriptor_id: NAME-box}, requirements: [{port: net}]}
    net:
      type: tosca.nodes.nfv.NsVirtualLink
      properties:
        connectivity_type: {layer_protocols: [ipv4]}
        vl_profile: {max_bitrate_requirements: {root: 1000}, min_bitrate_requirements: {root: 0}, virtual_link_protocol_data: [{associated_layer_protocol: ipv4, l3_protocol_data: {ip_version: ipv4, cidr: 10.0.0.0/16}}]}
    spare:
      type: tosca.nodes.nfv.NsVirtualLink
      properties:
        connectivity_type: {layer_protocols: [ipv4]}
        vl_profile: {max_bitrate_requirements: {root: 1000}, min_bitrate_requirements: {root: 0}, virtual_link_protocol_data: [{associated_layer_protocol: ipv4, l3_protocol_data: {ip_version: ipv4, cidr: 10.1.0.0/16}}]}
`

// libProfile is a VNF profile of the NSD: web and guard are VNFs of nskit, all
// others of packages.
func (d *libDomain) libProfile(name, vnf string) string {
	flavour, link, security := "one", "public", ""
	switch vnf {
	case "web", "web2":
		flavour = "simple"
	case "guard":
		link, security = "inspect", `manoward.security: "true", `
	}
	return fmt.Sprintf("    %s: {type: tosca.nodes.nfv.VNF, metadata: {%smanoward.initial: \"false\"}, properties: {descriptor_id: %s-%s, flavour_id: %s, vnf_profile: {min_number_of_instances: 0, max_number_of_instances: 4}}, requirements: [{%s: net}]}\n",
		name, security, d.name, vnf, flavour, link)
}

// prepare on-boards what the cases of the domain need, and sets their parameters.
func (d *libDomain) prepare(cases []*libCase) {
	d.t.Helper()
	kit := nskit.NewSigned(d.t, d.name, d.ca)
	write := func(file string, raw []byte) string {
		path := filepath.Join(d.home, d.name+"-"+file)
		writeFile(d.t, path, string(raw), 0o600)
		return path
	}
	d.do("package", "policy", "--trust-domain", d.name, "--anchor", write("anchor.pem", []byte(kit.Anchor)), "--allow-unsigned")
	kits := map[string][]byte{"web": kit.Web, "web2": kit.Web2, "guard": kit.Guard}
	packages, profiles := map[string][]byte{"web": kit.Web}, d.libProfile("web", "web")
	for _, c := range cases {
		if c.profile != "" {
			profiles += d.libProfile(c.profile, c.vnf)
		}
		if raw := kits[c.vnf]; raw != nil {
			packages[c.vnf] = raw
		}
		if c.pkg != nil {
			signer := d.signer
			if c.sign != nil {
				signer = c.sign(d)
			}
			packages[c.vnf] = c.pkg.build(d.t, d.name, signer)
		}
		if c.parameters != nil {
			d.setParameters(c.policy, c.parameters)
		}
	}
	for name, raw := range packages {
		d.do("package", "onboard", write(name+".csar", raw), "--trust-domain", d.name)
	}
	d.onboardPNFD(d.name, kit.PNF)
	nsd := strings.ReplaceAll(libNSD, "NAME", d.name) + profiles
	raw := csartest.Build(d.t, csartest.Spec{Option: csartest.Option1, Signer: d.signer, Metadata: csartest.NSMetadata, Definition: []byte(nsd)})
	d.do("nsd", "onboard", write("ns.csar", raw), "--trust-domain", d.name)
}

// manager is the operators' API of the Security Manager.
func (d *libDomain) manager() *httpapi.Client {
	d.t.Helper()
	c := d.operator()
	c.Base += "/security_managers/" + d.sm
	return c
}

// put sets something of the Security Manager, as an operator.
func (d *libDomain) put(path string, in map[string]any) {
	d.t.Helper()
	in["reason"] = "of a test"
	if _, err := d.manager().Do(d.t.Context(), http.MethodPut, path, in, nil); err != nil {
		d.t.Fatalf("PUT %s: %v", path, err)
	}
}

func (d *libDomain) setParameters(policy string, set map[string]any) {
	d.t.Helper()
	d.put("/policies/"+policy+"/parameters", map[string]any{"set": set})
}

// newNs makes an NS of the case's, without a VNF.
func (d *libDomain) newNs(c *libCase) string {
	d.t.Helper()
	var ns sol005.NsInstance
	in := sol005.CreateNsRequest{NsdID: d.name + "-lib", NsName: c.policy, NsDescription: "of a test"}
	if _, err := d.nslcm().Do(d.t.Context(), http.MethodPost, "/ns_instances", in, &ns); err != nil {
		d.t.Fatal(err)
	}
	d.owners.own(c, ns.ID)
	d.mustComplete(ns.ID, "instantiate", map[string]string{})
	return ns.ID
}

// add makes a VNF of a profile in an NS, and returns it. The Security Manager may
// have ended it already.
func (d *libDomain) add(ns, profile string) string {
	d.t.Helper()
	op := d.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: profile}}})
	if op.ResourceChanges == nil || len(op.ResourceChanges.AffectedVnfs) == 0 {
		d.t.Fatalf("the operation that makes a VNF of profile %s changed %+v", profile, op.ResourceChanges)
	}
	return op.ResourceChanges.AffectedVnfs[0].VnfInstanceID
}

func (d *libDomain) vnfIDs(ns string) []string {
	d.t.Helper()
	var ids []string
	for _, v := range d.showNs(ns).VnfInstance {
		ids = append(ids, v.ID)
	}
	return ids
}

// on lists the computes of a VNF at the VIM.
func (d *libDomain) on(vnf string) []ifa006.Compute {
	d.t.Helper()
	return slices.DeleteFunc(resources[ifa006.Compute](d.nsHub, "computes", ""), func(c ifa006.Compute) bool { return c.Metadata["vnfInstanceId"] != vnf })
}

// only is the one compute of a VNF.
func (d *libDomain) only(vnf string) ifa006.Compute {
	d.t.Helper()
	list := d.on(vnf)
	if len(list) != 1 {
		d.t.Fatalf("VNF %s has the computes %+v, want one", vnf, list)
	}
	return list[0]
}

func (d *libDomain) hostNow(id string) ifa006.Host {
	d.t.Helper()
	list := resources[ifa006.Host](d.nsHub, "hosts", "")
	n := slices.IndexFunc(list, func(h ifa006.Host) bool { return h.ID == id })
	if n < 0 {
		d.t.Fatalf("the VIM has no host %s", id)
	}
	return list[n]
}

// libWant is a finding that is wanted: its members that are set, and an alert with
// the action or, without one, alone.
type libWant struct {
	code     string
	severity hub.Severity
	target   hub.Target
	action   hub.ActionType
}

func (w *libWant) asks(f *hub.Finding) bool {
	if w.action == "" {
		return len(f.Actions) == 1 && f.Actions[0].Type == hub.ActionAlert
	}
	return len(f.Actions) == 2 && f.Actions[0].Type == hub.ActionAlert && f.Actions[1].Type == w.action
}

// libFits compares the members of a target that are set.
func libFits(want, got hub.Target) bool {
	fits := func(want, got string) bool { return want == "" || want == got }
	return fits(want.NsInstanceID, got.NsInstanceID) && fits(want.VnfInstanceID, got.VnfInstanceID) && fits(want.HostID, got.HostID) &&
		fits(want.ImageID, got.ImageID) && fits(want.VnfProfileID, got.VnfProfileID)
}

// finds waits until the Security Manager shows a finding of the case's policy to
// an operator, and the alert of it is in the records of the trust domain.
func (d *libDomain) finds(c *libCase, w libWant) {
	d.t.Helper()
	d.owners.expect(c, c.policy+"/"+w.code)
	api := d.manager()
	var by string // decision
	var others []hub.Finding
	defer func() {
		if d.t.Failed() {
			d.t.Logf("the findings of %s are %+v", c.policy, others)
		}
	}()
	libEventually(d.t, fmt.Sprintf("%s finds %s (%s) on %s", c.policy, w.code, w.severity, w.target), func() bool {
		others = nil
		for dec, err := range httpapi.All[smgr.Decision](d.t.Context(), api, "/decisions", url.Values{"policy": {c.policy}, "found": {"true"}}) {
			if err != nil {
				d.t.Fatal(err)
			}
			for _, f := range dec.Findings {
				if f.Policy == c.policy && f.Code == w.code && f.Severity == w.severity && libFits(w.target, f.Target) && w.asks(&f) {
					by = dec.ID
					return true
				}
				others = append(others, f)
			}
		}
		return false
	})
	libEventually(d.t, "the alert of "+c.policy+" is recorded", func() bool {
		for r, err := range httpapi.All[hub.Record](d.t.Context(), d.operator(), "/trust_domains/"+d.name+"/records", url.Values{"filter": {"(eq,kind,sm.alert)"}}) {
			if err != nil {
				d.t.Fatal(err)
			}
			if r.Subject == "decision/"+by {
				return true
			}
		}
		return false
	})
}

// orders waits until an order of the case's policy is carried out. Another event
// may have asked for the same before: that order is superseded.
func (d *libDomain) orders(c *libCase, action hub.ActionType, target hub.Target) {
	d.t.Helper()
	api := d.manager()
	libEventually(d.t, fmt.Sprintf("the order of %s to %s %s is carried out", c.policy, action, target), func() bool {
		for o, err := range httpapi.All[smgr.Order](d.t.Context(), api, "/orders", url.Values{"policy": {c.policy}}) {
			if err != nil {
				d.t.Fatal(err)
			}
			if o.Action.Type != action || !libFits(target, o.Target) {
				continue
			}
			switch o.State {
			case smgr.OrderCompleted:
				if o.Level != smgr.LevelEnforce || o.Approval != nil {
					d.t.Errorf("the order was carried out at level %s by %+v", o.Level, o.Approval)
				}
				return true
			case smgr.OrderFailed, smgr.OrderRejected, smgr.OrderRecommended, smgr.OrderWaiting, smgr.OrderShadow:
				d.t.Fatalf("the order is %s (%s), want it carried out; steps %+v", o.State, o.Reason, o.Steps)
			}
		}
		return false
	})
}

// libEventually is eventually, that asks less often: each time is a page of what
// the hub has stored.
func libEventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !ok(); <-tick.C {
		if time.Since(began) > patience {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

// gone wants that a VNF has ended for real, with a snapshot kept or without, and
// with its profile barred or not.
func (d *libDomain) gone(ns, vnf, profile string, snapshot, barred bool) {
	d.t.Helper()
	if slices.Contains(d.vnfIDs(ns), vnf) {
		d.t.Errorf("VNF %s is still in its NS", vnf)
	}
	if left := d.on(vnf); len(left) > 0 {
		d.t.Errorf("VNF %s still has computes: %+v", vnf, left)
	}
	var kept []sol005.VnfSnapshotInfo
	if _, err := d.nslcm().Do(d.t.Context(), http.MethodGet, "/vnf_snapshots", nil, &kept); err != nil {
		d.t.Fatal(err)
	}
	if is := slices.ContainsFunc(kept, func(s sol005.VnfSnapshotInfo) bool { return s.VnfSnapshot != nil && s.VnfSnapshot.VnfInstanceID == vnf }); is != snapshot {
		d.t.Errorf("a snapshot of VNF %s is kept: %t, want %t", vnf, is, snapshot)
	}
	if is := strings.Contains(d.do("ns", "bars", ns), profile); is != barred {
		d.t.Errorf("the profile %s is barred: %t, want %t", profile, is, barred)
	}
}
