package enrol_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// Register takes what table 11.2.2.2.2-1 says, and refuses the rest with a text that
// says what to do.
func TestRegister_Input(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	device := devicekit.NewSoft(t)
	good := func(t certmgmt.CertType, ids ...string) certmgmt.RegisterRequest {
		in := certmgmt.RegisterRequest{CertType: t, SubjectID: ids, TypeOfVnfcCertHandling: certmgmt.DelegationMode}
		if t == certmgmt.MANOCert {
			in.TypeOfVnfcCertHandling = ""
		}
		return in
	}
	with := func(in certmgmt.RegisterRequest, fn func(*certmgmt.RegisterRequest)) certmgmt.RegisterRequest {
		fn(&in)
		return in
	}
	based := func(b certmgmt.Profile) certmgmt.RegisterRequest {
		return with(good(certmgmt.VNFCICert, hub.NewID()), func(in *certmgmt.RegisterRequest) { in.BaseProfile = &b })
	}
	attested := func(a certmgmt.Attester) certmgmt.RegisterRequest {
		return with(good(certmgmt.VNFCICert, hub.NewID()), func(in *certmgmt.RegisterRequest) { in.Attesters = []certmgmt.Attester{a} })
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = hub.NewID()
	}
	for name, tc := range map[string]struct {
		in   certmgmt.RegisterRequest
		code hub.Code // empty: it is taken
		text string
	}{
		"VNFCI certificate":        {good(certmgmt.VNFCICert, "vnfc-0", "vnfc-1"), "", ""},
		"VNF OAM certificate":      {good(certmgmt.VNFOAMCert, "vnfc-0"), "", ""},
		"MANO certificate":         {good(certmgmt.MANOCert, "vnfm.north.example", "north.example"), "", ""},
		"profile of a VNFD":        {based(certmgmt.Profile{CommonName: "web", Organization: "Maker", Country: "FI", DNSNames: []string{"web.north.example"}, MinimumRSA: 3072, MaxValidity: "24h"}), "", ""},
		"no type":                  {good("", "vnfc-7"), hub.Invalid, "certType"},
		"another type":             {good("ROOT", "vnfc-7"), hub.Invalid, "certType"},
		"direct mode":              {with(good(certmgmt.VNFCICert, "vnfc-7"), func(in *certmgmt.RegisterRequest) { in.TypeOfVnfcCertHandling = certmgmt.DirectMode }), hub.Invalid, "DIRECT_MODE"},
		"no mode":                  {with(good(certmgmt.VNFCICert, "vnfc-7"), func(in *certmgmt.RegisterRequest) { in.TypeOfVnfcCertHandling = "" }), hub.Invalid, "DELEGATION_MODE"},
		"a mode for MANO":          {with(good(certmgmt.MANOCert, "a.north.example"), func(in *certmgmt.RegisterRequest) { in.TypeOfVnfcCertHandling = certmgmt.DelegationMode }), hub.Invalid, "typeOfVnfcCertHandling"},
		"a VNF for MANO":           {with(good(certmgmt.MANOCert, "a.north.example"), func(in *certmgmt.RegisterRequest) { in.VnfInstanceID = "vnf-1" }), hub.Invalid, "vnfInstanceId"},
		"no subject":               {good(certmgmt.VNFCICert), hub.Invalid, "subjectId"},
		"an empty subject":         {good(certmgmt.VNFCICert, ""), hub.Invalid, "empty"},
		"too many subjects":        {good(certmgmt.VNFCICert, many...), hub.Invalid, "101"},
		"a subject twice":          {good(certmgmt.VNFCICert, "vnfc-7", "vnfc-7"), hub.Invalid, "twice"},
		"a subject not printable":  {good(certmgmt.VNFCICert, "vnfc\x00"), hub.Invalid, "printed"},
		"a subject too long":       {good(certmgmt.VNFCICert, strings.Repeat("v", 256)), hub.Invalid, "256"},
		"a name of one label":      {good(certmgmt.MANOCert, "vnfm"), hub.Invalid, "FQDN"},
		"a wildcard":               {good(certmgmt.MANOCert, "*.north.example"), hub.Invalid, "FQDN"},
		"upper case":               {good(certmgmt.MANOCert, "Vnfm.north.example"), hub.Invalid, "FQDN"},
		"an address":               {good(certmgmt.MANOCert, "192.0.2.1"), hub.Invalid, "address"},
		"a final dot":              {good(certmgmt.MANOCert, "vnfm.north.example."), hub.Invalid, "final dot"},
		"another domain's name":    {good(certmgmt.MANOCert, "nfvo.south.example"), hub.Unprocessable, "north.example"},
		"a name that only ends so": {good(certmgmt.MANOCert, "evilnorth.example"), hub.Unprocessable, "north.example"},
		"a VNFD's foreign name":    {based(certmgmt.Profile{DNSNames: []string{"nfvo.south.example"}}), hub.Unprocessable, "north.example"},
		"a VNFD's foreign CN":      {based(certmgmt.Profile{CommonName: "nfvo.south.example"}), hub.Unprocessable, "north.example"},
		"a VNFD's long CN":         {based(certmgmt.Profile{CommonName: strings.Repeat("c", 65)}), hub.Invalid, "commonName"},
		"a VNFD's country":         {based(certmgmt.Profile{Country: "Finland"}), hub.Invalid, "country"},
		"a VNFD's validity":        {based(certmgmt.Profile{MaxValidity: "for ever"}), hub.Invalid, "maxValidityPeriod"},
		"a VNFD's short validity":  {based(certmgmt.Profile{MaxValidity: "1s"}), hub.Invalid, "maxValidityPeriod"},
		"a VNFD's RSA":             {based(certmgmt.Profile{MinimumRSA: 16384}), hub.Invalid, "minimumRsaBits"},
		"an unknown attester":      {with(good(certmgmt.VNFCICert, "vnfc-7"), func(in *certmgmt.RegisterRequest) { in.AttesterIDs = []string{"nobody"} }), hub.Unprocessable, "attester"},
		"an unknown format":        {attested(certmgmt.Attester{StatementOID: "1.2.3", PublicKey: string(device.AKPEM())}), hub.Invalid, "keyAttestationStatementOid"},
		"an attester of nothing":   {attested(certmgmt.Attester{StatementOID: tpm.OID}), hub.Invalid, "publicKey"},
		"an attester of no PEM":    {attested(certmgmt.Attester{StatementOID: tpm.OID, PublicKey: "key"}), hub.Invalid, "publicKey"},
		"an attester's private key": {attested(certmgmt.Attester{
			StatementOID: tpm.OID, PublicKey: strings.ReplaceAll(string(device.AKPEM()), "PUBLIC", "PRIVATE"),
		}), hub.Invalid, "publicKey"},
		"an attester's bad roots": {attested(certmgmt.Attester{StatementOID: tpm.OID, PublicKey: string(device.AKPEM()), Roots: "x"}), hub.Invalid, "roots"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := p.Register(t.Context(), alpha, "north", tc.in)
			if hub.CodeOf(err) != tc.code || (err != nil && !strings.Contains(hub.SafeText(err), tc.text)) {
				t.Fatalf("answered %v, want %s with %q", err, tc.code, tc.text)
			}
			if err == nil && (r.ID == "" || r.Manager != alpha.String() || r.Issuer == "" || !slices.Equal(r.SubjectID, tc.in.SubjectID)) {
				t.Errorf("registered %+v", r)
			}
		})
	}
}

// A trust domain that another process has just made is one here too, before this
// process was told of it. One that does not exist, or cannot, is refused as before.
func TestNewDomain(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	for domain, want := range map[string]string{"new": "there is no registration", "nowhere": "there is no trust domain", "not a name": "there is no trust domain"} {
		_, err := p.Challenge(t.Context(), operator, domain, certmgmt.ChallengeRequest{RegistrationID: hub.NewID()})
		if hub.CodeOf(err) != hub.NotFound || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", domain, err, want)
		}
	}
}

// A subject has one manager. The same registration again is the same; another
// consumer's, and another one of the same consumer, is a conflict that names nobody.
func TestRegister_Taken(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := p.register(alpha, "north")
	again, err := p.Register(t.Context(), alpha, "north", v.request())
	if err != nil || again.ID != v.reg.ID || len(p.w.kinds("registration.registered")) != 1 || len(p.w.kinds("attester.registered")) != 1 {
		t.Errorf("registered again as %+v: %v", again, err)
	}
	in := v.request()
	in.VnfInstanceID = "vnf-2"
	if _, err := p.Register(t.Context(), alpha, "north", in); hub.CodeOf(err) != hub.Conflict || !strings.Contains(hub.SafeText(err), v.reg.ID) {
		t.Errorf("registered otherwise: %v", err)
	}
	for _, who := range []hub.Identity{beta, ownVnfm, operator} {
		if _, err := p.Register(t.Context(), who, "north", v.request()); hub.CodeOf(err) != hub.Conflict || strings.Contains(hub.SafeText(err), "alpha") {
			t.Errorf("%s: %v", who, err)
		}
		oam := v.request()
		oam.CertType, oam.Attesters = certmgmt.VNFOAMCert, nil
		if _, err := p.Register(t.Context(), who, "north", oam); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("%s has the OAM certificate of alpha's VNFC: %v", who, err)
		}
	}
	oam := v.request()
	oam.CertType = certmgmt.VNFOAMCert
	if _, err := p.Register(t.Context(), alpha, "north", oam); err != nil {
		t.Errorf("the OAM certificate of its own VNFC: %v", err)
	}
	// Who ends a registration frees its subjects, and nothing is signed for it any more.
	r := v.csr(t, nil)
	for range 2 {
		if err := p.EndRegistration(t.Context(), alpha, v.reg.ID); err != nil {
			t.Fatal(err)
		}
	}
	a, err := p.Sign(t.Context(), alpha, "north", r)
	wantRefused(t, a, err, enrol.SubjectUnknown)
	if shown, err := p.Registration(t.Context(), alpha, v.reg.ID); err != nil || !shown.Ended || len(p.w.kinds("registration.ended")) != 1 {
		t.Errorf("shown as %+v: %v", shown, err)
	}
}

// Host names are one entity's: no VNFC gets that of a MANO entity, or of another
// consumer's VNFC.
func TestRegister_HostNames(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	register := func(who hub.Identity, mano bool, name string) error {
		in := certmgmt.RegisterRequest{CertType: certmgmt.MANOCert, SubjectID: []string{name}}
		if !mano {
			in = certmgmt.RegisterRequest{
				CertType: certmgmt.VNFCICert, SubjectID: []string{hub.NewID()}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
				BaseProfile: &certmgmt.Profile{DNSNames: []string{name}},
			}
		}
		_, err := p.Register(t.Context(), who, "north", in)
		return err
	}
	for i, step := range []struct {
		who  hub.Identity
		mano bool
		name string
		want hub.Code
	}{
		{operator, true, "nfvo.north.example", ""},
		{alpha, false, "nfvo.north.example", hub.Conflict},
		{alpha, false, "web.north.example", ""},
		{alpha, false, "web.north.example", ""},
		{beta, false, "web.north.example", hub.Conflict},
		{alpha, true, "web.north.example", hub.Conflict},
		{beta, true, "vnfm.north.example", ""},
		{alpha, true, "vnfm.north.example", hub.Conflict},
	} {
		if err := register(step.who, step.mano, step.name); hub.CodeOf(err) != step.want {
			t.Errorf("step %d: %v, want %q", i+1, err, step.want)
		}
	}
	// Nobody but the operator names hosts where no suffix is configured.
	p.w.profiles["north"] = enrol.Profile{}
	if err := register(alpha, true, "a.north.example"); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("without suffixes: %v", err)
	}
	if err := register(operator, true, "a.north.example"); err != nil {
		t.Errorf("the operator, without suffixes: %v", err)
	}
}

// An identifier that is no UUID is named by one that nobody else can have.
func TestRegister_NoUUID(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := vnfc{id: "vdu-1-0", device: devicekit.NewSoft(t)}
	if _, err := p.Register(t.Context(), alpha, "north", v.request()); err != nil {
		t.Fatal(err)
	}
	a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	c := leaf(t, a)
	uuid, ok := strings.CutPrefix(c.URIs[0].String(), "urn:uuid:")
	if !ok || len(uuid) != 36 || c.Subject.CommonName != "vdu-1-0" {
		t.Fatalf("named %v, %s", c.URIs, c.Subject)
	}
	thief := vnfc{id: uuid, device: devicekit.NewSoft(t)}
	if _, err := p.Register(t.Context(), beta, "north", thief.request()); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("its UUID is another consumer's subject: %v", err)
	}
}

// Of consumers that register a subject at once, one has it.
func TestRegister_AtOnce(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	id := hub.NewID()
	var wg sync.WaitGroup
	var mu sync.Mutex
	managers := map[string]bool{}
	for i := range 20 {
		who := hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: string(rune('a' + i))}
		wg.Go(func() {
			r, err := p.Register(t.Context(), who, "north", certmgmt.RegisterRequest{CertType: certmgmt.VNFCICert, SubjectID: []string{id}, TypeOfVnfcCertHandling: certmgmt.DelegationMode})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				managers[r.Manager] = true
			} else if hub.CodeOf(err) != hub.Conflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(managers) != 1 {
		t.Errorf("%d consumers manage it", len(managers))
	}
}

// The common parts of a VNFD narrow the trust domain's profile and never widen it.
func TestSign_Profile(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.profiles["north"] = enrol.Profile{Organization: "Operator", Validity: 48 * time.Hour, DNSSuffixes: []string{"north.example"}}
	p := w.process()
	for name, tc := range map[string]struct {
		base    certmgmt.Profile
		days    int
		subject string
	}{
		"fills in": {certmgmt.Profile{CommonName: "web", Locality: "Oulu", MaxValidity: "24h", DNSNames: []string{"web.north.example"}}, 1, "CN=web,O=Operator,L=Oulu"},
		"widens":   {certmgmt.Profile{Organization: "Maker", MaxValidity: "9000h"}, 2, "O=Operator"},
	} {
		v := vnfc{id: hub.NewID(), device: devicekit.NewSoft(t)}
		in := v.request()
		in.BaseProfile = &tc.base
		if _, err := p.Register(t.Context(), alpha, "north", in); err != nil {
			t.Fatal(err)
		}
		a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		c := leaf(t, a)
		if !strings.HasSuffix(c.Subject.String(), tc.subject) || !slices.Equal(c.DNSNames, tc.base.DNSNames) || !c.NotAfter.Equal(w.Now().AddDate(0, 0, tc.days).UTC()) {
			t.Errorf("%s: %s, %q, until %s", name, c.Subject, c.DNSNames, c.NotAfter)
		}
	}
}
