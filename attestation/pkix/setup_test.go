package pkix_test

import (
	"crypto"
	"crypto/x509"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/pkix"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

const statementOID = "2.999.20"

func registry(t testing.TB, c pkix.Config) *attestation.Registry {
	t.Helper()
	f, err := pkix.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return kit.Registry(t, map[string]attestation.Format{statementOID: f})
}

// hsm writes Evidence below an arc.
type hsm struct {
	t   testing.TB
	arc string
}

func (h hsm) oid(tail string) []byte { return kit.OID(h.t, h.arc+tail) }

// claim is a reported claim; without a value it is not reported.
func (h hsm) claim(tail string, value ...[]byte) []byte {
	return kit.Seq(append([][]byte{h.oid(".1." + tail)}, value...)...)
}

func (h hsm) element(kind string, claims ...[]byte) []byte {
	return kit.Seq(h.oid(".0."+kind), kit.Seq(claims...))
}

// key is a key element that a good HSM reports; change replaces claims by number.
func (h hsm) key(id string, spki []byte, change map[string][]byte) []byte {
	claims := [][]byte{h.claim("2.0", kit.UTF8(id)), h.claim("2.1", kit.Octets(spki))}
	for _, c := range []struct {
		tail  string
		value []byte
	}{{"2.2", kit.Bool(false)}, {"2.3", kit.Bool(true)}, {"2.4", kit.Bool(true)}, {"2.5", kit.Bool(true)}, {"2.7", kit.Seq(h.oid(".2.4"))}} {
		value, changed := change[c.tail]
		switch {
		case !changed:
			claims = append(claims, h.claim(c.tail, c.value))
		case value != nil:
			claims = append(claims, h.claim(c.tail, value))
		}
	}
	if value := change["2.6"]; value != nil {
		claims = append(claims, h.claim("2.6", value))
	}
	return h.element("2", claims...)
}

func tbs(elements ...[]byte) []byte { return kit.Seq(kit.Int(1), kit.Seq(elements...)) }

func sidSPKI(spki []byte) []byte                  { return kit.Seq(kit.Explicit(1, spki)) }
func sidKeyID(id []byte) []byte                   { return kit.Seq(kit.Explicit(0, kit.Octets(id))) }
func sidCert(c *x509.Certificate) []byte          { return kit.Seq(kit.Explicit(2, c.Raw)) }
func intermediates(c ...*x509.Certificate) []byte { return kit.Explicit(0, kit.Certs(c...)) }

func algorithm(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	if key == crypto.Signer(kit.RSA(t, 1)) {
		return kit.Seq(kit.OID(t, "1.2.840.113549.1.1.11"), kit.TLV(5))
	}
	return kit.Seq(kit.OID(t, "1.2.840.10045.4.3.2"))
}

func block(t testing.TB, key crypto.Signer, sid, signed []byte) []byte {
	t.Helper()
	return kit.Seq(sid, algorithm(t, key), kit.Octets(kit.Sign(t, key, signed)))
}

// signed is Evidence that one key signed, named by its SubjectPublicKeyInfo.
func signed(t testing.TB, ak crypto.Signer, elements ...[]byte) []byte {
	t.Helper()
	body := tbs(elements...)
	return kit.Seq(body, kit.Seq(block(t, ak, sidSPKI(kit.SPKI(t, ak)), body)))
}
