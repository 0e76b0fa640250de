package lifecycle

import (
	"crypto"
	"encoding/hex"
	"testing"
)

// Requests of openssl 3 for the serial number 4660, made by openssl ocsp -reqout.
const (
	withNonce = "30683066303f303d303b300906052b0e03021a0500041411048cd20cb3592307d019fd0889562b62d3649204141c548c30cc37fbe9d5a01730fbc54c" +
		"baa421b47402021234a2233021301f06092b060105050730010204120410614264e322ae01a45f350d9e38a6f5f5"
	sha256ID = "305f305d305b30593057300d0609608648016503040201050004206d55a0a38e5290f86e181e6a9c8e91f3aa5ee0e0ca89d5b77fff14959193327104" +
		"20b7fbb95fb0966c3e9661c68ddd357b98e4d3970553b9a4965b3be877eb7762ab02021234"
	aboutTwo = "308180307e307c303c303a300906052b0e03021a0500041411048cd20cb3592307d019fd0889562b62d3649204141c548c30cc37fbe9d5a01730fbc5" +
		"4cbaa421b474020101303c303a300906052b0e03021a0500041411048cd20cb3592307d019fd0889562b62d3649204141c548c30cc37fbe9d5a01730" +
		"fbc54cbaa421b474020102"
	signed = "308202543079a111a40f300d310b300906035504030c026361303f303d303b300906052b0e03021a0500041411048cd20cb3592307d019fd0889562b" +
		"62d3649204141c548c30cc37fbe9d5a01730fbc54cbaa421b47402021234a2233021301f06092b060105050730010204120410ec4e5a6947b56d10e2" +
		"e286d582b10fc6a08201d5308201d1300a06082a8648ce3d040302034700304402207f17b925177a82d98af11e1f8bd33edf10fda03e33e28209c27a" +
		"bd0e66acb4c202207e96eb7fed8e0edd49e70d837e7e69968fa15c8b9293eb39ece901fe57ad5989a0820178308201743082017030820115a0030201" +
		"02021425c34a8dc231926e4afa189ca7d426cd13e6562e300a06082a8648ce3d040302300d310b300906035504030c026361301e170d323631313232" +
		"3138333831355a170d3236313230323138333831355a300d310b300906035504030c0263613059301306072a8648ce3d020106082a8648ce3d030107" +
		"034200048e737b0ae61a81a73158f2850d590df783ded4561078ffe3bd5d53a1ae1f75f8722e6edeef40c8e81c0c5b1f4230c3b13a1785e014b52ca3" +
		"a01890a35fb13244a3533051301d0603551d0e041604141c548c30cc37fbe9d5a01730fbc54cbaa421b474301f0603551d230418301680141c548c30" +
		"cc37fbe9d5a01730fbc54cbaa421b474300f0603551d130101ff040530030101ff300a06082a8648ce3d0403020349003046022100d8c798ce4d1139" +
		"3917e688589c6817d8cf9270d13c4573c807dcd655db4fa762022100bdae4c9d9083364e49adc3bdd9a50086b603dfb867c5721bb878646720a8a03a"
)

func decode(t testing.TB, text string) []byte {
	t.Helper()
	der, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParseOCSP(t *testing.T) {
	for text, want := range map[string]struct {
		hash  crypto.Hash
		nonce int
	}{withNonce: {crypto.SHA1, 16}, sha256ID: {crypto.SHA256, 0}, signed: {crypto.SHA1, 16}} {
		q, err := parseOCSP(decode(t, text))
		if err != nil || q.hash != want.hash || len(q.nonce) != want.nonce || q.serial.Int64() != 4660 {
			t.Errorf("%s: %+v, %v", text, q, err)
		}
	}
	if _, err := parseOCSP(decode(t, aboutTwo)); err == nil {
		t.Error("a request about two certificates is taken")
	}
	whole := decode(t, withNonce)
	for n := range whole {
		if _, err := parseOCSP(whole[:n]); err == nil {
			t.Errorf("%d bytes of %d are taken for a request", n, len(whole))
		}
	}
}

// FuzzOCSP holds that no request makes the parser panic, and that what it takes is
// whole.
func FuzzOCSP(f *testing.F) {
	for _, seed := range []string{withNonce, sha256ID, aboutTwo, signed, "3000", "30053003020100", ""} {
		f.Add(decode(f, seed))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		q, err := parseOCSP(der)
		if err != nil {
			return
		}
		if q.hash != crypto.SHA1 && q.hash != crypto.SHA256 || len(q.name) != q.hash.Size() || len(q.key) != q.hash.Size() ||
			q.serial == nil || len(q.serial.Bytes()) > maxSerial || q.nonce != nil && (len(q.nonce) == 0 || len(q.nonce) > maxNonce) || len(der) > maxQuestion {
			t.Errorf("%x is read as %+v", der, q)
		}
	})
}
