package e2e_test

import (
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// libWest is the cases of hosts, of the infrastructure, and of security VNFs.
func libWest() []*libCase {
	cases := slices.Concat(libSecurityVnfs(), libInfrastructure(), libHosts())
	for _, c := range cases {
		c.domain = "west"
	}
	return cases
}

// noCertificate is found of every security VNF here: none of their VNFDs asks for
// a certificate.
const noCertificate = "certificate-attested/no-certificate"

func libSecurityVnfs() []*libCase {
	return []*libCase{
		{
			policy: "certificate-attested", profile: "unproven", vnf: "guard",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				d.finds(c, libWant{code: "no-certificate", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			policy: "security-vnf-removed", parameters: map[string]any{"reinsert": true}, profile: "dropped", vnf: "guard", also: []string{noCertificate, "security-vnf-removed/removal-begins"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				d.mustComplete(ns, "update", scorRemove([]string{vnf}))
				d.finds(c, libWant{code: "removed", severity: hub.SeverityCritical, target: hub.Target{NsInstanceID: ns, VnfProfileID: c.profile}, action: hub.ActionInsertSecurityVnf})
				d.orders(c, hub.ActionInsertSecurityVnf, hub.Target{NsInstanceID: ns})
				now := d.vnfIDs(ns)
				if len(now) != 1 || now[0] == vnf {
					d.t.Fatalf("the NS has %v", now)
				}
				d.only(now[0])
			},
		},
	}
}

func libInfrastructure() []*libCase {
	return []*libCase{
		{
			policy: "blind-spot", also: []string{"blind-spot/view-old", "change-window/outside-window"}, profile: "dark", vnf: "dark", pkg: &libPackage{name: "dark", product: "Dark", version: "1.0"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				if _, err := d.vim().Do(d.t.Context(), http.MethodDelete, "/computes/"+d.only(vnf).ID, nil, nil); err != nil {
					d.t.Fatal(err)
				}
				d.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateModifyVnfInformation, ModifyVnfInfoData: []sol005.ModifyVnfInfoData{{VnfInstanceID: vnf, VnfInstanceName: "dark"}}})
				d.finds(c, libWant{code: "computes-unknown", severity: hub.SeverityLow, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			policy: "compute-failed", also: []string{"compute-failed/compute-failed"}, profile: "weak", vnf: "dark",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				d.do("vim", "event", "compute-failed", d.only(vnf).ID)
				d.finds(c, libWant{code: "alarm", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			policy: "migration-unexpected", parameters: map[string]any{"minutes": 0}, profile: "mover", vnf: "web",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				if _, err := d.vim().Do(d.t.Context(), http.MethodPost, "/computes/"+d.only(vnf).ID+"/migrate", map[string]any{}, nil); err != nil {
					d.t.Fatal(err)
				}
				d.finds(c, libWant{code: "not-asked-for", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			policy: "host-equipment", parameters: map[string]any{"needs": map[string][]string{"keyless": {"tpm"}}}, profile: "keyless", vnf: "web",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				w := libWant{code: "equipment-missing", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)}
				w.target.HostID = d.only(vnf).HostID
				d.finds(c, w)
			},
		},
		{
			policy: "compute-isolated", parameters: map[string]any{"replace": true}, profile: "stuck", vnf: "stuck", pkg: &libPackage{name: "stuck", product: "Stuck", version: "1.0", needs: "hmee"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				host := d.only(vnf).HostID
				d.fails(5, "only in part", "host", "stop-use", host, "--vnfs", "migrate", "--quarantine", "--reason", "of a test")
				d.ended(c, ns, vnf, libWant{code: "isolated", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)}, true, false)
			},
		},
	}
}

// libHosts is the cases that have the use of a host ended: the VNF on it moves.
func libHosts() []*libCase {
	stopped := func(d *libDomain, c *libCase, ns, vnf, host string, w libWant) {
		d.owners.own(c, host)
		w.target, w.action = hub.Target{HostID: host}, hub.ActionStopHost
		d.finds(c, w)
		d.orders(c, hub.ActionStopHost, hub.Target{HostID: host})
		d.stoppedHost(host)
		if now := d.only(vnf).HostID; now == host || !slices.Contains(d.vnfIDs(ns), vnf) {
			d.t.Errorf("VNF %s is on %s", vnf, now)
		}
	}
	return []*libCase{
		{
			policy: "host-firmware", profile: "old-host", vnf: "old-host", pkg: &libPackage{name: "old-host", product: "OldHost", version: "1.0", needs: "hsm"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				host := d.only(vnf).HostID
				firmware := d.hostNow(host).Firmware
				d.setParameters(c.policy, map[string]any{"denied": []string{firmware}, "stopHost": true})
				stopped(d, c, ns, vnf, host, libWant{code: "firmware-denied", severity: hub.SeverityHigh})
			},
		},
		{
			policy: "host-integrity", profile: "rooted", vnf: "rooted", pkg: &libPackage{name: "rooted", product: "Rooted", version: "1.0", needs: "tpm, hsm"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				host := d.only(vnf).HostID
				d.do("vim", "event", "host-integrity", host, "UNTRUSTED")
				stopped(d, c, ns, vnf, host, libWant{code: "host-untrusted", severity: hub.SeverityCritical})
			},
		},
	}
}

// stoppedHost wants that a host is not used by a trust domain any more.
func (d *libDomain) stoppedHost(id string) {
	d.t.Helper()
	h := d.hostNow(id)
	if !slices.Contains(h.StoppedFor, d.name) {
		d.t.Errorf("host %s is %+v", id, h)
	}
	for _, c := range resources[ifa006.Compute](d.nsHub, "computes", "") {
		if c.HostID == id && c.TrustDomain == d.name {
			d.t.Errorf("compute %s is still on host %s", c.ID, id)
		}
	}
}
