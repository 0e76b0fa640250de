package attestation_test

import (
	"crypto"
	"fmt"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

const (
	plainOID = "2.999.1" // statements of plain
	otherOID = "2.999.2" // registered too, refuses everything
)

// plain is a format whose statement is the attested key and nothing else: it
// lets the tests see what the carrier does.
type plain struct{ assurance attestation.Assurance }

func (plain) Name() string { return "plain" }

func (p plain) Verify(in attestation.Input) attestation.Result {
	var res attestation.Result
	value, err := der.Read(in.Statement)
	if err == nil {
		res.Key, err = value.Octets()
	}
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return res
	}
	res.Signer, res.Assurance = in.Attester.Key, p.assurance
	res.Say("certificates", len(in.Certs))
	if p.assurance < attestation.Genuine {
		res.Lack(attestation.AttesterUnverified, "nobody knows the attester")
	}
	if p.assurance < attestation.Protected {
		res.Lack(attestation.KeyExtractable, "the key may leave")
	}
	return res
}

func (plain) Describe(statement []byte) ([]attestation.Claim, error) {
	_, err := der.Read(statement)
	return []attestation.Claim{{Name: "bytes", Value: fmt.Sprint(len(statement))}}, err
}

type never struct{}

func (never) Describe([]byte) ([]attestation.Claim, error) { return nil, nil }

func (never) Name() string { return "never" }

func (never) Verify(attestation.Input) (res attestation.Result) {
	res.Fail(fmt.Errorf("asked"), attestation.StatementUnsigned)
	return res
}

func registry(t testing.TB, assurance attestation.Assurance) *attestation.Registry {
	t.Helper()
	return kit.Registry(t, map[string]attestation.Format{plainOID: plain{assurance}, otherOID: never{}})
}

// request is an accepted one when csr carries a plain statement of its key.
func request(csr []byte) attestation.Request {
	return attestation.Request{CSR: csr, Time: kit.Now, Attester: attestation.Attester{ID: "hsm-1", Statement: plainOID, Key: []byte("registered")}}
}

func plainStatement(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	return kit.Statement(t, plainOID, kit.Octets(kit.SPKI(t, key)))
}

// attested is a request of the key with a bundle of draft 28.
func attested(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	return kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{plainStatement(t, key)})))
}
