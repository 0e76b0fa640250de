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

// newOpsTokens is a site whose trust domains north and south have a token each.
func newOpsTokens(t *testing.T) (*opsSite, *testkit.HSM) {
	t.Helper()
	hsm := testkit.SoftHSM(t)
	s := newOpsSite(t)
	var tokens strings.Builder
	for _, domain := range []string{"north", "south"} {
		hsm.NewToken(domain+"-token", "1234-"+domain)
		opsWrite(t, filepath.Join(s.dir, domain+".pin"), "1234-"+domain+"\n", 0o600)
		tokens.WriteString(opsToken(s, hsm, domain, hsm.Module, domain+"-token", domain+".pin"))
	}
	s.configure("trust:\n  tokens:\n" + tokens.String())
	return s, hsm
}

func opsToken(s *opsSite, _ *testkit.HSM, domain, module, label, pin string) string {
	return fmt.Sprintf("    - trustDomain: %s\n      module: %s\n      tokenLabel: %s\n      pinFile: %s\n", domain, module, label, filepath.Join(s.dir, pin))
}

// configure gives the site's hub a configuration file.
func (s *opsSite) configure(yaml string) {
	s.t.Helper()
	opsWrite(s.t, filepath.Join(s.dir, "hub.yaml"), yaml, 0o600)
	s.args = []string{"--config", filepath.Join(s.dir, "hub.yaml")}
}

// Two trust domains in two tokens: no key of theirs is in a file, and when one
// token goes, the other domain goes on while readiness names the one that is
// missing; when it comes back, so does its domain.
//
// "Must hold" of issue 2: PKCS#11 path proven with SoftHSM.
func TestOpsTwoTokens(t *testing.T) {
	s, hsm := newOpsTokens(t)
	h := s.start()
	for _, domain := range []string{"north", "south"} {
		if out := s.do("trust-domain", "create", domain); !strings.Contains(out, "pkcs11") {
			t.Errorf("the keys of %s are not said to be in a token:\n%s", domain, out)
		}
		s.do("sm", "register", "alpha", "--trust-domain", domain, "--out", domain)
		s.do("sm", "renew", "--dir", domain, "--force") // by way of the endpoints
	}
	opsNoKeyIn(t, s)

	back := hsm.TakeAway("north-token")
	opsMissingIs(t, h, "trust-domain/north")
	s.fails(6, "trust domain north", "sm", "register", "beta", "--trust-domain", "north", "--out", "beta")
	s.do("sm", "register", "beta", "--trust-domain", "south", "--out", "beta-south")
	s.do("sm", "renew", "--dir", "south", "--force")
	s.fails(5, "in use by Security Managers: alpha", "trust-domain", "delete", "north")
	h.stop()

	h = s.start() // without the token
	opsMissingIs(t, h, "trust-domain/north")
	s.fails(6, "trust domain north", "sm", "register", "beta", "--trust-domain", "north", "--out", "beta")
	s.do("sm", "register", "gamma", "--trust-domain", "south", "--out", "gamma")
	s.do("sm", "show", "alpha", "--trust-domain", "north") // what is recorded can be read

	back()
	opsMissingIs(t, h)
	s.do("sm", "register", "beta", "--trust-domain", "north", "--out", "beta") // with the keys of the refused attempt
	s.do("sm", "renew", "--dir", "north", "--force")
	opsNoKeyIn(t, s)
	h.stop()
}

// opsMissingIs waits until /readyz names exactly these checks.
func opsMissingIs(t *testing.T, h *opsHub, names ...string) {
	t.Helper()
	var status int
	var missing []opsMissing
	opsEventually(t, fmt.Sprintf("/readyz names %q", names), func() bool {
		status, missing = opsReady(t, h)
		var got []string
		for _, m := range missing {
			got = append(got, m.Name)
		}
		return fmt.Sprint(got) == fmt.Sprint(names)
	})
	if want := map[bool]int{true: 200, false: 503}[len(names) == 0]; status != want {
		t.Errorf("/readyz answers %d, want %d", status, want)
	}
	for _, m := range missing {
		if m.Reason == "" || strings.Contains(m.Reason, "internal error") || strings.Contains(m.Reason, "1234") {
			t.Errorf("%s is missing for %q, which is no reason to act on", m.Name, m.Reason)
		}
		t.Logf("%s: %s", m.Name, m.Reason)
	}
}

// opsNoKeyIn makes sure that the data directory holds no file of keys of a
// domain with a token, and no private key of anybody but the operator.
func opsNoKeyIn(t *testing.T, s *opsSite) {
	t.Helper()
	for _, domain := range []string{"north", "south"} {
		if entries, err := os.ReadDir(s.file("keys", domain)); err == nil {
			t.Errorf("keys/%s exists and holds %d files", domain, len(entries))
		}
	}
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
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
	hsm.NewToken("north-token", "1234")
	good := func(s *opsSite) string {
		opsWrite(t, filepath.Join(s.dir, "good.pin"), "1234", 0o600)
		return opsToken(s, hsm, "north", hsm.Module, "north-token", "good.pin")
	}
	tests := []struct {
		name  string
		token func(s *opsSite) string
		want  string
	}{
		{"no module", func(s *opsSite) string {
			return opsToken(s, hsm, "north", "/nowhere/hsm.so", "north-token", "good.pin")
		},
			"PKCS#11 module /nowhere/hsm.so cannot be found; install the HSM's PKCS#11 library"},
		{"no library", func(s *opsSite) string {
			path := filepath.Join(s.dir, "hub.yaml")
			return opsToken(s, hsm, "north", path, "north-token", "good.pin")
		}, "is not a PKCS#11 library that this machine can load"},
		{"wrong label", func(s *opsSite) string { return opsToken(s, hsm, "north", hsm.Module, "west-token", "good.pin") },
			"west-token"},
		{"wrong PIN", func(s *opsSite) string {
			opsWrite(t, filepath.Join(s.dir, "bad.pin"), "4321", 0o600)
			return opsToken(s, hsm, "north", hsm.Module, "north-token", "bad.pin")
		}, "PIN"},
		{"no PIN file", func(s *opsSite) string { return opsToken(s, hsm, "north", hsm.Module, "north-token", "no.pin") },
			"no.pin cannot be read; make one that holds the PIN only, with mode 0600"},
		{"readable PIN file", func(s *opsSite) string {
			opsWrite(t, filepath.Join(s.dir, "open.pin"), "1234", 0o644)
			return opsToken(s, hsm, "north", hsm.Module, "north-token", "open.pin")
		}, "open.pin has mode 0644: others can read it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newOpsSite(t)
			right := good(s)
			s.configure("trust:\n  tokens:\n" + tt.token(s))
			h := s.start()
			_, errs, code := s.cli("trust-domain", "create", "north")
			if code != 6 || !strings.Contains(errs, "the key store of trust domain north cannot be opened: ") || !strings.Contains(errs, tt.want) || strings.Contains(errs, "1234") || strings.Contains(errs, "4321") {
				t.Errorf("create: exit code %d, want 6 and %q\n%s", code, tt.want, errs)
			}
			if out := s.do("trust-domain", "list", "--all", "-o", "json"); strings.TrimSpace(out) != "[]" {
				t.Errorf("a domain without keys is there:\n%s", out)
			}
			s.do("trust-domain", "create", "other")
			h.stop()

			s.configure("trust:\n  tokens:\n" + right)
			h = s.start()
			s.do("trust-domain", "create", "north")
			s.do("trust-domain", "delete", "north") // leaves the token as it was, for the next case
			s.do("trust-domain", "list")
			h.stop()
		})
	}
	t.Run("at start", func(t *testing.T) {
		s := newOpsSite(t)
		s.configure("trust:\n  tokens:\n" + good(s))
		h := s.start()
		s.do("trust-domain", "create", "north")
		s.do("trust-domain", "create", "other")
		h.stop()
		for _, tt := range tests {
			s.configure("trust:\n  tokens:\n" + tt.token(s))
			h = s.start()
			_, missing := opsReady(t, h)
			if len(missing) != 1 || missing[0].Name != "trust-domain/north" || !strings.Contains(missing[0].Reason, tt.want) {
				t.Errorf("%s: missing %+v, want trust-domain/north alone: %q", tt.name, missing, tt.want)
			}
			s.fails(6, "trust domain north", "sm", "register", "alpha", "--trust-domain", "north", "--out", "a")
			h.stop()
		}
		s.args = nil // no token configured at all
		h = s.start()
		if _, missing := opsReady(t, h); len(missing) != 1 || !strings.Contains(missing[0].Reason, "are in a PKCS#11 token and none is configured for it; add it to trust.tokens") {
			t.Errorf("missing %+v", missing)
		}
		s.do("sm", "register", "alpha", "--trust-domain", "other", "--out", "o")
	})
}

// Built without cgo there is no PKCS#11, and the hub says so.
func TestOpsTokenWithoutCgo(t *testing.T) {
	binary, err := opsBinaryNoCgo()
	if err != nil {
		t.Fatal(err)
	}
	s, _ := newOpsTokens(t)
	s.binary = binary
	s.start()
	if out := s.do("version"); !strings.Contains(out, "cgo       ") || !strings.Contains(out, "false") {
		t.Errorf("version does not say that there is no cgo:\n%s", out)
	}
	s.fails(6, "cgo", "trust-domain", "create", "north")
	s.do("trust-domain", "create", "west")
}
