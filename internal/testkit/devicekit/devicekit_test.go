package devicekit

import (
	"bytes"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/attestation/tpm"
)

// What each device makes is accepted, and a challenge is answered.
func TestDevices(t *testing.T) {
	t.Parallel()
	registry, err := formats.New(formats.Config{})
	if err != nil {
		t.Fatal(err)
	}
	judge := func(name string, by attestation.Attester, nonce []byte, made Made) {
		t.Helper()
		v := registry.Verify(attestation.Request{CSR: made.DER, Attester: by, Nonce: nonce, Time: time.Now()})
		if !v.Accepted || v.Assurance != attestation.Protected || !bytes.Equal(v.Key, made.SPKI) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	soft := NewSoft(t)
	first := soft.CSR(t, Want{})
	judge("soft", soft.Attester(), nil, first)
	judge("soft, again", soft.Attester(), []byte("fresh"), soft.CSR(t, Want{CommonName: "vnfc-2", DNS: []string{"a.example"}, Nonce: []byte("fresh"), Again: &first}))
	for _, a := range []attester.Algorithm{"", attester.RSA2048} {
		device := StartTPM(t, a)
		first := device.CSR(t, Want{DNS: []string{"a.example", "b.example"}})
		judge("TPM "+string(a), device.Attester(), nil, first)
		judge("TPM, again "+string(a), device.Attester(), []byte("fresh"), device.CSR(t, Want{Nonce: []byte("fresh"), Again: &first}))
		challenge, secret, err := tpm.NewChallenge(device.Endorsement(t).Public, device.AKPublic())
		if err != nil {
			t.Fatal(err)
		}
		if answer := device.Activate(t, challenge); !bytes.Equal(answer, secret) {
			t.Errorf("TPM %s: the challenge is answered with %x, want %x", a, answer, secret)
		}
	}
}
