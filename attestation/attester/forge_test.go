package attester_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/testkit/attestkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// Somebody has a TPM, and a key in a file of which he says that it is the TPM's
// attestation key. A TPM loads a public area alone with any attributes; then it is to
// answer the challenge for it. It does not, whether the key is used by its password or
// by a policy that everybody fulfils.
func TestActivate_KeyOfAFile(t *testing.T) {
	t.Parallel()
	device := devicekit.StartTPM(t, "")
	ek := device.Endorsement(t)
	if err := device.Device.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := linuxudstpm.Open(strings.TrimPrefix(device.Where, "swtpm:"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })

	// The area of the kit, with the scheme that restricted keys have, and with a policy.
	area := attestkit.TPMPublic(t, attestkit.P256(t), attestkit.AKAttributes)
	const policyAt, schemeAt = 8, 12
	ecdsaSHA256 := []byte{0, 0x18, 0, 0x0b}
	byPassword := slices.Concat(area[:schemeAt], ecdsaSHA256, area[schemeAt+2:])
	steps := binary.BigEndian.AppendUint32(make([]byte, 32), uint32(tpm2.TPMCCPolicyCommandCode))
	policy := sha256.Sum256(binary.BigEndian.AppendUint32(steps, uint32(tpm2.TPMCCActivateCredential)))
	byPolicy := slices.Concat(byPassword[:policyAt], []byte{0, 32}, policy[:], byPassword[policyAt+2:])
	const adminWithPolicy = 1 << 7
	binary.BigEndian.PutUint32(byPolicy[4:], attestkit.AKAttributes|adminWithPolicy)

	for name, tt := range map[string]struct {
		area []byte
		auth tpm2.Session
	}{
		"by password": {byPassword, tpm2.PasswordAuth(nil)},
		"by policy": {byPolicy, tpm2.Policy(tpm2.TPMAlgSHA256, 16, func(t transport.TPM, session tpm2.TPMISHPolicy, _ tpm2.TPM2BNonce) error {
			_, err := tpm2.PolicyCommandCode{PolicySession: session, Code: tpm2.TPMCCActivateCredential}.Execute(t)
			return err
		})},
	} {
		challenge, secret, err := tpm.NewChallenge(ek.Public, tt.area)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := activateLoaded(t, conn, tt.area, tt.auth, challenge)
		if err == nil || bytes.Equal(answer, secret) {
			t.Errorf("%s: the TPM vouches for a key of a file: %x", name, answer)
		} else if !strings.Contains(err.Error(), "TPM_RC_AUTH_UNAVAILABLE") {
			t.Errorf("%s: refused for another reason than the missing private part: %v", name, err)
		}
	}
}

// activateLoaded lets the TPM answer a challenge for a key of which it gets the public
// area only.
func activateLoaded(t *testing.T, conn transport.TPM, area []byte, auth tpm2.Session, c tpm.Challenge) ([]byte, error) {
	t.Helper()
	key, err := tpm2.LoadExternal{InPublic: tpm2.BytesAs2B[tpm2.TPMTPublic](area), Hierarchy: tpm2.TPMRHNull}.Execute(conn)
	if err != nil {
		t.Fatal(err)
	}
	ek, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(tpm2.ECCEKTemplate)}.Execute(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, handle := range []tpm2.TPMHandle{key.ObjectHandle, ek.ObjectHandle} {
			if _, err := (tpm2.FlushContext{FlushHandle: handle}).Execute(conn); err != nil {
				t.Error(err)
			}
		}
	}()
	byEndorsement := func(t transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
		_, err := tpm2.PolicySecret{AuthHandle: tpm2.TPMRHEndorsement, PolicySession: session, NonceTPM: nonce}.Execute(t)
		return err
	}
	rsp, err := tpm2.ActivateCredential{
		ActivateHandle: tpm2.AuthHandle{Handle: key.ObjectHandle, Name: key.Name, Auth: auth},
		KeyHandle:      tpm2.AuthHandle{Handle: ek.ObjectHandle, Name: ek.Name, Auth: tpm2.Policy(tpm2.TPMAlgSHA256, 16, byEndorsement)},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: c.Credential}, Secret: tpm2.TPM2BEncryptedSecret{Buffer: c.Seed},
	}.Execute(conn)
	if err != nil {
		return nil, err
	}
	return rsp.CertInfo.Buffer, nil
}
