package devicekit

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
)

// Swtpm starts a software TPM, empty and of this test alone, and returns where it is,
// as [attester.OpenTPM] takes it. It serves one connection after the other. It ends
// with the test, which fails where swtpm is not installed.
func Swtpm(t testing.TB) (where string) {
	t.Helper()
	program, err := exec.LookPath("swtpm")
	if err != nil {
		t.Fatal("this test needs a software TPM; run: apt-get install swtpm")
	}
	folder, err := os.MkdirTemp("", "tpm") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	path := filepath.Join(folder, "sock")
	var said bytes.Buffer
	cmd := exec.Command(program, "socket", "--tpm2", "--tpmstate", "dir="+folder, "--server", "type=unixio,path="+path, "--flags", "startup-clear,not-need-init")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start swtpm: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	where = "swtpm:" + path
	tick, late := time.NewTicker(2*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		if device, err := attester.OpenTPM(where); err == nil {
			device.Close()
			return where
		}
		select {
		case <-ended:
			t.Fatalf("swtpm ended: %s", said.String())
		case <-late:
			t.Fatal("swtpm opened no socket within 20 s")
		case <-tick.C:
		}
	}
}

// TPM is a software TPM with an attestation key. It is safe for concurrent use.
type TPM struct {
	Where  string             // as [attester.OpenTPM] takes it
	Device *attester.TPM      // open until the test ends
	Held   attester.Key       // the attestation key
	Keys   attester.Algorithm // of keys that CSR makes; P-256 when empty
	spki   []byte
}

// StartTPM starts a software TPM with an attestation key of the algorithm, P-256 when
// empty.
func StartTPM(t testing.TB, algorithm attester.Algorithm) *TPM {
	t.Helper()
	d := &TPM{Where: Swtpm(t)}
	var err error
	if d.Device, err = attester.OpenTPM(d.Where); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Device.Close() })
	if d.Held, err = d.Device.NewAK(algorithm); err != nil {
		t.Fatal(err)
	}
	if d.spki, err = d.Held.SPKI(); err != nil {
		t.Fatal(err)
	}
	return d
}

// AK returns the attestation key as SubjectPublicKeyInfo in DER.
func (d *TPM) AK() []byte { return d.spki }

// AKPEM returns the attestation key as PUBLIC KEY in PEM.
func (d *TPM) AKPEM() []byte { return publicPEM(d.spki) }

// AKPublic returns the public area of the attestation key (TPMT_PUBLIC).
func (d *TPM) AKPublic() []byte { return d.Held.Public }

// Attester returns the device as a registration has it, by its bare key.
func (d *TPM) Attester() attestation.Attester { return attesterOf(d.spki, tpm.OID) }

// Endorsement returns the endorsement key.
func (d *TPM) Endorsement(t testing.TB) attester.Endorsement {
	t.Helper()
	ek, err := d.Device.Endorsement("")
	if err != nil {
		t.Fatal(err)
	}
	return ek
}

// Activate answers a challenge.
func (d *TPM) Activate(t testing.TB, c tpm.Challenge) []byte {
	t.Helper()
	secret, err := d.Device.Activate(d.Held, c)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// CSR makes a request for a new key in the TPM, or for the key of want.Again.
func (d *TPM) CSR(t testing.TB, want Want) Made {
	t.Helper()
	var key attester.Key
	var err error
	if want.Again != nil {
		key = want.Again.held
	} else if key, err = d.Device.NewKey(d.Keys); err != nil {
		t.Fatal(err)
	}
	signer, err := d.Device.Signer(key)
	if err != nil {
		t.Fatal(err)
	}
	statement, err := d.Device.Certify(d.Held, key, want.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	made := want.request(t, signer, statement)
	made.held = key
	if made.SPKI, err = key.SPKI(); err != nil {
		t.Fatal(err)
	}
	return made
}
