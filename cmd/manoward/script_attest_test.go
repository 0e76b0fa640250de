package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/manoward/manoward/internal/testkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// swtpmCommand starts software TPMs: swtpm NAME... gives each variable the value of
// --tpm.
func swtpmCommand(t testing.TB, ts *testscript.TestScript, names []string) {
	for _, name := range names {
		ts.Setenv(name, devicekit.Swtpm(t))
	}
}

// softhsmCommand makes a SoftHSM with a token for the script: softhsm LABEL PIN gives
// the variable HSM the path of its library.
func softhsmCommand(t testing.TB, ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: softhsm LABEL PIN")
	}
	folder := ts.MkAbs("hsm")
	ts.Check(os.Mkdir(folder, 0o700))
	conf := filepath.Join(folder, "softhsm2.conf")
	ts.Check(os.WriteFile(conf, []byte("directories.tokendir = "+folder+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600))
	ts.Setenv("SOFTHSM2_CONF", conf)
	ts.Setenv("HSM", testkit.SoftHSMModule(t))
	ts.Check(ts.Exec("softhsm2-util", "--init-token", "--free", "--label", args[0], "--pin", args[1], "--so-pin", "so-"+args[1]))
}

// registryCommand does what whoever registers a TPM does: registry DESCRIPTION
// CHALLENGE ANSWER makes a challenge for a device, and the answer that is right.
func registryCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: registry DESCRIPTION CHALLENGE ANSWER")
	}
	challenge, answer, err := devicekit.Challenge([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), challenge, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), append(answer, '\n'), 0o600))
}
