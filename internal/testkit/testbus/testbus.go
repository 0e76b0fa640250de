// Package testbus is a real, embedded bus for tests, joined to the ports of
// internal/state and internal/notify as cmd/manoward/wire joins it.
package testbus

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/vault"
)

// limit bounds opening and closing.
const limit = 30 * time.Second

// Bus is an embedded bus.
type Bus struct {
	*natsbus.Bus
	Close func() // closes it, once
}

// Open opens the bus in a directory, with these trust domains; one that was closed
// there before goes on. It is closed at the end of the test.
func Open(t testing.TB, dir string, domains ...string) *Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	key := filepath.Join(dir, "unlock.key")
	v, err := vault.Open(key)
	if err != nil {
		v, err = vault.Create(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	bus, err := natsbus.Open(ctx, natsbus.Config{Name: "test", Dir: filepath.Join(dir, "bus"), Vault: v, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b := &Bus{Bus: bus, Close: sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := bus.Close(ctx); err != nil {
			t.Error(err)
		}
	})}
	t.Cleanup(b.Close)
	for _, d := range domains {
		if _, err := bus.CreateDomain(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// account returns the account of a trust domain, or the hub's.
func (b *Bus) account(ctx context.Context, domain string) (*natsbus.Account, error) {
	if domain == "hub" {
		return b.Hub(), nil
	}
	return b.Domain(ctx, domain)
}

// Tables returns the bus as a space's tables.
func (b *Bus) Tables() state.Tables { return tables{b} }

type tables struct{ *Bus }

func (t tables) Open(ctx context.Context, domain, name string) (state.Table, error) {
	a, err := t.account(ctx, domain)
	if err != nil {
		return nil, err
	}
	found, err := a.Table(ctx, name)
	return natsbus.StateTable{Table: found}, err
}

// Queues returns the bus as the queues of notifications, with this many workers
// and back-off.
func (b *Bus) Queues(workers int, backoff func(attempt int) time.Duration) func(context.Context, string) (notify.Queue, error) {
	return func(ctx context.Context, domain string) (notify.Queue, error) {
		a, err := b.account(ctx, domain)
		if err != nil {
			return nil, err
		}
		q, err := a.Queue(ctx, "notifications", natsbus.QueueConfig{Workers: workers, Backoff: backoff})
		return natsbus.KeyedQueue{Queue: q}, err
	}
}
