package certlint

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	zcrypto "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/lint"
)

func TestCheck(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		alter func(c, issuer *x509.Certificate)
		want  string // part of what is said; empty: no error
	}{
		"good":              {plain, ""},
		"host name":         {func(c, _ *x509.Certificate) { c.DNSNames = []string{"vnfc.example"} }, ""},
		"no key identifier": {func(_, issuer *x509.Certificate) { issuer.SubjectKeyId = nil }, "e_ext_authority_key_identifier_no_key_identifier"},
		"doubled extension": {func(c, _ *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 54}, Value: []byte{2, 1, 0}}, {Id: asn1.ObjectIdentifier{2, 5, 29, 54}, Value: []byte{2, 1, 0}}}
		}, "duplicate"},
		"long common name":        {func(c, _ *x509.Certificate) { c.Subject.CommonName = strings.Repeat("n", 65) }, "e_subject_common_name_max_length"},
		"encipherment with ECDSA": {func(c, _ *x509.Certificate) { c.KeyUsage |= x509.KeyUsageDataEncipherment }, "e_ecdsa"},
		"serial number of zero": {func(c, _ *x509.Certificate) {
			c.SerialNumber = big.NewInt(-1).Add(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 170))
		}, "serial"},
	} {
		t.Run(name, func(t *testing.T) {
			err := l.Check(leaf(t, nil, test.alter))
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	if err := l.Check([]byte("no certificate")); err == nil {
		t.Error("bytes that are no certificate are well")
	}
	if _, err := Unsigned([]byte("no TBSCertificate")); err == nil {
		t.Error("a certificate is made of other bytes")
	}
}

func BenchmarkCheck(b *testing.B) {
	l, err := New()
	if err != nil {
		b.Fatal(err)
	}
	der := leaf(b, nil, plain)
	for b.Loop() {
		if err := l.Check(der); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRules holds that rules which are made once say what zlint says, of certificates
// that are well and that are not, and that most of them are.
func TestRules(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	once := 0
	for _, r := range l.rules {
		if r.made != nil {
			once++
		}
		if r.OverrideFrameworkFilter || slices.Contains([]lint.LintSource{lint.CABFBaselineRequirements, lint.CABFSMIMEBaselineRequirements, lint.CABFCSBaselineRequirements}, r.Source) {
			t.Errorf("zlint looks at more than the rule %s does", r.Name)
		}
	}
	if once < 100 || len(l.rules) < once {
		t.Errorf("%d of %d rules are made once", once, len(l.rules))
	}
	for name, alter := range map[string]func(c, issuer *x509.Certificate){
		"good": plain,
		"bad":  func(c, i *x509.Certificate) { c.Subject.CommonName = strings.Repeat("n", 65); i.SubjectKeyId = nil },
		"old":  func(c, _ *x509.Certificate) { c.NotBefore = time.Unix(0, 0) },
	} {
		c, err := zcrypto.ParseCertificate(leaf(t, nil, alter))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range l.rules {
			want, got := r.Execute(c, l.conf), r.check(c, l.conf)
			if got == nil && (want.Status == lint.NA || want.Status == lint.NE) {
				continue
			}
			if got == nil || want.Status != got.Status || want.Details != got.Details {
				t.Errorf("%s: %s: %+v, and %+v by zlint", name, r.Name, got, want)
			}
		}
	}
}

// panics is a rule that fails in the middle.
type panics struct{}

func (*panics) CheckApplies(*zcrypto.Certificate) bool        { return true }
func (*panics) Execute(*zcrypto.Certificate) *lint.LintResult { panic("no") }

// A rule that panics is an error of the certificate.
func TestRule_Panics(t *testing.T) {
	l := &Linter{rules: []rule{{&lint.CertificateLint{LintMetadata: lint.LintMetadata{Name: "e_panics"}}, &panics{}}}}
	if err := l.Check(leaf(t, nil, plain)); err == nil || !strings.Contains(err.Error(), "e_panics") {
		t.Error(err)
	}
}
