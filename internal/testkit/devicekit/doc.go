// Package devicekit gives tests devices that attest keys, and the certificate
// requests that such devices make: a real software TPM ([StartTPM]), and a device in
// memory that makes valid statements a thousand times as fast ([NewSoft]).
package devicekit

import (
	"crypto"
	"crypto/x509/pkix"
	"encoding/pem"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
)

// Want says what a request is to contain.
type Want struct {
	CommonName string   // "vnfc-1" when empty
	DNS        []string // subjectAltName
	Nonce      []byte   // to be in the statement; may be empty
	Again      *Made    // make another request for the key of this one
}

// Made is a certificate request that carries an attestation of its key.
type Made struct {
	DER, PEM []byte
	SPKI     []byte        // of its key
	Key      crypto.Signer // signs with the key; one of a TPM ends with the test
	held     attester.Key  // of a TPM
}

// request writes the request of a key with a statement about it.
func (w Want) request(t testing.TB, key crypto.Signer, s attestation.Statement) Made {
	t.Helper()
	if w.CommonName == "" {
		w.CommonName = "vnfc-1"
	}
	raw, err := attester.NewCSR(key, attester.CSR{Subject: pkix.Name{CommonName: w.CommonName}, DNS: w.DNS, Statement: s})
	if err != nil {
		t.Fatalf("make a request: %v", err)
	}
	return Made{DER: raw, PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: raw}), Key: key}
}

func attesterOf(spki []byte, statement string) attestation.Attester {
	return attestation.Attester{ID: "attester " + attestation.KeyDigest(spki)[:8], Statement: statement, Key: spki}
}

func publicPEM(spki []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
}
