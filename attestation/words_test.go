package attestation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/attestation"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

// What is wrong with bytes that are no request is said in words: nothing of Go's
// packages is for the one who sent them.
func TestParseCSR_InWords(t *testing.T) {
	good := kit.CSR(t, kit.P256(t))
	for name, tt := range map[string]struct {
		data []byte
		code attestation.Code
		says string
	}{
		"nothing":           {nil, attestation.CSRMalformed, "nothing where a DER value should be"},
		"text":              {[]byte("-----BEGIN"), attestation.CSRMalformed, "cut off"},
		"cut":               {good[:len(good)-1], attestation.CSRMalformed, "cut off"},
		"indefinite length": {[]byte{0x30, 0x80, 0, 0}, attestation.CSRMalformed, "bytes that are not DER"},
		"more behind it":    {append(slices.Clone(good), 1), attestation.CSRMalformed, "1 bytes after the end"},
		"something else":    {kit.Seq(kit.Int(1)), attestation.CSRMalformed, "no certificate request (PKCS#10)"},
		"a certificate":     {kit.Issue(t, kit.Cert{Name: "c"}, kit.P256(t), nil, nil).Raw, attestation.CSRMalformed, "no certificate request (PKCS#10)"},
		"changed":           {append(slices.Clone(good[:len(good)-1]), good[len(good)-1]^1), attestation.CSRSignature, "not signed with its own key"},
	} {
		_, err := attestation.ParseCSR(tt.data)
		if err == nil {
			t.Errorf("%s: read", name)
			continue
		}
		if r := attestation.ReasonOf(err, ""); r.Code != tt.code || !strings.Contains(r.Detail, tt.says) {
			t.Errorf("%s: %v, want %s that says %q", name, r, tt.code, tt.says)
		}
		for _, leak := range []string{"asn1", "x509", "crypto/", "{"} {
			if strings.Contains(err.Error(), leak) {
				t.Errorf("%s: %q is nothing for a user: %v", name, leak, err)
			}
		}
	}
}
