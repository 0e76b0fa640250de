package vim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
)

// Table is the name of the VIM's table on the bus.
const Table = "VIM"

// All is the viewer and the trust domain of the hub itself: it sees every
// domain, and the infrastructure belongs to it.
const All = "hub"

// sweepEvery is how often work that an error interrupted is taken up again.
const sweepEvery = 10 * time.Second

// Config is what a [Model] is made of. All fields are required.
type Config struct {
	Tables  state.Tables
	VimID   string
	Publish func(context.Context, notify.Event) error // such as Publish of a notify.Outbox
	Domains func() []string                           // trust domains that there are, to tell them of hosts that may serve them
	Now     func() time.Time
	Log     *slog.Logger
}

// Model is the NFVI model. It is safe for concurrent use, also by several
// processes on one bus.
type Model struct {
	Config
	space     *state.Space
	index     *index
	addresses *cursors
	pops      *state.Kind[popRecord]
	zones     *state.Kind[zoneRecord]
	hosts     *state.Kind[hostRecord]
	flavours  *state.Kind[flavourRecord]
	images    *state.Kind[imageRecord]
	networks  *state.Kind[networkRecord]
	ports     *state.Kind[portRecord]
	leases    *state.Kind[leaseRecord]
	storages  *state.Kind[storageRecord]
	computes  *state.Kind[computeRecord]
	groups    *state.Kind[groupRecord]
	snapshots *state.Kind[snapshotRecord]
	jobs      *state.Kind[jobRecord]
	measured  *state.Kind[measuredRecord]

	mu      sync.Mutex // covers work and running
	work    context.Context
	running map[string]bool // jobs that this process carries out
	busy    sync.WaitGroup  // jobs and the sweep
}

// New makes a model that is to be opened.
func New(c Config) *Model {
	m := &Model{Config: c, space: state.New(c.Tables, Table, c.Log), index: newIndex(), running: map[string]bool{}, addresses: newCursors()}
	m.pops = state.NewKind[popRecord](m.space, "pop", nil)
	m.zones = state.NewKind(m.space, "zone", func(r *zoneRecord) []string { m.index.learnZone(r); return nil })
	m.hosts = state.NewHeld(m.space, "host", func(r *hostRecord) []string { m.index.learnHost(r); return r.terms() })
	m.flavours = state.NewKind[flavourRecord](m.space, "flavour", nil)
	m.images = state.NewKind(m.space, "image", (*imageRecord).terms)
	m.networks = state.NewKind(m.space, "network", (*networkRecord).terms)
	m.ports = state.NewHeld(m.space, "port", (*portRecord).terms)
	m.leases = state.NewKind[leaseRecord](m.space, "lease", nil)
	m.storages = state.NewHeld(m.space, "storage", (*storageRecord).terms)
	m.computes = state.NewHeld(m.space, "compute", (*computeRecord).terms)
	m.groups = state.NewKind[groupRecord](m.space, "group", nil)
	m.snapshots = state.NewKind(m.space, "snapshot", (*snapshotRecord).terms)
	m.jobs = state.NewKind(m.space, "job", (*jobRecord).terms)
	m.measured = state.NewKind(m.space, "measured", (*measuredRecord).terms)
	return m
}

// Open reads the table, repairs what a crash left behind and finishes what it
// interrupted. Until work ends the model follows the table and takes up again
// what an error interrupts. Call it once, before all else.
func (m *Model) Open(ctx, work context.Context) error {
	m.mu.Lock()
	m.work = work
	m.mu.Unlock()
	if err := m.space.Open(ctx, work, All); err != nil {
		return fmt.Errorf("open the NFVI model: %w", err)
	}
	if err := m.Resume(ctx); err != nil { // the rest of the model works without it
		m.Log.Warn("interrupted work of the NFVI model is not finished yet; it is tried again", "err", err)
	}
	if err := m.reconcile(ctx); err != nil {
		return fmt.Errorf("repair the NFVI model: %w", err)
	}
	m.busy.Go(func() { m.sweep(work) })
	return nil
}

// Wait returns when nothing of the model runs any more, after the end of the
// context that Open got as work.
func (m *Model) Wait() { m.busy.Wait() }

// sweep takes interrupted work up again until ctx ends.
func (m *Model) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := m.Resume(ctx); err != nil && ctx.Err() == nil {
				m.Log.Warn("interrupted work of the NFVI model is not finished yet; it is tried again", "err", err)
			}
		}
	}
}

// Resume finishes what is under way and was interrupted: phases of resources,
// computes of failed hosts, jobs, and events that wait to be told. It looks at
// nothing else, and may be called at any time. What fails does not keep the rest.
func (m *Model) Resume(ctx context.Context) error {
	refusals := func(do func(context.Context, string) error) func(context.Context, string) error {
		return func(ctx context.Context, id string) error { return ignoreRefusal(do(ctx, id)) }
	}
	var failed []error
	for _, each := range []struct {
		what string
		ids  []string
		do   func(context.Context, string) error
	}{
		{"port", m.ports.Find(termBusy), refusals(m.settlePort)},
		{"storage", m.storages.Find(termBusy), m.settleStorage},
		{"compute", m.computes.Find(termBusy), refusals(m.Settle)},
		{"network", m.networks.Find(termBusy), refusals(m.settleNetwork)},
		{"host", m.hosts.Find(termBusy), m.settleHost},
		{"job", m.jobs.Find(termBusy), refusals(m.runJob)},
	} {
		for _, id := range each.ids {
			if err := each.do(ctx, id); err != nil {
				failed = append(failed, fmt.Errorf("finish %s %s: %w", each.what, id, err))
			}
		}
	}
	return errors.Join(append(failed, m.flush(ctx))...)
}

// reconcile drops claims, addresses and measurements that nothing stands behind. It reads
// memory only, but for what is wrong.
func (m *Model) reconcile(ctx context.Context) error {
	for host, claims := range m.index.claims() {
		for _, c := range claims {
			if slices.Contains(m.computes.Find(termHost+host), c) {
				continue
			}
			if err := m.vacateHost(ctx, host, c, ""); err != nil {
				return err
			}
		}
	}
	for id := range m.leases.IDs("") {
		if len(m.ports.Find(termLease+id)) > 0 {
			continue
		}
		if err := m.dropLease(ctx, id); err != nil {
			return err
		}
	}
	for id := range m.measured.IDs("") {
		_, compute := m.computes.Domain(id)
		if _, port := m.ports.Domain(id); compute || port {
			continue
		}
		if err := m.forgetMeasured(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// ignoreRefusal drops the errors that tell the consumer of an operation why it
// was refused: for an interrupted one nobody is there any more to be told.
func ignoreRefusal(err error) error {
	switch hub.CodeOf(err) {
	case hub.NotFound, hub.Conflict, hub.Unprocessable:
		return nil
	}
	return err
}

// source marks what the model answers.
const source = ifa006.NfviSourceModel

// Ready says why what is shown may be stale or incomplete, for readiness.
func (m *Model) Ready(ctx context.Context) error { return m.space.Check(ctx) }
