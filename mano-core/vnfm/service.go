package vnfm

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/faults"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/vnfm/configuration"
	"github.com/manoward/manoward/mano-core/vnfm/indicators"
)

// Table is the name of the VNFM's table in each trust domain's account.
const Table = "VNFM"

// API is the API whose subscriptions are told of the VNFM's events.
const API = "vnflcm"

// DefaultSweep is how often the VIM is asked for failed computes when Config says
// nothing else: what a lost notification costs at most.
const DefaultSweep = time.Minute

// Publisher takes events for delivery; when it returns nil they are durable.
type Publisher interface {
	Publish(ctx context.Context, e notify.Event) error
}

// Config is what a VNFM works with. All fields but Callbacks, Certificates, Reach,
// IndicatorInterval, Connection, Now, Wait and Sweep are needed.
type Config struct {
	Tables    state.Tables
	Publisher Publisher
	// Callbacks are those of PM jobs and thresholds; nil: there is no performance
	// management.
	Callbacks *notify.Outbox
	// Record keeps what somebody ordered of an alarm among the records of its trust
	// domain; hub.Conflict for a record that is there already.
	Record func(ctx context.Context, domain string, r hub.Record) error
	NFVO   *httpapi.Client // grant/v1 of the NFVO
	VIM    *httpapi.Client // ifa006's API
	// VNFD returns the descriptor with this identifier, as a trust domain may use
	// it, and its package: hub.NotFound if there is none.
	VNFD func(ctx context.Context, domain, vnfdID string) (*sol001.VNFD, string, error)
	// Certificates gets certificates that VNFDs ask for; nil: operations warn that
	// nobody does.
	Certificates Certificates
	// Reach returns a client that reaches VNFs and EMs of a trust domain with its
	// credential; nil: their indicators are not read, and they are not configured.
	Reach             func(domain string) (*http.Client, error)
	IndicatorInterval time.Duration // between two readings of the indicators of a VNF, and attempts to configure one; 0 means 30s

	Root       string // {apiRoot}/vnflcm/v2 as others reach it, for links in grants and notifications
	Callback   string // URI of the resource that takes the VIM's notifications
	Connection string // vimConnectionId of the VIM where a grant names none; empty means "vim"
	Now        func() time.Time
	Wait       func(ctx context.Context, d time.Duration) error // blocks for d; nil means on the clock
	Sweep      time.Duration
	Log        *slog.Logger
}

// Service is the VNF Manager. It is safe for concurrent use.
type Service struct {
	Config
	space         *state.Space
	vnfs          *state.Kind[VNF]
	ops           *state.Kind[Operation]
	snapshots     *state.Kind[Snapshot]
	faults        *faults.List
	indicators    *indicators.List
	configuration *configuration.List
	performance   *performance.Meter

	work      context.Context // ends the runs; set by Open
	runs      sync.WaitGroup
	mu        sync.Mutex         // covers active
	active    map[string]*runner // by operation
	beginning map[string]bool    // operations whose request has not locked the VNF yet
}

// New makes a VNFM. Open starts it.
func New(c Config) *Service {
	c.Connection = cmp.Or(c.Connection, "vim")
	c.Sweep = cmp.Or(c.Sweep, DefaultSweep)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = waitOnClock
	}
	s := &Service{Config: c, space: state.New(c.Tables, Table, c.Log), active: map[string]*runner{}, beginning: map[string]bool{}}
	s.vnfs = state.NewRecent(s.space, "vnf", (*VNF).terms)
	s.ops = state.NewRecent(s.space, "op", (*Operation).terms)
	s.snapshots = state.NewKind[Snapshot](s.space, "snapshot", nil)
	s.faults, s.indicators, s.configuration, s.performance = s.newFaults(), s.newIndicators(), s.newConfiguration(), s.newPerformance()
	return s
}

func waitOnClock(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Open reads the tables of these trust domains ("hub" among them). Operations and
// the watch over computes work until work ends; Close waits for them.
func (s *Service) Open(ctx, work context.Context, domains ...string) error {
	s.work = work
	if err := s.space.Open(ctx, work, domains...); err != nil {
		return fmt.Errorf("open the VNFM's tables: %w", err)
	}
	return nil
}

// Add opens the table of a trust domain that was just made.
func (s *Service) Add(ctx context.Context, domain string) error { return s.space.Add(ctx, domain) }

// Remove forgets a trust domain that was deleted.
func (s *Service) Remove(domain string) { s.space.Remove(domain) }

// Close waits for everything that Open's work context ended.
func (s *Service) Close() { s.runs.Wait() }

// Resume goes on with everything that a crash cut off: operations run to their
// end or to FAILED_TEMP, and events that were not published are. It returns when
// all of it is under way.
func (s *Service) Resume(ctx context.Context) error {
	if err := s.finishVNFs(ctx); err != nil {
		return err
	}
	if err := s.faults.Tidy(ctx); err != nil {
		return err
	}
	for _, id := range s.ops.Find(termUnfinished) {
		op, err := s.ops.Get(ctx, id)
		if err == nil {
			err = s.dropUnheld(ctx, op)
		}
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			return fmt.Errorf("go on with operation %s: %w", id, err)
		}
	}
	s.launchUnfinished()
	return nil
}

// launchUnfinished runs what is stored as not ended and is not run, nor about to
// be by the request that has just stored it.
func (s *Service) launchUnfinished() {
	for _, id := range s.ops.Find(termUnfinished) {
		s.mu.Lock()
		skip := s.beginning[id]
		s.mu.Unlock()
		if !skip {
			s.launch(id)
		}
	}
}

// finishVNFs publishes what VNFs have to tell that could not be told at once.
func (s *Service) finishVNFs(ctx context.Context) error {
	for _, id := range s.vnfs.Find(termUnfinished) {
		if err := s.finishVNF(ctx, id); err != nil && hub.CodeOf(err) != hub.NotFound {
			return fmt.Errorf("go on with VNF %s: %w", id, err)
		}
	}
	return nil
}

// again calls fn until it succeeds or ctx ends, with growing pauses. It is for
// writes that must not be given up: what they record has happened.
func (s *Service) again(ctx context.Context, what string, fn func() error) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := fn()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case hub.CodeOf(err) == hub.NotFound:
			return err
		}
		s.Log.Warn("will be tried again", "what", what, "pause", pause, "err", err)
		if err := s.Wait(ctx, pause); err != nil {
			return err
		}
	}
}

// notFound is the answer for what is not there and for what the caller may not
// know of.
func notFound(what string) error {
	return hub.E(hub.NotFound, "find "+what, "there is no such "+what+"; list them to see which there are", nil)
}

// Ready says why what is shown may be stale or incomplete, for readiness.
func (s *Service) Ready(ctx context.Context) error { return s.space.Check(ctx) }
