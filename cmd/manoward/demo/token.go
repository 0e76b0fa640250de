package demo

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// softHSMModule is the path of SoftHSM's PKCS#11 library, "" where there is none.
func softHSMModule() string {
	for _, path := range []string{
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so",
	} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// softHSMConf is the path of the demonstration's own SoftHSM configuration.
func (d *devices) softHSMConf() string { return filepath.Join(d.home, "softhsm2.conf") }

// newToken makes a PKCS#11 token with a PIN of its own, and returns the flags by which
// the verbs of attest find it.
func (d *devices) newToken(ctx context.Context, label string) (flags []string, err error) {
	folder := filepath.Join(d.home, "tokens")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be made; make room there, or name another --home", folder), err)
	}
	conf := "directories.tokendir = " + folder + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	pin, pinFile := rand.Text(), filepath.Join(d.home, label+".pin")
	for file, content := range map[string]string{d.softHSMConf(): conf, pinFile: pin + "\n"} {
		if err := durable.WriteFile(file, []byte(content), 0o600); err != nil {
			return nil, hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be written; make room there, or name another --home", file), err)
		}
	}
	cmd := exec.CommandContext(ctx, "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", rand.Text())
	cmd.Env = append(os.Environ(), softHSMConf+"="+d.softHSMConf())
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, hub.E(hub.Unavailable, opDemo, "softhsm2-util made no token: "+printable(string(out)), err)
	}
	return []string{"--pkcs11", softHSMModule(), "--token", label, "--pin-file", pinFile}, nil
}

// softToken is a token in memory, which stands in where no device is installed. It says
// so in every statement. It is for one goroutine.
type softToken map[string]*ecdsa.PrivateKey

// Create implements [attester.Token].
func (s softToken) Create(_ context.Context, label string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key in software: %w", err)
	}
	s[label] = key
	return key, nil
}

// Signer implements [attester.Token].
func (s softToken) Signer(_ context.Context, label string) (crypto.Signer, error) {
	if key := s[label]; key != nil {
		return key, nil
	}
	return nil, hub.E(hub.NotFound, opDemo, "the software attester has no key "+label, nil)
}

// Properties implements [attester.Token]. What it says of the key holds as far as this
// process does not give it away.
func (s softToken) Properties(context.Context, string) (attester.Properties, error) {
	yes, no := true, false
	return attester.Properties{
		Manufacturer: "SOFTWARE ATTESTER, NO DEVICE", Model: "software",
		Extractable: &no, Sensitive: &yes, NeverExtractable: &yes, Local: &yes, Sign: &yes,
	}, nil
}

// Close implements [attester.Token].
func (s softToken) Close() error { return nil }

// softKey is the label of the attestation key of a software attester.
const softKey = "attester"

// describe writes the description of the software attester, as "attest ak" does.
func (s softToken) describe(ctx context.Context, file string) error {
	ak, _, err := attester.TokenKey(ctx, s, softKey)
	if err != nil {
		return err
	}
	spki, err := x509.MarshalPKIXPublicKey(ak.Public())
	if err != nil {
		return fmt.Errorf("encode the key of the software attester: %w", err)
	}
	raw, err := json.MarshalIndent(attester.Evidence{}.DescribeToken(spki), "", "  ")
	if err != nil {
		return fmt.Errorf("encode the description of the software attester: %w", err)
	}
	return durable.WriteFile(file, append(raw, '\n'), 0o600)
}

// request writes a certificate request for a new key, as "attest csr" does.
func (s softToken) request(ctx context.Context, name, file string, at time.Time) error {
	key, err := s.Create(ctx, name)
	if err != nil {
		return err
	}
	statement, err := attester.Evidence{}.Certify(ctx, s, softKey, name, nil, at)
	if err != nil {
		return err
	}
	return writeCSR(key, attester.CSR{Subject: pkix.Name{CommonName: name}, Statement: statement}, file)
}

// writeCSR writes a certificate request to a file, in PEM.
func writeCSR(key crypto.Signer, c attester.CSR, file string) error {
	raw, err := attester.NewCSR(key, c)
	if err != nil {
		return err
	}
	return durable.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: raw}), 0o600)
}
