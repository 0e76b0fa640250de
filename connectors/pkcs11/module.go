//go:build cgo

package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ThalesGroup/crypto11"
	raw "github.com/miekg/pkcs11"
	"golang.org/x/sync/semaphore"

	"github.com/manoward/manoward/internal/hub"
)

// sessions is how many sessions a token is asked for: one keeps the login, each
// of the others serves one operation at a time.
const sessions = 33

// everyone is the weight of an operation that no other of the module may run
// beside: more than there are ever operations at once.
const everyone = 1 << 30

// module is one PKCS#11 library that is loaded, with the tokens of it that are
// open. It exists as long as one of its tokens is open.
type module struct {
	path  string
	lib   *raw.Ctx // for what crypto11 does not offer: the state of a slot
	users int      // tokens open or being opened; guarded by loaded

	// gate is held with weight 1 by each operation on a token and with weight
	// everyone by what opens and closes tokens, which replaces connections.
	gate   *semaphore.Weighted
	tokens map[string]*Token // by label; guarded by gate
}

// loaded holds the modules that are in use, by path. It is a variable of the
// package because a PKCS#11 library is initialised once for a whole process,
// whoever uses it (PKCS #11 v2.40, C_Initialize).
var loaded = struct {
	sync.Mutex
	modules map[string]*module
}{modules: make(map[string]*module)}

// useModule returns the module at path, loading it when nobody uses it yet. Each
// success is followed by one [module.leave].
func useModule(path string) (*module, error) {
	loaded.Lock()
	defer loaded.Unlock()
	m := loaded.modules[path]
	if m == nil {
		lib := raw.New(path)
		if lib == nil {
			return nil, hub.E(hub.Invalid, opOpen, fmt.Sprintf("%s is not a PKCS#11 library that this machine can load; give the path of the HSM's PKCS#11 module", path), nil)
		}
		m = &module{path: path, lib: lib, gate: semaphore.NewWeighted(everyone), tokens: make(map[string]*Token)}
		loaded.modules[path] = m
	}
	m.users++
	return m, nil
}

// leave is the end of one use of the module.
func (m *module) leave() {
	loaded.Lock()
	defer loaded.Unlock()
	m.users--
	if m.users == 0 {
		delete(loaded.modules, m.path)
		m.lib.Destroy()
	}
}

// do runs f beside others or, with the weight [everyone], alone.
func (m *module) do(ctx context.Context, op string, weight int64, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if err := m.enter(ctx, op, weight); err != nil {
		return err
	}
	return m.run(ctx, op, weight, f)
}

// enter waits for a place at the gate as long as ctx lasts.
func (m *module) enter(ctx context.Context, op string, weight int64) error {
	if err := m.gate.Acquire(ctx, weight); err != nil {
		return m.late(op, err)
	}
	return nil
}

// run runs f and waits for it as long as ctx lasts. f runs to its end in any
// case, and leaves the gate only then.
func (m *module) run(ctx context.Context, op string, weight int64, f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := f()
		m.gate.Release(weight)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return m.late(op, ctx.Err())
	}
}

func (m *module) late(op string, err error) error {
	return hub.E(hub.Unavailable, op, fmt.Sprintf("PKCS#11 module %s did not answer in time; see whether the HSM is up", m.path), err)
}

// connect gives t a connection. The caller holds the gate alone.
//
// A module may keep what it knows of its slots until it is initialised anew, and
// crypto11 gives up at the first slot that does not answer. So when the token is
// not found while others are open, the module is initialised anew, and all of
// its tokens with it: the others pause for that moment.
func (m *module) connect(t *Token) error {
	err := t.configure()
	others := slices.DeleteFunc(slices.Collect(maps.Values(m.tokens)), func(o *Token) bool { return o == t || o.conn == nil })
	if err == nil || len(others) == 0 || pinTrouble(err) {
		return err
	}
	for _, o := range others {
		o.disconnect()
	}
	err = t.configure()
	for _, o := range others {
		// One that does not come back says so at its next use and in its Check.
		_ = o.configure()
	}
	return err
}

// configure logs in to the token. The caller holds the gate alone.
func (t *Token) configure() (err error) {
	defer func() {
		// crypto11 panics when a token allows one session only.
		if r := recover(); r != nil {
			err = fmt.Errorf("crypto11: %v", r)
		}
		if err != nil {
			t.forgetSessions()
		}
	}()
	conn, err := crypto11.Configure(&crypto11.Config{
		Path:            t.cfg.Module,
		TokenLabel:      t.cfg.TokenLabel,
		Pin:             t.cfg.PIN.Reveal(),
		MaxSessions:     sessions,
		PoolWaitTimeout: Timeout,
	})
	if err != nil {
		return err
	}
	slot, ok := t.module.slotOf(t.cfg.TokenLabel)
	if !ok {
		_ = conn.Close()
		return errors.New("the token vanished while it was opened")
	}
	t.conn, t.slot = conn, slot
	return nil
}

// forgetSessions closes the session that crypto11 leaves open when a login
// fails. Left alone it would keep a later login alive beyond its Close, and let
// a wrong PIN pass.
func (t *Token) forgetSessions() {
	if slot, ok := t.module.slotOf(t.cfg.TokenLabel); ok {
		_ = t.module.lib.CloseAllSessions(slot) // fails when there is nothing to close
	}
}

// disconnect ends the connection, if there is one. The caller holds the gate
// alone.
func (t *Token) disconnect() {
	if t.conn != nil {
		_ = t.conn.Close() // crypto11 always returns nil
		t.conn = nil
	}
	t.keys.Clear()
}

// slotOf finds the slot of the token with the label, passing over slots that do
// not answer.
func (m *module) slotOf(label string) (uint, bool) {
	slots, err := m.lib.GetSlotList(true)
	if err != nil {
		return 0, false
	}
	for _, slot := range slots {
		if info, err := m.lib.GetTokenInfo(slot); err == nil && info.Label == label {
			return slot, true
		}
	}
	return 0, false
}

// pinTrouble reports whether err says that the PIN is not accepted.
func pinTrouble(err error) bool {
	var code raw.Error
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case raw.CKR_PIN_INCORRECT, raw.CKR_PIN_LOCKED, raw.CKR_PIN_EXPIRED, raw.CKR_PIN_INVALID, raw.CKR_PIN_LEN_RANGE, raw.CKR_USER_PIN_NOT_INITIALIZED:
		return true
	}
	return false
}
