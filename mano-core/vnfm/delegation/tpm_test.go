package delegation_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/mano-core/vnfm/delegation"
)

// newTPM is a generator of keys over a software TPM.
func newTPM(t *testing.T) *delegation.TPM {
	return &delegation.TPM{Device: devicekit.Swtpm(t), Dir: filepath.Join(t.TempDir(), "keys")}
}

// judge gives the verdict on a request that a generator made.
func judge(t *testing.T, k delegation.Keys, csr string, nonce []byte) attestation.Verdict {
	t.Helper()
	a, err := k.Attester(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spki, _ := pem.Decode([]byte(a.PublicKey))
	request, _ := pem.Decode([]byte(csr))
	registry, err := formats.New(formats.Config{})
	if err != nil || spki == nil || request == nil || request.Type != "CERTIFICATE REQUEST" {
		t.Fatalf("%v, key %q, request %q", err, a.PublicKey, csr)
	}
	return registry.Verify(attestation.Request{
		CSR: request.Bytes, Nonce: nonce, Time: time.Now(), Policy: attestation.Policy{Minimum: attestation.Bound},
		Attester: attestation.Attester{ID: "vnfm", Statement: a.StatementOID, Key: spki.Bytes},
	})
}

// What it makes the CMF takes, for the nonce that was given and no other.
func TestTPM_Request(t *testing.T) {
	k := newTPM(t)
	csr, err := k.Request(t.Context(), "vnfc-1/tls", []byte("nonce-1"))
	if err != nil {
		t.Fatal(err)
	}
	if v := judge(t, k, csr, []byte("nonce-1")); !v.Accepted {
		t.Errorf("%+v", v)
	}
	if v := judge(t, k, csr, []byte("nonce-2")); v.Accepted {
		t.Error("taken for another nonce")
	}
}

// The key of a name stays the same over restarts, and others are others. What is in
// the files is no private key that anybody else could use.
func TestTPM_KeysStay(t *testing.T) {
	k := newTPM(t)
	key := func(k delegation.Keys, name string) string {
		csr, err := k.Request(t.Context(), name, []byte("n"))
		if err != nil {
			t.Fatal(err)
		}
		return string(judge(t, k, csr, []byte("n")).Key)
	}
	first, other := key(k, "vnfc-1/tls"), key(k, "vnfc-1/oam")
	again := key(&delegation.TPM{Device: k.Device, Dir: k.Dir}, "vnfc-1/tls")
	if first == "" || first != again || first == other {
		t.Error("the key of a name changed, or another has the same")
	}
	files, err := os.ReadDir(k.Dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		text, readErr := os.ReadFile(filepath.Join(k.Dir, f.Name()))
		if err != nil || readErr != nil || info.Mode().Perm() != 0o600 || !bytes.HasPrefix(text, []byte("-----BEGIN TSS2 PRIVATE KEY-----")) {
			t.Errorf("%s: %v %v %v", f.Name(), info.Mode(), err, readErr)
		}
	}
	// Another TPM does not take them.
	stranger := &delegation.TPM{Device: devicekit.Swtpm(t), Dir: k.Dir}
	if _, err := stranger.Request(t.Context(), "vnfc-1/tls", []byte("n")); err == nil {
		t.Error("another TPM uses the keys")
	}
}

// It proves by its endorsement key that its attestation key is in the TPM.
func TestTPM_Activate(t *testing.T) {
	k := newTPM(t)
	c, err := k.Endorsement(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ek, err1 := base64.StdEncoding.DecodeString(c.EKPublic)
	ak, err2 := base64.StdEncoding.DecodeString(c.AKPublic)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	challenge, secret, err := tpm.NewChallenge(ek, ak)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := k.Activate(t.Context(), challenge.Credential, challenge.Seed); err != nil || !bytes.Equal(answer, secret) {
		t.Errorf("%x, %v; want %x", answer, err, secret)
	}
	if _, err := newTPM(t).Activate(t.Context(), challenge.Credential, challenge.Seed); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("another TPM: %v", err)
	}
}

// Without its TPM or a place for its files it makes nothing, and says why.
func TestTPM_Away(t *testing.T) {
	away := &delegation.TPM{Device: "swtpm:" + filepath.Join(t.TempDir(), "none"), Dir: t.TempDir()}
	if _, err := away.Attester(t.Context()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("without a TPM: %v", err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&delegation.TPM{Device: devicekit.Swtpm(t), Dir: blocked}).Endorsement(t.Context()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("without a directory: %v", err)
	}
	damaged := newTPM(t)
	if _, err := damaged.Attester(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged.Dir, "attestation-key.pem"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := damaged.Attester(t.Context()); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("with a damaged file: %v", err)
	}
}
