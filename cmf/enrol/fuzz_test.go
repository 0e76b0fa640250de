package enrol_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/testkit/attestkit"
)

// FuzzSign changes a CSR that is accepted. Nothing panics, and what is changed is
// never accepted unless the signed part, and the key's signature over it, are whole:
// then the change is in the bytes around them, which mean nothing.
func FuzzSign(f *testing.F) {
	p := memory(f).process()
	v := p.register(alpha, "north")
	key := attestkit.P256(f)
	good := attestkit.SignCSR(f, key, v.info(f, key, attestkit.Seq(), attestkit.Attribute(f, v.bundle(f, key, nil))))
	whole, err := attestation.ParseCSR(good)
	if err != nil {
		f.Fatal(err)
	}
	// A change is a place, what is put there, and how many bytes that replaces.
	for _, at := range []int{0, 1, 4, 5, 20, 60, 90, 200, 300, len(good) - 1} {
		f.Add(uint16(at), []byte{0xff}, uint16(1))
	}
	f.Add(uint16(0), []byte{}, uint16(len(good)))
	f.Add(uint16(len(good)), []byte{0}, uint16(0))
	f.Add(uint16(3), []byte{0x30, 0x80}, uint16(2))
	f.Fuzz(func(t *testing.T, at uint16, put []byte, instead uint16) {
		from := min(int(at), len(good))
		to := min(from+int(instead), len(good))
		changed := bytes.Join([][]byte{good[:from], put, good[to:]}, nil)
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: changed})
		a, err := p.Sign(t.Context(), alpha, "north", certmgmt.SigningRequest{VnfcID: v.id, CertType: certmgmt.VNFCICert, CSR: string(text)})
		if err != nil {
			return // no request at all
		}
		if a.State != certmgmt.RequestIssued {
			if len(a.Reasons) == 0 || a.Certificate != "" {
				t.Fatalf("%d bytes at %d: %+v", to-from, from, a)
			}
			return
		}
		var csr struct {
			Info      asn1.RawValue
			Algorithm asn1.RawValue
			Signature asn1.BitString
		}
		if _, err := asn1.Unmarshal(changed, &csr); err != nil || !bytes.Equal(csr.Info.FullBytes, whole.RawTBSCertificateRequest) {
			t.Fatalf("accepted with another signed part: %d bytes at %d are %x", to-from, from, put)
		}
		if c := leaf(t, a); !bytes.Equal(c.RawSubjectPublicKeyInfo, whole.RawSubjectPublicKeyInfo) {
			t.Fatal("the certificate is for another key")
		}
	})
}
