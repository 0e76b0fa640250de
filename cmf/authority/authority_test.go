package authority_test

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// verifies reports whether a chain leads to a root at the world's time.
func (w *world) verifies(issued hub.IssuedCertificate, root []byte) error {
	w.t.Helper()
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	var leaf *x509.Certificate
	for n, der := range append(issued.Chain[:len(issued.Chain):len(issued.Chain)], root) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			w.t.Fatal(err)
		}
		switch n {
		case 0:
			leaf = c
		case len(issued.Chain):
			roots.AddCert(c)
		default:
			between.AddCert(c)
		}
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: w.clock()})
	return err
}

func (p *process) root(domain, issuer string) []byte {
	p.w.t.Helper()
	_, root, err := p.Chain(p.w.t.Context(), domain, issuer)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return root
}

// The first use makes an authority, which the next process finds again.
func TestIssue_First(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	if list, err := p.Issuers(t.Context(), "north"); err != nil || len(list) != 0 {
		t.Fatalf("before its first use the authority has %d CAs: %v", len(list), err)
	}
	_, issued := p.issue("north")
	root := p.root("north", "")
	if err := w.verifies(issued, root); err != nil {
		t.Error(err)
	}
	p.end()
	p = w.start()
	_, again := p.issue("north")
	if again.Issuer != issued.Issuer || !bytes.Equal(p.root("north", ""), root) {
		t.Error("the next process signs as another issuer")
	}
	list, err := p.Issuers(t.Context(), "north")
	if err != nil || len(list) != 2 || !list[0].Root || list[1].Root || list[1].Parent != list[0].ID || list[1].ID != issued.Issuer ||
		list[1].KeyPlace != hub.KeysInFile || list[1].KeyLabel != "cmf/issuer-2" || list[0].KeyLabel != "cmf/root-1" || list[1].State != hub.StateActive || list[1].Alarm != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := p.Issue(t.Context(), "nowhere", w.order()); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("issue in a trust domain that there is not: %v", err)
	}
	if _, _, err := p.Chain(t.Context(), "north", "00"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("chain of an issuer that never was: %v", err)
	}
	notBefore, notAfter, _, err := p.Limits(t.Context(), "north")
	if err != nil || !notBefore.Equal(list[1].NotBefore) || !notAfter.Equal(list[1].NotAfter) || notAfter.Before(w.clock().Add(4*365*24*time.Hour)) {
		t.Errorf("the issuer is valid from %s to %s, %v", notBefore, notAfter, err)
	}
}
