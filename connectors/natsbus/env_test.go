package natsbus

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// testTime bounds every wait of a test.
const testTime = 30 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	return ctx
}

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	v, err := newVaultIn(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newVaultIn(dir string) (*vault.Vault, error) {
	return vault.Create(filepath.Join(dir, "unlock.key"))
}

// mustOpen opens a bus that is closed at the end of the test.
func mustOpen(t *testing.T, cfg Config) *Bus {
	t.Helper()
	b, err := Open(testContext(t), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { closeBus(t, b) })
	return b
}

func closeBus(t *testing.T, b *Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// embeddedConfig returns the configuration of an embedded bus in a new
// directory.
func embeddedConfig(t *testing.T) Config {
	t.Helper()
	return Config{Name: "test-hub", Dir: filepath.Join(t.TempDir(), "bus"), Vault: newVault(t)}
}

// mustCreate makes a trust domain. A cluster that has just started may be without
// a leader for a moment, and answers hub.Unavailable until it has one.
func mustCreate(t *testing.T, b *Bus, name string) *Account {
	t.Helper()
	ctx := testContext(t)
	for {
		a, err := b.CreateDomain(ctx, name)
		switch {
		case err == nil:
			return a
		case hub.CodeOf(err) != hub.Unavailable || b.cfg.External == nil || ctx.Err() != nil:
			t.Fatalf("CreateDomain(%s): %v", name, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			t.Fatalf("CreateDomain(%s): %v", name, err)
		}
	}
}

// wantError checks an error's code and that its safe text holds each part: the
// place and the mend.
func wantError(t *testing.T, err error, code hub.Code, parts ...string) {
	t.Helper()
	if hub.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, hub.CodeOf(err), code)
	}
	for _, p := range parts {
		if !strings.Contains(hub.SafeText(err), p) {
			t.Errorf("text %q does not say %q", hub.SafeText(err), p)
		}
	}
}

// another returns a connection of its own to an account of the bus.
func another(t *testing.T, b *Bus, name string) *Account {
	t.Helper()
	mustCreate(t, b, name)
	e, _, err := b.entry(testContext(t), name)
	if err != nil {
		t.Fatal(err)
	}
	kp, err := b.unsealDomain(name, e)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.openAccount(testContext(t), name, kp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	return a
}

// publishN stores n messages in the account's stream DATA, making it first.
func publishN(t *testing.T, a *Account, n int) {
	t.Helper()
	ctx := testContext(t)
	if _, err := a.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "DATA", Subjects: []string{"data"}, Replicas: a.replicas}); err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := a.js.Publish(ctx, "data", []byte(a.name)); err != nil {
			t.Fatal(err)
		}
	}
}

func stored(t *testing.T, a *Account) uint64 {
	t.Helper()
	s, err := a.js.Stream(testContext(t), "DATA")
	if err != nil {
		t.Fatalf("stream of %s: %v", a.name, err)
	}
	return s.CachedInfo().State.Msgs
}
