package authority_test

import (
	"crypto/x509"
	"testing"
)

// An issuer lets the policies of its certificates count: who asks for an assurance
// by its policy finds it (RFC 5280 clause 6.1.3).
func TestIssuer_Policies(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	p.issue("north")
	chain, _, err := p.Chain(t.Context(), "north", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(chain[0])
	if err != nil || len(c.Policies) != 1 || c.Policies[0].String() != "2.5.29.32.0" {
		t.Errorf("the policies of the issuer are %v: %v", c.Policies, err)
	}
}
