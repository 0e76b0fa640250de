package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// outsideVerifier judges attestations as docs/extensions/attestation-verifier.md has
// it, after what change does to its verdict.
type outsideVerifier struct {
	*httptest.Server
	change atomic.Pointer[func(*attestation.Verdict)]
	asked  atomic.Int32
}

func newOutsideVerifier(t *testing.T) *outsideVerifier {
	t.Helper()
	registry, err := formats.New(formats.Config{})
	if err != nil {
		t.Fatal(err)
	}
	v := &outsideVerifier{}
	v.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.asked.Add(1)
		var q struct {
			CSR      []byte `json:"csr"`
			Attester struct {
				ID        string `json:"id"`
				Statement string `json:"keyAttestationStatementOid"`
				Key       []byte `json:"publicKey"`
			} `json:"attester"`
			Time    time.Time             `json:"time"`
			Minimum attestation.Assurance `json:"minimumAssurance"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Method != http.MethodPost || r.URL.Path != "/verdicts" || r.TLS.Version < 0x0304 {
			t.Errorf("the verifier is asked %s %s, TLS %x: %v", r.Method, r.URL, r.TLS.Version, err)
		}
		verdict := registry.Verify(attestation.Request{
			CSR: q.CSR, Time: q.Time, Policy: attestation.Policy{Minimum: q.Minimum},
			Attester: attestation.Attester{ID: q.Attester.ID, Statement: q.Attester.Statement, Key: q.Attester.Key},
		})
		(*v.change.Load())(&verdict)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(verdict) // who is told too much hangs up
	}))
	t.Cleanup(v.Close)
	return v
}

// The check of a statement is handed to an outside verifier over TLS. Its verdict
// counts if it is one about this key; what it says too much, and what it does not say
// because it is away, refuses the request, with the reason and a record of it.
//
// Covers: CMF.Relying
func TestCmf_OutsideVerifier(t *testing.T) {
	t.Parallel()
	verifier := newOutsideVerifier(t)
	conf := filepath.Join(t.TempDir(), "hub.yaml")
	ca := catest.PEM(t, "CERTIFICATE", verifier.Certificate().Raw)
	writeFile(t, conf, "certificateManagement:\n  domains:\n    - {trustDomain: west, verifierUrl: \""+verifier.URL+"/verdicts\", verifierCa: "+ca+"}\n", 0o600)
	h := startHub(t, "--config", conf)
	h.do("trust-domain", "create", "west")
	vendor := h.newCmVnfm("west", "vendor")
	device, subject := devicekit.NewSoft(t), hub.NewID()
	vendor.mustDo(t, http.MethodPost, "/registrations", certmgmt.RegisterRequest{
		CertType: certmgmt.VNFCICert, SubjectID: []string{subject}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
		Attesters: []certmgmt.Attester{{StatementOID: "2.23.133.20.1", PublicKey: string(device.AKPEM())}},
	}, nil)
	csr := func() certmgmt.SigningRequest {
		return certmgmt.SigningRequest{VnfcID: subject, CertType: certmgmt.VNFCICert, CSR: string(device.CSR(t, devicekit.Want{CommonName: subject}).PEM)}
	}
	as := func(change func(*attestation.Verdict)) { verifier.change.Store(&change) }

	as(func(*attestation.Verdict) {})
	var good certmgmt.Signing
	vendor.mustDo(t, http.MethodPost, "/certificate_signing_requests", csr(), &good)
	if good.State != certmgmt.RequestIssued || good.Assurance != "protected" || verifier.asked.Load() != 1 {
		t.Errorf("what the verifier accepts is %s at assurance %s; it was asked %d times", good.State, good.Assurance, verifier.asked.Load())
	}
	for _, c := range []struct {
		name, code string
		change     func(*attestation.Verdict)
	}{
		{"a refusal", string(attestation.KeyImported), func(v *attestation.Verdict) {
			v.Accepted, v.Reasons = false, []attestation.Reason{{Code: attestation.KeyImported, Detail: "the key was made outside the TPM"}}
		}},
		{"another key", string(attestation.KeyMismatch), func(v *attestation.Verdict) { v.Key = []byte("another") }},
		{"acceptance with reasons against it", "verifier-failed", func(v *attestation.Verdict) {
			v.Reasons = []attestation.Reason{{Code: attestation.KeyImported, Detail: "the key was made outside the TPM"}}
		}},
		{"more than a verdict has", "verifier-failed", func(v *attestation.Verdict) {
			v.Claims = []attestation.Claim{{Name: "story", Value: strings.Repeat("x", 100_000)}}
		}},
		{"nothing", "verifier-failed", nil},
	} {
		if c.change != nil {
			as(c.change)
		} else {
			verifier.Close()
		}
		vendor.refused(t, hub.Unprocessable, c.code, http.MethodPost, "/certificate_signing_requests", csr())
		list := h.records("west")
		if last := list[len(list)-1]; last.Kind != "certificate.refused" || last.Actor != "spiffe://west/vnfm/vendor" || !strings.Contains(string(last.Data), `"`+c.code+`"`) || len(last.Data) > 32<<10 {
			t.Errorf("after %s the last record is %s of %d bytes: %.400s", c.name, last.Kind, len(last.Data), last.Data)
		}
	}
	var all []certmgmt.Certificate
	vendor.mustDo(t, http.MethodGet, "/certificates", nil, &all)
	if len(all) != 1 || all[0].ID != good.CertificateID {
		t.Errorf("%d certificates were issued, want one", len(all))
	}
}
