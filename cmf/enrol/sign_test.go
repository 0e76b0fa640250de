package enrol_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/certmgmt"
)

// A registered subject gets a certificate for an attested key: with what the
// registration and the profile say, the assurance, and a record.
func TestSign(t *testing.T) {
	t.Parallel()
	p := memory(t).process()
	v := p.register(alpha, "north")
	a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if a.State != certmgmt.RequestIssued || a.Assurance != "protected" || len(a.CertificateChain) != 2 || a.RegistrationID != v.reg.ID {
		t.Errorf("answered %+v", a)
	}
	c := leaf(t, a)
	policy, err := p.AssurancePolicy(attestation.Protected)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.URIs) != 1 || c.URIs[0].String() != "urn:uuid:"+v.id || c.Subject.CommonName != v.id || len(c.DNSNames) > 0 || c.IsCA ||
		!slices.EqualFunc(c.Policies, []x509.OID{policy}, x509.OID.Equal) || c.SerialNumber.BitLen() > 159 || len(c.OCSPServer) != 1 {
		t.Errorf("issued %v for %s, %q, policies %v", c.URIs, c.Subject, c.DNSNames, c.Policies)
	}
	if end := p.w.ca.end["north"]; !c.NotAfter.Equal(end) || c.NotAfter.Sub(time.Now()) > 31*24*time.Hour {
		t.Errorf("valid until %s, the authority until %s", c.NotAfter, end)
	}
	if list := p.w.kinds("certificate.issued"); len(list) != 1 || list[0].Actor != alpha.String() || list[0].Subject != "certificate/"+a.CertificateID {
		t.Errorf("recorded %+v", list)
	}
}
