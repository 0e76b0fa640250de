package wire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/obs"
	"github.com/manoward/manoward/mano-core/trust"
)

// Parts returns what the command line starts.
func Parts() cli.Parts {
	return cli.Parts{Serve: Serve, Backup: Backup, Restore: Restore, CheckBackup: CheckBackup, NewBusUser: natsbus.NewUserKey, NewBusCluster: natsbus.NewCluster, OpenToken: openToken}
}

// Serve runs roles of a hub until ctx ends; no roles means all of them. It calls
// ready once, when every role can be used. When ctx has ended it stops in order,
// within the configured time, and returns nil.
func Serve(ctx context.Context, cfg *config.Config, roles []string, env cli.Env, ready func(cli.Ready)) error {
	if len(roles) == 0 {
		roles = cli.Roles()
	} else if slices.Contains(roles, "sm") {
		if err := checkSecurityManagers(cfg); err != nil {
			return err
		}
	}
	log, err := obs.NewLogger(env.Stderr, cfg.Log.Format, cfg.Log.Level)
	if err != nil {
		return err
	}
	h := &hubProcess{cfg: cfg, env: env, roles: roles, log: log, lease: newRoleLease(roles)}
	go keepHeap(ctx)
	err = h.start(ctx)
	switch {
	case ctx.Err() != nil: // whatever err is: what was under way was broken off
		log.Info("stopping before it was ready", "reason", context.Cause(ctx), "err", err)
		err = nil
	case err == nil:
		releaseMemory()
		h.started()
		ready(h.ready())
		log.Info("ready", "dataDir", h.dir.path, "roles", roles, "bus", h.bus.Durability(ctx).String())
		select {
		case <-ctx.Done():
			log.Info("stopping", "reason", context.Cause(ctx))
		case err = <-h.failed:
		}
	}
	stopped, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	return errors.Join(err, h.stop(stopped))
}

// hubProcess is one running process of a hub.
type hubProcess struct {
	cfg   *config.Config
	env   cli.Env
	roles []string
	log   *slog.Logger

	dir       *dataDir
	keys      *keyStores
	bus       *natsbus.Bus
	lease     *roleLease // of the roles of which there is one process at a time
	logs      *records   // of this process's functions
	metrics   *obs.Metrics
	health    *obs.Health
	tracer    *obs.Tracer
	listeners *listeners
	addresses *addresses
	directory *trust.Directory
	registry  *trust.Registry // nil without the trust role
	parties   *trust.Registry // what is known here of operators, clients and the hub's CA; never nil
	refusals  *trust.Refusals
	decider   *trust.Decider
	journals  journals
	sealing   *sealing
	gates     map[hub.ReferencePoint]*trust.Gate
	entrances map[hub.ReferencePoint]*trust.Entrance

	domainEntrances map[hub.ReferencePoint]*trust.DomainEntrance // those with a face for each trust domain

	routes  map[hub.ReferencePoint][]func(*httpapi.Mux) // of the roles; see addRoutes
	servers []*server
	// markerKey is that of page markers: all processes of a hub that have its unlock key
	// take each other's, so that a client may be answered by another one in the middle of
	// a list.
	markerKey []byte

	functionsMu sync.Mutex // covers the two below
	functions   map[hub.Kind]*memoryCertificate
	clients     map[hub.Kind]*http.Client

	context string // path of the operator's context file

	started func() // takes away the readiness check of the start

	mano     []*function
	outboxes []*notify.Outbox
	sms      *smAPI // nil where no Security Managers run

	policyOutbox *notify.Outbox // tells of changed policies; nil where no Security Managers run

	failed chan error // a part that cannot go on

	cancel   context.CancelFunc // ends the work below
	work     sync.WaitGroup
	stopping []func(context.Context) error // in the order of their start
}

func (h *hubProcess) has(role string) bool { return slices.Contains(h.roles, role) }

// start builds the process from the ground up. What it opened is in the process,
// also when it fails.
func (h *hubProcess) start(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h.cancel, h.failed = cancel, make(chan error, 1)
	for _, step := range []func(ctx, work context.Context) error{
		h.openData, h.openObservation, h.openProbes, h.openBus, h.openLease, h.openJournals, h.followEpochs, h.openTrust, h.sealDomains, h.openListeners, h.openAddresses,
		h.openDoors, h.openFunctions, h.openMano, h.openServers, h.startMano, h.openSecurityManagers, h.openOperator,
	} {
		if err := step(ctx, work); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err // asked to end before it was ready
		}
	}
	return nil
}

func (h *hubProcess) openData(_, _ context.Context) (err error) {
	if h.dir, err = openDataDir(h.cfg.DataDir); err != nil {
		return err
	}
	v, err := h.dir.openVault(h.cfg.Keys.UnlockFile)
	if err != nil {
		return err
	}
	h.keys = newKeyStores(h.dir, v, h.cfg.Trust.Tokens)
	return nil
}

func (h *hubProcess) openObservation(ctx, _ context.Context) error {
	h.metrics = obs.NewMetrics(h.log)
	h.health = obs.NewHealth(h.log, time.Now)
	h.started = h.health.Register("start", func(context.Context) error {
		return hub.E(hub.Unavailable, "start", "it is starting", nil)
	})
	tracer, shutdown, err := obs.NewTracer(ctx, obs.Config{Endpoint: h.cfg.Trace.Endpoint, Service: "manoward", Version: h.env.Version.Version, Log: h.log})
	if err != nil {
		return err
	}
	h.tracer = tracer
	h.stopping = append(h.stopping, shutdown)
	return nil
}

func (h *hubProcess) openBus(ctx, _ context.Context) error {
	c := natsbus.Config{
		Name: "manoward", Dir: h.dir.file("bus"), Vault: h.keys.vault, AcceptDamage: h.cfg.NATS.AcceptDamage, Log: h.log.With("part", "bus"),
		Trace: natsbus.Trace{Inject: obs.Inject, Extract: obs.Extract}, Now: time.Now, Fence: h.lease.valid,
	}
	if n := h.cfg.NATS; len(n.URLs) > 0 {
		c.External = &natsbus.External{
			URLs: n.URLs, CredsFile: n.Creds, SystemCredsFile: n.SystemCreds, OperatorKeyFile: n.OperatorKey,
			CAFile: n.TLS.CA, CertFile: n.TLS.Cert, KeyFile: n.TLS.Key, Replicas: n.Replicas,
		}
	}
	if h.cfg.Journal.SealBeforeEffect {
		c.Stored = func(ctx context.Context, account, log string, records uint64) error {
			return h.sealing.before(ctx, account, log, records) // nothing is recorded before it is made
		}
	}
	if err := h.checkBusThere(); err != nil {
		return err
	}
	bus, err := natsbus.Open(ctx, c)
	if err != nil {
		return err
	}
	h.bus, h.logs = bus, newRecords(bus)
	if h.outside() {
		h.keys.table = h.keyTable
	}
	h.stopping = append(h.stopping, bus.Close)
	h.health.Register("bus", bus.Health)
	if err := h.checkDurability(ctx); err != nil {
		return err
	}
	return h.checkUnlockKey(ctx)
}

// checkBusThere refuses a data directory that has lost its bus: an embedded bus
// would be made anew, and the hub would start as if it had never known anybody.
// The operator's context is the last thing that a first start makes, so one that
// was cut off can be repeated.
func (h *hubProcess) checkBusThere() error {
	if h.outside() {
		return nil
	}
	_, used := os.Stat(h.dir.file(contextFile))
	_, there := os.Stat(h.dir.file("bus"))
	if used == nil && errors.Is(there, fs.ErrNotExist) {
		return hub.E(hub.Unavailable, opDataDir, fmt.Sprintf("the data directory is damaged: %s, which holds all state and records, is missing; restore it from a backup", h.dir.file("bus")), there)
	}
	return nil
}

// checkDurability refuses a bus that may lose what it acknowledged, unless the
// operator said that it may.
func (h *hubProcess) checkDurability(ctx context.Context) error {
	d := h.bus.Durability(ctx)
	for _, w := range d.Warnings {
		h.log.Warn("bus", "warning", w)
	}
	if d.Holds() || h.cfg.NATS.AcceptUnknownDurability {
		return nil
	}
	return hub.E(hub.Unavailable, "check durability of the bus", fmt.Sprintf("the bus may lose what it acknowledged (%s); see that its servers run, set sync_interval: always on them and give --nats-system-creds so that it can be checked, or accept it with --set nats.acceptUnknownDurability=true", d), nil)
}

// run does work of the process until it ends. An error of work that is not the
// end of the process is the process's end.
func (h *hubProcess) run(what string, work context.Context, fn func(ctx context.Context) error) {
	h.work.Go(func() {
		if err := fn(work); err != nil && work.Err() == nil {
			select {
			case h.failed <- fmt.Errorf("%s: %w", what, err):
			default:
			}
		}
	})
}

func (h *hubProcess) ready() cli.Ready {
	r := cli.Ready{Ready: true, DataDir: h.dir.path, Context: h.context, Endpoints: map[string]string{}, Bus: h.bus.Durability(context.Background()).String()}
	for rp := range h.listeners.open {
		r.Endpoints[rp.Key()] = h.listeners.url(rp)
	}
	return r
}

// drain lets the requests that are under way end. What needs more than its share
// of the time is cut off, so that the bus is always closed in order.
func (h *hubProcess) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.ShutdownTimeout*3/5)
	defer cancel()
	if h.lease.over() {
		cancel() // another process answers for the roles
	}
	var serving sync.WaitGroup
	for _, s := range h.servers {
		serving.Go(func() { s.stop(ctx) })
	}
	serving.Wait()
}

// stop ends everything in the reverse order of its start: first nothing new
// comes in, then what is under way ends, then the bus closes.
func (h *hubProcess) stop(ctx context.Context) error {
	var errs error
	h.drain(ctx)
	if h.listeners != nil {
		h.listeners.close()
	}
	h.cancel()
	h.work.Wait()
	for _, stop := range slices.Backward(h.stopping) {
		errs = errors.Join(errs, stop(ctx))
	}
	if h.keys != nil {
		h.keys.close()
	}
	if h.dir != nil {
		h.dir.close()
	}
	return errs
}
