package cmfapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf/cmfapi"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

const base = "/certmgmt/v1"

// register registers a VNFC instance of alpha's.
func (s *site) register(subject string) (made certmgmt.Registration) {
	s.Helper()
	s.must(http.StatusCreated, "alpha", "POST", base+"/registrations", certmgmt.RegisterRequest{
		CertType: certmgmt.VNFCICert, SubjectID: []string{subject}, TypeOfVnfcCertHandling: certmgmt.DelegationMode, VnfInstanceID: "vnf-1",
		Attesters: []certmgmt.Attester{{StatementOID: "2.23.133.20.1", PublicKey: string(s.device.AKPEM())}},
	}, &made)
	return made
}

// issue gets a certificate for one.
func (s *site) issue(subject string) (made certmgmt.Signing) {
	s.Helper()
	s.must(http.StatusCreated, "alpha", "POST", base+"/certificate_signing_requests", certmgmt.SigningRequest{
		VnfcID: subject, CertType: certmgmt.VNFCICert, CertChainRequest: true, CSR: string(s.device.CSR(s, devicekit.Want{CommonName: subject}).PEM),
	}, &made)
	return made
}

// Each error path of each resource is answered with ProblemDetails of its status, and
// changes nothing.
func TestErrors(t *testing.T) {
	s := newSite(t)
	reg := s.register("vnfc-1")
	is := s.issue("vnfc-1")
	attester, none := reg.AttesterIDs[0], hub.NewID()
	big := `{"csr":"` + strings.Repeat("x", 600<<10) + `"}`
	for _, c := range []struct {
		by, method, path, body string
		status                 int
		header                 []string
	}{
		{"alpha", "PUT", "/registrations", "{}", 405, nil},
		{"alpha", "DELETE", "/attesters/" + attester, "", 405, nil},
		{"alpha", "PATCH", "/certificates/" + is.CertificateID, "{}", 405, nil},
		{"alpha", "GET", "/challenges", "", 405, nil},
		{"alpha", "GET", "/certificates/" + is.CertificateID + "/renew", "", 405, nil},
		{"alpha", "GET", "/nothing", "", 404, nil},
		{"alpha", "GET", "/registrations", "", 406, []string{"Version", "2.0.0"}},
		{"alpha", "GET", "/registrations", "", 406, []string{"Accept", "text/html"}},

		{"alpha", "POST", "/registrations", "[]", 400, nil},
		{"alpha", "POST", "/registrations", "{}", 400, nil},
		{"alpha", "POST", "/registrations", `{"certType":"VNFCI_CERT","subjectId":"vnfc-2"}`, 400, nil},
		{"alpha", "POST", "/registrations", `{"certType":"VNFCI_CERT","subjectId":["vnfc-2"],"typeOfVnfcCertHandling":"DIRECT_MODE"}`, 400, nil},
		{"alpha", "POST", "/registrations", `{"certType":"VNFCI_CERT","subjectId":["vnfc-2"],"typeOfVnfcCertHandling":"DELEGATION_MODE"} {}`, 400, nil},
		{"operator", "POST", "/registrations", `{"certType":"VNFCI_CERT","subjectId":["vnfc-2"],"typeOfVnfcCertHandling":"DELEGATION_MODE"}`, 400, nil},
		{"alpha", "POST", "/registrations", `{"trustDomain":"south","certType":"VNFCI_CERT","subjectId":["vnfc-2"],"typeOfVnfcCertHandling":"DELEGATION_MODE"}`, 404, nil},
		{"beta", "POST", "/registrations", `{"certType":"VNFCI_CERT","subjectId":["vnfc-1"],"typeOfVnfcCertHandling":"DELEGATION_MODE","attesterIds":["` + attester + `"]}`, 0, nil},
		{"alpha", "DELETE", "/registrations/" + reg.ID, "", 412, []string{"If-Match", `"other"`}},
		{"alpha", "DELETE", "/registrations/" + none, "", 404, nil},
		{"beta", "GET", "/registrations/" + reg.ID, "", 404, nil},
		{"south", "DELETE", "/registrations/" + reg.ID, "", 404, nil},

		{"alpha", "POST", "/attesters", `{"keyAttestationStatementOid":"1.2","publicKey":"x"}`, 400, nil},
		{"alpha", "POST", "/attesters", `{"publicKey":7}`, 400, nil},
		{"alpha", "POST", "/attesters/" + attester + "/withdraw", `{"comment":"` + strings.Repeat("x", 1001) + `"}`, 400, nil},
		{"alpha", "POST", "/attesters/" + attester + "/withdraw", `{}`, 412, []string{"If-Match", `"other"`}},
		{"beta", "POST", "/attesters/" + attester + "/withdraw", `{}`, 404, nil},
		{"alpha", "GET", "/attesters/" + none, "", 404, nil},

		{"alpha", "POST", "/challenges", `{"registrationId":"` + none + `"}`, 404, nil},
		{"alpha", "POST", "/challenges", `{"attesterId":"` + attester + `","ekPublic":"?"}`, 400, nil},
		{"alpha", "POST", "/challenges/" + none + "/activate", `{"secret":"AAAA"}`, 404, nil},
		{"alpha", "POST", "/challenges/" + none + "/activate", `{"secret":1}`, 400, nil},

		{"alpha", "POST", "/certificate_signing_requests", `{`, 400, nil},
		{"alpha", "POST", "/certificate_signing_requests", `{"vnfcId":"vnfc-1","certType":"VNFCI_CERT","csr":"none"}`, 400, nil},
		{"alpha", "POST", "/certificate_signing_requests", `{"fqdn":"a.example","certType":"VNFCI_CERT","csr":"none"}`, 400, nil},
		{"alpha", "GET", "/certificate_signing_requests/" + none, "", 404, nil},
		{"south", "GET", "/certificate_signing_requests/" + is.ID, "", 404, nil},

		{"alpha", "GET", "/certificates?filter=(eq,state", "", 400, nil},
		{"alpha", "GET", "/certificates?unknown=1", "", 400, nil},
		{"alpha", "GET", "/certificates?ends_before=soon", "", 400, nil},
		{"alpha", "GET", "/certificates?issuer_revoked=perhaps", "", 400, nil},
		{"alpha", "GET", "/certificates?nextpage_opaque_marker=made-up", "", 400, nil},
		{"alpha", "GET", "/registrations?nextpage_opaque_marker=made-up", "", 400, nil},
		{"alpha", "GET", "/attesters?filter=(eq,name", "", 400, nil},
		{"beta", "GET", "/certificates/" + is.CertificateID, "", 404, nil},
		{"alpha", "POST", "/certificates/" + none + "/renew", `{}`, 404, nil},
		{"alpha", "POST", "/certificates/" + is.CertificateID + "/renew", `{"csr":1}`, 400, nil},
		{"alpha", "POST", "/certificates/" + is.CertificateID + "/revoke", `{"reason":"because"}`, 400, nil},
		{"alpha", "POST", "/certificates/" + is.CertificateID + "/revoke", `{"reason":"keyCompromise"}`, 412, []string{"If-Match", `"other"`}},
		{"south", "POST", "/certificates/" + is.CertificateID + "/revoke", `{"reason":"keyCompromise"}`, 404, nil},

		{"alpha", "GET", "/authorities/south", "", 404, nil},
		{"operator", "GET", "/authorities/nowhere", "", 404, nil},
		{"alpha", "POST", "/authorities/north/rotate", `{"part":"intermediate"}`, 403, nil},
		{"operator", "POST", "/authorities/north/rotate", `{"part":"leaf"}`, 400, nil},
		{"operator", "POST", "/authorities/north/rotate", `{"part":"intermediate"}`, 412, []string{"If-Match", `"other"`}},
		{"operator", "POST", "/authorities/south/rotate", `{"part":"intermediate"}`, 404, nil},
		{"alpha", "POST", "/authorities/north/issuers/" + none + "/revoke", `{"reason":"cACompromise"}`, 403, nil},
		{"operator", "POST", "/authorities/north/issuers/" + none + "/revoke", `{"reason":"cACompromise"}`, 404, nil},
		{"operator", "POST", "/authorities/north/issuers/" + none + "/revoke", `{"reason":"keyCompromise"}`, 400, nil},
		{"operator", "POST", "/authorities/north/issuers/" + none + "/revoke", `{"reason":"because"}`, 400, nil},
		{"operator", "POST", "/authorities/north/issuers/" + none + "/revoke", `{"reason":"superseded","comment":"` + strings.Repeat("x", 1001) + `"}`, 400, nil},
		{"alpha", "GET", "/authorities/north/crl/" + none, "", 404, nil},
		{"alpha", "POST", "/authorities/north/ocsp", "x", 415, nil},
		{"alpha", "POST", "/authorities/north/ocsp", strings.Repeat("x", 9<<10), 413, []string{"Content-Type", "application/ocsp-request"}},
	} {
		what := fmt.Sprintf("%s %s %s %.60s", c.by, c.method, c.path, c.body)
		a := s.ask(c.by, c.method, base+c.path, c.body, c.header...)
		if c.status == 0 { // an attester of somebody else's, or a subject that is taken: either is told
			if a.StatusCode < 400 || a.StatusCode > 499 {
				t.Errorf("%s: %d %s", what, a.StatusCode, a.body)
			}
			continue
		}
		a.isProblem(t, what, c.status)
	}
	// What is posted is JSON, of a bounded size, with known attributes.
	for _, path := range []string{
		"/registrations", "/attesters", "/attesters/" + attester + "/withdraw", "/challenges", "/challenges/" + none + "/activate", "/certificate_signing_requests",
		"/certificates/" + is.CertificateID + "/renew", "/certificates/" + is.CertificateID + "/revoke", "/authorities/north/rotate", "/authorities/north/issuers/" + none + "/revoke",
	} {
		s.ask("operator", "POST", base+path, `{}`, "Content-Type", "text/plain").isProblem(t, path+" in plain text", 415)
		s.ask("operator", "POST", base+path, ``, "Content-Type", "application/json").isProblem(t, path+" without a body", 400)
		s.ask("operator", "POST", base+path, `{"unknown":1}`).isProblem(t, path+" with an unknown attribute", 400)
		if a := s.ask("operator", "POST", base+path, big); a.StatusCode != 413 && a.StatusCode != 400 {
			t.Errorf("%s with %d bytes: %d %.200s", path, len(big), a.StatusCode, a.body)
		}
	}
	var still certmgmt.Certificate
	if s.must(200, "alpha", "GET", base+"/certificates/"+is.CertificateID, nil, &still); still.State != certmgmt.CertificateValid {
		t.Errorf("a request that was refused has made the certificate %s", still.State)
	}
	var list []certmgmt.Registration
	if s.must(200, "operator", "GET", base+"/registrations", nil, &list); len(list) != 1 || list[0].Ended {
		t.Errorf("requests that were refused left %+v", list)
	}
}

// Lists have pages, filters and a projection, and show everybody its own.
func TestLists(t *testing.T) {
	s := newSite(t)
	for n := range 5 {
		subject := fmt.Sprintf("vnfc-%d", n)
		s.register(subject)
		s.issue(subject)
	}
	for _, path := range []string{"/registrations", "/certificates", "/certificate_signing_requests"} {
		seen, pages := map[string]bool{}, 0
		for next := base + path; next != ""; pages++ {
			var list []struct{ ID string }
			a := s.must(200, "alpha", "GET", next, nil, &list)
			for _, x := range list {
				seen[x.ID] = true
			}
			if len(list) > 2 {
				t.Errorf("%s: a page of %d", path, len(list))
			}
			next = ""
			if link, _, ok := strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">"); ok {
				u, err := url.Parse(link)
				if err != nil {
					t.Fatal(err)
				}
				next = u.RequestURI()
			}
		}
		if len(seen) != 5 || pages != 3 {
			t.Errorf("%s: %d in %d pages, want 5 in 3", path, len(seen), pages)
		}
		for _, by := range []string{"beta", "south"} {
			if a := s.must(200, by, "GET", base+path, nil, nil); strings.TrimSpace(string(a.body)) != "[]" {
				t.Errorf("%s shows %s what is alpha's: %s", path, by, a.body)
			}
		}
	}
	for query, want := range map[string]int{
		"filter=(eq,subjectId,vnfc-3);(eq,certType,VNFCI_CERT)": 1, "filter=(eq,state,REVOKED)": 0, "filter=(eq,vnfInstanceId,vnf-2)": 0,
		"ends_before=" + url.QueryEscape(time.Now().Format(time.RFC3339)): 0,
	} {
		var list []certmgmt.Certificate
		if s.must(200, "alpha", "GET", base+"/certificates?"+query, nil, &list); len(list) != want {
			t.Errorf("%s finds %d, want %d", query, len(list), want)
		}
		for _, c := range list {
			if c.Certificate == "" || len(c.CertificateChain) != 0 {
				t.Errorf("a list shows a certificate and no chain: %+v", c)
			}
		}
	}
}

// A change that names the state that it was read in is made once.
func TestConditional(t *testing.T) {
	s := newSite(t)
	reg := s.register("vnfc-1")
	is := s.issue("vnfc-1")
	rotate := `{"part":"intermediate"}`
	tag := s.must(200, "operator", "GET", base+"/authorities/north", nil, nil).Header.Get("ETag")
	if a := s.ask("operator", "POST", base+"/authorities/north/rotate", rotate, "If-Match", tag); a.StatusCode != 200 || a.Header.Get("ETag") == tag {
		t.Errorf("rotate: %d %s", a.StatusCode, a.body)
	}
	s.ask("operator", "POST", base+"/authorities/north/rotate", rotate, "If-Match", tag).isProblem(t, "rotate again", 412)
	var ca certmgmt.Authority
	if s.must(200, "alpha", "GET", base+"/authorities/north", nil, &ca); len(ca.Issuers) != 3 {
		t.Errorf("%d CA certificates after one rotation that was sent twice", len(ca.Issuers))
	}
	revoke := `{"reason":"keyCompromise"}`
	path := base + "/certificates/" + is.CertificateID
	tag = s.must(200, "alpha", "GET", path, nil, nil).Header.Get("ETag")
	if a := s.ask("alpha", "POST", path+"/revoke", revoke, "If-Match", tag); a.StatusCode != 200 {
		t.Errorf("revoke: %d %s", a.StatusCode, a.body)
	}
	s.ask("alpha", "POST", path+"/revoke", revoke, "If-Match", tag).isProblem(t, "revoke again", 412)
	tag = s.must(200, "alpha", "GET", base+"/registrations/"+reg.ID, nil, nil).Header.Get("ETag")
	if a := s.ask("alpha", "DELETE", base+"/registrations/"+reg.ID, "", "If-Match", tag); a.StatusCode != 204 {
		t.Errorf("end: %d %s", a.StatusCode, a.body)
	}
}

// What is published, and what the hub's functions tell, has error paths of its own.
func TestStatusAndFunctions(t *testing.T) {
	s := newSite(t)
	s.register("vnfc-1")
	is := s.issue("vnfc-1")
	var ca certmgmt.Authority
	s.must(200, "alpha", "GET", base+"/authorities/north", nil, &ca)
	issuer := ca.Issuers[1].ID
	for path, status := range map[string]int{
		"/crl/north/" + issuer + ".crl": 200, "/ca/north/" + issuer + ".crt": 200, "/crl/north/" + issuer: 404, "/crl/south/" + issuer + ".crl": 404,
		"/ca/south/" + issuer + ".crt": 404, "/ca/north/" + issuer + ".pem": 404, "/ocsp/north/%21": 400, "/ocsp/north/MAA=": 200, "/ocsp/nowhere/MAA=": 200,
	} {
		if a := s.ask("", "GET", path, ""); a.StatusCode != status {
			t.Errorf("GET %s: %d %.200s, want %d", path, a.StatusCode, a.body, status)
		}
	}
	const quarantine = "/manoward/v1/trust_domains/north/vnf_instances/vnf-1/quarantine"
	for path, body := range map[string]string{
		quarantine: `{}`, quarantine + "?": `{"at":"today"}`, quarantine + "?a": `{`, "/manoward/v1/vnf_lcm_notifications": `{}`, "/manoward/v1/vnf_lcm_notifications?": `[`,
	} {
		s.ask("operator", "POST", path, body).isProblem(t, path+" "+body, 400)
	}
	at := cmfapi.Quarantine{At: time.Now().Add(-time.Hour)} // before it was registered
	s.must(204, "operator", "POST", quarantine, at, nil)
	var still certmgmt.Certificate
	if s.must(200, "alpha", "GET", base+"/certificates/"+is.CertificateID, nil, &still); still.State != certmgmt.CertificateValid {
		t.Errorf("what was registered after a quarantine is %s", still.State)
	}
	at.At = time.Now()
	s.must(204, "operator", "POST", quarantine, at, nil)
	if s.must(200, "alpha", "GET", base+"/certificates/"+is.CertificateID, nil, &still); still.RevocationReason != "keyCompromise" {
		t.Errorf("after the quarantine: %+v", still)
	}
}
