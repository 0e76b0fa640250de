package e2e_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/journal/trail"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// The page certifies the VNFCs of the hub's own VNFM, and one of another VNFM, with
// one TPM and openssl as the judge.
func TestHowto_CertifyVnfComponents(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "jq", "openssl", "swtpm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed, and the page uses it; run: make deps", tool)
		}
	}
	device, makers := devicekit.Sold(t)
	h := certifiedBy(t, "north", device, makers)
	ns := h.instantiate("north", "shop")
	out := h.runPagesWith(t.TempDir(), []string{"TPM=" + device}, "certify-vnf-components.md")
	says(t, out, "vnfc.pem: OK", "vnfc.crt: OK", "proven to be in its TPM", "assurance", "genuine")
	// The last commands of the page revoke the intermediate and list what it had issued.
	// The hub's own VNFM sees that by itself and renews; the other has to.
	var list []certmgmt.Certificate
	eventually(t, "the hub's VNFM renews what the revoked one issued", patience, func() bool {
		list = h.certificates("--state", "VALID")
		return len(list) == 3
	})
	web, renewed := h.vnfsOf(ns, "north-web")[0], ""
	for _, c := range list {
		told := strings.Contains(out, c.ID)
		switch {
		case c.Assurance != "genuine" || c.State != certmgmt.CertificateValid || told != (c.IssuerRevoked != nil) || told != (c.Renews == ""):
			t.Errorf("the inventory has %+v", c)
		case !told:
			renewed = c.ID
		case (c.RenewedBy != "") != (c.VnfInstanceID == web):
			t.Errorf("of VNF %s is renewed by %q: %+v", c.VnfInstanceID, c.RenewedBy, c)
		}
	}
	if strings.Count(out, "REVOKED") != 1 {
		t.Errorf("the page says\n%s", out)
	}
	// The NFVO is told: it shows the new one before it looks at the VNF by itself.
	eventually(t, "the NFVO shows the renewed certificate", patience, func() bool {
		for _, v := range h.showNs(ns).VnfInstance {
			if v.ID == web && v.CertificateInfo != nil && v.CertificateInfo.CertificateContents[0].ID == renewed {
				return true
			}
		}
		return false
	})

	// An auditor follows one from its registration on, by its ID and by its number.
	for _, id := range []string{list[0].ID, list[0].SerialNumber} {
		chain, report := h.chainOf("north", id)
		if chain.Is != trail.Certificate || stepsOf(chain) != "registration statement verdict policies certificate" {
			t.Errorf("the chain of %s is of %s: %s\n%+v", id, chain.Is, stepsOf(chain), chain)
		}
		if report.Contents < len(list)+1 || report.NotKept != 0 {
			t.Errorf("the evidence has %d contents, %d were not kept; want the certificates and their chains", report.Contents, report.NotKept)
		}
	}
}
