package natsbus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// everywhere runs a test on an embedded bus and on an outside server.
func everywhere(t *testing.T, test func(t *testing.T, b *Bus)) {
	t.Run("embedded", func(t *testing.T) { test(t, mustOpen(t, embeddedConfig(t))) })
	t.Run("external", func(t *testing.T) { test(t, mustOpen(t, startCluster(t, 1).config())) })
}

func TestDomains(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Bus) {
		ctx := testContext(t)
		if names, err := b.Domains(ctx); err != nil || len(names) != 0 {
			t.Errorf("Domains of an empty bus: %v, %v", names, err)
		}
		_, err := b.Domain(ctx, "north")
		wantError(t, err, hub.NotFound, `"north"`)
		a := mustCreate(t, b, "north")
		mustCreate(t, b, "east")
		if again := mustCreate(t, b, "north"); again != a {
			t.Error("creating again gave another account")
		}
		if got, err := b.Domain(ctx, "north"); err != nil || got != a {
			t.Errorf("Domain: %p, %v, want %p", got, err, a)
		}
		if names, err := b.Domains(ctx); err != nil || !slices.Equal(names, []string{"east", "north"}) {
			t.Errorf("Domains: %v, %v", names, err)
		}
	})
}

func TestDomains_BadNames(t *testing.T) {
	b := mustOpen(t, embeddedConfig(t))
	ctx := testContext(t)
	for _, name := range []string{"", "hub", "North", "a.b", "$SYS", ">", strings.Repeat("a", 64)} {
		_, err := b.CreateDomain(ctx, name)
		wantError(t, err, hub.Invalid)
		_, err = b.Domain(ctx, name)
		wantError(t, err, hub.Invalid)
		wantError(t, b.DeleteDomain(ctx, name), hub.Invalid)
	}
}

func TestCreateDomain_ConcurrentlyGivesOneAccount(t *testing.T) {
	c := startCluster(t, 1)
	cfg := c.config()
	buses := []*Bus{mustOpen(t, cfg), mustOpen(t, cfg)}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := buses[i%2].CreateDomain(testContext(t), "north"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	publishN(t, mustCreate(t, buses[0], "north"), 1)
	if got := stored(t, mustCreate(t, buses[1], "north")); got != 1 {
		t.Errorf("the second process sees %d messages of the first", got)
	}
}

// Isolation of two trust domains, and of a user outside of the hub.
func TestAccounts_SeeNothingOfEachOther(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Bus) {
		ctx := testContext(t)
		north, south := mustCreate(t, b, "north"), mustCreate(t, b, "south")
		publishN(t, south, 1)
		spies := []*nats.Conn{north.conn, userConn(t, b, "north", User{Name: "spy"})}
		var subs []*nats.Subscription
		for _, c := range spies {
			for _, subject := range []string{">", "$JS.API.>", "$SYS.>", "data"} {
				s, err := c.SubscribeSync(subject)
				if err != nil {
					t.Fatal(err)
				}
				subs = append(subs, s)
			}
			if err := c.FlushWithContext(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			if err := south.conn.Publish("secret.subject", []byte("of the south")); err != nil {
				t.Fatal(err)
			}
			if _, err := south.js.Publish(ctx, "data", []byte("of the south")); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Hub().conn.RequestWithContext(ctx, "$JS.API.INFO", nil); err != nil {
				t.Fatal(err)
			}
		}
		// The spies' own message comes through and is all that does.
		if err := north.conn.Publish("own", []byte("of the north")); err != nil {
			t.Fatal(err)
		}
		for i, s := range subs {
			if s.Subject == ">" {
				if m, err := s.NextMsgWithContext(ctx); err != nil || m.Subject != "own" {
					t.Errorf("subscription %d to > got %+v, %v", i, m, err)
				}
			}
			if n, _, _ := s.Pending(); n != 0 {
				t.Errorf("subscription %d to %s has %d messages that are not its own", i, s.Subject, n)
			}
		}
		for _, s := range subs {
			if err := s.Unsubscribe(); err != nil {
				t.Error(err)
			}
		}
		if _, err := north.js.Stream(ctx, "DATA"); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("the stream of the south asked for in the north: %v", err)
		}
	})
}

func TestDeleteDomain(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Bus) {
		ctx := testContext(t)
		north, south := mustCreate(t, b, "north"), mustCreate(t, b, "south")
		publishN(t, north, 3)
		publishN(t, south, 3)
		e, _, err := b.entry(ctx, "north")
		if err != nil {
			t.Fatal(err)
		}
		user := userConn(t, b, "north", User{Name: "left"}, nats.NoReconnect())
		gone := user.StatusChanged(nats.CLOSED)
		for range 2 {
			if err := b.DeleteDomain(ctx, "north"); err != nil {
				t.Fatal(err)
			}
		}
		await(t, gone, "the user of a deleted domain to be disconnected")
		_, err = b.Domain(ctx, "north")
		wantError(t, err, hub.NotFound)
		if !north.conn.IsClosed() {
			t.Error("the account of a deleted domain is connected")
		}
		if b.embedded != nil {
			left, _ := filepath.Glob(filepath.Join(b.cfg.Dir, "*", streamsDir, e.PublicKey))
			if len(left) != 0 {
				t.Errorf("files of a deleted domain are left: %v", left)
			}
		}
		if got := stored(t, south); got != 3 {
			t.Errorf("another domain holds %d messages", got)
		}
		if _, err := mustCreate(t, b, "north").js.Stream(ctx, "DATA"); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("a domain of the same name finds the old stream: %v", err)
		}
	})
}

func await[T any](t *testing.T, ch <-chan T, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(testTime):
		t.Fatalf("waited in vain for %s", what)
	}
}

// A crash at any step of a deletion is finished by the next start.
func TestDeleteDomain_FinishedByTheNextStart(t *testing.T) {
	cfg := embeddedConfig(t)
	b := mustOpen(t, cfg)
	ctx := testContext(t)
	publishN(t, mustCreate(t, b, "north"), 1)
	publishN(t, mustCreate(t, b, "south"), 1)
	e, rev, err := b.entry(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	e.Deleting = true
	if _, err := b.put(ctx, "north", e, rev); err != nil {
		t.Fatal(err)
	}
	closeBus(t, b)
	b = mustOpen(t, cfg)
	if names, err := b.Domains(ctx); err != nil || !slices.Equal(names, []string{"south"}) {
		t.Errorf("Domains: %v, %v", names, err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, storeDir, streamsDir, e.PublicKey)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files of the deleted domain: %v", err)
	}
}

func TestCreateDomain_FinishesAnInterruptedDeletion(t *testing.T) {
	b := mustOpen(t, startCluster(t, 1).config())
	ctx := testContext(t)
	publishN(t, mustCreate(t, b, "north"), 1)
	e, rev, err := b.entry(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	e.Deleting = true
	if _, err := b.put(ctx, "north", e, rev); err != nil {
		t.Fatal(err)
	}
	if _, err := mustCreate(t, b, "north").js.Stream(ctx, "DATA"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the new domain finds the deleted one's stream: %v", err)
	}
}

// The registry's files may be damaged as any others.
func TestEmbedded_RegistryThatForgotIsRefused(t *testing.T) {
	for name, harm := range map[string]func(ctx context.Context, b *Bus) error{
		"entry lost": func(ctx context.Context, b *Bus) error { return b.registry.Purge(ctx, "north") },
		"entry of other keys": func(ctx context.Context, b *Bus) error {
			e, rev, err := b.entry(ctx, "north")
			if err != nil {
				return err
			}
			kp, err := nkeys.CreateAccount()
			if err != nil {
				return err
			}
			e.PublicKey, _ = kp.PublicKey()
			_, err = b.put(ctx, "north", e, rev)
			return err
		},
		"entry not readable": func(ctx context.Context, b *Bus) error {
			_, err := b.registry.Put(ctx, "north", []byte("{}"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := embeddedConfig(t)
			b := mustOpen(t, cfg)
			mustCreate(t, b, "north")
			if err := harm(testContext(t), b); err != nil {
				t.Fatal(err)
			}
			closeBus(t, b)
			_, err := Open(testContext(t), cfg)
			wantError(t, err, hub.Unavailable, "damaged", "north", "backup")
		})
	}
}

func TestDomain_SeedThatDoesNotOpen(t *testing.T) {
	c := startCluster(t, 1)
	mustCreate(t, mustOpenCluster(t, c.config()), "north")
	other := c.config()
	other.Vault = newVault(t)
	_, err := mustOpen(t, other).Domain(testContext(t), "north")
	wantError(t, err, hub.Unavailable, "trust domain north", "unlock key")
}

func TestDomainBytes_LimitsADomain(t *testing.T) {
	cfg := embeddedConfig(t)
	cfg.DomainBytes = 64 << 10
	a := mustCreate(t, mustOpen(t, cfg), "north")
	publishN(t, a, 1)
	ctx := testContext(t)
	for range 10 {
		if _, err := a.js.Publish(ctx, "data", make([]byte, 16<<10)); err != nil {
			return
		}
	}
	t.Error("a domain stored more than it may")
}
