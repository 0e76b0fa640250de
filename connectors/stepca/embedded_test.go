package stepca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
)

func TestEmbedded(t *testing.T) {
	catest.Run(t, catest.Can{OCSP: true, Serial: true}, func(t *testing.T) catest.CA { return open(t, newIssuer(t, time.Hour*48)) })
}

func open(t *testing.T, current Issuer, earlier ...Issuer) *Embedded {
	t.Helper()
	e, err := Open(current, earlier...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// newIssuer makes a root and a CA below it that ends after life.
func newIssuer(t testing.TB, life time.Duration) Issuer {
	t.Helper()
	rootKey, key := catest.NewKey(t), catest.NewKey(t)
	root := newCA(t, "root", nil, nil, rootKey, life)
	root = newCA(t, "root", root, rootKey, rootKey, life)
	return Issuer{Chain: []*x509.Certificate{newCA(t, "CA of north", root, rootKey, key, life)}, Root: root, Key: key}
}

func newCA(t testing.TB, name string, parent *x509.Certificate, parentKey, key crypto.Signer, life time.Duration) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// What an earlier issuer signed still has its list and its OCSP answers, signed
// by it and not by the issuer that came after.
func TestEmbedded_Rotated(t *testing.T) {
	before, after := newIssuer(t, time.Hour*48), newIssuer(t, time.Hour*48)
	e := open(t, after, before)
	issued, err := e.Issue(t.Context(), catest.NewOrder(t, catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{})))
	if err != nil || issued.Issuer != keyID(after.Chain[0]) {
		t.Fatalf("signed by %q: %v", issued.Issuer, err)
	}
	now := time.Now().Truncate(time.Second)
	der, err := e.RevocationList(t.Context(), hub.RevocationList{Issuer: keyID(before.Chain[0]), Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(before.Chain[0]); err != nil {
		t.Errorf("the list of the earlier issuer: %v", err)
	}
}

// Two authorities of two trust domains share no key, and neither is taken for
// the other.
func TestEmbedded_Domains(t *testing.T) {
	north, south := open(t, newIssuer(t, time.Hour)), open(t, newIssuer(t, time.Hour))
	o := catest.NewOrder(t, catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{}))
	o.NotAfter = time.Now().Truncate(time.Second).Add(time.Minute)
	issued, err := north.Issue(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := leaf.CheckSignatureFrom(south.current.Chain[0]); err == nil {
		t.Error("one domain's certificate is signed by the other's authority")
	}
	if der, err := south.OCSP(t.Context(), hub.CertificateStatus{Issuer: issued.Issuer, Serial: leaf.SerialNumber, Known: true, ThisUpdate: o.NotBefore, NextUpdate: o.NotAfter}); hub.CodeOf(err) != hub.NotFound || der != nil {
		t.Errorf("one domain answers about the other's certificate: %v", err)
	}
}

func TestOpen_Refused(t *testing.T) {
	good, other := newIssuer(t, time.Hour), newIssuer(t, time.Hour)
	leafKey := catest.NewKey(t)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, leafKey.Public(), leafKey)
	if err != nil {
		t.Fatal(err)
	}
	noCA, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for name, i := range map[string]Issuer{
		"nothing":        {},
		"no key":         {Chain: good.Chain, Root: good.Root},
		"another's key":  {Chain: good.Chain, Root: good.Root, Key: other.Key},
		"another's root": {Chain: good.Chain, Root: other.Root, Key: good.Key},
		"no CA":          {Chain: []*x509.Certificate{noCA}, Root: noCA, Key: leafKey},
		"constrained":    constrained(t),
	} {
		if _, err := Open(i); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "CA certificate 1") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Open(good, i); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "CA certificate 2") {
			t.Errorf("%s, as an earlier one: %v", name, err)
		}
	}
}

// constrained is an issuer whose names are bounded.
func constrained(t *testing.T) Issuer {
	t.Helper()
	i := newIssuer(t, time.Hour)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "CA of example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, PermittedDNSDomains: []string{"example"}, PermittedDNSDomainsCritical: true,
	}
	rootKey := catest.NewKey(t)
	i.Root = newCA(t, "root", nil, nil, rootKey, time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, i.Root, i.Key.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	if i.Chain[0], err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return i
}

// askedKey counts what a key is asked to sign.
type askedKey struct {
	crypto.Signer
	asked *int
}

func (k askedKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	*k.asked++
	return k.Signer.Sign(random, digest, opts)
}

// Issuers with keys of each kind sign what passes the lint, and their keys are not asked
// to sign what does not.
func TestEmbedded_LintFirst(t *testing.T) {
	for name, key := range catest.Keys(t) {
		t.Run(name, func(t *testing.T) {
			rootKey, asked := catest.NewKey(t), 0
			root := newCA(t, "root", nil, nil, rootKey, 48*time.Hour)
			e := open(t, Issuer{Chain: []*x509.Certificate{newCA(t, "CA", root, rootKey, key, 48*time.Hour)}, Root: root, Key: askedKey{key, &asked}})
			o := catest.NewOrder(t, catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{}))
			o.Subject.CommonName = strings.Repeat("n", 65) // X.520 upper bound is 64
			if _, err := e.Issue(t.Context(), o); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "e_subject_common_name_max_length") {
				t.Errorf("a name that is too long: %v", err)
			}
			if asked != 0 {
				t.Errorf("the key was asked to sign %d times before", asked)
			}
			o.Subject.CommonName = "vnfc-1"
			o.Permit = func() error { return errors.New("not yet") }
			if _, err := e.Issue(t.Context(), o); err == nil || asked != 0 {
				t.Errorf("without a permit the key was asked to sign %d times: %v", asked, err)
			}
			o.Permit = nil
			issued, err := e.Issue(t.Context(), o)
			if err != nil || asked != 1 || issued.Leaf == nil || !bytes.Equal(issued.Leaf.Raw, issued.Chain[0]) {
				t.Fatalf("signed %d times, %+v: %v", asked, issued.Leaf, err)
			}
			if err := issued.Leaf.CheckSignatureFrom(e.current.Chain[0]); err != nil {
				t.Error(err)
			}
		})
	}
}

// A digest says nothing of what it is of, so that nothing is signed by one.
func TestLintingKey_Digest(t *testing.T) {
	asked := 0
	k := lintingKey{askedKey{catest.NewKey(t), &asked}, nil, nil}
	if signature, err := k.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err == nil || signature != nil || asked != 0 {
		t.Errorf("it signed %x: %v", signature, err)
	}
}

// The key of an issuer signs no CA certificate and nothing without a validity, whoever
// asks for it.
func TestLintingKey_Enforces(t *testing.T) {
	i, asked := newIssuer(t, 48*time.Hour), 0
	e := open(t, Issuer{Chain: i.Chain, Root: i.Root, Key: askedKey{i.Key, &asked}})
	now := time.Now()
	for name, alter := range map[string]func(c *x509.Certificate){
		"a CA":                        func(c *x509.Certificate) { c.IsCA = true },
		"does not say whether a CA":   func(c *x509.Certificate) { c.BasicConstraintsValid = false },
		"signs CRLs":                  func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign },
		"signs":                       func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign },
		"does not say what it is for": func(c *x509.Certificate) { c.KeyUsage = 0 },
		"without validity":            func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) },
		"good":                        func(*x509.Certificate) {},
	} {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "vnfc-1"}, DNSNames: []string{"vnfc-1.example"},
			NotBefore: now, NotAfter: now.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		}
		alter(c)
		asked = 0
		der, err := x509.CreateCertificate(rand.Reader, c, i.Chain[0], catest.NewKey(t).Public(), e.signing(nil).Signer)
		if name == "good" {
			if err != nil || asked != 1 {
				t.Errorf("a certificate like the others that is good is not signed: %v", err)
			}
			continue
		}
		var style *styleError
		if err == nil || errors.As(err, &style) || asked != 0 {
			t.Errorf("%s: signed %x: %v", name, der, err)
		}
	}
}

// Who has checked the proof of a CSR spares the authority to do so, for that CSR alone.
func TestEmbedded_Proven(t *testing.T) {
	e := open(t, newIssuer(t, 48*time.Hour))
	o := catest.NewOrder(t, catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{}))
	proven, err := x509.ParseCertificateRequest(o.CSR)
	if err != nil {
		t.Fatal(err)
	}
	o.Proven = proven
	if issued, err := e.Issue(t.Context(), o); err != nil || !proven.PublicKey.(*ecdsa.PublicKey).Equal(issued.Leaf.PublicKey) {
		t.Errorf("%+v: %v", issued.Leaf, err)
	}
	forged := bytes.Clone(o.CSR)
	forged[len(forged)-1] ^= 1
	for name, csr := range map[string][]byte{"forged": forged, "another's": catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{})} {
		o.CSR = csr
		if _, err := e.Issue(t.Context(), o); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s, with the proof of another: %v", name, err)
		}
	}
}
