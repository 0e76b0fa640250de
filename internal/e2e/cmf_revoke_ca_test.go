package e2e_test

import (
	"encoding/pem"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
)

// An operator has an intermediate revoked that may be known to others. openssl, which
// fetches each list where the certificates say, refuses what it issued from then on,
// also after the hub was killed; its VNFM sees that, renews, and has what openssl takes.
//
// Covers: CMF.Certm.Del.002
func TestCmf_RevokedIntermediate(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	c := &cmfClient{t: t, domain: "north", identity: "spiffe://north/vnfm/vendor", cmVnfm: h.newCmVnfm("north", "vendor"), rnd: rand.New(rand.NewPCG(1, 1))}
	r := c.newSubject()
	if !c.register(t.Context(), r) || !c.request(t.Context(), r, nil) {
		t.Fatal("there is no certificate")
	}
	old := c.asks[0]
	if out := wholeChain(t, old.answer); !strings.HasSuffix(out, ": OK") {
		t.Fatalf("before, openssl says %s", out)
	}
	var is certmgmt.Certificate
	c.mustDo(t, "GET", "/certificates/"+old.answer.CertificateID, nil, &is)
	for range 2 {
		h.do("ca", "revoke-intermediate", is.Issuer, "--trust-domain", "north", "--comment", "a test")
	}
	h.kill()
	h.start()
	c.url = h.ready.Endpoints["cmVnfm"]
	c.Client = c.at(h, c.serverName, c.roots)
	if out := wholeChain(t, old.answer); !strings.Contains(out, "certificate revoked") {
		t.Errorf("openssl takes what the revoked one issued: %s", out)
	}
	told := 0
	for _, rec := range h.records("north") {
		if rec.Kind == "authority.revoked" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d records say that it was revoked", told)
	}
	if out := h.do("cert", "list", "--trust-domain", "north", "--issuer", is.Issuer, "--state", "VALID"); !strings.Contains(out, is.ID) {
		t.Errorf("what it issued is not listed: %s", out)
	}
	c.mustDo(t, "GET", "/certificates/"+is.ID, nil, &is)
	if is.IssuerRevoked == nil || is.State != certmgmt.CertificateValid {
		t.Errorf("the VNFM sees %+v", is)
	}
	c.refused(t, hub.Denied, "ca.revoke", "POST", "/authorities/north/issuers/"+is.Issuer+"/revoke", certmgmt.RevokeRequest{Reason: "superseded"})
	if !c.request(t.Context(), r, old) {
		t.Fatal("it is not renewed")
	}
	if out := wholeChain(t, c.asks[1].answer); !strings.HasSuffix(out, ": OK") {
		t.Errorf("what took its place: openssl says %s", out)
	}
}

// wholeChain is what openssl says of a certificate and those above it, by the lists
// that it fetches.
func wholeChain(t *testing.T, a *certmgmt.Signing) string {
	t.Helper()
	var issued hub.IssuedCertificate
	for _, text := range append([]string{a.Certificate}, a.CertificateChain...) {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			t.Fatalf("%q is no PEM", text)
		}
		issued.Chain = append(issued.Chain, block.Bytes)
	}
	last := len(issued.Chain) - 1
	args := []string{
		"verify", "-crl_check_all", "-crl_download", "-CAfile", catest.PEM(t, "CERTIFICATE", issued.Chain[last]),
		"-untrusted", catest.PEM(t, "CERTIFICATE", issued.Chain[1:last]...), catest.PEM(t, "CERTIFICATE", issued.Chain[0]),
	}
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	if len(out) == 0 {
		t.Fatalf("openssl verify says nothing: %v", err)
	}
	return strings.TrimSpace(string(out))
}
