package cmfapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// FuzzBodies sends what a caller may send to each resource that takes a body: it is
// answered with ProblemDetails or with what was made, never with a failure of ours,
// and never with a certificate, because nothing here is attested.
func FuzzBodies(f *testing.F) {
	s := newSite(f)
	reg := s.register("vnfc-1")
	is := s.issue("vnfc-1")
	paths := []string{
		base + "/registrations", base + "/attesters", base + "/challenges", base + "/certificate_signing_requests", base + "/challenges/" + hub.NewID() + "/activate",
		base + "/certificates/" + is.CertificateID + "/renew", base + "/authorities/north/ocsp",
		"/manoward/v1/vnf_lcm_notifications", "/manoward/v1/trust_domains/north/vnf_instances/vnf-2/quarantine",
	}
	for n, body := range []string{
		`{"certType":"VNFCI_CERT","subjectId":["a"],"typeOfVnfcCertHandling":"DELEGATION_MODE"}`, `{"keyAttestationStatementOid":"2.23.133.20.1","publicKey":"x"}`,
		`{"registrationId":"` + reg.ID + `"}`, `{"vnfcId":"vnfc-1","certType":"VNFCI_CERT","csr":"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"}`,
		`{"secret":"AAAA"}`, `{"csr":"x","reason":"y"}`, "0\x00", `{"vnfInstanceId":"a","notificationStatus":"RESULT"}`, `{"at":"2026-11-22T00:00:00Z"}`,
	} {
		f.Add(uint8(n), body)
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		path := paths[int(which)%len(paths)]
		kind := "application/json"
		if strings.HasSuffix(path, "/ocsp") {
			kind = "application/ocsp-request"
		}
		here := *s
		here.TB = t
		a := here.ask("alpha", http.MethodPost, path, body, "Content-Type", kind)
		switch {
		case a.StatusCode >= 500:
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		case a.StatusCode >= 400:
			a.isProblem(t, path, a.StatusCode)
		case strings.Contains(string(a.body), "BEGIN CERTIFICATE-"):
			t.Errorf("%s: a certificate for what nobody attests: %s", path, a.body)
		}
	})
}
