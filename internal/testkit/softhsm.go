// Package testkit is what tests of several packages need: real outside systems
// in a directory of the test, and suites that every implementation of a port
// must pass. Only tests import it.
package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// HSM is a SoftHSM of one test: PKCS#11 tokens in a directory.
type HSM struct {
	Module string // path of the PKCS#11 library

	t   testing.TB
	dir string
	at  map[string]string // label -> directory of the token
}

// SoftHSM makes an empty SoftHSM for the test and its child processes, by way of
// SOFTHSM2_CONF in the environment. The library reads that when a process
// initialises it, so a test that changes to another SoftHSM must have closed all
// tokens of the former. It fails the test where SoftHSM is not installed.
func SoftHSM(t testing.TB) *HSM {
	t.Helper()
	h := &HSM{Module: SoftHSMModule(t), t: t, dir: t.TempDir(), at: make(map[string]string)}
	if err := os.Mkdir(h.tokens(), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(h.dir, "softhsm2.conf")
	text := "directories.tokendir = " + h.tokens() + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	return h
}

// SoftHSMModule returns the path of SoftHSM's PKCS#11 library. It fails the test where
// SoftHSM is not installed.
func SoftHSMModule(t testing.TB) string {
	t.Helper()
	_, err := exec.LookPath("softhsm2-util")
	for _, path := range []string{
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so",
		"/opt/homebrew/lib/softhsm/libsofthsm2.so",
	} {
		if _, missing := os.Stat(path); missing == nil && err == nil {
			return path
		}
	}
	t.Fatal("this test needs SoftHSM; run: apt-get install softhsm2")
	return ""
}

func (h *HSM) tokens() string { return filepath.Join(h.dir, "tokens") }

// NewToken makes a token. Processes that have the library initialised already
// may not see it until they initialise it anew.
func (h *HSM) NewToken(label, pin string) {
	h.t.Helper()
	before := h.list()
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "so-"+pin).CombinedOutput()
	if err != nil {
		h.t.Fatalf("make token %s: %v\n%s", label, err, out)
	}
	for name := range h.list() {
		if !before[name] {
			h.at[label] = filepath.Join(h.tokens(), name)
		}
	}
	if h.at[label] == "" {
		h.t.Fatalf("softhsm2-util made no token %s:\n%s", label, out)
	}
}

// TakeAway makes the token disappear, as if it were pulled out of the machine,
// until bringBack is called.
func (h *HSM) TakeAway(label string) (bringBack func()) {
	h.t.Helper()
	away := filepath.Join(h.dir, "away-"+label)
	if err := os.Rename(h.at[label], away); err != nil {
		h.t.Fatal(err)
	}
	return func() {
		h.t.Helper()
		if err := os.Rename(away, h.at[label]); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *HSM) list() map[string]bool {
	h.t.Helper()
	entries, err := os.ReadDir(h.tokens())
	if err != nil {
		h.t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names
}
