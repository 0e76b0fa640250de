package enrol_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/attestkit"
	"github.com/manoward/manoward/internal/testkit/catest"
)

// judgeFunc is a judge of tests.
type judgeFunc func(cmf.Question) (cmf.Judgement, error)

func (f judgeFunc) Judge(_ context.Context, q cmf.Question) (cmf.Judgement, error) { return f(q) }

// Policies can refuse, lower, and let an unattested request pass as unattested. They
// never raise, and what they cannot decide is refused.
func TestJudge(t *testing.T) {
	t.Parallel()
	why := []certmgmt.Reason{{Code: "sensitive", Detail: "it is sensitive", Mend: "ask somebody"}}
	attested, bare := true, false
	for name, tc := range map[string]struct {
		attested bool
		says     cmf.Judgement
		err      error
		issued   string // assurance; empty: refused
		codes    []attestation.Code
	}{
		"nothing against an attested one":   {attested, cmf.Judgement{}, nil, "protected", nil},
		"nothing against an unattested one": {bare, cmf.Judgement{}, nil, "", []attestation.Code{attestation.AttributeNone}},
		"refuses an attested one":           {attested, cmf.Judgement{Refused: true, Reasons: why}, nil, "", []attestation.Code{"sensitive"}},
		"refuses without a reason":          {attested, cmf.Judgement{Refused: true}, nil, "", []attestation.Code{enrol.PolicyDenied}},
		"refuses and lets pass":             {attested, cmf.Judgement{Refused: true, Unattested: true, Reasons: why}, nil, "", []attestation.Code{"sensitive"}},
		"refuses an unattested one":         {bare, cmf.Judgement{Refused: true, Reasons: why}, nil, "", []attestation.Code{attestation.AttributeNone, "sensitive"}},
		"lets an unattested one pass":       {bare, cmf.Judgement{Unattested: true}, nil, "none", []attestation.Code{attestation.AttributeNone}},
		"lowers an attested one":            {attested, cmf.Judgement{Unattested: true, Reasons: why}, nil, "none", []attestation.Code{"sensitive"}},
		"is undecided":                      {attested, cmf.Judgement{Undecided: []cmf.Undecided{{Policy: "p", Reason: "no data"}}}, nil, "", []attestation.Code{enrol.PolicyUndecided}},
		"is undecided and lets pass":        {bare, cmf.Judgement{Unattested: true, Undecided: []cmf.Undecided{{Policy: "p", Reason: "no data"}}}, nil, "", []attestation.Code{attestation.AttributeNone, enrol.PolicyUndecided}},
		"fails":                             {attested, cmf.Judgement{Unattested: true}, errors.New("out of memory"), "", []attestation.Code{enrol.PolicyUndecided}},
	} {
		t.Run(name, func(t *testing.T) {
			w := memory(t)
			var asked []cmf.Question
			w.judge = judgeFunc(func(q cmf.Question) (cmf.Judgement, error) {
				asked = append(asked, q)
				tc.says.Revision = "rev-7"
				return tc.says, tc.err
			})
			p := w.process()
			v := p.register(alpha, "north")
			r := v.csr(t, nil)
			if !tc.attested {
				key := attestkit.P256(t)
				r = v.sends(attestkit.SignCSR(t, key, v.info(t, key, attestkit.Seq())))
			}
			a, err := p.Sign(t.Context(), alpha, "north", r)
			if tc.issued == "" {
				wantRefused(t, a, err, tc.codes...)
				if w.ca.signed() != 0 {
					t.Error("it was signed")
				}
			} else if err != nil || a.State != certmgmt.RequestIssued || a.Assurance != tc.issued || len(a.Reasons) != len(tc.codes) {
				t.Fatalf("%+v: %v", a, err)
			}
			if len(asked) != 1 || asked[0].Registration.ID != v.reg.ID || !asked[0].At.Equal(w.Now()) || (asked[0].Request.Verdict == nil) == tc.attested || (asked[0].Attester == nil) == tc.attested {
				t.Errorf("asked %+v", asked)
			}
			kind := map[bool]string{true: "certificate.refused", false: "certificate.issued"}[tc.issued == ""]
			var said struct{ Policy string }
			if list := w.kinds(kind); len(list) != 1 || json.Unmarshal(list[0].Data, &said) != nil || said.Policy != "rev-7" {
				t.Errorf("recorded %+v", list)
			}
			if tc.issued != "" {
				level := map[string]attestation.Assurance{"none": attestation.None, "protected": attestation.Protected}[tc.issued]
				policy, err := p.AssurancePolicy(level)
				if c := leaf(t, a); err != nil || len(c.Policies) != 1 || !c.Policies[0].Equal(policy) {
					t.Errorf("the certificate's policies are %v: %v", c.Policies, err)
				}
			}
		})
	}
}

// A withdrawn attester is refused whatever the policies would let pass.
func TestJudge_Withdrawn(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.judge = judgeFunc(func(cmf.Question) (cmf.Judgement, error) { return cmf.Judgement{Unattested: true}, nil })
	p := w.process()
	v := p.register(alpha, "north")
	p.withdraw(v.attester)
	a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
	wantRefused(t, a, err, enrol.AttesterWithdrawn)
}

// A profile may ask for more than a bare key proves, and what a consumer says of its
// own attester is never enough for that.
func TestSign_Minimum(t *testing.T) {
	t.Parallel()
	w := memory(t)
	profile := w.profiles["north"]
	profile.MinimumAssurance = attestation.Genuine
	w.profiles["north"] = profile
	p := w.process()
	a, err := p.Sign(t.Context(), alpha, "north", p.register(alpha, "north").csr(t, nil))
	wantRefused(t, a, err, attestation.AssuranceLow, attestation.AttesterUnverified)

	// A root of the consumer's own making, with a certificate for attestation below it.
	rootKey, ak := attestkit.P256(t), attestkit.P256(t)
	root := attestkit.Issue(t, attestkit.Cert{Name: "made up", CA: true}, rootKey, nil, nil)
	cert := attestkit.Issue(t, attestkit.Cert{Name: "AK", Usage: tpm.Usage}, ak, root, rootKey)
	for _, tc := range []struct {
		by      hub.Identity
		assured bool
	}{{alpha, false}, {operator, true}} {
		v := vnfc{id: hub.NewID()}
		_, err := p.Register(t.Context(), tc.by, "north", certmgmt.RegisterRequest{
			CertType: certmgmt.VNFCICert, SubjectID: []string{v.id}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
			Attesters: []certmgmt.Attester{{StatementOID: tpm.OID, CertificateChain: certPEM(cert), Roots: certPEM(root)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		key := attestkit.P256(t)
		bundle := attestkit.Bundle([][]byte{attestkit.Statement(t, tpm.OID, attestkit.Certify(t, ak, key, nil))})
		a, err := p.Sign(t.Context(), tc.by, "north", v.sends(attestkit.SignCSR(t, key, v.info(t, key, attestkit.Seq(), attestkit.Attribute(t, bundle)))))
		if !tc.assured {
			wantRefused(t, a, err, attestation.AssuranceLow, attestation.AttesterUnverified)
		} else if err != nil || a.Assurance != attestation.Genuine.String() {
			t.Errorf("the operator's: %+v: %v", a, err)
		}
	}
}

// openssl finds the chain good, with the policy of the assurance, and that of a MANO
// entity good for its host name.
func TestSign_OpenSSL(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := p.register(alpha, "north")
	a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	openssl(t, a, "-purpose", "sslclient", "-policy", enrol.AssuranceArc+".2", "-explicit_policy")

	mano := certmgmt.RegisterRequest{CertType: certmgmt.MANOCert, SubjectID: []string{"vnfm.north.example"}, Attesters: v.request().Attesters}
	if _, err := p.Register(t.Context(), alpha, "north", mano); err != nil {
		t.Fatal(err)
	}
	r := v.csr(t, nil)
	r.VnfcID, r.FQDN, r.CertType = "", "vnfm.north.example", certmgmt.MANOCert
	if a, err = p.Sign(t.Context(), alpha, "north", r); err != nil || a.State != certmgmt.RequestIssued {
		t.Fatalf("%+v: %v", a, err)
	}
	openssl(t, a, "-purpose", "sslserver", "-verify_hostname", "vnfm.north.example")
	if c := leaf(t, a); len(c.URIs) > 0 || c.NotBefore.After(time.Now()) {
		t.Errorf("named %v, from %s", c.URIs, c.NotBefore)
	}
}

func openssl(t *testing.T, a certmgmt.Signing, flags ...string) {
	t.Helper()
	last := len(a.CertificateChain) - 1
	args := append([]string{"verify", "-x509_strict", "-CAfile", catest.PEM(t, "CERTIFICATE", der(t, a.CertificateChain[last])), "-untrusted", catest.PEM(t, "CERTIFICATE", der(t, a.CertificateChain[0]))}, flags...)
	out, err := exec.CommandContext(t.Context(), "openssl", append(args, catest.PEM(t, "CERTIFICATE", der(t, a.Certificate)))...).CombinedOutput()
	if err != nil {
		t.Errorf("openssl verify: %v\n%s", err, out)
	}
}

// What the policies judge by may be away: that says nothing of the request, which
// may be sent again.
func TestJudge_Away(t *testing.T) {
	t.Parallel()
	w := memory(t)
	away := true
	w.judge = judgeFunc(func(cmf.Question) (cmf.Judgement, error) {
		if away {
			return cmf.Judgement{}, hub.E(hub.Unavailable, "read history", "the bus does not answer", nil)
		}
		return cmf.Judgement{}, nil
	})
	p := w.process()
	in := p.register(alpha, "north").csr(t, nil)
	if _, err := p.Sign(t.Context(), alpha, "north", in); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("while it is away: %v", err)
	}
	away = false
	if a, err := p.Sign(t.Context(), alpha, "north", in); err != nil || a.State != certmgmt.RequestIssued {
		t.Errorf("sent again: %+v, %v", a, err)
	}
}
