package delegation

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// TPM makes keys in a TPM 2.0 of the machine that the VNFM runs on. What is kept of
// a key in a file only that TPM can use. It implements [Keys].
type TPM struct {
	// Device is the TPM, as attester.OpenTPM takes it: /dev/tpmrm0, or swtpm: with a
	// socket.
	Device string
	// Dir is where the files are; it is made when it is not there.
	Dir string

	mu sync.Mutex // held while keys are made, so that one is made once
}

// attestationKey is the file of the attestation key. The names of others are hashes.
const attestationKey = "attestation-key"

// with calls fn with the TPM open and the attestation key, which is made when there
// is none.
func (t *TPM) with(fn func(d *attester.TPM, ak attester.Key) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, err := attester.OpenTPM(t.Device)
	if err != nil {
		return err
	}
	defer d.Close()
	ak, err := t.key(attestationKey, d.NewAK)
	if err != nil {
		return fmt.Errorf("attestation key of the VNFM: %w", err)
	}
	return fn(d, ak)
}

// key reads a key, or has it made when there is none: it is kept before it is used.
func (t *TPM) key(name string, create func(attester.Algorithm) (attester.Key, error)) (attester.Key, error) {
	path := filepath.Join(t.Dir, name+".pem")
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return attester.ParseKey(text)
	case !errors.Is(err, fs.ErrNotExist):
		return attester.Key{}, hub.E(hub.Unavailable, "read key of VNFM", "the file of a key cannot be read; see to the rights of the data directory", err)
	}
	k, err := create(attester.P256)
	if err != nil {
		return k, err
	}
	if text, err = k.MarshalPEM(); err != nil {
		return k, err
	}
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return k, hub.E(hub.Unavailable, "keep key of VNFM", "the directory of the VNFM's keys cannot be made; see to the rights and the room of the data directory", err)
	}
	if err := durable.WriteFile(path, text, 0o600); err != nil {
		return k, hub.E(hub.Unavailable, "keep key of VNFM", "a key cannot be kept; see to the rights and the room of the data directory", err)
	}
	return k, nil
}

// Attester implements [Keys].
func (t *TPM) Attester(context.Context) (a certmgmt.Attester, err error) {
	err = t.with(func(_ *attester.TPM, ak attester.Key) error {
		spki, err := ak.SPKI()
		a = certmgmt.Attester{Name: "vnfm", StatementOID: tpm.OID, PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))}
		return err
	})
	return a, err
}

// Endorsement implements [Keys].
func (t *TPM) Endorsement(context.Context) (c *certmgmt.ChallengeRequest, err error) {
	err = t.with(func(d *attester.TPM, ak attester.Key) error {
		ek, err := d.Endorsement("")
		if err != nil {
			return err
		}
		c = &certmgmt.ChallengeRequest{EKPublic: base64.StdEncoding.EncodeToString(ek.Public), AKPublic: base64.StdEncoding.EncodeToString(ak.Public)}
		if ek.Certificate != nil {
			c.EKCertificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ek.Certificate}))
		}
		return nil
	})
	return c, err
}

// Activate implements [Keys].
func (t *TPM) Activate(_ context.Context, credentialBlob, secret []byte) (answer []byte, err error) {
	err = t.with(func(d *attester.TPM, ak attester.Key) (err error) {
		answer, err = d.Activate(ak, tpm.Challenge{Credential: credentialBlob, Seed: secret})
		return err
	})
	return answer, err
}

// Request implements [Keys]. The request has no names: the CMF has them.
func (t *TPM) Request(_ context.Context, name string, nonce []byte) (csr string, err error) {
	digest := sha256.Sum256([]byte(name))
	err = t.with(func(d *attester.TPM, ak attester.Key) error {
		key, err := t.key(hex.EncodeToString(digest[:]), d.NewKey)
		if err != nil {
			return err
		}
		statement, err := d.Certify(ak, key, nonce)
		if err != nil {
			return fmt.Errorf("certify the key: %w", err)
		}
		signer, err := d.Signer(key)
		if err != nil {
			return err
		}
		raw, err := attester.NewCSR(signer, attester.CSR{Statement: statement})
		if err != nil {
			return err
		}
		csr = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: raw}))
		return nil
	})
	return csr, err
}
