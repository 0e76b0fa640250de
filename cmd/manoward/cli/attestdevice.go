package cli

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// deviceFlags name a device that attests, and its attestation key.
type deviceFlags struct {
	evidenceFlags
	tpm                    string
	module, token, pinFile string
	ak                     string
}

func (f *deviceFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.tpm, "tpm", "", "TPM 2.0: a device like /dev/tpmrm0, or swtpm: and the socket (path, or host:port) of an emulator")
	c.Flags().StringVar(&f.module, "pkcs11", "", "PKCS#11 library of an HSM, as an absolute path")
	c.Flags().StringVar(&f.token, "token", "", "label of the token in that HSM")
	c.Flags().StringVar(&f.pinFile, "pin-file", "", "file that holds the token's PIN, with mode 0600")
	c.Flags().StringVar(&f.ak, "ak", "", "the attestation key: its key file with a TPM, its label with a token")
	f.evidenceFlags.flags(c)
}

// check refuses flags that do not name one device.
func (f *deviceFlags) check() error {
	switch {
	case f.tpm == "" && f.module == "":
		return usage("no device is named; use --tpm /dev/tpmrm0, or --pkcs11 with --token and --pin-file")
	case f.tpm != "" && (f.module != "" || f.token != "" || f.pinFile != ""):
		return usage("--tpm and --pkcs11 name two devices; use one, and --token and --pin-file with --pkcs11 only")
	case f.module != "" && (f.token == "" || f.pinFile == ""):
		return usage("--pkcs11 needs --token and --pin-file")
	case f.ak == "":
		return usage("--ak is missing; name the attestation key: a key file with --tpm, a label with --pkcs11")
	}
	return nil
}

// keyDevice is a device that is open, and what this program keeps of it.
type keyDevice interface {
	// describe makes the attestation key if there is none, and describes the device.
	describe(ctx context.Context, algorithm attester.Algorithm) (attester.Description, bool, error)
	// attested returns the key with the name, which it makes if there is none, and what
	// the attestation key, which has to be there, states about it.
	attested(ctx context.Context, name string, algorithm attester.Algorithm, nonce []byte) (attestedKey, error)
	close() error
}

// attestedKey is a key, and a statement about it.
type attestedKey struct {
	crypto.Signer
	made      bool // now
	statement attestation.Statement
}

func (p *program) openDevice(ctx context.Context, f *deviceFlags) (keyDevice, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.tpm != "" {
		opened, err := attester.OpenTPM(f.tpm)
		return &tpmDevice{opened, f.ak}, err
	}
	opened, err := p.parts.OpenToken(ctx, f.module, f.token, f.pinFile)
	return &tokenDevice{opened, f.ak, attester.Evidence{OID: f.config.EvidenceOID, Arc: f.config.Evidence.Arc}}, err
}

// tpmDevice keeps keys in files that the TPM alone can use.
type tpmDevice struct {
	tpm *attester.TPM
	ak  string // file
}

func (d *tpmDevice) close() error { return d.tpm.Close() }

func (d *tpmDevice) describe(_ context.Context, algorithm attester.Algorithm) (attester.Description, bool, error) {
	ak, made, err := keep(d.ak, func() (attester.Key, error) { return d.tpm.NewAK(algorithm) })
	if err != nil {
		return attester.Description{}, false, err
	}
	ek, err := d.tpm.Endorsement("")
	if err != nil {
		return attester.Description{}, false, err
	}
	description, err := attester.DescribeTPM(ak, ek)
	return description, made, err
}

func (d *tpmDevice) attested(_ context.Context, file string, algorithm attester.Algorithm, nonce []byte) (a attestedKey, err error) {
	ak, err := readKeyFile(d.ak)
	if err != nil {
		return attestedKey{}, err
	}
	key, made, err := keep(file, func() (attester.Key, error) { return d.tpm.NewKey(algorithm) })
	if err != nil {
		return attestedKey{}, err
	}
	a.made = made
	if a.Signer, err = d.tpm.Signer(key); err != nil {
		return attestedKey{}, err
	}
	a.statement, err = d.tpm.Certify(ak, key, nonce)
	return a, err
}

// readKeyFile reads a key file.
func readKeyFile(file string) (attester.Key, error) {
	text, err := readFile(file, "key file")
	if err != nil {
		return attester.Key{}, err
	}
	key, err := attester.ParseKey(text)
	if err != nil {
		return attester.Key{}, hub.E(hub.Invalid, "read key file", fmt.Sprintf("%s: %s", file, hub.SafeText(err)), err)
	}
	return key, nil
}

// keep reads a key from its file, or makes one and writes it there. A file is never
// written over: the key in it would be lost.
func keep(file string, make func() (attester.Key, error)) (key attester.Key, made bool, err error) {
	const op = "write key file"
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		key, err := readKeyFile(file)
		return key, false, err
	}
	if key, err = make(); err != nil {
		return attester.Key{}, false, err
	}
	text, err := key.MarshalPEM()
	if err != nil {
		return attester.Key{}, false, err
	}
	if err := writeKeyFile(file, text); err != nil {
		return attester.Key{}, false, hub.E(hub.Unavailable, op, fmt.Sprintf("%s was not written, and the key is given up; make room or correct the path, and try again", file), pathCause(err))
	}
	return key, true, nil
}

// writeKeyFile writes a file that is not there yet, whole or not at all, for its owner only.
func writeKeyFile(file string, data []byte) error {
	draft := file + ".new"
	if err := durable.WriteFile(draft, data, 0o600); err != nil {
		return err
	}
	err := os.Link(draft, file) // unlike a rename, it fails where there is one
	return errors.Join(err, os.Remove(draft), durable.SyncDir(filepath.Dir(file)))
}

// tokenDevice keeps keys in a PKCS#11 token, by label.
type tokenDevice struct {
	token    attester.Token
	ak       string
	evidence attester.Evidence
}

func (d *tokenDevice) close() error { return d.token.Close() }

func (d *tokenDevice) describe(ctx context.Context, algorithm attester.Algorithm) (attester.Description, bool, error) {
	if err := tokenAlgorithm(algorithm); err != nil {
		return attester.Description{}, false, err
	}
	ak, made, err := attester.TokenKey(ctx, d.token, d.ak)
	if err != nil {
		return attester.Description{}, false, err
	}
	spki, err := x509.MarshalPKIXPublicKey(ak.Public())
	if err != nil {
		return attester.Description{}, false, err
	}
	return d.evidence.DescribeToken(spki), made, nil
}

func tokenAlgorithm(a attester.Algorithm) error {
	if a != attester.P256 {
		return usage("keys in tokens are of the algorithm %s; leave --algorithm out", attester.P256)
	}
	return nil
}

func (d *tokenDevice) attested(ctx context.Context, label string, algorithm attester.Algorithm, nonce []byte) (a attestedKey, err error) {
	if err := tokenAlgorithm(algorithm); err != nil {
		return attestedKey{}, err
	}
	if _, err := d.token.Signer(ctx, d.ak); err != nil {
		return attestedKey{}, err
	}
	if a.Signer, a.made, err = attester.TokenKey(ctx, d.token, label); err != nil {
		return attestedKey{}, err
	}
	a.statement, err = d.evidence.Certify(ctx, d.token, d.ak, label, nonce, time.Now())
	return a, err
}
