package enrol_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// A CSR whose certificate was revoked or is expired is refused as replayed; until
// then it has the same answer, with and without the chain.
func TestSign_Again(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := p.register(alpha, "north")
	sign := func(r certmgmt.SigningRequest) certmgmt.Signing {
		t.Helper()
		a, err := p.Sign(t.Context(), alpha, "north", r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	r := v.csr(t, nil)
	first := sign(r)
	r.CertChainRequest = false
	if second := sign(r); second.Certificate != first.Certificate || len(second.CertificateChain) > 0 || second.ID != first.ID {
		t.Errorf("the second answer is %+v", second)
	}
	shown, err := p.Signing(t.Context(), alpha, first.ID)
	if err != nil || shown.Certificate != first.Certificate || shown.State != certmgmt.RequestIssued || len(shown.CertificateChain) == 0 {
		t.Errorf("shown as %+v: %v", shown, err)
	}
	if n := len(p.w.kinds("certificate.issued")); n != 1 {
		t.Errorf("%d records", n)
	}
	_, err = p.store.Certificates.Update(t.Context(), first.CertificateID, func(c *cmf.Certificate) error {
		c.Revoked = &cmf.Revocation{At: p.w.Now(), Reason: 1}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, sign(r), nil, enrol.Replayed)

	r = v.csr(t, nil)
	expired := leaf(t, sign(r))
	p.w.wait(time.Until(expired.NotAfter) + time.Minute)
	wantRefused(t, sign(r), nil, enrol.Replayed)
	if n := len(p.w.kinds("certificate.refused")); n != 2 {
		t.Errorf("%d refusals are recorded", n)
	}
}

// An authority that is away is no refusal: the failure is recorded with the serial
// number, and the same request may come again.
func TestSign_AuthorityAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*authorities, func() error){
		"before it signed": func(a *authorities, fn func() error) { a.before = fn },
		"after it signed":  func(a *authorities, fn func() error) { a.after = fn },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := memory(t)
			p := w.process()
			v := p.register(alpha, "north")
			r := v.csr(t, nil)
			away(w.ca, func() error {
				return hub.E(hub.Unavailable, "issue", "the authority does not answer; ask again", errors.New("10.0.0.7 refused"))
			})
			a, err := p.Sign(t.Context(), alpha, "north", r)
			if hub.CodeOf(err) != hub.Unavailable || a.Certificate != "" || hub.SafeText(err) != "the authority does not answer; ask again" {
				t.Fatalf("answered %+v: %v", a, err)
			}
			if n := len(w.kinds("certificate.failed")); n != 1 {
				t.Errorf("%d failures are recorded", n)
			}
			for s, err := range p.Signings(t.Context(), alpha, "") {
				if err != nil || s.State != certmgmt.RequestFailed || len(s.Reasons) != 1 {
					t.Errorf("listed %+v: %v", s, err)
				}
			}
			w.ca.before, w.ca.after = nil, nil
			if a, err = p.Sign(t.Context(), alpha, "north", r); err != nil || a.State != certmgmt.RequestIssued || len(a.Reasons) > 0 {
				t.Errorf("the second time: %+v: %v", a, err)
			}
			books(t, p)
		})
	}
}

// An order that breaks the standard is the profile's fault: the one who asks cannot
// mend it by asking again.
func TestSign_BadOrder(t *testing.T) {
	t.Parallel()
	w := memory(t)
	profile := w.profiles["north"]
	profile.Organization = strings.Repeat("o", 65) // X.520 has 64
	w.profiles["north"] = profile
	p := w.process()
	_, err := p.Sign(t.Context(), alpha, "north", p.register(alpha, "north").csr(t, nil))
	if hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("answered %v", err)
	}
	if w.ca.signed() != 0 || len(w.kinds("certificate.failed")) != 1 {
		t.Errorf("%d were signed, recorded %+v", w.ca.signed(), w.kinds("certificate.failed"))
	}
}

// What belongs to another consumer, or another trust domain, answers exactly as what
// does not exist. Who runs the hub sees all.
func TestSeparation(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := p.register(alpha, "north")
	a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	_, challenge := p.nonce(alpha, v)
	const missing = "00000000-0000-4000-8000-000000000000"
	same := func(what, id string, ask func(id string) error) {
		t.Helper()
		got, want := ask(id), ask(missing)
		if hub.CodeOf(got) != hub.NotFound || hub.CodeOf(want) != hub.NotFound || len(hub.SafeText(got)) != len(hub.SafeText(want)) {
			t.Errorf("%s: %v, and what does not exist: %v", what, got, want)
		}
	}
	for _, who := range []hub.Identity{beta, south, ownVnfm} {
		same("registration", v.reg.ID, func(id string) error { _, err := p.Registration(t.Context(), who, id); return err })
		same("end of registration", v.reg.ID, func(id string) error { return p.EndRegistration(t.Context(), who, id) })
		same("attester", v.attester, func(id string) error { _, err := p.Attester(t.Context(), who, id); return err })
		same("request", a.ID, func(id string) error { _, err := p.Signing(t.Context(), who, id); return err })
		same("challenge", challenge, func(id string) error {
			_, err := p.Activate(t.Context(), who, id, certmgmt.ActivationRequest{})
			return err
		})
		for range p.Registrations(t.Context(), who, "") {
			t.Errorf("%s sees a registration", who)
		}
		for range p.Attesters(t.Context(), who, "") {
			t.Errorf("%s sees an attester", who)
		}
		for range p.Signings(t.Context(), who, "") {
			t.Errorf("%s sees a request", who)
		}
		domain := who.TrustDomain
		if domain == "hub" {
			domain = "north"
		}
		same("nonce", v.reg.ID, func(id string) error {
			_, err := p.Challenge(t.Context(), who, domain, certmgmt.ChallengeRequest{RegistrationID: id})
			return err
		})
		// The refusal of a CSR is in the same words too.
		foreign, err := p.Sign(t.Context(), who, domain, v.csr(t, nil))
		wantRefused(t, foreign, err, enrol.SubjectUnknown)
		r := v.csr(t, nil)
		r.VnfcID = missing
		nothing, err := p.Sign(t.Context(), who, domain, r)
		wantRefused(t, nothing, err, enrol.SubjectUnknown)
		if !slices.Equal(foreign.Reasons, nothing.Reasons) || foreign.RegistrationID != nothing.RegistrationID {
			t.Errorf("%+v, and for what does not exist %+v", foreign, nothing)
		}
	}
	// A trust domain that is not the caller's does not exist for it.
	for _, domain := range []string{"south", "nowhere"} {
		if _, err := p.Sign(t.Context(), alpha, domain, v.csr(t, nil)); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("%s: %v", domain, err)
		}
	}
	// The same subject in another trust domain is another one, signed by another CA.
	other := v
	other.reg, err = p.Register(t.Context(), south, "south", v.request())
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Sign(t.Context(), south, "south", other.csr(t, nil))
	if err != nil || b.State != certmgmt.RequestIssued || b.CertificateChain[0] == a.CertificateChain[0] || b.CertificateChain[1] == a.CertificateChain[1] {
		t.Errorf("the certificate of south: %+v: %v", b, err)
	}
	if shown, err := p.Signing(t.Context(), operator, a.ID); err != nil || shown.Certificate != a.Certificate {
		t.Errorf("the operator sees %+v: %v", shown, err)
	}
	seen := 0
	for _, err := range p.Registrations(t.Context(), operator, "") {
		if seen++; err != nil {
			t.Error(err)
		}
	}
	if seen != 2 {
		t.Errorf("the operator sees %d registrations", seen)
	}
	if _, err := p.Sign(t.Context(), operator, "north", v.csr(t, nil)); err != nil {
		t.Errorf("the operator may ask for whom it sees: %v", err)
	}
}

// A renewal is another request than the first, and the same CSR does not do for both.
func TestSignRenewal(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := p.register(alpha, "north")
	r := v.csr(t, nil)
	first, err := p.Sign(t.Context(), alpha, "north", r)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.SignRenewal(t.Context(), alpha, "north", r, first.CertificateID)
	wantRefused(t, a, err, enrol.Replayed)
	a, err = p.SignRenewal(t.Context(), alpha, "north", v.csr(t, nil), first.CertificateID)
	if err != nil || a.State != certmgmt.RequestIssued {
		t.Fatalf("%+v: %v", a, err)
	}
	c, err := p.store.Certificates.Get(t.Context(), a.CertificateID)
	if err != nil || c.Value.Renews != first.CertificateID || c.Value.Assurance != attestation.Protected.String() {
		t.Errorf("stored %+v: %v", c.Value, err)
	}
}
