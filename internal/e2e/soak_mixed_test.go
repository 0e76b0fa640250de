package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// mixedSeed makes what is asked and the instants of the kills again.
var mixedSeed = flag.Uint64("mixed.seed", 0, "seed of TestSoak_Mixed; 0: a new one")

// mixedSize is how much TestSoak_Mixed does.
type mixedSize struct {
	kills int           // planned ones; some processes are killed once more while they start
	life  time.Duration // of a process, on average; it ends at a random instant from a half of it to one and a half
	calm  time.Duration // after the last kill, with the same load
	full  time.Duration // how long the disk is full
	rest  time.Duration // without load at the end of each third of the run; 0: no rest
	disk  int           // MiB
	pace  time.Duration // between two requests of a client, on average
	push  time.Duration // between two sets of policies
	judge int           // certificates that openssl looks at
}

// sizeOfMixed is half an hour with MANOWARD_SOAK, with a kill every 20 s, and else what
// fits into a run of all tests.
func sizeOfMixed() mixedSize {
	if soak(1) > 1 {
		return mixedSize{kills: 90, life: 20 * time.Second, calm: 4 * time.Minute, full: 5 * time.Second, rest: 40 * time.Second, disk: 4096, pace: 500 * time.Millisecond, push: 10 * time.Second, judge: 20}
	}
	return mixedSize{kills: 3, life: 3 * time.Second, calm: 2 * time.Second, full: time.Second, disk: 300, pace: 100 * time.Millisecond, push: 500 * time.Millisecond, judge: 2}
}

// TestSoak_Mixed is the whole hub under a load of all kinds at once: operations on NSs, changes
// of hosts that a Security Manager judges and acts on, certificates for attested keys,
// new policies. Every few seconds (20 with MANOWARD_SOAK) it is killed with SIGKILL, and once
// its disk is full. At the end the journal of each trust domain is verified; everything that was
// acknowledged is there and has its record; nothing happened twice; memory is flat
// ([mixed.checkMemory]). What was measured is in .cache/soak/mixed.md, from which docs/reliability.md is made.
func TestSoak_Mixed(t *testing.T) {
	t.Parallel()
	seed := *mixedSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestSoak_Mixed -args -mixed.seed=%d", seed)
	m := newMixed(t, seed, sizeOfMixed())
	began := time.Now()
	for n := range m.size.kills {
		m.round(n == m.size.kills/2, n == m.size.kills/3-1 || n == 2*m.size.kills/3-1)
		if t.Failed() {
			return
		}
	}
	m.live(m.size.calm, false, true)
	m.check()
	m.checkMemory()
	text := m.report(seed, time.Since(began))
	t.Logf("%s", text)
	dir := filepath.Join("..", "..", ".cache", "soak")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "mixed.md"), text, 0o644)
}

// mixed is one run of the test.
type mixed struct {
	*smKill // LCM, hosts, and what the Security Manager makes of them
	t       *testing.T
	size    mixedSize
	cmf     *cmfKill
	pushes  *mixedPushes
	times   mixedTimes
	disk    string // as this process sees it
	wasFull string // what happened on the full disk
	packs   []mixedPack
	lives   []mixedLife
	rests   []mixedRest
	load    string // of the machine before
	cutOff  int    // operations that were recorded and not begun
}

// mixedPack is what an auditor took away.
type mixedPack struct{ domain, checkpoint, keys string }

// mixedLife is one process of the hub.
type mixedLife struct {
	began  time.Time // of its load
	start  time.Duration
	rss    []int64 // bytes, once a second
	stored int64   // bytes, at the end
	done   int     // requests that were acknowledged
}

// newMixed starts the hub, on a disk of its own, and makes those who use it.
func newMixed(t *testing.T, seed uint64, size mixedSize) *mixed {
	t.Helper()
	m := &mixed{t: t, size: size, load: loadAverage(t)}
	h := newHub(t)
	disk := filepath.Join(h.home, "disk")
	makeDir(t, disk, 0o700)
	m.disk = mountNamespace(t, h, fmt.Sprintf("mount -t tmpfs -o size=%dm,mode=0700 tmpfs %s", size.disk, disk)) + disk
	h.prefix, h.data = nil, filepath.Join(m.disk, "data") // from outside of the namespace, so that verbs find it too
	team := newSMPolicies(t, "team")
	key := filepath.Join(h.home, "team.pem")
	writeFile(t, key, team.public, 0o600)
	m.smKill = newSMKillOn(t, h, seed, false, fmt.Sprintf(", policyKey: %q, policyKeyId: team", key))
	m.do("trust-domain", "create", "south")
	m.cmf = newCmfKillOn(t, h, seed)
	m.pushes = newMixedPushes(m, team)
	m.pace, m.worker.pace = size.pace/3, size.pace/2
	for _, c := range m.cmf.clients {
		c.pace = size.pace
	}
	m.takePacks("before")
	return m
}

// round is a life of the hub that ends with a kill, and the next start. The disk
// gets room again before the kill or after it.
func (m *mixed) round(full, rest bool) {
	m.t.Helper()
	makeRoom := m.live(m.size.life/2+time.Duration(m.rnd.Int64N(int64(m.size.life))), full, rest)
	m.kills++
	switch {
	case full:
		makeRoom()
	case m.rnd.IntN(6) == 0: // and once more while it starts
		killStarting(m.t, m.hubProcess, time.Duration(m.rnd.Int64N(int64(time.Second))))
		m.kills++
	}
	m.start()
	m.cmf.connect()
	m.smReady()
	if full {
		m.takePacks("after")
	}
}

// live lets everybody work for so long. Unless it is the last life, the hub is
// killed under them, or when it has rested. When the disk runs full meanwhile,
// makeRoom gives room to it.
func (m *mixed) live(lasts time.Duration, full, rest bool) (makeRoom func()) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	life, before := mixedLife{began: time.Now(), start: m.took}, m.times.count().done
	all := m.work(ctx)
	defer func() { cancel(); all.Wait() }() // also when the test ends here
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	end := time.After(lasts)
	for living := true; living; {
		select {
		case <-end:
			living = false
		case <-tick.C:
			life.rss = append(life.rss, m.rss())
		case <-m.done:
			m.t.Fatalf("the hub ended by itself, with exit code %d", m.cmd.ProcessState.ExitCode())
		}
	}
	life.stored, life.done = treeSize(m.t, m.file("bus")), m.times.count().done-before
	if full {
		makeRoom = m.runFull()
	}
	if rest && m.size.rest > 0 {
		cancel()
		all.Wait()
		m.rest()
	}
	if last := lasts == m.size.calm; !last {
		m.kill()
	}
	m.lives = append(m.lives, life)
	return makeRoom
}

// runFull takes all room from the hub while everybody goes on.
func (m *mixed) runFull() (makeRoom func()) {
	m.t.Helper()
	makeRoom = fillDisk(m.t, m.disk)
	before := m.times.count()
	eventually(m.t, "the hub says that its disk is full", patience, func() bool {
		_, missing := m.readyz()
		return len(missing) > 0
	})
	<-time.After(m.size.full) // the load goes on
	m.wasFull = fmt.Sprintf("%d requests were acknowledged while it was full, %d refused", m.times.count().done-before.done, m.times.count().refused-before.refused)
	return makeRoom
}

// work has everybody work until ctx ends.
func (m *mixed) work(ctx context.Context) *sync.WaitGroup {
	all, number := &sync.WaitGroup{}, m.rnd.Uint64()
	api := m.times.of(m.nslcm())
	api.Retries = -1
	all.Go(func() { m.worker.work(ctx, api, func() bool { return false }) })
	vim, hosts := m.times.of(m.vim()), m.times.of(m.nslcm())
	all.Go(func() { m.hostWork(ctx, rand.New(rand.NewPCG(number, 2)), vim, hosts) })
	for _, c := range m.cmf.clients {
		c.Client = m.times.of(c.Client)
		all.Go(func() {
			for again := true; again; again = waitFor(ctx, m.size.pace/2) == nil { // what was refused ends a turn
				c.work(ctx)
			}
		})
	}
	operator := m.times.of(m.operator())
	all.Go(func() { m.pushes.work(ctx, operator) })
	return all
}
