package wire

import (
	"context"
	"sync"
	"time"

	"github.com/manoward/manoward/connectors/pkcs11"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
	"github.com/manoward/manoward/mano-core/trust"
)

// keyStores opens the key store of each trust domain: a PKCS#11 token where one
// is configured for it; else sealed on the external bus, which the hub's processes
// share, or in sealed files beside the embedded one.
type keyStores struct {
	dir    *dataDir
	vault  *vault.Vault
	tokens map[string]config.Token
	table  func(context.Context) (trust.Table, error) // of sealed keys; nil: the bus is embedded

	mu    sync.Mutex // covers what is below; held while a store is opened, so that a token is opened once
	files map[string]*trust.SealedKeys
	onBus map[string]*trust.SealedKeys
	token map[string]*pkcs11.Token
	gone  map[string]goneToken
}

// goneToken is a token that could not be opened. Looking for one that is not
// there makes the module start anew, while its other tokens wait, so it is
// looked for only so often.
type goneToken struct {
	err   error
	until time.Time
}

const tokenRetry = 5 * time.Second

func newKeyStores(dir *dataDir, v *vault.Vault, tokens []config.Token) *keyStores {
	k := &keyStores{dir: dir, vault: v, tokens: map[string]config.Token{}, files: map[string]*trust.SealedKeys{}, onBus: map[string]*trust.SealedKeys{}, token: map[string]*pkcs11.Token{}, gone: map[string]goneToken{}}
	for _, t := range tokens {
		k.tokens[t.TrustDomain] = t
	}
	return k
}

// Kind says where the keys of a new domain go.
func (k *keyStores) Kind(domain string) string {
	if _, ok := k.tokens[domain]; ok {
		return hub.KeysInPKCS11
	}
	if k.table != nil {
		return hub.KeysOnBus
	}
	return hub.KeysInFile
}

// Open returns the keys of a domain where they were made.
func (k *keyStores) Open(ctx context.Context, domain, kind string) (trust.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if kind == hub.KeysInPKCS11 {
		return k.openToken(ctx, domain)
	}
	if kind == hub.KeysOnBus {
		return k.openOnBus(ctx, domain)
	}
	if k.files[domain] == nil {
		keys, err := trust.OpenFileKeys(k.dir.file("keys", domain), domain, k.vault)
		if err != nil {
			return nil, err
		}
		k.files[domain] = keys
	}
	return k.files[domain], nil
}

func (k *keyStores) openOnBus(ctx context.Context, domain string) (trust.Keys, error) {
	if k.table == nil {
		return nil, hub.E(hub.Unavailable, "open keys", "the keys of trust domain "+domain+" are on an external bus and this hub has one of its own; start it with --nats", nil)
	}
	if k.onBus[domain] == nil {
		table, err := k.table(ctx)
		if err != nil {
			return nil, err
		}
		k.onBus[domain] = trust.OpenTableKeys(table, domain, k.vault)
	}
	return k.onBus[domain], nil
}

func (k *keyStores) openToken(ctx context.Context, domain string) (trust.Keys, error) {
	if t := k.token[domain]; t != nil {
		return &tokenKeys{Token: t}, nil
	}
	if was, ok := k.gone[domain]; ok && time.Now().Before(was.until) {
		return nil, was.err
	}
	cfg, ok := k.tokens[domain]
	if !ok {
		return nil, hub.E(hub.Unavailable, "open token", "the keys of trust domain "+domain+" are in a PKCS#11 token and none is configured for it; add it to trust.tokens", nil)
	}
	t, err := pkcs11.Open(ctx, pkcs11.Config{Module: cfg.Module, TokenLabel: cfg.TokenLabel, PINFile: cfg.PINFile})
	if err != nil {
		k.gone[domain] = goneToken{err, time.Now().Add(tokenRetry)}
		return nil, err
	}
	k.token[domain] = t
	return &tokenKeys{Token: t}, nil
}

// close logs out of the tokens.
func (k *keyStores) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.token {
		t.Close()
	}
}

// tokenKeys is a token that is looked for again, now and then, when it was gone.
type tokenKeys struct {
	*pkcs11.Token

	mu   sync.Mutex // covers gone
	gone goneToken
}

// Check reports whether the token can be used, and takes it back into use when
// it has come back.
func (t *tokenKeys) Check(ctx context.Context) error {
	if err := t.Token.Check(ctx); err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.gone.until) {
		return t.gone.err
	}
	t.gone = goneToken{}
	err := t.Reopen(ctx)
	if err != nil {
		t.gone = goneToken{err, time.Now().Add(tokenRetry)}
	}
	return err
}

// keysTable holds what is sealed under the unlock key, on an external bus: CA keys,
// by trust domain and label, and the operator's context under operatorKey.
const keysTable = "KEYS"

func (h *hubProcess) keyTable(ctx context.Context) (trust.Table, error) {
	return accounts{h.bus}.Hub().Table(ctx, keysTable)
}
