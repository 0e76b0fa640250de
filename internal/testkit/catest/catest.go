// Package catest says what a certificate authority behind the CMF has to do, as
// tests that run on each of them.
package catest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// CA is a certificate authority of one trust domain.
type CA interface {
	Issue(context.Context, hub.CertificateOrder) (hub.IssuedCertificate, error)
	Chain(context.Context) (issuer string, chain [][]byte, err error)
	RevocationList(context.Context, hub.RevocationList) ([]byte, error)
	OCSP(context.Context, hub.CertificateStatus) ([]byte, error)
}

// Can says what not every authority can do. The rest all of them can.
type Can struct {
	OCSP   bool // signs OCSP answers
	Serial bool // takes the serial number that was ordered
}

// suite is the tests of one kind of authority.
type suite struct{ Can }

// Run runs the suite. open makes an authority of its own for each test.
func Run(t *testing.T, can Can, open func(*testing.T) CA) {
	s := suite{can}
	for name, test := range map[string]func(*testing.T, CA){
		"Keys": s.keys, "HostileCSR": s.hostile, "BadOrder": s.badOrder, "Revocation": s.revocation, "AtOnce": s.atOnce, "UnknownIssuer": unknownIssuer,
		"Permit": s.permit,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// order is an order that the authority can follow.
func (s suite) order(t *testing.T, csr []byte) hub.CertificateOrder {
	t.Helper()
	o := NewOrder(t, csr)
	if !s.OCSP {
		o.OCSPURLs = nil
	}
	return o
}

// permit holds that an order is signed when it is permitted, which is asked once, and
// ends with the error of what is not; what is bad is said before that is asked.
func (s suite) permit(t *testing.T, ca CA) {
	asked, against := 0, error(errors.New("the policies are against it"))
	o := s.order(t, NewCSR(t, NewKey(t), &x509.CertificateRequest{}))
	o.Permit = func() error { asked++; return against }
	if issued, err := ca.Issue(t.Context(), o); err != against || len(issued.Chain) != 0 || asked != 1 {
		t.Errorf("not permitted: asked %d times, %d certificates, %v", asked, len(issued.Chain), err)
	}
	bad := o
	bad.Subject.CommonName = strings.Repeat("n", 65) // X.520 upper bound is 64
	if _, err := ca.Issue(t.Context(), bad); hub.CodeOf(err) != hub.Invalid || asked != 1 {
		t.Errorf("a bad order: asked %d times, %v", asked, err)
	}
	against = nil
	if issued, err := ca.Issue(t.Context(), o); err != nil || len(issued.Chain) == 0 || asked != 2 {
		t.Errorf("permitted: asked %d times, %d certificates, %v", asked, len(issued.Chain), err)
	}
}

// NewKey makes an ECDSA key on P-256.
func NewKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// NewCSR signs a CSR.
func NewCSR(t testing.TB, key crypto.Signer, template *x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// NewOrder is an order that every authority follows.
func NewOrder(t testing.TB, csr []byte) hub.CertificateOrder {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := x509.ParseOID("1.3.6.1.4.1.55555.1.3")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	return hub.CertificateOrder{
		ID: hub.NewID(), CSR: csr, Serial: serial.Add(serial, big.NewInt(1)),
		Subject:  pkix.Name{CommonName: "vnfc-1", Organization: []string{"north"}},
		DNSNames: []string{"vnfc-1.north.example"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 7).To4()},
		URIs:     []*url.URL{{Scheme: "urn", Opaque: "uuid:6f0bd5fa-7a5f-4a0c-9e0b-0c6d0f3a2b11"}},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		Policies:  []x509.OID{policy},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(24 * time.Hour),
		CRLURLs: []string{"http://crl.north.example/1.crl"}, OCSPURLs: []string{"http://ocsp.north.example"}, IssuerURLs: []string{"http://ca.north.example/ca.crt"},
	}
}

// Keys returns a key of each kind that CAs and their subjects have.
func Keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"P-256": NewKey(t), "P-384": p384, "RSA-2048": rsaKey, "Ed25519": edKey}
}

func (s suite) keys(t *testing.T, ca CA) {
	for name, key := range Keys(t) {
		t.Run(name, func(t *testing.T) {
			o := s.order(t, NewCSR(t, key, &x509.CertificateRequest{}))
			leaf, issued := s.issue(t, ca, o)
			if !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(leaf.PublicKey) {
				t.Error("the certificate is for another key")
			}
			verify(t, ca, issued)
		})
	}
}

// issue issues and compares what came with what was ordered.
func (s suite) issue(t *testing.T, ca CA, o hub.CertificateOrder) (*x509.Certificate, hub.IssuedCertificate) {
	t.Helper()
	issued, err := ca.Issue(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	id, chain, err := ca.Chain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if issued.Issuer != id || id != hex.EncodeToString(leaf.AuthorityKeyId) {
		t.Errorf("issued by %q, the leaf says %x, the authority calls itself %q", issued.Issuer, leaf.AuthorityKeyId, id)
	}
	if len(issued.Chain) != len(chain) || !bytes.Equal(issued.Chain[1], chain[0]) {
		t.Errorf("a chain of %d with the leaf and without the root, and one of %d", len(issued.Chain), len(chain))
	}
	if s.Serial != (leaf.SerialNumber.Cmp(o.Serial) == 0) {
		t.Errorf("serial number %x, ordered %x", leaf.SerialNumber, o.Serial)
	}
	if leaf.IsCA || !leaf.BasicConstraintsValid || leaf.KeyUsage != o.KeyUsage || len(leaf.ExtKeyUsage) != len(o.ExtKeyUsage) || len(leaf.UnknownExtKeyUsage) > 0 {
		t.Errorf("CA %v, key usage %v, extended %v %v", leaf.IsCA, leaf.KeyUsage, leaf.ExtKeyUsage, leaf.UnknownExtKeyUsage)
	}
	if leaf.Subject.String() != o.Subject.String() || strings.Join(leaf.DNSNames, " ") != strings.Join(o.DNSNames, " ") ||
		len(leaf.URIs) != 1 || leaf.URIs[0].String() != o.URIs[0].String() || len(leaf.IPAddresses) != 1 || !leaf.IPAddresses[0].Equal(o.IPAddresses[0]) || len(leaf.EmailAddresses) > 0 {
		t.Errorf("subject %s, names %q %v %v %q", leaf.Subject, leaf.DNSNames, leaf.URIs, leaf.IPAddresses, leaf.EmailAddresses)
	}
	if len(leaf.Policies) != 1 || !leaf.Policies[0].Equal(o.Policies[0]) {
		t.Errorf("policies %v", leaf.Policies)
	}
	if !leaf.NotBefore.Equal(o.NotBefore) || !leaf.NotAfter.Equal(o.NotAfter) {
		t.Errorf("valid from %s to %s, ordered from %s to %s", leaf.NotBefore, leaf.NotAfter, o.NotBefore, o.NotAfter)
	}
	return leaf, issued
}

// verify lets openssl judge the chain.
func verify(t *testing.T, ca CA, issued hub.IssuedCertificate, extra ...string) string {
	t.Helper()
	_, chain, err := ca.Chain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := Verify(t, issued, chain[len(chain)-1], extra...)
	if len(extra) == 0 && !strings.HasSuffix(out, ": OK") {
		t.Errorf("openssl verify: %s", out)
	}
	return out
}

// Verify returns what openssl says of a chain below a root in DER, with more
// arguments. It ends in ": OK" for a good one.
func Verify(t testing.TB, issued hub.IssuedCertificate, root []byte, extra ...string) string {
	t.Helper()
	args := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", PEM(t, "CERTIFICATE", root), "-untrusted", PEM(t, "CERTIFICATE", issued.Chain[1:]...)}, extra...)
	out, err := exec.CommandContext(t.Context(), "openssl", append(args, PEM(t, "CERTIFICATE", issued.Chain[0]))...).CombinedOutput()
	if len(out) == 0 {
		t.Fatalf("openssl verify says nothing: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// PEM writes blocks to a file and returns its path.
func PEM(t testing.TB, kind string, blocks ...[]byte) string {
	t.Helper()
	var b bytes.Buffer
	for _, der := range blocks {
		if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hostile asks for more than was ordered.
func (s suite) hostile(t *testing.T, ca CA) {
	value := func(v any) []byte {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	template := &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "root of everything"}, DNSNames: []string{"south.example", "*"}, EmailAddresses: []string{"root@south.example"},
		IPAddresses: []net.IP{net.IPv4zero}, URIs: []*url.URL{{Scheme: "spiffe", Host: "south", Path: "/sm/alpha"}},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: value(struct {
				IsCA bool `asn1:"optional"`
			}{true})},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: value(asn1.BitString{Bytes: []byte{0x06}, BitLength: 7})},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: value([]asn1.ObjectIdentifier{{2, 5, 29, 37, 0}})},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 37476, 9000, 64, 1}, Value: value("a provisioner's name")},
		},
	}
	leaf, issued := s.issue(t, ca, s.order(t, NewCSR(t, NewKey(t), template)))
	for _, x := range leaf.Extensions {
		if x.Id.String() == "1.3.6.1.4.1.37476.9000.64.1" {
			t.Error("an extension of the CSR is in the certificate")
		}
	}
	verify(t, ca, issued)
}

func (s suite) badOrder(t *testing.T, ca CA) {
	good := s.order(t, NewCSR(t, NewKey(t), &x509.CertificateRequest{}))
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(good.CSR)
	forged[len(forged)-1] ^= 1
	cases := map[string]func(*hub.CertificateOrder){
		"no CSR":                 func(o *hub.CertificateOrder) { o.CSR = nil },
		"trailing bytes":         func(o *hub.CertificateOrder) { o.CSR = append(bytes.Clone(o.CSR), 0) },
		"no proof of possession": func(o *hub.CertificateOrder) { o.CSR = forged },
		"RSA of 1024 bits":       func(o *hub.CertificateOrder) { o.CSR = NewCSR(t, weak, &x509.CertificateRequest{}) },
		"P-224":                  func(o *hub.CertificateOrder) { o.CSR = NewCSR(t, p224, &x509.CertificateRequest{}) },
		"no validity":            func(o *hub.CertificateOrder) { o.NotBefore, o.NotAfter = time.Time{}, time.Time{} },
		"validity of nothing":    func(o *hub.CertificateOrder) { o.NotAfter = o.NotBefore },
		"part of a second":       func(o *hub.CertificateOrder) { o.NotAfter = o.NotAfter.Add(time.Millisecond) },
		"beyond its authority":   func(o *hub.CertificateOrder) { o.NotAfter = o.NotAfter.AddDate(100, 0, 0) },
		"before its authority":   func(o *hub.CertificateOrder) { o.NotBefore = o.NotBefore.AddDate(-100, 0, 0) },
		"CA's key usage":         func(o *hub.CertificateOrder) { o.KeyUsage |= x509.KeyUsageCertSign },
		"CRL signer's key usage": func(o *hub.CertificateOrder) { o.KeyUsage |= x509.KeyUsageCRLSign },
		"no key usage":           func(o *hub.CertificateOrder) { o.KeyUsage = 0 },
		"any extended key usage": func(o *hub.CertificateOrder) { o.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} },
		"OCSP responder":         func(o *hub.CertificateOrder) { o.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} },
		"no name":                func(o *hub.CertificateOrder) { o.DNSNames, o.IPAddresses, o.URIs = nil, nil, nil },
		"common name too long":   func(o *hub.CertificateOrder) { o.Subject.CommonName = strings.Repeat("n", 65) },
		"URI whose host is none": func(o *hub.CertificateOrder) { o.URIs = []*url.URL{{Scheme: "spiffe", Host: "north", Path: "/vnfc/1"}} },
	}
	if s.Serial {
		for name, serial := range map[string]*big.Int{"none": nil, "zero": new(big.Int), "below": big.NewInt(-7), "160 bits": new(big.Int).Lsh(big.NewInt(1), 159)} {
			cases["serial number: "+name] = func(o *hub.CertificateOrder) { o.Serial = serial }
		}
	}
	for name, alter := range cases {
		o := good
		alter(&o)
		if issued, err := ca.Issue(t.Context(), o); hub.CodeOf(err) != hub.Invalid || len(issued.Chain) > 0 || hub.SafeText(err) == "" {
			t.Errorf("%s: %d certificates, %v", name, len(issued.Chain), err)
		}
	}
}

// revocation lets openssl judge the lists and OCSP answers.
func (s suite) revocation(t *testing.T, ca CA) {
	good, goodIssued := s.issue(t, ca, s.order(t, NewCSR(t, NewKey(t), &x509.CertificateRequest{})))
	bad, badIssued := s.issue(t, ca, s.order(t, NewCSR(t, NewKey(t), &x509.CertificateRequest{})))
	now := time.Now().Truncate(time.Second)
	revoked := hub.RevokedCertificate{Serial: bad.SerialNumber, Revoked: now, Reason: 1}
	crl, err := ca.RevocationList(t.Context(), hub.RevocationList{Issuer: badIssued.Issuer, Number: big.NewInt(7), ThisUpdate: now, NextUpdate: now.Add(time.Hour), Revoked: []hub.RevokedCertificate{revoked}})
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{"-crl_check", "-CRLfile", PEM(t, "X509 CRL", crl)}
	if out := verify(t, ca, goodIssued, flags...); !strings.HasSuffix(strings.TrimSpace(out), ": OK") {
		t.Errorf("the good certificate: %s", out)
	}
	if out := verify(t, ca, badIssued, flags...); !strings.Contains(out, "certificate revoked") {
		t.Errorf("the revoked certificate: %s", out)
	}
	_, chain, err := ca.Chain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for want, status := range map[string]hub.CertificateStatus{
		": good":    {Serial: good.SerialNumber, Known: true},
		": revoked": {Serial: bad.SerialNumber, Known: true, Revoked: &revoked},
		": unknown": {Serial: big.NewInt(1)},
	} {
		status.Issuer, status.ThisUpdate, status.NextUpdate = badIssued.Issuer, now, now.Add(time.Hour)
		der, err := ca.OCSP(t.Context(), status)
		if !s.OCSP {
			if hub.CodeOf(err) != hub.Unprocessable || der != nil {
				t.Errorf("an OCSP answer of who signs none: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if out := AskOCSP(t, der, status.Serial, chain...); !strings.Contains(out, "Response verify OK") || !strings.Contains(out, want) {
			t.Errorf("want%s, openssl says:\n%s", want, out)
		}
	}
}

// AskOCSP returns what openssl says of an answer about a serial number. chain is
// that of the issuer in DER, the root last. "Response verify OK" is in it when the
// answer is signed by the issuer, and ": good", ": revoked" or ": unknown".
func AskOCSP(t testing.TB, answer []byte, serial *big.Int, chain ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "answer.der")
	if err := os.WriteFile(path, answer, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "openssl", "ocsp", "-respin", path, "-issuer", PEM(t, "CERTIFICATE", chain[0]),
		"-serial", serial.String(), "-CAfile", PEM(t, "CERTIFICATE", chain[len(chain)-1]), "-verify_other", PEM(t, "CERTIFICATE", chain...), "-no_nonce").CombinedOutput()
	if len(out) == 0 {
		t.Fatalf("openssl ocsp says nothing: %v", err)
	}
	return string(out)
}

func (s suite) atOnce(t *testing.T, ca CA) {
	const many = 32
	orders := make([]hub.CertificateOrder, many)
	for n := range orders {
		orders[n] = s.order(t, NewCSR(t, NewKey(t), &x509.CertificateRequest{}))
		orders[n].Subject.CommonName = hub.NewID()
	}
	var wg sync.WaitGroup
	for _, o := range orders {
		wg.Go(func() {
			issued, err := ca.Issue(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			leaf, err := x509.ParseCertificate(issued.Chain[0])
			if err != nil || leaf.Subject.CommonName != o.Subject.CommonName {
				t.Errorf("%v: %v", o.Subject, err)
			}
		})
	}
	wg.Wait()
}

func unknownIssuer(t *testing.T, ca CA) {
	now := time.Now().Truncate(time.Second)
	if der, err := ca.RevocationList(t.Context(), hub.RevocationList{Issuer: "00", Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)}); hub.CodeOf(err) != hub.NotFound || der != nil {
		t.Errorf("list of an issuer that never was: %v", err)
	}
	if der, err := ca.OCSP(t.Context(), hub.CertificateStatus{Issuer: "00", Serial: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)}); hub.CodeOf(err) != hub.NotFound || der != nil {
		t.Errorf("OCSP of an issuer that never was: %v", err)
	}
}
