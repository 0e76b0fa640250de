//go:build cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ThalesGroup/crypto11"
	raw "github.com/miekg/pkcs11"

	"github.com/manoward/manoward/internal/hub"
)

// Token is a token that is open: the keys of one trust domain. It is safe for
// concurrent use; up to 32 operations run at once, further ones wait.
type Token struct {
	cfg    Config
	module *module

	conn *crypto11.Context // nil: not connected; guarded by module.gate
	slot uint              // of conn; guarded by module.gate
	keys sync.Map          // label -> crypto11.Signer of conn

	change sync.Mutex // one Create or Delete at a time, since a token does not keep labels unique
}

// Open logs in to the token that cfg names.
//
// It is [hub.Invalid] when the module, the label or the PIN is wrong,
// [hub.Conflict] when the token is open in this process already, and
// [hub.Unavailable] when the module or the token does not answer. No error holds
// the PIN. A token that is not found while others of its module are open makes
// the module look anew, for which those pause for a moment.
func Open(ctx context.Context, cfg Config) (*Token, error) {
	cfg, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	m, err := useModule(cfg.Module)
	if err != nil {
		return nil, err
	}
	if err := m.enter(ctx, opOpen, everyone); err != nil {
		m.leave()
		return nil, err
	}
	t := &Token{cfg: cfg, module: m}
	// Set by the side that comes first: the token that is open, or the caller who
	// waits for it no longer.
	var settled atomic.Bool
	err = m.run(ctx, opOpen, everyone, func() error {
		err := t.open()
		switch {
		case err != nil:
			m.leave()
		case settled.Swap(true):
			t.shut()
		}
		return err
	})
	if err != nil && !settled.Swap(true) {
		return nil, err
	}
	return t, nil
}

// open connects for the first time. The caller holds the gate alone.
func (t *Token) open() error {
	if t.module.tokens[t.cfg.TokenLabel] != nil {
		return hub.E(hub.Conflict, opOpen, fmt.Sprintf("token %q is in use already; give each trust domain a token of its own", t.cfg.TokenLabel), nil)
	}
	if err := t.module.connect(t); err != nil {
		return t.explain(opOpen, err)
	}
	t.module.tokens[t.cfg.TokenLabel] = t
	return nil
}

// shut is the end of an open token. The caller holds the gate alone.
func (t *Token) shut() {
	t.disconnect()
	delete(t.module.tokens, t.cfg.TokenLabel)
	t.module.leave()
}

// Reopen connects anew to a token that had disappeared, or that was restarted,
// with the PIN it was opened with. The signers that came from t work again. Its
// errors are those of [Open].
func (t *Token) Reopen(ctx context.Context) error {
	const op = "reopen PKCS#11 token"
	return t.module.do(ctx, op, everyone, func() error {
		if t.module.tokens[t.cfg.TokenLabel] != t {
			return t.closed(op)
		}
		t.disconnect()
		if err := t.module.connect(t); err != nil {
			return t.explain(op, err)
		}
		return nil
	})
}

// Close logs out, once the operations that run have ended. A second Close does
// nothing.
func (t *Token) Close() error {
	return t.module.do(context.Background(), "close PKCS#11 token", everyone, func() error {
		if t.module.tokens[t.cfg.TokenLabel] == t {
			t.shut()
		}
		return nil
	})
}

// Check reports whether the token is there and answers. It signs nothing, and
// ends with ctx or after [Timeout].
func (t *Token) Check(ctx context.Context) error {
	return t.use(ctx, "check PKCS#11 token", func() error {
		// Reading an object makes a module that keeps its state look again.
		if _, err := t.conn.FindKeyPairs(nil, []byte("manoward check")); err != nil {
			return err
		}
		return t.present()
	})
}

// Create makes a key pair on curve P-256 in the token, under the label, which is
// also its CKA_ID. The private key is sensitive and not extractable, and that is
// read back from the token: one that makes it otherwise is [hub.Invalid] and
// loses the key again. A label that is taken is [hub.Conflict].
func (t *Token) Create(ctx context.Context, label string) (crypto.Signer, error) {
	const op = "create key"
	if label == "" {
		return nil, hub.E(hub.Invalid, op, "a key needs a label", nil)
	}
	var made crypto11.Signer
	err := t.use(ctx, op, func() error {
		t.change.Lock()
		defer t.change.Unlock()
		switch _, err := t.find(op, label); hub.CodeOf(err) {
		case hub.NotFound:
		case "":
			return hub.E(hub.Conflict, op, fmt.Sprintf("token %q holds a key %q already", t.cfg.TokenLabel, label), nil)
		default:
			return err
		}
		var err error
		made, err = t.generate(label)
		if err != nil {
			return err
		}
		if err := t.vet(op, label, made); err != nil {
			return errors.Join(err, made.Delete())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &signer{token: t, label: label, public: made.Public()}, nil
}

func (t *Token) generate(label string) (crypto11.Signer, error) {
	public, err := crypto11.NewAttributeSetWithIDAndLabel([]byte(label), []byte(label))
	if err != nil {
		return nil, err
	}
	private := public.Copy()
	err = errors.Join(
		private.Set(crypto11.CkaPrivate, true),
		private.Set(crypto11.CkaSensitive, true),
		private.Set(crypto11.CkaExtractable, false),
	)
	if err != nil {
		return nil, err
	}
	return t.conn.GenerateECDSAKeyPairWithAttributes(public, private, curve)
}

// vet refuses a key that could leave its token.
func (t *Token) vet(op, label string, key crypto11.Signer) error {
	attrs, err := t.conn.GetAttributes(key, []crypto11.AttributeType{crypto11.CkaSensitive, crypto11.CkaExtractable})
	if err != nil {
		return err
	}
	is := func(a crypto11.AttributeType, want byte) bool {
		return attrs[a] != nil && len(attrs[a].Value) == 1 && attrs[a].Value[0] == want
	}
	if !is(crypto11.CkaSensitive, 1) || !is(crypto11.CkaExtractable, 0) {
		return hub.E(hub.Invalid, op, fmt.Sprintf("key %q in token %q can be taken out of the token (CKA_SENSITIVE must be true and CKA_EXTRACTABLE false); use a token that keeps its keys", label, t.cfg.TokenLabel), nil)
	}
	return nil
}

// Signer returns the key with the label, as [Token.Create] made it. Without one
// it is [hub.NotFound]; a key that could leave the token is [hub.Invalid].
//
// The signer makes ECDSA signatures in ASN.1 DER. It stays valid as long as the
// token is open, whatever becomes of its connection, and is safe for concurrent
// use. A signature takes up to [Timeout].
func (t *Token) Signer(ctx context.Context, label string) (crypto.Signer, error) {
	const op = "find key"
	var key crypto11.Signer
	err := t.use(ctx, op, func() (err error) {
		if key, err = t.find(op, label); err != nil {
			return err
		}
		return t.vet(op, label, key)
	})
	if err != nil {
		return nil, err
	}
	return &signer{token: t, label: label, public: key.Public()}, nil
}

// Delete destroys the key with the label, for good. Without one it is
// [hub.NotFound].
func (t *Token) Delete(ctx context.Context, label string) error {
	const op = "delete key"
	return t.use(ctx, op, func() error {
		t.change.Lock()
		defer t.change.Unlock()
		key, err := t.find(op, label)
		if err != nil {
			return err
		}
		t.keys.Delete(label)
		return key.Delete()
	})
}

// use runs f on the connection beside other operations, and explains its error.
func (t *Token) use(ctx context.Context, op string, f func() error) error {
	return t.module.do(ctx, op, 1, func() error {
		if t.module.tokens[t.cfg.TokenLabel] != t {
			return t.closed(op)
		}
		if t.conn == nil {
			return t.gone(op, nil)
		}
		err := f()
		if err == nil || hub.CodeOf(err) != hub.Internal {
			return err
		}
		t.keys.Clear() // handles of keys may be stale
		if lost := t.present(); lost != nil {
			err = errors.Join(lost, err)
		}
		return t.explain(op, err)
	})
}

// find looks the key up. An empty answer counts only when the token is there to
// give it.
func (t *Token) find(op, label string) (crypto11.Signer, error) {
	if label == "" {
		return nil, hub.E(hub.Invalid, op, "a key needs a label", nil)
	}
	found, err := t.conn.FindKeyPairs([]byte(label), []byte(label))
	if err != nil {
		return nil, err
	}
	if err := t.present(); err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, hub.E(hub.NotFound, op, fmt.Sprintf("token %q holds no key %q", t.cfg.TokenLabel, label), nil)
	case 1:
		return found[0], nil
	}
	return nil, hub.E(hub.Conflict, op, fmt.Sprintf("token %q holds %d keys %q; delete those that do not belong there", t.cfg.TokenLabel, len(found), label), nil)
}

// curve is the curve of all keys.
var curve = elliptic.P256()

// errGone says that the token's slot does not hold the token any more.
var errGone = errors.New("the token is not in its slot")

// present asks the slot for its token.
func (t *Token) present() error {
	info, err := t.module.lib.GetTokenInfo(t.slot)
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if info.Label != t.cfg.TokenLabel {
		return errGone
	}
	return nil
}

func (t *Token) gone(op string, err error) error {
	return hub.E(hub.Unavailable, op, fmt.Sprintf("token %q is not there, or does not answer; bring it back and reopen it", t.cfg.TokenLabel), err)
}

func (t *Token) closed(op string) error {
	return hub.E(hub.Unavailable, op, fmt.Sprintf("token %q is closed", t.cfg.TokenLabel), nil)
}

// explain makes an error of crypto11 or of the module one that may be shown.
func (t *Token) explain(op string, err error) error {
	label := t.cfg.TokenLabel
	var code raw.Error
	errors.As(err, &code)
	switch {
	case code == raw.CKR_PIN_LOCKED:
		return hub.E(hub.Invalid, op, fmt.Sprintf("the PIN of token %q is locked after too many wrong ones; unlock it with the security officer's PIN", label), err)
	case code == raw.CKR_PIN_EXPIRED:
		return hub.E(hub.Invalid, op, fmt.Sprintf("the PIN of token %q has expired; set a new one with the HSM's tool", label), err)
	case code == raw.CKR_USER_PIN_NOT_INITIALIZED:
		return hub.E(hub.Invalid, op, fmt.Sprintf("token %q has no user PIN yet; set one with the HSM's tool", label), err)
	case pinTrouble(err):
		return hub.E(hub.Invalid, op, fmt.Sprintf("token %q does not accept the PIN; correct the PIN file before too many tries lock the token", label), err)
	case errors.Is(err, errGone):
		return t.gone(op, err)
	case strings.Contains(err.Error(), "could not find PKCS#11 token"): // crypto11 does not export it
		return hub.E(hub.Invalid, op, fmt.Sprintf("PKCS#11 module %s has no token labelled %q; initialise the token, or correct the label", t.cfg.Module, label), err)
	}
	return hub.E(hub.Unavailable, op, fmt.Sprintf("token %q in PKCS#11 module %s failed; see the hub's log and the HSM's", label, t.cfg.Module), err)
}

// signer is a key in a token. It names the key and holds no handle of it, so
// that it outlives the connection.
type signer struct {
	token  *Token
	label  string
	public crypto.PublicKey
}

// Public implements [crypto.Signer].
func (s *signer) Public() crypto.PublicKey { return s.public }

// p256 is the length of the group order of P-256 in bytes; of a longer digest
// the leftmost bytes are signed (FIPS 186-5 clause 6.4.1).
const p256 = 32

// Sign implements [crypto.Signer]. The token draws its own random numbers.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "sign with token"
	if opts == nil || opts.HashFunc() == 0 || opts.HashFunc().Size() != len(digest) {
		return nil, hub.E(hub.Internal, op, "what is to be signed is not a digest of the hash that is named", nil)
	}
	if len(digest) > p256 {
		digest = digest[:p256]
	}
	var signature []byte
	err := s.token.use(context.Background(), op, func() error {
		key, err := s.key(op)
		if err != nil {
			return err
		}
		signature, err = key.Sign(nil, digest, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return signature, nil
}

// key returns the key of the present connection, which must be the one whose
// public key the signer has told.
func (s *signer) key(op string) (crypto11.Signer, error) {
	if key, ok := s.token.keys.Load(s.label); ok {
		return s.same(op, key.(crypto11.Signer))
	}
	key, err := s.token.find(op, s.label)
	if err != nil {
		return nil, err
	}
	s.token.keys.Store(s.label, key)
	return s.same(op, key)
}

func (s *signer) same(op string, key crypto11.Signer) (crypto11.Signer, error) {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(s.public) {
		return nil, hub.E(hub.Conflict, op, fmt.Sprintf("key %q in token %q is not the one it was", s.label, s.token.cfg.TokenLabel), nil)
	}
	return key, nil
}
