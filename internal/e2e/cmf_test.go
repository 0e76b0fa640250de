package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/openapidoc"
)

// cmVnfm is a VNFM's client of Cm-Vnfm, by certificate, with what its directory has.
type cmVnfm struct {
	*httpapi.Client
	url, serverName string
	roots           *x509.CertPool
	cert            tls.Certificate
}

// newCmVnfm makes a VNFM of a trust domain and connects it to Cm-Vnfm.
func (h *hubProcess) newCmVnfm(domain, name string) *cmVnfm {
	h.t.Helper()
	dir := filepath.Join(h.home, name)
	h.createClient(name, "--party", "vnfm", "--trust-domain", domain)
	h.do("client", "certify", name, "--out", dir)
	read := func(file string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			h.t.Fatal(err)
		}
		return raw
	}
	var endpoints map[string]struct{ URL, ServerName string }
	if err := json.Unmarshal(read("endpoints.json"), &endpoints); err != nil {
		h.t.Fatal(err)
	}
	v := &cmVnfm{url: endpoints["cm-vnfm"].URL, serverName: endpoints["cm-vnfm"].ServerName, roots: x509.NewCertPool()}
	v.roots.AppendCertsFromPEM(read("cm-vnfm.ca.crt"))
	var err error
	if v.cert, err = tls.X509KeyPair(read("cm-vnfm.crt"), read("cm-vnfm.key")); err != nil {
		h.t.Fatal(err)
	}
	v.Client = v.at(h, v.serverName, v.roots)
	return v
}

// at connects to a server name with the VNFM's own certificate.
func (v *cmVnfm) at(h *hubProcess, serverName string, roots *x509.CertPool) *httpapi.Client {
	conf := &tls.Config{RootCAs: roots, ServerName: serverName, Certificates: []tls.Certificate{v.cert}, MinVersion: tls.VersionTLS12}
	return &httpapi.Client{Base: v.url + "/certmgmt/v1", Version: certmgmt.Version, Retries: -1, HTTP: httpClient(h.t, conf, true)}
}

// raw sends a request as it is; header are pairs of names and values.
func (v *cmVnfm) raw(t *testing.T, method, path, body string, header ...string) (status int, mediaType string, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, v.Base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Version", certmgmt.Version)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := v.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), answer
}

// mustDo sends a request that has to succeed.
func (v *cmVnfm) mustDo(t *testing.T, method, path string, in, out any) {
	t.Helper()
	if _, err := v.Do(t.Context(), method, path, in, out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// refused sends a request that has to fail with a code and a text.
func (v *cmVnfm) refused(t *testing.T, code hub.Code, says, method, path string, in any) {
	t.Helper()
	if _, err := v.Do(t.Context(), method, path, in, nil); hub.CodeOf(err) != code || !strings.Contains(hub.SafeText(err), says) {
		t.Errorf("%s %s: %v, want %s that says %q", method, path, err, code, says)
	}
}

// One hub, three trust domains with a VNFM each and a second one in the first; every
// request is made over mTLS on Cm-Vnfm.
func TestCmf(t *testing.T) {
	t.Parallel()
	verifier, ca, answers := newVerifier(t)
	conf := filepath.Join(t.TempDir(), "hub.yaml")
	writeFile(t, ca.path, ca.text, 0o600)
	writeFile(t, conf, "certificateManagement:\n  domains:\n    - {trustDomain: west, verifierUrl: \""+verifier+"\", verifierCa: "+ca.path+"}\n", 0o600)
	h := startHub(t, "--config", conf)
	vnfms := map[string]*cmVnfm{}
	for _, d := range []string{"north", "south", "west"} {
		h.do("trust-domain", "create", d)
		vnfms[d] = h.newCmVnfm(d, "vnfm-"+d)
	}
	second := h.newCmVnfm("north", "vnfm-second")
	device := devicekit.NewSoft(t)
	const subject = "0c7f8c0e-3a51-4b57-9d9c-1f0d5f0d9a01"
	registered := map[string]certmgmt.Registration{}
	register := func(t *testing.T, d string) {
		in := certmgmt.RegisterRequest{
			CertType: certmgmt.VNFCICert, SubjectID: []string{subject}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
			Attesters: []certmgmt.Attester{{StatementOID: "2.23.133.20.1", PublicKey: string(device.AKPEM())}},
		}
		var made certmgmt.Registration
		vnfms[d].mustDo(t, "POST", "/registrations", in, &made)
		registered[d] = made
	}
	csr := func() certmgmt.SigningRequest {
		return certmgmt.SigningRequest{VnfcID: subject, CertType: certmgmt.VNFCICert, CertChainRequest: true, CSR: string(device.CSR(t, devicekit.Want{CommonName: subject}).PEM)}
	}

	// Covers: Cm-Vnfm.001, CMF.Certm.Del.001, CMF.Register
	t.Run("register", func(t *testing.T) {
		for d := range vnfms {
			register(t, d)
		}
		reg := registered["north"]
		if reg.Manager != "spiffe://north/vnfm/vnfm-north" || reg.TrustDomain != "north" || reg.Issuer == "" || len(reg.AttesterIDs) != 1 {
			t.Errorf("%+v", reg)
		}
		if reg.Issuer == registered["south"].Issuer {
			t.Error("two trust domains have one CA")
		}
		direct := certmgmt.RegisterRequest{CertType: certmgmt.VNFCICert, SubjectID: []string{"0c7f8c0e-3a51-4b57-9d9c-1f0d5f0d9a02"}, TypeOfVnfcCertHandling: certmgmt.DirectMode}
		vnfms["north"].refused(t, hub.Invalid, "DELEGATION_MODE", "POST", "/registrations", direct)
		// The subject has a manager, and nobody else takes it.
		direct.SubjectID, direct.TypeOfVnfcCertHandling = []string{subject}, certmgmt.DelegationMode
		second.refused(t, hub.Conflict, "", "POST", "/registrations", direct)
	})

	var first certmgmt.Signing
	// Covers: CMF.Certm.Del.002, CMF.CSR
	t.Run("request", func(t *testing.T) {
		in := csr()
		vnfms["north"].mustDo(t, "POST", "/certificate_signing_requests", in, &first)
		if first.State != certmgmt.RequestIssued || first.Certificate == "" || len(first.CertificateChain) == 0 {
			t.Fatalf("%+v", first)
		}
		var again certmgmt.Signing
		vnfms["north"].mustDo(t, "POST", "/certificate_signing_requests", in, &again)
		if again.CertificateID != first.CertificateID {
			t.Error("the same request again has another certificate")
		}
		block, _ := pem.Decode([]byte(first.Certificate))
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil || leaf.IsCA || len(leaf.CRLDistributionPoints) != 1 {
			t.Fatalf("%+v %v", leaf, err)
		}
		var short certmgmt.Signing
		in = csr()
		in.CertChainRequest = false
		vnfms["north"].mustDo(t, "POST", "/certificate_signing_requests", in, &short)
		if len(short.CertificateChain) != 0 {
			t.Error("a chain that nobody asked for")
		}
	})

	// Covers: CMF.Attest
	t.Run("attest", func(t *testing.T) {
		other := devicekit.NewSoft(t)
		forged := csr()
		forged.CSR = string(other.CSR(t, devicekit.Want{CommonName: subject}).PEM)
		vnfms["north"].refused(t, hub.Unprocessable, "statement-signature", "POST", "/certificate_signing_requests", forged)
		foreign := csr()
		foreign.VnfcID = "0c7f8c0e-3a51-4b57-9d9c-1f0d5f0d9a03"
		vnfms["north"].refused(t, hub.Unprocessable, "subject-unknown", "POST", "/certificate_signing_requests", foreign)
		records := h.do("trust-domain", "records", "north", "-o", "json")
		if !strings.Contains(records, "certificate.refused") || !strings.Contains(records, "certificate.issued") {
			t.Error("the records have neither refusal nor issuance")
		}
	})

	// Covers: CMF.Relying
	t.Run("outside verifier", func(t *testing.T) {
		vnfms["west"].refused(t, hub.Unprocessable, "", "POST", "/certificate_signing_requests", csr())
		if asked := <-answers; !strings.Contains(asked, "csr") {
			t.Errorf("the verifier was asked %s", asked)
		}
	})

	// What is answered is what the OpenAPI document says, and bad input changes nothing.
	t.Run("document", func(t *testing.T) {
		v, doc := vnfms["north"], openapidoc.Load(t, "../../docs/openapi/certmgmt.yaml")
		for path, id := range map[string]string{
			"/registrations": "", "/registrations/{id}": registered["north"].ID, "/attesters": "", "/attesters/{id}": registered["north"].AttesterIDs[0],
			"/certificate_signing_requests": "", "/certificate_signing_requests/{id}": first.ID, "/certificates": "", "/certificates/{id}": first.CertificateID,
			"/authorities/{domain}": "north",
		} {
			status, _, body := v.raw(t, http.MethodGet, strings.NewReplacer("{id}", id, "{domain}", id).Replace(path), "")
			if status != http.StatusOK || len(body) < 20 {
				t.Fatalf("%s: %d %s", path, status, body)
			}
			if err := doc.Answer(path, body); err != nil {
				t.Errorf("%s: %v in %s", path, err, body)
			}
		}
		for _, c := range []struct {
			method, path, body string
			status             int
			header             []string
		}{
			{"POST", "/registrations", `{`, 400, nil},
			{"POST", "/registrations", `{"certType":"VNFCI_CERT","subjectId":[],"typeOfVnfcCertHandling":"DELEGATION_MODE"}`, 400, nil},
			{"POST", "/registrations", `{"certType":"OTHER","subjectId":["a"]}`, 400, nil},
			{"POST", "/registrations", `{"unknown":1}`, 400, nil},
			{"POST", "/registrations", `{}`, 415, []string{"Content-Type", "text/plain"}},
			{"POST", "/registrations", `{"vnfdId":"` + strings.Repeat("x", 600<<10) + `"}`, 413, nil},
			{"POST", "/certificate_signing_requests", `{"vnfcId":"a","certType":"VNFCI_CERT","csr":"no PEM"}`, 400, nil},
			{"POST", "/challenges", `{}`, 400, nil},
			{"POST", "/challenges/" + hub.NewID() + "/activate", `{"secret":"AAAA"}`, 404, nil},
			{"POST", "/attesters", `{"keyAttestationStatementOid":"1.2.3","publicKey":"no PEM"}`, 400, nil},
			{"POST", "/certificates/" + first.CertificateID + "/revoke", `{"reason":"keyCompromise"}`, 412, []string{"If-Match", `"other"`}},
			{"POST", "/certificates/" + first.CertificateID + "/revoke", `{"reason":"certificateHold"}`, 400, nil},
			{"POST", "/authorities/north/rotate", `{"part":"root"}`, 403, nil},
			{"GET", "/certificates?filter=(eq", "", 400, nil},
			{"GET", "/certificates?ends_before=tomorrow", "", 400, nil},
			{"GET", "/certificates", "", 406, []string{"Version", "9.0.0"}},
			{"DELETE", "/certificates", "", 405, nil},
			{"GET", "/nothing", "", 404, nil},
		} {
			status, kind, body := v.raw(t, c.method, c.path, c.body, c.header...)
			if status != c.status || kind != "application/problem+json" {
				t.Errorf("%s %s: %d %s %.300s, want %d", c.method, c.path, status, kind, body, c.status)
				continue
			}
			if err := doc.Schema("ProblemDetails", body); err != nil {
				t.Errorf("%s %s: %v in %s", c.method, c.path, err, body)
			}
		}
		var still certmgmt.Certificate
		if v.mustDo(t, "GET", "/certificates/"+first.CertificateID, nil, &still); still.State != certmgmt.CertificateValid {
			t.Errorf("bad input revoked a certificate: %+v", still)
		}
	})

	t.Run("separation", func(t *testing.T) {
		for by, v := range vnfms {
			for of, other := range vnfms {
				if by == of {
					continue
				}
				// The other's name lets nobody in.
				if _, err := v.at(h, other.serverName, other.roots).Do(t.Context(), "GET", "/registrations", nil, nil); hub.CodeOf(err) != hub.Unavailable {
					t.Errorf("%s at the name of %s: %v", by, of, err)
				}
				_, theirs := v.Do(t.Context(), "GET", "/registrations/"+registered[of].ID, nil, nil)
				_, nothing := v.Do(t.Context(), "GET", "/registrations/"+hub.NewID(), nil, nil)
				if hub.CodeOf(theirs) != hub.NotFound || hub.CodeOf(nothing) != hub.NotFound {
					t.Errorf("%s asks about a registration of %s: %v; about nothing: %v", by, of, theirs, nothing)
				}
			}
		}
		second.refused(t, hub.NotFound, "", "GET", "/certificates/"+first.CertificateID, nil)
		second.refused(t, hub.NotFound, "", "POST", "/certificates/"+first.CertificateID+"/revoke", certmgmt.RevokeRequest{Reason: "keyCompromise"})
		vnfms["south"].refused(t, hub.NotFound, "", "POST", "/certificates/"+first.CertificateID+"/revoke", certmgmt.RevokeRequest{Reason: "keyCompromise"})
		status := h.ready.Endpoints["cmfStatus"]
		for path, want := range map[string]int{
			"/crl/north/" + registered["north"].Issuer + ".crl": 200, "/crl/south/" + registered["north"].Issuer + ".crl": 404,
			"/ca/north/" + registered["north"].Issuer + ".crt": 200, "/ca/south/" + registered["north"].Issuer + ".crt": 404,
			"/crl/nowhere/x.crl": 404, "/certmgmt/v1/certificates": 404,
		} {
			resp, err := http.Get(status + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("GET %s: %s, want %d", path, resp.Status, want)
			}
		}
	})
}

// trustedCA is a file of CA certificates.
type trustedCA struct{ path, text string }

// newVerifier is an outside verifier that knows no attester. It says what it was asked.
func newVerifier(t *testing.T) (url string, ca trustedCA, asked <-chan string) {
	t.Helper()
	questions := make(chan string, 8)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		questions <- string(body)
		http.Error(w, "no verdict", http.StatusServiceUnavailable)
	}))
	server.Config.ReadTimeout = 10 * time.Second
	server.StartTLS()
	t.Cleanup(server.Close)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL, trustedCA{filepath.Join(t.TempDir(), "verifier.pem"), string(text)}, questions
}
