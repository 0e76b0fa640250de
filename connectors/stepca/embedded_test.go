package stepca

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
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
	} {
		if _, err := Open(i); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "CA certificate 1") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Open(good, i); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "CA certificate 2") {
			t.Errorf("%s, as an earlier one: %v", name, err)
		}
	}
}
