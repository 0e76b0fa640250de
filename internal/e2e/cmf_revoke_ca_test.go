package e2e_test

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/rand/v2"
	"net/http"
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
// that it fetches. It asks for one about the root as well, which names none itself:
// that is the one that the intermediate names.
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
	intermediate, err := x509.ParseCertificate(issued.Chain[1])
	if err != nil || len(intermediate.CRLDistributionPoints) != 1 {
		t.Fatalf("the intermediate names the lists %v: %v", intermediate.CRLDistributionPoints, err)
	}
	args := []string{
		"verify", "-crl_check_all", "-crl_download", "-CRLfile", catest.PEM(t, "X509 CRL", fetched(t, intermediate.CRLDistributionPoints[0])), "-CAfile", catest.PEM(t, "CERTIFICATE", issued.Chain[last]),
		"-untrusted", catest.PEM(t, "CERTIFICATE", issued.Chain[1:last]...), catest.PEM(t, "CERTIFICATE", issued.Chain[0]),
	}
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	if len(out) == 0 {
		t.Fatalf("openssl verify says nothing: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// fetched is what is served at an address in plain HTTP.
func fetched(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, resp.Status, err)
	}
	return body
}
