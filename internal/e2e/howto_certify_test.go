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
	h.instantiate("north", "shop")
	out := h.runPagesWith(t.TempDir(), []string{"TPM=" + device}, "certify-vnf-components.md")
	says(t, out, "vnfc.pem: OK", "vnfc.crt: OK", "proven to be in its TPM", "assurance", "genuine")
	// The last commands of the page revoke the intermediate and list what it had issued.
	list := h.certificates()
	for _, c := range list {
		if c.Assurance != "genuine" || c.State != certmgmt.CertificateValid || c.IssuerRevoked == nil || !strings.Contains(out, c.ID) {
			t.Errorf("the inventory has %+v", c)
		}
	}
	if len(list) != 2 || strings.Count(out, "REVOKED") != 1 {
		t.Errorf("%d certificates, and\n%s", len(list), out)
	}

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
