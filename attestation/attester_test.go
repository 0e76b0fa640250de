package attestation_test

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"

	"github.com/manoward/manoward/attestation"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

const usage = "2.23.133.8.3"

func TestSigner(t *testing.T) {
	rootKey, interKey, key := kit.P256(t), kit.P256(t), kit.P256(t)
	root := kit.Issue(t, kit.Cert{Name: "root", CA: true}, rootKey, nil, nil)
	inter := kit.Issue(t, kit.Cert{Name: "inter", CA: true}, interKey, root, rootKey)
	issue := func(c kit.Cert) *x509.Certificate { return kit.Issue(t, c, key, inter, interKey) }
	good := issue(kit.Cert{Name: "ak", Usage: usage})
	old := issue(kit.Cert{Name: "ak", Usage: usage, From: kit.Now.AddDate(-2, 0, 0), To: kit.Now.AddDate(0, 0, -1)})
	// As TPMs have it: no subject, and a critical name of a kind that Go does not read.
	named := issue(kit.Cert{Usage: usage, Extensions: []pkix.Extension{{Id: []int{2, 5, 29, 17}, Critical: true, Value: kit.Seq(kit.Explicit(4, kit.Seq()))}}})
	second := kit.Issue(t, kit.Cert{Name: "ak2", Usage: usage}, kit.P256(t), inter, interKey)
	selfMade := kit.Issue(t, kit.Cert{Name: "ak3", Usage: usage}, kit.P256(t), nil, nil)
	foreign := kit.Issue(t, kit.Cert{Name: "root", CA: true}, kit.P256(t), nil, nil)
	plainCert := issue(kit.Cert{Name: "no usage"})
	critical := issue(kit.Cert{Name: "odd", Usage: usage, Extensions: []pkix.Extension{{Id: []int{2, 999, 5}, Critical: true, Value: []byte{5, 0}}}})
	spki := kit.SPKI(t, key)
	certs := func(c ...*x509.Certificate) []*x509.Certificate { return c }

	for name, tt := range map[string]struct {
		attester attestation.Attester
		offered  []*x509.Certificate
		usage    string
		genuine  bool
		code     attestation.Code
	}{
		"bare key":                            {attester: attestation.Attester{Key: spki}, usage: usage},
		"bare key, offered certificate":       {attester: attestation.Attester{Key: spki}, offered: certs(old), usage: usage},
		"key proven restricted":               {attester: attestation.Attester{Key: spki, Restricted: true}, usage: usage, genuine: true},
		"certificate":                         {attester: attestation.Attester{Chain: certs(good)}, usage: usage},
		"certificate, expired":                {attester: attestation.Attester{Chain: certs(old)}, usage: usage, code: attestation.AttesterExpired},
		"certificate of another key":          {attester: attestation.Attester{Chain: certs(second), Key: spki}, usage: usage, code: attestation.AttesterInvalid},
		"chain":                               {attester: attestation.Attester{Chain: certs(good, inter), Roots: certs(root)}, usage: usage, genuine: true},
		"chain, intermediate offered":         {attester: attestation.Attester{Chain: certs(good), Roots: certs(root)}, offered: certs(second, inter), usage: usage, genuine: true},
		"chain, intermediate missing":         {attester: attestation.Attester{Chain: certs(good), Roots: certs(root)}, usage: usage, code: attestation.AttesterChain},
		"chain to another root":               {attester: attestation.Attester{Chain: certs(good, inter), Roots: certs(foreign)}, usage: usage, code: attestation.AttesterChain},
		"chain, expired":                      {attester: attestation.Attester{Chain: certs(old, inter), Roots: certs(root)}, usage: usage, code: attestation.AttesterExpired},
		"chain, not for attestation":          {attester: attestation.Attester{Chain: certs(plainCert, inter), Roots: certs(root)}, usage: usage},
		"chain, unmarked, but proven":         {attester: attestation.Attester{Chain: certs(plainCert, inter), Roots: certs(root), Restricted: true}, usage: usage, genuine: true},
		"chain, no usage asked for":           {attester: attestation.Attester{Chain: certs(plainCert, inter), Roots: certs(root)}, genuine: true},
		"chain, name of a TPM":                {attester: attestation.Attester{Chain: certs(named, inter), Roots: certs(root)}, usage: usage, genuine: true},
		"chain, unknown critical":             {attester: attestation.Attester{Chain: certs(critical, inter), Roots: certs(root)}, usage: usage, code: attestation.AttesterChain},
		"key and roots":                       {attester: attestation.Attester{Key: spki, Roots: certs(root)}, offered: certs(inter, good), usage: usage, genuine: true},
		"key and roots, renewed":              {attester: attestation.Attester{Key: spki, Roots: certs(root)}, offered: certs(old, plainCert, inter, good, old), usage: usage, genuine: true},
		"key and roots, old and unmarked":     {attester: attestation.Attester{Key: spki, Roots: certs(root)}, offered: certs(old, inter, plainCert), usage: usage},
		"key and roots, huge signer":          {attester: attestation.Attester{Key: spki, Roots: certs(root)}, offered: certs(huge(inter), good), usage: usage, code: attestation.AttesterChain},
		"key and roots, no certificate":       {attester: attestation.Attester{Key: spki, Roots: certs(root)}, offered: certs(inter, second), usage: usage, code: attestation.AttesterChain},
		"roots alone":                         {attester: attestation.Attester{Roots: certs(root)}, offered: certs(inter, good, good), usage: usage, genuine: true},
		"roots alone, two candidates":         {attester: attestation.Attester{Roots: certs(root)}, offered: certs(inter, good, second), usage: usage, code: attestation.AttesterUnknown},
		"roots alone, one of two leads there": {attester: attestation.Attester{Roots: certs(root)}, offered: certs(selfMade, inter, good), usage: usage, genuine: true},
		"roots alone, nothing offered":        {attester: attestation.Attester{Roots: certs(root)}, offered: certs(inter, plainCert), usage: usage, code: attestation.AttesterUnknown},
		"roots alone, no usage to go by":      {attester: attestation.Attester{Roots: certs(root)}, offered: certs(inter, good), code: attestation.AttesterInvalid},
		"nothing":                             {usage: usage, code: attestation.AttesterInvalid},
		"a nil certificate":                   {attester: attestation.Attester{Chain: certs(nil)}, usage: usage, code: attestation.AttesterInvalid},
		"a nil root":                          {attester: attestation.Attester{Key: spki, Roots: certs(nil)}, usage: usage, code: attestation.AttesterInvalid},
		"not a key":                           {attester: attestation.Attester{Key: []byte{1}}, usage: usage, code: attestation.AttesterWeak},
		"weak key":                            {attester: attestation.Attester{Key: kit.SPKI(t, small(t))}, usage: usage, code: attestation.AttesterWeak},
	} {
		s, err := tt.attester.Signer(tt.offered, tt.usage, kit.Now)
		if tt.code != "" {
			if err == nil || attestation.ReasonOf(err, "none").Code != tt.code {
				t.Errorf("%s: %v, want %s", name, err, tt.code)
			}
			continue
		}
		if err != nil || (len(s.Lacks) == 0) != tt.genuine || s.Key == nil || !attestation.SameKey(s.SPKI, spki) {
			t.Errorf("%s: %v, lacks %v", name, err, s.Lacks)
		}
	}
}

// huge returns the certificate as if it had an RSA key of 16,384 bits.
func huge(c *x509.Certificate) *x509.Certificate {
	forged := *c
	forged.PublicKey = &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 16383), E: 65537}
	return &forged
}

func TestAssurance(t *testing.T) {
	for a := attestation.None; a <= attestation.Genuine; a++ {
		text, err := a.MarshalText()
		var again attestation.Assurance
		if err != nil || again.UnmarshalText(text) != nil || again != a {
			t.Errorf("%d: %s, %v", a, text, err)
		}
	}
	var a attestation.Assurance
	if err := a.UnmarshalText([]byte("high")); err == nil || attestation.Assurance(9).String() != "assurance(9)" {
		t.Errorf("an unknown level: %v", err)
	}
}
