package policies

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/manoward/manoward/internal/hub"
)

// keyPair returns a new key in the two forms that signer and verifier use.
func keyPair(t testing.TB, id string, key crypto.Signer) (SigningKey, VerificationKey) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return SigningKey{id, hub.Secret(block("PRIVATE KEY", private))}, VerificationKey{id, block("PUBLIC KEY", public)}
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustBundle(t testing.TB, set *Set) []byte {
	t.Helper()
	raw, err := set.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func mustSign(t testing.TB, raw []byte, key SigningKey) []byte {
	t.Helper()
	signed, err := Sign(raw, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestBundle carries a set through bundle and signature with each kind of key.
func TestBundle(t *testing.T) {
	set := mustLoad(t, base())
	raw := mustBundle(t, set)
	if again := mustBundle(t, mustLoad(t, base())); !bytes.Equal(raw, again) {
		t.Error("the same set gives two bundles")
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ES256": ecKey(t, elliptic.P256()), "EdDSA": edKey, "RS256": rsaKey} {
		t.Run(name, func(t *testing.T) {
			private, public := keyPair(t, "release-1", key)
			signed := mustSign(t, mustSign(t, raw, private), private) // a second signature takes the place of the first
			loaded, problems, err := LoadBundle(t.Context(), signed, []VerificationKey{public}, "release-1", Options{Schemas: ownSchemas(t)})
			if err != nil || loaded == nil || loaded.Revision() != set.Revision() {
				t.Fatalf("loaded = %v, %v, %v", loaded, problems, err)
			}
			// The engine's own reader takes it as well.
			config := bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{"release-1": {Key: public.PEM, Algorithm: name}}, "release-1", "", nil)
			theirs, err := bundle.NewReader(bytes.NewReader(signed)).WithBundleVerificationConfig(config).Read()
			if err != nil || theirs.Manifest.Revision != set.Revision() || len(theirs.Modules) != 2 {
				t.Errorf("the engine reads %v, %v", theirs.Manifest, err)
			}
		})
	}
}

// TestFormsOfKeys holds that keys may be in the older forms of PEM, and that a
// certificate does for a public key.
func TestFormsOfKeys(t *testing.T) {
	raw := mustBundle(t, mustLoad(t, base()))
	key := ecKey(t, elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, rsaPublic := keyPair(t, "a", rsaKey)
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for name, tt := range map[string]struct{ private, public string }{
		"SEC 1":  {block("EC PRIVATE KEY", sec1), block("CERTIFICATE", cert)},
		"PKCS 1": {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), rsaPublic.PEM},
	} {
		signed := mustSign(t, raw, SigningKey{"a", hub.Secret(tt.private)})
		if _, err := verify(signed, []VerificationKey{{"a", tt.public}}, "a"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, kind := range []string{"EC PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE", "PUBLIC KEY"} {
		text := block(kind, []byte("x"))
		if _, err := Sign(raw, SigningKey{"a", hub.Secret(text)}); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("signing with a damaged %s: %v", kind, err)
		}
		if _, err := verify(raw, []VerificationKey{{"a", text}}, "a"); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("verifying with a damaged %s: %v", kind, err)
		}
	}
}

// TestBundleOfTheWrongKey holds that nothing of a bundle is used that another
// key has signed, and that the message names both.
func TestBundleOfTheWrongKey(t *testing.T) {
	raw := mustBundle(t, mustLoad(t, base()))
	good, goodPublic := keyPair(t, "good", ecKey(t, elliptic.P256()))
	evil, evilPublic := keyPair(t, "evil", ecKey(t, elliptic.P256()))
	posing := SigningKey{"good", evil.PEM}
	both := []VerificationKey{goodPublic, evilPublic}
	change := func(edit func(map[string][]byte)) []byte {
		files, err := unpack(mustSign(t, raw, good))
		if err != nil {
			t.Fatal(err)
		}
		edit(files)
		packed, err := pack(files)
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	for name, tt := range map[string]struct {
		raw  []byte
		keys []VerificationKey
		id   string
		code hub.Code
		want string
	}{
		"unsigned":   {raw, both, "good", hub.Denied, "the bundle is not signed; sign it with the key \"good\""},
		"other key":  {mustSign(t, raw, evil), both, "good", hub.Denied, `says that it is signed with the key "evil", but the key "good" must have signed it`},
		"posing":     {mustSign(t, raw, posing), both, "good", hub.Denied, `not signed by the key "good", though it says so`},
		"no id":      {mustSign(t, raw, good), both, "", hub.Denied, `there is no key ""`},
		"unknown id": {mustSign(t, raw, good), both, "best", hub.Denied, `there is no key "best" to verify the bundle with; known are "good", "evil"`},
		"changed":    {change(func(f map[string][]byte) { f["lib/text.rego"] = append(f["lib/text.rego"], '#') }), both, "good", hub.Denied, `lib/text.rego is not the file that the key "good" signed`},
		"added":      {change(func(f map[string][]byte) { f["more.rego"] = []byte("package x") }), both, "good", hub.Denied, "more.rego is not the file"},
		"taken out":  {change(func(f map[string][]byte) { delete(f, "lib/text.rego") }), both, "good", hub.Denied, "1 signed files are not in the bundle"},
		"two":        {change(func(f map[string][]byte) { f[signatureFile] = []byte(`{"signatures":["a","b"]}`) }), both, "good", hub.Denied, "cannot be read"},
		"plug-in": {change(func(f map[string][]byte) {
			f[signatureFile] = bytes.Replace(f[signatureFile], []byte("{"), []byte(`{"plugin":"x",`), 1)
		}), both, "good", hub.Denied, "cannot be read"},
		"no token":    {change(func(f map[string][]byte) { f[signatureFile] = []byte(`{"signatures":["%"]}`) }), both, "good", hub.Denied, `signed with the key ""`},
		"no manifest": {change(func(f map[string][]byte) { delete(f, manifestFile) }), both, "good", hub.Denied, "1 signed files are not"},
		"damaged key": {mustSign(t, raw, good), []VerificationKey{{"good", "x"}}, "good", hub.Invalid, "not one public key in PEM"},
		"private key": {mustSign(t, raw, good), []VerificationKey{{"good", good.PEM.Reveal()}}, "good", hub.Invalid, "use a public key or a certificate"},
	} {
		set, _, err := LoadBundle(t.Context(), tt.raw, tt.keys, tt.id, Options{Schemas: ownSchemas(t)})
		if set != nil || hub.CodeOf(err) != tt.code || !strings.Contains(hub.SafeText(err), tt.want) {
			t.Errorf("%s: %v, %v", name, set, err)
		}
	}
}

func TestSigningKeys(t *testing.T) {
	raw := mustBundle(t, mustLoad(t, base()))
	small, _ := keyPair(t, "a", ecKey(t, elliptic.P224()))
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak, weakPublic := keyPair(t, "a", short)
	good, _ := keyPair(t, "", ecKey(t, elliptic.P256()))
	for want, key := range map[string]SigningKey{
		"the key has no id":               good,
		"use EC on P-256":                 small,
		"RSA of 2,048 bits or more":       weak,
		"not one private key in PEM":      {"a", "/etc/passwd"},
		"it is a PUBLIC KEY; use PKCS #8": {"a", hub.Secret(weakPublic.PEM)},
		"it is damaged":                   {"a", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
	} {
		if _, err := Sign(raw, key); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Sign([]byte("x"), small); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("err = %v", err)
	}
}

// archive returns a gzipped tar of the entries.
func archive(t testing.TB, entries ...*tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range entries {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnpack(t *testing.T) {
	file := func(name string, size int64) *tar.Header {
		return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
	}
	var bomb []*tar.Header
	for i := range 66 {
		bomb = append(bomb, file(strings.Repeat("a", i+1)+".rego", MaxFile))
	}
	for name, tt := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":   {nil, "no gzipped tar"},
		"cut":       {archive(t, file("a.rego", 5000))[:60], "cut short, damaged"},
		"no end":    {archive(t, file("a.rego", 1))[:80], "cut short, damaged"},
		"more":      {append(archive(t, file("a.rego", 1)), archive(t, file("b.rego", 1))...), "cut short, damaged"},
		"traversal": {archive(t, file("../a.rego", 1)), `"../a.rego" is no path within the bundle`},
		"absolute":  {archive(t, file("/a.rego", 1)), `"/a.rego" is no path`},
		"twice":     {archive(t, file("a.rego", 1), file("a.rego", 1)), `"a.rego" is in the bundle twice`},
		"link":      {archive(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "a.rego", Linkname: "/etc/passwd"}), "is no plain file"},
		"delta":     {archive(t, file("patch.json", 1)), "this is a delta bundle, which cannot be signed"},
		"data":      {archive(t, file("data.json", 1)), `"data.json" is no policy`},
		"test":      {archive(t, file("a_test.rego", 1)), `"a_test.rego" is no policy`},
		"large":     {archive(t, file("a.rego", MaxFile+1)), "too large at a.rego"},
		"bomb":      {archive(t, bomb...), "the bundle is too large at"},
		"long":      {make([]byte, MaxBundle+1), "at most 33554432 are read"},
	} {
		if _, err := unpack(tt.raw); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	files, err := unpack(archive(t, file("a.rego", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkManifest(files); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("without a manifest: %v", err)
	}
	files[manifestFile] = []byte(`{"revision": "abc"}`)
	if _, err := checkManifest(files); err == nil || !strings.Contains(err.Error(), `states the revision "abc", but its files have`) {
		t.Errorf("with another's manifest: %v", err)
	}
}

// FuzzLoadBundle holds that no bytes make a set without the key's signature.
// What a bundle says of itself is told without a key, and believed by nobody.
func TestReadClaims(t *testing.T) {
	set := mustLoad(t, base())
	key, _ := keyPair(t, "ci", ecKey(t, elliptic.P256()))
	unsigned := mustBundle(t, set)
	for want, raw := range map[Claims][]byte{{Revision: set.Revision()}: unsigned, {set.Revision(), "ci"}: mustSign(t, unsigned, key)} {
		if got, err := ReadClaims(raw); err != nil || got != want {
			t.Errorf("claims %+v, %v; want %+v", got, err, want)
		}
	}
	for name, raw := range map[string][]byte{"no bundle": []byte("x"), "cut": unsigned[:len(unsigned)/2], "no manifest": archive(t)} {
		if _, err := ReadClaims(raw); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzLoadBundle(f *testing.F) {
	raw := mustBundle(f, mustLoad(f, base()))
	private, public := keyPair(f, "a", ecKey(f, elliptic.P256()))
	other, _ := keyPair(f, "a", ecKey(f, elliptic.P256()))
	f.Add(raw)
	f.Add(mustSign(f, raw, other))
	signed := mustSign(f, raw, private)
	f.Add(signed[:len(signed)-1])
	f.Add(archive(f, &tar.Header{Typeflag: tar.TypeReg, Name: "../x.rego", Size: 1, Mode: 0o644}))
	f.Add(signed)
	want := mustLoad(f, base()).sources
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, err := verify(raw, []VerificationKey{public}, "a"); err == nil && !reflect.DeepEqual(got, want) {
			t.Error("files that the key has not signed are taken")
		}
	})
}
