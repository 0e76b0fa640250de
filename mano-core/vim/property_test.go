package vim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// walk is a random history of a model whose process is killed now and then.
type walk struct {
	t      *testing.T
	rand   *rand.Rand
	bus    *memstate.Bus
	subs   *subscribers
	model  *Model
	stop   context.CancelFunc
	budget atomic.Int64 // writes until the process is killed
	dead   atomic.Bool
}

func (w *walk) fail(string, string, string) error {
	if w.dead.Load() || w.budget.Add(-1) < 0 {
		w.dead.Store(true)
		return errCrash
	}
	return nil
}

// restart opens the model anew, and lets it live for a random number of writes.
func (w *walk) restart() {
	if w.stop != nil {
		w.stop()
	}
	w.budget.Store(1 << 30)
	w.dead.Store(false)
	w.model, w.stop = open(w.t, w.bus, w.subs)
	w.budget.Store(int64(w.rand.IntN(60)))
}

func (w *walk) pick(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, w.rand.IntN(n)) }

// step does one random operation.
func (w *walk) step(ctx context.Context) error {
	m, id := w.model, w.pick("c", 12)
	host := fmt.Sprintf("h%d", 1+w.rand.IntN(4))
	flavour := []string{"small", "large", "tpm", "huge"}[w.rand.IntN(4)]
	switch w.rand.IntN(14) {
	case 0, 1, 2, 3:
		c := compute(id, flavour)
		if w.rand.IntN(2) == 0 {
			c.Constraints = apart(w.pick("g", 2))
		}
		if w.rand.IntN(2) == 0 {
			c.Ports = []ifa006.Port{{NetworkID: "net", Name: "eth0"}}
			c.Storages = []ifa006.Storage{{Name: "disk", SizeGiB: 1}}
		}
		if w.rand.IntN(3) == 0 {
			c.Ports = append(c.Ports, ifa006.Port{ID: w.pick("p", 4), NetworkID: "net"})
		}
		_, err := m.Allocate(ctx, c)
		return err
	case 4, 5:
		return m.Terminate(ctx, All, id, w.rand.IntN(2) == 0)
	case 6:
		return m.Migrate(ctx, All, id, ifa006.MigrateRequest{HostID: []string{"", host}[w.rand.IntN(2)]})
	case 7:
		return m.Scale(ctx, All, id, flavour)
	case 8:
		return m.Operate(ctx, All, id, []string{"START", "STOP", "REBOOT"}[w.rand.IntN(3)])
	case 9:
		_, err := m.CreatePort(ctx, ifa006.Port{ID: w.pick("p", 4), TrustDomain: "alpha", NetworkID: "net"})
		return err
	case 10:
		return m.DeletePort(ctx, All, w.pick("p", 4))
	case 11:
		return m.Exercise(ctx, ifa006.Exercise{Kind: []string{"host-failed", "host-recovered"}[w.rand.IntN(2)], Target: host})
	case 12:
		return w.stopUse(ctx, host)
	default:
		if w.rand.IntN(2) == 0 {
			_, err := m.CreateSnapshot(ctx, ifa006.Snapshot{ID: w.pick("s", 4), TrustDomain: "alpha", ComputeID: id})
			return err
		}
		return m.Restore(ctx, All, w.pick("s", 4))
	}
}

func (w *walk) stopUse(ctx context.Context, host string) error {
	if w.rand.IntN(2) == 0 {
		return w.model.Release(ctx, host, "")
	}
	req := ifa006.StopUseRequest{ID: hub.NewID(), Computes: stopMigrate, Quarantine: w.rand.IntN(2) == 0}
	job, err := w.model.StopUse(ctx, hub.Identity{TrustDomain: All}, host, req)
	if err != nil {
		return err
	}
	until(w.t, "the end of a job", func() bool {
		if w.dead.Load() {
			return true
		}
		j, err := w.model.Job(ctx, All, job.ID)
		return err == nil && j.State != jobProcessing
	})
	return nil
}

// TestModel_RandomHistory holds the invariants of the model after every
// operation of a random history, in which the process is killed at any write.
func TestModel_RandomHistory(t *testing.T) {
	seeds, steps := 25, 120
	if os.Getenv("MANOWARD_SOAK") != "" {
		seeds *= 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { history(t, uint64(seed), steps) })
	}
}

func history(t *testing.T, seed uint64, steps int) {
	w := &walk{t: t, rand: rand.New(rand.NewPCG(seed, 1)), bus: &memstate.Bus{}, subs: newSubscribers()}
	w.bus.Fail = w.fail
	w.budget.Store(1 << 30)
	loaded(t, w.bus, w.subs)
	w.restart()
	kills, done := 0, 0
	for i := range steps {
		err := w.step(t.Context())
		switch code := hub.CodeOf(err); {
		case w.dead.Load():
			kills++
			w.restart()
		case err == nil:
			done++
		case code != hub.Conflict && code != hub.Unprocessable && code != hub.NotFound:
			t.Fatalf("step %d: %v", i, err)
		}
		if !w.dead.Load() {
			checkModel(t, w.model)
		}
		if t.Failed() {
			t.Fatalf("after step %d, with %d kills", i, kills)
		}
	}
	t.Logf("%d operations succeeded, %d kills, %d computes at the end", done, kills, w.model.computes.Len())
	if done < steps/8 {
		t.Errorf("only %d operations of %d succeeded: the history proves little", done, steps)
	}
	w.empty()
}

// empty terminates everything: then nothing is allocated and no address leased.
func (w *walk) empty() {
	w.budget.Store(1 << 30)
	w.dead.Store(false)
	w.stop()
	w.model, w.stop = open(w.t, w.bus, w.subs)
	ctx := w.t.Context()
	for i := range 12 {
		ok(w.t, ignoreGone(w.model.Terminate(ctx, All, fmt.Sprint("c", i), true)))
	}
	for i := range 4 {
		ok(w.t, ignoreGone(w.model.DeletePort(ctx, All, fmt.Sprint("p", i))))
	}
	checkModel(w.t, w.model)
	for _, k := range []interface{ Len() int }{w.model.computes, w.model.ports, w.model.leases, w.model.storages, w.model.groups} {
		if k.Len() != 0 {
			w.t.Errorf("%d of %T are left", k.Len(), k)
		}
	}
	ok(w.t, w.model.DeleteNetwork(ctx, All, "net"))
}
