package delegation

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Token makes keys in a PKCS#11 token, and states about them in PKIX Evidence, signed
// by a key of the token, what the token says of them. It implements [Keys].
type Token struct {
	// Open opens the token. It is called when a key is first asked for, and again
	// after the token was gone.
	Open     func(ctx context.Context) (attester.Token, error)
	Evidence attester.Evidence
	Now      func() time.Time

	mu    sync.Mutex // covers open; held while keys are made, so that one is made once
	token attester.Token
}

// tokenAttestationKey is the label of the attestation key. Those of others are
// hashes behind [tokenKeyPrefix], because names have parts that a VNFD chooses.
const (
	tokenAttestationKey = "manoward-vnfm-attestation"
	tokenKeyPrefix      = "manoward-vnfc-"
)

// with calls fn with the token open and the attestation key, which is made when there
// is none.
func (k *Token) with(ctx context.Context, fn func(t attester.Token, ak crypto.Signer) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.token == nil {
		t, err := k.Open(ctx)
		if err != nil {
			return fmt.Errorf("open the VNFM's token: %w", err)
		}
		k.token = t
	}
	ak, _, err := attester.TokenKey(ctx, k.token, tokenAttestationKey)
	if err != nil {
		err = fmt.Errorf("attestation key of the VNFM: %w", err)
	} else {
		err = fn(k.token, ak)
	}
	if hub.CodeOf(err) == hub.Unavailable && ctx.Err() == nil { // it may be gone; the next call looks for it
		err = errors.Join(err, k.close())
	}
	return err
}

// Close closes the token.
func (k *Token) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.close()
}

func (k *Token) close() error {
	if k.token == nil {
		return nil
	}
	err := k.token.Close()
	k.token = nil
	return err
}

// Attester implements [Keys].
func (k *Token) Attester(ctx context.Context) (a certmgmt.Attester, err error) {
	err = k.with(ctx, func(_ attester.Token, ak crypto.Signer) error {
		spki, err := x509.MarshalPKIXPublicKey(ak.Public())
		if err != nil {
			return fmt.Errorf("encode the attestation key of the VNFM: %w", err)
		}
		is := k.Evidence.DescribeToken(spki)
		a = certmgmt.Attester{Name: "vnfm", StatementOID: is.Statement, PublicKey: is.Key}
		return nil
	})
	return a, err
}

// Endorsement implements [Keys]: there is nothing that a token could be challenged
// with.
func (k *Token) Endorsement(context.Context) (*certmgmt.ChallengeRequest, error) { return nil, nil }

// Activate implements [Keys].
func (k *Token) Activate(context.Context, []byte, []byte) ([]byte, error) {
	return nil, hub.E(hub.Unprocessable, "activate attester", "a PKCS#11 token has no endorsement key, so it cannot open a credential; register its attester without activation", nil)
}

// Request implements [Keys]. The request has no names: the CMF has them.
func (k *Token) Request(ctx context.Context, name string, nonce []byte) (csr string, err error) {
	digest := sha256.Sum256([]byte(name))
	label := tokenKeyPrefix + hex.EncodeToString(digest[:16])
	err = k.with(ctx, func(t attester.Token, _ crypto.Signer) error {
		key, _, err := attester.TokenKey(ctx, t, label)
		if err != nil {
			return fmt.Errorf("key %s: %w", label, err)
		}
		statement, err := k.Evidence.Certify(ctx, t, tokenAttestationKey, label, nonce, k.Now())
		if err != nil {
			return fmt.Errorf("certify the key: %w", err)
		}
		raw, err := attester.NewCSR(key, attester.CSR{Statement: statement})
		if err != nil {
			return err
		}
		csr = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: raw}))
		return nil
	})
	return csr, err
}
