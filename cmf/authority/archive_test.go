package authority_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/internal/hub"
)

// The chain of an issuer is read from the table alone, also of one that was rotated
// away, and proves its certificates.
func TestReadChain(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	leaf, before := p.issue("north")
	p.rotate("north", intermediate)
	p.end()
	table, err := w.tables.Open(t.Context(), "north", "cmf")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := authority.ReadChain(t.Context(), table, "north", before.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	if len(chain) != 2 || leaf.CheckSignatureFrom(chain[0]) != nil || chain[0].CheckSignatureFrom(chain[1]) != nil || !bytes.Equal(chain[1].RawIssuer, chain[1].RawSubject) {
		t.Errorf("%d certificates, which do not prove each other up to a root", len(chain))
	}
	for _, issuer := range []string{"none", ""} {
		if _, err := authority.ReadChain(t.Context(), table, "north", issuer); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("issuer %q: %v; want not found", issuer, err)
		}
	}
	empty, err := w.tables.Open(t.Context(), "south", "cmf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authority.ReadChain(t.Context(), empty, "south", before.Issuer); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a domain without an authority: %v; want not found", err)
	}
	if _, err := empty.Create(t.Context(), "authority/south", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.ReadChain(t.Context(), empty, "south", before.Issuer); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("what cannot be read: %v; want unavailable", err)
	}
}
