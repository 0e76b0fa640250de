package lifecycle_test

import (
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Each reason not to renew has its own code, is answered and recorded, and enrol
// is not asked.
func TestRenew(t *testing.T) {
	late := 16 * day
	for name, c := range map[string]struct {
		alter func(*testing.T, *process, *cmf.Certificate) // before it is asked for
		in    certmgmt.SigningRequest
		after time.Duration
		want  string // code of the refusal; none if it is renewed
	}{
		"in time":              {after: late},
		"all said":             {after: late, in: certmgmt.SigningRequest{VnfcID: "vnfc-1", CertType: certmgmt.VNFCICert}},
		"early":                {want: lifecycle.RefusedEarly},
		"early, with a reason": {in: certmgmt.SigningRequest{RenewalReason: "the key moves to another TPM"}},
		"after its end":        {after: 31 * day, want: lifecycle.RefusedExpired},
		"another entity":       {after: late, in: certmgmt.SigningRequest{VnfcID: "vnfc-2"}, want: lifecycle.RefusedSubject},
		"a name beside it":     {after: late, in: certmgmt.SigningRequest{FQDN: "x.example"}, want: lifecycle.RefusedSubject},
		"another type":         {after: late, in: certmgmt.SigningRequest{CertType: certmgmt.VNFOAMCert}, want: lifecycle.RefusedSubject},
		"revoked": {after: late, want: lifecycle.RefusedRevoked, alter: func(t *testing.T, p *process, c *cmf.Certificate) {
			revoke(t, p, c.ID, "unspecified")
		}},
		"attester withdrawn": {after: late, want: lifecycle.RefusedAttester, alter: func(t *testing.T, p *process, _ *cmf.Certificate) {
			if _, err := p.store.Attesters.Update(t.Context(), "att-1", func(a *cmf.Attester) error {
				now := p.now()
				a.Withdrawn = &now
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}},
		"registration ended": {after: late, want: lifecycle.RefusedRegistration, alter: func(t *testing.T, p *process, _ *cmf.Certificate) {
			alterRegistration(t, p, func(r *cmf.Registration) { r.Ended = true })
		}},
		"entity not registered any more": {after: late, want: lifecycle.RefusedRegistration, alter: func(t *testing.T, p *process, _ *cmf.Certificate) {
			alterRegistration(t, p, func(r *cmf.Registration) { r.SubjectID = []string{"vnfc-2"} })
		}},
		"another manager": {after: late, want: lifecycle.RefusedRegistration, alter: func(t *testing.T, p *process, _ *cmf.Certificate) {
			alterRegistration(t, p, func(r *cmf.Registration) { r.Manager = another.String() })
		}},
		"renewed already": {after: late, want: lifecycle.RefusedRenewed, alter: func(t *testing.T, p *process, c *cmf.Certificate) {
			p.put(t, 2, func(n *cmf.Certificate) { n.Renews = c.ID })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.start(t, nil)
			p.attester(t, "att-1")
			p.register(t, "reg-1", "vnfc-1", "vnfc-2")
			one := p.put(t, 1, nil)
			if c.alter != nil {
				c.alter(t, p, one)
			}
			w.pass(c.after)
			c.in.CSR = "a CSR"
			got, err := p.Renew(t.Context(), vnfm, one.ID, c.in)
			if err != nil {
				t.Fatal(err)
			}
			refusals := p.recorded("certificate.refused", "certificate/"+one.ID)
			if c.want == "" {
				if got.State != certmgmt.RequestIssued || len(p.enrol.asked) != 1 || len(refusals) != 0 {
					t.Fatalf("%+v, %d records of a refusal", got, len(refusals))
				}
				if asked := p.enrol.asked[0]; asked.VnfcID != "vnfc-1" || asked.FQDN != "" || asked.CertType != certmgmt.VNFCICert {
					t.Errorf("enrol was asked for %+v", asked)
				}
				why := p.recorded("certificate.requested", "certificate/"+one.ID)
				if early := c.in.RenewalReason != ""; early != (len(why) == 1) || early && !strings.Contains(string(why[0].Data), c.in.RenewalReason) {
					t.Errorf("the reason to be early: %+v", why)
				}
				return
			}
			if got.State != certmgmt.RequestRefused || len(got.Reasons) != 1 || got.Reasons[0].Code != c.want || got.Reasons[0].Mend == "" || len(p.enrol.asked) != 0 {
				t.Errorf("%+v, and enrol was asked %d times", got, len(p.enrol.asked))
			}
			if len(refusals) != 1 || refusals[0].Actor != vnfm.String() || !strings.Contains(string(refusals[0].Data), c.want) {
				t.Errorf("records %+v", refusals)
			}
		})
	}
}

func alterRegistration(t *testing.T, p *process, fn func(*cmf.Registration)) {
	t.Helper()
	if _, err := p.store.Registrations.Update(t.Context(), "reg-1", func(r *cmf.Registration) error { fn(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

// The CSR that a certificate was renewed with gets the same answer, whatever the
// time; to others the certificate does not exist.
func TestRenew_Again(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, func(c *lifecycle.Config) {
		c.Rules = func(string, certmgmt.CertType) lifecycle.Rules { return lifecycle.Rules{RenewFrom: 90} }
	})
	p.register(t, "reg-1", "vnfc-1")
	p.attester(t, "att-1")
	one := p.put(t, 1, nil)
	two := p.put(t, 2, func(c *cmf.Certificate) { c.Renews = one.ID })
	csr := []byte("a CSR, encoded")
	if _, err := p.store.Requests.Create(t.Context(), "north", two.ID, &cmf.Request{Signing: certmgmt.Signing{ID: two.ID, State: certmgmt.RequestIssued}, CSR: csr}); err != nil {
		t.Fatal(err)
	}
	in := certmgmt.SigningRequest{CSR: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))}
	for range 2 {
		if got, err := p.Renew(t.Context(), vnfm, one.ID, in); err != nil || got.State != certmgmt.RequestIssued {
			t.Errorf("the same CSR: %+v, %v", got, err)
		}
	}
	if _, err := p.Renew(t.Context(), another, one.ID, in); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("another consumer: %v", err)
	}
	if _, err := p.Renew(t.Context(), vnfm, one.ID, certmgmt.SigningRequest{RenewalReason: strings.Repeat("x", 1001)}); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("a long reason: %v", err)
	}
	three := p.put(t, 3, func(c *cmf.Certificate) { c.SubjectID = "vnfc-1" })
	w.pass(26 * day)
	if got, err := p.Renew(t.Context(), vnfm, three.ID, certmgmt.SigningRequest{CSR: "x"}); err != nil || got.State != certmgmt.RequestRefused || got.Reasons[0].Code != lifecycle.RefusedEarly {
		t.Errorf("before the domain's own time: %+v, %v", got, err)
	}
	w.pass(2 * day)
	if got, err := p.Renew(t.Context(), vnfm, three.ID, certmgmt.SigningRequest{CSR: "x"}); err != nil || got.State != certmgmt.RequestIssued {
		t.Errorf("after it: %+v, %v", got, err)
	}
}
