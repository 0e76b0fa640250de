package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/csartest"
)

// libNorth is the cases of packages, of certificates, and of who may do what.
func libNorth() []*libCase {
	cases := slices.Concat(libPackages(), libCertificates(), libAccess())
	for _, c := range cases {
		c.domain = "north"
	}
	return cases
}

func libPackages() []*libCase {
	return []*libCase{
		{
			policy: "package-unsigned", parameters: map[string]any{"terminate": true}, profile: "bare", vnf: "bare", pkg: &libPackage{name: "bare", product: "Bare", version: "1.0"},
			sign: func(*libDomain) *csartest.Signer { return nil },
			run:  libEnded("unsigned", hub.SeverityHigh, true, true),
		},
		{
			policy: "package-signer", parameters: map[string]any{"allowedSigners": []string{"CN=vendor"}, "terminate": true},
			profile: "foreign", vnf: "foreign", pkg: &libPackage{name: "foreign", product: "Foreign", version: "1.0"},
			sign: func(d *libDomain) *csartest.Signer { return d.ca.Signer(d.t, "stranger", nil) },
			run:  libEnded("signer-unknown", hub.SeverityHigh, true, true),
		},
		{policy: "package-checksum", profile: "tampered", vnf: "web2", also: []string{"unauthorized-attempt-source/own-function"}, run: libTampered},
	}
}

// libTampered alters the stored file of a package, and lets the NFVO use it.
func libTampered(d *libDomain, c *libCase) {
	ns := d.newNs(c)
	vnf := d.add(ns, c.profile)
	path := "/vnf_packages?filter=(eq,vnfdId," + d.name + "-" + c.vnf + ")"
	read := func() sol005.VnfPkgInfo {
		for p, err := range httpapi.All[sol005.VnfPkgInfo](d.t.Context(), d.osMa("/vnfpkgm/v2", "2.4.0"), path+"&all_fields", nil) {
			if err != nil {
				d.t.Fatal(err)
			}
			return p
		}
		d.t.Fatal("there is no such package")
		return sol005.VnfPkgInfo{}
	}
	pkg := read()
	file := d.file("catalogue", d.name, strings.ToLower(pkg.Checksum.Hash)+".csar")
	raw, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		d.t.Fatal(err)
	}
	op, err := d.task(ns, "scale", libScale(vnf, "SCALE_OUT"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.scorEnded(op, sol005.NsLcmOperationStateFailedTemp)
	w := libWant{code: "package-altered", severity: hub.SeverityCritical, target: libTarget(ns, vnf, c.profile), action: hub.ActionTerminateVnf}
	d.finds(c, w)
	d.do("ns", "ops", "fail", op) // until then the operation holds the NS, and the order waits
	d.ended(c, ns, vnf, w, true, true)
	if now := read(); now.OperationalState != sol005.PackageOperationalStateDisabled {
		d.t.Errorf("the package is %s", now.OperationalState)
	}
}

// libValidity is how long the CMF's certificates of trust domain north are valid:
// less than the 14 days before its end at which a certificate is a finding.
const libValidity = 10 * 24 * time.Hour

func libCertificates() []*libCase {
	const endsSoon = "certificate-expiry/ends-soon"
	return []*libCase{
		{
			policy: "certificate-expiry", profile: "brief", vnf: "brief", pkg: &libPackage{name: "brief", product: "Brief", version: "1.0", needs: "tpm", certified: true},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				if left := time.Until(d.certificateOf(ns, vnf).NotAfter); left > libValidity || left < libValidity/2 {
					d.t.Errorf("the certificate ends in %s", left)
				}
				d.finds(c, libWant{code: "ends-soon", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			// The CMF certified the key that the VNFM's TPM made; the operator knows another.
			policy: "certificate-key", profile: "swapped", vnf: "brief", also: []string{endsSoon},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				has := d.certificateOf(ns, vnf)
				other := sha256.Sum256([]byte("the key that it should have"))
				d.setParameters(c.policy, map[string]any{"pins": map[string][]string{has.VnfcID: {hex.EncodeToString(other[:])}}, "terminate": true})
				d.ended(c, ns, vnf, libWant{code: "key-not-pinned", severity: hub.SeverityCritical, target: libTarget(ns, vnf, c.profile)}, true, true)
				eventually(d.t, "the CMF revokes the certificate of the VNF that ended", patience, func() bool {
					return slices.ContainsFunc(d.certificates("--state", "REVOKED"), func(r certmgmt.Certificate) bool { return r.ID == has.ID })
				})
			},
		},
	}
}

// certificateOf is the one certificate that the NFVO shows of a VNF.
func (d *libDomain) certificateOf(ns, vnf string) sol.CertificateContent {
	d.t.Helper()
	for _, v := range d.showNs(ns).VnfInstance {
		if v.ID == vnf && v.CertificateInfo != nil && len(v.CertificateInfo.CertificateContents) == 1 {
			return v.CertificateInfo.CertificateContents[0]
		}
	}
	d.t.Fatalf("the NFVO does not show the certificate of VNF %s", vnf)
	return sol.CertificateContent{}
}

func libAccess() []*libCase {
	return []*libCase{
		{
			policy: "request-source", parameters: map[string]any{"allowedKinds": map[string][]string{"VNF_OPERATE": {"OSS", "OPERATOR", "SM"}}}, profile: "operated", vnf: "web",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				em := d.createClient("lib-element", "--party", "em", "--trust-domain", d.name)
				d.scorTask(em, hub.VNFM, "/vnflcm/v2/vnf_instances/"+vnf+"/operate", map[string]any{"changeStateTo": "STOPPED"})
				d.finds(c, libWant{code: "kind-not-allowed", severity: hub.SeverityMedium, target: libTarget(ns, vnf, c.profile)})
			},
		},
		{
			policy: "unauthorized-attempt-source",
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				shop := d.createClient("lib-intruder", "--party", "oss", "--trust-domain", "south")
				d.scorRefused(shop, hub.OsMa, "POST", "/nslcm/v2/ns_instances/"+ns+"/terminate", "{}", http.StatusNotFound)
				d.finds(c, libWant{code: "other-domain", severity: hub.SeverityHigh, target: hub.Target{NsInstanceID: ns}})
			},
		},
		{
			policy: "unauthorized-attempt-rate", also: []string{"unauthorized-attempt-source/other-domain"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				shop := d.createClient("lib-persistent", "--party", "oss", "--trust-domain", "south")
				for range 6 {
					d.scorRefused(shop, hub.OsMa, "POST", "/nslcm/v2/ns_instances/"+ns+"/terminate", "{}", http.StatusNotFound)
				}
				d.finds(c, libWant{code: "persistent-actor", severity: hub.SeverityMedium, target: hub.Target{NsInstanceID: ns}})
			},
		},
		{
			policy: "replacement-attempt", profile: "barred", vnf: "web", also: []string{"unauthorized-attempt-source/other-domain"},
			run: func(d *libDomain, c *libCase) {
				ns := d.newNs(c)
				vnf := d.add(ns, c.profile)
				d.mustComplete(ns, "update", scorRemove([]string{vnf}, "replace", false))
				d.gone(ns, vnf, c.profile, false, true)
				other := d.scorSM("south", "reviver", "fully-active")
				again := sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: c.profile}}}
				other.must(http.StatusNotFound, hub.ScOrSecEnforce, "POST", "/nslcm/v2/ns_instances/"+ns+"/update", again)
				d.finds(c, libWant{code: "barred-vnf-asked-for", severity: hub.SeverityMedium, target: hub.Target{NsInstanceID: ns}})
				if left := d.vnfIDs(ns); len(left) != 0 {
					d.t.Errorf("the barred VNF is back: %v", left)
				}
			},
		},
	}
}
