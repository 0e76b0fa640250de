package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// statusCommand runs a command line that prints a result and still does not end
// well: status CODE ARG...
func statusCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var exit *exec.ExitError
	if err := ts.Exec("manoward", args[1:]...); !errors.As(err, &exit) {
		ts.Fatalf("it did not fail: %v", err)
	}
	if code := exit.ExitCode(); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// hugeCommand writes a file of so many zero bytes, which takes no room on the
// disk: huge FILE BYTES.
func hugeCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: huge FILE BYTES")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	ts.Check(os.WriteFile(path, nil, 0o600))
	ts.Check(os.Truncate(path, size))
}

// keysCommand makes Ed25519 key pairs: keys NAME... gives NAME.key and NAME.pem.
func keysCommand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		ts.Check(err)
		key, err := x509.MarshalPKCS8PrivateKey(private)
		ts.Check(err)
		pub, err := x509.MarshalPKIXPublicKey(public)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}), 0o644))
	}
}
