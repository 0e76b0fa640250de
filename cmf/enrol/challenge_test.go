package enrol_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/attestkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// public is a key whose private part is elsewhere.
type public struct{ crypto.PublicKey }

func (p public) Public() crypto.PublicKey { return p.PublicKey }

func (public) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the private key is elsewhere")
}

// maker is the maker of a TPM: its root, and what it put into the TPM.
type maker struct {
	root *x509.Certificate
	key  crypto.Signer
	ask  certmgmt.ChallengeRequest // all but the attester
}

func makerOf(t *testing.T, device *devicekit.TPM) maker {
	t.Helper()
	key := attestkit.P256(t)
	root := attestkit.Issue(t, attestkit.Cert{Name: "maker", CA: true}, key, nil, nil)
	ek := device.Endorsement(t)
	area, err := tpm.ReadPublic(ek.Public)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.ParsePKIXPublicKey(area.SPKI)
	if err != nil {
		t.Fatal(err)
	}
	cert := attestkit.Issue(t, attestkit.Cert{Name: "TPM", Usage: tpm.EndorsementUsage}, public{spki}, root, key)
	return maker{root, key, certmgmt.ChallengeRequest{
		EKCertificate: certPEM(cert), EKPublic: base64.StdEncoding.EncodeToString(ek.Public), AKPublic: base64.StdEncoding.EncodeToString(device.AKPublic()),
	}}
}

func certPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// answer has the TPM open a credential.
func answer(t *testing.T, device *devicekit.TPM, c certmgmt.Challenge) certmgmt.ActivationRequest {
	t.Helper()
	var parts [2][]byte
	for i, text := range []string{c.CredentialBlob, c.Secret} {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = b
	}
	secret := device.Activate(t, tpm.Challenge{Credential: parts[0], Seed: parts[1]})
	return certmgmt.ActivationRequest{Secret: base64.StdEncoding.EncodeToString(secret)}
}

// A TPM that opens the credential is proven: its keys are genuine from then on where
// the operator trusts its maker's root, and stay protected where the consumer alone
// brought the root.
func TestActivate(t *testing.T) {
	t.Parallel()
	device := devicekit.StartTPM(t, "")
	made := makerOf(t, device)
	for name, tc := range map[string]struct {
		trusted []*x509.Certificate
		want    attestation.Assurance
	}{
		"the operator trusts the maker": {[]*x509.Certificate{made.root}, attestation.Genuine},
		"the consumer brought the root": {nil, attestation.Protected},
	} {
		w := memory(t)
		w.roots = tc.trusted
		p := w.process()
		given := certmgmt.Attester{Name: "TPM", StatementOID: tpm.OID}
		if tc.trusted == nil {
			given.Roots, given.CertificateChain = made.attester(t, device)
		} else {
			given.PublicKey = string(device.AKPEM())
		}
		a, c := made.challenged(t, p, given)
		for range 2 { // an answer that was lost comes again
			var err error
			if a, err = p.Activate(t.Context(), alpha, c.ID, answer(t, device, c)); err != nil || a.Activated == nil {
				t.Fatalf("%s: %+v: %v", name, a, err)
			}
		}
		if n := len(w.kinds("attester.activated")); n != 1 {
			t.Errorf("%s: %d records", name, n)
		}
		s := p.enrolTPM(device, a.ID)
		if s.State != certmgmt.RequestIssued || s.Assurance != tc.want.String() {
			t.Fatalf("%s: %+v", name, s)
		}
		policy, err := p.AssurancePolicy(tc.want)
		if err != nil {
			t.Fatal(err)
		}
		if c := leaf(t, s); len(c.Policies) != 1 || !c.Policies[0].Equal(policy) {
			t.Errorf("%s: the certificate's policies are %v", name, c.Policies)
		}
	}
}

// challenged registers an attester of trust domain north and asks for the credential
// that activates it.
func (m maker) challenged(t *testing.T, p process, given certmgmt.Attester) (certmgmt.Attester, certmgmt.Challenge) {
	t.Helper()
	a, err := p.AddAttester(t.Context(), alpha, "north", given)
	if err != nil {
		t.Fatal(err)
	}
	ask := m.ask
	ask.AttesterID = a.ID
	c, err := p.Challenge(t.Context(), alpha, "north", ask)
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

// attester returns the maker's root, and a certificate of it for the attestation key.
func (m maker) attester(t *testing.T, device *devicekit.TPM) (roots, chain string) {
	t.Helper()
	ak, err := x509.ParsePKIXPublicKey(device.AK())
	if err != nil {
		t.Fatal(err)
	}
	return certPEM(m.root), certPEM(attestkit.Issue(t, attestkit.Cert{Name: "AK", Usage: tpm.Usage}, public{ak}, m.root, m.key))
}

// enrolTPM registers a new VNFC instance with an attester and has a key of the TPM
// signed, with the nonce of a challenge.
func (p process) enrolTPM(device *devicekit.TPM, attester string) certmgmt.Signing {
	p.w.Helper()
	v := vnfc{id: hub.NewID()}
	var err error
	if v.reg, err = p.Register(p.w.Context(), alpha, "north", certmgmt.RegisterRequest{
		CertType: certmgmt.VNFCICert, SubjectID: []string{v.id}, TypeOfVnfcCertHandling: certmgmt.DelegationMode, AttesterIDs: []string{attester},
	}); err != nil {
		p.w.Fatal(err)
	}
	nonce, challenge := p.nonce(alpha, v)
	r := v.sends(device.CSR(p.w, devicekit.Want{CommonName: v.id, Nonce: nonce}).DER)
	r.ChallengeID = challenge
	s, err := p.Sign(p.w.Context(), alpha, "north", r)
	if err != nil {
		p.w.Fatal(err)
	}
	return s
}

// What does not prove a TPM is refused: another TPM's keys, an endorsement key of
// nobody, a wrong or late answer.
func TestActivate_Refused(t *testing.T) {
	t.Parallel()
	device, other := devicekit.StartTPM(t, ""), devicekit.StartTPM(t, "")
	made, strange := makerOf(t, device), makerOf(t, other)
	w := memory(t)
	w.roots = []*x509.Certificate{made.root}
	p := w.process()
	a, err := p.AddAttester(t.Context(), alpha, "north", certmgmt.Attester{StatementOID: tpm.OID, PublicKey: string(device.AKPEM())})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(fn func(*certmgmt.ChallengeRequest)) (certmgmt.Challenge, error) {
		in := made.ask
		in.AttesterID = a.ID
		fn(&in)
		return p.Challenge(t.Context(), alpha, "north", in)
	}
	for name, tc := range map[string]struct {
		change func(*certmgmt.ChallengeRequest)
		code   hub.Code
	}{
		"another TPM's attestation key": {func(in *certmgmt.ChallengeRequest) { in.AKPublic = strange.ask.AKPublic }, hub.Unprocessable},
		"another maker": {func(in *certmgmt.ChallengeRequest) {
			in.EKPublic, in.EKCertificate = strange.ask.EKPublic, strange.ask.EKCertificate
		}, hub.Unprocessable},
		"the certificate of another TPM":     {func(in *certmgmt.ChallengeRequest) { in.EKCertificate = strange.ask.EKCertificate }, hub.Unprocessable},
		"no certificate":                     {func(in *certmgmt.ChallengeRequest) { in.EKCertificate = "" }, hub.Unprocessable},
		"an attestation key for an EK":       {func(in *certmgmt.ChallengeRequest) { in.EKPublic = in.AKPublic }, hub.Unprocessable},
		"no endorsement key":                 {func(in *certmgmt.ChallengeRequest) { in.EKPublic = "!" }, hub.Invalid},
		"no attestation key":                 {func(in *certmgmt.ChallengeRequest) { in.AKPublic = "" }, hub.Invalid},
		"something else for a certificate":   {func(in *certmgmt.ChallengeRequest) { in.EKCertificate = "x" }, hub.Invalid},
		"an attester and a registration":     {func(in *certmgmt.ChallengeRequest) { in.RegistrationID = "r" }, hub.Invalid},
		"neither attester nor registration":  {func(in *certmgmt.ChallengeRequest) { in.AttesterID = "" }, hub.Invalid},
		"an attester that nobody registered": {func(in *certmgmt.ChallengeRequest) { in.AttesterID = "nobody" }, hub.NotFound},
	} {
		if _, err := ask(tc.change); hub.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
	c, err := ask(func(*certmgmt.ChallengeRequest) {})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		secret string
		code   hub.Code
	}{
		"no base64":      {"!", hub.Invalid},
		"too long":       {strings.Repeat("AAAA", 100), hub.Invalid},
		"nothing":        {"", hub.Unprocessable},
		"another secret": {base64.StdEncoding.EncodeToString(make([]byte, 32)), hub.Unprocessable},
	} {
		if _, err := p.Activate(t.Context(), alpha, c.ID, certmgmt.ActivationRequest{Secret: tc.secret}); hub.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	right := answer(t, device, c)
	w.wait(5 * time.Minute)
	if _, err := p.Activate(t.Context(), alpha, c.ID, right); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("a late answer: %v", err)
	}
	if a, err = p.Attester(t.Context(), alpha, a.ID); err != nil || a.Activated != nil || len(w.kinds("attester.activated")) != 0 {
		t.Errorf("it is activated: %+v: %v", a, err)
	}
	// Without any root nothing proves an endorsement key.
	w.roots = nil
	if _, err := ask(func(*certmgmt.ChallengeRequest) {}); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("without roots: %v", err)
	}
	// What is expired is removed, and an attester that was withdrawn has no challenge.
	w.roots = []*x509.Certificate{made.root}
	if err := p.Recover(t.Context()); err != nil || p.store.Challenges.Len() != 0 {
		t.Errorf("%d challenges are left: %v", p.store.Challenges.Len(), err)
	}
	if c, err = ask(func(*certmgmt.ChallengeRequest) {}); err != nil {
		t.Fatal(err)
	}
	right = answer(t, device, c)
	p.withdraw(a.ID)
	if _, err := p.Activate(t.Context(), alpha, c.ID, right); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("activated after it was withdrawn: %v", err)
	}
	if _, err := ask(func(*certmgmt.ChallengeRequest) {}); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("a challenge after it was withdrawn: %v", err)
	}
	again := certmgmt.Attester{StatementOID: tpm.OID, PublicKey: string(device.AKPEM())}
	for _, who := range []hub.Identity{alpha, beta, operator} {
		if _, err := p.AddAttester(t.Context(), who, "north", again); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("%s registers the withdrawn key again: %v", who, err)
		}
	}
}

// A profile that asks for nonces refuses statements without one, and challenges are
// bounded for each consumer.
func TestChallenge(t *testing.T) {
	t.Parallel()
	w := memory(t)
	profile := w.profiles["north"]
	profile.NonceRequired = true
	w.profiles["north"] = profile
	p := w.process()
	v := p.register(alpha, "north")
	a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
	wantRefused(t, a, err, attestation.NonceMissing)
	nonce, id := p.nonce(alpha, v)
	r := v.csr(t, nonce)
	a, err = p.Sign(t.Context(), alpha, "north", r)
	wantRefused(t, a, err, attestation.NonceMissing)
	r = v.csr(t, nonce)
	r.ChallengeID = id
	if a, err = p.Sign(t.Context(), alpha, "north", r); err != nil || a.State != certmgmt.RequestIssued {
		t.Fatalf("%+v: %v", a, err)
	}
	if a, err = p.Sign(t.Context(), alpha, "north", r); err != nil || a.State != certmgmt.RequestIssued {
		t.Errorf("the same request again: %+v: %v", a, err)
	}
	if _, err := p.Activate(t.Context(), alpha, id, certmgmt.ActivationRequest{}); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("a nonce is activated: %v", err)
	}
	for range 999 {
		p.nonce(alpha, v)
	}
	if _, err := p.Challenge(t.Context(), alpha, "north", certmgmt.ChallengeRequest{RegistrationID: v.reg.ID}); hub.CodeOf(err) != hub.RateLimited {
		t.Errorf("one more challenge: %v", err)
	}
	p.nonce(beta, p.register(beta, "north"))
}
