package e2e_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit"
)

// newTokenHub is a hub whose trust domains north and south have a token each.
func newTokenHub(t *testing.T) (*hubProcess, *testkit.HSM) {
	t.Helper()
	hsm := testkit.SoftHSM(t)
	h := newHub(t)
	var tokens strings.Builder
	for _, domain := range []string{"north", "south"} {
		hsm.NewToken(domain+"-token", "1234-"+domain)
		writeFile(t, filepath.Join(h.home, domain+".pin"), "1234-"+domain+"\n", 0o600)
		tokens.WriteString(tokenConfig(h, domain, hsm.Module, domain+"-token", domain+".pin"))
	}
	h.configure("trust:\n  tokens:\n" + tokens.String())
	return h, hsm
}

func tokenConfig(h *hubProcess, domain, module, label, pin string) string {
	return fmt.Sprintf("    - trustDomain: %s\n      module: %s\n      tokenLabel: %s\n      pinFile: %s\n", domain, module, label, filepath.Join(h.home, pin))
}

// configure gives the hub a configuration file.
func (h *hubProcess) configure(yaml string) {
	h.t.Helper()
	writeFile(h.t, filepath.Join(h.home, "hub.yaml"), yaml, 0o600)
	h.args = []string{"--config", filepath.Join(h.home, "hub.yaml")}
}

// Two trust domains in two tokens: no key of theirs is in a file, and when one
// token goes, the other domain goes on while readiness names the one that is
// missing; when it comes back, so does its domain.
//
// "Must hold" of issue 2: PKCS#11 path proven with SoftHSM.
func TestOpsTwoTokens(t *testing.T) {
	h, hsm := newTokenHub(t)
	h.start()
	for _, domain := range []string{"north", "south"} {
		if out := h.do("trust-domain", "create", domain); !strings.Contains(out, "pkcs11") {
			t.Errorf("the keys of %s are not said to be in a token:\n%s", domain, out)
		}
		h.do("sm", "register", "alpha", "--trust-domain", domain, "--out", domain)
		h.do("sm", "renew", "--dir", domain, "--force") // by way of the endpoints
	}
	noKeyIn(t, h)

	back := hsm.TakeAway("north-token")
	h.awaitMissing("trust-domain/north")
	h.fails(6, "trust domain north", "sm", "register", "beta", "--trust-domain", "north", "--out", "beta")
	h.do("sm", "register", "beta", "--trust-domain", "south", "--out", "beta-south")
	h.do("sm", "renew", "--dir", "south", "--force")
	h.fails(5, "in use by Security Managers: alpha", "trust-domain", "delete", "north")
	h.stop()

	h.start() // without the token
	h.awaitMissing("trust-domain/north")
	h.fails(6, "trust domain north", "sm", "register", "beta", "--trust-domain", "north", "--out", "beta")
	h.do("sm", "register", "gamma", "--trust-domain", "south", "--out", "gamma")
	h.do("sm", "show", "alpha", "--trust-domain", "north") // what is recorded can be read

	back()
	h.awaitMissing()
	h.do("sm", "register", "beta", "--trust-domain", "north", "--out", "beta") // with the keys of the refused attempt
	h.do("sm", "renew", "--dir", "north", "--force")
	noKeyIn(t, h)
	h.stop()
}

// noKeyIn makes sure that the data directory holds no file of keys of a
// domain with a token, and no private key of anybody but the operator.
func noKeyIn(t *testing.T, h *hubProcess) {
	t.Helper()
	for _, domain := range []string{"north", "south"} {
		if entries, err := os.ReadDir(h.file("keys", domain)); err == nil {
			t.Errorf("keys/%s exists and holds %d files", domain, len(entries))
		}
	}
	err := filepath.WalkDir(h.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "operator.context.json" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(raw, []byte("PRIVATE KEY")) || bytes.Contains(raw, []byte("1234-")) {
			t.Errorf("%s holds a private key or a PIN in the clear", path)
		}
		if block, _ := pem.Decode(raw); block != nil {
			raw = block.Bytes
		}
		if _, err := x509.ParsePKCS8PrivateKey(raw); err == nil {
			t.Errorf("%s is a private key", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is wrong about a token is told when its domain is made, and again when a
// hub that had it starts; the rest of the hub goes on.
func TestOpsWrongToken(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	good := func(h *hubProcess, label string) string {
		writeFile(t, filepath.Join(h.home, "good.pin"), "1234", 0o600)
		return tokenConfig(h, "north", hsm.Module, label, "good.pin")
	}
	tests := []struct {
		name  string
		token func(h *hubProcess, label string) string
		want  string
	}{
		{"no module", func(h *hubProcess, label string) string {
			return tokenConfig(h, "north", "/nowhere/hsm.so", label, "good.pin")
		},
			"PKCS#11 module /nowhere/hsm.so cannot be found; install the HSM's PKCS#11 library"},
		{"no library", func(h *hubProcess, label string) string {
			path := filepath.Join(h.home, "hub.yaml")
			return tokenConfig(h, "north", path, label, "good.pin")
		}, "is not a PKCS#11 library that this machine can load"},
		{"wrong label", func(h *hubProcess, _ string) string {
			return tokenConfig(h, "north", hsm.Module, "west-token", "good.pin")
		},
			"west-token"},
		{"wrong PIN", func(h *hubProcess, label string) string {
			writeFile(t, filepath.Join(h.home, "bad.pin"), "4321", 0o600)
			return tokenConfig(h, "north", hsm.Module, label, "bad.pin")
		}, "PIN"},
		{"no PIN file", func(h *hubProcess, label string) string { return tokenConfig(h, "north", hsm.Module, label, "no.pin") },
			"no.pin cannot be read; make one that holds the PIN only, with mode 0600"},
		{"readable PIN file", func(h *hubProcess, label string) string {
			writeFile(t, filepath.Join(h.home, "open.pin"), "1234", 0o644)
			return tokenConfig(h, "north", hsm.Module, label, "open.pin")
		}, "open.pin has mode 0644: others can read it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			label := "token-of-" + strings.ReplaceAll(tt.name, " ", "-")
			hsm.NewToken(label, "1234") // before t.Parallel: one after the other, each looks for what is new
			t.Parallel()
			h := newHub(t)
			right := good(h, label)
			h.configure("trust:\n  tokens:\n" + tt.token(h, label))
			h.start()
			_, errs, code := h.cli("trust-domain", "create", "north")
			if code != 6 || !strings.Contains(errs, "the key store of trust domain north cannot be opened: ") || !strings.Contains(errs, tt.want) || strings.Contains(errs, "1234") || strings.Contains(errs, "4321") {
				t.Errorf("create: exit code %d, want 6 and %q\n%s", code, tt.want, errs)
			}
			if out := h.do("trust-domain", "list", "--all", "-o", "json"); strings.TrimSpace(out) != "[]" {
				t.Errorf("a domain without keys is there:\n%s", out)
			}
			h.do("trust-domain", "create", "other")
			h.stop()

			h.configure("trust:\n  tokens:\n" + right)
			h.start()
			h.do("trust-domain", "create", "north")
			h.do("trust-domain", "delete", "north")
			h.do("trust-domain", "list")
			h.stop()
		})
	}
	t.Run("at start", func(t *testing.T) {
		const label = "north-token"
		hsm.NewToken(label, "1234")
		t.Parallel()
		h := newHub(t)
		h.configure("trust:\n  tokens:\n" + good(h, label))
		h.start()
		h.do("trust-domain", "create", "north")
		h.do("trust-domain", "create", "other")
		h.stop()
		for _, tt := range tests {
			h.configure("trust:\n  tokens:\n" + tt.token(h, label))
			h.start()
			_, missing := h.readyz()
			if len(missing) != 1 || missing[0].Name != "trust-domain/north" || !strings.Contains(missing[0].Reason, tt.want) {
				t.Errorf("%s: missing %+v, want trust-domain/north alone: %q", tt.name, missing, tt.want)
			}
			h.fails(6, "trust domain north", "sm", "register", "alpha", "--trust-domain", "north", "--out", "a")
			h.stop()
		}
		h.args = nil // no token configured at all
		h.start()
		if _, missing := h.readyz(); len(missing) != 1 || !strings.Contains(missing[0].Reason, "are in a PKCS#11 token and none is configured for it; add it to trust.tokens") {
			t.Errorf("missing %+v", missing)
		}
		h.do("sm", "register", "alpha", "--trust-domain", "other", "--out", "o")
	})
}

// Built without cgo there is no PKCS#11, and the hub says so.
func TestOpsTokenWithoutCgo(t *testing.T) {
	binary, err := binaryNoCgo()
	if err != nil {
		t.Fatal(err)
	}
	h, _ := newTokenHub(t)
	h.binary = binary
	h.start()
	if out := h.do("version"); !strings.Contains(out, "cgo       ") || !strings.Contains(out, "false") {
		t.Errorf("version does not say that there is no cgo:\n%s", out)
	}
	h.fails(6, "cgo", "trust-domain", "create", "north")
	h.do("trust-domain", "create", "west")
}
