package enrol_test

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// outside is a verifier that judges with the formats of this hub, after what change
// does to its answer.
func outside(t *testing.T, change func(*attestation.Verdict)) *httptest.Server {
	t.Helper()
	registry, err := formats.New(formats.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			CSR      []byte `json:"csr"`
			Attester struct {
				ID        string `json:"id"`
				Statement string `json:"keyAttestationStatementOid"`
				Key       []byte `json:"publicKey"`
			} `json:"attester"`
			Nonce   []byte                `json:"nonce"`
			Time    time.Time             `json:"time"`
			Minimum attestation.Assurance `json:"minimumAssurance"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Method != http.MethodPost || r.URL.Path != "/verdicts" {
			t.Errorf("asked %s %s: %v", r.Method, r.URL, err)
		}
		v := registry.Verify(attestation.Request{
			CSR: q.CSR, Nonce: q.Nonce, Time: q.Time, Policy: attestation.Policy{Minimum: q.Minimum},
			Attester: attestation.Attester{ID: q.Attester.ID, Statement: q.Attester.Statement, Key: q.Attester.Key},
		})
		if change != nil {
			change(&v)
		}
		answer, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // fails when the hub hangs up on what is too long; what it then says of it is tested
	}))
	t.Cleanup(server.Close)
	return server
}

func client(t *testing.T, server *httptest.Server, roots ...*x509.Certificate) enrol.Verifier {
	t.Helper()
	v, err := enrol.NewVerifier(enrol.OutsideVerifier{URL: server.URL + "/verdicts", Roots: roots, Limit: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// An outside verifier judges instead of this hub, and is believed no more than it
// has to be: its verdict is about the key of this request, and its failure refuses.
func TestVerifier(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*attestation.Verdict)
		codes  []attestation.Code
	}{
		"accepts": {nil, nil},
		"refuses": {func(v *attestation.Verdict) { v.Accepted = false }, []attestation.Code{enrol.VerifierFailed}},
		"refuses for another reason": {func(v *attestation.Verdict) {
			v.Accepted, v.Reasons = false, []attestation.Reason{{Code: attestation.KeyImported, Detail: "imported"}}
		}, []attestation.Code{attestation.KeyImported}},
		"accepts with reasons": {func(v *attestation.Verdict) {
			v.Reasons = []attestation.Reason{{Code: attestation.KeyImported, Detail: "imported"}}
		}, []attestation.Code{attestation.KeyImported, enrol.VerifierFailed}},
		"accepts another key":       {func(v *attestation.Verdict) { v.Key = []byte("another") }, []attestation.Code{attestation.KeyMismatch}},
		"accepts no key":            {func(v *attestation.Verdict) { v.Key = nil }, []attestation.Code{attestation.KeyMismatch}},
		"accepts below the minimum": {func(v *attestation.Verdict) { v.Assurance = attestation.Bound }, []attestation.Code{attestation.AssuranceLow}},
		"says too much": {func(v *attestation.Verdict) {
			v.Claims = []attestation.Claim{{Name: "story", Value: strings.Repeat("x", 100_000)}}
		}, []attestation.Code{enrol.VerifierFailed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := outside(t, tc.change)
			w := memory(t)
			w.verifier = client(t, server, server.Certificate())
			p := w.process()
			a, err := p.Sign(t.Context(), alpha, "north", p.register(alpha, "north").csr(t, nil))
			if tc.codes != nil {
				wantRefused(t, a, err, tc.codes...)
				return
			}
			if err != nil || a.State != certmgmt.RequestIssued || a.Assurance != "protected" {
				t.Errorf("%+v: %v", a, err)
			}
		})
	}
}

// A CSR that is not proven is shown to no outside verifier, and what its statement says is
// not recorded, whoever looked at it.
func TestVerifier_Unproven(t *testing.T) {
	t.Parallel()
	server := outside(t, func(*attestation.Verdict) { t.Error("the verifier was asked") })
	for name, v := range map[string]enrol.Verifier{"outside": client(t, server, server.Certificate()), "here": nil} {
		w := memory(t)
		w.verifier = v
		p := w.process()
		in := p.register(alpha, "north")
		csr := der(t, in.csr(t, nil).CSR)
		csr[len(csr)-1] ^= 1
		a, err := p.Sign(t.Context(), alpha, "north", in.sends(csr))
		wantRefused(t, a, err, attestation.CSRSignature)
		for _, r := range w.kinds("certificate.refused") {
			if w.ca.signed() != 0 || strings.Contains(string(r.Data), `"verdict"`) {
				t.Errorf("%s: %d were signed; recorded %s", name, w.ca.signed(), r.Data)
			}
		}
	}
}

// A verifier that is not who it should be, or that does not answer, refuses the
// request: nothing is signed without a verdict.
func TestVerifier_Fails(t *testing.T) {
	t.Parallel()
	server, other := outside(t, nil), strangeRoot(t)
	closed := outside(t, nil)
	gone := client(t, closed, closed.Certificate())
	closed.Close()
	for name, v := range map[string]enrol.Verifier{"another root": client(t, server, other), "gone": gone} {
		w := memory(t)
		w.verifier = v
		p := w.process()
		a, err := p.Sign(t.Context(), alpha, "north", p.register(alpha, "north").csr(t, nil))
		wantRefused(t, a, err, enrol.VerifierFailed)
		if w.ca.signed() != 0 || len(w.kinds("certificate.refused")) != 1 {
			t.Errorf("%s: %d were signed", name, w.ca.signed())
		}
	}
	for _, o := range []enrol.OutsideVerifier{
		{URL: "http://verifier.example", Roots: []*x509.Certificate{other}}, {URL: "https://verifier.example"},
		{URL: "https://user@verifier.example", Roots: []*x509.Certificate{other}}, {URL: "verifier", Roots: []*x509.Certificate{other}},
	} {
		if _, err := enrol.NewVerifier(o); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s with %d roots: %v", o.URL, len(o.Roots), err)
		}
	}
}
