package e2e_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// certified is a hub whose VNFM makes the keys of VNFCs in a TPM that was sold with a
// certificate of its maker, and whose web VNFs are to have certificates.
func certified(t *testing.T, domain string) *nsHub {
	t.Helper()
	device, makers := devicekit.Sold(t)
	return certifiedBy(t, domain, device, makers)
}

// certifiedBy is certified with a TPM of the test's.
func certifiedBy(t *testing.T, domain, device string, makers []byte) *nsHub {
	t.Helper()
	started := newHub(t)
	writeFile(t, filepath.Join(started.home, "makers.pem"), string(makers), 0o600)
	return certifiedOn(started, domain, "certificateManagement:\n  vnfmDevice: "+device+"\n  domains:\n    - {trustDomain: "+domain+", deviceRoots: "+filepath.Join(started.home, "makers.pem")+"}\n")
}

// certifiedOn is certified on a hub that is not started, with its configuration.
func certifiedOn(started *hubProcess, domain, yaml string) *nsHub {
	t := started.t
	t.Helper()
	config := filepath.Join(started.home, "cmf.yaml")
	writeFile(t, config, yaml, 0o600)
	started.args = append(started.args, "--config", config)
	h := newNsHubOn(t, started.start(), 2)
	h.do("trust-domain", "create", domain)
	h.onboard(domain, nskit.NewCertified(t, domain))
	return h
}

// certificates lists the inventory by the command line.
func (h *nsHub) certificates(filters ...string) (list []certmgmt.Certificate) {
	h.t.Helper()
	out := h.do(append([]string{"cert", "list", "-o", "json"}, filters...)...)
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		h.t.Fatalf("%v: %s", err, out)
	}
	return list
}

// A VNF whose VNFD asks for certificates has one for each VNFC, of a key that the
// VNFM's TPM attested. It shows them, to the NFVO's consumers as well; what scales in,
// is quarantined or is terminated loses them, as the CMF learns from the VNFM and the
// NFVO.
//
// Covers: Cm-Vnfm.002, VNFM.LCM.001, VNFM.LCM.002
func TestCmf_VnfmCertificates(t *testing.T) {
	t.Parallel()
	h := certified(t, "north")
	ns := h.instantiate("north", "shop")
	web := h.vnfsOf(ns, "north-web")[0]
	var v sol003.VnfInstance
	if _, err := h.vnflcm().Do(t.Context(), http.MethodGet, "/vnf_instances/"+web, nil, &v); err != nil {
		t.Fatal(err)
	}
	if v.CertificateInfo == nil || len(v.CertificateInfo.CertificateContents) != 1 || v.InstantiatedVnfInfo.VnfcResourceInfo[0].CertificateContentID != v.CertificateInfo.CertificateContents[0].ID {
		t.Fatalf("the VNF shows %+v", v.CertificateInfo)
	}
	shown := v.CertificateInfo.CertificateContents[0]
	list := h.certificates()
	if len(list) != 1 || list[0].ID != shown.ID || list[0].VnfInstanceID != web || list[0].SubjectID != shown.VnfcID || list[0].Assurance != "genuine" || shown.Assurance != "genuine" || list[0].State != certmgmt.CertificateValid {
		t.Fatalf("the inventory has %+v, shown is %+v", list, shown)
	}
	block, _ := pem.Decode([]byte(h.do("cert", "chain", shown.ID)))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil || len(leaf.URIs) != 1 || leaf.URIs[0].String() != "urn:uuid:"+shown.VnfcID || !slices.Equal(leaf.Subject.Organization, []string{"Acme"}) {
		t.Errorf("the certificate is for %v, %v: %v", leaf.Subject, leaf.URIs, err)
	}
	for _, n := range h.showNs(ns).VnfInstance {
		if n.ID == web && (n.CertificateInfo == nil || n.CertificateInfo.CertificateContents[0].ID != shown.ID) {
			t.Errorf("the NFVO shows %+v", n.CertificateInfo)
		}
	}

	scale := func(direction string) {
		h.mustComplete(ns, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: direction, AspectID: "users", NumberOfSteps: 1}}})
	}
	scale("SCALE_OUT")
	if list := h.certificates("--state", "VALID"); len(list) != 2 {
		t.Fatalf("after scaling out: %+v", list)
	}
	revoked := func(n int, reason string) {
		t.Helper()
		eventually(t, "the CMF revokes what is gone", patience, func() bool { return len(h.certificates("--state", "REVOKED")) == n })
		for _, c := range h.certificates("--state", "REVOKED") {
			if c.RevocationReason != reason && c.ID != shown.ID {
				t.Errorf("certificate %s was revoked for %s, want %s", c.ID, c.RevocationReason, reason)
			}
		}
	}
	scale("SCALE_IN")
	revoked(1, "cessationOfOperation")
	if list := h.certificates("--state", "VALID"); len(list) != 1 || list[0].ID != shown.ID {
		t.Errorf("after scaling in: %+v", list)
	}

	in := map[string]any{"vnfs": "MIGRATE", "quarantine": true, "reason": "of a test"}
	if _, err := h.osMa("/manoward/v1", "1.0.0").Do(t.Context(), http.MethodPost, "/hosts/"+h.hostOf(web)+"/stop_use", in, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "certificates of a quarantined host end", patience, func() bool { return len(h.certificates("--state", "REVOKED")) == 2 })
	for _, c := range h.certificates("--state", "REVOKED") {
		if c.ID == shown.ID && c.RevocationReason != "keyCompromise" {
			t.Errorf("quarantine revoked for %s", c.RevocationReason)
		}
	}
}

// The built-in VNFM makes keys of VNFCs in a PKCS#11 token as well: each is attested by
// the token's statement, stays in the token when the hub is killed, and is renewed.
//
// Covers: CMF.Attest
func TestCmf_VnfmToken(t *testing.T) {
	t.Parallel()
	env, keys := softToken(t, "vnfm")
	started := newHub(t)
	started.prefix = env
	h := certifiedOn(started, "north", "certificateManagement: {vnfmToken: {"+keys+"}}\n")
	ns := h.instantiate("north", "shop")
	list := h.certificates()
	if len(list) != 1 || list[0].Assurance != "protected" || list[0].VnfInstanceID != h.vnfsOf(ns, "north-web")[0] {
		t.Fatalf("the inventory has %+v", list)
	}
	first := list[0]
	h.kill()
	h.start()
	h.mustComplete(ns, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "users", NumberOfSteps: 1}}})
	list = h.certificates("--state", "VALID")
	if len(list) != 2 || list[0].AttesterID != list[1].AttesterID || list[0].KeyHash == list[1].KeyHash {
		t.Fatalf("after scaling out: %+v", list)
	}
	h.do("ca", "revoke-intermediate", first.Issuer, "--trust-domain", "north", "--comment", "a test")
	eventually(t, "the VNFM renews what the revoked one issued", patience, func() bool {
		renewed := 0
		for _, c := range h.certificates("--state", "VALID") {
			if c.IssuerRevoked == nil && c.Renews != "" && c.Assurance == "protected" {
				renewed++
			}
		}
		return renewed == 2
	})
	for _, c := range h.certificates("--state", "VALID") {
		if c.Renews == first.ID && c.KeyHash != first.KeyHash {
			t.Errorf("renewed with another key: %+v, was %+v", c, first)
		}
	}
}

// hostOf is where a VNF's compute is.
func (h *nsHub) hostOf(vnf string) string {
	h.t.Helper()
	for _, c := range resources[struct {
		HostID   string            `json:"hostId"`
		Metadata map[string]string `json:"metadata"`
	}](h, "computes", "") {
		if c.Metadata["vnfInstanceId"] == vnf {
			return c.HostID
		}
	}
	h.t.Fatalf("VNF %s has no compute", vnf)
	return ""
}
