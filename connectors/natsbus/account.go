package natsbus

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Account is one tenant of the bus: the hub itself or one trust domain. Its
// methods are safe for concurrent use.
type Account struct {
	name     string
	conn     *nats.Conn
	js       jetstream.JetStream
	replicas int // of every stream in this account
	log      *slog.Logger
	trace    Trace
	fence    func() error                                                         // [Config.Fence]; nil: none
	store    *storage                                                             // nil on an external cluster
	stored   func(ctx context.Context, account, log string, records uint64) error // see Config
	guard    *guard                                                               // remembers what the streams must hold; nil on an external cluster, which guards itself
}

// Name returns the account's name: that of its trust domain.
func (a *Account) Name() string { return a.name }

// Unfenced returns the account as one to which [Config.Fence] does not apply: for
// what the fence itself is told by, and for what may be written by any process.
func (a *Account) Unfenced() *Account {
	u := *a
	u.fence = nil
	return &u
}

// mayWrite returns why this process may not write now, nil when it may.
func (a *Account) mayWrite() error {
	if a.fence == nil {
		return nil
	}
	return a.fence()
}

// close ends the connection at once and writes down what the account holds.
func (a *Account) close() {
	a.conn.Close()
	a.closeGuard()
}

// closeGuard writes down what the account holds. Without it the next start
// reads more than it would have to, and nothing is lost.
func (a *Account) closeGuard() {
	if err := a.guard.close(); err != nil {
		a.log.Warn("cannot write what the account holds", "error", err)
	}
}

// Trace carries trace context through message headers. Either function may be
// nil.
type Trace struct {
	Inject  func(ctx context.Context, set func(key, value string))
	Extract func(ctx context.Context, get func(key string) string) context.Context
}
