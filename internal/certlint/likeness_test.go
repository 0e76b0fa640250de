package certlint

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/testkit/catest"
)

const (
	oneID   = "6f1b0d5e-6d2c-4f0a-9b57-0a4c2f6f7d11"
	otherID = "0192f3a4-5b6c-7d8e-9f00-112233445566"
)

// leaf makes a certificate as the authority of a trust domain signs it for a VNFC, but
// for what alter says.
func leaf(t testing.TB, public any, alter func(c, issuer *x509.Certificate)) []byte {
	t.Helper()
	key := catest.NewKey(t)
	if public == nil {
		public = key.Public()
	}
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: "CA", Organization: []string{oneID}}, SubjectKeyId: []byte{1, 2, 3}, PublicKey: key.Public()}
	c := &x509.Certificate{
		SerialNumber: new(big.Int).Lsh(big.NewInt(3), 100), Subject: pkix.Name{CommonName: oneID}, URIs: []*url.URL{urn(oneID)},
		NotBefore: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), NotAfter: time.Date(2026, 12, 23, 10, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId: bytes.Repeat([]byte{4}, 20), BasicConstraintsValid: true, CRLDistributionPoints: []string{"http://crl.example/1"},
	}
	alter(c, issuer)
	signs := &never{Signer: key}
	if _, err := x509.CreateCertificate(rand.Reader, c, issuer, public, signs); signs.der == nil {
		t.Fatal(err)
	}
	return signs.der
}

// never is a key that signs nothing: it keeps what it was to sign, with the same in the
// place of each signature, as the authority has it checked.
type never struct {
	crypto.Signer
	der []byte
}

func (n *never) SignMessage(_ io.Reader, tbs []byte, _ crypto.SignerOpts) (_ []byte, err error) {
	if n.der, err = Unsigned(tbs); err == nil {
		err = errors.New("it signs nothing")
	}
	return nil, err
}

func urn(id string) *url.URL { return &url.URL{Scheme: "urn", Opaque: "uuid:" + id} }

func plain(*x509.Certificate, *x509.Certificate) {}

// Certificates that a rule cannot tell from each other are alike, and no others.
func TestLikeness(t *testing.T) {
	keys := catest.Keys(t)
	base, ok := likeness(leaf(t, nil, plain))
	if !ok {
		t.Fatal("a leaf has no likeness")
	}
	const alike, another, none = 1, 2, 3
	for name, test := range map[string]struct {
		alter func(c, issuer *x509.Certificate)
		key   any
		want  int
	}{
		"another key":   {plain, nil, alike},
		"serial number": {func(c, _ *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(5), 100) }, nil, alike},
		"time of day": {func(c, _ *x509.Certificate) {
			c.NotBefore, c.NotAfter = c.NotBefore.Add(time.Hour), c.NotAfter.Add(time.Minute)
		}, nil, alike},
		"key identifier":             {func(c, _ *x509.Certificate) { c.SubjectKeyId = bytes.Repeat([]byte{9}, 20) }, nil, alike},
		"instance":                   {func(c, _ *x509.Certificate) { c.Subject.CommonName, c.URIs = otherID, []*url.URL{urn(otherID)} }, nil, alike},
		"longer serial number":       {func(c, _ *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(5), 120) }, nil, another},
		"serial number with a sign":  {func(c, _ *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(0x80), 96) }, nil, another},
		"serial number of zero":      {func(c, _ *x509.Certificate) { c.SerialNumber = new(big.Int) }, nil, none},
		"another day of the start":   {func(c, _ *x509.Certificate) { c.NotBefore = c.NotBefore.Add(-24 * time.Hour) }, nil, another},
		"another day of the end":     {func(c, _ *x509.Certificate) { c.NotAfter = c.NotAfter.Add(24 * time.Hour) }, nil, another},
		"ends before it begins":      {func(c, _ *x509.Certificate) { c.NotAfter = c.NotBefore.Add(-time.Second) }, nil, none},
		"ends when it begins":        {func(c, _ *x509.Certificate) { c.NotAfter = c.NotBefore }, nil, none},
		"of the last century":        {func(c, _ *x509.Certificate) { c.NotBefore = c.NotBefore.AddDate(-40, 0, 0) }, nil, none},
		"ends after 2050":            {func(c, _ *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(30, 0, 0) }, nil, none},
		"names of two instances":     {func(c, _ *x509.Certificate) { c.Subject.CommonName = otherID }, nil, another},
		"a name that is no UUID":     {func(c, _ *x509.Certificate) { c.Subject.CommonName = "vnfc" }, nil, another},
		"a UUID in upper case":       {func(c, _ *x509.Certificate) { c.Subject.CommonName = "6F1B0D5E-6D2C-4F0A-9B57-0A4C2F6F7D11" }, nil, another},
		"a UUID as host name":        {func(c, _ *x509.Certificate) { c.DNSNames = []string{oneID} }, nil, another},
		"no alternative name":        {func(c, _ *x509.Certificate) { c.URIs = nil }, nil, another},
		"of its own issuer":          {func(c, i *x509.Certificate) { c.Subject = i.Subject }, nil, none},
		"another issuer":             {func(_, i *x509.Certificate) { i.Subject.Organization = []string{otherID} }, nil, another},
		"another issuer's key":       {func(_, i *x509.Certificate) { i.SubjectKeyId = []byte{1, 2, 4} }, nil, another},
		"another list":               {func(c, _ *x509.Certificate) { c.CRLDistributionPoints = []string{"http://crl.example/2"} }, nil, another},
		"another use":                {func(c, _ *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, nil, another},
		"CA":                         {func(c, _ *x509.Certificate) { c.IsCA = true }, nil, another},
		"does not say if it is a CA": {func(c, _ *x509.Certificate) { c.BasicConstraintsValid = false }, nil, another},
		"shorter key identifier":     {func(c, _ *x509.Certificate) { c.SubjectKeyId = []byte{1, 2, 3} }, nil, none},
		"key for P-384":              {plain, keys["P-384"].Public(), none},
		"RSA key":                    {plain, keys["RSA-2048"].Public(), none},
	} {
		t.Run(name, func(t *testing.T) {
			like, ok := likeness(leaf(t, test.key, test.alter))
			got := another
			switch {
			case !ok:
				got = none
			case like == base:
				got = alike
			}
			if got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
	off := leaf(t, nil, plain)
	point := bytes.Index(off, onP256) + len(onP256)
	off[point+40] ^= 1
	if _, ok := likeness(off); ok {
		t.Error("a point that is not on the curve has a likeness")
	}
}

// What is like a certificate that passed passes without being read, and nothing is learnt
// of one that does not pass.
func TestCheckLeaf_Alike(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	bad := func(c, _ *x509.Certificate) { c.KeyUsage |= x509.KeyUsageDataEncipherment }
	for range 3 {
		if err := l.CheckLeaf(leaf(t, nil, bad)); err == nil {
			t.Fatal("a key for ECDSA that enciphers data is well")
		}
	}
	if n := len(l.leaves.set); n != 0 {
		t.Fatalf("%d are known of certificates that did not pass", n)
	}
	for range 3 {
		if err := l.CheckLeaf(leaf(t, nil, plain)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.leaves.set); n != 1 {
		t.Fatalf("%d are known, want one", n)
	}
	l.rules = nil
	if err := l.CheckLeaf(leaf(t, nil, func(c, _ *x509.Certificate) { c.IsCA = true })); err == nil {
		t.Error("a CA certificate passes as a leaf")
	}
}

// What is kept has a bound, and is no worse when that is reached.
func TestPassed_Most(t *testing.T) {
	var p passed
	for n := range 2*mostPassed + 1 {
		like := sha256.Sum256([]byte{byte(n), byte(n >> 8)})
		p.add(like)
		if !p.has(like) || len(p.set) > mostPassed {
			t.Fatalf("%d are kept after %d", len(p.set), n+1)
		}
	}
}

// Whichever byte of a certificate is changed to what, it passes unread only where the rules
// let it pass.
func TestLikeness_EveryByte(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	der := leaf(t, nil, plain)
	if err := l.CheckLeaf(der); err != nil {
		t.Fatal(err)
	}
	unread := 0
	for at, was := range der {
		for _, to := range []byte{0, 1, 2, 3, '-', '0', '1', '5', '9', 'Z', 'a', 'f', 'g', 0x7f, 0x80, 0xff, was ^ 1, was ^ 0x80, was + 1, was - 1} {
			der[at] = to
			like, ok := likeness(der)
			if !ok || !l.leaves.has(like) {
				continue
			}
			unread++
			if err := l.checkLeaf(der); err != nil {
				t.Errorf("with 0x%02x in the place of 0x%02x at %d it passes unread, and the rules say: %v", to, was, at, err)
			}
		}
		der[at] = was
	}
	if unread < 500 {
		t.Errorf("%d pass unread: what should vary does not", unread)
	}
}

// FuzzLikeness holds that what is like a certificate which passed passes by the rules too.
func FuzzLikeness(f *testing.F) {
	l, err := New()
	if err != nil {
		f.Fatal(err)
	}
	for _, alter := range []func(c, issuer *x509.Certificate){
		plain,
		func(c, _ *x509.Certificate) { c.Subject.CommonName, c.URIs = otherID, []*url.URL{urn(otherID)} },
		func(c, _ *x509.Certificate) { c.URIs, c.DNSNames = nil, []string{"vnfc.example"} },
		func(c, _ *x509.Certificate) { c.URIs = append(c.URIs, urn(otherID)) },
		func(c, _ *x509.Certificate) {
			c.Subject.SerialNumber, c.Subject.Organization = otherID, []string{oneID}
		},
		func(c, _ *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(0xf3), 100) },
	} {
		der := leaf(f, nil, alter)
		if err := l.CheckLeaf(der); err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		like, ok := likeness(der)
		if !ok || !l.leaves.has(like) {
			return
		}
		if err := l.checkLeaf(der); err != nil {
			t.Errorf("it passes unread, and the rules say: %v", err)
		}
	})
}

func BenchmarkCheckLeaf(b *testing.B) {
	l, err := New()
	if err != nil {
		b.Fatal(err)
	}
	der := leaf(b, nil, plain)
	for name, check := range map[string]func([]byte) error{"read": l.checkLeaf, "alike": l.CheckLeaf} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := check(der); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
