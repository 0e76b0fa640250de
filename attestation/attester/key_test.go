package attester_test

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/internal/hub"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

// held is a key as a TPM would give it; no TPM has it.
func held(t testing.TB) attester.Key {
	return attester.Key{Public: kit.TPMPublic(t, kit.Fixed(t, "key"), kit.Attributes), Private: []byte("wrapped by the TPM")}
}

func keyPEM(name string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: name, Bytes: raw})
}

// The file has the parts that the draft of key files names, and other files are
// refused with what is wrong about them.
func TestParseKey(t *testing.T) {
	const name = "TSS2 PRIVATE KEY"
	public, private := kit.TPM2B(held(t).Public), kit.TPM2B(held(t).Private)
	oid, empty, owner := kit.OID(t, "2.23.133.10.1.3"), kit.Explicit(0, kit.Bool(true)), kit.TLV(2, []byte{0x40, 0, 0, 1})
	good := kit.Seq(oid, empty, owner, kit.Octets(public), kit.Octets(private))
	text, err := held(t).MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(text); block == nil || block.Type != name || !bytes.Equal(block.Bytes, good) {
		t.Errorf("the key file is\n%s", text)
	}
	for what, tt := range map[string]struct {
		text []byte
		says string
	}{
		"nothing":           {nil, "no PEM block TSS2 PRIVATE KEY"},
		"another key":       {keyPEM("PRIVATE KEY", good), "no PEM block TSS2 PRIVATE KEY"},
		"not DER":           {keyPEM(name, []byte("text")), "damaged"},
		"a byte behind it":  {keyPEM(name, append(bytes.Clone(good), 0)), "damaged"},
		"with a password":   {keyPEM(name, kit.Seq(oid, owner, kit.Octets(public), kit.Octets(private))), "without password and policy"},
		"to be imported":    {keyPEM(name, kit.Seq(kit.OID(t, "2.23.133.10.1.4"), empty, owner, kit.Octets(public), kit.Octets(private))), "not of the type"},
		"another parent":    {keyPEM(name, kit.Seq(oid, empty, kit.TLV(2, []byte{0, 0x81, 0, 0, 1}), kit.Octets(public), kit.Octets(private))), "its parent"},
		"a wrong length":    {keyPEM(name, kit.Seq(oid, empty, owner, kit.Octets(public[1:]), kit.Octets(private))), "public area is damaged"},
		"no public area":    {keyPEM(name, kit.Seq(oid, empty, owner, kit.Octets(kit.TPM2B(nil)), kit.Octets(private))), "public area is damaged"},
		"no private area":   {keyPEM(name, kit.Seq(oid, empty, owner, kit.Octets(public), kit.Octets(nil))), "private area is damaged"},
		"a private too big": {keyPEM(name, kit.Seq(oid, empty, owner, kit.Octets(public), kit.Octets(kit.TPM2B(make([]byte, 5000))))), "private area is damaged"},
	} {
		_, err := attester.ParseKey(tt.text)
		wants(t, what, err, hub.Invalid, tt.says)
	}
}

// A key file is read as what it says, or refused; nothing panics.
func FuzzParseKey(f *testing.F) {
	good, err := held(f).MarshalPEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	f.Add(string(keyPEM("TSS2 PRIVATE KEY", kit.Seq(kit.OID(f, "2.23.133.10.1.3")))))
	f.Fuzz(func(t *testing.T, text string) {
		k, err := attester.ParseKey([]byte(text))
		if err != nil {
			if strings.Contains(hub.SafeText(err), "asn1") {
				t.Errorf("a message for programmers: %v", err)
			}
			return
		}
		again, err := k.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		if same, err := attester.ParseKey(again); err != nil || !bytes.Equal(same.Public, k.Public) || !bytes.Equal(same.Private, k.Private) {
			t.Errorf("written again it is another key: %v", err)
		}
	})
}
