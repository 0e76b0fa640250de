package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// leasedRoles are the roles that one process of a hub has at a time: what they do
// is driven by one process, from what it stored. Others that are started with one
// of them stand by (ADR-0016). The roles sm and cmf share their work instead.
var leasedRoles = []string{"trust", "nfvo", "vnfm", "vim"}

// The leases of all roles are one value in the hub's account, so that a process
// takes all of its roles or none. Names are part of the stored format.
const (
	leaseTable = "ROLES"
	leaseKey   = "leases"
)

// The times of a lease. They are differences in one process each: no two clocks are
// compared. What is written between the end of leaseValid and leaseTakeover is on
// its way already, and the bus waits less than that for an answer.
const (
	leaseEvery    = 2 * time.Second        // between two renewals
	leaseValid    = 6 * time.Second        // from the beginning of a renewal: so long its process writes
	leaseTakeover = 10 * time.Second       // without a renewal, as another process sees it: then it takes the roles
	leaseGap      = 3 * time.Second        // between two looks: after a longer one it begins to count anew
	leaseLook     = 250 * time.Millisecond // between two looks of a process that stands by, and after a failure
	leaseTry      = 2 * time.Second        // for one look or renewal
)

// lease says who has a role. Directory and Machine together name a data directory,
// which one process at a time has open: whoever opened it knows that an earlier
// process on it has ended.
type lease struct {
	Directory string `json:"directory"`
	Process   string `json:"process"` // drawn at each start
	Machine   string `json:"machine"` // for people
	Beat      uint64 `json:"beat"`    // grows with each renewal
}

// sighting is a lease of another process as it was first seen with this beat.
type sighting struct {
	lease
	since time.Time
}

// roleLease is a process's right to have its roles. valid may be called at any
// time; the rest is called by one goroutine at a time.
type roleLease struct {
	roles []string
	self  lease

	looked time.Time
	seen   map[string]sighting // by role

	mu    sync.Mutex  // covers what is below; table is set once, before the rest is called
	table state.Table // the leases; nil where roles need none
	until time.Time   // so long this process may write
	// untilWall is until by the clock on the wall alone: the other one stands still while a
	// machine is suspended. Where that clock is set, a renewal mends it.
	untilWall time.Time
	lost      bool // another process has the roles
}

// openLease waits until this process has its roles. Until then it opens nothing
// and writes nothing, and readiness says whom it waits for.
func (h *hubProcess) openLease(ctx, work context.Context) error {
	if !h.outside() || len(h.lease.roles) == 0 {
		return nil
	}
	table, err := h.bus.Hub().Unfenced().Table(ctx, leaseTable)
	if err != nil {
		return err
	}
	directory, err := h.dir.identity()
	if err != nil {
		return err
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "a machine without a name"
	}
	if err := h.checkPackages(ctx, natsbus.StateTable{Table: table}); err != nil {
		return err
	}
	h.lease.open(natsbus.StateTable{Table: table}, lease{Directory: directory, Process: hub.NewID(), Machine: machine})
	var why atomic.Pointer[error]
	remove := h.health.Register("roles", func(context.Context) error {
		if err := why.Load(); err != nil {
			return *err
		}
		return nil
	})
	err = h.lease.await(ctx, func(err error) {
		if why.Swap(&err) == nil {
			h.log.Info("standing by", "roles", h.lease.roles, "reason", err)
		}
	})
	remove()
	if err != nil {
		return err
	}
	h.run("hold roles", work, h.lease.hold)
	h.stopping = append(h.stopping, func(ctx context.Context) error {
		if err := h.lease.within(ctx, h.lease.release); err != nil {
			h.log.Warn("the roles are not given up; another process has them when the lease has ended", "err", err)
		}
		return nil
	})
	return nil
}

// newRoleLease returns the lease of the roles that are leased of those given.
func newRoleLease(roles []string) *roleLease {
	return &roleLease{
		roles: slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return !slices.Contains(leasedRoles, r) }),
		seen:  map[string]sighting{},
	}
}

// open makes the roles leased in a table. Nothing is written before await has
// returned.
func (l *roleLease) open(table state.Table, self lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table, l.self = table, self
}

// valid returns nil as long as no other process can have the roles, or none is
// leased.
func (l *roleLease) valid() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.table == nil:
		return nil
	case l.lost:
		return l.gone()
	case !time.Now().Before(l.until), !time.Now().Round(0).Before(l.untilWall):
		return hub.E(hub.Unavailable, "hold roles", fmt.Sprintf("this process may not have the roles %v any more: the bus did not renew them in time; see that a majority of the NATS servers runs", l.roles), nil)
	}
	return nil
}

// over reports whether another process took the roles.
func (l *roleLease) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *roleLease) gone() error {
	return hub.E(hub.Unavailable, "hold roles", fmt.Sprintf("another process has taken the roles %v, because this one did not renew them in time; start it again, and it stands by", l.roles), nil)
}

// await returns when this process has its roles, or ctx ends. standsBy is told
// why it waits, each time that it looked.
func (l *roleLease) await(ctx context.Context, standsBy func(why error)) error {
	for {
		why := l.within(ctx, l.take)
		if why == nil {
			return nil
		}
		standsBy(why)
		if err := wait(ctx, leaseLook); err != nil {
			return err
		}
	}
}

// hold renews the lease until ctx ends, which is no error, or another process has
// it.
func (l *roleLease) hold(ctx context.Context) error {
	for pause := leaseEvery; wait(ctx, pause) == nil; {
		err := l.within(ctx, l.renew)
		if l.over() {
			return err
		}
		if pause = leaseEvery; err != nil {
			pause = leaseLook
		}
	}
	return nil
}

// within gives one look or renewal its time.
func (l *roleLease) within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, leaseTry)
	defer cancel()
	return do(ctx)
}

// take takes the roles if nobody has one of them: there is no lease, or one of an
// earlier process on this data directory on this machine, or one that its process did not renew for
// as long as this one could watch it.
func (l *roleLease) take(ctx context.Context) error {
	began := time.Now()
	held, revision, err := l.read(ctx)
	if err != nil {
		return err
	}
	at := time.Now()
	if at.Sub(l.looked) > leaseGap {
		clear(l.seen) // what went on meanwhile is not known here
	}
	l.looked = at
	for _, role := range l.roles {
		is, there := held[role]
		if !there || is.Directory == l.self.Directory && is.Machine == l.self.Machine {
			continue
		}
		was, known := l.seen[role]
		if !known || was.lease != is {
			was = sighting{is, at}
			l.seen[role] = was
		}
		if at.Sub(was.since) < leaseTakeover {
			return hub.E(hub.Unavailable, "take roles", fmt.Sprintf("it stands by: a process on %s has the role %s; this one takes its roles %v when that one has ended", is.Machine, role, l.roles), nil)
		}
	}
	return l.write(ctx, held, revision, began)
}

// renew tells the others that this process lives.
func (l *roleLease) renew(ctx context.Context) error {
	for {
		began := time.Now()
		held, revision, err := l.read(ctx)
		if err != nil {
			return err
		}
		for _, role := range l.roles {
			if held[role].Process != l.self.Process {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.lost = true
				return l.gone()
			}
		}
		if err = l.write(ctx, held, revision, began); hub.CodeOf(err) != hub.Precondition {
			return err
		}
	}
}

// release gives the roles up, if this process has them, so that another one has
// them at once. It writes nothing from then on.
func (l *roleLease) release(ctx context.Context) error {
	l.mu.Lock()
	l.until = time.Time{}
	l.mu.Unlock()
	for !l.over() {
		held, revision, err := l.read(ctx)
		if err != nil {
			return fmt.Errorf("give up roles: %w", err)
		}
		maps.DeleteFunc(held, func(_ string, is lease) bool { return is.Process == l.self.Process })
		raw, err := json.Marshal(held)
		if err != nil {
			return fmt.Errorf("give up roles: %w", err)
		}
		if _, err = l.table.Update(ctx, leaseKey, raw, revision); hub.CodeOf(err) != hub.Precondition {
			return err
		}
	}
	return nil
}

// read returns the leases of all roles. There are none before the first.
func (l *roleLease) read(ctx context.Context) (map[string]lease, uint64, error) {
	held := map[string]lease{}
	raw, revision, err := l.table.Get(ctx, leaseKey)
	if hub.CodeOf(err) == hub.NotFound {
		return held, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &held)
	}
	return held, revision, err
}

// write puts this process's lease of its roles among the others. It is valid from
// when the leases were read.
func (l *roleLease) write(ctx context.Context, held map[string]lease, revision uint64, began time.Time) error {
	l.self.Beat++
	for _, role := range l.roles {
		held[role] = l.self
	}
	raw, err := json.Marshal(held)
	if err != nil {
		return err
	}
	if revision == 0 {
		_, err = l.table.Create(ctx, leaseKey, raw)
	} else {
		_, err = l.table.Update(ctx, leaseKey, raw, revision)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = began.Add(leaseValid)
	l.untilWall = l.until.Round(0)
	return nil
}
