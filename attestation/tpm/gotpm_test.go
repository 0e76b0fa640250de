package tpm_test

import (
	"bytes"
	"encoding/asn1"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

// sequence returns the contents of the OCTET STRINGs of a statement.
func sequence(t testing.TB, statement []byte) [][]byte {
	t.Helper()
	var items [][]byte
	if _, err := asn1.Unmarshal(statement, &items); err != nil {
		t.Fatal(err)
	}
	return items
}

// go-tpm reads and writes the same structures as we do, and it was written by
// other people: what it makes is accepted, and what the test kit makes it reads.
func TestAgainstGoTPM(t *testing.T) {
	ak, ecKey, rsaKey := kit.P256(t), kit.P256(t), kit.RSA(t, 0)
	point, err := ecKey.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	attributes := tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, SignEncrypt: true}
	eccPublic := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA384, ObjectAttributes: attributes, AuthPolicy: tpm2.TPM2BDigest{Buffer: make([]byte, 32)},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Scheme:  tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
			CurveID: tpm2.TPMECCNistP256,
		}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]}}),
	}
	rsaPublic := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgRSA, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: attributes,
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{
			Scheme:  tpm2.TPMTRSAScheme{Scheme: tpm2.TPMAlgRSASSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgRSASSA, &tpm2.TPMSSigSchemeRSASSA{HashAlg: tpm2.TPMAlgSHA256})},
			KeyBits: 2048,
		}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: rsaKey.N.Bytes()}),
	}
	for name, tt := range map[string]struct {
		public tpm2.TPMTPublic
		spki   []byte
	}{"ECC": {eccPublic, kit.SPKI(t, ecKey)}, "RSA": {rsaPublic, kit.SPKI(t, rsaKey)}} {
		objectName, err := tpm2.ObjectName(&tt.public)
		if err != nil {
			t.Fatal(err)
		}
		attest := tpm2.Marshal(tpm2.TPMSAttest{
			Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCertify, ExtraData: tpm2.TPM2BData{Buffer: []byte("nonce")},
			Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestCertify, &tpm2.TPMSCertifyInfo{Name: *objectName}),
		})
		statement := kit.Seq(kit.Octets(attest), kit.Octets(kit.TPMSign(t, ak, attest)), kit.Octets(tpm2.Marshal(tt.public)))
		req := attestation.Request{Time: kit.Now, Nonce: []byte("nonce"), Attester: attestation.Attester{Statement: tpm.OID, Key: kit.SPKI(t, ak)}}
		kit.Expect(t, name, registry(t).VerifyStatement(tt.spki, attestation.Statement{OID: tpm.OID, DER: statement}, nil, req))
	}

	items := sequence(t, kit.Certify(t, ak, ecKey, []byte("nonce")))
	attest, err := tpm2.Unmarshal[tpm2.TPMSAttest](items[0])
	if err != nil || !bytes.Equal(tpm2.Marshal(attest), items[0]) {
		t.Errorf("go-tpm does not read the kit's attest: %v", err)
	}
	signature, err := tpm2.Unmarshal[tpm2.TPMTSignature](items[1])
	if err != nil || !bytes.Equal(tpm2.Marshal(signature), items[1]) {
		t.Errorf("go-tpm does not read the kit's signature: %v", err)
	}
	public, err := tpm2.Unmarshal[tpm2.TPMTPublic](items[2])
	if err != nil || !bytes.Equal(tpm2.Marshal(public), items[2]) {
		t.Errorf("go-tpm does not read the kit's public area: %v", err)
	}
	if info, err := attest.Attested.Certify(); err != nil {
		t.Errorf("go-tpm sees no certified key: %v", err)
	} else if objectName, err := tpm2.ObjectName(public); err != nil || !bytes.Equal(objectName.Buffer, info.Name.Buffer) {
		t.Errorf("go-tpm names the key %x, the kit %x", objectName.Buffer, info.Name.Buffer)
	}
}
