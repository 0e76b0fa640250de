package wire

import (
	"context"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/connectors/pkcs11"
)

// attestingToken is a PKCS#11 token as the device's side of attestation uses it.
type attestingToken struct{ *pkcs11.Token }

// Properties implements [attester.Token].
func (t attestingToken) Properties(ctx context.Context, label string) (attester.Properties, error) {
	p, err := t.Token.Properties(ctx, label)
	return attester.Properties(p), err
}

func openToken(ctx context.Context, library, label, pinFile string) (attester.Token, error) {
	t, err := pkcs11.Open(ctx, pkcs11.Config{Module: library, TokenLabel: label, PINFile: pinFile})
	if err != nil {
		return nil, err
	}
	return attestingToken{t}, nil
}
