package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// embedded is the NATS server in this process. It opens no port: clients reach
// it through in-memory connections only.
type embedded struct {
	server *server.Server
	dir    string
	free   func(dir string) (uint64, error)

	mu     sync.Mutex
	marker marker // as it is on disk
}

// Limits of the embedded server. The memory limit is for memory streams, which
// the bus does not use beyond consumers' state. The store limit is above any
// disk: a full disk is what limits, and the server's own choice (three quarters
// of what was free at the start) would only be wrong later.
const (
	maxPayload   = 8 << 20
	maxMemory    = 64 << 20
	maxStore     = 1 << 50
	jwtResync    = 24 * time.Hour   // no other server to compare account JWTs with
	jwtFetch     = time.Millisecond // nor to ask for one that is not here
	readyTimeout = 30 * time.Second
)

// openEmbedded starts the server in cfg.Dir and connects to it.
func (b *Bus) openEmbedded(ctx context.Context) error {
	dir := b.cfg.Dir
	if err := prepareDir(dir, b.cfg.free); err != nil {
		return err
	}
	known, err := readMarker(dir)
	if err != nil {
		return err
	}
	onDisk, err := accountsOnDisk(dir)
	if err != nil {
		return err
	}
	keys, ids, err := b.embeddedKeys(known, onDisk)
	if err != nil {
		return err
	}
	if err := clearHalfMade(dir, b.log); err != nil {
		return err
	}
	if err := checkBlocks(dir, b.cfg.AcceptDamage, b.log); err != nil {
		return err
	}
	if err := recountLogs(dir, b.log); err != nil {
		return err
	}
	if err := b.startServer(keys, ids); err != nil {
		return err
	}
	if err := makeDir(filepath.Join(dir, witnessDir)); err != nil {
		return err
	}
	b.operator = keys.operator
	b.replicas = 1
	b.dial = func(opts ...nats.Option) (*nats.Conn, error) {
		return nats.Connect("", append(opts, nats.InProcessServer(b.embedded.server))...)
	}
	if b.system, err = b.connect(keys.system, "system"); err != nil {
		return err
	}
	if b.hub, err = b.openAccount(ctx, "hub", keys.hub); err != nil {
		return err
	}
	if err := b.watch(ctx, b.hub); err != nil {
		return err
	}
	if err := b.openRegistry(ctx, known == nil); err != nil {
		return err
	}
	if known == nil {
		known = &marker{Version: markerVersion, rootIDs: ids, Domains: map[string]witnessed{}}
		if err := writeMarker(dir, *known); err != nil {
			return err
		}
	}
	b.embedded.marker = *known
	return b.restoreDomains(ctx, onDisk)
}

// embeddedKeys opens the root keys, and refuses when they are not those of the
// data in the directory.
func (b *Bus) embeddedKeys(known *marker, onDisk []string) (rootKeys, rootIDs, error) {
	first := known == nil && len(onDisk) == 0
	keys, err := openRootKeys(b.cfg.Dir, b.cfg.Vault, first)
	if err != nil {
		return rootKeys{}, rootIDs{}, err
	}
	ids, err := keys.ids()
	if err != nil {
		return rootKeys{}, rootIDs{}, err
	}
	switch {
	case first:
	case known == nil && !slices.Equal(onDisk, []string{ids.Hub}):
		// The hub's streams alone may be there before the marker: a crash in
		// the first start.
		return rootKeys{}, rootIDs{}, damaged(filepath.Join(b.cfg.Dir, markerFile)+" is missing and there are streams", nil)
	case known != nil && known.rootIDs != ids:
		return rootKeys{}, rootIDs{}, damaged("the seeds in "+b.cfg.Dir+" are not those that "+markerFile+" names", nil)
	case known != nil && !slices.Contains(onDisk, ids.Hub):
		return rootKeys{}, rootIDs{}, damaged("the hub's streams are missing in "+filepath.Join(b.cfg.Dir, storeDir), nil)
	}
	return keys, ids, nil
}

// startServer starts the server and returns when it can be connected to.
func (b *Bus) startServer(keys rootKeys, ids rootIDs) error {
	const op = "start embedded NATS"
	opts, err := b.serverOptions(keys, ids)
	if err != nil {
		return err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return hub.E(hub.Internal, op, "the embedded NATS server refuses its options", err)
	}
	log := &serverLog{log: b.log.With("component", "nats")}
	srv.SetLoggerV2(log, false, false, false)
	b.embedded = &embedded{server: srv, dir: b.cfg.Dir, free: b.cfg.free}
	srv.Start() // returns when started: it does not listen
	if fatal := log.fatal.Load(); fatal != nil {
		return hub.E(hub.Unavailable, op, "the embedded NATS server does not start on "+filepath.Join(b.cfg.Dir, storeDir)+"; see the owner, mode and disk of that directory, and the hub's log", errors.New(*fatal))
	}
	if !srv.ReadyForConnections(readyTimeout) || !srv.JetStreamEnabled() {
		return hub.E(hub.Unavailable, op, "the embedded NATS server does not get ready in "+b.cfg.Dir+"; the hub's log says why", nil)
	}
	return nil
}

// serverOptions returns options for one start; the server changes them, so
// they are not used again.
func (b *Bus) serverOptions(keys rootKeys, ids rootIDs) (*server.Options, error) {
	operator, err := operatorClaims(keys, ids)
	if err != nil {
		return nil, err
	}
	resolver, err := b.newResolver(keys, ids)
	if err != nil {
		return nil, err
	}
	return &server.Options{
		ServerName:             b.cfg.Name,
		DontListen:             true,
		NoSigs:                 true,
		MaxPayload:             maxPayload,
		JetStream:              true,
		StoreDir:               filepath.Join(b.cfg.Dir, storeDir),
		SyncAlways:             true,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      maxStore,
		DisableJetStreamBanner: true,
		MaxClosedClients:       1, // kept for monitoring pages that nobody serves
		TrustedOperators:       []*jwt.OperatorClaims{operator},
		SystemAccount:          ids.System,
		AccountResolver:        resolver,
	}, nil
}

// operatorClaims returns the operator's own claims, signed by itself.
func operatorClaims(keys rootKeys, ids rootIDs) (*jwt.OperatorClaims, error) {
	claims := jwt.NewOperatorClaims(ids.Operator)
	claims.Name = "manoward"
	claims.SystemAccount = ids.System
	token, err := claims.Encode(keys.operator)
	if err != nil {
		return nil, fmt.Errorf("sign operator JWT: %w", err)
	}
	return jwt.DecodeOperatorClaims(token)
}

// newResolver returns a resolver that knows the system's and the hub's
// accounts. Its directory is a cache: the accounts of trust domains are put in
// again from the registry, which is durable; the resolver's files are not.
func (b *Bus) newResolver(keys rootKeys, ids rootIDs) (*server.DirAccResolver, error) {
	const op = "open bus"
	dir := filepath.Join(b.cfg.Dir, jwtDir)
	unwritable := func(err error) error {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("cannot write to %s; see that the disk is not full and the directory writable", dir), err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return nil, unwritable(err)
	}
	resolver, err := server.NewDirAccResolver(dir, 0, jwtResync, server.HardDelete, server.FetchTimeout(jwtFetch))
	if err != nil {
		return nil, unwritable(err)
	}
	for _, acc := range []struct {
		name, key string
		limits    jwt.JetStreamLimits
	}{{"system", ids.System, jwt.JetStreamLimits{}}, {"hub", ids.Hub, jetStreamLimits(0)}} {
		token, err := accountJWT(acc.name, acc.key, acc.limits, keys.operator)
		if err != nil {
			return nil, err
		}
		if err := resolver.Store(acc.key, token); err != nil {
			return nil, unwritable(err)
		}
	}
	return resolver, nil
}

// restore makes the server know an account's streams before anybody connects,
// so that a long recovery does not count against the time of a connection.
func (e *embedded) restore(key string) error {
	if _, err := e.server.LookupAccount(key); err != nil {
		return hub.E(hub.Unavailable, "restore account", "the embedded NATS server cannot restore an account's streams; the hub's log has the details", err)
	}
	return nil
}

// forget removes what the server left on disk of a deleted account.
func (e *embedded) forget(key string) error {
	root := filepath.Join(e.dir, storeDir, streamsDir)
	if err := os.RemoveAll(filepath.Join(root, key)); err != nil {
		return fmt.Errorf("remove streams of account %s: %w", key, err)
	}
	return durable.SyncDir(root)
}

// checkOrphans refuses streams on disk whose account nobody knows: the
// registry has lost entries, and starting would hide a trust domain's data.
func checkOrphans(dir string, onDisk, known []string) error {
	for _, key := range onDisk {
		if !slices.Contains(known, key) {
			return damaged("no account is known for the streams in "+filepath.Join(dir, storeDir, streamsDir, key), nil)
		}
	}
	return nil
}

// health says what keeps the server from storing.
func (e *embedded) health() error {
	if err := e.full("and restart"); err != nil {
		return err
	}
	if err := e.disabled(); err != nil {
		return err
	}
	return e.lasting("a stream", server.HealthzOptions{Details: true}, func(server.HealthzError) bool { return true })
}

// lasting returns what is wrong, of all that the server calls wrong and that
// matters, when it stays so for a quarter of a second: a stream whose directory
// is there and that is just being made looks to the server like one that could
// not be recovered.
func (e *embedded) lasting(what string, opts server.HealthzOptions, matters func(server.HealthzError) bool) error {
	const looks, wait = 6, 50 * time.Millisecond
	ask := func() map[string]string {
		found := map[string]string{}
		for _, sick := range e.server.Healthz(&opts).Errors {
			if matters(sick) {
				found[sick.Account+" "+sick.Stream+" "+sick.Consumer] = sick.Error
			}
		}
		return found
	}
	lasting := ask()
	for n := 1; len(lasting) > 0 && n < looks; n++ {
		_ = pause(context.Background(), wait) // never ends early
		still := ask()
		maps.DeleteFunc(lasting, func(name, _ string) bool { return still[name] == "" })
	}
	for _, reason := range lasting {
		return e.unwritable(what, errors.New(reason))
	}
	return nil
}

// stop shuts the server down; it returns when everything is on disk or ctx
// ends.
func (e *embedded) stop(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop embedded NATS: %w", ctx.Err())
	}
}

// serverLog passes the server's log lines on. What it calls fatal does not end
// the process: the first such line is kept as the reason of a failed start.
type serverLog struct {
	log   *slog.Logger
	fatal atomic.Pointer[string]
}

func (l *serverLog) write(level slog.Level, format string, v []any) string {
	line := strings.TrimSpace(fmt.Sprintf(format, v...))
	l.log.Log(context.Background(), level, line)
	return line
}

func (l *serverLog) Noticef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.write(slog.LevelWarn, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.write(slog.LevelError, format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.write(slog.LevelDebug, format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.write(slog.LevelDebug, format, v) }
func (l *serverLog) Fatalf(format string, v ...any) {
	line := l.write(slog.LevelError, format, v)
	l.fatal.CompareAndSwap(nil, &line)
}
