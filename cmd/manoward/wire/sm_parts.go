package wire

import (
	"cmp"
	"context"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/catalogue/catalogueapi"
	"github.com/manoward/manoward/mano-core/nfvo/nfvoapi"
	"github.com/manoward/manoward/mano-core/scor"
	"github.com/manoward/manoward/mano-core/trust/trustapi"
	"github.com/manoward/manoward/mano-core/vim/scvi"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/enforce"
	"github.com/manoward/manoward/smgr/intake"
	"github.com/manoward/manoward/smgr/topology"
)

// The APIs that a Security Manager asks, below the root of an endpoint.
const (
	pathNsLcm   = "/nslcm/v2"
	pathVnfPkgm = "/vnfpkgm/v2"
	pathScOr    = "/sc-or/v1"
	pathScVi    = "/sc-vi/v1"
	pathSelf    = "/manoward/v1"
)

// asks collects clients of a Security Manager's interfaces, with the first error.
type asks struct {
	of  map[hub.Interface]*smCredential
	err error
}

func (a *asks) client(i hub.Interface, path string) *httpapi.Client {
	version := map[string]string{
		pathNsLcm: nfvoapi.NsLcm().Versions[0].Version, pathVnfPkgm: catalogueapi.VersionPackages,
		pathScOr: scor.Version, pathScVi: scvi.Version, pathSelf: trustapi.Version,
	}[path]
	c, err := a.of[i].client(path, version)
	a.err = cmp.Or(a.err, err)
	return c
}

func (s *securityManager) newTopology(p *smParts, space *state.Space) error {
	ask := &asks{of: s.credentials}
	p.topology = topology.New(topology.Config{
		Name: s.cfg.Name, TrustDomain: s.cfg.TrustDomain,
		Mode:     func() hub.Mode { m, _ := s.mode(); return m }, // what is not registered has none, and sends nothing
		Ns:       ask.client(hub.ScOrStatusInfo, pathNsLcm),
		Packages: ask.client(hub.ScOrNsLcm, pathVnfPkgm),
		Vi:       ask.client(hub.ScViTelem, pathScVi),
		Judged: func(ctx context.Context, key string, since time.Time, known []smgr.Event) ([]smgr.Event, error) {
			return p.decider.Judged(ctx, key, since, known) // it is there before anything is judged
		},
		Space: space, Now: time.Now, Log: s.log.With("part", "topology"),
	})
	s.metrics.addTopology(s.cfg, p.topology)
	return ask.err
}

func (s *securityManager) newEnforcer(p *smParts, space *state.Space, records func(context.Context, ...hub.Record) error, queue enforce.Queue) error {
	ask := &asks{of: s.credentials}
	p.enforcer = enforce.New(enforce.Config{
		TrustDomain: s.cfg.TrustDomain, Name: s.cfg.Name, Space: space, Queue: queue, Records: records, Topology: smInventory{p.topology},
		Mode:    func(context.Context) (hub.Mode, error) { return s.mode() },
		Authors: func(ctx context.Context, o smgr.Order) ([]string, error) { return p.decider.Authors(ctx, o) },
		NFVO: enforce.NFVO{
			SecEnforce: enforce.Interface{
				NsLcm: ask.client(hub.ScOrSecEnforce, pathNsLcm), VnfPkgm: ask.client(hub.ScOrSecEnforce, pathVnfPkgm),
				ScOr: ask.client(hub.ScOrSecEnforce, pathScOr), Session: ask.client(hub.ScOrSecEnforce, pathSelf),
			},
			SecurityVnfMgmt: enforce.Interface{NsLcm: ask.client(hub.ScOrSecurityVnfMgmt, pathNsLcm)},
		},
		Limits: enforce.Limits{Orders: s.cfg.OrderLimit, Window: s.cfg.OrderWindow},
		Expiry: s.cfg.OrderExpiry, Metrics: s.metrics.enforcement(s.cfg), Now: time.Now, Wait: wait, Log: s.log.With("part", "enforce"),
	})
	return ask.err
}

func (s *securityManager) newDecider(ctx context.Context, p *smParts, space *state.Space, tables smTables, records func(context.Context, ...hub.Record) error, keys []policies.VerificationKey) error {
	blobs, err := tables.Open(ctx, s.cfg.TrustDomain, smBlobs(s.cfg.Name))
	if err != nil {
		return err
	}
	p.decider = decide.New(decide.Config{
		Name: s.cfg.Name, TrustDomain: s.cfg.TrustDomain, Space: space, Blobs: blobs, Records: records,
		Topology: p.topology, Orders: p.enforcer, Inventory: p.topology, Push: p.events.push,
		Schemas: s.schemas, Keys: func() []policies.VerificationKey { return keys },
		Altered: func(ctx context.Context, e smgr.Event) error { return p.intake.Altered(ctx, e) }, // it is there before anything is judged
		Decided: s.metrics.decided(s.cfg), Now: time.Now, Log: s.log.With("part", "decide"),
	})
	return nil
}

func (s *securityManager) newIntake(ctx context.Context, p *smParts, tables smTables, records func(context.Context, ...hub.Record) error) error {
	in, err := intake.Open(ctx, tables, s.cfg.TrustDomain, s.cfg.Name, intake.Ports{
		Push: p.events.pushRaw, Depth: p.events.Waiting, Decided: p.decided, Told: p.decider.Told, Append: records, Check: s.schemas.CheckEvent,
		Count: s.metrics.taken(s.cfg), Log: s.log.With("part", "intake"), Now: time.Now,
	}, intake.Limits{})
	if err != nil {
		return err
	}
	p.intake = in
	producer, err := s.credentials[hub.ScOrStatusInfo].get()
	if err != nil {
		return err
	}
	ask := &asks{of: s.credentials}
	p.gaps = intake.NewGaps(in, intake.GapsConfig{Client: ask.client(hub.ScOrStatusInfo, pathNsLcm), NFVO: producer.serverName})
	p.subscriber = intake.NewSubscriber(in, intake.SubscriberConfig{
		Producers: []intake.Producer{
			{Interface: hub.ScOrNsLcm, Client: ask.client(hub.ScOrNsLcm, pathNsLcm), CallbackURI: callback(s.cfg.CallbackScOr, s.cfg.ScOr)},
			{Interface: hub.ScViTelem, Client: ask.client(hub.ScViTelem, pathScVi), CallbackURI: callback(s.cfg.CallbackScVi, s.cfg.ScVi)},
		},
		Renewed: func(hub.Interface) { p.gaps.Look() },
	})
	p.receiver = intake.NewReceiver(in, p.subscriber)
	return ask.err
}

// callback is the URI that is subscribed with.
func callback(configured, address string) string { return cmp.Or(configured, "https://"+address) }

// decided reports whether there is a decision on an event. Until its handling
// ended the event waits in the queue, so that nothing else needs to be known.
func (p *smParts) decided(ctx context.Context, eventID string) (bool, error) {
	for _, err := range p.decider.Decisions(ctx, decide.Query{EventID: eventID}) {
		return err == nil, err
	}
	return false, nil
}
