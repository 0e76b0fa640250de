package enrol_test

import (
	"testing"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// What enrols by itself is prepared once, and nobody gets a certificate for it over
// Cm-Vnfm; what is registered in delegation mode stays so.
func TestPrepare(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := p.register(alpha, "north")
	other := v
	other.id = hub.NewID()
	in := certmgmt.RegisterRequest{CertType: certmgmt.VNFCICert, SubjectID: []string{other.id}, TypeOfVnfcCertHandling: certmgmt.DirectMode, VnfInstanceID: "vnf-1"}
	for range 2 {
		if err := p.Prepare(t.Context(), alpha.String(), "north", in); err != nil {
			t.Fatal(err)
		}
	}
	var direct []certmgmt.Registration
	for r, err := range p.Registrations(t.Context(), alpha, "") {
		if err != nil {
			t.Fatal(err)
		}
		if r.TypeOfVnfcCertHandling == certmgmt.DirectMode {
			direct = append(direct, r)
		}
	}
	if len(direct) != 1 || direct[0].SubjectID[0] != other.id || direct[0].Manager != alpha.String() || direct[0].Issuer == "" || len(p.w.kinds("registration.registered")) != 2 {
		t.Errorf("prepared %+v, recorded %d", direct, len(p.w.kinds("registration.registered")))
	}
	a, err := p.Sign(t.Context(), alpha, "north", other.csr(t, nil))
	wantRefused(t, a, err, "subject-unknown")

	third := hub.NewID()
	in.SubjectID = []string{v.id, third} // the first is registered in delegation mode
	if err := p.Prepare(t.Context(), alpha.String(), "north", in); err != nil {
		t.Fatal(err)
	}
	if n := len(p.Store.Registrations.Find(cmf.BySubject(certmgmt.VNFCICert, third))); n != 1 {
		t.Errorf("the third is in %d registrations", n)
	}
	if r, err := p.Registration(t.Context(), alpha, v.reg.ID); err != nil || r.TypeOfVnfcCertHandling != certmgmt.DelegationMode || r.Ended {
		t.Errorf("%+v, %v", r, err)
	}
	for name, change := range map[string]func(*certmgmt.RegisterRequest){
		"delegation mode": func(in *certmgmt.RegisterRequest) { in.TypeOfVnfcCertHandling = certmgmt.DelegationMode },
		"MANO entity":     func(in *certmgmt.RegisterRequest) { in.CertType = certmgmt.MANOCert },
		"nothing":         func(in *certmgmt.RegisterRequest) { in.SubjectID = nil },
		"no identifier":   func(in *certmgmt.RegisterRequest) { in.SubjectID = []string{""} },
	} {
		bad := in
		change(&bad)
		if err := p.Prepare(t.Context(), alpha.String(), "north", bad); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
