package natsbus

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

const (
	connectTimeout = 10 * time.Second
	reconnectWait  = 250 * time.Millisecond
	drainTimeout   = 2 * time.Second // for handlers to finish what they hold, of the 5 s that a stop may take
	accountPoll    = 20 * time.Millisecond
	accountAttempt = time.Second // for one question
	accountTimeout = 10 * time.Second
	asyncPending   = 128 // more than this waits too long for the disk when every write is synced
)

// connect opens a connection as a user of account that exists in this
// process's memory only.
func (b *Bus) connect(account nkeys.KeyPair, name string) (*nats.Conn, error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("make user of %s: %w", name, err)
	}
	key, err := user.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("make user of %s: %w", name, err)
	}
	claims := jwt.NewUserClaims(key)
	claims.Name = b.cfg.Name
	token, err := claims.Encode(account)
	if err != nil {
		return nil, fmt.Errorf("sign user of %s: %w", name, err)
	}
	return b.connectAs(name, nats.UserJWT(func() (string, error) { return token, nil }, user.Sign))
}

// connectAs opens a connection that lasts until it is closed: it reconnects for
// ever, also after a refusal, because servers that restart refuse accounts
// that they have not yet learnt of.
func (b *Bus) connectAs(name string, credentials nats.Option) (*nats.Conn, error) {
	log := b.log.With("component", "nats", "account", name)
	conn, err := b.dial(
		credentials,
		nats.Name(b.cfg.Name+"/"+name),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.DrainTimeout(drainTimeout),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(c *nats.Conn, err error) {
			if err != nil {
				log.Warn("disconnected from NATS", "error", err)
				b.dropIfDeleted(name, c)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Info("connected to NATS again", "server", c.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			if s != nil {
				log.Warn("NATS subscription", "subject", s.Subject, "error", err)
				return
			}
			log.Warn("NATS connection", "error", err)
		}),
	)
	if err != nil {
		return nil, connectError(err)
	}
	return conn, nil
}

// connectError explains why a connection was not made.
func connectError(err error) error {
	const op = "connect to NATS"
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAccountAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) {
		return hub.E(hub.Unavailable, op, "NATS refuses the credentials; see that they belong to this cluster, are not expired and not revoked", err)
	}
	return hub.E(hub.Unavailable, op, "cannot connect to NATS; see the address, that the servers run, and the TLS files", err)
}

// openAccount connects to an account and waits until JetStream serves it,
// which takes a moment when the account is new to a cluster.
func (b *Bus) openAccount(ctx context.Context, name string, kp nkeys.KeyPair) (*Account, error) {
	conn, err := b.connect(kp, name)
	if err != nil {
		return nil, err
	}
	a, err := b.accountOn(ctx, name, conn)
	if err != nil || b.embedded == nil {
		return a, err
	}
	key, err := kp.PublicKey()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("account key of %s: %w", name, err)
	}
	a.store = newStorage(func(stream string) error { return b.embedded.trouble(key, stream) })
	return a, nil
}

func (b *Bus) accountOn(ctx context.Context, name string, conn *nats.Conn) (*Account, error) {
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(asyncPending))
	if err != nil {
		conn.Close()
		return nil, hub.E(hub.Internal, "open bus account", "JetStream client refuses its options", err)
	}
	if err := awaitJetStream(ctx, js); err != nil {
		conn.Close()
		return nil, busError("open bus account", err)
	}
	return &Account{name: name, conn: conn, js: js, replicas: b.replicas, log: b.log.With("account", name), trace: b.cfg.Trace, fence: b.cfg.Fence, stored: b.cfg.Stored}, nil
}

// watch sets a guard over the embedded server's files of an account, after it
// has checked them. An account has one guard at a time.
func (b *Bus) watch(ctx context.Context, a *Account) error {
	if b.embedded == nil {
		return nil
	}
	a.guard = b.newGuard(a.name)
	return a.guard.check(ctx, a, b.cfg.AcceptDamage)
}

func (b *Bus) newGuard(account string) *guard {
	g := newGuard(filepath.Join(b.cfg.Dir, witnessDir), account, b.log)
	g.pace = b.scrubbing
	return g
}

// awaitJetStream returns when JetStream answers for the account, or with the
// last refusal when it does not within accountTimeout. It asks again and again: what
// a cluster is asked before it has a leader is never answered.
func awaitJetStream(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	tick := time.NewTicker(accountPoll)
	defer tick.Stop()
	var last error
	for {
		once, cancel := context.WithTimeout(ctx, accountAttempt)
		_, err := js.AccountInfo(once)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}
