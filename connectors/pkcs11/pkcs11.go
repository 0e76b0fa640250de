// Package pkcs11 keeps the keys of certificate authorities in PKCS#11 tokens
// (OASIS PKCS #11 v2.40): hardware security modules, or SoftHSM. Each trust
// domain has a token of its own, and no key ever leaves its token.
//
// It is the only importer of crypto11. That library needs cgo; without cgo this
// package builds as well, and [Open] says what is missing.
//
// # Several tokens, one module
//
// A PKCS#11 module is one library with one state for the whole process. Tokens
// of one module may be open together, and are independent: when one disappears,
// the others go on signing. Each token is opened once at a time, because its
// login is the process's and not the caller's: a second login with another PIN
// would be answered as if the PIN were right.
//
// # When a token disappears
//
// [Token.Check] and every operation report it as [hub.Unavailable]. When it is
// back, [Token.Reopen] brings the same [Token] and the signers that came from it
// to work again; so does closing it and a new [Open]. Nothing is retried by
// itself, so that a PIN that was changed is not tried until the token locks.
package pkcs11

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Timeout bounds every operation on a token that has no shorter context, and
// each signature. A call into a module cannot be broken off: after the time the
// caller gets [hub.Unavailable], and the call goes on until the module returns.
const Timeout = 10 * time.Second

// Config says where a trust domain's keys are. PIN and PINFile: one of the two.
type Config struct {
	Module     string     // absolute path of the PKCS#11 library
	TokenLabel string     // label of the token (CKA_LABEL of CK_TOKEN_INFO), unique in the module
	PIN        hub.Secret // user PIN
	PINFile    string     // file that holds the user PIN and nothing else, readable by its owner only
}

const opOpen = "open PKCS#11 token"

// resolve checks what can be seen without loading the module, and returns the
// configuration with the module's real path and the PIN in place.
func (c Config) resolve() (Config, error) {
	bad := func(text string, err error) (Config, error) {
		return Config{}, hub.E(hub.Invalid, opOpen, text, err)
	}
	if !filepath.IsAbs(c.Module) {
		return bad(fmt.Sprintf("PKCS#11 module %q is not an absolute path; give one like /usr/lib/softhsm/libsofthsm2.so", c.Module), nil)
	}
	if c.TokenLabel == "" {
		return bad("no token label is given; softhsm2-util --show-slots or pkcs11-tool -L lists the labels", nil)
	}
	// One library under two names would be initialised twice, which it refuses.
	path, err := filepath.EvalSymlinks(c.Module)
	if err != nil {
		return bad(fmt.Sprintf("PKCS#11 module %s cannot be found; install the HSM's PKCS#11 library (SoftHSM: package softhsm2) or correct the path", c.Module), err)
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return bad(fmt.Sprintf("PKCS#11 module %s is not a file; give the path of the library itself", c.Module), err)
	}
	c.Module = path
	switch {
	case c.PIN != "" && c.PINFile != "":
		return bad("both a PIN and a PIN file are given; keep one", nil)
	case c.PINFile != "":
		if c.PIN, err = readPIN(c.PINFile); err != nil {
			return Config{}, err
		}
	case c.PIN == "":
		return bad(fmt.Sprintf("no PIN is given for token %q; name a file with the PIN", c.TokenLabel), nil)
	}
	return c, nil
}

func readPIN(path string) (hub.Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", hub.E(hub.Invalid, opOpen, fmt.Sprintf("PIN file %s cannot be read; make one that holds the PIN only, with mode 0600", path), err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return "", hub.E(hub.Invalid, opOpen, fmt.Sprintf("PIN file %s has mode %04o: others can read it; run: chmod 600 %s", path, perm, path), nil)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", hub.E(hub.Invalid, opOpen, fmt.Sprintf("PIN file %s cannot be read by this user", path), err)
	}
	pin := bytes.TrimRight(raw, "\r\n")
	if len(pin) == 0 || bytes.ContainsAny(pin, "\r\n\x00") {
		return "", hub.E(hub.Invalid, opOpen, fmt.Sprintf("PIN file %s must hold the PIN on its only line", path), nil)
	}
	return hub.Secret(pin), nil
}
