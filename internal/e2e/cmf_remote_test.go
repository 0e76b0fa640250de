package e2e_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/stepcakit"
)

// remoteSite is a trust domain whose certificates a step-ca elsewhere signs, and a
// VNFM in it.
type remoteSite struct {
	*cmVnfm
	t      *testing.T
	h      *hubProcess
	domain string
	ca     *stepcakit.Server
	device *devicekit.Soft
}

// pki is where certificates say that revocation lists are.
const pki = "http://pki.example.net"

// newStepCA is a step-ca for a trust domain, whose list has the address that
// certificates of the domain name.
func newStepCA(t *testing.T, domain string, x5c bool) *stepcakit.Server {
	t.Helper()
	ca := stepcakit.Start(t, stepcakit.Options{Template: stepca.Template, X5C: x5c})
	publishAt(ca, domain)
	return ca
}

func publishAt(ca *stepcakit.Server, domain string) {
	ca.PublishAt(func(issuer string) string { return pki + "/crl/" + domain + "/" + issuer + ".crl" })
	ca.Restart()
}

// remoteConfig is the configuration of a trust domain with a step-ca elsewhere.
func remoteConfig(t *testing.T, domain string, ca *stepcakit.Server) string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("    - {trustDomain: %s, remoteUrl: %q, remoteRoots: [%s], provisioner: %s, provisionerKey: %s", domain, ca.URL, ca.Pin, stepcakit.Provisioner, catest.PEM(t, "PRIVATE KEY", key))
	if len(ca.Chain) > 0 {
		text += ", provisionerChain: " + catest.PEM(t, "CERTIFICATE", ca.Chain[0].Raw)
	}
	return text + "}\n"
}

// entity registers a VNFC instance and returns a request for its certificate.
func (r *remoteSite) entity() certmgmt.SigningRequest {
	r.t.Helper()
	subject := hub.NewID()
	in := certmgmt.RegisterRequest{
		CertType: certmgmt.VNFCICert, SubjectID: []string{subject}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
		Attesters: []certmgmt.Attester{{StatementOID: "2.23.133.20.1", PublicKey: string(r.device.AKPEM())}},
	}
	r.mustDo(r.t, http.MethodPost, "/registrations", in, nil)
	return certmgmt.SigningRequest{VnfcID: subject, CertType: certmgmt.VNFCICert, CertChainRequest: true, CSR: string(r.device.CSR(r.t, devicekit.Want{CommonName: subject}).PEM)}
}

const signingRequests = "/certificate_signing_requests"

// issue gets a certificate, which openssl has to find good below the pinned root.
func (r *remoteSite) issue(in certmgmt.SigningRequest) (certmgmt.Certificate, hub.IssuedCertificate) {
	r.t.Helper()
	var s certmgmt.Signing
	r.mustDo(r.t, http.MethodPost, signingRequests, in, &s)
	var is certmgmt.Certificate
	r.mustDo(r.t, http.MethodGet, "/certificates/"+s.CertificateID, nil, &is)
	var issued hub.IssuedCertificate
	for _, text := range append([]string{s.Certificate}, s.CertificateChain...) {
		block, _ := pem.Decode([]byte(text))
		issued.Chain = append(issued.Chain, block.Bytes)
	}
	if last := len(issued.Chain) - 1; !bytes.Equal(issued.Chain[last], r.ca.Root.Raw) {
		r.t.Fatal("the chain does not end in the root that is pinned")
	}
	issued.Chain = issued.Chain[:len(issued.Chain)-1]
	if out := catest.Verify(r.t, issued, r.ca.Root.Raw); !strings.HasSuffix(out, ": OK") {
		r.t.Errorf("openssl: %s", out)
	}
	leaf, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		r.t.Fatal(err)
	}
	if len(leaf.OCSPServer) != 0 || len(leaf.CRLDistributionPoints) != 1 || leaf.CRLDistributionPoints[0] != pki+"/crl/"+r.domain+"/"+hex.EncodeToString(leaf.AuthorityKeyId)+".crl" {
		r.t.Errorf("the certificate names %v for OCSP and %v for lists", leaf.OCSPServer, leaf.CRLDistributionPoints)
	}
	if is.SerialNumber != leaf.SerialNumber.Text(16) {
		r.t.Errorf("the inventory has serial number %s, the certificate %x", is.SerialNumber, leaf.SerialNumber)
	}
	return is, issued
}

// status fetches what is published.
func (r *remoteSite) status(path string) (int, string) {
	r.t.Helper()
	resp, body := call(r.t, http.DefaultClient, http.MethodGet, r.h.ready.Endpoints["cmfStatus"]+path, nil, "")
	return resp.StatusCode, body
}

// checkList lets openssl check a certificate against the list of its issuer.
func (r *remoteSite) checkList(issuer string, issued hub.IssuedCertificate) string {
	r.t.Helper()
	status, list := r.status("/crl/" + r.domain + "/" + issuer + ".crl")
	if status != http.StatusOK {
		r.t.Fatalf("the list of %s: %d %s", issuer, status, list)
	}
	return catest.Verify(r.t, issued, r.ca.Root.Raw, "-crl_check", "-CRLfile", catest.PEM(r.t, "X509 CRL", []byte(list)))
}

// revoke revokes a certificate.
func (r *remoteSite) revoke(id string) (is certmgmt.Certificate) {
	r.t.Helper()
	r.mustDo(r.t, http.MethodPost, "/certificates/"+id+"/revoke", certmgmt.RevokeRequest{Reason: "keyCompromise"}, &is)
	if is.State != certmgmt.CertificateRevoked {
		r.t.Errorf("after its revocation: %+v", is)
	}
	return is
}

// Two real step-ca processes sign for two trust domains of one hub, one with a JWK
// provisioner and one with X5C. What they issue is verified and revoked as what the
// hub issues itself, one that is away is said to be, and one whose intermediate was
// rotated is followed.
func TestCmf_RemoteStepCA(t *testing.T) {
	t.Parallel()
	jwk, x5c := newStepCA(t, "west", false), newStepCA(t, "east", true)
	h := newHub(t)
	h.configure("certificateManagement:\n  statusUrl: " + pki + "\n  domains:\n" + remoteConfig(t, "west", jwk) + remoteConfig(t, "east", x5c))
	h.start()
	sites := map[string]*remoteSite{}
	for domain, ca := range map[string]*stepcakit.Server{"west": jwk, "east": x5c} {
		h.do("trust-domain", "create", domain)
		sites[domain] = &remoteSite{h.newCmVnfm(domain, "vnfm-"+domain), t, h, domain, ca, devicekit.NewSoft(t)}
	}
	for _, r := range sites {
		good, goodIssued := r.issue(r.entity())
		bad, badIssued := r.issue(r.entity())
		r.revoke(bad.ID)
		if out := r.checkList(good.Issuer, goodIssued); !strings.HasSuffix(out, ": OK") {
			t.Errorf("%s: the good certificate: %s", r.domain, out)
		}
		if out := r.checkList(bad.Issuer, badIssued); !strings.Contains(out, "certificate revoked") {
			t.Errorf("%s: the revoked certificate: %s", r.domain, out)
		}
		if status, der := r.status("/ca/" + r.domain + "/" + good.Issuer + ".crt"); status != http.StatusOK || der != string(goodIssued.Chain[1]) {
			t.Errorf("%s: the certificate of the issuer: %d", r.domain, status)
		}
		r.ocsp(goodIssued)
	}
	sites["east"].away()
	h.awaitMissing()
	sites["west"].rotated()
}

// ocsp asks about a certificate of a step-ca: nobody signs answers for it.
func (r *remoteSite) ocsp(issued hub.IssuedCertificate) {
	r.t.Helper()
	request := filepath.Join(r.t.TempDir(), "request.der")
	out, err := r.h.command(r.t.Context(), "openssl", "ocsp", "-issuer", catest.PEM(r.t, "CERTIFICATE", issued.Chain[1]), "-cert", catest.PEM(r.t, "CERTIFICATE", issued.Chain[0]), "-reqout", request).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	answer := filepath.Join(r.t.TempDir(), "answer.der")
	curl := r.h.command(r.t.Context(), "curl", "--silent", "--fail", "--header", "Content-Type: application/ocsp-request", "--data-binary", "@"+request, "--output", answer, r.h.ready.Endpoints["cmfStatus"]+"/ocsp/"+r.domain)
	if out, err := curl.CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	out, err = r.h.command(r.t.Context(), "openssl", "ocsp", "-respin", answer, "-resp_text").CombinedOutput()
	if !strings.Contains(string(out), "unauthorized") {
		r.t.Errorf("openssl of the answer: %v %s", err, out)
	}
}

// away is a step-ca that is stopped while a certificate is asked for, and comes back.
func (r *remoteSite) away() {
	r.t.Helper()
	in := r.entity()
	r.ca.Stop()
	r.refused(r.t, hub.Unavailable, "does not answer", http.MethodPost, signingRequests, in)
	var list []certmgmt.Signing
	r.mustDo(r.t, http.MethodGet, signingRequests+"?filter=(eq,state,"+certmgmt.RequestFailed+")", nil, &list)
	if len(list) != 1 || list[0].CertificateID != "" || len(list[0].Reasons) != 1 || !strings.Contains(list[0].Reasons[0].Detail, "does not answer") {
		r.t.Errorf("failed requests: %+v", list)
	}
	noted := false
	for _, rec := range r.h.records(r.domain) {
		noted = noted || rec.Kind == "certificate.failed" && rec.Subject == "request/"+list[0].ID
	}
	if !noted {
		r.t.Error("the failure is not recorded")
	}
	r.h.awaitMissing("certificate-authority/" + r.domain)
	r.ca.Restart()
	r.issue(in) // the same request again
}

// rotated is a step-ca that has another intermediate from now on.
func (r *remoteSite) rotated() {
	r.t.Helper()
	old, oldIssued := r.issue(r.entity())
	lost, _ := r.issue(r.entity())
	r.revoke(lost.ID)
	r.ca.NewIntermediate()
	publishAt(r.ca, r.domain)
	in := r.entity()
	// The first order names the issuer that is no more: it is refused and not given
	// out with the address of the wrong list, and comes through when it is sent again.
	r.refused(r.t, hub.Unavailable, "signs as another issuer", http.MethodPost, signingRequests, in)
	fresh, freshIssued := r.issue(in)
	if fresh.Issuer == old.Issuer {
		r.t.Fatal("the issuer is the one before the rotation")
	}
	if out := r.checkList(fresh.Issuer, freshIssued); !strings.HasSuffix(out, ": OK") {
		r.t.Errorf("a certificate of the new issuer: %s", out)
	}
	// The list of the earlier issuer is given out as long as it is valid, with what it
	// had; what is revoked later is known here alone, and that is said.
	if out := r.checkList(old.Issuer, oldIssued); !strings.HasSuffix(out, ": OK") {
		r.t.Errorf("a certificate of the earlier issuer: %s", out)
	}
	if is := r.revoke(old.ID); !is.RevocationUnpublished {
		r.t.Errorf("a revocation that nobody signs: %+v", is)
	}
	if is := r.revoke(fresh.ID); is.RevocationUnpublished {
		r.t.Errorf("a revocation that the new issuer signs: %+v", is)
	}
	if out := r.checkList(fresh.Issuer, freshIssued); !strings.Contains(out, "certificate revoked") {
		r.t.Errorf("a revoked certificate of the new issuer: %s", out)
	}
	if out := r.h.do("cert", "show", old.ID); !strings.Contains(out, "no revocation list tells it") {
		r.t.Errorf("cert show:\n%s", out)
	}
	recorded := 0
	for _, rec := range r.h.records(r.domain) {
		if rec.Kind == "certificate.revoked" && rec.Subject == "certificate/"+old.ID && strings.Contains(string(rec.Data), `"unpublished":true`) {
			recorded++
		}
	}
	if recorded != 1 {
		r.t.Errorf("the revocation has %d records that say that no list tells it", recorded)
	}
	// A hub that starts after the rotation knows the earlier issuer from its records
	// alone, and is ready.
	r.h.kill()
	r.h.start()
	r.h.awaitMissing()
	if status, _ := r.status("/ca/" + r.domain + "/" + old.Issuer + ".crt"); status != http.StatusOK {
		r.t.Errorf("the certificate of the earlier issuer: %d", status)
	}
}
