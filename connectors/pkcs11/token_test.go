//go:build cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ThalesGroup/crypto11"
	raw "github.com/miekg/pkcs11"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit"
)

const pin = "not-to-be-seen-4711"

func open(t *testing.T, hsm *testkit.HSM, label string) *Token {
	t.Helper()
	token, err := Open(t.Context(), Config{Module: hsm.Module, TokenLabel: label, PIN: pin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := token.Close(); err != nil {
			t.Error(err)
		}
	})
	return token
}

func sign(key crypto.Signer) error {
	digest := sha256.Sum256([]byte("a message"))
	sig, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err == nil && !ecdsa.VerifyASN1(key.Public().(*ecdsa.PublicKey), digest[:], sig) {
		return errors.New("the signature does not verify")
	}
	return err
}

// wants checks code and text of an error, and that it does not show the PIN.
func wants(t *testing.T, err error, code hub.Code, texts ...string) {
	t.Helper()
	if hub.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, hub.CodeOf(err), code)
	}
	for _, text := range texts {
		if !strings.Contains(hub.SafeText(err), text) {
			t.Errorf("error says %q, want it to say %q", hub.SafeText(err), text)
		}
	}
	if strings.Contains(err.Error(), pin) {
		t.Errorf("error shows the PIN: %v", err)
	}
}

func TestKeyStore(t *testing.T) {
	testkit.TestKeyStore(t, func(t *testing.T) testkit.KeyStore {
		hsm := testkit.SoftHSM(t)
		hsm.NewToken("north", pin)
		return open(t, hsm, "north")
	})
}

// TestOpen_Refused opens tokens wrongly, once with no other token of the module
// open, and once beside one, which must go on.
func TestOpen_Refused(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	hsm.NewToken("south", pin)
	cases := []struct {
		name string
		cfg  Config
		text []string
	}{
		{"missing module", Config{Module: "/nowhere/p11.so", TokenLabel: "south", PIN: pin}, []string{"/nowhere/p11.so", "cannot be found", "install"}},
		{"no library", Config{Module: "/etc/passwd", TokenLabel: "south", PIN: pin}, []string{"/etc/passwd", "not a PKCS#11 library"}},
		{"another library", Config{Module: otherLibrary(t), TokenLabel: "south", PIN: pin}, []string{"not a PKCS#11 library"}},
		{"wrong label", Config{Module: hsm.Module, TokenLabel: "west", PIN: pin}, []string{`no token labelled "west"`}},
		{"wrong PIN", Config{Module: hsm.Module, TokenLabel: "south", PIN: pin + "x"}, []string{`"south" does not accept the PIN`}},
		{"short PIN", Config{Module: hsm.Module, TokenLabel: "south", PIN: "1"}, []string{`"south" does not accept the PIN`}},
	}
	refuse := func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				_, err := Open(t.Context(), c.cfg)
				wants(t, err, hub.Invalid, c.text...)
			})
		}
	}
	t.Run("alone", refuse)
	north := open(t, hsm, "north")
	key, err := north.Create(t.Context(), "root")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("beside another", refuse)
	if err := sign(key); err != nil {
		t.Errorf("the other token does not sign any more: %v", err)
	}
	if err := sign(mustCreate(t, open(t, hsm, "south"), "root")); err != nil {
		t.Errorf("the right PIN after wrong ones: %v", err)
	}
	if _, err := Open(t.Context(), Config{Module: hsm.Module, TokenLabel: "north", PIN: pin}); err == nil {
		t.Error("a token was opened twice")
	} else {
		wants(t, err, hub.Conflict, `"north" is in use`)
	}
}

// TestOpen_WrongPINAfterLogin holds another token open, so that the module stays
// initialised, and proves that neither a former login nor a failed one lets a
// wrong PIN pass later.
func TestOpen_WrongPINAfterLogin(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	hsm.NewToken("south", pin)
	open(t, hsm, "north")
	wrong := Config{Module: hsm.Module, TokenLabel: "south", PIN: "some-other-pin"}
	for range 3 {
		_, err := Open(t.Context(), wrong)
		wants(t, err, hub.Invalid, "does not accept the PIN")
		if err := open(t, hsm, "south").Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(t.Context(), wrong)
	wants(t, err, hub.Invalid, "does not accept the PIN")
}

// otherLibrary returns the path of a shared library that is not PKCS#11.
func otherLibrary(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/lib/*/libm.so.6", "/lib64/libm.so.6", "/usr/lib/*/libm.so.6"} {
		if paths, _ := filepath.Glob(pattern); len(paths) > 0 {
			return paths[0]
		}
	}
	t.Fatal("no libm.so.6 found to take for a wrong module")
	return ""
}

func mustCreate(t *testing.T, token *Token, label string) crypto.Signer {
	t.Helper()
	key, err := token.Create(t.Context(), label)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestKeysStay proves with a client of its own that a key does not leave its
// token.
func TestKeysStay(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	token := open(t, hsm, "north")
	mustCreate(t, token, "root")

	lib := token.module.lib
	session, err := lib.OpenSession(token.slot, raw.CKF_SERIAL_SESSION|raw.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	if err := lib.FindObjectsInit(session, []*raw.Attribute{raw.NewAttribute(raw.CKA_CLASS, raw.CKO_PRIVATE_KEY)}); err != nil {
		t.Fatal(err)
	}
	found, _, err := lib.FindObjects(session, 10)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d private keys in the token (%v), want 1", len(found), err)
	}
	for name, want := range map[string]struct {
		attr  uint
		value byte
	}{
		"CKA_TOKEN":             {raw.CKA_TOKEN, 1},
		"CKA_PRIVATE":           {raw.CKA_PRIVATE, 1},
		"CKA_SENSITIVE":         {raw.CKA_SENSITIVE, 1},
		"CKA_ALWAYS_SENSITIVE":  {raw.CKA_ALWAYS_SENSITIVE, 1},
		"CKA_EXTRACTABLE":       {raw.CKA_EXTRACTABLE, 0},
		"CKA_NEVER_EXTRACTABLE": {raw.CKA_NEVER_EXTRACTABLE, 1},
		"CKA_LOCAL":             {raw.CKA_LOCAL, 1},
	} {
		got, err := lib.GetAttributeValue(session, found[0], []*raw.Attribute{raw.NewAttribute(want.attr, nil)})
		if err != nil || len(got[0].Value) != 1 || got[0].Value[0] != want.value {
			t.Errorf("%s is not %d (%v)", name, want.value, err)
		}
	}
	got, err := lib.GetAttributeValue(session, found[0], []*raw.Attribute{raw.NewAttribute(raw.CKA_VALUE, nil)})
	if err != raw.Error(raw.CKR_ATTRIBUTE_SENSITIVE) {
		t.Errorf("reading CKA_VALUE gave %d attributes and %v, want CKR_ATTRIBUTE_SENSITIVE", len(got), err)
	}
}

// TestSigner_ExtractableKey meets a key that somebody else put into the token.
func TestSigner_ExtractableKey(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	token := open(t, hsm, "north")
	public, err := crypto11.NewAttributeSetWithIDAndLabel([]byte("root"), []byte("root"))
	if err != nil {
		t.Fatal(err)
	}
	private := public.Copy()
	if err := errors.Join(private.Set(crypto11.CkaSensitive, false), private.Set(crypto11.CkaExtractable, true)); err != nil {
		t.Fatal(err)
	}
	if _, err := token.conn.GenerateECDSAKeyPairWithAttributes(public, private, curve); err != nil {
		t.Fatal(err)
	}
	_, err = token.Signer(t.Context(), "root")
	wants(t, err, hub.Invalid, "can be taken out of the token")
}

// TestSigner_OtherKey swaps the key below a signer that is in use.
func TestSigner_OtherKey(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	token := open(t, hsm, "north")
	key := mustCreate(t, token, "root")
	if err := token.Delete(t.Context(), "root"); err != nil {
		t.Fatal(err)
	}
	wants(t, sign(key), hub.NotFound, `no key "root"`)
	mustCreate(t, token, "root")
	wants(t, sign(key), hub.Conflict, "not the one it was")
}

func TestTwoTokens_OneDisappears(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	hsm.NewToken("south", pin)
	north, south := open(t, hsm, "north"), open(t, hsm, "south")
	northKey, southKey := mustCreate(t, north, "root"), mustCreate(t, south, "root")
	if _, err := south.Signer(t.Context(), "issuing"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("Signer: %v", err)
	}
	if err := errors.Join(north.Check(t.Context()), south.Check(t.Context())); err != nil {
		t.Fatal(err)
	}

	bringBack := hsm.TakeAway("north")
	wants(t, north.Check(t.Context()), hub.Unavailable, `"north" is not there`)
	wants(t, sign(northKey), hub.Unavailable, `"north" is not there`)
	_, err := north.Signer(t.Context(), "root")
	wants(t, err, hub.Unavailable)
	_, err = north.Create(t.Context(), "issuing")
	wants(t, err, hub.Unavailable)
	wants(t, north.Delete(t.Context(), "root"), hub.Unavailable)
	if err := errors.Join(south.Check(t.Context()), sign(southKey)); err != nil {
		t.Errorf("the other token does not go on: %v", err)
	}

	if err := north.Reopen(t.Context()); err == nil {
		t.Error("a token was reopened that is not there")
	}
	wants(t, north.Check(t.Context()), hub.Unavailable, `"north" is not there`)
	if err := errors.Join(south.Check(t.Context()), sign(southKey)); err != nil {
		t.Errorf("the other token does not go on after the reopening: %v", err)
	}

	bringBack()
	if err := north.Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen: %v", err)
	}
	if err := errors.Join(north.Check(t.Context()), sign(northKey), south.Check(t.Context()), sign(southKey)); err != nil {
		t.Errorf("after Reopen: %v", err)
	}
}

// TestOpen_BesideAMissingToken opens a token after another one of the module,
// still open, has disappeared, and then that one again.
func TestOpen_BesideAMissingToken(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	for _, label := range []string{"north", "south", "east"} {
		hsm.NewToken(label, pin)
	}
	north, south := open(t, hsm, "north"), open(t, hsm, "south")
	mustCreate(t, north, "root")
	southKey := mustCreate(t, south, "root")
	bringBack := hsm.TakeAway("north")
	wants(t, north.Check(t.Context()), hub.Unavailable)

	if err := sign(mustCreate(t, open(t, hsm, "east"), "root")); err != nil {
		t.Error(err)
	}
	if err := north.Close(); err != nil {
		t.Fatal(err)
	}
	bringBack()
	again := open(t, hsm, "north")
	key, err := again.Signer(t.Context(), "root")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sign(key), sign(southKey)); err != nil {
		t.Error(err)
	}
}

// TestReopen_WhileOthersSign proves that signatures of another token only wait.
func TestReopen_WhileOthersSign(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	hsm.NewToken("south", pin)
	north, south := open(t, hsm, "north"), open(t, hsm, "south")
	key := mustCreate(t, south, "root")
	hsm.TakeAway("north")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := sign(key); err != nil {
					t.Errorf("sign while the module is initialised anew: %v", err)
					return
				}
			}
		})
	}
	for range 5 {
		if err := north.Reopen(t.Context()); err == nil {
			t.Error("a token was reopened that is not there")
		}
	}
	stop()
	wg.Wait()
}

func TestClose(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	token := open(t, hsm, "north")
	key := mustCreate(t, token, "root")
	for range 2 {
		if err := token.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, sign(key), hub.Unavailable, "is closed")
	wants(t, token.Check(t.Context()), hub.Unavailable, "is closed")
	wants(t, token.Reopen(t.Context()), hub.Unavailable, "is closed")
	if n := len(loaded.modules); n != 0 {
		t.Errorf("%d modules are still loaded", n)
	}
	if err := open(t, hsm, "north").Check(t.Context()); err != nil {
		t.Errorf("after Close and Open: %v", err)
	}
}

// TestDeadline asks with a context that has ended, and proves that nothing is
// left open by it.
func TestDeadline(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(over, Config{Module: hsm.Module, TokenLabel: "north", PIN: pin}); hub.CodeOf(err) != hub.Unavailable {
		t.Fatalf("Open: %v", err)
	}
	token := open(t, hsm, "north")
	wants(t, token.Check(over), hub.Unavailable, "did not answer in time")
	if err := token.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOpen_Abandoned has the caller of Open give up while the module works.
func TestOpen_Abandoned(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("north", pin)
	hsm.NewToken("south", pin)
	south := open(t, hsm, "south")
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel() // somewhere between before and after
		token, err := Open(ctx, Config{Module: hsm.Module, TokenLabel: "north", PIN: pin})
		cancel()
		if err == nil {
			err = token.Close()
		} else if hub.CodeOf(err) == hub.Unavailable {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// The gate is free only once what was abandoned has ended.
	if err := south.module.do(t.Context(), "test", everyone, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := open(t, hsm, "north").Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestExplain(t *testing.T) {
	token := &Token{cfg: Config{Module: "/p11.so", TokenLabel: "north", PIN: pin}}
	for _, c := range []struct {
		err  error
		code hub.Code
		text string
	}{
		{raw.Error(raw.CKR_PIN_LOCKED), hub.Invalid, "is locked"},
		{raw.Error(raw.CKR_PIN_EXPIRED), hub.Invalid, "has expired"},
		{raw.Error(raw.CKR_USER_PIN_NOT_INITIALIZED), hub.Invalid, "no user PIN"},
		{raw.Error(raw.CKR_PIN_INCORRECT), hub.Invalid, "does not accept the PIN"},
		{raw.Error(raw.CKR_DEVICE_ERROR), hub.Unavailable, "failed"},
		{errGone, hub.Unavailable, "not there"},
	} {
		wants(t, token.explain("op", c.err), c.code, c.text, `"north"`)
	}
}

func TestOpen_BrokenModuleConfiguration(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	if err := os.WriteFile(os.Getenv("SOFTHSM2_CONF"), []byte("directories.tokendir = /nowhere/at/all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Module: hsm.Module, TokenLabel: "north", PIN: pin})
	wants(t, err, hub.Unavailable, hsm.Module[strings.LastIndex(hsm.Module, "/"):], "failed")
}

// BenchmarkSign measures a signature with all that is around it.
func BenchmarkSign(b *testing.B) {
	hsm := testkit.SoftHSM(b)
	hsm.NewToken("north", pin)
	token, err := Open(b.Context(), Config{Module: hsm.Module, TokenLabel: "north", PIN: pin})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = token.Close() })
	key, err := token.Create(b.Context(), "root")
	if err != nil {
		b.Fatal(err)
	}
	bare, err := token.conn.FindKeyPair([]byte("root"), nil)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	for name, key := range map[string]crypto.Signer{"manoward": key, "crypto11": bare} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
