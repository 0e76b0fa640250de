package attestkit

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/manoward/manoward/attestation"
)

// Registry makes a registry of formats by OID.
func Registry(t testing.TB, formats map[string]attestation.Format) *attestation.Registry {
	t.Helper()
	r, err := attestation.NewRegistry(formats)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Request asks for a certificate for key, with a statement of the type, at [Now]. The
// registered attester has the key ak.
func Request(t testing.TB, oid string, key, ak crypto.Signer, statement []byte, certs ...*x509.Certificate) attestation.Request {
	t.Helper()
	return attestation.Request{
		CSR:      CSR(t, key, Attribute(t, Bundle([][]byte{Statement(t, oid, statement)}, certs...))),
		Attester: attestation.Attester{ID: "attester-1", Statement: oid, Key: SPKI(t, ak)}, Time: Now,
	}
}

// Expect checks that a verdict is accepted, or refused for exactly these reasons, in
// this order, each of which has a mend.
func Expect(t testing.TB, name string, v attestation.Verdict, codes ...attestation.Code) {
	t.Helper()
	var got []attestation.Code
	for _, r := range v.Reasons {
		got = append(got, r.Code)
		if r.Code.Mend() == "" {
			t.Errorf("%s: no mend for %s", name, r.Code)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(codes) || v.Accepted != (len(codes) == 0) {
		t.Errorf("%s: accepted %t, reasons %v, want %v", name, v.Accepted, v.Reasons, codes)
	}
	if !v.Accepted && v.Assurance != attestation.None {
		t.Errorf("%s: refused with the assurance %s", name, v.Assurance)
	}
}
