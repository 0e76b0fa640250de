package natsbus

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// Vault seals the seeds of accounts. A blob opens only under the label that it
// was sealed with.
type Vault interface {
	Seal(label string, plaintext []byte) ([]byte, error)
	Open(label string, blob []byte) ([]byte, error)
}

// Config is what [Open] needs.
type Config struct {
	Name     string    // of this hub: the embedded server's and the connections' name
	Dir      string    // embedded: the bus's own directory, made if missing, mode 0700
	Vault    Vault     // seals account seeds
	External *External // nil: embedded
	// AcceptDamage starts the embedded bus on stored data that is not whole, for
	// an operator who has no backup: what is missing stays missing.
	AcceptDamage bool
	DomainBytes  int64        // most bytes that one trust domain may store; 0: no limit
	Log          *slog.Logger // nil: discard
	Trace        Trace        // carried through message headers
	// Fence is asked before each write to a log, a table or a queue, and its error
	// refuses the write: for a process that may have been succeeded by another one.
	// It answers from memory. nil: none.
	Fence func() error
	Now   func() time.Time // nil: time.Now

	// Stored is asked by [Log.Append] about records that are durable, before anybody
	// may act on them: it returns when they may, and its error is Append's. records
	// counts those of the log up to the last of the call, from its first one on. nil:
	// nobody is asked.
	Stored func(ctx context.Context, account, log string, records uint64) error

	// free returns the bytes that are free for the directory; nil: ask the
	// file system. Tests fill the disk with it.
	free func(dir string) (uint64, error)
}

// Bus is the open bus. Its methods are safe for concurrent use.
type Bus struct {
	cfg      Config
	log      *slog.Logger
	embedded *embedded                                     // nil when external
	operator nkeys.KeyPair                                 // signs account JWTs; nil: this process makes no accounts
	system   *nats.Conn                                    // of the system account; nil: not given
	dial     func(opts ...nats.Option) (*nats.Conn, error) // connects as whom opts say
	hub      *Account
	registry jetstream.KeyValue // trust domain name -> domainEntry
	replicas int
	// scrubbing is the pace at which the guards of all accounts read in the background.
	scrubbing *pace

	changing turn // held while the registry is changed
	mu       sync.Mutex
	open     map[string]*domainAccount // by trust domain; nil when closed
	// opening has a turn for each trust domain that was ever opened, held while
	// its account is opened; taken after changing.
	opening map[string]turn
	closed  bool
}

// Open starts the embedded server, or connects to an outside cluster, and
// makes every known trust domain's account ready. It returns when the bus can
// be used.
//
// Errors are [hub.Error]s whose text names the file or address and the mend.
// On an error nothing is left running. A directory that holds data whose keys
// are missing is refused, never started as if it were empty.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	cfg = withDefaults(cfg)
	b := &Bus{cfg: cfg, log: cfg.Log, open: map[string]*domainAccount{}, scrubbing: &pace{rate: scrubRate}, changing: newTurn(), opening: map[string]turn{}}
	start := b.openEmbedded
	if cfg.External != nil {
		start = b.openExternal
	}
	if err := start(ctx); err != nil {
		b.abandon(ctx)
		return nil, err
	}
	return b, nil
}

func withDefaults(cfg Config) Config {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.free == nil {
		cfg.free = freeSpace
	}
	return cfg
}

// abandonTimeout is how long a failed start may take to stop again.
const abandonTimeout = 5 * time.Second

// abandon closes what a failed start left open, also when ctx has ended. What
// goes wrong in it is for the log only: the caller has the first cause.
func (b *Bus) abandon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		b.log.Warn("close after a failed start", "error", err)
	}
}

// Hub returns the hub's own account.
func (b *Bus) Hub() *Account { return b.hub }

// Close lets the connections finish what they have begun, writes everything to
// disk and stops the embedded server. When ctx ends first, it stops at once and
// returns the context's error; what was acknowledged is on disk all the same.
// Closing again does nothing.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	var accounts []*Account
	for _, name := range slices.Sorted(maps.Keys(b.open)) {
		accounts = append(accounts, b.open[name].account)
	}
	b.open = nil
	b.mu.Unlock()

	if b.hub != nil {
		accounts = append(accounts, b.hub)
	}
	var conns []*nats.Conn
	for _, a := range accounts {
		conns = append(conns, a.conn)
	}
	if b.system != nil {
		conns = append(conns, b.system)
	}
	err := drain(ctx, conns...)
	for _, a := range accounts {
		a.closeGuard()
	}
	if b.embedded != nil {
		err = errors.Join(err, b.embedded.stop(ctx))
	}
	return err
}

// drain closes the connections after what they have in flight, all at the same
// time; at the end of ctx it closes them at once.
func drain(ctx context.Context, conns ...*nats.Conn) error {
	var late error
	for _, c := range conns {
		if err := c.Drain(); err != nil {
			c.Close() // not connected: there is nothing to drain to
		}
	}
	for _, c := range conns {
		closed := c.StatusChanged(nats.CLOSED)
		for late == nil && !c.IsClosed() {
			select {
			case <-closed:
			case <-ctx.Done():
				late = ctx.Err()
			}
		}
		c.Close()
	}
	return late
}

// Health returns nil when the bus can take and return data, and otherwise says
// in one line what is wrong and how to mend it.
func (b *Bus) Health(ctx context.Context) error {
	const op = "check bus"
	if b.isClosed() {
		return hub.E(hub.Unavailable, op, "the bus is closed", nil)
	}
	if b.embedded != nil {
		if err := b.embedded.health(); err != nil {
			return err
		}
	}
	if err := b.Reachable(ctx); err != nil {
		return err
	}
	return b.damage()
}

// Reachable returns nil when the bus answers, so that what was read from it is
// not out of date for lack of a connection. A bus that answers may still be
// unable to store: see [Bus.Health].
func (b *Bus) Reachable(ctx context.Context) error {
	const op = "reach bus"
	if b.isClosed() {
		return hub.E(hub.Unavailable, op, "the bus is closed", nil)
	}
	if s := b.hub.conn.Status(); s != nats.CONNECTED {
		return hub.E(hub.Unavailable, op, "not connected to NATS ("+s.String()+"); see that the NATS servers run and can be reached", b.hub.conn.LastError())
	}
	_, err := b.registryInfo(ctx)
	return busError(op, err)
}

// damage returns what the guards have found in the background.
func (b *Bus) damage() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.open {
		if err := d.account.guard.Damaged(); err != nil {
			return err
		}
	}
	return b.hub.guard.Damaged()
}

func (b *Bus) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// turn is a mutex that a caller stops waiting for when its context ends.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) (release func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// busError gives a failure of NATS the code and the text that may be shown.
// An error that has a code keeps it.
func busError(op string, err error) error {
	var coded *hub.Error
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return hub.E(hub.Unavailable, op, "JetStream is disabled on the NATS server; see the server's log for why, mend it and restart", err)
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return hub.E(hub.Unavailable, op, "no NATS server answers for this data: its leader is being elected, or JetStream is disabled; try again, then see the servers' logs", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return hub.E(hub.Unavailable, op, "NATS did not answer in time: the cluster may have no quorum; see that a majority of its servers runs", err)
	case errors.As(err, &api) && api.Code == 503:
		return hub.E(hub.Unavailable, op, "NATS cannot serve the request now; see that a majority of its servers runs and has disk space", err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining), errors.Is(err, nats.ErrDisconnected):
		return hub.E(hub.Unavailable, op, "the connection to NATS is closed", err)
	}
	return hub.E(hub.Unavailable, op, "NATS refused the request; the hub's log has the details", err)
}
