package e2e_test

import (
	"encoding/pem"
	"path/filepath"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/csartest"
)

// libSouth is the cases of where VNFs are, what they are connected with, and
// what becomes of their snapshots.
func libSouth() []*libCase {
	elsewhere := func(everybody, name, only string) map[string]any {
		return map[string]any{"*": []string{everybody}, name: []string{only}}
	}
	cases := []*libCase{
		{
			policy: "placement-zone", parameters: map[string]any{"allowedZones": elsewhere("zone-south", "zoned", "zone-west"), "terminate": true},
			profile: "zoned", vnf: "web", run: libEnded("zone-not-allowed", hub.SeverityHigh, false, false),
		},
		{
			policy: "placement-geography", parameters: map[string]any{"allowedCountries": elsewhere("DE", "abroad", "FR"), "terminate": true},
			profile: "abroad", vnf: "web", run: libEnded("country-not-allowed", hub.SeverityHigh, false, false),
		},
		{
			policy: "co-tenancy", parameters: map[string]any{"aloneProfiles": []string{"lonely", "web"}, "terminate": true},
			profile: "lonely", vnf: "lonely", pkg: &libPackage{name: "lonely", product: "Lonely", version: "1.0", needs: "hsm"}, run: libShared,
		},
		{
			policy: "connectivity-unexpected", parameters: map[string]any{"allowedLinks": map[string][]string{"*": {"net"}}, "terminate": true},
			profile: "wired", vnf: "web", also: []string{"change-window/outside-window"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				spare := ""
				for _, l := range d.showNs(ns).VirtualLinkInfo {
					if l.NsVirtualLinkDescID == "spare" {
						spare = l.ID
					}
				}
				d.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateChangeExternalVnfConnectivity, ChangeExtVnfConnectivityData: []sol005.ChangeExtVnfConnectivityData{{
					VnfInstanceID: vnf, ExtVirtualLinks: []sol005.ExtVirtualLinkData{{ResourceID: spare, ExtCps: []sol005.VnfExtCpData{{CpdID: "front"}}}},
				}}})
				d.ended(c, ns, vnf, libWant{code: "link-not-allowed", severity: hub.SeverityHigh, target: libTarget(ns, vnf, c.profile)}, true, true)
			},
		},
		{
			policy: "pnf-attachment", parameters: map[string]any{"allowedPnfs": elsewhere("box", "shy", "router")}, profile: "shy", vnf: "web",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				d.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateAddPnf, AddPnfData: []sol005.AddPnfData{{
					PnfID: hub.NewID(), PnfName: "box", PnfdID: d.name + "-box", PnfProfileID: "box",
				}}})
				d.finds(c, libWant{code: "pnf-not-allowed", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			policy: "snapshot-source", profile: "copied", vnf: "web",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				shop := d.createClient("lib-copier", "--party", "oss", "--trust-domain", d.name)
				d.scorTask(shop, hub.OsMa, "/nslcm/v2/ns_instances/"+ns+"/update", sol005.UpdateNsRequest{
					UpdateType: sol005.UpdateCreateVnfSnapshot, CreateSnapshotData: &sol005.CreateVnfSnapshotData{VnfInstanceID: vnf},
				})
				d.finds(c, libWant{code: "snapshot-taken", severity: hub.SeverityHigh, target: libTarget(ns, vnf, c.profile)})
			},
		},
	}
	for _, c := range cases {
		c.domain = "south"
	}
	return cases
}

// libShared puts a VNF of trust domain east on the one host that the VNF of the
// case can be placed on, and then that VNF.
func libShared(d *libDomain, c *libCase) {
	east := d.of(d.t)
	east.name, east.ca = "east", csartest.NewCA(d.t, "east packages")
	east.signer = east.ca.Signer(d.t, "vendor", nil)
	d.do("trust-domain", "create", "east")
	write := func(name string, raw []byte) string {
		path := filepath.Join(d.home, "east-"+name)
		writeFile(d.t, path, string(raw), 0o600)
		return path
	}
	d.do("package", "policy", "--trust-domain", "east", "--anchor", write("anchor.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: east.ca.Cert.Raw})))
	d.do("package", "onboard", write("tenant.csar", libPackage{name: "tenant", product: "Tenant", version: "1.0", needs: "hsm"}.build(d.t, "east", east.signer)), "--trust-domain", "east")
	nsd := strings.ReplaceAll(strings.ReplaceAll(libNSD, "    box: {type: tosca.nodes.nfv.PNF, properties: {descriptor_id: NAME-box}, requirements: [{port: net}]}\n", ""), "NAME", "east") + east.libProfile("tenant", "tenant")
	raw := csartest.Build(d.t, csartest.Spec{Option: csartest.Option1, Signer: east.signer, Metadata: csartest.NSMetadata, Definition: []byte(nsd)})
	d.do("nsd", "onboard", write("ns.csar", raw), "--trust-domain", "east")
	other := east.only(east.add(east.newNs(c), "tenant"))

	ns := d.newNs(c)
	vnf := d.add(ns, c.profile)
	w := libWant{code: "other-trust-domain", severity: hub.SeverityHigh, target: libTarget(ns, vnf, c.profile)}
	w.target.HostID = other.HostID
	d.ended(c, ns, vnf, w, false, false)
	if now := east.only(other.Metadata["vnfInstanceId"]); now.HostID != other.HostID {
		d.t.Errorf("the other domain's VNF is on %s now", now.HostID)
	}
}
