package enrol

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Bounds of what an outside verifier answers.
const (
	maxVerdict = 64 << 10 // bytes
	maxSaid    = 64       // claims, and reasons
	maxDetail  = 300      // bytes of a text
)

// OutsideVerifier says where a verifier of attestations is.
type OutsideVerifier struct {
	URL string // https; what a request is posted to
	// Roots are the only ones that its certificate may lead to.
	Roots []*x509.Certificate
	// Credential shows this hub to it; nil: none.
	Credential *tls.Certificate
	Limit      time.Duration // of one question; 5 s when zero
}

// NewVerifier makes the client of a verifier. The contract is in
// docs/extensions/attestation-verifier.md. A question is asked once: whoever wants
// the certificate may ask again.
func NewVerifier(o OutsideVerifier) (Verifier, error) {
	const op = "set up outside verifier"
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%q is no address of a verifier; give an https URL without user and fragment", clip(o.URL)), err)
	}
	if len(o.Roots) == 0 {
		return nil, hub.E(hub.Invalid, op, "no root certificate of the verifier is given; give the one that its certificate leads to", nil)
	}
	if o.Limit == 0 {
		o.Limit = 5 * time.Second
	}
	pool := x509.NewCertPool()
	for _, c := range o.Roots {
		pool.AddCert(c)
	}
	settings := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
	if o.Credential != nil {
		settings.Certificates = []tls.Certificate{*o.Credential}
	}
	transport := &http.Transport{TLSClientConfig: settings, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: o.Limit}
	return &verifier{&httpapi.Client{
		Base: o.URL, HTTP: &http.Client{Transport: transport, Timeout: o.Limit}, MaxAnswer: maxVerdict, Retries: -1,
	}}, nil
}

type verifier struct{ client *httpapi.Client }

// question is what an outside verifier is asked. Bytes are base64.
type question struct {
	CSR      []byte                `json:"csr"` // DER
	Attester questionAttester      `json:"attester"`
	Nonce    []byte                `json:"nonce,omitempty"`
	Time     time.Time             `json:"time"` // at which certificates have to be good
	Minimum  attestation.Assurance `json:"minimumAssurance"`
}

type questionAttester struct {
	ID         string   `json:"id"`
	Statement  string   `json:"keyAttestationStatementOid"`
	Key        []byte   `json:"publicKey,omitempty"`        // SubjectPublicKeyInfo, DER
	Chain      [][]byte `json:"certificateChain,omitempty"` // DER
	Roots      [][]byte `json:"roots,omitempty"`            // DER
	Restricted bool     `json:"activated"`
}

// Verify asks the verifier.
func (v *verifier) Verify(ctx context.Context, r attestation.Request) (attestation.Verdict, error) {
	q := question{
		CSR: r.CSR, Nonce: r.Nonce, Time: r.Time, Minimum: r.Policy.Minimum,
		Attester: questionAttester{
			ID: r.Attester.ID, Statement: r.Attester.Statement, Key: r.Attester.Key,
			Chain: raw(r.Attester.Chain), Roots: raw(r.Attester.Roots), Restricted: r.Attester.Restricted,
		},
	}
	var verdict attestation.Verdict
	if _, err := v.client.Do(ctx, http.MethodPost, "", q, &verdict); err != nil {
		return attestation.Verdict{}, fmt.Errorf("ask the outside verifier: %w", err)
	}
	return verdict, nil
}

func raw(list []*x509.Certificate) [][]byte {
	var out [][]byte
	for _, c := range list {
		out = append(out, c.Raw)
	}
	return out
}

// bounded cuts what an outside verifier said to what a record should hold.
func bounded(v attestation.Verdict) attestation.Verdict {
	cut := func(s string) string {
		if len(s) > maxDetail {
			return s[:maxDetail] + "…"
		}
		return s
	}
	v.Format, v.Shape = cut(v.Format), cut(v.Shape)
	v.Claims = v.Claims[:min(len(v.Claims), maxSaid)]
	for i, c := range v.Claims {
		v.Claims[i] = attestation.Claim{Name: cut(c.Name), Value: cut(c.Value)}
	}
	for _, list := range []*[]attestation.Reason{&v.Reasons, &v.Lacks} {
		*list = (*list)[:min(len(*list), maxSaid)]
		for i, r := range *list {
			(*list)[i] = attestation.Reason{Code: attestation.Code(cut(string(r.Code))), Detail: cut(r.Detail)}
		}
	}
	return v
}
