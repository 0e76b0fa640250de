package topology

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// The defaults of Config.
const (
	DefaultEvery    = 10 * time.Minute
	DefaultTimeout  = 2 * time.Second
	DefaultParallel = 4
	DefaultMaxInput = 16 << 20 // what policies judge at most: some 8,000 VNFs
)

// Config is what a Topology works with. Mode, Ns, Packages, Space, Now and Log are
// required; nothing may change after [New]. The clients carry a time limit of
// their own, which bounds what is read in the background.
type Config struct {
	Name        string // of the Security Manager
	TrustDomain string
	Mode        func() hub.Mode // as it is registered now

	// Ns is nslcm/v2 on sc-or.status-info, Packages vnfpkgm/v2 on sc-or.ns-lcm, Vi
	// sc-vi/v1 on sc-vi.telem; or those of a foreign NFVO. Without Vi, computes,
	// hosts and images are unknown.
	Ns, Packages, Vi *httpapi.Client

	// Space is the Security Manager's, not open yet: New adds its kinds to it.
	Space *state.Space

	// Judged returns the events of a key that were judged, but for known ones, of which
	// ID and Time are set, back to a time. It may be nil: then each event is written for
	// the inputs of later ones when it is applied.
	Judged func(ctx context.Context, key string, since time.Time, known []smgr.Event) ([]smgr.Event, error)

	Every    time.Duration // between two rebuilds; 0: DefaultEvery
	Timeout  time.Duration // of what an input waits for; 0: DefaultTimeout
	Parallel int           // readings in the background at once; 0: DefaultParallel
	MaxInput int           // bytes of one input; 0: DefaultMaxInput
	Now      func() time.Time
	Log      *slog.Logger
}

// Topology is the read model of one Security Manager in one process. It is safe
// for concurrent use.
type Topology struct {
	c          Config
	m          *model
	writer     string // of windows: this process
	windows    *state.Kind[window]
	written    written
	locks      locks // of windows of NSs
	firsts     *state.Kind[firstSeen]
	refreshes  *refresher
	rebuilding sync.Mutex // one at a time
	complete   atomic.Bool
}

// New makes an empty topology. Its space is to be opened before it is used, and
// [Topology.Run] fills it and keeps it up to date.
func New(c Config) *Topology {
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Parallel == 0 {
		c.Parallel = DefaultParallel
	}
	if c.MaxInput == 0 {
		c.MaxInput = DefaultMaxInput
	}
	t := &Topology{c: c, m: newModel(), writer: hub.NewID(), locks: locks{seed: maphash.MakeSeed()}}
	t.kinds(c.Space)
	t.m.first = func(pkgID string) *checksum {
		if f := t.firsts.Kept(firstID(pkgID)); f != nil {
			return &f.Checksum
		}
		return nil
	}
	t.m.stands = 2 * c.Every // so that the rebuild that finds something else has its time
	t.refreshes = newRefresher(c.Parallel, c.Log, t.read)
	return t
}

// Run rebuilds the model, at start and on a timer, and reads in the background
// what events made uncertain, until ctx ends.
func (t *Topology) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { t.refreshes.run(ctx) })
	wg.Go(func() { t.rebuildLoop(ctx) })
	wg.Go(func() { t.storeLoop(ctx) })
	wg.Wait()
}

// Check is for readiness: an error until everything was read once.
func (t *Topology) Check(context.Context) error {
	if t.complete.Load() {
		return nil
	}
	return hub.E(hub.Unavailable, "check topology",
		"the topology was not read whole yet; until then inputs lack what is not known: see the log for the interface that does not answer", nil)
}

// Sizes is how many elements the model holds by kind, and under "refresh" how
// many wait to be read: for metrics.
func (t *Topology) Sizes() map[string]int {
	t.m.mu.RLock()
	defer t.m.mu.RUnlock()
	return map[string]int{
		kindNs: len(t.m.nss.byID), kindVnf: len(t.m.vnfs.byID), kindPkg: len(t.m.pkgs.byID), kindCompute: len(t.m.computes.byID),
		kindHost: len(t.m.hosts.byID), kindImage: len(t.m.images.byID), "refresh": t.refreshes.waiting(),
	}
}

// refresh has an element read in the background.
func (t *Topology) refresh(r ref) {
	if t.c.Vi == nil && r.kind != kindNs && r.kind != kindPkg {
		return
	}
	t.refreshes.want(r)
}
