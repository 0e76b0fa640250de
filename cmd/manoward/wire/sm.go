package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/enforce"
	"github.com/manoward/manoward/smgr/intake"
	"github.com/manoward/manoward/smgr/smgrapi"
	"github.com/manoward/manoward/smgr/topology"
)

// securityManager is one Security Manager that this process runs, alone or with
// others: intake, topology, policies, decisions and orders over the tables and
// queues of its trust domain. It sees the NFVO and the VIM over its own endpoints
// only, as one outside would.
type securityManager struct {
	*hubProcess
	cfg         config.SecurityManager
	log         *slog.Logger
	credentials map[hub.Interface]*smCredential
	metrics     *smMetrics
	schemas     *policies.Schemas

	mu     sync.Mutex // covers what is below
	parts  *smParts   // nil: it does not run yet
	reason error      // why not
}

// smParts is a Security Manager that runs.
type smParts struct {
	account    *natsbus.Account
	events     smEvents
	intake     *intake.Intake
	topology   *topology.Topology
	decider    *decide.Decider
	enforcer   *enforce.Enforcer
	subscriber *intake.Subscriber
	gaps       *intake.Gaps
	receiver   *intake.Receiver
	served     *smgrapi.Manager
}

// The storage of a Security Manager in the account of its trust domain. Names are
// part of the stored format; those of intake's table it knows itself.
func smTable(name string) string      { return "SM-" + name }
func smBlobs(name string) string      { return "SM-" + name + "-blobs" }
func smEventQueue(name string) string { return "SM-" + name + "-events" }
func smOrderQueue(name string) string { return "SM-" + name + "-orders" }

// smOrderWorkers is how many NSs and hosts may be changed at the same time by one
// process: an order holds a worker until the operation at the NFVO has ended.
const smOrderWorkers = 64

// smEventWorkers is how many NSs and hosts may have an event judged at the same
// time by one process: most of the time of one is waiting for the disk.
const smEventWorkers = 32

// smShares is into how many parts the keys of a Security Manager's events are cut,
// and those of its orders: at most so many processes share its work.
const smShares = 16

// checkSecurityManagers refuses the role sm, asked for by its name, without a
// Security Manager that it could run.
func checkSecurityManagers(cfg *config.Config) error {
	if len(cfg.SecurityManagers) == 0 {
		return hub.E(hub.Invalid, "serve", "the role sm has no Security Manager to run; name one under securityManagers in the configuration file (--config)", nil)
	}
	return nil
}

// runsManagers says whether this process runs Security Managers.
func (h *hubProcess) runsManagers() bool { return h.has("sm") && len(h.cfg.SecurityManagers) > 0 }

// openSecurityManagers opens the listeners of the Security Managers of this
// process and lets each run as soon as it is registered and its credentials are
// there. Until then readiness says what is missing.
func (h *hubProcess) openSecurityManagers(_, work context.Context) error {
	if !h.runsManagers() {
		return nil
	}
	schemas, err := policies.OwnSchemas()
	if err != nil {
		return err
	}
	metrics := h.newSMMetrics()
	for _, cfg := range h.cfg.SecurityManagers {
		name := cfg.TrustDomain + "/" + cfg.Name
		s := &securityManager{
			hubProcess: h, cfg: cfg, log: h.log.With("trustDomain", cfg.TrustDomain, "sm", cfg.Name), credentials: newCredentials(cfg, time.Now),
			metrics: metrics, schemas: schemas, reason: hub.E(hub.Unavailable, "run Security Manager", "it is being started", nil),
		}
		for _, own := range []struct {
			i       hub.Interface
			address string
		}{{hub.ScOrNsLcm, cfg.ScOr}, {hub.ScViTelem, cfg.ScVi}} {
			if err := s.listen(work, own.i, own.address); err != nil {
				return err
			}
		}
		h.health.Register("security-manager/"+name, s.check)
		h.health.Annotate("security-manager/"+name, s.lacks)
		h.keepTrying("run Security Manager "+name, work, func(ctx context.Context) error {
			parts, err := s.open(ctx, work)
			s.mu.Lock()
			s.parts, s.reason = parts, err
			s.mu.Unlock()
			if err == nil {
				s.start(work, parts)
			}
			return err
		})
	}
	return nil
}

// listen takes notifications of one interface, from the producer of that
// interface alone.
func (s *securityManager) listen(work context.Context, i hub.Interface, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return listenError(hub.ReferencePoint(i), address, true, "", err)
	}
	credential := s.credentials[i]
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts, err := s.running()
		if err != nil {
			w.Header().Set("Retry-After", "5")
			httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: http.StatusServiceUnavailable, Title: http.StatusText(http.StatusServiceUnavailable), Detail: "the Security Manager does not run yet"})
			return
		}
		parts.receiver.Handler(i, credential.sender).ServeHTTP(w, r)
	})
	name := "notifications of " + string(i) + " for " + s.cfg.TrustDomain + "/" + s.cfg.Name
	s.serve(name, work, tls.NewListener(l, credential.tlsConfig()), s.traced(string(i), handler))
	return nil
}

func (s *securityManager) running() (*smParts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parts, s.reason
}

// check is for readiness.
func (s *securityManager) check(ctx context.Context) error {
	parts, err := s.running()
	if err != nil {
		return err
	}
	_, err = s.mode()
	return errors.Join(err, parts.topology.Check(ctx), parts.decider.Check(ctx),
		parts.subscriber.Check(hub.ScOrNsLcm), parts.subscriber.Check(hub.ScViTelem))
}

// mode is the mode as it is registered now.
func (s *securityManager) mode() (hub.Mode, error) {
	sm, ok := s.directory.SecurityManager(s.cfg.TrustDomain, s.cfg.Name)
	switch {
	case !ok:
		return "", hub.E(hub.Unavailable, "run Security Manager", fmt.Sprintf("Security Manager %s of trust domain %s is not registered; run: manoward sm register %s --trust-domain %s --out DIR", s.cfg.Name, s.cfg.TrustDomain, s.cfg.Name, s.cfg.TrustDomain), nil)
	case sm.State == hub.StateRevoked:
		return "", hub.E(hub.Unavailable, "run Security Manager", fmt.Sprintf("Security Manager %s of trust domain %s is revoked; manoward sm rotate takes it back in", s.cfg.Name, s.cfg.TrustDomain), nil)
	}
	return sm.Mode, nil
}

// open makes the parts of the Security Manager over its tables and queues. What
// it began ends when it fails.
func (s *securityManager) open(ctx, work context.Context) (_ *smParts, err error) {
	if _, err := s.mode(); err != nil {
		return nil, err
	}
	for _, c := range s.credentials {
		if _, err := c.get(); err != nil {
			return nil, err
		}
	}
	keys, err := policyKeys(s.cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	follow, end := context.WithCancel(work)
	defer func() {
		if err != nil {
			end()
		}
	}()
	p := &smParts{}
	if p.account, err = busAccount(ctx, s.bus, s.cfg.TrustDomain); err != nil {
		return nil, err
	}
	log, _, err := recordsOf(ctx, s.bus, s.cfg.TrustDomain)
	if err != nil {
		return nil, err
	}
	events, err := p.account.Queue(ctx, smEventQueue(s.cfg.Name), natsbus.QueueConfig{Workers: smEventWorkers, Shares: smShares, Grouped: true})
	if err != nil {
		return nil, err
	}
	p.events = smEvents{events}
	orders, err := p.account.Queue(ctx, smOrderQueue(s.cfg.Name), natsbus.QueueConfig{Workers: smOrderWorkers, Shares: smShares})
	if err != nil {
		return nil, err
	}
	s.metrics.addParts(s.cfg, "events", events.Parts)
	s.metrics.addParts(s.cfg, "orders", orders.Parts)
	tables, records := smTables{p.account}, smRecords(log)
	space := state.New(tables, smTable(s.cfg.Name), s.log)
	if err := s.newTopology(p, space); err != nil {
		return nil, err
	}
	if err := s.newEnforcer(p, space, records, smOrders{orders}); err != nil {
		return nil, err
	}
	if err := s.newDecider(ctx, p, space, tables, records, keys); err != nil {
		return nil, err
	}
	p.served = smgrapi.NewManager(smgrapi.Config{
		TrustDomain: s.cfg.TrustDomain, Name: s.cfg.Name, Space: space, Decide: p.decider, Enforce: p.enforcer, Schemas: s.schemas,
		Keys: func() []policies.VerificationKey { return keys }, Input: p.topology.Input, Records: records,
		Publisher: s.policyOutbox, Now: time.Now, Peer: p.peer, Check: s.check,
	})
	if err := space.Open(ctx, follow, s.cfg.TrustDomain); err != nil {
		return nil, err
	}
	if err := activatePolicies(ctx, p.decider.Policies(), s.cfg); err != nil {
		return nil, err
	}
	return p, s.newIntake(ctx, p, tables, records)
}

// start lets the Security Manager work until work ends.
func (s *securityManager) start(work context.Context, p *smParts) {
	background := func(what string, fn func(context.Context)) {
		s.run(what, work, func(ctx context.Context) error { fn(ctx); return nil })
	}
	of := " of Security Manager " + s.cfg.TrustDomain + "/" + s.cfg.Name
	background("topology"+of, p.topology.Run)
	background("reviews"+of, p.decider.Run)
	background("subscriptions"+of, p.subscriber.Run)
	background("gaps"+of, p.gaps.Run)
	background("changed policies"+of, func(ctx context.Context) { s.tellChanges(ctx, p) })
	background("capabilities"+of, func(ctx context.Context) { s.reportCapabilities(ctx, p) })
	s.run("orders"+of, work, p.enforcer.Run)
	s.run("events"+of, work, func(ctx context.Context) error { return p.events.judge(ctx, p.decider, p.enforcer.Told) })
	s.sms.add(p.served)
	s.log.Info("a Security Manager runs")
}

// tellEvery is how often it is looked for changes of policies that were stored
// and, because a process ended, told to nobody.
const tellEvery = time.Minute

// tellChanges tells subscribers what a process that ended has left untold.
func (s *securityManager) tellChanges(ctx context.Context, p *smParts) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		s.try(ctx, "tell of changed policies", p.served.Tell)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
