package attester_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

// described is a TPM with a certificate, as JSON.
func described(t testing.TB) []byte {
	t.Helper()
	ek := kit.Fixed(t, "ek")
	d, err := attester.DescribeTPM(
		attester.Key{Public: kit.TPMPublic(t, kit.Fixed(t, "ak"), kit.AKAttributes)},
		attester.Endorsement{Public: kit.TPMEndorsement(t, ek, kit.EKAttributes), Certificate: kit.Issue(t, kit.Cert{Name: "ek"}, ek, nil, nil).Raw},
	)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParseDescription(t *testing.T) {
	text := described(t)
	d, err := attester.ParseDescription(text)
	if err != nil {
		t.Fatal(err)
	}
	if spki, err := d.SPKI(); err != nil || !bytes.Equal(spki, kit.SPKI(t, kit.Fixed(t, "ak"))) || d.Statement != tpm.OID {
		t.Errorf("%+v, %v", d, err)
	}
	if _, _, err := tpm.NewChallenge(d.TPM.EK, d.TPM.AK); err != nil {
		t.Errorf("no challenge for what was described: %v", err)
	}
	token := attester.Evidence{OID: "2.999.1"}.DescribeToken(kit.SPKI(t, kit.Fixed(t, "ak")))
	asJSON, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := attester.ParseDescription(asJSON); err != nil || !reflect.DeepEqual(again, token) {
		t.Errorf("a token is read as %+v, %v", again, err)
	}

	change := func(field string, value any) []byte {
		var whole map[string]any
		if err := json.Unmarshal(text, &whole); err != nil {
			t.Fatal(err)
		}
		part := whole
		if inner := whole["tpm"].(map[string]any); slices.Contains(slices.Collect(maps.Keys(inner)), field) {
			part = inner
		}
		part[field] = value
		changed, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	for name, tt := range map[string]struct {
		text []byte
		says string
	}{
		"nothing":             {nil, "not JSON of the right form"},
		"a list":              {[]byte("[]"), "not JSON of the right form"},
		"no type":             {change("statement", ""), "no type of statements"},
		"no key":              {change("key", "text"), "no public key"},
		"another key":         {change("ak", kit.TPMPublic(t, kit.Fixed(t, "other"), kit.AKAttributes)), "not the key that it describes"},
		"no endorsement key":  {change("ek", []byte{1}), "endorsement key in the description cannot be read"},
		"a broken cert":       {change("ekCertificate", "text"), "certificate of the endorsement key"},
		"a number for a key":  {change("key", 1), "not JSON of the right form"},
		"a text for the area": {change("ak", "%"), "not JSON of the right form"},
	} {
		_, err := attester.ParseDescription(tt.text)
		wants(t, name, err, hub.Invalid, tt.says)
	}
}

// Whatever is in a description, it is refused or its parts can be used.
func FuzzParseDescription(f *testing.F) {
	f.Add(described(f))
	f.Add([]byte(`{"statement":"2.999.1","key":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := attester.ParseDescription(text)
		if err != nil {
			return
		}
		if _, err := d.SPKI(); err != nil {
			t.Errorf("a description without key: %v", err)
		}
		if d.TPM != nil {
			if _, err := d.TPM.Certificate(); err != nil {
				t.Errorf("a certificate that cannot be read: %v", err)
			}
		}
	})
}
