//go:build cgo

package pkcs11

import (
	"strings"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit"
)

// A key of ours and one that could be taken out are told apart by what the token
// says of them.
func TestProperties(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	token := open(t, hsm, "north")
	mustCreate(t, token, "kept")
	public, err := crypto11.NewAttributeSetWithIDAndLabel([]byte("loose"), []byte("loose"))
	if err != nil {
		t.Fatal(err)
	}
	private := public.Copy()
	if err := private.Set(crypto11.CkaExtractable, true); err != nil {
		t.Fatal(err)
	}
	if _, err := token.conn.GenerateECDSAKeyPairWithAttributes(public, private, curve); err != nil {
		t.Fatal(err)
	}
	for label, extractable := range map[string]bool{"kept": false, "loose": true} {
		p, err := token.Properties(t.Context(), label)
		if err != nil {
			t.Fatal(err)
		}
		for name, claim := range map[string]struct {
			got  *bool
			want bool
		}{
			"extractable": {p.Extractable, extractable}, "never extractable": {p.NeverExtractable, !extractable},
			"sensitive": {p.Sensitive, true}, "local": {p.Local, true}, "sign": {p.Sign, true},
		} {
			if claim.got == nil || *claim.got != claim.want {
				t.Errorf("%s: %s is not said to be %t", label, name, claim.want)
			}
		}
		if !strings.Contains(p.Manufacturer, "SoftHSM") || p.Serial == "" || p.Firmware == "" {
			t.Errorf("the token is said to be %+v", p)
		}
	}
	_, err = token.Properties(t.Context(), "gone")
	wants(t, err, hub.NotFound, `holds no key "gone"`)
}
