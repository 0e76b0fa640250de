package wire

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// leaseWorld is the leases of a hub and a clock that passes by itself.
type leaseWorld struct {
	*testing.T
	table state.Table
}

// inLeaseWorld runs a test in a bubble of time.
func inLeaseWorld(t *testing.T, test func(w *leaseWorld)) {
	synctest.Test(t, func(t *testing.T) {
		table, err := new(memstate.Bus).Open(t.Context(), "hub", leaseTable)
		if err != nil {
			t.Fatal(err)
		}
		test(&leaseWorld{t, table})
	})
}

// awayTable is the bus of a process that may be cut off from it.
type awayTable struct {
	state.Table
	away atomic.Bool
}

var errAway = hub.E(hub.Unavailable, "ask bus", "away", nil)

func (a *awayTable) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if a.away.Load() {
		return nil, 0, errAway
	}
	return a.Table.Get(ctx, key)
}

func (a *awayTable) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if a.away.Load() {
		return 0, errAway
	}
	return a.Table.Update(ctx, key, value, revision)
}

// process is one that asks for roles.
type leaseProcess struct {
	*roleLease
	bus   *awayTable
	holds chan struct{} // closed when it has its roles
	ended chan error    // what hold returned
	kill  context.CancelFunc
	why   atomic.Pointer[string]
}

// start starts a process on a data directory.
func (w *leaseWorld) start(directory string, roles ...string) *leaseProcess {
	p := &leaseProcess{roleLease: newRoleLease(roles), bus: &awayTable{Table: w.table}, holds: make(chan struct{}), ended: make(chan error, 1)}
	p.open(p.bus, lease{Directory: directory, Process: hub.NewID(), Machine: "machine-" + directory})
	var ctx context.Context
	ctx, p.kill = context.WithCancel(w.Context())
	go func() {
		if p.await(ctx, func(err error) { text := hub.SafeText(err); p.why.Store(&text) }) == nil {
			close(p.holds)
			p.ended <- p.hold(ctx)
		}
	}()
	synctest.Wait()
	return p
}

func (p *leaseProcess) has() bool {
	select {
	case <-p.holds:
		return p.valid() == nil
	default:
		return false
	}
}

// pass lets time pass; never may two processes have the roles.
func (w *leaseWorld) pass(d time.Duration, one, other *leaseProcess) {
	w.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if one.has() && other.has() {
			w.Fatal("two processes have one role")
		}
	}
}

// The second process stands by, says for whom, and has the roles after the first
// was killed, and no earlier than the lease says; it has those that it does not
// share with the first only together with them.
func TestLease_Takeover(t *testing.T) {
	inLeaseWorld(t, func(w *leaseWorld) {
		one := w.start("a", "trust", "nfvo", "sm")
		two := w.start("b", "nfvo", "vim")
		w.pass(time.Minute, one, two)
		if !one.has() || two.has() {
			t.Fatalf("the first has its roles: %v, the second: %v", one.has(), two.has())
		}
		if why := *two.why.Load(); !strings.Contains(why, "a process on machine-a has the role nfvo") {
			t.Errorf("the second says %q", why)
		}
		if err := two.valid(); hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("a process that stands by may write: %v", err)
		}
		three := w.start("c", "vnfm")
		if !three.has() {
			t.Error("a role that nobody has is not taken")
		}
		one.kill()
		killed := time.Now()
		for !two.has() {
			w.pass(50*time.Millisecond, one, two)
			if time.Since(killed) > leaseTakeover+leaseEvery+time.Second {
				t.Fatal("the second does not take over")
			}
		}
		if took := time.Since(killed); took < leaseTakeover-leaseEvery {
			t.Errorf("taken over after %s", took)
		}
		if !three.has() {
			t.Error("the third lost its role")
		}
	})
}

// A process that was cut off writes nothing from before another one has its roles,
// and ends when it hears of that.
func TestLease_CutOff(t *testing.T) {
	inLeaseWorld(t, func(w *leaseWorld) {
		one, two := w.start("a", "nfvo"), w.start("b", "nfvo")
		one.bus.away.Store(true)
		w.pass(leaseValid+leaseEvery, one, two)
		if err := one.valid(); hub.CodeOf(err) != hub.Unavailable || one.over() {
			t.Errorf("it may write although it is cut off: %v", err)
		}
		w.pass(leaseTakeover, one, two)
		if !two.has() {
			t.Fatal("nobody took over")
		}
		one.bus.away.Store(false)
		w.pass(time.Second, one, two)
		select {
		case err := <-one.ended:
			if hub.CodeOf(err) != hub.Unavailable || !one.over() || one.valid() == nil {
				t.Errorf("it ended with %v", err)
			}
		default:
			t.Error("it goes on")
		}
		if err := one.release(t.Context()); err != nil {
			t.Error(err)
		}
		w.pass(leaseEvery, one, two)
		if !two.has() {
			t.Error("who was succeeded gave up what is another's")
		}
	})
}

// While the bus is away for all, and for short times, nobody takes over: who stands
// by does not count the time in which it saw nothing.
func TestLease_BusAway(t *testing.T) {
	inLeaseWorld(t, func(w *leaseWorld) {
		one, two := w.start("a", "nfvo"), w.start("b", "nfvo")
		w.pass(leaseTakeover/2, one, two)
		for _, away := range []time.Duration{time.Second, 5 * time.Second, time.Hour} {
			one.bus.away.Store(true)
			two.bus.away.Store(true)
			w.pass(away, one, two)
			one.bus.away.Store(false)
			two.bus.away.Store(false)
			w.pass(leaseEvery, one, two)
			if !one.has() || two.has() {
				t.Fatalf("after %s without a bus the first has its roles: %v, the second: %v", away, one.has(), two.has())
			}
		}
	})
}

// A process whose machine was suspended writes nothing when it goes on, although its
// own clock stood still, until it has renewed.
func TestLease_Suspended(t *testing.T) {
	inLeaseWorld(t, func(w *leaseWorld) {
		one := w.start("a", "nfvo")
		one.mu.Lock()
		one.untilWall = time.Now().Round(0)
		one.mu.Unlock()
		if err := one.valid(); hub.CodeOf(err) != hub.Unavailable || one.over() {
			t.Errorf("it may write as if no time had passed: %v", err)
		}
		for end := time.Now().Add(2 * leaseEvery); time.Now().Before(end); {
			time.Sleep(leaseLook)
			synctest.Wait()
		}
		if !one.has() {
			t.Error("it does not go on")
		}
	})
}

// A process that stops in order is succeeded at once, and so is one by the next on
// the same data directory, whatever it ended of. What says so of a copy on another
// machine is not believed.
func TestLease_AtOnce(t *testing.T) {
	inLeaseWorld(t, func(w *leaseWorld) {
		one, two := w.start("a", "nfvo"), w.start("b", "nfvo")
		one.kill()
		if err := <-one.ended; err != nil {
			t.Errorf("hold ended with %v", err)
		}
		if err := one.release(t.Context()); err != nil {
			t.Error(err)
		}
		w.pass(2*leaseLook, one, two)
		if !two.has() {
			t.Fatal("nobody took over what was given up")
		}
		two.kill()
		if again := w.start("b", "nfvo"); !again.has() {
			t.Error("a process started anew waits for its own lease")
		}
		copied := newRoleLease([]string{"nfvo"})
		copied.open(w.table, lease{Directory: "b", Process: hub.NewID(), Machine: "machine-of-a-copy"})
		if err := copied.take(t.Context()); err == nil {
			t.Error("a copy of a data directory takes the role of the process on the original")
		}
	})
}

// Two that start at once are one holder and one that stands by; a process of roles
// that are shared needs no lease.
func TestLease_Race(t *testing.T) {
	inLeaseWorld(t, func(w *leaseWorld) {
		one, two := w.start("a", "nfvo"), w.start("b", "nfvo")
		w.pass(time.Second, one, two)
		if one.has() == two.has() {
			t.Errorf("both have the role, or none: %v", one.has())
		}
	})
	if l := newRoleLease([]string{"sm", "cmf"}); len(l.roles) != 0 || l.valid() != nil || l.over() {
		t.Errorf("sm and cmf need a lease of %v", l.roles)
	}
}

// A value that is no lease is an error, and nobody takes anything.
func TestLease_Damaged(t *testing.T) {
	inLeaseWorld(t, func(w *leaseWorld) {
		if _, err := w.table.Create(t.Context(), leaseKey, []byte("{")); err != nil {
			t.Fatal(err)
		}
		p := w.start("a", "nfvo")
		if p.has() {
			t.Error("a lease was taken over what cannot be read")
		}
		if err := p.release(t.Context()); err == nil {
			t.Error("what cannot be read was given up")
		}
	})
}
